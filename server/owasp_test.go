package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/server"
)

// These tests try what the OWASP API Security Top 10 of 2023 lists (https://owasp.org/API-Security/editions/2023/en/0x11-t10/), one
// risk each, over the real handlers. TestBadInputIsRefusedNamedAndChangesNothing has what is common to all calls.

func TestOWASPAPI1BrokenObjectLevelAuthorization(t *testing.T) {
	t.Parallel()
	x := newTarget(t)
	other := "/v1/apps/" + otherApp
	own := x.key(t, otherApp, account.ScopeAdmin) // all rights, in the other app
	want[api.ReportAnswer](t, x.call(t, "POST", other+"/reports", own, `{"openid":"oTheirs","items":[{"type":"form","form_id":"`+code(7)+`"}]}`), 200)
	key := want[api.KeySecret](t, x.call(t, "POST", "/v1/keys", x.admin, `{"name":"ours","app_id":"`+appID+`","scopes":["read"]}`), 201)
	before := x.model.Dump()
	for _, c := range []struct {
		call, body string
		number     int
	}{
		// ours, named by its own path: the key is of another app
		{"GET " + users + openid, "", api.NumForbidden}, {"DELETE " + users + openid, "", api.NumForbidden},
		{"GET " + base + "/campaigns/" + x.list, "", api.NumForbidden}, {"POST " + base + "/campaigns/" + x.list + "/cancel", "", api.NumForbidden},
		{"GET " + base + "/permits/export", "", api.NumForbidden}, {"PATCH " + base, `{"stopped":true}`, api.NumForbidden},
		// ours, named below the caller's app: there is no such thing
		{"GET " + other + "/users/" + openid, "", api.NumNotFound}, {"GET " + other + "/users/uid:u1", "", api.NumNotFound},
		{"PUT " + other + "/users/uid:u1/opt-out", `{"opt_out":"all"}`, api.NumNotFound},
		{"DELETE " + other + "/users/uid:u1", "", api.NumNotFound}, {"GET " + other + "/campaigns/" + x.list, "", api.NumNotFound},
		{"GET " + other + "/campaigns/" + x.list + "/deliveries", "", api.NumNotFound},
		{"POST " + other + "/campaigns/" + x.list + "/start", "", api.NumNotFound}, {"POST " + other + "/campaigns/" + x.list + "/cancel", "", api.NumNotFound},
		{"POST " + other + "/campaigns/" + x.list + "/retry", `{}`, api.NumNotFound},
		{"GET " + base + "/schedules/" + x.schedule, "", api.NumForbidden}, {"POST " + base + "/schedules/" + x.schedule + "/end", "", api.NumForbidden},
		{"POST " + base + "/audience/sample", `{}`, api.NumForbidden}, {"POST " + base + "/events", `{"events":[{"openid":"` + openid + `","name":"x"}]}`, api.NumForbidden},
		{"GET " + other + "/schedules/" + x.schedule, "", api.NumNotFound}, {"POST " + other + "/schedules/" + x.schedule + "/pause", "", api.NumNotFound},
		{"POST " + other + "/schedules/" + x.schedule + "/resume", "", api.NumNotFound}, {"POST " + other + "/schedules/" + x.schedule + "/end", "", api.NumNotFound},
		{"GET " + other + "/templates/" + tmplID, "", api.NumNotFound}, {"DELETE " + other + "/templates/" + tmplID, "", api.NumNotFound},
		{"DELETE " + other + "/scenes/home", "", api.NumNotFound}, {"DELETE /v1/keys/" + key.ID, "", api.NumNotFound},
		{"DELETE /v1/keys/first", "", api.NumNotFound},
		{"POST " + other + "/pushes", `{"openid":"` + openid + `","message":{"template":"` + tmplID + `"}}`, api.NumInvalid},
		{"POST " + other + "/permits/spent", `{"openid":"` + openid + `","template":"` + tmplID + `"}`, api.NumInvalid},
		// ours, reached from theirs by the path
		{"GET " + other + "%2F..%2F" + appID + "/users/" + openid, "", api.NumForbidden}, {"GET " + other + "/users/..%2F..%2F" + appID + "%2Fusers%2F" + openid, "", api.NumNotFound},
	} {
		method, path, _ := strings.Cut(c.call, " ")
		a := x.call(t, method, path, own, c.body)
		if p := want[api.Problem](t, a, c.number/100); p.Number != c.number {
			t.Errorf("%s: got %s, want %d", c.call, a.body, c.number)
		}
	}
	a := x.call(t, "PUT", other+"/campaigns/"+x.list+"/audience", own, `{"openid":"oTheirs"}`, "Content-Type", api.NDJSONType)
	wantProblem(t, a, api.NumNotFound, "")
	if after := x.model.Dump(); before != after {
		t.Errorf("something changed:\n%s", difference(before, after))
	}
	// lists have what is theirs only
	for _, path := range []string{"/v1/apps", "/v1/keys", other + "/campaigns", other + "/schedules", other + "/templates", other + "/scenes", other + "/permits/export"} {
		if a := x.call(t, "GET", path, own, ""); a.status != 200 || strings.Contains(a.body, appID) || strings.Contains(a.body, openid) || strings.Contains(a.body, tmplID) {
			t.Errorf("%s: got %d %s", path, a.status, a.body)
		}
	}
	// a cursor of ours opens no page of ours in the other app
	next := want[api.PermitPage](t, x.call(t, "GET", exportPermits+"?limit=1", x.admin, ""), 200).Next
	if a := x.call(t, "GET", other+"/permits/export?cursor="+next, own, ""); strings.Contains(a.body, openid) || strings.Contains(a.body, victim) {
		t.Errorf("a cursor showed %s", a.body)
	}
	// a session's user is who the token says, whatever else the request names
	session := x.session(t, appID, openid)
	for _, path := range []string{"/me?openid=" + victim, "/me?user=" + victim} {
		if me := want[api.Me](t, x.from(t, "203.0.113.9", "GET", base+path, session, "", api.OpenIDHeader, victim), 200); me.OpenID != openid {
			t.Errorf("%s: got the balance of %s", path, me.OpenID)
		}
	}
	wantProblem(t, x.from(t, "203.0.113.9", "GET", other+"/me", session, ""), api.NumBadCredentials, "")
}

func TestOWASPAPI2BrokenAuthentication(t *testing.T) {
	t.Parallel()
	x := newTarget(t)
	secret := x.key(t, appID, account.ScopeRead)
	get := func(path string, headers http.Header) answer {
		r, err := http.NewRequestWithContext(t.Context(), "GET", path, nil)
		must(t, err)
		r.Header, r.RemoteAddr = headers, "203.0.113.9:1"
		return serve(x.server.Private(), r)
	}
	for name, headers := range map[string]http.Header{
		"no header": {}, "a name without a key": {"Authorization": {"Bearer"}}, "an empty key": {"Authorization": {"Bearer  "}},
		"no scheme": {"Authorization": {secret}}, "Basic": {"Authorization": {"Basic " + secret}}, "Token": {"Authorization": {"Token " + secret}},
		"a cookie": {"Cookie": {"Authorization=Bearer " + secret}}, "X-API-Key": {"X-Api-Key": {secret}}, "a proxy's header": {"Proxy-Authorization": {"Bearer " + secret}},
		"two headers, the good one last": {"Authorization": {"", "Bearer " + secret}},
	} {
		if p := wantProblem(t, get(base, headers), api.NumNoCredentials, ""); p.Status != 401 {
			t.Errorf("%s: got %+v", name, p)
		}
	}
	for _, query := range []string{"?key=", "?access_token=", "?api_key=", "?Authorization=Bearer%20"} { // URLs end in logs
		wantProblem(t, get(base+query+secret, http.Header{}), api.NumNoCredentials, "")
	}
	// what is wrong about a credential is not told: each gets the same answer
	bodies := map[string]bool{}
	for _, token := range x.forgeries(t) {
		bodies[x.call(t, "GET", base, token, "").body] = true
		bodies[x.call(t, "GET", base+"/me", token, "").body] = true
	}
	if len(bodies) != 1 {
		t.Errorf("forgeries are told apart: %v", bodies)
	}
	// a session is no key, and a key no session
	session := x.session(t, appID, openid)
	for _, s := range samples() {
		if s.open || s.session || s.sessionToo {
			continue
		}
		wantProblem(t, x.call(t, s.method, s.path, session, s.body), api.NumBadCredentials, "")
	}
	wantProblem(t, x.call(t, "GET", base+"/me", secret, ""), api.NumBadCredentials, "")
	// a key that was ended is over at once, and secrets are not kept
	list := want[api.Keys](t, x.call(t, "GET", "/v1/keys", x.admin, ""), 200)
	last := list.Keys[slices.IndexFunc(list.Keys, func(k api.Key) bool { return k.Name == "test" })]
	want[api.App](t, x.call(t, "GET", base, secret, ""), 200)
	if a := x.call(t, "DELETE", "/v1/keys/"+last.ID, x.admin, ""); a.status != 204 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	wantProblem(t, x.call(t, "GET", base, secret, ""), api.NumBadCredentials, "")
	if !strings.Contains(x.model.Dump(), bytesOf(appID)) {
		t.Error("the dump does not show what is stored")
	}
	for _, kept := range []string{secret, x.admin, "the-app-secret"} {
		if text := bytesOf(kept); strings.Contains(x.model.Dump(), text) || strings.Contains(x.model.Dump(), kept) {
			t.Errorf("a secret is in the store in the clear")
		}
	}
	// login codes cannot be tried without end (API4 has the rest), and a refused one is not told apart
	wantProblem(t, x.from(t, "203.0.113.9", "POST", base+"/session", "", `{"code":"guess"}`), api.NumInvalid, "body.code")
}

// bytesOf is a text as the dump has it inside of a value.
func bytesOf(s string) string { return strings.Trim(fmt.Sprint([]byte(s)), "[]") }

func TestOWASPAPI3BrokenObjectPropertyLevelAuthorization(t *testing.T) {
	t.Parallel()
	x := newTarget(t)
	// what callers may not set is unknown, not ignored
	message := `"message":{"template":"` + tmplID + `","values":{"thing1":"x"}}`
	for _, c := range []struct{ call, body, field string }{
		{"PATCH " + base, `{"app_id":"wxsomebodyelse12"}`, "app_id"}, {"PATCH " + base, `{"shards":1}`, "shards"}, {"PATCH " + base, `{"number":1}`, "number"},
		{"PATCH " + base, `{"created_at":"2020-01-01T00:00:00Z"}`, "created_at"}, {"POST /v1/apps", `{"app_id":"wxnewnewnewnewnew1","stopped":false}`, "stopped"},
		{"POST /v1/keys", `{"name":"n","scopes":["read"],"secret":"mpk_mine"}`, "secret"}, {"POST /v1/keys", `{"name":"n","scopes":["read"],"id":"first"}`, "id"},
		{"POST " + base + "/campaigns", `{` + message + `,"state":"running"}`, "state"}, {"POST " + base + "/campaigns", `{` + message + `,"id":"C9"}`, "id"},
		{"POST " + base + "/campaigns", `{` + message + `,"schedule":"` + x.schedule + `"}`, "schedule"},
		{"POST " + base + "/schedules", `{` + message + `,"cron":"0 20 * * *","state":"ended"}`, "state"},
		{"POST " + base + "/schedules", `{` + message + `,"cron":"0 20 * * *","runs":[]}`, "runs"},
		{"POST " + base + "/events", `{"events":[{"openid":"` + openid + `","name":"x","count":9}]}`, "events[0].count"},
		{"POST " + base + "/audience/count", `{"template":"` + tmplID + `","app_id":"` + otherApp + `"}`, "app_id"},
		{"POST " + base + "/campaigns", `{` + message + `,"retry_of":"` + x.list + `"}`, "retry_of"},
		{"POST " + base + "/pushes", `{"openid":"` + openid + `",` + message + `,"outcome":"accepted"}`, "outcome"},
		{"PUT " + users + openid + "/profile", `{"opt_out":"none"}`, "opt_out"}, {"PUT " + users + openid + "/profile", `{"openid":"` + victim + `"}`, "openid"},
		{"POST " + base + "/session-tokens", `{"openid":"` + openid + `","expires_at":"2099-01-01T00:00:00Z"}`, "expires_at"},
		{"POST " + base + "/permits", `{"openid":"` + openid + `","items":[{"kind":"subscribe","template":"` + tmplID + `","evidence":"event"}]}`, "items[0].evidence"},
		{"POST " + base + "/permits", `{"openid":"` + openid + `","items":[{"kind":"pay","prepay_id":"wx12345678901234","expires_at":"2099-01-01T00:00:00Z"}]}`, "items[0].expires_at"},
	} {
		before := x.model.Dump()
		method, path, _ := strings.Cut(c.call, " ")
		wantProblem(t, x.call(t, method, path, x.admin, c.body), api.NumUnknownField, "body."+c.field)
		if after := x.model.Dump(); before != after {
			t.Errorf("%s %s changed\n%s", c.call, c.body, difference(before, after))
		}
	}
	wantProblem(t, x.call(t, "POST", base+"/campaigns", x.admin, `{`+message+`,"audience":{"list":true,"listed":5}}`), api.NumInvalid, "body.audience.listed")
	// a report that says more of an item than a phone can know is not believed
	body := `{"items":[{"type":"form","form_id":"` + code(60) + `","uses":100,"evidence":"trusted","expires_at":"2099-01-01T00:00:00Z"}]}`
	want[api.ReportAnswer](t, x.call(t, "POST", base+"/reports", x.session(t, appID, victim), body), 200)
	for _, p := range want[api.User](t, x.call(t, "GET", users+victim, x.admin, ""), 200).Permits {
		if p.Uses != 1 || p.Evidence == "trusted" || p.ExpiresAt.After(x.clock.now().Add(minapush.CodeLife)) {
			t.Errorf("got %+v", p)
		}
	}
	// what callers may not see is not there
	want[api.App](t, x.call(t, "PATCH", base, x.admin, `{"secret":"hushhush","token":{"kind":"url","url":"https://t.example.com/?k=hushhush","header":"K: hushhush"}}`), 200)
	read := x.key(t, appID, account.ScopeRead)
	for _, path := range []string{base, users + openid, base + "/stock", base + "/reach", base + "/flow", base + "/campaigns", base + "/campaigns/" + x.list, base + "/templates"} {
		a := x.call(t, "GET", path, read, "")
		if strings.Contains(a.body, "hush") || strings.Contains(a.body, code(1)) || strings.Contains(a.body, "nonce1") {
			t.Errorf("%s shows a secret or a permit's code: %s", path, a.body)
		}
	}
	me := x.from(t, "203.0.113.9", "GET", base+"/me", x.session(t, appID, openid), "").body
	for _, hidden := range []string{`"uid"`, `"tags"`, `"attributes"`, "vip", code(1), "evidence", "opt_out"} {
		if strings.Contains(me, hidden) {
			t.Errorf("a phone is shown %s: %s", hidden, me)
		}
	}
	wantProblem(t, x.call(t, "GET", exportPermits, read, ""), api.NumForbidden, "") // codes are for admins
}

func TestOWASPAPI4UnrestrictedResourceConsumption(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := setup(t, func(p *server.Parts, c *server.Config) {
		p.Platform, c.MaxStream, c.ReportsPerMinute, c.RequestsPerAddress, c.LoginsPerAddress, c.MaxConcurrent = g, 1<<20, 5, 100, 3, 40
	}).withApp(t)
	close(g.open)
	session := b.session(t, appID, openid)
	limited := func(name string, call func(i int) answer, most, number int) {
		t.Helper()
		for i := range most {
			if a := call(i); a.status >= 400 {
				t.Fatalf("%s: request %d got %d %s", name, i, a.status, a.body)
			}
		}
		a := call(most)
		wantProblem(t, a, number, "")
		if a.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", name)
		}
	}
	limited("reports of a session", func(int) answer { return b.from(t, "203.0.113.1", "POST", base+"/reports", session, `{"items":[]}`) }, 5, api.NumTooManyReports)
	limited("logins of an address", func(i int) answer {
		return b.from(t, "203.0.113.2", "POST", base+"/session", "", fmt.Sprintf(`{"code":"c%d"}`, i))
	}, 3, api.NumTooManyOfAddress)
	limited("requests of an address", func(int) answer { return b.from(t, "203.0.113.3", "GET", base+"/me", session, "") }, 100, api.NumTooManyOfAddress)
	// sizes: bodies, items, pages, rows
	items := func(path string, n int) answer {
		return b.call(t, "POST", base+path, b.admin, `{"openid":"`+victim+`","items":[`+strings.TrimSuffix(strings.Repeat(`{"type":"form"},`, n), ",")+`]}`)
	}
	wantProblem(t, items("/reports", 101), api.NumInvalid, "body.items")
	wantProblem(t, items("/reports", 60_000), api.NumInvalid, "body.items")
	wantProblem(t, items("/reports", 100_000), api.NumTooLarge, "")
	for _, path := range []string{base + "/campaigns?limit=201", base + "/campaigns/C/deliveries?limit=1001", exportPermits + "?limit=2001"} {
		wantProblem(t, b.call(t, "GET", path, b.admin, ""), api.NumInvalid, "query.limit")
	}
	wantProblem(t, b.rows(t, "POST", importUsers, api.NDJSONType, strings.Repeat("{}\n", 1<<20)), api.NumTooLarge, "")
	// expressions: deep, wide, long
	for _, where := range []string{
		strings.Repeat(`{"not":`, 9) + `{"has_uid":true}` + strings.Repeat("}", 9),
		`{"any":[` + strings.TrimSuffix(strings.Repeat(`{"has_uid":true},`, 201), ",") + `]}`,
		`{"attribute":{"name":"a","one_of":["` + strings.Repeat("x", 17<<10) + `"]}}`, strings.Repeat(`{"all":[`, 3000) + strings.Repeat("]}", 3000),
	} {
		body := `{"message":{"template":"` + tmplID + `","values":{"thing1":"x"}},"audience":{"where":` + where + `}}`
		if p := want[api.Problem](t, b.call(t, "POST", base+"/campaigns", b.admin, body), 400); len(p.Errors) == 0 || !strings.HasPrefix(p.Errors[0].Location, "body.audience.where") {
			t.Errorf("got %+v", p)
		}
	}
	// nothing is unpacked that was packed
	wantProblem(t, b.call(t, "POST", importUsers, b.admin, bomb(t), "Content-Type", api.CSVType, "Content-Encoding", "gzip"), api.NumContentType, "")
}

func TestOWASPAPI5BrokenFunctionLevelAuthorization(t *testing.T) {
	t.Parallel()
	x := newTarget(t)
	// every call with every set of scopes that lacks its own
	tried := 0
	for _, s := range samples() {
		if s.open || s.session || s.scopes == nil {
			continue
		}
		for _, scope := range account.Scopes() {
			if scope == account.ScopeAdmin || slices.Contains(s.scopes, scope) {
				continue
			}
			tried++
			wantProblem(t, x.call(t, s.method, strings.ReplaceAll(s.path, "/C1", "/"+x.list), x.key(t, appID, scope), s.body, s.headers()...), api.NumForbidden, "")
		}
	}
	if tried < 100 {
		t.Errorf("only %d calls were tried", tried)
	}
	// what is for every app is not for the admin of one
	own := x.key(t, appID, account.ScopeAdmin)
	for _, c := range []struct{ call, body string }{
		{"POST /v1/apps", `{"app_id":"wxnewnewnewnewnew1"}`}, {"GET /v1/backup", ""}, {"POST /v1/keys", `{"name":"n","scopes":["read"]}`},
		{"POST /v1/keys", `{"name":"n","app_id":"` + otherApp + `","scopes":["read"]}`}, {"POST /v1/keys", `{"name":"n","app_id":"","scopes":["admin"]}`},
	} {
		method, path, _ := strings.Cut(c.call, " ")
		wantProblem(t, x.call(t, method, path, own, c.body), api.NumForbidden, "")
	}
	// a lesser key makes no greater one
	for _, scope := range []account.Scope{account.ScopeReport, account.ScopeRead, account.ScopePush, account.ScopeCampaign} {
		wantProblem(t, x.call(t, "POST", "/v1/keys", x.key(t, appID, scope), `{"name":"n","app_id":"`+appID+`","scopes":["admin"]}`), api.NumForbidden, "")
	}
	// the public listener has none of it, by whatever name, and methods are what they are
	for _, path := range []string{
		"/v1/apps", "/v1//apps", "//v1/apps", "/V1/apps", "/v1/apps/", "/v1/./apps", "/v1/x/../apps", "/v1/%61pps", "/v1/apps/" + appID, "/v1/keys", "/v1/backup",
		"/metrics", "/docs", "/openapi.json", "/debug/pprof/", base + "/users/" + openid, base + "/me/../users/" + openid, base + "/me%2f..%2fusers/" + openid, base + "/reports/..;/users",
	} {
		for _, headers := range [][]string{nil, {"X-Original-URL", "/v1/apps"}, {"X-Rewrite-URL", "/v1/apps"}, {"X-HTTP-Method-Override", "GET"}} {
			a := send(t, x.server.Public(), "GET", path, x.admin, "", headers...)
			redirect := a.status >= 300 && a.status < 400 && strings.HasPrefix(a.header.Get("Location"), "/") // to a cleaner path, tried as well
			if a.status != 404 && !redirect {
				t.Errorf("GET %s %v: got %d %s", path, headers, a.status, a.body)
			}
		}
	}
	before := x.model.Dump()
	wantProblem(t, x.call(t, "GET", base+"/campaigns/"+x.list+"/start", x.admin, "", "X-HTTP-Method-Override", "POST"), api.NumMethod, "")
	want[api.User](t, x.call(t, "GET", users+openid, x.admin, "", "X-HTTP-Method-Override", "DELETE", "X-Method-Override", "DELETE"), 200)
	if after := x.model.Dump(); before != after {
		t.Errorf("something changed:\n%s", difference(before, after))
	}
}

func TestOWASPAPI6UnrestrictedAccessToSensitiveBusinessFlows(t *testing.T) {
	t.Parallel()
	x := newTarget(t)
	session := x.session(t, appID, "oFarmer")
	report := func(items string) api.ReportAnswer {
		t.Helper()
		return want[api.ReportAnswer](t, x.from(t, "203.0.113.9", "POST", base+"/reports", session, `{"items":[`+items+`]}`), 200)
	}
	// permits are not to be had by saying so: payments and standing permits of others, mock codes, what never was a tap
	for _, item := range []string{
		`{"type":"pay","prepay_id":"wx12345678901234"}`, `{"type":"trusted","count":100}`, `{"kind":"pay","prepay_id":"wx12345678901234"}`,
		`{"type":"form","form_id":"the formId is a mock one"}`, `{"type":"form","form_id":"undefined"}`, `{"type":"form","form_id":"` + strings.Repeat("x", 5000) + `"}`,
		`{"type":"subscribe","template":"` + tmplID + `","result":"reject","nonce":"r"}`, `{"type":"subscribe","template":"` + tmplID + `","result":"accept"}`,
		`{"type":"subscribe","template":"` + tmplID + `","result":"accept","nonce":"o","age_ms":` + fmt.Sprint(minapush.MaxReportAge.Milliseconds()+1) + `}`,
	} {
		if got := report(item); got.Accepted != 0 || got.Refused != 1 {
			t.Errorf("%s: got %+v", item, got)
		}
	}
	// the same tap counts once, however often and by whatever session it is told
	tap := `{"type":"subscribe","template":"` + tmplID + `","result":"accept","nonce":"tap"}`
	if got := report(tap + "," + tap); got.Accepted != 1 || got.Duplicate != 1 {
		t.Errorf("got %+v", got)
	}
	session = x.session(t, appID, "oFarmer")
	if got := report(tap); got.Duplicate != 1 {
		t.Errorf("replayed: got %+v", got)
	}
	x.clock.add(3 * 24 * time.Hour)
	session = x.session(t, appID, "oFarmer")
	if got := report(tap); got.Duplicate != 1 {
		t.Errorf("replayed three days later: got %+v", got)
	}
	// a farm of taps has an end: what a user can hold is bounded, and how often it may report
	for i := range 30 {
		var items []string
		for j := range 100 {
			items = append(items, fmt.Sprintf(`{"type":"subscribe","template":"%s","result":"accept","nonce":"f%d-%d"}`, tmplID, i, j))
		}
		report(strings.Join(items, ","))
	}
	if u := want[api.User](t, x.call(t, "GET", users+"oFarmer", x.admin, ""), 200); len(u.Permits) > 200 {
		t.Errorf("a user holds %d permits", len(u.Permits))
	}
	refused := 0
	for range 700 {
		if a := x.from(t, "203.0.113.9", "POST", base+"/reports", session, `{"items":[]}`); a.status == 429 {
			refused++
		}
	}
	if refused < 50 {
		t.Errorf("%d of 700 reports of one user in a moment were refused", refused)
	}
	// a phone cannot make anybody be sent anything
	for _, s := range samples() {
		if slices.Contains(s.scopes, account.ScopePush) || slices.Contains(s.scopes, account.ScopeCampaign) {
			if a := send(t, x.server.Public(), s.method, s.path, session, s.body, s.headers()...); a.status != 404 {
				t.Errorf("%s is public: %d", s.name(), a.status)
			}
		}
	}
	if x.sender.count() != 0 {
		t.Errorf("%d messages were sent", x.sender.count())
	}
}

func TestOWASPAPI8SecurityMisconfiguration(t *testing.T) {
	t.Parallel()
	x := newTarget(t)
	all := append(samples(), sample{method: "GET", path: "/docs"}, sample{method: "GET", path: "/openapi.json"}, sample{method: "GET", path: "/metrics"}, sample{method: "GET", path: "/none"})
	for _, s := range all {
		for _, h := range []http.Handler{x.server.Private(), x.server.Public()} {
			for _, method := range []string{s.method, "OPTIONS", "TRACE", "PROPFIND"} {
				if method == s.method && (s.method == "DELETE" || strings.HasSuffix(s.path, "/pushes")) {
					continue // tried elsewhere
				}
				a := send(t, h, method, s.path, x.credential(t, s), s.body, append(s.headers(), "Origin", "https://evil.example.com", "Access-Control-Request-Method", s.method)...)
				x.wantPlainHeaders(t, method+" "+s.path, a)
				if method != s.method && a.status != 405 && a.status != 404 {
					t.Errorf("%s %s: got %d", method, s.path, a.status)
				}
			}
		}
	}
	// the version is told by health only, and by the private description
	for _, path := range []string{"/none", base + "/me", base + "/reports"} {
		if a := x.from(t, "203.0.113.9", "GET", path, "", ""); strings.Contains(a.body, "1.2.3") || a.header.Get("Server") != "" {
			t.Errorf("%s tells the version: %s %v", path, a.body, a.header)
		}
	}
	// a fault is not explained
	a := x.from(t, "203.0.113.9", "POST", base+"/session", "", `{"code":"panic"}`)
	for _, trace := range []string{"the-panic-text", "goroutine", ".go:", "runtime", "panic"} {
		if strings.Contains(a.body, trace) {
			t.Errorf("a panic tells %q: %s", trace, a.body)
		}
	}
	// what is repeated of a request cannot become a page
	a = x.call(t, "GET", base+"/users/%3Cscript%3Ealert(1)%3C%2Fscript%3E%20", x.admin, "")
	if strings.Contains(a.body, "<script") || a.header.Get("Content-Type") != api.ProblemType {
		t.Errorf("got %s", a.body)
	}
	// limits are on without a word
	refused := false
	for range server.DefaultRequestsPerAddress + 1 {
		refused = x.from(t, "203.0.113.200", "GET", "/none", "", "").status == http.StatusTooManyRequests
	}
	if !refused {
		t.Error("an address may ask without end by default")
	}
}

// wantPlainHeaders checks that an answer opens nothing to other pages and says nothing of what serves it.
func (x *target) wantPlainHeaders(t *testing.T, name string, a answer) {
	t.Helper()
	for header := range a.header {
		if strings.HasPrefix(header, "Access-Control-") || slices.Contains([]string{"Server", "X-Powered-By", "Set-Cookie", "Via"}, header) {
			t.Errorf("%s: has header %s", name, header)
		}
	}
	if a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: a browser may guess the type of %d %.60s", name, a.status, a.body)
	}
	kind := a.header.Get("Content-Type")
	if strings.Contains(kind, "json") && !strings.Contains(kind, "openapi") && a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: may be kept by caches: %v", name, a.header)
	}
	if strings.HasPrefix(kind, "text/html") && a.header.Get("Content-Security-Policy") == "" {
		t.Errorf("%s: a page without a policy", name)
	}
}

func TestOWASPAPI9ImproperInventoryManagement(t *testing.T) {
	t.Parallel()
	x := newTarget(t)
	text, err := os.ReadFile("../docs/api.md")
	must(t, err)
	calls := 0
	for path, methods := range x.doc.Paths {
		for method := range methods {
			calls++
			parts := strings.Split(strings.TrimPrefix(path, "/v1/apps/{appid}/"), "/")
			last := parts[len(parts)-1]
			if strings.HasPrefix(last, "{") && len(parts) > 1 {
				last = parts[len(parts)-2] + "/" + last
			}
			if !strings.Contains(string(text), last) {
				t.Errorf("docs/api.md does not name %s %s", method, path)
			}
		}
	}
	if tried := len(samples()) + len(pushed()); calls != tried {
		t.Errorf("%d calls are described, %d are tried", calls, tried)
	}
	// numbers of problems are documented, each once
	for number, code := range map[int]api.Code{
		api.NumInvalid: api.Invalid, api.NumTooManyOfAddress: api.Throttled, api.NumTooManyReports: api.Throttled, api.NumCrowded: api.Unavailable,
		api.NumSlowBody: api.Invalid, api.NumStopped: api.Unavailable, api.NumPlatformRejected: api.BadCredential,
	} {
		if row := fmt.Sprintf(`<a id="%d"></a>%d | %d %s`, number, number, number/100, code); strings.Count(string(text), row) != 1 {
			t.Errorf("docs/api.md does not have %s once", row)
		}
	}
	// no other version, no forgotten door
	for _, path := range []string{
		"/", "/v0/apps", "/v2/apps", "/api/v1/apps", "/v1", "/v1/", "/admin", "/internal", "/debug/pprof/", "/debug/vars", "/swagger.json", "/openapi.yaml", "/openapi-3.0.json",
		"/schemas/", "/.git/config", "/.env", "/server-status", "/console", "/v1/apps/" + appID + "/tokens",
	} {
		for _, h := range []http.Handler{x.server.Private(), x.server.Public()} {
			wantProblem(t, send(t, h, "GET", path, x.admin, ""), api.NumNoRoute, "")
		}
	}
	var public struct{ Paths map[string]any }
	if json.Unmarshal([]byte(send(t, x.server.Public(), "GET", "/openapi.json", "", "").body), &public) == nil && len(public.Paths) > 0 {
		t.Error("the description is public")
	}
}
