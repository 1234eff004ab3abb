package storetest

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suitePushEnd struct{ *suiteKit }

// tryMark marks and returns the error.
func (k suitePushEnd) tryMark(r store.Ref, now, deadline time.Time) error {
	return k.st.MarkPush(k.ctx(), k.shard, r, now, deadline)
}

// noSettle wants that an attempt is not there.
func (k suitePushEnd) noSettle(x store.Settlement) {
	k.t.Helper()
	_, err := k.st.SettlePush(k.ctx(), k.shard, x)
	k.wantKind(err, minapush.NotFound, "settle push")
}

func (k suitePushEnd) recover(now time.Time, want int) {
	k.t.Helper()
	n, err := k.st.RecoverPushes(k.ctx(), k.shard, now)
	k.must(err, "recover pushes")
	if n != want {
		k.t.Errorf("recovered %d pushes at %v, want %d", n, now, want)
	}
}

func (k suitePushEnd) MarkTurnsHeldIntoSendingAndMovesTheDeadline() {
	k.giveForms("u")
	want := k.hold("u", "p")
	now, deadline := want.Deadline.Add(-time.Millisecond), want.Deadline.Add(suiteHour)
	k.must(k.tryMark(store.RefOf(want), now, deadline), "mark just before the deadline")
	want.State, want.Tries, want.Deadline = minapush.Sending, 1, deadline
	suiteEqual(k.suiteKit, "row", k.row(want.Batch, "u", "p"), want)
	k.wantTally(want.Batch, suiteSum{"sending": 1})
	k.recover(deadline.Add(-time.Millisecond), 0)
	k.recover(deadline, 1)
}

func (k suitePushEnd) MarkIsRefusedFromTheDeadlineOn() {
	k.giveForms("u")
	d := k.hold("u", "p")
	for _, now := range []time.Time{d.Deadline, d.Deadline.Add(suiteHour)} {
		k.same("a late mark", func() {
			k.wantKind(k.tryMark(store.RefOf(d), now, now.Add(suiteHour)), minapush.Conflict, "mark")
		})
	}
}

func (k suitePushEnd) MarkIsRefusedForWhatIsNotHeldInThatAttempt() {
	k.giveForms("u")
	d := k.hold("u", "p")
	now, deadline := suiteAt(suiteHour+time.Second), suiteAt(2*suiteHour)
	mark := func(what string, r store.Ref) {
		k.t.Helper()
		k.same(what, func() { k.wantKind(k.tryMark(r, now, deadline), minapush.Conflict, what) })
	}
	other := store.RefOf(d)
	other.Attempt = 2
	mark("a mark of another attempt", other)
	other.Attempt, other.Push = 1, "another"
	mark("a mark of another push", other)
	k.markPush(d)
	mark("a repeated mark", store.RefOf(d))
	k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	mark("a mark of a settled push", store.RefOf(d))
}

func (k suitePushEnd) SettleEndsTheRow() {
	k.giveForms("u")
	want := k.hold("u", "p")
	k.markPush(want)
	x := suiteEnd(want, minapush.Failed, store.Burn)
	x.Reason, x.Errcode, x.MsgID = "why", 41029, 99
	got := k.settlePush(x)
	want.State, want.Outcome, want.Reason, want.Errcode, want.MsgID = minapush.Settled, minapush.Failed, "why", 41029, 99
	want.Tries, want.SettledAt = 1, x.Now
	want.Deadline, got.Deadline = time.Time{}, time.Time{} // it has no meaning any more
	suiteEqual(k.suiteKit, "row", got, want)
	k.wantTally(want.Batch, suiteSum{"failed why": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 1, Dead: 1})
}

func (k suitePushEnd) SettleEndsAHeldRowToo() {
	k.giveForms("u")
	d := k.settlePush(suiteEnd(k.hold("u", "p"), minapush.Failed, store.Release))
	if d.State != minapush.Settled || d.Outcome != minapush.Failed {
		k.t.Errorf("row %+v", d)
	}
	k.wantCounts("u", minapush.Counts{Deposited: 1, Available: 1})
}

func (k suitePushEnd) SettlingAgainAnswersTheFinalRowAndChangesNothing() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	d := k.hold("u", "p")
	k.markPush(d)
	want := k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	k.hold("u", "next")
	for _, x := range []store.Settlement{
		suiteEnd(d, minapush.Accepted, store.Spend), suiteEnd(d, minapush.Failed, store.VoidUser), {Ref: store.RefOf(d), Now: suiteAt(suiteDay)},
	} {
		k.same("settling again", func() { suiteEqual(k.suiteKit, "row", k.settlePush(x), want) })
	}
}

func (k suitePushEnd) SettleOfWhatIsNotThereIsNotFound() {
	k.giveForms("u")
	d := k.hold("u", "p")
	for _, r := range []store.Ref{
		{Batch: d.Batch, OpenID: "u", Push: "q", Attempt: 1}, {Batch: d.Batch, OpenID: "u", Push: "p", Attempt: 2},
		{Batch: d.Batch, OpenID: "v", Push: "p", Attempt: 1}, {Batch: "other", OpenID: "u", Push: "p", Attempt: 1},
	} {
		k.same("settling what is not there", func() {
			k.noSettle(store.Settlement{Ref: r, Outcome: minapush.Accepted, Permit: store.Spend, Now: suiteAt(suiteHour)})
		})
	}
}

func (k suitePushEnd) PendingWithdrawsItAsIfItHadNeverBeen() {
	k.giveForms("u")
	before := k.dump()
	p := k.askPush("u", "p")
	p.Key, p.KeepKey, p.Fingerprint = "key", suiteDay, 1
	before.Progress = k.dump().Progress // the day is looked at from here on
	d := k.reservePush(p, store.PushReserved).Delivery
	got := k.settlePush(store.Settlement{Ref: store.RefOf(d), Now: suiteAt(suiteHour)})
	if got.State != minapush.Waiting || got.Outcome != minapush.Pending || got.Push != "p" {
		k.t.Errorf("withdrawn row %+v, want it waiting", got)
	}
	suiteEqual(k.suiteKit, "store", k.dump(), before)
	k.wantNoRow(p.Batch, "u", "p")
	k.noSettle(suiteEnd(d, minapush.Accepted, store.Spend))
	p.ID, p.Fingerprint = "q", 2
	k.reservePush(p, store.PushReserved)
}

func (k suitePushEnd) PendingBurnsADeadPermitAndTheNextAttemptTakesAnother() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay))
	p := k.askPush("u", "p")
	p.Key, p.KeepKey = "key", suiteDay
	d := k.reservePush(p, store.PushReserved).Delivery
	k.markPush(d)
	k.settlePush(store.Settlement{Ref: store.RefOf(d), Permit: store.Burn, Now: suiteAt(suiteHour)})
	k.wantTally(p.Batch, suiteSum{})
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Dead: 1})
	p.Attempt = 2
	next := k.reservePush(p, store.PushReserved).Delivery
	if next.Attempt != 2 || next.Permit.Identity != "b" {
		k.t.Errorf("next attempt %+v", next)
	}
	k.same("late calls of the first attempt", func() {
		k.noSettle(suiteEnd(d, minapush.Accepted, store.Spend))
		k.wantKind(k.tryMark(store.RefOf(d), suiteAt(suiteHour), suiteAt(suiteDay)), minapush.Conflict, "mark")
	})
}

func (k suitePushEnd) ResendKeepsTheRowAndItsPermit() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay))
	d := k.hold("u", "p")
	k.markPush(d)
	again := suiteAt(suiteHour + 5*time.Second)
	got := k.settlePush(store.Settlement{Ref: store.RefOf(d), Resend: true, Permit: store.Burn, NotBefore: again, Now: suiteAt(suiteHour + time.Second)})
	if got.State != minapush.HeldState || !got.Resend || got.Attempt != 2 || got.Tries != 1 || !got.NotBefore.Equal(again) {
		k.t.Errorf("row %+v, want it held with Resend as attempt 2", got)
	}
	suiteEqual(k.suiteKit, "permit", got.Permit, d.Permit)
	suiteEqual(k.suiteKit, "stored row", k.row(d.Batch, "u", "p"), got)
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Held: 1})
	k.same("late calls of the first attempt", func() {
		k.noSettle(suiteEnd(d, minapush.Accepted, store.Spend))
		k.wantKind(k.tryMark(store.RefOf(d), suiteAt(suiteHour), suiteAt(suiteDay)), minapush.Conflict, "mark")
	})
	k.markPush(got)
	got = k.settlePush(suiteEnd(got, minapush.Accepted, store.Spend))
	if got.Tries != 2 || got.Outcome != minapush.Accepted {
		k.t.Errorf("row %+v, want accepted after two tries", got)
	}
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Spent: 1})
}

func (k suitePushEnd) RecoverWithdrawsWhatIsHeld() {
	k.giveForms("u")
	p := k.askPush("u", "p")
	p.Key, p.KeepKey = "key", suiteDay
	d := k.reservePush(p, store.PushReserved).Delivery
	k.same("recovery before the deadline", func() { k.recover(d.Deadline.Add(-time.Millisecond), 0) })
	k.recover(d.Deadline, 1)
	k.wantNoRow(d.Batch, "u", "p")
	k.wantTally(d.Batch, suiteSum{})
	k.wantCounts("u", minapush.Counts{Deposited: 1, Available: 1})
	k.noSettle(suiteEnd(d, minapush.Accepted, store.Spend))
	k.wantKind(k.tryMark(store.RefOf(d), suiteAt(suiteHour), suiteAt(suiteDay)), minapush.Conflict, "mark")
	p.ID, p.Fingerprint = "q", 9
	k.reservePush(p, store.PushReserved)
}

func (k suitePushEnd) RecoverMakesWhatWasBeingSentUnknown() {
	k.give("u", suitePay("p", suiteDay))
	d := k.hold("u", "p")
	k.markPush(d)
	now := suiteAt(2 * suiteHour)
	k.recover(now, 1)
	got := k.row(d.Batch, "u", "p")
	if got.State != minapush.Settled || got.Outcome != minapush.Unknown || got.Reason != minapush.ReasonCrash || !got.SettledAt.Equal(now) {
		k.t.Errorf("row %+v, want unknown (crash)", got)
	}
	k.wantTally(d.Batch, suiteSum{"unknown crash": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 3, Available: 2, Spent: 1})
	k.same("recovering again, and a late answer", func() {
		k.recover(now, 0)
		suiteEqual(k.suiteKit, "row", k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend)), got)
	})
}

func (k suitePushEnd) RecoverLeavesCampaignsAlone() {
	k.giveForms("u", "v")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := k.reserve(l, b).Rows
	k.mark(l, b.Now, rows[0])
	k.same("recovering pushes", func() { k.recover(suiteAt(6*suiteDay), 0) })
}

func (k suitePushEnd) RecoverMakesWhatWasToBeSentAgainUnknown() {
	k.giveForms("u")
	d := k.hold("u", "p")
	k.markPush(d)
	k.settlePush(store.Settlement{Ref: store.RefOf(d), Resend: true, NotBefore: suiteAt(suiteHour), Now: suiteAt(suiteHour)})
	k.recover(suiteAt(2*suiteHour), 1)
	if got := k.row(d.Batch, "u", "p"); got.Outcome != minapush.Unknown {
		k.t.Errorf("row %+v, want unknown: its first try may have arrived", got)
	}
	k.wantCounts("u", minapush.Counts{Deposited: 1, Spent: 1})
}
