package redisstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

func settleAll(t *testing.T, s *Store, l store.Lease, rows []minapush.Delivery) {
	t.Helper()
	xs := make([]store.Settlement, len(rows))
	for i, d := range rows {
		xs[i] = store.Settlement{Ref: store.RefOf(d), Outcome: minapush.Accepted, Permit: store.Spend, MsgID: int64(i), Now: testAt(2 * time.Hour)}
	}
	if err := s.Settle(t.Context(), l, xs); err != nil {
		t.Fatal(err)
	}
}

func markAll(t *testing.T, s *Store, l store.Lease, rows []minapush.Delivery) {
	t.Helper()
	marked, err := s.Mark(t.Context(), l, refsOf(rows), testAt(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for i, ok := range marked {
		if !ok {
			t.Errorf("%s was not marked", rows[i].OpenID)
		}
	}
}

func TestWhatAStepLeavesInHandIsKeptUntilItIsSettled(t *testing.T) {
	t.Parallel()
	a, _, sh := twoNodes(t)
	for i := range 8 {
		give(t, a, sh, minapush.OpenID(fmt.Sprint("u", i)), 0, 1)
	}
	l := acquire(t, a, sh)
	rows := reserveAll(t, a, l, testBatch("c", 10))
	kept := func(n int) {
		t.Helper()
		if r := a.recalls.kept[sh]; n > 0 && (r == nil || len(r.users) != n) || n == 0 && r != nil {
			t.Errorf("kept %+v, want %d users", r, n)
		}
	}
	kept(8)
	markAll(t, a, l, rows)
	kept(8)
	settleAll(t, a, l, rows[:5])
	kept(3)
	settleAll(t, a, l, rows[5:])
	kept(0)
	p, err := a.Progress(t.Context(), 1, 1, "c")
	if err != nil || p.Tally.By[minapush.Accepted][""] != 8 || p.Tally.Held+p.Tally.Sending != 0 {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestWhatOthersWriteBetweenTheStepsOfABatchIsNotLost has another node write to users in hand between all steps.
func TestWhatOthersWriteBetweenTheStepsOfABatchIsNotLost(t *testing.T) {
	t.Parallel()
	a, b, sh := twoNodes(t)
	for i := range 6 {
		give(t, a, sh, minapush.OpenID(fmt.Sprint("u", i)), 0, 1)
	}
	l := acquire(t, a, sh)
	rows := reserveAll(t, a, l, testBatch("c", 10))
	give(t, b, sh, "u3", 1, 2)
	markAll(t, a, l, rows)
	give(t, b, sh, "u4", 1, 1)
	if done, err := b.Erase(t.Context(), sh, "u2", testAt(0)); err != nil || done {
		t.Fatalf("erased at once: %v, %v", done, err)
	}
	settleAll(t, a, l, rows)
	if _, err := b.User(t.Context(), sh, "u2"); err == nil {
		t.Error("u2 is there, whose erasure waited for the settlement")
	}
	for o, want := range map[minapush.OpenID]minapush.Counts{
		"u3": {Deposited: 3, Spent: 1, Available: 2}, "u4": {Deposited: 2, Spent: 1, Available: 1}, "u5": {Deposited: 1, Spent: 1},
	} {
		if u, err := b.User(t.Context(), sh, o); err != nil || u.Counts != want || u.Busy != nil {
			t.Errorf("%s: %+v, %v; want %+v", o, u, err, want)
		}
	}
}

// TestAVersionDoesNotComeBack lets a server forget a batch that it had acknowledged, and others write as often as the batch had.
func TestAVersionDoesNotComeBack(t *testing.T) {
	t.Parallel()
	a, b, sh := twoNodes(t)
	for i := range 6 {
		give(t, a, sh, minapush.OpenID(fmt.Sprint("u", i)), 0, 1)
	}
	l := acquire(t, a, sh)
	k := a.keys(sh)
	saved := map[string]string{}
	for _, key := range []string{k.users(), k.counters()} {
		text, err := a.client.Do(t.Context(), a.client.B().Arbitrary("DUMP").Keys(key).Build()).ToString()
		if err != nil {
			t.Fatal(err)
		}
		saved[key] = text
	}
	rows := reserveAll(t, a, l, testBatch("c", 10))
	for key, text := range saved {
		if err := a.client.Do(t.Context(), a.client.B().Arbitrary("RESTORE").Keys(key).Args("0", text, "REPLACE").Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.client.Do(t.Context(), a.client.B().Del().Key(k.hand(), k.progress("c")).Build()).Error(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.PutProfile(t.Context(), sh, "u1", minapush.Profile{OptOut: minapush.OptOutAll}, testAt(0)); err != nil {
		t.Fatal(err)
	}
	marked, err := a.Mark(t.Context(), l, refsOf(rows), testAt(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for i, ok := range marked {
		if ok {
			t.Errorf("%s was marked, whose reservation the server had forgotten", rows[i].OpenID)
		}
	}
}
