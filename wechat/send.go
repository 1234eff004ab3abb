package wechat

import (
	"context"
	"errors"

	"github.com/minapush/minapush"
)

// Send sends one message to one user, as a subscribe message, or as a template message when it is Legacy. The receipt's MsgID is 0
// when WeChat gave none, as template messages do.
//
// Every error is a *minapush.Error. Its Kind says what is certain:
//
//   - Unavailable: nothing was sent (also when the app or its access token could not be had, or out.NotAfter had passed).
//   - Uncertain: the message may have been sent. Reason tells why: read_timeout, connection_lost, interrupted, bad_answer.
//   - Throttled, PermitDead, Refused, NotFound (the openid), BadMessage, BadCredential, Unauthorized, Internal: WeChat said no; see Lookup.
//   - Invalid: the message cannot be sent as it is.
//
// A refused access token is renewed once and the message repeated once; a second refusal is BadCredential. So is a message whose
// body WeChat could not read (47001), which is sporadic: [C] developer forum, read 2026-06.
//
// WeChat answers 43108 to two messages to one openid at a time; that is the caller's to avoid. [O] sendMessage, read 2026-06.
func (c *Client) Send(ctx context.Context, out minapush.Outgoing) (minapush.Receipt, error) {
	k := callSend
	if out.Legacy {
		k = callLegacySend
	}
	switch {
	case out.Message == nil:
		return minapush.Receipt{}, minapush.FieldError("message", "must be set")
	case out.OpenID == "":
		return minapush.Receipt{}, minapush.FieldError("openid", "must not be empty")
	case out.Legacy && out.Code == "":
		return minapush.Receipt{}, minapush.FieldError("code", "must be set: a template message spends a form id or a prepay id")
	}
	r := request{call: k, header: jsonHeader, body: c.renderer.body(out), hide: hidden{openid: out.OpenID}, lapsed: out.Lapsed}
	body, err := c.authorized(ctx, out.App, r)
	if codeOf(err) == unreadable {
		body, err = c.authorized(ctx, out.App, r)
	}
	if err != nil {
		return minapush.Receipt{}, err
	}
	v, _ := readVerdict(body) // it was read before, to tell that it says ok
	return minapush.Receipt{MsgID: v.msgID}, nil
}

// unreadable is the code of a body that WeChat could not read. [C] developer forum, read 2026-06.
const unreadable = 47001

// authorized makes a call that carries the app's access token. When WeChat refuses the token it is renewed, unless that has happened
// already, and the call is made once more.
func (c *Client) authorized(ctx context.Context, id minapush.AppID, r request) ([]byte, error) {
	v, err := c.app(ctx, id)
	if err != nil {
		return nil, err
	}
	a, err := c.access(ctx, v)
	if err != nil {
		return nil, err
	}
	body, err := c.with(ctx, a, r)
	if !tokenRefused(err) || !renewable(v.app.Token.Kind) {
		return body, err
	}
	if a, err = c.renew(ctx, v, a.token); err != nil {
		return nil, err
	}
	return c.with(ctx, a, r)
}

func (c *Client) with(ctx context.Context, a *access, r request) ([]byte, error) {
	r.url, r.hide.token = a.urls[r.call], a.token
	return c.exchange(ctx, r)
}

// tokenRefused tells that WeChat refused the access token itself. Client libraries treat these codes so ([S] WxJava; 41001 is
// added), with one renewal and one repetition. [C] server API token errors, read 2026-06.
func tokenRefused(err error) bool {
	switch codeOf(err) {
	case 40001, 40014, 41001, 42001:
		return true
	}
	return false
}

func codeOf(err error) int {
	var e *minapush.Error
	if err == nil || !errors.As(err, &e) {
		return 0
	}
	return e.Code
}
