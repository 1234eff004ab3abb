package console

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

// fillBeside says in u.Beside what there is of a user in campaigns, as their rows tell. Whether somebody was on a list is known of those
// who have a row: the others are not looked for in it.
func (c *Console) fillBeside(ctx context.Context, app minapush.App, u *bank.User, campaigns []string) error {
	beside := slices.Grow(u.Beside[:0:0], len(campaigns))[:len(campaigns)]
	for i, id := range campaigns {
		d, err := c.parts.Ledger.Find(ctx, app, id, u.OpenID, "")
		if errors.Is(err, minapush.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		m, err := c.parts.Campaigns.Get(ctx, app.ID, id)
		if err != nil && !errors.Is(err, minapush.NotFound) {
			return err
		}
		beside[i].Row, beside[i].Listed = d, m.Audience.List
	}
	u.Beside = beside
	return nil
}

// guardedFrom finds the guard rails that may have kept a campaign from a user: of those that kept it from anybody, what the user's record
// speaks for. The record says what is known now, and not what it was then.
func (c *Console) guardedFrom(ctx context.Context, app minapush.App, m minapush.Campaign, u bank.User) ([]string, error) {
	tally := m.Sums
	if tally == nil {
		sum, err := c.parts.Ledger.Sum(ctx, app, m.ID)
		if err != nil {
			return nil, err
		}
		tally = &sum.Tally
	}
	skipped := func(reason string) bool { return tally.By[minapush.Skipped][reason] > 0 }
	had := hadBeside(app, m, u, c.cfg.Now())
	var list []string
	if skipped(minapush.ReasonDailyCap) && had.messages >= max(1, app.Guards.PerDay) {
		list = append(list, whyDailyCap)
	}
	if skipped(minapush.ReasonSameContent) && had.content {
		list = append(list, whySameContent)
	}
	if skipped(minapush.ReasonKeptBack) && m.KeepBack > 0 && c.usesOf(m, u) <= int64(m.KeepBack) {
		list = append(list, whyKeptBack)
	}
	if skipped(minapush.ReasonQuietHours) && list == nil {
		list = append(list, whyQuiet)
	}
	return list, nil
}

// hadOthers is what a user had beside a campaign: how many messages on the days on which it was sent, and whether one had its content.
type hadOthers struct {
	messages int
	content  bool
}

func hadBeside(app minapush.App, m minapush.Campaign, u bank.User, now time.Time) (had hadOthers) {
	zone, err := minapush.Zone("time_zone", app.TimeZone)
	if err != nil {
		return had
	}
	end := now
	if !m.EndedAt.IsZero() {
		end = m.EndedAt
	}
	days := app.Guards.SameContentDays
	if days == 0 {
		days = minapush.MaxSameContentDays // the rule may have been another one then
	}
	day, lately := minapush.DayStart(m.StartedAt, zone), m.StartedAt.AddDate(0, 0, -days)
	content := m.Message.Content()
	for _, r := range u.Recent {
		if r.Missed || r.Batch == m.ID || r.At.After(end) {
			continue
		}
		if !r.At.Before(day) && (r.Push == "" || app.Guards.CountPushes) {
			had.messages++
		}
		had.content = had.content || r.Push == "" && r.Content == content && !r.At.Before(lately)
	}
	return had
}

// usesOf counts the uses for a campaign's message that a user holds now; a standing permit has any number, and nothing is kept back of it.
func (c *Console) usesOf(m minapush.Campaign, u bank.User) (n int64) {
	now := c.cfg.Now()
	for _, h := range u.Permits {
		switch {
		case !serves(h, m.Kind, m.Message.Template) || h.Expired(now):
		case h.Kind == minapush.Standing:
			return minapush.MaxKeepBack + 1
		default:
			n += int64(h.Uses)
		}
	}
	return n
}
