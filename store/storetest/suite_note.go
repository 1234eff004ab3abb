package storetest

import (
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// suiteNote: the platform speaks of a message whose answer has not come yet.
type suiteNote struct{ *suiteKit }

// sending is a row of a campaign of its own that is being sent to a user, who has a subscription and a spare one.
func (k suiteNote) sending(o minapush.OpenID) (store.Lease, minapush.Delivery) {
	k.t.Helper()
	spare := suiteSub("t", "b")
	spare.TakenAt = suiteAt(time.Second)
	k.give(o, suiteSub("t", "a"), spare)
	l, b := k.lease(), k.campaign("c-"+string(o), suiteOneTime("t"))
	b.Audience = func(u *store.User) bool { return u.OpenID == o }
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	return l, d
}

// pushing is the same as a push.
func (k suiteNote) pushing(o minapush.OpenID) minapush.Delivery {
	k.t.Helper()
	spare := suiteSub("t", "b")
	spare.TakenAt = suiteAt(time.Second)
	k.give(o, suiteSub("t", "a"), spare)
	p := k.askPush(o, "p-"+string(o))
	p.Need = suiteOneTime("t")
	d := k.reservePush(p, store.PushReserved).Delivery
	k.markPush(d)
	return d
}

func (k suiteNote) ItIsKeptOnceAndNotCountedBeforeTheEnd() {
	l, d := k.sending("u")
	before := k.row(d.Batch, "u", "")
	good, bad := suiteWord(minapush.Delivered), suiteWord(minapush.Undelivered)
	suiteEqual(k.suiteKit, "row", k.confirm(d, good, true), suiteConfirmed(before, good))
	k.same("words after the first", func() {
		k.confirm(d, good, false)
		k.confirm(d, bad, false)
		bad.MsgID++
		k.noConfirm(d, bad, minapush.Conflict)
	})
	k.wantConfirmed(d.Batch, 0, 0)
	k.wantTally(d.Batch, suiteSum{"sending": 1})
	k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	k.wantConfirmed(d.Batch, 1, 0)
	k.same("words after the end", func() { k.confirm(d, good, false) })
	k.same("settling again", func() { k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend)) })
}

// suiteNoteEnd is one way in which an attempt ends that has a note.
type suiteNoteEnd struct {
	x      store.Settlement
	kept   bool   // the note is kept and counted
	sum    string // of the tally; "" for a push that is withdrawn
	counts minapush.Counts
	state  minapush.DeliveryState
}

// suiteNoteEnds are those of campaigns and pushes alike.
func suiteNoteEnds() map[string]suiteNoteEnd {
	spent := minapush.Counts{Deposited: 2, Available: 1, Spent: 1}
	confirmed := func(x store.Settlement) suiteNoteEnd {
		return suiteNoteEnd{x, true, "accepted confirmed", spent, minapush.Settled}
	}
	return map[string]suiteNoteEnd{
		"accepted": {
			store.Settlement{Outcome: minapush.Accepted, Permit: store.Spend, MsgID: suiteMsgID}, true, "accepted", spent, minapush.Settled,
		},
		"accepted without a number": {
			store.Settlement{Outcome: minapush.Accepted, Permit: store.Spend, Reason: minapush.ReasonArrived}, true,
			"accepted had_arrived", spent, minapush.Settled,
		},
		"accepted as another": {
			store.Settlement{Outcome: minapush.Accepted, Permit: store.Spend, MsgID: 5}, false, "accepted", spent, minapush.Settled,
		},
		"unknown":               confirmed(store.Settlement{Outcome: minapush.Unknown, Permit: store.Spend, Reason: "x", Errcode: 7}),
		"unknown by its number": confirmed(store.Settlement{Outcome: minapush.Unknown, Permit: store.Spend, MsgID: suiteMsgID}),
		"unknown, given back":   confirmed(store.Settlement{Outcome: minapush.Unknown, Permit: store.Release}),
		"unknown as another": {
			store.Settlement{Outcome: minapush.Unknown, Permit: store.Spend, MsgID: 5, Reason: "x"}, false, "unknown x", spent, minapush.Settled,
		},
		"pending and perhaps arrived":             confirmed(store.Settlement{Maybe: true, Permit: store.Spend, Reason: "x"}),
		"pending, perhaps arrived and given back": confirmed(store.Settlement{Maybe: true, Permit: store.Release}),
		"to be sent again":                        confirmed(store.Settlement{Resend: true, Errcode: 7}),
		"failed": {
			store.Settlement{Outcome: minapush.Failed, Permit: store.Release, Reason: "x"}, false, "failed x",
			minapush.Counts{Deposited: 2, Available: 2}, minapush.Settled,
		},
		"refused": {
			store.Settlement{Outcome: minapush.RefusedByUser, Permit: store.VoidTemplate, Reason: "x"}, false, "refused x",
			minapush.Counts{Deposited: 2, Dead: 2}, minapush.Settled,
		},
		"skipped": {
			store.Settlement{Outcome: minapush.Skipped, Permit: store.Release, Reason: "x"}, false, "skipped x",
			minapush.Counts{Deposited: 2, Available: 2}, minapush.Settled,
		},
	}
}

// want wants a row to have ended so.
func (k suiteNote) want(how string, d minapush.Delivery, end suiteNoteEnd, others int64) {
	k.t.Helper()
	row := k.row(d.Batch, d.OpenID, d.Push)
	var want minapush.Confirmed
	number := end.x.MsgID
	if end.kept {
		want, number = minapush.Delivered, suiteMsgID
	}
	if row.State != end.state || row.Confirmed != want || row.ConfirmedAt.IsZero() == end.kept || (row.ConfirmStatus == "") == end.kept {
		k.t.Errorf("%s: the row is %+v", how, row)
	}
	if row.MsgID != number || row.Errcode != end.x.Errcode {
		k.t.Errorf("%s: number %d and code %d, want %d and %d", how, row.MsgID, row.Errcode, number, end.x.Errcode)
	}
	if row.State == minapush.Settled && !row.SettledAt.Equal(end.x.Now) {
		k.t.Errorf("%s: settled at %v", how, row.SettledAt)
	}
	if end.kept {
		others++
	}
	k.wantConfirmed(d.Batch, others, 0)
	k.wantCounts(d.OpenID, end.counts)
}

func (k suiteNote) EachEndOfARowOfACampaign() {
	ends := suiteNoteEnds()
	ends["pending"] = suiteNoteEnd{store.Settlement{Permit: store.Release}, false, "waiting", minapush.Counts{Deposited: 2, Available: 2}, minapush.Waiting}
	ends["in doubt"] = suiteNoteEnd{
		store.Settlement{Permit: store.SuspectUse, Reason: "43101"}, false, "suspected", minapush.Counts{Deposited: 2, Available: 1, Suspect: 1}, minapush.Suspected,
	}
	ends["in doubt and perhaps arrived"] = suiteNoteEnd{
		store.Settlement{Permit: store.SuspectUse, Maybe: true}, true, "accepted confirmed", minapush.Counts{Deposited: 2, Available: 1, Spent: 1}, minapush.Settled,
	}
	ends["to be sent again as another"] = suiteNoteEnd{
		store.Settlement{Resend: true, MsgID: 5}, false, "held", minapush.Counts{Deposited: 2, Available: 1, Held: 1}, minapush.HeldState,
	}
	for how, end := range ends {
		l, d := k.sending(minapush.OpenID(how))
		k.confirm(d, suiteWord(minapush.Delivered), true)
		end.x.Ref, end.x.Now, end.x.NotBefore = store.RefOf(d), suiteAt(3*suiteHour), suiteAt(3*suiteHour)
		k.settle(l, end.x)
		k.want(how, d, end, 0)
		k.wantTally(d.Batch, suiteSum{end.sum: 1})
		if busy := k.user(d.OpenID).Busy != nil; busy != (end.state == minapush.HeldState) {
			k.t.Errorf("%s: the user is busy: %v", how, busy)
		}
		k.must(k.st.Release(k.ctx(), l), "release")
	}
}

func (k suiteNote) EachEndOfAPush() {
	var delivered int64
	for how, end := range suiteNoteEnds() {
		d := k.pushing(minapush.OpenID(how))
		k.confirm(d, suiteWord(minapush.Delivered), true)
		before := k.progress(d.Batch).Tally
		end.x.Ref, end.x.Now, end.x.NotBefore = store.RefOf(d), suiteAt(3*suiteHour), suiteAt(3*suiteHour)
		got := k.settlePush(end.x)
		suiteEqual(k.suiteKit, how, got, k.row(d.Batch, d.OpenID, d.Push))
		k.want(how, d, end, delivered)
		if end.kept {
			delivered++
		}
		before.Sending--
		before.Add(got.Outcome, got.Reason, 1)
		after := k.progress(d.Batch).Tally
		before.Delivered = after.Delivered
		suiteEqual(k.suiteKit, how+": tally", after, before)
		k.same("settling again", func() { suiteEqual(k.suiteKit, how, k.settlePush(end.x), got) })
	}
}

func (k suiteNote) APushThatIsWithdrawnTakesItAlong() {
	d := k.pushing("u")
	k.confirm(d, suiteWord(minapush.Delivered), true)
	got := k.settlePush(suiteEnd(d, minapush.Pending, store.Release))
	if got.State != minapush.Waiting || got.Confirmed != minapush.Unconfirmed {
		k.t.Errorf("got %+v", got)
	}
	k.noConfirm(d, suiteWord(minapush.Delivered), minapush.NotFound)
	k.wantConfirmed(d.Batch, 0, 0)
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 2})
}

func (k suiteNote) ARecoveryEndsEachRowThatHasOneAsAccepted() {
	k.give("form", suiteForm(suiteCode(1), suiteDay))
	k.give("once", suiteSub("t", "a"))
	k.give("more", suiteSub("t", "a"))
	l := k.lease()
	var rows []minapush.Delivery
	for o, need := range map[minapush.OpenID]store.Need{"form": suiteLegacy(), "once": suiteOneTime("t"), "more": suiteOneTime("t")} {
		b := k.campaign("c-"+string(o), need)
		b.Audience, b.AtLeastOnce = func(u *store.User) bool { return u.OpenID == o }, o == "more"
		d := k.reserveOne(l, b)
		k.mark(l, b.Now, d)
		k.confirm(d, suiteWord(minapush.Undelivered), true)
		rows = append(rows, d)
	}
	found, err := k.st.Recover(k.ctx(), k.takeOver(), suiteAt(suiteDay))
	k.must(err, "recover")
	suiteEqual(k.suiteKit, "recovered", found, store.Recovered{})
	for _, d := range rows {
		k.wantTally(d.Batch, suiteSum{"accepted confirmed": 1})
		k.wantConfirmed(d.Batch, 0, 1)
		k.wantCounts(d.OpenID, minapush.Counts{Deposited: 1, Spent: 1})
		if row := k.row(d.Batch, d.OpenID, ""); row.MsgID != suiteMsgID || !row.SettledAt.Equal(suiteAt(suiteDay)) {
			k.t.Errorf("got %+v", row)
		}
	}
}

func (k suiteNote) ARecoveryOfPushesToo() {
	d := k.pushing("u")
	k.confirm(d, suiteWord(minapush.Delivered), true)
	n, err := k.st.RecoverPushes(k.ctx(), k.shard, suiteAt(suiteDay))
	k.must(err, "recover pushes")
	if n != 1 {
		k.t.Errorf("ended %d", n)
	}
	k.wantTally(d.Batch, suiteSum{"accepted confirmed": 1})
	k.wantConfirmed(d.Batch, 1, 0)
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Spent: 1})
}

func (k suiteNote) AnotherAttemptBeginsWithoutIt() {
	l, d := k.sending("u")
	k.confirm(d, suiteWord(minapush.Undelivered), true)
	k.settle(l, suiteEnd(d, minapush.Pending, store.Release))
	b := k.campaign(d.Batch, suiteOneTime("t"))
	b.Now = suiteAt(2 * suiteHour)
	d = k.reserveOne(l, b)
	k.noConfirm(d, suiteWord(minapush.Delivered), minapush.Conflict) // held
	k.mark(l, b.Now, d)
	another := suiteWord(minapush.Delivered)
	another.MsgID = 5
	k.confirm(d, another, true)
	k.settle(l, suiteEnd(d, minapush.Unknown, store.Spend))
	k.wantConfirmed(d.Batch, 1, 0)
	k.wantTally(d.Batch, suiteSum{"accepted confirmed": 1})
}

func (k suiteNote) AnErasureInBetweenLeavesItInTheSum() {
	for i, o := range []minapush.Outcome{minapush.Accepted, minapush.Unknown, minapush.Failed} {
		l, d := k.sending(minapush.OpenID(fmt.Sprint("u", i)))
		done, err := k.st.Erase(k.ctx(), k.shard, d.OpenID, suiteAt(suiteDay))
		k.must(err, "erase")
		if done {
			k.t.Fatal("erased while being sent to")
		}
		k.confirm(d, suiteWord(minapush.Delivered), true)
		k.rowsGo()
		k.settle(l, suiteEnd(d, o, store.Spend))
		k.wantNoRow(d.Batch, d.OpenID, "")
		want := []int64{1, 1, 0}[i]
		k.wantConfirmed(d.Batch, want, 0)
		k.wantTally(d.Batch, suiteSum{[]string{"accepted", "accepted confirmed", "failed 43101"}[i]: 1})
		k.must(k.st.Release(k.ctx(), l), "release")
	}
}

func (k suiteNote) AnOpenIsKeptBesideIt() {
	l, d := k.sending("u")
	_, err := k.st.Open(k.ctx(), k.shard, d.Batch, "u", "", suiteAt(2*suiteHour))
	k.must(err, "open")
	k.confirm(d, suiteWord(minapush.Delivered), true)
	if at := k.row(d.Batch, "u", "").OpenedAt; !at.Equal(suiteAt(2 * suiteHour)) {
		k.t.Errorf("opened at %v", at)
	}
	k.settle(l, suiteEnd(d, minapush.Unknown, store.Spend))
	if at := k.row(d.Batch, "u", "").OpenedAt; !at.Equal(suiteAt(2 * suiteHour)) {
		k.t.Errorf("opened at %v", at)
	}
	if n := k.progress(d.Batch).Tally.Opened; n != 1 {
		k.t.Errorf("%d opened", n)
	}
	k.wantConfirmed(d.Batch, 1, 0)
}

func (k suiteNote) AMessageOnAStandingPermitCountsAsSent() {
	k.give("u", suiteStanding("t", "s"))
	p := k.askPush("u", "p")
	p.Need = suiteLongTerm("t")
	d := k.reservePush(p, store.PushReserved).Delivery
	k.markPush(d)
	k.confirm(d, suiteWord(minapush.Delivered), true)
	k.settlePush(suiteEnd(d, minapush.Unknown, store.Spend))
	if u := k.user("u"); u.StandingSent != 1 || len(u.Permits) != 1 {
		k.t.Errorf("got %+v", u)
	}
}

func (k suiteNote) ItIsKeptOverAReopening() {
	d := k.pushing("u")
	k.confirm(d, suiteWord(minapush.Undelivered), true)
	before := k.dump()
	k.reopen()
	suiteEqual(k.suiteKit, "after the reopening", k.dump(), before)
	k.settlePush(suiteEnd(d, minapush.Unknown, store.Spend))
	k.wantConfirmed(d.Batch, 0, 1)
}
