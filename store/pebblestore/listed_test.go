package pebblestore

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// list is a store of one shard whose users are on lists.
type list struct {
	*testing.T
	*Store
	sh    minapush.Shard
	lease store.Lease
}

func newList(t *testing.T) *list {
	t.Helper()
	l := &list{T: t, Store: mustOpen(t, "data", Config{FS: vfs.NewMem()}), sh: minapush.Shard{App: 1}}
	var err error
	if l.lease, err = l.Acquire(t.Context(), l.sh, "test", time.Hour); err != nil {
		t.Fatal(err)
	}
	return l
}

// add puts users 0 to n-1 on a list, each with its number.
func (l *list) add(campaign string, n int) {
	l.Helper()
	users := make([]store.Listed, n)
	for i := range users {
		users[i] = store.Listed{OpenID: listUser(i), Values: map[string]string{"n": fmt.Sprint(i)}}
	}
	if _, err := l.AddListed(l.Context(), l.sh, campaign, users); err != nil {
		l.Fatal(err)
	}
}

func listUser(i int) minapush.OpenID { return minapush.OpenID(fmt.Sprintf("user-%03d", i)) }

func (l *list) give(n int) {
	l.Helper()
	for i := range n {
		if _, err := l.Deposit(l.Context(), l.sh, listUser(i), store.Deposit{Now: at(0), Permits: []minapush.Permit{form(i)}}); err != nil {
			l.Fatal(err)
		}
	}
}

func (l *list) reserve(campaign string, limit int, now time.Duration) []minapush.Delivery {
	l.Helper()
	r, err := l.ReserveBatch(l.Context(), l.lease, store.Batch{
		Campaign: campaign, Need: store.Need{Kind: minapush.LegacyTemplate}, Started: at(time.Minute), Now: at(now), Limit: limit, Listed: true,
	})
	if err != nil {
		l.Fatal(err)
	}
	for _, d := range r.Rows {
		var i int
		_, _ = fmt.Sscanf(string(d.OpenID), "user-%d", &i)
		if diff := gocmp.Diff(d.Values, map[string]string{"n": fmt.Sprint(i)}); diff != "" {
			l.Errorf("values of %s (-got +want)\n%s", d.OpenID, diff)
		}
	}
	return r.Rows
}

func (l *list) settle(rows []minapush.Delivery, o minapush.Outcome, p store.PermitEffect) {
	l.Helper()
	xs := make([]store.Settlement, len(rows))
	for i, d := range rows {
		xs[i] = store.Settlement{Ref: store.RefOf(d), Outcome: o, Permit: p, Now: at(time.Hour), NotBefore: at(2 * time.Hour)}
	}
	if err := l.Settle(l.Context(), l.lease, xs); err != nil {
		l.Fatal(err)
	}
}

func (l *list) want(campaign string, n int64) {
	l.Helper()
	if got, err := l.CountListed(l.Context(), l.sh.App, 1, campaign); err != nil || got != n {
		l.Errorf("%d users are on the list of %s, want %d, %v", got, campaign, n, err)
	}
	page, err := l.Listed(l.Context(), l.sh, campaign, "", 1000)
	if err != nil || int64(len(page)) != n {
		l.Errorf("the list of %s has %d users, want %d, %v", campaign, len(page), n, err)
	}
	_, counted, err := get(l.db, nil, listSizeKey(nil, l.sh, campaign))
	if err != nil || counted != (n > 0) {
		l.Errorf("a length is stored: %v, %v", counted, err)
	}
}

func TestEveryRowOfAListHasItsValuesWhereverItComesFrom(t *testing.T) {
	for _, limit := range []int{wideFrom - 1, wideFrom, 100} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			l := newList(t)
			l.give(limit)
			l.add("c", limit)
			for where, now := range map[string]time.Duration{"walked": time.Hour, "held": time.Hour} {
				if rows := l.reserve("c", limit, now); len(rows) != limit {
					t.Fatalf("%s: %d rows", where, len(rows))
				}
			}
			l.settle(l.reserve("c", limit, time.Hour), minapush.Pending, store.Release)
			if rows := l.reserve("c", limit, 3*time.Hour); len(rows) != limit || rows[0].Attempt != 2 {
				t.Errorf("of the again-queue: %+v", rows)
			}
		})
	}
}

func TestErasuresOfOneStepAreAllCounted(t *testing.T) {
	l := newList(t)
	const users = 20
	l.give(users)
	l.add("first", users)
	l.add("later", users)
	l.add("last", users/2)
	rows := l.reserve("first", users, time.Hour)
	for i := range users / 2 {
		if done, err := l.Erase(t.Context(), l.sh, listUser(i), at(time.Hour)); err != nil || done {
			t.Fatalf("done %v, %v", done, err)
		}
	}
	l.want("later", users) // they are only marked
	l.settle(rows, minapush.Accepted, store.Spend)
	l.want("first", users/2)
	l.want("later", users/2)
	l.want("last", 0)
	if done, err := l.Erase(t.Context(), l.sh, listUser(users-1), at(time.Hour)); err != nil || !done {
		t.Fatalf("done %v, %v", done, err)
	}
	l.want("later", users/2-1)
}

func TestSomebodyErasedIsOnNoListWhateverItsName(t *testing.T) {
	l := newList(t)
	names := []string{"", "\x00", "\x00\xff", "\x00\x01", "a", "a\x00", "a\x00\x01user-001", "ab", "\xff", "\xff\xff"}
	for i, name := range names {
		l.add(name, 2+i%3) // 0 and 1 are on all, 2 and 3 on some
	}
	for _, o := range []minapush.OpenID{listUser(0), listUser(3)} {
		if done, err := l.Erase(t.Context(), l.sh, o, at(0)); err != nil || !done {
			t.Fatalf("done %v, %v", done, err)
		}
	}
	for i, name := range names {
		l.want(name, int64([]int{1, 2, 2}[i%3]))
	}
	if _, err := l.Erase(t.Context(), l.sh, listUser(3), at(0)); minapush.KindOf(err) != minapush.NotFound {
		t.Errorf("again: %v", err)
	}
}

func TestAnOpenIDThatIsEmptyIsOnNoList(t *testing.T) {
	l := newList(t)
	_, err := l.AddListed(t.Context(), l.sh, "c", []store.Listed{{OpenID: "u"}, {}})
	if minapush.KindOf(err) != minapush.Invalid {
		t.Errorf("%v", err)
	}
	l.want("c", 0)
}
