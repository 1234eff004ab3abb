package sandbox

import (
	"errors"
	"time"
)

// PushShape is a way in which an event is written (fact sheet §2.6).
type PushShape string

const (
	// ShapeReal is as real traffic was seen.
	ShapeReal PushShape = "real"
	// ShapeArray, for Lists, is an array also around one item, as the samples of the documents have it.
	ShapeArray PushShape = "array"
	// ShapeString, for Numbers, makes every number of the JSON a string, as those samples do.
	ShapeString PushShape = "string"
	// ShapeMixed draws one of all that were ever seen for each event.
	ShapeMixed PushShape = "mixed"
)

// PushKnobs set how events arrive. The zero value is as well behaved as WeChat is said to be. For durations and counts, zero means
// the default and a negative number none; delays are uniform between least and most, in real time. Chances are between 0 and 1.
type PushKnobs struct {
	// SentLeast and SentMost delay subscribe_msg_sent_event. Default to 0.2 and 3 s.
	SentLeast, SentMost time.Duration
	// Least and Most delay every other event. Default to 0.1 and 1 s.
	Least, Most time.Duration
	// Wait is the time for an answer; it cannot be none. Defaults to 5 s.
	Wait time.Duration
	// Pause passes between a failed try and the next; how long it is in truth is not known. Defaults to 1 s.
	Pause time.Duration
	// Tries is how often an event is sent in all if it is not answered well. Defaults to 3.
	Tries int

	// Duplicate is the chance that an event is sent again, up to twice, although it was answered well.
	Duplicate float64
	// Overtake is the chance that an event is sent before the one that was queued just before it, if that still waits.
	Overtake float64
	// Late is the chance that an event comes later by LateBy. LateBy defaults to 30 s.
	Late   float64
	LateBy time.Duration
	// Lose is the chance that an event is never sent.
	Lose float64
	// Undelivered is the chance that an accepted subscribe message of an app with a push URL does not arrive: its event says so and
	// it is in no inbox, but it counts as accepted. Code and text of such an event are inferred: "-10", "failed: system failed".
	Undelivered float64

	// OmitSilent leaves out of subscribe_msg_popup_event what was settled without asking, by "always keep". Whether WeChat tells it is
	// not settled (fact sheet §6). Defaults to telling it.
	OmitSilent bool
	// Lists says how List is written in JSON: ShapeReal (a bare object for one item, an array for more), ShapeArray or ShapeMixed.
	// Defaults to ShapeReal.
	Lists PushShape
	// Numbers says how the JSON writes numbers: ShapeReal (CreateTime as number, those of the items as strings), ShapeString or
	// ShapeMixed. Defaults to ShapeReal.
	Numbers PushShape
	// Wrappers says what holds the items: ShapeReal (List; in XML the wrapper of the event), or ShapeMixed (also the wrapper of
	// another event, and a wrapper in JSON). Defaults to ShapeReal.
	Wrappers PushShape
}

// knobError is a knob that is wrong: its name in PushKnobs, and in the control API.
type knobError struct{ knob, field, problem string }

func (e *knobError) Error() string { return e.knob + ": " + e.problem }

func (k PushKnobs) complete() (PushKnobs, error) {
	for _, c := range []struct {
		knob, field string
		chance      float64
	}{{"Duplicate", "duplicate", k.Duplicate}, {"Overtake", "overtake", k.Overtake}, {"Late", "late", k.Late}, {"Lose", "lose", k.Lose},
		{"Undelivered", "undelivered", k.Undelivered}} {
		if !(c.chance >= 0 && c.chance <= 1) {
			return k, &knobError{c.knob, c.field, "must be between 0 and 1"}
		}
	}
	if k.Wait < 0 {
		return k, &knobError{"Wait", "wait_ms", "cannot be none"}
	}
	for _, s := range []struct {
		knob, field string
		shape       *PushShape
		other       PushShape
	}{{"Lists", "lists", &k.Lists, ShapeArray}, {"Numbers", "numbers", &k.Numbers, ShapeString}, {"Wrappers", "wrappers", &k.Wrappers, ShapeMixed}} {
		if *s.shape == "" {
			*s.shape = ShapeReal
		}
		if *s.shape != ShapeReal && *s.shape != ShapeMixed && *s.shape != s.other {
			return k, &knobError{s.knob, s.field, quote(string(*s.shape)) + " is none of its shapes"}
		}
	}
	orDefault(&k.SentMost, 3*time.Second)
	orDefault(&k.SentLeast, min(200*time.Millisecond, k.SentMost))
	orDefault(&k.Most, time.Second)
	orDefault(&k.Least, min(100*time.Millisecond, k.Most))
	orDefault(&k.Wait, 5*time.Second)
	orDefault(&k.Pause, time.Second)
	orDefault(&k.LateBy, 30*time.Second)
	orDefault(&k.Tries, 3)
	k.Tries = max(k.Tries, 1)
	if k.SentLeast > k.SentMost {
		return k, &knobError{"SentLeast", "sent_least_ms", "must not be above the most"}
	}
	if k.Least > k.Most {
		return k, &knobError{"Least", "least_ms", "must not be above the most"}
	}
	return k, nil
}

// SetPushKnobs replaces the knobs. Events that wait keep their delay and their fate.
func (s *Sandbox) SetPushKnobs(k PushKnobs) error {
	k, err := k.complete()
	var wrong *knobError
	if errors.As(err, &wrong) {
		return &ArgError{Field: wrong.field, Problem: wrong.problem}
	}
	s.knobs.Store(&k)
	return nil
}

// PushKnobs returns the knobs, with defaults filled in and -1 for none.
func (s *Sandbox) PushKnobs() PushKnobs { return *s.knobs.Load() }

func (s *Sandbox) pushKnobs() *PushKnobs { return s.knobs.Load() }

// delay draws how long an event takes to be sent for the first time.
func (k *PushKnobs) delay(e *event) time.Duration {
	least, most := k.Least, k.Most
	if e.kind == eventSent {
		least, most = k.SentLeast, k.SentMost
	}
	least, most = max(least, 0), max(most, 0)
	d := least + time.Duration(e.rng.Float64()*float64(most-least))
	if e.rolls(k.Late) {
		d += max(k.LateBy, 0)
	}
	return d
}
