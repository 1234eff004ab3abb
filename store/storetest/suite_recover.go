package storetest

import (
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteRecover struct{ *suiteKit }

func (k suiteRecover) recover(l store.Lease, now time.Time) store.Recovered {
	k.t.Helper()
	got, err := k.st.Recover(k.ctx(), l, now)
	k.must(err, "recover")
	return got
}

func (k suiteRecover) HeldRowsGoToTheQueue() {
	k.giveForms("u", "v")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	k.reserve(l, b)
	l = k.takeOver()
	suiteEqual(k.suiteKit, "recovered", k.recover(l, suiteAt(2*suiteHour)), store.Recovered{Released: 2})
	k.wantTally("c", suiteSum{"waiting": 2})
	k.wantCounts("u", minapush.Counts{Deposited: 1, Available: 1})
	if k.user("u").Busy != nil {
		k.t.Error("the user is still busy")
	}
	b.Now = suiteAt(2 * suiteHour)
	for _, d := range k.run(l, b) {
		if d.Attempt != 2 || d.Tries != 0 || d.Resend {
			k.t.Errorf("row %+v, want attempt 2, not tried yet", d)
		}
	}
	k.wantTally("c", suiteSum{"accepted": 2})
}

func (k suiteRecover) AFormIDBeingSentIsSentAgainWithTheSameCode() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	b.AtLeastOnce = true
	first := k.reserveOne(l, b)
	k.mark(l, b.Now, first)
	l = k.takeOver()
	now := suiteAt(2 * suiteHour)
	suiteEqual(k.suiteKit, "recovered", k.recover(l, now), store.Recovered{Resend: 1})
	k.wantTally("c", suiteSum{"held": 1})
	b.Now = now
	d := k.reserveOne(l, b)
	if !d.Resend || d.State != minapush.HeldState || d.Attempt != 2 || d.Tries != 1 {
		k.t.Errorf("row %+v, want it held with Resend as attempt 2", d)
	}
	suiteEqual(k.suiteKit, "permit", d.Permit, first.Permit)
	k.mark(l, now, d)
	k.settle(l, suiteEnd(first, minapush.Failed, store.Burn)) // an answer to the first try, which nobody waits for
	k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	k.wantTally("c", suiteSum{"accepted": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Spent: 1})
}

func (k suiteRecover) OthersBeingSentAreUnknown() {
	k.give("u", suitePay("p", suiteDay), suiteSub("t", "n"))
	k.give("v", suiteSub("t", "n"))
	k.give("w", suiteStanding("t", "s"))
	l := k.lease()
	pay := k.reserveOne(l, k.campaign("pay", suiteLegacy()))
	k.mark(l, suiteAt(suiteHour), pay)
	sub := k.campaign("sub", suiteOneTime("t"))
	sub.Audience = func(u *store.User) bool { return u.OpenID == "v" }
	k.mark(l, suiteAt(suiteHour), k.reserveOne(l, sub))
	standing := k.campaign("standing", suiteLongTerm("t"))
	standing.Audience = func(u *store.User) bool { return u.OpenID == "w" }
	k.mark(l, suiteAt(suiteHour), k.reserveOne(l, standing))
	l = k.takeOver()
	now := suiteAt(2 * suiteHour)
	suiteEqual(k.suiteKit, "recovered", k.recover(l, now), store.Recovered{Unknown: 3})
	d := k.row("pay", "u", "")
	if d.Outcome != minapush.Unknown || d.State != minapush.Settled || d.Reason != minapush.ReasonCrash || !d.SettledAt.Equal(now) {
		k.t.Errorf("row %+v, want unknown (crash)", d)
	}
	for _, id := range []string{"pay", "sub", "standing"} {
		t := k.progress(id).Tally
		if t.By[minapush.Unknown][minapush.ReasonCrash] != 1 || t.Sending != 0 {
			k.t.Errorf("tally of %s %+v", id, t)
		}
	}
	k.wantCounts("u", minapush.Counts{Deposited: 4, Available: 3, Spent: 1})
	k.wantCounts("v", minapush.Counts{Deposited: 1, Spent: 1})
	if p := k.user("w").Permits; len(p) != 1 || p[0].State != minapush.Available {
		k.t.Errorf("standing permit %+v", p)
	}
	k.same("recovering again", func() { suiteEqual(k.suiteKit, "recovered", k.recover(l, now), store.Recovered{}) })
}

func (k suiteRecover) AtLeastOnceTriesAnotherPermitAndIsUnknownWithoutOne() {
	k.give("u", suiteSub("t", "n1"), suiteSub("t", "n2"))
	k.give("v", suiteSub("t", "n1"))
	l, b := k.lease(), k.campaign("c", suiteOneTime("t"))
	b.AtLeastOnce = true
	k.mark(l, b.Now, k.reserve(l, b).Rows...)
	l = k.takeOver()
	b.Now = suiteAt(2 * suiteHour)
	k.recover(l, b.Now)
	k.wantTally("c", suiteSum{"waiting": 2})
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Spent: 1})
	k.wantCounts("v", minapush.Counts{Deposited: 1, Spent: 1})
	sent := k.run(l, b)
	if len(sent) != 1 || sent[0].OpenID != "u" || sent[0].Attempt != 2 || sent[0].Tries != 1 {
		k.t.Errorf("sent again %+v", sent)
	}
	t := k.progress("c").Tally
	if t.Count(minapush.Accepted) != 1 || t.Count(minapush.Unknown) != 1 || t.Examined != 2 {
		k.t.Errorf("tally %+v, want one accepted and one unknown", t)
	}
}

func (k suiteRecover) RowsToBeSentAgainStayAsTheyAre() {
	k.giveForms("u")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	due := suiteAt(3 * suiteHour)
	k.settle(l, store.Settlement{Ref: store.RefOf(d), Resend: true, NotBefore: due, Now: suiteAt(suiteHour)})
	l = k.takeOver()
	k.recover(l, suiteAt(2*suiteHour))
	k.wantTally("c", suiteSum{"held": 1})
	b.Now = due
	if d = k.reserveOne(l, b); !d.Resend || d.Permit.Identity != suiteCode(1) {
		k.t.Errorf("row %+v", d)
	}
}

func (k suiteRecover) TheQueueKeepsWhatMayHaveArrived() {
	k.give("u", suiteSub("t", "n1"), suiteSub("t", "n2"))
	l, b := k.lease(), k.campaign("c", suiteOneTime("t"))
	suiteAgain{k.suiteKit}.maybe(l, &b)
	d := k.reserveOne(l, b)
	l = k.takeOver()
	k.recover(l, b.Now)
	k.give("v", suiteSub("t", "n"))
	next := k.reserveOne(l, b)
	if next.Attempt != d.Attempt+1 {
		k.t.Errorf("attempt %d after %d", next.Attempt, d.Attempt)
	}
	x := suiteEnd(next, minapush.Pending, store.Burn)
	x.Now, x.NotBefore = b.Now, b.Now
	k.settle(l, x)
	k.run(l, b)
	if d := k.row("c", "u", ""); d.Outcome != minapush.Unknown {
		k.t.Errorf("row %+v, want unknown", d)
	}
}

func (k suiteRecover) WaitingSuspectedAndSettledRowsAndPushesAreLeftAlone() {
	k.giveForms("u1", "u2", "u3", "u4", "u5")
	push := k.hold("u4", "p")
	sending := k.hold("u5", "q")
	k.markPush(sending)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := suiteByUser(k.reserve(l, b).Rows)
	suspect := suiteEnd(rows[1], minapush.Pending, store.SuspectUse)
	k.settle(l, suiteEnd(rows[0], minapush.Accepted, store.Spend), suspect, suiteEnd(rows[2], minapush.Pending, store.Release))
	l = k.takeOver()
	k.same("recovery", func() { suiteEqual(k.suiteKit, "recovered", k.recover(l, suiteAt(2*suiteHour)), store.Recovered{}) })
	k.settlePush(suiteEnd(push, minapush.Accepted, store.Spend))
	k.settlePush(suiteEnd(sending, minapush.Accepted, store.Spend))
}

func (k suiteRecover) LooksAtEveryCampaignOfTheShardAndAtNoOtherShard() {
	app := minapush.App{Number: 2, Shards: 2}
	var kits []*suiteKit
	for n := range uint32(2) {
		c := k.in(app, n)
		kits = append(kits, c)
		l := c.lease()
		users := suiteUsersOf(app, n, 3)
		for i, o := range users {
			c.give(o, suiteForm("a", suiteDay))
			b := c.campaign(fmt.Sprint("c", i), suiteLegacy())
			b.Audience = func(u *store.User) bool { return u.OpenID == o }
			c.reserveOne(l, b)
		}
	}
	k.lapse()
	l := kits[0].lease()
	suiteEqual(k.suiteKit, "recovered", suiteRecover{kits[0]}.recover(l, suiteAt(2*suiteHour)), store.Recovered{Released: 3})
	for i := range 3 {
		kits[0].wantTally(fmt.Sprint("c", i), suiteSum{"waiting": 1, "held": 1})
	}
}

// suiteUsersOf names n users of one shard of an app.
func suiteUsersOf(app minapush.App, shard uint32, n int) []minapush.OpenID {
	var users []minapush.OpenID
	for i := 0; len(users) < n; i++ {
		if o := minapush.OpenID(fmt.Sprintf("u%04d", i)); app.Shard(o).N == shard {
			users = append(users, o)
		}
	}
	return users
}

type suiteSuspects struct{ *suiteKit }

func (k suiteSuspects) resolve(l store.Lease, until time.Time, believe bool, limit, want int) {
	k.t.Helper()
	n, err := k.st.ResolveSuspects(k.ctx(), l, "c", until, believe, limit, suiteAt(2*suiteHour))
	k.must(err, "resolve suspects")
	if n != want {
		k.t.Errorf("resolved %d, want %d", n, want)
	}
}

// suspects makes n users suspect, each a second later than the one before.
func (k suiteSuspects) suspects(l store.Lease, n int) store.Batch {
	k.t.Helper()
	for _, o := range suiteUsers(n) {
		k.give(o, suiteSub("t", "n1"), suiteSub("t", "n2"), suiteSub("t2", "n"))
	}
	b := k.campaign("c", suiteOneTime("t"))
	for i, d := range suiteByUser(k.reserve(l, b).Rows) {
		x := suiteEnd(d, minapush.Pending, store.SuspectUse)
		x.Reason, x.Errcode, x.Now = "43101", 43101, suiteAt(suiteHour+time.Duration(i)*time.Second)
		k.settle(l, x)
	}
	return b
}

func (k suiteSuspects) BelievedOnesAreRefusedAndTheirTemplateIsVoid() {
	l := k.lease()
	k.suspects(l, 2)
	k.resolve(l, suiteAt(2*suiteHour), true, 10, 2)
	d := k.row("c", "u000", "")
	if d.State != minapush.Settled || d.Outcome != minapush.RefusedByUser || d.Reason != "43101" || d.Errcode != 43101 || !d.SettledAt.Equal(suiteAt(2*suiteHour)) {
		k.t.Errorf("row %+v, want refused (43101)", d)
	}
	k.wantTally("c", suiteSum{"refused 43101": 2})
	k.wantCounts("u000", minapush.Counts{Deposited: 3, Available: 1, Dead: 2})
}

func (k suiteSuspects) BelievingSparesWhatTheUserGaveSince() {
	l := k.lease()
	k.suspects(l, 1)
	news := suiteSub("t", "news")
	news.TakenAt = suiteAt(suiteHour + time.Minute)
	k.give("u000", news)
	k.resolve(l, suiteAt(2*suiteHour), true, 10, 1)
	k.wantCounts("u000", minapush.Counts{Deposited: 4, Available: 2, Dead: 2})
}

func (k suiteSuspects) OthersGoToTheQueueWithTheirUseBack() {
	l := k.lease()
	b := k.suspects(l, 2)
	k.resolve(l, suiteAt(2*suiteHour), false, 10, 2)
	k.wantTally("c", suiteSum{"waiting": 2})
	k.wantCounts("u000", minapush.Counts{Deposited: 3, Available: 3})
	b.Now = suiteAt(2*suiteHour - time.Millisecond)
	k.wantIdle(l, b, 2, suiteAt(2*suiteHour))
	b.Now = suiteAt(2 * suiteHour)
	for _, d := range k.run(l, b) {
		if d.Attempt != 2 {
			k.t.Errorf("row %+v, want attempt 2", d)
		}
	}
	k.wantTally("c", suiteSum{"accepted": 2})
}

func (k suiteSuspects) OnlyThoseUntilThenAndNotMoreThanTheLimit() {
	l := k.lease()
	k.suspects(l, 4)
	k.same("resolving what is too new", func() { k.resolve(l, suiteAt(suiteHour-time.Millisecond), true, 10, 0) })
	k.resolve(l, suiteAt(suiteHour+2*time.Second), true, 2, 2)
	k.resolve(l, suiteAt(suiteHour+2*time.Second), true, 2, 1)
	k.resolve(l, suiteAt(suiteHour+2*time.Second), true, 2, 0)
	k.wantTally("c", suiteSum{"refused 43101": 3, "suspected": 1})
	if d := k.row("c", "u003", ""); d.State != minapush.Suspected {
		k.t.Errorf("row %+v", d)
	}
	k.resolve(l, suiteAt(suiteDay), true, 2, 1)
}

func (k suiteSuspects) OfOneCampaignOnly() {
	k.give("u", suiteSub("t", "n1"), suiteSub("t", "n2"))
	l := k.lease()
	k.suspect(l, k.campaign("c", suiteOneTime("t")))
	k.suspect(l, k.campaign("cc", suiteOneTime("t")))
	k.resolve(l, suiteAt(suiteDay), false, 10, 1)
	k.wantTally("c", suiteSum{"waiting": 1})
	k.wantTally("cc", suiteSum{"suspected": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 2, Available: 1, Suspect: 1})
}

func (k suiteSuspects) AreSkippedWithTheRestOnceTheyAreBackInTheQueue() {
	l := k.lease()
	b := k.suspects(l, 2)
	k.resolve(l, suiteAt(suiteDay), false, 10, 2)
	b.Skip = minapush.ReasonCancelled
	suiteSkip{k.suiteKit}.skipAll(l, b)
	k.wantTally("c", suiteSum{"skipped cancelled": 2})
	k.wantCounts("u000", minapush.Counts{Deposited: 3, Available: 3})
}

type suiteProgress struct{ *suiteKit }

func (k suiteProgress) OfAnUnknownBatchIsZero() {
	k.giveForms("u")
	suiteEqual(k.suiteKit, "progress", k.progress("nothing"), store.Progress{})
}

func (k suiteProgress) SumsTheShardsOfTheApp() {
	app := minapush.App{Number: 2, Shards: 3}
	outcomes := []minapush.Outcome{minapush.Accepted, minapush.Failed, minapush.Unknown}
	want := suiteSum{}
	var root *suiteKit
	for n := range uint32(3) {
		c := k.in(app, n)
		root = c
		for _, o := range suiteUsersOf(app, n, 4) {
			c.give(o, suiteForm("a", suiteDay))
		}
		l, b := c.lease(), c.campaign("c", suiteLegacy())
		rows := c.reserve(l, b).Rows
		c.settle(l, suiteEnd(rows[0], outcomes[n], store.Spend), suiteEnd(rows[1], minapush.Skipped, store.Release))
		c.mark(l, b.Now, rows[2])
		name := outcomes[n].String()
		if outcomes[n] != minapush.Accepted {
			name += " 43101"
		}
		want[name]++
	}
	want["skipped 43101"], want["sending"], want["held"] = 3, 3, 3
	root.wantTally("c", want)
	k.wantTally("c", suiteSum{})
}

func (k suiteProgress) AShardIsDoneAtItsEndWithNothingPending() {
	app := minapush.App{Number: 2, Shards: 3}
	want := 0
	done := func(c *suiteKit, why string) {
		k.t.Helper()
		if got := c.progress("c").ShardsDone; got != want {
			k.t.Errorf("%s: %d shards are done, want %d", why, got, want)
		}
	}
	for n := range uint32(3) {
		c := k.in(app, n)
		users := suiteUsersOf(app, n, 2)
		if n == 2 {
			users = nil
		}
		for _, o := range users {
			c.give(o, suiteForm("a", suiteDay))
		}
		l, b := c.lease(), c.campaign("c", suiteLegacy())
		done(c, "before the start")
		if len(users) > 0 {
			b.Limit = 1
			d := c.reserveOne(l, b)
			done(c, "in the middle")
			c.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
			done(c, "with nothing pending, but not at its end")
			d = c.reserveOne(l, b)
			done(c, "with a row held")
			c.mark(l, b.Now, d)
			c.settle(l, suiteEnd(d, minapush.Pending, store.SuspectUse))
			c.run(l, b)
			done(c, "with a row suspected")
			_, err := c.st.ResolveSuspects(c.ctx(), l, "c", suiteAt(suiteDay), false, 10, b.Now)
			c.must(err, "resolve suspects")
			done(c, "with a user waiting")
		}
		c.run(l, b)
		want++
		done(c, "at the end")
	}
}
