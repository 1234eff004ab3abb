// Package dispatch sends: it leases shards, reserves batches, marks waves, sends them, and settles every answer. Pushes to one
// user go through the same gate and the same verdicts.
//
//	lease -> reserve a batch -> mark a wave -> send it -> settle the answers
//
// After each durable step a crash leaves a known state. Leased: nothing happened. Reserved: rows are held, and recovery gives
// their permits back. Marked: rows are being sent, and recovery sends form IDs again with the same code and calls the rest
// unknown. Settled: the outcome stands.
//
// This package may change at any release.
package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/delivery"
)

// Sender sends one message to one user; it may be called by many goroutines. Its errors are *minapush.Error: Unavailable if
// nothing was sent, Uncertain if the message may have arrived, else the platform's answer. It must not begin when m has Lapsed.
type Sender interface {
	Send(ctx context.Context, m minapush.Outgoing) (minapush.Receipt, error)
}

// Planner says which campaigns have work and is told what became of them.
type Planner interface {
	// Work lists campaigns that are running or being cancelled.
	Work(ctx context.Context, app minapush.AppID) ([]minapush.Campaign, error)
	// Filter returns what a campaign's audience expression says of a user, and what it asks to be told of it; nil: everybody is part of the
	// audience.
	Filter(m minapush.Campaign) (holds func(*bank.User) bool, asks bank.Asks, err error)
	// Stop pauses a campaign until somebody resumes it.
	Stop(ctx context.Context, app minapush.AppID, id string, why minapush.Reason) error
	// Hold says that a campaign waits; a zero Hold that it goes on.
	Hold(ctx context.Context, app minapush.AppID, id string, h minapush.Hold) error
	// Share changes what the nodes tell each other of a running campaign, in one atomic step.
	Share(ctx context.Context, app minapush.AppID, id string, change func(*minapush.Fleet)) error
	// Advance says that a running campaign goes on with the next stage of its roll-out when a hold is over; twice is once.
	Advance(ctx context.Context, app minapush.AppID, id string, stage int, h minapush.Hold) error
	// Finish ends a campaign whose every user has an outcome, with these sums.
	Finish(ctx context.Context, app minapush.AppID, id string, sums minapush.Tally) error
}

// Apps knows the apps to serve.
type Apps interface {
	Apps(ctx context.Context) ([]minapush.App, error)
	// App is one of them: as it is now if it was changed in this process, else at most half a second old.
	App(ctx context.Context, id minapush.AppID) (minapush.App, error)
}

// Config changes how sending goes. The zero value of each field means its default.
type Config struct {
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// NewID makes push ids: ULIDs. It must be set.
	NewID func() string
	// Owner makes this process' leases its own: a random name. It must be set.
	Owner string
	// Rand is used for jitter and the order of shards. Defaults to a generator with a random seed.
	Rand *rand.Rand
	// Poll is how often campaigns are looked at, so how long a pause takes at most on another node. Defaults to 500 ms.
	Poll time.Duration
	// Lease is how long a lease lasts without renewal, which happens three times in it. Defaults to 10 s.
	Lease time.Duration
	// Workers is how many shards of an app are worked on at a time. Defaults to a quarter of the messages that may be unanswered when
	// the app is first seen, at least 16: so that slow answers at the end of some shards leave others to send.
	Workers int
	// Turns is how many of them reserve and send at a time; the others wait for answers. Defaults to 4.
	Turns int
	// BatchLimit bounds the rows of one reservation. Defaults to 256.
	BatchLimit int
	// PushWait is how long a push may wait for its turn. Defaults to 10 s.
	PushWait time.Duration
	// SendTimeout is after which a row that is being sent is believed lost; longer than any send takes. Defaults to 30 s.
	SendTimeout time.Duration
	// RecoverEvery is how often pushes past their deadline and shards of dead nodes are looked for. Defaults to 10 s.
	RecoverEvery time.Duration
	// FirstWave is how many messages of a campaign are sent before the rest waits for their answers. Defaults to 5.
	FirstWave int
	// Storm says when refusals (43101) are believed.
	Storm StormConfig
	// Logger defaults to one that says nothing.
	Logger *slog.Logger
}

func (c *Config) defaults() error {
	if c.NewID == nil || c.Owner == "" {
		return minapush.FieldError("NewID, Owner", "must be set")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) //arch:allow the documented default
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	setDefault(&c.Poll, 500*time.Millisecond)
	setDefault(&c.Lease, 10*time.Second)
	setDefault(&c.Turns, 4)
	setDefault(&c.BatchLimit, 256)
	setDefault(&c.PushWait, 10*time.Second)
	setDefault(&c.SendTimeout, 30*time.Second)
	setDefault(&c.RecoverEvery, 10*time.Second)
	setDefault(&c.FirstWave, 5)
	return c.Storm.defaults()
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Dispatcher sends for all apps of a process.
type Dispatcher struct {
	bank    *bank.Bank
	ledger  *delivery.Ledger
	planner Planner
	apps    Apps
	sender  Sender
	cfg     Config
	metrics *metrics
	kick    chan struct{}
	looks   atomic.Uint64 // numbers the looks at campaigns
	nodes   atomic.Int32  // how many processes were last seen to work from the store, this one included; 0: it was not counted yet
	working atomic.Bool   // the last look found campaigns to work on
	begun   chan struct{} // gets a value when work begins

	randMu sync.Mutex // guards cfg.Rand

	mu      sync.Mutex // guards runners and closed
	runners map[minapush.AppID]*runner
	closed  bool
	pushes  sync.WaitGroup
}

// New makes a dispatcher; Run starts it.
func New(b *bank.Bank, l *delivery.Ledger, p Planner, a Apps, s Sender, cfg Config) (*Dispatcher, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	return &Dispatcher{
		bank: b, ledger: l, planner: p, apps: a, sender: s, cfg: cfg, metrics: newMetrics(),
		kick: make(chan struct{}, 1), begun: make(chan struct{}, 1), runners: map[minapush.AppID]*runner{},
	}, nil
}

// Kick makes the dispatcher look at its campaigns at once: call it after a change.
func (d *Dispatcher) Kick() {
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// Run serves until ctx ends. That is the soft stop: no new batch is taken, what is held goes back, and Run returns when every
// message in flight is settled. Cancelling hard as well gives up on those: recovery deals with them at the next start.
func (d *Dispatcher) Run(ctx, hard context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { d.beat(ctx) })
	poll := time.NewTicker(d.cfg.Poll)
	defer poll.Stop()
	for {
		if err := d.look(ctx, hard, &running); err != nil && ctx.Err() == nil {
			d.cfg.Logger.Warn("campaigns not looked at", "err", err)
		}
		select {
		case <-ctx.Done():
			d.mu.Lock()
			d.closed = true
			d.mu.Unlock()
			d.pushes.Wait()
			return nil
		case <-poll.C:
		case <-d.kick:
		}
	}
}

// look brings every app's runner up to date, and starts those of new apps.
func (d *Dispatcher) look(ctx, hard context.Context, running *sync.WaitGroup) error {
	apps, err := d.apps.Apps(ctx)
	if err != nil {
		return err
	}
	var errs []error
	found := 0
	for _, app := range apps {
		r, fresh := d.runner(app)
		if fresh {
			running.Go(func() { r.run(ctx, hard) })
		}
		look := d.looks.Add(1)
		work, err := d.planner.Work(ctx, app.ID)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		r.update(app, d.jobs(ctx, app, work), look)
		found += len(work)
	}
	d.works(found > 0)
	return errors.Join(errs...)
}

// job is a campaign that has work, and what its audience expression says of a user; nil: everybody is part of the audience.
type job struct {
	minapush.Campaign
	audience func(*bank.User) bool
	asks     bank.Asks
}

// jobs reads the audiences of campaigns. One whose audience cannot be read is stopped rather than sent to everybody; when it is being
// cancelled nobody is sent anything, and all who are left are counted.
func (d *Dispatcher) jobs(ctx context.Context, app minapush.App, work []minapush.Campaign) []job {
	list := make([]job, 0, len(work))
	for _, c := range work {
		holds, asks, err := d.planner.Filter(c)
		if err == nil || c.State == minapush.Cancelling {
			list = append(list, job{c, holds, asks})
			continue
		}
		d.cfg.Logger.Error("campaign stopped", "app", app.ID, "campaign", c.ID, "err", err)
		why := minapush.Reason{Code: "bad_audience", Params: map[string]string{"error": err.Error()}}
		if err := d.planner.Stop(ctx, app.ID, c.ID, why); err != nil {
			d.cfg.Logger.Error("campaign not changed", "app", app.ID, "campaign", c.ID, "change", "stop", "err", err)
		}
	}
	return list
}

// runner finds the runner of an app, making it if need be; fresh tells that it was made.
func (d *Dispatcher) runner(app minapush.App) (r *runner, fresh bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.runners[app.ID]
	if !ok {
		r = newRunner(d, app)
		d.runners[app.ID] = r
	}
	return r, !ok
}

// jitter returns a random part of d, at least half of it.
func (d *Dispatcher) jitter(t time.Duration) time.Duration {
	d.randMu.Lock()
	defer d.randMu.Unlock()
	return t/2 + time.Duration(d.cfg.Rand.Int64N(int64(t/2)+1))
}

// sleep waits, or returns false when ctx ends first.
func sleep(ctx context.Context, t time.Duration) bool {
	if t <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
