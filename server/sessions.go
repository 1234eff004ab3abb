package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
)

func (s *Server) sessionRoutes() {
	handle(s, route{
		method: http.MethodPost, path: appPath + "/session", id: "login", summary: "Trade a wx.login code for a session token",
		open: true, public: true, perAddress: s.floods.logins,
	}, s.login)
	handle(s, route{
		method: http.MethodPost, path: appPath + "/session-tokens", id: "create-session-token",
		summary: "Make a session token for a user whom the backend knows", scopes: []account.Scope{account.ScopeReport},
	}, s.createSession)
}

func (s *Server) login(ctx context.Context, c *call, in *api.Login) (api.Session, error) {
	if in.Code == "" || len(in.Code) > api.MaxCode || strings.ContainsFunc(in.Code, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return api.Session{}, wrong("body.code", "must be printable ASCII without spaces, 1 to 256 bytes")
	}
	openid, err := s.parts.Platform.JSCode2Session(ctx, c.app.ID, in.Code)
	if err != nil {
		return api.Session{}, loginProblem(err)
	}
	return s.issue(ctx, c.app.ID, openid)
}

// loginProblem tells what a phone can mend, a code that is no good, from what it cannot.
func loginProblem(err error) error {
	switch minapush.KindOf(err) {
	case minapush.Invalid, minapush.Refused:
		return wrong("body.code", "is not a code that WeChat takes: it is used, over, or of another app")
	case minapush.Unauthorized:
		return &problem{row: rowForbidden, detail: "WeChat blocked this login", err: err}
	case minapush.NotFound: // the app has no AppSecret
		return &problem{row: rowBadApp, detail: "the app is not set up for logins", wait: rowBadApp.wait, err: err}
	}
	return err
}

func (s *Server) createSession(ctx context.Context, c *call, in *api.NewSession) (api.Session, error) {
	o, err := s.user(ctx, c.app, "body.openid", in.OpenID)
	if err != nil {
		return api.Session{}, err
	}
	return s.issue(ctx, c.app.ID, o)
}

func (s *Server) issue(ctx context.Context, app minapush.AppID, o minapush.OpenID) (api.Session, error) {
	token, expires, err := s.parts.Accounts.IssueSession(ctx, app, o)
	if err != nil {
		return api.Session{}, err
	}
	return api.Session{SessionToken: token, ExpiresAt: utc(expires)}, nil
}
