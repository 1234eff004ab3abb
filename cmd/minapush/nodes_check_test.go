package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/redisstore"
	"github.com/minapush/minapush/store/storetest"
)

// figures are what a run is remembered by.
type figures struct {
	accepted, unknown, twice int64
	arrived                  int64         // of those unknown
	took, still              time.Duration // from the first message to the last; the longest time without any
	highest, most            int           // messages within any second; how many there may be
}

func (s figures) String() string {
	return fmt.Sprintf("%d accepted, %d unknown (%d arrived), %d twice; %v from first to last, none for %v; at most %d in a second (%d may be)",
		s.accepted, s.unknown, s.arrived, s.twice, s.took.Round(time.Millisecond), s.still.Round(time.Millisecond), s.highest, s.most)
}

// check proves what a broadcast promises once it has ended: its sums close, nobody has two messages, who has one is accepted or unknown,
// who is accepted has one, and what was not spent is there. With lossy, claims may have been lost, so messages may have been repeated.
func (f *fleet) check(n *node, list []broadcast, lossy bool) figures {
	f.t.Helper()
	var sums figures
	for _, b := range list {
		f.checkBroadcast(n, b, lossy, &sums)
	}
	f.checkPace(&sums)
	f.checkStock(n, sums, lossy)
	return sums
}

// tokensAhead is what a node may send beyond the rate: the two slices of dispatch/slice.go, as a share of a second.
const tokensAhead = 50 * time.Millisecond

// checkPace counts the messages of each second. The simulator sees messages when they arrive: beside the tokens of that second these are
// at most those that were under way when it began, however slow this machine is.
func (f *fleet) checkPace(sums *figures) {
	f.t.Helper()
	times := f.times()
	if len(times) == 0 {
		f.t.Fatal("no message was sent")
	}
	sums.took = times[len(times)-1].Sub(times[0])
	for i := range times[1:] {
		sums.still = max(sums.still, times[i+1].Sub(times[i]))
	}
	each := int(float64(f.rate)*tokensAhead.Seconds()) + 1 + f.underWay()
	sums.highest, sums.most = highestSecond(times), f.rate+each*len(f.nodes)
	if sums.highest > sums.most {
		f.t.Errorf("%d messages in a second; %d nodes with a rate of %d may send %d", sums.highest, len(f.nodes), f.rate, sums.most)
	}
}

func (f *fleet) checkBroadcast(n *node, b broadcast, lossy bool, sums *figures) {
	f.t.Helper()
	got := f.finished(n, b, 5*time.Minute)
	p := got.Progress
	if !adds(p) || p.Pending != 0 || p.Audience != int64(len(f.users)) {
		f.t.Errorf("%s: the sum does not close over %d users: %+v", b.message.Template, len(f.users), p)
	}
	if p.Outcomes["refused"]+p.Outcomes["failed"] > 0 {
		f.complain(lossy, "%s: nobody refused, and nothing was wrong with anybody's permit: %+v", b.message.Template, p)
	}
	received, err := f.sandbox.CountsByPage(testApp, b.message.Template, b.message.Page)
	must(f.t, err)
	for user, count := range received {
		if count > 1 {
			sums.twice++
			if !lossy {
				f.t.Errorf("%s got %d messages", minapush.OpenID(user).Masked(), count)
			}
		}
	}
	outcomes := map[string]string{}
	for d, err := range n.client.Deliveries(f.t.Context(), testApp, b.id, "") {
		must(f.t, err)
		outcomes[d.OpenID] = d.Outcome
		if d.Outcome == "accepted" && received[d.OpenID] == 0 {
			f.t.Errorf("%s is accepted and got nothing: %+v", minapush.OpenID(d.OpenID).Masked(), d)
		}
	}
	for user := range received {
		if o := outcomes[user]; o != "accepted" && o != "unknown" {
			f.complain(lossy, "%s got a message and is %q", minapush.OpenID(user).Masked(), o)
		}
	}
	counted := map[string]int64{}
	for user, o := range outcomes {
		counted[o]++
		if o == "unknown" && received[user] > 0 {
			sums.arrived++
		}
	}
	if counted["accepted"] != p.Outcomes["accepted"] || counted["unknown"] != p.Outcomes["unknown"] {
		f.t.Errorf("%s: listed %v, summed %v", b.message.Template, counted, p.Outcomes)
	}
	sums.accepted += counted["accepted"]
	sums.unknown += counted["unknown"]
}

// complain is an error, or with lossy a note.
func (f *fleet) complain(lossy bool, format string, args ...any) {
	f.t.Helper()
	if lossy {
		f.t.Logf(format, args...)
	} else {
		f.t.Errorf(format, args...)
	}
}

// checkStock counts the uses that the bank still has: what was given less one for each message that went out or may have.
func (f *fleet) checkStock(n *node, sums figures, lossy bool) {
	f.t.Helper()
	left := int64(0)
	for row, err := range n.client.ExportPermits(f.t.Context(), testApp) {
		must(f.t, err)
		left += int64(row.Uses)
	}
	if want := f.issued - sums.accepted - sums.unknown; left != want {
		f.complain(lossy, "%d uses are left of %d, want %d", left, f.issued, want)
	}
}

// checkStore ends the nodes and proves the invariants on the store itself.
func (f *fleet) checkStore(url string, list []broadcast) {
	f.t.Helper()
	f.stop()
	cfg, err := redisstore.ParseURL(url)
	must(f.t, err)
	st, err := redisstore.Open(f.t.Context(), cfg)
	must(f.t, err)
	defer func() { must(f.t, st.Close()) }()
	batches := []string{minapush.PushBatch(time.Now())}
	for _, b := range list {
		batches = append(batches, b.id)
	}
	app := minapush.App{Number: 1, Shards: minapush.DefaultShards}
	storetest.MustCheck(f.t, st, storetest.Scope{Apps: []minapush.App{app}, Batches: map[uint32][]string{app.Number: batches}})
}

// times are the moments at which the simulator took messages, in order.
func (f *fleet) times() []time.Time {
	f.t.Helper()
	var list []time.Time
	for _, user := range f.users {
		messages, err := f.sandbox.Messages(testApp, user)
		must(f.t, err)
		for _, m := range messages {
			list = append(list, m.Time)
		}
	}
	slices.SortFunc(list, time.Time.Compare)
	return list
}

// highestSecond is the most messages within any second.
func highestSecond(times []time.Time) int {
	highest, first := 0, 0
	for i, at := range times {
		for at.Sub(times[first]) >= time.Second {
			first++
		}
		highest = max(highest, i-first+1)
	}
	return highest
}

// takenOver is how long the shards that a dead node was in the middle of waited for another one: of the shards that had a message
// within the second before, and their next one much later, how many there are and the longest wait.
func (f *fleet) takenOver(at time.Time) (shards int, longest time.Duration) {
	f.t.Helper()
	before, after := map[uint32]time.Time{}, map[uint32]time.Time{}
	for _, user := range f.users {
		messages, err := f.sandbox.Messages(testApp, user)
		must(f.t, err)
		shard := shardOf(user)
		for _, m := range messages {
			if m.Time.Before(at) {
				if m.Time.After(before[shard]) {
					before[shard] = m.Time
				}
			} else if t, ok := after[shard]; !ok || m.Time.Before(t) {
				after[shard] = m.Time
			}
		}
	}
	for shard, last := range before {
		next, ok := after[shard]
		if ok && at.Sub(last) < time.Second && next.Sub(at) > 3*time.Second {
			shards++
			longest = max(longest, next.Sub(at))
		}
	}
	return shards, longest
}
