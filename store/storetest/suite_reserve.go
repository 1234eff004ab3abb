package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteReserve struct{ *suiteKit }

// suiteUsers names n users.
func suiteUsers(n int) []minapush.OpenID {
	users := make([]minapush.OpenID, n)
	for i := range users {
		users[i] = minapush.OpenID(fmt.Sprintf("u%03d", i))
	}
	return users
}

// suiteWho names the users of rows, sorted.
func suiteWho(rows []minapush.Delivery) []minapush.OpenID {
	var who []minapush.OpenID
	for _, d := range rows {
		who = append(who, d.OpenID)
	}
	slices.Sort(who)
	return who
}

func (k suiteReserve) HoldsAPermitAndWritesTheRow() {
	form := suiteForm(suiteCode(1), suiteDay)
	k.give("u", form)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	r := k.reserve(l, b)
	if len(r.Rows) != 1 || r.Examined != 1 {
		k.t.Fatalf("reserved %+v", r)
	}
	suiteEqual(k.suiteKit, "row", r.Rows[0], minapush.Delivery{
		Batch: "c", OpenID: "u", State: minapush.HeldState, Permit: form, Attempt: 1, ReservedAt: b.Now,
	})
	suiteEqual(k.suiteKit, "stored row", k.row("c", "u", ""), r.Rows[0])
	k.wantTally("c", suiteSum{"held": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 1, Held: 1})
}

func (k suiteReserve) WalksTheShardByItsCursor() {
	users := suiteUsers(5)
	k.giveForms(users...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	b.Limit = 2
	var got []minapush.OpenID
	for _, n := range []int{2, 2, 1} {
		r := k.reserve(l, b)
		if len(r.Rows) != n || r.Examined != n {
			k.t.Fatalf("reserved %d rows, examined %d; want %d", len(r.Rows), r.Examined, n)
		}
		got = append(got, suiteWho(r.Rows)...)
		for _, d := range r.Rows {
			k.mark(l, b.Now, d)
			k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
		}
	}
	suiteEqual(k.suiteKit, "walked", got, users)
	k.wantIdle(l, b, 0, time.Time{})
	k.wantIdle(l, b, 0, time.Time{})
	k.wantTally("c", suiteSum{"accepted": 5})
}

// takes wants the code that a campaign takes first.
func (k suiteReserve) takes(want string, permits ...minapush.Permit) {
	k.t.Helper()
	k.give("u", permits...)
	if got := k.reserveOne(k.lease(), k.campaign("c", suiteLegacy())).Permit.Identity; got != want {
		k.t.Errorf("took %q, want %q", got, want)
	}
}

func (k suiteReserve) TakesThePermitThatExpiresFirst() {
	k.takes("b", suiteForm("a", 3*suiteDay), suiteForm("b", suiteDay), suiteForm("c", 2*suiteDay))
}

func (k suiteReserve) TakesAPaymentThatExpiresBeforeAForm() {
	k.takes("p", suiteForm("a", 3*suiteDay), suitePay("p", 2*suiteDay))
}

func (k suiteReserve) TakesAFormThatExpiresBeforeAPayment() {
	k.takes("a", suitePay("p", 3*suiteDay), suiteForm("a", 2*suiteDay))
}

func (k suiteReserve) LeavesPermitsThatAreAboutToExpire() {
	k.takes("b", suiteForm("a", suiteHour+minapush.SpendMargin), suiteForm("b", suiteHour+minapush.SpendMargin+time.Second))
}

func (k suiteReserve) TakesOnlyPermitsOfItsTemplate() {
	k.give("u", suiteSub("t1", "n"), suiteSub("t", "n"), suiteForm("a", suiteDay), suiteStanding("t12", "s"))
	k.give("v", suiteSub("t1", "n"), suiteSub("t123", "n"))
	l := k.lease()
	d := k.reserveOne(l, k.campaign("c", suiteOneTime("t")))
	if d.OpenID != "u" || d.Permit.Kind != minapush.Subscription || d.Permit.Template != "t" {
		k.t.Errorf("took %+v", d)
	}
	k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	if got := k.run(l, k.campaign("d", suiteOneTime("t12"))); len(got) != 0 {
		k.t.Errorf("took %+v", got)
	}
	k.wantTally("d", suiteSum{"skipped no_permit": 2})
}

func (k suiteReserve) UsersWithoutAPermitAreSkippedAtOnce() {
	k.give("u", suiteForm("a", suiteHour), suiteSub("t", "n"))
	k.deposit("v", store.Deposit{Permits: []minapush.Permit{suiteStanding("t", "s")}})
	k.give("w", suiteForm("a", suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	r := k.reserve(l, b)
	if len(r.Rows) != 1 || r.Rows[0].OpenID != "w" || r.Examined != 3 {
		k.t.Errorf("reserved %+v", r)
	}
	k.wantTally("c", suiteSum{"held": 1, "skipped no_permit": 2})
}

func (k suiteReserve) UsersWithAYoungPaymentWaitUntilItIsReady() {
	young := suitePay("p", suiteDay)
	young.TakenAt = suiteAt(suiteHour - 4*time.Second)
	k.give("u", young)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	ready := young.TakenAt.Add(minapush.PayReadyAfter)
	if r := k.reserve(l, b); len(r.Rows) != 0 || r.Examined != 1 {
		k.t.Errorf("reserved %+v", r)
	}
	k.wantIdle(l, b, 1, ready)
	k.wantTally("c", suiteSum{"waiting": 1})
	b.Now = ready.Add(-time.Millisecond)
	k.wantIdle(l, b, 1, ready)
	b.Now = ready
	if d := k.reserveOne(l, b); d.Permit.Identity != "p" || d.Attempt != 1 {
		k.t.Errorf("reserved %+v", d)
	}
}

func (k suiteReserve) BusyUsersWaitForBusyWait() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	push := k.hold("u", "p")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	if r := k.reserve(l, b); len(r.Rows) != 0 || r.Examined != 1 {
		k.t.Errorf("reserved %+v", r)
	}
	k.wantIdle(l, b, 1, b.Now.Add(store.BusyWait))
	k.wantTally("c", suiteSum{"waiting": 1})
	b.Now = b.Now.Add(store.BusyWait)
	k.reserve(l, b) // still busy
	k.wantIdle(l, b, 1, b.Now.Add(store.BusyWait))
	k.settlePush(suiteEnd(push, minapush.Accepted, store.Spend))
	k.wantIdle(l, b, 1, b.Now.Add(store.BusyWait))
	b.Now = b.Now.Add(store.BusyWait)
	if d := k.reserveOne(l, b); d.Attempt != 1 || d.Tries != 0 {
		k.t.Errorf("reserved %+v", d)
	}
}

func (k suiteReserve) BusyWithAnotherCampaignWaitsToo() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	l, b1, b2 := k.lease(), k.campaign("c1", suiteLegacy()), k.campaign("c2", suiteLegacy())
	d := k.reserveOne(l, b1)
	k.wantIdle(l, b2, 1, b2.Now.Add(store.BusyWait))
	k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	b2.Now = b2.Now.Add(store.BusyWait)
	k.reserveOne(l, b2)
	k.wantTally("c1", suiteSum{"accepted": 1})
	k.wantTally("c2", suiteSum{"held": 1})
}

func (k suiteReserve) BusyUsersWithoutAPermitWaitTooAndAreSkippedLater() {
	k.give("u", suiteForm("a", suiteDay))
	push := k.hold("u", "p")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	k.wantIdle(l, b, 1, b.Now.Add(store.BusyWait))
	k.settlePush(suiteEnd(push, minapush.Accepted, store.Spend))
	b.Now = b.Now.Add(store.BusyWait)
	k.run(l, b)
	k.wantTally("c", suiteSum{"skipped no_permit": 1})
}

func (k suiteReserve) UsersFirstSeenSinceTheStartAreNotPartOfIt() {
	b := k.campaign("c", suiteLegacy())
	for o, now := range map[minapush.OpenID]time.Time{
		"before": b.Started.Add(-time.Millisecond), "at": b.Started, "after": b.Started.Add(time.Millisecond),
	} {
		k.deposit(o, store.Deposit{Now: now, Permits: []minapush.Permit{suiteForm("a", suiteDay)}})
	}
	b.Now = b.Started.Add(time.Minute)
	if d := k.reserveOne(k.lease(), b); d.OpenID != "before" {
		k.t.Errorf("took %s", d.OpenID)
	}
	k.wantTally("c", suiteSum{"held": 1})
}

func (k suiteReserve) UsersOutsideTheAudienceAreNotCounted() {
	k.giveForms(suiteUsers(6)...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	b.Audience = func(u store.User) bool {
		return u.Counts.Available == 1 && len(u.Permits) == 1 && (u.OpenID == "u001" || u.OpenID == "u004")
	}
	suiteEqual(k.suiteKit, "sent to", suiteWho(k.run(l, b)), []minapush.OpenID{"u001", "u004"})
	k.wantTally("c", suiteSum{"accepted": 2})
}

func (k suiteReserve) AnAudienceOfNobodyComesToItsEnd() {
	k.giveForms(suiteUsers(6)...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	b.Limit, b.Audience = 2, func(store.User) bool { return false }
	k.run(l, b)
	k.wantTally("c", suiteSum{})
	k.wantIdle(l, b, 0, time.Time{})
}

func (k suiteReserve) OfAnEmptyShardIsDone() {
	k.wantIdle(k.lease(), k.campaign("c", suiteLegacy()), 0, time.Time{})
}

func (k suiteReserve) ReturnsTheRowsOfALostReply() {
	users := suiteUsers(5)
	k.giveForms(users...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	lost := k.reserve(l, b).Rows
	k.same("the repeated call", func() {
		r := k.reserve(l, b)
		if r.Examined != 0 {
			k.t.Errorf("examined %d again", r.Examined)
		}
		suiteEqual(k.suiteKit, "rows", suiteByUser(r.Rows), suiteByUser(lost))
	})
	b.Limit = 2
	var got []minapush.OpenID
	for range 3 {
		r := k.reserve(l, b)
		for _, d := range r.Rows {
			k.mark(l, b.Now, d)
		}
		got = append(got, suiteWho(r.Rows)...)
	}
	slices.Sort(got)
	suiteEqual(k.suiteKit, "all of them, a few at a time", got, users)
}

func suiteByUser(rows []minapush.Delivery) []minapush.Delivery {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b minapush.Delivery) int {
		if a.OpenID < b.OpenID {
			return -1
		}
		return 1
	})
	return rows
}

func (k suiteReserve) RowsInHandAreNotHandedOutAgain() {
	k.giveForms("u", "v")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := k.reserve(l, b).Rows
	k.mark(l, b.Now, rows...)
	k.wantIdle(l, b, 0, time.Time{})
	k.settle(l, suiteEnd(rows[0], minapush.Accepted, store.Spend), suiteEnd(rows[1], minapush.Failed, store.Release))
	k.wantIdle(l, b, 0, time.Time{})
}

func (k suiteReserve) CampaignsWalkOnTheirOwn() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	k.give("v", suiteForm("a", suiteDay))
	l := k.lease()
	for i, want := range []int{2, 1, 0} {
		if got := len(k.run(l, k.campaign(fmt.Sprint("c", i), suiteLegacy()))); got != want {
			k.t.Errorf("campaign %d reached %d users, want %d", i, got, want)
		}
	}
	k.wantTally("c1", suiteSum{"accepted": 1, "skipped no_permit": 1})
}

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
	b.Skip, b.Audience = minapush.ReasonCancelled, func(u store.User) bool { return u.OpenID != "u" }
	k.skipAll(k.lease(), b)
	k.wantTally("c", suiteSum{"skipped cancelled": 1})
}
