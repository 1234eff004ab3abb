package server

import (
	"context"
	"net/http"
	"slices"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
)

func (s *Server) keyRoutes() {
	handle(s, route{
		method: http.MethodPost, path: "/v1/keys", id: "create-key", status: http.StatusCreated,
		summary: "Make an API key; an admin key of one app makes keys for that app only",
	}, s.createKey)
	handle(s, route{
		method: http.MethodGet, path: "/v1/keys", id: "list-keys", summary: "List the keys that the caller's key may manage",
	}, s.listKeys)
	handle(s, route{
		method: http.MethodDelete, path: "/v1/keys/{id}", id: "revoke-key", summary: "End a key",
	}, s.revokeKey)
}

func (s *Server) createKey(ctx context.Context, c *call, in *api.NewKey) (api.KeySecret, error) {
	app := minapush.AppID(in.AppID)
	if !c.key.Allows(app, account.ScopeAdmin) {
		return api.KeySecret{}, lacks([]account.Scope{account.ScopeAdmin})
	}
	k := account.Key{Name: in.Name, App: app}
	for _, scope := range in.Scopes {
		k.Scopes = append(k.Scopes, account.Scope(scope))
	}
	k, secret, err := s.parts.Accounts.CreateKey(ctx, k)
	if err != nil {
		return api.KeySecret{}, renamed(err, "app", "body.app_id")
	}
	return api.KeySecret{Key: keyBody(k), Secret: secret}, nil
}

func (s *Server) listKeys(ctx context.Context, c *call, _ *none) (api.Keys, error) {
	keys, err := s.manageable(ctx, c.key)
	if err != nil {
		return api.Keys{}, err
	}
	out := api.Keys{Keys: []api.Key{}}
	for _, k := range keys {
		out.Keys = append(out.Keys, keyBody(k))
	}
	return out, nil
}

func (s *Server) revokeKey(ctx context.Context, c *call, _ *none) (none, error) {
	keys, err := s.manageable(ctx, c.key)
	if err != nil {
		return none{}, err
	}
	id := c.path("id")
	if !slices.ContainsFunc(keys, func(k account.Key) bool { return k.ID == id }) {
		return none{}, refuse(rowNotFound, "the key is not known")
	}
	return none{}, s.parts.Accounts.RevokeKey(ctx, id)
}

// manageable lists the keys that an admin key may list and revoke: all, or those of its own app.
func (s *Server) manageable(ctx context.Context, by account.Key) ([]account.Key, error) {
	if !by.Allows(by.App, account.ScopeAdmin) {
		return nil, lacks([]account.Scope{account.ScopeAdmin})
	}
	keys, err := s.parts.Accounts.Keys(ctx)
	return slices.DeleteFunc(keys, func(k account.Key) bool { return !by.Allows(k.App, account.ScopeAdmin) }), err
}

func keyBody(k account.Key) api.Key {
	out := api.Key{ID: k.ID, Name: k.Name, AppID: string(k.App), Scopes: []string{}, CreatedAt: utc(k.CreatedAt)}
	for _, scope := range k.Scopes {
		out.Scopes = append(out.Scopes, string(scope))
	}
	return out
}
