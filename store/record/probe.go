package record

import (
	"encoding/binary"

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

// MarkProbes are what a stored record, or a delta of it, holds somewhere if what it knows of other permits may decide what becomes of
// this one: section if its user has live permits that it may pair with, and any of gone, 8 bytes each, if it remembers such ones that are
// gone, or that the template was switched off. Where none of these is found, the permit stands by itself; where one is, only Decode can
// tell. Both are nil for permits that always stand by themselves.
func MarkProbes(p *minapush.Permit) (section, gone []byte) {
	e := newEntry(p)
	if p.Kind.HasCode() || e.evidence == minapush.ByBackend {
		return nil, nil
	}
	template := []byte(p.Template)
	gone = binary.BigEndian.AppendUint64(nil, markHash(markVoid, template))
	if !e.unpaired(p.Kind) {
		return nil, gone
	}
	mark, _ := markOf(minapush.ByClient + minapush.ByEvent - e.evidence)
	section = appendText([]byte{byte(p.Kind)}, p.Template)
	return section, binary.BigEndian.AppendUint64(gone, markHash(mark, template))
}
