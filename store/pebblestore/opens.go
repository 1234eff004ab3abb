package pebblestore

import (
	"context"
	"time"

	"github.com/minapush/minapush"
)

// Open implements store.Deliveries.
func (s *Store) Open(ctx context.Context, sh minapush.Shard, batch string, o minapush.OpenID, push string, at time.Time) (bool, error) {
	if at = cut(at); at.IsZero() {
		return false, minapush.FieldError("at", "must be a time")
	}
	first := false
	err := s.step(ctx, sh, func(st *step) error {
		w, err := find(st.r, sh, batch, o, push)
		if err != nil || !w.OpenedAt.IsZero() {
			return err
		}
		if err := w.open(at); err != nil {
			return err
		}
		if first = true; w.State == minapush.Settled {
			p, err := st.of(batch)
			if err != nil {
				return err
			}
			p.opened(&w)
		}
		return st.put(&w)
	})
	return first && err == nil, err
}

// open notes it in the row. Errors: Conflict (it cannot have been opened).
func (w *row) open(at time.Time) error {
	if settled := w.State == minapush.Settled; settled && !w.Outcome.Openable() || !settled && w.Tries == 0 {
		return minapush.Errorf(minapush.Conflict, "the delivery to %s in %s was not sent", w.OpenID.Masked(), w.Batch)
	}
	w.OpenedAt = at
	return nil
}
