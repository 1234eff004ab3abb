package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush/store/redisstore/redistest"
)

// The lease of a shard lasts 10 s: who is paused for longer has lost all of them.
const pastLease = 12 * time.Second

// TestNodesKillPauseAndFailOver runs three nodes on a six-process cluster through a broadcast in which one node is killed, another
// paused beyond its leases and continued, and a Redis master killed, in any order and at any moment. The broadcast ends without help,
// its sums close, nobody has two messages, whoever is in doubt is unknown, no permit is lost, and no second has more messages than the
// rate allows all nodes together.
func TestNodesKillPauseAndFailOver(t *testing.T) {
	if testing.Short() {
		t.Skip("a run of minutes; make test has it")
	}
	t.Parallel()
	random := seeded(t)
	for round := range fromEnv(t, "MINAPUSH_TEST_NODE_ROUNDS", 3) {
		seed := random.Uint64()
		t.Run(fmt.Sprintf("round %d", round), func(t *testing.T) {
			t.Parallel()
			nodesRound(t, rand.New(rand.NewPCG(seed, 4)), 1)
		})
	}
}

// TestNodesFaultsWithoutWaiting is the same without waiting for replicas: claims that a fail-over loses may be sent twice, as
// docs/operating.md says. Everything still ends by itself, and the books are closed.
func TestNodesFaultsWithoutWaiting(t *testing.T) {
	if testing.Short() {
		t.Skip("a run of a minute; make test has it")
	}
	t.Parallel()
	nodesRound(t, seeded(t), 0)
}

// faults are what happens to a fleet on a cluster during a broadcast.
type faults struct {
	*fleet
	group   *redistest.Group
	url     string
	random  *rand.Rand
	killed  time.Time // when the node was killed
	victims []*node
	lag     bool // the replica misses the last writes of the master that is killed
	mending sync.WaitGroup
}

func nodesRound(t *testing.T, random *rand.Rand, wait int) {
	f := &faults{fleet: newFleet(t, fleetSize(t, 15_000)), random: random}
	t.Cleanup(f.mending.Wait)
	f.group = redistest.Cluster(t, 3, 1, "appendfsync everysec")
	f.url = fmt.Sprintf("redis://%s?wait-replicas=%d", strings.Join(f.group.Addrs(), ","), wait)
	for i := range 3 {
		f.start(fmt.Sprintf("node%d", i), f.url)
	}
	f.found(f.nodes[0], max(1000, len(f.users)/25))
	must(t, f.group.Ready(t.Context()))
	f.victims = append(f.victims, f.nodes...)
	random.Shuffle(3, func(i, j int) { f.victims[i], f.victims[j] = f.victims[j], f.victims[i] })
	f.lag = wait == 0 || random.IntN(2) == 0
	survivor := f.victims[2]
	list := f.broadcast(survivor)
	f.strike(t.Context())
	for _, b := range list {
		f.finished(survivor, b, 5*time.Minute)
	}
	ended := time.Now()
	f.mending.Wait()
	sums := f.check(survivor, list, wait == 0)
	shards, longest := f.takenOver(f.killed)
	t.Logf("%s; ended %v after the kill, %d shards waited for it, at most %v", sums, ended.Sub(f.killed).Round(time.Millisecond), shards,
		longest.Round(time.Millisecond))
	f.checkStore(f.url, list)
}

// strike does all three, each at a moment that is told by how far the broadcast is, so that slow machines are met in the middle too.
func (f *faults) strike(ctx context.Context) {
	f.t.Helper()
	steps := []func(context.Context){f.killNode, f.pauseNode, f.killMaster}
	f.random.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	for i, step := range steps {
		// Within the first tenth, fifth, … so that there is something left to disturb.
		at := int64(len(f.users)) * int64(2*i*10+f.random.IntN(20)) / 100
		f.untilAccepted(ctx, at)
		f.t.Logf("%d of %d accepted", f.accepted(), len(f.users))
		step(ctx)
	}
}

// killNode ends a node for good, or starts another one in its place after a while.
func (f *faults) killNode(context.Context) {
	f.killed = time.Now()
	f.victims[0].kill()
	f.t.Logf("%s killed", f.victims[0].name)
	if f.random.IntN(2) == 0 {
		return
	}
	pause := time.Duration(f.random.IntN(6000)) * time.Millisecond
	f.mend(pause, func() { f.restart("node3", f.url) })
}

// pauseNode stops a node where it stands, and lets it go on when others have its shards.
func (f *faults) pauseNode(context.Context) {
	n := f.victims[1]
	must(f.t, n.pause())
	f.t.Logf("%s paused", n.name)
	f.mend(pastLease, func() {
		if err := n.resume(); err != nil {
			f.t.Errorf("%s: %v", n.name, err)
		}
		f.t.Logf("%s goes on", n.name)
	})
}

// killMaster ends a Redis master; its replica may miss its last writes. It is started again after a while, as whatever keeps a
// service running does: until then the shards whose only other copy is the new master have nobody to wait for.
func (f *faults) killMaster(ctx context.Context) {
	masters := f.group.Masters()
	master := masters[f.random.IntN(len(masters))]
	if replica := f.replica(master); f.lag && replica != nil {
		must(f.t, replica.Pause())
		defer func() { must(f.t, replica.Resume()) }()
		_, err := master.Do("CLIENT", "KILL", "TYPE", "replica") // else what it is sent waits for it in its socket
		must(f.t, err)
		sleepFor(ctx, time.Duration(500+f.random.IntN(500))*time.Millisecond)
	}
	must(f.t, master.Kill())
	f.t.Logf("master %s killed, its last writes lost: %v", master.Addr(), f.lag)
	f.mend(time.Duration(4000+f.random.IntN(4000))*time.Millisecond, func() {
		if !poll(f.t.Context(), time.Minute, func() bool { return len(f.group.Masters()) == 3 }) {
			f.t.Errorf("no replica took over from %s", master.Addr())
		}
		var err error
		if !poll(f.t.Context(), time.Minute, func() bool { err = master.Restart(f.t.Context()); return err == nil }) { // its port may be in use for a moment
			f.t.Errorf("%s: %v", master.Addr(), err)
		}
		f.t.Logf("server %s is back", master.Addr())
	})
}

// mend does something after a while; nodesRound waits for it.
func (f *faults) mend(after time.Duration, do func()) {
	ctx := f.t.Context()
	f.mending.Go(func() {
		if sleepFor(ctx, after) {
			do()
		}
	})
}

// sleepFor lets time pass that belongs to what is tested: false if the test ended meanwhile.
func sleepFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// replica is the server that follows a master; nil if none does.
func (f *faults) replica(master *redistest.Server) *redistest.Server {
	info, err := master.Do("INFO", "replication")
	must(f.t, err)
	for _, s := range f.group.Servers {
		_, port, _ := strings.Cut(s.Addr(), ":")
		if strings.Contains(info, "port="+port+",") {
			return s
		}
	}
	return nil
}
