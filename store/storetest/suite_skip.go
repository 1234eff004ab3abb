package storetest

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteSkip struct{ *suiteKit }

// skipAll skips until nothing is left.
func (k suiteSkip) skipAll(l store.Lease, b store.Batch) {
	k.t.Helper()
	for range 100 {
		r := k.reserve(l, b)
		if len(r.Rows) != 0 {
			k.t.Fatalf("skipping handed out %+v", r.Rows)
		}
		if r.Done && r.Waiting == 0 {
			return
		}
	}
	k.t.Fatal("skipping does not end")
}

func (k suiteSkip) EverybodyLeftIsSkippedForThatReason() {
	k.giveForms(suiteUsers(7)...)
	k.give("u0045", suiteStanding("t", "s"))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	b.Limit = 3
	rows := k.reserve(l, b).Rows
	k.mark(l, b.Now, rows[0])
	later := suiteEnd(rows[1], minapush.Pending, store.Release)
	later.NotBefore = suiteAt(3 * suiteDay)
	k.settle(l, suiteEnd(rows[0], minapush.Accepted, store.Spend), later)
	b.Skip = minapush.ReasonCancelled
	k.skipAll(l, b)
	k.wantTally("c", suiteSum{"accepted": 1, "skipped cancelled": 7})
	for _, o := range []minapush.OpenID{"u001", "u002", "u003", "u006"} {
		k.wantCounts(o, minapush.Counts{Deposited: 1, Available: 1})
		if k.user(o).Busy != nil {
			k.t.Errorf("%s is busy", o)
		}
	}
	b.Skip = ""
	k.wantIdle(l, b, 0, time.Time{})
}

func (k suiteSkip) WhatIsBeingSentIsLeftToItsAnswer() {
	k.giveForms("u", "v")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := k.reserve(l, b).Rows
	k.mark(l, b.Now, rows[0])
	b.Skip = minapush.ReasonTooLate
	k.skipAll(l, b)
	k.wantTally("c", suiteSum{"sending": 1, "skipped too_late": 1})
	k.settle(l, suiteEnd(rows[0], minapush.Accepted, store.Spend))
	k.settle(l, suiteEnd(rows[1], minapush.Accepted, store.Spend)) // too late for that
	k.wantTally("c", suiteSum{"accepted": 1, "skipped too_late": 1})
	k.wantCounts(rows[1].OpenID, minapush.Counts{Deposited: 1, Available: 1})
}

func (k suiteSkip) SuspectsAreLeftToTheirRuling() {
	k.giveForms("u")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	k.suspect(l, b)
	b.Skip = minapush.ReasonCancelled
	k.skipAll(l, b)
	k.wantTally("c", suiteSum{"suspected": 1})
}

func (k suiteSkip) WhatWasTriedInVainIsSkippedToo() {
	k.give("u", suiteForm("a", suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	x := suiteEnd(d, minapush.Pending, store.Burn)
	x.Reason = "dead"
	k.settle(l, x)
	b.Skip = minapush.ReasonCancelled
	k.skipAll(l, b)
	k.wantTally("c", suiteSum{"skipped cancelled": 1})
}

func (k suiteSkip) WhatMayHaveArrivedIsUnknown() {
	k.give("u", suiteSub("t", "n1"), suiteSub("t", "n2"))
	l, b := k.lease(), k.campaign("c", suiteOneTime("t"))
	suiteAgain{k.suiteKit}.maybe(l, &b)
	b.Skip = minapush.ReasonCancelled
	k.skipAll(l, b)
	if t := k.progress("c").Tally; t.Count(minapush.Unknown) != 1 || t.Examined != 1 {
		k.t.Errorf("tally %+v, want one unknown", t)
	}
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Spent: 1})
}

func (k suiteSkip) AHeldRowWhoseEarlierTryMayHaveArrivedIsUnknown() {
	k.give("u", suiteSub("t", "n1"), suiteSub("t", "n2"))
	l, b := k.lease(), k.campaign("c", suiteOneTime("t"))
	suiteAgain{k.suiteKit}.maybe(l, &b)
	k.reserveOne(l, b)
	b.Skip = minapush.ReasonCancelled
	k.skipAll(l, b)
	if t := k.progress("c").Tally; t.Count(minapush.Unknown) != 1 || t.Examined != 1 {
		k.t.Errorf("tally %+v, want one unknown", t)
	}
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Spent: 1}) // the second was never sent
}

func (k suiteSkip) ARowToBeSentAgainIsUnknownAndItsUseSpent() {
	k.giveForms("u")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	k.settle(l, store.Settlement{Ref: store.RefOf(d), Resend: true, NotBefore: suiteAt(suiteDay), Now: suiteAt(suiteHour)})
	b.Skip = minapush.ReasonCancelled
	k.skipAll(l, b)
	if t := k.progress("c").Tally; t.Count(minapush.Unknown) != 1 || t.Examined != 1 {
		k.t.Errorf("tally %+v, want one unknown", t)
	}
	k.wantCounts("u", minapush.Counts{Deposited: 1, Spent: 1})
}

func (k suiteSkip) BusyUsersAreSkippedToo() {
	k.giveForms("u")
	k.hold("u", "p")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	b.Skip = minapush.ReasonCancelled
	k.skipAll(l, b)
	k.wantTally("c", suiteSum{"skipped cancelled": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 1, Held: 1})
}

func (k suiteSkip) KeepsToTheAudience() {
	b := k.campaign("c", suiteLegacy())
	k.giveForms("u", "v")
	k.deposit("w", store.Deposit{Now: b.Started, Permits: []minapush.Permit{suiteForm("a", suiteDay)}})
	b.Skip, b.Audience = minapush.ReasonCancelled, func(u *store.User) bool { return u.OpenID != "u" }
	k.skipAll(k.lease(), b)
	k.wantTally("c", suiteSum{"skipped cancelled": 1})
}
