package dispatch

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/minapush/minapush"
	"github.com/minapush/minapush/delivery"
)

// send marks and sends rows in waves as the gate lets them through. What may not be sent any more goes back.
func (v *visit) send(c *campaignRun, rows []minapush.Delivery) {
	ctx, cancel := context.WithCancel(v.ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	rows = v.word(c, rows)
	for len(rows) > 0 {
		n := c.admit(ctx, len(rows))
		slots := 0
		if n > 0 {
			slots = v.r.gate.take(ctx, n)
		}
		c.readmit(n - slots)
		// The run itself is asked too: ctx hears of its end a moment later.
		now := v.r.d.cfg.Now()
		if slots == 0 || ctx.Err() != nil || c.ctx.Err() != nil || c.order(now).blocks(now) {
			c.readmit(slots)
			v.r.gate.give(slots)
			v.giveBack(c, rows)
			return
		}
		v.wave(c, rows[:slots])
		rows = rows[slots:]
	}
}

// blocks tells that nothing more may be sent now.
func (o order) blocks(now time.Time) bool { return o.skip != "" || now.Before(o.until) }

// wave marks rows as being sent and sends them. From the mark on a crash leaves them unknown, or to be sent again.
func (v *visit) wave(c *campaignRun, rows []minapush.Delivery) {
	refs := make([]delivery.Ref, len(rows))
	for i, row := range rows {
		refs[i] = delivery.RefOf(row)
	}
	marked, err := v.r.d.ledger.Mark(v.ctx, v.lease, refs, v.r.d.cfg.Now())
	if err != nil {
		// It may have taken effect: nothing was sent, so giving the rows back is right either way.
		v.r.d.cfg.Logger.Warn("wave not marked", "app", v.r.id, "campaign", c.id, "err", err)
		c.readmit(len(rows))
		v.r.gate.give(len(rows))
		v.giveBack(c, rows)
		v.lose() // the lease is lost, or the store is out of reach: meanwhile other shards have the turn
		return
	}
	for i, row := range rows {
		if !marked[i] {
			c.readmit(1)
			v.r.gate.give(1)
			v.r.ruled(c, c.untried(1))
			continue
		}
		row.State, row.Tries = minapush.Sending, row.Tries+1
		v.opened(c)
		v.r.senders.send(parcel{v, c, row})
	}
}

// opened counts an answer that is awaited; its owner is drain.
func (v *visit) opened(c *campaignRun) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open[c]++
}

func (v *visit) closed(rs []result) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, r := range rs {
		if v.open[r.c]--; v.open[r.c] == 0 {
			delete(v.open, r.c)
		}
	}
	if len(v.open) == 0 {
		select {
		case v.idle <- struct{}{}:
		default:
		}
	}
}

func (v *visit) sendOne(c *campaignRun, row minapush.Delivery) {
	batch, message := c.id, c.message
	if c.personal { // senders keep what they rendered for a batch, and this is one user's
		filled := *c.message
		filled.Values = row.Values // see word
		batch, message = "", &filled
	}
	// The process may have been stopped since the mark, for longer than the lease: then somebody else has recovered these rows.
	out := outgoing(v.r.id, batch, c.legacy, message, row)
	receipt, err := minapush.Receipt{}, error(minapush.LapsedError())
	if ends := v.ends.Load(); ends != nil {
		out.NotAfter = *ends
		receipt, err = v.r.d.send(v.hard, out)
	}
	v.results <- result{c: c, row: row, receipt: receipt, err: err}
}

// send sends a message unless its time is over.
func (d *Dispatcher) send(ctx context.Context, out minapush.Outgoing) (minapush.Receipt, error) {
	if out.Lapsed(time.Now()) { //arch:allow a duration inside the process
		return minapush.Receipt{}, minapush.LapsedError()
	}
	return d.sender.Send(ctx, out)
}

// lapsed tells that a message was not sent since the right to send it had ended.
func lapsed(err error) bool {
	var e *minapush.Error
	return errors.As(err, &e) && e.Reason == minapush.ReasonLapsed
}

func outgoing(app minapush.AppID, batch string, legacy bool, m *minapush.Message, row minapush.Delivery) minapush.Outgoing {
	return minapush.Outgoing{
		App: app, OpenID: row.OpenID, Batch: batch, ID: cmp.Or(row.Push, row.Batch), Legacy: legacy, Code: row.Permit.Code(), Message: m,
	}
}

// settleLoop settles answers as they come, as many at a time as have come while the last ones were being settled.
func (v *visit) settleLoop() {
	for first := range v.results {
		rs := append(make([]result, 0, 64), first)
		for more := true; more && len(rs) < 256; {
			select {
			case r, ok := <-v.results:
				if more = ok; ok {
					rs = append(rs, r)
				}
			default:
				more = false
			}
		}
		v.settle(rs)
	}
}

// settle judges answers and makes what follows durable. Slots are free only after that: so at most the bound of unanswered
// messages is in doubt after a crash.
func (v *visit) settle(rs []result) {
	now := v.r.d.cfg.Now()
	xs := make([]delivery.Settlement, len(rs))
	for i, r := range rs {
		verdict := judge(r.row, r.err, r.receipt, now, r.c.atLeastOnce, r.c.invalidCommon(), r.c.blame(r.row, r.err))
		verdict.Now = v.r.observe(r.c, verdict, r.err, v.lease.Shard.N, now)
		xs[i] = verdict.Settlement
	}
	v.noteAnswers(rs, xs, v.persist(xs))
	v.r.gate.give(len(rs))
	v.closed(rs)
}

// giveBack releases rows that were not sent; their users are due at once.
func (v *visit) giveBack(c *campaignRun, rows []minapush.Delivery) {
	now := v.r.d.cfg.Now()
	xs := make([]delivery.Settlement, len(rows))
	for i, row := range rows {
		xs[i] = delivery.Settlement{Ref: delivery.RefOf(row), Resend: row.Resend, NotBefore: now, Now: now}
	}
	v.persist(xs)
	v.r.ruled(c, c.untried(len(rows)))
}

// persist settles, again while the store is unavailable. If it gives up, which it tells, recovery finds the rows as they are.
func (v *visit) persist(xs []delivery.Settlement) (settled bool) {
	err := v.r.d.retry(v.hard, func() error { return v.r.d.ledger.Settle(v.hard, v.lease, xs) })
	if err == nil {
		return true
	}
	v.r.d.cfg.Logger.Error("answers not settled; recovery will call them unknown", "app", v.r.id, "count", len(xs), "err", err)
	v.lose()
	return false
}

// retry repeats a step that is safe to repeat while the store is unavailable, for as long as a lease lasts.
func (d *Dispatcher) retry(ctx context.Context, step func() error) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 5*time.Millisecond, time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := step()
		if err != nil && !errors.Is(err, minapush.Unavailable) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithMaxElapsedTime(d.cfg.Lease), backoff.WithBackOff(wait))
	return err
}
