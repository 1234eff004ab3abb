package storetest

import (
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteSweep struct{ *suiteKit }

func (k suiteSweep) RemovesAndCountsWhatHasExpired() {
	k.give("u", suiteForm("a", suiteHour), suiteForm("b", 2*suiteHour), suitePay("p", suiteHour), suiteSub("t", "n"), suiteStanding("t", "s"))
	if n := len(k.user("u").Permits); n != 5 {
		k.t.Errorf("%d permits before the sweep, want 5", n)
	}
	if _, n := k.sweep(10, suiteAt(suiteHour-time.Millisecond)); n != 0 {
		k.t.Errorf("swept %d before anything expired", n)
	}
	k.sweep(10, suiteAt(suiteHour))
	k.wantCounts("u", minapush.Counts{Deposited: 6, Available: 2, Expired: 4})
	if n := len(k.user("u").Permits); n != 3 {
		k.t.Errorf("%d permits are left, want 3", n)
	}
}

func (k suiteSweep) TellsHowManyPermitsWent() {
	k.give("u", suiteForm("a", suiteHour), suiteForm("b", suiteHour), suiteForm("c", suiteDay))
	k.give("v", suiteForm("a", suiteHour))
	if _, n := k.sweep(1, suiteAt(suiteHour)); n != 3 {
		k.t.Errorf("swept %d permits, want 3", n)
	}
	k.same("a second sweep", func() {
		if _, n := k.sweep(10, suiteAt(suiteHour)); n != 0 {
			k.t.Errorf("swept %d permits again", n)
		}
	})
}

func (k suiteSweep) ReturnsEveryUserAsItNowStands() {
	for i := range 7 {
		k.give(minapush.OpenID(fmt.Sprintf("u%d", i)), suiteForm("a", time.Duration(i)*suiteHour+time.Minute), suiteSub("t", "n"))
	}
	for _, limit := range []int{3, 7, 100} {
		users, _ := k.sweep(limit, suiteAt(3*suiteHour))
		suiteEqual(k.suiteKit, "users", users, k.walk(100))
	}
}

func (k suiteSweep) LeavesPermitsInHandUntilTheyAreBack() {
	k.give("u", suiteForm("a", 2*suiteHour))
	d := k.hold("u", "p")
	k.sweep(10, suiteAt(suiteDay))
	k.wantCounts("u", minapush.Counts{Deposited: 1, Held: 1})
	k.settlePush(store.Settlement{Ref: store.RefOf(d), Now: suiteAt(suiteDay)})
	k.wantCounts("u", minapush.Counts{Deposited: 1, Available: 1})
	k.sweep(10, suiteAt(suiteDay))
	k.wantCounts("u", minapush.Counts{Deposited: 1, Expired: 1})
}

func (k suiteSweep) LeavesSuspectPermits() {
	k.give("u", suiteForm("a", 2*suiteHour))
	k.suspect(k.lease(), k.campaign("c", suiteLegacy()))
	k.sweep(10, suiteAt(suiteDay))
	k.wantCounts("u", minapush.Counts{Deposited: 1, Suspect: 1})
}

func (k suiteSweep) OfAnEmptyShardIsAtItsEnd() {
	users, n := k.sweep(10, suiteAt(0))
	if len(users) != 0 || n != 0 {
		k.t.Errorf("got %+v, %d", users, n)
	}
}
