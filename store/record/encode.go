package record

import (
	"encoding/binary"
	"time"

	"github.com/minapush/minapush"
)

// A stored record is a sequence of frames: a byte of type and version, the length of the payload as a uvarint, the payload. The
// first frame is a full one, the others are deltas in the order in which they were merged. Version 2 of a full frame is version 1
// behind a profile, version 3 has named events behind the profile, and says more of recent deliveries. A record is written in the least
// version that holds all of it.
const (
	fullV1  = 0x11
	fullV2  = 0x12
	fullV3  = 0x13
	deltaV1 = 0x21
)

// Bits of the header's flags.
const (
	flagErasing = 1 << iota
	flagBusy
	flagsKnown = flagErasing | flagBusy
)

// Bits of an entry's flags. Two bits of state, and two of evidence.
const (
	entryStateMask    = 0x03
	entryExpires      = 0x04 // an expiry follows, since it is not time taken + life of the kind
	entrySource       = 0x08
	entryEvidence     = 4 // shift
	entryEvidenceMask = 0x30
	entryUses         = 0x40 // the uses follow, since they are not those of a new permit; if they are, the permit is doomed
	entryRaw          = 0x80 // the identity is a code in 16 bytes
)

const tombSize = 4 + hashSize

// Append appends the whole record as one full frame.
func (r *Record) Append(dst []byte) []byte {
	start, kind := len(dst), r.version()
	if kind >= fullV2 {
		dst = append(binary.AppendUvarint(dst, uint64(len(r.profile))), r.profile...)
	}
	if kind == fullV3 {
		dst = append(binary.AppendUvarint(dst, uint64(len(r.events))), r.events...)
	}
	dst = binary.AppendVarint(dst, r.FirstSeen)
	dst = binary.AppendVarint(dst, r.LastSeen-r.FirstSeen)
	flags := r.flags
	if r.Erasing {
		flags |= flagErasing
	}
	if r.isBusy {
		flags |= flagBusy
	}
	dst = append(dst, flags)
	for _, n := range [...]int64{r.Deposited, r.Spent, r.Dead, r.Expired, r.Evicted, r.StandingSent} {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	if r.isBusy {
		dst = append(append(dst, r.busy.batch...), r.busy.push...)
		dst = binary.AppendUvarint(dst, uint64(r.busy.attempt))
	}
	dst = r.appendRecent(dst, kind)
	dst = binary.AppendUvarint(dst, uint64(len(r.sections)))
	for i := range r.sections {
		s := &r.sections[i]
		dst = appendSectionHead(dst, s.kind, s.template, len(s.entries))
		for j := range s.entries {
			dst = s.entries[j].append(dst, s.kind)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(r.tombs)/tombSize))
	dst = append(dst, r.tombs...)
	return frame(dst, start, kind)
}

// version is the least version of a full frame that holds the record.
func (r *Record) version() byte {
	switch {
	case len(r.events) > 0 || !r.plainRecent():
		return fullV3
	case len(r.profile) > 0:
		return fullV2
	}
	return fullV1
}

// AppendDelta appends what a deposit with Result.Merge changed as one delta frame, to be concatenated to the stored record.
func (r *Record) AppendDelta(dst []byte, d Deposit, res Result) []byte {
	start := len(dst)
	dst = binary.AppendVarint(dst, r.LastSeen)
	for i := 0; i < len(d.Permits); {
		if res.Items[i] != Added {
			i++
			continue
		}
		first := &d.Permits[i]
		n, end := 0, i
		for ; end < len(d.Permits) && d.Permits[end].Kind == first.Kind && d.Permits[end].Template == first.Template; end++ {
			if res.Items[end] == Added {
				n++
			}
		}
		dst = appendSectionHead(dst, first.Kind, first.Template, n)
		for ; i < end; i++ {
			if res.Items[i] == Added {
				e := newEntry(&d.Permits[i])
				dst = e.append(dst, first.Kind)
			}
		}
	}
	return frame(dst, start, deltaV1)
}

// frame puts type and length in front of the payload that starts at start.
func frame(dst []byte, start int, kind byte) []byte {
	var head [1 + binary.MaxVarintLen64]byte
	head[0] = kind
	size := len(dst) - start
	n := 1 + binary.PutUvarint(head[1:], uint64(size))
	dst = append(dst, head[:n]...)
	copy(dst[start+n:], dst[start:start+size])
	copy(dst[start:], head[:n])
	return dst
}

func appendSectionHead[S string | []byte](dst []byte, k minapush.PermitKind, template S, n int) []byte {
	dst = append(dst, byte(k))
	dst = binary.AppendUvarint(dst, uint64(len(template)))
	dst = append(dst, template...)
	return binary.AppendUvarint(dst, uint64(n))
}

func (e *entry) append(dst []byte, k minapush.PermitKind) []byte {
	flags := byte(e.state)&entryStateMask | byte(e.evidence)<<entryEvidence&entryEvidenceMask
	implied := impliedExpiry(k, e.taken)
	if e.expires != implied {
		flags |= entryExpires
	}
	if e.source != 0 {
		flags |= entrySource
	}
	withUses := e.doomed || int(e.uses) != k.Uses()
	if withUses {
		flags |= entryUses
	}
	if e.identity.form == rawCode {
		flags |= entryRaw
	}
	dst = append(dst, flags)
	dst = binary.BigEndian.AppendUint32(dst, e.taken)
	if e.expires != implied {
		dst = binary.BigEndian.AppendUint32(dst, e.expires)
	}
	if e.source != 0 {
		dst = binary.BigEndian.AppendUint16(dst, e.source)
	}
	if withUses {
		dst = binary.AppendUvarint(dst, uint64(e.uses))
	}
	switch e.identity.form {
	case rawCode:
		return append(dst, e.identity.raw[:]...)
	case textCode:
		dst = binary.AppendUvarint(dst, uint64(len(e.identity.text)))
		return append(dst, e.identity.text...)
	}
	return append(dst, e.identity.raw[:hashSize]...)
}

// impliedExpiry is when a permit ends that was reported without anything special; 0 is never.
func impliedExpiry(k minapush.PermitKind, taken uint32) uint32 {
	if k.HasCode() {
		return taken + uint32(minapush.CodeLife/time.Second)
	}
	return 0
}

// AppendPermit appends one permit that came out of a record, for the row of the delivery that holds it.
func AppendPermit(dst []byte, p *minapush.Permit) []byte {
	e := newEntry(p)
	dst = append(dst, byte(p.Kind))
	dst = binary.AppendUvarint(dst, uint64(len(p.Template)))
	dst = append(dst, p.Template...)
	return e.append(dst, p.Kind)
}
