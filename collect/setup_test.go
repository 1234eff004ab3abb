package collect_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/collect"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

const (
	day     = 24 * time.Hour
	someone = minapush.OpenID("oDeC45Xv9AZ0MpPsK1234567890a")
)

// bundle is the intake of a bank on the model, on 2026-11-22 at 10:00 UTC.
type bundle struct {
	ctx     context.Context
	clock   *clock
	st      store.Store
	bank    *bank.Bank
	collect *collect.Collector
	app     minapush.App
}

func setup(t testing.TB) *bundle {
	t.Helper()
	b := newBundle(t.Context(), collect.Config{})
	t.Cleanup(func() { _ = b.st.Close() })
	return b
}

func newBundle(ctx context.Context, cfg collect.Config) *bundle {
	b := &bundle{ctx: ctx, clock: &clock{at: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}}
	b.st = storetest.NewModel(b.clock.now)
	b.app = minapush.App{ID: "wx0123", Number: 1, Shards: 3}
	var err error
	if b.bank, err = bank.New(b.st, bank.Config{Now: b.clock.now}); err != nil {
		panic(err)
	}
	cfg.Now = b.clock.now
	if b.collect, err = collect.New(b.bank, delivery.New(b.st), cfg); err != nil {
		panic(err)
	}
	return b
}

func (b *bundle) report(t testing.TB, items ...collect.Item) collect.Answer {
	t.Helper()
	a, err := b.collect.Report(b.ctx, b.app, someone, collect.Report{Items: items})
	must(t, err)
	return a
}

func (b *bundle) trusted(t testing.TB, items ...collect.TrustedItem) collect.Answer {
	t.Helper()
	a, err := b.collect.Trusted(b.ctx, b.app, someone, items)
	must(t, err)
	return a
}

// permits are what the user has.
func (b *bundle) permits(t testing.TB) []minapush.Holding {
	t.Helper()
	u, err := b.bank.User(b.ctx, b.app, someone)
	if errors.Is(err, minapush.NotFound) {
		return nil
	}
	must(t, err)
	return u.Permits
}

func code(n int) string { return fmt.Sprintf("%032x", n) }

func form(n int) collect.Item { return collect.Item{Type: "form", FormID: code(n)} }

func accept(template, nonce string) collect.Item {
	return collect.Item{Type: "subscribe", Template: template, Result: "accept", Nonce: nonce}
}

// clock is set by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// gather reads counters as "name label label".
func gather(t testing.TB, collectors []prometheus.Collector) map[string]float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	for _, c := range collectors {
		must(t, r.Register(c))
	}
	families, err := r.Gather()
	must(t, err)
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue()
		}
	}
	return got
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantField(t testing.TB, err error, field string) {
	t.Helper()
	var e *minapush.Error
	if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != field {
		t.Fatalf("got error %v, want invalid %s", err, field)
	}
}

func wantEqual[T comparable](t testing.TB, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}
