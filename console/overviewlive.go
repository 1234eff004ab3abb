package console

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/minapush/minapush"
)

// runningView are the campaigns that are being sent.
type runningView struct {
	// Rows are the first runningShown of them, and More counts the others.
	Rows []runningRow
	More int
}

type runningRow struct {
	Live liveView
	// Summed tells that its figures are known: the page itself sums nothing, the stream does.
	Summed bool
}

// runningOf finds the campaigns that are being sent among those that have not ended, as they are without their sums.
func runningOf(open []minapush.Campaign, now time.Time) runningView {
	var list []minapush.Campaign
	for _, m := range open {
		if m.State == minapush.Running || m.State == minapush.Cancelling {
			list = append(list, m)
		}
	}
	slices.SortStableFunc(list, func(a, b minapush.Campaign) int { return b.StartedAt.Compare(a.StartedAt) })
	v := runningView{More: max(0, len(list)-runningShown)}
	for _, m := range list[:len(list)-v.More] {
		v.Rows = append(v.Rows, runningRow{Live: liveView{M: m, Holds: holds(m, now), PerSecond: -1, Total: -1}})
	}
	return v
}

// liveOverview sends the figures of the running campaigns as they change, until the page is closed or the server stops.
func (c *Console) liveOverview(ctx context.Context, rq *request) error {
	full := !c.watches.enter()
	if !full {
		defer c.watches.leave()
	}
	ctx, stop := context.WithTimeout(ctx, streamLife)
	defer stop()
	follows := map[string]*watched{}
	defer func() {
		for id := range follows {
			c.watches.unfollow(id)
		}
	}()
	s := rq.startStream()
	tick := time.NewTicker(c.cfg.LiveEvery)
	defer tick.Stop()
	for {
		err := c.sendRunning(ctx, rq, s, follows)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, errGone) {
				c.cfg.Logger.Warn("figures of running campaigns not sent", "app", rq.app.ID, "err", err)
			}
			return nil
		}
		if full {
			_ = s.write(fmt.Sprintf("retry: %d\n: enough pages are followed\n\n", retryStream/time.Millisecond))
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.watches.done:
			return nil
		case <-tick.C:
		}
	}
}

// sendRunning sends what the running campaigns look like now: one sum each, shared with all other pages that follow them.
func (c *Console) sendRunning(ctx context.Context, rq *request, s *eventStream, follows map[string]*watched) error {
	app, err := c.parts.Accounts.App(ctx, rq.app.ID) // it may be stopped meanwhile
	if err != nil {
		return err
	}
	work, err := c.parts.Campaigns.Work(ctx, app.ID)
	if err != nil {
		return err
	}
	rq.app = app
	v := runningOf(work, c.cfg.Now())
	shown := map[string]bool{}
	for i := range v.Rows {
		m := v.Rows[i].Live.M
		shown[m.ID] = true
		if follows[m.ID] == nil {
			follows[m.ID] = c.watches.follow(m.ID)
		}
		if v.Rows[i].Live, err = c.look(ctx, app, m, follows[m.ID]); err != nil {
			return err
		}
		v.Rows[i].Summed = true
	}
	for id := range follows {
		if !shown[id] {
			c.watches.unfollow(id)
			delete(follows, id)
		}
	}
	b, err := c.pages.draw(rq.lang, "overview", "running", rq.frame(view{name: "overview"}, overviewPage{Running: v}))
	if err != nil {
		return err
	}
	return s.event(b)
}
