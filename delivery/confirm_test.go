package delivery_test

import (
	"errors"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

// confirmKit sends messages of template T to one user.
type confirmKit struct {
	*testing.T
	st     store.Store
	ledger *delivery.Ledger
	app    minapush.App
	now    time.Time
}

func newConfirmKit(t *testing.T) *confirmKit {
	k := &confirmKit{T: t, app: minapush.App{Number: 1, Shards: 4}, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	k.st = storetest.NewModel(func() time.Time { return k.now })
	k.ledger = delivery.New(k.st)
	_, err := k.st.Deposit(t.Context(), k.app.Shard("user"), "user", store.Deposit{Now: k.now, Permits: []minapush.Permit{
		{Kind: minapush.Standing, Template: "T", Identity: "s", TakenAt: k.now},
	}})
	k.must(err)
	return k
}

func (k *confirmKit) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

// send brings a push to its end, a second after it was reserved; Pending leaves it being sent.
func (k *confirmKit) send(id string, end minapush.Outcome, msgID int64) {
	k.Helper()
	a, err := k.st.ReservePush(k.Context(), k.app.Shard("user"), store.Push{
		Batch: minapush.PushBatch(k.now), ID: id, OpenID: "user", Attempt: 1, Now: k.now, Deadline: k.now.Add(time.Hour),
		Need: store.Need{Kind: minapush.LongTermTemplate, Template: "T"},
	})
	k.must(err)
	k.must(k.st.MarkPush(k.Context(), k.app.Shard("user"), store.RefOf(a.Delivery), k.now, k.now.Add(time.Hour)))
	k.now = k.now.Add(time.Second)
	if end != minapush.Pending {
		_, err = k.st.SettlePush(k.Context(), k.app.Shard("user"), store.Settlement{
			Ref: store.RefOf(a.Delivery), Outcome: end, Permit: store.Spend, Reason: "why", MsgID: msgID, Now: k.now,
		})
		k.must(err)
	}
}

// confirm answers the id of the push that was meant, "" for none.
func (k *confirmKit) confirm(msgID int64, at time.Time) (id string, first bool) {
	k.Helper()
	d, first, err := k.ledger.Confirmed(k.Context(), k.app, "user", minapush.EventItem{Template: "T", MsgID: msgID, Status: "success"}, at)
	if err != nil && !errors.Is(err, minapush.NotFound) {
		k.Fatal(err)
	}
	return d.Push, first
}

func (k *confirmKit) want(msgID int64, at time.Time, id string, first bool) {
	k.Helper()
	if gotID, gotFirst := k.confirm(msgID, at); gotID != id || gotFirst != first {
		k.Errorf("number %d confirmed %q, first %v; want %q, %v", msgID, gotID, gotFirst, id, first)
	}
}

func TestANumberIsConfirmedWheneverItComes(t *testing.T) {
	t.Parallel()
	k := newConfirmKit(t)
	k.send("a", minapush.Accepted, 1)
	k.send("b", minapush.Accepted, 2)
	k.want(1, k.now.Add(100*time.Hour), "a", true)
	k.want(1, k.now, "a", false)
	k.want(2, k.now.Add(-100*time.Hour), "b", true)
	k.want(3, k.now, "", false)
}

func TestAMessageWithoutANumberIsFoundByItsTime(t *testing.T) {
	t.Parallel()
	k := newConfirmKit(t)
	begin := k.now
	k.send("accepted", minapush.Accepted, 0)
	k.now = k.now.Add(10 * time.Minute)
	k.send("unknown", minapush.Unknown, 0)
	k.now = k.now.Add(10 * time.Minute)
	k.send("refused", minapush.RefusedByUser, 0)
	k.now = k.now.Add(10 * time.Minute)
	last := k.now
	k.send("sending", minapush.Pending, 0)
	k.want(1, begin.Add(-61*time.Second), "", false)
	k.want(2, begin.Add(-time.Minute), "accepted", true)
	k.want(2, begin.Add(-time.Minute), "accepted", false)
	k.want(3, last.Add(61*time.Minute), "", false)
	k.want(4, begin.Add(25*time.Minute), "unknown", true) // the message being sent was reserved later
	k.want(5, last.Add(time.Hour), "sending", true)
	k.want(5, last.Add(time.Hour), "sending", false)
	k.want(6, last, "", false) // each was confirmed by another number
}

func TestAnItemWithoutANumberIsInvalid(t *testing.T) {
	t.Parallel()
	k := newConfirmKit(t)
	_, _, err := k.ledger.Confirmed(t.Context(), k.app, "user", minapush.EventItem{Template: "T"}, k.now)
	if !errors.Is(err, minapush.Invalid) {
		t.Errorf("got %v", err)
	}
	_, _, err = k.ledger.Confirmed(t.Context(), k.app, "nobody", minapush.EventItem{Template: "T", MsgID: 1}, k.now)
	if !errors.Is(err, minapush.NotFound) {
		t.Errorf("got %v", err)
	}
}
