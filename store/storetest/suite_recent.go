package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteRecent struct{ *suiteKit }

// later is a moment after the hour, each further than the one before.
func (k suiteRecent) later(i int) time.Time { return suiteAt(suiteHour + time.Duration(i)*time.Minute) }

// send sends a message of a campaign to everybody, and ends it.
func (k suiteRecent) send(l store.Lease, id string, i int, o minapush.Outcome, e store.PermitEffect) {
	k.t.Helper()
	b := k.campaign(id, suiteLongTerm("t"))
	b.Now = k.later(i)
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	k.settle(l, suiteEnd(d, o, e))
}

// push sends a push and ends it.
func (k suiteRecent) push(id string, i int, o minapush.Outcome) {
	k.t.Helper()
	p := k.askPush("u", id)
	p.Need, p.Now, p.Deadline = suiteLongTerm("t"), k.later(i), k.later(i+1)
	d := k.reservePush(p, store.PushReserved).Delivery
	k.must(k.st.MarkPush(k.ctx(), k.shard, store.RefOf(d), p.Now, p.Deadline), "mark push")
	k.settlePush(suiteEnd(d, o, store.Release))
}

// want wants the recent deliveries of u: campaigns c…, pushes p…, with a "!" those that are missed.
func (k suiteRecent) want(names ...string) {
	k.t.Helper()
	suiteEqual(k.suiteKit, "recent", suiteRecents(k.user("u")), names)
}

func suiteRecents(u store.User) (names []string) {
	for _, x := range u.Recent {
		name := x.Batch
		if x.Push != "" {
			name = x.Push
		}
		if x.Missed {
			name += "!"
		}
		names = append(names, name)
	}
	return names
}

func (k suiteRecent) TellsOfEachDeliveryWhatItWas() {
	k.give("u", suiteStanding("t", "s"), suiteForm("a", suiteDay))
	p := k.askPush("u", "p")
	p.Need.Content, p.Now = 0, suiteAt(suiteHour+1500*time.Microsecond)
	k.settlePush(suiteEnd(k.reservePush(p, store.PushReserved).Delivery, minapush.Accepted, store.Spend))
	b := k.campaign("campaign", suiteLongTerm("t"))
	b.Need.Content, b.Now = 1<<64-1, suiteAt(2*suiteHour)
	k.reserveOne(k.lease(), b)
	suiteEqual(k.suiteKit, "recent", k.user("u").Recent, []store.Recent{
		{Batch: "campaign", At: suiteAt(2 * suiteHour), Content: 1<<64 - 1, Template: minapush.TemplateHash("t")},
		{Batch: p.Batch, Push: "p", At: suiteAt(suiteHour + time.Millisecond), Template: minapush.TemplateHash("legacy")},
	})
}

func (k suiteRecent) HasTheLastOfCampaignsAndTheLastPushesLatestFirst() {
	k.give("u", suiteStanding("t", "s"))
	l := k.lease()
	var want []string
	for i := range store.MaxRecent + 2 {
		k.send(l, fmt.Sprint("c", i), 2*i, minapush.Accepted, store.Spend)
		k.push(fmt.Sprint("p", i), 2*i+1, minapush.Accepted)
		want = append(want, fmt.Sprint("c", i), fmt.Sprint("p", i))
		if i == 1 || i == store.MaxRecent-1 {
			reversed := slices.Clone(want)
			slices.Reverse(reversed)
			k.want(reversed...)
		}
	}
	slices.Reverse(want)
	k.want(want[:2*store.MaxRecent]...)
}

func (k suiteRecent) PushesDoNotMakeACampaignForgotten() {
	k.give("u", suiteStanding("t", "s"))
	k.send(k.lease(), "c", 0, minapush.Accepted, store.Spend)
	for i := range 3 * store.MaxRecent {
		k.push(fmt.Sprintf("p%02d", i), i+1, minapush.Accepted)
	}
	names := suiteRecents(k.user("u"))
	if len(names) != store.MaxRecent+1 || names[store.MaxRecent] != "c" || names[0] != "p23" || names[store.MaxRecent-1] != "p16" {
		k.t.Errorf("recent %v", names)
	}
}

func (k suiteRecent) CampaignsDoNotMakeAPushForgotten() {
	k.give("u", suiteStanding("t", "s"))
	k.push("p", 0, minapush.Accepted)
	l := k.lease()
	for i := range store.MaxRecent + 2 {
		k.send(l, fmt.Sprint("c", i), i+1, minapush.Accepted, store.Spend)
	}
	k.want("c9", "c8", "c7", "c6", "c5", "c4", "c3", "c2", "p")
}

func (k suiteRecent) LetsTheOldestThatIsMissedGoFirst() {
	k.give("u", suiteStanding("t", "s"))
	l := k.lease()
	for i := range store.MaxRecent {
		outcome := minapush.Accepted
		if i == 2 || i == 5 {
			outcome = minapush.Failed
		}
		k.send(l, fmt.Sprint("c", i), 2*i, outcome, store.Release)
		k.push(fmt.Sprint("p", i), 2*i+1, minapush.Accepted)
	}
	k.want("p7", "c7", "p6", "c6", "p5", "c5!", "p4", "c4", "p3", "c3", "p2", "c2!", "p1", "c1", "p0", "c0")
	k.send(l, "c8", 20, minapush.Failed, store.Release)
	k.want("c8!", "p7", "c7", "p6", "c6", "p5", "c5!", "p4", "c4", "p3", "c3", "p2", "p1", "c1", "p0", "c0")
	k.send(l, "c9", 21, minapush.Accepted, store.Release)
	k.push("p8", 22, minapush.Accepted) // of its kind none is missed
	k.want("p8", "c9", "c8!", "p7", "c7", "p6", "c6", "p5", "p4", "c4", "p3", "c3", "p2", "p1", "c1", "c0")
	k.send(l, "cA", 23, minapush.Accepted, store.Release)
	k.send(l, "cB", 24, minapush.Accepted, store.Release)
	k.want("cB", "cA", "p8", "c9", "p7", "c7", "p6", "c6", "p5", "p4", "c4", "p3", "c3", "p2", "p1", "c1")
}

func (k suiteRecent) IsMissedIfItFailedOrWasRefusedAndNotIfItMayHaveArrived() {
	k.give("u", suiteStanding("t", "s"))
	l := k.lease()
	var want []string
	for i, c := range []struct {
		outcome minapush.Outcome
		missed  bool
	}{
		{minapush.Accepted, false}, {minapush.RefusedByUser, true}, {minapush.Failed, true}, {minapush.Unknown, false}, {minapush.Skipped, true},
	} {
		mark := map[bool]string{true: "!"}[c.missed]
		k.send(l, fmt.Sprint("c", i), 2*i, c.outcome, store.Release)
		k.push(fmt.Sprint("p", i), 2*i+1, c.outcome)
		want = append(want, fmt.Sprint("c", i, mark), fmt.Sprint("p", i, mark))
	}
	slices.Reverse(want)
	k.want(want...)
}

func (k suiteRecent) ARefusalIsMissedWhenItIsBelieved() {
	k.give("u", suiteSub("t", "n1"), suiteSub("t", "n2"))
	l, b := k.lease(), k.campaign("c", suiteOneTime("t"))
	k.suspect(l, b)
	k.want("c")
	k.resolve(l, true)
	k.want("c!")
}

func (k suiteRecent) ARefusalThatIsNotBelievedIsForgottenUntilItIsTriedAgain() {
	k.give("u", suiteSub("t", "n1"))
	l, b := k.lease(), k.campaign("c", suiteOneTime("t"))
	k.suspect(l, b)
	k.resolve(l, false)
	k.want()
	b.Now = suiteAt(2 * suiteHour)
	k.reserveOne(l, b)
	k.want("c")
	if at := k.user("u").Recent[0].At; !at.Equal(b.Now) {
		k.t.Errorf("it took its permit again at %v, not %v", b.Now, at)
	}
}

func (k suiteRecent) resolve(l store.Lease, believe bool) {
	k.t.Helper()
	now := suiteAt(suiteHour + time.Minute)
	n, err := k.st.ResolveSuspects(k.ctx(), l, "c", now, believe, 10, now)
	k.must(err, "resolve")
	if n != 1 {
		k.t.Fatalf("%d suspects were resolved", n)
	}
}

func (k suiteRecent) WhatIsPutBackIsAsIfItHadTakenNothing() {
	k.give("u", suiteStanding("t", "s"))
	l := k.lease()
	k.send(l, "c", 0, minapush.Pending, store.Burn)
	k.want()
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay))
	k.settlePush(suiteEnd(k.hold("u", "p"), minapush.Pending, store.Burn))
	k.want()
	k.reserveOne(l, k.campaign("d", suiteLegacy()))
	k.want("d")
	l = k.takeOver()
	_, err := k.st.Recover(k.ctx(), l, suiteAt(2*suiteHour))
	k.must(err, "recover")
	k.want()
	k.hold("u", "q")
	_, err = k.st.RecoverPushes(k.ctx(), k.shard, suiteAt(suiteDay))
	k.must(err, "recover pushes")
	k.want()
}

func (k suiteRecent) WhatACrashLeftUnknownIsNotMissed() {
	k.give("u", suiteStanding("t", "s"))
	l, b := k.lease(), k.campaign("c", suiteLongTerm("t"))
	k.mark(l, b.Now, k.reserveOne(l, b))
	l = k.takeOver()
	_, err := k.st.Recover(k.ctx(), l, suiteAt(2*suiteHour))
	k.must(err, "recover")
	p := k.askPush("u", "p")
	p.Need = suiteLongTerm("t")
	k.markPush(k.reservePush(p, store.PushReserved).Delivery)
	_, err = k.st.RecoverPushes(k.ctx(), k.shard, suiteAt(suiteDay))
	k.must(err, "recover pushes")
	k.want("p", "c")
	k.wantTally("c", suiteSum{"unknown crash": 1})
}

// maybe leaves u in the again-queue of c, at two hours: its first try may have arrived. It has a second permit.
func (k suiteRecent) maybe() (store.Lease, store.Batch) {
	k.t.Helper()
	k.give("u", suiteSub("t", "n1"), suiteSub("t", "n2"))
	l, b := k.lease(), k.campaign("c", suiteOneTime("t"))
	suiteAgain{k.suiteKit}.maybe(l, &b)
	return l, b
}

func (k suiteRecent) WhatMayHaveArrivedStaysWhileItWaitsAndWhenItIsTriedAgain() {
	l, b := k.maybe()
	k.want("c")
	k.pushOnce("p", b.Now)
	k.give("u", suiteSub("t", "n3"))
	k.want("p", "c")
	d := k.reserveOne(l, b)
	k.want("c", "p") // it took another permit
	if x := k.user("u").Recent[0]; !x.At.Equal(b.Now) {
		k.t.Errorf("it took its permit again at %v, not %v", b.Now, x.At)
	}
	k.settle(l, suiteEnd(d, minapush.Failed, store.Release))
	k.want("c!", "p")
}

// pushOnce spends a one-time permit on a push.
func (k suiteRecent) pushOnce(id string, now time.Time) {
	k.t.Helper()
	p := k.askPush("u", id)
	p.Need, p.Now, p.Deadline = suiteOneTime("t"), now, now.Add(time.Hour)
	k.settlePush(suiteEnd(k.reservePush(p, store.PushReserved).Delivery, minapush.Accepted, store.Spend))
}

func (k suiteRecent) WhatMayHaveArrivedIsNotMissedWhenItEndsWithoutAnotherTry() {
	l, b := k.maybe()
	k.pushOnce("p", b.Now)
	k.run(l, b) // has no permit left
	k.want("p", "c")
	if t := k.progress("c").Tally; t.Count(minapush.Unknown) != 1 {
		k.t.Errorf("tally %+v, want one unknown", t)
	}
}

func (k suiteRecent) WhatMayHaveArrivedIsNotMissedWhenItIsSkipped() {
	l, b := k.maybe()
	b.Skip = minapush.ReasonCancelled
	suiteSkip{k.suiteKit}.skipAll(l, b)
	k.wantTally("c", suiteSum{"unknown cancelled": 1})
	k.want("c")
}

func (k suiteRecent) WhatMayHaveArrivedIsNotForgottenWhenItIsSkippedHeld() {
	l, b := k.maybe()
	k.reserveOne(l, b)
	b.Skip = minapush.ReasonCancelled
	suiteSkip{k.suiteKit}.skipAll(l, b)
	k.wantTally("c", suiteSum{"unknown cancelled": 1})
	k.want("c")
}

func (k suiteRecent) WhatIsSkippedHeldIsAsIfItHadTakenNothing() {
	k.giveForms("u")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	k.reserveOne(l, b)
	b.Skip = minapush.ReasonCancelled
	suiteSkip{k.suiteKit}.skipAll(l, b)
	k.wantTally("c", suiteSum{"skipped cancelled": 1})
	k.want()
}

func (k suiteRecent) WhatWasToBeSentAgainIsNotMissedWhenItIsSkipped() {
	k.giveForms("u")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	k.settle(l, store.Settlement{Ref: store.RefOf(d), Resend: true, NotBefore: b.Now, Now: b.Now})
	k.want("c")
	b.Skip = minapush.ReasonCancelled
	suiteSkip{k.suiteKit}.skipAll(l, b)
	k.want("c")
}

func (k suiteRecent) AConfirmationTouchesNothing() {
	k.give("u", suiteStanding("t", "s"))
	l := k.lease()
	k.send(l, "c", 0, minapush.Unknown, store.Spend)
	before := k.user("u")
	k.confirm(k.row("c", "u", ""), suiteWord(minapush.Undelivered), true)
	suiteEqual(k.suiteKit, "user", k.user("u"), before)
	k.want("c")
}

func (k suiteRecent) OutlivesTheRows() {
	k.give("u", suiteStanding("t", "s"))
	l := k.lease()
	k.send(l, "c1", 0, minapush.Accepted, store.Spend)
	k.send(l, "c2", 1, minapush.Failed, store.Release)
	k.rowsGo()
	for _, campaign := range []string{"c1", "c2"} {
		k.must(k.st.Forget(k.ctx(), k.shard, campaign), "forget")
	}
	k.want("c2!", "c1")
}

func (k suiteDurable) RecentDeliveries() {
	k.give("u", suiteStanding("t", "s"))
	r := suiteRecent{k.suiteKit}
	var l store.Lease
	k.tell([]suiteStory{
		{"a message", func() { l = k.lease(); r.send(l, "c1", 0, minapush.Accepted, store.Spend) }},
		{"one that failed", func() { l = k.again(l); r.send(l, "c2", 1, minapush.Failed, store.Release) }},
		{"a push", func() { r.push("p1", 2, minapush.Accepted) }},
		{"one that was refused", func() { r.push("p2", 3, minapush.RefusedByUser) }},
		{"one in hand", func() { l = k.again(l); r.inHand(l, "c3", 4) }},
	})
	r.want("c3", "p2!", "p1", "c2!", "c1")
	k.settle(k.again(l), suiteEnd(k.row("c3", "u", ""), minapush.Failed, store.Release))
	for i := range store.MaxRecent {
		r.push(fmt.Sprint("q", i), 10+i, minapush.Accepted)
	}
	k.reopen()
	r.want("q7", "q6", "q5", "q4", "q3", "q2", "q1", "q0", "c3!", "c2!", "c1")
	for _, x := range k.user("u").Recent {
		if x.Template != minapush.TemplateHash("t") || x.Content != suiteLongTerm("t").Content {
			k.t.Errorf("recent %+v", x)
		}
	}
}

// inHand leaves a message of a campaign in hand.
func (k suiteRecent) inHand(l store.Lease, id string, i int) minapush.Delivery {
	k.t.Helper()
	b := k.campaign(id, suiteLongTerm("t"))
	b.Now = k.later(i)
	return k.reserveOne(l, b)
}
