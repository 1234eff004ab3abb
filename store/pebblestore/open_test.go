package pebblestore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(benchVictim); dir != "" {
		fmt.Fprintln(os.Stderr, runVictim(dir, os.Stdout))
		os.Exit(1) // it is to be killed, not to end
	}
	goleak.VerifyTestMain(m)
}

func mustOpen(tb testing.TB, dir string, cfg Config) *Store {
	tb.Helper()
	s, err := Open(dir, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

func wantRefusal(t *testing.T, dir string, cfg Config, kind minapush.Kind, text ...string) {
	t.Helper()
	s, err := Open(dir, cfg)
	if err == nil {
		_ = s.Close()
		t.Fatal("it was opened")
	}
	if !errors.Is(err, kind) {
		t.Errorf("%v is not %v", err, kind)
	}
	for _, part := range text {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestOpenMakesADirectoryThatIsItsOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	mustOpen(t, dir, Config{})
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestAStoreInUseIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{})
	wantRefusal(t, dir, Config{}, minapush.Conflict, dir, "another minapush")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, dir, Config{})
}

func TestAForeignDirectoryIsRefusedAndLeftAlone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "diary.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, dir, Config{}, minapush.Invalid, dir, "diary.txt")
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 1 {
		t.Errorf("the directory holds %v now, %v", names, err)
	}
}

func TestAPebbleDatabaseOfSomebodyElseIsRefused(t *testing.T) {
	for name, opts := range map[string]*pebble.Options{"another merger": {}, "our merger": {Merger: concat()}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			db, err := pebble.Open(dir, opts)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(db.Set([]byte("k"), []byte("v"), pebble.Sync), db.Close()); err != nil {
				t.Fatal(err)
			}
			wantRefusal(t, dir, Config{}, minapush.Invalid, dir, "not a minapush store")
			// Nor does our marker make it ours.
			if err := writeMarker(dir, vfs.Default); err != nil {
				t.Fatal(err)
			}
			wantRefusal(t, dir, Config{}, minapush.Invalid, dir)
		})
	}
}

func TestANewerFormatIsRefused(t *testing.T) {
	t.Run("in the marker", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, markerFile), []byte("minapush store, format 3\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, dir, Config{}, minapush.Invalid, "format 3, this binary knows up to 1")
	})
	t.Run("in the meta key", func(t *testing.T) {
		dir := t.TempDir()
		s := mustOpen(t, dir, Config{})
		if err := errors.Join(s.db.Set(metaKey(), append([]byte{3}, product...), pebble.Sync), s.Close()); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, dir, Config{}, minapush.Invalid, "format 3, this binary knows up to 1")
	})
}

func TestAnOpenThatWasCutShortIsTakenUpAgain(t *testing.T) {
	disk := vfs.NewCrashableMem()
	if err := disk.MkdirAll("data", 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := claim("data", disk)
	if err != nil {
		t.Fatal(err)
	}
	db, err := pebble.Open("data", &pebble.Options{FS: disk, Lock: lock, Merger: concat()})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Close(), lock.Close()); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, "data", Config{FS: disk})
}

func TestAfterCloseEveryCallIsUnavailable(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Config{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	sh := minapush.Shard{App: 1}
	for name, err := range map[string]error{
		"deposit": second(s.Deposit(t.Context(), sh, "o", store.Deposit{})),
		"user":    second(s.User(t.Context(), sh, "o")),
		"get":     second(s.Get(t.Context(), "k", "i")),
		"put":     second(s.Put(t.Context(), store.Document{Kind: "k", ID: "i"})),
		"acquire": second(s.Acquire(t.Context(), sh, "n", 1)),
	} {
		if !errors.Is(err, minapush.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }
