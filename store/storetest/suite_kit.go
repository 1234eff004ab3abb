package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// suiteKit is what one subtest works with: a store of its own, its clock, and steps that fail the test when they fail.
type suiteKit struct {
	t     *testing.T
	b     Backend
	st    store.Store
	clock *suiteClock
	app   minapush.App
	shard minapush.Shard
	scope *Scope
	uids  map[suiteUID]bool // those that dump looks up
}

// suiteUID names an entry of the index of uids.
type suiteUID struct {
	shard minapush.Shard
	uid   string
}

// suiteClock is the store's own clock, moved by hand.
type suiteClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *suiteClock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *suiteClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// suiteAt is a moment of the caller's clock: permits are given at suiteAt(0) unless a test says otherwise, and messages are sent
// an hour later.
func suiteAt(d time.Duration) time.Time {
	return time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC).Add(d)
}

const (
	suiteHour = time.Hour
	suiteDay  = 24 * time.Hour
	suiteTTL  = time.Minute // of leases
)

func newSuiteKit(t *testing.T, b Backend) *suiteKit {
	t.Helper()
	clock := &suiteClock{now: suiteAt(0)}
	app := minapush.App{ID: "wx1", Number: 1, Shards: 1}
	k := &suiteKit{
		t: t, b: b, st: b.Open(t, clock.read), clock: clock, app: app, shard: minapush.Shard{App: app.Number},
		scope: &Scope{Apps: []minapush.App{app}, Batches: map[uint32][]string{}, Kept: map[uint32][]string{}},
		uids:  map[suiteUID]bool{},
	}
	t.Cleanup(func() {
		MustCheck(t, k.st, *k.scope)
		if err := k.st.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return k
}

func (k *suiteKit) ctx() context.Context { return k.t.Context() }

// in is the kit for another app. It may not be reopened.
func (k *suiteKit) in(app minapush.App, shard uint32) *suiteKit {
	c := *k
	c.app, c.shard = app, minapush.Shard{App: app.Number, N: shard}
	if !slices.ContainsFunc(k.scope.Apps, func(a minapush.App) bool { return a.Number == app.Number }) {
		k.scope.Apps = append(k.scope.Apps, app)
	}
	return &c
}

// track makes Check and dump look at a batch.
func (k *suiteKit) track(batch string) {
	if !slices.Contains(k.scope.Batches[k.app.Number], batch) {
		k.scope.Batches[k.app.Number] = append(k.scope.Batches[k.app.Number], batch)
	}
}

// rowsGo says that from here on rows may be fewer than tallies.
func (k *suiteKit) rowsGo() { k.scope.RowsGone = true }

// reopen crashes the store and goes on with what it left.
func (k *suiteKit) reopen() {
	k.t.Helper()
	if k.b.Reopen == nil {
		k.t.Skip("the backend keeps nothing")
	}
	k.st = k.b.Reopen(k.t, k.st, k.clock.read)
}

// lapse makes every lease lapse.
func (k *suiteKit) lapse() {
	k.t.Helper()
	if k.b.ExpireLeases != nil {
		k.b.ExpireLeases(k.t, k.st, suiteTTL)
		return
	}
	k.clock.advance(suiteTTL + time.Millisecond)
}

// must fails the test at once.
func (k *suiteKit) must(err error, what string) {
	k.t.Helper()
	if err != nil {
		k.t.Fatalf("%s: %v", what, err)
	}
}

// wantKind wants an error of a kind.
func (k *suiteKit) wantKind(err error, kind minapush.Kind, what string) {
	k.t.Helper()
	if !errors.Is(err, kind) {
		k.t.Errorf("%s: got error %v, want %v", what, err, kind)
	}
}

// suiteEqual wants two values to be the same; empty and nil lists are.
func suiteEqual[T any](k *suiteKit, what string, got, want T) {
	k.t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		k.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// same wants that nothing in the store changes.
func (k *suiteKit) same(what string, do func()) {
	k.t.Helper()
	before := k.dump()
	do()
	suiteEqual(k, what+" changed the store", k.dump(), before)
}

// suiteDump is all that the contract shows of the apps and batches in scope.
type suiteDump struct {
	Users     map[string]store.User
	Flow      map[string]map[minapush.PermitKind]minapush.Counts
	Rows      map[string]minapush.Delivery
	Lists     map[string][]store.Listed
	Progress  map[string]store.Progress
	UIDs      map[string]minapush.OpenID
	Documents map[string]store.Document
}

func (k *suiteKit) dump() suiteDump {
	k.t.Helper()
	d := suiteDump{map[string]store.User{}, map[string]map[minapush.PermitKind]minapush.Counts{}, map[string]minapush.Delivery{},
		map[string][]store.Listed{}, map[string]store.Progress{}, map[string]minapush.OpenID{}, map[string]store.Document{}}
	for _, app := range k.scope.Apps {
		for n := range uint32(app.Shards) {
			c := k.in(app, n)
			name := fmt.Sprintf("%d/%d", app.Number, n)
			for _, u := range c.walk(100) {
				d.Users[fmt.Sprintf("%s %q", name, u.OpenID)] = u
			}
			d.Flow[name] = c.flow()
			for _, batch := range k.scope.Batches[app.Number] {
				for _, row := range c.list(batch, 100, nil) {
					d.Rows[fmt.Sprintf("%s %q %q %q", name, batch, row.OpenID, row.Push)] = row
				}
				if users := c.onList(batch, 100); len(users) > 0 {
					d.Lists[fmt.Sprintf("%s %q", name, batch)] = users
				}
			}
		}
		for _, batch := range k.scope.Batches[app.Number] {
			d.Progress[fmt.Sprintf("%d %q", app.Number, batch)] = k.in(app, 0).progress(batch)
		}
	}
	for id := range k.uids {
		o, err := k.st.UID(k.ctx(), id.shard, id.uid)
		if err == nil {
			d.UIDs[fmt.Sprintf("%v %q", id.shard, id.uid)] = o
		} else {
			k.wantKind(err, minapush.NotFound, "uid")
		}
	}
	docs, err := k.st.ListDocuments(k.ctx(), "suite", "", 100)
	k.must(err, "list documents")
	for _, doc := range docs {
		d.Documents[doc.ID] = doc
	}
	return d
}

// suiteSame tells whether two dumps are the same.
func suiteSame(a, b suiteDump) bool { return cmp.Equal(a, b, cmpopts.EquateEmpty()) }
