package redisstore

import (
	"context"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Recover implements store.Campaigns.
func (s *Store) Recover(ctx context.Context, l store.Lease, now time.Time) (store.Recovered, error) {
	var out store.Recovered
	now = cut(now)
	err := s.leased(ctx, l, func(ctx context.Context, st *step) error {
		out = store.Recovered{}
		if err := st.do(ctx, st.readVersion()); err != nil {
			return err
		}
		rows, err := st.rowsInHand(ctx, func(_, push string, _ minapush.OpenID) bool { return push == "" })
		if err != nil {
			return err
		}
		if err := st.lookOwners(ctx, rows); err != nil {
			return err
		}
		for i := range rows {
			if err := st.recover(ctx, &rows[i], now, &out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return store.Recovered{}, err
	}
	return out, nil
}

// recover sees to a row that an earlier owner of the shard left in hand.
func (st *step) recover(ctx context.Context, w *row, now time.Time, out *store.Recovered) error {
	switch {
	case w.State == minapush.HeldState && w.Resend, w.State == minapush.Suspected:
		return nil
	case w.State == minapush.HeldState:
		out.Released++
		w.Errcode, w.MsgID = 0, 0
		return st.end(ctx, w, ending{state: minapush.Waiting, effect: store.Release, due: now, now: now})
	}
	x := store.Settlement{Outcome: minapush.Pending, Permit: store.Spend, Reason: minapush.ReasonCrash, NotBefore: now, Now: now}
	switch {
	case w.Confirmed != minapush.Unconfirmed:
		x.Outcome = minapush.Unknown // and heed knows better: it is none of those that are counted
	case w.Permit.Kind == minapush.FormID:
		// WeChat refuses a form ID that it has seen, so sending it again shows whether it had arrived.
		out.Resend++
		x.Resend = true
	case w.AtLeastOnce:
		out.Released++
		x.Maybe = true
	default:
		out.Unknown++
		x.Outcome = minapush.Unknown
	}
	return st.settle(ctx, w, w.heed(x))
}

// lookOwners reads the users and the progress of rows together.
func (st *step) lookOwners(ctx context.Context, rows []row) error {
	users, batches := make([]string, len(rows)), make([]string, 0, 4)
	for i := range rows {
		users[i] = string(rows[i].OpenID)
		if !slices.Contains(batches, rows[i].Batch) {
			batches = append(batches, rows[i].Batch)
		}
	}
	slices.Sort(users)
	return st.do(ctx, st.look(st.users, slices.Compact(users)...), st.lookProgress(batches...))
}
