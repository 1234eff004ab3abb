package client

import (
	"context"
	"iter"
	"net/url"

	"github.com/minapush/minapush/api"
)

// CreateSchedule makes a schedule, whose runs are campaigns. key is as for Push.
func (c *Client) CreateSchedule(ctx context.Context, app string, n api.NewSchedule, key string) (api.Schedule, error) {
	return call[api.Schedule](ctx, c, c.keyed(key, n, "v1", "apps", app, "schedules"))
}

// CheckSchedule tells what a schedule would be, and when it would run next. Nothing is made.
func (c *Client) CheckSchedule(ctx context.Context, app string, n api.NewSchedule) (api.Schedule, error) {
	q := post(n, "v1", "apps", app, "schedules")
	q.query, q.safe = url.Values{"dry_run": {"true"}}, true
	return call[api.Schedule](ctx, c, q)
}

// Schedule shows a schedule, its last and its next runs.
func (c *Client) Schedule(ctx context.Context, app, id string) (api.Schedule, error) {
	return call[api.Schedule](ctx, c, get("v1", "apps", app, "schedules", id))
}

// SchedulePage lists up to limit schedules after a cursor, newest first; "" is the beginning and 0 the server's own limit.
func (c *Client) SchedulePage(ctx context.Context, app, cursor string, limit int) (api.Schedules, error) {
	q := get("v1", "apps", app, "schedules")
	q.query = paging(cursor, limit)
	return call[api.Schedules](ctx, c, q)
}

// Schedules streams all schedules, newest first. It ends after an error.
func (c *Client) Schedules(ctx context.Context, app string) iter.Seq2[api.Schedule, error] {
	return pages(func(cursor string) ([]api.Schedule, string, error) {
		page, err := c.SchedulePage(ctx, app, cursor, api.MaxPage)
		return page.Schedules, page.Next, err
	})
}

// PauseSchedule lets planned times pass over until ResumeSchedule. Campaigns that were made stay as they are. Like the two calls below, it
// changes nothing when it is made twice.
func (c *Client) PauseSchedule(ctx context.Context, app, id string) (api.Schedule, error) {
	return c.turnSchedule(ctx, app, id, "pause")
}

// ResumeSchedule goes on with the next planned time.
func (c *Client) ResumeSchedule(ctx context.Context, app, id string) (api.Schedule, error) {
	return c.turnSchedule(ctx, app, id, "resume")
}

// EndSchedule ends a schedule for good.
func (c *Client) EndSchedule(ctx context.Context, app, id string) (api.Schedule, error) {
	return c.turnSchedule(ctx, app, id, "end")
}

func (c *Client) turnSchedule(ctx context.Context, app, id, verb string) (api.Schedule, error) {
	return call[api.Schedule](ctx, c, post(nil, "v1", "apps", app, "schedules", id, verb))
}
