package redisstore

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// What is beside users is read page by page, in one script each, and all buckets of a campaign together.
func TestWhatIsBesideUsersIsToldOverPages(t *testing.T) {
	t.Parallel()
	s, other, sh := twoNodes(t)
	const users = 2*pageOfUsers + 10
	for i := range users {
		give(t, s, sh, minapush.OpenID(fmt.Sprintf("user %03d", i)), 2*i, 2)
	}
	l := acquire(t, s, sh)
	rows := reserveAll(t, s, l, testBatch("c", users))
	markAll(t, s, l, rows)
	settleAll(t, s, l, rows)
	for i := range rows[:users/4] {
		confirm(t, s, sh, &rows[i], int64(max(i, 1))) // each stands twice now, and the last one counts
	}
	if _, err := s.AddListed(t.Context(), sh, "list", []store.Listed{{OpenID: "user 300"}}); err != nil {
		t.Fatal(err)
	}
	wrong := func(u *store.User) bool {
		i := slices.IndexFunc(rows, func(d minapush.Delivery) bool { return d.OpenID == u.OpenID })
		there := u.Beside[0].Row
		return there.OpenID != u.OpenID || there.Outcome != minapush.Accepted || (there.Confirmed == minapush.Delivered) != (i < users/4) ||
			u.Beside[1].Listed != (u.OpenID == "user 300") || u.Beside[1].Row.Batch != ""
	}
	walked, err := other.Walk(t.Context(), sh, "", users, "c", "list")
	if err != nil || len(walked) != users {
		t.Fatalf("%d users, %v", len(walked), err)
	}
	for i := range walked {
		if wrong(&walked[i]) {
			t.Errorf("%s: %+v", walked[i].OpenID, walked[i].Beside)
		}
	}
	b, asked := testBatch("d", users), 0
	b.Beside = []string{"c", "list"}
	b.Audience = func(u *store.User) bool {
		if asked++; wrong(u) {
			t.Errorf("%s: %+v", u.OpenID, u.Beside)
		}
		return u.Beside[1].Listed
	}
	if got := reserveAll(t, s, l, b); asked != users || len(got) != 1 || got[0].OpenID != "user 300" {
		t.Errorf("asked about %d, reserved %d", asked, len(got))
	}
}

// A row goes from the again-queue into the hand, back, and to those that are settled, while others look. Who saw none of it would send
// again what was sent.
func TestARowIsSeenBesideItsUserWhileItMoves(t *testing.T) {
	t.Parallel()
	s, other, sh := twoNodes(t)
	give(t, s, sh, "u", 0, 1)
	l := acquire(t, s, sh)
	b := testBatch("c", 1)
	rows := reserveAll(t, s, l, b)
	looked, stop := make(chan int, 1), make(chan struct{})
	go func() {
		n := 0
		defer func() { looked <- n }()
		for {
			users, err := other.Walk(t.Context(), sh, "", 10, "c")
			if err != nil || len(users) != 1 || users[0].Beside[0].Row.Batch != "c" {
				t.Errorf("saw %+v, %v", users, err)
				return
			}
			n++
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	for range 100 {
		markAll(t, s, l, rows)
		x := store.Settlement{Ref: store.RefOf(rows[0]), Permit: store.Release, NotBefore: b.Now, Now: b.Now}
		if err := s.Settle(t.Context(), l, []store.Settlement{x}); err != nil {
			t.Fatal(err)
		}
		rows = reserveAll(t, s, l, b)
	}
	settleAll(t, s, l, rows)
	close(stop)
	if n := <-looked; n == 0 {
		t.Error("nobody looked")
	}
}

func TestAnEventNotedInTheMiddleOfABatchIsNotLost(t *testing.T) {
	t.Parallel()
	a, b, sh := twoNodes(t)
	for i := range 6 {
		give(t, a, sh, minapush.OpenID(fmt.Sprint("u", i)), 0, 1)
	}
	batch := testBatch("c", 10)
	note := func() {
		told := []minapush.NamedEvent{{Name: "checkin", At: testAt(0)}}
		if _, err := b.NoteEvents(t.Context(), sh, "u3", told, true, testAt(time.Hour)); err != nil {
			t.Error(err)
		}
	}
	batch.Audience = interrupted(note)
	rows := reserveAll(t, a, acquire(t, a, sh), batch)
	if len(rows) != 6 || a.again.Load() != 1 {
		t.Errorf("%d rows in %d new beginnings; want 6 in 1", len(rows), a.again.Load())
	}
	u, err := b.User(t.Context(), sh, "u3")
	if err != nil || u.Events["checkin"].Count != 1 || !u.LastSeen.Equal(testAt(time.Hour)) || u.Busy == nil {
		t.Errorf("%+v, %v", u, err)
	}
}
