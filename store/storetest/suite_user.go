package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteUser struct{ *suiteKit }

func (k suiteUser) WhoNeverCameIsNotFound() {
	k.give("v", suiteSub("t", "n"))
	_, err := k.st.User(k.ctx(), k.shard, "u")
	k.wantKind(err, minapush.NotFound, "user")
}

func (k suiteUser) PermitsAreListedByKindTemplateExpiryTimeAndIdentity() {
	late := suiteForm("a", suiteDay)
	late.TakenAt = suiteAt(time.Minute)
	ending := suiteSub("t1", "n2")
	ending.ExpiresAt = suiteAt(suiteDay)
	want := []minapush.Permit{
		suiteForm("z", suiteHour), suiteForm("b", suiteDay), suiteForm("c", suiteDay), late, suitePay("y", suiteDay),
		ending, suiteSub("t1", "n1"), suiteSub("t2", "n1"), suiteStanding("t1", "s"),
	}
	given := slices.Clone(want)
	slices.Reverse(given)
	k.deposit("u", store.Deposit{Now: suiteAt(time.Minute), Permits: given})
	var got []string
	for _, h := range k.user("u").Permits {
		got = append(got, suiteName(h.Permit))
	}
	var names []string
	for _, p := range want {
		names = append(names, suiteName(p))
	}
	suiteEqual(k.suiteKit, "order", got, names)
}

// suiteName says all of a permit that every store gives in the same form.
func suiteName(p minapush.Permit) string {
	if !p.Kind.HasCode() {
		p.Identity = ""
	}
	return fmt.Sprintf("%v/%s/%v/%v/%s", p.Kind, p.Template, p.ExpiresAt.Unix(), p.TakenAt.Unix(), p.Identity)
}

func (k suiteUser) CountsFollowAPaymentThroughItsUses() {
	k.give("u", suitePay("wx_p", suiteDay))
	k.wantCounts("u", minapush.Counts{Deposited: 3, Available: 3})
	d := k.hold("u", "p1")
	k.wantCounts("u", minapush.Counts{Deposited: 3, Available: 2, Held: 1})
	h := k.user("u").Permits[0]
	if h.State != minapush.Held || h.Uses != 3 {
		k.t.Errorf("permit in hand is %v with %d uses, want held with 3", h.State, h.Uses)
	}
	k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	k.wantCounts("u", minapush.Counts{Deposited: 3, Available: 2, Spent: 1})
	k.end("u", "p2", suiteLegacy(), minapush.Failed, store.Release)
	k.wantCounts("u", minapush.Counts{Deposited: 3, Available: 2, Spent: 1})
	k.end("u", "p3", suiteLegacy(), minapush.Failed, store.Burn)
	k.wantCounts("u", minapush.Counts{Deposited: 3, Spent: 1, Dead: 2})
	if n := len(k.user("u").Permits); n != 0 {
		k.t.Errorf("%d permits are left", n)
	}
}

func (k suiteUser) StandingPermitsStayOutsideTheCounts() {
	k.give("u", suiteStanding("t", "s"))
	p := k.askPush("u", "p1")
	p.Need = suiteLongTerm("t")
	d := k.reservePush(p, store.PushReserved).Delivery
	if u := k.user("u"); u.Counts != (minapush.Counts{}) || u.Permits[0].State != minapush.Held {
		k.t.Errorf("in hand: counts %+v, permit %v", u.Counts, u.Permits[0].State)
	}
	k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
	k.spend("u", "p2", suiteLongTerm("t"))
	k.end("u", "p3", suiteLongTerm("t"), minapush.Failed, store.Release)
	u := k.user("u")
	if u.StandingSent != 2 || u.Counts != (minapush.Counts{}) || len(u.Permits) != 1 || u.Permits[0].State != minapush.Available {
		k.t.Errorf("sent %d, counts %+v, permits %+v", u.StandingSent, u.Counts, u.Permits)
	}
	if flow := k.flow(); len(flow) != 0 {
		k.t.Errorf("flow counts standing permits: %+v", flow)
	}
}

func (k suiteUser) BusyNamesTheDeliveryInHand() {
	k.giveForms("u")
	if k.user("u").Busy != nil {
		k.t.Error("is busy before anything is sent")
	}
	d := k.hold("u", "p")
	ref := store.RefOf(d)
	suiteEqual(k.suiteKit, "held", k.user("u").Busy, &ref)
	k.markPush(d)
	suiteEqual(k.suiteKit, "sending", k.user("u").Busy, &ref)
	k.settlePush(suiteEnd(d, minapush.Failed, store.Release))
	if k.user("u").Busy != nil {
		k.t.Error("is busy when everything is settled")
	}
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	ref = store.RefOf(k.reserveOne(l, b))
	suiteEqual(k.suiteKit, "of a campaign", k.user("u").Busy, &ref)
}

type suiteWalk struct{ *suiteKit }

func (k suiteWalk) GivesAllUsersInByteOrder() {
	for _, o := range []minapush.OpenID{"b", "a", "ab", "B", "aa", "c~"} {
		k.give(o, suiteSub("t", "n"))
	}
	for _, limit := range []int{1, 2, 100} {
		var got []minapush.OpenID
		for _, u := range k.walk(limit) {
			suiteEqual(k.suiteKit, "walked user", u, k.user(u.OpenID))
			got = append(got, u.OpenID)
		}
		suiteEqual(k.suiteKit, "walk", got, []minapush.OpenID{"B", "a", "aa", "ab", "b", "c~"})
	}
	page, err := k.st.Walk(k.ctx(), k.shard, "aaz", 2)
	k.must(err, "walk")
	if len(page) != 2 || page[0].OpenID != "ab" || page[1].OpenID != "b" {
		k.t.Errorf("walk after one who is not there: %+v", page)
	}
}

func (k suiteWalk) OfAnEmptyShardIsEmpty() {
	if all := k.walk(10); len(all) != 0 {
		k.t.Errorf("got %+v", all)
	}
}

func (k suiteWalk) SeesEveryUserThatStaysExactlyOnceWhileOthersComeAndGo() {
	for i := range 40 {
		k.give(minapush.OpenID(fmt.Sprintf("u%03d", i*2)), suiteSub("t", "n"))
	}
	seen := map[minapush.OpenID]int{}
	var after minapush.OpenID
	for i := 0; ; i++ {
		page, err := k.st.Walk(k.ctx(), k.shard, after, 5)
		k.must(err, "walk")
		if len(page) == 0 {
			break
		}
		for _, u := range page {
			seen[u.OpenID]++
		}
		after = page[len(page)-1].OpenID
		k.give(minapush.OpenID(fmt.Sprintf("u%03d", i*8+1)), suiteSub("t", "n")) // behind, at and before the place of the walk
		k.give(minapush.OpenID(fmt.Sprintf("v%03d", 99-i)), suiteSub("t", "n"))
		k.give(after, suiteSub("t", fmt.Sprintf("more %d", i)))
		if i == 2 {
			_, err := k.st.Erase(k.ctx(), k.shard, "u078", suiteAt(suiteHour))
			k.must(err, "erase")
		}
	}
	for o, n := range seen {
		if n > 1 {
			k.t.Errorf("%s was seen %d times", o, n)
		}
	}
	for i := range 39 {
		if o := minapush.OpenID(fmt.Sprintf("u%03d", i*2)); seen[o] != 1 {
			k.t.Errorf("%s was there all the time and was seen %d times", o, seen[o])
		}
	}
}

type suiteFlow struct{ *suiteKit }

func (k suiteFlow) SumsByKindOverAllUsers() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay), suiteForm("c", 2*suiteHour), suitePay("p", suiteDay), suiteSub("t", "n"))
	k.give("v", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay), suiteStanding("t", "s"))
	k.deposit("v", store.Deposit{MaxPerSection: 2, Permits: []minapush.Permit{suiteForm("c", 3*suiteDay)}})
	k.spend("u", "p1", suiteLegacy()) // c, which expires first
	k.end("u", "p2", suiteOneTime("t"), minapush.RefusedByUser, store.VoidTemplate)
	k.sweep(10, suiteAt(suiteDay))
	suiteEqual(k.suiteKit, "flow", k.flow(), map[minapush.PermitKind]minapush.Counts{
		minapush.FormID:       {Deposited: 6, Spent: 1, Expired: 2, Evicted: 1},
		minapush.PrepayID:     {Deposited: 3, Expired: 3},
		minapush.Subscription: {Deposited: 1, Dead: 1},
	})
}

func (k suiteFlow) KeepsPastUsers() {
	k.give("u", suiteForm("a", suiteDay), suitePay("p", 2*suiteDay))
	k.spend("u", "p1", suiteLegacy())
	k.spend("u", "p2", suiteLegacy())
	_, err := k.st.Erase(k.ctx(), k.shard, "u", suiteAt(2*suiteHour))
	k.must(err, "erase")
	k.rowsGo()
	k.give("u", suiteForm("a", suiteDay))
	suiteEqual(k.suiteKit, "flow", k.flow(), map[minapush.PermitKind]minapush.Counts{
		minapush.FormID:   {Deposited: 2, Spent: 1},
		minapush.PrepayID: {Deposited: 3, Spent: 1, Erased: 2},
	})
	k.wantCounts("u", minapush.Counts{Deposited: 1, Available: 1})
}

func (k suiteFlow) OfAnEmptyShardIsEmpty() {
	if flow := k.flow(); len(flow) != 0 {
		k.t.Errorf("got %+v", flow)
	}
}
