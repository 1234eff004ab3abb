package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/minapush/minapush/api"
)

// PutEventSettings says how WeChat pushes its events to an app. Secrets that are "" stay.
func (c *Client) PutEventSettings(ctx context.Context, app string, n api.NewEventSettings) (api.EventSettings, error) {
	return call[api.EventSettings](ctx, c, put(n, "v1", "apps", app, "wechat-push"))
}

// EventSettings shows how WeChat pushes its events to an app, and the path to be entered in its console.
func (c *Client) EventSettings(ctx context.Context, app string) (api.EventSettings, error) {
	return call[api.EventSettings](ctx, c, get("v1", "apps", app, "wechat-push"))
}

// DeleteEventSettings takes no more events from WeChat.
func (c *Client) DeleteEventSettings(ctx context.Context, app string) error {
	_, err := c.do(ctx, request{method: http.MethodDelete, path: []string{"v1", "apps", app, "wechat-push"}}, nil)
	return err
}

// OddEvents counts WeChat's events of the last days, today in Beijing included (0: api.DefaultEventDays), and lists those that people
// should look at.
func (c *Client) OddEvents(ctx context.Context, app string, days int) (api.OddEvents, error) {
	q := get("v1", "apps", app, "odd-events")
	if days > 0 {
		q.query = url.Values{"days": {strconv.Itoa(days)}}
	}
	return call[api.OddEvents](ctx, c, q)
}

// ForwardEvents hands in events that WeChat pushed to the team's own address, decrypted. It is repeated where that may help: events count
// once however often they are told.
func (c *Client) ForwardEvents(ctx context.Context, app string, n api.NewEvents) (api.EventAnswers, error) {
	q := post(n, "v1", "apps", app, "wechat", "events")
	q.safe = true
	return call[api.EventAnswers](ctx, c, q)
}

// ForwardEvent hands in one event as WeChat wrote it, in JSON or XML, decrypted.
func (c *Client) ForwardEvent(ctx context.Context, app string, event []byte) (api.EventAnswers, error) {
	q := post(event, "v1", "apps", app, "wechat", "events")
	q.safe, q.media = true, api.ContentType
	if len(event) > 0 && event[0] == '<' {
		q.media = "text/xml"
	}
	return call[api.EventAnswers](ctx, c, q)
}
