package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// listed asks for deliveries of a campaign that walks its list.
func (k *suiteKit) listed(id string, need store.Need) store.Batch {
	b := k.campaign(id, need)
	b.Listed = true
	return b
}

// kept asks for those of one that keeps a row for everybody whom it skips.
func (k *suiteKit) kept(id string, need store.Need) store.Batch {
	b := k.listed(id, need)
	b.KeepSkipped = true
	if !slices.Contains(k.scope.Kept[k.app.Number], id) {
		k.scope.Kept[k.app.Number] = append(k.scope.Kept[k.app.Number], id)
	}
	return b
}

func (k *suiteKit) addListed(campaign string, users ...store.Listed) []bool {
	k.t.Helper()
	k.track(campaign)
	added, err := k.st.AddListed(k.ctx(), k.shard, campaign, users)
	k.must(err, "add listed")
	if len(added) != len(users) {
		k.t.Fatalf("add listed answered %d of %d users", len(added), len(users))
	}
	return added
}

// enlist puts users on a list who are not on it, without values.
func (k *suiteKit) enlist(campaign string, users ...minapush.OpenID) {
	k.t.Helper()
	for _, o := range users {
		if !k.addListed(campaign, store.Listed{OpenID: o})[0] {
			k.t.Fatalf("%s was not added to the list of %s", o, campaign)
		}
	}
}

// onList reads a whole list of the shard, limit users at a time.
func (k *suiteKit) onList(campaign string, limit int) []store.Listed {
	k.t.Helper()
	var all []store.Listed
	var after minapush.OpenID
	for range 10_000 {
		page, err := k.st.Listed(k.ctx(), k.shard, campaign, after, limit)
		k.must(err, "listed")
		if len(page) > limit {
			k.t.Fatalf("listed gave %d users, asked for %d", len(page), limit)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		after = page[len(page)-1].OpenID
	}
	k.t.Fatal("the list does not end")
	return nil
}

func (k *suiteKit) wantList(campaign string, want ...store.Listed) {
	k.t.Helper()
	suiteEqual(k, "list of "+campaign, k.onList(campaign, 100), want)
	k.wantListed(campaign, int64(len(want)))
}

func (k *suiteKit) wantListed(campaign string, want int64) {
	k.t.Helper()
	n, err := k.st.CountListed(k.ctx(), k.app.Number, k.app.Shards, campaign)
	k.must(err, "count listed")
	if n != want {
		k.t.Errorf("%d users are on the list of %s, want %d", n, campaign, want)
	}
}

// noAdd wants that nobody comes onto a list any more.
func (k *suiteKit) noAdd(campaign string) {
	k.t.Helper()
	k.same("adding to the list of "+campaign, func() {
		_, err := k.st.AddListed(k.ctx(), k.shard, campaign, []store.Listed{{OpenID: "late1"}, {OpenID: "late2"}})
		k.wantKind(err, minapush.Conflict, "add listed")
	})
}

type suiteList struct{ *suiteKit }

func (k suiteList) AnswersForEachWhetherItWasAddedAndKeepsTheFirstValues() {
	one, two := map[string]string{"name": "one", "": "{{x}}"}, map[string]string{"name": "two"}
	k.wantList("c")
	got := k.addListed("c", store.Listed{OpenID: "u", Values: one}, store.Listed{OpenID: "v"}, store.Listed{OpenID: "u", Values: two})
	suiteEqual(k.suiteKit, "answers", got, []bool{true, true, false})
	got = k.addListed("c", store.Listed{OpenID: "v", Values: two}, store.Listed{OpenID: "a", Values: two}, store.Listed{OpenID: "u"})
	suiteEqual(k.suiteKit, "answers", got, []bool{false, true, false})
	k.wantList("c", store.Listed{OpenID: "a", Values: two}, store.Listed{OpenID: "u", Values: one}, store.Listed{OpenID: "v"})
	if users := k.walk(10); len(users) != 0 {
		k.t.Errorf("being listed made users: %+v", users)
	}
}

func (k suiteList) RepeatingIsSafe() {
	users := []store.Listed{{OpenID: "u", Values: map[string]string{"a": "1"}}, {OpenID: "v"}}
	k.addListed("c", users...)
	k.same("adding again", func() {
		suiteEqual(k.suiteKit, "answers", k.addListed("c", users...), []bool{false, false})
	})
}

func (k suiteList) IsReadPageByPageInByteOrder() {
	var want []store.Listed
	for _, o := range []minapush.OpenID{"B", "a", "aa", "ab", "b", "c~"} {
		want = append(want, store.Listed{OpenID: o, Values: map[string]string{"name": string(o)}})
	}
	added := slices.Clone(want)
	slices.Reverse(added)
	k.addListed("c", added...)
	for _, limit := range []int{1, 2, 5, 6, 100} {
		suiteEqual(k.suiteKit, fmt.Sprintf("list by %d", limit), k.onList("c", limit), want)
	}
	page, err := k.st.Listed(k.ctx(), k.shard, "c", "aaz", 2)
	k.must(err, "listed")
	suiteEqual(k.suiteKit, "list after one who is not there", page, want[3:5])
	l, b := k.lease(), k.listed("c", suiteLegacy())
	b.Limit = 2
	k.reserve(l, b)
	suiteEqual(k.suiteKit, "list when its walk has begun", k.onList("c", 2), want)
	k.run(l, b)
	suiteEqual(k.suiteKit, "list when its walk is over", k.onList("c", 2), want)
}

func (k suiteList) CampaignsShardsAndAppsHaveTheirOwn() {
	two := k.in(minapush.App{Number: 2, Shards: 3}, 1)
	third := k.in(two.app, 2)
	k.enlist("c", "u", "v")
	k.enlist("c2", "u")
	two.enlist("c", suiteUsersOf(two.app, 1, 2)...)
	third.enlist("c", suiteUsersOf(two.app, 2, 3)...)
	k.wantListed("c", 2)
	k.wantListed("c2", 1)
	k.wantListed("c3", 0)
	two.wantListed("c", 5)
	two.wantListed("c2", 0)
	suiteEqual(k.suiteKit, "list of the other campaign", k.onList("c2", 10), []store.Listed{{OpenID: "u"}})
	if got := two.onList("c", 10); len(got) != 2 {
		k.t.Errorf("list of one shard: %+v", got)
	}
	n, err := k.st.CountListed(k.ctx(), 2, 2, "c")
	k.must(err, "count listed")
	if n != 2 {
		k.t.Errorf("counted %d users in the first two shards, want 2", n)
	}
	two.run(two.lease(), two.listed("c", suiteLegacy()))
	if got := third.addListed("c", store.Listed{OpenID: suiteUsersOf(two.app, 2, 4)[3]}); !got[0] {
		k.t.Error("a shard that was not begun takes nobody more")
	}
	two.run(third.lease(), third.listed("c", suiteLegacy()))
}

func (k suiteList) TakesNobodyOnceAReserveBatchTookEffect() {
	l := k.lease()
	skip := k.listed("cancelled", suiteLegacy())
	skip.Skip = minapush.ReasonCancelled
	for _, b := range []store.Batch{k.listed("empty", suiteLegacy()), k.listed("walked", suiteLegacy()), skip, k.campaign("everybody", suiteLegacy())} {
		if b.Campaign == "walked" {
			k.enlist("walked", "u", "v", "w")
			b.Limit = 1
		}
		k.reserve(l, b)
		k.noAdd(b.Campaign)
	}
	_, err := k.st.AddListed(k.ctx(), k.shard, "walked", []store.Listed{{OpenID: "u"}})
	k.wantKind(err, minapush.Conflict, "adding again who is on the list")
	k.rowsGo()
	k.must(k.st.Forget(k.ctx(), k.shard, "walked"), "forget")
	k.noAdd("walked")
}

func (k suiteList) AReserveBatchThatIsRefusedBeginsNothing() {
	l, b := k.lease(), k.listed("c", suiteLegacy())
	k.takeOver()
	_, err := k.st.ReserveBatch(k.ctx(), l, b)
	k.wantKind(err, minapush.Conflict, "reserve under an old lease")
	k.enlist("c", "u")
}

func (k suiteList) HoldsNoLease() {
	k.enlist("c", "u")
	k.lease()
	k.enlist("c", "v")
	k.takeOver()
	k.enlist("c", "w")
}

func (k suiteList) ValuesMayBeAsLargeAsPromised() {
	most := map[string]string{"key": strings.Repeat("é", 1000), strings.Repeat("k", 96): strings.Repeat("v", store.MaxListedValues-96-3-2000)}
	k.addListed("c", store.Listed{OpenID: "u", Values: most})
	k.giveForms("u")
	suiteEqual(k.suiteKit, "values", k.reserveOne(k.lease(), k.listed("c", suiteLegacy())).Values, most)
	over := map[string]string{"k": strings.Repeat("v", store.MaxListedValues)}
	k.same("values over the limit", func() {
		_, err := k.st.AddListed(k.ctx(), k.shard, "d", []store.Listed{{OpenID: "u"}, {OpenID: "v", Values: over}})
		k.wantKind(err, minapush.Invalid, "add listed")
	})
	k.wantListed("d", 0)
}

func (k suiteList) IsNotSharedWithTheCaller() {
	values := map[string]string{"name": "one"}
	k.addListed("c", store.Listed{OpenID: "u", Values: values})
	values["name"] = "two"
	want := []store.Listed{{OpenID: "u", Values: map[string]string{"name": "one"}}}
	got := k.onList("c", 10)
	suiteEqual(k.suiteKit, "list", got, want)
	got[0].Values["name"] = "two"
	k.giveForms("u")
	l, b := k.lease(), k.listed("c", suiteLegacy())
	d := k.reserveOne(l, b)
	suiteEqual(k.suiteKit, "values of the row", d.Values, want[0].Values)
	d.Values["name"] = "two"
	suiteEqual(k.suiteKit, "values of the row again", k.reserveOne(l, b).Values, want[0].Values)
}

func (k suiteList) IsForgottenWithItsRows() {
	k.giveForms("u")
	k.enlist("c", "u", "v")
	k.enlist("d", "u")
	l, b := k.lease(), k.kept("c", suiteLegacy())
	k.run(l, b)
	k.rowsGo()
	k.must(k.st.Forget(k.ctx(), k.shard, "c"), "forget")
	k.wantList("c")
	k.wantList("d", store.Listed{OpenID: "u"})
	suiteEqual(k.suiteKit, "rows", k.list("c", 10, nil), nil)
	k.wantTally("c", suiteSum{"accepted": 1, "skipped no_permit": 1})
	k.wantIdle(l, b, 0, time.Time{})
}

func (k suiteList) StaysWhileARowIsPending() {
	users := suiteUsers(3)
	k.giveForms(users...)
	values := map[string]string{"name": "one"}
	for _, o := range users {
		k.addListed("c", store.Listed{OpenID: o, Values: values})
	}
	l, b := k.lease(), k.listed("c", suiteLegacy())
	rows := suiteByUser(k.reserve(l, b).Rows)
	k.rowsGo()
	forget := func() { k.t.Helper(); k.must(k.st.Forget(k.ctx(), k.shard, "c"), "forget"); k.wantListed("c", 3) }
	forget() // all are held
	k.mark(l, b.Now, rows...)
	k.settle(l, suiteEnd(rows[0], minapush.Accepted, store.Spend), suiteEnd(rows[1], minapush.Pending, store.SuspectUse))
	forget() // one is being sent
	k.settle(l, suiteEnd(rows[2], minapush.Accepted, store.Spend))
	forget() // one is suspected
	_, err := k.st.ResolveSuspects(k.ctx(), l, "c", suiteAt(suiteDay), false, 10, suiteAt(2*suiteHour))
	k.must(err, "resolve suspects")
	forget() // one waits
	b.Now = suiteAt(2 * suiteHour)
	d := k.reserveOne(l, b)
	suiteEqual(k.suiteKit, "values", d.Values, values)
	k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	k.must(k.st.Forget(k.ctx(), k.shard, "c"), "forget")
	k.wantList("c")
}

func (k suiteList) ForgottenBeforeItsWalkMayBeFilledAgain() {
	k.enlist("c", "u", "v")
	k.must(k.st.Forget(k.ctx(), k.shard, "c"), "forget")
	k.wantList("c")
	k.addListed("c", store.Listed{OpenID: "v", Values: map[string]string{"a": "2"}})
	k.wantList("c", store.Listed{OpenID: "v", Values: map[string]string{"a": "2"}})
	k.run(k.lease(), k.kept("c", suiteLegacy()))
	k.wantTally("c", suiteSum{"skipped no_permit": 1})
}
