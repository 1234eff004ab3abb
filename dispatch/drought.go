package dispatch

import (
	"context"
	"sync"
	"time"

	"github.com/minapush/minapush/delivery"
)

const (
	// droughtLasts is for how long after a failure the store is believed to give out no tokens: longer than a call to it takes, so that it
	// is failing until it answers, and not for good if nobody asks any more.
	droughtLasts = 15 * time.Second
	// droughtSaid is how often the log says so.
	droughtSaid = time.Minute
)

// drought is a time in which the store gives out no tokens of an app's rate: then whatever keeps to a pace stands still.
type drought struct {
	mu   sync.Mutex // guards all below
	why  error      // nil: there is none
	at   time.Time  // when the store last failed
	said time.Time  // when the log last said so
	told bool       // the log has said so of this one
}

// watched is fetch, with its failures noted. A call that was given up tells nothing.
func (r *runner) watched(fetch fetchTokens) fetchTokens {
	return func(ctx context.Context, perSecond float64, want int, ahead time.Duration) (delivery.Tokens, error) {
		got, err := fetch(ctx, perSecond, want, ahead)
		if err == nil || ctx.Err() == nil {
			r.dry(err)
		}
		return got, err
	}
}

// dry notes an answer of the store.
func (r *runner) dry(err error) {
	now := r.d.cfg.Now()
	d := &r.drought
	d.mu.Lock()
	ended := err == nil && d.told
	say := err != nil && now.Sub(d.said) >= droughtSaid
	if d.why = err; err != nil {
		d.at = now
	}
	if say {
		d.said = now
	}
	d.told = !ended && (d.told || say)
	d.mu.Unlock()
	switch {
	case say:
		r.d.cfg.Logger.Warn("nothing is sent at a pace: the store gives out no tokens of the rate", "app", r.id, "err", err)
	case ended:
		r.d.cfg.Logger.Info("the store gives out tokens of the rate again", "app", r.id)
	}
}

// Starved says why this node lately got no tokens of an app's rate from the store, so that nothing is sent at a pace; nil if it does, or
// does not ask.
func (d *Dispatcher) Starved() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.cfg.Now()
	for _, r := range d.runners {
		r.drought.mu.Lock()
		why, at := r.drought.why, r.drought.at
		r.drought.mu.Unlock()
		if why != nil && now.Sub(at) < droughtLasts {
			return why
		}
	}
	return nil
}
