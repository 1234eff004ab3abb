package redisstore

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Confirm implements store.Deliveries. Of a settled campaign it writes the row once more, behind the others of its bucket: see texts.go.
func (s *Store) Confirm(
	ctx context.Context, sh minapush.Shard, batch string, o minapush.OpenID, push string, c store.Confirmation,
) (d minapush.Delivery, first bool, err error) {
	if err := checkConfirmation(&c); err != nil {
		return d, false, err
	}
	err = s.step(ctx, sh, func(ctx context.Context, st *step) error {
		w, err := st.sentRow(ctx, batch, o, push)
		if err != nil {
			return err
		}
		first, err = st.confirm(ctx, &w, &c)
		d = w.Delivery
		return err
	})
	if err != nil {
		return minapush.Delivery{}, false, err
	}
	return d, first, nil
}

// checkConfirmation makes a confirmation one as it is stored.
func checkConfirmation(c *store.Confirmation) error {
	switch c.At = cut(c.At); {
	case c.Word != minapush.Delivered && c.Word != minapush.Undelivered:
		return minapush.FieldError("word", "must be delivered or undelivered")
	case c.MsgID == 0:
		return minapush.FieldError("msg_id", "must not be 0")
	case c.At.IsZero():
		return minapush.FieldError("at", "must be a time")
	}
	c.Status = statusOf(c.Status)
	return nil
}

// statusOf cuts what is too long of the platform's words, and not within a character.
func statusOf(s string) string {
	end := min(len(s), minapush.MaxConfirmStatus)
	for end > 0 && end < len(s) && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// confirm notes a confirmation in a row, and writes it. It tells whether it was the first.
func (st *step) confirm(ctx context.Context, w *row, c *store.Confirmation) (bool, error) {
	settled := w.State == minapush.Settled
	switch {
	case settled && w.Outcome != minapush.Accepted && w.Outcome != minapush.Unknown, !settled && w.State != minapush.Sending:
		return false, minapush.Errorf(minapush.Conflict, "the delivery to %s in %s cannot have been accepted", w.OpenID.Masked(), w.Batch)
	case w.MsgID != 0 && w.MsgID != c.MsgID:
		return false, minapush.Errorf(minapush.Conflict, "the message to %s in %s has another number", w.OpenID.Masked(), w.Batch)
	case w.Confirmed != minapush.Unconfirmed:
		return false, nil
	}
	w.Confirmed, w.ConfirmedAt, w.ConfirmStatus, w.MsgID = c.Word, c.At, c.Status, c.MsgID
	if !settled {
		return true, st.put(ctx, w)
	}
	p, err := st.of(ctx, w.Batch)
	if err != nil {
		return false, err
	}
	lost := w.Outcome == minapush.Unknown
	if lost {
		p.uncount(w.Outcome, w.Reason)
		w.Outcome = minapush.Accepted
		w.Reason = p.count(w.Outcome, minapush.ReasonConfirmed)
	}
	p.confirmed(w)
	if w.Push == "" { // a settled push is replaced by put
		if err := st.replace(ctx, w, lost); err != nil {
			return false, err
		}
	}
	return true, st.put(ctx, w)
}

// replace lets a settled row of a campaign take the place of the one that is there: it stands behind it, unless that one must go or there
// are too many like it.
func (st *step) replace(ctx context.Context, w *row, must bool) error {
	_, rows, again, err := findPacked(st.text(st.keys.settled(w.Batch, bucketOf(w.OpenID))).is, w.OpenID)
	if err != nil {
		return err
	}
	if !must && !overgrown(rows, again) {
		w.again = true
		return nil
	}
	_, err = st.cutSettled(ctx, w.Batch, w.OpenID)
	return err
}

// heed is how an attempt ends when the platform has told of its message before: what may have arrived was accepted. Another end drops what
// it told, and so does an answer with another number.
func (w *row) heed(x store.Settlement) store.Settlement {
	if w.Confirmed == minapush.Unconfirmed {
		return x
	}
	if x.MsgID != 0 && x.MsgID != w.MsgID {
		w.unconfirm()
		return x
	}
	if x.Outcome == minapush.Unknown || x.Outcome == minapush.Pending && (x.Maybe || x.Resend) {
		x.Outcome, x.Permit, x.Resend, x.Reason = minapush.Accepted, store.Spend, false, minapush.ReasonConfirmed
	}
	if x.Outcome != minapush.Accepted {
		w.unconfirm()
		return x
	}
	x.MsgID = w.MsgID
	return x
}

// unconfirm drops what the platform told of a message.
func (w *row) unconfirm() {
	w.Confirmed, w.ConfirmedAt, w.ConfirmStatus = minapush.Unconfirmed, time.Time{}, ""
}
