package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/delivery"
)

// Push is one message to one user.
type Push struct {
	OpenID   minapush.OpenID
	Message  minapush.Message
	Template minapush.Template
	// Key is the caller's idempotency key, empty for none, and Fingerprint a hash of the whole request.
	Key         string
	Fingerprint uint64
}

// keepKey is how long an idempotency key is remembered, however long deliveries are.
const keepKey = 30 * 24 * time.Hour

// Pushed is what became of a push.
type Pushed struct {
	Delivery minapush.Delivery
	// Replayed tells that an earlier push with the same key is answered again.
	Replayed bool
	// RetryAt is, of a skipped push, when a permit that is merely too young is ready; else zero.
	RetryAt time.Time
}

// Push sends one message to one user and returns the settled delivery: accepted, refused, failed, skipped or unknown. It waits for
// its turn up to Config.PushWait, also for another delivery of the same user; then it returns Throttled or Unavailable and the
// permit is back. It goes on to its end when ctx is cancelled. Errors: Conflict (a push with the key is in progress), Invalid
// (the key was used for another request; the message has placeholders, or a value that its template does not take), Throttled, Unavailable, BadCredential.
func (d *Dispatcher) Push(ctx context.Context, app minapush.App, p Push) (Pushed, error) {
	if err := p.Message.CheckFilled(); err != nil {
		return Pushed{}, err
	}
	fitted := p.Template.Fit(p.Message)
	if err := fitted.Err(); err != nil {
		return Pushed{}, err
	}
	p.Message = fitted.Message
	if !app.Stopped.IsZero() {
		return Pushed{}, stopped(app)
	}
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return Pushed{}, minapush.Errorf(minapush.Unavailable, "the server is stopping")
	}
	d.pushes.Add(1)
	d.mu.Unlock()
	defer d.pushes.Done()
	// Half a push would leave its permit in hand: once begun it is brought to its end, whatever becomes of the caller.
	hard := context.WithoutCancel(ctx)
	turn, cancel := context.WithTimeout(hard, d.cfg.PushWait)
	defer cancel()
	r := d.await(turn, app.ID)
	if r == nil {
		return Pushed{}, minapush.Errorf(minapush.Unavailable, "sending is not running")
	}
	select {
	case <-r.ready:
	case <-turn.Done():
		return Pushed{}, minapush.Errorf(minapush.Unavailable, "the app is still being recovered")
	}
	pushed, err := r.push(turn, hard, app, p)
	if err == nil {
		d.metrics.pushes.WithLabelValues(pushed.Delivery.Outcome.String()).Inc()
	} else {
		d.metrics.pushes.WithLabelValues(minapush.KindOf(err).String()).Inc()
	}
	return pushed, err
}

// killed looks at the kill switch as it is now: the last look at all apps may be from before the push was asked for.
func (r *runner) killed(ctx context.Context) error {
	app, err := r.d.apps.App(ctx, r.id)
	if err == nil && !app.Stopped.IsZero() {
		err = stopped(app)
	}
	return err
}

// stopped is why nothing is sent for an app.
func stopped(app minapush.App) error {
	return &minapush.Error{Kind: minapush.Unavailable, Op: "push", Reason: "stopped", Err: errors.New("sending is stopped for this app: " + app.Stopped.Code)}
}

// await returns the runner of an app, which may have been made a moment ago; nil if there is none before turn ends.
func (d *Dispatcher) await(turn context.Context, app minapush.AppID) *runner {
	for {
		d.mu.Lock()
		r, closed := d.runners[app], d.closed
		d.mu.Unlock()
		if r != nil || closed {
			return r
		}
		d.Kick()
		if !sleep(turn, 10*time.Millisecond) {
			return nil
		}
	}
}

// push reserves, sends and settles, with another permit where one was dead, until the delivery has its outcome or turn ends.
func (r *runner) push(turn, hard context.Context, app minapush.App, p Push) (Pushed, error) {
	now := r.d.cfg.Now()
	rails, _ := r.railsOf(app, r.rails.Load()) // as the caller knows the app, which may be newer than the last look
	ask := bank.Push{
		Batch: minapush.PushBatch(now), ID: r.d.cfg.NewID(), OpenID: p.OpenID, Need: bank.NeedFor(p.Template.Kind, p.Message),
		Key: p.Key, Fingerprint: p.Fingerprint, KeepKey: keepKey,
	}
	for ask.Attempt = 1; ; ask.Attempt++ {
		ask.Now = r.d.cfg.Now()
		ask.Guard = rails.pushGuard(ask.Now)
		ask.Deadline = ask.Now.Add(r.d.cfg.PushWait + r.d.cfg.SendTimeout)
		got, err := r.reservePush(turn, app, ask)
		if err != nil {
			return Pushed{}, err
		}
		switch got.Status {
		case bank.PushReserved:
		case bank.PushSkipped:
			return Pushed{Delivery: got.Delivery, RetryAt: got.RetryAt}, nil
		case bank.PushReplayed:
			return Pushed{Delivery: got.Delivery, Replayed: true}, nil
		case bank.PushInProgress:
			return Pushed{}, &minapush.Error{Kind: minapush.Conflict, Field: "Idempotency-Key", RetryAfter: time.Second, Err: errors.New("a push with this key is in progress")}
		case bank.PushKeyReused:
			return Pushed{}, minapush.FieldError("Idempotency-Key", "was used for another request")
		default: // busy
			ask.Attempt--
			if !sleep(turn, r.d.jitter(100*time.Millisecond)) {
				return Pushed{}, &minapush.Error{Kind: minapush.Throttled, Op: "push", RetryAfter: time.Second, Err: errors.New("another delivery of this user is under way")}
			}
			continue
		}
		row := got.Delivery
		row.Tries = int(ask.Attempt) - 1
		row, again, err := r.attempt(turn, hard, app, p, row)
		if err != nil || row.State == minapush.Settled {
			return Pushed{Delivery: row}, err
		}
		ask.LastReason, ask.LastErrcode = row.Reason, row.Errcode
		if !sleep(turn, again.at.Sub(r.d.cfg.Now())) {
			return Pushed{}, &minapush.Error{Kind: again.kind, Op: "push", RetryAfter: time.Second, Code: row.Errcode, Reason: row.Reason, Err: errors.New("could not be sent in time, the permit is back")}
		}
	}
}

// again is when a withdrawn push may be tried again, and what to call it if it is not.
type again struct {
	at   time.Time
	kind minapush.Kind
}

// reservePush reserves, again while the store is unavailable: the same attempt gets the same row.
func (r *runner) reservePush(turn context.Context, app minapush.App, ask bank.Push) (got bank.PushAnswer, err error) {
	err = r.d.retry(turn, func() error {
		got, err = r.d.bank.ReservePush(turn, app, ask)
		return err
	})
	return got, err
}

// attempt sends a push that holds a permit. It returns the settled row; or one that was withdrawn, with when to try again; or the
// error of one that was withdrawn and is not to be tried again.
func (r *runner) attempt(turn, hard context.Context, app minapush.App, p Push, row minapush.Delivery) (minapush.Delivery, again, error) {
	shard := app.Shard(p.OpenID)
	for {
		if err := r.gate.takeOne(turn); err != nil {
			return row, again{}, r.withdraw(hard, shard, row, err)
		}
		if err := r.killed(hard); err != nil { // while the push waited
			r.gate.give(1)
			return row, again{}, r.withdraw(hard, shard, row, err)
		}
		asked := time.Now() //arch:allow a duration inside the process
		now := r.d.cfg.Now()
		if err := r.d.ledger.MarkPush(hard, shard, delivery.RefOf(row), now, now.Add(r.d.cfg.SendTimeout)); err != nil {
			r.gate.give(1)
			return row, again{}, r.withdraw(hard, shard, row, err)
		}
		row.Tries++
		out := outgoing(r.id, "", p.Template.Kind == minapush.LegacyTemplate, &p.Message, row)
		out.NotAfter = asked.Add(r.d.cfg.SendTimeout / 2) // long before another node calls it lost
		receipt, err := r.d.send(hard, out)
		r.notePush(p.Message.Template, err)
		v := r.judgePush(row, err, receipt)
		settled, serr := r.settlePush(hard, shard, v.Settlement)
		r.gate.give(1)
		r.gate.answered(v.busy, v.Now)
		switch {
		case serr != nil:
			return row, again{}, serr
		case settled.Reason == minapush.ReasonConfirmed: // WeChat's event was here first: it arrived
			return settled, again{}, nil
		case v.act != goOn:
			e := &minapush.Error{Kind: minapush.KindOf(err), Op: "push", Err: err}
			if !v.until.IsZero() {
				e.RetryAfter = v.until.Sub(v.Now)
			}
			if v.Resend {
				return settled, again{}, r.withdraw(hard, shard, settled, e)
			}
			return settled, again{}, e
		case !v.Resend:
			return settled, again{at: v.NotBefore, kind: retryKind(err)}, nil
		}
		settled.Tries = row.Tries
		row = settled
		if !sleep(turn, v.NotBefore.Sub(v.Now)) {
			return r.giveUp(hard, shard, row, v)
		}
	}
}

// retryKind is what a push is called that was not sent in time: unavailable if WeChat could not be reached, else throttled.
func retryKind(err error) minapush.Kind {
	if errors.Is(err, minapush.Unavailable) {
		return minapush.Unavailable
	}
	return minapush.Throttled
}

// judgePush is judge with what differs for a push: there is no window of answers and no campaign to stop.
func (r *runner) judgePush(row minapush.Delivery, err error, receipt minapush.Receipt) verdict {
	v := judge(row, err, receipt, r.d.cfg.Now(), false, false, everybodys)
	switch {
	case v.Outcome == minapush.Pending && v.Permit == delivery.SuspectUse:
		v.Outcome, v.Permit = minapush.RefusedByUser, delivery.VoidTemplate
		if r.storming() {
			v.Outcome, v.Permit = minapush.Failed, delivery.Release
		}
	case v.act == stopCampaign:
		v.act, v.Outcome, v.Resend = goOn, minapush.Failed, false // this message is what is wrong: that is the outcome
		if row.Resend {
			v.afterResend()
		}
	case v.Outcome == minapush.Failed && v.Permit == delivery.VoidUser:
		v.Permit = delivery.Release // one answer is not enough to call an openid no good
	}
	return v
}

// giveUp ends a push whose code may have arrived and that could not be sent again in time.
func (r *runner) giveUp(hard context.Context, shard minapush.Shard, row minapush.Delivery, v verdict) (minapush.Delivery, again, error) {
	x := delivery.Settlement{Ref: delivery.RefOf(row), Outcome: minapush.Unknown, Permit: delivery.Spend, Reason: v.Reason, Errcode: v.Errcode, Now: r.d.cfg.Now()}
	settled, err := r.settlePush(hard, shard, x)
	return settled, again{}, err
}

// withdraw undoes a push that was not sent and returns cause.
func (r *runner) withdraw(hard context.Context, shard minapush.Shard, row minapush.Delivery, cause error) error {
	if row.Resend {
		_, _, err := r.giveUp(hard, shard, row, verdict{})
		return errors.Join(cause, err)
	}
	_, err := r.settlePush(hard, shard, delivery.Settlement{Ref: delivery.RefOf(row), Now: r.d.cfg.Now()})
	if err != nil {
		r.d.cfg.Logger.Warn("push not withdrawn; recovery gives its permit back", "app", r.id, "openid", row.OpenID, "err", err)
	}
	return cause
}

// settlePush settles, again while the store is unavailable. A repeated step whose first reply was lost finds its attempt gone: then the
// row, or that there is none any more, tells how it went.
func (r *runner) settlePush(hard context.Context, shard minapush.Shard, x delivery.Settlement) (d minapush.Delivery, err error) {
	defer func() {
		if err == nil {
			r.notePushEnded(d)
		}
	}()
	tries := 0
	err = r.d.retry(hard, func() error {
		tries++
		d, err = r.d.ledger.SettlePush(hard, shard, x)
		return err
	})
	if tries == 1 || !errors.Is(err, minapush.NotFound) {
		return d, err
	}
	err = r.d.retry(hard, func() error {
		d, err = r.d.ledger.Delivery(hard, shard, x.Batch, x.OpenID, x.Push)
		return err
	})
	if errors.Is(err, minapush.NotFound) && x.Outcome == minapush.Pending {
		return minapush.Delivery{Batch: x.Batch, OpenID: x.OpenID, Push: x.Push, State: minapush.Waiting, Reason: x.Reason, Errcode: x.Errcode}, nil
	}
	return d, err
}
