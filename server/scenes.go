package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
)

func (s *Server) sceneRoutes() {
	const path = appPath + "/scenes"
	admin := []account.Scope{account.ScopeAdmin}
	handle(s, route{
		method: http.MethodGet, path: appPath + "/me", id: "me", session: true, public: true,
		summary: "Show the session's user its own balance, and the places that ask",
	}, s.me)
	handle(s, route{
		method: http.MethodGet, path: path, id: "list-scenes", summary: "List the places that ask for subscriptions", scopes: admin,
	}, s.listScenes)
	handle(s, route{
		method: http.MethodPut, path: path + "/{name}", id: "put-scene", summary: "Add a place that asks, or replace it", scopes: admin,
	}, s.putScene)
	handle(s, route{
		method: http.MethodDelete, path: path + "/{name}", id: "delete-scene", summary: "Remove a place that asks", scopes: admin,
	}, s.deleteScene)
}

// me answers what the SDK needs to know at launch. A user of whom nothing is known has no balance.
func (s *Server) me(ctx context.Context, c *call, _ *none) (api.Me, error) {
	app, o, err := s.sessionOf(ctx, c.r)
	if err != nil {
		return api.Me{}, err
	}
	out := api.Me{OpenID: string(o), Balance: []api.Balance{}}
	u, err := s.parts.Bank.User(ctx, app, o)
	if err == nil {
		out.Balance = s.balanceBody(u)
	} else if !errors.Is(err, minapush.NotFound) {
		return api.Me{}, err
	}
	out.Scenes, err = s.scenes(ctx, app.ID)
	return out, err
}

func (s *Server) listScenes(ctx context.Context, c *call, _ *none) (api.Scenes, error) {
	list, err := s.scenes(ctx, c.app.ID)
	return api.Scenes{Scenes: list}, err
}

func (s *Server) scenes(ctx context.Context, app minapush.AppID) ([]api.Scene, error) {
	list, err := s.parts.Accounts.Scenes(ctx, app)
	out := make([]api.Scene, len(list))
	for i, sc := range list {
		out[i] = sceneBody(sc)
	}
	return out, err
}

func (s *Server) putScene(ctx context.Context, c *call, in *api.Scene) (api.Scene, error) {
	name := c.path("name")
	switch {
	case in.Name != "" && in.Name != name:
		return api.Scene{}, wrong("body.name", "differs from the name of the path")
	case in.CoolDownSeconds < -1 || in.CoolDownSeconds > int64(account.MaxCoolDown/time.Second):
		return api.Scene{}, wrong("body.cool_down_seconds", "must be -1 (none), or up to 31536000")
	}
	sc, err := s.parts.Accounts.PutScene(ctx, c.app.ID, account.Scene{
		Name: name, Templates: in.Templates, Kind: minapush.TemplateKind(in.Kind), Target: in.Target, CoolDown: time.Duration(in.CoolDownSeconds) * time.Second,
	})
	if err != nil {
		return api.Scene{}, renamed(err, "name", "path.name")
	}
	return sceneBody(sc), nil
}

func (s *Server) deleteScene(ctx context.Context, c *call, _ *none) (none, error) {
	return none{}, s.parts.Accounts.DeleteScene(ctx, c.app.ID, c.path("name"))
}

func sceneBody(sc account.Scene) api.Scene {
	return api.Scene{
		Name: sc.Name, Templates: sc.Templates, Kind: string(sc.Kind), Target: sc.Target, CoolDownSeconds: int64(sc.CoolDown / time.Second),
	}
}
