package main

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/sandbox"
)

// teller lets users live at random and tells of it at random: late, twice, out of order, and by one of both ways or by both.
type teller struct {
	*world
	random *rand.Rand
	users  []string
	nonces int
	said   []saying
	// calm: whatever was accepted before is further apart than what counts as one
	calm bool
	// events and reports that were lost
	lostEvents, lostReports, told int
}

// saying is a report that is still to be made.
type saying struct {
	openid, nonce string
	at            time.Time
}

// TestTheBankCountsWhatWeChatCounts plays random days over each store, in every mode and format: users accept, refuse, switch off and are
// sent messages, while events and reports come in any order, some twice or three times, and of those accepts that lie further apart than
// what counts as one, one of both gets lost. Nobody accepts before and after switching off within that time: a report of the second that
// comes before the event of the first would be taken for its other half. After each day the bank has what the simulator counts, and the sums close.
func TestTheBankCountsWhatWeChatCounts(t *testing.T) {
	seed := seeded(t).Uint64()
	onEachStore(t, func(t *testing.T, in settings) {
		random := rand.New(rand.NewPCG(seed, uint64(len(in.keyFile))))
		w := eventWorld(t, in, sandbox.PushKnobs{})
		x := &teller{world: w, random: random, users: w.users(10)}
		for day := range 2 * rounds(t) {
			modes := []sandbox.PushMode{sandbox.PushPlain, sandbox.PushCompatible, sandbox.PushSecurity}
			formats := []sandbox.PushFormat{sandbox.PushJSON, sandbox.PushXML}
			w.pushEvents(modes[random.IntN(3)], formats[random.IntN(2)])
			x.day()
			x.tell()
			w.agree(x.users...)
			x.send(fmt.Sprintf("pages/day%d", day))
			w.agree(x.users...)
			if t.Failed() {
				t.Fatalf("day %d", day)
			}
		}
		t.Logf("%d events lost, %d reports lost, %d reports made; counted popup %d + %d duplicate, %d switched off, sent %d", x.lostEvents, x.lostReports, x.told,
			w.result("popup", "accepted"), w.result("popup", "duplicate"), w.result("change", "voided"), w.result("sent", "confirmed"))
		if x.lostEvents == 0 || x.lostReports == 0 || w.result("popup", "duplicate") == 0 {
			t.Error("nothing was lost or doubled: the test tests nothing")
		}
		w.check()
	})
}

// knobsOf draws how events arrive. They wait until they are flushed, in an order that chance has made.
func (x *teller) knobsOf(lose bool) sandbox.PushKnobs {
	k := sandbox.PushKnobs{
		Least: -1, Most: time.Hour, SentLeast: -1, SentMost: time.Hour, Duplicate: 0.3, Overtake: 0.3,
		Lists: sandbox.ShapeMixed, Numbers: sandbox.ShapeMixed, Wrappers: sandbox.ShapeMixed,
	}
	if lose {
		k.Lose = 1
	}
	return k
}

// day lets every user do something a few times.
func (x *teller) day() {
	x.t.Helper()
	x.calm = true
	for range 4 {
		apart := x.random.IntN(2) == 0 // so far that one of both may be lost
		for _, user := range x.users {
			x.live(user, apart)
		}
		gap := time.Duration(5+x.random.IntN(60)) * time.Second
		if apart {
			gap += 2 * minapush.PairWithin
		}
		x.calm = apart
		x.advance(gap)
	}
	x.advance(2 * minapush.PairWithin)
}

// live is one thing that a user does.
func (x *teller) live(user string, apart bool) {
	x.t.Helper()
	by := 0
	if apart {
		by = x.random.IntN(3)
	}
	switch what := x.random.IntN(10); {
	case what < 2 && x.calm:
		x.knobs(x.knobsOf(false))
		must(x.t, x.sandbox.Revoke(testApp, user, oneTimeT))
	case what == 2:
		x.knobs(x.knobsOf(x.random.IntN(2) == 0)) // a refusal counts nothing: whoever hears of it
		_, err := x.sandbox.Tap(testApp, user, []string{oneTimeT}, oneTimeT)
		must(x.t, err)
	default:
		x.knobs(x.knobsOf(by == 1))
		at := x.tap(user)
		if by == 1 {
			x.lostEvents++
		}
		if by == 2 {
			x.lostReports++
			return
		}
		x.nonces++
		for range 1 + x.random.IntN(3) {
			x.said = append(x.said, saying{user, fmt.Sprint("n", x.nonces), at})
		}
	}
}

// tell makes all reports, and lets all events come, at the same time.
func (x *teller) tell() {
	x.t.Helper()
	x.random.Shuffle(len(x.said), func(i, j int) { x.said[i], x.said[j] = x.said[j], x.said[i] })
	half := len(x.said) / 2
	if x.random.IntN(2) == 0 {
		half = 0
	}
	x.makeReports(x.said[:half])
	var reports sync.WaitGroup
	reports.Go(func() { x.makeReports(x.said[half:]) })
	x.allTold()
	reports.Wait()
	x.said = nil
}

func (x *teller) makeReports(list []saying) {
	for _, s := range list {
		x.reportTap(s.openid, s.nonce, s.at)
		x.told++
	}
}

func (x *teller) allTold() { x.world.told() }

// send spends some, and hears of it.
func (x *teller) send(page string) {
	x.t.Helper()
	x.knobs(x.knobsOf(false))
	want := map[string]string{}
	for _, user := range x.users {
		theirs, _ := x.counts(user)
		got := x.push(user, oneTimeMessage(page))
		want[user] = map[bool]string{true: "accepted", false: "skipped"}[theirs > 0]
		if got.Outcome != want[user] {
			x.t.Errorf("%s with %d permits at WeChat's: %s", user, theirs, got.Outcome)
		}
	}
	x.allTold()
	for user, outcome := range want {
		if outcome != "accepted" {
			continue
		}
		recent := x.user(user).Recent
		if d := recent[0].Delivery; d == nil || d.Confirmed != "delivered" {
			x.t.Errorf("%s: %+v", user, recent[0])
		}
	}
}
