package client

import (
	"context"
	"net/http"
	"strings"

	"github.com/minapush/minapush/api"
)

// Session trades a wx.login code for a session token. A code is good once, so the call is not repeated.
func (c *Client) Session(ctx context.Context, app, code string) (api.Session, error) {
	return call[api.Session](ctx, c, post(api.Login{Code: code}, "v1", "apps", app, "session"))
}

// SessionToken makes a session token for a user whom the backend knows.
func (c *Client) SessionToken(ctx context.Context, app, openid string) (api.Session, error) {
	q := post(api.NewSession{OpenID: openid}, "v1", "apps", app, "session-tokens")
	q.safe = true
	return call[api.Session](ctx, c, q)
}

// Report reports what a user's taps earned. Items have identities, so it is repeated until it is answered.
func (c *Client) Report(ctx context.Context, app string, r api.Report) (api.ReportAnswer, error) {
	return c.report(ctx, app, r, "")
}

// ReportRecipe uploads in the form of the original recipe.
func (c *Client) ReportRecipe(ctx context.Context, app string, r api.RecipeReport) (api.ReportAnswer, error) {
	return c.report(ctx, app, r, "")
}

// Relay forwards the SDK's body as it came, for the user whom the backend knows. A body that names somebody else is refused.
func (c *Client) Relay(ctx context.Context, app, openid string, body []byte) (api.ReportAnswer, error) {
	return c.report(ctx, app, verbatim(body), openid)
}

// verbatim is JSON that is sent as it is.
type verbatim []byte

// MarshalJSON returns the bytes.
func (v verbatim) MarshalJSON() ([]byte, error) { return v, nil }

func (c *Client) report(ctx context.Context, app string, body any, openid string) (api.ReportAnswer, error) {
	q := post(body, "v1", "apps", app, "reports")
	q.safe = true
	if openid != "" {
		q.header = map[string]string{api.OpenIDHeader: openid}
	}
	return call[api.ReportAnswer](ctx, c, q)
}

// Me shows the user of a session token its own balance, and the scenes that ask. The client's credential must be that token: see As.
func (c *Client) Me(ctx context.Context, app string) (api.Me, error) {
	return call[api.Me](ctx, c, get("v1", "apps", app, "me"))
}

// Deposit puts in what the backend vouches for. Repeating it is answered with duplicate for what was taken, so after an error
// without an answer the same call may be made again.
func (c *Client) Deposit(ctx context.Context, app string, d api.Deposit) (api.ReportAnswer, error) {
	return call[api.ReportAnswer](ctx, c, post(d, "v1", "apps", app, "permits"))
}

// User shows a user's balance, permits and recent deliveries.
func (c *Client) User(ctx context.Context, app, openid string) (api.User, error) {
	return call[api.User](ctx, c, get("v1", "apps", app, "users", openid))
}

// SetProfile replaces a user's uid, tags and attributes, and makes the user of an openid if there is none.
func (c *Client) SetProfile(ctx context.Context, app, openid string, p api.NewProfile) (api.Profile, error) {
	q := put(p, "v1", "apps", app, "users", openid, "profile")
	if uid, named := strings.CutPrefix(openid, "uid:"); named && uid != p.UID {
		q.safe = false // once it is done, nobody has the name that the user was called by
	}
	return call[api.Profile](ctx, c, q)
}

// SetOptOut says what a user is not to be sent: none, campaigns or all.
func (c *Client) SetOptOut(ctx context.Context, app, openid, optOut string) (api.Profile, error) {
	return call[api.Profile](ctx, c, put(api.NewOptOut{OptOut: optOut}, "v1", "apps", app, "users", openid, "opt-out"))
}

// EraseUser erases a user. While a delivery of the user is held, done is false, and the user goes when it is settled.
func (c *Client) EraseUser(ctx context.Context, app, openid string) (done bool, err error) {
	status, err := c.do(ctx, request{method: http.MethodDelete, path: []string{"v1", "apps", app, "users", openid}}, nil)
	return status == http.StatusNoContent, err
}
