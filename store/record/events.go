package record

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/minapush/minapush"
)

// A record keeps what its user did as the bytes that it is stored in: to the end, by name, the name (string), when it was last done (varint
// ms) and how often (uvarint).

// Noted is what became of a named event. The values are those of store.EventNoted.
type Noted uint8

const (
	// NotedAdded: it is noted, and counted.
	NotedAdded Noted = iota
	// NotedKnown: one as late or later was noted before.
	NotedKnown
	// NotedRefused: there are events of too many names, or the user is being erased.
	NotedRefused
)

type event struct {
	name  string
	last  int64 // milliseconds
	count int64
}

// NoteEvents notes what the user did, by the rules of store.Profiles.NoteEvents, and answers for each event, which must be valid. It tells
// whether that changed anything. Errors: ErrCorrupt; then nothing has changed.
func (r *Record) NoteEvents(told []minapush.NamedEvent) (noted []Noted, changed bool, err error) {
	noted = make([]Noted, len(told))
	if r.Erasing {
		for i := range noted {
			noted[i] = NotedRefused
		}
		return noted, false, nil
	}
	list, err := r.listEvents()
	if err != nil {
		return nil, false, err
	}
	for i := range told {
		list, noted[i] = note(list, told[i].Name, told[i].At.UnixMilli())
		changed = changed || noted[i] == NotedAdded
	}
	if changed {
		r.events = appendEvents(nil, list)
	}
	return noted, changed, nil
}

// note notes one event in a list by name.
func note(list []event, name string, at int64) ([]event, Noted) {
	i, known := slices.BinarySearchFunc(list, name, func(e event, name string) int { return strings.Compare(e.name, name) })
	switch {
	case known && at <= list[i].last:
		return list, NotedKnown
	case known:
		list[i].last = at
		list[i].count = min(list[i].count, math.MaxInt64-1) + 1
		return list, NotedAdded
	case len(list) >= minapush.MaxEventNames:
		return list, NotedRefused
	}
	return slices.Insert(list, i, event{name: name, last: at, count: 1}), NotedAdded
}

// Events is what the user did, by name; nil: nothing was told. Errors: ErrCorrupt.
func (r *Record) Events() (map[string]minapush.EventState, error) {
	var v View
	err := v.readEvents(r)
	return v.Events, err
}

func (e *event) state() minapush.EventState {
	return minapush.EventState{Last: time.UnixMilli(e.last).UTC(), Count: e.count}
}

func (r *Record) listEvents() ([]event, error) {
	var list []event
	for p := (reader{b: r.events}); len(p.b) > 0; {
		name, e := p.event()
		e.name = string(name)
		if p.bad || len(list) > 0 && list[len(list)-1].name >= e.name {
			return nil, ErrCorrupt
		}
		list = append(list, e)
	}
	return list, nil
}

// event reads one, and its name aside.
func (p *reader) event() (name []byte, e event) {
	return p.bytes(), event{last: p.varint(), count: int64(p.uvarint(math.MaxInt64))}
}

func appendEvents(dst []byte, list []event) []byte {
	for _, e := range list {
		dst = binary.AppendVarint(appendText(dst, e.name), e.last)
		dst = binary.AppendUvarint(dst, uint64(e.count))
	}
	return dst
}
