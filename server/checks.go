package server

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
)

const (
	// checksTimeout bounds all checks of an app: some wait for WeChat, and for a push.
	checksTimeout = time.Minute
	maxPublicURL  = 2048
)

func (s *Server) checkRoutes() {
	if s.parts.Checker == nil {
		return
	}
	handle(s, route{
		method: http.MethodPost, path: appPath + "/checks", id: "check-app", unbounded: true, scopes: []account.Scope{account.ScopeAdmin},
		summary: "Check the way from this server to a delivered message, step by step; with an openid one message is sent",
	}, s.checkApp)
}

func (s *Server) checkApp(ctx context.Context, c *call, in *api.NewChecks) (api.Checks, error) {
	ctx, cancel := context.WithTimeout(ctx, checksTimeout)
	defer cancel()
	if in.PublicURL != "" {
		u, err := url.Parse(in.PublicURL)
		if err != nil || len(in.PublicURL) > maxPublicURL || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil ||
			u.RawQuery != "" || u.Fragment != "" {
			return api.Checks{}, wrong("body.public_url", "must be an http or https URL without user, query and fragment, at most 2048 bytes")
		}
	}
	switch {
	case in.OpenID == "" && in.Message != nil:
		return api.Checks{}, wrong("body.message", "goes with openid only")
	case in.OpenID != "" && in.Message == nil:
		return api.Checks{}, wrong("body.message", "is required with openid")
	case in.OpenID != "":
		o, err := s.user(ctx, c.app, "body.openid", in.OpenID)
		if err != nil {
			return api.Checks{}, err
		}
		m, _, err := s.message(ctx, c.app, *in.Message)
		if err == nil {
			err = below("body.message", m.CheckFilled())
		}
		if err != nil {
			return api.Checks{}, err
		}
		message := messageBody(m)
		in.OpenID, in.Message = string(o), &message
	}
	out, err := s.parts.Checker.Checks(ctx, c.app, *in)
	if out.Steps == nil {
		out.Steps = []api.Check{}
	}
	return out, err
}
