package campaign_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/delivery"
)

// sumCounter counts how often a batch is summed over the shards.
type sumCounter struct {
	*delivery.Ledger
	sums int
}

func (s *sumCounter) Sum(ctx context.Context, app minapush.App, batch string) (delivery.Progress, error) {
	s.sums++
	return s.Ledger.Sum(ctx, app, batch)
}

// summing is the bundle's campaigns over a ledger that counts sums.
func (b *bundle) summing(t *testing.T) (*campaign.Campaigns, *sumCounter) {
	t.Helper()
	rows := &sumCounter{Ledger: delivery.New(b.model)}
	c, err := campaign.New(b.model, rows, nil, campaign.Config{Now: func() time.Time { return b.now }, NewID: func() string { return "x" }})
	must(t, err)
	return c, rows
}

func (b *bundle) latest(t *testing.T, c *campaign.Campaigns) []minapush.Campaign {
	t.Helper()
	list, err := c.Latest(t.Context(), b.app, "", 10)
	must(t, err)
	return list
}

func TestAListOfEndedCampaignsHasTheirSumsAndReadsNoShard(t *testing.T) {
	b := setup(t)
	c, rows := b.summing(t)
	tally := minapush.Tally{Examined: 3, By: map[minapush.Outcome]map[string]int64{minapush.Accepted: {"": 2}, minapush.Skipped: {"no_permit": 1}}}
	finished := b.create(t, draft()).ID
	_, err := b.Start(t.Context(), b.app, finished)
	must(t, err)
	must(t, b.Finish(t.Context(), b.app.ID, finished, tally))
	must(t, b.Finish(t.Context(), b.app.ID, finished, minapush.Tally{})) // again: changes nothing
	never := b.create(t, draft()).ID
	_, err = b.Cancel(t.Context(), b.app.ID, never)
	must(t, err)
	running := b.create(t, draft()).ID
	_, err = b.Start(t.Context(), b.app, running)
	must(t, err)
	list := b.latest(t, c)
	want := map[string]*minapush.Tally{finished: &tally, never: {}, running: nil}
	for i, id := range []string{running, never, finished} { // the newest first
		if list[i].ID != id {
			t.Fatalf("place %d has %s, want %s", i, list[i].ID, id)
		}
		if diff := cmp.Diff(want[id], list[i].Sums); diff != "" {
			t.Errorf("%s: %s", id, diff)
		}
	}
	if rows.sums > 0 {
		t.Errorf("%d campaigns were summed", rows.sums)
	}
	if next, err := c.Latest(t.Context(), b.app, never, 1); err != nil || len(next) != 1 || next[0].ID != finished {
		t.Errorf("after %s comes %+v, %v", never, next, err)
	}
}

func TestACampaignFromBeforeSumsWereKeptIsSummedOnce(t *testing.T) {
	b := setup(t)
	c, rows := b.summing(t)
	id := b.ended(t, 20)
	b.unsummed(t, id)
	for range 2 {
		m := b.latest(t, c)[0]
		if m.Sums == nil || m.Sums.Examined != 20 || !m.Sums.Closes() || m.State != minapush.Finished {
			t.Fatalf("got %+v", m)
		}
	}
	if rows.sums != 1 {
		t.Errorf("it was summed %d times", rows.sums)
	}
}

// unsummed takes its sums from a campaign, as an earlier release left it.
func (b *bundle) unsummed(t *testing.T, id string) {
	t.Helper()
	docs, err := b.model.ListDocuments(t.Context(), "campaign/"+string(b.app.ID), "", 100)
	must(t, err)
	for _, d := range docs {
		var m map[string]any
		must(t, json.Unmarshal(d.Value, &m))
		if m["ID"] != id {
			continue
		}
		delete(m, "Sums")
		delete(m, "SummedAt")
		d.Value, err = json.Marshal(m)
		must(t, err)
		_, err = b.model.Put(t.Context(), d)
		must(t, err)
		return
	}
	t.Fatalf("no campaign %s", id)
}

func TestOpensThatComeAfterTheEndComeIntoTheSums(t *testing.T) {
	b := setup(t)
	id := b.ended(t, 10)
	c, rows := b.summing(t)
	must(t, c.SumAgain(t.Context(), b.app))
	if rows.sums != 0 { // it has only just ended
		t.Fatalf("it was summed %d times", rows.sums)
	}
	p, err := rows.Ledger.List(t.Context(), b.app, id, new(minapush.Accepted), "", 10)
	must(t, err)
	d := p.Deliveries[0]
	_, err = b.model.Open(t.Context(), b.app.Shard(d.OpenID), id, d.OpenID, "", b.now)
	must(t, err)
	for range 2 { // the second time it is still fresh
		b.now = b.now.Add(time.Hour)
		must(t, c.SumAgain(t.Context(), b.app))
		b.now = b.now.Add(-50 * time.Minute)
		must(t, c.SumAgain(t.Context(), b.app))
	}
	if got := b.latest(t, c)[0]; got.Sums.Opened != 1 || rows.sums != 1 {
		t.Errorf("%d opened, summed %d times", got.Sums.Opened, rows.sums)
	}
	for range 24 * 30 {
		b.now = b.now.Add(time.Hour)
		must(t, c.SumAgain(t.Context(), b.app))
	}
	if rows.sums < 5 || rows.sums > 40 {
		t.Errorf("in a month it was summed %d times", rows.sums)
	}
}
