package client

import (
	"context"
	"net/http"

	"github.com/minapush/minapush/api"
)

// Operators lists who may sign in to the console.
func (c *Client) Operators(ctx context.Context) ([]api.Operator, error) {
	list, err := call[api.Operators](ctx, c, get("v1", "operators"))
	return list.Operators, err
}

// InviteOperator makes a link to the console: for a new operator, or with a name for one who gets a new password. It is good once, and
// cannot be had again.
func (c *Client) InviteOperator(ctx context.Context, name string) (api.Invitation, error) {
	return call[api.Invitation](ctx, c, post(api.NewInvitation{Name: name}, "v1", "operators", "invitations"))
}

// RemoveOperator ends what an operator may do, at once. The last one stays: api.Conflict.
func (c *Client) RemoveOperator(ctx context.Context, name string) error {
	_, err := c.do(ctx, request{method: http.MethodDelete, path: []string{"v1", "operators", name}}, nil)
	return err
}
