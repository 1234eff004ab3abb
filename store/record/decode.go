package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/minapush/minapush"
)

// ErrCorrupt tells that bytes are not a record.
var ErrCorrupt = errors.New("user record is damaged")

// VersionError tells that a record was written by a newer release.
type VersionError struct {
	// Frame is the byte of type and version that this release does not know.
	Frame byte
}

// Error names the frame.
func (e *VersionError) Error() string {
	return fmt.Sprintf("user record has a frame of type and version %#02x, which this release does not know", e.Frame)
}

// Decode reads a stored record and folds its deltas. The record refers to b. Errors: ErrCorrupt, *VersionError.
func Decode(b []byte) (Record, error) {
	var r Record
	err := r.Decode(b)
	return r, err
}

// Decode is Decode into a record that is used again, which saves most allocations. After an error r is no user.
func (r *Record) Decode(b []byte) error {
	*r = Record{recent: r.recent[:0], sections: r.sections[:0]}
	for first := true; first || len(b) > 0; first = false {
		if len(b) == 0 {
			return ErrCorrupt
		}
		kind := b[0]
		n, size := binary.Uvarint(b[1:])
		if kind != fullV1 && kind != fullV2 && kind != fullV3 && kind != deltaV1 {
			return &VersionError{Frame: kind}
		}
		if size <= 0 || n > uint64(len(b)-1-size) || first != (kind != deltaV1) {
			return ErrCorrupt
		}
		payload := reader{b: b[1+size : 1+size+int(n)]}
		b = b[1+size+int(n):]
		if first {
			r.readTold(&payload, kind)
			r.readFull(&payload, kind)
		} else {
			r.readDelta(&payload)
		}
		if payload.bad {
			return ErrCorrupt
		}
	}
	return nil
}

// readTold takes profile and events as they are. Nothing but the beginning of the profile is looked at before somebody asks for them.
func (r *Record) readTold(p *reader, kind byte) {
	if kind >= fullV2 {
		r.profile = p.bytes()
	}
	if kind == fullV3 {
		r.events = p.bytes()
		if len(r.profile) == 0 {
			return
		}
	}
	if kind >= fullV2 {
		head := reader{b: r.profile}
		if head.byte() > byte(minapush.OptOutAll) || head.uvarint(math.MaxUint64) == 0 {
			p.b, p.bad = nil, true
		}
	}
}

func (r *Record) readFull(p *reader, kind byte) {
	r.FirstSeen = p.varint()
	r.LastSeen = r.FirstSeen + p.varint()
	flags := p.byte()
	r.flags, r.Erasing = flags&^flagsKnown, flags&flagErasing != 0
	for _, n := range [...]*int64{&r.Deposited, &r.Spent, &r.Dead, &r.Expired, &r.Evicted, &r.StandingSent} {
		*n = int64(p.uvarint(math.MaxInt64))
	}
	if r.isBusy = flags&flagBusy != 0; r.isBusy {
		r.busy = ref{batch: p.id(), push: p.id(), attempt: uint32(p.uvarint(math.MaxUint32))}
	}
	r.readRecent(p, kind)
	for n := p.uvarint(math.MaxInt32); n > 0 && !p.bad; n-- {
		s := r.growSections()
		var entries uint64
		s.kind, s.template, entries = p.sectionHead()
		s.entries = slices.Grow(s.entries, int(min(entries, uint64(len(p.b)/minEntry))))
		for ; entries > 0 && !p.bad; entries-- {
			s.entries = append(s.entries, entry{})
			e := &s.entries[len(s.entries)-1]
			p.entry(e, s.kind)
			if k := len(s.entries); k > 1 && e.end() < s.entries[k-2].end() {
				p.bad = true
			}
		}
	}
	n := p.uvarint(math.MaxInt32)
	if p.bad || n*tombSize != uint64(len(p.b)) {
		p.bad = true
		return
	}
	r.tombs = p.b
}

func (r *Record) readDelta(p *reader) {
	r.Deltas++
	r.LastSeen = max(r.LastSeen, p.varint())
	for len(p.b) > 0 && !p.bad {
		kind, template, entries := p.sectionHead()
		for ; entries > 0 && !p.bad; entries-- {
			var e entry
			if p.entry(&e, kind); p.bad {
				return
			}
			var f Flow
			r.deposited(&f, kind, e.uses)
			r.section(kind, template).insert(e)
		}
	}
}

// growSections adds a section, with the memory of an earlier one where there was one.
func (r *Record) growSections() *section {
	if n := len(r.sections); n < cap(r.sections) {
		r.sections = r.sections[:n+1]
		r.sections[n].entries = r.sections[n].entries[:0]
	} else {
		r.sections = append(r.sections, section{})
	}
	return &r.sections[len(r.sections)-1]
}

// ReadPermit reads a permit that AppendPermit wrote and returns what follows it. Errors: ErrCorrupt.
func ReadPermit(b []byte) (minapush.Permit, []byte, error) {
	p := reader{b: b}
	k := p.kind()
	template := p.bytes()
	var e entry
	if p.entry(&e, k); p.bad {
		return minapush.Permit{}, nil, ErrCorrupt
	}
	return e.permit(k, string(template)), p.b, nil
}

// reader reads a payload from the front. Once something is missing or wrong it is bad and gives only zeros.
type reader struct {
	b   []byte
	bad bool
}

// minEntry is how many bytes an entry has at least.
const minEntry = 6

func (p *reader) take(n int) []byte {
	if p.bad || n > len(p.b) {
		p.b, p.bad = nil, true
		return nil
	}
	head := p.b[:n:n]
	p.b = p.b[n:]
	return head
}

func (p *reader) byte() byte {
	if b := p.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (p *reader) uint16() uint16 {
	if b := p.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (p *reader) uint32() uint32 {
	if b := p.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (p *reader) uint64() uint64 {
	if b := p.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (p *reader) uvarint(limit uint64) uint64 {
	n, size := binary.Uvarint(p.b)
	if size <= 0 || n > limit {
		p.b, p.bad = nil, true
		return 0
	}
	p.b = p.b[size:]
	return n
}

func (p *reader) varint() int64 {
	n, size := binary.Varint(p.b)
	if size <= 0 {
		p.b, p.bad = nil, true
		return 0
	}
	p.b = p.b[size:]
	return n
}

func (p *reader) bytes() []byte { return p.take(int(p.uvarint(math.MaxInt32))) }

func (p *reader) id() id {
	v, rest, err := readID(p.b)
	if err != nil {
		p.b, p.bad = nil, true
		return nil
	}
	p.b = rest
	return v
}

func (p *reader) kind() minapush.PermitKind {
	k := minapush.PermitKind(p.byte())
	if k == 0 || int(k) > len(minapush.PermitKinds) {
		p.b, p.bad = nil, true
		return 0
	}
	return k
}

func (p *reader) sectionHead() (minapush.PermitKind, []byte, uint64) {
	return p.kind(), p.bytes(), p.uvarint(math.MaxInt32)
}

func (p *reader) entry(e *entry, k minapush.PermitKind) {
	flags := p.byte()
	e.state = minapush.PermitState(flags & entryStateMask)
	e.evidence = minapush.Evidence(flags & entryEvidenceMask >> entryEvidence)
	e.taken = p.uint32()
	e.expires = impliedExpiry(k, e.taken)
	if flags&entryExpires != 0 {
		e.expires = p.uint32()
	}
	if flags&entrySource != 0 {
		e.source = p.uint16()
	}
	e.uses = uint16(k.Uses())
	if flags&entryUses != 0 {
		e.uses = uint16(p.uvarint(math.MaxUint16))
		e.doomed = !k.HasCode() && e.state != minapush.Available && int(e.uses) == k.Uses()
	}
	switch {
	case !k.HasCode():
		e.identity.form = hashed
		copy(e.identity.raw[:hashSize], p.take(hashSize))
	case flags&entryRaw != 0:
		e.identity.form = rawCode
		copy(e.identity.raw[:], p.take(rawSize))
	default:
		e.identity.form, e.identity.text = textCode, p.bytes()
	}
	if e.state > minapush.Suspect || (e.uses == 0) != (k == minapush.Standing) {
		p.b, p.bad = nil, true
	}
}
