package storetest

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// lease takes the lease of the shard.
func (k *suiteKit) lease() store.Lease {
	k.t.Helper()
	l, err := k.st.Acquire(k.ctx(), k.shard, "node-1", suiteTTL)
	k.must(err, "acquire")
	return l
}

// takeOver makes the lease lapse and takes it for another node.
func (k *suiteKit) takeOver() store.Lease {
	k.t.Helper()
	k.lapse()
	l, err := k.st.Acquire(k.ctx(), k.shard, "node-2", suiteTTL)
	k.must(err, "take over")
	return l
}

// suiteBatch asks for deliveries of a campaign that was started an hour after the permits were given.
func (k *suiteKit) campaign(id string, need store.Need) store.Batch {
	k.track(id)
	return store.Batch{Campaign: id, Need: need, Started: suiteAt(suiteHour), Now: suiteAt(suiteHour), Limit: 100}
}

func (k *suiteKit) reserve(l store.Lease, b store.Batch) store.Reserved {
	k.t.Helper()
	r, err := k.st.ReserveBatch(k.ctx(), l, b)
	k.must(err, "reserve batch")
	if len(r.Rows) > b.Limit || r.Examined > b.Limit {
		k.t.Fatalf("reserve batch gave %d rows and examined %d, the limit is %d", len(r.Rows), r.Examined, b.Limit)
	}
	return r
}

// reserveOne reserves and wants exactly one row.
func (k *suiteKit) reserveOne(l store.Lease, b store.Batch) minapush.Delivery {
	k.t.Helper()
	r := k.reserve(l, b)
	if len(r.Rows) != 1 {
		k.t.Fatalf("reserve batch gave %d rows, want 1: %+v", len(r.Rows), r)
	}
	return r.Rows[0]
}

// wantIdle wants that a campaign has nothing to do now, and so many users waiting, the first of them until due.
func (k *suiteKit) wantIdle(l store.Lease, b store.Batch, waiting int, due time.Time) {
	k.t.Helper()
	r := k.reserve(l, b)
	if len(r.Rows) != 0 || !r.Done || r.Waiting != waiting {
		k.t.Errorf("reserve batch: %d rows, done %v, waiting %d; want no rows, done, waiting %d", len(r.Rows), r.Done, r.Waiting, waiting)
	}
	if waiting > 0 && !r.NextDue.Equal(due) {
		k.t.Errorf("next is due at %v, want %v", r.NextDue, due)
	}
}

func (k *suiteKit) mark(l store.Lease, now time.Time, rows ...minapush.Delivery) {
	k.t.Helper()
	refs := make([]store.Ref, len(rows))
	for i, d := range rows {
		refs[i] = store.RefOf(d)
	}
	marked, err := k.st.Mark(k.ctx(), l, refs, now)
	k.must(err, "mark")
	if len(marked) != len(refs) {
		k.t.Fatalf("mark answered %d of %d rows", len(marked), len(refs))
	}
	for i, ok := range marked {
		if !ok {
			k.t.Fatalf("row of %s is not marked", rows[i].OpenID)
		}
	}
}

func (k *suiteKit) settle(l store.Lease, xs ...store.Settlement) {
	k.t.Helper()
	k.must(k.st.Settle(k.ctx(), l, xs), "settle")
}

// suiteEnd ends an attempt a second after the hour.
func suiteEnd(d minapush.Delivery, o minapush.Outcome, e store.PermitEffect) store.Settlement {
	x := store.Settlement{Ref: store.RefOf(d), Outcome: o, Permit: e, Now: suiteAt(suiteHour + time.Second)}
	switch o {
	case minapush.Pending:
		x.NotBefore = x.Now
	case minapush.Accepted:
		x.MsgID = 4711
	default:
		x.Reason, x.Errcode = "43101", 43101
	}
	return x
}

// run does all that a campaign has to do now: every message is accepted.
func (k *suiteKit) run(l store.Lease, b store.Batch) []minapush.Delivery {
	k.t.Helper()
	var sent []minapush.Delivery
	for range 1000 {
		r := k.reserve(l, b)
		if len(r.Rows) == 0 {
			if r.Done {
				return sent
			}
			continue
		}
		k.mark(l, b.Now, r.Rows...)
		xs := make([]store.Settlement, len(r.Rows))
		for i, d := range r.Rows {
			xs[i] = suiteEnd(d, minapush.Accepted, store.Spend)
		}
		k.settle(l, xs...)
		sent = append(sent, r.Rows...)
	}
	k.t.Fatal("the campaign does not end")
	return nil
}

// askPush asks for a push an hour after the permits were given.
func (k *suiteKit) askPush(o minapush.OpenID, id string) store.Push {
	p := store.Push{
		Batch: minapush.PushBatch(suiteAt(suiteHour)), ID: id, OpenID: o, Attempt: 1, Need: suiteLegacy(), Now: suiteAt(suiteHour),
		Deadline: suiteAt(suiteHour + time.Minute),
	}
	k.track(p.Batch)
	return p
}

func (k *suiteKit) reservePush(p store.Push, want store.PushStatus) store.PushAnswer {
	k.t.Helper()
	a, err := k.st.ReservePush(k.ctx(), k.shard, p)
	k.must(err, "reserve push")
	if a.Status != want {
		k.t.Fatalf("push %s of %s: got status %d, want %d", p.ID, p.OpenID, a.Status, want)
	}
	return a
}

// hold reserves a push that finds a permit.
func (k *suiteKit) hold(o minapush.OpenID, id string) minapush.Delivery {
	k.t.Helper()
	return k.reservePush(k.askPush(o, id), store.PushReserved).Delivery
}

func (k *suiteKit) markPush(d minapush.Delivery) {
	k.t.Helper()
	now := suiteAt(suiteHour + time.Second)
	k.must(k.st.MarkPush(k.ctx(), k.shard, store.RefOf(d), now, now.Add(time.Minute)), "mark push")
}

func (k *suiteKit) settlePush(x store.Settlement) minapush.Delivery {
	k.t.Helper()
	d, err := k.st.SettlePush(k.ctx(), k.shard, x)
	k.must(err, "settle push")
	return d
}

// spend sends a push with need that is accepted.
func (k *suiteKit) spend(o minapush.OpenID, id string, need store.Need) minapush.Delivery {
	k.t.Helper()
	p := k.askPush(o, id)
	p.Need = need
	d := k.reservePush(p, store.PushReserved).Delivery
	k.markPush(d)
	return k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
}

// end sends a push with need that ends as o and e say.
func (k *suiteKit) end(user minapush.OpenID, id string, need store.Need, o minapush.Outcome, e store.PermitEffect) minapush.Delivery {
	k.t.Helper()
	p := k.askPush(user, id)
	p.Need = need
	d := k.reservePush(p, store.PushReserved).Delivery
	k.markPush(d)
	return k.settlePush(suiteEnd(d, o, e))
}

// suspect makes one permit of a user suspect through a campaign of its own, in which nobody else may be.
func (k *suiteKit) suspect(l store.Lease, b store.Batch) minapush.Delivery {
	k.t.Helper()
	d := k.reserveOne(l, b)
	k.mark(l, b.Now, d)
	x := suiteEnd(d, minapush.Pending, store.SuspectUse)
	x.Reason, x.Errcode = "43101", 43101
	k.settle(l, x)
	return d
}
