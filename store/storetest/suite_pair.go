package storetest

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suitePair struct{ *suiteKit }

// suiteTold is one accept of the template "t", as somebody told of it.
func suiteTold(e minapush.Evidence, id string, at time.Duration) minapush.Permit {
	p := suiteSub("t", id)
	p.Evidence, p.TakenAt = e, suiteAt(at)
	return p
}

func suiteReport(id string, at time.Duration) minapush.Permit {
	return suiteTold(minapush.ByClient, id, at)
}

func suiteEvent(id string, at time.Duration) minapush.Permit {
	return suiteTold(minapush.ByEvent, id, at)
}

// suiteOther is what tells of an accept beside the report, or beside the event.
func suiteOther(e minapush.Evidence) minapush.Evidence {
	return minapush.ByClient + minapush.ByEvent - e
}

// come deposits permits at a time and wants these answers.
func (k suitePair) come(o minapush.OpenID, now time.Duration, want []store.Accepted, permits ...minapush.Permit) {
	k.t.Helper()
	got := k.deposit(o, store.Deposit{Now: suiteAt(now), Permits: permits})
	suiteEqual(k.suiteKit, fmt.Sprintf("answers to %v at %v", permits, now), got.Items, want)
}

func (k suitePair) added(o minapush.OpenID, permits ...minapush.Permit) {
	k.t.Helper()
	k.come(o, 0, make([]store.Accepted, len(permits)), permits...)
}

// known wants each permit, deposited by itself, to be a Duplicate.
func (k suitePair) known(o minapush.OpenID, now time.Duration, permits ...minapush.Permit) {
	k.t.Helper()
	for _, p := range permits {
		k.come(o, now, []store.Accepted{store.Duplicate}, p)
	}
}

// wantTaken wants the live permits of a user to have been taken at these times, with this evidence.
func (k suitePair) wantTaken(o minapush.OpenID, want map[time.Duration]minapush.Evidence) {
	k.t.Helper()
	got := map[time.Duration]minapush.Evidence{}
	for _, h := range k.user(o).Permits {
		got[h.TakenAt.Sub(suiteAt(0))] = h.Evidence
	}
	suiteEqual(k.suiteKit, "evidence by time taken", got, want)
}

var suiteHalves = []minapush.Evidence{minapush.ByClient, minapush.ByEvent}

func (k suitePair) AReportAndAnEventAreOnePermitInEitherOrder() {
	for i, first := range suiteHalves {
		o := minapush.OpenID(fmt.Sprint("u", i))
		k.added(o, suiteTold(first, "a", 0))
		k.wantTaken(o, map[time.Duration]minapush.Evidence{0: first})
		k.known(o, time.Minute, suiteTold(suiteOther(first), "b", time.Minute))
		k.wantTaken(o, map[time.Duration]minapush.Evidence{0: minapush.ByBoth})
		k.wantCounts(o, minapush.Counts{Deposited: 1, Available: 1})
		if seen := k.user(o).LastSeen; !seen.Equal(suiteAt(time.Minute)) {
			k.t.Errorf("last seen %v: the second half moves it, too", seen)
		}
	}
	suiteEqual(k.suiteKit, "flow", k.flow(), map[minapush.PermitKind]minapush.Counts{minapush.Subscription: {Deposited: 2}})
}

func (k suitePair) BothIdentitiesAreKnownFromThenOn() {
	for i, first := range suiteHalves {
		o := minapush.OpenID(fmt.Sprint("u", i))
		one, two := suiteTold(first, "a", 0), suiteTold(suiteOther(first), "b", time.Minute)
		k.added(o, one)
		k.known(o, 0, two)
		k.same("both halves again", func() { k.known(o, 0, two, one, two) })
		k.added(o, suiteTold(first, "c", 2*time.Minute)) // of another accept: the pair waits for nothing more
		k.wantTaken(o, map[time.Duration]minapush.Evidence{0: minapush.ByBoth, 2 * time.Minute: first})
		p := k.askPush(o, "p")
		p.Need = suiteOneTime("t")
		d := k.reservePush(p, store.PushReserved).Delivery
		suiteEqual(k.suiteKit, "evidence in the row", d.Permit.Evidence, minapush.ByBoth)
		k.markPush(d)
		k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
		k.known(o, suiteDay, one, two)
	}
}

func (k suitePair) OneIdentityToldOfTwiceIsNoPair() {
	k.added("u", suiteReport("same", 0))
	k.known("u", 0, suiteEvent("same", 0))
	k.wantTaken("u", map[time.Duration]minapush.Evidence{0: minapush.ByClient})
	k.known("u", 0, suiteEvent("another", 0))
	k.wantTaken("u", map[time.Duration]minapush.Evidence{0: minapush.ByBoth})
}

func (k suitePair) TheyAreAtMostPairWithinApart() {
	const far = minapush.PairWithin
	for i, first := range suiteHalves {
		for j, at := range []time.Duration{-far, far, far + 999*time.Millisecond} {
			o := minapush.OpenID(fmt.Sprintf("in%d%d", i, j))
			k.added(o, suiteTold(first, "a", 0))
			k.known(o, suiteHour, suiteTold(suiteOther(first), "b", at))
			k.wantTaken(o, map[time.Duration]minapush.Evidence{0: minapush.ByBoth})
		}
		for j, at := range []time.Duration{-far - time.Second, far + time.Second} {
			o := minapush.OpenID(fmt.Sprintf("out%d%d", i, j))
			k.added(o, suiteTold(first, "a", 0))
			k.added(o, suiteTold(suiteOther(first), "b", at))
			k.wantTaken(o, map[time.Duration]minapush.Evidence{0: first, at: suiteOther(first)})
		}
	}
}

func (k suitePair) OfSeveralTheNearestAndOfTwoAsNearTheEarlier() {
	for i, first := range suiteHalves {
		o, second := minapush.OpenID(fmt.Sprint("u", i)), suiteOther(first)
		k.added(o, suiteTold(first, "4", 4*time.Minute), suiteTold(first, "0", 0), suiteTold(first, "8", 8*time.Minute), suiteTold(first, "9", 9*time.Minute))
		want := map[time.Duration]minapush.Evidence{0: first, 4 * time.Minute: first, 8 * time.Minute: first, 9 * time.Minute: first}
		for j, c := range []struct{ at, meets time.Duration }{
			{6 * time.Minute, 4 * time.Minute},             // as near to 8
			{6*time.Minute + time.Second, 8 * time.Minute}, // 4 is paired already
			{-time.Minute, 0}, {11 * time.Minute, 9 * time.Minute},
		} {
			k.known(o, suiteHour, suiteTold(second, fmt.Sprint("other", j), c.at))
			want[c.meets] = minapush.ByBoth
			k.wantTaken(o, want)
		}
		k.added(o, suiteTold(second, "one more", 5*time.Minute)) // each pairs once
	}
}

func (k suitePair) WhatIsGoneCountsAmongTheNearest() {
	for i, first := range suiteHalves {
		o, second := minapush.OpenID(fmt.Sprint("u", i)), suiteOther(first)
		k.added(o, suiteTold(first, "0", 0), suiteTold(first, "6", 6*time.Minute))
		k.spend(o, "p", suiteOneTime("t")) // the older
		k.known(o, suiteHour, suiteTold(second, "a", 2*time.Minute))
		k.wantTaken(o, map[time.Duration]minapush.Evidence{6 * time.Minute: first})
		k.known(o, suiteHour, suiteTold(second, "b", 2*time.Minute))
		k.wantTaken(o, map[time.Duration]minapush.Evidence{6 * time.Minute: minapush.ByBoth})
		k.added(o, suiteTold(second, "c", 2*time.Minute))
	}
}

func (k suitePair) OtherTemplatesKindsAndEvidenceDoNot() {
	for i, first := range suiteHalves {
		o, second := minapush.OpenID(fmt.Sprint("u", i)), suiteOther(first)
		k.added(o, suiteTold(first, "a", 0))
		other, backend := suiteTold(second, "b", 0), suiteTold(minapush.ByBackend, "c", 0)
		other.Template = "another"
		standing := suiteStanding("t", "d")
		standing.Evidence = second
		form, pay := suiteForm("e", suiteDay), suitePay("f", suiteDay)
		form.Template, form.Evidence = "t", second
		pay.Template, pay.Evidence = "t", second
		k.added(o, other, backend, standing, form, pay, suiteTold(first, "g", 0))
		for _, h := range k.user(o).Permits {
			if h.Evidence == minapush.ByBoth {
				k.t.Errorf("%+v was paired", h)
			}
		}
		k.known(o, 0, suiteTold(second, "h", 0), suiteTold(second, "i", 0))
		k.added(o, suiteTold(second, "j", 0))
		stays := minapush.OpenID(fmt.Sprint("v", i)) // and of another user
		k.added(stays, suiteTold(second, "h", 0))
	}
}

func (k suitePair) TwoInOneDepositPairInTheirOrder() {
	for i, first := range suiteHalves {
		o, second := minapush.OpenID(fmt.Sprint("u", i)), suiteOther(first)
		k.come(o, 0, []store.Accepted{store.Added, store.Duplicate, store.Added, store.Duplicate, store.Added},
			suiteTold(first, "a", 0), suiteTold(second, "b", 0), suiteTold(second, "c", time.Minute), suiteTold(first, "d", time.Minute),
			suiteTold(second, "e", 0))
		k.wantCounts(o, minapush.Counts{Deposited: 3, Available: 3})
	}
}

func (k suitePair) AHalfThatIsHeldOrSuspectPairs() {
	k.added("held", suiteReport("a", 0))
	p := k.askPush("held", "p")
	p.Need = suiteOneTime("t")
	d := k.reservePush(p, store.PushReserved).Delivery
	k.known("held", suiteHour, suiteEvent("b", 0))
	k.wantTaken("held", map[time.Duration]minapush.Evidence{0: minapush.ByBoth})
	suiteEqual(k.suiteKit, "the row's permit", k.row(d.Batch, "held", "p").Permit.Evidence, minapush.ByClient)
	k.settlePush(suiteEnd(d, minapush.Failed, store.Release))
	k.wantTaken("held", map[time.Duration]minapush.Evidence{0: minapush.ByBoth})

	k.added("suspect", suiteEvent("a", 0))
	b := k.campaign("c", suiteOneTime("t"))
	b.Audience = func(u *store.User) bool { return u.OpenID == "suspect" }
	k.suspect(k.lease(), b)
	k.known("suspect", suiteHour, suiteReport("b", 0))
	k.wantTaken("suspect", map[time.Duration]minapush.Evidence{0: minapush.ByBoth})
	k.wantCounts("suspect", minapush.Counts{Deposited: 1, Suspect: 1})
}

// gone makes the permits of a user that were given disappear in each way that there is.
func (k suitePair) gone() map[string]func(o minapush.OpenID, p minapush.Permit) {
	need := suiteOneTime("t")
	return map[string]func(o minapush.OpenID, p minapush.Permit){
		"spent": func(o minapush.OpenID, _ minapush.Permit) { k.spend(o, "spent", need) },
		"burnt": func(o minapush.OpenID, _ minapush.Permit) { k.end(o, "burnt", need, minapush.Failed, store.Burn) },
		"refused": func(o minapush.OpenID, _ minapush.Permit) {
			k.end(o, "refused", need, minapush.RefusedByUser, store.VoidTemplate)
		},
		"voided": func(o minapush.OpenID, p minapush.Permit) {
			_, err := k.st.Void(k.ctx(), k.shard, o, "t", p.TakenAt, suiteAt(suiteHour))
			k.must(err, "void")
		},
		"evicted": func(o minapush.OpenID, _ minapush.Permit) {
			k.deposit(o, store.Deposit{MaxPerSection: 1, Permits: []minapush.Permit{suiteTold(minapush.ByBackend, "newer", suiteHour)}})
		},
	}
}

func (k suitePair) AHalfThatIsGonePairsWithinItsTime() {
	waits := map[minapush.Evidence]time.Duration{minapush.ByClient: minapush.PairLife, minapush.ByEvent: minapush.IdentityLife}
	for _, first := range suiteHalves {
		for how, take := range k.gone() {
			o := minapush.OpenID(fmt.Sprintf("%s-%v", how, first))
			one, two, three := suiteTold(first, "a", 0), suiteTold(suiteOther(first), "b", time.Minute), suiteTold(suiteOther(first), "c", time.Minute)
			k.added(o, one)
			take(o, one)
			k.known(o, waits[first]-time.Millisecond, two)
			k.known(o, suiteDay, one, two)
			k.come(o, waits[first]-time.Millisecond, []store.Accepted{store.Added}, three) // it pairs once

			late := o + " late"
			k.added(late, one)
			take(late, one)
			k.come(late, waits[first], []store.Accepted{store.Added}, two)
		}
	}
}

func (k suitePair) ASweepForgetsNoHalfBeforeItsTime() {
	waits := map[minapush.Evidence]time.Duration{minapush.ByClient: minapush.PairLife, minapush.ByEvent: minapush.IdentityLife}
	for _, first := range suiteHalves {
		o := minapush.OpenID(first.String())
		k.added(o, suiteTold(first, "a", 0))
		k.spend(o, "p", suiteOneTime("t"))
		k.sweep(10, suiteAt(waits[first]-time.Second))
		k.known(o, waits[first]-time.Second, suiteTold(suiteOther(first), "b", 0))
	}
}

func (k suitePair) AnEvictedHalfOfTheSameDepositPairs() {
	got := k.deposit("u", store.Deposit{MaxPerSection: 1, Permits: []minapush.Permit{
		suiteReport("old", 0), suiteReport("new", suiteHour), suiteEvent("old event", 0), suiteEvent("new event", suiteHour),
	}})
	suiteEqual(k.suiteKit, "answers", got, store.Deposited{Evicted: 1, Items: []store.Accepted{
		store.EvictedAtOnce, store.Added, store.Duplicate, store.Duplicate,
	}})
	k.wantTaken("u", map[time.Duration]minapush.Evidence{suiteHour: minapush.ByBoth})
}

func (k suitePair) WhatWasNotTakenInPairsWithNothing() {
	k.added("u", suiteTold(minapush.ByBackend, "a", 0))
	stale := suiteReport("stale", 0)
	stale.ExpiresAt = suiteAt(-time.Minute)
	other := suiteReport("refused", 0)
	other.Template = "another"
	got := k.deposit("u", store.Deposit{MaxSections: 1, Permits: []minapush.Permit{stale, other}})
	suiteEqual(k.suiteKit, "answers", got.Items, []store.Accepted{store.Stale, store.Refused})
	other.Identity, other.Evidence = "event", minapush.ByEvent
	k.added("u", suiteEvent("event", 0), other)
}

func (k suitePair) WhatExpiredPairsUntilItIsSwept() {
	for i, sweep := range []bool{false, true} {
		o := minapush.OpenID(fmt.Sprint("u", i))
		p := suiteReport("a", 0)
		p.ExpiresAt = suiteAt(suiteHour)
		k.added(o, p)
		want := store.Duplicate
		if sweep {
			k.sweep(10, suiteAt(2*suiteHour))
			want = store.Added
		}
		k.come(o, 2*suiteHour, []store.Accepted{want}, suiteEvent("b", 0))
	}
}

func (k suitePair) OfBothHalvesAtOnceOneIsAdded() {
	c := suiteContenders{k.suiteKit}
	var added atomic.Int64
	const accepts = 8
	c.contend(2*accepts, func(i int) {
		e := suiteHalves[i%2]
		p := suiteTold(e, fmt.Sprint(e, i), time.Duration(i/2)*time.Hour)
		got, err := k.st.Deposit(k.ctx(), k.shard, "u", store.Deposit{Now: suiteAt(0), Permits: []minapush.Permit{p}})
		if !c.failed(err, "deposit") && got.Items[0] == store.Added {
			added.Add(1)
		}
	})
	if added.Load() != accepts {
		k.t.Errorf("%d were added of %d accepts", added.Load(), accepts)
	}
	want := map[time.Duration]minapush.Evidence{}
	for i := range accepts {
		want[time.Duration(i)*time.Hour] = minapush.ByBoth
	}
	k.wantTaken("u", want)
}

func (k suitePair) HalvesAreAmongMaxIdentitiesAndTheFirstToEndGoesFirst() {
	const step = minapush.PairWithin + time.Second // so that none meets the neighbour of its other half
	var halves []minapush.Permit
	for i := range 2*store.MaxIdentities + 2 {
		halves = append(halves, suiteEvent(fmt.Sprint("e", i), time.Duration(i)*step))
	}
	got := k.deposit("u", store.Deposit{MaxPerSection: 1, Permits: halves})
	if got.Evicted != len(halves)-1 {
		k.t.Fatalf("evicted %d, want %d", got.Evicted, len(halves)-1)
	}
	last := len(halves) - 1
	for _, i := range []int{last - 2, last - 1, last} {
		k.known("u", 0, suiteReport(fmt.Sprint("c", i), time.Duration(i)*step))
	}
	k.added("u", halves[0])
	k.wantTaken("u", map[time.Duration]minapush.Evidence{0: minapush.ByEvent, time.Duration(last) * step: minapush.ByBoth})
}
