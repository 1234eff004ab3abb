package redisstore

import (
	"context"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Sweep implements store.Permits, some hundred users a step. Idempotency keys go by themselves: the server lets them expire.
func (s *Store) Sweep(ctx context.Context, sh minapush.Shard, from minapush.OpenID, limit int, now time.Time) (store.Swept, error) {
	var out store.Swept
	var page []minapush.OpenID
	more := false
	err := s.read(ctx, func(ctx context.Context) error {
		l, err := s.usersOf(ctx, sh, nil)
		if err != nil {
			return err
		}
		page = l.after(from)
		more = len(page) > max(limit, 0)
		page = page[:min(len(page), max(limit, 0))]
		return nil
	})
	if err != nil {
		return out, err
	}
	if more && len(page) > 0 {
		out.Next = page[len(page)-1]
	}
	for len(page) > 0 {
		part := page[:min(len(page), pageOfUsers)]
		page = page[len(part):]
		var swept store.Swept
		err := s.step(ctx, sh, func(ctx context.Context, st *step) (err error) {
			swept, err = st.sweep(ctx, part, now)
			return err
		})
		if err != nil {
			return store.Swept{}, err
		}
		out.Users = append(out.Users, swept.Users...)
		out.Expired += swept.Expired
	}
	return out, nil
}

// sweep sees to some users. None depends on another, so only those that change are compared at the commit.
func (st *step) sweep(ctx context.Context, openids []minapush.OpenID, now time.Time) (store.Swept, error) {
	var out store.Swept
	if err := st.do(ctx, st.lookVersion(len(openids)), st.look(st.users, texts(openids)...)); err != nil {
		return out, err
	}
	for _, o := range openids {
		r, found, err := st.user(ctx, o)
		if err != nil {
			return out, err
		}
		st.users.cell(string(o)).free = true
		if !found {
			continue
		}
		flow, gone := r.Expire(now)
		forgot := r.ForgetIdentities(now)
		for k := range flow {
			out.Expired += int(flow[k].Expired)
		}
		st.flow.Add(flow)
		if gone || forgot || r.Deltas > 0 {
			st.setUser(o, r) // as one frame, which is smaller than with deltas
		}
		u, err := view(o, r)
		if err != nil {
			return out, err
		}
		out.Users = append(out.Users, u)
	}
	return out, nil
}
