package audience_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/store/storetest"
)

// bundle is profiles on the model.
type bundle struct {
	ctx      context.Context
	st       *storetest.Model
	profiles *audience.Profiles
	app      minapush.App
}

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func now() time.Time { return start }

func setup(t testing.TB) *bundle {
	t.Helper()
	b := &bundle{ctx: t.Context(), st: storetest.NewModel(now), app: minapush.App{ID: "wx0123", Number: 1, Shards: 7}}
	t.Cleanup(func() { _ = b.st.Close() })
	b.profiles = b.over(t, b.st)
	return b
}

// over makes the room over another view of the store.
func (b *bundle) over(t testing.TB, st audience.Storage) *audience.Profiles {
	t.Helper()
	p, err := audience.New(st, audience.Config{Now: now})
	must(t, err)
	return p
}

// give changes a user's uid.
func (b *bundle) give(o minapush.OpenID, uid string) error {
	_, err := b.profiles.Change(b.ctx, b.app, o, func(p *minapush.Profile) error { p.UID = uid; return nil })
	return err
}

func (b *bundle) profile(t testing.TB, o minapush.OpenID) minapush.Profile {
	t.Helper()
	u, err := b.st.User(b.ctx, b.app.Shard(o), o)
	must(t, err)
	return u.Profile
}

// is tells whom a uid names; "" for nobody.
func (b *bundle) is(t testing.TB, uid string) minapush.OpenID {
	t.Helper()
	o, err := b.profiles.OpenID(b.ctx, b.app, "uid:"+uid)
	if errors.Is(err, minapush.NotFound) {
		return ""
	}
	must(t, err)
	return o
}

// hooked does something before a step on profiles, once.
type hooked struct {
	audience.Storage
	mu                                            sync.Mutex
	beforePut, afterPut, beforeBind, beforeUnbind func() error
}

func (h *hooked) take(f *func() error) error {
	h.mu.Lock()
	do := *f
	*f = nil
	h.mu.Unlock()
	if do == nil {
		return nil
	}
	return do()
}

func (h *hooked) PutProfile(ctx context.Context, s minapush.Shard, o minapush.OpenID, p minapush.Profile, now time.Time) (uint64, error) {
	if err := h.take(&h.beforePut); err != nil {
		return 0, err
	}
	v, err := h.Storage.PutProfile(ctx, s, o, p, now)
	if err := h.take(&h.afterPut); err != nil {
		return 0, err
	}
	return v, err
}

func (h *hooked) BindUID(ctx context.Context, s minapush.Shard, uid string, o, was minapush.OpenID) error {
	if err := h.take(&h.beforeBind); err != nil {
		return err
	}
	return h.Storage.BindUID(ctx, s, uid, o, was)
}

func (h *hooked) UnbindUID(ctx context.Context, s minapush.Shard, uid string, o minapush.OpenID) error {
	if err := h.take(&h.beforeUnbind); err != nil {
		return err
	}
	return h.Storage.UnbindUID(ctx, s, uid, o)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantField(t testing.TB, err error, field string) {
	t.Helper()
	wantError(t, err, minapush.Invalid, field)
}

func wantError(t testing.TB, err error, kind minapush.Kind, field string) {
	t.Helper()
	var e *minapush.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Field != field {
		t.Fatalf("got error %v, want %v %s", err, kind, field)
	}
}

func wantEqual[T comparable](t testing.TB, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}
