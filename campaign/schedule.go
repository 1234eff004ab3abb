package campaign

import (
	"context"
	"errors"
	"time"

	"github.com/minapush/minapush"
)

// Work lists what the dispatcher has to do for an app: campaigns that are running or being cancelled.
func (c *Campaigns) Work(ctx context.Context, app minapush.AppID) ([]minapush.Campaign, error) {
	list, err := c.active(ctx, app)
	if err != nil {
		return nil, err
	}
	var work []minapush.Campaign
	for _, m := range list {
		if m.State == minapush.Running || m.State == minapush.Cancelling {
			work = append(work, m)
		}
	}
	return work, nil
}

// Stop pauses a campaign because of what the platform answered. It is Pause by the dispatcher: a campaign that does not run any
// more is left alone.
func (c *Campaigns) Stop(ctx context.Context, app minapush.AppID, id string, why minapush.Reason) error {
	_, err := c.change(ctx, app, id, func(m *minapush.Campaign, _ time.Time) error {
		if m.State == minapush.Running {
			m.State, m.Why, m.Hold = minapush.Paused, why, minapush.Hold{}
		}
		return nil
	})
	return err
}

// Hold says that a running campaign waits until a time, or with a zero hold that it goes on.
func (c *Campaigns) Hold(ctx context.Context, app minapush.AppID, id string, h minapush.Hold) error {
	_, err := c.change(ctx, app, id, func(m *minapush.Campaign, _ time.Time) error {
		if m.State == minapush.Running {
			h.Until = h.Until.UTC()
			m.Hold = h
		}
		return nil
	})
	return err
}

// Share changes what the nodes tell each other of a running campaign. change may be called again, on what another node wrote.
func (c *Campaigns) Share(ctx context.Context, app minapush.AppID, id string, change func(*minapush.Fleet)) error {
	_, err := c.change(ctx, app, id, func(m *minapush.Campaign, _ time.Time) error {
		if m.State == minapush.Running {
			change(&m.Fleet)
		}
		return nil
	})
	return err
}

// Finish ends a campaign whose every user has an outcome: these are its sums.
func (c *Campaigns) Finish(ctx context.Context, app minapush.AppID, id string, sums minapush.Tally) error {
	_, err := c.change(ctx, app, id, func(m *minapush.Campaign, now time.Time) error {
		switch m.State {
		case minapush.Running:
			m.State, m.EndedAt, m.Hold = minapush.Finished, now, minapush.Hold{}
		case minapush.Cancelling:
			m.State, m.EndedAt, m.Hold = minapush.Cancelled, now, minapush.Hold{}
		default:
			return nil
		}
		m.Sums, m.SummedAt = &sums, now
		return nil
	})
	return err
}

// Run makes the runs of schedules, starts campaigns at their time, marks missed ones, ends pauses that the latest send time has overtaken,
// forgets rows that are older than Keep, and keeps the sums of campaigns that ended up to date. It returns when ctx ends.
func (c *Campaigns) Run(ctx context.Context, apps func(context.Context) ([]minapush.App, error)) error {
	tick := time.NewTicker(c.cfg.Tick)
	defer tick.Stop()
	var swept time.Time
	sleepers := map[minapush.AppID]asleep{}
	for {
		list, err := apps(ctx)
		if err != nil && ctx.Err() == nil {
			c.cfg.Logger.Warn("schedules not looked at", "err", err)
		}
		for _, app := range list {
			sleepers[app.ID] = c.look(ctx, app, sleepers[app.ID])
		}
		if now := c.cfg.Now(); now.Sub(swept) > time.Hour {
			swept = now
			for _, app := range list {
				if err := c.forget(ctx, app); err != nil && ctx.Err() == nil {
					c.cfg.Logger.Warn("what is old was not forgotten", "app", app.ID, "err", err)
				}
				if err := c.sumAgain(ctx, app); err != nil && ctx.Err() == nil {
					c.cfg.Logger.Warn("ended campaigns were not summed again", "app", app.ID, "err", err)
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look makes the changes of one app that are due, and returns which schedules are asleep from then on. Runs of schedules are made first, so
// that they start at once.
func (c *Campaigns) look(ctx context.Context, app minapush.App, was asleep) asleep {
	is := c.lookSchedules(ctx, app, was)
	list, err := c.active(ctx, app.ID)
	if err != nil {
		if ctx.Err() == nil {
			c.cfg.Logger.Warn("schedules not looked at", "app", app.ID, "err", err)
		}
		return is
	}
	for _, m := range list {
		if !due(m, c.cfg.Now()) {
			continue
		}
		if err := c.turn(ctx, app, m); err != nil && ctx.Err() == nil {
			c.cfg.Logger.Warn("schedule not advanced", "app", app.ID, "campaign", m.ID, "err", err)
		}
	}
	return is
}

// turn makes the change of one campaign that is due.
func (c *Campaigns) turn(ctx context.Context, app minapush.App, m minapush.Campaign) error {
	listed, err := c.countList(ctx, app, m)
	if err != nil {
		return err
	}
	rules, err := c.rules(ctx, m)
	if err != nil {
		return err
	}
	expected, err := c.expected(ctx, m)
	if err != nil {
		return err
	}
	_, unfit := c.CheckAudience(ctx, app, m.Audience.Where)
	if unfit != nil && !errors.Is(unfit, minapush.Invalid) {
		return unfit
	}
	_, err = c.change(ctx, app.ID, m.ID, func(m *minapush.Campaign, now time.Time) error {
		waited := m.State == minapush.Scheduled
		advance(m, listed, now)
		if waited && m.State == minapush.Running {
			m.Keys = rules.Keys
			expect(m, expected)
			if unfit != nil {
				miss(m, minapush.Reason{Code: reasonBadAudience, Params: map[string]string{"error": unfit.Error()}}, now)
			} else if found := rules.Lint(m.Message).Findings; len(found) > 0 {
				missForValues(m, found[0], now)
			}
		}
		return nil
	})
	return err
}

func due(m minapush.Campaign, now time.Time) bool {
	before := m.State
	advance(&m, 0, now)
	return m.State != before
}

// advance is the rule of time: what becomes of a campaign by itself at now, with so many users on its list.
func advance(m *minapush.Campaign, listed int64, now time.Time) {
	late := !m.LatestSend.IsZero() && !now.Before(m.LatestSend)
	switch {
	case m.State == minapush.Scheduled && !m.StartAt.IsZero() && !now.Before(m.StartAt):
		if late || now.Sub(m.StartAt) > m.Grace {
			m.State, m.EndedAt = minapush.Missed, now
			m.Why = minapush.Reason{Code: "missed", Params: map[string]string{"start_at": m.StartAt.Format(time.RFC3339)}}
			return
		}
		if m.Audience.List && listed == 0 {
			m.State, m.EndedAt, m.Why = minapush.Missed, now, minapush.Reason{Code: reasonEmptyList}
			return
		}
		begin(m, listed, now)
	case m.State == minapush.Scheduled && late:
		m.State, m.EndedAt = minapush.Missed, now
		m.Why = minapush.Reason{Code: "missed"}
	case m.State == minapush.Paused && late:
		// Nothing is sent past the latest send time: running again, it only counts who is left as skipped, too late.
		m.State, m.Hold = minapush.Running, minapush.Hold{}
	}
}

// reasonEmptyList is why a campaign is missed whose list was empty when it was to start by itself.
const reasonEmptyList = "empty_list"

// reasonBadAudience is why a campaign is missed whose audience cannot be told any more, such as one that asks of a campaign whose rows are
// forgotten: it would be another one.
const reasonBadAudience = "bad_audience"
