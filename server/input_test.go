package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/server"
)

func TestBodiesThatAreNoGoodChangeNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.MaxBody = 4096 }).withApp(t)
	b.deposit(t, openid, b.formID(1))
	for _, s := range samples() {
		if s.body == "" || s.rows != "" {
			continue
		}
		t.Run(s.name(), func(t *testing.T) {
			before := b.snapshot(t)
			malformed := map[string]string{
				"half":        s.body[:len(s.body)-1],
				"two values":  s.body + s.body,
				"not JSON":    "app_id=wx",
				"not UTF-8":   strings.Replace(s.body, ":\"", ":\"\xff\xfe", 1),
				"a lone NUL":  "\x00",
				"deep arrays": strings.Repeat("[", 2000),
				"white space": "   ",
			}
			for name, body := range malformed {
				a := b.call(t, s.method, s.path, b.admin, body)
				if a.status != http.StatusBadRequest {
					t.Errorf("%s: got %d %s", name, a.status, a.body)
				}
				wantProblem(t, a, api.NumMalformed, "")
			}
			if a := b.call(t, s.method, s.path, b.admin, "", "Content-Type", "application/json"); a.status != http.StatusBadRequest {
				t.Errorf("no body: got %d %s", a.status, a.body)
			}
			for _, body := range []string{`[]`, `"text"`, `12`, `null`, `true`} {
				if a := b.call(t, s.method, s.path, b.admin, body); a.status != http.StatusBadRequest {
					t.Errorf("%s: got %d %s", body, a.status, a.body)
				}
			}
			large := s.body[:len(s.body)-1] + strings.Repeat(" ", 5000) + "}"
			wantProblem(t, b.call(t, s.method, s.path, b.admin, large), api.NumTooLarge, "")
			for _, ct := range []string{"text/plain", "application/x-www-form-urlencoded", "application/json; charset=gbk", ";", "multipart/form-data"} {
				wantProblem(t, b.call(t, s.method, s.path, b.admin, s.body, "Content-Type", ct), api.NumContentType, "")
			}
			if !s.lenient {
				extra := s.body[:len(s.body)-1] + `,"no_such_field":1}`
				wantProblem(t, b.call(t, s.method, s.path, b.admin, extra), api.NumUnknownField, "body.no_such_field")
			}
			if after := b.snapshot(t); before != after {
				t.Errorf("something changed:\n%s\n%s", before, after)
			}
		})
	}
}

func TestFieldsThatBreakARuleAreNamed(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.deposit(t, openid, b.formID(1))
	long := strings.Repeat("x", 2000)
	message := func(fields string) string { return `{"openid":"` + openid + `","message":{` + fields + `}}` }
	const good = `"template":"` + tmplID + `","values":{"thing1":"x"}`
	cases := []struct{ call, body, location string }{
		{"POST /v1/apps", `{}`, "body.app_id"},
		{"POST /v1/apps", `{"app_id":5}`, "body.app_id"},
		{"POST /v1/apps", `{"app_id":"a b"}`, "body.app_id"},
		{"POST /v1/apps", `{"app_id":"wxnewnewnewnewnew1","shards":-1}`, "body.shards"},
		{"POST /v1/apps", `{"app_id":"wxnewnewnewnewnew1","shards":1e30}`, "body.shards"},
		{"POST /v1/apps", `{"app_id":"wxnewnewnewnewnew1","rate":1.5}`, "body.rate"},
		{"POST /v1/apps", `{"app_id":"wxnewnewnewnewnew1","name":"` + long + `"}`, "body.name"},
		{"POST /v1/apps", `{"app_id":"wxnewnewnewnewnew1","base_url":"ftp://x"}`, "body.base_url"},
		{"POST /v1/apps", `{"app_id":"wxnewnewnewnewnew1","secret":"a b"}`, "body.secret"},
		{"POST /v1/apps", `{"app_id":"wxnewnewnewnewnew1","token":{"kind":"magic"}}`, "body.token.kind"},
		{"POST /v1/apps", `{"app_id":"wxnewnewnewnewnew1","token":{}}`, "body.token.kind"},
		{"PATCH " + base, `{"rate":0.5}`, "body.rate"},
		{"PATCH " + base, `{"in_flight":-5}`, "body.in_flight"},
		{"PATCH " + base, `{"stopped":"yes"}`, "body.stopped"},
		{"PATCH " + base, `{"stopped_why":{"code":"x"}}`, "body.stopped_why"},
		{"PATCH " + base, `{"stopped":true,"stopped_why":{"code":"a b"}}`, "body.stopped_why.code"},
		{"PATCH " + base, `{"stopped":true,"stopped_why":{"code":"a","params":{"k":"` + long + `"}}}`, "body.stopped_why.params"},
		{"POST /v1/keys", `{"name":"n"}`, "body.scopes"},
		{"POST /v1/keys", `{"name":"n","scopes":[]}`, "body.scopes"},
		{"POST /v1/keys", `{"name":"n","scopes":["root"]}`, "body.scopes"},
		{"POST /v1/keys", `{"name":"n","scopes":[1]}`, "body.scopes[0]"},
		{"POST /v1/keys", `{"name":"","scopes":["read"]}`, "body.name"},
		{"POST /v1/keys", `{"name":"n","scopes":["read"],"app_id":"wxnobodyknowsthis1"}`, "body.app_id"},
		{"POST " + base + "/session", `{"code":""}`, "body.code"},
		{"POST " + base + "/session", `{"code":"a b"}`, "body.code"},
		{"POST " + base + "/session", `{"code":"used"}`, "body.code"},
		{"POST " + base + "/session-tokens", `{"openid":""}`, "body.openid"},
		{"POST " + base + "/session-tokens", `{"openid":"` + long + `"}`, "body.openid"},
		{"POST " + base + "/permits", `{"items":[]}`, "body.openid"},
		{"POST " + base + "/permits", `{"openid":"a b","items":[]}`, "body.openid"},
		{"POST " + base + "/permits", `{"openid":"o","items":[{"kind":"pay","paid_at":"yesterday"}]}`, "body.items[0].paid_at"},
		{"POST " + base + "/permits", `{"openid":"o","items":[{"kind":"pay","age_ms":"5"}]}`, "body.items[0].age_ms"},
		{"POST " + base + "/permits", `{"openid":"o","items":[` + strings.Repeat(`{"kind":"pay"},`, 100) + `{"kind":"pay"}]}`, "body.items"},
		{"POST " + base + "/pushes", `{"message":{` + good + `}}`, "body.openid"},
		{"POST " + base + "/pushes", `{"openid":"` + openid + `"}`, "body.message"},
		{"POST " + base + "/pushes", message(`"values":{}`), "body.message.template"},
		{"POST " + base + "/pushes", message(`"template":"nobody-knows-it"`), "body.message.template"},
		{"POST " + base + "/pushes", message(`"template":"` + tmplID + `"`), "body.message.values.thing1"},
		{"POST " + base + "/pushes", message(`"template":"` + tmplID + `","values":{"thing1":"x","other":"y"}`), "body.message.values.other"},
		{"POST " + base + "/pushes", message(`"template":"` + tmplID + `","values":{"thing1":7}`), "body.message.values.thing1"},
		{"POST " + base + "/pushes", message(good + `,"page":"` + long + `"`), "body.message.page"},
		{"POST " + base + "/pushes", message(good + `,"lang":"de"`), "body.message.lang"},
		{"POST " + base + "/pushes", message(good + `,"miniprogram_state":"beta"`), "body.message.miniprogram_state"},
		{"POST " + base + "/pushes", message(good + `,"keywords":"a"`), "body.message.keywords"},
		{"POST " + base + "/pushes", message(`"template":"` + legacyID + `","keywords":"` + strings.Repeat(",", 32) + `"`), "body.message.keywords"},
		{"POST " + base + "/campaigns", `{"name":"` + long + `","message":{` + good + `}}`, "body.name"},
		{"POST " + base + "/campaigns", `{"message":{` + good + `},"grace_seconds":-1}`, "body.grace_seconds"},
		{"POST " + base + "/campaigns", `{"message":{` + good + `},"grace_seconds":9000000000000000000}`, "body.grace_seconds"},
		{"POST " + base + "/campaigns", `{"message":{` + good + `},"latest_send":"2020-01-01T00:00:00Z"}`, "body.latest_send"},
		{"POST " + base + "/campaigns", `{"message":{` + good + `},"start_at":"tomorrow"}`, "body.start_at"},
		{"POST " + base + "/campaigns", `{"message":{` + good + `},"start":true,"start_at":"2026-12-01T00:00:00Z"}`, "body.start"},
		{"PUT " + base + "/templates/t1", `{}`, "body.kind"},
		{"PUT " + base + "/templates/t1", `{"kind":"weekly"}`, "body.kind"},
		{"PUT " + base + "/templates/t1", `{"id":"t2","kind":"legacy"}`, "body.id"},
		{"PUT " + base + "/templates/t1", `{"kind":"legacy","keys":[{"key":""}]}`, "body.keys"},
		{"PUT " + base + "/templates/a%20b", `{"kind":"legacy"}`, "path.id"},
		{"GET " + base + "/campaigns?limit=0", "", "query.limit"},
		{"GET " + base + "/campaigns?limit=many", "", "query.limit"},
		{"GET " + base + "/campaigns?limit=100000", "", "query.limit"},
		{"GET " + base + "/campaigns?cursor=%00", "", "query.cursor"},
		{"GET " + base + "/reach?fresh=perhaps", "", "query.fresh"},
	}
	for _, c := range cases {
		t.Run(c.call+" "+c.location, func(t *testing.T) {
			before := b.snapshot(t)
			method, path, _ := strings.Cut(c.call, " ")
			wantProblem(t, b.call(t, method, path, b.admin, c.body), api.NumInvalid, c.location)
			if after := b.snapshot(t); before != after {
				t.Errorf("something changed:\n%s\n%s", before, after)
			}
		})
	}
}

func TestHostileOpenidsAreRefusedOrHarmless(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	before := b.snapshot(t)
	for _, o := range []string{"a b", "a\x00b", "用户", "a\nb", strings.Repeat("x", 65), "\x7f"} {
		path := base + "/users/" + url.PathEscape(o)
		wantProblem(t, b.call(t, "GET", path, b.admin, ""), api.NumInvalid, "path.openid")
		wantProblem(t, b.call(t, "DELETE", path, b.admin, ""), api.NumInvalid, "path.openid")
		body, err := json.Marshal(api.NewSession{OpenID: o})
		must(t, err)
		wantProblem(t, b.call(t, "POST", base+"/session-tokens", b.admin, string(body)), api.NumInvalid, "body.openid")
	}
	wantProblem(t, b.call(t, "GET", base+"/users/%ff", b.admin, ""), api.NumInvalid, "path.openid")
	if after := b.snapshot(t); before != after {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
	// These are odd, and openids all the same: they must work and stay apart.
	for _, o := range []string{"{}", "a:b", "a/b", "../x", "%2e", "a#b?c=d", `"`, "*", "uid"} {
		body := fmt.Sprintf(`{"openid":%q,"items":[]}`, o)
		want[api.ReportAnswer](t, b.call(t, "POST", base+"/reports", b.admin, body), 200)
		u := want[api.User](t, b.call(t, "GET", base+"/users/"+url.PathEscape(o), b.admin, ""), 200)
		if u.OpenID != o {
			t.Errorf("asked for %q, got %q", o, u.OpenID)
		}
		if a := b.call(t, "DELETE", base+"/users/"+url.PathEscape(o), b.admin, ""); a.status != 204 {
			t.Errorf("erase %q: %d %s", o, a.status, a.body)
		}
	}
}

func TestHostileIdsAreNotFound(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	for _, id := range []string{"%00", "a%2F..%2Fb", strings.Repeat("x", 600), "%ff", "a%20b", "nobody"} {
		for _, call := range []string{
			"GET " + base + "/campaigns/" + id, "GET " + base + "/campaigns/" + id + "/deliveries", "POST " + base + "/campaigns/" + id + "/start",
			"POST " + base + "/campaigns/" + id + "/cancel", "GET " + base + "/templates/" + id, "DELETE " + base + "/templates/" + id,
			"DELETE /v1/keys/" + id,
		} {
			method, path, _ := strings.Cut(call, " ")
			wantProblem(t, b.call(t, method, path, b.admin, ""), api.NumNotFound, "")
		}
	}
}

func TestValuesOfBadFieldsAreNotRepeated(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	for _, body := range []string{
		`{"app_id":"wxnewnewnewnewnew1","secret":"hush hush"}`, `{"app_id":"wxnewnewnewnewnew1","secret":["hushhush"]}`,
		`{"app_id":"wxnewnewnewnewnew1","token":{"kind":"fixed","value":{"v":"hushhush"}}}`,
	} {
		a := b.call(t, "POST", "/v1/apps", b.admin, body)
		if a.status != http.StatusBadRequest || strings.Contains(a.body, "hush") {
			t.Errorf("got %d %s", a.status, a.body)
		}
	}
	if strings.Contains(b.log.String(), "hush") {
		t.Error("a secret is in the log")
	}
}
