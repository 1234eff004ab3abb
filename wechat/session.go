package wechat

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/minapush/minapush"
)

// Session is who a login code belongs to.
type Session struct {
	OpenID minapush.OpenID
	// UnionID is there only when the mini program belongs to an Open Platform account.
	UnionID string
}

// JSCode2Session exchanges the code of wx.login for the user's openid. A code lives 5 minutes and works once; 100 exchanges a minute
// and user are allowed. [O] server API, code2Session, read 2026-06. It needs the app's AppSecret. WeChat's session_key is dropped.
//
// Errors: Invalid (the code is wrong, used or expired: log in again), Unauthorized (WeChat blocked the login), Throttled, Unavailable
// (the code may be tried again), Uncertain (the code may be used up: log in again), BadCredential (the app or its secret).
func (c *Client) JSCode2Session(ctx context.Context, app minapush.AppID, code string) (Session, error) {
	if code == "" {
		return Session{}, minapush.FieldError("code", "must not be empty")
	}
	v, err := c.app(ctx, app)
	if err != nil {
		return Session{}, err
	}
	secret, err := c.secret(ctx, v)
	if err != nil {
		return Session{}, err
	}
	query := url.Values{"appid": {string(v.app.ID)}, "secret": {secret}, "js_code": {code}, "grant_type": {"authorization_code"}}
	body, err := c.exchange(ctx, request{
		call: callSession, url: v.at(callSession, query.Encode()), header: plainHeader, hide: hidden{secret: secret, code: code},
	})
	if err != nil {
		return Session{}, err
	}
	var a struct {
		OpenID  minapush.OpenID `json:"openid"`
		UnionID string          `json:"unionid"`
	}
	if json.Unmarshal(body, &a) != nil || a.OpenID.Validate() != nil {
		return Session{}, badContent(callSession, "the answer has no openid")
	}
	return Session{OpenID: a.OpenID, UnionID: a.UnionID}, nil
}

// badContent is an answer that is JSON, says ok, and lacks what it is for.
func badContent(k call, text string) error {
	e := minapush.Errorf(minapush.Uncertain, "%s", text)
	e.Op, e.Reason = k.String(), minapush.ReasonBadAnswer
	return settle(k, e)
}
