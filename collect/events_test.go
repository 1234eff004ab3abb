package collect_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/collect"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/store"
)

// eventBundle is an intake that is wired for events.
type eventBundle struct {
	*bundle
	ledger    *delivery.Ledger
	templates templates
	stopper   stopper
}

// templates knows long-term templates and no others.
type templates struct {
	longTerm []string
	err      error
}

func (t *templates) Template(_ context.Context, _ minapush.AppID, id string) (minapush.Template, error) {
	for _, known := range t.longTerm {
		if id == known {
			return minapush.Template{ID: id, Kind: minapush.LongTermTemplate}, nil
		}
	}
	if t.err != nil {
		return minapush.Template{}, t.err
	}
	return minapush.Template{}, minapush.Errorf(minapush.NotFound, "no template %s", id)
}

type stopper struct {
	app minapush.AppID
	why minapush.Reason
	err error
}

func (s *stopper) Stop(_ context.Context, app minapush.AppID, why minapush.Reason) error {
	if s.err == nil {
		s.app, s.why = app, why
	}
	return s.err
}

func setupEvents(t testing.TB) *eventBundle {
	t.Helper()
	b := &eventBundle{bundle: setup(t)}
	b.ledger = delivery.New(b.st)
	people, err := audience.New(b.st, audience.Config{Now: b.clock.now})
	must(t, err)
	b.collect, err = collect.New(b.bank, b.ledger, collect.Config{
		Now: b.clock.now, Templates: &b.templates, Receipts: b.ledger, People: people, Stopper: &b.stopper,
	})
	must(t, err)
	return b
}

// at is a time near the clock's.
func (b *bundle) at(d time.Duration) time.Time { return b.clock.now().Add(d) }

func (b *bundle) event(t testing.TB, e minapush.Event) string {
	t.Helper()
	a, err := b.collect.Event(b.ctx, b.app, e)
	must(t, err)
	return results(a)
}

func results(a collect.EventAnswer) string {
	var list []string
	for _, it := range a.Items {
		list = append(list, string(it.Result))
	}
	return strings.Join(list, " ")
}

// popup is the event of a popup with a template and an answer each.
func popup(at time.Time, pairs ...string) minapush.Event {
	return items(minapush.EventPopup, at, pairs)
}

func change(at time.Time, pairs ...string) minapush.Event {
	return items(minapush.EventChange, at, pairs)
}

func items(typ minapush.EventType, at time.Time, pairs []string) minapush.Event {
	e := minapush.Event{Type: typ, Name: "subscribe_msg_event", OpenID: someone, At: at}
	for i := 0; i < len(pairs); i += 2 {
		e.Items = append(e.Items, minapush.EventItem{Template: pairs[i], Answer: pairs[i+1]})
	}
	e.Body = fmt.Appendf(nil, `{"FromUserName":%q,"Event":"x"}`, someone)
	return e
}

func sent(at time.Time, template string, msgID int64, errcode int, status string) minapush.Event {
	return minapush.Event{Type: minapush.EventSent, Name: "subscribe_msg_sent_event", OpenID: someone, At: at,
		Items: []minapush.EventItem{{Template: template, MsgID: msgID, Errcode: errcode, Status: status}}}
}

func TestAPopupBringsPermits(t *testing.T) {
	t.Parallel()
	b := setupEvents(t)
	b.templates.longTerm = []string{"T2"}
	e := popup(b.at(-time.Minute), "T1", "accept", "T2", "acceptWithAudio", "T3", "reject", "T4", "ban", "T5", "filter", "T6", "perhaps")
	wantEqual(t, b.event(t, e), "accepted accepted rejected banned same_title unknown")
	wantEqual(t, b.event(t, e), "duplicate duplicate rejected banned same_title unknown")
	got := b.permits(t)
	if len(got) != 2 {
		t.Fatalf("got %+v", got)
	}
	for i, want := range []minapush.PermitKind{minapush.Subscription, minapush.Standing} {
		p := got[i]
		if p.Kind != want || p.Template != fmt.Sprintf("T%d", i+1) || p.Evidence != minapush.ByEvent || !p.TakenAt.Equal(b.at(-time.Minute)) {
			t.Errorf("got %+v", p)
		}
	}
	metrics := gather(t, b.collect.Metrics())
	for name, want := range map[string]float64{
		"accepted popup": 2, "duplicate popup": 2, "rejected popup": 2, "banned popup": 2, "same_title popup": 2, "unknown popup": 2,
	} {
		wantEqual(t, metrics["minapush_collect_events_total "+name], want)
	}
}

func TestAReportAndItsEventCountOnce(t *testing.T) {
	t.Parallel()
	for name, eventFirst := range map[string]bool{"the event first": true, "the report first": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupEvents(t)
			tell := func(n int) {
				e, it := popup(b.at(0), "T1", "accept"), accept("T1", fmt.Sprint("n", n))
				if eventFirst {
					wantEqual(t, b.event(t, e), "accepted")
					wantEqual(t, b.report(t, it).Duplicate, 1)
				} else {
					wantEqual(t, b.report(t, it).Accepted, 1)
					wantEqual(t, b.event(t, e), "duplicate")
				}
				wantEqual(t, b.event(t, e), "duplicate") // WeChat's next delivery
			}
			for n := range 3 {
				tell(n)
				b.clock.add(time.Second)
			}
			got := b.permits(t)
			wantEqual(t, len(got), 3)
			for _, p := range got {
				wantEqual(t, p.Evidence, minapush.ByBoth)
			}
		})
	}
}

func TestAnEventOfLongAgoOrAheadBringsNothing(t *testing.T) {
	t.Parallel()
	b := setupEvents(t)
	wantEqual(t, b.event(t, popup(b.at(-minapush.MaxReportAge-time.Second), "T1", "accept")), "too_old")
	wantEqual(t, b.event(t, popup(b.at(6*time.Minute), "T1", "accept", "T2", "accept")), "ahead ahead")
	wantEqual(t, b.event(t, change(b.at(6*time.Minute), "T1", "reject")), "ahead")
	wantEqual(t, len(b.permits(t)), 0)
	wantEqual(t, b.event(t, popup(b.at(-minapush.MaxReportAge), "T1", "accept")), "accepted")
	wantEqual(t, b.event(t, popup(b.at(4*time.Minute), "T1", "accept")), "accepted")
}

func TestSwitchingOffVoidsEveryTemplateOfTheEvent(t *testing.T) {
	t.Parallel()
	b := setupEvents(t)
	b.templates.longTerm = []string{"T2"}
	b.event(t, popup(b.at(-2*time.Minute), "T1", "accept", "T2", "accept", "T3", "accept"))
	e := change(b.at(-time.Minute), "T1", "reject", "T2", "reject", "T9", "reject", "T3", "accept")
	wantEqual(t, b.event(t, e), "voided voided voided unknown")
	wantEqual(t, b.event(t, e), "voided voided voided unknown")
	got := b.permits(t)
	if len(got) != 1 || got[0].Template != "T3" {
		t.Errorf("got %+v", got)
	}
	// What was accepted before does not come in late, by whichever way; what was accepted later does.
	late := accept("T9", "late")
	late.AgeMS = (90 * time.Second).Milliseconds()
	a := b.report(t, late)
	wantEqual(t, a.Items[0].Reason, collect.ReasonSwitchedOff)
	wantEqual(t, a.Items[0].Status, collect.StatusRefused)
	wantEqual(t, b.event(t, popup(b.at(-90*time.Second), "T1", "accept")), "switched_off")
	wantEqual(t, b.event(t, popup(b.at(-time.Second), "T1", "accept")), "accepted")
}

func TestAFailureHalfWayLeavesARepeatSafe(t *testing.T) {
	t.Parallel()
	b := setupEvents(t)
	b.templates.err = minapush.Errorf(minapush.Unavailable, "away")
	_, err := b.collect.Event(b.ctx, b.app, popup(b.at(0), "T1", "accept"))
	if !errors.Is(err, minapush.Unavailable) {
		t.Fatalf("got %v", err)
	}
	wantEqual(t, gather(t, b.collect.Metrics())["minapush_collect_events_total failed popup"], 1)
	wantEqual(t, len(b.permits(t)), 0)
	b.templates.err = nil
	wantEqual(t, b.event(t, popup(b.at(0), "T1", "accept")), "accepted")

	v := &voidOnce{Store: b.st}
	bk, err := bank.New(v, bank.Config{Now: b.clock.now})
	must(t, err)
	c, err := collect.New(bk, b.ledger, collect.Config{Now: b.clock.now})
	must(t, err)
	e := change(b.at(time.Second), "T1", "reject", "T2", "reject")
	if _, err = c.Event(b.ctx, b.app, e); !errors.Is(err, minapush.Unavailable) {
		t.Fatalf("got %v", err)
	}
	a, err := c.Event(b.ctx, b.app, e)
	must(t, err)
	wantEqual(t, results(a), "voided voided")
	wantEqual(t, len(b.permits(t)), 0)
}

// voidOnce voids one template and fails once.
type voidOnce struct {
	store.Store
	calls int
}

func (v *voidOnce) Void(ctx context.Context, s minapush.Shard, o minapush.OpenID, template string, until, now time.Time) (int, error) {
	if v.calls++; v.calls == 2 {
		return 0, minapush.Errorf(minapush.Unavailable, "away")
	}
	return v.Store.Void(ctx, s, o, template, until, now)
}

// push lets a message begin: its row is being sent.
func (b *eventBundle) push(t testing.TB, id, template string) store.Ref {
	t.Helper()
	must(t, depositOne(b, template))
	got, err := b.bank.ReservePush(b.ctx, b.app, bank.Push{
		Batch: minapush.PushBatch(b.clock.now()), ID: id, OpenID: someone, Attempt: 1, Deadline: b.at(time.Hour),
		Need: bank.Need{Kind: minapush.OneTimeTemplate, Template: template},
	})
	must(t, err)
	wantEqual(t, got.Status, bank.PushReserved)
	ref := store.RefOf(got.Delivery)
	must(t, b.st.MarkPush(b.ctx, b.app.Shard(someone), ref, b.clock.now(), b.at(time.Hour)))
	return ref
}

func depositOne(b *eventBundle, template string) error {
	a, err := b.collect.Trusted(b.ctx, b.app, someone, []collect.TrustedItem{{
		Kind: collect.TypeSubscribe, Template: template, ID: fmt.Sprint("b", b.clock.now().UnixNano()),
	}})
	if err == nil && a.Accepted != 1 {
		err = fmt.Errorf("got %+v", a)
	}
	return err
}

func (b *eventBundle) settle(t testing.TB, ref store.Ref, outcome minapush.Outcome, reason string, msgID int64) {
	t.Helper()
	_, err := b.st.SettlePush(b.ctx, b.app.Shard(someone), store.Settlement{
		Ref: ref, Outcome: outcome, Permit: store.Spend, Reason: reason, MsgID: msgID, Now: b.clock.now(),
	})
	must(t, err)
}

func (b *eventBundle) row(t testing.TB, ref store.Ref) minapush.Delivery {
	t.Helper()
	d, err := b.ledger.Find(b.ctx, b.app, ref.Batch, someone, ref.Push)
	must(t, err)
	return d
}

func TestTheSentEventConfirmsADelivery(t *testing.T) {
	t.Parallel()
	b := setupEvents(t)
	ref := b.push(t, "push1", "T1")
	b.settle(t, ref, minapush.Accepted, "", 77)
	b.clock.add(time.Second)
	wantEqual(t, b.event(t, sent(b.at(0), "T1", 78, 0, "success")), "unmatched") // somebody else's message
	wantEqual(t, b.event(t, sent(b.at(0), "T2", 77, 0, "success")), "unmatched") // of another template
	wantEqual(t, b.row(t, ref).Confirmed, minapush.Unconfirmed)
	e := sent(b.at(0), "T1", 77, 0, "success")
	wantEqual(t, b.event(t, e), "confirmed")
	wantEqual(t, b.event(t, e), "duplicate")
	d := b.row(t, ref)
	if d.Confirmed != minapush.Delivered || d.ConfirmStatus != "success" || d.Outcome != minapush.Accepted || !d.ConfirmedAt.Equal(e.At) {
		t.Errorf("got %+v", d)
	}

	b.clock.add(time.Minute)
	ref = b.push(t, "push2", "T1")
	b.settle(t, ref, minapush.Accepted, "", 79)
	wantEqual(t, b.event(t, sent(b.at(0), "T1", 79, -1, "failed: system")), "confirmed")
	d = b.row(t, ref)
	if d.Confirmed != minapush.Undelivered || d.ConfirmStatus != "-1 failed: system" {
		t.Errorf("got %+v", d)
	}
}

func TestAnUnknownDeliveryIsSettledByTheSentEvent(t *testing.T) {
	t.Parallel()
	b := setupEvents(t)
	ref := b.push(t, "push1", "T1")
	b.clock.add(5 * time.Second)
	b.settle(t, ref, minapush.Unknown, minapush.ReasonReadTimeout, 0)
	spent := func() minapush.Counts {
		u, err := b.bank.User(b.ctx, b.app, someone)
		must(t, err)
		return u.Counts
	}
	before := spent()
	wantEqual(t, b.event(t, sent(b.at(-2*time.Minute), "T1", 77, 0, "success")), "unmatched") // before it was reserved
	wantEqual(t, b.event(t, sent(b.at(-2*time.Second), "T1", 77, 0, "success")), "settled")
	wantEqual(t, b.event(t, sent(b.at(-2*time.Second), "T1", 77, 0, "success")), "duplicate")
	d := b.row(t, ref)
	if d.Outcome != minapush.Accepted || d.Reason != minapush.ReasonConfirmed || d.MsgID != 77 || d.Confirmed != minapush.Delivered {
		t.Errorf("got %+v", d)
	}
	wantEqual(t, spent(), before)
	p, err := b.ledger.Sum(b.ctx, b.app, ref.Batch)
	must(t, err)
	wantEqual(t, p.Tally.Count(minapush.Accepted), 1)
	wantEqual(t, p.Tally.Count(minapush.Unknown), 0)
	wantEqual(t, p.Tally.Delivered, 1)
}

func TestOfTwoUnknownDeliveriesTheNearestIsMeant(t *testing.T) {
	t.Parallel()
	b := setupEvents(t)
	first := b.push(t, "push1", "T1")
	b.settle(t, first, minapush.Unknown, minapush.ReasonReadTimeout, 0)
	b.clock.add(10 * time.Minute)
	second := b.push(t, "push2", "T1")
	b.settle(t, second, minapush.Unknown, minapush.ReasonReadTimeout, 0)
	b.clock.add(2 * time.Hour)
	wantEqual(t, b.event(t, sent(b.at(0), "T1", 70, 0, "")), "unmatched") // too late for both
	wantEqual(t, b.event(t, sent(b.at(-2*time.Hour+time.Second), "T1", 72, 0, "")), "settled")
	wantEqual(t, b.row(t, second).MsgID, 72)
	wantEqual(t, b.row(t, first).Outcome, minapush.Unknown)
	wantEqual(t, b.event(t, sent(b.at(-2*time.Hour-9*time.Minute), "T1", 71, 0, "")), "settled")
	wantEqual(t, b.row(t, first).MsgID, 71)
}

func TestASentEventThatComesBeforeTheAnswerIsKept(t *testing.T) {
	t.Parallel()
	b := setupEvents(t)
	ref := b.push(t, "push1", "T1")
	wantEqual(t, b.event(t, sent(b.at(-30*time.Second), "T1", 77, 0, "success")), "confirmed") // their clock is slower
	b.settle(t, ref, minapush.Unknown, minapush.ReasonReadTimeout, 0)
	d := b.row(t, ref)
	if d.Outcome != minapush.Accepted || d.Confirmed != minapush.Delivered {
		t.Errorf("got %+v", d)
	}
	wantEqual(t, b.event(t, sent(b.at(0), "T1", 77, 0, "success")), "duplicate")
}

func TestACancelledPersonIsErased(t *testing.T) {
	t.Parallel()
	b := setupEvents(t)
	people, err := audience.New(b.st, audience.Config{Now: b.clock.now})
	must(t, err)
	b.event(t, popup(b.at(0), "T1", "accept"))
	const uid = "u1"
	_, err = people.Change(b.ctx, b.app, someone, func(p *minapush.Profile) error {
		p.UID = uid
		return nil
	})
	must(t, err)
	e := minapush.Event{Type: minapush.EventCancelled, OpenID: someone, At: b.at(time.Second), App: b.app.ID}
	other := e
	other.App = "wx9999"
	_, err = b.collect.Event(b.ctx, b.app, other)
	wantField(t, err, "AppID")
	wantEqual(t, b.event(t, e), "erased")
	wantEqual(t, b.event(t, e), "duplicate")
	wantEqual(t, len(b.permits(t)), 0)
	if _, err := b.st.UID(b.ctx, b.app.UIDShard(uid), uid); !errors.Is(err, minapush.NotFound) {
		t.Errorf("the uid still leads somewhere: %v", err)
	}
	// Who comes back is not erased by a late copy of the event.
	b.clock.add(time.Hour)
	b.report(t, accept("T1", "again"))
	wantEqual(t, b.event(t, e), "duplicate")
	wantEqual(t, len(b.permits(t)), 1)
}

func TestAPunishmentStopsTheApp(t *testing.T) {
	t.Parallel()
	for typ, want := range map[minapush.PunishmentType]string{1: "warned", 2: "stopped", 3: "stopped", 4: "stopped", 5: "noted", 10: "noted", 6: "unknown"} {
		b := setupEvents(t)
		e := minapush.Event{Type: minapush.EventPunished, At: b.at(0), App: b.app.ID, Body: []byte(`{"a":1}`), Punishment: &minapush.Punishment{
			Type: typ, ID: "13577492", Reason: strings.Repeat("违", 300), Rule: "rule",
		}}
		wantEqual(t, b.event(t, e), want)
		if want != "stopped" {
			wantEqual(t, b.stopper.app, "")
		} else {
			p := b.stopper.why.Params
			wantEqual(t, b.stopper.app, b.app.ID)
			wantEqual(t, b.stopper.why.Code, "punished")
			if p["punish_id"] != "13577492" || p["event_type"] != fmt.Sprint(int(typ)) || len(p["illegal_reason"]) != 255 || p["at"] != "2026-11-22T10:00:00Z" || len(p) != 5 {
				t.Errorf("got %v", p)
			}
			b.stopper.err = minapush.Errorf(minapush.Unavailable, "away")
			if _, err := b.collect.Event(b.ctx, b.app, e); !errors.Is(err, minapush.Unavailable) {
				t.Errorf("got %v", err)
			}
		}
		odd, err := b.collect.OddEvents(b.ctx, b.app)
		must(t, err)
		if len(odd) != 1 || odd[0].Type != "punished" || odd[0].Why != want {
			t.Errorf("got %+v", odd)
		}
	}
}

func TestAnAppCanCountByEventsAlone(t *testing.T) {
	t.Parallel()
	b := setupEvents(t)
	b.app.EventsOnly = true
	a := b.report(t, accept("T1", "n1"), form(1), collect.Item{Type: "standing", Template: "T2", Result: "accept", Nonce: "n2"},
		collect.Item{Type: "subscribe", Template: "T1", Result: "reject"})
	var got []string
	for _, it := range a.Items {
		got = append(got, string(it.Status)+" "+it.Reason)
	}
	wantEqual(t, strings.Join(got, ", "), "refused events_only, accepted , refused events_only, refused user_rejected")
	wantEqual(t, b.event(t, popup(b.at(0), "T1", "accept")), "accepted")
	wantEqual(t, b.trusted(t, collect.TrustedItem{Kind: "subscribe", Template: "T1", ID: "order1"}).Accepted, 1)
	wantEqual(t, len(b.permits(t)), 3)
}

func TestEventsThatAreNoneAreInvalid(t *testing.T) {
	t.Parallel()
	b := setupEvents(t)
	for field, e := range map[string]minapush.Event{
		"CreateTime":         popup(time.Time{}, "T1", "accept"),
		"List":               popup(b.at(0)),
		"List[0].TemplateId": popup(b.at(0), "a b", "accept"),
		"List[0].MsgID":      sent(b.at(0), "T1", 0, 0, ""),
		"openid":             {Type: minapush.EventCancelled, At: b.at(0)},
		"event_type":         {Type: minapush.EventPunished, At: b.at(0)},
	} {
		_, err := b.collect.Event(b.ctx, b.app, e)
		wantField(t, err, field)
	}
	wantEqual(t, gather(t, b.collect.Metrics())["minapush_collect_events_total unreadable popup"], 3)
	wantEqual(t, len(b.permits(t)), 0)
}
