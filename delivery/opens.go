package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/minapush/minapush"
)

// pushSlack is how far apart the times may be of a push's id and of its batch, which was asked for a moment before.
const pushSlack = time.Hour

// Opened notes that a user opened the message of a campaign or push, given by its id. first is false if that was noted before.
// Errors: Invalid (no such id can be); NotFound (it was not sent to this user, or is forgotten); Conflict (it cannot have arrived).
func (l *Ledger) Opened(ctx context.Context, app minapush.App, o minapush.OpenID, id string, at time.Time) (first bool, err error) {
	parsed, err := ulid.ParseStrict(id)
	if err != nil || parsed.String() != id {
		return false, minapush.FieldError("message", "must be the id of a campaign or push")
	}
	if first, err = l.Open(ctx, app.Shard(o), id, o, "", at); !errors.Is(err, minapush.NotFound) {
		return first, err
	}
	// The rows of pushes are by day, and the id has the time in it.
	asked, last := parsed.Timestamp(), ""
	for _, day := range []time.Time{asked.Add(-pushSlack), asked, asked.Add(pushSlack)} {
		batch := minapush.PushBatch(day)
		if batch == last {
			continue
		}
		if first, err = l.Open(ctx, app.Shard(o), batch, o, id, at); !errors.Is(err, minapush.NotFound) {
			return first, err
		}
		last = batch
	}
	return false, err
}
