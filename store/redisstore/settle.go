package redisstore

import (
	"context"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

// Mark implements store.Campaigns. With Config.WaitReplicas it answers once the replicas have the marks, and with them, since they
// follow one stream, whatever was reserved before; if they do not answer in time it is Unavailable, and nothing may be sent.
func (s *Store) Mark(ctx context.Context, l store.Lease, refs []store.Ref, _ time.Time) ([]bool, error) {
	var fields handFields
	for i := range refs {
		if refs[i].Push == "" {
			fields.add(refs[i].Batch, refs[i].OpenID)
		}
	}
	var marked []bool
	err := s.attempt(ctx, l.Shard, &l, true, func(ctx context.Context, st *step) error {
		marked = make([]bool, len(refs))
		if err := st.resume(ctx, len(refs)); err != nil {
			return err
		}
		if err := st.do(ctx, st.lookVersion(len(refs)), st.lookHand(&fields), st.lookProgress(fields.batches...)); err != nil {
			return err
		}
		for i, ref := range refs {
			if ref.Push != "" {
				continue
			}
			w, found, err := st.inHand(ctx, ref.Batch, ref.OpenID, "")
			if err != nil {
				return err
			}
			if found && w.State == minapush.HeldState && w.Attempt == ref.Attempt {
				marked[i] = true
				if err := st.mark(ctx, &w); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return marked, nil
}

// mark turns a held row into one being sent. Once that is written, a recovery takes the message for one that may have arrived.
func (st *step) mark(ctx context.Context, w *row) error {
	p, err := st.of(ctx, w.Batch)
	if err != nil {
		return err
	}
	p.move(minapush.HeldState, minapush.Sending)
	w.State, w.NotBefore = minapush.Sending, time.Time{}
	w.Tries++
	return st.put(ctx, w)
}

// Settle implements store.Campaigns. Errors beside those of the contract: Invalid (a settlement that contradicts itself; then none
// has had an effect).
func (s *Store) Settle(ctx context.Context, l store.Lease, xs []store.Settlement) error {
	var fields handFields
	users := make([]string, 0, len(xs))
	for i := range xs {
		x := &xs[i]
		if err := checkSettlement(x); err != nil {
			return err
		}
		if x.Push != "" {
			continue
		}
		fields.add(x.Batch, x.OpenID)
		users = append(users, string(x.OpenID))
	}
	return s.leased(ctx, l, func(ctx context.Context, st *step) error {
		if err := st.resume(ctx, len(xs)); err != nil {
			return err
		}
		err := st.do(ctx,
			st.lookVersion(len(xs)), st.lookHand(&fields), st.look(st.users, users...), st.lookProgress(fields.batches...))
		if err != nil {
			return err
		}
		for i := range xs {
			x := &xs[i]
			if x.Push != "" {
				continue
			}
			w, found, err := st.attemptOf(ctx, x.Ref)
			if err != nil {
				return err
			}
			if !found {
				continue
			}
			if err := st.settle(ctx, &w, w.heed(*x)); err != nil {
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

// attemptOf reads the row of an attempt that is held or being sent.
func (st *step) attemptOf(ctx context.Context, ref store.Ref) (row, bool, error) {
	w, found, err := st.inHand(ctx, ref.Batch, ref.OpenID, ref.Push)
	if err != nil || !found || w.Attempt != ref.Attempt || w.State == minapush.Suspected {
		return row{}, false, err
	}
	return w, true, nil
}

// settle ends an attempt or puts it back, as heed says. It leaves the row in w as it then stands.
func (st *step) settle(ctx context.Context, w *row, x store.Settlement) error {
	w.Reason, w.Errcode, w.MsgID = x.Reason, x.Errcode, x.MsgID
	w.Maybe = w.Maybe || x.Outcome == minapush.Pending && x.Maybe
	if x.Outcome == minapush.Pending && x.Resend {
		return st.resend(ctx, w, cut(x.NotBefore))
	}
	end := ending{state: minapush.Settled, outcome: x.Outcome, effect: x.Permit, now: cut(x.Now)}
	if x.Outcome == minapush.Pending {
		end.state, end.due = minapush.Waiting, cut(x.NotBefore)
		if x.Permit == store.SuspectUse {
			end.state = minapush.Suspected
		}
	}
	return st.end(ctx, w, end)
}

// resend keeps a row held, to be sent again with the same permit. It is an attempt of its own, so that a late call of the one before
// does nothing. A recovery leaves the row as it is.
func (st *step) resend(ctx context.Context, w *row, due time.Time) error {
	r, err := st.owner(ctx, w)
	if err != nil {
		return err
	}
	p, err := st.of(ctx, w.Batch)
	if err != nil {
		return err
	}
	p.move(w.State, minapush.HeldState)
	w.unconfirm()
	w.State, w.Resend, w.NotBefore = minapush.HeldState, true, due
	w.Attempt++
	r.Resume(w.Attempt)
	st.setUser(w.OpenID, r)
	return st.put(ctx, w)
}

// ending is how an attempt ends that held a use: what becomes of the row and of the permit.
type ending struct {
	state   minapush.DeliveryState
	outcome minapush.Outcome
	effect  store.PermitEffect
	due     time.Time
	now     time.Time
	// back tells that a settled row did not use the permit of this attempt, and has none.
	back bool
}

// end takes the permit out of a row's hand and puts the row where it belongs. It completes the erasure of a user that waited for this.
func (st *step) end(ctx context.Context, w *row, e ending) error {
	r, err := st.owner(ctx, w)
	if err != nil {
		return err
	}
	p, err := st.of(ctx, w.Batch)
	if err != nil {
		return err
	}
	st.flow.Add(affect(r, e.effect, &w.Permit, e.outcome == minapush.Accepted))
	r.Idle()
	if e.state != minapush.Settled || e.outcome != minapush.Accepted {
		w.unconfirm()
	}
	from := w.State
	w.State, w.NotBefore, w.Deadline = e.state, time.Time{}, time.Time{}
	if err := st.dropHand(ctx, w); err != nil {
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
		st.setUser(w.OpenID, r)
		_, err := st.erase(ctx, w.OpenID)
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
		w.remembered(r, e.back)
	}
	st.setUser(w.OpenID, r)
	return st.put(ctx, w)
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

// remembered says in the user's record how a row ended. With back it is as if it had never taken a permit, unless it may have arrived.
func (w *row) remembered(r *record.Record, back bool) {
	switch {
	case back && !w.Maybe:
		r.ForgetRecent(w.Batch, w.Push)
	case w.Outcome == minapush.Failed || w.Outcome == minapush.RefusedByUser || w.Outcome == minapush.Skipped:
		r.Miss(w.Batch, w.Push)
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
