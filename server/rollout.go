package server

import (
	"cmp"
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
)

// noPause is what pause_seconds says of a roll-out that does not wait between its stages.
const noPause = -1

// rolloutOf reads a roll-out; what is absent is as of minapush.DefaultRollout. What is left to the campaign to refuse is named as it names
// it. Errors: 400.
func rolloutOf(in *api.Rollout) (*minapush.Rollout, error) {
	if in == nil {
		return nil, nil
	}
	for name, told := range map[string]bool{"expected": in.Expected != 0, "stage": in.Stage != 0, "stages": in.Stages != 0} {
		if told {
			return nil, wrong("body.rollout."+name, "is told, not given")
		}
	}
	out := minapush.DefaultRollout()
	if in.Percents != nil {
		out.Percents = in.Percents
	}
	switch most := int(minapush.MaxStagePause / time.Second); {
	case in.PauseSeconds < noPause || in.PauseSeconds > most:
		return nil, wrong("body.rollout.pause_seconds", fmt.Sprintf("must be from %d to %d", noPause, most))
	case in.PauseSeconds == noPause:
		out.Pause = 0
	case in.PauseSeconds > 0:
		out.Pause = time.Duration(in.PauseSeconds) * time.Second
	}
	out.MaxFailed, out.MaxRefused = in.MaxFailed, in.MaxRefused
	return &out, out.Validate("rollout")
}

// rolloutBody shows a roll-out with what its defaults stand for; nil for none.
func rolloutBody(r *minapush.Rollout) *api.Rollout {
	if r == nil {
		return nil
	}
	return &api.Rollout{
		Percents: r.Percents, PauseSeconds: cmp.Or(int(r.Pause/time.Second), noPause), Expected: r.Expected,
		MaxFailed: cmp.Or(r.MaxFailed, minapush.DefaultMaxFailed), MaxRefused: cmp.Or(r.MaxRefused, minapush.DefaultMaxRefused),
	}
}
