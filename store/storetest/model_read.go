package storetest

import (
	"context"
	"maps"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Delivery returns one row.
func (m *Model) Delivery(ctx context.Context, s minapush.Shard, batch string, o minapush.OpenID, push string) (minapush.Delivery, error) {
	if err := m.begin(ctx); err != nil {
		return minapush.Delivery{}, err
	}
	defer m.mu.Unlock()
	r := m.shard(s).batch(batch).rows[modelRowID{openid: o, push: push}]
	if r == nil {
		return minapush.Delivery{}, minapush.Errorf(minapush.NotFound, "batch %s has no delivery for %s", batch, o.Masked())
	}
	return r.Delivery, nil
}

// Open notes that a message was opened.
func (m *Model) Open(ctx context.Context, s minapush.Shard, batch string, o minapush.OpenID, push string, at time.Time) (bool, error) {
	if err := m.begin(ctx); err != nil {
		return false, err
	}
	defer m.mu.Unlock()
	if at = modelMilli(at); at.IsZero() || at.UnixMilli() == 0 {
		return false, minapush.FieldError("at", "must be a time")
	}
	b := m.shard(s).batches[batch]
	if b == nil || b.rows[modelRowID{openid: o, push: push}] == nil {
		return false, minapush.Errorf(minapush.NotFound, "batch %s has no delivery for %s", batch, o.Masked())
	}
	r := b.rows[modelRowID{openid: o, push: push}]
	settled := r.State == minapush.Settled
	switch {
	case settled && r.Outcome != minapush.Accepted && r.Outcome != minapush.Unknown, !settled && r.Tries == 0:
		return false, minapush.Errorf(minapush.Conflict, "the delivery to %s was not sent", o.Masked())
	case !r.OpenedAt.IsZero():
		return false, nil
	case settled:
		b.opened++
	}
	r.OpenedAt = at
	return true, nil
}

// List returns a page of rows of a batch.
func (m *Model) List(ctx context.Context, s minapush.Shard, batch string, after store.Ref, scan int, match *minapush.Outcome) ([]minapush.Delivery, store.Ref, bool, error) {
	if err := m.begin(ctx); err != nil {
		return nil, store.Ref{}, false, err
	}
	defer m.mu.Unlock()
	start := modelRowID{openid: after.OpenID, push: after.Push}
	rest := m.shard(s).batch(batch).list(func(r *modelRow) bool { return modelCompare(r.id(), start) > 0 })
	next := after
	var rows []minapush.Delivery
	for _, r := range rest[:min(len(rest), max(scan, 0))] {
		next = store.RefOf(r.Delivery)
		if match == nil || *match == r.Outcome {
			rows = append(rows, r.Delivery)
		}
	}
	return rows, next, len(rest) > scan, nil
}

// Forget removes the settled rows of a batch, and its list if that is all.
func (m *Model) Forget(ctx context.Context, s minapush.Shard, batch string) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	b := m.shard(s).batch(batch)
	maps.DeleteFunc(b.rows, func(_ modelRowID, r *modelRow) bool { return r.State == minapush.Settled })
	if len(b.rows) == 0 {
		clear(b.listed)
	}
	return nil
}
