package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/sandbox"
	"golang.org/x/sync/errgroup"
)

// BenchmarkBroadcast compares a whole broadcast (claim, mark, send, settle, each synced) with a bare loop of the same WeChat client at
// the same concurrency against the same simulator: read the ratio of their msgs/s, not the numbers.
func BenchmarkBroadcast(b *testing.B) {
	for _, c := range []struct {
		latency  time.Duration
		inFlight int
	}{{0, 128}, {50 * time.Millisecond, 512}} {
		for _, way := range []string{"bare", "whole"} {
			b.Run(fmt.Sprintf("answers after %v, %d in flight, %s", c.latency, c.inFlight, way), func(b *testing.B) {
				w := newBenchWorld(b, c.latency, c.inFlight)
				b.ResetTimer()
				if way == "bare" {
					w.bare(b, c.inFlight)
				} else {
					w.whole(b)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
			})
		}
	}
}

type benchWorld struct {
	sys     *system
	app     minapush.App
	openids []string
	message minapush.Message
}

func newBenchWorld(b *testing.B, latency time.Duration, inFlight int) *benchWorld {
	b.Helper()
	answers := sandbox.Latency{}
	if latency > 0 {
		answers = sandbox.Latency{Median: latency, P99: latency + 1}
	}
	sb, err := sandbox.New(sandbox.Config{Record: sandbox.RecordCounts, Latency: answers})
	must(b, err)
	_, err = sb.AddApp(sandbox.App{AppID: testApp, Secret: testSecret})
	must(b, err)
	_, err = sb.AddTemplate(testApp, sandbox.Template{ID: oneTimeT, Type: sandbox.OneTime, Keys: []string{"thing1"}})
	must(b, err)
	l, err := listen("127.0.0.1:0", sb, discard())
	must(b, err)
	go func() { _ = l.serve() }()
	b.Cleanup(func() { l.shut(0) })
	w := &benchWorld{message: minapush.Message{Template: oneTimeT, Page: "pages/bench", Values: map[string]string{"thing1": "签到提醒"}}}
	w.sys, err = assemble(settings{store: "pebble:" + b.TempDir()}, discard())
	must(b, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.sys.run(ctx, context.WithoutCancel(ctx)) }()
	b.Cleanup(func() {
		stop()
		must(b, <-done)
		must(b, w.sys.store.Close())
	})
	w.app, err = w.sys.accounts.CreateApp(ctx, minapush.App{ID: testApp, BaseURL: l.url(), Rate: minapush.Unlimited, InFlight: inFlight}, testSecret)
	must(b, err)
	w.openids, err = sb.AddUsers(testApp, b.N)
	must(b, err)
	must(b, sb.SubscribeAll(testApp, oneTimeT, 1))
	w.deposit(b)
	_, err = w.sys.wechat.Templates(ctx, testApp) // so that the token is there
	must(b, err)
	return w
}

func (w *benchWorld) deposit(b *testing.B) {
	b.Helper()
	group, ctx := errgroup.WithContext(b.Context())
	group.SetLimit(64)
	now := time.Now()
	for _, openid := range w.openids {
		group.Go(func() error {
			_, err := w.sys.bank.Deposit(ctx, w.app, minapush.OpenID(openid), []minapush.Permit{
				{Kind: minapush.Subscription, Template: oneTimeT, Identity: "n", Uses: 1, TakenAt: now},
			})
			return err
		})
	}
	must(b, group.Wait())
}

// bare sends to everybody from a fixed number of goroutines, and keeps no books.
func (w *benchWorld) bare(b *testing.B, inFlight int) {
	var next atomic.Int64
	var senders sync.WaitGroup
	for range inFlight {
		senders.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(w.openids)); i = next.Add(1) - 1 {
				_, err := w.sys.wechat.Send(b.Context(), minapush.Outgoing{App: testApp, OpenID: minapush.OpenID(w.openids[i]), Batch: "bench", Message: &w.message})
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	senders.Wait()
}

// whole is one campaign to everybody.
func (w *benchWorld) whole(b *testing.B) {
	ctx := b.Context()
	m, _, err := w.sys.campaigns.Create(ctx, w.app, campaign.Draft{Message: w.message, Template: minapush.Template{ID: oneTimeT, Kind: minapush.OneTimeTemplate}})
	must(b, err)
	_, err = w.sys.campaigns.Start(ctx, testApp, m.ID)
	must(b, err)
	for m.State != minapush.Finished {
		<-time.After(5 * time.Millisecond)
		m, err = w.sys.campaigns.Get(ctx, testApp, m.ID)
		must(b, err)
	}
	p, err := w.sys.ledger.Sum(ctx, w.app, m.ID)
	must(b, err)
	if n := p.Tally.Count(minapush.Accepted); n != int64(b.N) {
		b.Errorf("%d of %d accepted: %+v", n, b.N, p.Tally)
	}
}
