package redisstore

import (
	"context"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/redisstore/redistest"
	"github.com/minapush/minapush/store/storetest"
)

func TestStoreAgreesWithTheModelOnOneServer(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "appendfsync no") // what a killed process wrote is the system's
	own := &servers{}
	storetest.Agree(t, func(tb testing.TB, clock func() time.Time) (store.Store, func() store.Store) {
		st := newClocked(own.open(tb, server, newPrefix()), clock)
		tb.Cleanup(func() { _ = st.Close() })
		return st, func() store.Store {
			st.Store = own.crash(tb, st.Store)
			return st
		}
	})
}

func TestStoreAgreesWithTheModelOnACluster(t *testing.T) {
	t.Parallel()
	g := redistest.Cluster(t, 3, 1, steady...)
	storetest.Agree(t, func(tb testing.TB, clock func() time.Time) (store.Store, func() store.Store) {
		st := newClocked(openAt(tb, newPrefix(), g.Addrs()[0]), clock)
		tb.Cleanup(func() { _ = st.Close() })
		return st, nil
	})
}

// clocked is a store whose leases end on a clock of the test's, not on the server's: they are given for long, and taken away when
// their time on that clock is over.
type clocked struct {
	store.Store
	clock func() time.Time
	ends  map[minapush.Shard]time.Time
}

// long is longer than a test takes.
const long = time.Hour

func newClocked(st store.Store, clock func() time.Time) *clocked {
	return &clocked{Store: st, clock: clock, ends: map[minapush.Shard]time.Time{}}
}

// lapse takes a lease away whose time is over.
func (c *clocked) lapse(ctx context.Context, s minapush.Shard) error {
	end, held := c.ends[s]
	if !held || c.clock().Before(end) {
		return nil
	}
	delete(c.ends, s)
	st := c.Store.(*Store)
	return st.client.Do(context.WithoutCancel(ctx), st.client.B().Del().Key(st.keys(s).lease()).Build()).Error()
}

func (c *clocked) Acquire(ctx context.Context, s minapush.Shard, owner string, ttl time.Duration) (store.Lease, error) {
	if err := c.lapse(ctx, s); err != nil {
		return store.Lease{}, err
	}
	l, err := c.Store.Acquire(ctx, s, owner, long)
	if err == nil {
		c.ends[s] = c.clock().Add(ttl)
	}
	return l, err
}

func (c *clocked) Renew(ctx context.Context, l store.Lease, ttl time.Duration) error {
	if err := c.lapse(ctx, l.Shard); err != nil {
		return err
	}
	err := c.Store.Renew(ctx, l, long)
	if err == nil {
		c.ends[l.Shard] = c.clock().Add(ttl)
	}
	return err
}

func (c *clocked) ReserveBatch(ctx context.Context, l store.Lease, b store.Batch) (store.Reserved, error) {
	if err := c.lapse(ctx, l.Shard); err != nil {
		return store.Reserved{}, err
	}
	return c.Store.ReserveBatch(ctx, l, b)
}

func (c *clocked) Mark(ctx context.Context, l store.Lease, refs []store.Ref, now time.Time) ([]bool, error) {
	if err := c.lapse(ctx, l.Shard); err != nil {
		return nil, err
	}
	return c.Store.Mark(ctx, l, refs, now)
}

func (c *clocked) Settle(ctx context.Context, l store.Lease, xs []store.Settlement) error {
	if err := c.lapse(ctx, l.Shard); err != nil {
		return err
	}
	return c.Store.Settle(ctx, l, xs)
}

func (c *clocked) Recover(ctx context.Context, l store.Lease, now time.Time) (store.Recovered, error) {
	if err := c.lapse(ctx, l.Shard); err != nil {
		return store.Recovered{}, err
	}
	return c.Store.Recover(ctx, l, now)
}

func (c *clocked) ResolveSuspects(
	ctx context.Context, l store.Lease, campaign string, until time.Time, believe bool, limit int, now time.Time,
) (int, error) {
	if err := c.lapse(ctx, l.Shard); err != nil {
		return 0, err
	}
	return c.Store.ResolveSuspects(ctx, l, campaign, until, believe, limit, now)
}
