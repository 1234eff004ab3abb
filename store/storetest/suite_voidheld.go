package storetest

import (
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// The cases of suiteVoid in which a use is held or suspect when its template is switched off.

// Each way in which a held use can end.
func (k suiteVoid) AHeldUseDiesWhenItIsGivenBackAndIsSpentIfSpent() {
	for i, c := range []struct {
		o    minapush.Outcome
		e    store.PermitEffect
		want minapush.Counts
	}{
		{minapush.Failed, store.Release, minapush.Counts{Deposited: 1, Dead: 1}},
		{minapush.Pending, store.Release, minapush.Counts{Deposited: 1, Dead: 1}}, // withdrawn
		{minapush.Failed, store.Burn, minapush.Counts{Deposited: 1, Dead: 1}},
		{minapush.RefusedByUser, store.VoidTemplate, minapush.Counts{Deposited: 1, Dead: 1}},
		{minapush.Accepted, store.Spend, minapush.Counts{Deposited: 1, Spent: 1}},
		{minapush.Unknown, store.Spend, minapush.Counts{Deposited: 1, Spent: 1}},
	} {
		o := minapush.OpenID(fmt.Sprint("u", i))
		k.give(o, suiteReport("a", 0))
		d := k.holdSub(o, "p", suiteOneTime("t"))
		k.void(o, suiteHour, 0)
		k.wantCounts(o, minapush.Counts{Deposited: 1, Held: 1})
		k.markPush(d)
		k.settlePush(suiteEnd(d, c.o, c.e))
		k.wantCounts(o, c.want)
		if left := k.user(o).Permits; len(left) != 0 {
			k.t.Errorf("after %v, %d: left are %+v", c.o, c.e, left)
		}
		k.come(o, suiteHour, store.Duplicate, suiteReport("a", 0))
	}
}

func (k suiteVoid) AHeldStandingPermitDiesHoweverItsAttemptEnds() {
	for i, c := range []struct {
		o    minapush.Outcome
		e    store.PermitEffect
		sent int64
	}{{minapush.Failed, store.Release, 0}, {minapush.Accepted, store.Spend, 1}, {minapush.Unknown, store.Spend, 0}} {
		o := minapush.OpenID(fmt.Sprint("u", i))
		k.give(o, suiteStandingAt("s", 0))
		d := k.holdSub(o, "p", suiteLongTerm("t"))
		k.void(o, 0, 0)
		k.markPush(d)
		k.settlePush(suiteEnd(d, c.o, c.e))
		u := k.user(o)
		if len(u.Permits) != 0 || u.StandingSent != c.sent {
			k.t.Errorf("after %v: left are %+v, %d sent", c.o, u.Permits, u.StandingSent)
		}
		k.come(o, suiteHour, store.Added, suiteStandingAt("again", suiteHour))
	}
}

func (k suiteVoid) AHeldStandingPermitThatWasGivenAgainLivesOn() {
	trusted := suiteStandingAt("again", -suiteHour)
	trusted.Evidence = minapush.ByBackend
	for i, c := range []struct {
		again minapush.Permit
		lives bool
	}{{suiteStandingAt("again", 0), false}, {suiteStandingAt("again", time.Second), true}, {trusted, true}} {
		o := minapush.OpenID(fmt.Sprint("u", i))
		k.give(o, suiteStandingAt("s", -time.Minute))
		d := k.holdSub(o, "p", suiteLongTerm("t"))
		k.void(o, 0, 0)
		k.come(o, suiteHour, store.Duplicate, c.again)
		k.settlePush(suiteEnd(d, minapush.Failed, store.Release))
		if left := k.user(o).Permits; (len(left) == 1) != c.lives {
			k.t.Errorf("given again as %+v: left are %+v", c.again, left)
		}
	}
}

func (k suiteVoid) WhatTheBackendGaveSinceIsNotItsConcern() {
	k.give("u", suiteReport("a", 0))
	k.void("u", 0, 1)
	k.come("u", suiteHour, store.Added, suiteTold(minapush.ByBackend, "trusted", 0))
	d := k.holdSub("u", "p", suiteOneTime("t"))
	k.void("u", 0, 0)
	k.settlePush(suiteEnd(d, minapush.Failed, store.Release))
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Dead: 1})
}

func (k suiteVoid) AHeldUseDiesHoweverLateItIsGivenBack() {
	k.give("u", suiteReport("a", 0))
	l, b := k.lease(), k.campaign("c", suiteOneTime("t"))
	d := k.suspect(l, b)
	k.void("u", 0, 0)
	k.wantCounts("u", minapush.Counts{Deposited: 1, Suspect: 1})
	late := suiteAt(2 * minapush.IdentityLife)
	k.sweep(10, late)
	n, err := k.st.ResolveSuspects(k.ctx(), l, "c", late, false, 10, late)
	k.must(err, "resolve")
	if n != 1 {
		k.t.Errorf("resolved %d", n)
	}
	k.wantCounts("u", minapush.Counts{Deposited: 1, Dead: 1})
	b.Now = late
	k.wantIdle(l, b, 0, time.Time{})
	k.wantTally("c", suiteSum{"failed 43101": 1})
	suiteEqual(k.suiteKit, "row", k.row("c", d.OpenID, "").State, minapush.Settled)
}

func (k suiteVoid) ASuspectUseDiesWhenItIsBelieved() {
	k.give("u", suiteReport("a", 0))
	l, b := k.lease(), k.campaign("c", suiteOneTime("t"))
	k.suspect(l, b)
	k.void("u", 0, 0)
	_, err := k.st.ResolveSuspects(k.ctx(), l, "c", suiteAt(suiteDay), true, 10, suiteAt(suiteDay))
	k.must(err, "resolve")
	k.wantCounts("u", minapush.Counts{Deposited: 1, Dead: 1})
}

func (k suiteVoid) AStandingPermitGivenAgainOutlivesABeliefAndNotAVoid() {
	for i, c := range []struct {
		until time.Duration
		lives bool
	}{{2 * suiteHour, true}, {3 * suiteHour, false}} {
		o, campaign := minapush.OpenID(fmt.Sprint("u", i)), fmt.Sprint("c", i)
		k.give(o, suiteStandingAt("s", 0))
		l, b := k.lease(), k.campaign(campaign, suiteLongTerm("t"))
		b.Audience = func(u *store.User) bool { return u.OpenID == o }
		k.suspect(l, b)
		k.come(o, 3*suiteHour, store.Duplicate, suiteStandingAt("again", 3*suiteHour))
		k.void(o, c.until, 0)
		_, err := k.st.ResolveSuspects(k.ctx(), l, campaign, suiteAt(2*suiteHour), true, 10, suiteAt(suiteDay))
		k.must(err, "resolve")
		if left := k.user(o).Permits; (len(left) == 1) != c.lives {
			k.t.Errorf("void until %v: left are %+v", c.until, left)
		}
		k.must(k.st.Release(k.ctx(), l), "release")
	}
}

func (k suiteVoid) WhatIsToBeSentAgainIsHeldUntilThen() {
	k.give("u", suiteReport("a", 0))
	d := k.holdSub("u", "p", suiteOneTime("t"))
	k.void("u", 0, 0)
	k.markPush(d)
	x := suiteEnd(d, minapush.Pending, store.Release)
	x.Resend = true
	d = k.settlePush(x)
	k.wantCounts("u", minapush.Counts{Deposited: 1, Held: 1})
	k.settlePush(suiteEnd(d, minapush.Failed, store.Release))
	k.wantCounts("u", minapush.Counts{Deposited: 1, Dead: 1})
}

func (k suiteVoid) RecoveriesAndSkipsKillWhatTheyGiveBack() {
	give := func(o minapush.OpenID, campaign string) (store.Lease, store.Batch) {
		k.give(o, suiteReport("a", 0))
		l, b := k.takeOver(), k.campaign(campaign, suiteOneTime("t"))
		b.Audience = func(u *store.User) bool { return u.OpenID == o }
		k.reserveOne(l, b)
		k.void(o, 0, 0)
		return l, b
	}
	give("recovered", "c1")
	l := k.takeOver()
	_, err := k.st.Recover(k.ctx(), l, suiteAt(suiteHour))
	k.must(err, "recover")
	k.wantCounts("recovered", minapush.Counts{Deposited: 1, Dead: 1})

	l, b := give("skipped", "c2")
	b.Skip = minapush.ReasonCancelled
	k.reserve(l, b)
	k.wantCounts("skipped", minapush.Counts{Deposited: 1, Dead: 1})

	k.give("push", suiteReport("a", 0))
	k.holdSub("push", "p", suiteOneTime("t"))
	k.void("push", 0, 0)
	_, err = k.st.RecoverPushes(k.ctx(), k.shard, suiteAt(suiteDay))
	k.must(err, "recover pushes")
	k.wantCounts("push", minapush.Counts{Deposited: 1, Dead: 1})
}

func (k suiteVoid) OfAPermitWithSeveralUsesThoseNotHeldDieAtOnce() {
	p := suiteReport("a", 0)
	p.Uses = 3
	for i, c := range []struct {
		o    minapush.Outcome
		e    store.PermitEffect
		want minapush.Counts
	}{
		{minapush.Failed, store.Release, minapush.Counts{Deposited: 3, Dead: 3}},
		{minapush.Accepted, store.Spend, minapush.Counts{Deposited: 3, Dead: 2, Spent: 1}},
	} {
		o := minapush.OpenID(fmt.Sprint("u", i))
		k.give(o, p)
		d := k.holdSub(o, "p", suiteOneTime("t"))
		k.void(o, 0, 2)
		k.wantCounts(o, minapush.Counts{Deposited: 3, Held: 1, Dead: 2})
		k.markPush(d)
		k.settlePush(suiteEnd(d, c.o, c.e))
		k.wantCounts(o, c.want)
	}
}
