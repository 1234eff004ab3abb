package campaign_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/store"
)

// reading is a store that counts the schedules that are read.
type reading struct {
	campaign.Storage
	schedules atomic.Int64
}

func (r *reading) Get(ctx context.Context, kind, id string) (store.Document, error) {
	if strings.HasPrefix(kind, "schedule/") {
		r.schedules.Add(1)
	}
	return r.Storage.Get(ctx, kind, id)
}

// A schedule is read once, and again when it is due, however often is looked; what another node does meanwhile counts all the same.
func TestAScheduleIsNotReadBeforeItsTimeAndStillRunsAtIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.now = at(t, "2026-11-22T12:00:00+08:00")
	const many = 120 // more than a page of the index
	ids := make([]string, many)
	for i := range ids {
		ids[i] = b.schedule(t, scheduleDraft()).ID // each day at 20:00
	}
	other := b.node(t, b.model)
	reads := &reading{Storage: b.model}
	b.Campaigns = b.node(t, reads)
	due := at(t, "2026-11-22T20:00:00+08:00")
	ctx, cancel := context.WithCancel(t.Context())
	looked := 0
	must(t, b.Run(ctx, func(ctx context.Context) ([]minapush.App, error) {
		switch looked++; looked {
		case 2:
			if n := reads.schedules.Load(); n != many {
				t.Errorf("the first look read %d schedules of %d", n, many)
			}
		case 5:
			if n := reads.schedules.Load(); n != many {
				t.Errorf("looks before their time read %d schedules", n-many)
			}
			for i, do := range []func(context.Context, minapush.AppID, string) (minapush.Schedule, error){
				func(ctx context.Context, app minapush.AppID, id string) (minapush.Schedule, error) {
					return other.PauseSchedule(ctx, app, id, minapush.Reason{Code: "operator"})
				},
				other.EndSchedule,
			} {
				if _, err := do(ctx, b.app.ID, ids[i]); err != nil {
					t.Error(err)
				}
			}
			b.now = due
		case 6:
			b.now = due.Add(time.Second)
			if _, err := other.ResumeSchedule(ctx, b.app.ID, ids[0]); err != nil {
				t.Error(err)
			}
			b.now = due.AddDate(0, 0, 1)
		case 7:
			cancel()
		}
		return []minapush.App{b.app}, nil
	}))
	b.wantRuns(t, ids[0], "23 20:00") // paused on the first evening
	b.wantRuns(t, ids[1])             // ended before it
	b.wantRuns(t, ids[2], "22 20:00", "23 20:00")
	b.wantRuns(t, ids[many-1], "22 20:00", "23 20:00")
}
