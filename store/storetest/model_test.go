package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// modelBench is a model with one shard, a lease on it and a clock that stands still.
type modelBench struct {
	t     *testing.T
	m     *Model
	lease store.Lease
	at    time.Time
}

func newModelBench(t *testing.T) *modelBench {
	t.Helper()
	b := &modelBench{t: t, at: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	b.m = NewModel(func() time.Time { return b.at })
	lease, err := b.m.Acquire(t.Context(), minapush.Shard{App: 1}, "o", time.Hour)
	b.lease = lease
	b.must(err)
	return b
}

func (b *modelBench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *modelBench) give(o minapush.OpenID, permits ...minapush.Permit) store.Deposited {
	b.t.Helper()
	d, err := b.m.Deposit(b.t.Context(), b.lease.Shard, o, store.Deposit{Now: b.at, Permits: permits})
	b.must(err)
	return d
}

func (b *modelBench) sub(id string) minapush.Permit {
	return minapush.Permit{Kind: minapush.Subscription, Template: "T", Identity: id, Uses: 1, TakenAt: b.at}
}

func (b *modelBench) form(id string) minapush.Permit {
	return minapush.Permit{Kind: minapush.FormID, Identity: id, Uses: 1, TakenAt: b.at, ExpiresAt: b.at.Add(minapush.CodeLife)}
}

func (b *modelBench) reserve(kind minapush.TemplateKind) store.Reserved {
	b.t.Helper()
	r, err := b.m.ReserveBatch(b.t.Context(), b.lease, store.Batch{
		Campaign: "c", Need: store.Need{Kind: kind, Template: "T"}, Started: b.at.Add(time.Second), Now: b.at, Limit: 10,
	})
	b.must(err)
	return r
}

func (b *modelBench) settle(x store.Settlement) {
	b.t.Helper()
	x.Now = b.at
	b.must(b.m.Settle(b.t.Context(), b.lease, []store.Settlement{x}))
}

func (b *modelBench) row(o minapush.OpenID) minapush.Delivery {
	b.t.Helper()
	d, err := b.m.Delivery(b.t.Context(), b.lease.Shard, "c", o, "")
	b.must(err)
	return d
}

func (b *modelBench) counts(o minapush.OpenID) minapush.Counts {
	b.t.Helper()
	u, err := b.m.User(b.t.Context(), b.lease.Shard, o)
	b.must(err)
	if !u.Counts.Closes() {
		b.t.Errorf("%s: sums do not close: %+v", o, u.Counts)
	}
	return u.Counts
}

func TestOneUseOfAPaymentIsHeldAtATime(t *testing.T) {
	t.Parallel()
	b := newModelBench(t)
	b.give("u", minapush.Permit{Kind: minapush.PrepayID, Identity: "wx1", Uses: 3, TakenAt: b.at, ExpiresAt: b.at.Add(minapush.CodeLife)})
	if r := b.reserve(minapush.LegacyTemplate); len(r.Rows) != 0 || r.Waiting != 1 || !r.NextDue.Equal(b.at.Add(minapush.PayReadyAfter)) {
		t.Fatalf("a permit too young gave %+v", r)
	}
	b.at = b.at.Add(minapush.PayReadyAfter)
	row := b.reserve(minapush.LegacyTemplate).Rows[0]
	if diff := cmp.Diff(minapush.Counts{Deposited: 3, Available: 2, Held: 1}, b.counts("u")); diff != "" {
		t.Error(diff)
	}
	b.settle(store.Settlement{Ref: store.RefOf(row), Permit: store.SuspectUse, Reason: "43101"})
	if diff := cmp.Diff(minapush.Counts{Deposited: 3, Available: 2, Suspect: 1}, b.counts("u")); diff != "" {
		t.Error(diff)
	}
	n, err := b.m.ResolveSuspects(t.Context(), b.lease, "c", b.at, true, 10, b.at)
	b.must(err)
	if diff := cmp.Diff(minapush.Counts{Deposited: 3, Dead: 3}, b.counts("u")); n != 1 || diff != "" {
		t.Error(n, diff)
	}
}

func TestAResentRowIsAnotherAttempt(t *testing.T) {
	t.Parallel()
	b := newModelBench(t)
	b.give("u", b.form("f"))
	first := b.reserve(minapush.LegacyTemplate).Rows[0]
	_, err := b.m.Mark(t.Context(), b.lease, []store.Ref{store.RefOf(first)}, b.at)
	b.must(err)
	b.settle(store.Settlement{Ref: store.RefOf(first), Resend: true, NotBefore: b.at.Add(time.Second)})
	second := b.row("u")
	if second.State != minapush.HeldState || second.Attempt != 2 || !second.Resend || second.Permit != first.Permit || second.Tries != 1 {
		t.Fatalf("got %+v", second)
	}
	b.settle(store.Settlement{Ref: store.RefOf(first), Outcome: minapush.Accepted, Permit: store.Spend}) // late
	if got := b.row("u"); !cmp.Equal(got, second) {
		t.Errorf("a late settlement made it %+v", got)
	}
	if r := b.reserve(minapush.LegacyTemplate); len(r.Rows) != 0 || r.Waiting != 1 {
		t.Errorf("a row not yet due gave %+v", r)
	}
}

func TestTriesAreCarriedThroughTheQueue(t *testing.T) {
	t.Parallel()
	b := newModelBench(t)
	b.give("u", b.sub("1"))
	row := b.reserve(minapush.OneTimeTemplate).Rows[0]
	_, err := b.m.Mark(t.Context(), b.lease, []store.Ref{store.RefOf(row)}, b.at)
	b.must(err)
	b.settle(store.Settlement{Ref: store.RefOf(row), Permit: store.Spend, Maybe: true, NotBefore: b.at})
	b.give("u", b.sub("2"))
	again := b.reserve(minapush.OneTimeTemplate).Rows[0]
	if again.Attempt != 2 || again.Tries != 1 {
		t.Errorf("got attempt %d after %d tries", again.Attempt, again.Tries)
	}
	b.settle(store.Settlement{Ref: store.RefOf(again), Permit: store.Burn, NotBefore: b.at})
	b.reserve(minapush.OneTimeTemplate)
	if got := b.row("u").Outcome; got != minapush.Unknown {
		t.Errorf("what may have arrived ended as %s", got)
	}
}

func TestASpentIdentityIsKnownWithinItsLife(t *testing.T) {
	t.Parallel()
	b := newModelBench(t)
	b.give("u", b.sub("1"))
	sub := b.sub("1")
	b.settle(store.Settlement{Ref: store.RefOf(b.reserve(minapush.OneTimeTemplate).Rows[0]), Outcome: minapush.Accepted, Permit: store.Spend})
	for _, c := range []struct {
		after time.Duration
		want  store.Accepted
	}{{minapush.IdentityLife - time.Millisecond, store.Duplicate}, {time.Millisecond, store.Added}} {
		b.at = b.at.Add(c.after)
		if got := b.give("u", sub).Items[0]; got != c.want {
			t.Errorf("at %s: got %d, want %d", b.at, got, c.want)
		}
	}
}

func TestErasureWaitsForWhatIsInHand(t *testing.T) {
	t.Parallel()
	b := newModelBench(t)
	b.give("u", b.sub("1"), b.sub("2"))
	row := b.reserve(minapush.OneTimeTemplate).Rows[0]
	done, err := b.m.Erase(t.Context(), b.lease.Shard, "u", b.at)
	b.must(err)
	if done || b.give("u", b.sub("3")).Items[0] != store.Refused {
		t.Fatal("erased with a delivery in hand")
	}
	b.settle(store.Settlement{Ref: store.RefOf(row), Permit: store.Release, NotBefore: b.at})
	if _, err := b.m.User(t.Context(), b.lease.Shard, "u"); !errors.Is(err, minapush.NotFound) {
		t.Errorf("after the settling: %v", err)
	}
	p, err := b.m.Progress(t.Context(), 1, 1, "c")
	b.must(err)
	if !p.Tally.Closes() || p.Tally.By[minapush.Skipped][minapush.ReasonErased] != 1 || p.ShardsDone != 1 {
		t.Errorf("sums after the erasure: %+v", p)
	}
	flow, err := b.m.Flow(t.Context(), b.lease.Shard)
	b.must(err)
	if flow[minapush.Subscription].Erased != 2 {
		t.Errorf("flow after the erasure: %+v", flow)
	}
}

func TestReopeningLosesOnlyLeases(t *testing.T) {
	t.Parallel()
	b := newModelBench(t)
	b.give("u", b.sub("1"))
	again := b.m.Reopen()
	if _, err := b.m.User(t.Context(), b.lease.Shard, "u"); !errors.Is(err, minapush.Unavailable) {
		t.Errorf("the closed one says %v", err)
	}
	if _, err := again.User(t.Context(), b.lease.Shard, "u"); err != nil {
		t.Error(err)
	}
	if err := again.Renew(t.Context(), b.lease, time.Hour); !errors.Is(err, minapush.Conflict) {
		t.Errorf("an old lease: %v", err)
	}
}

func TestACancelledStepDoesNothing(t *testing.T) {
	t.Parallel()
	b := newModelBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.m.Deposit(ctx, b.lease.Shard, "u", store.Deposit{Now: b.at})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, minapush.Unavailable) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkModelCampaign(b *testing.B) {
	for b.Loop() {
		at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
		m := NewModel(func() time.Time { return at })
		l, _ := m.Acquire(b.Context(), minapush.Shard{App: 1}, "o", time.Hour)
		for i := range 20_000 {
			p := minapush.Permit{Kind: minapush.Subscription, Template: "T", Identity: "n", Uses: 1, TakenAt: at}
			_, _ = m.Deposit(b.Context(), l.Shard, minapush.OpenID(fmt.Sprint("o", i)), store.Deposit{Now: at, Permits: []minapush.Permit{p}})
		}
		for done := false; !done; {
			r, err := m.ReserveBatch(b.Context(), l, store.Batch{
				Campaign: "c", Need: store.Need{Kind: minapush.OneTimeTemplate, Template: "T"}, Started: at.Add(time.Second), Now: at, Limit: 100,
			})
			if err != nil {
				b.Fatal(err)
			}
			var xs []store.Settlement
			for _, row := range r.Rows {
				xs = append(xs, store.Settlement{Ref: store.RefOf(row), Outcome: minapush.Accepted, Permit: store.Spend, Now: at})
			}
			_ = m.Settle(b.Context(), l, xs)
			done = r.Done && len(r.Rows) == 0
		}
	}
}
