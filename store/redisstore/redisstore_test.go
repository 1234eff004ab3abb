package redisstore

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/redisstore/redistest"
	"github.com/minapush/minapush/store/storetest"
)

// prefixCount makes the stores of one test binary unlike each other: they share servers.
var prefixCount atomic.Int64

func newPrefix() string { return fmt.Sprintf("test-%d", prefixCount.Add(1)) }

func testLog(tb testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(tb.Output(), nil)) }

// openAt opens a store; a new prefix is a new store.
func openAt(tb testing.TB, prefix string, addrs ...string) *Store {
	tb.Helper()
	// A machine that runs all tests at once may be slow to answer.
	s, err := Open(context.WithoutCancel(tb.Context()), Config{Addresses: addrs, Prefix: prefix, Logger: testLog(tb), Timeout: 30 * time.Second})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// steady are servers of which none is killed by a test: a node that a busy machine keeps waiting is not taken for dead. The system keeps
// what they wrote even when they are killed, though it is not on disk.
var steady = []string{"appendfsync no", "cluster-node-timeout 60000"}

// expireLeases makes the leases of a store lapse, as time would.
func expireLeases(tb testing.TB, st store.Store, _ time.Duration) {
	tb.Helper()
	s := st.(*Store)
	ctx := context.WithoutCancel(tb.Context())
	for _, node := range s.client.Nodes() {
		if role, err := node.Do(ctx, node.B().Role().Build()).ToArray(); err == nil {
			if name, _ := role[0].ToString(); name != "master" {
				continue
			}
		}
		keys, err := node.Do(ctx, node.B().Keys().Pattern(s.prefix+":{*}:l").Build()).AsStrSlice()
		if err != nil {
			tb.Fatal(err)
		}
		for _, key := range keys {
			if err := node.Do(ctx, node.B().Del().Key(key).Build()).Error(); err != nil {
				tb.Fatal(err)
			}
		}
	}
}

// onOne is a backend whose stores share one server. Those of tests that crash a server have one of their own.
func onOne(shared *redistest.Server) storetest.Backend {
	own := &servers{}
	return storetest.Backend{
		Open: func(tb testing.TB, _ func() time.Time) store.Store {
			name := tb.Name()
			if strings.Contains(name, "/Durable/") || strings.HasSuffix(name, "OverAReopening") || strings.HasSuffix(name, "OutlivesACrash") {
				return own.open(tb, redistest.One(tb), newPrefix())
			}
			s := openAt(tb, newPrefix(), shared.Addr())
			s.watchFrom = 1 // the batches of the suite are small
			return s
		},
		Reopen: func(tb testing.TB, st store.Store, _ func() time.Time) store.Store {
			return own.crash(tb, st)
		},
		ExpireLeases:  expireLeases,
		LeasesSurvive: true,
	}
}

func TestStoreKeepsTheContractOnOneServer(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "appendfsync no")
	t.Cleanup(func() { // when all subtests have ended
		info, err := server.Do("INFO", "commandstats")
		if err != nil {
			t.Fatal(err)
		}
		seenCommands(t, info)
	})
	storetest.Run(t, onOne(server))
}

func TestStoreStandsFaultsInEveryForm(t *testing.T) {
	t.Parallel()
	storetest.RunFaults(t, onOne(redistest.One(t, "appendfsync no")))
}

func TestStoreKeepsTheContractOnACluster(t *testing.T) {
	t.Parallel()
	g := redistest.Cluster(t, 3, 1, steady...)
	storetest.Run(t, storetest.Backend{
		Open: func(tb testing.TB, _ func() time.Time) store.Store {
			return openAt(tb, newPrefix(), g.Addrs()[:2]...)
		},
		ExpireLeases:  expireLeases,
		LeasesSurvive: true,
	})
}
