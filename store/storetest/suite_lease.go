package storetest

import (
	"errors"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteLease struct{ *suiteKit }

// refused wants that every step under a lease is refused and changes nothing.
func (k suiteLease) refused(what string, l store.Lease) {
	k.t.Helper()
	b := k.campaign("c", suiteLegacy())
	now := suiteAt(2 * suiteHour)
	var refs []store.Ref
	var xs []store.Settlement
	for _, d := range k.list("c", 100, nil) {
		refs = append(refs, store.RefOf(d))
		xs = append(xs, suiteEnd(d, minapush.Accepted, store.Spend))
	}
	k.same(what, func() {
		k.t.Helper()
		for _, skip := range []string{"", minapush.ReasonCancelled} {
			b.Skip, b.Now = skip, now
			_, err := k.st.ReserveBatch(k.ctx(), l, b)
			k.wantKind(err, minapush.Conflict, what+": reserve batch")
		}
		_, err := k.st.Mark(k.ctx(), l, refs, now)
		k.wantKind(err, minapush.Conflict, what+": mark")
		k.wantKind(k.st.Settle(k.ctx(), l, xs), minapush.Conflict, what+": settle")
		_, err = k.st.Recover(k.ctx(), l, now)
		k.wantKind(err, minapush.Conflict, what+": recover")
		for _, believe := range []bool{true, false} {
			_, err = k.st.ResolveSuspects(k.ctx(), l, "c", now, believe, 10, now)
			k.wantKind(err, minapush.Conflict, what+": resolve suspects")
		}
		k.wantKind(k.st.Renew(k.ctx(), l, suiteTTL), minapush.Conflict, what+": renew")
		k.must(k.st.Release(k.ctx(), l), what+": release")
	})
}

// work leaves rows in every state in the shard.
func (k suiteLease) work(l store.Lease) {
	k.t.Helper()
	k.giveForms(suiteUsers(6)...)
	b := k.campaign("c", suiteLegacy())
	b.Limit = 4
	rows := k.reserve(l, b).Rows
	k.mark(l, b.Now, rows[0], rows[1])
	k.settle(l, suiteEnd(rows[1], minapush.Pending, store.SuspectUse), suiteEnd(rows[2], minapush.Pending, store.Release))
}

func (k suiteLease) IsHeldByOneAtATime() {
	l := k.lease()
	if l.Shard != k.shard || l.Owner != "node-1" {
		k.t.Errorf("got %+v", l)
	}
	for _, owner := range []string{"node-2", "node-1"} {
		_, err := k.st.Acquire(k.ctx(), k.shard, owner, suiteTTL)
		k.wantKind(err, minapush.Conflict, "acquire by "+owner)
		var e *minapush.Error
		if !errors.As(err, &e) || e.RetryAfter <= 0 || e.RetryAfter > suiteTTL {
			k.t.Errorf("acquire by %s: %+v, want RetryAfter up to %v", owner, e, suiteTTL)
		}
	}
	k.must(k.st.Renew(k.ctx(), l, suiteTTL), "renew")
}

func (k suiteLease) OfEachShardIsItsOwn() {
	first := k.lease()
	app := minapush.App{Number: 2, Shards: 2}
	second, third := k.in(app, 0).lease(), k.in(app, 1).lease()
	for _, l := range []store.Lease{first, second, third} {
		k.must(k.st.Renew(k.ctx(), l, suiteTTL), "renew")
	}
	moved := second
	moved.Shard = third.Shard
	moved.Number++ // so that it is unlike the third even if both began at the same number
	k.wantKind(k.st.Renew(k.ctx(), moved, suiteTTL), minapush.Conflict, "renew in another shard")
}

func (k suiteLease) LapsesOnTheStoresClock() {
	old := k.lease()
	k.work(old)
	l := k.takeOver()
	if l.Number <= old.Number {
		k.t.Errorf("number %d after %d", l.Number, old.Number)
	}
	k.refused("a step under a lease that lapsed", old)
	k.must(k.st.Renew(k.ctx(), l, suiteTTL), "renew of the new one")
}

func (k suiteLease) ReleasedIsFreeAndNoGoodAnyMore() {
	old := k.lease()
	k.work(old)
	k.must(k.st.Release(k.ctx(), old), "release")
	k.refused("a step under a lease that was released", old)
	l, err := k.st.Acquire(k.ctx(), k.shard, "node-1", suiteTTL) // the same owner
	k.must(err, "acquire")
	if l.Number <= old.Number {
		k.t.Errorf("number %d after %d", l.Number, old.Number)
	}
	k.refused("a step under a lease before this one", old)
	k.must(k.st.Renew(k.ctx(), l, suiteTTL), "renew of the new one")
}

func (k suiteLease) MustBeEqualInEveryField() {
	l := k.lease()
	k.work(l)
	other := l
	other.Number++
	k.refused("a step with a higher number", other)
	other.Number = l.Number - 1
	k.refused("a step with a lower number", other)
	other = l
	other.Owner = "node-2"
	k.refused("a step of another owner", other)
	other.Owner = ""
	k.refused("a step of no owner", other)
	k.must(k.st.Renew(k.ctx(), l, suiteTTL), "renew")
}

func (k suiteLease) WithoutOneNothingIsDone() {
	k.work(k.lease())
	app := minapush.App{Number: 2, Shards: 1}
	c := k.in(app, 0)
	for _, o := range suiteUsers(3) {
		c.give(o, suiteForm("a", suiteDay))
	}
	suiteLease{c}.refused("a step under no lease", store.Lease{Shard: c.shard})
	suiteLease{c}.refused("a step under an invented lease", store.Lease{Shard: c.shard, Number: 1, Owner: "node-1"})
}

func (k suiteLease) RenewingMovesItsEnd() {
	if k.b.ExpireLeases != nil {
		k.t.Skip("the store's clock is its own: there is no half of a lease")
	}
	l := k.lease()
	k.clock.advance(suiteTTL - time.Second)
	k.must(k.st.Renew(k.ctx(), l, suiteTTL), "renew")
	k.clock.advance(suiteTTL - time.Second)
	_, err := k.st.Acquire(k.ctx(), k.shard, "node-2", suiteTTL)
	k.wantKind(err, minapush.Conflict, "acquire")
	var e *minapush.Error
	if errors.As(err, &e) && e.RetryAfter > time.Second {
		k.t.Errorf("held for %v more, want at most a second", e.RetryAfter)
	}
	k.clock.advance(time.Second)
	k.must(suiteErr(k.st.Acquire(k.ctx(), k.shard, "node-2", suiteTTL)), "acquire at its end")
}

func (k suiteLease) RenewingMayShortenIt() {
	if k.b.ExpireLeases != nil {
		k.t.Skip("the store's clock is its own: there is no half of a lease")
	}
	l := k.lease()
	k.must(k.st.Renew(k.ctx(), l, time.Second), "renew")
	k.clock.advance(time.Second)
	k.must(suiteErr(k.st.Acquire(k.ctx(), k.shard, "node-2", suiteTTL)), "acquire")
}

// suiteErr drops a result.
func suiteErr[T any](_ T, err error) error { return err }

func (k suiteLease) ReleasingAnOldOneLeavesTheNewOneAlone() {
	old := k.lease()
	l := k.takeOver()
	k.must(k.st.Release(k.ctx(), old), "release of the old one")
	k.must(k.st.Renew(k.ctx(), l, suiteTTL), "renew")
	k.must(k.st.Release(k.ctx(), l), "release")
	k.must(k.st.Release(k.ctx(), l), "release again")
}

func (k suiteLease) OfThePushesThereIsNone() {
	k.giveForms("u")
	k.lease()
	d := k.hold("u", "p")
	k.markPush(d)
	k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
}
