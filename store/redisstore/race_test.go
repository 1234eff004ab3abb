package redisstore

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

// Between what a step reads and its commit others may do what they like. The audience of a batch is asked in between, so a test can
// be these others at that very moment.

func twoNodes(t *testing.T) (a, b *Store, sh minapush.Shard) {
	t.Helper()
	server := redistest.One(t)
	prefix := newPrefix()
	a, b = openAt(t, prefix, server.Addr()), openAt(t, prefix, server.Addr())
	t.Cleanup(func() {
		_ = a.Close()
		_ = b.Close()
	})
	return a, b, minapush.Shard{App: 1}
}

// interrupted is an audience of everybody, in whose first moment something happens.
func interrupted(what func()) func(*store.User) bool {
	done := false
	return func(*store.User) bool {
		if !done {
			done = true
			what()
		}
		return true
	}
}

func TestADepositInTheMiddleOfABatchIsNotLost(t *testing.T) {
	t.Parallel()
	a, b, sh := twoNodes(t)
	for i := range 6 {
		give(t, a, sh, minapush.OpenID(fmt.Sprint("u", i)), 0, 1)
	}
	batch := testBatch("c", 10)
	batch.Audience = interrupted(func() { give(t, b, sh, "u3", 1, 1) })
	rows := reserveAll(t, a, acquire(t, a, sh), batch)
	if len(rows) != 6 || a.again.Load() != 1 {
		t.Errorf("%d rows in %d new beginnings; want 6 in 1", len(rows), a.again.Load())
	}
	if u, err := b.User(t.Context(), sh, "u3"); err != nil || u.Counts != (minapush.Counts{Deposited: 2, Available: 1, Held: 1}) {
		t.Errorf("%+v, %v", u.Counts, err)
	}
}

func TestAProfileToldInTheMiddleOfABatchIsNotLost(t *testing.T) {
	t.Parallel()
	a, b, sh := twoNodes(t)
	for i := range 3 {
		give(t, a, sh, minapush.OpenID(fmt.Sprint("u", i)), 0, 1)
	}
	put := func(version uint64, out minapush.OptOut) {
		if _, err := b.PutProfile(t.Context(), sh, "u1", minapush.Profile{Version: version, OptOut: out}, testAt(0)); err != nil {
			t.Error(err)
		}
	}
	put(0, minapush.OptOutNone)
	batch := testBatch("c", 10)
	batch.Audience = interrupted(func() { put(1, minapush.OptOutAll) })
	if rows := reserveAll(t, a, acquire(t, a, sh), batch); len(rows) != 2 {
		t.Errorf("rows %+v; want none for who has opted out", rows)
	}
	if u, err := a.User(t.Context(), sh, "u1"); err != nil || u.Profile.Version != 2 || u.Counts.Held != 0 {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestADepositForSomebodyElseInTheMiddleOfABatchDisturbsNobody(t *testing.T) {
	t.Parallel()
	a, b, sh := twoNodes(t)
	for i := range 6 {
		give(t, a, sh, minapush.OpenID(fmt.Sprint("u", i)), 0, 1)
	}
	batch := testBatch("c", 3)
	batch.Audience = interrupted(func() { give(t, b, sh, "u5", 1, 1) })
	rows := reserveAll(t, a, acquire(t, a, sh), batch)
	if len(rows) != 3 || a.again.Load() != 0 {
		t.Errorf("%d rows in %d new beginnings; want 3 in none", len(rows), a.again.Load())
	}
}

func TestAUserWhoComesInTheMiddleOfABatchIsWalked(t *testing.T) {
	t.Parallel()
	a, b, sh := twoNodes(t)
	give(t, a, sh, "u1", 0, 1)
	give(t, a, sh, "u9", 0, 1)
	batch := testBatch("c", 10)
	batch.Audience = interrupted(func() { give(t, b, sh, "u5", 0, 1) })
	var who []minapush.OpenID
	for _, d := range reserveAll(t, a, acquire(t, a, sh), batch) {
		who = append(who, d.OpenID)
	}
	if !slices.Equal(who, []minapush.OpenID{"u1", "u5", "u9"}) {
		t.Errorf("walked %v", who)
	}
}

func TestAnotherNodesUsersAreSeenAtOnce(t *testing.T) {
	t.Parallel()
	a, b, sh := twoNodes(t)
	for i := range 5 {
		give(t, a, sh, minapush.OpenID(fmt.Sprint("u", i)), 0, 1)
		for _, s := range []*Store{a, b} {
			users, err := s.Walk(t.Context(), sh, "", 100)
			if err != nil || len(users) != i+1 {
				t.Fatalf("%d users, %v; want %d", len(users), err, i+1)
			}
		}
	}
	if _, err := b.Erase(t.Context(), sh, "u2", testAt(0)); err != nil {
		t.Fatal(err)
	}
	if users, err := a.Walk(t.Context(), sh, "u1", 1); err != nil || len(users) != 1 || users[0].OpenID != "u3" {
		t.Errorf("%+v, %v", users, err)
	}
}

func TestALeaseTakenAwayInTheMiddleOfABatchStopsIt(t *testing.T) {
	t.Parallel()
	a, b, sh := twoNodes(t)
	give(t, a, sh, "u1", 0, 1)
	l := acquire(t, a, sh)
	batch := testBatch("c", 10)
	batch.Audience = interrupted(func() {
		if err := b.Release(t.Context(), l); err != nil {
			t.Error(err)
		}
		acquire(t, b, sh)
	})
	if _, err := a.ReserveBatch(t.Context(), l, batch); !errors.Is(err, minapush.Conflict) {
		t.Errorf("got %v", err)
	}
	if u, err := b.User(t.Context(), sh, "u1"); err != nil || u.Counts.Held != 0 {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestAnErasureInTheMiddleOfABatchLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	a, b, sh := twoNodes(t)
	for _, o := range []minapush.OpenID{"u1", "u2", "u3"} {
		give(t, a, sh, o, 0, 1)
	}
	if _, err := a.AddListed(t.Context(), sh, "c", []store.Listed{{OpenID: "u1"}, {OpenID: "u2"}, {OpenID: "x"}}); err != nil {
		t.Fatal(err)
	}
	erase := func() {
		for _, o := range []minapush.OpenID{"u2", "x"} {
			if done, err := b.Erase(t.Context(), sh, o, testAt(0)); err != nil || !done {
				t.Errorf("erase of %s: %v, %v", o, done, err)
			}
		}
	}
	l := acquire(t, a, sh)
	other := testBatch("other", 10)
	other.Audience = interrupted(erase)
	rows := reserveAll(t, a, l, other)
	if len(rows) != 2 || rows[0].OpenID != "u1" || rows[1].OpenID != "u3" {
		t.Errorf("rows %+v", rows)
	}
	listed := testBatch("c", 10)
	listed.Listed, listed.KeepSkipped = true, true
	if _, err := a.ReserveBatch(t.Context(), l, listed); err != nil {
		t.Fatal(err)
	}
	list, _, _, err := a.List(t.Context(), sh, "c", store.Ref{}, 10, nil)
	if err != nil || len(list) != 1 || list[0].OpenID != "u1" {
		t.Errorf("rows %+v, %v", list, err)
	}
}

func TestAListIsClosedByTheFirstBatchThoughItFoundNobody(t *testing.T) {
	t.Parallel()
	a, b, sh := twoNodes(t)
	listed := testBatch("c", 10)
	listed.Listed = true
	if r, err := a.ReserveBatch(t.Context(), acquire(t, a, sh), listed); err != nil || !r.Done {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := b.AddListed(t.Context(), sh, "c", []store.Listed{{OpenID: "u"}}); !errors.Is(err, minapush.Conflict) {
		t.Errorf("got %v", err)
	}
}

// TestAStepOfThousandsIsOneStep has more values in one step than Lua can spread at once.
func TestAStepOfThousandsIsOneStep(t *testing.T) {
	t.Parallel()
	a, _, sh := twoNodes(t)
	const n = 9000
	var list []store.Listed
	for i := range n {
		o := minapush.OpenID(fmt.Sprintf("u%05d", i))
		list = append(list, store.Listed{OpenID: o})
		if i%3 == 0 {
			give(t, a, sh, o, 0, 1)
		}
	}
	added, err := a.AddListed(t.Context(), sh, "c", list)
	if err != nil || len(added) != n || slices.Contains(added, false) {
		t.Fatalf("%d added, %v", len(added), err)
	}
	l := acquire(t, a, sh)
	b := testBatch("c", n)
	b.Listed, b.KeepSkipped = true, true
	r, err := a.ReserveBatch(t.Context(), l, b)
	if err != nil || len(r.Rows) != n/3 || r.Examined != n || !r.Done {
		t.Fatalf("%d rows, %d examined, done %v, %v", len(r.Rows), r.Examined, r.Done, err)
	}
	marked, err := a.Mark(t.Context(), l, refsOf(r.Rows), b.Now)
	if err != nil || slices.Contains(marked, false) {
		t.Fatalf("%d marked, %v", len(marked), err)
	}
	var xs []store.Settlement
	for i, d := range r.Rows {
		x := store.Settlement{Ref: store.RefOf(d), Outcome: minapush.Accepted, Permit: store.Spend, Now: b.Now}
		if i%2 == 0 {
			x.Outcome, x.Permit = minapush.Pending, store.Release
		}
		xs = append(xs, x)
	}
	if err := a.Settle(t.Context(), l, xs); err != nil {
		t.Fatal(err)
	}
	p, err := a.Progress(t.Context(), sh.App, 1, "c")
	if err != nil || !p.Tally.Closes() || p.Tally.Waiting != n/6 || p.Tally.Count(minapush.Accepted) != n/6 || p.Tally.Count(minapush.Skipped) != n*2/3 {
		t.Errorf("%+v, %v", p.Tally, err)
	}
	b.Now = b.Now.Add(time.Minute)
	if r, err = a.ReserveBatch(t.Context(), l, b); err != nil || len(r.Rows) != n/6 {
		t.Fatalf("%d rows, %v", len(r.Rows), err)
	}
	if rec, err := a.Recover(t.Context(), l, b.Now); err != nil || rec.Released != n/6 {
		t.Errorf("%+v, %v", rec, err)
	}
	rows := 0
	for after := (store.Ref{}); ; {
		page, next, more, err := a.List(t.Context(), sh, "c", after, 5000, nil)
		if err != nil {
			t.Fatal(err)
		}
		rows, after = rows+len(page), next
		if !more {
			break
		}
	}
	if rows != n {
		t.Errorf("%d rows are listed, want %d", rows, n)
	}
	if swept, err := a.Sweep(t.Context(), sh, "", n, testAt(8*24*time.Hour)); err != nil || len(swept.Users) != n/3 || swept.Next != "" {
		t.Errorf("%d users swept, next %q, %v", len(swept.Users), swept.Next, err)
	}
}

func TestListsOfMembersAreKeptOnlyForTheLastShards(t *testing.T) {
	t.Parallel()
	var m members
	for i := range maxMemberLists + 10 {
		m.put(fmt.Sprint(i), &memberList{generation: "1"})
		if m.get("0", "1") == nil {
			t.Fatalf("the list that is used is gone after %d others", i)
		}
	}
	if len(m.lists) != maxMemberLists {
		t.Errorf("%d lists are kept", len(m.lists))
	}
	if m.get("0", "2") != nil {
		t.Error("a list of another generation is given")
	}
}
