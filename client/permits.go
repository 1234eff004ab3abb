package client

import (
	"context"
	"iter"

	"github.com/minapush/minapush/api"
)

// Spent tells of a message that went out elsewhere, and returns its delivery. key is as for Push.
func (c *Client) Spent(ctx context.Context, app string, s api.Spent, key string) (api.Push, error) {
	return call[api.Push](ctx, c, c.keyed(key, s, "v1", "apps", app, "permits", "spent"))
}

// PermitPage lists the permits of some users after a cursor; "" is the beginning. limit is how many users to look at, 0 the server's
// own limit. A page may be short, or empty, and not the last.
func (c *Client) PermitPage(ctx context.Context, app, cursor string, limit int) (api.PermitPage, error) {
	q := get("v1", "apps", app, "permits", "export")
	q.query = paging(cursor, limit)
	return call[api.PermitPage](ctx, c, q)
}

// ExportPermits streams the permits of all users, with their codes, page by page, so that memory does not grow with their number. It
// ends after an error. NDJSON makes a file of it, or what ImportPermits takes.
func (c *Client) ExportPermits(ctx context.Context, app string) iter.Seq2[api.PermitRow, error] {
	return pages(func(cursor string) ([]api.PermitRow, string, error) {
		page, err := c.PermitPage(ctx, app, cursor, api.MaxExport)
		return page.Permits, page.Next, err
	})
}

// Stock shows what users have, by kind, template, age and source. It comes from the last survey; Reach can make a fresh one.
func (c *Client) Stock(ctx context.Context, app string) (api.Stock, error) {
	return call[api.Stock](ctx, c, get("v1", "apps", app, "stock"))
}
