package client

import (
	"context"
	"net/http"

	"github.com/minapush/minapush/api"
)

// Scenes lists the places of the mini program that ask for subscriptions.
func (c *Client) Scenes(ctx context.Context, app string) ([]api.Scene, error) {
	list, err := call[api.Scenes](ctx, c, get("v1", "apps", app, "scenes"))
	return list.Scenes, err
}

// PutScene adds a scene, or replaces it.
func (c *Client) PutScene(ctx context.Context, app string, s api.Scene) (api.Scene, error) {
	name := s.Name
	s.Name = "" // the path has it
	return call[api.Scene](ctx, c, put(s, "v1", "apps", app, "scenes", name))
}

// DeleteScene removes a scene.
func (c *Client) DeleteScene(ctx context.Context, app, name string) error {
	_, err := c.do(ctx, request{method: http.MethodDelete, path: []string{"v1", "apps", app, "scenes", name}}, nil)
	return err
}
