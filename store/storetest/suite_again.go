package storetest

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteAgain struct{ *suiteKit }

func (k suiteAgain) UsersComeBackWhenTheyAreDueWithTheNextAttempt() {
	k.give("u", suiteForm("a", suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	for attempt := range uint32(3) {
		d := k.reserveOne(l, b)
		if d.Attempt != attempt+1 || d.Tries != int(attempt) || d.Resend {
			k.t.Errorf("attempt %d: got %+v", attempt+1, d)
		}
		k.mark(l, b.Now, d)
		x := suiteEnd(d, minapush.Pending, store.Release)
		x.NotBefore = b.Now.Add(time.Minute)
		k.settle(l, x)
		k.wantTally("c", suiteSum{"waiting": 1})
		k.wantCounts("u", minapush.Counts{Deposited: 1, Available: 1})
		b.Now = x.NotBefore.Add(-time.Millisecond)
		k.wantIdle(l, b, 1, x.NotBefore)
		b.Now = x.NotBefore
	}
}

func (k suiteAgain) ATryThatWasNeverMarkedIsAnAttemptAndNoTry() {
	k.giveForms("u")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	k.settle(l, suiteEnd(k.reserveOne(l, b), minapush.Pending, store.Release))
	b.Now = suiteAt(2 * suiteHour)
	if d := k.reserveOne(l, b); d.Attempt != 2 || d.Tries != 0 {
		k.t.Errorf("got %+v", d)
	}
}

func (k suiteAgain) HeldRowsComeBeforeTheQueueAndThatBeforeNewUsers() {
	k.giveForms("u1", "u2", "u3")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	b.Limit = 2
	rows := k.reserve(l, b).Rows
	k.settle(l, suiteEnd(rows[0], minapush.Pending, store.Release))
	b.Now = suiteAt(2 * suiteHour)
	suiteEqual(k.suiteKit, "first", suiteWho(k.reserve(l, b).Rows), suiteWho(rows[1:]))
	k.settle(l, suiteEnd(rows[1], minapush.Accepted, store.Spend))
	suiteEqual(k.suiteKit, "second", suiteWho(k.reserve(l, b).Rows), suiteWho(rows[:1]))
	k.settle(l, suiteEnd(k.row("c", rows[0].OpenID, ""), minapush.Accepted, store.Spend))
	suiteEqual(k.suiteKit, "third", suiteWho(k.reserve(l, b).Rows), []minapush.OpenID{"u3"})
}

func (k suiteAgain) TheLimitBoundsTheQueueToo() {
	k.giveForms(suiteUsers(5)...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	for _, d := range k.reserve(l, b).Rows {
		k.settle(l, suiteEnd(d, minapush.Pending, store.Release))
	}
	b.Now, b.Limit = suiteAt(2*suiteHour), 2
	suiteEqual(k.suiteKit, "all of them", suiteWho(k.run(l, b)), suiteUsers(5))
	k.wantTally("c", suiteSum{"accepted": 5})
}

func (k suiteAgain) TakesAnotherPermitAfterADeadOneAndFailsWhenThereIsNone() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	for i, code := range []string{"a", "b"} {
		d := k.reserveOne(l, b)
		if d.Permit.Identity != code || int(d.Attempt) != i+1 || d.Tries != i {
			k.t.Errorf("got %+v", d)
		}
		k.mark(l, b.Now, d)
		x := suiteEnd(d, minapush.Pending, store.Burn)
		x.Reason, x.Errcode = "dead "+code, 41000+i
		k.settle(l, x)
		b.Now = suiteAt(2 * suiteHour)
	}
	k.run(l, b)
	k.wantTally("c", suiteSum{"failed dead b": 1})
	if d := k.row("c", "u", ""); d.Outcome != minapush.Failed || d.Reason != "dead b" || d.Errcode != 41001 {
		k.t.Errorf("row %+v, want failed for the reason of the last try", d)
	}
	k.wantCounts("u", minapush.Counts{Deposited: 2, Dead: 2})
}

func (k suiteAgain) WhatWasNeverTriedIsSkippedWhenThereIsNoPermitLeft() {
	k.give("u", suiteForm("a", suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	k.settle(l, suiteEnd(k.reserveOne(l, b), minapush.Pending, store.Release))
	k.spend("u", "p", suiteLegacy())
	b.Now = suiteAt(2 * suiteHour)
	k.run(l, b)
	k.wantTally("c", suiteSum{"skipped no_permit": 1})
}

func (k suiteAgain) SkippedOnesWaitForAYoungPayment() {
	k.give("u", suiteForm("a", suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	k.settle(l, suiteEnd(k.reserveOne(l, b), minapush.Pending, store.Burn))
	b.Now = suiteAt(2 * suiteHour)
	young := suitePay("p", suiteDay)
	young.TakenAt = b.Now
	k.deposit("u", store.Deposit{Now: b.Now, Permits: []minapush.Permit{young}})
	k.wantIdle(l, b, 1, b.Now.Add(minapush.PayReadyAfter))
	b.Now = b.Now.Add(minapush.PayReadyAfter)
	if d := k.reserveOne(l, b); d.Attempt != 2 || d.Permit.Identity != "p" {
		k.t.Errorf("got %+v", d)
	}
}

// maybe leaves one user in the queue whose try may have arrived, with so many permits left, at two hours.
func (k suiteAgain) maybe(l store.Lease, b *store.Batch) {
	k.t.Helper()
	d := k.reserveOne(l, *b)
	k.mark(l, b.Now, d)
	x := suiteEnd(d, minapush.Pending, store.Spend)
	x.Maybe = true
	k.settle(l, x)
	b.Now = suiteAt(2 * suiteHour)
}

func (k suiteAgain) WhatMayHaveArrivedIsUnknownWithoutAnotherPermit() {
	k.give("u", suiteSub("t", "n"))
	l, b := k.lease(), k.campaign("c", suiteOneTime("t"))
	k.maybe(l, &b)
	k.run(l, b)
	if t := k.progress("c").Tally; t.Count(minapush.Unknown) != 1 || t.Examined != 1 {
		k.t.Errorf("tally %+v, want one unknown", t)
	}
	if d := k.row("c", "u", ""); d.Outcome != minapush.Unknown {
		k.t.Errorf("row %+v", d)
	}
	k.wantCounts("u", minapush.Counts{Deposited: 1, Spent: 1})
}

func (k suiteAgain) WhatMayHaveArrivedIsSentWithAnotherPermit() {
	k.give("u", suiteSub("t", "n1"), suiteSub("t", "n2"))
	l, b := k.lease(), k.campaign("c", suiteOneTime("t"))
	k.maybe(l, &b)
	if got := k.run(l, b); len(got) != 1 || got[0].Attempt != 2 || got[0].Resend {
		k.t.Errorf("got %+v", got)
	}
	k.wantTally("c", suiteSum{"accepted": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 2, Spent: 2})
}

func (k suiteAgain) MaybeSticks() {
	k.give("u", suiteSub("t", "n1"), suiteSub("t", "n2"))
	l, b := k.lease(), k.campaign("c", suiteOneTime("t"))
	k.maybe(l, &b)
	x := suiteEnd(k.reserveOne(l, b), minapush.Pending, store.Burn) // this one says nothing of the first try
	x.Now, x.NotBefore = b.Now, b.Now
	k.settle(l, x)
	k.run(l, b)
	if d := k.row("c", "u", ""); d.Outcome != minapush.Unknown {
		k.t.Errorf("row %+v, want unknown", d)
	}
}

func (k suiteAgain) ResendKeepsTheRowHeldWithItsPermit() {
	k.give("u", suiteForm("a", 2*suiteDay), suiteForm("b", 3*suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	first := k.reserveOne(l, b)
	k.mark(l, b.Now, first)
	due := suiteAt(2 * suiteHour)
	k.settle(l, store.Settlement{Ref: store.RefOf(first), Resend: true, Permit: store.VoidUser, NotBefore: due, Now: suiteAt(suiteHour)})
	k.wantTally("c", suiteSum{"held": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Held: 1})
	k.same("waiting for it", func() { k.wantIdle(l, b, 1, due) })
	k.same("late calls of the first attempt", func() {
		k.settle(l, suiteEnd(first, minapush.Accepted, store.Spend))
		marked, err := k.st.Mark(k.ctx(), l, []store.Ref{store.RefOf(first)}, b.Now)
		k.must(err, "mark")
		suiteEqual(k.suiteKit, "marked", marked, []bool{false})
	})
	b.Now = due
	d := k.reserveOne(l, b)
	if !d.Resend || d.State != minapush.HeldState || d.Attempt != 2 || d.Tries != 1 {
		k.t.Errorf("got %+v, want it held with Resend as attempt 2", d)
	}
	suiteEqual(k.suiteKit, "permit", d.Permit, first.Permit)
	k.same("a lost reply", func() { suiteEqual(k.suiteKit, "row", k.reserveOne(l, b), d) })
	k.mark(l, b.Now, d)
	k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	if d = k.row("c", "u", ""); d.Tries != 2 || d.Outcome != minapush.Accepted {
		k.t.Errorf("row %+v", d)
	}
	k.wantTally("c", suiteSum{"accepted": 1})
}

func (k suiteAgain) WhatWasSentAgainAndIsPutBackMayHaveArrived() {
	k.give("u", suiteForm("a", suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	k.settle(l, store.Settlement{Ref: store.RefOf(d), Resend: true, NotBefore: suiteAt(suiteHour), Now: suiteAt(suiteHour)})
	k.settle(l, suiteEnd(k.reserveOne(l, b), minapush.Pending, store.Burn)) // says nothing of the first try
	b.Now = suiteAt(2 * suiteHour)
	k.run(l, b)
	if d := k.row("c", "u", ""); d.Outcome != minapush.Unknown {
		k.t.Errorf("row %+v, want unknown", d)
	}
}

func (k suiteAgain) WhileARowIsToBeSentAgainTheUserIsBusy() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	k.settle(l, store.Settlement{Ref: store.RefOf(d), Resend: true, NotBefore: suiteAt(suiteDay), Now: suiteAt(suiteHour)})
	k.reservePush(k.askPush("u", "p"), store.PushBusy)
	ref := store.RefOf(k.row("c", "u", ""))
	suiteEqual(k.suiteKit, "busy with", k.user("u").Busy, &ref)
}
