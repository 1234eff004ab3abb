package client

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/minapush/minapush/api"
)

// NoteEvents tells what users did, in parts of at most api.MaxUserEvents, and returns what became of each event, in order. With an API key
// each event is given its time, At, by Config.Now before the first try, so that one that is told again is known; then it is repeated where
// that may help. With a session token the events are those of its user, their time is the server's, and it is not repeated.
//
// After an error the answer is about the parts that were answered; of the part that failed some events may be noted.
func (c *Client) NoteEvents(ctx context.Context, app string, events []api.UserEvent) (api.UserEventsAnswer, error) {
	all := api.UserEventsAnswer{Events: make([]api.UserEventAnswer, 0, len(events))}
	session := strings.Count(c.key, ".") == 2 // a token is a JWT; keys have no dots
	if !session {
		events = timed(events, c.cfg.Now())
	}
	for first := true; first || len(all.Events) < len(events); first = false {
		done := len(all.Events)
		part := events[done:min(done+api.MaxUserEvents, len(events))]
		q := post(api.UserEvents{Events: part}, "v1", "apps", app, "events")
		q.safe = !session
		got, err := call[api.UserEventsAnswer](ctx, c, q)
		if err == nil && len(got.Events) != len(part) {
			err = fmt.Errorf("minapush: %d events were answered for %d", len(got.Events), len(part))
		}
		if err != nil {
			return all, fmt.Errorf("events from number %d on: %w", done, err)
		}
		all.Added, all.Known, all.Refused = all.Added+got.Added, all.Known+got.Known, all.Refused+got.Refused
		all.Events = append(all.Events, got.Events...)
	}
	return all, nil
}

// timed gives events the time at which they happened, to the millisecond. An age that the server would refuse is left to it.
func timed(events []api.UserEvent, now time.Time) []api.UserEvent {
	out := make([]api.UserEvent, len(events))
	for i, e := range events {
		if e.At.IsZero() && e.AgeMS >= 0 && e.AgeMS <= api.MaxEventAge {
			e.At, e.AgeMS = now.Add(-time.Duration(e.AgeMS)*time.Millisecond).UTC().Truncate(time.Millisecond), 0
		}
		out[i] = e
	}
	return out
}
