package pebblestore

import (
	"context"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// held is the lease of a shard and when it ends, by the store's clock.
type held struct {
	lease store.Lease
	until time.Time
}

// Acquire implements store.Leases.
func (s *Store) Acquire(ctx context.Context, sh minapush.Shard, owner string, ttl time.Duration) (store.Lease, error) {
	if err := s.enter(ctx); err != nil {
		return store.Lease{}, err
	}
	defer s.leave()
	l := s.laneOf(sh)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := s.now()
	if h, ok := l.leases[sh]; ok && now.Before(h.until) {
		e := minapush.Errorf(minapush.Conflict, "shard %d of app %d is leased by %s", sh.N, sh.App, h.lease.Owner)
		e.RetryAfter = h.until.Sub(now)
		return store.Lease{}, e
	}
	if l.leases == nil {
		l.leases = map[minapush.Shard]held{}
	}
	l.lease++ // for all shards of the lane, so that a lease that ended leaves nothing behind to remember
	lease := store.Lease{Shard: sh, Number: l.lease, Owner: owner}
	l.leases[sh] = held{lease: lease, until: now.Add(ttl)}
	return lease, nil
}

// Renew implements store.Leases.
func (s *Store) Renew(ctx context.Context, lease store.Lease, ttl time.Duration) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	l := s.laneOf(lease.Shard)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := s.now()
	if err := l.check(lease, now); err != nil {
		return err
	}
	l.leases[lease.Shard] = held{lease: lease, until: now.Add(ttl)}
	return nil
}

// Release implements store.Leases.
func (s *Store) Release(ctx context.Context, lease store.Lease) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	l := s.laneOf(lease.Shard)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leases[lease.Shard].lease == lease {
		delete(l.leases, lease.Shard)
	}
	return nil
}

// check tells whether a lease is still the shard's. The lane is locked.
func (l *lane) check(lease store.Lease, now time.Time) error {
	if h, ok := l.leases[lease.Shard]; !ok || h.lease != lease || !now.Before(h.until) {
		return minapush.Errorf(minapush.Conflict, "lease %d of shard %d of app %d has ended", lease.Number, lease.Shard.N, lease.Shard.App)
	}
	return nil
}

// leased is step under a lease, for so many users.
func (s *Store) leased(ctx context.Context, lease store.Lease, users int, f func(*step) error) error {
	return s.step(ctx, lease.Shard, func(st *step) error {
		if err := st.lane.check(lease, s.now()); err != nil {
			return err
		}
		st.wide = users >= wideFrom
		return f(st)
	})
}
