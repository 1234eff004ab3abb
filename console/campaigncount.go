package console

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
)

// countsAtOnce is how many counts there are at a time: each looks at every user of an app.
const countsAtOnce = 2

// counted is what a count found, of everybody or as far as it came.
type counted struct {
	audience.Count
	// Whole tells that everybody was looked at; else Within is in what time it did not come to its end.
	Whole  bool
	Within time.Duration
	// Busy tells that nobody was looked at, since others were counting; and Mistake what is wrong with the expression.
	Busy    bool
	Mistake *mistake
}

// Part of Parts of all users were looked at.
func (n *counted) Part() int64  { return int64(n.ShardsDone) }
func (n *counted) Parts() int64 { return int64(n.Shards) }

// number is how many of the audience can be reached; nil: not known.
func (n *counted) number() *int64 {
	if !n.Whole {
		return nil
	}
	return &n.Reachable
}

// readCounted is the number that a page showed as counted; nil: it showed none.
func readCounted(text string) *int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return nil
	}
	return &n
}

// countCampaign counts whom a campaign would reach now, and shows its check with that.
func (c *Console) countCampaign(ctx context.Context, rq *request) error {
	m, err := c.campaign(ctx, rq)
	if err != nil {
		return err
	}
	if m.State != minapush.Scheduled {
		return rq.goTo(rq.appPath("campaigns", m.ID))
	}
	p := checkPage{M: m, StartAt: m.StartAt}
	if at, ok := beijingTime(rq.r.PostFormValue("at")); ok {
		p.StartAt = at
	}
	if m.Audience.List { // its length is known, and nobody is looked for
		return c.showCheck(ctx, rq, http.StatusOK, p)
	}
	t, _, err := c.template(ctx, m)
	if err != nil {
		return err
	}
	if p.Count, err = c.count(ctx, rq.app, m.Audience, t); err != nil {
		return err
	}
	return c.showCheck(ctx, rq, http.StatusOK, p)
}

// count looks at every user of an app once, for as long as a page may wait. It is asked as of now, and counts who is reached by the template.
func (c *Console) count(ctx context.Context, app minapush.App, a minapush.Audience, t minapush.Template) (*counted, error) {
	where, err := c.parts.Campaigns.CheckAudience(ctx, app, a.Where)
	if errors.Is(err, minapush.Invalid) {
		return &counted{Mistake: &mistake{"mistake.other", []string{err.Error()}}}, nil
	}
	if err != nil {
		return nil, err
	}
	select {
	case c.counts <- struct{}{}:
		defer func() { <-c.counts }()
	default:
		return &counted{Busy: true}, nil
	}
	within, stop := context.WithTimeout(ctx, c.cfg.CountWithin)
	defer stop()
	n, err := c.parts.Counter.Count(within, app, audience.Question{Where: where, Kind: t.Kind, Template: t.ID}, nil)
	if err != nil && (ctx.Err() != nil || within.Err() == nil) {
		return nil, err
	}
	return &counted{Count: n, Whole: err == nil, Within: c.cfg.CountWithin}, nil
}
