package dispatch_test

import (
	"context"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/dispatch"
)

// slowToShare takes long to tell the other nodes what was ruled.
type slowToShare struct{ *campaign.Campaigns }

func (s slowToShare) Share(ctx context.Context, app minapush.AppID, id string, change func(*minapush.Fleet)) error {
	time.Sleep(2 * time.Second)
	return s.Campaigns.Share(ctx, app, id, change)
}

// The worker that rules is still telling so when another one has carried the ruling out, and nothing comes after.
func TestACampaignEndsAlthoughTheLastShardIsDoneWhileAnotherWorkerLooks(t *testing.T) {
	wrap := func(c *campaign.Campaigns) dispatch.Planner { return slowToShare{c} }
	inWorldWith(t, wrap, func(t *testing.T, w *world) {
		w.users(8)
		w.says(refused)
		id := w.everybody()
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, map[minapush.Outcome]map[string]int64{minapush.RefusedByUser: {"43101": 8}})
		w.check(id)
	})
}
