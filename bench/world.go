package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/sandbox"
	"github.com/minapush/minapush/store"
)

// running is a whole system at work with one app.
type running struct {
	sys *System
	app minapush.App
	end func() error
}

// start assembles a system on the embedded store, runs it and adds an app to it.
func (b *bench) start(ctx context.Context, dir string, app minapush.App, wrap func(store.Store) store.Store) (*running, error) {
	return b.startAt(ctx, dir, "", app, wrap)
}

// startAt is start on the store of a URL. The app has no guard rails: every broadcast goes to everybody, at any time of the day.
func (b *bench) startAt(ctx context.Context, dir, url string, app minapush.App, wrap func(store.Store) store.Store) (*running, error) {
	w, err := resume(ctx, b.program, dir, url, wrap)
	if err != nil {
		return nil, err
	}
	app.Guards = minapush.Guards{}
	if w.app, err = w.sys.Accounts.CreateApp(ctx, app, secret); err != nil {
		return nil, errors.Join(err, w.stop())
	}
	return w, nil
}

// resume assembles a system on what a directory holds, or the store of a URL, and runs it.
func resume(ctx context.Context, p Program, dir, url string, wrap func(store.Store) store.Store) (*running, error) {
	if wrap == nil {
		wrap = func(st store.Store) store.Store { return st }
	}
	sys, err := p.Assemble(dir, url, wrap)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- sys.Run(ctx, context.WithoutCancel(ctx)) }()
	return &running{sys: sys, end: func() error {
		cancel()
		return <-ended
	}}, nil
}

// stop waits until what is in flight is settled, and closes the store.
func (w *running) stop() error { return errors.Join(w.end(), w.sys.Store.Close()) }

// platform is the simulator on a socket, with one app of which every user has given so many permits.
type platform struct {
	url     string
	stop    func()
	openids []string
}

func (b *bench) simulate(users, permits int, latency time.Duration) (*platform, error) {
	cfg := sandbox.Config{Record: sandbox.RecordCounts, SendPerDay: -1}
	if latency > 0 {
		cfg.Latency = sandbox.Latency{Median: latency, P99: latency + 1}
	}
	sb, err := sandbox.New(cfg)
	if err != nil {
		return nil, err
	}
	if _, err := sb.AddApp(sandbox.App{AppID: appID, Secret: secret}); err != nil {
		return nil, err
	}
	if _, err := sb.AddTemplate(appID, sandbox.Template{ID: template, Type: sandbox.OneTime, Keys: []string{"thing1"}}); err != nil {
		return nil, err
	}
	openids, err := sb.AddUsers(appID, users)
	if err != nil {
		return nil, err
	}
	if err := sb.SubscribeAll(appID, template, permits); err != nil {
		return nil, err
	}
	url, stop, err := b.program.Listen(sb)
	return &platform{url: url, stop: stop, openids: openids}, err
}

// message is what everybody gets.
func message() minapush.Message {
	return minapush.Message{Template: template, Page: "pages/bench", Values: map[string]string{"thing1": "签到提醒"}}
}

// subscribe deposits as many permits for each user as the simulator believes they gave.
func (w *running) subscribe(ctx context.Context, openids []string, permits int) error {
	return each(ctx, len(openids), loaders, func(ctx context.Context, _ *rand.Rand, i int) error {
		now := time.Now()
		ps := make([]minapush.Permit, permits)
		for k := range ps {
			ps[k] = minapush.Permit{Kind: minapush.Subscription, Template: template, Identity: strconv.Itoa(k), Uses: 1, TakenAt: now}
		}
		_, err := w.sys.Bank.Deposit(ctx, w.app, minapush.OpenID(openids[i]), ps)
		return err
	})
}

// broadcast sends to everybody and returns how long that took, from the call that starts it to its end. Every user must have got one.
func (w *running) broadcast(ctx context.Context, users int) (time.Duration, error) {
	m, _, err := w.sys.Campaigns.Create(ctx, w.app, campaign.Draft{
		Message: message(), Template: minapush.Template{ID: template, Kind: minapush.OneTimeTemplate},
	})
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if _, err = w.sys.Campaigns.Start(ctx, w.app, m.ID); err != nil {
		return 0, err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for m.State != minapush.Finished {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-tick.C:
		}
		if m, err = w.sys.Campaigns.Get(ctx, w.app.ID, m.ID); err != nil {
			return 0, err
		}
		if m.State == minapush.Paused || m.State.Ended() && m.State != minapush.Finished {
			return 0, fmt.Errorf("the broadcast is %s: %+v", m.State, m.Why)
		}
	}
	took := time.Since(began)
	p, err := w.sys.Ledger.Sum(ctx, w.app, m.ID)
	if err != nil {
		return 0, err
	}
	if n := p.Tally.Count(minapush.Accepted); n != int64(users) || !p.Tally.Closes() {
		return 0, fmt.Errorf("%d of %d were accepted: %+v", n, users, p.Tally)
	}
	return took, nil
}

// bare sends to everybody from so many goroutines with the same client, keeps no books, and returns how long that took.
func (w *running) bare(ctx context.Context, openids []string, inFlight int) (time.Duration, error) {
	m := message()
	began := time.Now()
	err := each(ctx, len(openids), inFlight, func(ctx context.Context, _ *rand.Rand, i int) error {
		_, err := w.sys.WeChat.Send(ctx, minapush.Outgoing{App: appID, OpenID: minapush.OpenID(openids[i]), Batch: "bare", Message: &m})
		return err
	})
	return time.Since(began), err
}
