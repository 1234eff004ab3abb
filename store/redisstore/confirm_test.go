package redisstore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// A release that knows of no confirmations may still be at work on the same Redis: it must read such rows and sums.
func TestAConfirmedRowComesBackAndIsReadByAReleaseThatKnowsOfNoConfirmations(t *testing.T) {
	t.Parallel()
	for _, state := range []minapush.DeliveryState{minapush.Sending, minapush.Settled} {
		want := testRow()
		want.State, want.Deadline = state, cut(want.Deadline)
		want.Confirmed, want.ConfirmedAt, want.ConfirmStatus = minapush.Undelivered, time.UnixMilli(1_772_000_009_001).UTC(), "user refuse"
		b := want.append(nil)
		got, err := readRow(b, "b", "u", "p")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: got %+v, %v\nwant %+v", state, got, err, want)
		}
		b[rowFlags] &^= rowConfirmed // which that release does not look at
		got, err = readRow(b, "b", "u", "p")
		old := want
		old.Confirmed, old.ConfirmedAt, old.ConfirmStatus = minapush.Unconfirmed, time.Time{}, ""
		if state == minapush.Settled {
			got.Key, old.Key = "", ""
		} else {
			got.Reason, old.Reason = "", ""
		}
		if err != nil || !reflect.DeepEqual(got, old) {
			t.Errorf("%v, read by the other release: got %+v, %v\nwant %+v", state, got, err, old)
		}
	}
	tally, err := readTally(map[string]string{"e": "3", "1": "3", fieldDelivered: "2", fieldUndelivered: "1"})
	if err != nil || tally.Delivered != 2 || tally.Undelivered != 1 || !tally.Closes() {
		t.Errorf("got %+v, %v", tally, err)
	}
}

func delivered(msgid int64) store.Confirmation {
	return store.Confirmation{Word: minapush.Delivered, MsgID: msgid, Status: "success", At: testAt(3 * time.Hour)}
}

func confirm(t *testing.T, s *Store, sh minapush.Shard, d *minapush.Delivery, msgid int64) {
	t.Helper()
	_, first, err := s.Confirm(t.Context(), sh, d.Batch, d.OpenID, d.Push, delivered(msgid))
	if err != nil || !first {
		t.Fatalf("%s: first %v, %v", d.OpenID, first, err)
	}
}

// settledText is how long the strings of settled rows of a campaign are, all together, and whether an openid stands in one.
func settledText(t *testing.T, s *Store, sh minapush.Shard, campaign string, o minapush.OpenID) (size int, holds bool) {
	t.Helper()
	for _, key := range s.keys(sh).allSettled(campaign) {
		text, _ := s.client.Do(t.Context(), s.client.B().Get().Key(key).Build()).ToString()
		size += len(text)
		holds = holds || strings.Contains(text, string(o))
	}
	return size, holds
}

func TestConfirmationsOfACampaignAreBoundedAndGoWithTheirRows(t *testing.T) {
	t.Parallel()
	s, other, sh := twoNodes(t)
	const users = 120
	for i := range users {
		give(t, s, sh, minapush.OpenID(fmt.Sprintf("user %03d", i)), i, 1)
	}
	l := acquire(t, s, sh)
	rows := reserveAll(t, s, l, testBatch("c", users))
	markAll(t, s, l, rows)
	settleAll(t, s, l, rows)
	before, _ := settledText(t, s, sh, "c", "")
	for i := range rows {
		confirm(t, s, sh, &rows[i], max(int64(i), 1))
	}
	list, _, _, err := other.List(t.Context(), sh, "c", store.Ref{}, 2*users, nil)
	if err != nil || len(list) != users {
		t.Fatalf("%d rows, %v", len(list), err)
	}
	alone := 0 // how long the rows would be if each stood there once
	for i, d := range list {
		one, err := s.Delivery(t.Context(), sh, "c", d.OpenID, "")
		if err != nil || !reflect.DeepEqual(one, d) || d.Confirmed != minapush.Delivered || d.ConfirmStatus != "success" || d.OpenID != rows[i].OpenID {
			t.Errorf("%+v and %+v, %v", one, d, err)
		}
		w := row{Delivery: d}
		alone += len(appendPacked(nil, d.OpenID, w.append(nil)))
	}
	if size, _ := settledText(t, s, sh, "c", ""); size > 2*alone || before >= alone {
		t.Errorf("rows of %d bytes, confirmed of %d, stand in %d", before, alone, size)
	}
	p, err := other.Progress(t.Context(), sh.App, 1, "c")
	if err != nil || p.Tally.Delivered != users || p.Tally.Undelivered != 0 || !p.Tally.Closes() {
		t.Errorf("%+v, %v", p.Tally, err)
	}
	if _, err := other.Erase(t.Context(), sh, rows[7].OpenID, testAt(4*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, holds := settledText(t, s, sh, "c", rows[7].OpenID); holds {
		t.Error("a version of an erased row is still there")
	}
	if first, err := other.Open(t.Context(), sh, "c", rows[8].OpenID, "", testAt(4*time.Hour)); err != nil || !first {
		t.Errorf("%v, %v", first, err)
	}
	if d, err := s.Delivery(t.Context(), sh, "c", rows[8].OpenID, ""); err != nil || d.Confirmed != minapush.Delivered || d.OpenedAt.IsZero() {
		t.Errorf("%+v, %v", d, err)
	}
	if err := other.Forget(t.Context(), sh, "c"); err != nil {
		t.Fatal(err)
	}
	if size, _ := settledText(t, s, sh, "c", ""); size != 0 {
		t.Errorf("%d bytes are left of a forgotten campaign", size)
	}
}

func TestAConfirmationOfAnotherNodeIsHeededByTheStepThatSettles(t *testing.T) {
	t.Parallel()
	a, b, sh := twoNodes(t)
	for i := range 8 {
		give(t, a, sh, minapush.OpenID(fmt.Sprint("u", i)), 0, 1)
	}
	l := acquire(t, a, sh)
	rows := reserveAll(t, a, l, testBatch("c", 10))
	markAll(t, a, l, rows)
	confirm(t, b, sh, &rows[0], 71)
	confirm(t, b, sh, &rows[1], 72)
	xs := make([]store.Settlement, len(rows))
	for i, d := range rows {
		xs[i] = store.Settlement{Ref: store.RefOf(d), Outcome: minapush.Unknown, Permit: store.Spend, Reason: minapush.ReasonReadTimeout, Now: testAt(time.Hour)}
	}
	xs[1].Outcome, xs[1].Permit, xs[1].Reason = minapush.Failed, store.Release, "x"
	if err := a.Settle(t.Context(), l, xs); err != nil {
		t.Fatal(err)
	}
	p, err := b.Progress(t.Context(), sh.App, 1, "c")
	by := p.Tally.By
	if err != nil || by[minapush.Accepted][minapush.ReasonConfirmed] != 1 || by[minapush.Unknown][minapush.ReasonReadTimeout] != 6 ||
		p.Tally.Count(minapush.Failed) != 1 || p.Tally.Delivered != 1 || !p.Tally.Closes() {
		t.Errorf("%+v, %v", p.Tally, err)
	}
	if _, _, err := b.Confirm(t.Context(), sh, "c", rows[1].OpenID, "", delivered(72)); !errors.Is(err, minapush.Conflict) {
		t.Errorf("a failed delivery was confirmed: %v", err)
	}
}

func TestConfirmationsAtTheSameTimeAreEachCountedOnce(t *testing.T) {
	t.Parallel()
	a, b, sh := twoNodes(t)
	const users = 24
	for i := range users {
		give(t, a, sh, minapush.OpenID(fmt.Sprint("u", i)), 0, 1)
	}
	l := acquire(t, a, sh)
	rows := reserveAll(t, a, l, testBatch("c", users))
	markAll(t, a, l, rows)
	settleAll(t, a, l, rows)
	firsts := make(chan bool, 2*users)
	errs := make(chan error, 2*users)
	for _, s := range []*Store{a, b} {
		for i, d := range rows {
			go func() {
				_, first, err := s.Confirm(context.WithoutCancel(t.Context()), sh, "c", d.OpenID, "", delivered(max(int64(i), 1)))
				firsts <- first
				errs <- err
			}()
		}
	}
	n := 0
	for range 2 * users {
		if err := <-errs; err != nil {
			t.Error(err)
		}
		if <-firsts {
			n++
		}
	}
	p, err := a.Progress(t.Context(), sh.App, 1, "c")
	if err != nil || n != users || p.Tally.Delivered != users {
		t.Errorf("%d were the first; %+v, %v", n, p.Tally, err)
	}
}

func subscription(nonce string, by minapush.Evidence, at time.Duration) minapush.Permit {
	return minapush.Permit{Kind: minapush.Subscription, Template: "news", Identity: nonce, Uses: 1, TakenAt: testAt(at), Evidence: by}
}

// Where a deposit only adds, it goes to the end of the user's value as a delta. Where another permit has a say in it, it is decided over
// the whole record.
func TestADepositThatMeetsAnotherPermitIsNoDelta(t *testing.T) {
	t.Parallel()
	s, _, sh := twoNodes(t)
	deposit := func(o minapush.OpenID, want store.Accepted, deltas bool, p minapush.Permit) {
		t.Helper()
		got, err := s.Deposit(t.Context(), sh, o, store.Deposit{Now: testAt(2 * time.Hour), Permits: []minapush.Permit{p}})
		if err != nil || got.Items[0] != want {
			t.Fatalf("%s, %s: got %v, %v; want %v", o, p.Identity, got.Items, err, want)
		}
		value, err := s.client.Do(t.Context(), s.client.B().Hget().Key(s.keys(sh).users()).Field(string(o)).Build()).AsBytes()
		if err != nil || (value[stampEnd]%userRemembers > 0) != deltas {
			t.Errorf("%s, %s: state %x, %v; deltas: %v", o, p.Identity, value[stampEnd], err, deltas)
		}
	}
	deposit("u", store.Added, false, subscription("a", minapush.ByClient, 0)) // is new
	deposit("u", store.Added, true, minapush.Permit{Kind: minapush.Subscription, Template: "other", Identity: "o", TakenAt: testAt(0)})
	deposit("u", store.Added, true, subscription("b", minapush.ByBackend, 0))
	deposit("u", store.Duplicate, false, subscription("c", minapush.ByEvent, time.Minute))
	deposit("u", store.Duplicate, false, subscription("c", minapush.ByEvent, time.Minute))
	if died, err := s.Void(t.Context(), sh, "u", "news", testAt(time.Hour), testAt(2*time.Hour)); err != nil || died != 2 {
		t.Fatalf("%d died, %v", died, err)
	}
	deposit("u", store.SwitchedOff, false, subscription("d", minapush.ByEvent, 30*time.Minute))
	deposit("u", store.SwitchedOff, false, subscription("e", minapush.ByClient, 30*time.Minute))
	deposit("u", store.Added, true, subscription("f", minapush.ByBackend, 30*time.Minute))
	deposit("u", store.Added, false, subscription("g", minapush.ByEvent, 90*time.Minute))
	// A permit that is gone has its say, too.
	deposit("v", store.Added, false, subscription("a", minapush.ByClient, 0))
	ref := pushUnderWay(t, s, sh, "v")
	if _, err := s.SettlePush(t.Context(), sh, store.Settlement{Ref: ref, Outcome: minapush.Accepted, Permit: store.Spend, MsgID: 1, Now: testAt(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	deposit("v", store.Added, true, minapush.Permit{Kind: minapush.Subscription, Template: "other", Identity: "o", TakenAt: testAt(0), Evidence: minapush.ByEvent})
	deposit("v", store.Duplicate, false, subscription("b", minapush.ByEvent, time.Second))
}

// pushUnderWay has a push to a user under way.
func pushUnderWay(t *testing.T, s *Store, sh minapush.Shard, o minapush.OpenID) store.Ref {
	t.Helper()
	now := testAt(time.Hour)
	a, err := s.ReservePush(t.Context(), sh, store.Push{
		Batch: minapush.PushBatch(now), ID: "p", OpenID: o, Attempt: 1, Need: store.Need{Kind: minapush.OneTimeTemplate, Template: "news"}, Now: now,
		Deadline: now.Add(time.Hour),
	})
	if err != nil || a.Status != store.PushReserved {
		t.Fatalf("%+v, %v", a, err)
	}
	if err := s.MarkPush(t.Context(), sh, store.RefOf(a.Delivery), now, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	return store.RefOf(a.Delivery)
}
