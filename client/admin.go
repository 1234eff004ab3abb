package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/minapush/minapush/api"
)

// CreateApp adds a mini program.
func (c *Client) CreateApp(ctx context.Context, app api.NewApp) (api.App, error) {
	return call[api.App](ctx, c, post(app, "v1", "apps"))
}

// Apps lists the apps that the key may read.
func (c *Client) Apps(ctx context.Context) ([]api.App, error) {
	list, err := call[api.Apps](ctx, c, get("v1", "apps"))
	return list.Apps, err
}

// App shows an app.
func (c *Client) App(ctx context.Context, app string) (api.App, error) {
	return call[api.App](ctx, c, get("v1", "apps", app))
}

// UpdateApp changes an app; what is nil stays.
func (c *Client) UpdateApp(ctx context.Context, app string, change api.AppChange) (api.App, error) {
	return call[api.App](ctx, c, request{method: http.MethodPatch, path: []string{"v1", "apps", app}, body: change})
}

// StopApp is the kill switch: with stop nothing of the app is sent any more, on any node, within a second; without, it goes on.
func (c *Client) StopApp(ctx context.Context, app string, stop bool) (api.App, error) {
	return c.UpdateApp(ctx, app, api.AppChange{Stopped: &stop})
}

// CreateKey makes an API key. Its secret cannot be had again.
func (c *Client) CreateKey(ctx context.Context, k api.NewKey) (api.KeySecret, error) {
	return call[api.KeySecret](ctx, c, post(k, "v1", "keys"))
}

// Keys lists the keys that the client's own may manage.
func (c *Client) Keys(ctx context.Context) ([]api.Key, error) {
	list, err := call[api.Keys](ctx, c, get("v1", "keys"))
	return list.Keys, err
}

// RevokeKey ends a key.
func (c *Client) RevokeKey(ctx context.Context, id string) error {
	_, err := c.do(ctx, request{method: http.MethodDelete, path: []string{"v1", "keys", id}}, nil)
	return err
}

// Templates lists the templates of an app.
func (c *Client) Templates(ctx context.Context, app string) ([]api.Template, error) {
	list, err := call[api.Templates](ctx, c, get("v1", "apps", app, "templates"))
	return list.Templates, err
}

// Template shows a template.
func (c *Client) Template(ctx context.Context, app, id string) (api.Template, error) {
	return call[api.Template](ctx, c, get("v1", "apps", app, "templates", id))
}

// PutTemplate adds a template, or replaces it.
func (c *Client) PutTemplate(ctx context.Context, app string, t api.Template) (api.Template, error) {
	return call[api.Template](ctx, c, put(t, "v1", "apps", app, "templates", t.ID))
}

// DeleteTemplate removes a template.
func (c *Client) DeleteTemplate(ctx context.Context, app, id string) error {
	_, err := c.do(ctx, request{method: http.MethodDelete, path: []string{"v1", "apps", app, "templates", id}}, nil)
	return err
}

// SyncTemplates fetches the app's templates from WeChat. It is not repeated, since a repeat would call the same what was just added.
func (c *Client) SyncTemplates(ctx context.Context, app string) (api.TemplateSync, error) {
	return call[api.TemplateSync](ctx, c, post(nil, "v1", "apps", app, "templates", "sync"))
}

// TemplateDrift tells how the app's templates here and at WeChat differ, and writes nothing.
func (c *Client) TemplateDrift(ctx context.Context, app string) (api.TemplateSync, error) {
	q := post(nil, "v1", "apps", app, "templates", "sync")
	q.query, q.safe = url.Values{"dry_run": {"true"}}, true
	return call[api.TemplateSync](ctx, c, q)
}

// Lint tells what would become of values: what each breaks of the rule of its type, and the text as it would go out. Nothing is sent.
func (c *Client) Lint(ctx context.Context, app string, n api.NewLint) (api.Lint, error) {
	q := post(n, "v1", "apps", app, "lint")
	q.safe = true
	return call[api.Lint](ctx, c, q)
}

// Check walks the way from the server to a delivered message, which may take a minute. With n.OpenID it sends a message, which costs
// a permit, and is then not repeated.
func (c *Client) Check(ctx context.Context, app string, n api.NewChecks) (api.Checks, error) {
	q := post(n, "v1", "apps", app, "checks")
	q.safe, q.patient = n.OpenID == "", true
	return call[api.Checks](ctx, c, q)
}

// Health tells whether the server is alive.
func (c *Client) Health(ctx context.Context) (api.Health, error) {
	return call[api.Health](ctx, c, request{method: http.MethodGet, path: []string{"healthz"}})
}

// Ready tells whether the server can take requests. It is not repeated: api.Unavailable is an answer.
func (c *Client) Ready(ctx context.Context) (api.Health, error) {
	return call[api.Health](ctx, c, request{method: http.MethodGet, path: []string{"readyz"}})
}
