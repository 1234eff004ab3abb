package main

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// list puts some users on a campaign's list, and somebody who is none; too late is too late on both sides.
func (w *twins) list(id string) {
	some := map[minapush.Shard][]store.Listed{}
	for _, o := range append(w.users[:len(w.users):len(w.users)], "oNobody") {
		if rapid.Bool().Draw(w.t, "listed") {
			some[w.app.Shard(o)] = append(some[w.app.Shard(o)], store.Listed{OpenID: o})
		}
	}
	for s := range w.shards() {
		if len(some[s]) > 0 {
			both(w, "list", func(st *twin) ([]bool, error) { return st.AddListed(w.ctx, s, id, some[s]) })
		}
	}
}

// campaign sends a campaign to all that it is for. What becomes of each message differs.
func (w *twins) campaign(id string, at time.Time) {
	listed := id == "L" || id == "M"
	b := store.Batch{
		Campaign: id, Need: w.need("need"), Started: at, Now: at, Limit: 1000, Listed: listed, KeepSkipped: listed && rapid.Bool().Draw(w.t, "keeps skipped"),
	}
	for s := range w.shards() {
		rows, _ := both(w, "reserve", func(st *twin) ([]minapush.Delivery, error) { return st.reserve(w.ctx, s, b) })
		for _, d := range rows {
			w.sent(s, d, at)
		}
		if rapid.IntRange(0, 11).Draw(w.t, "forgotten") == 0 {
			both(w, "forget", func(st *twin) (bool, error) { return true, st.Forget(w.ctx, s, id) })
		}
	}
}

// sent draws how far a message comes, and what is heard of it.
func (w *twins) sent(s minapush.Shard, d minapush.Delivery, at time.Time) {
	fate := rapid.IntRange(0, 15).Draw(w.t, "fate")
	if fate == 0 {
		return // stays held
	}
	ref := store.RefOf(d)
	both(w, "mark", func(st *twin) ([]bool, error) { return st.Mark(w.ctx, st.lease[s], []store.Ref{ref}, at) })
	w.heard(s, d, at)
	x := store.Settlement{Ref: ref, Outcome: minapush.Accepted, Permit: store.Spend, MsgID: int64(7), Now: at}
	switch fate {
	case 1:
		return // is still being sent
	case 2:
		x.Outcome, x.Permit, x.Reason, x.MsgID = minapush.RefusedByUser, store.VoidTemplate, "43101", 0
	case 3:
		x.Outcome, x.Permit, x.Reason, x.MsgID = minapush.Failed, store.Release, "40001", 0
	case 4:
		x.Outcome, x.Permit, x.Reason, x.MsgID = minapush.Failed, store.Burn, "41029", 0
	case 5:
		x.Outcome, x.Permit, x.Reason, x.MsgID = minapush.Pending, store.SuspectUse, "43101", 0
	case 6:
		x.Outcome, x.Permit, x.Maybe, x.NotBefore, x.MsgID = minapush.Pending, store.Spend, true, at.Add(time.Hour), 0
	case 7, 8:
		x.Outcome, x.Reason, x.MsgID = minapush.Unknown, minapush.ReasonReadTimeout, 0
	}
	w.settle(s, x)
	w.heard(s, d, at)
}

func (w *twins) settle(s minapush.Shard, x store.Settlement) {
	both(w, "settle", func(st *twin) (bool, error) { return true, st.Settle(w.ctx, st.lease[s], []store.Settlement{x}) })
}

// heard is what may be heard of a message later: that it was opened, and what the platform says of it. It may be told of one that it
// cannot be true of.
func (w *twins) heard(s minapush.Shard, d minapush.Delivery, at time.Time) {
	if rapid.IntRange(0, 2).Draw(w.t, "opened") > 0 {
		both(w, "open", func(st *twin) (bool, error) { return st.Open(w.ctx, s, d.Batch, d.OpenID, d.Push, at) })
	}
	if rapid.IntRange(0, 3).Draw(w.t, "confirmed") == 0 {
		c := store.Confirmation{Word: rapid.SampledFrom([]minapush.Confirmed{minapush.Delivered, minapush.Undelivered}).Draw(w.t, "word"), MsgID: 7, At: at}
		both(w, "confirm", func(st *twin) (bool, error) {
			_, first, err := st.Confirm(w.ctx, s, d.Batch, d.OpenID, d.Push, c)
			return first, err
		})
	}
}

// pushed sends one user a message beside the campaigns.
func (w *twins) pushed(s minapush.Shard, o minapush.OpenID, at time.Time) {
	w.n++
	p := store.Push{
		Batch: minapush.PushBatch(at), ID: fmt.Sprintf("push%d", w.n), OpenID: o, Attempt: 1, Need: w.need("push"), Now: at, Deadline: at.Add(time.Minute),
	}
	status, _ := both(w, "reserve push", func(st *twin) (store.PushStatus, error) {
		a, err := st.ReservePush(w.ctx, s, p)
		return a.Status, err
	})
	if status != store.PushReserved {
		return
	}
	x := store.Settlement{Ref: store.Ref{Batch: p.Batch, OpenID: o, Push: p.ID, Attempt: 1}, Outcome: minapush.Accepted, Permit: store.Spend, Now: at}
	if rapid.IntRange(0, 3).Draw(w.t, "failed") == 0 {
		x.Outcome, x.Permit = minapush.Failed, store.Release
	}
	both(w, "mark push", func(st *twin) (bool, error) { return true, st.MarkPush(w.ctx, s, x.Ref, at, at.Add(time.Minute)) })
	both(w, "settle push", func(st *twin) (minapush.Outcome, error) {
		d, err := st.SettlePush(w.ctx, s, x)
		return d.Outcome, err
	})
}
