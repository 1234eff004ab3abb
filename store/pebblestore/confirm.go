package pebblestore

import (
	"context"
	"encoding/binary"
	"time"
	"unicode/utf8"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Confirm implements store.Deliveries.
func (s *Store) Confirm(
	ctx context.Context, sh minapush.Shard, batch string, o minapush.OpenID, push string, c store.Confirmation,
) (d minapush.Delivery, first bool, err error) {
	if err := checkConfirmation(&c); err != nil {
		return minapush.Delivery{}, false, err
	}
	err = s.step(ctx, sh, func(st *step) error {
		w, err := find(st.r, sh, batch, o, push)
		if err != nil {
			return err
		}
		if first, err = st.confirm(&w, &c); err != nil {
			return err
		}
		d = w.Delivery
		return nil
	})
	if err != nil {
		return minapush.Delivery{}, false, err
	}
	return d, first, nil
}

// checkConfirmation makes a confirmation what is stored of it.
func checkConfirmation(c *store.Confirmation) error {
	c.At, c.Status = cut(c.At), cutStatus(c.Status)
	switch {
	case c.Word != minapush.Delivered && c.Word != minapush.Undelivered:
		return minapush.FieldError("word", "must be delivered or undelivered")
	case c.MsgID == 0:
		return minapush.FieldError("msgid", "must not be 0")
	case c.At.IsZero():
		return minapush.FieldError("at", "must be a time")
	}
	return nil
}

// cutStatus shortens what is too long, but not within a character.
func cutStatus(s string) string {
	if len(s) <= minapush.MaxConfirmStatus {
		return s
	}
	n := minapush.MaxConfirmStatus
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// confirm notes in a row what the platform said, and counts it if the row has its outcome. It tells whether that is the first word.
func (st *step) confirm(w *row, c *store.Confirmation) (first bool, err error) {
	settled := w.State == minapush.Settled
	switch {
	case settled && !w.Outcome.Openable(), !settled && w.State != minapush.Sending:
		return false, minapush.Errorf(minapush.Conflict, "the delivery to %s in %s was not sent, or ended otherwise", w.OpenID.Masked(), w.Batch)
	case w.MsgID != 0 && w.MsgID != c.MsgID:
		return false, minapush.Errorf(minapush.Conflict, "the delivery to %s in %s was another message", w.OpenID.Masked(), w.Batch)
	case w.Confirmed != minapush.Unconfirmed:
		return false, nil
	}
	w.Confirmed, w.ConfirmedAt, w.ConfirmStatus, w.MsgID = c.Word, c.At, c.Status, c.MsgID
	if settled {
		p, err := st.of(w.Batch)
		if err != nil {
			return false, err
		}
		if w.Outcome == minapush.Unknown {
			p.Add(w.Outcome, w.Reason, -1)
			w.Outcome = minapush.Accepted
			w.Reason = p.count(w.Outcome, minapush.ReasonConfirmed)
		}
		p.confirmed(w)
	}
	return true, st.put(w)
}

// heed is how an attempt ends if the platform has spoken of its message already: what it took is not sent again. Where that does not fit
// it is dropped.
func (w *row) heed(x store.Settlement) store.Settlement {
	if w.Confirmed == minapush.Unconfirmed {
		return x
	}
	fits := x.MsgID == 0 || x.MsgID == w.MsgID
	doubt := x.Outcome == minapush.Unknown || x.Outcome == minapush.Pending && (x.Maybe || x.Resend)
	switch {
	case fits && doubt:
		x.Outcome, x.Permit, x.Reason, x.Maybe, x.Resend = minapush.Accepted, store.Spend, minapush.ReasonConfirmed, false, false
		x.MsgID = w.MsgID
	case fits && x.Outcome == minapush.Accepted:
		x.MsgID = w.MsgID
	default:
		w.Confirmed, w.ConfirmedAt, w.ConfirmStatus = minapush.Unconfirmed, time.Time{}, ""
	}
	return x
}

// confirmedSlot is where a row has what the platform said of it, marked by rowConfirmed: behind the text that belongs there, where no
// release looks at that text again. A settled row has no more use for its idempotency key, and any other gets a reason when it ends. So a
// release that knows of no confirmations reads such rows, too.
func (w *row) confirmedSlot(reason, key *string) *string {
	if w.State == minapush.Settled {
		return key
	}
	return reason
}

// appendConfirmed puts what the platform said behind a text.
func (w *row) appendConfirmed(text string) string {
	b := append(appendString(nil, text), byte(w.Confirmed))
	return string(append(binary.AppendVarint(b, millis(w.ConfirmedAt)), w.ConfirmStatus...))
}

// readConfirmed takes it off the text again. It tells whether it was there.
func (w *row) readConfirmed(slot *string) bool {
	p := parser{b: []byte(*slot)}
	*slot = p.string()
	w.Confirmed, w.ConfirmedAt = minapush.Confirmed(p.byte()), fromMillis(p.varint())
	w.ConfirmStatus = string(p.b)
	return !p.bad && (w.Confirmed == minapush.Delivered || w.Confirmed == minapush.Undelivered)
}
