package pebblestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

// writers deposit one permit after the other until they are stopped.
type writers struct {
	group sync.WaitGroup
	stop  chan struct{}
	acked sync.Map // number of a permit -> openid
	count atomic.Int64
}

func startWriters(t *testing.T, s *Store, app minapush.App, n int) *writers {
	w := &writers{stop: make(chan struct{})}
	var next atomic.Int64
	for i := range n {
		w.group.Go(func() {
			for {
				select {
				case <-w.stop:
					return
				default:
				}
				k := int(next.Add(1))
				o := minapush.OpenID(fmt.Sprintf("user-%d-%02d", i%5, k%40))
				d := store.Deposit{Now: at(0), Permits: []minapush.Permit{form(k)}, MaxPerSection: 1 << 20}
				if _, err := s.Deposit(t.Context(), app.Shard(o), o, d); err != nil {
					t.Error(err)
					return
				}
				w.acked.Store(k, o)
				w.count.Add(1)
			}
		})
	}
	t.Cleanup(w.end)
	return w
}

// until waits for so many acknowledged deposits.
func (w *writers) until(n int64) {
	for w.count.Load() < n {
		<-time.After(time.Millisecond)
	}
}

func (w *writers) end() {
	select {
	case <-w.stop:
	default:
		close(w.stop)
	}
	w.group.Wait()
}

func TestACopyHasWhatWasAcknowledgedBeforeIt(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	// Small memtables, so that tables and logs come and go while the copy is made.
	s := mustOpen(t, filepath.Join(root, "data"), Config{CacheBytes: 1 << 20, MemTableBytes: 256 << 10})
	app := minapush.App{Number: 1, Shards: 4}
	w := startWriters(t, s, app, 8)
	for n := range 3 {
		w.until(w.count.Load() + 2000)
		before := map[int]minapush.OpenID{}
		w.acked.Range(func(k, o any) bool {
			before[k.(int)] = o.(minapush.OpenID)
			return true
		})
		dir := filepath.Join(root, "backups", fmt.Sprint(n))
		if err := s.Checkpoint(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		wantCopy(t, dir, app, before)
	}
	w.end()
	storetest.MustCheck(t, s, storetest.Scope{Apps: []minapush.App{app}})
}

// wantCopy opens a copy, and wants it to be a whole store with these permits.
func wantCopy(t *testing.T, dir string, app minapush.App, permits map[int]minapush.OpenID) {
	t.Helper()
	s, err := Open(dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	storetest.MustCheck(t, s, storetest.Scope{Apps: []minapush.App{app}})
	have := map[string]bool{}
	for n := range uint32(app.Shards) {
		users, err := s.Walk(t.Context(), minapush.Shard{App: app.Number, N: n}, "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range users {
			for _, p := range u.Permits {
				have[string(u.OpenID)+p.Identity] = true
			}
		}
	}
	for k, o := range permits {
		if !have[string(o)+form(k).Identity] {
			t.Errorf("the copy lacks permit %d of %s", k, o)
		}
	}
}

func TestACopyLivesOnWithoutItsOriginal(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	s := mustOpen(t, filepath.Join(root, "data"), Config{})
	app := minapush.App{Number: 1, Shards: 1}
	deposit := func(s *Store, k int) {
		t.Helper()
		if _, err := s.Deposit(t.Context(), app.Shard("o"), "o", store.Deposit{Now: at(0), Permits: []minapush.Permit{form(k)}}); err != nil {
			t.Fatal(err)
		}
	}
	deposit(s, 1)
	if err := s.db.Flush(); err != nil { // so that there is a table to link
		t.Fatal(err)
	}
	deposit(s, 2)
	dir := filepath.Join(root, "copy")
	if err := s.Checkpoint(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if links := linked(t, filepath.Join(root, "data"), dir); links == 0 {
		t.Error("no table of the copy is a link")
	}
	deposit(s, 3) // is not in the copy
	if err := errors.Join(s.Close(), os.RemoveAll(filepath.Join(root, "data"))); err != nil {
		t.Fatal(err)
	}
	c := mustOpen(t, dir, Config{})
	deposit(c, 4)
	u, err := c.User(t.Context(), app.Shard("o"), "o")
	if err != nil || len(u.Permits) != 3 || u.Permits[2].Identity != form(4).Identity {
		t.Errorf("%+v, %v", u.Permits, err)
	}
	storetest.MustCheck(t, c, storetest.Scope{Apps: []minapush.App{app}})
}

// linked counts the tables that two directories share.
func linked(t *testing.T, a, b string) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(b, "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range names {
		one, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if other, err := os.Stat(filepath.Join(a, filepath.Base(name))); err == nil && os.SameFile(one, other) {
			n++
		}
	}
	return n
}

func TestACopyGoesWhereNothingIs(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	s := mustOpen(t, filepath.Join(root, "data"), Config{})
	taken := filepath.Join(root, "taken")
	if err := os.Mkdir(taken, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{taken, filepath.Join(root, "data")} {
		if err := s.Checkpoint(t.Context(), dir); !errors.Is(err, minapush.Conflict) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if names, err := os.ReadDir(taken); err != nil || len(names) != 0 {
		t.Errorf("the directory holds %v now, %v", names, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(t.Context(), filepath.Join(root, "late")); !errors.Is(err, minapush.Unavailable) {
		t.Errorf("of a closed store: %v", err)
	}
}

func TestACopyCutShortIsNoStore(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMem()
	var fail atomic.Bool
	s := mustOpen(t, "data", Config{FS: errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if fail.Load() && op.Kind == errorfs.OpRename && strings.HasPrefix(op.Path, "copy/MINAPUSH") {
			return errors.New("the disk is full")
		}
		return nil
	}))})
	fail.Store(true)
	if err := s.Checkpoint(t.Context(), "copy"); !errors.Is(err, minapush.Unavailable) {
		t.Errorf("%v", err)
	}
	if _, err := disk.Stat("copy"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is left: %v", err)
	}
	// A crash before the marker leaves what Pebble made.
	if err := s.db.Checkpoint("half", pebble.WithFlushedWAL()); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, "half", Config{FS: disk}, minapush.Invalid, "half", "no file MINAPUSH")
}

func TestACopyIsMadeWhereThereAreNoLinks(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMem()
	s := mustOpen(t, "data", Config{FS: errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpLink {
			return &os.LinkError{Op: "link", Old: op.Path, New: "copy", Err: fs.ErrPermission}
		}
		return nil
	}))})
	app := minapush.App{Number: 1, Shards: 1}
	if _, err := s.Deposit(t.Context(), app.Shard("o"), "o", store.Deposit{Now: at(0), Permits: []minapush.Permit{form(1)}}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.db.Flush(), s.Checkpoint(t.Context(), "copy")); err != nil {
		t.Fatal(err)
	}
	c := mustOpen(t, "copy", Config{FS: disk})
	if u, err := c.User(t.Context(), app.Shard("o"), "o"); err != nil || len(u.Permits) != 1 {
		t.Errorf("%+v, %v", u, err)
	}
}
