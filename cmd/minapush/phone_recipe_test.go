package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
)

// A bare <form report-submit> with the recipe's own functions, and no SDK, on the phone: sdk/phone/testdata/recipe, which sdk/phone's build
// compiles into recipe.js beside it.
func TestTheRecipesOwnClientWorksThroughARelay(t *testing.T) {
	needsTime(t)
	t.Parallel()
	w := newPhoneWorld(t)
	must(t, w.sandbox.SetPages(w.app, nil))
	h := w.browser(t, w.with(t, "../../sdk/phone/testdata/recipe.js"))
	for i, c := range []struct {
		page    string
		uploads [][2]int // codes that are waiting when it makes its requests, and of those the new ones
	}{
		{"right", [][2]int{{3, 3}, {1, 1}, {0, 0}}},
		{"wrong", [][2]int{{3, 3}, {4, 1}, {4, 0}}}, // never cleared: every request brings all of them again
	} {
		h.user, h.openid = c.page, w.sandbox.PhoneOpenID(w.app, c.page)
		h.load("path", "pages/"+c.page+"/"+c.page)
		eventually(t, func() bool { return len(w.backend.of("/me")) == i+1 }, func() { t.Error("it does not know who it is") })
		h.until(`inside().body.innerText.includes('刷新')`)
		before, taps := len(w.backend.of("/push-reports")), 0
		for n, upload := range c.uploads {
			for range upload[1] {
				h.tap("in #tap")
				taps++
				h.says("in #collected", fmt.Sprintf("detail %d", taps)) // the tap's own action goes by its dataset
			}
			h.tap("in #request")
			h.says("in #answered", fmt.Sprint(n+1))
		}
		for i, one := range w.backend.of("/push-reports")[before:] {
			if n := codesOf(t, one, h.openid); n != c.uploads[i][0] || one.status != http.StatusOK {
				t.Errorf("%s: request %d brought %d codes and was answered %d, want %d", c.page, i+1, n, one.status, c.uploads[i][0])
			}
		}
		if u := w.user(h.openid); u.Counts.Deposited != int64(taps) || u.Counts.Available != int64(taps) {
			t.Errorf("%s: %d taps, and the bank says %+v", c.page, taps, u.Counts)
		}
		for range taps {
			w.expectPush(h.openid, legacyGoods("pages/right/right"), "accepted")
		}
		w.expectPush(h.openid, legacyGoods("pages/right/right"), "skipped")
	}
	w.check()
}

// codesOf counts the codes of an upload in the recipe's own form.
func codesOf(t *testing.T, one heard, openid string) int {
	t.Helper()
	var body struct{ OpenID, FormIDs string }
	var codes []struct {
		FormID string
		Expire int64
	}
	must(t, json.Unmarshal(one.body, &body))
	must(t, json.Unmarshal([]byte(body.FormIDs), &codes))
	if body.OpenID != openid {
		t.Errorf("the upload is of %s", body.OpenID)
	}
	return len(codes)
}

// with serves the phone with another mini program on it.
func (w *phoneWorld) with(t *testing.T, program string) string {
	t.Helper()
	script, err := os.ReadFile(program)
	must(t, err)
	to, err := url.Parse(w.wechat)
	must(t, err)
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host }}
	site := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/program.js") {
			rw.Header().Set("Content-Type", "text/javascript; charset=utf-8")
			_, _ = rw.Write(script)
			return
		}
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(func() { w.sandbox.HangUp(); site.Close() })
	return site.URL
}
