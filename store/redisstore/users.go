package redisstore

import (
	"context"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

// user reads a user's record; it is good until the next user that the step reads.
func (st *step) user(ctx context.Context, o minapush.OpenID) (r *record.Record, found bool, err error) {
	b, err := st.get(ctx, st.users, string(o))
	if err != nil || b == nil {
		return nil, false, err
	}
	return &st.rec, true, readUser(b, &st.rec)
}

// setUser writes a user's record. Its stamp follows the one that was read.
func (st *step) setUser(o minapush.OpenID, r *record.Record) {
	c := st.users.cell(string(o))
	stamp := stampOf(c.was) + 1
	if c.was == nil {
		stamp = st.s.newStamp()
	}
	c.now, c.changed, c.inHand = st.keep(func(dst []byte) []byte { return appendUser(dst, r, stamp) }), true, r.IsBusy()
}

// view is a user as callers see it.
func view(o minapush.OpenID, r *record.Record) (store.User, error) {
	profile, err := r.Profile()
	if err != nil {
		return store.User{}, err
	}
	u := store.User{
		OpenID:       o,
		FirstSeen:    time.UnixMilli(r.FirstSeen).UTC(),
		LastSeen:     fromMillis(r.LastSeen),
		Profile:      profile,
		Permits:      r.Holdings(),
		Counts:       r.Counts(),
		StandingSent: r.StandingSent,
		Erasing:      r.Erasing,
	}
	if recent := r.Recent(); len(recent) > 0 {
		u.Recent = make([]store.Recent, len(recent))
		for i, e := range recent {
			u.Recent[i] = store.Recent(e)
		}
	}
	if b, ok := r.Busy(); ok {
		u.Busy = &store.Ref{Batch: b.Batch, OpenID: o, Push: b.Push, Attempt: b.Attempt}
	}
	return u, nil
}
