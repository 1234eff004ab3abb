package redisstore

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
)

// Erase implements store.Permits. Rows of somebody without a record, left by a push that found no permit, and places on lists go too.
// An idempotency key alone is not found: it goes when its time is over.
func (s *Store) Erase(ctx context.Context, sh minapush.Shard, o minapush.OpenID, _ time.Time) (bool, error) {
	done := false
	err := s.step(ctx, sh, func(ctx context.Context, st *step) error {
		done = false
		r, found, err := st.user(ctx, o)
		if err != nil {
			return err
		}
		if found && r.IsBusy() {
			if r.Erasing {
				return nil
			}
			// From here on the step that ends the delivery in hand, or recovers it, completes the erasure.
			r.Erasing = true
			st.setUser(o, r)
			return nil
		}
		n, err := st.erase(ctx, o)
		if err == nil && n == 0 && !found {
			return minapush.Errorf(minapush.NotFound, "no user %s", o.Masked())
		}
		done = true
		return err
	})
	return done && err == nil, err
}

// erase removes everything of a user and counts what that ends. It returns how many rows and places on lists went beside the record,
// if there is one. Batches that come meanwhile may have something of the user, too: so the commit asks whether anything was written.
func (st *step) erase(ctx context.Context, o minapush.OpenID) (int, error) {
	if st.strict = true; st.version == nil {
		if err := st.do(ctx, st.readVersion()); err != nil {
			return 0, err
		}
	}
	r, found, err := st.user(ctx, o)
	if err != nil {
		return 0, err
	}
	if found {
		st.flow.Add(r.Erased())
		st.users.drop(string(o))
	}
	st.gone = append(st.gone, st.keys.once(o))
	gone, err := st.eraseHand(ctx, o)
	if err != nil {
		return 0, err
	}
	batches, err := st.allBatches(ctx)
	if err != nil {
		return 0, err
	}
	var reads []looking
	for _, batch := range batches {
		for _, h := range st.hashesOf(batch) {
			reads = append(reads, st.look(h, string(o))...)
		}
		reads = append(reads, st.lookText(st.text(st.keys.settled(batch, bucketOf(o))))...)
	}
	if err := st.do(ctx, reads); err != nil {
		return 0, err
	}
	for _, batch := range batches {
		n, err := st.eraseIn(ctx, batch, o)
		if err != nil {
			return 0, err
		}
		gone += n
	}
	return gone, nil
}

// hashesOf are where a batch has something of a user that is not in hand.
func (st *step) hashesOf(batch string) [3]*hash {
	return [...]*hash{st.hash(st.keys.queue(batch)), st.hash(st.keys.pushes(batch)), st.hash(st.keys.list(batch))}
}

// eraseHand removes the rows of a user in hand, but for the one that this step ends: those are suspected.
func (st *step) eraseHand(ctx context.Context, o minapush.OpenID) (int, error) {
	rows, err := st.rowsInHand(ctx, func(_, _ string, openid minapush.OpenID) bool { return openid == o })
	if err != nil {
		return 0, err
	}
	for i := range rows {
		w := &rows[i]
		p, err := st.of(ctx, w.Batch)
		if err != nil {
			return 0, err
		}
		if w.State == minapush.Suspected {
			p.settle(w.State, minapush.RefusedByUser, w.Reason)
		} else {
			p.settle(w.State, minapush.Skipped, minapush.ReasonErased)
		}
		if err := st.dropHand(ctx, w); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// eraseIn removes what a batch has of a user beside that: a waiting row counts as skipped.
func (st *step) eraseIn(ctx context.Context, batch string, o minapush.OpenID) (int, error) {
	n := 0
	settled, err := st.cutSettled(ctx, batch, o)
	if err != nil {
		return 0, err
	}
	if settled {
		n++
	}
	for i, h := range st.hashesOf(batch) {
		b := h.cell(string(o)).now
		if b == nil {
			continue
		}
		h.drop(string(o))
		n++
		if i > 0 {
			continue
		}
		p, err := st.of(ctx, batch)
		if err != nil {
			return 0, err
		}
		p.settle(minapush.Waiting, minapush.Skipped, minapush.ReasonErased)
		st.dropQueue(batch, o)
	}
	return n, nil
}

// allBatches lists every batch that has rows or a list in the shard.
func (st *step) allBatches(ctx context.Context) ([]string, error) {
	var list []string
	cmd := st.s.client.B().Smembers().Key(st.keys.batches()).Build()
	err := st.do(ctx, []looking{{cmd, func(r rueidis.RedisResult) (err error) {
		list, err = r.AsStrSlice()
		return err
	}}})
	return list, err
}
