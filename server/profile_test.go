package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/server"
	"github.com/minapush/minapush/store/storetest"
)

const users = base + "/users/"

func (b *bundle) putProfile(t *testing.T, user, body string) answer {
	t.Helper()
	return b.call(t, "PUT", users+user+"/profile", b.admin, body)
}

func TestAProfileIsReplacedAndShown(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	full := want[api.Profile](t, b.putProfile(t, openid, `{"uid":"u1","tags":["vip","b","vip"],"attributes":{"city":"北京","level":7,"beta":true}}`), 200)
	expect := api.Profile{UID: "u1", Tags: []string{"b", "vip"}, Attributes: map[string]any{"city": "北京", "level": 7.0, "beta": true}, OptOut: "none"}
	if diff := cmp.Diff(expect, full); diff != "" {
		t.Fatal(diff)
	}
	want[api.Profile](t, b.call(t, "PUT", users+openid+"/opt-out", b.admin, `{"opt_out":"campaigns"}`), 200)
	u := want[api.User](t, b.call(t, "GET", users+openid, b.admin, ""), 200)
	expect.OptOut = "campaigns"
	if diff := cmp.Diff(expect, u.Profile); diff != "" || !u.LastSeen.IsZero() || u.FirstSeen.IsZero() {
		t.Fatalf("got %+v: %s", u, diff)
	}
	bare := want[api.Profile](t, b.putProfile(t, openid, `{}`), 200)
	if diff := cmp.Diff(api.Profile{Tags: []string{}, Attributes: map[string]any{}, OptOut: "campaigns"}, bare); diff != "" {
		t.Errorf("what is absent goes, the opt-out stays: %s", diff)
	}
}

func TestAUidStandsWhereverAnOpenidDoes(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.deposit(t, openid, b.formID(1), b.formID(2))
	want[api.Profile](t, b.putProfile(t, openid, `{"uid":"客户 7/x"}`), 200)
	const uid = "uid:客户 7/x"
	path := users + url.PathEscape(uid)
	if u := want[api.User](t, b.call(t, "GET", path, b.admin, ""), 200); u.OpenID != openid {
		t.Errorf("shown: got %q", u.OpenID)
	}
	if p := want[api.Push](t, b.push(t, `{"openid":"`+uid+`","message":{"template":"`+legacyID+`"}}`, "k"), 200); p.OpenID != openid || p.Outcome != "accepted" {
		t.Errorf("push: got %+v", p)
	}
	if p := want[api.Push](t, b.push(t, `{"openid":"`+uid+`","message":{"template":"`+legacyID+`"}}`, "k"), 200); !p.Replayed {
		t.Errorf("push again: got %+v", p)
	}
	deposit := `{"openid":"` + uid + `","items":[{"kind":"subscribe","template":"` + tmplID + `","id":"i1"}]}`
	want[api.ReportAnswer](t, b.call(t, "POST", base+"/permits", b.admin, deposit), 200)
	report := `{"items":[{"type":"subscribe","template":"` + tmplID + `","result":"accept","nonce":"n1"}]`
	want[api.ReportAnswer](t, b.call(t, "POST", base+"/reports", b.admin, report+`,"openid":"`+uid+`"}`), 200)
	want[api.ReportAnswer](t, b.call(t, "POST", base+"/reports", b.admin, strings.Replace(report, "n1", "n2", 1)+`}`, api.OpenIDHeader, uid), 200)
	session := want[api.Session](t, b.call(t, "POST", base+"/session-tokens", b.admin, `{"openid":"`+uid+`"}`), 200).SessionToken
	me := want[api.Me](t, b.call(t, "GET", base+"/me", session, ""), 200)
	if me.OpenID != openid || len(me.Balance) != 2 || me.Balance[1].Available != 3 {
		t.Errorf("me: got %+v", me)
	}
	want[api.Profile](t, b.call(t, "PUT", path+"/opt-out", b.admin, `{"opt_out":"all"}`), 200)
	if a := b.call(t, "DELETE", path, b.admin, ""); a.status != 204 {
		t.Errorf("erase: got %d %s", a.status, a.body)
	}
	wantProblem(t, b.call(t, "GET", path, b.admin, ""), api.NumNotFound, "path.openid")
	wantProblem(t, b.call(t, "GET", users+openid, b.admin, ""), api.NumNotFound, "")
}

func TestAUidThatNobodyHasIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	want[api.Profile](t, b.call(t, "PUT", "/v1/apps/"+otherApp+"/users/"+openid+"/profile", b.admin, `{"uid":"u1"}`), 200) // of another app
	before := b.snapshot(t)
	for call, location := range map[string]string{
		"GET " + users + "uid:u1":          "path.openid",
		"DELETE " + users + "uid:u1":       "path.openid",
		"PUT " + users + "uid:u1/profile":  "path.openid",
		"PUT " + users + "uid:u1/opt-out":  "path.openid",
		"POST " + base + "/session-tokens": "body.openid",
		"POST " + base + "/reports":        "body.openid",
		"POST " + base + "/permits":        "body.openid",
		"POST " + base + "/permits/spent":  "body.openid",
		"POST " + base + "/pushes":         "body.openid",
		"POST " + base + "/checks":         "body.openid",
	} {
		method, path, _ := strings.Cut(call, " ")
		body := map[string]string{
			"profile": `{}`, "opt-out": `{"opt_out":"all"}`, "session-tokens": `{"openid":"uid:u1"}`, "reports": `{"openid":"uid:u1","items":[]}`,
			"permits": `{"openid":"uid:u1","items":[]}`, "spent": `{"openid":"uid:u1","template":"` + tmplID + `"}`,
			"pushes": `{"openid":"uid:u1","message":{` + oneTime + `}}`, "checks": `{"openid":"uid:u1","message":{` + oneTime + `}}`,
		}[path[strings.LastIndex(path, "/")+1:]]
		p := wantProblem(t, b.call(t, method, path, b.admin, body), api.NumNotFound, location)
		if !strings.Contains(p.Detail, "uid:u1") {
			t.Errorf("%s: got detail %q", call, p.Detail)
		}
	}
	for _, bad := range []string{"uid:", "uid:" + strings.Repeat("x", 65), "uid:a\nb"} {
		wantProblem(t, b.call(t, "GET", users+url.PathEscape(bad), b.admin, ""), api.NumInvalid, "path.openid")
	}
	if after := b.snapshot(t); before != after {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
}

func TestASessionIsNotTradedForAUid(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	want[api.Profile](t, b.putProfile(t, victim, `{"uid":"u1"}`), 200)
	a := b.call(t, "POST", base+"/reports", b.session(t, appID, openid), `{"openid":"uid:u1","items":[]}`)
	wantProblem(t, a, api.NumForbidden, "")
}

func TestAUidIsOneUsersOnly(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	want[api.Profile](t, b.putProfile(t, openid, `{"uid":"u1","tags":["a"]}`), 200)
	before := b.snapshot(t)
	wantProblem(t, b.putProfile(t, victim, `{"uid":"u1"}`), api.NumConflict, "body.uid")
	if after := b.snapshot(t); before != after {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
	want[api.Profile](t, b.putProfile(t, "uid:u1", `{"uid":"u2"}`), 200)
	want[api.Profile](t, b.putProfile(t, victim, `{"uid":"u1"}`), 200)
	for uid, o := range map[string]string{"u1": victim, "u2": openid} {
		if u := want[api.User](t, b.call(t, "GET", users+"uid:"+uid, b.admin, ""), 200); u.OpenID != o {
			t.Errorf("%s leads to %s", uid, u.OpenID)
		}
	}
}

func TestProfilesThatBreakARuleAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	many := func(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	var tags []string
	for i := range minapush.MaxTags + 1 {
		tags = append(tags, fmt.Sprintf(`"t%d"`, i))
	}
	before := b.snapshot(t)
	for _, c := range []struct{ path, body, location string }{
		{"/profile", `{"uid":"` + strings.Repeat("x", 65) + `"}`, "body.uid"},
		{"/profile", `{"uid":"a\u0000b"}`, "body.uid"},
		{"/profile", `{"uid":7}`, "body.uid"},
		{"/profile", `{"tags":[""]}`, "body.tags"},
		{"/profile", `{"tags":[` + strings.Join(tags, ",") + `]}`, "body.tags"},
		{"/profile", `{"tags":"vip"}`, "body.tags"},
		{"/profile", `{"attributes":{"a b":1}}`, "body.attributes"},
		{"/profile", `{"attributes":{"a":[1]}}`, "body.attributes.a"},
		{"/profile", `{"attributes":{"a":null}}`, "body.attributes.a"},
		{"/profile", `{"attributes":{"a":"` + strings.Repeat("x", 257) + `"}}`, "body.attributes.a"},
		{"/profile", `{"attributes":[` + many(3, "1") + `]}`, "body.attributes"},
		{"/opt-out", `{}`, "body.opt_out"},
		{"/opt-out", `{"opt_out":"everything"}`, "body.opt_out"},
		{"/opt-out", `{"opt_out":true}`, "body.opt_out"},
	} {
		wantProblem(t, b.call(t, "PUT", users+openid+c.path, b.admin, c.body), api.NumInvalid, c.location)
	}
	if after := b.snapshot(t); before != after {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
}

func TestWhoMayWriteProfiles(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	for scope, may := range map[account.Scope][2]int{
		account.ScopeReport: {403, 403}, account.ScopeRead: {403, 403}, account.ScopePush: {403, 200}, account.ScopeCampaign: {200, 200},
		account.ScopeAdmin: {200, 200},
	} {
		key := b.key(t, appID, scope)
		one := b.call(t, "PUT", users+openid+"/profile", key, `{}`)
		two := b.call(t, "PUT", users+openid+"/opt-out", key, `{"opt_out":"none"}`)
		if got := [2]int{one.status, two.status}; got != may {
			t.Errorf("scope %s: got %v, want %v", scope, got, may)
		}
	}
}

func TestAnErasureThatStoppedHalfWaySaysHowToRepeatIt(t *testing.T) {
	t.Parallel()
	var faulty *unforgetting
	b := setup(t, func(p *server.Parts, _ *server.Config) {
		faulty = &unforgetting{}
		profiles, err := audience.New(faulty, audience.Config{})
		must(t, err)
		p.Profiles = profiles
	})
	faulty.Model = b.model
	b.withApp(t)
	want[api.Profile](t, b.putProfile(t, openid, `{"uid":"u1"}`), 200)
	faulty.down = true
	p := wantProblem(t, b.call(t, "DELETE", users+"uid:u1", b.admin, ""), api.NumUnavailable, "")
	if !strings.Contains(p.Detail, openid) || strings.Contains(b.log.String(), openid) {
		t.Errorf("answered %q, logged %s", p.Detail, b.log)
	}
	faulty.down = false
	if a := b.call(t, "DELETE", users+openid, b.admin, ""); a.status != 204 {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// unforgetting is a store that forgets a uid and then loses its answer.
type unforgetting struct {
	*storetest.Model
	down bool
}

func (u *unforgetting) UnbindUID(ctx context.Context, s minapush.Shard, uid string, o minapush.OpenID) error {
	err := u.Model.UnbindUID(ctx, s, uid, o)
	if u.down {
		return minapush.Errorf(minapush.Unavailable, "the answer was lost")
	}
	return err
}

func TestMeShowsTheSessionsOwnBalance(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.deposit(t, victim, b.formID(1), b.formID(2))
	mine := b.session(t, appID, openid)
	if me := want[api.Me](t, send(t, b.server.Public(), "GET", base+"/me", mine, ""), 200); me.OpenID != openid || me.Balance == nil || len(me.Balance) != 0 || me.Scenes == nil {
		t.Errorf("nothing is known of the user: got %+v", me)
	}
	b.deposit(t, openid, b.formID(3))
	want[api.Scene](t, b.call(t, "PUT", base+"/scenes/home", b.admin, `{"templates":["`+tmplID+`"],"target":3,"cool_down_seconds":-1}`), 200)
	me := want[api.Me](t, send(t, b.server.Public(), "GET", base+"/me", mine, ""), 200)
	expect := api.Me{
		OpenID: openid, Scenes: []api.Scene{{Name: "home", Templates: []string{tmplID}, Kind: "one_time", Target: 3, CoolDownSeconds: -1}},
		Balance: []api.Balance{{Kind: "form", Available: 1, Ready: 1, NextExpiry: b.clock.now().Add(minapush.CodeLife)}},
	}
	if diff := cmp.Diff(expect, me); diff != "" {
		t.Error(diff)
	}
	for name, bad := range map[string]string{
		"no token": "", "an API key": b.admin, "another app's": b.session(t, otherApp, openid), "forged": mine + "x",
	} {
		number := map[bool]int{true: api.NumNoCredentials, false: api.NumBadCredentials}[bad == ""]
		t.Log(name)
		wantProblem(t, b.call(t, "GET", base+"/me", bad, ""), number, "")
	}
	b.clock.add(account.DefaultSessionLife)
	wantProblem(t, b.call(t, "GET", base+"/me", mine, ""), api.NumBadCredentials, "")
}

func TestScenesArePutListedAndRemoved(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	const scenes = base + "/scenes"
	got := want[api.Scene](t, b.call(t, "PUT", scenes+"/pay.done", b.admin, `{"name":"pay.done","templates":["`+tmplID+`"]}`), 200)
	if diff := cmp.Diff(api.Scene{Name: "pay.done", Templates: []string{tmplID}, Kind: "one_time", Target: 1, CoolDownSeconds: 7 * 24 * 3600}, got); diff != "" {
		t.Error(diff)
	}
	again, _ := json.Marshal(got)
	want[api.Scene](t, b.call(t, "PUT", scenes+"/pay.done", b.admin, string(again)), 200)
	if list := want[api.Scenes](t, b.call(t, "GET", scenes, b.admin, ""), 200).Scenes; len(list) != 1 || list[0].Name != "pay.done" {
		t.Errorf("got %+v", list)
	}
	if list := want[api.Scenes](t, b.call(t, "GET", "/v1/apps/"+otherApp+"/scenes", b.admin, ""), 200).Scenes; list == nil || len(list) != 0 {
		t.Errorf("another app's: got %+v", list)
	}
	wantProblem(t, b.call(t, "DELETE", base+"/templates/"+tmplID, b.admin, ""), api.NumConflict, "")
	before := b.snapshot(t)
	for _, c := range []struct{ name, body, location string }{
		{"a", `{"name":"b","templates":["` + tmplID + `"]}`, "body.name"},
		{"a%20b", `{"templates":["` + tmplID + `"]}`, "path.name"},
		{"a", `{}`, "body.templates"},
		{"a", `{"templates":[]}`, "body.templates"},
		{"a", `{"templates":["nobody-knows-it"]}`, "body.templates[0]"},
		{"a", `{"templates":["` + legacyID + `"]}`, "body.templates[0]"},
		{"a", `{"templates":["` + tmplID + `","` + tmplID + `"]}`, "body.templates[1]"},
		{"a", `{"templates":["` + tmplID + `"],"kind":"long_term"}`, "body.kind"},
		{"a", `{"templates":["` + tmplID + `"],"target":201}`, "body.target"},
		{"a", `{"templates":["` + tmplID + `"],"cool_down_seconds":-2}`, "body.cool_down_seconds"},
		{"a", `{"templates":["` + tmplID + `"],"cool_down_seconds":9000000000000000000}`, "body.cool_down_seconds"},
	} {
		wantProblem(t, b.call(t, "PUT", scenes+"/"+c.name, b.admin, c.body), api.NumInvalid, c.location)
	}
	if after := b.snapshot(t); before != after {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
	if a := b.call(t, "DELETE", scenes+"/pay.done", b.admin, ""); a.status != 204 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	wantProblem(t, b.call(t, "DELETE", scenes+"/pay.done", b.admin, ""), api.NumNotFound, "")
}
