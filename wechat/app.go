package wechat

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minapush/minapush"
)

// state is what the client keeps of one app.
type state struct {
	view     atomic.Pointer[view]
	access   atomic.Pointer[access]
	renewing atomic.Bool // somebody renews a token that can still be used
	renewals group[*access]

	mu     sync.Mutex // guards the two below
	next   time.Time  // no token is asked for before
	failed error      // what the last request for a token came to; nil when it succeeded
}

// view is an app as it was found last.
type view struct {
	app   minapush.App
	base  *url.URL
	until time.Time
	state *state
}

// app returns an app, found anew when it was last found longer than AppFor ago. Errors: BadCredential when there is no such app or
// it is not configured right, Unavailable when that cannot be told; both OneApp.
func (c *Client) app(ctx context.Context, id minapush.AppID) (*view, error) {
	if s, ok := c.states.Load(id); ok {
		if v := s.(*state).view.Load(); v != nil && c.now().Before(v.until) {
			return v, nil
		}
	}
	v, err := c.loading.do(ctx, string(id), func() (*view, error) { return c.load(ctx, id) })
	if err != nil {
		return nil, appError(err)
	}
	return v, nil
}

func (c *Client) load(ctx context.Context, id minapush.AppID) (*view, error) {
	app, err := c.apps.App(ctx, id)
	if err != nil {
		return nil, err
	}
	if app.BaseURL == "" {
		app.BaseURL = DefaultBaseURL
	}
	if app.Token.Kind == "" {
		app.Token.Kind = minapush.TokenStable
	}
	base, err := url.Parse(app.BaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") {
		return nil, minapush.FieldError("base_url", "must be an http or https address") // not quoted: it may hold a password
	}
	base.RawQuery, base.Fragment = "", ""
	base.Path, base.RawPath = strings.TrimSuffix(base.Path, "/"), ""
	s, _ := c.states.LoadOrStore(id, &state{})
	v := &view{app: app, base: base, until: c.now().Add(c.appFor), state: s.(*state)}
	v.state.view.Store(v)
	return v, nil
}

// appError is a failure to find an app, its secret or its token in the words of a send: nothing was sent, and it is the same for
// every user of the app. Kinds that would speak of the recipient, such as NotFound, must not come out of here.
func appError(err error) *minapush.Error {
	var e *minapush.Error
	if errors.As(err, &e) && e.Extent == minapush.OneApp {
		return e
	}
	out := &minapush.Error{Kind: minapush.Unavailable, Op: "find app", Extent: minapush.OneApp, Err: err}
	switch minapush.KindOf(err) {
	case minapush.NotFound, minapush.Invalid, minapush.Unauthorized, minapush.BadCredential:
		out.Kind = minapush.BadCredential
	}
	if out.Err = (causeOnly{err}); errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		out.Extent = minapush.OneUser // this caller's time ended, and nobody else's
	}
	return out
}

// causeOnly hides the kind of an error, and leaves its text and the end of a context to be found.
type causeOnly struct{ err error }

func (e causeOnly) Error() string { return e.err.Error() }
func (e causeOnly) Is(target error) bool {
	return (target == context.Canceled || target == context.DeadlineExceeded) && errors.Is(e.err, target)
}

// at returns the address of a call, with a query.
func (v *view) at(k call, query string) *url.URL {
	u := *v.base
	u.Path += callTable[k].path
	u.RawQuery = query
	return &u
}

// secret returns the app's AppSecret.
func (c *Client) secret(ctx context.Context, v *view) (string, error) {
	secret, err := c.apps.Secret(ctx, v.app.ID)
	if err != nil {
		return "", appError(err)
	}
	if secret == "" {
		return "", &minapush.Error{Kind: minapush.BadCredential, Op: "find secret", Extent: minapush.OneApp, Err: errNoSecret}
	}
	return secret, nil
}

var errNoSecret = errors.New("the app has no AppSecret")

func escapeQuery(s string) string { return url.QueryEscape(s) }
