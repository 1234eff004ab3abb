package storetest

import (
	"fmt"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteBeside struct{ *suiteKit }

// beside is what a walk says of everybody in campaigns.
func (k suiteBeside) beside(campaigns ...string) map[minapush.OpenID][]store.Beside {
	k.t.Helper()
	all := map[minapush.OpenID][]store.Beside{}
	var after minapush.OpenID
	for {
		page, err := k.st.Walk(k.ctx(), k.shard, after, 3, campaigns...)
		k.must(err, "walk")
		if len(page) == 0 {
			return all
		}
		for _, u := range page {
			if len(u.Beside) != len(campaigns) {
				k.t.Fatalf("%s is told of %d campaigns, asked for %d", u.OpenID, len(u.Beside), len(campaigns))
			}
			after, all[u.OpenID] = u.OpenID, u.Beside
		}
	}
}

// wantStates wants the states of rows of c by user; users that are not named have none.
func (k suiteBeside) wantStates(campaign string, want map[minapush.OpenID]string) {
	k.t.Helper()
	got := map[minapush.OpenID]string{}
	for o, all := range k.beside(campaign) {
		d := all[0].Row
		if d.Batch == "" {
			suiteEqual(k.suiteKit, "no row", d, minapush.Delivery{})
			continue
		}
		got[o] = d.State.String()
		if d.State == minapush.Settled {
			got[o] = d.Outcome.String()
		}
		suiteEqual(k.suiteKit, "row of "+string(o), d, k.row(campaign, o, ""))
	}
	suiteEqual(k.suiteKit, "rows of "+campaign, got, want)
}

func (k suiteBeside) TellsOfTheRowInEachOfItsStates() {
	users := suiteUsers(9)
	for _, o := range users[:8] {
		k.give(o, suiteSub("t", "n"))
	}
	k.noteNew(users[8], suiteDid("a", 0)) // has no permit
	l, b := k.lease(), k.campaign("c", suiteOneTime("t"))
	k.wantStates("c", nil)
	b.Limit = 8
	rows := suiteByUser(k.reserve(l, b).Rows)
	k.mark(l, b.Now, rows[1:]...)
	k.settle(l,
		suiteEnd(rows[2], minapush.Accepted, store.Spend), suiteEnd(rows[3], minapush.RefusedByUser, store.VoidTemplate),
		suiteEnd(rows[4], minapush.Failed, store.Release), suiteEnd(rows[5], minapush.Unknown, store.Spend),
		suiteEnd(rows[6], minapush.Pending, store.Release), suiteEnd(rows[7], minapush.Pending, store.SuspectUse),
	)
	k.wantStates("c", map[minapush.OpenID]string{
		users[0]: "held", users[1]: "sending", users[2]: "accepted", users[3]: "refused", users[4]: "failed", users[5]: "unknown",
		users[6]: "waiting", users[7]: "suspected",
	})
}

func (k suiteBeside) TellsWhatWasOpenedAndConfirmed() {
	k.giveForms("u", "v")
	l := k.lease()
	k.run(l, k.campaign("c", suiteLegacy()))
	_, err := k.st.Open(k.ctx(), k.shard, "c", "u", "", suiteAt(2*suiteHour))
	k.must(err, "open")
	k.confirm(k.row("c", "v", ""), store.Confirmation{Word: minapush.Undelivered, MsgID: 4711, Status: "no", At: suiteAt(2 * suiteHour)}, true)
	all := k.beside("c")
	if u, v := all["u"][0].Row, all["v"][0].Row; !u.OpenedAt.Equal(suiteAt(2*suiteHour)) || v.Confirmed != minapush.Undelivered || !v.OpenedAt.IsZero() {
		k.t.Errorf("u %+v, v %+v", u, v)
	}
}

func (k suiteBeside) TellsWhoIsOnTheListWithARowOrWithout() {
	k.giveForms("u", "v")
	k.noteNew("w", suiteDid("a", 0))
	k.noteNew("x", suiteDid("a", 0))
	k.enlist("c", "u", "w", "stranger")
	want := map[minapush.OpenID]bool{"u": true, "v": false, "w": true, "x": false}
	listed := func() map[minapush.OpenID]bool {
		got := map[minapush.OpenID]bool{}
		for o, all := range k.beside("c") {
			got[o] = all[0].Listed
		}
		return got
	}
	suiteEqual(k.suiteKit, "listed", listed(), want)
	k.wantStates("c", nil)
	k.run(k.lease(), k.kept("c", suiteLegacy()))
	suiteEqual(k.suiteKit, "listed", listed(), want)
	k.wantStates("c", map[minapush.OpenID]string{"u": "accepted", "w": "skipped"})
}

func (k suiteBeside) WhoIsOnAListHasNoValuesInItsRow() {
	k.giveForms("u")
	suiteListed{k.suiteKit}.fill("c", "u")
	k.run(k.lease(), k.listed("c", suiteLegacy()))
	k.wantStates("c", map[minapush.OpenID]string{"u": "accepted"})
	if d := k.beside("c")["u"][0].Row; d.Values != nil {
		k.t.Errorf("row %+v", d)
	}
}

func (k suiteBeside) ThereIsNothingOfAnUnknownCampaignOrAPushOrWhoWasSkippedAtOnce() {
	k.giveForms("u")
	k.noteNew("v", suiteDid("a", 0)) // at the start: is not part of it
	p := k.spend("u", "p", suiteLegacy())
	k.giveForms("w")
	b := k.campaign("c", suiteLegacy())
	b.Audience = func(u *store.User) bool { return u.OpenID != "w" }
	k.run(k.lease(), b)
	k.wantTally("c", suiteSum{"skipped no_permit": 1})
	for o, all := range k.beside("c", "never", p.Batch, "") {
		suiteEqual(k.suiteKit, "beside "+string(o), all, make([]store.Beside, 4))
	}
}

func (k suiteBeside) ThereIsNothingOfWhatWasForgotten() {
	k.giveForms("u", "v")
	k.enlist("c", "u", "v")
	l, b := k.lease(), k.listed("c", suiteLegacy())
	rows := suiteByUser(k.reserve(l, b).Rows)
	k.settle(l, suiteEnd(rows[0], minapush.Accepted, store.Spend))
	k.rowsGo()
	k.must(k.st.Forget(k.ctx(), k.shard, "c"), "forget")
	k.wantStates("c", map[minapush.OpenID]string{"v": "held"})
	if all := k.beside("c"); !all["u"][0].Listed || !all["v"][0].Listed { // the list stays while something is pending
		k.t.Errorf("beside %+v", all)
	}
	k.settle(l, suiteEnd(rows[1], minapush.Accepted, store.Spend))
	k.must(k.st.Forget(k.ctx(), k.shard, "c"), "forget")
	for o, all := range k.beside("c") {
		suiteEqual(k.suiteKit, "beside "+string(o), all, make([]store.Beside, 1))
	}
}

func (k suiteBeside) StandsInTheOrderThatWasAskedFor() {
	k.giveForms("u")
	l := k.lease()
	k.run(l, k.campaign("a", suiteLegacy()))
	k.enlist("b", "u")
	a, none, b := store.Beside{Row: k.row("a", "u", "")}, store.Beside{}, store.Beside{Listed: true}
	suiteEqual(k.suiteKit, "beside", k.beside("a", "none", "b")["u"], []store.Beside{a, none, b})
	suiteEqual(k.suiteKit, "beside", k.beside("b", "a", "b", "a")["u"], []store.Beside{b, a, b, a})
}

func (k suiteBeside) IsThereOnlyIfItWasAskedFor() {
	k.giveForms("u")
	l := k.lease()
	k.run(l, k.campaign("c", suiteLegacy()))
	if u := k.walk(1)[0]; u.Beside != nil {
		k.t.Errorf("walked without a campaign: %+v", u.Beside)
	}
	if u := k.user("u"); u.Beside != nil {
		k.t.Errorf("read: %+v", u.Beside)
	}
	with, err := k.st.Walk(k.ctx(), k.shard, "", 1, "c")
	k.must(err, "walk")
	with[0].Beside = nil
	suiteEqual(k.suiteKit, "the rest of the user", with, k.walk(1))
	b := k.campaign("d", suiteLegacy())
	b.Audience = func(u *store.User) bool {
		if u.Beside != nil {
			k.t.Errorf("the audience was told of %+v", u.Beside)
		}
		return true
	}
	k.run(l, b)
}

func (k suiteBeside) LooksNoFurtherThanItsShard() {
	other := k.in(minapush.App{Number: 2, Shards: 1}, 0)
	k.giveForms("u")
	other.giveForms("u")
	other.enlist("c", "u")
	other.run(other.lease(), other.campaign("c", suiteLegacy()))
	suiteEqual(k.suiteKit, "beside", k.beside("c")["u"], make([]store.Beside, 1))
	k.run(k.lease(), k.campaign("d", suiteLegacy()))
	suiteEqual(k.suiteKit, "beside", suiteBeside{other}.beside("d")["u"], make([]store.Beside, 1))
}

func (k suiteBeside) IsToldToTheAudience() {
	users := suiteUsers(6)
	for _, o := range users {
		k.give(o, suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	}
	l, first := k.lease(), k.campaign("first", suiteLegacy())
	first.Audience = func(u *store.User) bool { return u.OpenID != users[5] }
	k.run(l, first)
	for _, o := range users[:2] {
		_, err := k.st.Open(k.ctx(), k.shard, "first", o, "", suiteAt(suiteHour))
		k.must(err, "open")
	}
	k.enlist("list", users[2], users[5])
	for limit := 1; limit <= 7; limit += 3 {
		b := k.campaign(fmt.Sprint("second ", limit), suiteLegacy())
		b.Limit, b.Beside = limit, []string{"list", "first"}
		b.Audience = func(u *store.User) bool { // got it and did not open it, and is not on the list
			got := u.Beside[1].Row
			return got.Outcome == minapush.Accepted && got.OpenedAt.IsZero() && !u.Beside[0].Listed
		}
		if limit > 1 {
			b.Need = suiteOneTime("none") // has no permit: is only counted
		}
		sent := suiteWho(k.run(l, b))
		if limit == 1 {
			suiteEqual(k.suiteKit, "sent to", sent, users[3:5])
		} else {
			k.wantTally(b.Campaign, suiteSum{"skipped no_permit": 2})
		}
	}
}

func (k suiteBeside) IsAsItIsWhenTheUserIsExamined() {
	users := suiteUsers(4)
	for _, o := range users {
		k.give(o, suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	}
	l, first, second := k.lease(), k.campaign("first", suiteLegacy()), k.campaign("second", suiteLegacy())
	first.Limit, second.Limit = 1, 1
	second.Beside, second.Audience = []string{"first"}, func(u *store.User) bool { return u.Beside[0].Row.Outcome == minapush.Accepted }
	for _, o := range users { // each is examined just after the first campaign got to it
		d := k.reserveOne(l, first)
		k.mark(l, first.Now, d)
		k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
		if d = k.reserveOne(l, second); d.OpenID != o {
			k.t.Errorf("got %s, want %s", d.OpenID, o)
		}
		k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	}
	k.wantTally("second", suiteSum{"accepted": 4})
}

func (k suiteBeside) OfTheCampaignItselfAndOfOneThatIsWalkedIsToldToo() {
	k.giveForms("u")
	k.enlist("c", "u")
	b := k.campaign("c", suiteLegacy()) // walks everybody, though there is a list
	b.Beside = []string{"c"}
	b.Audience = func(u *store.User) bool { return u.Beside[0].Listed && u.Beside[0].Row.Batch == "" }
	if d := k.reserveOne(k.lease(), b); d.OpenID != "u" {
		k.t.Errorf("took %s", d.OpenID)
	}
}

func (k suiteBeside) GoesWithTheUser() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	k.enlist("c", "u")
	k.run(k.lease(), k.listed("c", suiteLegacy()))
	push := k.hold("u", "p")
	suiteErase{k.suiteKit}.erase("u", false)
	k.wantStates("c", map[minapush.OpenID]string{"u": "accepted"})
	k.settlePush(suiteEnd(push, minapush.Accepted, store.Spend))
	k.noteNew("u", suiteDid("a", 0))
	suiteEqual(k.suiteKit, "beside who came again", k.beside("c")["u"], make([]store.Beside, 1))
}

func (k suiteBeside) OutlivesACrash() {
	k.giveForms("u")
	k.enlist("c", "u")
	k.run(k.lease(), k.listed("c", suiteLegacy()))
	want := k.beside("c")
	k.reopen()
	suiteEqual(k.suiteKit, "beside", k.beside("c"), want)
}

func (k suiteHostile) CampaignsBesideUsersAreApart() {
	parts := []string{"a", "a:", ":a", "aa", "{a}", "a{", "}a", "\xff", "a\xff", ":", "é", "a\n", "\x01", "c", "c:"}
	for i, o := range parts {
		k.noteNew(minapush.OpenID(o), suiteDid("a", 0))
		for j, campaign := range parts {
			if suiteHas(i, j) {
				k.enlist(campaign, minapush.OpenID(o))
			}
		}
	}
	l := k.lease()
	for j, campaign := range parts {
		if j%2 == 0 {
			k.run(l, k.kept(campaign, suiteLegacy())) // nobody has a permit: each keeps a row
		}
	}
	all := suiteBeside{k.suiteKit}.beside(parts...)
	for i, o := range parts {
		for j, campaign := range parts {
			got := all[minapush.OpenID(o)][j]
			if got.Listed != suiteHas(i, j) || (got.Row.Batch == campaign) != (suiteHas(i, j) && j%2 == 0) {
				k.t.Errorf("%q in %q: %+v", o, campaign, got)
			}
			if got.Row.Batch != "" && (got.Row.OpenID != minapush.OpenID(o) || got.Row.Outcome != minapush.Skipped) {
				k.t.Errorf("%q in %q: row %+v", o, campaign, got.Row)
			}
		}
	}
}

// suiteHas is some pairs, and not others.
func suiteHas(i, j int) bool { return (i*7+j*3)%4 < 2 }

func (k suiteContenders) WhatIsBesideIsAlwaysOneOrTheOther() {
	users := suiteUsers(8)
	k.giveForms(users...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	k.contend(4, func(i int) {
		if i == 0 {
			for range users {
				one := b
				one.Limit = 1
				r, err := k.st.ReserveBatch(k.ctx(), l, one)
				if k.failed(err, "reserve batch") {
					return
				}
				for _, d := range r.Rows {
					k.failed(k.st.Settle(k.ctx(), l, []store.Settlement{suiteEnd(d, minapush.Accepted, store.Spend)}), "settle")
				}
			}
			return
		}
		for range 20 {
			page, err := k.st.Walk(k.ctx(), k.shard, "", 100, "c")
			if k.failed(err, "walk") {
				return
			}
			for _, u := range page {
				d := u.Beside[0].Row
				if none := d.Batch == ""; none != (d.OpenID == "") || !none && d.OpenID != u.OpenID {
					k.t.Errorf("beside %s: %+v", u.OpenID, d)
				}
			}
		}
	})
	for o, all := range (suiteBeside{k.suiteKit}).beside("c") {
		if all[0].Row.Outcome != minapush.Accepted {
			k.t.Errorf("beside %s: %+v", o, all[0].Row)
		}
	}
}
