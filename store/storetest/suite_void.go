package storetest

import (
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteVoid struct{ *suiteKit }

// void switches the template "t" off, and wants so many uses to die.
func (k suiteVoid) void(o minapush.OpenID, until time.Duration, died int) {
	k.t.Helper()
	got, err := k.st.Void(k.ctx(), k.shard, o, "t", suiteAt(until), suiteAt(suiteHour))
	k.must(err, "void")
	if got != died {
		k.t.Errorf("void of %s until %v: %d uses died, want %d", o, until, got, died)
	}
}

// come deposits permits at a time and wants the same answer to each.
func (k suiteVoid) come(o minapush.OpenID, now time.Duration, want store.Accepted, permits ...minapush.Permit) {
	k.t.Helper()
	for i, a := range k.deposit(o, store.Deposit{Now: suiteAt(now), Permits: permits}).Items {
		if a != want {
			k.t.Errorf("permit %d of %s at %v: got %d, want %d", i, o, now, a, want)
		}
	}
}

// holdSub holds a push of the template "t", or of the long-term one of that name.
func (k suiteVoid) holdSub(o minapush.OpenID, id string, need store.Need) minapush.Delivery {
	k.t.Helper()
	p := k.askPush(o, id)
	p.Need = need
	return k.reservePush(p, store.PushReserved).Delivery
}

func suiteStandingAt(id string, at time.Duration) minapush.Permit {
	p := suiteStanding("t", id)
	p.TakenAt = suiteAt(at)
	return p
}

func (k suiteVoid) WhatIsAvailableAndWasTakenByThenDies() {
	k.give("u", suiteReport("before", -suiteHour), suiteReport("at", 0), suiteReport("after", time.Second),
		suiteTold(minapush.ByBackend, "trusted", -time.Minute), suiteStandingAt("s", 0))
	k.void("u", 999*time.Millisecond, 4) // to the second
	u := k.user("u")
	if len(u.Permits) != 1 || !u.Permits[0].TakenAt.Equal(suiteAt(time.Second)) {
		k.t.Errorf("left are %+v, want what was taken a second later", u.Permits)
	}
	suiteEqual(k.suiteKit, "counts", u.Counts, minapush.Counts{Deposited: 4, Available: 1, Dead: 3})
	suiteEqual(k.suiteKit, "flow", k.flow(), map[minapush.PermitKind]minapush.Counts{minapush.Subscription: {Deposited: 4, Dead: 3}})
	if !u.LastSeen.Equal(suiteAt(0)) {
		k.t.Errorf("last seen at %v: a void is not a visit", u.LastSeen)
	}
}

func (k suiteVoid) AStandingPermitDiesUnlessItWasTakenLater() {
	k.give("u", suiteStandingAt("s", time.Second))
	k.void("u", 0, 0)
	if len(k.user("u").Permits) != 1 {
		k.t.Error("it died, and was taken later")
	}
	k.void("u", time.Second, 1)
	if left := k.user("u").Permits; len(left) != 0 {
		k.t.Errorf("left are %+v", left)
	}
	suiteEqual(k.suiteKit, "flow", k.flow(), map[minapush.PermitKind]minapush.Counts{})
}

func (k suiteVoid) OtherTemplatesCodesAndUsersAreLeftAlone() {
	other, form := suiteSub("another", "a"), suiteForm(suiteCode(1), suiteDay)
	form.Template = "t"
	standing := suiteStanding("another", "s")
	k.give("u", other, form, standing)
	k.give("v", suiteReport("a", 0))
	before := k.user("u")
	k.void("u", suiteHour, 0)
	suiteEqual(k.suiteKit, "user", k.user("u"), before)
	k.wantCounts("v", minapush.Counts{Deposited: 1, Available: 1})
	standing.Identity = "s2"
	k.come("u", suiteHour, store.Added, suiteSub("another", "b"))
	k.come("u", suiteHour, store.Duplicate, standing)
	k.come("v", suiteHour, store.Added, suiteReport("b", 0))
}

func (k suiteVoid) WhatWasTakenByThenDoesNotComeInAnyMore() {
	k.give("u", suiteReport("first", 0))
	k.void("u", 0, 1)
	end := minapush.IdentityLife
	for i, now := range []time.Duration{suiteHour, suiteDay, end - time.Millisecond} {
		id := fmt.Sprint("late", i)
		k.come("u", now, store.SwitchedOff, suiteReport(id, 0), suiteEvent(id+"e", -suiteHour), suiteStandingAt(id, 0))
		if left := k.user("u").Permits; len(left) != 0 {
			k.t.Fatalf("came in: %+v", left)
		}
	}
	k.wantCounts("u", minapush.Counts{Deposited: 1, Dead: 1})
	k.come("u", suiteHour, store.Added, suiteTold(minapush.ByBackend, "trusted", 0), suiteReport("after", time.Second))
	k.come("u", end, store.Added, suiteReport("late0", 0), suiteStandingAt("late0", 0))
}

func (k suiteVoid) ASweepForgetsItWhenItIsOver() {
	k.give("u", suiteReport("first", 0))
	k.void("u", 0, 1)
	before := minapush.IdentityLife - time.Second
	k.sweep(10, suiteAt(before))
	k.come("u", before, store.SwitchedOff, suiteReport("a", 0))
	k.sweep(10, suiteAt(minapush.IdentityLife))
	k.come("u", minapush.IdentityLife, store.Added, suiteReport("a", 0))
}

func (k suiteVoid) ATrustedStandingPermitComesInAllTheSame() {
	k.give("u", suiteReport("a", 0))
	k.void("u", 0, 1)
	p := suiteStandingAt("s", 0)
	p.Evidence = minapush.ByBackend
	k.come("u", suiteHour, store.Added, p)
}

func (k suiteVoid) TheAnswersHaveTheirOrder() {
	k.give("u", suiteReport("known", 0))
	k.void("u", 0, 1)
	stale := suiteReport("stale", -suiteHour)
	stale.ExpiresAt = suiteAt(0)
	k.come("u", suiteHour, store.Stale, stale)
	k.come("u", suiteHour, store.Duplicate, suiteReport("known", 0))
	k.come("u", suiteHour, store.Duplicate, suiteEvent("its event", 0))
	k.come("u", suiteHour, store.SwitchedOff, suiteEvent("an event", 0), suiteReport("its report", 0))
	got := k.deposit("u", store.Deposit{Now: suiteAt(suiteHour), MaxSections: 1, Permits: []minapush.Permit{
		suiteSub("another", "a"), suiteReport("off", 0), suiteReport("on", time.Second),
	}})
	suiteEqual(k.suiteKit, "answers", got.Items, []store.Accepted{store.Added, store.SwitchedOff, store.Refused})
}

func (k suiteVoid) WhatIsSwitchedOffLeavesNothingBehind() {
	k.give("u", suiteReport("first", -suiteDay))
	k.void("u", 0, 1)
	k.come("u", suiteHour, store.SwitchedOff, suiteReport("off", 0))
	k.come("u", suiteHour, store.Added, suiteEvent("on", time.Second)) // the report does not pair
	k.come("u", minapush.IdentityLife, store.Added, suiteReport("off", -minapush.PairWithin))
}

func (k suiteVoid) RepeatingOrAnEarlierOneChangesNothing() {
	k.give("u", suiteReport("a", 0), suiteReport("b", suiteHour))
	k.void("u", 0, 1)
	k.come("u", suiteHour, store.Added, suiteTold(minapush.ByBackend, "trusted", 0))
	k.same("voids that tell nothing new", func() {
		k.void("u", 0, 0)
		k.void("u", 999*time.Millisecond, 0)
		k.void("u", -suiteDay, 0)
	})
	k.come("u", suiteHour, store.SwitchedOff, suiteReport("c", 0))
	k.void("u", suiteHour, 2)
	k.wantCounts("u", minapush.Counts{Deposited: 3, Dead: 3})
	k.come("u", suiteHour, store.SwitchedOff, suiteReport("d", suiteHour))
}

func (k suiteVoid) SomebodyUnknownBecomesAUserWhoWasNeverSeen() {
	k.void("new", 0, 0)
	u := k.user("new")
	if !u.FirstSeen.Equal(suiteAt(suiteHour)) || !u.LastSeen.IsZero() || len(u.Permits) != 0 {
		k.t.Errorf("got %+v", u)
	}
	k.same("repeating", func() { k.void("new", 0, 0) })
	k.come("new", 2*suiteHour, store.SwitchedOff, suiteReport("a", 0))
	if seen := k.user("new").LastSeen; !seen.Equal(suiteAt(2 * suiteHour)) {
		k.t.Errorf("last seen at %v", seen)
	}
	k.come("new", 2*suiteHour, store.Added, suiteReport("b", suiteHour))
	k.wantCounts("new", minapush.Counts{Deposited: 1, Available: 1})
}

func (k suiteVoid) AUserBeingErasedIsLeftAlone() {
	k.give("u", suiteReport("a", 0), suiteReport("b", time.Second))
	d := k.holdSub("u", "p", suiteOneTime("t"))
	done, err := k.st.Erase(k.ctx(), k.shard, "u", suiteAt(suiteHour))
	k.must(err, "erase")
	if done {
		k.t.Fatal("erased with a delivery in hand")
	}
	k.same("a void while being erased", func() { k.void("u", suiteHour, 0) })
	k.rowsGo()
	k.settlePush(suiteEnd(d, minapush.Failed, store.Release))
	suiteEqual(k.suiteKit, "flow", k.flow(), map[minapush.PermitKind]minapush.Counts{minapush.Subscription: {Deposited: 2, Erased: 2}})
}

func (k suiteVoid) AnErasureCountsWhatIsHeldAsItEnds() {
	k.give("u", suiteReport("a", 0), suiteReport("b", suiteHour))
	d := k.holdSub("u", "p", suiteOneTime("t"))
	k.void("u", 0, 0)
	_, err := k.st.Erase(k.ctx(), k.shard, "u", suiteAt(suiteHour))
	k.must(err, "erase")
	k.rowsGo()
	k.settlePush(suiteEnd(d, minapush.Failed, store.Release))
	suiteEqual(k.suiteKit, "flow", k.flow(), map[minapush.PermitKind]minapush.Counts{
		minapush.Subscription: {Deposited: 2, Dead: 1, Erased: 1},
	})
}

func (k suiteVoid) ItIsKeptOverAReopening() {
	k.give("u", suiteReport("a", 0), suiteReport("b", time.Second))
	k.spend("u", "p", suiteOneTime("t"))
	d := k.holdSub("u", "q", suiteOneTime("t"))
	k.void("u", time.Second, 0)
	k.reopen()
	k.come("u", suiteHour, store.SwitchedOff, suiteReport("c", -suiteHour))
	k.come("u", suiteHour, store.Duplicate, suiteEvent("e", 0)) // of the report that was spent
	k.settlePush(suiteEnd(d, minapush.Failed, store.Release))
	k.wantCounts("u", minapush.Counts{Deposited: 2, Spent: 1, Dead: 1})
}

func (k suiteVoid) VoidsAreAmongMaxIdentities() {
	for i := range store.MaxIdentities + 2 {
		_, err := k.st.Void(k.ctx(), k.shard, "u", fmt.Sprint("t", i), suiteAt(time.Duration(i)*time.Second), suiteAt(suiteHour))
		k.must(err, "void")
	}
	off := func(i int) minapush.Permit {
		p := suiteSub(fmt.Sprint("t", i), "a")
		p.TakenAt = suiteAt(-time.Minute)
		return p
	}
	k.come("u", suiteHour, store.SwitchedOff, off(store.MaxIdentities), off(store.MaxIdentities+1), off(2))
	k.come("u", suiteHour, store.Added, off(0), off(1))
}

func (k suiteVoid) DepositsAndVoidsAtOnceLoseNothing() {
	c := suiteContenders{k.suiteKit}
	const n = 16
	c.contend(n, func(i int) {
		if i%4 == 0 {
			_, err := k.st.Void(k.ctx(), k.shard, "u", "t", suiteAt(0), suiteAt(suiteHour))
			c.failed(err, "void")
			return
		}
		_, err := k.st.Deposit(k.ctx(), k.shard, "u", store.Deposit{Now: suiteAt(suiteHour), Permits: []minapush.Permit{
			suiteReport(fmt.Sprint("before", i), 0), suiteReport(fmt.Sprint("after", i), suiteHour+time.Duration(i)*time.Second),
		}})
		c.failed(err, "deposit")
	})
	counts := k.user("u").Counts
	const after = n - n/4
	if counts.Available != after || counts.Deposited != after+counts.Dead {
		k.t.Errorf("counts %+v, want %d available and the others dead, if they came in", counts, after)
	}
	k.come("u", suiteHour, store.Duplicate, suiteReport("after1", suiteHour+time.Second))
	k.void("u", 0, 0)
}
