package storetest

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Confirm notes what the platform said of a message.
func (m *Model) Confirm(ctx context.Context, s minapush.Shard, batch string, o minapush.OpenID, push string, c store.Confirmation) (minapush.Delivery, bool, error) {
	if err := m.begin(ctx); err != nil {
		return minapush.Delivery{}, false, err
	}
	defer m.mu.Unlock()
	c.At = modelMilli(c.At)
	switch {
	case c.At.IsZero() || c.At.UnixMilli() == 0:
		return minapush.Delivery{}, false, minapush.FieldError("at", "must be a time")
	case c.MsgID == 0:
		return minapush.Delivery{}, false, minapush.FieldError("msgid", "must not be 0")
	case c.Word != minapush.Delivered && c.Word != minapush.Undelivered:
		return minapush.Delivery{}, false, minapush.FieldError("word", "must be delivered or undelivered, not %d", c.Word)
	}
	b := m.shard(s).batches[batch]
	if b == nil || b.rows[modelRowID{openid: o, push: push}] == nil {
		return minapush.Delivery{}, false, minapush.Errorf(minapush.NotFound, "batch %s has no delivery for %s", batch, o.Masked())
	}
	r := b.rows[modelRowID{openid: o, push: push}]
	switch {
	case r.Outcome != minapush.Accepted && r.Outcome != minapush.Unknown && r.State != minapush.Sending:
		return minapush.Delivery{}, false, minapush.Errorf(minapush.Conflict, "the delivery to %s was not sent, or it failed", o.Masked())
	case r.MsgID != 0 && r.MsgID != c.MsgID:
		return minapush.Delivery{}, false, minapush.Errorf(minapush.Conflict, "the delivery to %s is another message", o.Masked())
	case r.Confirmed != minapush.Unconfirmed:
		return r.Delivery, false, nil
	}
	r.Confirmed, r.ConfirmedAt, r.ConfirmStatus, r.MsgID = c.Word, c.At, modelStatus(c.Status), c.MsgID
	if r.Outcome == minapush.Unknown {
		b.by[minapush.Unknown][r.Reason]--
		r.Outcome, r.Reason = minapush.Accepted, minapush.ReasonConfirmed
		b.tally(r.Outcome, r.Reason)
	}
	if r.State == minapush.Settled {
		b.tallyConfirmed(r)
	}
	return r.Delivery, true, nil
}

// modelStatus cuts the platform's words where they are too long, and not within a character.
func modelStatus(s string) string {
	end := len(s)
	for end > minapush.MaxConfirmStatus || 0 < end && end < len(s) && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// tallyConfirmed counts what the platform said of a row that was accepted.
func (b *modelBatch) tallyConfirmed(r *modelRow) {
	switch r.Confirmed {
	case minapush.Delivered:
		b.delivered++
	case minapush.Undelivered:
		b.undelivered++
	}
}

// useNote is how an attempt ends if the platform has spoken already; the note is dropped where it does not fit.
func (r *modelRow) useNote(x store.Settlement) store.Settlement {
	if r.Confirmed == minapush.Unconfirmed {
		return x
	}
	fits := x.MsgID == 0 || x.MsgID == r.MsgID
	doubt := x.Outcome == minapush.Unknown || x.Outcome == minapush.Pending && (x.Maybe || x.Resend)
	switch {
	case fits && doubt:
		x.Outcome, x.Permit, x.Reason, x.Maybe, x.Resend = minapush.Accepted, store.Spend, minapush.ReasonConfirmed, false, false
		x.MsgID = r.MsgID
	case fits && x.Outcome == minapush.Accepted:
		x.MsgID = r.MsgID
	default:
		r.Confirmed, r.ConfirmedAt, r.ConfirmStatus = minapush.Unconfirmed, time.Time{}, ""
	}
	return x
}
