package server_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func FuzzNoBodyIsAFaultOfTheServer(f *testing.F) {
	for _, seed := range []string{
		`{"openid":"o","items":[]}`, `{"openId":"o","formIds":"[{\"formId\":\"x\",\"expire\":1}]"}`, `{"openid":"o","items":[7,{"type":1}],"formIds":"[]"}`,
		`{"items":[{"type":"subscribe","template":"t","result":"accept","nonce":"n","age_ms":-1}],"openid":"o"}`, `[`, `null`, "\xff",
		`{"openid":"o","message":{"template":"tmpl-legacy","keywords":"a,b"}}`, `{"message":{"values":{"":""}}}`,
	} {
		for i, s := range samples() {
			if s.body != "" && s.rows == "" {
				f.Add(i, seed)
			}
		}
	}
	for i, s := range samples() {
		if s.rows != "" {
			for _, seed := range []string{
				`{"openid":"uid:u","attributes":{"a":1e999}}`, "openid,kind,code\no,form," + aCode + "\n", "openid,tags\r\n\"o\",\"a|b\"\r\n",
				"\ufeffopenid\no", "[", "\xff",
			} {
				f.Add(i, seed)
			}
		}
		if strings.HasSuffix(s.path, "/campaigns") {
			f.Add(i, `{"message":{"template":"tmpl-legacy"},"audience":{"where":{"all":[{"seen_within":"7d"}]}}}`)
		}
	}
	f.Fuzz(func(t *testing.T, i int, body string) {
		calls := samples()
		s := calls[max(i, -i)%len(calls)]
		if s.body == "" || max(i, -i) < 0 {
			return
		}
		b := setupWith(t, 50*time.Millisecond)
		b.addApps(t)
		r := httptest.NewRequestWithContext(t.Context(), s.method, s.path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+b.admin)
		if s.rows != "" {
			r.Header.Set("Content-Type", s.rows)
		}
		w := httptest.NewRecorder()
		b.server.Private().ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != 503 { // the dispatcher may not be up yet
			t.Errorf("%s %q: %d %s\n%s", s.name(), body, w.Code, w.Body, b.log)
		}
	})
}
