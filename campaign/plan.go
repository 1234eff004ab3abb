package campaign

import (
	"context"
	"time"

	"github.com/minapush/minapush"
)

// Plan lets a campaign that waits for its start call start by itself at a time, or at another time than before; the zero time takes that
// back. Errors: NotFound; Invalid, with Field "start_at" (not in the future, or not before the latest send time); Conflict if it was
// started or has ended, or with Field "audience" while its list is empty or being copied.
func (c *Campaigns) Plan(ctx context.Context, app minapush.App, id string, at time.Time) (minapush.Campaign, error) {
	m, err := c.Get(ctx, app.ID, id)
	if err != nil {
		return m, err
	}
	listed, err := c.countList(ctx, app, m)
	if err != nil {
		return m, err
	}
	return c.change(ctx, app.ID, id, func(m *minapush.Campaign, now time.Time) error {
		switch {
		case m.State != minapush.Scheduled:
			return wrongState(*m, "planned")
		case at.IsZero():
			m.StartAt = time.Time{}
			return nil
		case m.Audience.Filling:
			return listError("is still being copied from another campaign: repeat the call that made it")
		case m.Audience.List && listed == 0:
			return listError("is empty: fill it first")
		case !at.After(now):
			return minapush.FieldError("start_at", "must be in the future")
		case !m.LatestSend.IsZero() && !m.LatestSend.After(at):
			return minapush.FieldError("start_at", "must be before latest_send")
		}
		m.StartAt = at.UTC()
		return nil
	})
}
