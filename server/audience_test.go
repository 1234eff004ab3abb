package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
)

const greeting = `"template":"` + tmplID + `","values":{"thing1":"{{name}}, hello"}`

// subscriptions are permits of the one-time template.
func (b *bundle) subscription(n int) minapush.Permit {
	return minapush.Permit{
		Kind: minapush.Subscription, Template: tmplID, Identity: fmt.Sprint("nonce", n), Uses: 1, TakenAt: b.clock.now(), Evidence: minapush.ByBackend,
	}
}

func TestACampaignWithAListReachesThoseOnIt(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	for i := range 4 {
		b.deposit(t, minapush.OpenID(fmt.Sprint("oUser", i)), b.subscription(i))
	}
	want[api.Profile](t, b.putProfile(t, "oUser1", `{"uid":"u1"}`), 200)
	m := want[api.Campaign](t, b.call(t, "POST", campaigns, b.admin, `{"message":{`+greeting+`},"audience":{"list":true}}`), 201)
	if !m.Audience.List || m.Audience.Listed != 0 || m.State != "scheduled" {
		t.Fatalf("got %+v", m)
	}
	path := campaigns + "/" + m.ID
	wantProblem(t, b.call(t, "POST", path+"/start", b.admin, ""), api.NumConflict, "audience") // it is empty

	rows := "{\"openid\":\"oUser0\",\"values\":{\"name\":\"Ann\"}}\n{\"openid\":\"uid:u1\",\"values\":{\"name\":\"张三\"}}\n{\"openid\":\"oUser2\"}\n{\"openid\":\"uid:nobody\",\"values\":{\"name\":\"x\"}}\n"
	got := want[api.ListAnswer](t, b.rows(t, "PUT", path+"/audience", api.NDJSONType, rows), 200)
	if got.Rows != 4 || got.Added != 2 || got.Refused != 2 || got.Listed != 2 || len(got.Problems) != 2 || got.Problems[0].Line != 3 || got.Problems[0].Field != "values.name" || got.Problems[1].Line != 4 {
		t.Fatalf("got %+v", got)
	}
	got = want[api.ListAnswer](t, b.rows(t, "PUT", path+"/audience?first_line=5", api.CSVType, "openid,name\noUser0,Bob\noGone,Zoe\n"), 200)
	if got.Added != 1 || got.Duplicate != 1 || got.Listed != 3 {
		t.Fatalf("got %+v", got)
	}
	p := want[api.Campaign](t, b.call(t, "GET", path, b.admin, ""), 200).Progress
	if p.NotWalked == nil || *p.NotWalked != 3 || !p.SurveyedAt.IsZero() {
		t.Errorf("before the start: got %+v", p)
	}
	b.clock.add(time.Second)
	if m = want[api.Campaign](t, b.call(t, "POST", path+"/start", b.admin, ""), 200); m.Audience.Listed != 3 {
		t.Errorf("got %+v", m.Audience)
	}
	p = b.until(t, m.ID, ended).Progress
	if p.Outcomes["accepted"] != 2 || *p.NotWalked != 0 || p.Audience != 3 || p.Reasons["skipped"]["no_permit"] != 1 {
		t.Errorf("at the end: got %+v", p)
	}
	texts := map[string]string{}
	for _, sent := range b.sender.sent {
		texts[string(sent.OpenID)] = sent.Message.Values["thing1"]
	}
	if texts["oUser0"] != "Ann, hello" || texts["oUser1"] != "张三, hello" || len(texts) != 2 {
		t.Errorf("sent %v", texts)
	}
	wantProblem(t, b.rows(t, "PUT", path+"/audience", api.NDJSONType, rows), api.NumConflict, "state")
}

func TestAListThatCannotBeFilledIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	m := want[api.Campaign](t, b.call(t, "POST", campaigns, b.admin, `{"message":{`+oneTime+`}}`), 201)
	const row = `{"openid":"oUser1"}`
	wantProblem(t, b.rows(t, "PUT", campaigns+"/"+m.ID+"/audience", api.NDJSONType, row), api.NumConflict, "audience")
	for _, id := range []string{"nobody", "%00", strings.Repeat("x", 600)} {
		wantProblem(t, b.rows(t, "PUT", campaigns+"/"+id+"/audience", api.NDJSONType, row), api.NumNotFound, "")
	}
	other := "/v1/apps/" + otherApp + "/campaigns/" + m.ID + "/audience"
	wantProblem(t, b.rows(t, "PUT", other, api.NDJSONType, row), api.NumNotFound, "")
}

func TestAnAudienceThatBreaksARuleIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	before := b.snapshot(t)
	with := func(audience string) string { return `{"message":{` + oneTime + `},"audience":` + audience + `}` }
	for _, c := range []struct{ body, location string }{
		{with(`{"where":{"seen_within":"soon"}}`), "body.audience.where.seen_within"},
		{with(`{"where":{"all":[{"tag":"a"},{"seen_within":"7y"}]}}`), "body.audience.where.all[1].seen_within"},
		{with(`{"where":7}`), "body.audience.where"},
		{with(`{"where":{}}`), "body.audience.where"},
		{with(`{"list":true,"where":{"tag":"a"}}`), "body.audience.where"},
		{with(`{"listed":5}`), "body.audience.listed"},
		{with(`{"list":"yes"}`), "body.audience.list"},
		{`{"message":{` + oneTime + `},"audience":{"list":true},"start":true}`, "body.start"},
		{`{"message":{` + greeting + `}}`, "body.message.values.thing1"},
		{`{"message":{` + greeting + `},"audience":{"where":{"tag":"a"}}}`, "body.message.values.thing1"},
		{`{"message":{"template":"` + tmplID + `","values":{"thing1":"{{a b}}"}},"audience":{"list":true}}`, "body.message.values.thing1"},
	} {
		for _, query := range []string{"", "?dry_run=true"} {
			wantProblem(t, b.call(t, "POST", campaigns+query, b.admin, c.body), api.NumInvalid, c.location)
		}
	}
	wantProblem(t, b.call(t, "POST", campaigns+"?dry_run=perhaps", b.admin, with(`{}`)), api.NumInvalid, "query.dry_run")
	wantProblem(t, b.push(t, `{"openid":"o","message":{`+greeting+`}}`, ""), api.NumInvalid, "body.message.values.thing1")
	if after := b.snapshot(t); before != after {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
}

func TestACampaignOfAnExpressionReachesThoseForWhomItHolds(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	for i := range 4 {
		b.deposit(t, minapush.OpenID(fmt.Sprint("oUser", i)), b.subscription(i))
	}
	want[api.Profile](t, b.putProfile(t, "oUser2", `{"tags":["vip"]}`), 200)
	b.clock.add(time.Second)
	m := want[api.Campaign](t, b.call(t, "POST", campaigns, b.admin, `{"message":{`+oneTime+`},"audience":{"where":{"tag":"vip"}},"start":true}`), 201)
	if string(m.Audience.Where) != `{"tag":"vip"}` || m.Audience.List {
		t.Errorf("got %+v", m.Audience)
	}
	b.until(t, m.ID, ended)
	if b.sender.count() != 1 || b.sender.sent[0].OpenID != "oUser2" {
		t.Errorf("sent %+v", b.sender.sent)
	}
	if list := want[api.Campaigns](t, b.call(t, "GET", campaigns, b.admin, ""), 200); string(list.Campaigns[0].Audience.Where) != `{"tag":"vip"}` {
		t.Errorf("listed: got %+v", list.Campaigns[0])
	}
}

func TestADryRunTellsWhomACampaignWouldMeetAndMakesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	for i := range 5 {
		o := minapush.OpenID(fmt.Sprint("oUser", i))
		if b.deposit(t, o); i < 3 {
			b.deposit(t, o, b.subscription(i))
		}
	}
	dry := func(body string) api.DryRun {
		return want[api.DryRun](t, b.call(t, "POST", campaigns+"?dry_run=true", b.admin, body, api.IdempotencyKey, "k"), 200)
	}
	const body = `{"message":{` + oneTime + `},"start":true}`
	if got := dry(body); got.Users != nil || got.Reachable != nil || got.Seconds != nil || got.Narrowed {
		t.Errorf("before the first survey: got %+v", got)
	}
	want[api.Reach](t, b.call(t, "GET", base+"/reach?fresh=true", b.admin, ""), 200)
	want[api.App](t, b.call(t, "PATCH", base, b.admin, `{"rate":2}`), 200)
	before := b.snapshot(t)
	got := dry(body)
	if got.Users == nil || *got.Users != 5 || *got.Reachable != 3 || *got.Seconds != 2 || got.SurveyedAt.IsZero() || got.Narrowed {
		t.Errorf("got %+v", got)
	}
	if got = dry(`{"message":{` + oneTime + `},"audience":{"where":{"tag":"a"}}}`); *got.Reachable != 3 || !got.Narrowed {
		t.Errorf("with an expression: got %+v", got)
	}
	if got = dry(`{"message":{` + greeting + `},"audience":{"list":true}}`); !got.Narrowed {
		t.Errorf("with a list: got %+v", got)
	}
	if got = dry(`{"message":{"template":"` + legacyID + `"}}`); *got.Reachable != 0 || *got.Seconds != 0 {
		t.Errorf("of a template for which nobody has a permit: got %+v", got)
	}
	if after := b.snapshot(t); before != after {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
	want[api.Campaign](t, b.call(t, "POST", campaigns, b.admin, `{"message":{`+oneTime+`}}`, api.IdempotencyKey, "k"), 201) // the key is free
}

func TestARetryReachesThoseWhomACampaignDidNot(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	for i := range 3 {
		b.deposit(t, minapush.OpenID(fmt.Sprint("oUser", i)), b.subscription(i))
	}
	b.sender.failWith(func(m minapush.Outgoing) error {
		if m.OpenID == "oUser1" {
			return &minapush.Error{Kind: minapush.PermitDead, Code: 43107}
		}
		return nil
	})
	b.clock.add(time.Second)
	first := want[api.Campaign](t, b.call(t, "POST", campaigns, b.admin, `{"name":"n","message":{`+oneTime+`},"start":true}`), 201)
	retry := campaigns + "/" + first.ID + "/retry"
	b.until(t, first.ID, ended)
	wantProblem(t, b.call(t, "POST", retry, b.admin, `{"outcomes":["unknown"]}`), api.NumConflict, "outcomes")
	for _, bad := range []string{`["accepted"]`, `["pending"]`, `["bad"]`, `["failed","x"]`} {
		at := map[bool]string{true: "body.outcomes[1]", false: "body.outcomes[0]"}[strings.Contains(bad, "x")]
		wantProblem(t, b.call(t, "POST", retry, b.admin, `{"outcomes":`+bad+`}`), api.NumInvalid, at)
	}
	wantProblem(t, b.call(t, "POST", campaigns+"/nobody/retry", b.admin, `{}`), api.NumNotFound, "")

	b.sender.failWith(nil)
	b.deposit(t, "oUser1", b.subscription(9))
	b.clock.add(time.Second)
	again := func(body string) answer {
		return b.call(t, "POST", retry, b.admin, body, api.IdempotencyKey, "retry-1")
	}
	second := want[api.Campaign](t, again(`{"start":true}`), 201)
	if second.RetryOf != first.ID || !second.Audience.List || second.ID == first.ID || second.Name != "n" {
		t.Errorf("got %+v", second)
	}
	b.until(t, second.ID, ended)
	if last := b.sender.sent[len(b.sender.sent)-1]; b.sender.count() != 3 || last.OpenID != "oUser1" {
		t.Errorf("sent %d, last to %s", b.sender.count(), last.OpenID)
	}
	if replay := want[api.Campaign](t, again(`{"start":true}`), 200); replay.ID != second.ID {
		t.Errorf("got %+v", replay)
	}
	wantProblem(t, again(`{"start":false}`), api.NumKeyReused, "header."+api.IdempotencyKey)
}

func TestACampaignThatRunsIsNotRetried(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	m := want[api.Campaign](t, b.call(t, "POST", campaigns, b.admin, `{"message":{`+oneTime+`}}`), 201)
	wantProblem(t, b.call(t, "POST", campaigns+"/"+m.ID+"/retry", b.admin, `{}`), api.NumConflict, "state")
}
