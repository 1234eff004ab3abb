package dispatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/minapush/minapush"
)

// health watches the answers of one app for trouble that is not one user's.
type health struct {
	mu          sync.Mutex // guards all below
	busy        [100]bool  // of the last answers
	next, seen  int
	unreachable int // sends in a row that never left
	unheardOf   int // answers in a row that nobody knows
}

const (
	tooUnreachable = 20
	tooUnheardOf   = 20 // wechat.md 1.4.6, last row
	tooBusy        = 20 // of the last hundred; wechat.md 1.4.6, -1
)

// look counts one answer and says what it means for the app: the name of the trouble and how long to wait; 0: until somebody looks.
func (h *health) look(v verdict, err error) (trouble string, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.busy[h.next], h.next, h.seen = v.busy, (h.next+1)%len(h.busy), h.seen+1
	kind := minapush.KindOf(err)
	if err != nil && kind == minapush.Unavailable && !lapsed(err) {
		h.unreachable++
	} else {
		h.unreachable = 0
	}
	if err != nil && kind == minapush.Internal {
		h.unheardOf++
	} else {
		h.unheardOf = 0
	}
	n := 0
	for _, b := range h.busy {
		if b {
			n++
		}
	}
	switch {
	case h.unheardOf > tooUnheardOf:
		h.unheardOf = 0
		return "unknown_answers", 0
	case h.unreachable > tooUnreachable:
		h.unreachable = 0
		return "unreachable", 10 * time.Second
	case h.seen >= len(h.busy) && n > tooBusy:
		h.busy, h.seen = [100]bool{}, 0
		return "busy", time.Minute
	}
	return "", 0
}

// observe draws from one answer what it means for the campaign and the app, and returns the answer's time for the store.
func (r *runner) observe(c *campaignRun, v verdict, err error, shard uint32, now time.Time) time.Time {
	r.d.metrics.answered(v, err)
	r.gate.answered(v.busy, now)
	// What stops or holds goes first: counting the last answer of the first wave lets all others through.
	switch v.act {
	case stopCampaign:
		r.stop(c, v.why)
	case stopApp:
		for _, other := range r.campaigns() {
			r.stop(other, v.why)
		}
	case holdApp:
		r.holdAll(minapush.Hold{Why: v.why, Until: v.until}, now)
	}
	ruling, at := c.answered(v, shard, now)
	r.ruled(c, ruling)
	r.judgeFailures(c)
	if c.opens() {
		r.d.Kick()
	}
	switch trouble, wait := r.health.look(v, err); {
	case trouble != "" && wait == 0:
		r.stop(c, minapush.Reason{Code: trouble, Params: answerOf(err)})
	case trouble != "":
		r.holdAll(minapush.Hold{Why: minapush.Reason{Code: trouble, Params: answerOf(err)}, Until: now.Add(wait)}, now)
	}
	if v.Outcome == minapush.Failed && v.Errcode == codeInvalidOpenID && c.wrongApp() {
		r.stop(c, minapush.Reason{Code: "wrong_app", Params: answerOf(err)})
	}
	return at
}

func answerOf(err error) map[string]string {
	if err == nil {
		return nil
	}
	var e *minapush.Error
	if errors.As(err, &e) {
		return why("", e).Params
	}
	return map[string]string{"answer": err.Error()}
}

// wrongApp tells that more than half of the first hundred openids are called invalid: then they belong to another app.
func (c *campaignRun) wrongApp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.accepted + c.invalid
	return n >= 20 && n <= 100 && c.invalid > n/2
}

// stop ends a campaign's sending until somebody resumes it.
func (r *runner) stop(c *campaignRun, reason minapush.Reason) {
	c.mu.Lock()
	first := !c.stopped && c.ctx.Err() == nil && c.state == minapush.Running
	if first {
		c.stopped = true
		c.writing++
	}
	c.mu.Unlock()
	if !first {
		return
	}
	c.halt()
	r.d.cfg.Logger.Error("campaign stopped", "app", r.id, "campaign", c.id, "why", reason.Code, "params", reason.Params)
	_ = r.write(c, "stop", func(ctx context.Context) error {
		return r.d.retry(ctx, func() error { return r.d.planner.Stop(ctx, r.id, c.id, reason) })
	})
	r.d.Kick()
}

// write makes a change to the campaign's document, for which the caller raised c.writing.
func (r *runner) write(c *campaignRun, what string, change func(context.Context) error) error {
	defer func() { c.written(r.d.looks.Load()) }()
	err := change(r.runCtx())
	if err != nil {
		r.d.cfg.Logger.Error("campaign not changed", "app", r.id, "campaign", c.id, "change", what, "err", err)
	}
	return err
}

// holdAll makes every campaign of the app wait. One that already waits about as long is left alone.
func (r *runner) holdAll(h minapush.Hold, now time.Time) {
	for _, c := range r.campaigns() {
		c.mu.Lock()
		waiting := now.Before(c.hold.Until)
		leave := c.state != minapush.Running || waiting && !h.Until.After(c.hold.Until.Add(time.Second))
		if !leave {
			c.hold = h
			c.writing++
		}
		c.mu.Unlock()
		if leave {
			continue
		}
		r.writeHold(c, h)
		if h.Why.Code == "token" && !waiting && c.strike() {
			r.stop(c, h.Why)
		}
	}
}

func (r *runner) writeHold(c *campaignRun, h minapush.Hold) {
	r.d.cfg.Logger.Warn("campaign waits", "app", r.id, "campaign", c.id, "why", h.Why.Code, "until", h.Until)
	_ = r.write(c, "hold", func(ctx context.Context) error { return r.d.planner.Hold(ctx, r.id, c.id, h) })
}

// ruled carries out what was ruled of suspects.
func (r *runner) ruled(c *campaignRun, what ruling) {
	switch what {
	case believe, disbelieve:
		defer r.share(c)
		if shards, all := c.shardsToRule(); all {
			r.allDue(r.d.cfg.Now())
		} else {
			r.nowDue(shards)
		}
	case wait:
		if c.rollout != nil {
			r.stopStorm(c)
			return
		}
		c.mu.Lock()
		h := c.hold
		c.mu.Unlock()
		r.writeHold(c, h)
		r.allDue(h.Until) // shards with suspects may have nothing else to do
	case askAgain:
		r.allDue(r.d.cfg.Now().Add(time.Second))
	}
}

// storming tells that refusals of the app are not believed at the moment.
func (r *runner) storming() bool {
	for _, c := range r.campaigns() {
		c.mu.Lock()
		storm := c.fleet.Storm || c.storm.phase != calm
		c.mu.Unlock()
		if storm {
			return true
		}
	}
	return false
}
