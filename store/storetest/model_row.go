package storetest

import (
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// modelBatch is a campaign, or one day's pushes, in one shard.
type modelBatch struct {
	rows     map[modelRowID]*modelRow
	cursor   minapush.OpenID // the last user walked
	atEnd    bool            // the cursor is at the end of the shard, or of the list
	examined int64
	by       map[minapush.Outcome]map[string]int64 // as in minapush.Tally; pending ones are counted from rows
	opened   int64
	// delivered and undelivered count the accepted rows that the platform told of.
	delivered, undelivered int64

	begun  bool                                  // there was a ReserveBatch
	listed map[minapush.OpenID]map[string]string // the values of those on the list
	order  []minapush.OpenID                     // who is on the list, or was when it was sorted, ascending
	sorted bool                                  // nobody came onto the list since
}

type modelRowID struct {
	openid minapush.OpenID
	push   string
}

// modelRow is a delivery with what only the store needs to know of it.
type modelRow struct {
	minapush.Delivery
	maybe       bool // an earlier try may have arrived
	atLeastOnce bool
	suspectedAt time.Time
	key         string // of a push
}

func (r *modelRow) id() modelRowID { return modelRowID{openid: r.OpenID, push: r.Push} }

// inHand tells that a permit is held and the attempt not answered.
func (r *modelRow) inHand() bool { return r.State == minapush.HeldState || r.State == minapush.Sending }

// due tells whether the next try may be made at now.
func (r *modelRow) due(now time.Time) bool { return !r.NotBefore.After(now) }

func (b *modelBatch) tally(o minapush.Outcome, reason string) {
	if b.by[o] == nil {
		b.by[o] = map[string]int64{}
	}
	b.by[o][reason]++
}

// sum is the batch as Progress tells it.
func (b *modelBatch) sum() minapush.Tally {
	t := minapush.Tally{Examined: b.examined, Opened: b.opened, Delivered: b.delivered, Undelivered: b.undelivered}
	for o, reasons := range b.by {
		for reason, n := range reasons {
			t.Add(o, reason, n)
		}
	}
	for _, r := range b.rows {
		switch r.State {
		case minapush.Waiting:
			t.Waiting++
		case minapush.HeldState:
			t.Held++
		case minapush.Sending:
			t.Sending++
		case minapush.Suspected:
			t.Suspected++
		}
	}
	return t
}

// finish gives a row its outcome. The user may be unknown.
func (sh *modelShard) finish(b *modelBatch, r *modelRow, o minapush.Outcome, reason string, now time.Time) {
	r.State, r.Outcome, r.Reason, r.SettledAt = minapush.Settled, o, reason, now
	r.NotBefore, r.Deadline = time.Time{}, time.Time{}
	b.tally(o, reason)
	switch {
	case r.OpenedAt.IsZero():
	case o == minapush.Accepted || o == minapush.Unknown:
		b.opened++
	default: // it cannot have been
		r.OpenedAt = time.Time{}
	}
	b.tallyConfirmed(r)
	if u := sh.users[r.OpenID]; u != nil {
		u.endRecent(r)
	}
}

// wait puts a row into the again-queue.
func (r *modelRow) wait(until time.Time) {
	r.State, r.NotBefore, r.Permit, r.Resend = minapush.Waiting, until, minapush.Permit{}, false
}

// hold gives a row one use of a permit.
func (r *modelRow) hold(u *modelUser, p *modelPermit, n store.Need, now time.Time) {
	p.State, p.by = minapush.Held, r
	r.State, r.Permit, r.ReservedAt = minapush.HeldState, p.Permit, now
	r.NotBefore, r.Resend = time.Time{}, false
	u.busy = r
	u.noteRecent(r, n, now)
}

// resend keeps the permit with the row, as an attempt of its own, so that late calls of the earlier one do nothing.
func (r *modelRow) resend(at time.Time) {
	r.State, r.Attempt, r.Resend, r.NotBefore = minapush.HeldState, r.Attempt+1, true, at
}

// settle ends an attempt in hand, or puts it back.
func (sh *modelShard) settle(b *modelBatch, r *modelRow, x store.Settlement) {
	u := sh.users[r.OpenID]
	x = r.useNote(x)
	r.Reason, r.Errcode, r.MsgID = x.Reason, x.Errcode, x.MsgID
	r.maybe = r.maybe || x.Outcome == minapush.Pending && x.Maybe
	if x.Outcome == minapush.Pending && x.Resend {
		r.resend(modelMilli(x.NotBefore))
		return
	}
	sh.effect(u, r, x.Permit, x.Outcome)
	u.busy = nil
	switch {
	case x.Outcome != minapush.Pending:
		sh.finish(b, r, x.Outcome, x.Reason, modelMilli(x.Now))
	case x.Permit == store.SuspectUse:
		r.State, r.suspectedAt, r.NotBefore = minapush.Suspected, modelMilli(x.Now), time.Time{}
	case r.Push != "":
		sh.withdraw(b, r)
		r.NotBefore = modelMilli(x.NotBefore)
	default:
		r.maybe = r.maybe || r.Resend // the code may have arrived in the try before
		r.wait(modelMilli(x.NotBefore))
		if !r.maybe {
			u.dropRecent(r)
		}
	}
	sh.completeErasure(u)
}

// withdraw undoes a push as if it had never been. Its permit is dealt with before.
func (sh *modelShard) withdraw(b *modelBatch, r *modelRow) {
	u := sh.users[r.OpenID]
	u.dropRecent(r)
	delete(b.rows, r.id())
	b.examined--
	if k := sh.keys[r.OpenID][r.key]; r.key != "" && k.batch == r.Batch && k.push == r.Push {
		delete(sh.keys[r.OpenID], r.key)
	}
	r.State, r.Outcome = minapush.Waiting, minapush.Pending
}

// effect carries out what becomes of the use that an attempt has in hand or in doubt.
func (sh *modelShard) effect(u *modelUser, r *modelRow, e store.PermitEffect, o minapush.Outcome) {
	switch e {
	case store.VoidTemplate:
		sh.void(u, func(p minapush.Permit) bool { return p.Kind == r.Permit.Kind && p.Template == r.Permit.Template })
	case store.VoidUser:
		sh.void(u, func(minapush.Permit) bool { return true })
	}
	p := u.heldBy(r)
	if p == nil {
		return
	}
	switch e {
	case store.Burn:
		sh.kill(u, p)
	case store.SuspectUse:
		p.State = minapush.Suspect
	case store.Spend:
		sh.spend(u, p, o)
	default:
		sh.giveBack(u, p)
	}
}

// spend takes one use, and the permit with its last one.
func (sh *modelShard) spend(u *modelUser, p *modelPermit, o minapush.Outcome) {
	if p.Kind == minapush.Standing {
		if o == minapush.Accepted {
			u.standingSent++
		}
		sh.giveBack(u, p)
		return
	}
	p.Uses--
	sh.count(u, p.Kind, func(c *minapush.Counts) { c.Spent++ })
	if p.Uses <= 0 {
		u.take(p)
		return
	}
	sh.giveBack(u, p)
}

// kill ends a permit with every use left.
func (sh *modelShard) kill(u *modelUser, p *modelPermit) {
	sh.count(u, p.Kind, func(c *minapush.Counts) { c.Dead += int64(p.Uses) })
	u.take(p)
}

// void kills the permits that hit answers true for, whatever their state: a delivery that has one in hand still comes to its end,
// and finds nothing to spend or give back.
func (sh *modelShard) void(u *modelUser, hit func(minapush.Permit) bool) {
	for _, p := range slices.Clone(u.permits) {
		if hit(p.Permit) {
			sh.kill(u, p)
		}
	}
}
