package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteReserve struct{ *suiteKit }

// suiteUsers names n users.
func suiteUsers(n int) []minapush.OpenID {
	users := make([]minapush.OpenID, n)
	for i := range users {
		users[i] = minapush.OpenID(fmt.Sprintf("u%03d", i))
	}
	return users
}

// suiteWho names the users of rows, sorted.
func suiteWho(rows []minapush.Delivery) []minapush.OpenID {
	var who []minapush.OpenID
	for _, d := range rows {
		who = append(who, d.OpenID)
	}
	slices.Sort(who)
	return who
}

func (k suiteReserve) HoldsAPermitAndWritesTheRow() {
	form := suiteForm(suiteCode(1), suiteDay)
	k.give("u", form)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	r := k.reserve(l, b)
	if len(r.Rows) != 1 || r.Examined != 1 {
		k.t.Fatalf("reserved %+v", r)
	}
	suiteEqual(k.suiteKit, "row", r.Rows[0], minapush.Delivery{
		Batch: "c", OpenID: "u", State: minapush.HeldState, Permit: form, Attempt: 1, ReservedAt: b.Now,
	})
	suiteEqual(k.suiteKit, "stored row", k.row("c", "u", ""), r.Rows[0])
	k.wantTally("c", suiteSum{"held": 1})
	k.wantCounts("u", minapush.Counts{Deposited: 1, Held: 1})
}

func (k suiteReserve) WalksTheShardByItsCursor() {
	users := suiteUsers(5)
	k.giveForms(users...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	b.Limit = 2
	var got []minapush.OpenID
	for _, n := range []int{2, 2, 1} {
		r := k.reserve(l, b)
		if len(r.Rows) != n || r.Examined != n {
			k.t.Fatalf("reserved %d rows, examined %d; want %d", len(r.Rows), r.Examined, n)
		}
		got = append(got, suiteWho(r.Rows)...)
		for _, d := range r.Rows {
			k.mark(l, b.Now, d)
			k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
		}
	}
	suiteEqual(k.suiteKit, "walked", got, users)
	k.wantIdle(l, b, 0, time.Time{})
	k.wantIdle(l, b, 0, time.Time{})
	k.wantTally("c", suiteSum{"accepted": 5})
}

// takes wants the code that a campaign takes first.
func (k suiteReserve) takes(want string, permits ...minapush.Permit) {
	k.t.Helper()
	k.give("u", permits...)
	if got := k.reserveOne(k.lease(), k.campaign("c", suiteLegacy())).Permit.Identity; got != want {
		k.t.Errorf("took %q, want %q", got, want)
	}
}

func (k suiteReserve) TakesThePermitThatExpiresFirst() {
	k.takes("b", suiteForm("a", 3*suiteDay), suiteForm("b", suiteDay), suiteForm("c", 2*suiteDay))
}

func (k suiteReserve) TakesAPaymentThatExpiresBeforeAForm() {
	k.takes("p", suiteForm("a", 3*suiteDay), suitePay("p", 2*suiteDay))
}

func (k suiteReserve) TakesAFormThatExpiresBeforeAPayment() {
	k.takes("a", suitePay("p", 3*suiteDay), suiteForm("a", 2*suiteDay))
}

func (k suiteReserve) LeavesPermitsThatAreAboutToExpire() {
	k.takes("b", suiteForm("a", suiteHour+minapush.SpendMargin), suiteForm("b", suiteHour+minapush.SpendMargin+time.Second))
}

func (k suiteReserve) TakesOnlyPermitsOfItsTemplate() {
	k.give("u", suiteSub("t1", "n"), suiteSub("t", "n"), suiteForm("a", suiteDay), suiteStanding("t12", "s"))
	k.give("v", suiteSub("t1", "n"), suiteSub("t123", "n"))
	l := k.lease()
	d := k.reserveOne(l, k.campaign("c", suiteOneTime("t")))
	if d.OpenID != "u" || d.Permit.Kind != minapush.Subscription || d.Permit.Template != "t" {
		k.t.Errorf("took %+v", d)
	}
	k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	if got := k.run(l, k.campaign("d", suiteOneTime("t12"))); len(got) != 0 {
		k.t.Errorf("took %+v", got)
	}
	k.wantTally("d", suiteSum{"skipped no_permit": 2})
}

func (k suiteReserve) UsersWithoutAPermitAreSkippedAtOnce() {
	k.give("u", suiteForm("a", suiteHour), suiteSub("t", "n"))
	k.deposit("v", store.Deposit{Permits: []minapush.Permit{suiteStanding("t", "s")}})
	k.give("w", suiteForm("a", suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	r := k.reserve(l, b)
	if len(r.Rows) != 1 || r.Rows[0].OpenID != "w" || r.Examined != 3 {
		k.t.Errorf("reserved %+v", r)
	}
	k.wantTally("c", suiteSum{"held": 1, "skipped no_permit": 2})
}

func (k suiteReserve) UsersWithAYoungPaymentWaitUntilItIsReady() {
	young := suitePay("p", suiteDay)
	young.TakenAt = suiteAt(suiteHour - 4*time.Second)
	k.give("u", young)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	ready := young.TakenAt.Add(minapush.PayReadyAfter)
	if r := k.reserve(l, b); len(r.Rows) != 0 || r.Examined != 1 {
		k.t.Errorf("reserved %+v", r)
	}
	k.wantIdle(l, b, 1, ready)
	k.wantTally("c", suiteSum{"waiting": 1})
	b.Now = ready.Add(-time.Millisecond)
	k.wantIdle(l, b, 1, ready)
	b.Now = ready
	if d := k.reserveOne(l, b); d.Permit.Identity != "p" || d.Attempt != 1 {
		k.t.Errorf("reserved %+v", d)
	}
}

func (k suiteReserve) BusyUsersWaitForBusyWait() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	push := k.hold("u", "p")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	if r := k.reserve(l, b); len(r.Rows) != 0 || r.Examined != 1 {
		k.t.Errorf("reserved %+v", r)
	}
	k.wantIdle(l, b, 1, b.Now.Add(store.BusyWait))
	k.wantTally("c", suiteSum{"waiting": 1})
	b.Now = b.Now.Add(store.BusyWait)
	k.reserve(l, b) // still busy
	k.wantIdle(l, b, 1, b.Now.Add(store.BusyWait))
	k.settlePush(suiteEnd(push, minapush.Accepted, store.Spend))
	k.wantIdle(l, b, 1, b.Now.Add(store.BusyWait))
	b.Now = b.Now.Add(store.BusyWait)
	if d := k.reserveOne(l, b); d.Attempt != 1 || d.Tries != 0 {
		k.t.Errorf("reserved %+v", d)
	}
}

func (k suiteReserve) BusyWithAnotherCampaignWaitsToo() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	l, b1, b2 := k.lease(), k.campaign("c1", suiteLegacy()), k.campaign("c2", suiteLegacy())
	d := k.reserveOne(l, b1)
	k.wantIdle(l, b2, 1, b2.Now.Add(store.BusyWait))
	k.settle(l, suiteEnd(d, minapush.Accepted, store.Spend))
	b2.Now = b2.Now.Add(store.BusyWait)
	k.reserveOne(l, b2)
	k.wantTally("c1", suiteSum{"accepted": 1})
	k.wantTally("c2", suiteSum{"held": 1})
}

func (k suiteReserve) BusyUsersWithoutAPermitWaitTooAndAreSkippedLater() {
	k.give("u", suiteForm("a", suiteDay))
	push := k.hold("u", "p")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	k.wantIdle(l, b, 1, b.Now.Add(store.BusyWait))
	k.settlePush(suiteEnd(push, minapush.Accepted, store.Spend))
	b.Now = b.Now.Add(store.BusyWait)
	k.run(l, b)
	k.wantTally("c", suiteSum{"skipped no_permit": 1})
}

func (k suiteReserve) UsersFirstSeenSinceTheStartAreNotPartOfIt() {
	b := k.campaign("c", suiteLegacy())
	for o, now := range map[minapush.OpenID]time.Time{
		"before": b.Started.Add(-time.Millisecond), "at": b.Started, "after": b.Started.Add(time.Millisecond),
	} {
		k.deposit(o, store.Deposit{Now: now, Permits: []minapush.Permit{suiteForm("a", suiteDay)}})
	}
	b.Now = b.Started.Add(time.Minute)
	if d := k.reserveOne(k.lease(), b); d.OpenID != "before" {
		k.t.Errorf("took %s", d.OpenID)
	}
	k.wantTally("c", suiteSum{"held": 1})
}

func (k suiteReserve) UsersOutsideTheAudienceAreNotCounted() {
	k.giveForms(suiteUsers(6)...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	b.Audience = func(u *store.User) bool {
		return u.Counts.Available == 1 && len(u.Permits) == 1 && (u.OpenID == "u001" || u.OpenID == "u004")
	}
	suiteEqual(k.suiteKit, "sent to", suiteWho(k.run(l, b)), []minapush.OpenID{"u001", "u004"})
	k.wantTally("c", suiteSum{"accepted": 2})
}

// suiteParts are those parts of a user that are looked at, to be compared.
func suiteParts(u *store.User, l store.Looks) []any {
	parts := []any{u.OpenID, u.FirstSeen, u.LastSeen, u.Erasing}
	if l.At(store.LookProfile) {
		parts = append(parts, u.Profile)
	}
	if l.At(store.LookEvents) {
		parts = append(parts, u.Events)
	}
	if l.At(store.LookPermits) {
		parts = append(parts, u.Permits, u.Counts, u.StandingSent)
	}
	if l.At(store.LookRecent) {
		parts = append(parts, u.Recent, u.Busy)
	}
	return parts
}

func (k suiteReserve) AnAudienceIsShownWhatItLooksAt() {
	k.giveForms("u")
	_, err := k.st.PutProfile(k.ctx(), k.shard, "u", minapush.Profile{Tags: []string{"vip"}}, suiteAt(0))
	k.must(err, "put profile")
	_, err = k.st.NoteEvents(k.ctx(), k.shard, "u", []minapush.NamedEvent{suiteDid("checkin", 0)}, true, suiteAt(0))
	k.must(err, "note events")
	l := k.lease()
	k.run(l, k.campaign("before", suiteLegacy()))
	whole := k.user("u")
	for looks := range store.LookRecent << 1 {
		asked := 0
		b := k.campaign(fmt.Sprint("c", looks), suiteLegacy())
		b.Looks, b.Audience = looks, func(u *store.User) bool {
			asked++
			suiteEqual(k.suiteKit, fmt.Sprint("looked at as ", looks), fmt.Sprintf("%+v", suiteParts(u, looks)), fmt.Sprintf("%+v", suiteParts(&whole, looks)))
			return false
		}
		_, err := k.st.ReserveBatch(k.ctx(), l, b)
		k.must(err, "reserve batch")
		suiteEqual(k.suiteKit, "asked", asked > 0, true)
	}
}

func (k suiteReserve) AnAudienceOfNobodyComesToItsEnd() {
	k.giveForms(suiteUsers(6)...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	b.Limit, b.Audience = 2, func(*store.User) bool { return false }
	k.run(l, b)
	k.wantTally("c", suiteSum{})
	k.wantIdle(l, b, 0, time.Time{})
}

func (k suiteReserve) OfAnEmptyShardIsDone() {
	k.wantIdle(k.lease(), k.campaign("c", suiteLegacy()), 0, time.Time{})
}

func (k suiteReserve) ReturnsTheRowsOfALostReply() {
	users := suiteUsers(5)
	k.giveForms(users...)
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	lost := k.reserve(l, b).Rows
	k.same("the repeated call", func() {
		r := k.reserve(l, b)
		if r.Examined != 0 {
			k.t.Errorf("examined %d again", r.Examined)
		}
		suiteEqual(k.suiteKit, "rows", suiteByUser(r.Rows), suiteByUser(lost))
	})
	b.Limit = 2
	var got []minapush.OpenID
	for range 3 {
		r := k.reserve(l, b)
		for _, d := range r.Rows {
			k.mark(l, b.Now, d)
		}
		got = append(got, suiteWho(r.Rows)...)
	}
	slices.Sort(got)
	suiteEqual(k.suiteKit, "all of them, a few at a time", got, users)
}

func suiteByUser(rows []minapush.Delivery) []minapush.Delivery {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b minapush.Delivery) int {
		if a.OpenID < b.OpenID {
			return -1
		}
		return 1
	})
	return rows
}

func (k suiteReserve) RowsInHandAreNotHandedOutAgain() {
	k.giveForms("u", "v")
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := k.reserve(l, b).Rows
	k.mark(l, b.Now, rows...)
	k.wantIdle(l, b, 0, time.Time{})
	k.settle(l, suiteEnd(rows[0], minapush.Accepted, store.Spend), suiteEnd(rows[1], minapush.Failed, store.Release))
	k.wantIdle(l, b, 0, time.Time{})
}

func (k suiteReserve) CampaignsWalkOnTheirOwn() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	k.give("v", suiteForm("a", suiteDay))
	l := k.lease()
	for i, want := range []int{2, 1, 0} {
		if got := len(k.run(l, k.campaign(fmt.Sprint("c", i), suiteLegacy()))); got != want {
			k.t.Errorf("campaign %d reached %d users, want %d", i, got, want)
		}
	}
	k.wantTally("c1", suiteSum{"accepted": 1, "skipped no_permit": 1})
}
