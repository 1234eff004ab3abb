package server_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
)

const oneTime = `"template":"` + tmplID + `","values":{"thing1":"x"}`

func (b *bundle) push(t *testing.T, body, key string) answer {
	t.Helper()
	if key == "" {
		return b.call(t, "POST", base+"/pushes", b.admin, body)
	}
	return b.call(t, "POST", base+"/pushes", b.admin, body, api.IdempotencyKey, key)
}

func TestAPushIsAnsweredWithItsOutcome(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.deposit(t, openid, b.formID(1))
	body := `{"openid":"` + openid + `","message":{"template":"` + legacyID + `","keywords":"a, b","page":"pages/x"}}`
	got := want[api.Push](t, b.push(t, body, ""), 200)
	if got.Outcome != "accepted" || got.State != "settled" || got.OpenID != openid || got.Push == "" || got.Campaign != "" || got.MsgID == 0 || got.Permit != "form" || got.Tries != 1 {
		t.Fatalf("got %+v", got)
	}
	sent := b.sender.sent[0]
	if sent.Message.Values["keyword1"] != "a" || sent.Message.Values["keyword2"] != "b" || sent.Code != code(1) || !sent.Legacy {
		t.Errorf("sent %+v", sent)
	}
	u := want[api.User](t, b.call(t, "GET", base+"/users/"+openid, b.admin, ""), 200)
	if len(u.Recent) != 1 || u.Recent[0].Push != got.Push || u.Recent[0].Delivery == nil || u.Recent[0].Delivery.Outcome != "accepted" {
		t.Errorf("got recent %+v", u.Recent)
	}
	if u.Counts.Spent != 1 || u.Counts.Deposited != 1 {
		t.Errorf("got counts %+v", u.Counts)
	}
}

func TestARecentDeliveryOutlivesItsRow(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.deposit(t, openid, b.formID(1))
	got := want[api.Push](t, b.push(t, `{"openid":"`+openid+`","message":{"template":"`+legacyID+`"}}`, ""), 200)
	app, err := b.accounts.App(t.Context(), appID)
	must(t, err)
	must(t, b.model.Forget(t.Context(), app.Shard(openid), minapush.PushBatch(b.clock.now())))
	u := want[api.User](t, b.call(t, "GET", base+"/users/"+openid, b.admin, ""), 200)
	if len(u.Recent) != 1 || u.Recent[0].Push != got.Push || u.Recent[0].Delivery != nil || u.Recent[0].At.IsZero() {
		t.Errorf("got recent %+v", u.Recent)
	}
}

func TestAPushWithoutAPermitIsSkippedAndSaysWhenToRetry(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	body := `{"openid":"` + openid + `","message":{"template":"` + legacyID + `"}}`
	got := want[api.Push](t, b.push(t, body, ""), 200)
	if got.Outcome != "skipped" || got.Reason == nil || got.Reason.Code != "no_permit" || !got.RetryAt.IsZero() {
		t.Fatalf("got %+v", got)
	}
	now := b.clock.now()
	b.deposit(t, openid, minapush.Permit{
		Kind: minapush.PrepayID, Identity: "wx12345678901234", Uses: 3, TakenAt: now, ExpiresAt: now.Add(minapush.CodeLife), Evidence: minapush.ByBackend,
	})
	got = want[api.Push](t, b.push(t, body, ""), 200)
	if got.Outcome != "skipped" || !got.RetryAt.Equal(now.Add(minapush.PayReadyAfter)) {
		t.Fatalf("a payment of now: got %+v", got)
	}
	b.clock.add(minapush.PayReadyAfter)
	if got = want[api.Push](t, b.push(t, body, ""), 200); got.Outcome != "accepted" {
		t.Fatalf("later: got %+v", got)
	}
}

func TestTheSameKeyAndBodyIsTheSamePush(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.deposit(t, openid, b.formID(1), b.formID(2))
	one := want[api.Push](t, b.push(t, `{"openid":"`+openid+`","message":{"template":"`+legacyID+`","values":{"a":"1","b":"2"}}}`, "order-1"), 200)
	two := want[api.Push](t, b.push(t, ` {"message":{"values":{"b":"2","a":"1"},"template":"`+legacyID+`"}, "openid":"`+openid+`"}`, "order-1"), 200)
	if one.Replayed || !two.Replayed || one.Push != two.Push || b.sender.count() != 1 {
		t.Fatalf("got %+v and %+v, %d sent", one, two, b.sender.count())
	}
	p := wantProblem(t, b.push(t, `{"openid":"`+openid+`","message":{"template":"`+legacyID+`","values":{"a":"1","b":"3"}}}`, "order-1"), api.NumKeyReused, "header."+api.IdempotencyKey)
	if p.Status != 422 || b.sender.count() != 1 {
		t.Fatalf("got %+v, %d sent", p, b.sender.count())
	}
	for _, bad := range []string{"a b", strings.Repeat("k", 129), "键"} {
		wantProblem(t, b.push(t, `{"openid":"`+openid+`","message":{"template":"`+legacyID+`"}}`, bad), api.NumInvalid, "header."+api.IdempotencyKey)
	}
}

func TestAPushInProgressIsAConflict(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.deposit(t, openid, b.formID(1))
	entered, leave := make(chan struct{}), make(chan struct{})
	b.sender.failWith(func(minapush.Outgoing) error {
		close(entered)
		<-leave
		return nil
	})
	body := `{"openid":"` + openid + `","message":{"template":"` + legacyID + `"}}`
	first := make(chan answer, 1)
	go func() { first <- b.push(t, body, "k") }()
	<-entered
	a := b.push(t, body, "k")
	wantProblem(t, a, api.NumInProgress, "header."+api.IdempotencyKey)
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("got Retry-After %q", a.header.Get("Retry-After"))
	}
	// the user is busy: erasing waits for the delivery
	if got := want[api.Erasure](t, b.call(t, "DELETE", base+"/users/"+openid, b.admin, ""), 202); !got.Erasing {
		t.Errorf("got %+v", got)
	}
	close(leave)
	want[api.Push](t, <-first, 200)
	wantProblem(t, b.call(t, "GET", base+"/users/"+openid, b.admin, ""), api.NumNotFound, "")
}

func TestTheKillSwitchStopsPushesAndLetsThemGoOn(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.deposit(t, openid, b.formID(1))
	got := want[api.App](t, b.call(t, "PATCH", base, b.admin, `{"stopped":true}`), 200)
	if !got.Stopped || got.StoppedWhy == nil || got.StoppedWhy.Code != "operator" {
		t.Fatalf("got %+v", got)
	}
	body := `{"openid":"` + openid + `","message":{"template":"` + legacyID + `"}}`
	a := b.push(t, body, "")
	p := wantProblem(t, a, api.NumStopped, "")
	if p.Code != api.Unavailable || a.header.Get("Retry-After") != "60" {
		t.Errorf("got %+v, Retry-After %q", p, a.header.Get("Retry-After"))
	}
	if got = want[api.App](t, b.call(t, "PATCH", base, b.admin, `{"stopped":false}`), 200); got.Stopped || got.StoppedWhy != nil {
		t.Fatalf("got %+v", got)
	}
	if got := want[api.Push](t, b.push(t, body, ""), 200); got.Outcome != "accepted" {
		t.Fatalf("got %+v", got)
	}
}

func TestAPlatformThatRefusesTheAppIsToldWithoutItsText(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.deposit(t, openid, b.formID(1))
	b.sender.failWith(func(minapush.Outgoing) error {
		return &minapush.Error{Kind: minapush.BadCredential, Code: 48001, Extent: minapush.OneApp, Err: errors.New("inner hint rid")}
	})
	a := b.push(t, `{"openid":"`+openid+`","message":{"template":"`+legacyID+`"}}`, "")
	p := wantProblem(t, a, api.NumPlatformRejected, "")
	if p.Code != api.BadCredential || a.header.Get("Retry-After") == "" || strings.Contains(a.body, "hint") || p.Errcode != 48001 {
		t.Errorf("got %+v", p)
	}
	u := want[api.User](t, b.call(t, "GET", base+"/users/"+openid, b.admin, ""), 200)
	if u.Counts.Available != 1 {
		t.Errorf("the permit is not back: %+v", u.Counts)
	}
}

func TestADepositIsAnsweredItemByItem(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	body := fmt.Sprintf(`{"openid":%q,"items":[
		{"kind":"pay","prepay_id":"prepay_id=wx12345678901234","paid_at":%q},
		{"kind":"subscribe","template":%q,"count":3,"id":"order-7"},
		{"kind":"pay","prepay_id":"4200001"},
		{"kind":"subscribe","template":%q,"count":900,"id":"order-8"}]}`, openid, b.clock.now().Format(time.RFC3339), tmplID, tmplID)
	got := want[api.ReportAnswer](t, b.call(t, "POST", base+"/permits", b.admin, body), 200)
	if got.Accepted != 2 || got.Refused != 2 || got.Items[1].Added != 3 || got.Items[2].Field != "items[2].prepay_id" || got.Items[3].Reason.Code != "bad_count" {
		t.Fatalf("got %+v", got)
	}
	u := want[api.User](t, b.call(t, "GET", base+"/users/"+openid, b.admin, ""), 200)
	if len(u.Balance) != 2 || u.Balance[0].Kind != "pay" || u.Balance[0].Available != 3 || u.Balance[0].Ready != 0 || u.Balance[1].Template != tmplID || u.Balance[1].Ready != 3 {
		t.Errorf("got balance %+v", u.Balance)
	}
	if again := want[api.ReportAnswer](t, b.call(t, "POST", base+"/permits", b.admin, body), 200); again.Duplicate != 2 || again.Accepted != 0 {
		t.Errorf("repeated: got %+v", again)
	}
}
