package server_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
)

const campaigns = base + "/campaigns"

// until shows a campaign until it is as wanted.
func (b *bundle) until(t *testing.T, id string, good func(api.Campaign) bool) api.Campaign {
	t.Helper()
	var m api.Campaign
	for range 4000 {
		if m = want[api.Campaign](t, b.call(t, "GET", campaigns+"/"+id, b.admin, ""), 200); good(m) {
			return m
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("the campaign stays at %+v", m)
	return m
}

func ended(m api.Campaign) bool { return m.State == "finished" || m.State == "cancelled" }

func TestACampaignRunsAndItsSumsClose(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	for i := range 20 {
		if i < 12 {
			b.deposit(t, minapush.OpenID(fmt.Sprintf("oUser%02d", i)), b.formID(i))
		} else {
			b.deposit(t, minapush.OpenID(fmt.Sprintf("oUser%02d", i)))
		}
	}
	b.sender.failWith(func(m minapush.Outgoing) error {
		if m.OpenID == "oUser03" {
			return &minapush.Error{Kind: minapush.PermitDead, Code: 41028}
		}
		return nil
	})
	want[api.Reach](t, b.call(t, "GET", base+"/reach?fresh=true", b.admin, ""), 200)
	b.clock.add(time.Minute)

	m := want[api.Campaign](t, b.call(t, "POST", campaigns, b.admin, `{"name":"new","message":{"template":"`+legacyID+`","keywords":"a,b"}}`), 201)
	if m.State != "scheduled" || m.TemplateKind != "legacy" || m.GraceSeconds != 3600 || m.Progress != nil || m.Message.Values["keyword2"] != "b" {
		t.Fatalf("got %+v", m)
	}
	before := want[api.Campaign](t, b.call(t, "GET", campaigns+"/"+m.ID, b.admin, ""), 200).Progress
	if before.Audience != 0 || before.NotWalked == nil || *before.NotWalked != 20 || before.Shards != 4 || before.SurveyedAt.IsZero() {
		t.Fatalf("got progress %+v", before)
	}
	want[api.Campaign](t, b.call(t, "POST", campaigns+"/"+m.ID+"/start", b.admin, ""), 200)
	p := b.until(t, m.ID, ended).Progress
	sum := p.Pending
	for _, n := range p.Outcomes {
		sum += n
	}
	if p.Audience != 20 || sum != 20 || p.Outcomes["accepted"] != 11 || p.Reasons["skipped"]["no_permit"] != p.Outcomes["skipped"] || p.ShardsDone != 4 || *p.NotWalked != 0 {
		t.Fatalf("got progress %+v", p)
	}

	var all []api.Delivery
	for cursor, pages := "", 0; ; pages++ {
		page := want[api.Deliveries](t, b.call(t, "GET", campaigns+"/"+m.ID+"/deliveries?limit=3&outcome=accepted&cursor="+cursor, b.admin, ""), 200)
		if all = append(all, page.Deliveries...); page.Next == "" || pages > 100 {
			break
		}
		cursor = page.Next
	}
	seen := map[string]bool{}
	for _, d := range all {
		if seen[d.OpenID] || d.Outcome != "accepted" || d.Campaign != m.ID || d.Push != "" {
			t.Errorf("got delivery %+v", d)
		}
		seen[d.OpenID] = true
	}
	if len(all) != 11 {
		t.Errorf("got %d deliveries, want 11", len(all))
	}
	wantProblem(t, b.call(t, "GET", campaigns+"/"+m.ID+"/deliveries?outcome=maybe", b.admin, ""), api.NumInvalid, "query.outcome")
	wantProblem(t, b.call(t, "GET", campaigns+"/"+m.ID+"/deliveries?cursor=zzz", b.admin, ""), api.NumInvalid, "query.cursor")
	wantProblem(t, b.call(t, "GET", campaigns+"/nobody/deliveries", b.admin, ""), api.NumNotFound, "")
	for _, verb := range []string{"start", "pause", "resume", "cancel"} {
		wantProblem(t, b.call(t, "POST", campaigns+"/"+m.ID+"/"+verb, b.admin, ""), api.NumConflict, "state")
	}
}

func TestACampaignPausesResumesAndIsCancelled(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	m := want[api.Campaign](t, b.call(t, "POST", campaigns, b.admin, `{"message":{`+oneTime+`},"start_at":"2026-11-23T10:00:00+08:00","latest_send":"2026-11-23T14:00:00Z","grace_seconds":60,"at_least_once":true}`), 201)
	if !m.StartAt.Equal(time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)) || m.GraceSeconds != 60 || !m.AtLeastOnce || m.LatestSend.IsZero() {
		t.Fatalf("got %+v", m)
	}
	wantProblem(t, b.call(t, "POST", campaigns+"/"+m.ID+"/pause", b.admin, ""), api.NumConflict, "state")
	want[api.Campaign](t, b.call(t, "PATCH", base, b.admin, `{"stopped":true}`), 200) // so that it stays running
	for _, step := range []struct{ verb, state string }{{"start", "running"}, {"start", "running"}, {"pause", "paused"}, {"pause", "paused"}, {"resume", "running"}, {"pause", "paused"}} {
		got := want[api.Campaign](t, b.call(t, "POST", campaigns+"/"+m.ID+"/"+step.verb, b.admin, ""), 200)
		if got.State != step.state || (got.State == "paused") != (got.Why != nil) {
			t.Fatalf("%s: got %+v", step.verb, got)
		}
	}
	got := want[api.Campaign](t, b.call(t, "POST", campaigns+"/"+m.ID+"/cancel", b.admin, ""), 200)
	if got.State != "cancelling" {
		t.Fatalf("got %+v", got)
	}
	want[api.App](t, b.call(t, "PATCH", base, b.admin, `{"stopped":false}`), 200)
	if got = b.until(t, m.ID, ended); got.State != "cancelled" {
		t.Fatalf("got %+v", got)
	}
}

func TestACampaignIsMadeOncePerKey(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.deposit(t, openid, b.formID(1))
	b.clock.add(time.Second)
	create := func(body string) answer {
		return b.call(t, "POST", campaigns, b.admin, body, api.IdempotencyKey, "broadcast-1")
	}
	one := want[api.Campaign](t, create(`{"name":"n","start":true,"message":{"template":"`+legacyID+`"}}`), 201)
	if one.State != "running" {
		t.Fatalf("got %+v", one)
	}
	b.until(t, one.ID, ended)
	two := want[api.Campaign](t, create(`{"message":{"template":"`+legacyID+`"},"start":true,"name":"n"}`), 200)
	if two.ID != one.ID || two.State != "finished" || b.sender.count() != 1 {
		t.Fatalf("got %+v, %d sent", two, b.sender.count())
	}
	wantProblem(t, create(`{"name":"other","start":true,"message":{"template":"`+legacyID+`"}}`), api.NumKeyReused, "header."+api.IdempotencyKey)
	if list := want[api.Campaigns](t, b.call(t, "GET", campaigns, b.admin, ""), 200); len(list.Campaigns) != 1 || list.Next != "" {
		t.Fatalf("got %+v", list)
	}
}

func TestCampaignsAreListedPageByPage(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	var ids []string
	for range 5 {
		ids = append(ids, want[api.Campaign](t, b.call(t, "POST", campaigns, b.admin, `{"message":{`+oneTime+`}}`), 201).ID)
	}
	var got []string
	for cursor := ""; ; {
		page := want[api.Campaigns](t, b.call(t, "GET", campaigns+"?limit=2&cursor="+cursor, b.admin, ""), 200)
		for _, m := range page.Campaigns {
			got = append(got, m.ID)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	slices.Reverse(ids) // newest first
	if fmt.Sprint(got) != fmt.Sprint(ids) {
		t.Errorf("got %v, want %v", got, ids)
	}
}

func TestReachAndFlowAreTold(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	wantProblem(t, b.call(t, "GET", base+"/reach", b.admin, ""), api.NumNotFound, "")
	b.deposit(t, openid, b.formID(1), b.formID(2))
	b.deposit(t, victim)
	fresh := want[api.Reach](t, b.call(t, "GET", base+"/reach?fresh=true", b.admin, ""), 200)
	if fresh.Users != 2 || fresh.AgeSeconds != 0 || len(fresh.Templates) != 1 {
		t.Fatalf("got %+v", fresh)
	}
	if r := fresh.Templates[0]; r.Kind != "legacy" || len(r.Days) != 8 || r.Days[0] != 1 || r.Days[7] != 0 || fmt.Sprint(r.ByRemaining) != "[1 0 1 0]" {
		t.Errorf("got %+v", r)
	}
	b.clock.add(90 * time.Second)
	if later := want[api.Reach](t, b.call(t, "GET", base+"/reach", b.admin, ""), 200); later.AgeSeconds != 90 || later.At != fresh.At {
		t.Errorf("got %+v", later)
	}
	flow := want[api.Flow](t, b.call(t, "GET", base+"/flow", b.admin, ""), 200)
	if len(flow.Kinds) != 1 || flow.Kinds[0] != (api.KindFlow{Kind: "form", Deposited: 2}) {
		t.Errorf("got %+v", flow)
	}
}

func TestTemplatesArePutShownAndRemoved(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	put := `{"kind":"long_term","title":"Bus","keys":[{"key":"time1","label":"When","type":"time"}],"example":"soon"}`
	want[api.Template](t, b.call(t, "PUT", base+"/templates/bus", b.admin, put), 200)
	got := want[api.Template](t, b.call(t, "GET", base+"/templates/bus", b.admin, ""), 200)
	again, _ := json.Marshal(got)
	if back := want[api.Template](t, b.call(t, "PUT", base+"/templates/bus", b.admin, string(again)), 200); !reflect.DeepEqual(back.Keys, got.Keys) || got.ID != "bus" {
		t.Errorf("got %+v", back)
	}
	if n := len(want[api.Templates](t, b.call(t, "GET", base+"/templates", b.admin, ""), 200).Templates); n != 3 {
		t.Errorf("got %d templates", n)
	}
	if a := b.call(t, "DELETE", base+"/templates/bus", b.admin, ""); a.status != 204 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	wantProblem(t, b.call(t, "GET", base+"/templates/bus", b.admin, ""), api.NumNotFound, "")
}
