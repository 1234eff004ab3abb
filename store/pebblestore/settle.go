package pebblestore

import (
	"context"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

// Mark implements store.Campaigns.
func (s *Store) Mark(ctx context.Context, l store.Lease, refs []store.Ref, _ time.Time) ([]bool, error) {
	var marked []bool
	err := s.leased(ctx, l, len(refs), func(st *step) error {
		marked = make([]bool, len(refs))
		if repeats(refs, func(r *store.Ref) *store.Ref { return r }) {
			st.own()
		}
		for i, ref := range refs {
			if ref.Push != "" {
				continue
			}
			w, found, err := st.hand(ref.Batch, ref.OpenID, "")
			if err != nil {
				return err
			}
			if !found || w.State != minapush.HeldState || w.Attempt != ref.Attempt {
				continue
			}
			if err := st.mark(&w); err != nil {
				return err
			}
			marked[i] = true
		}
		return nil
	})
	return marked, err
}

// mark turns a held row into one being sent. Once that is durable, a recovery takes the message for one that may have arrived.
func (st *step) mark(w *row) error {
	p, err := st.of(w.Batch)
	if err != nil {
		return err
	}
	p.move(minapush.HeldState, minapush.Sending)
	w.State = minapush.Sending
	w.Tries++
	w.NotBefore = time.Time{}
	return st.put(w)
}

// repeats tells whether an openid stands twice in a list, so that the step must see its own changes.
func repeats[T any](list []T, ref func(*T) *store.Ref) bool {
	ascending := true // as ReserveBatch gave them
	for i := 1; i < len(list) && ascending; i++ {
		ascending = ref(&list[i-1]).OpenID < ref(&list[i]).OpenID
	}
	if ascending {
		return false
	}
	seen := make(map[minapush.OpenID]struct{}, len(list))
	for i := range list {
		seen[ref(&list[i]).OpenID] = struct{}{}
	}
	return len(seen) < len(list)
}

// Settle implements store.Campaigns. Errors beside those of the contract: Invalid (a settlement that contradicts itself; then none
// has had an effect).
func (s *Store) Settle(ctx context.Context, l store.Lease, xs []store.Settlement) error {
	for i := range xs {
		if err := checkSettlement(&xs[i]); err != nil {
			return err
		}
	}
	return s.leased(ctx, l, len(xs), func(st *step) error {
		if repeats(xs, func(x *store.Settlement) *store.Ref { return &x.Ref }) {
			st.own()
		}
		for i := range xs {
			x := &xs[i]
			if x.Push != "" {
				continue
			}
			w, found, err := st.attempt(x.Ref)
			if err != nil {
				return err
			}
			if !found {
				continue
			}
			if err := st.settle(&w, x); err != nil {
				return err
			}
		}
		return nil
	})
}

func checkSettlement(x *store.Settlement) error {
	if x.Permit == store.SuspectUse && x.Outcome != minapush.Pending {
		return minapush.FieldError("outcome", "must be pending for a use in doubt, not %s", x.Outcome)
	}
	if x.Outcome > minapush.Unknown {
		return minapush.FieldError("outcome", "%d is no outcome", x.Outcome)
	}
	if x.Permit > store.VoidUser {
		return minapush.FieldError("permit", "%d is no effect", x.Permit)
	}
	return nil
}

// attempt reads the row of an attempt that is held or being sent.
func (st *step) attempt(ref store.Ref) (row, bool, error) {
	w, found, err := st.hand(ref.Batch, ref.OpenID, ref.Push)
	if err != nil || !found || w.Attempt != ref.Attempt || w.State == minapush.Suspected {
		return row{}, false, err
	}
	return w, true, nil
}

// settle ends an attempt or puts it back. It leaves the row in w as it then stands.
func (st *step) settle(w *row, as *store.Settlement) error {
	x := w.heed(*as)
	w.Reason, w.Errcode, w.MsgID = x.Reason, x.Errcode, x.MsgID
	w.Maybe = w.Maybe || x.Outcome == minapush.Pending && x.Maybe
	if x.Outcome == minapush.Pending && x.Resend {
		return st.resend(w, cut(x.NotBefore))
	}
	end := ending{state: minapush.Settled, outcome: x.Outcome, effect: x.Permit, now: cut(x.Now)}
	if x.Outcome == minapush.Pending {
		end.state, end.due = minapush.Waiting, cut(x.NotBefore)
		if x.Permit == store.SuspectUse {
			end.state = minapush.Suspected
		}
	}
	return st.end(w, end)
}

// resend keeps a row held, to be sent again with the same permit. It is an attempt of its own, so that a late call of the one before
// does nothing. A recovery leaves the row as it is.
func (st *step) resend(w *row, due time.Time) error {
	r, found, err := st.user(w.OpenID)
	if err != nil {
		return err
	}
	if !found {
		return errCorrupt // a user whose delivery is in hand cannot go
	}
	p, err := st.of(w.Batch)
	if err != nil {
		return err
	}
	p.move(w.State, minapush.HeldState)
	w.State, w.Resend, w.NotBefore = minapush.HeldState, true, due
	w.Attempt++
	r.Resume(w.Attempt)
	if err := st.setUser(w.OpenID, r); err != nil {
		return err
	}
	return st.put(w)
}

// ending is how an attempt ends that held a use: what becomes of the row and of the permit.
type ending struct {
	state   minapush.DeliveryState
	outcome minapush.Outcome
	effect  store.PermitEffect
	due     time.Time
	now     time.Time
	// back tells that a settled row never used its permit, and unless it may have arrived it is as if it had taken none.
	back bool
}

// end takes the permit out of a row's hand and puts the row where it belongs. Row, record, tally and flow change together, so that a
// crash leaves either the attempt in hand or its end. It completes the erasure of a user that waited for this.
func (st *step) end(w *row, e ending) error {
	r, found, err := st.user(w.OpenID)
	if err != nil {
		return err
	}
	if !found {
		return errCorrupt // a user whose delivery is in hand cannot go
	}
	p, err := st.of(w.Batch)
	if err != nil {
		return err
	}
	st.flow.Add(affect(r, e.effect, &w.Permit, e.outcome == minapush.Accepted))
	r.Idle()
	from := w.State
	w.State, w.NotBefore, w.Deadline = e.state, time.Time{}, time.Time{}
	if err := st.dropHand(w); err != nil {
		return err
	}
	if r.Erasing {
		if e.state != minapush.Settled {
			e.outcome, w.Reason = erasedOutcome(e.state, w.Reason)
		}
		w.State, w.Outcome, w.SettledAt = minapush.Settled, e.outcome, e.now
		w.Reason = p.settle(from, e.outcome, w.Reason)
		p.opened(w)
		p.confirmed(w)
		_, err := st.erase(w.OpenID, r, &store.Ref{Batch: w.Batch, Push: w.Push})
		return err
	}
	switch e.state {
	case minapush.Waiting:
		p.move(from, minapush.Waiting)
		w.requeue(r, e.due)
	case minapush.Suspected:
		p.move(from, minapush.Suspected)
		w.SuspectedAt = e.now
	default:
		w.Outcome, w.SettledAt = e.outcome, e.now
		w.Reason = p.settle(from, e.outcome, w.Reason)
		p.opened(w)
		p.confirmed(w)
		if e.back {
			w.Permit = minapush.Permit{}
		}
		if e.back && !w.Maybe {
			r.ForgetRecent(w.Batch, w.Push)
		}
		missed(r, &w.Delivery)
	}
	if err := st.setUser(w.OpenID, r); err != nil {
		return err
	}
	return st.put(w)
}

// missed notes in the record of its user how a delivery ended. It tells whether that changed anything.
func missed(r *record.Record, d *minapush.Delivery) bool {
	if d.Outcome == minapush.Accepted || d.Outcome == minapush.Unknown {
		return false
	}
	return r.Miss(d.Batch, d.Push)
}

// erasedOutcome is how a delivery counts that its user's erasure ends.
func erasedOutcome(s minapush.DeliveryState, reason string) (minapush.Outcome, string) {
	if s == minapush.Suspected {
		return minapush.RefusedByUser, reason
	}
	return minapush.Skipped, minapush.ReasonErased
}

// requeue makes a row one of the again-queue: it has no permit until it is reserved again, and unless it may have arrived it is as if
// it had taken none.
func (w *row) requeue(r *record.Record, due time.Time) {
	w.Maybe = w.Maybe || w.Resend // the code may have arrived in the try before
	w.State, w.NotBefore, w.Resend, w.Permit = minapush.Waiting, due, false, minapush.Permit{}
	if !w.Maybe {
		r.ForgetRecent(w.Batch, w.Push)
	}
}

// affect lets a settlement's effect happen to the permit in a delivery's hand.
func affect(r *record.Record, e store.PermitEffect, p *minapush.Permit, accepted bool) record.Flow {
	switch e {
	case store.Release:
		return r.Release(p, store.MaxIdentities)
	case store.Spend:
		return r.Spend(p, accepted, store.MaxIdentities)
	case store.Burn:
		return r.Burn(p, store.MaxIdentities)
	case store.SuspectUse:
		r.Suspect(p)
	case store.VoidTemplate:
		return r.VoidTemplate(p.Kind, p.Template, time.Time{}, store.MaxIdentities)
	case store.VoidUser:
		return r.VoidUser(store.MaxIdentities)
	}
	return record.Flow{}
}
