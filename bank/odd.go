package bank

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

const (
	// MaxOdd is how many odd events of an app are kept, and MaxOddBody how much of each, in bytes.
	MaxOdd     = 50
	MaxOddBody = 2 << 10

	kindOdd = "events.odd"
)

// OddEvent is an event of the platform that was not understood, or that fits nothing here, kept for people to look at.
type OddEvent struct {
	// At is when it came in.
	At time.Time `json:"at"`
	// Type is the event's, and Why what is odd about it.
	Type string `json:"type"`
	Why  string `json:"why"`
	// Body is its begin, without whole openids; empty: it is not kept, and of the same Type and Why only the latest is.
	Body string `json:"body,omitempty"`
}

type storedOdd struct {
	V      int        `json:"v"`
	Events []OddEvent `json:"events"`
}

// KeepOdd adds odd events of an app, the latest last, and forgets those before the last MaxOdd. Errors: Unavailable. Repeating adds them
// again.
func (b *Bank) KeepOdd(ctx context.Context, app minapush.App, events []OddEvent) error {
	if err := checkApp(app); err != nil {
		return err
	}
	for range maxEdits {
		s, version, err := b.loadOdd(ctx, app)
		if err != nil {
			return err
		}
		for _, e := range events {
			s.Events = AddOdd(s.Events, e)
		}
		value, err := encodePlain(s)
		if err != nil {
			return err
		}
		_, err = b.st.Put(ctx, store.Document{Kind: kindOdd, ID: appID(app), Version: version, Value: value})
		if err == nil {
			return nil
		}
		if !errors.Is(err, minapush.Conflict) {
			return fmt.Errorf("keep odd events of app %s: %w", app.ID, err)
		}
	}
	return minapush.Errorf(minapush.Conflict, "odd events of app %s are being changed by others all the time", app.ID)
}

// AddOdd adds one to a list of at most MaxOdd.
func AddOdd(list []OddEvent, e OddEvent) []OddEvent {
	if e.Body == "" {
		list = slices.DeleteFunc(list, func(o OddEvent) bool { return o.Body == "" && o.Type == e.Type && o.Why == e.Why })
	}
	list = append(list, e)
	return list[max(len(list)-MaxOdd, 0):]
}

// OddEvents returns the odd events that are kept of an app, the latest last.
func (b *Bank) OddEvents(ctx context.Context, app minapush.App) ([]OddEvent, error) {
	if err := checkApp(app); err != nil {
		return nil, err
	}
	s, _, err := b.loadOdd(ctx, app)
	return s.Events, err
}

func (b *Bank) loadOdd(ctx context.Context, app minapush.App) (storedOdd, uint64, error) {
	s := storedOdd{V: format}
	d, err := b.st.Get(ctx, kindOdd, appID(app))
	if errors.Is(err, minapush.NotFound) {
		return s, 0, nil
	}
	if err == nil {
		err = decode(d, &s)
	}
	if err != nil {
		return s, 0, fmt.Errorf("odd events of app %s: %w", app.ID, err)
	}
	return s, d.Version, nil
}
