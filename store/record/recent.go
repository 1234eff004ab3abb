package record

import (
	"bytes"
	"encoding/binary"
	"time"
)

// Recent is one delivery that the record remembers.
type Recent struct {
	// Push is empty for a delivery of a campaign.
	Batch, Push string
	At          time.Time
	Content     uint64
	// Template is minapush.TemplateHash of the message's template; 0 of one that was noted before there was such a thing.
	Template uint32
	// Missed tells that it ended, and nothing arrived.
	Missed bool
}

// maxRecent is how many deliveries of campaigns, and how many pushes, a record remembers: store.MaxRecent.
const maxRecent = 8

type recent struct {
	batch, push id
	at          int64 // milliseconds
	content     uint64
	template    uint32
	flags       byte // bits that this release does not know are kept as they are
}

const recentMissed = 1 << 0

func (e *recent) missed() bool { return e.flags&recentMissed != 0 }

func (e *recent) isPush() bool { return !e.push.isEmpty() }

// plain tells that the first version of a frame holds all of it.
func (e *recent) plain() bool { return e.template == 0 && e.flags == 0 }

func (e *recent) is(batch, push id) bool {
	return bytes.Equal(e.batch, batch) && bytes.Equal(e.push, push)
}

func (e *recent) view(v *View) Recent {
	return Recent{
		Batch: v.id(e.batch), Push: v.id(e.push), At: time.UnixMilli(e.at).UTC(), Content: e.content, Template: e.template,
		Missed: e.missed(),
	}
}

// Recent lists the last deliveries that took a permit, latest first: at most 8 of campaigns, and at most 8 pushes.
func (r *Record) Recent() []Recent {
	var v View
	v.readRecent(r)
	return v.Recent
}

// ForgetRecent drops one delivery from the recent ones, when it is withdrawn as if it had never been.
func (r *Record) ForgetRecent(batch, push string) {
	if i := r.findRecent(batch, push); i >= 0 {
		r.recent = append(r.recent[:i], r.recent[i+1:]...)
	}
}

// Miss notes that a delivery has ended and nothing of it arrived. It tells whether that changed anything.
func (r *Record) Miss(batch, push string) bool {
	i := r.findRecent(batch, push)
	if i < 0 || r.recent[i].missed() {
		return false
	}
	r.recent[i].flags |= recentMissed
	return true
}

func (r *Record) findRecent(batch, push string) int {
	if len(r.recent) == 0 {
		return -1
	}
	var b, p [64]byte
	packedBatch, packedPush := id(AppendID(b[:0], batch)), id(AppendID(p[:0], push))
	for i := range r.recent {
		if r.recent[i].is(packedBatch, packedPush) {
			return i
		}
	}
	return -1
}

// remember puts a delivery in front of the recent ones; another attempt of the same delivery takes the place of the earlier. Above the
// bound of its kind the oldest that is missed goes, else the oldest.
func (r *Record) remember(e recent) {
	at, n := -1, 0
	for i := range r.recent {
		old := &r.recent[i]
		if old.is(e.batch, e.push) {
			at = i
			break
		}
		n += count(old.isPush() == e.isPush())
	}
	switch {
	case at >= 0:
	case n >= maxRecent:
		at = r.oldest(e.isPush())
	default:
		at = len(r.recent)
		r.recent = append(r.recent, recent{})
	}
	copy(r.recent[1:at+1], r.recent[:at])
	r.recent[0] = e
}

// oldest is the delivery of a kind that goes first.
func (r *Record) oldest(push bool) (at int) {
	missed := false
	for i := range r.recent {
		if e := &r.recent[i]; e.isPush() == push && (e.missed() || !missed) {
			at, missed = i, e.missed()
		}
	}
	return at
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// plainRecent tells that the recent deliveries fit into the first version of a frame.
func (r *Record) plainRecent() bool {
	if len(r.recent) > maxRecent {
		return false
	}
	for i := range r.recent {
		if !r.recent[i].plain() {
			return false
		}
	}
	return true
}

func (r *Record) appendRecent(dst []byte, kind byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(r.recent)))
	for i := range r.recent {
		e := &r.recent[i]
		dst = append(append(dst, e.batch...), e.push...)
		dst = binary.AppendVarint(dst, e.at-r.FirstSeen)
		dst = binary.BigEndian.AppendUint64(dst, e.content)
		if kind == fullV3 {
			dst = append(binary.BigEndian.AppendUint32(dst, e.template), e.flags)
		}
	}
	return dst
}

func (r *Record) readRecent(p *reader, kind byte) {
	limit := uint64(maxRecent)
	if kind == fullV3 {
		limit = 2 * maxRecent
	}
	for n := p.uvarint(limit); n > 0 && !p.bad; n-- {
		e := recent{batch: p.id(), push: p.id(), at: r.FirstSeen + p.varint(), content: p.uint64()}
		if kind == fullV3 {
			e.template, e.flags = p.uint32(), p.byte()
		}
		r.recent = append(r.recent, e)
	}
}
