package record_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

func TestEventsComeBackAsTheyWereNotedWhateverElseHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory()
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			if h.step(t); rapid.Bool().Draw(t, "note") {
				h.note(t)
			}
		}
		again, err := h.r.Rewritten()
		if err != nil {
			t.Fatal(err)
		}
		got, err := again.Events()
		if diff := cmp.Diff(h.events, got); err != nil || diff != "" {
			t.Fatalf("%v (-noted +read)\n%s", err, diff)
		}
	})
}

func TestARecordHasEventsOfSoManyNamesAndNoMore(t *testing.T) {
	r := record.New(at(0))
	for n := range minapush.MaxEventNames + 1 {
		noted, _, err := r.NoteEvents([]minapush.NamedEvent{{Name: fmt.Sprint("e", n), At: at(0)}})
		if want := map[bool]record.Noted{true: record.NotedRefused}[n == minapush.MaxEventNames]; err != nil || noted[0] != want {
			t.Fatalf("the %d.: %v, %v", n, noted, err)
		}
	}
	if noted, changed, _ := r.NoteEvents([]minapush.NamedEvent{{Name: "e0", At: at(time.Second)}}); !changed || noted[0] != record.NotedAdded {
		t.Errorf("one that is known is %v", noted)
	}
	r.Erasing = true
	if noted, changed, _ := r.NoteEvents([]minapush.NamedEvent{{Name: "e1", At: at(time.Second)}}); changed || noted[0] != record.NotedRefused {
		t.Errorf("of somebody being erased it is %v", noted)
	}
}

func TestDamagedEventsAreNoEvents(t *testing.T) {
	r := record.New(at(0))
	if _, _, err := r.NoteEvents([]minapush.NamedEvent{{Name: "a", At: time.UnixMilli(1)}, {Name: "b", At: time.UnixMilli(1)}}); err != nil {
		t.Fatal(err)
	}
	whole := r.Append(nil)
	const first, second = 5, 9 // where their names are
	for name, change := range map[string]func([]byte){
		"out of order": func(b []byte) { b[first] = 'c' },
		"twice":        func(b []byte) { b[second] = 'a' },
		"cut off":      func(b []byte) { b[second-1] = math.MaxInt8 },
	} {
		b := append([]byte{}, whole...)
		change(b)
		got, err := record.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if events, err := got.Events(); !errors.Is(err, record.ErrCorrupt) {
			t.Errorf("%s: %v, %v", name, events, err)
		}
		if _, changed, err := got.NoteEvents([]minapush.NamedEvent{{Name: "d", At: at(0)}}); changed || !errors.Is(err, record.ErrCorrupt) {
			t.Errorf("%s: one more: %v", name, err)
		}
	}
}

func TestAViewUsedAgainShowsNothingOfTheOneBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		view := record.NewView()
		for range 4 {
			h := newHistory()
			for range rapid.IntRange(0, 25).Draw(t, "steps") {
				h.step(t)
			}
			if err := view.Read(&h.r, record.Everything()); err != nil {
				t.Fatal(err)
			}
			s := see(&h.r)
			if diff := cmp.Diff([]any{s.Profile, s.Events, s.Holdings, s.Recent}, []any{view.Profile, view.Events, view.Permits, view.Recent}); diff != "" {
				t.Fatalf("(-record +view)\n%s", diff)
			}
		}
	})
}
