package server

import (
	"context"
	"net/http"
	"net/url"

	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
)

func (s *Server) operatorRoutes() {
	handle(s, route{
		method: http.MethodGet, path: "/v1/operators", id: "list-operators",
		summary: "List who may sign in to the console; needs an admin key for every app",
	}, s.listOperators)
	handle(s, route{
		method: http.MethodPost, path: "/v1/operators/invitations", id: "invite-operator", status: http.StatusCreated,
		summary: "Make a link by which a new operator comes in, or a known one gets a new password",
	}, s.inviteOperator)
	handle(s, route{
		method: http.MethodDelete, path: "/v1/operators/{name}", id: "remove-operator", summary: "Remove an operator, but never the last one",
	}, s.removeOperator)
}

// welcomePath is the console's page for those who have a link.
const welcomePath = "/console/welcome"

func (s *Server) listOperators(ctx context.Context, c *call, _ *none) (api.Operators, error) {
	out := api.Operators{Operators: []api.Operator{}}
	if err := forEveryApp(c.key, account.ScopeAdmin); err != nil {
		return out, err
	}
	list, err := s.parts.Accounts.Operators(ctx)
	for _, o := range list {
		out.Operators = append(out.Operators, api.Operator{Name: o.Name, CreatedAt: utc(o.CreatedAt)})
	}
	return out, err
}

func (s *Server) inviteOperator(ctx context.Context, c *call, in *api.NewInvitation) (api.Invitation, error) {
	if err := forEveryApp(c.key, account.ScopeAdmin); err != nil {
		return api.Invitation{}, err
	}
	secret, expires, err := s.parts.Accounts.Invite(ctx, in.Name)
	if err != nil {
		return api.Invitation{}, err
	}
	return api.Invitation{Path: s.cfg.BasePath + welcomePath + "?" + url.Values{"code": {secret}}.Encode(), ExpiresAt: utc(expires)}, nil
}

func (s *Server) removeOperator(ctx context.Context, c *call, _ *none) (none, error) {
	if err := forEveryApp(c.key, account.ScopeAdmin); err != nil {
		return none{}, err
	}
	return none{}, s.parts.Accounts.RemoveOperator(ctx, c.path("name"))
}
