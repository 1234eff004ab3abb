package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// holds tells whether a lease is the shard's, and has not lapsed.
func (sh *modelShard) holds(l store.Lease, now time.Time) bool {
	return sh.lease == l && l.Number != 0 && now.Before(sh.leaseUntil)
}

// Acquire takes the lease of a shard.
func (m *Model) Acquire(ctx context.Context, s minapush.Shard, owner string, ttl time.Duration) (store.Lease, error) {
	if err := m.begin(ctx); err != nil {
		return store.Lease{}, err
	}
	defer m.mu.Unlock()
	sh, now := m.shard(s), m.now()
	if sh.holds(sh.lease, now) {
		return store.Lease{}, &minapush.Error{
			Kind: minapush.Conflict, Op: "acquire", RetryAfter: sh.leaseUntil.Sub(now), Err: errors.New("the shard is leased"),
		}
	}
	sh.leases++
	sh.lease, sh.leaseUntil = store.Lease{Shard: s, Number: sh.leases, Owner: owner}, now.Add(ttl)
	return sh.lease, nil
}

// Renew moves the end of a lease.
func (m *Model) Renew(ctx context.Context, l store.Lease, ttl time.Duration) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	sh, err := m.leased(l)
	if err != nil {
		return err
	}
	sh.leaseUntil = m.now().Add(ttl)
	return nil
}

// Release ends a lease.
func (m *Model) Release(ctx context.Context, l store.Lease) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if sh := m.shard(l.Shard); sh.lease == l {
		sh.lease, sh.leaseUntil = store.Lease{}, time.Time{}
	}
	return nil
}
