package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

func (k suiteContenders) OneOfManyBindersGetsTheUID() {
	var won atomic.Int64
	winner := make([]minapush.OpenID, suiteN)
	k.contend(suiteN, func(i int) {
		o := minapush.OpenID(fmt.Sprint("u", i))
		err := k.st.BindUID(k.ctx(), k.shard, "1", o, "")
		if err == nil {
			winner[won.Add(1)-1] = o
		} else {
			k.wantKind(err, minapush.Conflict, "bind uid")
		}
	})
	if won.Load() != 1 {
		k.t.Fatalf("%d binders were told that the uid is theirs", won.Load())
	}
	k.wantUID("1", winner[0])
}

func (k suiteContenders) OneOfManyTakesTheUIDOver() {
	k.mustBind("1", "old")
	var won atomic.Int64
	k.contend(suiteN, func(i int) {
		if i%4 == 3 {
			k.failed(k.st.UnbindUID(k.ctx(), k.shard, "1", "somebody else"), "unbind uid")
			return
		}
		err := k.st.BindUID(k.ctx(), k.shard, "1", minapush.OpenID(fmt.Sprint("u", i)), "old")
		if err == nil {
			won.Add(1)
		} else {
			k.wantKind(err, minapush.Conflict, "bind uid")
		}
	})
	if won.Load() != 1 {
		k.t.Errorf("%d binders took the uid over", won.Load())
	}
}

func (k suiteContenders) OneOfManyProfilesGetsTheVersion() {
	k.give("v", suiteSub("t", "n"))
	for _, o := range []minapush.OpenID{"u", "v"} { // who is made by it, and who is there
		var won atomic.Int64
		uids := make([]string, suiteN)
		k.contend(suiteN, func(i int) {
			p := minapush.Profile{UID: fmt.Sprint(i)}
			v, err := k.st.PutProfile(k.ctx(), k.shard, o, p, suiteAt(0))
			if err != nil {
				k.wantKind(err, minapush.Conflict, "put profile")
				return
			}
			if v != 1 {
				k.t.Errorf("the first version is %d", v)
			}
			uids[won.Add(1)-1] = p.UID
		})
		if got := k.user(o).Profile; won.Load() != 1 || got.UID != uids[0] || got.Version != 1 {
			k.t.Errorf("%d writers made the profile; stored is %+v", won.Load(), got)
		}
	}
}

func (k suiteContenders) NoChangeOfAProfileAndNoDepositIsLost() {
	k.contend(8, func(i int) {
		for j := range 8 {
			if i%2 == 0 {
				d := store.Deposit{Now: suiteAt(time.Duration(j) * time.Second), Permits: []minapush.Permit{suiteForm(suiteCode(i*100+j), suiteDay)}}
				k.failed(suiteErr(k.st.Deposit(k.ctx(), k.shard, "u", d)), "deposit")
			} else {
				k.countUp("u")
			}
		}
	})
	u := k.user("u")
	if n := u.Profile.Attributes["n"].Number; n != 32 || u.Profile.Version != 32 {
		k.t.Errorf("%v of 32 changes are there, at version %d", n, u.Profile.Version)
	}
	k.wantCounts("u", minapush.Counts{Deposited: 32, Available: 32})
}

// countUp adds one to an attribute, again and again until nobody was faster.
func (k suiteContenders) countUp(o minapush.OpenID) {
	for {
		u, err := k.st.User(k.ctx(), k.shard, o)
		if err != nil && !errors.Is(err, minapush.NotFound) {
			k.failed(err, "user")
			return
		}
		p := u.Profile
		p.Attributes = map[string]minapush.Attribute{"n": {Kind: minapush.Number, Number: p.Attributes["n"].Number + 1}}
		_, err = k.st.PutProfile(k.ctx(), k.shard, o, p, suiteAt(0))
		if err == nil || !errors.Is(err, minapush.Conflict) {
			k.failed(err, "put profile")
			return
		}
	}
}

// The race is over within moments, so it is run several times, and the walk begins after another number of answers each time.
func (k suiteContenders) WhoIsAnsweredAsAddedIsWalkedAndNobodyElse() {
	l := k.lease()
	for round := range 10 {
		b := k.kept(fmt.Sprint("c", round), suiteLegacy())
		var mu sync.Mutex
		added := map[minapush.OpenID]bool{}
		examined, answers := 0, make(chan bool, 24)
		k.contend(5, func(i int) {
			if i == 0 {
				for range round {
					<-answers
				}
				examined = k.walkToTheEnd(l, b)
				return
			}
			for j := range 6 {
				users := []store.Listed{{OpenID: minapush.OpenID(fmt.Sprint("u", i, j))}, {OpenID: minapush.OpenID(fmt.Sprint("all", j))}}
				ok, err := k.st.AddListed(k.ctx(), k.shard, b.Campaign, users)
				answers <- true
				if err != nil {
					k.wantKind(err, minapush.Conflict, "add listed")
					continue
				}
				mu.Lock()
				for n, u := range users {
					if ok[n] && added[u.OpenID] {
						k.t.Errorf("%s was added twice", u.OpenID)
					}
					added[u.OpenID] = added[u.OpenID] || ok[n]
				}
				mu.Unlock()
			}
		})
		if examined != len(added) {
			k.t.Errorf("%d users were answered as added, %d were walked", len(added), examined)
		}
		k.wantListed(b.Campaign, int64(len(added)))
		for o := range added {
			k.row(b.Campaign, o, "")
		}
	}
}

// walkToTheEnd walks a list on which nobody has a permit, and counts it.
func (k suiteContenders) walkToTheEnd(l store.Lease, b store.Batch) (examined int) {
	b.Limit = 3
	for range 1000 {
		r, err := k.st.ReserveBatch(k.ctx(), l, b)
		if k.failed(err, "reserve batch") {
			return examined
		}
		examined += r.Examined
		if r.Done {
			return examined
		}
	}
	k.t.Error("the walk does not end")
	return examined
}

// raceProfile changes what a user asked not to be sent, if nobody else changes the profile meanwhile and the user is not being erased.
func (k suiteContenders) raceProfile(o minapush.OpenID, what minapush.OptOut) {
	u, err := k.st.User(k.ctx(), k.shard, o)
	if err != nil {
		k.wantKind(err, minapush.NotFound, "user")
		return
	}
	u.Profile.OptOut = what
	if _, err = k.st.PutProfile(k.ctx(), k.shard, o, u.Profile, suiteAt(0)); err != nil {
		k.wantKind(err, minapush.Conflict, "put profile")
	}
}
