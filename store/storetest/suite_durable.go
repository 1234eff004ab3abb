package storetest

import (
	"fmt"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteDurable struct{ *suiteKit }

// suiteStory is one step after the other, each of which must be there when the store is opened again.
type suiteStory struct {
	name string
	do   func()
}

// tell does each step, crashes, and compares all that there is. A step that changed nothing would prove nothing.
func (k suiteDurable) tell(story []suiteStory) {
	k.t.Helper()
	for _, step := range story {
		before := k.dump()
		step.do()
		want := k.dump()
		if suiteSame(before, want) {
			k.t.Errorf("%s changed nothing", step.name)
		}
		k.reopen()
		suiteEqual(k.suiteKit, "after "+step.name+" and a crash", k.dump(), want)
		if k.t.Failed() {
			k.t.Fatalf("%s is not durable", step.name)
		}
	}
}

// again takes the lease after a crash. An old lease and a new one are never good at the same time.
func (k suiteDurable) again(old store.Lease) store.Lease {
	k.t.Helper()
	if k.b.LeasesSurvive {
		k.must(k.st.Renew(k.ctx(), old, suiteTTL), "renew of a lease that survives")
		return old
	}
	l, err := k.st.Acquire(k.ctx(), k.shard, old.Owner+"'", suiteTTL) // owners are chosen at random: it is not the same
	k.must(err, "acquire after a crash")
	k.wantKind(k.st.Renew(k.ctx(), old, suiteTTL), minapush.Conflict, "renew of a lease before the crash")
	return l
}

func (k suiteDurable) PermitsAndUsers() {
	forms := []minapush.Permit{suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay), suiteForm("c", 3*suiteDay)}
	k.rowsGo()
	k.tell([]suiteStory{
		{"a first deposit", func() { k.give("u", forms[:2]...) }},
		{"a second deposit", func() { k.give("u", forms[2], suitePay("p", 9*suiteDay), suiteSub("t", "n"), suiteStanding("t", "s")) }},
		{"an empty deposit", func() { k.deposit("u", store.Deposit{Now: suiteAt(suiteHour)}) }},
		{"a later standing permit", func() {
			p := suiteStanding("t", "s2")
			p.TakenAt = suiteAt(suiteHour)
			k.deposit("u", store.Deposit{Permits: []minapush.Permit{p}})
		}},
		{"an eviction", func() {
			k.deposit("u", store.Deposit{MaxPerSection: 3, Permits: []minapush.Permit{suiteForm("d", 4*suiteDay)}})
		}},
		{"a spent use", func() { k.spend("u", "p1", suiteLegacy()) }},
		{"a sweep", func() { k.sweep(10, suiteAt(3*suiteDay)) }},
		{"another user", func() { k.give("v", suiteForm("a", suiteDay)) }},
		{"an erasure", func() {
			done, err := k.st.Erase(k.ctx(), k.shard, "v", suiteAt(suiteHour))
			k.must(err, "erase")
			if !done {
				k.t.Error("erasure waits for nothing")
			}
		}},
		{"a held push", func() { k.hold("u", "p2") }},
		{"a marked erasure", func() {
			_, err := k.st.Erase(k.ctx(), k.shard, "u", suiteAt(suiteHour))
			k.must(err, "erase")
		}},
		{"the settlement that completes it", func() {
			k.settlePush(suiteEnd(k.row(k.askPush("u", "").Batch, "u", "p2"), minapush.Accepted, store.Spend))
		}},
	})
}

func (k suiteDurable) IdentitiesOfWhatIsGone() {
	k.give("u", suiteForm("spent", suiteDay), suiteForm("burnt", 2*suiteDay), suiteForm("evicted", 3*suiteDay))
	k.spend("u", "p1", suiteLegacy())
	k.end("u", "p2", suiteLegacy(), minapush.Failed, store.Burn)
	k.deposit("u", store.Deposit{MaxPerSection: 1, Permits: []minapush.Permit{suiteForm("last", 4*suiteDay)}})
	k.reopen()
	got := k.deposit("u", store.Deposit{Permits: []minapush.Permit{
		suiteForm("spent", suiteDay), suiteForm("burnt", 2*suiteDay), suiteForm("evicted", 3*suiteDay), suiteForm("last", 4*suiteDay),
	}})
	for i, a := range got.Items {
		if a != store.Duplicate {
			k.t.Errorf("permit %d: got %d, want Duplicate", i, a)
		}
	}
}

func (k suiteDurable) Pushes() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay), suitePay("p", 3*suiteDay))
	ask := k.askPush("u", "p1")
	ask.Key, ask.KeepKey, ask.Fingerprint = "key", suiteDay, 1
	var d minapush.Delivery
	recover := func() {
		if _, err := k.st.RecoverPushes(k.ctx(), k.shard, suiteAt(suiteDay)); err != nil {
			k.t.Errorf("recover pushes: %v", err)
		}
	}
	k.tell([]suiteStory{
		{"a reservation", func() { d = k.reservePush(ask, store.PushReserved).Delivery }},
		{"its mark", func() { k.markPush(d) }},
		{"a resend", func() {
			d = k.settlePush(store.Settlement{Ref: store.RefOf(d), Resend: true, NotBefore: suiteAt(suiteHour), Now: suiteAt(suiteHour)})
		}},
		{"the second mark", func() { k.markPush(d) }},
		{"the settlement", func() { d = k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend)) }},
		{"a second push", func() { d = k.hold("u", "p2") }},
		{"its withdrawal", func() { k.settlePush(store.Settlement{Ref: store.RefOf(d), Now: suiteAt(suiteHour)}) }},
		{"a third push", func() { d = k.hold("u", "p3") }},
		{"the recovery of what is held", recover},
		{"a push being sent", func() { k.markPush(k.hold("u", "p4")) }},
		{"the recovery of what is being sent", recover},
		{"a skipped push", func() { k.reservePush(k.askPush("nobody", "p5"), store.PushSkipped) }},
	})
	again := ask
	again.ID = "p6"
	if got := k.reservePush(again, store.PushReplayed).Delivery; got.Push != "p1" {
		k.t.Errorf("the key is that of %+v", got)
	}
	again.Fingerprint = 2
	k.reservePush(again, store.PushKeyReused)
}

func (k suiteDurable) Campaigns() {
	for i, o := range suiteUsers(8) {
		k.give(o, suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay))
		if i == 7 {
			k.give(o, suiteSub("t", "n"))
		}
	}
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	b.Limit = 3
	var rows []minapush.Delivery
	reserve := func() { rows = suiteByUser(k.reserve(l, b).Rows) }
	next := func() { l = k.again(l) }
	k.tell([]suiteStory{
		{"a first batch", reserve},
		{"its mark", func() { next(); k.mark(l, b.Now, rows...) }},
		{"its settlement", func() {
			next()
			resend := suiteEnd(rows[1], minapush.Pending, store.Release)
			resend.Resend, resend.NotBefore = true, suiteAt(2*suiteHour)
			again := suiteEnd(rows[2], minapush.Pending, store.Spend)
			again.Maybe, again.NotBefore = true, suiteAt(3*suiteHour)
			k.settle(l, suiteEnd(rows[0], minapush.Accepted, store.Spend), resend, again)
		}},
		{"a second batch", func() { next(); reserve() }},
		{"suspects", func() {
			next()
			k.settle(l, suiteEnd(rows[0], minapush.Pending, store.SuspectUse), suiteEnd(rows[1], minapush.Pending, store.SuspectUse),
				suiteEnd(rows[2], minapush.RefusedByUser, store.VoidTemplate))
		}},
		{"belief", func() {
			next()
			_, err := k.st.ResolveSuspects(k.ctx(), l, "c", suiteAt(suiteDay), true, 1, suiteAt(2*suiteHour))
			k.must(err, "resolve suspects")
		}},
		{"disbelief", func() {
			next()
			_, err := k.st.ResolveSuspects(k.ctx(), l, "c", suiteAt(suiteDay), false, 10, suiteAt(2*suiteHour))
			k.must(err, "resolve suspects")
		}},
		{"a third batch, of which one is being sent", func() {
			next()
			reserve()
			k.mark(l, b.Now, rows[0])
		}},
		{"recovery", func() {
			next()
			_, err := k.st.Recover(k.ctx(), l, b.Now)
			k.must(err, "recover")
		}},
		{"the rows to be sent again", func() { next(); b.Now = suiteAt(4 * suiteHour); b.Limit = 100; k.run(l, b) }},
	})
	l = k.again(l)
	b.Now = suiteAt(5 * suiteHour)
	k.run(l, b)
	k.wantTally("c", suiteSum{"accepted": 6, "refused 43101": 1, "refused": 1})
}

func (k suiteDurable) CursorsAndLostReplies() {
	users := suiteUsers(5)
	k.giveForms(users...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	b.Limit = 2
	var got []minapush.OpenID
	for range 10 {
		lost := k.reserve(l, b).Rows
		k.reopen()
		l = k.again(l)
		r := k.reserve(l, b)
		suiteEqual(k.suiteKit, "rows after a crash", suiteByUser(r.Rows), suiteByUser(lost))
		for _, d := range r.Rows {
			k.mark(l, b.Now, d)
			k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
		}
		got = append(got, suiteWho(r.Rows)...)
		if len(r.Rows) == 0 && r.Done {
			break
		}
	}
	suiteEqual(k.suiteKit, "sent to", got, users)
	k.reopen()
	if p := k.progress("c"); p.ShardsDone != 1 {
		k.t.Errorf("progress %+v, want the shard done", p)
	}
}

func (k suiteDurable) SkippingAndAtLeastOnce() {
	k.give("u", suiteSub("t", "n1"))
	k.give("v", suiteSub("t", "n1"))
	l, b := k.lease(), k.campaign("c", suiteOneTime("t"))
	b.AtLeastOnce = true
	k.mark(l, b.Now, k.reserve(l, b).Rows...)
	k.reopen()
	l = k.again(l)
	b.Now = suiteAt(2 * suiteHour)
	_, err := k.st.Recover(k.ctx(), l, b.Now)
	k.must(err, "recover")
	k.reopen()
	l = k.again(l)
	k.wantTally("c", suiteSum{"waiting": 2})
	b.Skip = minapush.ReasonCancelled
	suiteSkip{k.suiteKit}.skipAll(l, b)
	want := k.dump()
	k.reopen()
	suiteEqual(k.suiteKit, "after skipping and a crash", k.dump(), want)
	if t := k.progress("c").Tally; t.Count(minapush.Unknown) != 2 {
		k.t.Errorf("tally %+v, want two unknown", t)
	}
}

func (k suiteDurable) ForgottenRows() {
	k.giveForms(suiteUsers(3)...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := k.reserve(l, b).Rows
	k.settle(l, suiteEnd(rows[0], minapush.Accepted, store.Spend))
	k.rowsGo()
	k.tell([]suiteStory{{"forgetting", func() { k.must(k.st.Forget(k.ctx(), k.shard, "c"), "forget") }}})
}

func (k suiteDurable) Documents() {
	docs := suiteDocuments{k.suiteKit}
	var v uint64
	k.tell([]suiteStory{
		{"a document", func() { v = docs.put("a", 0, "one") }},
		{"its next version", func() { v = suiteDocuments{k.suiteKit}.put("a", v, "two") }},
		{"many documents", func() {
			for i := range 10 {
				docs.put(fmt.Sprint("d", i), 0, "x")
			}
		}},
		{"a delete", func() { k.must(k.st.Delete(k.ctx(), store.Document{Kind: "suite", ID: "a", Version: v}), "delete") }},
		{"its return", func() { docs.put("a", 0, "three") }},
	})
	docs.noPut("a", v+100)
}

func (k suiteDurable) LeasesAreNeverGoodTwice() {
	old := k.lease()
	k.reopen()
	k.again(old)
}

func (k suiteDurable) Opens() {
	opens := suiteOpen{k.suiteKit}
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	d := k.spend("u", "p", suiteLegacy())
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	row := k.reserveOne(l, b)
	k.mark(l, b.Now, row)
	k.tell([]suiteStory{
		{"an open of a push", func() { opens.open(d.Batch, "u", "p", suiteAt(2*suiteHour), true) }},
		{"an open of what is being sent", func() { opens.open("c", "u", "", suiteAt(2*suiteHour), true) }},
	})
}
