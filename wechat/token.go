package wechat

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/minapush/minapush"
)

const (
	// renewSpacing is the least time between two requests for a token of one app by this process. A refused token is known to be
	// refused in bursts, and a storm of refreshes makes unrelated calls answer 45009. [C] developer forum, read 2026-06.
	renewSpacing = time.Second
	// quotaSpacing is the same after a token call said that its quota is used up.
	quotaSpacing = time.Minute
	// claimPoll is how often a node looks whether another one has got the token that it waits for.
	claimPoll = 100 * time.Millisecond
)

// access is an access token ready for use: its addresses are made once.
type access struct {
	token     string
	renewAt   time.Time
	expiresAt time.Time
	urls      [authorizedCalls]*url.URL
	source    minapush.TokenSource // what it was made for
	base      string
}

func newAccess(v *view, token string, renewAt, expiresAt time.Time) *access {
	a := &access{token: token, renewAt: renewAt, expiresAt: expiresAt, source: v.app.Token, base: v.app.BaseURL}
	query := ""
	if v.app.Token.Kind != minapush.TokenNone {
		query = "access_token=" + escapeQuery(token)
	}
	for k := range a.urls {
		a.urls[k] = v.at(call(k), query)
	}
	return a
}

// of tells that the access belongs to the app as it is configured now.
func (a *access) of(v *view) bool {
	return a != nil && a.base == v.app.BaseURL && a.source == v.app.Token
}

// access returns the app's access token. One that is due for renewal but still good is renewed by one caller, while the others use it.
func (c *Client) access(ctx context.Context, v *view) (*access, error) {
	s, a, now := v.state, v.state.access.Load(), c.now()
	switch {
	case !a.of(v) || !now.Before(a.expiresAt):
		return c.renew(ctx, v, "")
	case now.Before(a.renewAt) || !s.renewing.CompareAndSwap(false, true):
		return a, nil
	}
	defer s.renewing.Store(false)
	if next, err := c.renew(ctx, v, ""); err == nil {
		return next, nil
	}
	return a, nil
}

// renew returns an access token other than the refused one, if that can be had; all callers with the same wish share one run.
func (c *Client) renew(ctx context.Context, v *view, refused string) (*access, error) {
	if a := v.state.access.Load(); refused != "" && a.of(v) && a.token != refused && c.now().Before(a.expiresAt) {
		return a, nil // somebody else renewed it meanwhile
	}
	a, err := v.state.renewals.do(ctx, refused, func() (*access, error) {
		a, err := c.obtain(ctx, v, refused)
		if err == nil {
			v.state.access.Store(a)
		}
		return a, err
	})
	if err != nil {
		return nil, noToken(appError(err))
	}
	return a, nil
}

// noToken says that nothing was sent for want of a token. An error that WeChat's code explains keeps its name.
func noToken(e *minapush.Error) *minapush.Error {
	out := *e
	out.Op, out.Field = "get access token", ""
	if e.Code == 0 {
		out.Reason = ReasonNoToken
	}
	if e.Kind == minapush.Throttled {
		out.RetryAfter = max(e.RetryAfter, renewSpacing)
	}
	return &out
}

func (c *Client) obtain(ctx context.Context, v *view, refused string) (*access, error) {
	switch t := v.app.Token; t.Kind {
	case minapush.TokenNone:
		return newAccess(v, "", endless, endless), nil
	case minapush.TokenFixed:
		return newAccess(v, t.Value, endless, endless), nil
	case minapush.TokenURL:
		return c.obtainDirectly(ctx, v)
	case minapush.TokenStable, minapush.TokenClassic:
		return c.obtainShared(ctx, v, refused)
	default:
		return nil, minapush.FieldError("token.kind", "must be stable, classic, url, fixed or none, not %q", t.Kind)
	}
}

// endless is a moment that no process lives to see.
var endless = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// renewable tells whether a refused token can be exchanged for another one.
func renewable(k minapush.TokenKind) bool { return k != minapush.TokenNone && k != minapush.TokenFixed }

// obtainDirectly asks an outside token service, which is itself what all nodes share.
func (c *Client) obtainDirectly(ctx context.Context, v *view) (*access, error) {
	if err := c.turn(ctx, v.state); err != nil {
		return nil, err
	}
	g, err := c.fetchURL(ctx, v)
	c.fetched(ctx, v, string(minapush.TokenURL), err)
	if err != nil {
		return nil, err
	}
	now := c.now()
	return newAccess(v, g.token, now.Add(g.renewIn), now.Add(g.endsIn)), nil
}

// turn waits until a token may be asked for again. After a failure it does not wait, but repeats the failure.
func (c *Client) turn(ctx context.Context, s *state) error {
	for {
		s.mu.Lock()
		now := c.now()
		wait := s.next.Sub(now)
		failed := s.failed
		if wait <= 0 {
			s.next = now.Add(renewSpacing)
		}
		s.mu.Unlock()
		if wait <= 0 || failed != nil {
			if wait <= 0 {
				return nil
			}
			return failed
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// fetched notes how a request for a token ended.
func (c *Client) fetched(ctx context.Context, v *view, source string, err error) {
	c.collector.refreshed(source, err)
	if err == nil {
		c.log.Info("got an access token", "app", v.app.ID, "source", source)
	}
	if err != nil && ctx.Err() != nil {
		return // the caller's time ended, which says nothing of the source
	}
	s := v.state
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = err
	var e *minapush.Error
	if errors.As(err, &e) && e.Kind == minapush.Throttled && e.RetryAfter > 0 {
		s.next = c.now().Add(quotaSpacing)
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
