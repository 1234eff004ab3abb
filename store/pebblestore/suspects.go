package pebblestore

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
	err := s.leased(ctx, l, limit, func(st *step) error {
		n, now, until = 0, cut(now), cut(until)
		return st.eachHand(handPrefix(nil, l.Shard, campaign), func(w *row) error {
			if n >= limit || w.Push != "" || w.State != minapush.Suspected || w.SuspectedAt.After(until) {
				return nil
			}
			n++
			return st.resolve(w, believe, now)
		})
	})
	return n, err
}

// resolve ends a suspected row, or puts it back. Its user may meanwhile be busy with another delivery, and stays so.
func (st *step) resolve(w *row, believe bool, now time.Time) error {
	r, found, err := st.user(w.OpenID)
	if err != nil {
		return err
	}
	if !found {
		return errCorrupt // the erasure of a user ends its suspected rows
	}
	p, err := st.of(w.Batch)
	if err != nil {
		return err
	}
	if err := st.dropHand(w); err != nil {
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
		missed(r, &w.Delivery)
	} else {
		st.flow.Add(r.Trust(&w.Permit, store.MaxIdentities))
		p.move(minapush.Suspected, minapush.Waiting)
		w.requeue(r, now)
	}
	if err := st.setUser(w.OpenID, r); err != nil {
		return err
	}
	return st.put(w)
}
