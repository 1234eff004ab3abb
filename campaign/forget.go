package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

const (
	kindForgotten = "campaign-forgotten"
	// forgetEvery is how often old rows are looked for, by one node or another.
	forgetEvery = time.Hour
	// keepKeys is how long an idempotency key is remembered, however long rows are kept: as long as those of pushes.
	keepKeys = 30 * 24 * time.Hour
	// forgetAgain is for how long what was forgotten is looked at again: a row that was pending then may have ended since.
	forgetAgain = 7 * 24 * time.Hour
)

// forgotten is the document of an app that says how far its old rows are gone.
type forgotten struct {
	V int `json:"v"`
	// Until: what ended before is gone.
	Until time.Time `json:"until"`
	// At is when that was found.
	At time.Time `json:"at"`
}

// forget removes the rows of pushes and of campaigns that ended longer than Keep ago, and idempotency keys older than keepKeys; sums stay.
// It goes on where the last one ended, whichever node did that and however long ago. Two nodes at once do no harm.
func (c *Campaigns) forget(ctx context.Context, app minapush.App) error {
	now := c.cfg.Now().UTC()
	d, err := c.st.Get(ctx, kindForgotten, string(app.ID))
	var last forgotten
	if err == nil {
		err = json.Unmarshal(d.Value, &last)
	}
	if err != nil && !errors.Is(err, minapush.NotFound) {
		return fmt.Errorf("how far old rows are gone: %w", err)
	}
	until := now.Add(-c.cfg.Keep)
	if now.Sub(last.At).Abs() < forgetEvery && !until.Before(last.Until) {
		return nil // another node has just done it
	}
	from := last.Until.Add(-forgetAgain)
	if last.Until.IsZero() {
		from = app.CreatedAt
	}
	if err := c.forgetRows(ctx, app, from, until); err != nil {
		return err
	}
	for _, kind := range []string{keyKindOf(app.ID), scheduleKeyKindOf(app.ID)} {
		if err := c.forgetKeys(ctx, kind); err != nil {
			return fmt.Errorf("idempotency keys: %w", err)
		}
	}
	value, err := json.Marshal(forgotten{1, until, now})
	if err != nil {
		return err
	}
	_, err = c.st.Put(ctx, store.Document{Kind: kindForgotten, ID: string(app.ID), Version: d.Version, Value: value})
	if errors.Is(err, minapush.Conflict) {
		return nil // another node has done the same
	}
	return err
}

// forgetRows removes the rows of pushes and campaigns that ended from one time until another.
func (c *Campaigns) forgetRows(ctx context.Context, app minapush.App, from, until time.Time) error {
	// An app without a time of creation is looked at as far back as what is looked at again.
	pushes := from
	if pushes.IsZero() {
		pushes = until.Add(-forgetAgain)
	}
	if err := c.rows.ForgetPushes(ctx, app, pushes, until); err != nil {
		return fmt.Errorf("rows of pushes: %w", err)
	}
	for after := ""; ; {
		list, err := c.List(ctx, app.ID, after, 100)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, m := range list {
			after = m.ID
			if !m.State.Ended() || m.EndedAt.IsZero() || m.EndedAt.Before(from) || m.EndedAt.After(until) {
				continue
			}
			if err := c.rows.Forget(ctx, app, m.ID); err != nil {
				return fmt.Errorf("rows of campaign %s: %w", m.ID, err)
			}
		}
	}
}
