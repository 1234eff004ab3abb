package bank_test

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
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

const day = 24 * time.Hour

// bundle is a bank on the model, with an app of few shards and small pages.
type bundle struct {
	ctx   context.Context
	clock *clock
	st    store.Store
	bank  *bank.Bank
	app   minapush.App
}

func setup(t testing.TB) *bundle {
	t.Helper()
	b := newBundle(t.Context())
	t.Cleanup(func() { _ = b.st.Close() })
	return b
}

func newBundle(ctx context.Context) *bundle {
	b := &bundle{ctx: ctx, clock: &clock{at: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}}
	b.st = storetest.NewModel(b.clock.now)
	b.app = minapush.App{ID: "wx0123", Number: 1, Shards: 3}
	b.bank = b.node(bank.Config{})
	return b
}

// node is the bank of another node on the same store.
func (b *bundle) node(cfg bank.Config) *bank.Bank {
	cfg.Now, cfg.Page = b.clock.now, 2
	n, err := bank.New(b.st, cfg)
	if err != nil {
		panic(err)
	}
	return n
}

func (b *bundle) deposit(t testing.TB, o minapush.OpenID, permits ...minapush.Permit) store.Deposited {
	t.Helper()
	d, err := b.bank.Deposit(b.ctx, b.app, o, permits)
	must(t, err)
	return d
}

func (b *bundle) user(t testing.TB, o minapush.OpenID) store.User {
	t.Helper()
	u, err := b.bank.User(b.ctx, b.app, o)
	must(t, err)
	return u
}

// hold reserves a permit for a push of a legacy template and returns the push's row.
func (b *bundle) hold(t testing.TB, o minapush.OpenID, id string) minapush.Delivery {
	t.Helper()
	a, err := b.bank.ReservePush(b.ctx, b.app, bank.Push{
		Batch: minapush.PushBatch(b.clock.now()), ID: id, OpenID: o, Attempt: 1, Deadline: b.clock.now().Add(time.Hour),
		Need: bank.NeedFor(minapush.LegacyTemplate, minapush.Message{Template: "L"}),
	})
	must(t, err)
	wantEqual(t, a.Status, bank.PushReserved)
	return a.Delivery
}

func (b *bundle) form(n int, age time.Duration) minapush.Permit {
	taken := b.clock.now().Add(-age)
	return minapush.Permit{
		Kind: minapush.FormID, Identity: fmt.Sprintf("%032x", n), Uses: 1, TakenAt: taken, ExpiresAt: taken.Add(minapush.CodeLife),
	}
}

func (b *bundle) pay(n int, age time.Duration) minapush.Permit {
	p := b.form(n, age)
	p.Kind, p.Identity, p.Uses = minapush.PrepayID, fmt.Sprintf("wx%034d", n), 3
	return p
}

func (b *bundle) subscribe(n int, template string) minapush.Permit {
	return minapush.Permit{
		Kind: minapush.Subscription, Template: template, Identity: fmt.Sprintf("n%d", n), Uses: 1, TakenAt: b.clock.now(),
	}
}

func (b *bundle) standing(template string) minapush.Permit {
	return minapush.Permit{Kind: minapush.Standing, Template: template, Identity: "s", TakenAt: b.clock.now()}
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

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// gather reads counters as "name{label,label}".
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

func wantKind(t testing.TB, err error, kind minapush.Kind) {
	t.Helper()
	if err == nil || minapush.KindOf(err) != kind {
		t.Fatalf("got error %v, want one of kind %v", err, kind)
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
