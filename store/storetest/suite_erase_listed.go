package storetest

import (
	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

func (k suiteErase) RemovesTheProfile() {
	k.putProfile("u", minapush.Profile{UID: "1", Tags: []string{"vip"}, Attributes: suiteAttributes(), OptOut: minapush.OptOutAll})
	k.optOut("v", minapush.OptOutNone)
	k.erase("u", true)
	k.gone("u")
	k.user("v")
	k.wantKind(suiteErr(k.st.PutProfile(k.ctx(), k.shard, "u", minapush.Profile{Version: 1}, suiteAt(0))), minapush.Conflict, "put profile")
	k.give("u", suiteForm("a", suiteDay))
	suiteEqual(k.suiteKit, "profile of the new user", k.user("u").Profile, minapush.Profile{})
	k.putProfile("u", minapush.Profile{UID: "1"})
}

func (k suiteErase) RemovesPlacesOnEveryList() {
	k.giveForms("u", "v")
	for _, campaign := range []string{"c1", "c2", "c3"} {
		k.enlist(campaign, "u", "v")
	}
	l := k.lease()
	k.run(l, k.kept("c1", suiteLegacy()))
	k.erase("u", true)
	for _, campaign := range []string{"c1", "c2", "c3"} {
		k.wantList(campaign, store.Listed{OpenID: "v"})
	}
	k.wantTally("c1", suiteSum{"accepted": 2})
	k.run(l, k.kept("c2", suiteLegacy()))
	k.wantTally("c2", suiteSum{"skipped no_permit": 1})
	k.wantNoRow("c2", "u", "")
	k.enlist("c3", "u") // whoever comes back is another
}

func (k suiteErase) FreesWhoIsNoUserOfRowsAndPlaces() {
	k.enlist("c1", "u", "v")
	k.enlist("c2", "u", "w")
	l := k.lease()
	k.run(l, k.kept("c1", suiteLegacy()))
	day := k.reservePush(k.askPush("v", "p"), store.PushSkipped).Delivery.Batch
	k.erase("u", true)
	k.gone("u", "c1")
	k.wantList("c1", store.Listed{OpenID: "v"})
	k.wantList("c2", store.Listed{OpenID: "w"})
	k.wantTally("c1", suiteSum{"skipped no_permit": 2})
	k.erase("v", true)
	k.gone("v", "c1", day)
	k.wantTally(day, suiteSum{"skipped no_permit": 1})
	k.erase("w", true) // has a place and nothing else
	k.wantList("c2")
	for _, o := range []minapush.OpenID{"u", "v", "w"} {
		_, err := k.st.Erase(k.ctx(), k.shard, o, suiteAt(2*suiteHour))
		k.wantKind(err, minapush.NotFound, "erasing again")
	}
}

func (k suiteErase) AMarkedUserKeepsProfileAndPlacesUntilItIsCompleted() {
	p := k.putProfile("u", minapush.Profile{UID: "1"})
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	values := map[string]string{"name": "one"}
	k.addListed("c1", store.Listed{OpenID: "u", Values: values})
	k.enlist("c2", "u")
	l, b := k.lease(), k.listed("c1", suiteLegacy())
	d := k.reserveOne(l, b)
	k.erase("u", false)
	if u := k.user("u"); !u.Erasing || u.Profile.UID != "1" {
		k.t.Errorf("marked user %+v", u)
	}
	k.wantList("c1", store.Listed{OpenID: "u", Values: values})
	k.same("a profile for a marked user", func() {
		k.wantKind(suiteErr(k.st.PutProfile(k.ctx(), k.shard, "u", p, suiteAt(suiteHour))), minapush.Conflict, "put profile")
	})
	suiteEqual(k.suiteKit, "values of a lost reply", k.reserveOne(l, b).Values, values)
	k.enlist("c3", "u")
	k.mark(l, b.Now, d)
	k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	k.gone("u", "c1")
	for _, campaign := range []string{"c1", "c2", "c3"} {
		k.wantList(campaign)
	}
	k.wantTally("c1", suiteSum{"accepted": 1})
}

func (k suiteErase) RecoveringCompletesItOnListsToo() {
	k.give("u", suiteSub("t", "n"))
	k.give("v", suiteForm("a", suiteDay))
	k.enlist("c1", "u", "v")
	k.enlist("c2", "u", "v")
	l := k.lease()
	k.mark(l, suiteAt(suiteHour), k.reserveOne(l, k.listed("c1", suiteOneTime("t"))))
	push := k.hold("v", "p")
	k.erase("u", false)
	k.erase("v", false)
	k.wantListed("c2", 2)
	_, err := k.st.Recover(k.ctx(), k.takeOver(), suiteAt(2*suiteHour))
	k.must(err, "recover")
	k.wantList("c2", store.Listed{OpenID: "v"})
	_, err = k.st.RecoverPushes(k.ctx(), k.shard, push.Deadline)
	k.must(err, "recover pushes")
	k.gone("u", "c1")
	k.gone("v", push.Batch)
	k.wantList("c1")
	k.wantList("c2")
	k.wantTally("c1", suiteSum{"unknown crash": 1, "skipped no_permit": 1})
}

func (k suiteErase) WaitingRowsOfAListAreSkipped() {
	k.giveForms("u", "v")
	k.enlist("c", "u", "v")
	l, b := k.lease(), k.kept("c", suiteLegacy())
	for _, d := range k.reserve(l, b).Rows {
		k.settle(l, suiteEnd(d, minapush.Pending, store.Release))
	}
	k.erase("u", true)
	k.gone("u", "c")
	k.wantList("c", store.Listed{OpenID: "v"})
	b.Now = suiteAt(2 * suiteHour)
	k.run(l, b)
	k.wantTally("c", suiteSum{"accepted": 1, "skipped erased": 1})
}

func (k suiteErase) InTheMiddleOfAWalkNobodyElseIsMissed() {
	users := suiteUsers(6)
	k.giveForms(users...)
	k.enlist("c", users...)
	l, b := k.lease(), k.listed("c", suiteLegacy())
	b.Limit = 2
	for i, d := range suiteByUser(k.reserve(l, b).Rows) {
		k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
		k.erase(users[i], true) // behind the cursor, and at it
	}
	k.erase(users[2], true) // just after it
	k.erase(users[5], true) // at the end
	suiteEqual(k.suiteKit, "the others", suiteWho(k.run(l, b)), users[3:5])
	k.wantTally("c", suiteSum{"accepted": 4})
	k.wantListed("c", 2)
}
