package pebblestore

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/minapush/minapush"
)

// progress is how far a batch is in a shard.
type progress struct {
	minapush.Tally
	// Cursor is the last openid walked.
	Cursor minapush.OpenID
	// Done tells that the walk is at the end of the shard.
	Done bool

	changed bool
}

const (
	// maxReasons is how many reasons a tally tells apart, for each outcome and shard; the rest is reasonOther.
	maxReasons  = 64
	reasonOther = "other"
	// These stand where an outcome's number does, before one reason without a name that counts what was opened or confirmed: a release
	// that does not know of them reads an outcome that nobody asks for.
	openedNumber      = 0x80
	deliveredNumber   = 0x81
	undeliveredNumber = 0x82
)

// pending is the count of rows in a state that is not settled.
func (p *progress) pending(s minapush.DeliveryState) *int64 {
	p.changed = true
	switch s {
	case minapush.Waiting:
		return &p.Waiting
	case minapush.HeldState:
		return &p.Held
	case minapush.Sending:
		return &p.Sending
	}
	return &p.Suspected
}

// move counts a row that went from one pending state to another.
func (p *progress) move(from, to minapush.DeliveryState) {
	*p.pending(from)--
	*p.pending(to)++
}

// settle counts a row that went from a pending state to its outcome, and returns the reason that it is counted under.
func (p *progress) settle(from minapush.DeliveryState, o minapush.Outcome, reason string) string {
	*p.pending(from)--
	return p.count(o, reason)
}

// count counts an outcome, and returns the reason that it is counted under.
func (p *progress) count(o minapush.Outcome, reason string) string {
	p.changed = true
	if reasons := p.By[o]; len(reasons) >= maxReasons {
		if _, known := reasons[reason]; !known {
			reason = reasonOther
		}
	}
	p.Add(o, reason, 1)
	return reason
}

// opened counts a row that was opened and gets its outcome. One that cannot have been opened forgets it.
func (p *progress) opened(w *row) {
	switch {
	case w.OpenedAt.IsZero():
	case w.Outcome.Openable():
		p.changed = true
		p.Opened++
	default:
		w.OpenedAt = time.Time{}
	}
}

// confirmed counts what the platform said of a row that has its outcome.
func (p *progress) confirmed(w *row) {
	switch w.Confirmed {
	case minapush.Delivered:
		p.changed = true
		p.Delivered++
	case minapush.Undelivered:
		p.changed = true
		p.Undelivered++
	}
}

func (p *progress) append(dst []byte) []byte {
	done := byte(0)
	if p.Done {
		done = 1
	}
	dst = appendString(append(dst, valueV1, done), string(p.Cursor))
	for _, n := range [...]int64{p.Examined, p.Waiting, p.Held, p.Sending, p.Suspected} {
		dst = binary.AppendVarint(dst, n)
	}
	for _, o := range minapush.Outcomes {
		if len(p.By[o]) == 0 {
			continue
		}
		dst = binary.AppendUvarint(append(dst, byte(o)), uint64(len(p.By[o])))
		for reason, n := range p.By[o] {
			dst = binary.AppendVarint(appendString(dst, reason), n)
		}
	}
	for i, n := range [...]int64{p.Opened, p.Delivered, p.Undelivered} {
		if n != 0 {
			dst = binary.AppendVarint(append(dst, openedNumber+byte(i), 1, 0), n)
		}
	}
	return dst
}

func readProgress(b []byte) (*progress, error) {
	p := parser{b: b}
	if p.byte() != valueV1 {
		return nil, errCorrupt
	}
	v := &progress{Done: p.byte() != 0, Cursor: minapush.OpenID(p.string())}
	for _, n := range [...]*int64{&v.Examined, &v.Waiting, &v.Held, &v.Sending, &v.Suspected} {
		*n = p.varint()
	}
	for len(p.b) > 0 && !p.bad {
		o := minapush.Outcome(p.byte())
		for n := p.uvarint(math.MaxInt32); n > 0 && !p.bad; n-- {
			reason, count := p.string(), p.varint()
			switch o {
			case openedNumber:
				v.Opened += count
			case deliveredNumber:
				v.Delivered += count
			case undeliveredNumber:
				v.Undelivered += count
			default:
				v.Add(o, reason, count)
			}
		}
	}
	return v, p.end()
}

// of gives the progress of a batch in the step's shard, to be read and changed; what changed is written when the step is applied.
func (st *step) of(batch string) (*progress, error) {
	if p := st.progress[batch]; p != nil {
		return p, nil
	}
	st.key = progressKey(st.key[:0], st.shard, batch)
	v, found, err := st.get(st.key)
	if err != nil {
		return nil, err
	}
	p := &progress{}
	if found {
		if p, err = readProgress(v); err != nil {
			return nil, err
		}
	}
	if st.progress == nil {
		st.progress = map[string]*progress{}
	}
	st.progress[batch] = p
	return p, nil
}

func (st *step) writeProgress() error {
	for batch, p := range st.progress {
		if !p.changed {
			continue
		}
		st.key = progressKey(st.key[:0], st.shard, batch)
		st.buf = p.append(st.buf[:0])
		if err := st.set(st.key, st.buf); err != nil {
			return err
		}
	}
	return nil
}
