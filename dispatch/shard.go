package dispatch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/delivery"
)

// visit is one stay in a shard under one lease. It does what every campaign has to do there, and leaves when nothing is due.
type visit struct {
	r     *runner
	lease delivery.Lease
	// ctx ends with the soft stop, or when the lease is lost: then nothing more is reserved or marked. hard bounds the steps that
	// settle what is already in hand.
	ctx, hard context.Context // a visit is one call
	lose      context.CancelFunc
	results   chan result
	ends      atomic.Pointer[time.Time] // until when the lease is surely ours, by the clock of this process; nil: it is lost

	mu   sync.Mutex // guards open
	open map[*campaignRun]int
	idle chan struct{} // gets a value when open has become empty
}

// result is one answer on its way to be settled.
type result struct {
	c       *campaignRun
	row     minapush.Delivery
	receipt minapush.Receipt
	err     error
}

// visit works on a shard and returns when to come back; zero: when something changes.
func (r *runner) visit(ctx, hard context.Context, shard uint32) time.Time {
	d := r.d
	asked := time.Now() //arch:allow a duration inside the process
	lease, err := d.ledger.Acquire(ctx, minapush.Shard{App: r.number, N: shard}, d.cfg.Owner, d.cfg.Lease)
	if err != nil {
		return r.later(err, "shard not leased", shard)
	}
	v := &visit{r: r, lease: lease, hard: hard, results: make(chan result, 256), open: map[*campaignRun]int{}, idle: make(chan struct{}, 1)}
	v.ctx, v.lose = context.WithCancel(ctx)
	v.keep(asked)
	defer v.lose()
	over := make(chan struct{})
	var helpers sync.WaitGroup
	helpers.Go(func() { v.renew(over) })
	helpers.Go(v.settleLoop)
	due := v.work()
	if v.ctx.Err() != nil && ctx.Err() == nil {
		due = earliest(due, d.cfg.Now().Add(time.Second)) // the lease or the store was lost: nobody else may have the shard in mind
	}
	v.drain()
	close(v.results)
	close(over)
	helpers.Wait()
	if err := d.ledger.Release(hard, lease); err != nil {
		d.cfg.Logger.Debug("lease not released, it will lapse", "app", r.id, "shard", shard, "err", err)
	}
	return due
}

// later logs an error that a later try may mend and says when that is.
func (r *runner) later(err error, msg string, shard uint32) time.Time {
	wait := time.Second
	var e *minapush.Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		wait = min(e.RetryAfter, wait) // a lease is mostly given back long before it would lapse
	}
	if !errors.Is(err, minapush.Conflict) && !errors.Is(err, context.Canceled) {
		r.d.cfg.Logger.Warn(msg, "app", r.id, "shard", shard, "err", err)
	}
	return r.d.cfg.Now().Add(wait)
}

// keep notes that the lease was given or renewed after asked. A tenth of it is left for clocks that do not run alike.
func (v *visit) keep(asked time.Time) {
	ends := asked.Add(v.r.d.cfg.Lease * 9 / 10)
	v.ends.Store(&ends)
}

// renew keeps the lease until the visit is over, and ends the visit when the lease cannot be kept.
func (v *visit) renew(over <-chan struct{}) {
	ttl := v.r.d.cfg.Lease
	tick := time.NewTicker(ttl / 3)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
		}
		asked := time.Now() //arch:allow a duration inside the process
		err := v.r.d.ledger.Renew(v.hard, v.lease, ttl)
		switch {
		case err == nil:
			v.keep(asked)
		case errors.Is(err, minapush.Conflict):
			v.ends.Store(nil)
			v.lose()
			return
		case time.Now().After(*v.ends.Load()): //arch:allow as above
			v.lose()
			return
		}
	}
}

// draining tells that answers are still awaited.
func (v *visit) draining() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.open) > 0
}

// work does what the campaigns have to do here, until none has anything to do now and every answer is settled.
func (v *visit) work() time.Time {
	shard := v.lease.Shard.N
	if _, err := v.r.d.ledger.Recover(v.ctx, v.lease, v.r.d.cfg.Now()); err != nil {
		return v.r.later(err, "shard not recovered", shard)
	}
	for {
		due, over := v.turn()
		if over {
			return due
		}
		v.drain()
	}
}

// turn goes round the campaigns until there is nothing to do but to wait for answers; over tells that none was awaited. Few visits
// have their turn at a time: a few large waves share the syncs of the store better than many small ones, and those that wait for slow
// answers keep nobody from sending.
func (v *visit) turn() (due time.Time, over bool) {
	if !v.await() {
		return v.r.d.cfg.Now().Add(v.r.d.jitter(time.Second)), true
	}
	defer func() { <-v.r.turns }()
	for {
		due = time.Time{}
		again := false
		quiet := !v.draining() // no answer was awaited when this round began
		for _, c := range v.r.campaigns() {
			p, err := v.batch(c)
			if err != nil {
				return v.r.later(err, "batch not reserved", v.lease.Shard.N), true
			}
			c.setDrained(v.lease.Shard.N, p.done && quiet, p.skipped)
			again = again || p.again
			due = earliest(due, p.due)
		}
		if v.ctx.Err() != nil {
			return due, true
		}
		if !again {
			return due, quiet
		}
		if v.r.yield(v.lease.Shard.N) {
			return v.r.d.cfg.Now().Add(v.r.d.jitter(time.Second)), true
		}
	}
}

// await waits for a turn. It returns false when the visit is to end: its time is over, or another node is to have the shard.
func (v *visit) await() bool {
	look := time.NewTicker(v.r.d.cfg.Poll)
	defer look.Stop()
	for {
		select {
		case v.r.turns <- struct{}{}:
			return true
		case <-v.ctx.Done():
			return false
		case <-look.C:
			if v.r.yield(v.lease.Shard.N) {
				return false
			}
		}
	}
}

// drain waits until every answer is settled.
func (v *visit) drain() {
	for v.draining() {
		<-v.idle
	}
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// pass is what became of one batch.
type pass struct {
	// again tells that there is more to do at once; done that there is nothing left, if no answer was awaited; skipped that everybody left
	// was skipped; due when to come back.
	again, done, skipped bool
	due                  time.Time
}

// batch does one batch of one campaign.
func (v *visit) batch(c *campaignRun) (pass, error) {
	d := v.r.d
	if c.ctx.Err() != nil {
		return pass{}, nil
	}
	now := d.cfg.Now()
	o := c.order(now)
	if now.Before(o.until) {
		return pass{due: o.until}, nil
	}
	if err := v.resolve(c, o.skip, now); err != nil {
		return pass{}, err
	}
	limit := v.r.gate.batchLimit(d.cfg.Turns, d.cfg.BatchLimit)
	if o.skip != "" {
		limit = 1000
	}
	if o.recheck {
		return v.recheck(c, now)
	}
	if o.skip == "" && !c.reaches(v.lease.Shard.N) {
		return pass{}, nil // another stage
	}
	got, err := d.bank.ReserveBatch(v.ctx, v.lease, c.batch(now, limit, o.skip))
	if err != nil {
		return pass{}, err
	}
	v.send(c, got.Rows)
	return pass{
		again: len(got.Rows) > 0 || !got.Done || o.skip != "" && got.Waiting > 0,
		done:  got.Done && got.Waiting == 0 && len(got.Rows) == 0,
		due:   got.NextDue, skipped: o.skip != "",
	}, nil
}

// resolve carries out what was ruled of suspects.
func (v *visit) resolve(c *campaignRun, skip string, now time.Time) error {
	const limit = 500
	shard := v.lease.Shard.N
	for {
		r := c.unresolved(shard, skip, now)
		if r.ruling == noRuling {
			return nil
		}
		n, err := v.r.d.ledger.ResolveSuspects(v.ctx, v.lease, c.id, r.until, r.ruling == believe, limit, now)
		if err != nil {
			return err
		}
		if n < limit {
			c.resolvedIn(shard, r)
			skip = ""
		}
	}
}

// recheck tries some suspects of the shard again.
func (v *visit) recheck(c *campaignRun, now time.Time) (pass, error) {
	want := c.handOut(v.lease.Shard.N)
	if want == 0 {
		return pass{}, nil
	}
	var rows []minapush.Delivery
	n, err := v.r.d.ledger.ResolveSuspects(v.ctx, v.lease, c.id, c.judgedUntil(now), false, want, now)
	if err == nil && n > 0 {
		got, e := v.r.d.bank.ReserveBatch(v.ctx, v.lease, c.batch(now, n, ""))
		rows, err = got.Rows, e
	}
	r, again := c.takeBack(v.lease.Shard.N, want-len(rows), err != nil, now)
	v.r.ruled(c, r)
	v.r.nowDue(again)
	v.send(c, rows)
	return pass{}, err
}
