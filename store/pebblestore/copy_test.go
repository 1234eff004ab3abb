package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

func TestCopiesFromPebbleToPebbleAgree(t *testing.T) {
	if slowIterators {
		t.Skip("minutes long under the race detector, which it would not trouble: its steps come one after the other")
	}
	t.Parallel()
	var d disks
	storetest.AgreeOnCopies(t, func(tb testing.TB, clock func() time.Time) store.Store {
		st := d.open(tb, vfs.NewMem(), clock)
		tb.Cleanup(func() { _ = st.Close() })
		return st
	})
}

// What was imported is on disk as soon as the mark of the copy is gone, and the mark is there as long as that is not so.
func TestACopyIsMarkedUntilItIsDurable(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var d disks
	from := d.open(t, vfs.NewCrashableMem(), time.Now)
	defer from.Close()
	s := minapush.Shard{App: 1, N: 2}
	for i := range 2000 {
		o := minapush.OpenID(fmt.Sprintf("o%d", i))
		permit := minapush.Permit{Kind: minapush.FormID, Identity: fmt.Sprintf("%032x", i), Uses: 1, TakenAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
		if _, err := from.Deposit(ctx, s, o, store.Deposit{Now: time.Now(), Permits: []minapush.Permit{permit}}); err != nil {
			t.Fatal(err)
		}
	}
	to := d.open(t, vfs.NewCrashableMem(), time.Now)
	mark, err := store.BeginCopy(ctx, to.(*Store), "of a test")
	if err != nil {
		t.Fatal(err)
	}
	transfer := &store.Transfer{From: from.(*Store), To: to.(*Store), Now: time.Now()}
	wrote, err := transfer.Run(ctx)
	if err != nil || wrote.Users != 2000 {
		t.Fatalf("%d users, %v", wrote.Users, err)
	}
	half := d.open(t, copyOfDisk(&d, to), time.Now)
	if err := store.CheckWhole(ctx, half); !errors.Is(err, minapush.Conflict) {
		t.Errorf("after a crash before the end: %v", err)
	}
	_ = half.Close()
	if err := store.EndCopy(ctx, to.(*Store), mark); err != nil {
		t.Fatal(err)
	}
	whole := d.open(t, d.cut(to), time.Now)
	defer whole.Close()
	if err := store.CheckWhole(ctx, whole); err != nil {
		t.Error(err)
	}
	read, err := (&store.Transfer{To: whole.(*Store), Now: time.Now()}).ReadBack(ctx)
	if err != nil || !read.Same(wrote) {
		t.Errorf("after a crash right behind the end %d of %d users are there: %v", read.Users, wrote.Users, err)
	}
}

// copyOfDisk is what a power loss would leave now of a store that goes on.
func copyOfDisk(d *disks, st store.Store) *vfs.MemFS {
	disk, _ := d.bySt.Load(st)
	return disk.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{})
}

func TestAnExportEndsWithItsContextAndWithItsTaker(t *testing.T) {
	t.Parallel()
	var d disks
	st := d.open(t, vfs.NewMem(), time.Now).(*Store)
	defer st.Close()
	if _, err := st.Put(t.Context(), store.Document{Kind: "k", ID: "1"}); err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	if err := st.Export(t.Context(), func(store.Piece) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := st.Export(ctx, func(store.Piece) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if blank, err := st.Blank(t.Context()); err != nil || blank {
		t.Errorf("a store with a document is blank: %v", err)
	}
}

// A name whose last document of the kind was deleted has no version again that it had before, in a copy either.
func TestVersionsGoOnInACopyThoughTheKindIsGone(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var d disks
	from, to := d.open(t, vfs.NewMem(), time.Now).(*Store), d.open(t, vfs.NewMem(), time.Now).(*Store)
	defer from.Close()
	defer to.Close()
	var last uint64
	for range 5 {
		doc := store.Document{Kind: "gone", ID: "1"}
		var err error
		if doc.Version, err = from.Put(ctx, doc); err != nil {
			t.Fatal(err)
		}
		if last = doc.Version; from.Delete(ctx, doc) != nil {
			t.Fatal("not deleted")
		}
	}
	storetest.Copy(t, from, to, time.Now())
	if version, err := to.Put(ctx, store.Document{Kind: "gone", ID: "1"}); err != nil || version <= last {
		t.Errorf("version %d follows %d, %v", version, last, err)
	}
}

// A note, a word, their tallies and what was switched off are in a copy what they were.
func TestACopyKnowsWhatWasConfirmedAndSwitchedOff(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var d disks
	from, to := d.open(t, vfs.NewMem(), time.Now).(*Store), d.open(t, vfs.NewMem(), time.Now).(*Store)
	defer from.Close()
	defer to.Close()
	s, now := minapush.Shard{App: 1, N: 2}, at(0)
	give := func(st store.Store, o minapush.OpenID, taken time.Time) store.Accepted {
		p := minapush.Permit{Kind: minapush.Subscription, Template: "t", Identity: taken.String(), TakenAt: taken, Evidence: minapush.ByEvent}
		out, err := st.Deposit(ctx, s, o, store.Deposit{Now: now, Permits: []minapush.Permit{p}})
		if err != nil {
			t.Fatal(err)
		}
		return out.Items[0]
	}
	need := store.Need{Kind: minapush.OneTimeTemplate, Template: "t"}
	word := store.Confirmation{Word: minapush.Undelivered, MsgID: 7, Status: "failed:system failed", At: at(time.Minute)}
	var refs []store.Ref
	for _, o := range []minapush.OpenID{"noted", "unknown"} {
		give(from, o, at(-time.Hour))
		a, err := from.ReservePush(ctx, s, store.Push{Batch: "b", ID: "p", OpenID: o, Attempt: 1, Need: need, Now: now, Deadline: at(time.Hour), Key: "k"})
		if err != nil || a.Status != store.PushReserved {
			t.Fatalf("%+v, %v", a, err)
		}
		refs = append(refs, store.RefOf(a.Delivery))
		if err := from.MarkPush(ctx, s, refs[len(refs)-1], now, at(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	end := store.Settlement{Ref: refs[1], Outcome: minapush.Unknown, Permit: store.Spend, Reason: minapush.ReasonReadTimeout, Now: now}
	if _, err := from.SettlePush(ctx, s, end); err != nil {
		t.Fatal(err)
	}
	for _, r := range refs {
		if _, first, err := from.Confirm(ctx, s, r.Batch, r.OpenID, r.Push, word); err != nil || !first {
			t.Fatal(first, err)
		}
	}
	if _, err := from.Void(ctx, s, "noted", "t", at(0), now); err != nil {
		t.Fatal(err)
	}
	storetest.Copy(t, from, to, now)
	if v := give(to, "noted", at(-time.Minute)); v != store.SwitchedOff {
		t.Errorf("what was switched off is %d", v)
	}
	end.Ref = refs[0]
	for _, x := range []store.Settlement{end, {Ref: refs[1]}} {
		w, err := to.SettlePush(ctx, s, x) // the second answers its end
		if err != nil || w.Outcome != minapush.Accepted || w.Reason != minapush.ReasonConfirmed || w.Confirmed != minapush.Undelivered ||
			w.MsgID != 7 || !w.ConfirmedAt.Equal(word.At) || w.ConfirmStatus != word.Status {
			t.Errorf("%+v, %v", w, err)
		}
	}
	p, err := to.Progress(ctx, 1, 4, "b")
	if err != nil || p.Tally.Undelivered != 2 || p.Tally.Count(minapush.Accepted) != 2 || !p.Tally.Closes() {
		t.Errorf("%+v, %v", p, err)
	}
}
