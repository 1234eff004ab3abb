package server_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
)

// one call of the API, with what it needs.
type sample struct {
	method, path string
	body         string
	scopes       []account.Scope // any of them; none: the handler decides
	open         bool
	sessionToo   bool   // takes a session token as well as a key
	session      bool   // needs a session token, and no key
	lenient      bool   // bodies with unknown fields are taken
	rows         string // the type of a streamed body
}

// headers are those that the call needs.
func (s sample) headers() []string {
	if s.rows == "" {
		return nil
	}
	return []string{"Content-Type", s.rows}
}

// credential is a good one for the call.
func (b *bundle) credential(t *testing.T, s sample) string {
	t.Helper()
	if s.session {
		return b.session(t, appID, openid)
	}
	return b.admin
}

func (s sample) name() string { return s.method + " " + strings.ReplaceAll(s.path, appID, "{appid}") }

// aCode is a form id.
const aCode = "0123456789abcdef0123456789abcdef"

// samples are all calls of the API with a key; TestEveryCallIsAmongTheSamples sees to that.
func samples() []sample {
	const message = `{"template":"` + tmplID + `","values":{"thing1":"x"}}`
	read, admin, push := []account.Scope{account.ScopeRead}, []account.Scope{account.ScopeAdmin}, []account.Scope{account.ScopePush}
	report, write := []account.Scope{account.ScopeReport}, []account.Scope{account.ScopeCampaign}
	either := []account.Scope{account.ScopeRead, account.ScopeCampaign}
	return []sample{
		{method: "GET", path: "/healthz", open: true},
		{method: "GET", path: "/readyz", open: true},
		{method: "POST", path: "/v1/apps", body: `{"app_id":"wxnewnewnewnewnew1"}`},
		{method: "GET", path: "/v1/apps"},
		{method: "POST", path: "/v1/keys", body: `{"name":"n","scopes":["read"]}`},
		{method: "GET", path: "/v1/keys"},
		{method: "DELETE", path: "/v1/keys/01JDAAAAAAAAAAAAAAAAAAAAAA"},
		{method: "GET", path: "/v1/operators"},
		{method: "POST", path: "/v1/operators/invitations", body: `{"name":""}`},
		{method: "DELETE", path: "/v1/operators/home"},
		{method: "GET", path: base, scopes: read},
		{method: "PATCH", path: base, body: `{"name":"changed"}`, scopes: admin},
		{method: "POST", path: base + "/session", body: `{"code":"code-of-` + openid + `"}`, open: true},
		{method: "POST", path: base + "/session-tokens", body: `{"openid":"` + openid + `"}`, scopes: report},
		{method: "POST", path: base + "/reports", body: `{"openid":"` + openid + `","items":[]}`, scopes: report, lenient: true, sessionToo: true},
		{method: "POST", path: base + "/permits", body: `{"openid":"` + openid + `","items":[]}`, scopes: push},
		{method: "POST", path: base + "/permits/spent", body: `{"openid":"` + openid + `","template":"` + tmplID + `"}`, scopes: push},
		{method: "POST", path: base + "/permits/import", body: `{"openid":"` + openid + `","kind":"form","code":"` + aCode + `"}`, scopes: admin, rows: api.NDJSONType},
		{method: "GET", path: base + "/permits/export", scopes: admin},
		{method: "POST", path: base + "/users/import", body: "openid,uid\n" + openid + ",u1\n", scopes: admin, rows: api.CSVType},
		{method: "PUT", path: base + "/users/" + openid + "/profile", body: `{"uid":"u1","tags":["vip"]}`, scopes: write},
		{method: "PUT", path: base + "/users/" + openid + "/opt-out", body: `{"opt_out":"all"}`, scopes: []account.Scope{account.ScopePush, account.ScopeCampaign}},
		{method: "GET", path: base + "/me", session: true},
		{method: "GET", path: base + "/scenes", scopes: admin},
		{method: "PUT", path: base + "/scenes/home", body: `{"name":"home","templates":["` + tmplID + `"]}`, scopes: admin},
		{method: "DELETE", path: base + "/scenes/home", scopes: admin},
		{method: "GET", path: base + "/users/" + openid, scopes: read},
		{method: "DELETE", path: base + "/users/" + openid, scopes: push},
		{method: "POST", path: base + "/pushes", body: `{"openid":"` + openid + `","message":` + message + `}`, scopes: push},
		{method: "POST", path: base + "/campaigns", body: `{"message":` + message + `}`, scopes: write},
		{method: "GET", path: base + "/campaigns", scopes: either},
		{method: "GET", path: base + "/campaigns/C1", scopes: either},
		{method: "GET", path: base + "/campaigns/C1/deliveries", scopes: either},
		{method: "POST", path: base + "/campaigns/C1/start", scopes: write},
		{method: "POST", path: base + "/campaigns/C1/pause", scopes: write},
		{method: "POST", path: base + "/campaigns/C1/resume", scopes: write},
		{method: "POST", path: base + "/campaigns/C1/cancel", scopes: write},
		{method: "PUT", path: base + "/campaigns/C1/audience", body: `{"openid":"` + openid + `"}`, scopes: write, rows: api.NDJSONType},
		{method: "POST", path: base + "/campaigns/C1/retry", body: `{"name":"again"}`, scopes: write},
		{method: "GET", path: base + "/reach", scopes: read},
		{method: "GET", path: base + "/stock", scopes: read},
		{method: "GET", path: base + "/flow", scopes: read},
		{method: "GET", path: base + "/templates", scopes: read},
		{method: "GET", path: base + "/templates/" + tmplID, scopes: read},
		{method: "PUT", path: base + "/templates/" + tmplID, body: `{"kind":"one_time"}`, scopes: admin},
		{method: "DELETE", path: base + "/templates/" + tmplID, scopes: admin},
		{method: "POST", path: base + "/templates/sync", scopes: admin},
		{method: "POST", path: base + "/lint", body: `{"template":"` + tmplID + `","values":{"thing1":"x"}}`, scopes: read},
		{method: "POST", path: base + "/checks", body: `{"public_url":"https://push.example.com"}`, scopes: admin},
		{method: "GET", path: "/v1/backup"},
		{method: "PUT", path: base + "/wechat-push", body: eventSettings, scopes: admin},
		{method: "GET", path: base + "/wechat-push", scopes: admin},
		{method: "DELETE", path: base + "/wechat-push", scopes: admin},
		{method: "GET", path: base + "/odd-events", scopes: read},
		{method: "POST", path: base + "/events", body: `{"events":[{"openid":"` + openid + `","name":"checkin"}]}`, scopes: report, sessionToo: true},
		{method: "POST", path: base + "/audience/count", body: `{"where":{"tag":"vip"},"template":"` + tmplID + `"}`, scopes: either},
		{method: "POST", path: base + "/audience/sample", body: `{"where":{"tag":"vip"},"sample":3}`, scopes: either},
		{method: "POST", path: base + "/schedules", body: `{"message":` + message + `,"cron":"0 20 * * *"}`, scopes: write},
		{method: "GET", path: base + "/schedules", scopes: either},
		{method: "GET", path: base + "/schedules/C1", scopes: either},
		{method: "POST", path: base + "/schedules/C1/pause", scopes: write},
		{method: "POST", path: base + "/schedules/C1/resume", scopes: write},
		{method: "POST", path: base + "/schedules/C1/end", scopes: write},
		{method: "POST", path: base + "/wechat/events", body: `{"events":[` + popupEvent + `]}`, scopes: report},
	}
}

// pushed are the calls that WeChat makes, and proves by signatures; the tests of events have them.
func pushed() []string { return []string{"GET " + base + "/wechat", "POST " + base + "/wechat"} }

func TestEveryCallIsAmongTheSamples(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var doc struct {
		OpenAPI string                                `json:"openapi"`
		Paths   map[string]map[string]json.RawMessage `json:"paths"`
	}
	a := b.call(t, "GET", "/openapi.json", "", "")
	must(t, json.Unmarshal([]byte(a.body), &doc))
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("got OpenAPI %q", doc.OpenAPI)
	}
	fill := strings.NewReplacer("{appid}", appID, "{openid}", openid, "{name}", "home")
	have := map[string]bool{}
	for _, s := range samples() {
		have[s.method+" "+s.path] = true
	}
	for _, call := range pushed() {
		have[call] = true
	}
	calls := 0
	for path, methods := range doc.Paths {
		for method := range methods {
			calls++
			id := map[bool]string{true: tmplID, false: "C1"}[strings.Contains(path, "/templates/")]
			if strings.Contains(path, "/keys/") {
				id = "01JDAAAAAAAAAAAAAAAAAAAAAA"
			}
			call := strings.ToUpper(method) + " " + fill.Replace(strings.ReplaceAll(path, "{id}", id))
			if !have[call] {
				t.Errorf("%s is not among the samples", call)
			}
		}
	}
	if calls != len(have) {
		t.Errorf("OpenAPI lists %d calls, the samples %d", calls, len(have))
	}
}

func TestCallsWithoutAGoodKeyAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	all := []account.Scope{account.ScopeReport, account.ScopeRead, account.ScopePush, account.ScopeCampaign}
	foreign := b.key(t, otherApp, account.ScopeAdmin)
	for _, s := range samples() {
		if s.open || s.session {
			continue
		}
		t.Run(s.name(), func(t *testing.T) {
			before := b.snapshot(t)
			wantProblem(t, b.call(t, s.method, s.path, "", s.body), api.NumNoCredentials, "")
			a := b.call(t, s.method, s.path, "", s.body, "Authorization", "Basic abc")
			wantProblem(t, a, api.NumNoCredentials, "")
			if a.header.Get("WWW-Authenticate") == "" {
				t.Error("a 401 without WWW-Authenticate")
			}
			for _, bad := range []string{"nonsense", "mpk_first_forged", "a.b.c", strings.Repeat("x", 5000)} {
				wantProblem(t, b.call(t, s.method, s.path, bad, s.body), api.NumBadCredentials, "")
			}
			if strings.HasPrefix(s.path, base) {
				var poor []account.Scope
				for _, scope := range all {
					if !slices.Contains(s.scopes, scope) {
						poor = append(poor, scope)
					}
				}
				wantProblem(t, b.call(t, s.method, s.path, b.key(t, appID, poor...), s.body), api.NumForbidden, "")
				// an app of another key, known or not, is the same to it
				one := b.call(t, s.method, s.path, foreign, s.body)
				two := b.call(t, s.method, strings.Replace(s.path, appID, "wxnobodyknowsthis1", 1), foreign, s.body)
				wantProblem(t, one, api.NumForbidden, "")
				if one.status != two.status || one.body != two.body {
					t.Errorf("an app that exists answers %s, one that does not %s", one.body, two.body)
				}
				for _, app := range []string{"wxnobodyknowsthis1", "%00", "a%2Fb", "%FF"} {
					path := strings.Replace(s.path, appID, app, 1)
					wantProblem(t, b.call(t, s.method, path, b.admin, s.body), api.NumNotFound, "")
				}
			}
			if after := b.snapshot(t); !sameButKeys(before, after) {
				t.Errorf("something changed:\n%s\n%s", before, after)
			}
		})
	}
}

// sameButKeys compares snapshots without the keys that the test made.
func sameButKeys(before, after string) bool {
	strip := func(s string) string {
		var kept []string
		for line := range strings.Lines(s) {
			if !strings.HasPrefix(line, "account.key") {
				kept = append(kept, line)
			}
		}
		return strings.Join(kept, "")
	}
	return strip(before) == strip(after)
}

func TestAKeyWithTheScopeIsLetIn(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	for _, s := range samples() {
		if !strings.HasPrefix(s.path, base) || s.open {
			continue
		}
		for _, scope := range s.scopes {
			a := b.call(t, s.method, s.path, b.key(t, appID, scope), s.body, s.headers()...)
			if a.status == http.StatusUnauthorized || a.status == http.StatusForbidden {
				t.Errorf("%s with scope %s: %d %s", s.name(), scope, a.status, a.body)
			}
		}
	}
}

func TestThePublicListenerHasOnlyWhatPhonesNeed(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	public := map[string]bool{
		"GET /healthz": true, "GET /readyz": true, "POST " + base + "/session": true, "POST " + base + "/reports": true,
		"GET " + base + "/me": true, "POST " + base + "/events": true,
	}
	for _, s := range samples() {
		a := send(t, b.server.Public(), s.method, s.path, b.credential(t, s), s.body)
		if public[s.method+" "+s.path] {
			want[any](t, a, http.StatusOK)
		} else {
			wantProblem(t, a, api.NumNoRoute, "")
		}
	}
	for _, path := range []string{"/metrics", "/openapi.json", "/", "/v1", "/debug/pprof/"} {
		wantProblem(t, send(t, b.server.Public(), "GET", path, b.admin, ""), api.NumNoRoute, "")
	}
}

func TestAWrongMethodIsToldTheRightOnes(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	a := b.call(t, "PUT", base, b.admin, `{}`)
	wantProblem(t, a, api.NumMethod, "")
	if got := a.header.Get("Allow"); got != "GET, PATCH" {
		t.Errorf("got Allow %q", got)
	}
	wantProblem(t, b.call(t, "GET", base+"/nothing", b.admin, ""), api.NumNoRoute, "")
}

func TestARevokedKeyIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	k := want[api.KeySecret](t, b.call(t, "POST", "/v1/keys", b.admin, `{"name":"k","app_id":"`+appID+`","scopes":["read"]}`), 201)
	want[api.App](t, b.call(t, "GET", base, k.Secret, ""), 200)
	if a := b.call(t, "DELETE", "/v1/keys/"+k.ID, b.admin, ""); a.status != 204 || a.body != "" {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	wantProblem(t, b.call(t, "GET", base, k.Secret, ""), api.NumBadCredentials, "")
	wantProblem(t, b.call(t, "DELETE", "/v1/keys/"+k.ID, b.admin, ""), api.NumNotFound, "")
}

func TestAnAppsAdminKeyManagesItsOwnAppOnly(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	own := b.key(t, appID, account.ScopeAdmin)
	foreign := want[api.KeySecret](t, b.call(t, "POST", "/v1/keys", b.admin, `{"name":"f","app_id":"`+otherApp+`","scopes":["read"]}`), 201)

	want[api.KeySecret](t, b.call(t, "POST", "/v1/keys", own, `{"name":"mine","app_id":"`+appID+`","scopes":["admin"]}`), 201)
	wantProblem(t, b.call(t, "POST", "/v1/keys", own, `{"name":"wide","scopes":["read"]}`), api.NumForbidden, "")
	wantProblem(t, b.call(t, "POST", "/v1/keys", own, `{"name":"far","app_id":"`+otherApp+`","scopes":["read"]}`), api.NumForbidden, "")
	wantProblem(t, b.call(t, "DELETE", "/v1/keys/"+foreign.ID, own, ""), api.NumNotFound, "")
	wantProblem(t, b.call(t, "DELETE", "/v1/keys/first", own, ""), api.NumNotFound, "")
	wantProblem(t, b.call(t, "POST", "/v1/apps", own, `{"app_id":"wxanotherappagain1"}`), api.NumForbidden, "")
	for _, k := range want[api.Keys](t, b.call(t, "GET", "/v1/keys", own, ""), 200).Keys {
		if k.AppID != appID {
			t.Errorf("a key of app %q is listed", k.AppID)
		}
	}
	apps := want[api.Apps](t, b.call(t, "GET", "/v1/apps", own, ""), 200).Apps
	if len(apps) != 1 || apps[0].AppID != appID {
		t.Errorf("got apps %+v, want only %s", apps, appID)
	}
	if got := want[api.Apps](t, b.call(t, "GET", "/v1/apps", b.admin, ""), 200).Apps; len(got) != 2 {
		t.Errorf("got %d apps for the admin key, want 2", len(got))
	}
}

func TestSessionsAreOfOneAppAndEnd(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	const body = `{"items":[]}`
	good := b.session(t, appID, openid)
	want[api.ReportAnswer](t, b.call(t, "POST", base+"/reports", good, body), 200)

	wantProblem(t, b.call(t, "POST", base+"/reports", b.session(t, otherApp, openid), body), api.NumBadCredentials, "")
	wantProblem(t, b.call(t, "POST", base+"/reports", good+"x", body), api.NumBadCredentials, "")
	head, _, _ := strings.Cut(good, ".")
	wantProblem(t, b.call(t, "POST", base+"/reports", head+".e30.", body), api.NumBadCredentials, "")
	wantProblem(t, b.call(t, "POST", "/v1/apps/wxnobodyknowsthis1/reports", good, body), api.NumBadCredentials, "")
	wantProblem(t, b.call(t, "GET", base+"/users/"+openid, good, ""), api.NumBadCredentials, "") // reports only
	b.clock.add(25 * time.Hour)
	wantProblem(t, b.call(t, "POST", base+"/reports", good, body), api.NumBadCredentials, "")
}

func TestOneAppNeverSeesAnothersUsers(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.deposit(t, openid, b.formID(1))
	want[api.User](t, b.call(t, "GET", base+"/users/"+openid, b.admin, ""), 200)
	wantProblem(t, b.call(t, "GET", "/v1/apps/"+otherApp+"/users/"+openid, b.admin, ""), api.NumNotFound, "")
	if app, err := b.accounts.App(t.Context(), minapush.AppID(otherApp)); err != nil || app.Number == 0 {
		t.Fatal(err)
	}
}
