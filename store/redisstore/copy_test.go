package redisstore

import (
	"context"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/pebblestore"
	"github.com/minapush/minapush/store/redisstore/redistest"
	"github.com/minapush/minapush/store/storetest"
)

// Unwrap is the store that the clock was put around, without leases: nobody serves it any more.
func (c *clocked) Unwrap() store.Store {
	st := c.Store.(*Store)
	for s := range c.ends {
		_ = st.client.Do(context.Background(), st.client.B().Del().Key(st.keys(s).lease()).Build()).Error() //arch:allow it has no other
		delete(c.ends, s)
	}
	return st
}

func openPebble(tb testing.TB, clock func() time.Time) store.Store {
	tb.Helper()
	st, err := pebblestore.Open("data", pebblestore.Config{
		Now: clock, Logger: testLog(tb), FS: vfs.NewMem(), CacheBytes: 1 << 20, MemTableBytes: 1 << 20,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = st.Close() })
	return st
}

// openRedis opens an empty store of a server that nobody else uses.
func openRedis(addrs ...string) func(tb testing.TB, clock func() time.Time) store.Store {
	return func(tb testing.TB, clock func() time.Time) store.Store {
		tb.Helper()
		st := newClocked(openAt(tb, newPrefix(), addrs...), clock)
		tb.Cleanup(func() {
			_ = st.Close()
			emptyServer(tb, addrs...)
		})
		return st
	}
}

// emptyServer removes everything, since an export looks at all that a server has.
func emptyServer(tb testing.TB, addrs ...string) {
	tb.Helper()
	st := openAt(tb, newPrefix(), addrs...)
	defer st.Close()
	ctx := context.WithoutCancel(tb.Context())
	for _, node := range st.client.Nodes() {
		_ = node.Do(ctx, node.B().Flushall().Build()).Error() // a replica refuses
	}
}

func TestCopiesFromPebbleToOneServerAndBackAgree(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "appendfsync no")
	storetest.AgreeOnCopies(t, openPebble, openRedis(server.Addr()))
}

func TestCopiesFromPebbleToAClusterAndBackAgree(t *testing.T) {
	t.Parallel()
	g := redistest.Cluster(t, 3, 1, steady...)
	storetest.AgreeOnCopies(t, openPebble, openRedis(g.Addrs()[0]))
}

func TestCopiesFromRedisToRedisAgree(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "appendfsync no")
	storetest.AgreeOnCopies(t, openRedis(server.Addr()))
}

// Whoever has a version of a document must not find another document under it after a copy, though Redis counts by kind.
func TestVersionsGoOnInRedisThoughTheKindIsGone(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	from := openPebble(t, time.Now)
	to := openAt(t, newPrefix(), redistest.One(t, "appendfsync no").Addr())
	defer to.Close()
	doc := store.Document{Kind: "gone", ID: "1"}
	for range 5 {
		version, err := from.Put(ctx, store.Document{Kind: doc.Kind, ID: doc.ID})
		if err != nil {
			t.Fatal(err)
		}
		if doc.Version = version; from.Delete(ctx, doc) != nil {
			t.Fatal("not deleted")
		}
	}
	storetest.Copy(t, from, to, time.Now())
	if version, err := to.Put(ctx, store.Document{Kind: doc.Kind, ID: doc.ID}); err != nil || version <= doc.Version {
		t.Errorf("version %d follows %d, %v", version, doc.Version, err)
	}
}

func TestAnExportSeesThatSomebodyElseWrites(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	addr := redistest.One(t, "appendfsync no").Addr()
	prefix := newPrefix()
	st, other := openAt(t, prefix, addr), openAt(t, prefix, addr)
	defer st.Close()
	defer other.Close()
	s := minapush.Shard{App: 1}
	deposit := func(o minapush.OpenID) {
		t.Helper()
		if _, err := other.Deposit(ctx, s, o, store.Deposit{Now: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	deposit("one")
	for name, write := range map[string]func(){
		"a deposit": func() { deposit("one") },
		"a lease": func() {
			if _, err := other.Acquire(ctx, s, "o", time.Minute); err != nil {
				t.Fatal(err)
			}
		},
	} {
		wrote := false
		err := st.Export(ctx, func(store.Piece) error {
			if !wrote {
				write()
				wrote = true
			}
			return nil
		})
		if minapush.KindOf(err) != minapush.Conflict || !wrote {
			t.Errorf("%s: %v", name, err)
		}
		if name == "a lease" {
			expireLeases(t, other, time.Minute)
		}
	}
}

// A key is told by its name alone: what looks like another one is not taken for it.
func TestNamesOfKeysAreReadAsTheyWereMade(t *testing.T) {
	t.Parallel()
	s := &Store{prefix: "p.x"}
	sh := minapush.Shard{App: 7, N: 12}
	k := s.keys(sh)
	for _, o := range []minapush.OpenID{"a", "}:i:{", "{1:2}:i:x"} {
		got, rest, ok := s.readShardKey(k.once(o))
		if !ok || got != sh || rest != "i:"+string(o) {
			t.Errorf("%q: %v, %q, %v", o, got, rest, ok)
		}
	}
	for _, key := range []string{s.formatKey(), s.documents("1:2").ids(), s.rateKey(7), "p:{7:12}:u", "p.x:{7}:u", "p.x:{7:x}:u", "p.x:{7:12"} {
		if got, _, ok := s.readShardKey(key); ok {
			t.Errorf("%q is taken for a key of %v", key, got)
		}
	}
}
