package storetest

import (
	"context"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// NoteEvents notes what a user did.
func (m *Model) NoteEvents(ctx context.Context, s minapush.Shard, o minapush.OpenID, events []minapush.NamedEvent, seen bool, now time.Time) ([]store.EventNoted, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	for _, e := range events {
		if err := e.Validate(); err != nil {
			return nil, err
		}
	}
	sh, now := m.shard(s), modelMilli(now)
	u := sh.users[o]
	if u == nil {
		u = sh.add(o, now)
	}
	if seen && !u.erasing && now.After(u.lastSeen) {
		u.lastSeen = now
	}
	noted := make([]store.EventNoted, len(events))
	for i, e := range events {
		noted[i] = u.noteEvent(e.Name, modelMilli(e.At))
	}
	return noted, nil
}

func (u *modelUser) noteEvent(name string, at time.Time) store.EventNoted {
	had, known := u.events[name]
	switch {
	case u.erasing, !known && len(u.events) == minapush.MaxEventNames:
		return store.EventRefused
	case known && !at.After(had.Last):
		return store.EventKnown
	}
	if u.events == nil {
		u.events = map[string]minapush.EventState{}
	}
	u.events[name] = minapush.EventState{Last: at, Count: had.Count + 1}
	return store.EventAdded
}
