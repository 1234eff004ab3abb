package redisstore

import (
	"context"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

// Void implements store.Permits.
func (s *Store) Void(
	ctx context.Context, sh minapush.Shard, o minapush.OpenID, template string, until, now time.Time,
) (died int, err error) {
	err = s.step(ctx, sh, func(ctx context.Context, st *step) error {
		died = 0
		r, found, err := st.user(ctx, o)
		if err != nil {
			return err
		}
		if !found {
			st.rec = record.Told(now)
			r = &st.rec
		}
		n, flow, changed := r.Void(template, until, now, store.MaxIdentities)
		st.flow.Add(flow)
		if died = n; !found || changed {
			st.setUser(o, r)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return died, nil
}
