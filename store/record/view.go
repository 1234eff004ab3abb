package record

import (
	"hash/maphash"
	"math"
	"slices"

	"github.com/minapush/minapush"
)

// View is what a record shows, in memory that is used again for the next one: who walks many users allocates little. The zero View is ready
// for use; one of NewView also keeps words that many users share.
type View struct {
	Profile minapush.Profile
	// Events is nil if there are none, as are Permits and Recent; see Record.Events, Holdings and Recent.
	Events  map[string]minapush.EventState
	Permits []minapush.Holding
	Recent  []Recent

	tags       []string
	attributes table[minapush.Attribute]
	events     table[minapush.EventState]
	permits    []minapush.Holding
	recent     []Recent
	text       []byte
	words      *words
}

// NewView makes a view for many records.
func NewView() *View { return &View{words: &words{seed: maphash.MakeSeed()}} }

// Parts are those of a View that are wanted.
type Parts struct{ Profile, Events, Permits, Recent bool }

// Everything is all parts.
func Everything() Parts { return Parts{true, true, true, true} }

// Read makes the view one of r, of which the other parts are empty. What it showed before is gone. Errors: ErrCorrupt; then it shows nothing
// of use.
func (v *View) Read(r *Record, want Parts) error {
	v.Profile, v.Events, v.Permits, v.Recent = minapush.Profile{}, nil, nil, nil
	if want.Permits {
		v.readHoldings(r)
	}
	if want.Recent {
		v.readRecent(r)
	}
	if want.Profile {
		if err := v.readProfile(r); err != nil {
			return err
		}
	}
	if want.Events {
		return v.readEvents(r)
	}
	return nil
}

func (v *View) readProfile(r *Record) error {
	v.Profile = minapush.Profile{}
	if len(r.profile) == 0 {
		return nil
	}
	p := reader{b: r.profile}
	v.Profile.OptOut, v.Profile.Version, v.Profile.UID = minapush.OptOut(p.byte()), p.uvarint(math.MaxUint64), string(p.bytes())
	if n := p.uvarint(minapush.MaxTags); n > 0 {
		v.tags = v.tags[:0]
		for range n {
			v.tags = append(v.tags, v.words.of(p.bytes()))
		}
		v.Profile.Tags = v.tags
	}
	if n := p.uvarint(minapush.MaxAttributes); n > 0 {
		v.attributes.begin()
		for range n {
			name := v.attributes.name(p.bytes(), v.words)
			v.attributes.add(name, v.attribute(&p))
		}
		v.Profile.Attributes = v.attributes.end()
	}
	if p.bad || len(p.b) > 0 {
		v.Profile = minapush.Profile{}
		return ErrCorrupt
	}
	return nil
}

func (v *View) attribute(p *reader) minapush.Attribute {
	switch p.byte() {
	case attributeText:
		return minapush.Attribute{Text: v.words.of(p.bytes())}
	case attributeNumber:
		return minapush.Attribute{Kind: minapush.Number, Number: math.Float64frombits(p.uint64())}
	case attributeWhole:
		return minapush.Attribute{Kind: minapush.Number, Number: float64(p.varint())}
	case attributeFalse:
		return minapush.Attribute{Kind: minapush.Flag}
	case attributeTrue:
		return minapush.Attribute{Kind: minapush.Flag, Number: 1}
	}
	p.b, p.bad = nil, true
	return minapush.Attribute{}
}

func (v *View) readEvents(r *Record) error {
	v.Events = nil
	if len(r.events) == 0 {
		return nil
	}
	v.events.begin()
	last := ""
	for p := (reader{b: r.events}); len(p.b) > 0; {
		text, e := p.event()
		name := v.events.name(text, v.words)
		if p.bad || last >= name && v.events.n > 0 {
			return ErrCorrupt
		}
		v.events.add(name, e.state())
		last = name
	}
	v.Events = v.events.end()
	return nil
}

// table is a map that is filled again and again, mostly with the same names in the same order. Then only its values are set.
type table[T any] struct {
	m      map[string]T
	names  []string
	values []T
	n      int
	// changed tells that the names are not those of m.
	changed bool
}

func (t *table[T]) begin() { t.n, t.values = 0, t.values[:0] }

// name is the name that is added next.
func (t *table[T]) name(b []byte, w *words) string {
	if t.n < len(t.names) && t.names[t.n] == string(b) {
		return t.names[t.n]
	}
	return w.of(b)
}

func (t *table[T]) add(name string, value T) {
	switch {
	case t.n == len(t.names):
		t.names, t.changed = append(t.names, name), true
	case t.names[t.n] != name:
		t.names[t.n], t.changed = name, true
	}
	t.values = append(t.values, value)
	t.n++
}

func (t *table[T]) end() map[string]T {
	if t.m == nil {
		t.m = make(map[string]T, t.n)
	}
	if t.changed || t.n != len(t.names) {
		clear(t.m)
	}
	t.names, t.changed = t.names[:t.n], false
	for i, name := range t.names {
		t.m[name] = t.values[i]
	}
	return t.m
}

// readHoldings takes all identities into one string.
func (v *View) readHoldings(r *Record) {
	v.Permits, v.permits, v.text = nil, v.permits[:0], v.text[:0]
	if len(r.sections) == 0 {
		return
	}
	n := 0
	for i := range r.sections {
		n += len(r.sections[i].entries)
	}
	v.permits, v.text = slices.Grow(v.permits, n), slices.Grow(v.text, n*2*rawSize)
	for i := range r.sections {
		for j := range r.sections[i].entries {
			v.text = r.sections[i].entries[j].identity.appendText(v.text)
		}
	}
	identities := string(v.text)
	v.permits = v.permits[:n]
	n = 0
	for i := range r.sections {
		s := &r.sections[i]
		template := v.words.of(s.template)
		for j := range s.entries {
			e, h := &s.entries[j], &v.permits[n]
			n++
			size := e.identity.textSize()
			e.show(&h.Permit, s.kind, template, identities[:size])
			h.State = e.state
			identities = identities[size:]
		}
	}
	v.Permits = v.permits
}

func (v *View) readRecent(r *Record) {
	v.Recent, v.recent = nil, v.recent[:0]
	if len(r.recent) == 0 {
		return
	}
	for i := range r.recent {
		v.recent = append(v.recent, r.recent[i].view(v))
	}
	v.Recent = v.recent
}

// id gives an id as it was given, and keeps it in mind if many users have it.
func (v *View) id(p id) string {
	v.text = p.appendText(v.text[:0])
	return v.words.of(v.text)
}

// words keeps the words that came up last, so that what many records have is allocated once. Nil keeps none.
type words struct {
	seed maphash.Seed
	kept [1024]string
}

// maxWord is up to which length words are kept, in bytes.
const maxWord = 64

func (w *words) of(b []byte) string {
	if w == nil || len(b) == 0 || len(b) > maxWord {
		return string(b)
	}
	kept := &w.kept[maphash.Bytes(w.seed, b)%uint64(len(w.kept))]
	if *kept != string(b) {
		*kept = string(b)
	}
	return *kept
}
