package account_test

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

// bundle is one store with the Accounts of two nodes on it, and their clock.
type bundle struct {
	ctx      context.Context
	clock    *clock
	docs     *hooks
	sealer   *account.Sealer
	one, two *account.Accounts
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{ctx: t.Context(), clock: &clock{at: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}}
	model := storetest.NewModel(b.clock.now)
	t.Cleanup(func() { _ = model.Close() })
	b.docs = &hooks{Documents: model}
	b.sealer = newSealer(t)
	b.one, b.two = b.node(t), b.node(t)
	return b
}

// node is the Accounts of another node on the same store.
func (b *bundle) node(t *testing.T) *account.Accounts {
	t.Helper()
	a, err := account.New(b.docs, b.sealer, account.Config{Now: b.clock.now})
	must(t, err)
	return a
}

// app creates an app with an AppSecret.
func (b *bundle) app(t *testing.T, id minapush.AppID) minapush.App {
	t.Helper()
	app, err := b.one.CreateApp(b.ctx, minapush.App{ID: id}, "appsecret-of-"+string(id))
	must(t, err)
	return app
}

// dump returns every document of the room.
func (b *bundle) dump(t *testing.T) []store.Document {
	t.Helper()
	var all []store.Document
	for _, kind := range []string{"app", "counter", "key", "template", "scene", "signing_key", "token", "seal_check"} {
		docs, err := b.docs.ListDocuments(b.ctx, "account."+kind, "", 1000)
		must(t, err)
		all = append(all, docs...)
	}
	return all
}

func newSealer(t *testing.T) *account.Sealer {
	t.Helper()
	key := make([]byte, account.KeySize)
	_, _ = rand.Read(key)
	s, err := account.OpenSealer(key)
	must(t, err)
	return s
}

// hooks are Documents that a test can disturb; nil hooks do nothing.
type hooks struct {
	store.Documents
	mu     sync.Mutex
	before func(store.Document) error // its error instead of the write
	after  func(store.Document) error // its error instead of the answer
}

func (h *hooks) set(before, after func(store.Document) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.before, h.after = before, after
}

func (h *hooks) Put(ctx context.Context, d store.Document) (uint64, error) {
	h.mu.Lock()
	before, after := h.before, h.after
	h.mu.Unlock()
	if before != nil {
		if err := before(d); err != nil {
			return 0, err
		}
	}
	v, err := h.Documents.Put(ctx, d)
	if after != nil && err == nil {
		err = after(d)
	}
	return v, err
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

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, err error, kind minapush.Kind) {
	t.Helper()
	if err == nil || minapush.KindOf(err) != kind {
		t.Fatalf("got error %v, want one of kind %v", err, kind)
	}
}

func wantField(t *testing.T, err error, field string) {
	t.Helper()
	var e *minapush.Error
	if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != field {
		t.Fatalf("got error %v, want invalid %s", err, field)
	}
}

func wantEqual[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}
