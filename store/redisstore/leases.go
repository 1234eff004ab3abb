package redisstore

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// leaseText is what the key of a lease holds while it is good.
func leaseText(l store.Lease) string { return strconv.FormatUint(l.Number, 10) + ":" + l.Owner }

func leaseError(l *store.Lease) error {
	return minapush.Errorf(minapush.Conflict, "lease %d of shard %d of app %d has ended", l.Number, l.Shard.N, l.Shard.App)
}

// Acquire implements store.Leases.
func (s *Store) Acquire(ctx context.Context, sh minapush.Shard, owner string, ttl time.Duration) (store.Lease, error) {
	k := s.keys(sh)
	m, err := s.write(ctx, &s.scripts.acquire, []string{k.lease(), k.leaseNumber()}, []string{owner, ms(ttl)})
	if err != nil {
		return store.Lease{}, err
	}
	answer, err := m.ToArray()
	if err == nil && len(answer) == 3 {
		held, _ := answer[1].ToString()
		left, _ := answer[2].AsInt64()
		_, who, _ := strings.Cut(held, ":")
		e := minapush.Errorf(minapush.Conflict, "shard %d of app %d is leased by %s", sh.N, sh.App, who)
		e.RetryAfter = max(time.Duration(left)*time.Millisecond, time.Millisecond)
		return store.Lease{}, e
	}
	var number uint64
	if err == nil && len(answer) == 2 {
		number, err = answer[1].AsUint64()
	}
	if err != nil || number == 0 {
		return store.Lease{}, interpret("acquire", errCorrupt)
	}
	return store.Lease{Shard: sh, Number: number, Owner: owner}, nil
}

// Renew implements store.Leases.
func (s *Store) Renew(ctx context.Context, l store.Lease, ttl time.Duration) error {
	good, err := s.renew(ctx, l, ms(ttl))
	if err == nil && !good {
		return leaseError(&l)
	}
	return err
}

// Release implements store.Leases.
func (s *Store) Release(ctx context.Context, l store.Lease) error {
	_, err := s.renew(ctx, l, "0")
	return err
}

func (s *Store) renew(ctx context.Context, l store.Lease, ttl string) (bool, error) {
	m, err := s.write(ctx, &s.scripts.renew, []string{s.keys(l.Shard).lease()}, []string{leaseText(l), ttl})
	if err != nil {
		return false, err
	}
	n, err := m.AsInt64()
	return n == 1, interpret("renew", err)
}

// ms is a time to live as the server takes it: at least one millisecond.
func ms(d time.Duration) string { return itoa(max(d.Milliseconds(), 1)) }
