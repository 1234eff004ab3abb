package minapush_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/minapush/minapush"
)

// sizes counts the shards of each stage of a campaign.
func sizes(r minapush.Rollout, campaign string, shards int) []int {
	n := make([]int, r.Stages())
	for s := range shards {
		n[r.StageOf(campaign, uint32(s), shards)]++
	}
	return n
}

func TestEachShardIsInOneStageAndTheFirstStagesHaveOneEach(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := minapush.Rollout{}
		for p := 0.0; len(r.Percents) < minapush.MaxStages; {
			p += rapid.Float64Range(0.001, 40).Draw(t, "more percent")
			if p >= 100 {
				break
			}
			r.Percents = append(r.Percents, p)
		}
		if len(r.Percents) == 0 {
			t.Skip()
		}
		if err := r.Validate("rollout"); err != nil {
			t.Fatal(err)
		}
		shards := rapid.IntRange(1, 600).Draw(t, "shards")
		n := sizes(r, rapid.StringMatching("[0-9A-Z]{26}").Draw(t, "campaign"), shards)
		all := 0
		for stage, size := range n {
			if all += size; size == 0 && stage < shards {
				t.Errorf("stage %d of %v has none of %d shards: %v", stage, r.Percents, shards, n)
			}
		}
		if all != shards {
			t.Errorf("%d of %d shards are in a stage: %v", all, shards, n)
		}
	})
}

func TestStagesAreAsLargeAsTheirPercents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		percents []float64
		shards   int
		want     string
	}{
		{[]float64{1, 10}, 256, "[3 23 230]"},
		{[]float64{1, 10}, 16384, "[164 1474 14746]"},
		{[]float64{50}, 4, "[2 2]"},
		{[]float64{1, 10}, 8, "[1 1 6]"},
		{[]float64{1, 10}, 3, "[1 1 1]"},
		{[]float64{1, 10}, 2, "[1 1 0]"},
		{[]float64{1, 10}, 1, "[1 0 0]"},
		{[]float64{98, 99}, 10, "[8 1 1]"},
	} {
		r := minapush.Rollout{Percents: c.percents}
		if got := fmt.Sprint(sizes(r, "01JD0000000000000000000000", c.shards)); got != c.want {
			t.Errorf("%v of %d shards: %v, want %v", c.percents, c.shards, got, c.want)
		}
	}
}

func TestAnotherCampaignBeginsWithOtherUsers(t *testing.T) {
	t.Parallel()
	r := minapush.DefaultRollout()
	begins := map[uint32]bool{}
	for i := range 100 {
		id := fmt.Sprintf("01JD%022d", i)
		for s := range uint32(256) {
			if r.StageOf(id, s, 256) == 0 {
				begins[s] = true
			}
		}
	}
	if len(begins) < 128 { // 300 shards are drawn of 256
		t.Errorf("100 campaigns begin with %d shards of 256", len(begins))
	}
}

func TestABadRolloutIsRefusedByField(t *testing.T) {
	t.Parallel()
	must := func(change func(*minapush.Rollout)) minapush.Rollout {
		r := minapush.DefaultRollout()
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		r     minapush.Rollout
		field string
	}{
		"the default":    {minapush.DefaultRollout(), ""},
		"no stage":       {must(func(r *minapush.Rollout) { r.Percents = nil }), "x.percents"},
		"too many":       {must(func(r *minapush.Rollout) { r.Percents = []float64{1, 2, 3, 4, 5, 6, 7, 8, 9} }), "x.percents"},
		"zero":           {must(func(r *minapush.Rollout) { r.Percents[0] = 0 }), "x.percents"},
		"not ascending":  {must(func(r *minapush.Rollout) { r.Percents = []float64{10, 10} }), "x.percents"},
		"everybody":      {must(func(r *minapush.Rollout) { r.Percents[1] = 100 }), "x.percents"},
		"no number":      {must(func(r *minapush.Rollout) { r.Percents[0] = math.NaN() }), "x.percents"},
		"negative pause": {must(func(r *minapush.Rollout) { r.Pause = -1 }), "x.pause_seconds"},
		"long pause":     {must(func(r *minapush.Rollout) { r.Pause = minapush.MaxStagePause + time.Second }), "x.pause_seconds"},
		"failures":       {must(func(r *minapush.Rollout) { r.MaxFailed = 1.1 }), "x.max_failed"},
		"refusals":       {must(func(r *minapush.Rollout) { r.MaxRefused = math.NaN() }), "x.max_refused"},
	} {
		err := c.r.Validate("x")
		var e *minapush.Error
		if c.field == "" && err != nil || c.field != "" && (!errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != c.field) {
			t.Errorf("%s: %v, want field %q", name, err, c.field)
		}
	}
}

func TestAClonedRolloutSharesNothing(t *testing.T) {
	t.Parallel()
	r := minapush.DefaultRollout()
	r.Clone().Percents[0] = 50
	if r.Percents[0] != 1 {
		t.Error("the first one changed with its clone")
	}
}
