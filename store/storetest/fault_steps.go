package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// wave reserves a few users of a campaign, marks them, sends to those that are marked, and settles. The first answer of each campaign
// is a refusal.
func (r *faultRun) wave(b store.Batch) {
	r.t.Helper()
	b.Started, b.Now, b.Limit = suiteAt(suiteHour), r.now, 3
	var got store.Reserved
	r.repeat("reserve", func(ctx context.Context) (err error) {
		got, err = r.st.ReserveBatch(ctx, r.lease, b)
		return err
	})
	if len(got.Rows) == 0 {
		return
	}
	refs := make([]store.Ref, len(got.Rows))
	for i, d := range got.Rows {
		refs[i] = store.RefOf(d)
		if b.Listed && d.Values["name"] != string(d.OpenID) {
			r.t.Errorf("the row of %s has the values %v", d.OpenID, d.Values)
		}
	}
	marked, err := r.st.Mark(r.t.Context(), r.lease, refs, r.now)
	r.check()
	xs := make([]store.Settlement, 0, len(refs))
	for i, ref := range refs {
		x := store.Settlement{Ref: ref, NotBefore: r.now, Now: r.now} // not known to be marked: given back
		if err == nil && marked[i] {
			x = r.send(ref)
		}
		xs = append(xs, x)
	}
	r.repeat("settle", func(ctx context.Context) error { return r.st.Settle(ctx, r.lease, xs) })
	for _, x := range xs {
		if x.Outcome.Openable() {
			r.open(x.Ref)
			r.confirm(x.Ref)
		}
	}
}

// open is a user who opens a message, and reports it until there is an answer.
func (r *faultRun) open(ref store.Ref) {
	r.t.Helper()
	r.repeat("open", func(ctx context.Context) error {
		_, err := r.st.Open(ctx, r.shard, ref.Batch, ref.OpenID, ref.Push, r.now)
		if minapush.KindOf(err) == minapush.Conflict || minapush.KindOf(err) == minapush.NotFound {
			err = nil // what the store itself thinks of it is judged by Check
		}
		return err
	})
}

// send is a message that leaves, and its answer.
func (r *faultRun) send(ref store.Ref) store.Settlement {
	r.sent[ref.Batch+ref.Push+"/"+string(ref.OpenID)]++
	if ref.OpenID == suiteUsers(1)[0] && ref.Push == "" {
		return store.Settlement{Ref: ref, Permit: store.SuspectUse, Reason: "43101", Errcode: 43101, Now: r.now}
	}
	if ref.OpenID == faultUnanswered() && ref.Push == "" {
		r.confirm(ref)
		return store.Settlement{Ref: ref, Outcome: minapush.Unknown, Permit: store.Spend, Reason: minapush.ReasonReadTimeout, Now: r.now}
	}
	return store.Settlement{Ref: ref, Outcome: minapush.Accepted, Permit: store.Spend, MsgID: faultMsgID, Now: r.now}
}

// push is one push to a user, as the dispatcher makes it.
func (r *faultRun) push(o minapush.OpenID, round int) {
	r.t.Helper()
	ask := store.Push{
		Batch: minapush.PushBatch(r.now), ID: fmt.Sprintf("push%d", round), OpenID: o, Need: suiteOneTime("t"), Attempt: 1,
		Now: r.now, Deadline: r.now.Add(time.Minute),
	}
	var got store.PushAnswer
	r.repeat("reserve push", func(ctx context.Context) (err error) {
		got, err = r.st.ReservePush(ctx, r.shard, ask)
		return err
	})
	if got.Status != store.PushReserved {
		return
	}
	ref := store.RefOf(got.Delivery)
	err := r.st.MarkPush(r.t.Context(), r.shard, ref, r.now, r.now.Add(time.Minute))
	r.check()
	x := store.Settlement{Ref: ref, Now: r.now}
	if err == nil {
		x = r.send(ref)
	}
	r.repeat("settle push", func(ctx context.Context) error {
		_, err := r.st.SettlePush(ctx, r.shard, x)
		return err
	})
	if x.Outcome == minapush.Accepted {
		r.confirm(ref)
	}
}

// believe rules on the refusals of a campaign.
func (r *faultRun) believe(campaign string) {
	r.t.Helper()
	r.repeat("resolve", func(ctx context.Context) error {
		_, err := r.st.ResolveSuspects(ctx, r.lease, campaign, r.now, true, 10, r.now)
		return err
	})
}

// done tells that a campaign has nothing left to do.
func (r *faultRun) done(campaign string, users int) bool {
	r.t.Helper()
	p, err := r.inner.Progress(r.t.Context(), r.shard.App, 1, campaign)
	if err != nil {
		r.t.Fatal(err)
	}
	return p.ShardsDone == 1 && p.Tally.Examined == int64(users)
}

// end lets the late steps arrive and recovers what nobody settled; then nothing may be open and nobody have two messages.
func (r *faultRun) end(users []minapush.OpenID) {
	r.t.Helper()
	ctx := r.t.Context()
	r.st.Flush(ctx)
	r.check()
	if _, err := r.inner.RecoverPushes(ctx, r.shard, r.now.Add(time.Hour)); err != nil {
		r.t.Fatal(err)
	}
	r.check()
	for who, n := range r.sent {
		if n > 1 {
			r.t.Errorf("%s was sent %d messages", who, n)
		}
	}
	for _, o := range users {
		for _, campaign := range []string{faultCampaign, faultList} {
			if got, want := r.sent[campaign+"/"+string(o)] == 1, o != r.quiet(users); got != want {
				r.t.Errorf("%s was sent a message of %s: %v", o, campaign, got)
			}
		}
		u, err := r.inner.User(ctx, r.shard, o)
		if err != nil || u.Busy != nil {
			r.t.Errorf("%s: busy %v, %v", o, u.Busy, err)
		}
	}
	for _, campaign := range []string{faultCampaign, faultList} {
		p, err := r.inner.Progress(ctx, r.shard.App, 1, campaign)
		if err != nil || p.Tally.Count(minapush.Pending) != 0 || p.Tally.Count(minapush.RefusedByUser) != 1 {
			r.t.Errorf("%s: %+v, %v", campaign, p.Tally, err)
		}
		if accepted := p.Tally.Count(minapush.Accepted); p.Tally.Opened != accepted {
			r.t.Errorf("%s: %d opened of %d accepted, and each was", campaign, p.Tally.Opened, accepted)
		} else if p.Tally.Delivered != accepted || p.Tally.By[minapush.Accepted][minapush.ReasonConfirmed] != 1 {
			r.t.Errorf("%s: %d delivered of %d accepted, and each was: %v", campaign, p.Tally.Delivered, accepted, p.Tally.By)
		}
	}
	r.kept(users)
	r.told(users)
	r.heard(users)
	if n := r.st.Injected(""); n.Before+n.After+n.Late == 0 && !errors.Is(ctx.Err(), context.Canceled) {
		r.t.Log("the day was over before this call")
	}
}
