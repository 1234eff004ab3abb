package pebblestore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

func at(d time.Duration) time.Time { return time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC).Add(d) }

func form(n int) minapush.Permit {
	return minapush.Permit{
		Kind: minapush.FormID, Identity: fmt.Sprintf("%032x", n), Uses: 1, TakenAt: at(0), ExpiresAt: at(minapush.CodeLife),
	}
}

// small makes tables and log files change often.
func small(disk vfs.FS) Config { return Config{FS: disk, CacheBytes: 1 << 20, MemTableBytes: 64 << 10} }

func TestAPowerLossLeavesWhatWasAcknowledged(t *testing.T) {
	for _, percent := range []int{0, 50, 90} { // of what was not synced is there nevertheless
		t.Run(fmt.Sprint(percent), func(t *testing.T) {
			t.Parallel()
			testPowerLoss(t, vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(1, 2))})
		})
	}
}

func testPowerLoss(t *testing.T, loss vfs.CrashCloneCfg) {
	const half, all = 1000, 3000
	disk := vfs.NewCrashableMem()
	s := mustOpen(t, "data", small(disk))
	app := minapush.App{Number: 1, Shards: 4}
	var acked sync.Map // number of a permit -> openid
	var wg sync.WaitGroup
	var n atomic.Int64
	halfway, cut := make(chan struct{}), make(chan struct{})
	for w := range 16 {
		o := minapush.OpenID(fmt.Sprintf("user-%02d", w%12)) // some users have two writers
		wg.Go(func() {
			for i := int(n.Add(1)); i <= all; i = int(n.Add(1)) {
				d := store.Deposit{Now: at(0), Permits: []minapush.Permit{form(i)}, MaxPerSection: all}
				if _, err := s.Deposit(t.Context(), app.Shard(o), o, d); err != nil {
					t.Error(err)
					return
				}
				acked.Store(i, o)
				if i == half {
					close(halfway)
				}
				select {
				case <-cut:
					return
				default:
				}
			}
		})
	}
	<-halfway
	// What is acknowledged before the power goes is counted first: more may be on the disk, less may not.
	want := map[minapush.OpenID][]int{}
	acked.Range(func(i, o any) bool {
		want[o.(minapush.OpenID)] = append(want[o.(minapush.OpenID)], i.(int))
		return true
	})
	left := disk.CrashClone(loss)
	close(cut)
	wg.Wait()

	s = mustOpen(t, "data", small(left))
	for o, codes := range want {
		u, err := s.User(t.Context(), app.Shard(o), o)
		if err != nil {
			t.Fatal(err)
		}
		if !u.Counts.Closes() || len(u.Permits) != int(u.Counts.Deposited) {
			t.Errorf("%s has %d permits and counts %+v", o, len(u.Permits), u.Counts)
		}
		have := map[string]bool{}
		for _, p := range u.Permits {
			have[p.Identity] = true
		}
		for _, i := range codes {
			if !have[form(i).Identity] {
				t.Errorf("%s lost permit %d", o, i)
			}
		}
	}
	wantFlowOfUsers(t, s, app)
}

// wantFlowOfUsers wants the flow of every shard to be the sum of its users: the two are written in one batch.
func wantFlowOfUsers(t *testing.T, s *Store, app minapush.App) {
	t.Helper()
	for n := range uint32(app.Shards) {
		sh := minapush.Shard{App: app.Number, N: n}
		flow, err := s.Flow(t.Context(), sh)
		if err != nil {
			t.Fatal(err)
		}
		users, err := s.Walk(t.Context(), sh, "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		var sum int64
		for _, u := range users {
			sum += u.Counts.Deposited
		}
		if got := flow[minapush.FormID].Deposited; got != sum {
			t.Errorf("shard %d: flow has %d deposited, users %d", n, got, sum)
		}
	}
}

// gate holds back every sync from when it is shut until it is opened.
type gate struct {
	syncs atomic.Int64
	shut  atomic.Pointer[shutGate]
}

type shutGate struct {
	once   sync.Once
	waits  chan struct{} // closed when a sync waits
	opened chan struct{}
}

func (g *gate) close() *shutGate {
	s := &shutGate{waits: make(chan struct{}), opened: make(chan struct{})}
	g.shut.Store(s)
	return s
}

func (g *gate) wrap(fs vfs.FS) vfs.FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo {
			g.syncs.Add(1)
			if s := g.shut.Load(); s != nil {
				s.once.Do(func() { close(s.waits) })
				<-s.opened
			}
		}
		return nil
	}))
}

func TestNobodyLearnsWhatIsNotOnDisk(t *testing.T) {
	var g gate
	s := mustOpen(t, "data", Config{FS: g.wrap(vfs.NewMem())})
	sh := minapush.Shard{App: 1}
	deposit := func() (store.Deposited, error) {
		return s.Deposit(t.Context(), sh, "user", store.Deposit{Now: at(0), Permits: []minapush.Permit{form(1)}})
	}
	shut := g.close()
	answers := make(chan string, 4)
	ask := func(name string, f func() error) {
		go func() {
			if err := f(); err != nil {
				name += ": " + err.Error()
			}
			answers <- name
		}()
	}
	ask("first", func() error { _, err := deposit(); return err })
	<-shut.waits
	func() { // once the lock can be had, the step is applied
		s.laneOf(sh).mu.Lock()
		defer s.laneOf(sh).mu.Unlock()
	}()
	// The permit can be seen from here on, and is not on disk: a duplicate, and a look at the user, must wait for it.
	ask("duplicate", func() error { _, err := deposit(); return err })
	ask("user", func() error { _, err := s.User(t.Context(), sh, "user"); return err })
	ask("walk", func() error { _, err := s.Walk(t.Context(), sh, "", 10); return err })
	select {
	case name := <-answers:
		t.Errorf("%s was answered before the log was synced", name)
	case <-time.After(50 * time.Millisecond):
	}
	g.shut.Store(nil)
	close(shut.opened)
	for range cap(answers) {
		if name := <-answers; len(name) > len("duplicate") {
			t.Error(name)
		}
	}
	// When nothing is on its way to the disk, a duplicate costs no sync.
	before := g.syncs.Load()
	if _, err := deposit(); err != nil {
		t.Fatal(err)
	}
	if n := g.syncs.Load() - before; n != 0 {
		t.Errorf("a duplicate cost %d syncs", n)
	}
}

func TestASyncThatFailsStopsTheStore(t *testing.T) {
	var fail atomic.Bool
	disk := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		sync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
		if fail.Load() && sync {
			return errors.New("the disk is gone")
		}
		return nil
	}))
	s, err := Open("data", Config{FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	sh := minapush.Shard{App: 1}
	fail.Store(true)
	_, err = s.Deposit(t.Context(), sh, "user", store.Deposit{Now: at(0), Permits: []minapush.Permit{form(1)}})
	if !errors.Is(err, minapush.Unavailable) {
		t.Errorf("deposit: %v", err)
	}
	fail.Store(false)
	if _, err := s.User(t.Context(), sh, "user"); !errors.Is(err, minapush.Unavailable) {
		t.Errorf("a look at the user: %v", err)
	}
	_ = s.Close()
}

func TestAClosedStoreLeavesNoLogToReplay(t *testing.T) {
	disk := vfs.NewMem()
	s := mustOpen(t, "data", Config{FS: disk})
	sh := minapush.Shard{App: 1}
	if _, err := s.Deposit(t.Context(), sh, "user", store.Deposit{Now: at(0), Permits: []minapush.Permit{form(1)}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, "data", Config{FS: disk})
	if n := s.db.Metrics().MemTable.Count; n > 1 {
		t.Errorf("opening replayed %d memtables", n)
	}
	if u, err := s.User(t.Context(), sh, "user"); err != nil || len(u.Permits) != 1 {
		t.Errorf("%+v, %v", u, err)
	}
}
