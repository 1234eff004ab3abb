package redisstore

import (
	"context"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

// NoteEvents implements store.Profiles.
func (s *Store) NoteEvents(
	ctx context.Context, sh minapush.Shard, o minapush.OpenID, events []minapush.NamedEvent, seen bool, now time.Time,
) ([]store.EventNoted, error) {
	for i := range events {
		if err := events[i].Validate(); err != nil {
			return nil, err
		}
	}
	var out []store.EventNoted
	err := s.step(ctx, sh, func(ctx context.Context, st *step) error {
		r, found, err := st.user(ctx, o)
		if err != nil {
			return err
		}
		if !found {
			st.rec = record.Told(now)
			r = &st.rec
		}
		noted, changed, err := r.NoteEvents(events)
		if err != nil {
			return err
		}
		if seen && !r.Erasing {
			changed = r.Seen(now) || changed
		}
		if !found || changed {
			st.setUser(o, r)
		}
		out = make([]store.EventNoted, len(noted))
		for i, n := range noted {
			out[i] = store.EventNoted(n)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
