package pebblestore

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

// disks remembers on which file system each store of a test is, so that its power can be cut.
type disks struct{ bySt sync.Map }

func (d *disks) open(tb testing.TB, disk *vfs.MemFS, clock func() time.Time) store.Store {
	tb.Helper()
	s, err := Open("data", Config{Now: clock, Logger: testLog(tb), FS: disk, CacheBytes: 1 << 20, MemTableBytes: 1 << 20})
	if err != nil {
		tb.Fatal(err)
	}
	d.bySt.Store(s, disk)
	return s
}

// cut leaves of a store what a power loss would: what was synced, and nothing else.
func (d *disks) cut(st store.Store) *vfs.MemFS {
	disk, _ := d.bySt.Load(st)
	left := disk.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{})
	_ = st.Close()
	return left
}

func testLog(tb testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(tb.Output(), nil)) }

func TestStoreKeepsTheContract(t *testing.T) {
	var d disks
	storetest.Run(t, storetest.Backend{
		Open: func(tb testing.TB, clock func() time.Time) store.Store {
			return d.open(tb, vfs.NewCrashableMem(), clock)
		},
		Reopen: func(tb testing.TB, st store.Store, clock func() time.Time) store.Store {
			return d.open(tb, d.cut(st), clock)
		},
	})
}

func TestStoreAgreesWithTheModel(t *testing.T) {
	if slowIterators {
		t.Skip("minutes long under the race detector, which it would not trouble: its steps come one after the other")
	}
	storetest.Agree(t, func(tb testing.TB, clock func() time.Time) (store.Store, func() store.Store) {
		var d disks
		st := d.open(tb, vfs.NewCrashableMem(), clock)
		tb.Cleanup(func() { _ = st.Close() })
		return st, func() store.Store {
			st = d.open(tb, d.cut(st), clock)
			return st
		}
	})
}

func TestStoreStandsFaultsInEveryForm(t *testing.T) {
	var d disks
	storetest.RunFaults(t, storetest.Backend{
		Open: func(tb testing.TB, clock func() time.Time) store.Store {
			return d.open(tb, vfs.NewCrashableMem(), clock)
		},
	})
}
