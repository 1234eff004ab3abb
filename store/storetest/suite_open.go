package storetest

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteOpen struct{ *suiteKit }

// open notes an open that must be possible.
func (k suiteOpen) open(batch string, o minapush.OpenID, push string, at time.Time, first bool) {
	k.t.Helper()
	got, err := k.st.Open(k.ctx(), k.shard, batch, o, push, at)
	k.must(err, "open")
	if got != first {
		k.t.Errorf("open of %s in %s at %v: first is %v", o, batch, at, got)
	}
}

// noOpen wants an open to be refused, and to change nothing.
func (k suiteOpen) noOpen(batch string, o minapush.OpenID, push string, at time.Time, kind minapush.Kind) {
	k.t.Helper()
	k.same("an open that is refused", func() {
		first, err := k.st.Open(k.ctx(), k.shard, batch, o, push, at)
		k.wantKind(err, kind, "open of "+string(o)+" in "+batch)
		if first {
			k.t.Error("it was refused, and was the first")
		}
	})
}

func (k suiteOpen) wantOpened(batch string, want int64) {
	k.t.Helper()
	if got := k.progress(batch).Tally.Opened; got != want {
		k.t.Errorf("tally of %s: %d opened, want %d", batch, got, want)
	}
}

func (k suiteOpen) ASettledRowIsOpenedOnceAndKeepsTheFirstTime() {
	users := suiteUsers(4)
	k.giveForms(users...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := suiteByUser(k.reserve(l, b).Rows)
	k.mark(l, b.Now, rows...)
	k.settle(l, suiteEnd(rows[0], minapush.Accepted, store.Spend), suiteEnd(rows[1], minapush.Unknown, store.Spend),
		suiteEnd(rows[2], minapush.Accepted, store.Spend), suiteEnd(rows[3], minapush.Accepted, store.Spend))
	before := k.list("c", 10, nil)
	k.open("c", users[0], "", suiteAt(2*suiteHour).Add(700*time.Microsecond), true)
	k.open("c", users[1], "", suiteAt(3*suiteHour), true)
	k.wantOpened("c", 2)
	k.same("opening again", func() {
		k.open("c", users[0], "", suiteAt(suiteHour), false)
		k.open("c", users[1], "", suiteAt(4*suiteHour), false)
	})
	before[0].OpenedAt, before[1].OpenedAt = suiteAt(2*suiteHour), suiteAt(3*suiteHour)
	suiteEqual(k.suiteKit, "rows", k.list("c", 10, nil), before)
	for i, o := range users {
		suiteEqual(k.suiteKit, "row", k.row("c", o, ""), before[i])
	}
	k.wantTally("c", suiteSum{"accepted": 3, "unknown 43101": 1})
}

func (k suiteOpen) APushIsOpenedAndThoseBesideItAreNot() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay), suiteForm("c", suiteDay))
	d := k.spend("u", "p1", suiteLegacy())
	k.spend("u", "p2", suiteLegacy())
	k.open(d.Batch, "u", "p1", suiteAt(2*suiteHour), true)
	k.spend("u", "p3", suiteLegacy())
	k.open(d.Batch, "u", "p1", suiteAt(3*suiteHour), false)
	for push, want := range map[string]time.Time{"p1": suiteAt(2 * suiteHour), "p2": {}, "p3": {}} {
		suiteEqual(k.suiteKit, push, k.row(d.Batch, "u", push).OpenedAt, want)
	}
	k.wantOpened(d.Batch, 1)
	k.noOpen(d.Batch, "u", "p4", suiteAt(suiteDay), minapush.NotFound)
	k.noOpen(d.Batch, "u", "", suiteAt(suiteDay), minapush.NotFound)
}

func (k suiteOpen) WhatWasNotSentIsNotOpened() {
	users := suiteUsers(4)
	k.giveForms(users...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	b.Limit = 3
	rows := suiteByUser(k.reserve(l, b).Rows)
	k.mark(l, b.Now, rows[1], rows[2])
	k.settle(l, suiteEnd(rows[1], minapush.Failed, store.Release), suiteEnd(rows[2], minapush.RefusedByUser, store.VoidTemplate))
	for _, o := range users[:3] { // held, failed, refused
		k.noOpen("c", o, "", suiteAt(suiteDay), minapush.Conflict)
	}
	k.noOpen("c", users[3], "", suiteAt(suiteDay), minapush.NotFound)
	k.noOpen("d", users[1], "", suiteAt(suiteDay), minapush.NotFound)
	k.settle(l, suiteEnd(rows[0], minapush.Pending, store.Release))
	k.noOpen("c", users[0], "", suiteAt(suiteDay), minapush.Conflict) // waiting, and never marked
	skipped := k.reservePush(k.askPush("nobody", "p"), store.PushSkipped)
	k.noOpen(skipped.Delivery.Batch, "nobody", "p", suiteAt(suiteDay), minapush.Conflict)
}

func (k suiteOpen) ATimeIsNeeded() {
	k.giveForms("u")
	d := k.spend("u", "p", suiteLegacy())
	k.noOpen(d.Batch, "u", "p", time.Time{}, minapush.Invalid)
}

func (k suiteOpen) AnOpenBeforeTheAnswerIsKeptAndCountedWhenItEnds() {
	for i, c := range []struct {
		end    store.Settlement
		counts int64
	}{
		{store.Settlement{Outcome: minapush.Accepted, Permit: store.Spend}, 1},
		{store.Settlement{Outcome: minapush.Unknown, Permit: store.Spend}, 1},
		{store.Settlement{Outcome: minapush.Failed, Permit: store.Release, Reason: "x"}, 0},
	} {
		o, batch := minapush.OpenID(fmt.Sprint("u", i)), fmt.Sprint("c", i)
		k.give(o, suiteForm("a", suiteDay), suiteForm("b", suiteDay))
		l, b := k.lease(), k.campaign(batch, suiteLegacy())
		b.Audience = func(u *store.User) bool { return u.OpenID == o }
		d := k.reserveOne(l, b)
		k.mark(l, b.Now, d)
		c.end.Ref, c.end.Now = store.RefOf(d), suiteAt(3*suiteHour)
		k.open(batch, o, "", suiteAt(2*suiteHour), true)
		k.open(batch, o, "", suiteAt(2*suiteHour), false)
		k.wantOpened(batch, 0)
		suiteEqual(k.suiteKit, "row being sent", k.row(batch, o, "").OpenedAt, suiteAt(2*suiteHour))
		k.settle(l, c.end)
		k.wantOpened(batch, c.counts)
		var want time.Time
		if c.counts > 0 {
			want = suiteAt(2 * suiteHour)
		}
		suiteEqual(k.suiteKit, "settled row", k.row(batch, o, "").OpenedAt, want)

		p := k.hold(o, "p")
		k.markPush(p)
		k.open(p.Batch, o, "p", suiteAt(2*suiteHour), true)
		had := k.progress(p.Batch).Tally.Opened
		c.end.Ref = store.RefOf(p)
		suiteEqual(k.suiteKit, "settled push", k.settlePush(c.end).OpenedAt, want)
		k.wantOpened(p.Batch, had+c.counts)
		k.must(k.st.Release(k.ctx(), l), "release")
	}
}

func (k suiteOpen) ItStaysWhileTheRowIsSentAgainAndAgain() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay), suiteForm("c", suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	k.open("c", "u", "", suiteAt(2*suiteHour), true)
	for i, x := range []store.Settlement{
		{Outcome: minapush.Pending, Resend: true}, {Outcome: minapush.Pending, Permit: store.Spend, Maybe: true},
		{Outcome: minapush.Pending, Permit: store.SuspectUse, Maybe: true},
	} {
		x.Ref, x.Now, x.NotBefore = store.RefOf(d), b.Now, b.Now
		k.settle(l, x)
		suiteEqual(k.suiteKit, fmt.Sprint("row put back ", i), k.row("c", "u", "").OpenedAt, suiteAt(2*suiteHour))
		k.open("c", "u", "", suiteAt(5*suiteHour), false)
		if x.Permit == store.SuspectUse {
			n, err := k.st.ResolveSuspects(k.ctx(), l, "c", b.Now, false, 10, b.Now)
			k.must(err, "resolve")
			if n != 1 {
				k.t.Errorf("resolved %d", n)
			}
		}
		d = k.reserveOne(l, b)
		k.mark(l, b.Now, d)
	}
	k.wantOpened("c", 0)
	k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	suiteEqual(k.suiteKit, "settled row", k.row("c", "u", "").OpenedAt, suiteAt(2*suiteHour))
	k.wantOpened("c", 1)
}

func (k suiteOpen) ARowThatIsWaitingCanBeOpenedIfItWasSent() {
	k.give("u", suiteForm("a", suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	k.settle(l, store.Settlement{Ref: store.RefOf(d), Permit: store.Spend, Maybe: true, NotBefore: suiteAt(suiteDay), Now: b.Now})
	k.open("c", "u", "", suiteAt(2*suiteHour), true)
	b.Skip = minapush.ReasonCancelled
	k.reserve(l, b)
	k.wantTally("c", suiteSum{"unknown cancelled": 1})
	k.wantOpened("c", 1)
}

func (k suiteOpen) ARefusalThatIsBelievedDropsIt() {
	k.giveForms("u")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	k.settle(l, suiteEnd(d, minapush.Pending, store.SuspectUse))
	k.open("c", "u", "", suiteAt(2*suiteHour), true)
	_, err := k.st.ResolveSuspects(k.ctx(), l, "c", suiteAt(suiteDay), true, 10, suiteAt(suiteDay))
	k.must(err, "resolve")
	suiteEqual(k.suiteKit, "row", k.row("c", "u", "").OpenedAt, time.Time{})
	k.wantOpened("c", 0)
	k.noOpen("c", "u", "", suiteAt(suiteDay), minapush.Conflict)
}

func (k suiteOpen) ACrashKeepsIt() {
	k.give("u", suiteSub("t", "n"))
	p := k.askPush("u", "p")
	p.Need = suiteOneTime("t")
	d := k.reservePush(p, store.PushReserved).Delivery
	k.markPush(d)
	k.open(d.Batch, "u", "p", suiteAt(2*suiteHour), true)
	n, err := k.st.RecoverPushes(k.ctx(), k.shard, suiteAt(suiteDay))
	k.must(err, "recover")
	if n != 1 {
		k.t.Errorf("recovered %d", n)
	}
	k.wantTally(d.Batch, suiteSum{"unknown crash": 1})
	k.wantOpened(d.Batch, 1)
}

func (k suiteOpen) TheSumStaysWhenRowsAreForgottenOrUsersErased() {
	users := suiteUsers(3)
	k.giveForms(users...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := suiteByUser(k.reserve(l, b).Rows)
	k.mark(l, b.Now, rows...)
	k.settle(l, suiteEnd(rows[0], minapush.Accepted, store.Spend), suiteEnd(rows[1], minapush.Accepted, store.Spend))
	for _, o := range users {
		k.open("c", o, "", suiteAt(2*suiteHour), true)
	}
	k.rowsGo()
	_, err := k.st.Erase(k.ctx(), k.shard, users[0], suiteAt(suiteDay))
	k.must(err, "erase")
	done, err := k.st.Erase(k.ctx(), k.shard, users[2], suiteAt(suiteDay))
	k.must(err, "erase")
	if done {
		k.t.Error("an erasure did not wait for what is being sent")
	}
	k.wantOpened("c", 2)
	k.settle(l, suiteEnd(rows[2], minapush.Accepted, store.Spend))
	k.wantOpened("c", 3)
	k.must(k.st.Forget(k.ctx(), k.shard, "c"), "forget")
	k.wantOpened("c", 3)
	for _, o := range users {
		k.noOpen("c", o, "", suiteAt(suiteDay), minapush.NotFound)
	}
}

func (k suiteOpen) OfManyOpensOneIsTheFirst() {
	users := suiteUsers(8)
	k.giveForms(users...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := suiteByUser(k.reserve(l, b).Rows)
	k.mark(l, b.Now, rows...)
	c := suiteContenders{k.suiteKit}
	var first atomic.Int64
	c.contend(2*len(users)+1, func(i int) {
		if i == 2*len(users) {
			var xs []store.Settlement
			for _, d := range rows {
				xs = append(xs, suiteEnd(d, minapush.Accepted, store.Spend))
			}
			c.failed(k.st.Settle(k.ctx(), l, xs), "settle")
			return
		}
		ok, err := k.st.Open(k.ctx(), k.shard, "c", users[i%len(users)], "", suiteAt(2*suiteHour))
		if !c.failed(err, "open") && ok {
			first.Add(1)
		}
	})
	if first.Load() != int64(len(users)) {
		k.t.Errorf("%d opens were the first of %d", first.Load(), len(users))
	}
	k.wantOpened("c", int64(len(users)))
}
