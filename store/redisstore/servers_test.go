package redisstore

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

// servers remembers on which server of its own each store of a test is, so that it can be killed.
type servers struct{ by sync.Map }

func (s *servers) open(tb testing.TB, server *redistest.Server, prefix string) *Store {
	tb.Helper()
	st := openAt(tb, prefix, server.Addr())
	s.by.Store(st, server)
	return st
}

// crash kills the server of a store, starts it again, and opens what it left.
func (s *servers) crash(tb testing.TB, st store.Store) *Store {
	tb.Helper()
	found, ok := s.by.Load(st)
	if !ok {
		tb.Fatal("this store shares its server with others")
	}
	server := found.(*redistest.Server)
	if err := server.Kill(); err != nil {
		tb.Fatal(err)
	}
	_ = st.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), time.Minute)
	defer cancel()
	if err := server.Restart(ctx); err != nil {
		tb.Fatal(err)
	}
	return s.open(tb, server, st.(*Store).prefix)
}
