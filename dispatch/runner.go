package dispatch

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minapush/minapush"
)

// runner works for one app: it knows its campaigns and when each shard is due, and keeps the gate.
type runner struct {
	d       *Dispatcher
	id      minapush.AppID
	number  uint32
	shards  int
	workers int
	gate    *gate
	senders *senders
	turns   chan struct{} // of the visits that reserve and mark
	health  health
	lead    lead
	drought drought
	rails   atomic.Pointer[rails] // never nil
	// ready is closed when every shard was recovered once: before that no push is sent.
	ready chan struct{}

	mu      sync.Mutex // guards all below
	app     minapush.App
	runs    map[string]*campaignRun
	order   []*campaignRun
	due     []time.Time // of each shard; zero: not before something changes
	active  []occupation
	visits  int           // how many are visited
	changed chan struct{} // closed and replaced when due changes
	// what the runs of campaigns derive from, set once by run
	ctx context.Context
}

func newRunner(d *Dispatcher, app minapush.App) *runner {
	workers := d.cfg.Workers
	if workers == 0 {
		workers = max(16, app.InFlight/4)
	}
	r := &runner{
		d: d, id: app.ID, number: app.Number, shards: app.Shards, app: app, workers: workers,
		senders: newSenders(), turns: make(chan struct{}, d.cfg.Turns), ready: make(chan struct{}),
		runs: map[string]*campaignRun{}, due: make([]time.Time, app.Shards), active: make([]occupation, app.Shards),
		changed: make(chan struct{}),
	}
	r.followRails(app)
	r.gate = newGate(app, r.watched(tokensOf(d.ledger, app.Number)))
	return r
}

// run recovers every shard, then works on shards as they become due until ctx ends.
func (r *runner) run(ctx, hard context.Context) {
	r.mu.Lock()
	r.ctx = ctx
	r.mu.Unlock()
	var leading sync.WaitGroup
	defer leading.Wait()
	again := r.tryLead(ctx)
	leading.Go(func() { r.keepLead(ctx, again) })
	if !r.recoverAll(ctx) {
		return
	}
	close(r.ready)
	r.d.Kick()
	defer r.senders.stop()
	var workers sync.WaitGroup
	defer workers.Wait() // every visit drains before it ends
	for range r.workers {
		workers.Go(func() { r.worker(ctx, hard) })
	}
	workers.Go(func() { r.janitor(ctx) })
}

// worker visits the shard that is due first, again and again.
func (r *runner) worker(ctx, hard context.Context) {
	for ctx.Err() == nil {
		shard, wait, changed := r.pick()
		if shard < 0 {
			waitFor(ctx, changed, wait)
			continue
		}
		due := r.visit(ctx, hard, uint32(shard))
		r.left(shard, due)
		r.finishDrained(ctx)
	}
}

// pick chooses the shard that is due first and that nobody works on; -1 with how long to wait if none is due.
func (r *runner) pick() (shard int, wait time.Duration, changed <-chan struct{}) {
	now := r.d.cfg.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.visits >= r.fair() {
		return -1, time.Second, r.changed
	}
	best := -1
	for i, due := range r.due {
		if !due.IsZero() && r.active[i] == free && (best < 0 || due.Before(r.due[best])) {
			best = i
		}
	}
	switch {
	case best < 0:
		return -1, time.Second, r.changed
	case r.due[best].After(now):
		return -1, min(r.due[best].Sub(now), time.Second), r.changed
	}
	r.active[best], r.due[best] = visited, time.Time{}
	r.visits++
	return best, 0, nil
}

// left notes when a shard that was worked on is due again. It may have become due meanwhile.
func (r *runner) left(shard int, due time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.active[shard] == visited {
		r.visits--
	}
	r.active[shard] = free
	r.due[shard] = earliest(r.due[shard], due)
	r.rouse()
}

func (r *runner) rouse() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// allDue sends the workers to every shard at a time.
func (r *runner) allDue(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.due {
		r.due[i] = earliest(r.due[i], at)
	}
	r.rouse()
}

// nowDue sends the workers to some shards.
func (r *runner) nowDue(shards []uint32) {
	if len(shards) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.d.cfg.Now()
	for _, n := range shards {
		r.due[n] = earliest(r.due[n], now)
	}
	r.rouse()
}

// campaigns lists what there is to work on.
func (r *runner) campaigns() []*campaignRun {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.order
}

// update follows the app's settings and its campaigns, as a look of that number found them.
func (r *runner) update(app minapush.App, work []job, look uint64) {
	r.gate.configure(app)
	r.follow(app, work)
	if !app.Stopped.IsZero() {
		work = nil // the kill switch
	}
	moved := r.followRails(app)
	changed, started := r.align(app, work, look)
	if !started {
		return
	}
	changed = changed || moved
	now := r.d.cfg.Now()
	for _, c := range r.campaigns() {
		changed = r.confer(c, now) || changed
		r.ruled(c, c.closeWindow(now, nil))
		changed = c.becameLate(now) || changed
		r.tellQuiet(c, now)
	}
	if changed {
		r.allDue(now)
	}
}

// align makes the runs be those of the campaigns that have work. It tells whether every shard is to be looked at, and whether the
// runner has started at all.
func (r *runner) align(app minapush.App, work []job, look uint64) (changed, started bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.app = app
	if r.ctx == nil {
		return false, false
	}
	before := r.runs
	r.runs, r.order = map[string]*campaignRun{}, nil
	for _, c := range work {
		run, ok := before[c.ID]
		switch {
		case ok && run.stale(look):
		case ok && run.ctx.Err() == nil:
			changed = run.follow(c.Campaign) || changed
		default: // new, or resumed after a stop
			run = newCampaignRun(r.ctx, c, app, r.d.cfg)
			run.leads, run.rails = r.leads, r.rails.Load
			changed = true
		}
		delete(before, c.ID)
		r.runs[c.ID], r.order = run, append(r.order, run)
	}
	for _, run := range before {
		run.halt()
	}
	return changed, true
}

// settings is the app as the last look found it.
func (r *runner) settings() minapush.App {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.app
}

// finishDrained ends the campaigns that have nothing left in any shard.
func (r *runner) finishDrained(ctx context.Context) {
	for _, c := range r.campaigns() {
		for again := true; again && c.ctx.Err() == nil && c.allDrained(r.d.cfg.Now()) && c.beginFinish(); again = c.endFinish() {
			r.finish(ctx, c)
		}
	}
}

// finish ends a campaign, or a stage of it, if the sums say so: every cursor at its end, no row in hand, queues empty. Suspects come last.
func (r *runner) finish(ctx context.Context, c *campaignRun) {
	now := r.d.cfg.Now()
	app := r.settings()
	p, err := r.d.ledger.Sum(ctx, app, c.id)
	if err != nil {
		r.allDue(r.later(err, "campaign not summed", 0))
		return
	}
	stage, last, shards, skips := c.where(now)
	if p.Tally.Suspected > 0 && !skips { // of those who are skipped each visit makes an end
		if again := c.lastCall(now, r.d.alone()); !again.IsZero() {
			c.redo()
			r.allDue(again)
			return
		}
		r.ruled(c, c.closeWindow(now, &p.Tally))
		return
	}
	if p.ShardsDone < shards || p.Tally.Count(minapush.Pending) > 0 {
		c.redo() // another node has rows in hand: look again when the shards are next visited
		r.allDue(now.Add(time.Second))
		return
	}
	if !last {
		r.endStage(c, stage, now)
		return
	}
	if err := r.d.planner.Finish(ctx, r.id, c.id, p.Tally); err != nil {
		r.allDue(r.later(err, "campaign not finished", 0))
		return
	}
	r.d.bank.NoteEnd(app, c.id, p.Tally)
	c.halt()
	r.d.cfg.Logger.Info("campaign ended", "app", r.id, "campaign", c.id, "examined", p.Tally.Examined,
		"accepted", p.Tally.Count(minapush.Accepted), "refused", p.Tally.Count(minapush.RefusedByUser),
		"failed", p.Tally.Count(minapush.Failed), "skipped", p.Tally.Count(minapush.Skipped), "unknown", p.Tally.Count(minapush.Unknown))
}
