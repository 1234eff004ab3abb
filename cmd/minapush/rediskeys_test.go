package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/redisstore/redistest"
	"github.com/minapush/minapush/store/storetest"
)

// beginTogether starts several nodes on one store at the same moment, each with a key file, and returns those that came up.
func beginTogether(t *testing.T, store string, keyFiles ...string) (up []*system, errs []error) {
	t.Helper()
	var mu sync.Mutex
	var nodes sync.WaitGroup
	start := make(chan struct{})
	for _, key := range keyFiles {
		nodes.Go(func() {
			s := settings{store: store, keyFile: key}
			<-start
			sys, err := assemble(t.Context(), s, discard())
			if err == nil {
				err = sys.firstKey(t.Context(), s)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
			}
			if sys != nil {
				up = append(up, sys)
			}
		})
	}
	close(start)
	nodes.Wait()
	t.Cleanup(func() {
		for _, sys := range up {
			must(t, sys.store.Close())
		}
	})
	return up, errs
}

func TestNodesThatBeginTogetherEndWithOneAdminKeyThatWorks(t *testing.T) {
	t.Parallel()
	server := redistest.One(t)
	for round, shared := range []bool{true, false, true, false, true, false, true, false} {
		store := redisURL(server) + "?prefix=round" + string(rune('a'+round))
		dir := t.TempDir()
		files := slices.Repeat([]string{filepath.Join(dir, "secret.key")}, 4)
		if !shared { // each on a machine of its own, with a copy of the key
			for i := range files {
				files[i] = filepath.Join(t.TempDir(), "secret.key")
				must(t, os.WriteFile(files[i], []byte(strings.Repeat("5c", 32)), 0o600))
			}
		}
		up, errs := beginTogether(t, store, files...)
		if len(errs) > 0 || len(up) != len(files) {
			t.Fatalf("round %d: %v", round, errors.Join(errs...))
		}
		found := map[string]bool{}
		for _, file := range files {
			if key, err := readKey(filepath.Dir(file)); err == nil {
				found[key] = true
			}
			if left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*.new-*")); err != nil || len(left) > 0 {
				t.Errorf("round %d: left behind: %v %v", round, left, err)
			}
		}
		keys, err := up[0].accounts.Keys(t.Context())
		must(t, err)
		if len(found) != 1 || len(keys) != 1 {
			t.Fatalf("round %d: %d keys in files, %d stored", round, len(found), len(keys))
		}
		for key := range found {
			for _, sys := range up {
				if _, err := sys.accounts.Authenticate(t.Context(), key); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			}
		}
	}
}

// sealedMeanwhile is a store that another node seals, with the key file they share, while this one looks.
type sealedMeanwhile struct {
	store.Documents
	seal func()
}

func (d sealedMeanwhile) ListDocuments(ctx context.Context, kind, after string, limit int) ([]store.Document, error) {
	d.seal()
	return d.Documents.ListDocuments(ctx, kind, after, limit)
}

func TestANodeUsesTheSharedKeyFileThatAnotherMadeWhileItLooked(t *testing.T) {
	t.Parallel()
	docs, path := storetest.NewModel(time.Now), filepath.Join(t.TempDir(), "secret.key")
	seal := func() {
		sealer, made, err := loadSealer(t.Context(), docs, path)
		must(t, err)
		if !made {
			t.Error("the other node made no key file")
		}
		other, err := account.New(docs, sealer, account.Config{})
		must(t, err)
		must(t, other.CheckSeal(t.Context()))
	}
	sealer, made, err := loadSealer(t.Context(), sealedMeanwhile{docs, seal}, path)
	if err != nil || made {
		t.Fatalf("made %v, %v", made, err)
	}
	this, err := account.New(docs, sealer, account.Config{})
	must(t, err)
	must(t, this.CheckSeal(t.Context()))
}

func TestNodesThatBeginTogetherWithoutAKeyFileSealWithOneOnly(t *testing.T) {
	t.Parallel()
	files := []string{filepath.Join(t.TempDir(), "secret.key"), filepath.Join(t.TempDir(), "secret.key"), filepath.Join(t.TempDir(), "secret.key")}
	up, errs := beginTogether(t, redisURL(redistest.One(t)), files...)
	if len(up) != 1 || len(errs) != 2 {
		t.Fatalf("%d nodes came up: %v", len(up), errors.Join(errs...))
	}
	for _, err := range errs {
		if !strings.Contains(err.Error(), "copy") || !strings.Contains(err.Error(), "key file") {
			t.Errorf("got %v", err)
		}
	}
	made := 0
	for _, file := range files {
		if _, err := os.Stat(file); err == nil {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d key files are left", made)
	}
}

func TestAnAdminKeyOutlivesACrashBeforeItHasItsName(t *testing.T) {
	t.Parallel()
	store, dir := redisURL(redistest.One(t)), t.TempDir()
	s := settings{store: store, keyFile: filepath.Join(dir, "secret.key")}
	sys, err := assemble(t.Context(), s, discard())
	must(t, err)
	defer sys.store.Close()
	must(t, sys.firstKey(t.Context(), s))
	key, err := readKey(dir)
	must(t, err)
	good, bad := filepath.Join(dir, "admin.key.new-1"), filepath.Join(dir, "admin.key.new-2")
	must(t, os.Rename(filepath.Join(dir, "admin.key"), good))
	must(t, os.WriteFile(bad, []byte("mpk_first_nothing\n"), 0o600))
	must(t, sys.firstKey(t.Context(), s))
	if got, err := readKey(dir); err != nil || got != key {
		t.Errorf("the key is not back: %v", err)
	}
	for _, draft := range []string{good, bad} {
		if _, err := os.Stat(draft); err == nil {
			t.Errorf("%s is left behind", draft)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "admin.key"))
	if must(t, err); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestALostKeyFileOfAnEmbeddedStoreIsNotReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	onRedis(t, "pebble:"+dir, "")
	must(t, os.Remove(filepath.Join(dir, "secret.key")))
	_, err := assemble(t.Context(), settings{store: "pebble:" + dir}, discard())
	if err == nil || errors.Is(err, minapush.Unavailable) || !strings.Contains(err.Error(), "is not there") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "secret.key")); err == nil {
		t.Error("a key file was made")
	}
}
