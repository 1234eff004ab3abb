package storetest

import (
	"context"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// row finds the row of a campaign that is at the attempt named.
func (sh *modelShard) row(ref store.Ref) (*modelBatch, *modelRow) {
	b := sh.batches[ref.Batch]
	if b == nil || ref.Push != "" {
		return nil, nil
	}
	r := b.rows[modelRowID{openid: ref.OpenID}]
	if r == nil || r.Attempt != ref.Attempt {
		return nil, nil
	}
	return b, r
}

// Mark turns held rows into rows being sent.
func (m *Model) Mark(ctx context.Context, l store.Lease, refs []store.Ref, _ time.Time) ([]bool, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	sh, err := m.leased(l)
	if err != nil {
		return nil, err
	}
	marked := make([]bool, len(refs))
	for i, ref := range refs {
		_, r := sh.row(ref)
		if r != nil && r.State == minapush.HeldState {
			r.State, r.Tries, r.NotBefore = minapush.Sending, r.Tries+1, time.Time{}
			marked[i] = true
		}
	}
	return marked, nil
}

// Settle ends attempts or puts them back.
func (m *Model) Settle(ctx context.Context, l store.Lease, xs []store.Settlement) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	sh, err := m.leased(l)
	if err != nil {
		return err
	}
	for _, x := range xs {
		if x.Permit == store.SuspectUse && x.Outcome != minapush.Pending {
			return minapush.FieldError("outcome", "must be pending while the use is in doubt, not %s", x.Outcome)
		}
	}
	for _, x := range xs {
		if b, r := sh.row(x.Ref); r != nil && r.inHand() {
			sh.settle(b, r, x)
		}
	}
	return nil
}

// Recover deals with the rows that an earlier owner of the shard left.
func (m *Model) Recover(ctx context.Context, l store.Lease, now time.Time) (store.Recovered, error) {
	if err := m.begin(ctx); err != nil {
		return store.Recovered{}, err
	}
	defer m.mu.Unlock()
	sh, err := m.leased(l)
	if err != nil {
		return store.Recovered{}, err
	}
	var found store.Recovered
	for _, b := range sh.batches {
		for _, r := range b.list(func(r *modelRow) bool { return r.Push == "" && r.inHand() }) {
			sh.recoverRow(b, r, modelMilli(now), &found)
		}
	}
	return found, nil
}

func (sh *modelShard) recoverRow(b *modelBatch, r *modelRow, now time.Time, found *store.Recovered) {
	x := store.Settlement{Outcome: minapush.Pending, NotBefore: now, Now: now, Reason: minapush.ReasonCrash}
	switch {
	case r.State == minapush.HeldState && r.Resend: // waits with its code for whoever owns the shard
		return
	case r.State == minapush.HeldState:
		x.Reason = r.Reason
		found.Released++
	case r.Confirmed != minapush.Unconfirmed:
		x.Outcome = minapush.Unknown // which settle knows better
	case r.Permit.Kind == minapush.FormID:
		x.Resend = true
		found.Resend++
	case r.atLeastOnce:
		x.Permit, x.Maybe = store.Spend, true
		found.Released++
	default:
		x.Outcome, x.Permit = minapush.Unknown, store.Spend
		found.Unknown++
	}
	sh.settle(b, r, x)
}
