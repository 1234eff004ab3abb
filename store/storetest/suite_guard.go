package storetest

import (
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteGuard struct{ *suiteKit }

// capped is a guard of so many messages on the day of the tests.
func (suiteGuard) capped(n int) store.Guard {
	return store.Guard{PerDay: n, DayStart: suiteAt(-10 * suiteHour)}
}

// guarded asks for deliveries of a campaign under a guard.
func (k suiteGuard) guarded(id string, g store.Guard) store.Batch {
	b := k.campaign(id, suiteLegacy())
	b.Guard = g
	return b
}

// rich gives users enough permits for any test.
func (k suiteGuard) rich(users ...minapush.OpenID) {
	k.t.Helper()
	for _, o := range users {
		for i := range 12 {
			k.give(o, suiteForm(suiteCode(i), suiteDay+time.Duration(i)*suiteHour))
		}
	}
}

// sends wants a campaign to be sent to users, in order.
func (k suiteGuard) sends(l store.Lease, b store.Batch, want ...minapush.OpenID) {
	k.t.Helper()
	suiteEqual(k.suiteKit, b.Campaign+" is sent to", suiteWho(k.run(l, b)), want)
}

// endAs sends a message of a campaign without a guard to u, and ends it.
func (k suiteGuard) endAs(l store.Lease, id string, o minapush.Outcome, e store.PermitEffect) {
	k.t.Helper()
	b := k.campaign(id, suiteLegacy())
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	k.settle(l, suiteEnd(d, o, e))
}

func (k suiteGuard) TheZeroGuardKeepsNobodyOut() {
	k.rich("u")
	l := k.lease()
	for i := range 10 {
		k.sends(l, k.guarded(fmt.Sprint("c", i), store.Guard{}), "u")
	}
	k.sends(l, k.guarded("day", store.Guard{DayStart: suiteAt(0), CountPushes: true, Series: "s"}), "u")
	k.sends(l, k.guarded("last", store.Guard{}), "u")
	k.wantCounts("u", minapush.Counts{Deposited: 12, Spent: 12})
}

func (k suiteGuard) WhoHadAsManyAsAreAllowedIsSkippedAndNothingIsTouched() {
	k.rich("u", "v")
	l, first := k.lease(), k.guarded("c1", k.capped(1))
	first.Audience = func(u *store.User) bool { return u.OpenID == "u" }
	k.sends(l, first, "u")
	before := k.user("u")
	k.sends(l, k.guarded("c2", k.capped(1)), "v")
	k.wantTally("c2", suiteSum{"accepted": 1, "skipped daily_cap": 1})
	k.wantNoRow("c2", "u", "")
	suiteEqual(k.suiteKit, "who was skipped", k.user("u"), before)
}

func (k suiteGuard) SoManyADayGoThrough() {
	for _, n := range []int{1, 2, 3, store.MaxRecent} {
		o := minapush.OpenID(fmt.Sprint("u", n))
		k.rich(o)
		l := k.takeOver()
		for i := range n + 1 {
			b := k.guarded(fmt.Sprintf("c%d of %d", i, n), k.capped(n))
			b.Audience = func(u *store.User) bool { return u.OpenID == o }
			if i < n {
				k.sends(l, b, o)
				continue
			}
			k.sends(l, b)
			k.wantTally(b.Campaign, suiteSum{"skipped daily_cap": 1})
		}
	}
}

func (k suiteGuard) TheDayBeginsAtItsStartToTheMillisecond() {
	k.rich("u")
	l := k.lease()
	b := k.guarded("c1", store.Guard{})
	b.Now = suiteAt(suiteHour + 1500*time.Microsecond)
	k.sends(l, b, "u")
	g := k.capped(1)
	g.DayStart = suiteAt(suiteHour + 1900*time.Microsecond)
	k.sends(l, k.guarded("c2", g))
	k.wantTally("c2", suiteSum{"skipped daily_cap": 1})
	g.DayStart = suiteAt(suiteHour + 2*time.Millisecond)
	k.sends(l, k.guarded("c3", g), "u")
	g.DayStart = time.Time{}
	k.sends(l, k.guarded("c4", g))
	k.wantTally("c4", suiteSum{"skipped daily_cap": 1})
}

func (k suiteGuard) WhatAClockAheadHasSentCounts() {
	k.rich("u")
	l, b := k.lease(), k.guarded("c1", store.Guard{})
	b.Now = suiteAt(20 * suiteHour)
	k.sends(l, b, "u")
	k.sends(l, k.guarded("c2", k.capped(1)))
	k.wantTally("c2", suiteSum{"skipped daily_cap": 1})
}

func (k suiteGuard) PushesCountOnlyWhereTheyAreAskedFor() {
	k.rich("u")
	l := k.lease()
	k.spend("u", "p", suiteLegacy())
	k.sends(l, k.guarded("c1", k.capped(1)), "u")
	g := k.capped(2)
	g.CountPushes = true
	k.sends(l, k.guarded("c2", g))
	k.wantTally("c2", suiteSum{"skipped daily_cap": 1})
	k.sends(l, k.guarded("c3", k.capped(2)), "u")
}

func (k suiteGuard) WhatDidNotArriveDoesNotUseUpTheDay() {
	for i, c := range []struct {
		outcome minapush.Outcome
		effect  store.PermitEffect
		counts  bool
	}{
		{minapush.Accepted, store.Spend, true}, {minapush.Unknown, store.Spend, true}, {minapush.Failed, store.Release, false},
		{minapush.Failed, store.Burn, false}, {minapush.RefusedByUser, store.Spend, false}, {minapush.Skipped, store.Release, false},
		{minapush.Pending, store.Release, false}, {minapush.Pending, store.SuspectUse, true},
	} {
		o := minapush.OpenID(fmt.Sprint("u", i))
		k.rich(o)
		l, b := k.takeOver(), k.guarded(fmt.Sprint("first", i), store.Guard{})
		b.Audience = func(u *store.User) bool { return u.OpenID == o }
		d := k.reserveOne(l, b)
		k.mark(l, b.Now, d)
		k.settle(l, suiteEnd(d, c.outcome, c.effect))
		next := k.guarded(fmt.Sprint("next", i), k.capped(1))
		next.Audience = b.Audience
		if got := len(k.run(l, next)) == 0; got != c.counts {
			k.t.Errorf("after %v with effect %d: kept out %v, want %v", c.outcome, c.effect, got, c.counts)
		}
	}
}

func (k suiteGuard) ARefusalCountsUntilItIsBelieved() {
	k.give("u", suiteSub("t", "n"), suiteForm("a", suiteDay))
	l := k.lease()
	k.suspect(l, k.campaign("c", suiteOneTime("t")))
	k.sends(l, k.guarded("c1", k.capped(1)))
	_, err := k.st.ResolveSuspects(k.ctx(), l, "c", suiteAt(suiteDay), true, 10, suiteAt(suiteDay))
	k.must(err, "resolve")
	k.sends(l, k.guarded("c2", k.capped(1)), "u")
	k.wantTally("c1", suiteSum{"skipped daily_cap": 1})
}

func (k suiteGuard) APushThatWasWithdrawnDoesNotCount() {
	k.rich("u")
	g := k.capped(1)
	g.CountPushes = true
	k.settlePush(suiteEnd(k.hold("u", "p1"), minapush.Pending, store.Burn))
	k.sends(k.lease(), k.guarded("c", g), "u")
}

func (k suiteGuard) AMessageThatWasGivenBackByARecoveryDoesNotCount() {
	k.rich("u")
	k.reserveOne(k.lease(), k.guarded("c1", k.capped(1)))
	l := k.takeOver()
	_, err := k.st.Recover(k.ctx(), l, suiteAt(suiteHour))
	k.must(err, "recover")
	k.sends(l, k.guarded("c2", k.capped(1)), "u")
	b := k.guarded("c1", k.capped(1))
	b.Now = suiteAt(2 * suiteHour)
	k.sends(l, b)
	k.wantTally("c1", suiteSum{"skipped daily_cap": 1})
}

func (k suiteGuard) ManyFailuresDoNotMakeTheDayForgotten() {
	k.rich("u")
	l := k.lease()
	k.endAs(l, "arrived", minapush.Accepted, store.Spend)
	for i := range 3 * store.MaxRecent {
		k.endAs(l, fmt.Sprint("failed", i), minapush.Failed, store.Release)
	}
	k.sends(l, k.guarded("c", k.capped(1)))
	k.wantTally("c", suiteSum{"skipped daily_cap": 1})
}

func (k suiteGuard) ABusyUserWaitsAndIsHeldAgainstItThen() {
	k.rich("u")
	l, first := k.lease(), k.guarded("c1", k.capped(1))
	d := k.reserveOne(l, first)
	b := k.guarded("c2", k.capped(1))
	k.wantIdle(l, b, 1, b.Now.Add(store.BusyWait))
	k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	b.Now = b.Now.Add(store.BusyWait)
	k.sends(l, b)
	k.wantTally("c2", suiteSum{"skipped daily_cap": 1})
	if d := k.row("c2", "u", ""); d.Outcome != minapush.Skipped || d.Reason != minapush.ReasonDailyCap || d.Permit.Kind != 0 {
		k.t.Errorf("row %+v", d)
	}
}

// between leaves u waiting in c1 after a try that ended as x says, sends it c2 meanwhile, and lets c1 go on at two hours.
func (k suiteGuard) between(marked bool, x store.Settlement) {
	k.t.Helper()
	k.rich("u")
	l, b := k.lease(), k.guarded("c1", k.capped(1))
	d := k.reserveOne(l, b)
	if marked {
		k.mark(l, b.Now, d)
	}
	x.Ref, x.Now, x.NotBefore = store.RefOf(d), b.Now, suiteAt(2*suiteHour)
	k.settle(l, x)
	k.endAs(l, "c2", minapush.Accepted, store.Spend)
	before := k.user("u")
	b.Now = suiteAt(2 * suiteHour)
	k.sends(l, b)
	suiteEqual(k.suiteKit, "who was kept out", k.user("u"), before)
}

func (k suiteGuard) WhatWasNeverTriedIsSkippedLater() {
	k.between(false, store.Settlement{})
	k.wantTally("c1", suiteSum{"skipped daily_cap": 1})
}

func (k suiteGuard) WhatWasTriedBeforeFailsForItsLastReason() {
	k.between(true, store.Settlement{Permit: store.Burn, Reason: "41028", Errcode: 41028})
	k.wantTally("c1", suiteSum{"failed 41028": 1})
	if d := k.row("c1", "u", ""); d.Outcome != minapush.Failed || d.Errcode != 41028 {
		k.t.Errorf("row %+v", d)
	}
}

func (k suiteGuard) WhatMayHaveArrivedIsUnknownForTheReasonOfTheGuard() {
	k.between(true, store.Settlement{Permit: store.Spend, Maybe: true, Reason: minapush.ReasonReadTimeout})
	k.wantTally("c1", suiteSum{"unknown daily_cap": 1})
}

func (k suiteGuard) TheCampaignsOwnTryBeforeDoesNotCount() {
	k.rich("u")
	g := k.capped(1)
	g.ContentSince = suiteAt(-suiteDay)
	l, b := k.lease(), k.guarded("c", g)
	suiteAgain{k.suiteKit}.maybe(l, &b)
	k.sends(l, b, "u")
	k.wantTally("c", suiteSum{"accepted": 1})
}

func (k suiteGuard) WhoOptedOutOrHasNoPermitIsSkippedForThat() {
	k.rich("out", "none")
	l := k.lease()
	k.sends(l, k.guarded("c1", k.capped(1)), "none", "out")
	k.optOut("out", minapush.OptOutCampaigns)
	for i := range 11 {
		k.spend("none", fmt.Sprint("p", i), suiteLegacy())
	}
	g := k.capped(1)
	g.ContentSince, g.KeepBack = suiteAt(-suiteDay), 5
	k.sends(l, k.guarded("c2", g))
	k.wantTally("c2", suiteSum{"skipped opted_out": 1, "skipped no_permit": 1})
}

func (k suiteGuard) WhoHasAPermitThatIsTooYoungWaitsForItFirst() {
	k.giveForms("u")
	l := k.lease()
	k.sends(l, k.guarded("c1", k.capped(1)), "u")
	young := suitePay("p", 2*suiteDay)
	young.TakenAt = suiteAt(suiteHour)
	k.deposit("u", store.Deposit{Now: suiteAt(suiteHour), Permits: []minapush.Permit{young}})
	b := k.guarded("c2", k.capped(1))
	k.wantIdle(l, b, 1, suiteAt(suiteHour).Add(minapush.PayReadyAfter))
	b.Now = suiteAt(suiteHour).Add(minapush.PayReadyAfter)
	k.sends(l, b)
	k.wantTally("c2", suiteSum{"skipped daily_cap": 1})
}

func (k suiteGuard) TheRulesGoBeforeOneAnotherInTheirOrder() {
	k.giveForms("u")
	k.give("u", suiteForm("more", suiteDay))
	l := k.lease()
	k.endAs(l, "first", minapush.Accepted, store.Spend)
	all := k.capped(1)
	all.ContentSince, all.KeepBack = suiteAt(-suiteDay), 1
	for _, want := range []string{minapush.ReasonDailyCap, minapush.ReasonSameContent, minapush.ReasonKeptBack} {
		k.sends(l, k.guarded(want, all))
		k.wantTally(want, suiteSum{"skipped " + want: 1})
		if want == minapush.ReasonDailyCap {
			all.PerDay = 2
		} else {
			all.ContentSince = time.Time{}
		}
	}
	all.KeepBack = 0
	k.sends(l, k.guarded("last", all), "u")
}

func (k suiteGuard) TheSameContentFromAnotherCampaignIsSkipped() {
	k.rich("u")
	l := k.lease()
	k.endAs(l, "c1", minapush.Accepted, store.Spend)
	g := store.Guard{ContentSince: suiteAt(suiteHour + 999*time.Microsecond)} // to the millisecond, and what was sent then counts
	k.sends(l, k.guarded("c2", g))
	k.wantTally("c2", suiteSum{"skipped same_content": 1})
	other := k.guarded("c3", g)
	other.Need.Content++
	k.sends(l, other, "u")
	g.ContentSince = suiteAt(suiteHour + time.Millisecond)
	k.sends(l, k.guarded("c4", g), "u")
}

func (k suiteGuard) TheSameContentOfAPushOrOfWhatDidNotArriveIsNotSkipped() {
	k.rich("u")
	l := k.lease()
	k.spend("u", "p", suiteLegacy())
	k.endAs(l, "c1", minapush.Failed, store.Release)
	k.endAs(l, "c2", minapush.RefusedByUser, store.Spend)
	k.sends(l, k.guarded("c3", store.Guard{ContentSince: suiteAt(-suiteDay), CountPushes: true}), "u")
	k.endAs(l, "c4", minapush.Unknown, store.Spend)
	k.sends(l, k.guarded("c5", store.Guard{ContentSince: suiteAt(2 * suiteHour)}), "u")
}

func (k suiteGuard) RunsOfOneScheduleMayRepeatTheirContent() {
	k.rich("u")
	day := func(schedule string, n int) string {
		return minapush.RunID(schedule, suiteAt(time.Duration(n)*suiteDay))
	}
	g := store.Guard{ContentSince: suiteAt(-suiteDay), Series: minapush.SeriesOf(day("s", 0))}
	l := k.lease()
	k.sends(l, k.guarded(day("s", 1), g), "u")
	k.sends(l, k.guarded(day("s", 2), g), "u")
	strange := g
	strange.Series = minapush.SeriesOf(day("other", 0))
	k.sends(l, k.guarded(day("other", 1), strange))
	k.wantTally(day("other", 1), suiteSum{"skipped same_content": 1})
	g.Series = ""
	k.sends(l, k.guarded(day("s", 3), g))
	k.wantTally(day("s", 3), suiteSum{"skipped same_content": 1})
}

func (k suiteGuard) AnEmptySeriesIsThatOfNoCampaign() {
	k.rich("u")
	l := k.lease()
	k.endAs(l, "short", minapush.Accepted, store.Spend) // whose series is empty, too
	k.sends(l, k.guarded("c", store.Guard{ContentSince: suiteAt(-suiteDay)}))
	k.wantTally("c", suiteSum{"skipped same_content": 1})
	k.sends(l, k.guarded("d", store.Guard{ContentSince: suiteAt(-suiteDay), Series: "s"}))
	k.wantTally("d", suiteSum{"skipped same_content": 1})
}

func (k suiteGuard) WhatIsHeldAlreadyGoesOut() {
	k.giveForms("u")
	l, b := k.lease(), k.guarded("c", store.Guard{})
	d := k.reserveOne(l, b)
	b.Guard = store.Guard{KeepBack: 5}
	suiteEqual(k.suiteKit, "the row", k.reserveOne(l, b), d)
	k.mark(l, b.Now, d)
	k.settle(l, store.Settlement{Ref: store.RefOf(d), Resend: true, NotBefore: b.Now, Now: b.Now})
	k.sends(l, b, "u")
}

func (k suiteGuard) SkippingEverybodySkipsForItsOwnReason() {
	k.rich("u")
	l := k.lease()
	k.endAs(l, "c1", minapush.Accepted, store.Spend)
	b := k.guarded("c2", k.capped(1))
	b.Skip = minapush.ReasonTooLate
	suiteSkip{k.suiteKit}.skipAll(l, b)
	k.wantTally("c2", suiteSum{"skipped too_late": 1})
}

func (k suiteGuard) HoldsForListsToo() {
	k.rich("u", "v")
	l, first := k.lease(), k.guarded("c1", k.capped(1))
	first.Audience = func(u *store.User) bool { return u.OpenID == "u" }
	k.sends(l, first, "u")
	k.enlist("list", "u", "w", "v")
	b := k.listed("list", suiteLegacy())
	b.Guard = k.capped(1)
	k.sends(l, b, "v")
	k.wantTally("list", suiteSum{"accepted": 1, "skipped daily_cap": 1, "skipped no_permit": 1})
	k.wantNoRow("list", "u", "")

	k.enlist("kept", "u", "w", "v")
	b = k.kept("kept", suiteLegacy())
	b.Guard.ContentSince = suiteAt(-suiteDay)
	k.sends(l, b)
	k.wantTally("kept", suiteSum{"skipped same_content": 2, "skipped no_permit": 1})
	if d := k.row("kept", "u", ""); d.Outcome != minapush.Skipped || d.Reason != minapush.ReasonSameContent || d.Permit.Kind != 0 {
		k.t.Errorf("row %+v", d)
	}
}
