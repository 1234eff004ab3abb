package campaign

import (
	"context"
	"fmt"
	"time"

	"github.com/minapush/minapush"
)

const (
	// sumFor is for how long after its end a campaign is summed again: opens are told up to minapush.MaxReportAge late.
	sumFor = minapush.MaxReportAge + 24*time.Hour
	// sumEvery is how long its sums stand at least.
	sumEvery = time.Hour
)

// Latest is List with the sums of the campaigns that have ended: it reads no shard but for one that ended before sums were kept, which
// it sums once. before is the id of a campaign, "" for the last ones; the newest come first.
func (c *Campaigns) Latest(ctx context.Context, app minapush.App, before string, limit int) ([]minapush.Campaign, error) {
	list, err := c.List(ctx, app.ID, before, limit)
	if err != nil {
		return nil, err
	}
	for i, m := range list {
		neverBegun(&list[i])
		if !m.State.Ended() || list[i].Sums != nil {
			continue
		}
		if list[i], err = c.sum(ctx, app, m.ID); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// neverBegun gives its sums to a campaign that ended before it was started: nobody was examined.
func neverBegun(m *minapush.Campaign) {
	if m.State.Ended() && m.Sums == nil && m.StartedAt.IsZero() {
		m.Sums, m.SummedAt = &minapush.Tally{}, m.EndedAt
	}
}

// sum sums a campaign that has ended and keeps that.
func (c *Campaigns) sum(ctx context.Context, app minapush.App, id string) (minapush.Campaign, error) {
	at := c.cfg.Now().UTC()
	p, err := c.rows.Sum(ctx, app, id)
	if err != nil {
		return minapush.Campaign{}, fmt.Errorf("sum campaign %s: %w", id, err)
	}
	return c.change(ctx, app.ID, id, func(m *minapush.Campaign, _ time.Time) error {
		if m.State.Ended() && !m.SummedAt.After(at) {
			m.Sums, m.SummedAt = &p.Tally, at
		}
		return nil
	})
}

// sumAgain sums the campaigns whose opens and confirmations may have come since they were summed, and those that never were.
func (c *Campaigns) sumAgain(ctx context.Context, app minapush.App) error {
	for after := ""; ; {
		list, err := c.List(ctx, app.ID, after, 100)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, m := range list {
			after = m.ID
			if !sumDue(m, c.cfg.Now()) {
				continue
			}
			if _, err := c.sum(ctx, app, m.ID); err != nil {
				return err
			}
		}
	}
}

// sumDue tells whether a campaign is to be summed again: ever more seldom, since ever less comes in. Two nodes share the work.
func sumDue(m minapush.Campaign, now time.Time) bool {
	switch {
	case !m.State.Ended() || m.StartedAt.IsZero():
		return false
	case m.Sums == nil:
		return true
	case m.SummedAt.Sub(m.EndedAt) >= sumFor:
		return false
	}
	return now.Sub(m.SummedAt) >= max(sumEvery-time.Minute, m.SummedAt.Sub(m.EndedAt)/4)
}
