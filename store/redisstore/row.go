package redisstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

// errCorrupt tells that a stored value is not what its key says.
var errCorrupt = errors.New("stored value is damaged")

// errFormat tells that a value was written by a newer release.
type errFormat byte

func (e errFormat) Error() string {
	return fmt.Sprintf("stored value has format %d, this release knows %d", byte(e), valueV1)
}

// valueV1 is the first byte of every value.
const valueV1 = 1

// checkFormat looks at the first byte of a value.
func checkFormat(b []byte) error {
	switch {
	case len(b) == 0:
		return errCorrupt
	case b[0] != valueV1:
		return errFormat(b[0])
	}
	return nil
}

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
	again  bool // it comes behind an earlier version of itself: see texts.go
}

const (
	rowResend = 1 << iota
	rowMaybe
	rowAtLeastOnce
	rowPermit
	rowOpened
	rowConfirmed
	rowAgain
)

// rowFlags is where the flags stand in a row.
const rowFlags = 2

// append writes a row.
func (w *row) append(dst []byte) []byte {
	dst = append(dst, valueV1, byte(w.State))
	flags := bit(w.Resend, rowResend) | bit(w.Maybe, rowMaybe) | bit(w.AtLeastOnce, rowAtLeastOnce) | bit(w.Permit.Kind != 0, rowPermit)
	flags |= bit(!w.OpenedAt.IsZero(), rowOpened) | bit(w.Confirmed != minapush.Unconfirmed, rowConfirmed) | bit(w.again, rowAgain)
	dst = append(dst, flags, byte(w.Outcome))
	dst = binary.AppendUvarint(dst, uint64(w.Attempt))
	dst = binary.AppendUvarint(dst, uint64(w.Tries))
	dst = binary.AppendVarint(dst, int64(w.Errcode))
	dst = binary.AppendVarint(dst, w.MsgID)
	reason, key := w.Reason, w.Key
	if slot := w.confirmedSlot(&reason, &key); w.Confirmed != minapush.Unconfirmed {
		*slot = w.appendConfirmed(*slot)
	}
	dst = appendString(dst, reason)
	dst = appendString(dst, key)
	settled, deadline := w.SettledAt, w.Deadline
	if slot := w.openedSlot(&settled, &deadline); !w.OpenedAt.IsZero() {
		*slot = w.OpenedAt
	}
	for _, t := range [...]time.Time{w.NotBefore, w.ReservedAt, settled, deadline, w.SuspectedAt} {
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

// confirmedSlot is where a row has what the platform said of it, marked by rowConfirmed, behind the text that belongs there: where no
// release looks at that text again. A settled row has no more use for its idempotency key, and any other gets a reason when it ends.
func (w *row) confirmedSlot(reason, key *string) *string {
	if w.State == minapush.Settled {
		return key
	}
	return reason
}

// appendConfirmed puts what the platform said behind a text.
func (w *row) appendConfirmed(text string) string {
	b := append(appendString(make([]byte, 0, 32+len(text)+len(w.ConfirmStatus)), text), byte(w.Confirmed))
	b = binary.AppendVarint(b, millis(w.ConfirmedAt))
	return string(append(b, w.ConfirmStatus...))
}

// readConfirmed takes it off again. It tells whether it was there.
func (w *row) readConfirmed(slot *string) bool {
	p := parser{b: []byte(*slot)}
	*slot = p.string()
	w.Confirmed, w.ConfirmedAt = minapush.Confirmed(p.byte()), fromMillis(p.varint())
	w.ConfirmStatus = string(p.b)
	return !p.bad && (w.Confirmed == minapush.Delivered || w.Confirmed == minapush.Undelivered)
}

func bit(set bool, b byte) byte {
	if set {
		return b
	}
	return 0
}

// readRow reads a row; its batch, openid and push are known from where it stands.
func readRow(b []byte, batch string, o minapush.OpenID, push string) (row, error) {
	if err := checkFormat(b); err != nil {
		return row{}, err
	}
	p := parser{b: b[1:]}
	w := row{Delivery: minapush.Delivery{Batch: batch, OpenID: o, Push: push, State: minapush.DeliveryState(p.byte())}}
	if w.State > minapush.Settled {
		return row{}, errCorrupt
	}
	flags := p.byte()
	w.Resend, w.Maybe, w.AtLeastOnce = flags&rowResend != 0, flags&rowMaybe != 0, flags&rowAtLeastOnce != 0
	w.Outcome = minapush.Outcome(p.byte())
	w.Attempt = uint32(p.uvarint(math.MaxUint32))
	w.Tries = int(p.uvarint(math.MaxInt32))
	w.Errcode = int(p.varint())
	w.MsgID = p.varint()
	w.Reason, w.Key = p.string(), p.string()
	for _, t := range [...]*time.Time{&w.NotBefore, &w.ReservedAt, &w.SettledAt, &w.Deadline, &w.SuspectedAt} {
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
		var err error
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

// score is a time as the sorted sets have it. They keep doubles: what they cannot hold exactly is moved to the nearer end, millennia
// away.
func score(t time.Time) string {
	const most = 1 << 53
	return itoa(min(max(millis(t), -most), most))
}
