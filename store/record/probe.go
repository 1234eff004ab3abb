package record

import (
	"encoding/binary"
	"time"

	"github.com/minapush/minapush"
)

// Sections tells how many kinds and templates of permits the user has, and how many permits there are of the one with the most.
func (r *Record) Sections() (n, largest int) {
	for i := range r.sections {
		largest = max(largest, len(r.sections[i].entries))
	}
	return len(r.sections), largest
}

// Remembers tells whether the record knows of permits that are gone.
func (r *Record) Remembers() bool { return len(r.tombs) > 0 }

// Probes are what a stored record, or a delta of it, holds somewhere if its user has the permit, live, and if it remembers to have had
// it, gone. Where neither is found, the user does not know the permit; where one is, only Decode can tell. For permits without a code
// the two are the same, and live is nil. A Standing permit is known by its section, which has no probe.
func Probes(p *minapush.Permit) (live, gone []byte) {
	id := identityOf(p)
	switch id.form {
	case rawCode:
		live = id.raw[:]
	case textCode:
		live = appendText(nil, string(id.text))
	}
	return live, binary.BigEndian.AppendUint64(nil, id.hash(p.Kind))
}

// PairProbe tells by what a stored record, or a delta of it, shows that a live permit may be there that another one pairs with: it holds
// Section somewhere, and somewhere a byte of flags with Evidence in its bits 4 and 5, and right behind it a u32 from First to Last. Section
// is nil where there is nothing to look for.
type PairProbe struct {
	Section []byte
	// Evidence is 0x00 or 0x10.
	Evidence byte
	// First and Last are seconds since 1970.
	First, Last uint32
}

// MarkProbes are what a stored record, or a delta of it, holds somewhere if what it knows of other permits may decide what becomes of
// this one: pair if its user has a live permit that it may pair with, and any of gone, 8 bytes each, if it remembers such ones that are
// gone, or that the template was switched off. Where none of these is found, the permit stands by itself; where one is, only Decode can
// tell. There are none for permits that always stand by themselves.
func MarkProbes(p *minapush.Permit) (pair PairProbe, gone []byte) {
	e := newEntry(p)
	if p.Kind.HasCode() || e.evidence == minapush.ByBackend {
		return pair, nil
	}
	template := []byte(p.Template)
	gone = binary.BigEndian.AppendUint64(nil, markHash(markVoid, template))
	if !e.unpaired(p.Kind) {
		return pair, gone
	}
	const within = uint32(minapush.PairWithin / time.Second)
	other := e.counter()
	pair = PairProbe{
		Section: appendText([]byte{byte(p.Kind)}, p.Template), Evidence: byte(other) << entryEvidence,
		First: e.taken - min(e.taken, within), Last: later(e.taken, within),
	}
	mark, _ := markOf(other)
	return pair, binary.BigEndian.AppendUint64(gone, markHash(mark, template))
}
