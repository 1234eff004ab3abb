package pebblestore

import (
	"context"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Sweep implements store.Permits.
func (s *Store) Sweep(ctx context.Context, sh minapush.Shard, from minapush.OpenID, limit int, now time.Time) (store.Swept, error) {
	var out store.Swept
	err := s.step(ctx, sh, func(st *step) error {
		it, err := usersAfter(st.r, sh, from)
		if err != nil {
			return err
		}
		defer it.Close()
		ok := it.First()
		for ; ok && len(out.Users) < limit; ok = it.Next() {
			if err := st.sweepUser(it, now, &out); err != nil {
				return err
			}
		}
		if err := it.Error(); err != nil {
			return err
		}
		if ok && len(out.Users) > 0 {
			out.Next = out.Users[len(out.Users)-1].OpenID
		}
		return st.sweepKeys(from, out.Next, now)
	})
	return out, err
}

func (st *step) sweepUser(it *pebble.Iterator, now time.Time, out *store.Swept) error {
	r := &st.rec
	if err := decodeAt(it, r); err != nil {
		return err
	}
	o := minapush.OpenID(it.Key()[shardSize:])
	flow, gone := r.Expire(now)
	forgot := r.ForgetIdentities(now)
	for k := range flow {
		out.Expired += int(flow[k].Expired)
	}
	st.flow.Add(flow)
	if gone || forgot {
		if err := st.setUser(o, r); err != nil {
			return err
		}
	}
	u, err := view(o, r)
	if err != nil {
		return err
	}
	out.Users = append(out.Users, u)
	return nil
}

// sweepKeys forgets the idempotency keys of openids after one and up to another, "" being the end of the shard. Users that are only
// known by a push that found no permit have keys too.
func (st *step) sweepKeys(from, to minapush.OpenID, now time.Time) error {
	lower, upper := shardKey(nil, keyOnce, st.shard), after(shardKey(nil, keyOnce, st.shard))
	if from != "" {
		lower = after(oncePrefix(nil, st.shard, from))
	}
	if to != "" {
		upper = after(oncePrefix(nil, st.shard, to))
	}
	it, err := st.r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		b, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		v, err := readOnce(b)
		if err != nil {
			return err
		}
		if now.UnixMilli() >= v.forget {
			if err := st.delete(it.Key()); err != nil {
				return err
			}
		}
	}
	return it.Error()
}
