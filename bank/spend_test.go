package bank_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/store/storetest"
)

var (
	legacy  = minapush.Template{ID: "L", Kind: minapush.LegacyTemplate}
	oneTime = minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate}
)

func (b *bundle) spent(t testing.TB, e bank.Elsewhere) minapush.Delivery {
	t.Helper()
	d, replayed, err := b.bank.Spent(b.ctx, b.app, e)
	must(t, err)
	wantEqual(t, replayed, false)
	return d
}

func TestAMessageSentElsewhereTakesAPermit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deposit(t, "oA", b.form(1, 0), b.form(2, day), b.subscribe(3, "T"))
	d := b.spent(t, bank.Elsewhere{ID: "p1", OpenID: "oA", Template: legacy, MsgID: 42})
	now := b.clock.now()
	want := minapush.Delivery{
		Batch: minapush.PushBatch(now), OpenID: "oA", Push: "p1", State: minapush.Settled, Outcome: minapush.Accepted, Reason: minapush.ReasonElsewhere,
		MsgID: 42, Permit: d.Permit, Attempt: 1, Tries: 1, ReservedAt: now, SettledAt: now,
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
	wantEqual(t, d.Permit.Identity, b.form(2, day).Identity) // it ends first
	u := b.user(t, "oA")
	wantEqual(t, u.Counts, minapush.Counts{Deposited: 3, Available: 2, Spent: 1})
	wantEqual(t, u.Busy == nil, true)
	kept, err := b.st.Delivery(b.ctx, b.app.Shard("oA"), d.Batch, "oA", "p1")
	must(t, err)
	wantEqual(t, kept.Outcome, minapush.Accepted)
	p, err := b.st.Progress(b.ctx, b.app.Number, b.app.Shards, d.Batch)
	must(t, err)
	wantEqual(t, p.Tally.By[minapush.Accepted][minapush.ReasonElsewhere], 1)
}

func TestTheCodeNamesThePermitThatWasUsed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pay := b.pay(1, time.Hour)
	b.deposit(t, "oA", b.form(2, day), pay)
	d := b.spent(t, bank.Elsewhere{ID: "p1", OpenID: "oA", Template: legacy, Code: "prepay_id=" + pay.Identity})
	wantEqual(t, d.Permit.Identity, pay.Identity)
	wantEqual(t, b.user(t, "oA").Counts.Available, 3)
	d = b.spent(t, bank.Elsewhere{ID: "p2", OpenID: "oA", Template: legacy, Code: b.form(9, 0).Identity})
	wantEqual(t, d.Outcome, minapush.Skipped)
	wantEqual(t, d.Reason, minapush.ReasonNoPermit)
	wantEqual(t, b.user(t, "oA").Counts.Available, 3)
}

func TestThePermitIsOneThatWasReadyThen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deposit(t, "oA", b.form(1, 7*day-time.Hour), b.form(2, 0))
	sent := b.clock.now()
	b.clock.add(2 * time.Hour) // the first has ended meanwhile
	d := b.spent(t, bank.Elsewhere{ID: "p1", OpenID: "oA", Template: legacy, SentAt: sent})
	wantEqual(t, d.Permit.Identity, b.form(1, 0).Identity)
	wantEqual(t, d.SettledAt.Equal(sent), true)
	d = b.spent(t, bank.Elsewhere{ID: "p2", OpenID: "oA", Template: legacy, SentAt: b.clock.now().Add(time.Minute)})
	wantEqual(t, d.SettledAt.Equal(b.clock.now()), true)
}

func TestTheSameKeyTakesOnePermit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deposit(t, "oA", b.form(1, 0), b.form(2, 0))
	e := bank.Elsewhere{ID: "p1", OpenID: "oA", Template: legacy, Key: "k", Fingerprint: 1}
	first := b.spent(t, e)
	e.ID = "p2"
	again, replayed, err := b.bank.Spent(b.ctx, b.app, e)
	must(t, err)
	wantEqual(t, replayed, true)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Error(diff)
	}
	e.Fingerprint = 2
	_, _, err = b.bank.Spent(b.ctx, b.app, e)
	wantConflict(t, err, 0)
	wantEqual(t, b.user(t, "oA").Counts.Spent, 1)
}

func wantConflict(t testing.TB, err error, retry time.Duration) {
	t.Helper()
	var e *minapush.Error
	if !errors.As(err, &e) || e.Kind != minapush.Conflict || e.Field != "Idempotency-Key" || e.RetryAfter != retry {
		t.Fatalf("got %v", err)
	}
}

func TestABusyUserIsToBeAskedForAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deposit(t, "oA", b.form(1, 0), b.form(2, 0))
	b.hold(t, "oA", "other")
	_, _, err := b.bank.Spent(b.ctx, b.app, bank.Elsewhere{ID: "p1", OpenID: "oA", Template: legacy})
	wantKind(t, err, minapush.Throttled)
	var e *minapush.Error
	wantEqual(t, errors.As(err, &e) && e.RetryAfter == time.Second, true)
}

func TestWhatCannotHaveBeenSentIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deposit(t, "oA", b.form(1, 0), b.subscribe(1, "T"))
	for field, e := range map[string]bank.Elsewhere{
		"openid":  {ID: "p1", OpenID: "a b", Template: legacy},
		"sent_at": {ID: "p1", OpenID: "oA", Template: legacy, SentAt: b.clock.now().Add(time.Hour)},
		"code":    {ID: "p1", OpenID: "oA", Template: oneTime, Code: "x"},
	} {
		_, _, err := b.bank.Spent(b.ctx, b.app, e)
		wantField(t, err, field)
	}
	_, _, err := b.bank.Spent(b.ctx, b.app, bank.Elsewhere{ID: "p1", OpenID: "oA", Template: legacy, SentAt: b.clock.now().Add(-31 * day)})
	wantField(t, err, "sent_at")
	wantEqual(t, b.user(t, "oA").Counts.Available, 2)
}

// TestNoFaultOfTheStoreLosesAPermit breaks each step, before and after its effect, and recovers.
func TestNoFaultOfTheStoreLosesAPermit(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"ReservePush", "MarkPush", "SettlePush"} {
		for _, fault := range []storetest.Fault{storetest.FaultBefore, storetest.FaultAfter} {
			for times := range 5 {
				t.Run(fmt.Sprintf("%s %v %d", method, fault, times), func(t *testing.T) {
					t.Parallel()
					b := setup(t)
					b.deposit(t, "oA", b.form(1, 0), b.form(2, 0))
					var script []storetest.FaultyLine
					for range times {
						script = append(script, storetest.FaultyLine{Method: method, Fault: fault})
					}
					faulty, err := bank.New(storetest.NewFaulty(b.st, storetest.FaultyConfig{Script: script}), bank.Config{Now: b.clock.now})
					must(t, err)
					e := bank.Elsewhere{ID: "p1", OpenID: "oA", Template: legacy, Key: "k"}
					d, replayed, err := faulty.Spent(b.ctx, b.app, e)
					wantEqual(t, replayed, false)
					if err == nil {
						wantEqual(t, d.Outcome, minapush.Accepted)
					} else {
						wantKind(t, err, minapush.Unavailable)
						wantEqual(t, times >= 3, true)
					}
					b.clock.add(2 * time.Minute)
					_, err = b.st.RecoverPushes(b.ctx, b.app.Shard("oA"), b.clock.now())
					must(t, err)
					e.ID = "p2" // told again, with the key of the first
					d, _, err = b.bank.Spent(b.ctx, b.app, e)
					must(t, err)
					wantEqual(t, d.Outcome == minapush.Accepted || d.Outcome == minapush.Unknown, true)
					u := b.user(t, "oA")
					wantEqual(t, u.Counts, minapush.Counts{Deposited: 2, Available: 1, Spent: 1})
					wantEqual(t, u.Busy == nil, true)
				})
			}
		}
	}
}
