package dispatch

import (
	"testing"

	"github.com/minapush/minapush"
)

// Windows that close by their age may be too small to be a storm; together they are the share of the stage.
func TestAStageIsJudgedByAllItsRefusals(t *testing.T) {
	t.Parallel()
	r := &minapush.Rollout{Percents: []float64{10}, Expected: 0.1, MaxRefused: 0.2, MaxFailed: 0.1}
	for name, c := range map[string]struct {
		saw      count
		baseline float64
		stop     bool
	}{
		"too many":                     {count{accepted: 60, refused: 40}, 0, true},
		"as many as may be":            {count{accepted: 75, refused: 25}, 0, false},
		"too few to judge by":          {count{refused: minapush.RolloutLeast - 1}, 0, false},
		"people have decided to go on": {count{accepted: 60, refused: 40}, 0.4, false},
	} {
		m := minapush.Campaign{ID: "c", Message: minapush.Message{Template: "T"}, Rollout: r, State: minapush.Running}
		run := newCampaignRun(t.Context(), job{Campaign: m}, minapush.App{Shards: 4}, Config{Storm: StormConfig{Jump: 0.8}})
		run.stageSaw, run.storm.baseline = c.saw, c.baseline
		if why, stop := run.stageRefused(); stop != c.stop {
			t.Errorf("%s: %v %+v", name, stop, why)
		}
		run.halt()
	}
}

// A share that is just what may be is no storm, and does not hide the one after it.
func TestAWindowAtTheLimitDoesNotHideTheStormAfterIt(t *testing.T) {
	t.Parallel()
	s := newStorm(t)
	s.cfg.staged, s.cfg.Jump = true, 0.2
	feed(s, 20, true)
	if r := feed(s, 80, false); r != believe {
		t.Fatalf("ruling %d", r)
	}
	if r := feed(s, 100, true); r != wait {
		t.Errorf("ruling %d", r)
	}
}
