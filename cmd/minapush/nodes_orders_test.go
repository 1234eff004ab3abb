package main

import (
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/store/redisstore/redistest"
	"golang.org/x/sync/errgroup"
)

// three starts three nodes on one Redis, with an app that sends at a rate.
func three(t *testing.T, users, rate int) *fleet {
	t.Helper()
	f := newFleet(t, users)
	url := "redis://" + redistest.One(t, "appendfsync everysec").Addr()
	for _, name := range []string{"node0", "node1", "node2"} {
		f.start(name, url)
	}
	f.found(f.nodes[0], rate)
	return f
}

func TestNodesStartAScheduledCampaignOnce(t *testing.T) {
	t.Parallel()
	f := three(t, 600, 600)
	b := broadcasts()[0]
	c, err := f.nodes[1].client.CreateCampaign(t.Context(), testApp, api.NewCampaign{Message: b.message, StartAt: time.Now().Add(2 * time.Second)}, "")
	must(t, err)
	b.id = c.ID
	if c.State != "scheduled" {
		t.Fatalf("it is %s", c.State)
	}
	before := f.accepted()
	got := f.finished(f.nodes[2], b, 2*time.Minute)
	if before != 0 || got.StartedAt.Before(c.StartAt) {
		t.Errorf("planned for %v, started at %v; %d messages before", c.StartAt, got.StartedAt, before)
	}
	f.checkBroadcast(f.nodes[0], b, false, &figures{})
	for _, n := range f.nodes { // every node tells the same of it
		if seen, err := n.client.Campaign(t.Context(), testApp, b.id); err != nil || !seen.StartedAt.Equal(got.StartedAt) {
			t.Errorf("%s says it started at %v, not %v: %v", n.name, seen.StartedAt, got.StartedAt, err)
		}
	}
}

// TestNodesStopWithinASecond tells one node to pause a campaign, and then to stop the app, while all nodes send. What the simulator
// takes later than a moment after the answer was sent against the order.
func TestNodesStopWithinASecond(t *testing.T) {
	t.Parallel()
	const promised, generous = time.Second, 3 * time.Second
	f := three(t, 6000, 300)
	ctx := t.Context()
	teller, list := f.nodes[0], f.broadcast(f.nodes[1])
	yes, no := true, false
	for _, order := range []struct {
		name      string
		stop, end func() error
	}{
		{"paused", func() error {
			return each(list, func(b broadcast) error { _, err := teller.client.PauseCampaign(ctx, testApp, b.id); return err })
		}, func() error {
			return each(list, func(b broadcast) error { _, err := f.nodes[2].client.ResumeCampaign(ctx, testApp, b.id); return err })
		}},
		{"stopped", func() error {
			_, err := teller.client.UpdateApp(ctx, testApp, api.AppChange{Stopped: &yes})
			return err
		},
			func() error {
				_, err := f.nodes[2].client.UpdateApp(ctx, testApp, api.AppChange{Stopped: &no})
				return err
			}},
	} {
		f.untilAccepted(ctx, f.accepted()+600)
		must(t, order.stop())
		answered := time.Now()
		sleepFor(ctx, 2*generous)
		last := answered
		after := map[time.Duration]int{}
		for _, at := range f.times() {
			for _, grace := range []time.Duration{0, promised, generous} {
				if at.Sub(answered) > grace {
					after[grace]++
				}
			}
			if at.After(last) {
				last = at
			}
		}
		t.Logf("%s: %d messages after the answer, the last %v after it, %d later than promised", order.name, after[0], last.Sub(answered), after[promised])
		if after[generous] > 0 {
			t.Errorf("%s: %d messages more than %v after the answer", order.name, after[generous], generous)
		}
		must(t, order.end())
	}
	for _, b := range list {
		f.finished(teller, b, 2*time.Minute)
	}
	f.check(teller, list, false)
}

// each does something for both campaigns at the same time.
func each(list []broadcast, do func(broadcast) error) error {
	var group errgroup.Group
	for _, b := range list {
		group.Go(func() error { return do(b) })
	}
	return group.Wait()
}
