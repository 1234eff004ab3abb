package redisstore

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

// ofAnotherRelease gives a store scripts of other texts, which do the same.
func ofAnotherRelease(s *Store, release string) *Store {
	other := *s.scripts
	for _, c := range []*script{
		&other.commit, &other.deposit, &other.reserve, &other.rows, &other.row, &other.beside, &other.forget, &other.acquire,
		&other.renew, &other.put, &other.delete,
	} {
		c.text += "\n-- " + release
		sum := sha1.Sum([]byte(c.text))
		c.hash = hex.EncodeToString(sum[:])
	}
	s.scripts = &other
	return s
}

func TestTwoReleasesShareAStoreAlsoWhenTheServerForgetsTheirScripts(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "appendfsync no")
	prefix := newPrefix()
	old, young := openAt(t, prefix, server.Addr()), ofAnotherRelease(openAt(t, prefix, server.Addr()), "of the next release")
	defer old.Close()
	defer young.Close()
	releases := []*Store{old, young}
	sh := storyShard()
	var l store.Lease
	now := testAt(time.Hour)
	for i := range 20 {
		a, b := releases[i%2], releases[(i+1)%2]
		if i%5 == 4 {
			if _, err := server.Do("SCRIPT", "FLUSH"); err != nil {
				t.Fatal(err)
			}
		}
		give(t, a, sh, storyUser(i), 10*i, 2)
		give(t, b, sh, storyUser(i), 10*i+1, 2) // one of them is known
		u, err := a.User(t.Context(), sh, storyUser(i))
		if err != nil || u.Counts.Available != 3 {
			t.Fatalf("user %d: %+v, %v", i, u.Counts, err)
		}
		v, err := a.Put(t.Context(), store.Document{Kind: "k", ID: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Delete(t.Context(), store.Document{Kind: "k", ID: fmt.Sprint(i), Version: v}); err != nil {
			t.Fatal(err)
		}
	}
	// One claims, the other marks, the first settles, under a lease that both know.
	l = acquire(t, old, sh)
	for i := 0; ; i++ {
		a, b := releases[i%2], releases[(i+1)%2]
		if _, err := server.Do("SCRIPT", "FLUSH"); err != nil {
			t.Fatal(err)
		}
		r, err := a.ReserveBatch(t.Context(), l, testBatch("c", 6))
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Rows) == 0 {
			break
		}
		marked, err := b.Mark(t.Context(), l, refsOf(r.Rows), now)
		if err != nil || slices.Contains(marked, false) {
			t.Fatal(marked, err)
		}
		xs := make([]store.Settlement, len(r.Rows))
		for k, d := range r.Rows {
			xs[k] = store.Settlement{Ref: store.RefOf(d), Outcome: minapush.Accepted, Permit: store.Spend, Now: now}
		}
		if err := a.Settle(t.Context(), l, xs); err != nil {
			t.Fatal(err)
		}
	}
	p, err := young.Progress(t.Context(), sh.App, 1, "c")
	if err != nil || p.Tally.Count(minapush.Accepted) != 20 || !p.Tally.Closes() {
		t.Errorf("%+v, %v", p, err)
	}
	flow, err := old.Flow(t.Context(), sh)
	if err != nil || flow[minapush.FormID].Deposited != 60 || flow[minapush.FormID].Spent != 20 {
		t.Errorf("%+v, %v", flow, err)
	}
}

// newer is a value as a release to come may write it.
const newer = "\x02what is to come"

func TestWhatANewerReleaseWroteIsRefusedInWordsAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "appendfsync no")
	prefix := newPrefix()
	s := openAt(t, prefix, server.Addr())
	defer s.Close()
	sh := storyShard()
	k, o := s.keys(sh), minapush.OpenID("u")
	l := acquire(t, s, sh)
	packed := func(v string) string { return string(appendPacked(nil, o, []byte(v))) }
	ctx, now := t.Context(), testAt(time.Hour)
	delivery := func() error { return second(s.Delivery(ctx, sh, "c", o, "")) }
	push := store.Push{
		Batch: "d", ID: "p", OpenID: o, Attempt: 1, Need: testBatch("", 1).Need, Now: now, Deadline: now.Add(time.Hour), Key: "key", KeepKey: time.Hour,
	}
	for name, c := range map[string]struct {
		put  []string // a command
		look []string
		call func() error
	}{
		"user, read":      {[]string{"HSET", k.users(), "u", newer}, []string{"HGETALL", k.users()}, func() error { return second(s.User(ctx, sh, o)) }},
		"user, deposit":   {[]string{"HSET", k.users(), "u", newer}, []string{"HGETALL", k.users()}, func() error { return second(s.Deposit(ctx, sh, o, store.Deposit{Now: now})) }},
		"user, reserve":   {[]string{"HSET", k.users(), "u", newer}, []string{"HGETALL", k.users()}, func() error { return second(s.ReserveBatch(ctx, l, testBatch("c", 5))) }},
		"user, sweep":     {[]string{"HSET", k.users(), "u", newer}, []string{"HGETALL", k.users()}, func() error { return second(s.Sweep(ctx, sh, "", 5, now)) }},
		"user, erase":     {[]string{"HSET", k.users(), "u", newer}, []string{"HGETALL", k.users()}, func() error { return second(s.Erase(ctx, sh, o, now)) }},
		"uid":             {[]string{"HSET", k.uids(), "x", newer}, []string{"HGETALL", k.uids()}, func() error { return second(s.UID(ctx, sh, "x")) }},
		"uid, bind":       {[]string{"HSET", k.uids(), "x", newer}, []string{"HGETALL", k.uids()}, func() error { return s.BindUID(ctx, sh, "x", o, "") }},
		"rows in hand":    {[]string{"HSET", k.hand(), handField("c", bucketOf(o)), newer}, []string{"HGETALL", k.hand()}, delivery},
		"row in hand":     {[]string{"HSET", k.hand(), handField("c", bucketOf(o)), "\x01" + packed(newer)}, []string{"HGETALL", k.hand()}, delivery},
		"recover":         {[]string{"HSET", k.hand(), handField("c", bucketOf(o)), newer}, []string{"HGETALL", k.hand()}, func() error { return second(s.Recover(ctx, l, now)) }},
		"push in hand":    {[]string{"HSET", k.hand(), pushField("d", "p", o), newer}, []string{"HGETALL", k.hand()}, func() error { return second(s.ReservePush(ctx, sh, push)) }},
		"queued row":      {[]string{"HSET", k.queue("c"), "u", newer}, []string{"HGETALL", k.queue("c")}, delivery},
		"settled row":     {[]string{"SET", k.settled("c", bucketOf(o)), packed(newer)}, []string{"GET", k.settled("c", bucketOf(o))}, delivery},
		"settled push":    {[]string{"HSET", k.pushes("d"), "u", newer}, []string{"HGETALL", k.pushes("d")}, func() error { return second(s.ReservePush(ctx, sh, push)) }},
		"place on a list": {[]string{"HSET", k.list("c"), "u", newer}, []string{"HGETALL", k.list("c")}, func() error { return second(s.Listed(ctx, sh, "c", "", 5)) }},
		"idempotency key": {[]string{"HSET", k.once(o), "key", newer}, []string{"HGETALL", k.once(o)}, func() error { return second(s.ReservePush(ctx, sh, push)) }},
		"document":        {[]string{"SET", s.documents("k").value("a"), newer}, []string{"GET", s.documents("k").value("a")}, func() error { return second(s.Get(ctx, "k", "a")) }},
		"document, put":   {[]string{"SET", s.documents("k").value("a"), newer}, []string{"GET", s.documents("k").value("a")}, func() error { return second(s.Put(ctx, store.Document{Kind: "k", ID: "a"})) }},
		"document, delete": {[]string{"SET", s.documents("k").value("a"), newer}, []string{"GET", s.documents("k").value("a")}, func() error {
			return s.Delete(ctx, store.Document{Kind: "k", ID: "a", Version: 1})
		}},
	} {
		if _, err := server.Do(c.put...); err != nil {
			t.Fatal(err)
		}
		before, err := server.Do(c.look...)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.call(); !errors.Is(err, minapush.Internal) || !strings.Contains(err.Error(), "newer release") {
			t.Errorf("%s: got %v", name, err)
		}
		if after, err := server.Do(c.look...); err != nil || after != before {
			t.Errorf("%s: it was %q and is %q, %v", name, before, after, err)
		}
		if _, err := server.Do("DEL", c.put[1]); err != nil {
			t.Fatal(err)
		}
	}
}
