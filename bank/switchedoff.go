package bank

import (
	"context"
	"fmt"
	"time"

	"github.com/minapush/minapush"
)

// SwitchedOff notes that a user switched the messages of a template off at a time of the platform's clock: the uses of its Subscription and
// Standing permits taken until then are dead, those held as soon as they would be given back, and none taken until then comes in any more.
// It returns how many died. Repeating is safe, in any order. Errors: Invalid; Unavailable.
func (b *Bank) SwitchedOff(ctx context.Context, app minapush.App, o minapush.OpenID, template string, until time.Time) (died int, err error) {
	if err := checkUser(app, o); err != nil {
		return 0, err
	}
	switch {
	case template == "" || len(template) > minapush.MaxTemplateID:
		return 0, minapush.FieldError("template", "must have 1 to %d bytes", minapush.MaxTemplateID)
	case until.IsZero():
		return 0, minapush.FieldError("until", "must be a time")
	}
	died, err = b.st.Void(ctx, app.Shard(o), o, template, until.UTC(), b.cfg.Now().UTC())
	if err != nil {
		return 0, fmt.Errorf("void %.64q for %s: %w", template, o.Masked(), err)
	}
	b.metrics.voided.Add(float64(died))
	return died, nil
}
