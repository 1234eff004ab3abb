package storetest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteConfirm struct{ *suiteKit }

// suiteMsgID is the number that suiteEnd gives a message.
const suiteMsgID = 4711

// suiteWord is what the platform says of the messages of suiteEnd, two hours after permits were given.
func suiteWord(w minapush.Confirmed) store.Confirmation {
	return store.Confirmation{Word: w, MsgID: suiteMsgID, Status: "said " + w.String(), At: suiteAt(2 * suiteHour)}
}

// confirm notes what must be possible to note, and wants the answer to be the row as it is then.
func (k *suiteKit) confirm(d minapush.Delivery, c store.Confirmation, first bool) minapush.Delivery {
	k.t.Helper()
	row, got, err := k.st.Confirm(k.ctx(), k.shard, d.Batch, d.OpenID, d.Push, c)
	k.must(err, "confirm")
	if got != first {
		k.t.Errorf("confirm of %s in %s with %+v: first is %v", d.OpenID, d.Batch, c, got)
	}
	suiteEqual(k, "the row returned", row, k.row(d.Batch, d.OpenID, d.Push))
	return row
}

// noConfirm wants a word to be refused, and to change nothing.
func (k *suiteKit) noConfirm(d minapush.Delivery, c store.Confirmation, kind minapush.Kind) {
	k.t.Helper()
	k.same("a word that is refused", func() {
		_, first, err := k.st.Confirm(k.ctx(), k.shard, d.Batch, d.OpenID, d.Push, c)
		k.wantKind(err, kind, fmt.Sprintf("confirm of %s in %s with %+v", d.OpenID, d.Batch, c))
		if first {
			k.t.Error("it was refused, and was the first")
		}
	})
}

func (k *suiteKit) wantConfirmed(batch string, delivered, undelivered int64) {
	k.t.Helper()
	if t := k.progress(batch).Tally; t.Delivered != delivered || t.Undelivered != undelivered {
		k.t.Errorf("tally of %s: %d delivered, %d undelivered, want %d and %d", batch, t.Delivered, t.Undelivered, delivered, undelivered)
	}
}

// suiteConfirmed is a row with a word noted.
func suiteConfirmed(d minapush.Delivery, c store.Confirmation) minapush.Delivery {
	d.Confirmed, d.ConfirmedAt, d.ConfirmStatus, d.MsgID = c.Word, c.At, c.Status, c.MsgID
	return d
}

func (k suiteConfirm) AnAcceptedRowIsConfirmedOnceAndKeepsTheFirstWord() {
	users := suiteUsers(3)
	k.giveForms(users...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := suiteByUser(k.run(l, b))
	before := k.list("c", 10, nil)
	good, bad := suiteWord(minapush.Delivered), suiteWord(minapush.Undelivered)
	precise := good
	precise.At = good.At.Add(999 * time.Microsecond)
	k.confirm(rows[0], precise, true)
	k.wantConfirmed("c", 1, 0)
	k.confirm(rows[1], bad, true)
	k.wantConfirmed("c", 1, 1)
	k.same("words after the first", func() {
		later := good
		later.At, later.Status = suiteAt(suiteDay), "later"
		k.confirm(rows[0], good, false)
		k.confirm(rows[0], later, false)
		k.confirm(rows[0], bad, false)
		k.confirm(rows[1], good, false)
	})
	before[0], before[1] = suiteConfirmed(before[0], good), suiteConfirmed(before[1], bad)
	suiteEqual(k.suiteKit, "rows", k.list("c", 10, nil), before)
	k.wantTally("c", suiteSum{"accepted": 3})
}

func (k suiteConfirm) APushIsConfirmedAndThoseBesideItAreNot() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	d := k.spend("u", "p1", suiteLegacy())
	other := k.spend("u", "p2", suiteLegacy())
	before := k.user("u")
	suiteEqual(k.suiteKit, "row", k.confirm(d, suiteWord(minapush.Delivered), true), suiteConfirmed(d, suiteWord(minapush.Delivered)))
	suiteEqual(k.suiteKit, "the other row", k.row(d.Batch, "u", "p2"), other)
	suiteEqual(k.suiteKit, "user", k.user("u"), before)
	k.wantConfirmed(d.Batch, 1, 0)
	for _, push := range []string{"", "p3"} {
		d.Push = push
		k.noConfirm(d, suiteWord(minapush.Delivered), minapush.NotFound)
	}
}

func (k suiteConfirm) ItIsTheMessageOfThatNumber() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	numbered := k.spend("u", "numbered", suiteLegacy())
	another := suiteWord(minapush.Delivered)
	another.MsgID = 1 << 62
	k.noConfirm(numbered, another, minapush.Conflict)
	k.confirm(numbered, suiteWord(minapush.Delivered), true)
	k.noConfirm(numbered, another, minapush.Conflict)

	p := k.hold("u", "without")
	k.markPush(p)
	x := suiteEnd(p, minapush.Accepted, store.Spend)
	x.MsgID, x.Reason = 0, minapush.ReasonArrived
	p = k.settlePush(x)
	suiteEqual(k.suiteKit, "row", k.confirm(p, another, true), suiteConfirmed(p, another))
	k.noConfirm(p, suiteWord(minapush.Delivered), minapush.Conflict)
	k.confirm(p, another, false)
	k.wantConfirmed(p.Batch, 2, 0)
}

func (k suiteConfirm) AnUnknownRowBecomesAcceptedAndItsUseStaysSpent() {
	users := suiteUsers(3)
	k.giveForms(users...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := suiteByUser(k.reserve(l, b).Rows)
	k.mark(l, b.Now, rows...)
	for _, d := range rows {
		k.settle(l, suiteEnd(d, minapush.Unknown, store.Spend))
	}
	first, err := k.st.Open(k.ctx(), k.shard, "c", users[0], "", suiteAt(suiteDay))
	k.must(err, "open")
	if !first {
		k.t.Error("it was not the first open")
	}
	for i, word := range []minapush.Confirmed{minapush.Delivered, minapush.Undelivered} {
		user, want := k.user(users[i]), k.row("c", users[i], "")
		want.Outcome, want.Reason = minapush.Accepted, minapush.ReasonConfirmed
		suiteEqual(k.suiteKit, "row", k.confirm(rows[i], suiteWord(word), true), suiteConfirmed(want, suiteWord(word)))
		suiteEqual(k.suiteKit, "user", k.user(users[i]), user)
		k.same("saying it again", func() { k.confirm(rows[i], suiteWord(word), false) })
	}
	k.wantTally("c", suiteSum{"accepted confirmed": 2, "unknown 43101": 1})
	k.wantConfirmed("c", 1, 1)
	if opened := k.progress("c").Tally.Opened; opened != 1 {
		k.t.Errorf("%d opened", opened)
	}
	k.wantCounts(users[0], minapush.Counts{Deposited: 1, Spent: 1})
	k.same("settling it again", func() { k.settle(l, suiteEnd(rows[0], minapush.Unknown, store.Spend)) })
	accepted := minapush.Accepted
	if list := k.list("c", 10, &accepted); len(list) != 2 {
		k.t.Errorf("%d rows are listed as accepted", len(list))
	}
}

func (k suiteConfirm) WhatACrashLeftUnknownIsConfirmedToo() {
	k.give("u", suiteSub("t", "n"))
	k.give("v", suiteSub("t", "n"))
	p := k.askPush("u", "p")
	p.Need = suiteOneTime("t")
	d := k.reservePush(p, store.PushReserved).Delivery
	k.markPush(d)
	_, err := k.st.RecoverPushes(k.ctx(), k.shard, suiteAt(suiteDay))
	k.must(err, "recover pushes")
	k.confirm(d, suiteWord(minapush.Delivered), true)
	k.wantTally(d.Batch, suiteSum{"accepted confirmed": 1})

	l, b := k.lease(), k.campaign("c", suiteOneTime("t"))
	b.Audience = func(u *store.User) bool { return u.OpenID == "v" }
	row := k.reserveOne(l, b)
	k.mark(l, b.Now, row)
	_, err = k.st.Recover(k.ctx(), k.takeOver(), suiteAt(suiteDay))
	k.must(err, "recover")
	k.confirm(row, suiteWord(minapush.Undelivered), true)
	k.wantTally("c", suiteSum{"accepted confirmed": 1})
	k.wantConfirmed("c", 0, 1)
}

func (k suiteConfirm) StandingSentStaysWhatItWas() {
	k.give("u", suiteStanding("t", "s"))
	d := k.end("u", "p", suiteLongTerm("t"), minapush.Unknown, store.Spend)
	k.confirm(d, suiteWord(minapush.Delivered), true)
	if n := k.user("u").StandingSent; n != 0 {
		k.t.Errorf("%d sent on standing permits", n)
	}
}

func (k suiteConfirm) WhatIsNotAcceptedUnknownOrBeingSentIsNotConfirmed() {
	word := suiteWord(minapush.Delivered)
	users := suiteUsers(6)
	for _, o := range users {
		k.give(o, suiteSub("t", "n"))
	}
	l, b := k.lease(), k.campaign("c", suiteOneTime("t"))
	b.Limit = 5
	rows := suiteByUser(k.reserve(l, b).Rows)
	k.mark(l, b.Now, rows[1:]...)
	again := suiteEnd(rows[4], minapush.Pending, store.Release)
	again.Resend = true
	k.settle(l, suiteEnd(rows[1], minapush.Failed, store.Release), suiteEnd(rows[2], minapush.RefusedByUser, store.VoidTemplate),
		suiteEnd(rows[3], minapush.Pending, store.SuspectUse), again)
	for _, d := range rows { // held, failed, refused, suspected, held to be sent again
		k.noConfirm(d, word, minapush.Conflict)
	}
	waits := suiteEnd(rows[0], minapush.Pending, store.Spend)
	waits.Maybe = true
	k.settle(l, waits)
	k.noConfirm(rows[0], word, minapush.Conflict)
	k.noConfirm(minapush.Delivery{Batch: "c", OpenID: users[5]}, word, minapush.NotFound)
	k.noConfirm(minapush.Delivery{Batch: "d", OpenID: users[0]}, word, minapush.NotFound)
	skipped := k.reservePush(k.askPush("nobody", "p"), store.PushSkipped)
	k.noConfirm(skipped.Delivery, word, minapush.Conflict)
	k.wantConfirmed("c", 0, 0)
}

func (k suiteConfirm) ATimeANumberAndAWordAreNeeded() {
	k.giveForms("u")
	d := k.spend("u", "p", suiteLegacy())
	for _, spoil := range []func(*store.Confirmation){
		func(c *store.Confirmation) { c.At = time.Time{} }, func(c *store.Confirmation) { c.MsgID = 0 },
		func(c *store.Confirmation) { c.Word = minapush.Unconfirmed }, func(c *store.Confirmation) { c.Word = minapush.Undelivered + 1 },
	} {
		c := suiteWord(minapush.Delivered)
		spoil(&c)
		k.noConfirm(d, c, minapush.Invalid)
		k.noConfirm(minapush.Delivery{Batch: d.Batch, OpenID: "nobody"}, c, minapush.Invalid)
	}
	k.confirm(d, suiteWord(minapush.Delivered), true)
}

func (k suiteConfirm) TheStatusIsCutBeforeACharacterThatDoesNotFit() {
	const most = minapush.MaxConfirmStatus
	for i, c := range []struct{ said, want string }{
		{"", ""},
		{strings.Repeat("x", most), strings.Repeat("x", most)},
		{strings.Repeat("x", most+1), strings.Repeat("x", most)},
		{strings.Repeat("x", most-1) + "é", strings.Repeat("x", most-1)},
		{strings.Repeat("拒", 1+most/3), strings.Repeat("拒", most/3)},
		{"\xff{} :\"\x00", "\xff{} :\"\x00"},
		{strings.Repeat("\x80", most+1), ""},
	} {
		o := minapush.OpenID(fmt.Sprint("u", i))
		k.giveForms(o)
		d, word := k.spend(o, "p", suiteLegacy()), suiteWord(minapush.Undelivered)
		word.Status = c.said
		if got := k.confirm(d, word, true).ConfirmStatus; got != c.want {
			k.t.Errorf("of %q there is kept %q, want %q", c.said, got, c.want)
		}
	}
}

func (k suiteConfirm) TheSumsStayWhenRowsAreForgottenOrUsersErased() {
	users := suiteUsers(3)
	k.giveForms(users...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := suiteByUser(k.reserve(l, b).Rows)
	k.mark(l, b.Now, rows...)
	k.settle(l, suiteEnd(rows[0], minapush.Accepted, store.Spend), suiteEnd(rows[1], minapush.Unknown, store.Spend),
		suiteEnd(rows[2], minapush.Accepted, store.Spend))
	k.confirm(rows[0], suiteWord(minapush.Delivered), true)
	k.confirm(rows[1], suiteWord(minapush.Undelivered), true)
	k.rowsGo()
	_, err := k.st.Erase(k.ctx(), k.shard, users[1], suiteAt(suiteDay))
	k.must(err, "erase")
	k.wantConfirmed("c", 1, 1)
	k.noConfirm(rows[1], suiteWord(minapush.Delivered), minapush.NotFound)
	k.must(k.st.Forget(k.ctx(), k.shard, "c"), "forget")
	k.wantConfirmed("c", 1, 1)
	for _, d := range rows {
		k.noConfirm(d, suiteWord(minapush.Delivered), minapush.NotFound)
	}
	k.wantTally("c", suiteSum{"accepted": 2, "accepted confirmed": 1})
}

func (k suiteConfirm) ACampaignWithAListIsLikeAnyOther() {
	users := suiteUsers(2)
	k.giveForms(users[0])
	b := k.kept("l", suiteLegacy())
	k.enlist("l", users...)
	l := k.lease()
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	k.settle(l, suiteEnd(d, minapush.Unknown, store.Spend))
	k.confirm(d, suiteWord(minapush.Delivered), true)
	k.noConfirm(k.row("l", users[1], ""), suiteWord(minapush.Delivered), minapush.Conflict)
	k.wantConfirmed("l", 1, 0)
	k.wantTally("l", suiteSum{"accepted confirmed": 1, "skipped no_permit": 1})
}

func (k suiteConfirm) ItIsKeptOverAReopening() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	accepted := k.spend("u", "p1", suiteLegacy())
	unknown := k.end("u", "p2", suiteLegacy(), minapush.Unknown, store.Spend)
	k.confirm(accepted, suiteWord(minapush.Undelivered), true)
	k.confirm(unknown, suiteWord(minapush.Delivered), true)
	before := k.dump()
	k.reopen()
	suiteEqual(k.suiteKit, "after the reopening", k.dump(), before)
	k.confirm(accepted, suiteWord(minapush.Delivered), false)
}

func (k suiteConfirm) OfManyWordsOneIsTheFirst() {
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
			for j, d := range rows {
				o := []minapush.Outcome{minapush.Accepted, minapush.Unknown}[j%2]
				xs = append(xs, suiteEnd(d, o, store.Spend))
			}
			c.failed(k.st.Settle(k.ctx(), l, xs), "settle")
			return
		}
		_, ok, err := k.st.Confirm(k.ctx(), k.shard, "c", users[i%len(users)], "", suiteWord(minapush.Delivered))
		if !c.failed(err, "confirm") && ok {
			first.Add(1)
		}
	})
	if first.Load() != int64(len(users)) {
		k.t.Errorf("%d words were the first of %d", first.Load(), len(users))
	}
	k.wantConfirmed("c", int64(len(users)), 0)
	k.wantTally("c", suiteSum{"accepted": 4, "accepted confirmed": 4})
}
