package pebblestore

import (
	"context"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Recover implements store.Campaigns.
func (s *Store) Recover(ctx context.Context, l store.Lease, now time.Time) (store.Recovered, error) {
	var out store.Recovered
	err := s.leased(ctx, l, wideFrom, func(st *step) error {
		out, now = store.Recovered{}, cut(now)
		return st.eachHand(shardKey(nil, keyHand, l.Shard), func(w *row) error {
			if w.Push != "" {
				return nil
			}
			return st.recover(w, now, &out)
		})
	})
	return out, err
}

// recover sees to a row that an earlier owner of the shard left in hand.
func (st *step) recover(w *row, now time.Time, out *store.Recovered) error {
	switch {
	case w.State == minapush.HeldState && w.Resend, w.State == minapush.Suspected:
		return nil
	case w.State == minapush.HeldState:
		out.Released++
		w.Errcode, w.MsgID = 0, 0
		return st.end(w, ending{state: minapush.Waiting, effect: store.Release, due: now, now: now})
	}
	if w.Confirmed != minapush.Unconfirmed {
		return st.settle(w, &store.Settlement{Outcome: minapush.Unknown, Permit: store.Spend, Reason: minapush.ReasonCrash, Now: now})
	}
	w.Reason, w.Errcode, w.MsgID = minapush.ReasonCrash, 0, 0
	switch {
	case w.Permit.Kind == minapush.FormID:
		// WeChat refuses a form ID that it has seen, so sending it again shows whether it had arrived.
		out.Resend++
		return st.resend(w, now)
	case w.AtLeastOnce:
		out.Released++
		w.Maybe = true
		return st.end(w, ending{state: minapush.Waiting, effect: store.Spend, due: now, now: now})
	}
	out.Unknown++
	return st.end(w, ending{state: minapush.Settled, outcome: minapush.Unknown, effect: store.Spend, now: now})
}

// eachHand calls f for the rows in hand whose keys start with prefix, as they were before the step.
func (st *step) eachHand(prefix []byte, f func(*row) error) error {
	it, err := scan(st.r, prefix, nil)
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		batch, rest, ok := readEscaped(it.Key()[shardSize:])
		if !ok {
			return errCorrupt
		}
		o, push, ok := readRow(rest)
		if !ok {
			return errCorrupt
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		w, err := readRowValue(v, batch, o, push)
		if err != nil {
			return err
		}
		if err := f(&w); err != nil {
			return err
		}
	}
	return it.Error()
}
