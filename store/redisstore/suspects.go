package redisstore

import (
	"context"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// ResolveSuspects implements store.Campaigns.
func (s *Store) ResolveSuspects(
	ctx context.Context, l store.Lease, campaign string, until time.Time, believe bool, limit int, now time.Time,
) (int, error) {
	n := 0
	now, until = cut(now), cut(until)
	err := s.leased(ctx, l, func(ctx context.Context, st *step) error {
		n = 0
		if err := st.do(ctx, st.readVersion()); err != nil {
			return err
		}
		rows, err := st.rowsInHand(ctx, func(batch, push string, _ minapush.OpenID) bool { return batch == campaign && push == "" })
		if err != nil {
			return err
		}
		suspects := rows[:0]
		for i := range rows {
			w := &rows[i]
			if len(suspects) < limit && w.State == minapush.Suspected && !w.SuspectedAt.After(until) {
				suspects = append(suspects, *w)
			}
		}
		if err := st.lookOwners(ctx, suspects); err != nil {
			return err
		}
		for i := range suspects {
			if err := st.resolve(ctx, &suspects[i], believe, now); err != nil {
				return err
			}
		}
		n = len(suspects)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// resolve ends a suspected row, or puts it back. Its user may meanwhile be busy with another delivery, and stays so.
func (st *step) resolve(ctx context.Context, w *row, believe bool, now time.Time) error {
	r, err := st.owner(ctx, w) // the erasure of a user ends its suspected rows
	if err != nil {
		return err
	}
	p, err := st.of(ctx, w.Batch)
	if err != nil {
		return err
	}
	if err := st.dropHand(ctx, w); err != nil {
		return err
	}
	if believe {
		// What the user gave since the refusal stays: it is news that the refusal does not know. So does a standing permit that
		// was given again.
		st.flow.Add(r.VoidTemplate(w.Permit.Kind, w.Permit.Template, w.SuspectedAt, store.MaxIdentities))
		st.flow.Add(r.Trust(&w.Permit, store.MaxIdentities))
		w.State, w.Outcome, w.SettledAt = minapush.Settled, minapush.RefusedByUser, now
		w.Reason = p.settle(minapush.Suspected, w.Outcome, w.Reason)
		p.opened(w)
		w.remembered(r, false)
	} else {
		st.flow.Add(r.Trust(&w.Permit, store.MaxIdentities))
		p.move(minapush.Suspected, minapush.Waiting)
		w.requeue(r, now)
	}
	st.setUser(w.OpenID, r)
	return st.put(ctx, w)
}
