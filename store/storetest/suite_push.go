package storetest

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suitePush struct{ *suiteKit }

func (k suitePush) AWithdrawnOneWithoutAnotherPermitHasFailed() {
	k.give("u", suiteForm("a", suiteDay))
	p := k.askPush("u", "p")
	k.settlePush(suiteEnd(k.reservePush(p, store.PushReserved).Delivery, minapush.Pending, store.Burn))
	p.Attempt, p.LastReason, p.LastErrcode = 2, "41028", 41028
	d := k.reservePush(p, store.PushSkipped).Delivery
	if d.Outcome != minapush.Failed || d.Reason != "41028" || d.Errcode != 41028 {
		k.t.Errorf("row %+v, want failed (41028)", d)
	}
	k.wantTally(p.Batch, suiteSum{"failed 41028": 1})
}

func (k suitePush) HoldsAPermitAndWritesTheRow() {
	form := suiteForm(suiteCode(1), suiteDay)
	form.Source = 3
	k.give("u", form)
	p := k.askPush("u", "p")
	a := k.reservePush(p, store.PushReserved)
	suiteEqual(k.suiteKit, "row", a.Delivery, minapush.Delivery{
		Batch: p.Batch, OpenID: "u", Push: "p", State: minapush.HeldState, Permit: form, Attempt: 1, Deadline: p.Deadline, ReservedAt: p.Now,
	})
	suiteEqual(k.suiteKit, "stored row", k.row(p.Batch, "u", "p"), a.Delivery)
	k.wantTally(p.Batch, suiteSum{"held": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 1, Held: 1})
	if !a.RetryAt.IsZero() {
		k.t.Errorf("retry at %v", a.RetryAt)
	}
}

// choice wants the code that a legacy push takes first.
func (k suitePush) choice(want string, permits ...minapush.Permit) {
	k.t.Helper()
	k.give("u", permits...)
	if got := k.hold("u", "p").Permit.Identity; got != want {
		k.t.Errorf("took %q, want %q", got, want)
	}
}

func (k suitePush) TakesThePermitThatExpiresFirst() {
	k.choice("b", suiteForm("a", 3*suiteDay), suiteForm("b", suiteDay), suiteForm("c", 2*suiteDay))
}

func (k suitePush) TakesAPaymentThatExpiresBeforeAForm() {
	k.choice("p", suiteForm("a", 3*suiteDay), suitePay("p", 2*suiteDay))
}

func (k suitePush) TakesAFormThatExpiresBeforeAPayment() {
	k.choice("a", suitePay("p", 3*suiteDay), suiteForm("a", 2*suiteDay))
}

func (k suitePush) LeavesPermitsThatAreAboutToExpire() {
	k.choice("b", suiteForm("a", suiteHour+minapush.SpendMargin), suiteForm("b", suiteHour+minapush.SpendMargin+time.Second))
}

func (k suitePush) LeavesPaymentsThatAreTooYoungWhileThereAreOthers() {
	young := suitePay("p", suiteDay)
	young.TakenAt = suiteAt(suiteHour - minapush.PayReadyAfter + time.Second)
	k.choice("a", young, suiteForm("a", 2*suiteDay))
}

func (k suitePush) TakesAPaymentAsSoonAsItIsReady() {
	young := suitePay("p", suiteDay)
	young.TakenAt = suiteAt(suiteHour - minapush.PayReadyAfter)
	k.choice("p", young, suiteForm("a", 2*suiteDay))
}

func (k suitePush) TakesWhatWasTakenFirstOfThoseThatNeverExpire() {
	for i, at := range []time.Duration{2, 4, 1, 3} {
		p := suiteSub("t", suiteCode(i))
		p.TakenAt = suiteAt(at * time.Minute)
		if at == 4 {
			p.ExpiresAt = suiteAt(suiteDay)
		}
		k.give("u", p)
	}
	for i, want := range []time.Duration{4, 1, 2, 3} {
		d := k.spend("u", suiteCode(i), suiteOneTime("t"))
		if !d.Permit.TakenAt.Equal(suiteAt(want * time.Minute)) {
			k.t.Errorf("push %d took the one of %v, want that of minute %d", i, d.Permit.TakenAt, want)
		}
	}
}

func (k suitePush) TakesOnlyPermitsThatServeTheMessage() {
	coded := suiteForm("b", suiteDay)
	coded.Template = "other"
	k.give("u", coded, suiteForm("a", 2*suiteDay), suiteSub("t1", "n"), suiteStanding("t2", "s"))
	if d := k.spend("u", "legacy", suiteLegacy()); d.Permit.Identity != "a" {
		k.t.Errorf("a legacy message took %+v", d.Permit)
	}
	for i, need := range []store.Need{suiteLegacy(), suiteOneTime("t2"), suiteLongTerm("t1"), suiteOneTime("t"), suiteLongTerm("t22")} {
		p := k.askPush("u", "none"+suiteCode(i))
		p.Need = need
		k.reservePush(p, store.PushSkipped)
	}
	if d := k.spend("u", "one-time", suiteOneTime("t1")); d.Permit.Kind != minapush.Subscription {
		k.t.Errorf("a one-time message took %+v", d.Permit)
	}
	if d := k.spend("u", "long-term", suiteLongTerm("t2")); d.Permit.Kind != minapush.Standing {
		k.t.Errorf("a long-term message took %+v", d.Permit)
	}
	need := suiteLegacy()
	need.Template = "other"
	if d := k.spend("u", "other", need); d.Permit.Identity != "b" {
		k.t.Errorf("a message of the code's template took %+v", d.Permit)
	}
}

func (k suitePush) WithoutAPermitIsSkippedAndWritten() {
	k.give("u", suiteForm("a", suiteHour), suiteSub("t", "n"))
	p := k.askPush("u", "p")
	a := k.reservePush(p, store.PushSkipped)
	if d := a.Delivery; d.State != minapush.Settled || d.Outcome != minapush.Skipped || d.Reason != minapush.ReasonNoPermit || d.Permit.Kind != 0 {
		k.t.Errorf("row %+v, want skipped (no_permit)", d)
	}
	if !a.RetryAt.IsZero() {
		k.t.Errorf("retry at %v, but nothing will be ready", a.RetryAt)
	}
	suiteEqual(k.suiteKit, "stored row", k.row(p.Batch, "u", "p"), a.Delivery)
	k.wantTally(p.Batch, suiteSum{"skipped no_permit": 1})
	if u := k.user("u"); u.Busy != nil || len(u.Recent) != 0 {
		k.t.Errorf("a push that took nothing left %+v, %+v", u.Busy, u.Recent)
	}
}

func (k suitePush) ToSomebodyUnknownIsSkippedAndWritten() {
	p := k.askPush("nobody", "p")
	a := k.reservePush(p, store.PushSkipped)
	suiteEqual(k.suiteKit, "stored row", k.row(p.Batch, "nobody", "p"), a.Delivery)
	k.wantTally(p.Batch, suiteSum{"skipped no_permit": 1})
}

func (k suitePush) WithAYoungPaymentTellsWhenItIsReady() {
	young := suitePay("p", suiteDay)
	young.TakenAt = suiteAt(suiteHour - time.Second)
	younger := suitePay("q", suiteDay)
	younger.TakenAt = suiteAt(suiteHour)
	k.give("u", younger, young)
	a := k.reservePush(k.askPush("u", "p"), store.PushSkipped)
	if want := young.TakenAt.Add(minapush.PayReadyAfter); !a.RetryAt.Equal(want) {
		k.t.Errorf("retry at %v, want %v", a.RetryAt, want)
	}
	if a.Delivery.Outcome != minapush.Skipped {
		k.t.Errorf("row %+v", a.Delivery)
	}
}

func (k suitePush) RepeatingAReservationReturnsTheSameRow() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	for _, key := range []string{"", "key"} {
		p := k.askPush("u", "p"+key)
		p.Key, p.KeepKey, p.Fingerprint = key, suiteDay, 1
		d := k.reservePush(p, store.PushReserved).Delivery
		k.same("the repeated reservation", func() {
			p.Now = p.Now.Add(time.Second)
			suiteEqual(k.suiteKit, "row", k.reservePush(p, store.PushReserved).Delivery, d)
		})
		k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	}
	k.wantCounts("u", minapush.Counts{Deposited: 2, Spent: 2})
}

func (k suitePush) RepeatingASkippedOneCountsItOnce() {
	k.give("u", suiteSub("t", "n"))
	p := k.askPush("u", "p")
	k.reservePush(p, store.PushSkipped)
	k.same("the repeated push", func() {
		if a, err := k.st.ReservePush(k.ctx(), k.shard, p); err != nil || a.Delivery.Outcome != minapush.Skipped {
			k.t.Errorf("got %+v, %v", a, err)
		}
	})
}

func (k suitePush) OneThatHasItsOutcomeIsNeverReservedAgain() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	p := k.askPush("u", "p")
	d := k.reservePush(p, store.PushReserved).Delivery
	k.markPush(d)
	d = k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	for _, attempt := range []uint32{1, 2} {
		p.Attempt = attempt
		if a, err := k.st.ReservePush(k.ctx(), k.shard, p); err == nil && a.Status == store.PushReserved {
			k.t.Errorf("attempt %d is reserved although the push was accepted", attempt)
		}
	}
	suiteEqual(k.suiteKit, "row", k.row(p.Batch, "u", "p"), d)
	k.wantTally(p.Batch, suiteSum{"accepted": 1})
}

func (k suitePush) AnotherAttemptOfWhatIsHeldIsNotReserved() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	p := k.askPush("u", "p")
	k.reservePush(p, store.PushReserved)
	p.Attempt = 2
	k.same("a second attempt beside the first", func() {
		if a, err := k.st.ReservePush(k.ctx(), k.shard, p); err == nil && a.Status == store.PushReserved {
			k.t.Errorf("reserved %+v", a.Delivery)
		}
	})
}

func (k suitePush) IsBusyWhileAnotherPushIsInHand() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	d := k.hold("u", "p1")
	busy := func() { k.reservePush(k.askPush("u", "p2"), store.PushBusy) }
	k.same("a push to a busy user", busy)
	k.markPush(d)
	k.same("a push to a busy user", busy)
	k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	k.hold("u", "p2")
}

func (k suitePush) IsBusyWhileACampaignHasTheUserInHand() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	d := k.reserveOne(l, b)
	k.askPush("u", "p") // so that its batch is looked at
	busy := func() { k.reservePush(k.askPush("u", "p"), store.PushBusy) }
	k.same("a push to a busy user", busy)
	k.mark(l, b.Now, d)
	k.same("a push to a busy user", busy)
	k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	k.hold("u", "p")
}

func (k suitePush) BusyWithoutAnyPermitWritesNothingEither() {
	k.giveForms("u")
	k.hold("u", "p1")
	k.same("a push to a busy user", func() { k.reservePush(k.askPush("u", "p2"), store.PushBusy) })
}

func (k suitePush) ASuspectedUserIsNotBusy() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay))
	k.suspect(k.lease(), k.campaign("c", suiteLegacy()))
	if d := k.hold("u", "p"); d.Permit.Identity != "b" {
		k.t.Errorf("took %q, which is suspect", d.Permit.Identity)
	}
}

func (k suitePush) ASuspectPaymentIsNotReserved() {
	k.give("u", suitePay("p", suiteDay))
	k.suspect(k.lease(), k.campaign("c", suiteLegacy()))
	k.reservePush(k.askPush("u", "p"), store.PushSkipped)
	k.wantCounts("u", minapush.Counts{Deposited: 3, Available: 2, Suspect: 1})
}

type suitePushKey struct{ *suiteKit }

func (k suitePushKey) ask(o minapush.OpenID, id, key string, fingerprint uint64) store.Push {
	p := k.askPush(o, id)
	p.Key, p.Fingerprint, p.KeepKey = key, fingerprint, suiteDay
	return p
}

func (k suitePushKey) AnswersWithThePushThatHasIt() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	d := k.reservePush(k.ask("u", "p1", "key", 1), store.PushReserved).Delivery
	again := k.ask("u", "p2", "key", 1)
	k.same("a push with a key in use", func() {
		suiteEqual(k.suiteKit, "row", k.reservePush(again, store.PushInProgress).Delivery, d)
		k.reservePush(k.ask("u", "p3", "key", 2), store.PushKeyReused)
	})
	k.markPush(d)
	k.same("a push with a key in use", func() {
		suiteEqual(k.suiteKit, "row", k.reservePush(again, store.PushInProgress).Delivery, k.row(d.Batch, "u", "p1"))
	})
	d = k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	k.same("a push with a used key", func() {
		suiteEqual(k.suiteKit, "row", k.reservePush(again, store.PushReplayed).Delivery, d)
		k.reservePush(k.ask("u", "p3", "key", 2), store.PushKeyReused)
	})
}

func (k suitePushKey) IsFoundWhateverTheDayAndTheAttempt() {
	k.give("u", suiteForm("a", 3*suiteDay), suiteForm("b", 3*suiteDay))
	d := k.reservePush(k.ask("u", "p1", "key", 1), store.PushReserved).Delivery
	d = k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	p := k.ask("u", "p2", "key", 1)
	p.Now, p.Attempt = suiteAt(suiteHour+suiteDay-time.Second), 3
	p.Batch, p.Deadline = minapush.PushBatch(p.Now), p.Now.Add(time.Minute)
	k.track(p.Batch)
	suiteEqual(k.suiteKit, "row", k.reservePush(p, store.PushReplayed).Delivery, d)
}

func (k suitePushKey) OfASkippedPushIsReplayed() {
	k.give("u", suiteSub("t", "n"))
	d := k.reservePush(k.ask("u", "p1", "key", 1), store.PushSkipped).Delivery
	k.give("u", suiteForm("a", suiteDay))
	suiteEqual(k.suiteKit, "row", k.reservePush(k.ask("u", "p2", "key", 1), store.PushReplayed).Delivery, d)
}

func (k suitePushKey) OfSomebodyUnknownIsReplayed() {
	d := k.reservePush(k.ask("nobody", "p1", "key", 1), store.PushSkipped).Delivery
	suiteEqual(k.suiteKit, "row", k.reservePush(k.ask("nobody", "p2", "key", 1), store.PushReplayed).Delivery, d)
	k.reservePush(k.ask("nobody", "p3", "key", 2), store.PushKeyReused)
}

func (k suitePushKey) IsReplayedEvenWhileTheUserIsBusy() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	d := k.reservePush(k.ask("u", "p1", "key", 1), store.PushReserved).Delivery
	d = k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	k.reservePush(k.ask("u", "p2", "another", 1), store.PushReserved)
	suiteEqual(k.suiteKit, "row", k.reservePush(k.ask("u", "p3", "key", 1), store.PushReplayed).Delivery, d)
}

func (k suitePushKey) IsNotTakenByAPushThatFoundTheUserBusy() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	d := k.hold("u", "p1")
	k.reservePush(k.ask("u", "p2", "key", 1), store.PushBusy)
	k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	k.reservePush(k.ask("u", "p3", "key", 2), store.PushReserved)
}

func (k suitePushKey) BelongsToTheUser() {
	k.giveForms("u", "v")
	k.reservePush(k.ask("u", "p1", "key", 1), store.PushReserved)
	k.reservePush(k.ask("v", "p2", "key", 2), store.PushReserved)
}

func (k suitePushKey) EmptyIsNone() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	for _, id := range []string{"p1", "p2"} {
		d := k.reservePush(k.ask("u", id, "", 1), store.PushReserved).Delivery
		k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	}
}

func (k suitePushKey) IsKeptForItsTimeAndForgottenByTheNextSweep() {
	k.give("u", suiteForm("a", 3*suiteDay), suiteForm("b", 3*suiteDay))
	d := k.reservePush(k.ask("u", "p1", "key", 1), store.PushReserved).Delivery
	k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	p := k.ask("u", "p2", "key", 2)
	p.Now = suiteAt(suiteHour + suiteDay - time.Millisecond)
	k.sweep(10, p.Now)
	k.reservePush(p, store.PushKeyReused)
	p.Now = suiteAt(suiteHour + suiteDay + time.Second)
	k.sweep(10, p.Now)
	k.reservePush(p, store.PushReserved)
	k.row(d.Batch, "u", "p1")
}
