package storetest

import (
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteMark struct{ *suiteKit }

func (k suiteMark) tryMark(l store.Lease, refs ...store.Ref) []bool {
	k.t.Helper()
	marked, err := k.st.Mark(k.ctx(), l, refs, suiteAt(suiteHour))
	k.must(err, "mark")
	return marked
}

func (k suiteMark) TurnsHeldIntoSending() {
	k.giveForms("u")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	want := k.reserveOne(l, b)
	suiteEqual(k.suiteKit, "marked", k.tryMark(l, store.RefOf(want)), []bool{true})
	want.State, want.Tries = minapush.Sending, 1
	suiteEqual(k.suiteKit, "row", k.row("c", "u", ""), want)
	k.wantTally("c", suiteSum{"sending": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 1, Held: 1})
}

func (k suiteMark) AnswersForEachRowInOrder() {
	users := suiteUsers(5)
	k.giveForms(users...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := suiteByUser(k.reserve(l, b).Rows)
	k.mark(l, b.Now, rows[1])
	k.settle(l, suiteEnd(rows[2], minapush.Accepted, store.Spend), suiteEnd(rows[3], minapush.Pending, store.Release))
	other := store.RefOf(rows[4])
	other.Attempt++
	nobody := store.Ref{Batch: "c", OpenID: "nobody", Attempt: 1}
	elsewhere := store.RefOf(rows[0])
	elsewhere.Batch = "d"
	got := k.tryMark(l, store.RefOf(rows[1]), other, store.RefOf(rows[2]), store.RefOf(rows[0]), nobody, store.RefOf(rows[3]), elsewhere, store.RefOf(rows[4]))
	suiteEqual(k.suiteKit, "marked", got, []bool{false, false, false, true, false, false, false, true})
	k.wantTally("c", suiteSum{"sending": 3, "accepted": 1, "waiting": 1})
}

func (k suiteMark) ARepeatedOneAnswersFalseAndTheRowsCanBeGivenBack() {
	k.giveForms("u")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	k.same("the repeated mark", func() { suiteEqual(k.suiteKit, "marked", k.tryMark(l, store.RefOf(d)), []bool{false}) })
	k.settle(l, suiteEnd(d, minapush.Pending, store.Release))
	k.wantTally("c", suiteSum{"waiting": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 1, Available: 1})
}

func (k suiteMark) TheSameRowTwiceInOneCallIsMarkedOnce() {
	k.giveForms("u")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	r := store.RefOf(k.reserveOne(l, b))
	n := 0
	for _, ok := range k.tryMark(l, r, r) {
		if ok {
			n++
		}
	}
	if n != 1 || k.row("c", "u", "").Tries != 1 {
		k.t.Errorf("marked %d times: the caller would send %d messages", n, n)
	}
}

func (k suiteMark) OfNothingIsNothing() {
	suiteEqual(k.suiteKit, "marked", k.tryMark(k.lease()), nil)
}

type suiteSettle struct{ *suiteKit }

// sent gives u permits, sends one message of a campaign and settles it as change says; the row as it then stands.
func (k suiteSettle) sent(need store.Need, o minapush.Outcome, e store.PermitEffect, permits ...minapush.Permit) minapush.Delivery {
	k.t.Helper()
	k.give("u", permits...)
	l, b := k.lease(), k.campaign("c", need)
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	k.settle(l, suiteEnd(d, o, e))
	if k.user("u").Busy != nil {
		k.t.Error("the user is still busy")
	}
	return k.row("c", "u", "")
}

func (k suiteSettle) AcceptedSpendsTheUse() {
	d := k.sent(suiteLegacy(), minapush.Accepted, store.Spend, suitePay("p", suiteDay))
	want := minapush.Delivery{
		Batch: "c", OpenID: "u", State: minapush.Settled, Outcome: minapush.Accepted, MsgID: 4711, Permit: d.Permit, Attempt: 1, Tries: 1,
		ReservedAt: suiteAt(suiteHour), SettledAt: suiteAt(suiteHour + time.Second),
	}
	suiteEqual(k.suiteKit, "row", d, want)
	if d.Permit.Kind != minapush.PrepayID || d.Permit.Identity != "p" {
		k.t.Errorf("permit used %+v", d.Permit)
	}
	k.wantTally("c", suiteSum{"accepted": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 3, Available: 2, Spent: 1})
}

func (k suiteSettle) FailedReleasesTheUse() {
	d := k.sent(suiteLegacy(), minapush.Failed, store.Release, suitePay("p", suiteDay))
	if d.Outcome != minapush.Failed || d.Reason != "43101" || d.Errcode != 43101 {
		k.t.Errorf("row %+v", d)
	}
	k.wantTally("c", suiteSum{"failed 43101": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 3, Available: 3})
}

func (k suiteSettle) BurnKillsEveryUseOfThePermit() {
	k.sent(suiteLegacy(), minapush.Failed, store.Burn, suitePay("p", suiteDay), suitePay("q", 2*suiteDay), suiteForm("a", 2*suiteDay))
	k.wantCounts("u", minapush.Counts{Deposited: 7, Available: 4, Dead: 3})
}

func (k suiteSettle) BurnOfAStandingPermitRemovesIt() {
	k.sent(suiteLongTerm("t"), minapush.Failed, store.Burn, suiteStanding("t", "s"))
	if u := k.user("u"); len(u.Permits) != 0 || u.Counts != (minapush.Counts{}) || u.StandingSent != 0 {
		k.t.Errorf("user %+v", u)
	}
}

func (k suiteSettle) UnknownSpendsTheUse() {
	k.sent(suiteOneTime("t"), minapush.Unknown, store.Spend, suiteSub("t", "n"))
	k.wantTally("c", suiteSum{"unknown 43101": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 1, Spent: 1})
}

func (k suiteSettle) VoidTemplateKillsEveryPermitOfTheKindAndTemplate() {
	k.sent(suiteOneTime("t"), minapush.RefusedByUser, store.VoidTemplate,
		suiteSub("t", "n1"), suiteSub("t", "n2"), suiteSub("t2", "n1"), suiteForm("a", suiteDay))
	k.wantTally("c", suiteSum{"refused 43101": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 4, Available: 2, Dead: 2})
}

func (k suiteSettle) VoidTemplateLeavesOtherKinds() {
	k.sent(suiteLegacy(), minapush.RefusedByUser, store.VoidTemplate, suiteForm("a", suiteDay), suiteForm("b", suiteDay), suitePay("p", 2*suiteDay))
	k.wantCounts("u", minapush.Counts{Deposited: 5, Available: 3, Dead: 2})
}

func (k suiteSettle) VoidTemplateKillsAStandingPermitToo() {
	k.sent(suiteLongTerm("t"), minapush.RefusedByUser, store.VoidTemplate, suiteStanding("t", "s"), suiteStanding("t2", "s"))
	u := k.user("u")
	if len(u.Permits) != 1 || u.Permits[0].Template != "t2" || u.Counts != (minapush.Counts{}) {
		k.t.Errorf("user %+v", u)
	}
}

func (k suiteSettle) VoidUserKillsEverything() {
	k.sent(suiteLegacy(), minapush.Failed, store.VoidUser,
		suiteForm("a", suiteDay), suitePay("p", 2*suiteDay), suiteSub("t", "n"), suiteStanding("t", "s"))
	if n := len(k.user("u").Permits); n != 0 {
		k.t.Errorf("%d permits are left", n)
	}
	k.wantCounts("u", minapush.Counts{Deposited: 5, Dead: 5})
}

func (k suiteSettle) VoidKillsSuspectPermitsOfOtherDeliveries() {
	k.give("u", suiteSub("t", "n1"), suiteSub("t", "n2"))
	l := k.lease()
	k.suspect(l, k.campaign("c1", suiteOneTime("t")))
	d := k.reserveOne(l, k.campaign("c2", suiteOneTime("t")))
	k.settle(l, suiteEnd(d, minapush.RefusedByUser, store.VoidTemplate))
	k.wantCounts("u", minapush.Counts{Deposited: 2, Dead: 2})
	n, err := k.st.ResolveSuspects(k.ctx(), l, "c1", suiteAt(suiteDay), false, 10, suiteAt(suiteDay))
	k.must(err, "resolve suspects")
	if n != 1 {
		k.t.Errorf("resolved %d, want 1", n)
	}
	k.wantTally("c1", suiteSum{"waiting": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 2, Dead: 2})
}

func (k suiteSettle) WhatIsInHandWhenItsPermitDiesStillComesToItsEnd() {
	k.give("u", suiteSub("t", "n1"), suiteSub("t", "n2"))
	l, b := k.lease(), k.campaign("c1", suiteOneTime("t"))
	k.suspect(l, b)
	p := k.askPush("u", "p")
	p.Need = suiteOneTime("t")
	d := k.reservePush(p, store.PushReserved).Delivery
	k.markPush(d)
	_, err := k.st.ResolveSuspects(k.ctx(), l, "c1", suiteAt(suiteDay), true, 10, suiteAt(suiteDay))
	k.must(err, "resolve suspects")
	k.wantCounts("u", minapush.Counts{Deposited: 2, Dead: 2})
	MustCheck(k.t, k.st, *k.scope)
	k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	k.wantTally(d.Batch, suiteSum{"accepted": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 2, Dead: 2})
	if k.user("u").Busy != nil {
		k.t.Error("the user is still busy")
	}
}

func (k suiteSettle) StandingPermitsCountWhatWasAccepted() {
	k.sent(suiteLongTerm("t"), minapush.Accepted, store.Spend, suiteStanding("t", "s"))
	if u := k.user("u"); u.StandingSent != 1 || len(u.Permits) != 1 || u.Permits[0].State != minapush.Available {
		k.t.Errorf("user %+v", u)
	}
}

func (k suiteSettle) StandingPermitsDoNotCountWhatIsUnknown() {
	k.sent(suiteLongTerm("t"), minapush.Unknown, store.Spend, suiteStanding("t", "s"))
	if u := k.user("u"); u.StandingSent != 0 || len(u.Permits) != 1 || u.Permits[0].State != minapush.Available {
		k.t.Errorf("user %+v", u)
	}
}

func (k suiteSettle) PendingPutsTheUserBack() {
	d := k.sent(suiteLegacy(), minapush.Pending, store.Release, suiteForm("a", suiteDay))
	if d.State != minapush.Waiting || d.Outcome != minapush.Pending || !d.NotBefore.Equal(suiteAt(suiteHour+time.Second)) || d.Tries != 1 {
		k.t.Errorf("row %+v", d)
	}
	k.wantTally("c", suiteSum{"waiting": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 1, Available: 1})
}

func (k suiteSettle) SuspectUseKeepsTheUseInDoubt() {
	k.give("u", suitePay("p", suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	k.suspect(l, b)
	d := k.row("c", "u", "")
	if d.State != minapush.Suspected || d.Outcome != minapush.Pending || d.Errcode != 43101 || d.Permit.Identity != "p" {
		k.t.Errorf("row %+v", d)
	}
	u := k.user("u")
	if u.Busy != nil || u.Permits[0].State != minapush.Suspect {
		k.t.Errorf("user %+v", u)
	}
	k.wantTally("c", suiteSum{"suspected": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 3, Available: 2, Suspect: 1})
	k.wantIdle(l, b, 0, time.Time{})
}

func (k suiteSettle) RepeatingIsSafe() {
	k.give("u", suitePay("p", suiteDay))
	k.give("v", suitePay("p", suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := suiteByUser(k.reserve(l, b).Rows)
	k.mark(l, b.Now, rows...)
	xs := []store.Settlement{suiteEnd(rows[0], minapush.Accepted, store.Spend), suiteEnd(rows[1], minapush.Pending, store.Burn)}
	k.settle(l, xs...)
	k.same("settling again", func() {
		k.settle(l, xs...)
		k.settle(l, suiteEnd(rows[0], minapush.Failed, store.VoidUser), suiteEnd(rows[1], minapush.Accepted, store.Spend))
	})
}

func (k suiteSettle) OnceIsEnoughInOneCall() {
	k.give("u", suitePay("p", suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	d := k.reserveOne(l, b)
	k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend), suiteEnd(d, minapush.Accepted, store.Spend), suiteEnd(d, minapush.Failed, store.Burn))
	k.wantTally("c", suiteSum{"accepted": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 3, Available: 2, Spent: 1})
}

func (k suiteSettle) PassesOverWhatIsNotThere() {
	k.giveForms("u", "v")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := suiteByUser(k.reserve(l, b).Rows)
	other := suiteEnd(rows[0], minapush.Accepted, store.Spend)
	other.Attempt = 2
	nobody := suiteEnd(rows[0], minapush.Accepted, store.Spend)
	nobody.OpenID = "nobody"
	elsewhere := suiteEnd(rows[0], minapush.Accepted, store.Spend)
	elsewhere.Batch = "d"
	k.same("settling what is not there", func() { k.settle(l, other, nobody, elsewhere) })
	k.settle(l, other, suiteEnd(rows[1], minapush.Accepted, store.Spend), nobody)
	k.wantTally("c", suiteSum{"held": 1, "accepted": 1})
}

func (k suiteSettle) ALateCallOfAnEarlierAttemptDoesNothing() {
	k.giveForms("u")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	first := k.reserveOne(l, b)
	k.mark(l, b.Now, first)
	k.settle(l, suiteEnd(first, minapush.Pending, store.Release))
	b.Now = suiteAt(2 * suiteHour)
	k.mark(l, b.Now, k.reserveOne(l, b))
	k.same("the late answer", func() { k.settle(l, suiteEnd(first, minapush.Accepted, store.Spend)) })
}

func (k suiteSettle) ManyAreSettledInOneStep() {
	users := suiteUsers(60)
	k.giveForms(users...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := k.reserve(l, b).Rows
	k.mark(l, b.Now, rows...)
	var xs []store.Settlement
	want := suiteSum{}
	for i, d := range rows {
		x := suiteEnd(d, minapush.Outcomes[i%len(minapush.Outcomes)], store.Release)
		switch x.Outcome {
		case minapush.Accepted, minapush.Unknown:
			x.Permit = store.Spend
		}
		x.Reason = fmt.Sprint("reason", i%7)
		want[x.Outcome.String()+" "+x.Reason]++
		xs = append(xs, x)
	}
	k.settle(l, xs...)
	k.wantTally("c", want)
	suiteEqual(k.suiteKit, "flow", k.flow()[minapush.FormID], minapush.Counts{Deposited: 60, Spent: 24})
}
