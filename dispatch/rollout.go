package dispatch

import (
	"context"
	"strconv"
	"time"

	"github.com/minapush/minapush"
)

// A roll-out goes from stage to stage: each is a set of shards (minapush.Rollout.StageOf), and when those of the stages so far have nothing
// left to do the node that leads waits for a while and goes on with the next. It stops by itself in two ways:
//
//   - Failures: their share among the answers of a stage since this run began is too great. A resume begins a new run, which counts anew.
//   - Refusals: a window of answers has more than are to be expected. Nothing of it is believed: the storm lasts until somebody resumes the
//     campaign, and then some of the refused are tried again first. If none of them is accepted the window is believed, and the campaign
//     goes on; a share like that is usual from then on, but for one of nearly everybody, which stops it again.

// Why a roll-out waits or stopped.
const (
	reasonRolloutPause   = "rollout_pause"
	reasonRolloutFailed  = "rollout_failed"
	reasonRolloutRefused = "rollout_refused"
)

// stageWindow bounds how many answers a stage is judged by: beyond it, older ones count half.
const stageWindow = 1000

// stormConfig watches for more refusals than earlier campaigns had. Once they were believed they are what is usual.
func (j job) stormConfig(cfg StormConfig) StormConfig {
	cfg.nearly, cfg.Jump = cfg.Jump, j.Rollout.Expected+j.Rollout.MaxRefused
	cfg.staged, cfg.Least = true, minapush.RolloutLeast
	return cfg
}

// stagesOf tells in which stage each shard is; nil: there are none.
func (j job) stagesOf(shards int) []int {
	if j.Rollout == nil {
		return nil
	}
	stages := make([]int, shards)
	for n := range stages {
		stages[n] = j.Rollout.StageOf(j.ID, uint32(n), shards)
	}
	return stages
}

// reaches tells whether a shard is part of the stages so far.
func (c *campaignRun) reaches(shard uint32) bool {
	if c.rollout == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stages[shard] <= c.stage
}

// lastStage is the last of the stages so far; all of them when everybody left is skipped. The caller holds mu.
func (c *campaignRun) lastStage(now time.Time, skipQuiet bool) int {
	switch {
	case c.rollout == nil:
		return 0
	case c.skips(now, skipQuiet) != "":
		return c.rollout.Stages() - 1
	}
	return c.stage
}

// shardsUpTo counts the shards of the stages up to one. The caller holds mu.
func (c *campaignRun) shardsUpTo(stage int) int {
	if c.rollout == nil || stage >= c.rollout.Stages()-1 {
		return c.shards
	}
	n := 0
	for _, s := range c.stages {
		if s <= stage {
			n++
		}
	}
	return n
}

// where tells up to which stage it is to be sent now, whether that is the last, how many shards these stages have, and whether everybody left
// is skipped.
func (c *campaignRun) where(now time.Time) (stage int, last bool, shards int, skips bool) {
	_, skipQuiet := c.quietUntil(now)
	c.mu.Lock()
	defer c.mu.Unlock()
	stage = c.lastStage(now, skipQuiet)
	return stage, c.rollout == nil || stage == c.rollout.Stages()-1, c.shardsUpTo(stage), c.skips(now, skipQuiet) != ""
}

// enter begins a stage. What was answered in the one before is settled, and says nothing of this one; too few answers to judge by count
// with those that come. The caller holds mu.
func (c *campaignRun) enter(stage int) {
	if stage == c.stage {
		return
	}
	c.stage, c.called = stage, time.Time{}
	if c.stageSaw.all() >= minapush.RolloutLeast {
		c.stageSaw = count{}
	}
	c.storm.anew()
}

// sawInStage counts answers. The caller holds mu.
func (c *campaignRun) sawInStage(n count) {
	if c.rollout == nil {
		return
	}
	c.stageSaw.add(n)
	if s := &c.stageSaw; s.all() > stageWindow {
		*s = count{s.accepted / 2, s.refused / 2, s.failed / 2}
	}
}

// failedUnsent counts deliveries that failed before they were sent, since a value is no good.
func (c *campaignRun) failedUnsent(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	failed := count{failed: int64(n)}
	c.sawInStage(failed)
	if c.rollout != nil && !c.leader() {
		c.untold.add(failed)
	}
}

// judgeFailures stops a roll-out in which too much fails.
func (r *runner) judgeFailures(c *campaignRun) {
	if c.rollout == nil {
		return
	}
	c.mu.Lock()
	n := c.stageSaw
	c.mu.Unlock()
	answers := n.all()
	if answers < minapush.RolloutLeast || float64(n.failed) <= c.rollout.MaxFailed*float64(answers) {
		return
	}
	r.stop(c, minapush.Reason{Code: reasonRolloutFailed, Params: map[string]string{
		"share": text(float64(n.failed) / float64(answers)), "max": text(c.rollout.MaxFailed), "answers": strconv.FormatInt(answers, 10),
	}})
}

// doubts tells that the refusals of a roll-out are in doubt: then nobody loses a permit by them, unless people say so. The caller holds mu.
func (c *campaignRun) doubts() bool {
	return c.rollout != nil && (c.fleet.Storm || c.storm.phase != calm)
}

// mistrusts tells that too many of all answers are refusals that nobody ruled of yet: left by a node that is gone, whose window is gone with
// it. The caller holds mu.
func (c *campaignRun) mistrusts(t minapush.Tally) bool {
	if c.rollout == nil || c.storm.phase != calm || c.storm.usual() {
		return false
	}
	answers := t.Suspected + t.Count(minapush.RefusedByUser) + t.Count(minapush.Accepted) + t.Count(minapush.Failed) + t.Count(minapush.Unknown)
	share := float64(t.Suspected) / float64(max(answers, 1))
	if answers < minapush.RolloutLeast || share <= c.storm.cfg.Jump {
		return false
	}
	c.storm.share, c.storm.of = share, int(answers)
	return true
}

// stopStorm stops a roll-out in which too many refuse, for which the caller raised c.writing. That it is a storm is told first: whoever resumes
// the campaign goes on from there.
func (r *runner) stopStorm(c *campaignRun) {
	c.mu.Lock()
	share, answers := c.storm.share, c.storm.of
	c.mu.Unlock()
	_ = r.write(c, "storm", func(ctx context.Context) error {
		return r.d.retry(ctx, func() error {
			return r.d.planner.Share(ctx, r.id, c.id, func(f *minapush.Fleet) { f.Storm, f.Share = true, share })
		})
	})
	r.stop(c, c.refusedTooOften(share, answers))
}

func (c *campaignRun) refusedTooOften(share float64, answers int) minapush.Reason {
	return minapush.Reason{Code: reasonRolloutRefused, Params: map[string]string{
		"share": text(share), "expected": text(c.rollout.Expected), "max": text(c.rollout.Expected + c.rollout.MaxRefused), "answers": strconv.Itoa(answers),
	}}
}

// stageRefused tells that too many of a stage were refused, in windows that were too small to say so. The caller holds mu.
func (c *campaignRun) stageRefused() (why minapush.Reason, stop bool) {
	n := c.stageSaw
	if n.all() < minapush.RolloutLeast || c.storm.usual() {
		return why, false
	}
	share := float64(n.refused) / float64(n.all())
	return c.refusedTooOften(share, int(n.all())), share > c.storm.cfg.Jump
}

// text writes a share from 0 to 1, to a tenth of a percent.
func text(share float64) string { return strconv.FormatFloat(share, 'f', 3, 64) }

// endStage goes on with the next stage after a pause. The node that leads does; others hear of it.
func (r *runner) endStage(c *campaignRun, stage int, now time.Time) {
	if again := c.lastCall(now, r.d.alone()); !again.IsZero() {
		c.redo() // other nodes may have answers that were not told yet
		r.allDue(again)
		return
	}
	c.mu.Lock()
	goOn := c.leader() && c.state == minapush.Running && c.ctx.Err() == nil && c.stage == stage
	h := minapush.Hold{Until: now.Add(c.rollout.Pause), Why: minapush.Reason{Code: reasonRolloutPause, Params: map[string]string{
		"stage": strconv.Itoa(stage + 1), "stages": strconv.Itoa(c.rollout.Stages()),
	}}}
	if c.rollout.Pause == 0 {
		h = minapush.Hold{}
	}
	why, stop := c.stageRefused()
	stop = goOn && stop
	goOn = goOn && !stop
	if goOn {
		c.enter(stage + 1)
		c.hold = h
		c.writing++
	}
	c.mu.Unlock()
	if stop {
		r.stop(c, why)
	}
	if !goOn {
		return
	}
	r.d.cfg.Logger.Info("stage of a campaign sent", "app", r.id, "campaign", c.id, "stage", stage+1, "until", h.Until)
	err := r.write(c, "advance", func(ctx context.Context) error { return r.d.planner.Advance(ctx, r.id, c.id, stage+1, h) })
	if err != nil {
		c.redo() // the document says where it is: the next look finds it, and the stage is ended again
	}
	r.allDue(latest(now, h.Until))
}
