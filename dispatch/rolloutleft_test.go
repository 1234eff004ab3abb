package dispatch

import (
	"testing"
	"time"

	"github.com/minapush/minapush"
)

// The node that saw these refusals has gone before it could rule of them: the next one has no window that speaks for them or against them.
func TestRefusalsThatAGoneNodeLeftAreBelievedUnlessARolloutHasTooManyOfThem(t *testing.T) {
	sums := func(accepted, suspected int64) *minapush.Tally {
		t := &minapush.Tally{Examined: accepted + suspected, Suspected: suspected}
		t.Add(minapush.Accepted, "", accepted)
		return t
	}
	rollout := &minapush.Rollout{Percents: []float64{10}, Expected: 0.1, MaxRefused: 0.2, MaxFailed: 0.1}
	for name, c := range map[string]struct {
		rollout *minapush.Rollout
		left    *minapush.Tally
		want    ruling
	}{
		"without stages":      {nil, sums(10, 90), believe},
		"too many":            {rollout, sums(60, 40), wait},
		"not more than usual": {rollout, sums(75, 25), believe},
		"too few to judge by": {rollout, sums(0, 19), believe},
	} {
		m := minapush.Campaign{ID: "c", Message: minapush.Message{Template: "T"}, Rollout: c.rollout, State: minapush.Running}
		cfg := Config{NewID: func() string { return "" }, Owner: "o"}
		if err := cfg.defaults(); err != nil {
			t.Fatal(err)
		}
		run := newCampaignRun(t.Context(), job{Campaign: m}, minapush.App{Shards: 4}, cfg)
		run.led, run.leads = true, func() bool { return true }
		if got := run.closeWindow(time.Unix(1, 0), c.left); got != c.want {
			t.Errorf("%s: ruling %d, want %d", name, got, c.want)
		}
		run.halt()
	}
}
