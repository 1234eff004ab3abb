package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// RunFaults puts one fault at each place of a small day's work, in each form: before the effect, after it, and late, when others have
// moved on. The work goes on as the dispatcher's does: what is safe to repeat is repeated, what is not known to be marked is given back.
// Check runs after every step; in the end nobody has two messages, every user of the campaign and of the list was reached who did not
// opt out, a third campaign reached only who had not had as many as are allowed, what was told of users is known, what the platform told of accepts and messages counts once, and nothing is left in hand.
func RunFaults(t *testing.T, b Backend) {
	forms := []FaultyLine{
		{Fault: FaultBefore}, {Fault: FaultAfter}, {Fault: FaultLate, Wait: 1}, {Fault: FaultLate, Wait: 1, Behind: true},
		{Fault: FaultLate, Wait: 4}, {Fault: FaultLate},
	}
	methods := []string{
		"Deposit", "Acquire", "Renew", "Recover", "ReserveBatch", "Mark", "Settle", "ResolveSuspects", "ReservePush", "MarkPush", "SettlePush",
		"PutProfile", "BindUID", "UnbindUID", "AddListed", "Void", "Confirm", "NoteEvents",
	}
	for _, method := range methods {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			for call := 1; call <= 6; call++ {
				for _, line := range forms {
					line.Method, line.Call = method, call
					t.Run(fmt.Sprintf("call %d %s, %d calls later, behind %v", call, line.Fault, line.Wait, line.Behind), func(t *testing.T) {
						newFaultRun(t, b, line).day()
					})
				}
			}
		})
	}
}

// faultRun is one day's work over one fault.
type faultRun struct {
	t     *testing.T
	b     Backend
	inner store.Store
	st    *Faulty
	now   time.Time
	shard minapush.Shard
	lease store.Lease
	sent  map[string]int // messages that left, by batch and openid
}

const (
	faultCampaign = "campaign"
	// faultCapped is the campaign of the day that is one too many for all but the user who refused the others.
	faultCapped = "capped"
)

func newFaultRun(t *testing.T, b Backend, line FaultyLine) *faultRun {
	r := &faultRun{t: t, b: b, now: suiteAt(suiteHour), shard: minapush.Shard{App: 1}, sent: map[string]int{}}
	r.inner = b.Open(t, func() time.Time { return r.now })
	t.Cleanup(func() { _ = r.inner.Close() })
	r.st = NewFaulty(r.inner, FaultyConfig{Script: []FaultyLine{line}})
	return r
}

// day tells of users, deposits, sends a campaign and a list with a refused user in them, and pushes to some of the same users, until
// all is done; then a campaign that is one too many that day.
func (r *faultRun) day() {
	users := suiteUsers(7)
	r.tell(users)
	for _, o := range users {
		r.repeat("deposit", func(ctx context.Context) error {
			permits := []minapush.Permit{suiteSub("t", "a"), suiteSub("t", "b"), suiteSub("l", "a"), suiteSub("x", "a")}
			_, err := r.st.Deposit(ctx, r.shard, o, store.Deposit{Now: suiteAt(0), Permits: permits})
			return err
		})
	}
	r.hear(users)
	r.takeLease()
	for round := 0; !r.done(faultCampaign, len(users)) || !r.done(faultList, len(users)+1); round++ {
		if round > 50 {
			r.t.Fatal("the campaign does not end")
		}
		r.wave(store.Batch{Campaign: faultCampaign, Need: suiteOneTime("t")})
		r.wave(store.Batch{Campaign: faultList, Need: suiteOneTime("l"), Listed: true, KeepSkipped: true})
		r.push(users[round%len(users)], round)
		r.repeat("renew", func(ctx context.Context) error { return r.st.Renew(ctx, r.lease, time.Hour) })
		r.believe(faultCampaign)
		r.believe(faultList)
		r.now = r.now.Add(2 * time.Second)
	}
	for round := 0; !r.done(faultCapped, len(users)); round++ {
		if round > 50 {
			r.t.Fatal("the campaign under a cap does not end")
		}
		r.wave(store.Batch{Campaign: faultCapped, Need: suiteOneTime("x"), Guard: store.Guard{PerDay: 2, DayStart: suiteAt(-10 * suiteHour)}})
		r.believe(faultCapped)
		r.now = r.now.Add(2 * time.Second)
	}
	r.end(users)
}

// repeat does a step that is safe to repeat until its reply comes through, and checks after each try. A late repetition may find that
// an earlier one has taken effect: then it is told so.
func (r *faultRun) repeat(what string, step func(context.Context) error) {
	r.t.Helper()
	for range 5 {
		err := step(r.t.Context())
		r.check()
		if err == nil || errors.Is(err, minapush.NotFound) {
			return
		}
		if !errors.Is(err, minapush.Unavailable) {
			r.t.Fatalf("%s: %v", what, err)
		}
	}
	r.t.Fatalf("%s does not come through", what)
}

// takeLease gets a lease and recovers the shard under it. Where a reply is lost it waits for the lease to lapse and takes another one: a
// recovery that arrives late, under a lease that is still good, would end what is in hand by then.
func (r *faultRun) takeLease() {
	r.t.Helper()
	for range 5 {
		l, err := r.st.Acquire(r.t.Context(), r.shard, "me", time.Hour)
		if err == nil {
			if _, err = r.st.Recover(r.t.Context(), l, r.now); err == nil {
				r.lease = l
				r.check()
				return
			}
		}
		r.check()
		if r.b.ExpireLeases != nil {
			r.b.ExpireLeases(r.t, r.inner, time.Hour)
		}
		r.now = r.now.Add(time.Hour)
	}
	r.t.Fatal("no lease")
}

// check proves the invariants on what is stored now.
func (r *faultRun) check() {
	r.t.Helper()
	app := minapush.App{Number: r.shard.App, Shards: 1}
	scope := Scope{
		Apps:    []minapush.App{app},
		Batches: map[uint32][]string{app.Number: {faultCampaign, faultList, faultCapped, minapush.PushBatch(r.now)}},
		Kept:    map[uint32][]string{app.Number: {faultList}},
		Guards:  map[uint32]CheckGuard{app.Number: {PerDay: 2, Zone: time.UTC}},
	}
	if err := Check(context.WithoutCancel(r.t.Context()), r.inner, scope); err != nil {
		r.t.Fatalf("invariants do not hold:\n%v", err)
	}
}
