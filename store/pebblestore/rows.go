package pebblestore

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

// errCorrupt tells that a stored value is not what its key says.
var errCorrupt = errors.New("stored value is damaged")

// valueV1 is the first byte of every value but a user record.
const valueV1 = 1

// row is a delivery as it is stored, wherever it stands.
type row struct {
	minapush.Delivery
	// Maybe tells that an earlier try may have arrived.
	Maybe bool
	// AtLeastOnce is the campaign's choice, for Recover.
	AtLeastOnce bool
	// SuspectedAt is when it became suspected.
	SuspectedAt time.Time
	// Key is the idempotency key of a push.
	Key string

	queued bool // it was read from the again-queue; not stored
}

const (
	rowResend = 1 << iota
	rowMaybe
	rowAtLeastOnce
	rowPermit
	rowOpened
	rowConfirmed
)

// dueSize is the length of what stands in front of every row: version, state and the time when it is due, so that a look over many
// rows need not decode them.
const dueSize = 10

func (w *row) append(dst []byte) []byte {
	dst = append(dst, valueV1, byte(w.State))
	dst = binary.BigEndian.AppendUint64(dst, uint64(millis(w.NotBefore)))
	flags := bit(w.Resend, rowResend) | bit(w.Maybe, rowMaybe) | bit(w.AtLeastOnce, rowAtLeastOnce) | bit(w.Permit.Kind != 0, rowPermit)
	flags |= bit(!w.OpenedAt.IsZero(), rowOpened) | bit(w.Confirmed != minapush.Unconfirmed, rowConfirmed)
	dst = append(dst, flags, byte(w.Outcome))
	dst = binary.AppendUvarint(dst, uint64(w.Attempt))
	dst = binary.AppendUvarint(dst, uint64(w.Tries))
	dst = binary.AppendVarint(dst, int64(w.Errcode))
	dst = binary.AppendVarint(dst, w.MsgID)
	reason, key := w.Reason, w.Key
	if slot := w.confirmedSlot(&reason, &key); w.Confirmed != minapush.Unconfirmed {
		*slot = w.appendConfirmed(*slot)
	}
	dst = appendString(appendString(dst, reason), key)
	settled, deadline := w.SettledAt, w.Deadline
	if slot := w.openedSlot(&settled, &deadline); !w.OpenedAt.IsZero() {
		*slot = w.OpenedAt
	}
	for _, t := range [...]time.Time{w.ReservedAt, settled, deadline, w.SuspectedAt} {
		dst = binary.AppendVarint(dst, millis(t))
	}
	if w.Permit.Kind != 0 {
		dst = record.AppendPermit(dst, &w.Permit)
	}
	return dst
}

// openedSlot is where a row that was opened has that time, marked by rowOpened: where it has none of its own. A settled row has no
// deadline, and any other no time of its settlement. So a release that knows of no opens reads such rows, too.
func (w *row) openedSlot(settledAt, deadline *time.Time) *time.Time {
	if w.State == minapush.Settled {
		return deadline
	}
	return settledAt
}

func bit(set bool, b byte) byte {
	if set {
		return b
	}
	return 0
}

// peekRow reads the state and the due time of a row.
func peekRow(b []byte) (minapush.DeliveryState, time.Time, error) {
	if len(b) < dueSize || b[0] != valueV1 {
		return 0, time.Time{}, errCorrupt
	}
	return minapush.DeliveryState(b[1]), fromMillis(int64(binary.BigEndian.Uint64(b[2:]))), nil
}

// readRowValue reads a row; its batch, openid and push are known from the key.
func readRowValue(b []byte, batch string, o minapush.OpenID, push string) (row, error) {
	w := row{Delivery: minapush.Delivery{Batch: batch, OpenID: o, Push: push}}
	state, due, err := peekRow(b)
	if err != nil {
		return row{}, err
	}
	w.State, w.NotBefore = state, due
	p := parser{b: b[dueSize:]}
	flags := p.byte()
	w.Resend, w.Maybe, w.AtLeastOnce = flags&rowResend != 0, flags&rowMaybe != 0, flags&rowAtLeastOnce != 0
	w.Outcome = minapush.Outcome(p.byte())
	w.Attempt = uint32(p.uvarint(math.MaxUint32))
	w.Tries = int(p.uvarint(math.MaxInt32))
	w.Errcode = int(p.varint())
	w.MsgID = p.varint()
	w.Reason, w.Key = p.string(), p.string()
	for _, t := range [...]*time.Time{&w.ReservedAt, &w.SettledAt, &w.Deadline, &w.SuspectedAt} {
		*t = fromMillis(p.varint())
	}
	if flags&rowOpened != 0 {
		slot := w.openedSlot(&w.SettledAt, &w.Deadline)
		w.OpenedAt, *slot = *slot, time.Time{}
	}
	if flags&rowConfirmed != 0 && !w.readConfirmed(w.confirmedSlot(&w.Reason, &w.Key)) {
		return row{}, errCorrupt
	}
	if flags&rowPermit != 0 && !p.bad {
		if w.Permit, p.b, err = record.ReadPermit(p.b); err != nil {
			return row{}, err
		}
	}
	return w, p.end()
}

// millis is a time as it is stored; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// cut is a time as it comes back from the store.
func cut(t time.Time) time.Time { return fromMillis(millis(t)) }

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
