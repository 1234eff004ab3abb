package storetest

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteDeposit struct{ *suiteKit }

func (k suiteDeposit) AnswersEachPermitInOrder() {
	code := suiteForm(suiteCode(1), suiteDay)
	got := k.deposit("u", store.Deposit{Permits: []minapush.Permit{
		code, suiteSub("t", "n1"), code, suiteForm(suiteCode(2), -time.Second), suitePay("wx_pay", suiteDay), suiteStanding("t", "s"),
	}})
	suiteEqual(k.suiteKit, "answers", got, store.Deposited{
		Items: []store.Accepted{store.Added, store.Added, store.Duplicate, store.Stale, store.Added, store.Added},
	})
	k.wantCounts("u", minapush.Counts{Deposited: 5, Available: 5})
}

func (k suiteDeposit) CreatesTheUserOnTheFirstAndMovesLastSeenForwardOnly() {
	first, later := suiteAt(1234*time.Millisecond), suiteAt(suiteHour+5*time.Millisecond)
	for _, now := range []time.Time{first, later, suiteAt(suiteHour)} {
		k.deposit("u", store.Deposit{Now: now, Permits: []minapush.Permit{suiteSub("t", now.String())}})
	}
	u := k.user("u")
	if !u.FirstSeen.Equal(first) || !u.LastSeen.Equal(later) || u.FirstSeen.Location() != time.UTC {
		k.t.Errorf("seen %v to %v, want %v to %v in UTC", u.FirstSeen, u.LastSeen, first, later)
	}
}

func (k suiteDeposit) AnEmptyOneOnlyMovesLastSeen() {
	k.give("u", suiteForm(suiteCode(1), suiteDay))
	want := k.user("u")
	want.LastSeen = suiteAt(suiteHour)
	k.deposit("u", store.Deposit{Now: suiteAt(suiteHour)})
	suiteEqual(k.suiteKit, "user", k.user("u"), want)
}

func (k suiteDeposit) DuplicateMovesLastSeenToo() {
	p := suiteForm(suiteCode(1), suiteDay)
	k.give("u", p)
	want := k.user("u")
	want.LastSeen = suiteAt(suiteHour)
	k.deposit("u", store.Deposit{Now: suiteAt(suiteHour), Permits: []minapush.Permit{p}})
	suiteEqual(k.suiteKit, "user", k.user("u"), want)
}

func (k suiteDeposit) CutsTimesOfPermitsToTheSecond() {
	p := suiteForm(suiteCode(1), suiteDay)
	p.TakenAt, p.ExpiresAt = p.TakenAt.Add(999*time.Millisecond), p.ExpiresAt.Add(999*time.Millisecond)
	k.give("u", p)
	got := k.user("u").Permits[0]
	if !got.TakenAt.Equal(suiteAt(0)) || !got.ExpiresAt.Equal(suiteAt(suiteDay)) {
		k.t.Errorf("taken %v, expires %v: not cut to the second", got.TakenAt, got.ExpiresAt)
	}
}

func (k suiteDeposit) KeepsEverythingOfAPermit() {
	code := suiteForm("the code, as it is", suiteDay)
	code.Source, code.Evidence = 65535, minapush.ByEvent
	sub := suiteSub("template", "n")
	sub.ExpiresAt, sub.Source, sub.Evidence = suiteAt(suiteHour), 1, minapush.ByBackend
	k.give("u", code, sub)
	got := k.user("u").Permits
	got[1].Identity = sub.Identity // it may come back in the store's own form
	suiteEqual(k.suiteKit, "permits", got, []minapush.Holding{{Permit: code}, {Permit: sub}})
}

func (k suiteDeposit) IsStaleAtTheMomentOfExpiry() {
	p := suiteForm(suiteCode(1), suiteHour)
	got := k.deposit("u", store.Deposit{Now: suiteAt(suiteHour), Permits: []minapush.Permit{p}})
	suiteEqual(k.suiteKit, "at expiry", got.Items, []store.Accepted{store.Stale})
	got = k.deposit("u", store.Deposit{Now: suiteAt(suiteHour - time.Millisecond), Permits: []minapush.Permit{p}})
	suiteEqual(k.suiteKit, "just before", got.Items, []store.Accepted{store.Added})
	k.wantCounts("u", minapush.Counts{Deposited: 1, Available: 1})
}

func (k suiteDeposit) RepeatingAnswersDuplicateAndIsSafe() {
	d := store.Deposit{Permits: []minapush.Permit{suiteForm(suiteCode(1), suiteDay), suitePay("wx_p", suiteDay), suiteSub("t", "n"), suiteStanding("t", "s")}}
	k.deposit("u", d)
	k.same("the repeated deposit", func() {
		for i, a := range k.deposit("u", d).Items {
			if a != store.Duplicate {
				k.t.Errorf("permit %d: got %d, want Duplicate", i, a)
			}
		}
	})
}

func (k suiteDeposit) AStandingPermitIsThereOnceAndOnlyItsTimeMoves() {
	k.give("u", suiteStanding("t", "s1"))
	for _, at := range []time.Duration{suiteHour, 0} {
		p := suiteStanding("t", "s2")
		p.TakenAt = suiteAt(at)
		got := k.deposit("u", store.Deposit{Permits: []minapush.Permit{p}})
		suiteEqual(k.suiteKit, "answer", got.Items, []store.Accepted{store.Duplicate})
	}
	u := k.user("u")
	if len(u.Permits) != 1 || !u.Permits[0].TakenAt.Equal(suiteAt(suiteHour)) {
		k.t.Errorf("permits %+v, want one that was taken at the later time", u.Permits)
	}
	suiteEqual(k.suiteKit, "counts", u.Counts, minapush.Counts{})
	k.give("u", suiteStanding("another", "s1"))
}

func (k suiteDeposit) RefusesWhatNeedsASectionTooMany() {
	k.give("u", suiteForm(suiteCode(1), suiteDay), suiteSub("a", "n"))
	got := k.deposit("u", store.Deposit{MaxSections: 2, Permits: []minapush.Permit{
		suiteSub("b", "n"), suiteForm(suiteCode(2), suiteDay), suiteSub("a", "n2"), suitePay("wx_p", suiteDay),
	}})
	suiteEqual(k.suiteKit, "answers", got.Items, []store.Accepted{store.Refused, store.Added, store.Added, store.Refused})
	k.wantCounts("u", minapush.Counts{Deposited: 4, Available: 4})
}

func (k suiteDeposit) KeepsDefaultSectionsUnlessToldOtherwise() {
	var permits []minapush.Permit
	for i := range store.DefaultSections + 1 {
		permits = append(permits, suiteSub("t"+suiteCode(i), "n"))
	}
	got := k.deposit("u", store.Deposit{Permits: permits})
	for i, a := range got.Items {
		want := store.Added
		if i == store.DefaultSections {
			want = store.Refused
		}
		if a != want {
			k.t.Errorf("section %d: got %d, want %d", i, a, want)
		}
	}
}

type suiteIdentity struct{ *suiteKit }

// again deposits permits that the user had before and wants what became of them.
func (k suiteIdentity) again(now time.Time, want store.Accepted, permits ...minapush.Permit) {
	k.t.Helper()
	for i, a := range k.deposit("u", store.Deposit{Now: now, Permits: permits}).Items {
		if a != want {
			k.t.Errorf("permit %d at %v: got %d, want %d", i, now, a, want)
		}
	}
}

func (k suiteIdentity) HeldPermitsAreKnown() {
	form, sub, standing := suiteForm(suiteCode(1), suiteDay), suiteSub("t", "n"), suiteStanding("t", "s")
	k.give("u", form, sub, standing)
	for _, need := range []store.Need{suiteLegacy(), suiteOneTime("t"), suiteLongTerm("t")} {
		p := k.askPush("u", "p"+string(need.Kind))
		p.Need = need
		d := k.reservePush(p, store.PushReserved).Delivery
		k.again(suiteAt(0), store.Duplicate, form, sub, standing)
		k.settlePush(store.Settlement{Ref: store.RefOf(d), Now: p.Now})
	}
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 2})
}

func (k suiteIdentity) SuspectPermitsAreKnown() {
	sub := suiteSub("t", "n")
	k.give("u", sub)
	k.suspect(k.lease(), k.campaign("c", suiteOneTime("t")))
	k.again(suiteAt(0), store.Duplicate, sub)
	k.wantCounts("u", minapush.Counts{Deposited: 1, Suspect: 1})
}

func (k suiteIdentity) SpentPermitsAreKnown() {
	form, pay, sub := suiteForm(suiteCode(1), suiteDay), suitePay("wx_p", 2*suiteDay), suiteSub("t", "n")
	k.give("u", form, pay, sub)
	k.spend("u", "p1", suiteLegacy())
	for _, id := range []string{"p2", "p3", "p4"} {
		k.again(suiteAt(suiteHour), store.Duplicate, pay)
		k.spend("u", id, suiteLegacy())
	}
	k.spend("u", "p5", suiteOneTime("t"))
	k.again(suiteAt(suiteHour), store.Duplicate, form, pay, sub)
	k.wantCounts("u", minapush.Counts{Deposited: 5, Spent: 5})
}

func (k suiteIdentity) DeadPermitsAreKnown() {
	burnt, voided := suiteForm(suiteCode(1), suiteDay), suiteSub("t", "n")
	k.give("u", burnt, voided)
	k.end("u", "p1", suiteLegacy(), minapush.Failed, store.Burn)
	k.end("u", "p2", suiteOneTime("t"), minapush.RefusedByUser, store.VoidTemplate)
	k.again(suiteAt(suiteHour), store.Duplicate, burnt, voided)
	k.wantCounts("u", minapush.Counts{Deposited: 2, Dead: 2})
}

func (k suiteIdentity) EvictedPermitsAreKnown() {
	first, last := suiteForm(suiteCode(1), suiteDay), suiteForm(suiteCode(2), 2*suiteDay)
	k.give("u", first)
	k.deposit("u", store.Deposit{MaxPerSection: 1, Permits: []minapush.Permit{last}})
	k.again(suiteAt(0), store.Duplicate, first)
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Evicted: 1})
}

func (k suiteIdentity) ASpentCodeIsKnownUntilItsExpiry() {
	code := suiteForm(suiteCode(1), suiteDay)
	k.give("u", code)
	k.spend("u", "p", suiteLegacy())
	code.ExpiresAt = suiteAt(3 * suiteDay)
	before := suiteAt(suiteDay - time.Second)
	k.sweep(10, before)
	k.again(before, store.Duplicate, code)
	k.sweep(10, suiteAt(suiteDay))
	k.again(suiteAt(suiteDay), store.Added, code)
}

func (k suiteIdentity) ASpentReportIsKnownForItsLifeFromWhenItWasTaken() {
	sub := suiteSub("t", "n")
	k.give("u", sub)
	k.spend("u", "p", suiteOneTime("t"))
	before := suiteAt(minapush.IdentityLife - time.Second)
	k.sweep(10, before)
	k.again(before, store.Duplicate, sub)
	k.sweep(10, suiteAt(minapush.IdentityLife))
	k.again(suiteAt(minapush.IdentityLife), store.Added, sub)
}

func (k suiteIdentity) WhatUserGivesIsTheSameWhenItComesBack() {
	k.give("u", suiteForm(suiteCode(1), suiteDay), suiteSub("t", "n1"), suiteSub("t", "n2"), suiteStanding("l", "s"))
	for _, h := range k.user("u").Permits {
		k.again(suiteAt(suiteHour), store.Duplicate, h.Permit)
	}
}

func (k suiteIdentity) ACodeIsTheSameWhateverItsTemplate() {
	code := suiteForm(suiteCode(1), suiteDay)
	k.give("u", code)
	code.Template = "t"
	k.again(suiteAt(0), store.Duplicate, code)
	k.spend("u", "p", suiteLegacy())
	k.again(suiteAt(suiteHour), store.Duplicate, code)
}

func (k suiteIdentity) KindsAndTemplatesOfReportsAndUsersAreApart() {
	for _, o := range []minapush.OpenID{"u", "v"} {
		k.give(o, suiteForm("same", suiteDay), suitePay("same", suiteDay), suiteSub("t1", "same"), suiteSub("t2", "same"), suiteStanding("t1", "same"))
		k.wantCounts(o, minapush.Counts{Deposited: 6, Available: 6})
	}
	k.spend("u", "p", suiteOneTime("t1"))
	k.again(suiteAt(suiteHour), store.Duplicate, suiteSub("t1", "same"))
	k.give("u", suiteSub("t3", "same"))
	k.wantCounts("v", minapush.Counts{Deposited: 6, Available: 6})
}

func (k suiteIdentity) CodesThatDifferOnlyInCaseAreApart() {
	k.give("u", suiteForm("0123456789abcdef0123456789abcdef", suiteDay), suiteForm("0123456789ABCDEF0123456789abcdef", suiteDay))
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 2})
}

func (k suiteIdentity) RemembersAtMostMaxIdentitiesAndForgetsTheFirstToEnd() {
	var permits []minapush.Permit
	for i := range store.MaxIdentities + 2 {
		permits = append(permits, suiteForm(suiteCode(i), suiteDay+time.Duration(i)*time.Second))
	}
	got := k.deposit("u", store.Deposit{MaxPerSection: 1, Permits: permits})
	if got.Evicted != store.MaxIdentities+1 {
		k.t.Fatalf("evicted %d, want %d", got.Evicted, store.MaxIdentities+1)
	}
	last := len(permits) - 1
	k.again(suiteAt(0), store.Duplicate, permits[1], permits[2], permits[last-1], permits[last])
	k.again(suiteAt(0), store.Added, permits[0])
}
