package storetest

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

func (k suiteDurable) ProfilesAndUIDs() {
	p := minapush.Profile{UID: "1", Tags: []string{"vip"}, Attributes: suiteAttributes(), OptOut: minapush.OptOutAll}
	k.rowsGo()
	k.tell([]suiteStory{
		{"a profile of somebody unknown", func() { p = k.putProfile("u", p) }},
		{"a binding", func() { k.mustBind("1", "u") }},
		{"a deposit beside it", func() { k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay)) }},
		{"another version", func() { p.OptOut = minapush.OptOutNone; p = k.putProfile("u", p) }},
		{"a binding over another", func() { k.must(k.bind("1", "v", "u"), "bind uid") }},
		{"a message", func() { k.spend("u", "p1", suiteLegacy()) }},
		{"an unbinding", func() { k.unbind("1", "v") }},
		{"an erasure", func() { suiteErase{k.suiteKit}.erase("u", true) }},
	})
	k.wantKind(suiteErr(k.st.PutProfile(k.ctx(), k.shard, "u", p, suiteAt(0))), minapush.Conflict, "put profile")
}

func (k suiteDurable) Lists() {
	users := suiteUsers(5)
	k.giveForms(users[:3]...)
	k.optOut(users[2], minapush.OptOutCampaigns)
	var l store.Lease
	b := k.kept("c", suiteLegacy())
	b.Limit = 2
	var rows []minapush.Delivery
	k.rowsGo()
	k.tell([]suiteStory{
		{"a list", func() { suiteListed{k.suiteKit}.fill("c", users[:3]...) }},
		{"more of it", func() { suiteListed{k.suiteKit}.fill("c", users[3], users[4], "gone") }},
		{"an erasure of a place", func() { suiteErase{k.suiteKit}.erase("gone", true) }},
		{"another list", func() { k.enlist("d", users...) }},
		{"a first batch", func() { l = k.lease(); rows = k.reserve(l, b).Rows }},
		{"its settlement", func() {
			l = k.again(l)
			k.mark(l, b.Now, rows...)
			k.settle(l, suiteEnd(rows[0], minapush.Accepted, store.Spend), suiteEnd(rows[1], minapush.Pending, store.Release))
		}},
		{"a second batch", func() { l = k.again(l); suiteEqual(k.suiteKit, "rows", k.reserve(l, b).Rows, nil) }},
		{"the end of the walk", func() { l = k.again(l); suiteEqual(k.suiteKit, "rows", k.reserve(l, b).Rows, nil) }},
		{"the end of the queue", func() {
			l = k.again(l)
			b.Now = suiteAt(2 * suiteHour)
			d := k.reserveOne(l, b)
			suiteListed{k.suiteKit}.wantValues(d)
			k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
		}},
		{"forgetting", func() { k.must(k.st.Forget(k.ctx(), k.shard, "c"), "forget") }},
	})
	k.noAdd("c")
	k.wantTally("c", suiteSum{"accepted": 2, "skipped opted_out": 1, "skipped no_permit": 2})
}

func (k suiteDurable) ValuesAndLostRepliesOfLists() {
	users := suiteUsers(4)
	k.giveForms(users...)
	suiteListed{k.suiteKit}.fill("c", users...)
	k.reopen()
	l, b := k.lease(), k.listed("c", suiteLegacy())
	b.Limit = 3
	var got []minapush.OpenID
	for range 10 {
		lost := k.reserve(l, b).Rows
		k.reopen()
		l = k.again(l)
		r := k.reserve(l, b)
		suiteEqual(k.suiteKit, "rows after a crash", suiteByUser(r.Rows), suiteByUser(lost))
		suiteListed{k.suiteKit}.wantValues(r.Rows...)
		for _, d := range r.Rows {
			k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
		}
		got = append(got, suiteWho(r.Rows)...)
		if len(r.Rows) == 0 && r.Done {
			break
		}
	}
	suiteEqual(k.suiteKit, "sent to", got, users)
	k.wantTally("c", suiteSum{"accepted": 4})
}

func (k suiteDurable) ThatAListIsClosed() {
	l := k.lease()
	k.wantIdle(l, k.listed("empty", suiteLegacy()), 0, time.Time{})
	k.reopen()
	k.noAdd("empty")
}

func (k suiteDurable) ErasuresThatCompleteOnLists() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay))
	k.enlist("c", "u", "v")
	push := k.hold("u", "p")
	suiteErase{k.suiteKit}.erase("u", false)
	k.reopen()
	k.wantListed("c", 2)
	k.settlePush(suiteEnd(push, minapush.Accepted, store.Spend))
	k.reopen()
	k.wantList("c", store.Listed{OpenID: "v"})
}
