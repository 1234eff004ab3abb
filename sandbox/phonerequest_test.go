package sandbox_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/minapush/minapush/sandbox"
)

const domain = "https://shop.example.com"

// withBackend is a phone whose mini program has a backend.
func withBackend(t *testing.T, h http.HandlerFunc) *device {
	t.Helper()
	backend := httptest.NewServer(h)
	t.Cleanup(backend.Close)
	return newPhone(t, sandbox.Config{PhoneDomain: domain, PhoneBackend: backend.URL})
}

// request is wx.request with these fields.
func (d *device) request(status int, pairs ...any) map[string]any {
	d.t.Helper()
	return d.call("POST", "request", object(pairs...), status)
}

func TestARequestReachesTheBackendAsItWasMade(t *testing.T) {
	t.Parallel()
	d := withBackend(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for name, want := range map[string]string{"X-Own": "1", "Authorization": "Bearer t", "Content-Type": "application/json"} {
			if r.Header.Get(name) != want {
				t.Errorf("header %s is %q", name, r.Header.Get(name))
			}
		}
		if !strings.HasPrefix(r.Referer(), "https://servicewechat.com/wx") || r.Host != "shop.example.com" {
			t.Errorf("referer %q, host %q", r.Referer(), r.Host)
		}
		if r.Method != "PUT" || r.URL.String() != "/goods?id=1&q=%E7%AD%BE" || string(body) != `{"a":"签"}` {
			t.Errorf("%s %s %s", r.Method, r.URL, body)
		}
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(429)
		_, _ = io.WriteString(w, "太快")
	})
	got := d.request(200, "url", domain+"/goods?id=1&q=%E7%AD%BE", "method", "put", "body", `{"a":"签"}`, "header", map[string]string{
		"x-own": "1", "authorization": "Bearer t", "content-type": "application/json", "referer": "https://evil.example", "host": "evil.example", "connection": "close"})
	header := got["header"].(map[string]any)
	if got["statusCode"] != 429.0 || got["text"] != "太快" || header["Retry-After"] != "7" || len(got["cookies"].([]any)) != 2 || got["errMsg"] != "request:ok" {
		t.Errorf("answer %v", got)
	}
}

func TestAnAnswerThatIsNoTextComesInBase64(t *testing.T) {
	t.Parallel()
	d := withBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/empty" {
			w.WriteHeader(204)
			return
		}
		_, _ = w.Write([]byte{0xff, 0xd8})
	})
	if got := d.request(200, "url", domain+"/"); got["base64"] != "/9g=" || got["text"] != nil {
		t.Errorf("answer %v", got)
	}
	if got := d.request(200, "url", domain+"/empty"); got["statusCode"] != 204.0 || got["text"] != "" {
		t.Errorf("answer %v", got)
	}
}

func TestNoOtherHostIsEverAsked(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(elsewhere.Close)
	d := withBackend(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/out":
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		case "/in":
			http.Redirect(w, r, "/there", http.StatusFound)
		default:
			_, _ = io.WriteString(w, r.URL.Path)
		}
	})
	const refused = "request:fail url not in domain list"
	for _, url := range []string{
		elsewhere.URL, "https://shop.example.com.evil.example/", "https://shop.example.com:8443/", "http://shop.example.com/", "https://evil.example/shop.example.com",
		"https://shop.example.com@evil.example/", "file:///etc/passwd", "ftp://shop.example.com/", domain + "/out",
	} {
		got := d.call("POST", "request", object("url", url), 422)
		if msg := got["errMsg"].(string); msg != refused && !strings.HasPrefix(msg, "request:fail invalid url") {
			t.Errorf("%s: %v", url, got)
		}
	}
	if got := d.request(422, "url", elsewhere.URL); got["errno"] != 600002.0 {
		t.Errorf("answer %v", got)
	}
	for _, url := range []string{"", "/me", "me", "//shop.example.com/me", "https://", "https://a b/"} {
		if got := d.request(422, "url", url); got["errno"] != 600009.0 || got["errMsg"] != `request:fail invalid url "`+url+`"` {
			t.Errorf("%q: %v", url, got)
		}
	}
	if got := d.request(200, "url", domain+"/in"); got["text"] != "/there" {
		t.Errorf("a redirect within the domain: %v", got)
	}
	if got := d.request(200, "url", "https://SHOP.example.com:443/x"); got["text"] != "/x" {
		t.Errorf("another spelling of the domain: %v", got)
	}
	if asked.Load() != 0 {
		t.Errorf("another host was asked %d times", asked.Load())
	}
	without := newPhone(t, sandbox.Config{})
	if got := without.request(422, "url", elsewhere.URL); got["errMsg"] != refused {
		t.Errorf("without a backend: %v", got)
	}
}

func TestARequestFailsInWords(t *testing.T) {
	t.Parallel()
	d := withBackend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // one that answers before it has read all may close the connection on the rest
		switch r.URL.Path {
		case "/slow":
			<-r.Context().Done()
		case "/break":
			panic(http.ErrAbortHandler)
		case "/large":
			_, _ = w.Write(make([]byte, 4<<20+1))
		case "/full":
			_, _ = w.Write(make([]byte, 4<<20))
		}
	})
	for _, c := range []struct {
		pairs []any
		msg   string
	}{
		{[]any{"url", domain + "/slow", "timeout", 50}, "request:fail timeout"},
		{[]any{"url", domain + "/break", "method", "POST"}, "request:fail errcode:-100 cronet_error_code:-100 error_msg:net::ERR_CONNECTION_CLOSED"},
		{[]any{"url", domain + "/large"}, "request:fail response data exceeds the limit"},
	} {
		if got := d.request(422, c.pairs...); got["errMsg"] != c.msg || got["errno"] == nil {
			t.Errorf("%v: %v", c.pairs, got)
		}
	}
	if got := d.request(200, "url", domain+"/full"); len(got["text"].(string)) != 4<<20 {
		t.Error("an answer of just 4 MiB did not come whole")
	}
	d.request(200, "url", domain+"/", "method", "POST", "body", strings.Repeat("\x01", 1<<20)) // 6 bytes each, as JSON
	for field, pairs := range map[string][]any{
		"method":  {"method", "BREW"},
		"header":  {"header", map[string]string{"a": "b\r\nc: d"}},
		"timeout": {"timeout", 0},
	} {
		wantNamed(t, d.request(400, append(pairs, "url", domain)...), field)
	}
	wantNamed(t, d.request(400, "header", map[string]string{"a b": "c"}, "url", domain), "header")
	wantNamed(t, d.request(400, "timeout", 60_001, "url", domain), "timeout")
	wantNamed(t, d.request(413, "body", strings.Repeat("x", 1<<20+1), "url", domain), "body")
	d.call("PUT", "settings", `{"offline":true}`, 200)
	if got := d.request(422, "url", domain); !strings.HasSuffix(got["errMsg"].(string), "net::ERR_INTERNET_DISCONNECTED") {
		t.Errorf("offline: %v", got)
	}

	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	down := newPhone(t, sandbox.Config{PhoneBackend: gone.URL})
	if got := down.request(422, "url", gone.URL+"/me"); !strings.HasSuffix(got["errMsg"].(string), "net::ERR_CONNECTION_REFUSED") {
		t.Errorf("the backend is down: %v", got)
	}
}

func TestAPhoneNeedsAWholeBackend(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]sandbox.Config{
		"PhoneBackend":  {PhoneDomain: domain},
		"PhoneDomain":   {PhoneDomain: domain + "/path", PhoneBackend: "http://127.0.0.1:1"},
		"PhoneDomain: ": {PhoneDomain: "shop.example.com", PhoneBackend: "http://127.0.0.1:1"},
		"PhoneBackend:": {PhoneDomain: domain, PhoneBackend: "http://user@127.0.0.1:1"},
	} {
		if _, err := sandbox.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}
