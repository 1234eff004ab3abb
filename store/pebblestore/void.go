package pebblestore

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
	err = s.step(ctx, sh, func(st *step) error {
		r, found, err := st.user(o)
		if err != nil {
			return err
		}
		if !found {
			st.rec = record.Told(now)
			r = &st.rec
		}
		n, flow, changed := r.Void(template, until, now, store.MaxIdentities)
		if !changed {
			return nil
		}
		died = n
		st.flow.Add(flow)
		return st.setUser(o, r)
	})
	if err != nil {
		return 0, err
	}
	return died, nil
}
