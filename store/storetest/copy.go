package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// AgreeOnCopies is Agree where reopening is copying: whenever the sequence comes to it, everything is copied into the next of several
// empty stores, each of whatever backend, and goes on there. Each copy is compared with its source piece by piece, and stands Check;
// it is also made over other numbers of shards, which must show the same of every user and the same sums.
//
// open opens an empty store of a backend, for one sequence of steps: the first begins it, and each copy is into the next one in turn.
func AgreeOnCopies(t *testing.T, open ...func(tb testing.TB, clock func() time.Time) store.Store) {
	t.Helper()
	Agree(t, func(tb testing.TB, clock func() time.Time) (store.Store, func() store.Store) {
		at := open[0](tb, clock)
		turn := 0
		next := func() store.Store {
			turn++
			return open[turn%len(open)](tb, clock)
		}
		return at, func() store.Store {
			for _, shards := range []int{1, 3} {
				other := next()
				checkSpread(tb, at, copyable(tb, other), shards, clock())
				mustClose(tb, other)
			}
			to := next()
			Copy(tb, at, to, clock())
			mustClose(tb, at)
			at = to
			return to
		}
	})
}

func mustClose(tb testing.TB, st store.Store) {
	tb.Helper()
	if err := st.Close(); err != nil {
		tb.Fatal(err)
	}
}

// wrapped is a store around another one, which Unwrap gives as it is once nobody serves it: without leases.
type wrapped interface{ Unwrap() store.Store }

func copyable(tb testing.TB, st store.Store) store.Copyable {
	tb.Helper()
	if w, ok := st.(wrapped); ok {
		st = w.Unwrap()
	}
	c, ok := st.(store.Copyable)
	if !ok {
		tb.Fatalf("%T cannot be copied", st)
	}
	return c
}

// Copy copies everything of one store into another, which is empty, and fails the test unless the copy has the same in all its pieces
// and stands Check.
func Copy(tb testing.TB, from, to store.Store, now time.Time) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	transfer := &store.Transfer{From: copyable(tb, from), To: copyable(tb, to), Now: now}
	transferWhole(tb, transfer)
	want, got := portableDump(tb, transfer.From), portableDump(tb, transfer.To)
	if diff := cmp.Diff(want.without(now), got.without(now), cmpopts.EquateEmpty()); diff != "" {
		tb.Fatalf("the copy is not what was copied (-from, +to):\n%s", diff)
	}
	for kind, version := range want.kinds {
		if got.kinds[kind] < version {
			tb.Fatalf("the versions of kind %q go on at %d, and were at %d", kind, got.kinds[kind], version)
		}
	}
	if diff := cmp.Diff(usersOf(tb, from, want.scope.Apps), usersOf(tb, to, want.scope.Apps), cmpopts.EquateEmpty()); diff != "" {
		tb.Fatalf("the users of the copy are not those that were copied (-from, +to):\n%s", diff)
	}
	if err := Check(ctx, to, want.scope); err != nil && Check(ctx, from, want.scope) == nil {
		tb.Fatalf("invariants of the copy do not hold:\n%v", err)
	}
}

// usersOf is what a store shows of its users: permits, events, what they got lately, profiles.
func usersOf(tb testing.TB, st store.Store, apps []minapush.App) map[string]store.User {
	tb.Helper()
	users := map[string]store.User{}
	for _, app := range apps {
		for n := range uint32(app.Shards) {
			s := minapush.Shard{App: app.Number, N: n}
			page, err := st.Walk(context.WithoutCancel(tb.Context()), s, "", 1000)
			if err != nil {
				tb.Fatalf("walk: %v", err)
			}
			for _, u := range page {
				for i, h := range u.Permits {
					u.Permits[i].Permit = agreePermit(h.Permit)
				}
				users[fmt.Sprintf("%v %q", s, u.OpenID)] = u
			}
		}
	}
	return users
}

// ownUIDs is a store without the entries of the index that are in another shard than their uid's, where nobody looks for them. Agree
// makes such.
type ownUIDs struct {
	store.Copyable
	apps []minapush.App
}

func (s ownUIDs) Export(ctx context.Context, take func(store.Piece) error) error {
	return s.Copyable.Export(ctx, func(p store.Piece) error {
		p.UIDs = slices.DeleteFunc(p.UIDs, func(x store.CopiedUID) bool {
			return !slices.ContainsFunc(s.apps, func(a minapush.App) bool { return a.UIDShard(x.UID) == p.Shard })
		})
		return take(p)
	})
}

// transferWhole does what a copy is: begin, run, read back, compare, end.
func transferWhole(tb testing.TB, t *store.Transfer) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	mark, err := store.BeginCopy(ctx, t.To, "of a test")
	if err != nil {
		tb.Fatalf("begin the copy: %v", err)
	}
	if err := store.CheckWhole(ctx, t.To); minapush.KindOf(err) != minapush.Conflict {
		tb.Fatalf("an unfinished copy passes as whole: %v", err)
	}
	wrote, err := t.Run(ctx)
	if err != nil {
		tb.Fatalf("copy: %v", err)
	}
	read, err := t.ReadBack(ctx)
	if err != nil {
		tb.Fatalf("read the copy back: %v", err)
	}
	if !wrote.Same(read) {
		tb.Errorf("the contents differ: %+v, %+v", wrote, read)
	}
	if err := store.EndCopy(ctx, t.To, mark); err != nil {
		tb.Fatalf("end the copy: %v", err)
	}
	if err := store.CheckWhole(ctx, t.To); err != nil {
		tb.Fatal(err)
	}
}

// copyDump is all pieces of a store, taken apart: every entry has a name.
type copyDump struct {
	entries map[string]any
	until   map[string]time.Time // of idempotency keys
	kinds   map[string]uint64
	scope   Scope
}

// without leaves out what a copy leaves out.
func (d copyDump) without(now time.Time) map[string]any {
	kept := maps.Clone(d.entries)
	for name, until := range d.until {
		if now.UnixMilli() >= until.UnixMilli() {
			delete(kept, name)
		}
	}
	return kept
}

func portableDump(tb testing.TB, st store.Copyable) copyDump {
	tb.Helper()
	d := copyDump{
		entries: map[string]any{}, until: map[string]time.Time{}, kinds: map[string]uint64{},
		scope: Scope{Batches: map[uint32][]string{}, RowsGone: true},
	}
	put := func(v any, format string, args ...any) string {
		name := fmt.Sprintf(format, args...)
		if d.entries[name] != nil {
			tb.Errorf("%s was given twice", name)
		}
		d.entries[name] = v
		return name
	}
	err := st.Export(context.WithoutCancel(tb.Context()), func(p store.Piece) error {
		s := p.Shard
		for _, u := range p.Users {
			put(u, "user %v %q", s, u.OpenID)
		}
		for _, w := range p.Rows {
			put(w, "row %v %q %q %q", s, w.Batch, w.OpenID, w.Push)
		}
		for _, k := range p.Keys {
			d.until[put(k, "key %v %q %q", s, k.OpenID, k.Key)] = k.Until
		}
		for _, x := range p.Places {
			put(x, "place %v %q %q", s, x.Campaign, x.OpenID)
		}
		for _, x := range p.UIDs {
			put(x, "uid %v %q", s, x.UID)
		}
		for _, b := range p.Batches {
			b.Tally = copyTally(b.Tally)
			put(b, "batch %v %q", s, b.Batch)
			if !slices.Contains(d.scope.Batches[s.App], b.Batch) {
				d.scope.Batches[s.App] = append(d.scope.Batches[s.App], b.Batch)
			}
		}
		if flow := agreeFlow(p.Flow); len(flow) > 0 {
			put(flow, "flow %v", s)
		}
		for _, x := range p.Documents {
			put(x, "document %q %q", x.Kind, x.ID)
		}
		for _, k := range p.Kinds {
			d.kinds[k.Kind] = k.Version
		}
		return nil
	})
	if err != nil {
		tb.Fatalf("export: %v", err)
	}
	d.scope.Apps = newAgreeMachine(context.WithoutCancel(tb.Context())).apps
	return d
}

// copyTally is a tally without what counts nobody.
func copyTally(t minapush.Tally) minapush.Tally {
	var kept minapush.Tally
	kept.Merge(t)
	for o, reasons := range kept.By {
		if maps.DeleteFunc(reasons, func(_ string, n int64) bool { return n == 0 }); len(reasons) == 0 {
			delete(kept.By, o)
		}
	}
	return kept
}

// checkSpread copies a store over another number of shards, and wants all of it to be there, where it belongs, and the sums to be the
// same.
func checkSpread(tb testing.TB, whole store.Store, to store.Copyable, shards int, now time.Time) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	apps := newAgreeMachine(ctx).apps
	from := ownUIDs{copyable(tb, whole), slices.Clone(apps)}
	before := portableDump(tb, from)
	transferWhole(tb, &store.Transfer{From: from, To: to, Now: now, Layout: store.NewLayout(apps, shards)})
	after := portableDump(tb, to)
	if diff := cmp.Diff(anyShard(before.without(now)), anyShard(after.without(now)), cmpopts.EquateEmpty()); diff != "" {
		tb.Fatalf("over %d shards (-from, +to):\n%s", shards, diff)
	}
	checkPending(tb, after)
	for i := range apps {
		apps[i].Shards = shards
	}
	for name, x := range after.entries {
		if x, ok := x.(store.CopiedUID); ok && !slices.ContainsFunc(apps, func(a minapush.App) bool {
			return name == fmt.Sprintf("uid %v %q", a.UIDShard(x.UID), x.UID)
		}) {
			tb.Errorf("%s is in the wrong shard", name)
		}
	}
	spread := to.(store.Store)
	if err := Check(ctx, spread, Scope{Apps: apps, Batches: before.scope.Batches, RowsGone: true}); err != nil && Check(ctx, whole, before.scope) == nil {
		tb.Fatalf("over %d shards the invariants do not hold:\n%v", shards, err)
	}
	checkDone(tb, whole, spread, before, apps)
}

// checkPending wants each shard to count as pending what is pending in it.
func checkPending(tb testing.TB, d copyDump) {
	tb.Helper()
	pending := map[string][minapush.Settled]int64{}
	for name, x := range d.entries {
		if w, ok := x.(store.CopiedRow); ok && w.State < minapush.Settled {
			shard := strings.TrimPrefix(name[:strings.Index(name, "}")+1], "row ")
			at := fmt.Sprintf("batch %s %q", shard, w.Batch)
			n := pending[at]
			n[w.State]++
			pending[at] = n
		}
	}
	for name, x := range d.entries {
		b, ok := x.(store.CopiedBatch)
		if !ok {
			continue
		}
		t := b.Tally
		if n := [minapush.Settled]int64{t.Waiting, t.Held, t.Sending, t.Suspected}; n != pending[name] {
			tb.Errorf("%s counts %v as pending, and has %v", name, n, pending[name])
		}
	}
}

// checkDone wants the walks to be at their end that were at their end in all shards, and no others.
func checkDone(tb testing.TB, from, to store.Store, before copyDump, apps []minapush.App) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	for i, app := range before.scope.Apps {
		for _, batch := range before.scope.Batches[app.Number] {
			was, err := from.Progress(ctx, app.Number, app.Shards, batch)
			if err != nil {
				tb.Fatal(err)
			}
			is, err := to.Progress(ctx, app.Number, apps[i].Shards, batch)
			if err != nil {
				tb.Fatal(err)
			}
			if (was.ShardsDone == app.Shards) && is.ShardsDone != apps[i].Shards {
				tb.Errorf("batch %q was done in %d of %d shards, and is in %d of %d", batch, was.ShardsDone, app.Shards, is.ShardsDone, apps[i].Shards)
			}
		}
	}
}

// anyShard gives entries without their shards: what was counted in several is summed, and where walks stand is left out.
func anyShard(entries map[string]any) map[string]any {
	all := map[string]any{}
	for name, x := range entries {
		// "row {1 0} …": the number of the shard goes.
		app, rest, found := strings.Cut(name, " ")
		if sort := app; found && strings.HasPrefix(rest, "{") {
			head, tail, _ := strings.Cut(rest, "}")
			number, _, _ := strings.Cut(head, " ")
			name = sort + " " + number + tail
		}
		switch x := x.(type) {
		case store.CopiedBatch:
			sum, _ := all[name].(minapush.Tally)
			sum.Merge(x.Tally)
			all[name] = sum
		case map[minapush.PermitKind]minapush.Counts:
			sum, _ := all[name].(map[minapush.PermitKind]minapush.Counts)
			next := maps.Clone(x)
			for kind, n := range sum {
				next[kind] = next[kind].Add(n)
			}
			all[name] = next
		default:
			all[name] = x
		}
	}
	return all
}
