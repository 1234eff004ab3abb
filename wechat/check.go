package wechat

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/minapush/minapush"
)

// TokenCheck is what CheckToken found.
type TokenCheck struct {
	// Source is where the app's token comes from.
	Source minapush.TokenKind
	// Fresh tells that the source was asked just now; the other fields are then of its answer. A classic token that is still good,
	// a fixed one and none at all are not asked for.
	Fresh bool
	// Left is for how long the token is good, at least; 0: not known.
	Left time.Duration
}

// CheckToken proves that an app can have an access token, and changes nothing of the token in use: a stable source gives the same
// one again, and so does a token service; a classic source, where each answer ends the token before, is asked only when no token is
// stored. It is not paced: a person asks.
//
// Errors: those of a token call, as *minapush.Error; find WeChat's words with errors.As(err, **AnswerError).
func (c *Client) CheckToken(ctx context.Context, app minapush.AppID) (TokenCheck, error) {
	v, err := c.app(ctx, app)
	if err != nil {
		return TokenCheck{}, err
	}
	found := TokenCheck{Source: v.app.Token.Kind}
	var g grant
	switch found.Source {
	case minapush.TokenStable:
		g, err = c.fetchStable(ctx, v, false)
	case minapush.TokenURL:
		g, err = c.fetchURL(ctx, v)
	case minapush.TokenClassic:
		before := v.state.access.Load()
		a, err := c.access(ctx, v)
		if err != nil {
			return found, appError(err)
		}
		found.Fresh, found.Left = a != before, a.expiresAt.Sub(c.now())
		return found, nil
	default:
		return found, nil
	}
	c.collector.refreshed(string(found.Source), err)
	if err != nil {
		return found, appError(err)
	}
	found.Fresh, found.Left = true, g.endsIn
	return found, nil
}

// Drift tells how far the client's clock is ahead of WeChat's, negative when it is behind, right to about a second: it compares
// with the Date of an answer, whatever else that says. No access token is needed, and none is sent.
//
// Errors: Unavailable (no answer; Reason as for Send); NotFound (the answer does not tell the time); as for Send if there is no such app.
func (c *Client) Drift(ctx context.Context, app minapush.AppID) (time.Duration, error) {
	v, err := c.app(ctx, app)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	u := v.at(callClock, "")
	req, err := http.NewRequestWithContext(ctx, callTable[callClock].method, u.String(), nil)
	if err != nil {
		return 0, appError(minapush.FieldError("base_url", "must be an http or https address"))
	}
	req.Header = plainHeader
	start := c.now()
	resp, err := c.transport.RoundTrip(req)
	end := c.now()
	if err != nil {
		e := c.interpret(request{call: callClock}, stage{unsent: dialFailed(err)}, err)
		c.collector.observe(callClock, e, end.Sub(start))
		return 0, e
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // so that the connection is used again
	resp.Body.Close()
	c.collector.observe(callClock, nil, end.Sub(start))
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0, &minapush.Error{Kind: minapush.NotFound, Op: callClock.String(), Extent: minapush.OneApp, Err: errNoDate}
	}
	// The answer was made about half-way between, and its time is cut to the second.
	return start.Add(end.Sub(start) / 2).Sub(at.Add(500 * time.Millisecond)), nil
}

var errNoDate = errors.New("the answer has no Date")
