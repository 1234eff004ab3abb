package redisstore

import (
	"context"

	"github.com/minapush/minapush"
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
