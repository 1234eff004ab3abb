package dispatch

import (
	"context"
	"sync"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/delivery"
)

// campaignRun is what this node knows of one campaign that it works on.
type campaignRun struct {
	id          string
	need        bank.Need
	legacy      bool
	shards      int
	message     *minapush.Message     // as it goes out, but for its placeholders
	personal    bool                  // the message has placeholders
	rules       minapush.Template     // that its values are checked against
	bad         error                 // why it goes out to nobody, of a message without placeholders
	audience    func(*bank.User) bool // nil: everybody
	asks        bank.Asks             // what audience asks to be told of a user
	list        bool                  // the campaign's own list is walked
	keepSkipped bool                  // a row is kept for each of the list who is skipped
	atLeastOnce bool
	keepBack    int    // permits left to each user
	onQuiet     string // what it does in quiet hours, if it says so
	series      string // of the schedule of which it is a run; empty for others
	rollout     *minapush.Rollout
	stages      []int // of each shard, with a roll-out
	started     time.Time
	latest      time.Time
	rails       func() *rails // the app's guard rails now
	// halt ends ctx: from then on nothing more of the campaign is marked. What is in flight is settled all the same.
	ctx  context.Context // the life of the run, joined with that of each lease in shard.go
	halt context.CancelFunc

	mu      sync.Mutex // guards all below
	state   minapush.CampaignState
	hold    minapush.Hold
	stopped bool // by what the platform answered
	late    bool // the latest send time has come
	// writing counts changes that this node is making to the campaign's document, and wrote is the number of the look under way
	// when the last one was made: what that look or an earlier one read is older than it.
	writing int
	wrote   uint64
	// finishing tells that a worker is trying to end the campaign, and finishAgain that another one wanted to meanwhile.
	finishing, finishAgain bool

	// The first wave: granted of it were let through, judged are answered, spoilt of these because of their data. wake tells the
	// others to look again.
	firstWave, granted, judged, spoilt int
	wake                               chan struct{}

	// What the nodes tell each other, see fleet.go: leads tells whether this node leads the app, and led whether it did when it last
	// conferred; fleet is what holds, and told what the last look read of it; untold are answers that are not in it yet, and heard those
	// of it that were counted.
	leads         func() bool
	led           bool
	fleet, told   minapush.Fleet
	untold, heard count
	called        time.Time // when the others will have told their last answers

	storm     storm
	suspected map[uint32]time.Time // shards with suspects that nothing was ruled of, and when the last came
	toRule    map[uint32][]ruled   // rulings to be carried out in each shard, the first first
	ruledAt   time.Time            // of the last ruling
	judgedAt  time.Time            // of the latest answer, as moment gave it
	asked     map[uint32]bool      // shards that were asked for suspects in this recheck
	// turnedAway are shards that came to a recheck while all that it wants was handed out.
	turnedAway map[uint32]bool
	over       bool // a storm is over, and no shard knows yet

	drained  map[uint32]bool // shards with nothing left to do
	accepted int
	invalid  int // openids called invalid
	// stage is which stage of the roll-out is being sent, and stageSaw what its answers were since this run began.
	stage    int
	stageSaw count
	doubted  bool // it is being stopped with its refusals in doubt
	strikes  int  // token refusals in a row, a minute apart
}

func newCampaignRun(ctx context.Context, c job, app minapush.App, cfg Config) *campaignRun {
	rules := c.Rules()
	fitted := rules.Fit(c.Message)
	run := &campaignRun{
		id: c.ID, legacy: c.Kind == minapush.LegacyTemplate, shards: app.Shards, message: &c.Message,
		personal: len(c.Message.Placeholders()) > 0, rules: rules, audience: c.audience, asks: c.asks, list: c.Audience.List,
		keepSkipped: c.Audience.List && c.Audience.Listed <= minapush.MaxListRows,
		atLeastOnce: c.AtLeastOnce, started: c.StartedAt, latest: c.LatestSend, state: c.State, hold: c.Hold,
		keepBack: c.KeepBack, onQuiet: c.OnQuiet, rollout: c.Rollout, stages: c.stagesOf(app.Shards), stage: c.Stage, rails: func() *rails { return &rails{} },
		need:      bank.NeedFor(c.Kind, c.Message),
		firstWave: cfg.FirstWave, wake: make(chan struct{}),
		leads: func() bool { return false }, fleet: c.Fleet, told: c.Fleet, heard: counted(c.Fleet),
		storm: storm{cfg: cfg.Storm}, suspected: map[uint32]time.Time{}, toRule: map[uint32][]ruled{}, asked: map[uint32]bool{}, turnedAway: map[uint32]bool{},
		drained: map[uint32]bool{},
	}
	if c.Schedule != "" || c.RetryOf != "" { // the campaign that is tried again is of the series, too
		run.series = minapush.SeriesOf(c.ID)
	}
	if c.Rollout != nil {
		run.storm.cfg = c.stormConfig(cfg.Storm)
	}
	if !run.personal { // others are worded user by user
		run.message, run.bad = &fitted.Message, fitted.Err()
	}
	if c.Hold.Why.Code == reasonStorm {
		run.fleet.Storm = true // seen before a restart, or by another node
	}
	run.opened()
	if n := len(c.Fleet.Rulings); n > 0 {
		run.ruledAt = c.Fleet.Rulings[n-1].Until
	}
	run.ctx, run.halt = context.WithCancel(ctx)
	return run
}

// opened notes that another node's first wave was answered. The caller holds mu.
func (c *campaignRun) opened() {
	if c.fleet.Opened && c.judged < c.firstWave {
		c.judged = c.firstWave
		c.rouse()
	}
}

const reasonStorm = "refusal_storm"

// order is what a campaign wants of a shard now.
type order struct {
	// until is when to come back, if it is after now.
	until time.Time
	// skip, if not empty, is the reason for which everybody left is skipped.
	skip string
	// recheck tells that only suspects are tried.
	recheck bool
}

// leaderWait is when a shard is looked at again whose campaign waits for another node; a change of that is seen by looking at campaigns.
const leaderWait = 10 * time.Second

func (c *campaignRun) order(now time.Time) order {
	quiet, skipQuiet := c.quietUntil(now)
	c.mu.Lock()
	defer c.mu.Unlock()
	if why := c.skips(now, skipQuiet); why != "" {
		return order{skip: why}
	}
	switch {
	case !quiet.IsZero():
		return order{until: earliest(quiet, c.latest)}
	case now.Before(c.hold.Until) && c.hold.Why.Code != reasonQuiet: // the quiet hours speak for themselves
		return order{until: earliest(c.hold.Until, c.latest)}
	case c.doubted || c.waits():
		return order{until: earliest(now.Add(leaderWait), c.latest)}
	}
	if c.storm.phase == storming {
		c.storm.recheck()
		c.asked = map[uint32]bool{}
	}
	return order{recheck: c.storm.phase == rechecking}
}

// skips says for which reason everybody left is skipped now; "": nobody is. The caller holds mu.
func (c *campaignRun) skips(now time.Time, quiet bool) string {
	switch {
	case c.state == minapush.Cancelling:
		return minapush.ReasonCancelled
	case !c.latest.IsZero() && !now.Before(c.latest):
		return minapush.ReasonTooLate
	case quiet && (c.hold.Why.Code == reasonQuiet || !now.Before(c.hold.Until)): // while something else holds it nobody is met
		return minapush.ReasonQuietHours
	}
	return ""
}

// batch is what to reserve. The audience are the users seen before the end of the millisecond of the start, so that one whose first
// permit was acknowledged just before it is part of it.
func (c *campaignRun) batch(now time.Time, limit int, skip string) bank.Batch {
	return bank.Batch{
		Campaign: c.id, Need: c.need, Started: c.started.Truncate(time.Millisecond).Add(time.Millisecond), Now: now, Limit: limit,
		AtLeastOnce: c.atLeastOnce, Skip: skip, Guard: c.rails().guard(c, now), Audience: c.audience, Looks: c.asks.Looks, Beside: c.asks.Beside, Listed: c.list, KeepSkipped: c.keepSkipped,
	}
}

// admit lets up to want messages through the first wave; it waits while that wave is unanswered. It returns 0 when ctx ends.
func (c *campaignRun) admit(ctx context.Context, want int) int {
	for {
		c.mu.Lock()
		if c.judged >= c.firstWave {
			c.mu.Unlock()
			return want
		}
		n := min(want, c.firstWave-c.granted)
		c.granted += n
		wake := c.wake
		c.mu.Unlock()
		if n > 0 {
			return n
		}
		if !waitFor(ctx, wake, 0) {
			return 0
		}
	}
}

// readmit gives back n admissions that were not used.
func (c *campaignRun) readmit(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > 0 && c.judged < c.firstWave {
		c.granted -= n
		c.rouse()
	}
}

func (c *campaignRun) rouse() {
	close(c.wake)
	c.wake = make(chan struct{})
}

// invalidCommon tells that more openids were called invalid than messages accepted: then it is the app that is wrong.
func (c *campaignRun) invalidCommon() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.invalid >= c.accepted
}

// moment is the time of an answer, for the store, where suspects of a window are told by it from those of the window before: it is
// after the last ruling, whatever the clock of its visit said a moment ago. The caller holds mu.
func (c *campaignRun) moment(now time.Time) time.Time {
	now = now.Truncate(time.Millisecond)
	if !now.After(c.ruledAt) {
		now = c.ruledAt.Add(time.Millisecond)
	}
	c.judgedAt = latest(c.judgedAt, now)
	return now
}

// judgedUntil is a time at which every answer so far has been judged.
func (c *campaignRun) judgedUntil(now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return latest(now, c.judgedAt)
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// answered counts one answer at its moment and says what becomes of suspects.
func (c *campaignRun) answered(v verdict, shard uint32, now time.Time) (r ruling, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at = c.moment(now)
	return c.count(v, shard, now), at
}

// count is answered without the lock.
func (c *campaignRun) count(v verdict, shard uint32, now time.Time) ruling {
	if c.judged < c.firstWave {
		if v.tellsNothing {
			c.granted--
		} else {
			c.judged++
		}
		c.rouse()
	}
	refused := v.Outcome == minapush.Pending && v.Permit == delivery.SuspectUse
	if refused {
		c.suspected[shard] = c.judgedAt
	}
	switch {
	case v.Outcome == minapush.Accepted:
		c.accepted++
		c.strikes = 0
	case v.Outcome == minapush.Failed && (v.Permit == delivery.VoidUser || v.Errcode == codeInvalidOpenID):
		c.invalid++
	}
	answer := countOf(v.Outcome, refused)
	c.sawInStage(answer)
	switch {
	case !c.leader():
		c.untold.add(answer)
	case v.Outcome == minapush.Accepted || refused:
		r := c.storm.answer(v.Outcome == minapush.Accepted, refused, now)
		c.rule(r, now)
		return r
	case c.storm.phase == rechecking: // no evidence either way
		c.askAnew(1)
		return askAgain
	}
	return noRuling
}

// setDrained notes whether a shard has anything left to do. In a storm nobody knows, unless everybody left was skipped.
func (c *campaignRun) setDrained(shard uint32, drained, skipped bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if drained && (skipped || c.storm.phase == calm) {
		c.drained[shard] = true
	} else {
		delete(c.drained, shard)
	}
}

// allDrained tells that no shard has anything left to do in the stages so far.
func (c *campaignRun) allDrained(now time.Time) bool {
	_, skipQuiet := c.quietUntil(now)
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.drained) >= c.shardsUpTo(c.lastStage(now, skipQuiet))
}

// strike counts a token refusal and tells whether it is one too many.
func (c *campaignRun) strike() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.strikes++
	return c.strikes >= maxStrikes
}

// maxStrikes is how often in a row a campaign waits for the access token to become good again before it is stopped.
const maxStrikes = 5

const codeInvalidOpenID = 40003

// stale tells that what a look read of the campaign may be older than a change that this node has made since.
func (c *campaignRun) stale(look uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writing > 0 || look <= c.wrote
}

// follow takes over what changed in the campaign's document, and tells whether every shard is to be looked at because of it.
func (c *campaignRun) follow(now minapush.Campaign) (changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed = c.state != now.State || now.Hold.Until.Before(c.hold.Until) || now.Stage != c.stage
	c.state, c.hold, c.told = now.State, now.Hold, now.Fleet
	c.enter(now.Stage)
	if !c.led {
		waited := c.waits()
		c.fleet = now.Fleet
		c.opened()
		changed = changed || waited && !c.waits()
	}
	return changed
}

// written ends a change that this node made to the campaign's document. It began when writing was raised, under the same lock under
// which the change was decided: a look that was made before must not undo it.
func (c *campaignRun) written(look uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing--
	c.wrote = look
}

// becameLate tells once that the latest send time has come.
func (c *campaignRun) becameLate(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.late || c.latest.IsZero() || now.Before(c.latest) {
		return false
	}
	c.late = true
	return true
}

// beginFinish lets one worker at a time try to end the campaign.
func (c *campaignRun) beginFinish() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finishAgain = c.finishing
	if c.finishing {
		return false
	}
	c.finishing = true
	return true
}

// endFinish tells whether to try again: somebody else was turned away meanwhile, and nobody may come after.
func (c *campaignRun) endFinish() (again bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finishing = false
	return c.finishAgain
}

// redo asks for another look at every shard before the end.
func (c *campaignRun) redo() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drained = map[uint32]bool{}
}
