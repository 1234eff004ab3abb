package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"

	"github.com/minapush/minapush/api"
)

// keyed makes a call with an idempotency key, its own if key is "": then it is safe to repeat.
func (c *Client) keyed(key string, body any, path ...string) request {
	if key == "" {
		key = c.cfg.NewID()
	}
	q := post(body, path...)
	q.safe, q.header = true, map[string]string{api.IdempotencyKey: key}
	return q
}

// Push sends one message to one user and returns the delivery with its outcome. key is the caller's idempotency key: with the same
// key nothing is sent again, and the same delivery is returned; "" makes one for the tries of this call.
func (c *Client) Push(ctx context.Context, app string, p api.NewPush, key string) (api.Push, error) {
	return call[api.Push](ctx, c, c.keyed(key, p, "v1", "apps", app, "pushes"))
}

// CreateCampaign makes a campaign, and starts it with n.Start. key is as for Push.
func (c *Client) CreateCampaign(ctx context.Context, app string, n api.NewCampaign, key string) (api.Campaign, error) {
	return call[api.Campaign](ctx, c, c.keyed(key, n, "v1", "apps", app, "campaigns"))
}

// DryRun tells what a campaign would meet. Nothing is made.
func (c *Client) DryRun(ctx context.Context, app string, n api.NewCampaign) (api.DryRun, error) {
	q := post(n, "v1", "apps", app, "campaigns")
	q.query, q.safe = url.Values{"dry_run": {"true"}}, true
	return call[api.DryRun](ctx, c, q)
}

// RetryCampaign makes a new campaign for those that an ended one did not reach, and starts it with r.Start. It takes as long as it
// takes to go through the deliveries. key is as for Push.
func (c *Client) RetryCampaign(ctx context.Context, app, id string, r api.Retry, key string) (api.Campaign, error) {
	q := c.keyed(key, r, "v1", "apps", app, "campaigns", id, "retry")
	q.patient = true
	return call[api.Campaign](ctx, c, q)
}

// Campaign shows a campaign and its progress.
func (c *Client) Campaign(ctx context.Context, app, id string) (api.Campaign, error) {
	return call[api.Campaign](ctx, c, get("v1", "apps", app, "campaigns", id))
}

// StartCampaign runs a scheduled campaign now. Like the three calls below, it changes nothing when it is made twice.
func (c *Client) StartCampaign(ctx context.Context, app, id string) (api.Campaign, error) {
	return c.turn(ctx, app, id, "start")
}

// PauseCampaign stops a running campaign until it is resumed.
func (c *Client) PauseCampaign(ctx context.Context, app, id string) (api.Campaign, error) {
	return c.turn(ctx, app, id, "pause")
}

// ResumeCampaign runs a paused campaign again, or ends the hold of a running one.
func (c *Client) ResumeCampaign(ctx context.Context, app, id string) (api.Campaign, error) {
	return c.turn(ctx, app, id, "resume")
}

// CancelCampaign ends a campaign for good.
func (c *Client) CancelCampaign(ctx context.Context, app, id string) (api.Campaign, error) {
	return c.turn(ctx, app, id, "cancel")
}

func (c *Client) turn(ctx context.Context, app, id, verb string) (api.Campaign, error) {
	return call[api.Campaign](ctx, c, post(nil, "v1", "apps", app, "campaigns", id, verb))
}

// CampaignPage lists up to limit campaigns after a cursor, newest first; "" is the beginning and 0 the server's own limit.
func (c *Client) CampaignPage(ctx context.Context, app, cursor string, limit int) (api.Campaigns, error) {
	q := get("v1", "apps", app, "campaigns")
	q.query = paging(cursor, limit)
	return call[api.Campaigns](ctx, c, q)
}

// Campaigns streams all campaigns, newest first. It ends after an error.
func (c *Client) Campaigns(ctx context.Context, app string) iter.Seq2[api.Campaign, error] {
	return pages(func(cursor string) ([]api.Campaign, string, error) {
		page, err := c.CampaignPage(ctx, app, cursor, api.MaxPage)
		return page.Campaigns, page.Next, err
	})
}

// DeliveryPage lists up to limit deliveries of a campaign after a cursor. outcome is a name, or "" for all. A page may be short,
// or empty, and not the last.
func (c *Client) DeliveryPage(ctx context.Context, app, campaign, outcome, cursor string, limit int) (api.Deliveries, error) {
	q := get("v1", "apps", app, "campaigns", campaign, "deliveries")
	q.query = paging(cursor, limit)
	if outcome != "" {
		q.query.Set("outcome", outcome)
	}
	return call[api.Deliveries](ctx, c, q)
}

// Deliveries streams the deliveries of a campaign, page by page, so that memory does not grow with their number. outcome is a name,
// or "" for all. It ends after an error.
func (c *Client) Deliveries(ctx context.Context, app, campaign, outcome string) iter.Seq2[api.Delivery, error] {
	return pages(func(cursor string) ([]api.Delivery, string, error) {
		page, err := c.DeliveryPage(ctx, app, campaign, outcome, cursor, api.MaxDeliveries)
		return page.Deliveries, page.Next, err
	})
}

// Reach shows how many users can be reached. fresh surveys all users first, which takes as long as that takes.
func (c *Client) Reach(ctx context.Context, app string, fresh bool) (api.Reach, error) {
	q := get("v1", "apps", app, "reach")
	if fresh {
		q.query, q.patient = url.Values{"fresh": {"true"}}, true
	}
	return call[api.Reach](ctx, c, q)
}

// Flow shows what became of every use that was ever deposited.
func (c *Client) Flow(ctx context.Context, app string) (api.Flow, error) {
	return call[api.Flow](ctx, c, get("v1", "apps", app, "flow"))
}

func paging(cursor string, limit int) url.Values {
	v := url.Values{}
	if cursor != "" {
		v.Set("cursor", cursor)
	}
	if limit > 0 {
		v.Set("limit", strconv.Itoa(limit))
	}
	return v
}

// pages turns a paged list into a stream.
func pages[T any](page func(cursor string) ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor := ""; ; {
			list, next, err := page(cursor)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, one := range list {
				if !yield(one, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			cursor = next
		}
	}
}
