package storetest

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteEviction struct{ *suiteKit }

func (k suiteEviction) codes(o minapush.OpenID) []string {
	k.t.Helper()
	var codes []string
	for _, h := range k.user(o).Permits {
		codes = append(codes, h.Identity)
	}
	return codes
}

func (k suiteEviction) TakesWhatWouldExpireFirst() {
	k.give("u", suiteForm("b", 3*suiteDay), suiteForm("a", 2*suiteDay))
	got := k.deposit("u", store.Deposit{MaxPerSection: 2, Permits: []minapush.Permit{suiteForm("c", 4*suiteDay)}})
	suiteEqual(k.suiteKit, "answer", got, store.Deposited{Items: []store.Accepted{store.Added}, Evicted: 1})
	suiteEqual(k.suiteKit, "left", k.codes("u"), []string{"b", "c"})
	k.wantCounts("u", minapush.Counts{Deposited: 3, Available: 2, Evicted: 1})
}

func (k suiteEviction) TakesTheNewOneIfThatExpiresFirst() {
	k.give("u", suiteForm("b", 3*suiteDay))
	got := k.deposit("u", store.Deposit{MaxPerSection: 1, Permits: []minapush.Permit{suiteForm("a", 2*suiteDay)}})
	suiteEqual(k.suiteKit, "answer", got, store.Deposited{Items: []store.Accepted{store.EvictedAtOnce}, Evicted: 1})
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Evicted: 1})
}

func (k suiteEviction) TellsOfPermitsOfTheSameDeposit() {
	got := k.deposit("u", store.Deposit{MaxPerSection: 2, Permits: []minapush.Permit{
		suiteForm("c", 3*suiteDay), suiteForm("a", suiteDay), suiteForm("d", 4*suiteDay), suiteForm("b", 2*suiteDay),
	}})
	suiteEqual(k.suiteKit, "answer", got, store.Deposited{
		Items: []store.Accepted{store.Added, store.EvictedAtOnce, store.Added, store.EvictedAtOnce}, Evicted: 2,
	})
	suiteEqual(k.suiteKit, "left", k.codes("u"), []string{"c", "d"})
}

func (k suiteEviction) TakesWhatWasTakenFirstOfThoseThatNeverExpire() {
	for i, at := range []time.Duration{2, 1, 3} {
		p := suiteSub("t", suiteCode(i))
		p.TakenAt = suiteAt(at * time.Hour)
		k.deposit("u", store.Deposit{MaxPerSection: 2, Now: suiteAt(suiteDay), Permits: []minapush.Permit{p}})
	}
	var taken []time.Time
	for _, h := range k.user("u").Permits {
		taken = append(taken, h.TakenAt)
	}
	suiteEqual(k.suiteKit, "left, by time taken", taken, []time.Time{suiteAt(2 * suiteHour), suiteAt(3 * suiteHour)})
}

func (k suiteEviction) LeavesPermitsInHand() {
	k.give("u", suiteForm("a", suiteDay))
	d := k.hold("u", "p")
	got := k.deposit("u", store.Deposit{MaxPerSection: 1, Permits: []minapush.Permit{suiteForm("b", 2*suiteDay)}})
	suiteEqual(k.suiteKit, "answer", got, store.Deposited{Items: []store.Accepted{store.EvictedAtOnce}, Evicted: 1})
	k.wantCounts("u", minapush.Counts{Deposited: 2, Held: 1, Evicted: 1})
	k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	k.wantCounts("u", minapush.Counts{Deposited: 2, Spent: 1, Evicted: 1})
}

func (k suiteEviction) LeavesSuspectPermits() {
	k.give("u", suiteForm("a", suiteDay))
	k.suspect(k.lease(), k.campaign("c", suiteLegacy()))
	k.deposit("u", store.Deposit{MaxPerSection: 1, Permits: []minapush.Permit{suiteForm("b", 2*suiteDay)}})
	k.wantCounts("u", minapush.Counts{Deposited: 2, Suspect: 1, Evicted: 1})
}

func (k suiteEviction) CountsEveryUseOfAPayment() {
	k.give("u", suitePay("a", suiteDay))
	got := k.deposit("u", store.Deposit{MaxPerSection: 1, Permits: []minapush.Permit{suitePay("b", 2*suiteDay)}})
	suiteEqual(k.suiteKit, "answer", got, store.Deposited{Items: []store.Accepted{store.Added}, Evicted: 3})
	k.wantCounts("u", minapush.Counts{Deposited: 6, Available: 3, Evicted: 3})
}

func (k suiteEviction) BoundsEachKindAndTemplateOnItsOwn() {
	got := k.deposit("u", store.Deposit{MaxPerSection: 1, Permits: []minapush.Permit{
		suiteForm("a", suiteDay), suitePay("a", suiteDay), suiteSub("t1", "a"), suiteSub("t2", "a"),
	}})
	suiteEqual(k.suiteKit, "answer", got, store.Deposited{Items: []store.Accepted{store.Added, store.Added, store.Added, store.Added}})
}

func (k suiteEviction) KeepsDefaultPerSectionUnlessToldOtherwise() {
	var permits []minapush.Permit
	for i := range store.DefaultPerSection + 1 {
		permits = append(permits, suiteForm(suiteCode(i), suiteDay+time.Duration(i)*time.Minute))
	}
	got := k.deposit("u", store.Deposit{Permits: permits})
	if got.Evicted != 1 || got.Items[0] != store.EvictedAtOnce || got.Items[1] != store.Added {
		k.t.Errorf("evicted %d, first %d, second %d", got.Evicted, got.Items[0], got.Items[1])
	}
	k.wantCounts("u", minapush.Counts{Deposited: store.DefaultPerSection + 1, Available: store.DefaultPerSection, Evicted: 1})
}
