package pebblestore

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
	out := make([]store.EventNoted, len(events))
	err := s.step(ctx, sh, func(st *step) error {
		r, found, err := st.user(o)
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
		for i, n := range noted {
			out[i] = store.EventNoted(n)
		}
		if seen && !r.Erasing && r.Seen(now) {
			changed = true
		}
		if found && !changed {
			return nil
		}
		return st.setUser(o, r)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
