package delivery

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

const (
	// confirmBefore is how long before its reservation a message may be confirmed, by the platform's clock.
	confirmBefore = time.Minute
	// confirmAfter is how long after its last sign a message without a number may be confirmed. WeChat tells within seconds; teams that pass
	// events on may take longer, but their event has the time of WeChat.
	confirmAfter = time.Hour
)

// Confirmed notes what the platform said of a message to a user, one of the last store.MaxRecent that took a permit: the one of the
// item's template and number; else, since an answer may be lost or have no number, the one without a number whose time is nearest to at.
// Such a message is being sent, or its outcome is Accepted or Unknown, nothing was said of it yet, and at lies between a minute before it
// was reserved and an hour after it was settled, or reserved if it is not. It returns the row as it then stands; first is false if it had been confirmed before.
// An Unknown that became Accepted has ReasonConfirmed. Errors: Invalid (the item has no number); NotFound (no such message, it is
// forgotten, or it ended otherwise). Repeating is safe.
func (l *Ledger) Confirmed(
	ctx context.Context, app minapush.App, o minapush.OpenID, item minapush.EventItem, at time.Time,
) (row minapush.Delivery, first bool, err error) {
	shard := app.Shard(o)
	if item.MsgID == 0 {
		return row, false, minapush.FieldError("MsgID", "must be given")
	}
	u, err := l.User(ctx, shard, o)
	if err != nil {
		return row, false, err
	}
	rows, err := l.confirmable(ctx, shard, u, item, at)
	if err != nil {
		return row, false, err
	}
	c := store.Confirmation{Word: item.Confirmed(), MsgID: item.MsgID, Status: item.ConfirmStatus(), At: at}
	for _, d := range rows {
		row, first, err = l.Confirm(ctx, shard, d.Batch, o, d.Push, c)
		// Between look and step it may have ended otherwise, or been forgotten: then it was another.
		if !errors.Is(err, minapush.Conflict) && !errors.Is(err, minapush.NotFound) {
			return row, first, err
		}
	}
	return minapush.Delivery{}, false, minapush.Errorf(minapush.NotFound, "no message to %s of template %.64q can be number %d",
		o.Masked(), item.Template, item.MsgID)
}

// confirmable are a user's messages that an item may be about, the likeliest first.
func (l *Ledger) confirmable(
	ctx context.Context, shard minapush.Shard, u store.User, item minapush.EventItem, at time.Time,
) (rows []minapush.Delivery, err error) {
	for _, r := range u.Recent {
		d, err := l.Delivery(ctx, shard, r.Batch, u.OpenID, r.Push)
		switch {
		case errors.Is(err, minapush.NotFound):
		case err != nil:
			return nil, err
		case d.Permit.Template != item.Template:
		case d.MsgID == item.MsgID:
			return []minapush.Delivery{d}, nil
		case d.MsgID == 0 && unconfirmed(d) && distance(d, at) <= confirmAfter:
			rows = append(rows, d)
		}
	}
	slices.SortStableFunc(rows, func(a, b minapush.Delivery) int { return cmp.Compare(distance(a, at), distance(b, at)) })
	return rows, nil
}

func unconfirmed(d minapush.Delivery) bool {
	settled := d.State == minapush.Settled && (d.Outcome == minapush.Accepted || d.Outcome == minapush.Unknown)
	return d.Confirmed == minapush.Unconfirmed && (settled || d.State == minapush.Sending)
}

// distance is how far a time lies from that of a message, from its reservation to its end; more than confirmAfter if it lies too early.
func distance(d minapush.Delivery, at time.Time) time.Duration {
	end := d.ReservedAt
	if d.State == minapush.Settled && d.SettledAt.After(end) {
		end = d.SettledAt
	}
	switch early := d.ReservedAt.Sub(at); {
	case early > confirmBefore:
		return confirmAfter + early
	case early > 0:
		return early
	}
	return max(at.Sub(end), 0)
}
