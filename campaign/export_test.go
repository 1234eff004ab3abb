package campaign

import (
	"context"

	"github.com/minapush/minapush"
)

// SumAgain is what Run does every hour.
func (c *Campaigns) SumAgain(ctx context.Context, app minapush.App) error {
	return c.sumAgain(ctx, app)
}
