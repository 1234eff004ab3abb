package storetest

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

func (k suiteGuard) SoManyUsesAreKeptBack() {
	late := suitePay("late", 2*suiteDay)
	late.TakenAt = suiteAt(suiteHour - minapush.PayReadyAfter + time.Second)
	ending := suiteForm("ending", suiteHour+minapush.SpendMargin)
	code := suiteLegacy()
	code.Code = "x"
	for i, c := range []struct {
		what    string
		permits []minapush.Permit
		need    store.Need
		most    int // that may be kept back of these
	}{
		{"one form", []minapush.Permit{suiteForm("a", suiteDay)}, suiteLegacy(), 0},
		{"three forms", []minapush.Permit{suiteForm("a", suiteDay), suiteForm("b", suiteDay), suiteForm("c", suiteDay)}, suiteLegacy(), 2},
		{"a payment", []minapush.Permit{suitePay("p", suiteDay)}, suiteLegacy(), 2},
		{"a payment and a form", []minapush.Permit{suitePay("p", suiteDay), suiteForm("a", suiteDay)}, suiteLegacy(), 3},
		{"and one too young", []minapush.Permit{late, suiteForm("a", suiteDay)}, suiteLegacy(), 0},
		{"and one that ends now", []minapush.Permit{ending, suiteForm("a", suiteDay)}, suiteLegacy(), 0},
		{"of two kinds", []minapush.Permit{suiteSub("t", "n"), suiteForm("a", suiteDay), suiteForm("b", suiteDay)}, suiteLegacy(), 1},
		{"of two templates", []minapush.Permit{suiteSub("t", "n"), suiteSub("t", "m"), suiteSub("other", "n"), suiteSub("other", "m")}, suiteOneTime("t"), 1},
		{"by a code", []minapush.Permit{suiteForm("a", suiteDay), suitePay("x", suiteDay), suiteForm("b", suiteDay)}, code, 2},
		{"beside a standing one for others", []minapush.Permit{suiteStanding("t", "s"), suiteForm("a", suiteDay)}, suiteLegacy(), 0},
	} {
		o := minapush.OpenID(fmt.Sprint("u", i))
		k.deposit(o, store.Deposit{Now: suiteAt(suiteHour), Permits: c.permits})
		l := k.takeOver()
		for _, over := range []int{1, 0} { // who is skipped is as before
			b := k.campaign(fmt.Sprintf("%d over %d", i, over), c.need)
			b.Started, b.Audience = suiteAt(2*suiteHour), func(u *store.User) bool { return u.OpenID == o }
			b.Guard.KeepBack = c.most + over
			r := k.reserve(l, b)
			if want := 1 - over; len(r.Rows) != want {
				k.t.Errorf("of %s %d are kept back: %d rows, want %d", c.what, b.Guard.KeepBack, len(r.Rows), want)
			} else if len(r.Rows) == 0 {
				k.wantTally(b.Campaign, suiteSum{"skipped kept_back": 1})
			}
			for _, d := range r.Rows {
				k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
			}
		}
	}
}

func (k suiteGuard) WhoHasAStandingPermitThatServesHasEnough() {
	k.give("u", suiteStanding("t", "s"))
	k.give("v", suiteStanding("other", "s"), suiteSub("t", "n"), suiteSub("t", "m"))
	b := k.campaign("c", suiteLongTerm("t"))
	b.Guard.KeepBack = 1000
	k.sends(k.lease(), b, "u")
	k.wantTally("c", suiteSum{"accepted": 1, "skipped no_permit": 1})
}

func (k suiteGuard) SuspectUsesAreNotThoseThatAreKept() {
	k.give("u", suiteSub("t", "n1"), suiteSub("t", "n2"))
	l := k.lease()
	k.suspect(l, k.campaign("c1", suiteOneTime("t")))
	b := k.campaign("c2", suiteOneTime("t"))
	b.Guard.KeepBack = 1
	k.sends(l, b)
	k.wantTally("c2", suiteSum{"skipped kept_back": 1})
	k.give("u", suiteSub("t", "n3"))
	b.Campaign = "c3"
	k.track("c3")
	k.sends(l, b, "u")
}

func (k suiteGuard) KeepsPermitsForPushes() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay), suiteForm("c", 3*suiteDay))
	l := k.lease()
	for i, want := range []int{1, 0} {
		b := k.guarded(fmt.Sprint("c", i), store.Guard{KeepBack: 2})
		if sent := k.run(l, b); len(sent) != want {
			k.t.Errorf("%s was sent %d times, want %d", b.Campaign, len(sent), want)
		}
	}
	k.spend("u", "p1", suiteLegacy())
	p := k.askPush("u", "p2")
	p.Guard.KeepBack = 5 // is not looked at
	k.reservePush(p, store.PushReserved)
}

type suitePushGuard struct{ *suiteKit }

// capped asks for a push of which there may be so many with it that day.
func (k suitePushGuard) capped(o minapush.OpenID, id string, n int) store.Push {
	p := k.askPush(o, id)
	p.Guard = store.Guard{PerDay: n, CountPushes: true, DayStart: suiteAt(-10 * suiteHour)}
	return p
}

func (k suitePushGuard) OneTooManyIsSkippedWithItsKeyAndNothingIsTouched() {
	k.giveForms("u")
	k.give("u", suiteForm("b", suiteDay))
	k.spend("u", "p1", suiteLegacy())
	before := k.user("u")
	p := k.capped("u", "p2", 1)
	p.Key, p.KeepKey, p.Fingerprint = "key", suiteDay, 1
	a := k.reservePush(p, store.PushSkipped)
	d := a.Delivery
	if d.Outcome != minapush.Skipped || d.Reason != minapush.ReasonDailyCap || d.Permit.Kind != 0 || !a.RetryAt.IsZero() {
		k.t.Errorf("answered %+v", a)
	}
	suiteEqual(k.suiteKit, "row", k.row(p.Batch, "u", "p2"), d)
	suiteEqual(k.suiteKit, "user", k.user("u"), before)
	k.wantTally(p.Batch, suiteSum{"accepted": 1, "skipped daily_cap": 1})
	p.ID, p.Guard.PerDay = "p3", 2
	suiteEqual(k.suiteKit, "the outcome of the key", k.reservePush(p, store.PushReplayed).Delivery, d)
	p.Key = ""
	k.reservePush(p, store.PushReserved)
}

func (k suitePushGuard) CampaignsCountAndPushesWhereTheyAreAskedFor() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay), suiteForm("c", suiteDay))
	k.run(k.lease(), k.campaign("c", suiteLegacy()))
	k.spend("u", "p1", suiteLegacy())
	k.reservePush(k.capped("u", "p2", 2), store.PushSkipped)
	p := k.capped("u", "p3", 1)
	p.Guard.CountPushes = false
	k.reservePush(p, store.PushSkipped)
	p = k.capped("u", "p4", 2)
	p.Guard.CountPushes = false
	k.reservePush(p, store.PushReserved)
}

func (k suitePushGuard) WhatIsOverOrDidNotArriveDoesNotCount() {
	k.give("u", suitePay("p", suiteDay), suitePay("q", suiteDay))
	k.end("u", "failed", suiteLegacy(), minapush.Failed, store.Release)
	k.end("u", "refused", suiteLegacy(), minapush.RefusedByUser, store.Spend)
	k.settlePush(suiteEnd(k.hold("u", "withdrawn"), minapush.Pending, store.Release))
	d := k.reservePush(k.capped("u", "p1", 1), store.PushReserved).Delivery
	k.settlePush(suiteEnd(d, minapush.Unknown, store.Spend))
	k.reservePush(k.capped("u", "p2", 1), store.PushSkipped)
	p := k.capped("u", "p3", 1)
	p.Guard.DayStart = suiteAt(suiteHour + time.Millisecond)
	k.reservePush(p, store.PushReserved)
}

func (k suitePushGuard) OnlyTheCapIsLookedAt() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay))
	k.run(k.lease(), k.campaign("c", suiteLegacy())) // of the same content
	p := k.askPush("u", "p")
	p.Guard = store.Guard{ContentSince: suiteAt(-suiteDay), KeepBack: 1, CountPushes: true}
	k.reservePush(p, store.PushReserved)
}

func (k suitePushGuard) WhatTouchedAPermitBeforeHasFailed() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay), suiteForm("c", 3*suiteDay))
	p := k.capped("u", "p1", 1)
	k.settlePush(suiteEnd(k.reservePush(p, store.PushReserved).Delivery, minapush.Pending, store.Burn))
	k.spend("u", "p2", suiteLegacy())
	p.Attempt, p.LastReason, p.LastErrcode = 2, "41028", 41028
	if d := k.reservePush(p, store.PushSkipped).Delivery; d.Outcome != minapush.Failed || d.Reason != "41028" || d.Errcode != 41028 {
		k.t.Errorf("row %+v", d)
	}
	k.wantTally(p.Batch, suiteSum{"accepted": 1, "failed 41028": 1})
}

func (k suitePushGuard) ItsOwnTryBeforeDoesNotCount() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay))
	p := k.capped("u", "p1", 1)
	d := k.reservePush(p, store.PushReserved).Delivery
	suiteEqual(k.suiteKit, "the same call again", k.reservePush(p, store.PushReserved).Delivery, d)
	k.settlePush(suiteEnd(d, minapush.Pending, store.Burn))
	p.Attempt = 2
	k.reservePush(p, store.PushReserved)
}

func (k suitePushGuard) WhoOptedOutOrHasNoPermitIsSkippedForThat() {
	k.giveForms("out", "none", "young")
	for i, o := range []minapush.OpenID{"out", "none", "young"} {
		k.spend(o, fmt.Sprint("first", i), suiteLegacy())
	}
	k.give("out", suiteForm("b", suiteDay))
	k.optOut("out", minapush.OptOutAll)
	young := suitePay("p", suiteDay)
	young.TakenAt = suiteAt(suiteHour)
	k.deposit("young", store.Deposit{Now: suiteAt(suiteHour), Permits: []minapush.Permit{young}})
	for o, want := range map[minapush.OpenID]string{"out": minapush.ReasonOptedOut, "none": minapush.ReasonNoPermit, "young": minapush.ReasonNoPermit} {
		a := k.reservePush(k.capped(o, "p", 1), store.PushSkipped)
		if a.Delivery.Reason != want || a.RetryAt.IsZero() == (o == "young") {
			k.t.Errorf("%s: %+v", o, a)
		}
	}
}

func (k suitePushGuard) ABusyUserIsBusy() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	k.spend("u", "p1", suiteLegacy())
	k.hold("u", "p2")
	k.reservePush(k.capped("u", "p3", 1), store.PushBusy)
	k.wantNoRow(k.askPush("u", "p3").Batch, "u", "p3")
}

func (k suiteContenders) OneOfManyCampaignsGetsTheDay() {
	users := suiteUsers(5)
	suiteGuard{k.suiteKit}.rich(users...)
	l := k.lease()
	batches := make([]store.Batch, suiteN)
	for i := range batches {
		batches[i] = suiteGuard{k.suiteKit}.guarded(fmt.Sprint("c", i), suiteGuard{k.suiteKit}.capped(1))
	}
	k.contend(suiteN, func(i int) {
		r, err := k.st.ReserveBatch(k.ctx(), l, batches[i])
		if k.failed(err, "reserve batch") {
			return
		}
		for _, d := range r.Rows {
			k.failed(k.st.Settle(k.ctx(), l, []store.Settlement{suiteEnd(d, minapush.Accepted, store.Spend)}), "settle")
		}
	})
	var sum minapush.Tally
	for _, b := range batches {
		b.Now = suiteAt(2 * suiteHour) // for those who were busy
		k.run(l, b)
		sum.Merge(k.progress(b.Campaign).Tally)
	}
	want := int64(len(users))
	if n := sum.Count(minapush.Accepted); n != want || sum.By[minapush.Skipped][minapush.ReasonDailyCap] != want*(suiteN-1) {
		k.t.Errorf("%d messages were accepted, want %d: %v", n, want, sum.By)
	}
	for _, o := range users {
		k.wantCounts(o, minapush.Counts{Deposited: 12, Available: 11, Spent: 1})
	}
}

func (k suiteContenders) OneOfManyPushesAndCampaignsGetsTheDay() {
	suiteGuard{k.suiteKit}.rich("u")
	l := k.lease()
	g := suiteGuard{k.suiteKit}.capped(1)
	g.CountPushes = true
	ask := k.askPush("u", "")
	batches := make([]store.Batch, suiteN)
	for i := range batches {
		batches[i] = suiteGuard{k.suiteKit}.guarded(fmt.Sprint("c", i), g)
	}
	var sent atomic.Int64
	k.contend(suiteN, func(i int) {
		if i%2 == 0 {
			r, err := k.st.ReserveBatch(k.ctx(), l, batches[i])
			if k.failed(err, "reserve batch") {
				return
			}
			for _, d := range r.Rows {
				sent.Add(1)
				k.failed(k.st.Settle(k.ctx(), l, []store.Settlement{suiteEnd(d, minapush.Accepted, store.Spend)}), "settle")
			}
			return
		}
		p := ask
		p.ID, p.Guard = fmt.Sprint("p", i), g
		a, err := k.st.ReservePush(k.ctx(), k.shard, p)
		if k.failed(err, "reserve push") || a.Status != store.PushReserved {
			return
		}
		sent.Add(1)
		k.failed(suiteErr(k.st.SettlePush(k.ctx(), k.shard, suiteEnd(a.Delivery, minapush.Accepted, store.Spend))), "settle push")
	})
	for _, b := range batches {
		b.Now = suiteAt(2 * suiteHour)
		sent.Add(int64(len(k.run(l, b))))
	}
	if n := sent.Load(); n != 1 {
		k.t.Errorf("%d messages were sent, and one is allowed", n)
	}
	k.wantCounts("u", minapush.Counts{Deposited: 12, Available: 11, Spent: 1})
}

func (k suiteDurable) WhatGuardsLookAt() {
	g := suiteGuard{k.suiteKit}
	g.rich("u", "v")
	l := k.lease()
	failed := k.campaign("failed", suiteLegacy())
	for _, d := range k.reserve(l, failed).Rows {
		k.settle(l, suiteEnd(d, minapush.Failed, store.Release))
	}
	first := g.guarded("first", g.capped(1))
	first.Audience = func(u *store.User) bool { return u.OpenID == "u" }
	g.sends(l, first, "u")
	k.reopen()
	l = k.again(l)
	g.sends(l, g.guarded("second", g.capped(1)), "v")
	k.wantTally("second", suiteSum{"accepted": 1, "skipped daily_cap": 1})
	k.reopen()
	l = k.again(l)
	g.sends(l, g.guarded("third", store.Guard{ContentSince: suiteAt(0)}))
	k.wantTally("third", suiteSum{"skipped same_content": 2})
	p := suitePushGuard{k.suiteKit}.capped("v", "p", 1)
	k.reservePush(p, store.PushSkipped)
	k.reopen()
	if d := k.row(p.Batch, "v", "p"); d.Outcome != minapush.Skipped || d.Reason != minapush.ReasonDailyCap {
		k.t.Errorf("row %+v", d)
	}
}
