package storetest

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteOptOut struct{ *suiteKit }

func (k suiteOptOut) CampaignsSkipWhoOptedOutOfThemOrOfAll() {
	k.giveForms("u", "v", "w")
	k.optOut("v", minapush.OptOutCampaigns)
	k.optOut("w", minapush.OptOutAll)
	k.optOut("told", minapush.OptOutAll) // has no permit either
	r := k.reserve(k.lease(), k.campaign("c", suiteLegacy()))
	if len(r.Rows) != 1 || r.Rows[0].OpenID != "u" || r.Examined != 4 || r.Waiting != 0 {
		k.t.Errorf("reserved %+v", r)
	}
	k.wantTally("c", suiteSum{"held": 1, "skipped opted_out": 3})
	k.wantCounts("v", minapush.Counts{Deposited: 1, Available: 1})
	for _, o := range []minapush.OpenID{"v", "w"} {
		k.wantNoRow("c", o, "")
		if u := k.user(o); u.Busy != nil || len(u.Recent) != 0 {
			k.t.Errorf("user %+v", u)
		}
	}
}

func (k suiteOptOut) WhoOptsInAgainIsReachedAgain() {
	k.giveForms("u")
	k.optOut("u", minapush.OptOutAll)
	l := k.lease()
	k.run(l, k.campaign("c1", suiteLegacy()))
	k.optOut("u", minapush.OptOutNone)
	k.run(l, k.campaign("c2", suiteLegacy()))
	k.wantTally("c1", suiteSum{"skipped opted_out": 1})
	k.wantTally("c2", suiteSum{"accepted": 1})
}

func (k suiteOptOut) WhatIsHeldAlreadyGoesOut() {
	k.giveForms("u", "v")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := suiteByUser(k.reserve(l, b).Rows)
	k.mark(l, b.Now, rows[1])
	k.settle(l, store.Settlement{Ref: store.RefOf(rows[1]), Resend: true, NotBefore: b.Now, Now: b.Now})
	k.optOut("u", minapush.OptOutAll)
	k.optOut("v", minapush.OptOutAll)
	suiteEqual(k.suiteKit, "rows", suiteWho(k.run(l, b)), []minapush.OpenID{"u", "v"})
	k.wantTally("c", suiteSum{"accepted": 2})
}

func (k suiteOptOut) ABusyUserWaitsAndIsSkippedLater() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	push := k.hold("u", "p")
	k.optOut("u", minapush.OptOutCampaigns)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	k.wantIdle(l, b, 1, b.Now.Add(store.BusyWait))
	k.settlePush(suiteEnd(push, minapush.Accepted, store.Spend))
	b.Now = b.Now.Add(store.BusyWait)
	k.wantIdle(l, b, 0, time.Time{})
	k.wantTally("c", suiteSum{"skipped opted_out": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Spent: 1})
}

func (k suiteOptOut) AYoungPaymentIsNotWaitedFor() {
	young := suitePay("p", suiteDay)
	young.TakenAt = suiteAt(suiteHour)
	k.give("u", young)
	k.optOut("u", minapush.OptOutCampaigns)
	k.wantIdle(k.lease(), k.campaign("c", suiteLegacy()), 0, time.Time{})
	k.wantTally("c", suiteSum{"skipped opted_out": 1})
}

func (k suiteOptOut) InTheQueueWhoWasNeverTriedIsSkipped() {
	k.giveForms("u", "v")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	for _, d := range k.reserve(l, b).Rows {
		k.settle(l, suiteEnd(d, minapush.Pending, store.Release))
	}
	k.optOut("u", minapush.OptOutCampaigns)
	b.Now = suiteAt(2 * suiteHour)
	suiteEqual(k.suiteKit, "sent to", suiteWho(k.run(l, b)), []minapush.OpenID{"v"})
	k.wantTally("c", suiteSum{"accepted": 1, "skipped opted_out": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 1, Available: 1})
}

func (k suiteOptOut) InTheQueueWhoWasTriedHasFailedForTheLastReason() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	x := suiteEnd(d, minapush.Pending, store.Burn)
	x.Reason, x.Errcode = "dead", 41028
	k.settle(l, x)
	k.optOut("u", minapush.OptOutAll)
	b.Now = suiteAt(2 * suiteHour)
	k.wantIdle(l, b, 0, time.Time{})
	k.wantTally("c", suiteSum{"failed dead": 1})
	if d := k.row("c", "u", ""); d.Outcome != minapush.Failed || d.Reason != "dead" || d.Errcode != 41028 {
		k.t.Errorf("row %+v, want failed for the reason of the last try", d)
	}
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Dead: 1})
}

func (k suiteOptOut) InTheQueueWhatMayHaveArrivedIsUnknown() {
	k.give("u", suiteSub("t", "n1"), suiteSub("t", "n2"))
	l, b := k.lease(), k.campaign("c", suiteOneTime("t"))
	suiteAgain{k.suiteKit}.maybe(l, &b)
	k.optOut("u", minapush.OptOutCampaigns)
	k.wantIdle(l, b, 0, time.Time{})
	if t := k.progress("c").Tally; t.Count(minapush.Unknown) != 1 || t.Examined != 1 {
		k.t.Errorf("tally %+v, want one unknown", t)
	}
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Spent: 1})
}

func (k suiteOptOut) ASkippedCampaignGivesItsOwnReason() {
	k.giveForms("u", "v")
	k.optOut("u", minapush.OptOutAll)
	b := k.campaign("c", suiteLegacy())
	b.Skip = minapush.ReasonCancelled
	suiteSkip{k.suiteKit}.skipAll(k.lease(), b)
	k.wantTally("c", suiteSum{"skipped cancelled": 2})
}

func (k suiteOptOut) WhoIsNotOfTheAudienceIsNotCounted() {
	k.giveForms("u", "v")
	k.optOut("u", minapush.OptOutAll)
	b := k.campaign("c", suiteLegacy())
	b.Audience = func(u *store.User) bool { return u.Profile.OptOut == minapush.OptOutNone }
	k.run(k.lease(), b)
	k.wantTally("c", suiteSum{"accepted": 1})
}

func (k suiteOptOut) PushesReachWhoOptedOutOfCampaignsOnly() {
	k.giveForms("u", "v")
	k.optOut("u", minapush.OptOutCampaigns)
	k.optOut("v", minapush.OptOutAll)
	k.spend("u", "p", suiteLegacy())
	a := k.reservePush(k.askPush("v", "q"), store.PushSkipped)
	want := minapush.Delivery{
		Batch: a.Delivery.Batch, OpenID: "v", Push: "q", State: minapush.Settled, Outcome: minapush.Skipped, Reason: minapush.ReasonOptedOut,
		Attempt: 1, SettledAt: suiteAt(suiteHour),
	}
	suiteEqual(k.suiteKit, "row", a.Delivery, want)
	suiteEqual(k.suiteKit, "stored row", k.row(want.Batch, "v", "q"), want)
	k.wantTally(want.Batch, suiteSum{"accepted": 1, "skipped opted_out": 1})
	k.wantCounts("v", minapush.Counts{Deposited: 1, Available: 1})
}

func (k suiteOptOut) APushThatIsSkippedKeepsItsKey() {
	k.giveForms("u")
	k.optOut("u", minapush.OptOutAll)
	p := k.askPush("u", "p")
	p.Key, p.Fingerprint, p.KeepKey = "key", 1, suiteDay
	k.reservePush(p, store.PushSkipped)
	k.optOut("u", minapush.OptOutNone)
	p.ID = "p2"
	if d := k.reservePush(p, store.PushReplayed).Delivery; d.Push != "p" || d.Reason != minapush.ReasonOptedOut {
		k.t.Errorf("replayed %+v", d)
	}
	p.Key = "another"
	k.reservePush(p, store.PushReserved)
}

func (k suiteOptOut) APushAfterADeadPermitHasFailed() {
	k.giveForms("u")
	k.optOut("u", minapush.OptOutAll)
	p := k.askPush("u", "p")
	p.Attempt, p.LastReason, p.LastErrcode = 2, "dead", 41028
	if d := k.reservePush(p, store.PushSkipped).Delivery; d.Outcome != minapush.Failed || d.Reason != "dead" || d.Errcode != 41028 {
		k.t.Errorf("row %+v", d)
	}
}

func (k suiteOptOut) ABusyUserIsBusyForPushes() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	p := k.askPush("u", "p1")
	d := k.reservePush(p, store.PushReserved).Delivery
	k.optOut("u", minapush.OptOutAll)
	k.same("what is asked meanwhile", func() {
		suiteEqual(k.suiteKit, "row", k.reservePush(p, store.PushReserved).Delivery, d) // a lost reply
		k.reservePush(k.askPush("u", "p2"), store.PushBusy)
	})
	k.markPush(d)
	k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	k.wantTally(d.Batch, suiteSum{"accepted": 1})
}

func (k suiteOptOut) APushIsNotToBeTriedAgainWhenAPaymentIsReady() {
	young := suitePay("p", suiteDay)
	young.TakenAt = suiteAt(suiteHour)
	k.give("u", young)
	k.optOut("u", minapush.OptOutAll)
	if a := k.reservePush(k.askPush("u", "p"), store.PushSkipped); !a.RetryAt.IsZero() || a.Delivery.Reason != minapush.ReasonOptedOut {
		k.t.Errorf("answer %+v", a)
	}
}
