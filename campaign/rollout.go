package campaign

import (
	"context"
	"fmt"
	"time"

	"github.com/minapush/minapush"
)

const (
	// expectLooked is how many of the latest campaigns are looked at to find how many refusals are usual, expectFrom how many of them are
	// taken at most, and expectLeast how many answers one of these has at least.
	expectLooked = 50
	expectFrom   = 5
	expectLeast  = 100
	// reasonRolloutRefused is why a campaign is paused whose stage met too many refusals, of which none was believed.
	reasonRolloutRefused = "rollout_refused"
)

// validateGuards refuses what breaks a rule of what is kept back, quiet hours and stages.
func (d Draft) validateGuards() error {
	if d.KeepBack < 0 || d.KeepBack > minapush.MaxKeepBack {
		return minapush.FieldError("keep_back", "must be from 0 to %d, not %d", minapush.MaxKeepBack, d.KeepBack)
	}
	if d.OnQuiet != "" && d.OnQuiet != minapush.QuietWait && d.OnQuiet != minapush.QuietSkip {
		return minapush.FieldError("on_quiet", "must be %s, %s or absent, not %.20q", minapush.QuietWait, minapush.QuietSkip, d.OnQuiet)
	}
	if d.Rollout == nil {
		return nil
	}
	return d.Rollout.Validate("rollout")
}

// settled is a roll-out as a campaign keeps it, with its defaults; nil for nil.
func settled(r *minapush.Rollout) *minapush.Rollout {
	if r == nil {
		return nil
	}
	r = r.Clone()
	r.Expected = 0
	if r.MaxFailed == 0 {
		r.MaxFailed = minapush.DefaultMaxFailed
	}
	if r.MaxRefused == 0 {
		r.MaxRefused = minapush.DefaultMaxRefused
	}
	return r
}

// expected is the share of refusals that the latest campaigns with the template of one had that is to start in stages; 0 if there are none.
func (c *Campaigns) expected(ctx context.Context, m minapush.Campaign) (float64, error) {
	if m.Rollout == nil || m.State != minapush.Scheduled {
		return 0, nil
	}
	list, err := c.List(ctx, m.App, "", expectLooked)
	if err != nil {
		return 0, fmt.Errorf("refusals that campaign %s may expect: %w", m.ID, err)
	}
	var accepted, refused int64
	taken := 0
	for _, e := range list {
		if e.State != minapush.Finished || e.Sums == nil || e.Message.Template != m.Message.Template {
			continue
		}
		a, r := e.Sums.Count(minapush.Accepted), e.Sums.Count(minapush.RefusedByUser)
		if a+r < expectLeast {
			continue
		}
		accepted, refused = accepted+a, refused+r
		if taken++; taken == expectFrom {
			break
		}
	}
	if taken == 0 {
		return 0, nil
	}
	return float64(refused) / float64(accepted+refused), nil
}

// expect notes at the start of a campaign what share of refusals is usual.
func expect(m *minapush.Campaign, share float64) {
	if m.Rollout != nil {
		m.Rollout.Expected = share
	}
}

// Advance says that a running campaign goes on with the next stage of its roll-out after a hold, in one step. A stage that is not the next
// one changes nothing: so two nodes make one step.
func (c *Campaigns) Advance(ctx context.Context, app minapush.AppID, id string, stage int, hold minapush.Hold) error {
	_, err := c.change(ctx, app, id, func(m *minapush.Campaign, _ time.Time) error {
		if m.State == minapush.Running && m.Rollout != nil && stage == m.Stage+1 && stage < m.Rollout.Stages() {
			hold.Until = hold.Until.UTC()
			m.Stage, m.Hold = stage, hold
		}
		return nil
	})
	return err
}
