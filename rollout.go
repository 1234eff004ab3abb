package minapush

import (
	"slices"
	"time"
)

// Rollout sends a campaign in stages: to a small part of the users first, then to a larger one, then to the rest. Parts are sets of whole
// shards, which hold users by a hash of their openid, and another set for each campaign: so each user is in one stage, and is examined once.
type Rollout struct {
	// Percents says how many percent of the users have been reached after each stage but the last, which is the rest: above 0, ascending,
	// below 100, at most MaxStages. A stage has at least one shard, so the parts of an app with few shards are coarser; of one with fewer
	// shards than stages the last ones have none.
	Percents []float64
	// Pause is how long it waits after each stage, up to MaxStagePause.
	Pause time.Duration `json:",omitempty"`
	// MaxFailed stops the campaign when a greater share of its answers, of at least RolloutLeast, are failures; from 0 to 1. Defaults to
	// DefaultMaxFailed.
	MaxFailed float64 `json:",omitempty"`
	// MaxRefused stops it when the share of refusals (43101) is greater than Expected by more than this; from 0 to 1. Defaults to
	// DefaultMaxRefused.
	MaxRefused float64 `json:",omitempty"`
	// Expected is the share of refusals that earlier campaigns with the template had, since a refusal also means "used up". It is noted at
	// the start.
	Expected float64 `json:",omitempty"`
}

const (
	// MaxStages is how many stages there may be before the rest.
	MaxStages = 8
	// MaxStagePause is the longest pause between stages.
	MaxStagePause = 7 * 24 * time.Hour
	// RolloutLeast is how many answers are needed to judge by.
	RolloutLeast = 20
	// DefaultMaxFailed and DefaultMaxRefused are shares.
	DefaultMaxFailed  = 0.1
	DefaultMaxRefused = 0.2
)

// DefaultRollout is 1 percent, then 10, then the rest, with ten minutes between.
func DefaultRollout() Rollout { return Rollout{Percents: []float64{1, 10}, Pause: 10 * time.Minute} }

// Validate refuses what breaks a rule; field is where it stands.
func (r Rollout) Validate(field string) error {
	if len(r.Percents) == 0 || len(r.Percents) > MaxStages {
		return FieldError(field+".percents", "must be 1 to %d numbers, are %d", MaxStages, len(r.Percents))
	}
	before := 0.0
	for _, p := range r.Percents {
		if !(p > before && p < 100) {
			return FieldError(field+".percents", "must ascend between 0 and 100, both excluded")
		}
		before = p
	}
	if r.Pause < 0 || r.Pause > MaxStagePause {
		return FieldError(field+".pause_seconds", "must be from 0 to %d", int(MaxStagePause/time.Second))
	}
	if !(r.MaxFailed >= 0 && r.MaxFailed <= 1) {
		return FieldError(field+".max_failed", "must be from 0 to 1")
	}
	if !(r.MaxRefused >= 0 && r.MaxRefused <= 1) {
		return FieldError(field+".max_refused", "must be from 0 to 1")
	}
	return nil
}

// Stages is how many stages there are, the rest included.
func (r Rollout) Stages() int { return len(r.Percents) + 1 }

// StageOf tells in which stage of a campaign a shard is. The order of shards is another one for each campaign.
func (r Rollout) StageOf(campaign string, shard uint32, shards int) int {
	first := ShardOf(OpenID(campaign), shards)
	place := (int(shard) - int(first) + shards) % shards
	taken := 0
	for stage, percent := range r.Percents {
		// Each stage has at least one shard, and leaves one to each that follows, as far as there are as many: the first ones go first.
		end := max(int(percent*float64(shards)/100+0.5), taken+1)
		end = min(end, max(shards-(len(r.Percents)-stage), taken+1))
		if place < end {
			return stage
		}
		taken = end
	}
	return len(r.Percents)
}

// Clone is a copy that shares nothing.
func (r Rollout) Clone() *Rollout {
	r.Percents = slices.Clone(r.Percents)
	return &r
}
