package pebblestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

// Erase implements store.Permits. Rows of somebody without a record, left by a push that found no permit, and places on lists go too.
// An idempotency key alone is not found: it goes when its time is over.
func (s *Store) Erase(ctx context.Context, sh minapush.Shard, o minapush.OpenID, _ time.Time) (bool, error) {
	done := false
	err := s.step(ctx, sh, func(st *step) error {
		r, found, err := st.user(o)
		if err != nil {
			return err
		}
		if found && r.IsBusy() {
			if r.Erasing {
				return nil
			}
			// From here on the step that ends the delivery in hand, or recovers it, completes the erasure.
			r.Erasing = true
			return st.setUser(o, r)
		}
		n, err := st.erase(o, r, nil)
		if err == nil && n == 0 && !found {
			return minapush.Errorf(minapush.NotFound, "no user %s", o.Masked())
		}
		done = true
		return err
	})
	return done && err == nil, err
}

// erase removes everything of a user and counts what that ends. The row of the delivery that the same step ends, if any, is seen to
// by its caller. It returns how many rows and places on lists went beside the record, which may be nil.
func (st *step) erase(o minapush.OpenID, r *record.Record, except *store.Ref) (int, error) {
	if r != nil {
		st.flow.Add(r.Erased())
		st.key = userKey(st.key[:0], st.shard, o)
		if err := st.delete(st.key); err != nil {
			return 0, err
		}
	}
	if err := st.eraseKeys(o); err != nil {
		return 0, err
	}
	gone, err := st.eraseListed(o)
	if err != nil {
		return 0, err
	}
	batches, err := st.batches()
	if err != nil {
		return 0, err
	}
	for _, batch := range batches {
		n, err := st.eraseRows(batch, o, except)
		if err != nil {
			return 0, err
		}
		gone += n
	}
	return gone, nil
}

func (st *step) eraseKeys(o minapush.OpenID) error {
	it, err := scan(st.r, oncePrefix(nil, st.shard, o), nil)
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if err := st.delete(it.Key()); err != nil {
			return err
		}
	}
	return it.Error()
}

// batches lists the batches that have rows, or had, in the step's shard.
func (st *step) batches() ([]string, error) {
	it, err := scan(st.r, appKey(nil, keyProgress, st.shard.App), nil)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var list []string
	// Two seeks a batch: to this shard, and behind the batch.
	for ok := it.First(); ok; {
		batch, rest, good := readEscaped(it.Key()[appSize:])
		if !good || len(rest) != 4 {
			return nil, errCorrupt
		}
		switch n := binary.BigEndian.Uint32(rest); {
		case n < st.shard.N:
			ok = it.SeekGE(progressKey(nil, st.shard, batch))
			continue
		case n == st.shard.N:
			list = append(list, batch)
		}
		ok = it.SeekGE(after(progressPrefix(nil, st.shard.App, batch)))
	}
	return list, it.Error()
}

// eraseRows removes the rows of a user in a batch: waiting ones count as skipped, suspected ones as refused.
func (st *step) eraseRows(batch string, o minapush.OpenID, except *store.Ref) (int, error) {
	p, err := st.of(batch)
	if err != nil {
		return 0, err
	}
	n := 0
	prefixes := [][]byte{
		queueKey(nil, st.shard, batch, o), handKey(nil, st.shard, batch, o, ""), settledKey(nil, st.shard, batch, o, ""),
	}
	for _, prefix := range prefixes {
		it, err := scan(st.r, prefix, nil)
		if err != nil {
			return 0, err
		}
		for ok := it.First(); ok; ok = it.Next() {
			push := string(bytes.TrimPrefix(it.Key(), prefix))
			if except != nil && batch == except.Batch && push == except.Push {
				continue
			}
			n++
			if err := st.eraseRow(it, p, batch, o, push); err != nil {
				_ = it.Close()
				return 0, err
			}
		}
		if err := it.Close(); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func (st *step) eraseRow(it *pebble.Iterator, p *progress, batch string, o minapush.OpenID, push string) error {
	v, err := it.ValueAndErr()
	if err != nil {
		return err
	}
	w, err := readRowValue(v, batch, o, push)
	if err != nil {
		return err
	}
	switch w.State {
	case minapush.Settled:
	case minapush.Suspected:
		p.settle(w.State, minapush.RefusedByUser, w.Reason)
	default:
		p.settle(w.State, minapush.Skipped, minapush.ReasonErased)
	}
	return st.delete(it.Key())
}
