package storetest

import (
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteListed struct{ *suiteKit }

// fill puts users on a list, each with a value of its own.
func (k suiteListed) fill(campaign string, users ...minapush.OpenID) {
	k.t.Helper()
	for _, o := range users {
		k.addListed(campaign, store.Listed{OpenID: o, Values: suiteValues(o)})
	}
}

func suiteValues(o minapush.OpenID) map[string]string {
	return map[string]string{"name": "Frau " + string(o), "empty": ""}
}

// wantValues wants each row to have the values of its user.
func (k suiteListed) wantValues(rows ...minapush.Delivery) {
	k.t.Helper()
	for _, d := range rows {
		suiteEqual(k.suiteKit, "values of "+string(d.OpenID), d.Values, suiteValues(d.OpenID))
	}
}

// wantSkipped wants the row of somebody who was skipped by the walk.
func (k suiteListed) wantSkipped(b store.Batch, o minapush.OpenID, reason string) {
	k.t.Helper()
	suiteEqual(k.suiteKit, "row of "+string(o), k.row(b.Campaign, o, ""), minapush.Delivery{
		Batch: b.Campaign, OpenID: o, State: minapush.Settled, Outcome: minapush.Skipped, Reason: reason, SettledAt: b.Now,
	})
}

func (k suiteListed) OnlyUsersOnTheListAreWalkedInOrderWithTheirValues() {
	users := suiteUsers(6)
	k.giveForms(users...)
	k.fill("c", users[4], users[1], users[3])
	l, b := k.lease(), k.listed("c", suiteLegacy())
	b.Limit = 2
	first := k.reserve(l, b)
	if first.Examined != 2 || first.Done {
		k.t.Errorf("examined %d, done %v; want 2 and not done", first.Examined, first.Done)
	}
	suiteEqual(k.suiteKit, "first batch", suiteWho(first.Rows), []minapush.OpenID{users[1], users[3]})
	k.wantValues(first.Rows...)
	for _, d := range first.Rows {
		k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	}
	d := k.reserveOne(l, b)
	if d.OpenID != users[4] {
		k.t.Errorf("then came %s", d.OpenID)
	}
	k.wantValues(d)
	k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	k.wantIdle(l, b, 0, time.Time{})
	k.wantTally("c", suiteSum{"accepted": 3})
	if p := k.progress("c"); p.ShardsDone != 1 {
		k.t.Errorf("progress %+v, want the shard done", p)
	}
}

func (k suiteListed) TheRowIsLikeAnyOtherAndOnlyReserveBatchGivesItsValues() {
	form := suiteForm(suiteCode(1), suiteDay)
	k.give("u", form)
	k.fill("c", "u")
	l, b := k.lease(), k.kept("c", suiteLegacy())
	want := minapush.Delivery{Batch: "c", OpenID: "u", State: minapush.HeldState, Permit: form, Attempt: 1, ReservedAt: b.Now}
	d := k.reserveOne(l, b)
	k.wantValues(d)
	d.Values = nil
	suiteEqual(k.suiteKit, "row", d, want)
	suiteEqual(k.suiteKit, "stored row", k.row("c", "u", ""), want)
	suiteEqual(k.suiteKit, "listed row", k.list("c", 10, nil), []minapush.Delivery{want})
}

func (k suiteListed) StartedAndAudienceKeepNobodyOut() {
	l, b := k.lease(), k.listed("c", suiteLegacy())
	k.giveForms("u")
	k.deposit("v", store.Deposit{Now: b.Started.Add(time.Minute), Permits: []minapush.Permit{suiteForm("v", suiteDay)}})
	k.enlist("c", "u", "v")
	b.Now, b.Audience = b.Started.Add(suiteHour), func(*store.User) bool { return false }
	suiteEqual(k.suiteKit, "sent to", suiteWho(k.run(l, b)), []minapush.OpenID{"u", "v"})
	k.wantTally("c", suiteSum{"accepted": 2})
}

// mixed leaves a list of five users: one with a permit, one without, one unknown, one who opted out, one being erased.
func (k suiteListed) mixed() {
	k.t.Helper()
	k.give("u1", suiteForm("a", suiteDay))
	k.deposit("u2", store.Deposit{})
	k.give("u4", suiteForm("a", suiteDay))
	k.optOut("u4", minapush.OptOutCampaigns)
	k.give("u5", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	k.hold("u5", "p")
	suiteErase{k.suiteKit}.erase("u5", false)
	k.fill("c", "u1", "u2", "u3", "u4", "u5")
}

func (k suiteListed) WhoeverIsSkippedIsCountedByReason() {
	k.mixed()
	r := k.reserve(k.lease(), k.listed("c", suiteLegacy()))
	if len(r.Rows) != 1 || r.Rows[0].OpenID != "u1" || r.Examined != 5 || !r.Done || r.Waiting != 0 {
		k.t.Errorf("reserved %+v", r)
	}
	k.wantTally("c", suiteSum{"held": 1, "skipped no_permit": 2, "skipped opted_out": 1, "skipped erased": 1})
	_, err := k.st.User(k.ctx(), k.shard, "u3")
	k.wantKind(err, minapush.NotFound, "user who is only listed")
}

func (k suiteListed) WithKeepSkippedEachOfThemHasARow() {
	k.mixed()
	l, b := k.lease(), k.kept("c", suiteLegacy())
	d := k.reserveOne(l, b)
	for o, reason := range map[minapush.OpenID]string{
		"u2": minapush.ReasonNoPermit, "u3": minapush.ReasonNoPermit, "u4": minapush.ReasonOptedOut, "u5": minapush.ReasonErased,
	} {
		k.wantSkipped(b, o, reason)
	}
	k.wantTally("c", suiteSum{"held": 1, "skipped no_permit": 2, "skipped opted_out": 1, "skipped erased": 1})
	k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	match := minapush.Skipped
	suiteEqual(k.suiteKit, "skipped rows", suiteWho(k.list("c", 2, &match)), []minapush.OpenID{"u2", "u3", "u4", "u5"})
	k.settlePush(suiteEnd(k.row(k.askPush("u5", "").Batch, "u5", "p"), minapush.Accepted, store.Spend))
	k.wantNoRow("c", "u5", "")
	k.wantTally("c", suiteSum{"accepted": 1, "skipped no_permit": 2, "skipped opted_out": 1, "skipped erased": 1})
	k.wantIdle(l, b, 0, time.Time{})
}

func (k suiteListed) KeepSkippedIsForListsOnly() {
	k.deposit("u", store.Deposit{})
	b := k.campaign("c", suiteLegacy())
	b.KeepSkipped = true
	k.reserve(k.lease(), b)
	k.wantNoRow("c", "u", "")
	k.wantTally("c", suiteSum{"skipped no_permit": 1})
}

func (k suiteListed) BusyUsersAndYoungPaymentsWait() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	push := k.hold("u", "p")
	young := suitePay("p", suiteDay)
	young.TakenAt = suiteAt(suiteHour - 4*time.Second)
	k.give("v", young)
	k.fill("c", "u", "v")
	l, b := k.lease(), k.kept("c", suiteLegacy())
	k.wantIdle(l, b, 2, b.Now.Add(store.BusyWait))
	k.wantTally("c", suiteSum{"waiting": 2})
	k.settlePush(suiteEnd(push, minapush.Accepted, store.Spend))
	b.Now = b.Now.Add(store.BusyWait)
	d := k.reserveOne(l, b)
	k.wantValues(d)
	k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	b.Now = young.TakenAt.Add(minapush.PayReadyAfter)
	k.wantValues(k.run(l, b)...)
	k.wantTally("c", suiteSum{"accepted": 2})
}

func (k suiteListed) WhoIsSkippedLaterKeepsARowToo() {
	k.give("u", suiteForm("a", suiteDay))
	k.give("v", suiteForm("a", suiteDay))
	k.fill("c", "u", "v")
	l, b := k.lease(), k.kept("c", suiteLegacy())
	for _, d := range k.reserve(l, b).Rows {
		k.settle(l, suiteEnd(d, minapush.Pending, store.Release))
	}
	k.spend("u", "p", suiteLegacy())
	k.optOut("v", minapush.OptOutCampaigns)
	b.Now = suiteAt(2 * suiteHour)
	k.run(l, b)
	for o, reason := range map[minapush.OpenID]string{"u": minapush.ReasonNoPermit, "v": minapush.ReasonOptedOut} {
		if d := k.row("c", o, ""); d.State != minapush.Settled || d.Outcome != minapush.Skipped || d.Reason != reason {
			k.t.Errorf("row %+v, want it skipped (%s)", d, reason)
		}
	}
	k.wantTally("c", suiteSum{"skipped no_permit": 1, "skipped opted_out": 1})
}

func (k suiteListed) ALostReplyIsRepeatedWithItsValues() {
	users := suiteUsers(5)
	k.giveForms(users[:4]...)
	k.fill("c", users...)
	l, b := k.lease(), k.kept("c", suiteLegacy())
	lost := k.reserve(l, b).Rows
	k.same("the repeated call", func() {
		r := k.reserve(l, b)
		if r.Examined != 0 {
			k.t.Errorf("examined %d again", r.Examined)
		}
		suiteEqual(k.suiteKit, "rows", suiteByUser(r.Rows), suiteByUser(lost))
		k.wantValues(r.Rows...)
	})
	k.wantTally("c", suiteSum{"held": 4, "skipped no_permit": 1})
}

func (k suiteListed) ValuesComeAgainFromTheQueue() {
	k.give("u", suiteForm("a", suiteDay))
	k.give("v", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay))
	k.fill("c", "u", "v")
	l, b := k.lease(), k.listed("c", suiteLegacy())
	rows := suiteByUser(k.reserve(l, b).Rows)
	k.mark(l, b.Now, rows...)
	k.settle(l, suiteEnd(rows[0], minapush.Pending, store.SuspectUse), suiteEnd(rows[1], minapush.Pending, store.Burn))
	_, err := k.st.ResolveSuspects(k.ctx(), l, "c", suiteAt(suiteDay), false, 10, suiteAt(2*suiteHour))
	k.must(err, "resolve suspects")
	b.Now = suiteAt(2 * suiteHour)
	rows = k.reserve(l, b).Rows
	suiteEqual(k.suiteKit, "again", suiteWho(rows), []minapush.OpenID{"u", "v"})
	k.wantValues(rows...)
}

func (k suiteListed) ValuesComeAgainAfterRecovery() {
	k.give("u", suiteForm("a", suiteDay))
	k.give("v", suiteForm("a", suiteDay))
	k.fill("c", "u", "v")
	l, b := k.lease(), k.listed("c", suiteLegacy())
	rows := suiteByUser(k.reserve(l, b).Rows)
	k.mark(l, b.Now, rows[0])
	l = k.takeOver()
	b.Now = suiteAt(2 * suiteHour)
	got, err := k.st.Recover(k.ctx(), l, b.Now)
	k.must(err, "recover")
	suiteEqual(k.suiteKit, "recovered", got, store.Recovered{Released: 1, Resend: 1})
	resend := k.reserveOne(l, b)
	if resend.OpenID != "u" || !resend.Resend || resend.Attempt != 2 {
		k.t.Errorf("got %+v, want that of u to be sent again", resend)
	}
	k.wantValues(resend)
	k.mark(l, b.Now, resend)
	k.settle(l, suiteEnd(resend, minapush.Accepted, store.Spend))
	d := k.reserveOne(l, b)
	k.wantValues(d)
	k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	k.wantTally("c", suiteSum{"accepted": 2})
}

func (k suiteListed) ValuesComeAgainWithAResend() {
	k.give("u", suiteForm("a", suiteDay))
	k.fill("c", "u")
	l, b := k.lease(), k.listed("c", suiteLegacy())
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	k.settle(l, store.Settlement{Ref: store.RefOf(d), Resend: true, NotBefore: suiteAt(2 * suiteHour), Now: suiteAt(suiteHour)})
	b.Now = suiteAt(2 * suiteHour)
	d = k.reserveOne(l, b)
	if !d.Resend {
		k.t.Errorf("got %+v", d)
	}
	k.wantValues(d)
}

func (k suiteListed) WithSkipEverybodyOnTheListIsSkippedForThatReason() {
	k.mixed()
	k.give("u6", suiteForm("a", suiteDay))
	k.give("u7", suiteForm("a", suiteDay))
	k.fill("c", "u6", "u7", "u8")
	k.giveForms("not listed")
	l, b := k.lease(), k.kept("c", suiteLegacy())
	b.Limit = 1
	k.settle(l, suiteEnd(k.reserveOne(l, b), minapush.Pending, store.Release)) // u1 waits
	b.Skip, b.Now = minapush.ReasonCancelled, suiteAt(2*suiteHour)
	suiteSkip{k.suiteKit}.skipAll(l, b)
	k.wantTally("c", suiteSum{"skipped cancelled": 8})
	for _, o := range []minapush.OpenID{"u2", "u3", "u4", "u5", "u6", "u7", "u8"} {
		k.wantSkipped(b, o, minapush.ReasonCancelled)
	}
	if d := k.row("c", "u1", ""); d.Outcome != minapush.Skipped || d.Reason != minapush.ReasonCancelled {
		k.t.Errorf("row %+v", d)
	}
	k.wantCounts("u6", minapush.Counts{Deposited: 1, Available: 1})
	k.noAdd("c")
}

func (k suiteListed) WithoutKeepSkippedSkipLeavesNoRows() {
	k.mixed()
	b := k.listed("c", suiteLegacy())
	b.Skip = minapush.ReasonTooLate
	suiteSkip{k.suiteKit}.skipAll(k.lease(), b)
	k.wantTally("c", suiteSum{"skipped too_late": 5})
	suiteEqual(k.suiteKit, "rows", k.list("c", 10, nil), nil)
}

func (k suiteListed) TheLimitBoundsHowManyAreWalked() {
	users := suiteUsers(9)
	k.fill("c", users...)
	k.giveForms(users[4])
	l, b := k.lease(), k.kept("c", suiteLegacy())
	b.Limit = 4
	for _, want := range []store.Reserved{{Examined: 4}, {Examined: 4}} {
		r := k.reserve(l, b)
		if r.Examined != want.Examined || r.Done {
			k.t.Errorf("examined %d, done %v; want %d, not done", r.Examined, r.Done, want.Examined)
		}
		for _, d := range r.Rows {
			k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
		}
	}
	if r := k.reserve(l, b); r.Examined != 1 || !r.Done {
		k.t.Errorf("examined %d, done %v; want 1, done", r.Examined, r.Done)
	}
	k.wantTally("c", suiteSum{"accepted": 1, "skipped no_permit": 8})
}

func (k suiteListed) AnEmptyListIsDone() {
	k.giveForms("u")
	k.wantIdle(k.lease(), k.listed("c", suiteLegacy()), 0, time.Time{})
	k.wantTally("c", suiteSum{})
	if p := k.progress("c"); p.ShardsDone != 1 {
		k.t.Errorf("progress %+v, want the shard done", p)
	}
}

func (k suiteListed) SumsCloseOverShards() {
	app := minapush.App{Number: 2, Shards: 3}
	var listed int64
	for n := range uint32(app.Shards) {
		c := k.in(app, n)
		users := suiteUsersOf(app, n, 4)
		c.giveForms(users[:2]...)
		suiteListed{c}.fill("c", users...)
		listed += 4
		suiteListed{c}.wantValues(c.run(c.lease(), c.kept("c", suiteLegacy()))...)
	}
	c := k.in(app, 0)
	c.wantListed("c", listed)
	c.wantTally("c", suiteSum{"accepted": 6, "skipped no_permit": 6})
	if p := c.progress("c"); p.ShardsDone != 3 || p.Tally.Examined != listed {
		k.t.Errorf("progress %+v", p)
	}
}

func (k suiteListed) UsersMayComeWhileTheListIsWalked() {
	k.fill("c", "u1", "u2", "u3")
	l, b := k.lease(), k.kept("c", suiteLegacy())
	b.Limit = 1
	k.reserve(l, b)
	k.giveForms("u0", "u1", "u2", "u25")
	var sent []minapush.OpenID
	for _, d := range k.run(l, b) {
		sent = append(sent, d.OpenID)
	}
	suiteEqual(k.suiteKit, "sent to", sent, []minapush.OpenID{"u2"})
	k.wantTally("c", suiteSum{"accepted": 1, "skipped no_permit": 2})
}

func (k suiteListed) SeveralListsAreWalkedOnTheirOwn() {
	users := suiteUsers(3)
	for i, o := range users {
		k.give(o, suiteForm(fmt.Sprint("a", i), suiteDay), suiteForm(fmt.Sprint("b", i), suiteDay))
	}
	k.fill("c1", users[0], users[1])
	k.enlist("c2", users[1], users[2])
	l := k.lease()
	k.wantValues(k.run(l, k.listed("c1", suiteLegacy()))...)
	for _, d := range k.run(l, k.listed("c2", suiteLegacy())) {
		if len(d.Values) != 0 {
			k.t.Errorf("values of another list: %+v", d)
		}
	}
	k.wantTally("c1", suiteSum{"accepted": 2})
	k.wantTally("c2", suiteSum{"accepted": 2})
}
