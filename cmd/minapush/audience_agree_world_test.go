package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/pebblestore"
	"github.com/minapush/minapush/store/redisstore"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

// onTwins runs a test with a store of each kind, beside which it keeps a model.
func onTwins(t *testing.T, test func(t *testing.T, st store.Store)) {
	t.Helper()
	t.Parallel()
	t.Run("pebble", func(t *testing.T) {
		t.Parallel()
		st, err := pebblestore.Open("db", pebblestore.Config{FS: vfs.NewMem()})
		must(t, err)
		t.Cleanup(func() { must(t, st.Close()) })
		test(t, st)
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		server := redistest.One(t, "appendfsync no")
		st, err := redisstore.Open(t.Context(), redisstore.Config{Addresses: []string{server.Addr()}, Timeout: time.Minute})
		must(t, err)
		t.Cleanup(func() { must(t, st.Close()) })
		test(t, st)
	})
}

// twins are one app on the model and on a store, on which everything is done alike.
type twins struct {
	t     *rapid.T
	ctx   context.Context
	app   minapush.App
	sides [2]*twin // the model first
	users []minapush.OpenID
	now   time.Time // when questions are asked
	n     int       // for what must be new each time
	taken map[string]bool
}

// twin is one of both, with its leases.
type twin struct {
	store.Store
	lease map[minapush.Shard]store.Lease
}

// reserve is a batch's rows in the order of their users.
func (s *twin) reserve(ctx context.Context, shard minapush.Shard, b store.Batch) ([]minapush.Delivery, error) {
	r, err := s.ReserveBatch(ctx, s.lease[shard], b)
	var rows []minapush.Delivery
	for _, d := range r.Rows {
		d.Permit.Uses, d.ReservedAt = 0, time.Time{} // how a store tells these is its own
		if !d.Permit.Kind.HasCode() {
			d.Permit.Identity = ""
		}
		rows = append(rows, d)
	}
	slices.SortFunc(rows, func(a, b minapush.Delivery) int { return cmp.Compare(a.OpenID, b.OpenID) })
	return rows, err
}

func newTwins(t *rapid.T, app uint32, model, st store.Store) *twins {
	w := &twins{
		t: t, ctx: t.Context(), app: minapush.App{Number: app, Shards: rapid.IntRange(1, 3).Draw(t, "shards")},
		now: time.Date(2026, 3, 10, 4, 30, 0, 0, time.UTC), taken: map[string]bool{},
	}
	for i, s := range []store.Store{model, st} {
		w.sides[i] = &twin{Store: s, lease: map[minapush.Shard]store.Lease{}}
		for shard := range w.shards() {
			l, err := s.Acquire(w.ctx, shard, "twin", time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			w.sides[i].lease[shard] = l
		}
	}
	for i := range rapid.IntRange(6, 24).Draw(t, "users") {
		w.users = append(w.users, minapush.OpenID(fmt.Sprintf("o%s%02d", rapid.StringMatching(`[A-Za-z0-9_-]{0,6}`).Draw(t, "openid"), i)))
	}
	return w
}

func (w *twins) shards() iter.Seq[minapush.Shard] {
	return func(yield func(minapush.Shard) bool) {
		for n := range uint32(w.app.Shards) {
			if !yield(minapush.Shard{App: w.app.Number, N: n}) {
				return
			}
		}
	}
}

// both does a step on the model and on the store, and wants the same answer. It tells what the model answered, and whether that was no
// error.
func both[T any](w *twins, step string, do func(s *twin) (T, error)) (T, bool) {
	w.t.Helper()
	want, e1 := do(w.sides[0])
	got, e2 := do(w.sides[1])
	if (e1 == nil) != (e2 == nil) || minapush.KindOf(e1) != minapush.KindOf(e2) {
		w.t.Fatalf("%s: the model says %v, the store %v", step, e1, e2)
	}
	if e1 != nil && minapush.KindOf(e1) != minapush.Conflict {
		w.t.Fatalf("%s: %v", step, e1)
	}
	if reflect.DeepEqual(want, got) {
		return want, e1 == nil
	}
	same := gocmp.Options{cmpopts.EquateEmpty(), gocmp.AllowUnexported(examined{})}
	if diff := gocmp.Diff(want, got, same); diff != "" {
		w.t.Fatalf("%s: - model, + store\n%s", step, diff)
	}
	return want, e1 == nil
}

// agreeCampaigns are those that were; of L and M there are lists.
var agreeCampaigns = []string{"A", "B", "C", "L", "M"}

// agreeAgo are how long ago things happen. Expressions ask for the same times, so that edges are met.
var agreeAgo = []time.Duration{
	0, time.Millisecond, 5 * time.Second, 10 * time.Second, 50 * time.Minute, time.Hour, time.Hour + time.Second, 5 * time.Hour, 24 * time.Hour, 25 * time.Hour,
	3 * 24 * time.Hour, 6 * 24 * time.Hour, 7*24*time.Hour - 20*time.Minute, 7*24*time.Hour - 5*time.Minute, 7 * 24 * time.Hour, 20 * 24 * time.Hour,
}

func (w *twins) ago(what string) time.Duration { return rapid.SampledFrom(agreeAgo).Draw(w.t, what) }

// happening is something that is done at a time.
type happening struct {
	ago time.Duration
	do  func(at time.Time)
}

// live lets users live for some weeks, up to now: what they do comes in the order of its times.
func (w *twins) live() {
	w.t.Helper()
	var all []happening
	for _, o := range w.users {
		for range rapid.IntRange(2, 9).Draw(w.t, "of a user") {
			all = append(all, happening{w.ago("ago"), w.something(o)})
		}
	}
	for _, id := range []string{"L", "M"} {
		for range 2 {
			all = append(all, happening{w.ago("listed ago"), func(time.Time) { w.list(id) }})
		}
	}
	for _, id := range agreeCampaigns {
		all = append(all, happening{w.ago("sent ago"), func(at time.Time) { w.campaign(id, at) }})
	}
	slices.SortStableFunc(all, func(a, b happening) int { return cmp.Compare(b.ago, a.ago) })
	for _, h := range all {
		h.do(w.now.Add(-h.ago))
	}
}

// something draws what a user does, or what is done with it.
func (w *twins) something(o minapush.OpenID) func(time.Time) {
	s := w.app.Shard(o)
	switch what := rapid.IntRange(0, 19).Draw(w.t, "what"); {
	case what < 9:
		return func(at time.Time) { w.deposit(s, o, at) }
	case what < 12:
		return func(at time.Time) { w.profile(s, o, at) }
	case what < 15:
		return func(at time.Time) { w.events(s, o, at) }
	case what < 17:
		return func(at time.Time) { w.pushed(s, o, at) }
	case what == 17:
		return func(at time.Time) {
			both(w, "void", func(st *twin) (int, error) { return st.Void(w.ctx, s, o, "T", at.Add(-time.Hour), at) })
		}
	case what == 18:
		return func(at time.Time) {
			both(w, "sweep", func(st *twin) (int, error) {
				swept, err := st.Sweep(w.ctx, s, "", 1000, at)
				return swept.Expired, err
			})
		}
	}
	return func(at time.Time) {
		both(w, "erase", func(st *twin) (bool, error) {
			done, err := st.Erase(w.ctx, s, o, at)
			if minapush.KindOf(err) == minapush.NotFound { // nothing of it
				err = nil
			}
			return done, err
		})
	}
}

func (w *twins) deposit(s minapush.Shard, o minapush.OpenID, at time.Time) {
	d := store.Deposit{Now: at}
	for range rapid.IntRange(0, 3).Draw(w.t, "permits") {
		w.n++
		p := minapush.Permit{
			Kind: rapid.SampledFrom(minapush.PermitKinds[:]).Draw(w.t, "kind"), Identity: fmt.Sprintf("p%d", w.n),
			TakenAt: at.Add(-w.ago("taken ago")), Evidence: minapush.ByBackend,
		}
		for w.taken[fmt.Sprint(o, p.TakenAt.Unix())] { // which of two that were taken at the same time goes first is not said
			p.TakenAt = p.TakenAt.Add(-time.Second)
		}
		w.taken[fmt.Sprint(o, p.TakenAt.Unix())] = true
		p.Uses = p.Kind.Uses()
		switch p.Kind {
		case minapush.Subscription:
			p.Template = rapid.SampledFrom([]string{"T", "U"}).Draw(w.t, "template")
		case minapush.Standing:
			p.Template = "S"
		}
		if p.Kind.HasCode() || rapid.IntRange(0, 3).Draw(w.t, "ends") == 0 {
			p.ExpiresAt = p.TakenAt.Add(minapush.CodeLife)
		}
		d.Permits = append(d.Permits, p)
	}
	both(w, "deposit", func(st *twin) (store.Deposited, error) { return st.Deposit(w.ctx, s, o, d) })
}

func (w *twins) profile(s minapush.Shard, o minapush.OpenID, at time.Time) {
	var p minapush.Profile
	if u, err := w.sides[0].User(w.ctx, s, o); err == nil {
		p.Version = u.Profile.Version
	}
	if rapid.Bool().Draw(w.t, "has a uid") {
		p.UID = "u" + string(o)
	}
	p.Tags = rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b"}), rapid.ID).Draw(w.t, "tags")
	slices.Sort(p.Tags)
	values := []minapush.Attribute{
		{Text: "a"}, {Text: "b"}, {Kind: minapush.Number, Number: 1}, {Kind: minapush.Number, Number: 2.5}, {Kind: minapush.Flag, Number: 1}, {Kind: minapush.Flag},
	}
	p.Attributes = map[string]minapush.Attribute{}
	for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"x", "y"}), rapid.ID).Draw(w.t, "attributes") {
		p.Attributes[name] = rapid.SampledFrom(values).Draw(w.t, "value")
	}
	p.OptOut = rapid.SampledFrom([]minapush.OptOut{0, 0, 0, minapush.OptOutCampaigns, minapush.OptOutAll}).Draw(w.t, "opt-out")
	both(w, "profile", func(st *twin) (uint64, error) { return st.PutProfile(w.ctx, s, o, p, at) })
}

func (w *twins) events(s minapush.Shard, o minapush.OpenID, at time.Time) {
	var told []minapush.NamedEvent
	for range rapid.IntRange(1, 3).Draw(w.t, "events") {
		e := minapush.NamedEvent{Name: rapid.SampledFrom([]string{"checkin", "checkin", "pay"}).Draw(w.t, "name"), At: at.Add(-w.ago("happened ago"))}
		if rapid.IntRange(0, 9).Draw(w.t, "ahead") == 0 {
			e.At = at.Add(time.Minute)
		}
		told = append(told, e)
	}
	seen := rapid.Bool().Draw(w.t, "seen")
	both(w, "events", func(st *twin) ([]store.EventNoted, error) { return st.NoteEvents(w.ctx, s, o, told, seen, at) })
}

// need draws what a message needs.
func (w *twins) need(what string) store.Need {
	return rapid.SampledFrom([]store.Need{
		{Kind: minapush.LegacyTemplate, Template: "L", Content: 1}, {Kind: minapush.OneTimeTemplate, Template: "T", Content: 2},
		{Kind: minapush.OneTimeTemplate, Template: "U", Content: 3}, {Kind: minapush.LongTermTemplate, Template: "S", Content: 4},
	}).Draw(w.t, what)
}
