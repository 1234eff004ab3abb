package redisstore

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/redisstore/redistest"
	"github.com/minapush/minapush/store/storetest"
)

// update writes the last fixture anew: only when a new format comes, into a new file. The old ones stay, and this release must read them.
var update = flag.Bool("update", false, "write the last of testdata/ as this release writes it")

// The fixtures are of the first release, and of that which brought named events and says more of recent deliveries.
const (
	fixture       = "testdata/format1.txt"
	fixtureEvents = "testdata/format1-events.txt"
	fixturePrefix = "fixture"
)

var storyApp = minapush.App{Number: 7, Shards: 1}

func storyShard() minapush.Shard { return minapush.Shard{App: storyApp.Number} }

// story makes a store in which there is something of everything that docs/storage.md names. It is told once to a release, which leaves
// the fixture, and once to the model.
func story(ctx context.Context, st store.Store, events bool) (store.Lease, error) {
	sh, now := storyShard(), testAt(time.Hour)
	t := teller{ctx: ctx, st: st}
	for _, id := range []string{"b", "a", "gone"} {
		v, err := st.Put(ctx, store.Document{Kind: "template", ID: id, Value: []byte("value of " + id)})
		t.fine(err)
		if id == "gone" {
			t.fine(st.Delete(ctx, store.Document{Kind: "template", ID: id, Version: v}))
		}
	}
	for i := range 12 {
		t.gives(storyUser(i), storyForms(i, 4)...)
		t.gives(storyUser(i), storyForms(100+i, 2)...) // a delta
	}
	t.gives(storyUser(1),
		minapush.Permit{Kind: minapush.PrepayID, Identity: "wx-prepay-1", Uses: 3, TakenAt: testAt(0), ExpiresAt: testAt(minapush.CodeLife), Source: 3},
		minapush.Permit{Kind: minapush.Subscription, Template: "news", Identity: "nonce-1", Uses: 1, TakenAt: testAt(0)},
		minapush.Permit{Kind: minapush.Standing, Template: "alert", Identity: "standing-1", TakenAt: testAt(0)})
	_, err := st.PutProfile(ctx, sh, storyUser(2), minapush.Profile{
		UID: "uid-2", Tags: []string{"a", "b"}, OptOut: minapush.OptOutAll, Attributes: map[string]minapush.Attribute{
			"city": {Text: "上海"}, "level": {Kind: minapush.Number, Number: -2.5}, "vip": {Kind: minapush.Flag, Number: 1},
		}}, testAt(0))
	t.fine(err)
	t.fine(st.BindUID(ctx, sh, "uid-2", storyUser(2), ""))
	if events {
		t.notes(2, "checkin", "share")
		t.notes(3, "checkin")
		t.notes(13, "checkin") // was never seen
	}
	l, err := st.Acquire(ctx, sh, "fixture", time.Hour)
	t.fine(err)
	t.campaign(l, now)
	_, err = st.AddListed(ctx, sh, "listed", []store.Listed{
		{OpenID: storyUser(8), Values: map[string]string{"name": "八"}}, {OpenID: storyUser(9)}, {OpenID: "nobody"},
	})
	t.fine(err)
	t.pushes(now)
	return l, t.err
}

func storyUser(i int) minapush.OpenID { return minapush.OpenID(fmt.Sprintf("o%02d:{é}", i)) }

func storyForms(from, n int) []minapush.Permit {
	list := make([]minapush.Permit, n)
	for i := range list {
		list[i] = form(1000*from + i)
		list[i].Uses = 1
		list[i].ExpiresAt = list[i].ExpiresAt.Add(time.Duration(from) * time.Minute)
	}
	if from%2 == 1 {
		list[0].Identity = fmt.Sprintf("not hex %d", from)
	}
	return list
}

// teller tells the story until the first error.
type teller struct {
	ctx context.Context
	st  store.Store
	err error
}

func (t *teller) fine(err error) { t.err = errors.Join(t.err, err) }

func (t *teller) gives(o minapush.OpenID, permits ...minapush.Permit) {
	_, err := t.st.Deposit(t.ctx, storyShard(), o, store.Deposit{Now: testAt(0), Permits: permits})
	t.fine(err)
}

// notes tells of events, of the first one twice.
func (t *teller) notes(i int, names ...string) {
	told := make([]minapush.NamedEvent, 0, len(names)+1)
	for _, name := range append(names, names[0]) {
		told = append(told, minapush.NamedEvent{Name: name, At: testAt(time.Duration(len(told)) * time.Minute)})
	}
	_, err := t.st.NoteEvents(t.ctx, storyShard(), storyUser(i), told, false, testAt(0))
	t.fine(err)
}

// campaign walks to user 6 and leaves rows of every state.
func (t *teller) campaign(l store.Lease, now time.Time) {
	b := storyBatch(now)
	b.Limit = 7
	r, err := t.st.ReserveBatch(t.ctx, l, b)
	t.fine(err)
	if len(r.Rows) < 6 {
		t.fine(fmt.Errorf("reserved %d rows", len(r.Rows)))
		return
	}
	_, err = t.st.Mark(t.ctx, l, refsOf(r.Rows[:5]), now) // the sixth stays held
	t.fine(err)
	x := func(i int) store.Settlement {
		return store.Settlement{Ref: store.RefOf(r.Rows[i]), Now: now, Permit: store.Spend}
	}
	accepted, failed, again, suspect := x(0), x(1), x(2), x(3)
	accepted.Outcome, accepted.MsgID = minapush.Accepted, 1<<60+7
	failed.Outcome, failed.Permit, failed.Errcode, failed.Reason = minapush.Failed, store.Burn, 41028, "41028"
	again.Permit, again.NotBefore = store.Release, now.Add(time.Minute)
	suspect.Permit, suspect.Errcode, suspect.Reason = store.SuspectUse, 43101, "43101"
	t.fine(t.st.Settle(t.ctx, l, []store.Settlement{accepted, failed, again, suspect}))
}

func storyBatch(now time.Time) store.Batch {
	return store.Batch{
		Campaign: "camp", Need: store.Need{Kind: minapush.LegacyTemplate, Template: "t", Content: 9}, Started: testAt(time.Hour), Now: now, Limit: 100,
	}
}

// pushes leaves one push settled and one in hand, both with idempotency keys.
func (t *teller) pushes(now time.Time) {
	for i, id := range []string{"p1", "p2"} {
		a, err := t.st.ReservePush(t.ctx, storyShard(), store.Push{
			Batch: "push-20260301", ID: id, OpenID: storyUser(10 + i), Attempt: 1, Need: storyBatch(now).Need, Now: now,
			Deadline: now.Add(time.Minute), Key: "key " + id, Fingerprint: 1<<63 + 5, KeepKey: 24 * time.Hour,
		})
		t.fine(err)
		if t.err != nil || i > 0 {
			return
		}
		t.fine(t.st.MarkPush(t.ctx, storyShard(), store.RefOf(a.Delivery), now, now.Add(time.Hour)))
		_, err = t.st.SettlePush(t.ctx, storyShard(), store.Settlement{
			Ref: store.RefOf(a.Delivery), Outcome: minapush.Accepted, Permit: store.Spend, MsgID: 12, Now: now,
		})
		t.fine(err)
	}
}

// goOn is what happens after the update: everything that was begun ends.
func goOn(ctx context.Context, st store.Store, l store.Lease) error {
	sh, now := storyShard(), testAt(2*time.Hour)
	t := teller{ctx: ctx, st: st}
	t.fine(st.Renew(ctx, l, time.Hour))
	_, err := st.Recover(ctx, l, now)
	t.fine(err)
	_, err = st.ResolveSuspects(ctx, l, "camp", now, true, 10, now)
	t.fine(err)
	_, err = st.RecoverPushes(ctx, sh, now)
	t.fine(err)
	again, err := st.ReservePush(ctx, sh, store.Push{
		Batch: "push-20260301", ID: "p9", OpenID: storyUser(10), Attempt: 1, Need: storyBatch(now).Need, Now: now, Deadline: now.Add(time.Minute),
		Key: "key p1", Fingerprint: 1<<63 + 5, KeepKey: 24 * time.Hour,
	})
	t.fine(err)
	if again.Status != store.PushReplayed || again.Delivery.MsgID != 12 {
		t.fine(fmt.Errorf("the key of a push that was sent gave %+v", again))
	}
	for i := range 12 {
		t.gives(storyUser(i), append(storyForms(i, 1), storyForms(200+i, 1)...)...) // one is known
	}
	for _, listed := range []bool{false, true} {
		b := storyBatch(now)
		if b.Listed, b.KeepSkipped = listed, listed; listed {
			b.Campaign = "listed"
		}
		for range 4 {
			t.spend(l, b)
		}
	}
	_, err = st.Put(ctx, store.Document{Kind: "template", ID: "new", Value: []byte("v")})
	t.fine(err)
	_, err = st.Erase(ctx, sh, storyUser(0), now)
	t.fine(err)
	_, err = st.Sweep(ctx, sh, "", 100, testAt(minapush.CodeLife+105*time.Minute))
	t.fine(err)
	return t.err
}

// spend sends to whoever is next.
func (t *teller) spend(l store.Lease, b store.Batch) {
	r, err := t.st.ReserveBatch(t.ctx, l, b)
	t.fine(err)
	_, err = t.st.Mark(t.ctx, l, refsOf(r.Rows), b.Now)
	t.fine(err)
	xs := make([]store.Settlement, len(r.Rows))
	for i, d := range r.Rows {
		xs[i] = store.Settlement{Ref: store.RefOf(d), Outcome: minapush.Accepted, Permit: store.Spend, MsgID: int64(i) + 1, Now: b.Now}
	}
	t.fine(t.st.Settle(t.ctx, l, xs))
}

// whole is all that can be read of the story's store.
type whole struct {
	Users     []store.User
	Flow      map[minapush.PermitKind]minapush.Counts
	Rows      map[string][]minapush.Delivery
	Progress  map[string]store.Progress
	Listed    []store.Listed
	UID       minapush.OpenID
	Documents []store.Document
}

var storyBatches = []string{"camp", "listed", "push-20260301"}

func readWhole(t *testing.T, st store.Store) (w whole) {
	t.Helper()
	ctx, sh := t.Context(), storyShard()
	w.Rows, w.Progress = map[string][]minapush.Delivery{}, map[string]store.Progress{}
	var errs [6]error
	w.Users, errs[0] = st.Walk(ctx, sh, "", 1000)
	w.Flow, errs[1] = st.Flow(ctx, sh)
	w.Listed, errs[2] = st.Listed(ctx, sh, "listed", "", 1000)
	w.UID, errs[3] = st.UID(ctx, sh, "uid-2")
	w.Documents, errs[4] = st.ListDocuments(ctx, "template", "", 1000)
	for _, id := range storyBatches {
		var e1, e2 error
		w.Rows[id], _, _, e1 = st.List(ctx, sh, id, store.Ref{}, 1000, nil)
		w.Progress[id], e2 = st.Progress(ctx, storyApp.Number, storyApp.Shards, id)
		errs[5] = errors.Join(errs[5], e1, e2)
	}
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	for i := range w.Users {
		for k := range w.Users[i].Permits {
			if p := &w.Users[i].Permits[k].Permit; !p.Kind.HasCode() {
				p.Identity = "" // a store keeps a hash of it
			}
		}
	}
	return w
}

func same(t *testing.T, what string, got, want whole) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func checkStory(t *testing.T, st store.Store, gone bool) {
	t.Helper()
	storetest.MustCheck(t, st, storetest.Scope{
		Apps: []minapush.App{storyApp}, Batches: map[uint32][]string{storyApp.Number: storyBatches},
		Kept: map[uint32][]string{storyApp.Number: {"listed"}}, RowsGone: gone,
	})
}

// unheard takes out what a release from before did not note of recent deliveries.
func (w whole) unheard() whole {
	for i := range w.Users {
		for j := range w.Users[i].Recent {
			x := &w.Users[i].Recent[j]
			x.Template, x.Missed = 0, false
		}
	}
	return w
}

func TestAStoreOfTheFirstFormatIsReadAndGoneOnWith(t *testing.T) {
	t.Parallel()
	checkFixture(t, redistest.One(t, "appendfsync no"), fixture, false, whole.unheard)
}

func TestAStoreWithEventsIsReadAndGoneOnWith(t *testing.T) {
	t.Parallel()
	server := redistest.One(t, "appendfsync no")
	if *update {
		st := openAt(t, fixturePrefix, server.Addr())
		_, err := story(t.Context(), st, true)
		if err = errors.Join(err, st.Close()); err == nil {
			err = os.WriteFile(fixtureEvents, dump(t, server), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := server.Do("FLUSHALL"); err != nil {
			t.Fatal(err)
		}
	}
	checkFixture(t, server, fixtureEvents, true, func(w whole) whole { return w })
}

// checkFixture compares what a release left to the model's, now and after going on, as far as the release kept it.
func checkFixture(t *testing.T, server *redistest.Server, file string, events bool, kept func(whole) whole) {
	t.Helper()
	load(t, server, file)
	clock := testAt(time.Hour)
	model := storetest.NewModel(func() time.Time { return clock })
	lease, err := story(t.Context(), model, events)
	if err != nil {
		t.Fatal(err)
	}
	st := openAt(t, fixturePrefix, server.Addr())
	defer st.Close()
	same(t, "the fixture", kept(readWhole(t, st)), kept(readWhole(t, model)))
	checkStory(t, st, false)
	if err := errors.Join(goOn(t.Context(), st, lease), goOn(t.Context(), model, lease)); err != nil {
		t.Fatal(err)
	}
	same(t, "after going on", kept(readWhole(t, st)), kept(readWhole(t, model)))
	checkStory(t, st, true)
}

func TestTheFixturesHaveKeysOfEveryKind(t *testing.T) {
	t.Parallel()
	for _, file := range []string{fixture, fixtureEvents} {
		checkKeys(t, file)
	}
}

func checkKeys(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	k := (&Store{prefix: fixturePrefix}).keys(storyShard())
	d := (&Store{prefix: fixturePrefix}).documents("template")
	for name, key := range map[string]string{
		"users": k.users(), "counters": k.counters(), "lease": k.lease(), "lease number": k.leaseNumber(), "hand": k.hand(),
		"deadlines": k.deadlines(), "batches": k.batches(), "uids": k.uids(), "progress": k.progress("camp"), "order": k.order("camp"),
		"queue": k.queue("camp"), "settled": k.settled("camp", bucketOf(storyUser(0))), "pushes": k.pushes("push-20260301"),
		"list": k.list("listed"), "once": k.once(storyUser(10)), "document": d.value("a"), "ids": d.ids(), "version": d.version(),
		"format": fixturePrefix + ":format",
	} {
		if !bytes.Contains(b, []byte("key "+strconv.QuoteToASCII(key)+" ")) {
			t.Errorf("%s has no %s: %s", file, name, key)
		}
	}
}
