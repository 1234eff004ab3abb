package collect

import (
	"context"
	"time"

	"github.com/minapush/minapush"
)

// Opened is one message that the user opened.
type Opened struct {
	// Message is the id of its campaign or push, as the page's query had it.
	Message string
	// AgeMS is how long ago that was, in milliseconds by the client's clock: up to minapush.MaxReportAge.
	AgeMS int64
	// Nonce names the open, 1 to MaxNonce bytes. Optional: a message is opened once, whatever it is called.
	Nonce string
}

// OpenAnswer counts what became of opens. One that is ignored is not worth another try.
type OpenAnswer struct{ Accepted, Duplicate, Ignored int }

// What becomes of an open, as the metric names it: a closed set.
const (
	openAccepted  = "accepted"
	openDuplicate = "duplicate"
	openUnknown   = "unknown"  // not sent to this user, of another app, or forgotten
	openNotSent   = "not_sent" // it cannot have arrived
	openBadID     = "bad_id"
	openBadAge    = "bad_age"
	openBadNonce  = "bad_nonce"
)

// noteOpens notes opens one by one. What is wrong with one is ignored and counted: links live longer than rows, and anybody can write
// one. Errors: Unavailable.
func (c *Collector) noteOpens(ctx context.Context, app minapush.App, o minapush.OpenID, opens []Opened, arrival time.Time) (OpenAnswer, error) {
	var a OpenAnswer
	for _, it := range opens {
		result, err := c.noteOpen(ctx, app, o, it, arrival)
		if err != nil {
			return OpenAnswer{}, err
		}
		c.metrics.opens.WithLabelValues(result).Inc()
		switch result {
		case openAccepted:
			a.Accepted++
		case openDuplicate:
			a.Duplicate++
		default:
			a.Ignored++
		}
	}
	return a, nil
}

func (c *Collector) noteOpen(ctx context.Context, app minapush.App, o minapush.OpenID, it Opened, arrival time.Time) (string, error) {
	if it.Nonce != "" && !goodNonce(it.Nonce) {
		return openBadNonce, nil
	}
	at, reason := takenAt(it.AgeMS, arrival, minapush.MaxReportAge, ReasonTooOld)
	if reason != "" {
		return openBadAge, nil
	}
	first, err := c.opens.Opened(ctx, app, o, it.Message, at)
	switch kind := minapush.KindOf(err); {
	case err == nil && first:
		return openAccepted, nil
	case err == nil:
		return openDuplicate, nil
	case kind == minapush.NotFound:
		return openUnknown, nil
	case kind == minapush.Conflict:
		return openNotSent, nil
	case kind == minapush.Invalid:
		return openBadID, nil
	}
	return "", err
}
