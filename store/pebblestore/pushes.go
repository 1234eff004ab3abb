package pebblestore

import (
	"context"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

// ReservePush implements store.Pushes. Errors beside those of the contract: Invalid (a kind of template that does not exist, a push
// without an id).
func (s *Store) ReservePush(ctx context.Context, sh minapush.Shard, p store.Push) (store.PushAnswer, error) {
	need, err := needOf(p.Need)
	if err != nil {
		return store.PushAnswer{}, err
	}
	if p.ID == "" {
		return store.PushAnswer{}, minapush.FieldError("id", "must not be empty")
	}
	p.Now, p.Deadline = cut(p.Now), cut(p.Deadline)
	var out store.PushAnswer
	err = s.step(ctx, sh, func(st *step) error {
		var known bool
		if out, known, err = st.knownPush(&p); err != nil || known {
			return err
		}
		out, err = st.reservePush(&p, need)
		return err
	})
	if err != nil {
		return store.PushAnswer{}, err
	}
	return out, nil
}

// knownPush answers a push that was asked for before: the same call again, or another under the same key.
func (st *step) knownPush(p *store.Push) (store.PushAnswer, bool, error) {
	w, found, err := st.maybeFind(p.Batch, p.OpenID, p.ID)
	if err != nil {
		return store.PushAnswer{}, false, err
	}
	if found && w.State == minapush.HeldState && w.Attempt == p.Attempt {
		return store.PushAnswer{Status: store.PushReserved, Delivery: w.Delivery}, true, nil
	}
	if p.Key != "" {
		k, keyed, err := st.once(p)
		switch {
		case err != nil:
			return store.PushAnswer{}, false, err
		case keyed && k.fingerprint != p.Fingerprint:
			return store.PushAnswer{Status: store.PushKeyReused}, true, nil
		case keyed:
			if w, found, err = st.maybeFind(k.batch, p.OpenID, k.push); err != nil {
				return store.PushAnswer{}, false, err
			}
			if !found {
				// The row was forgotten before its key: it had its outcome, and what was sent once is not sent again.
				w.Delivery = minapush.Delivery{
					Batch: k.batch, OpenID: p.OpenID, Push: k.push, State: minapush.Settled, Outcome: minapush.Unknown,
				}
				found = true
			}
		}
	}
	if !found {
		return store.PushAnswer{}, false, nil
	}
	a := store.PushAnswer{Status: store.PushInProgress, Delivery: w.Delivery}
	if w.State == minapush.Settled {
		a.Status = store.PushReplayed
	}
	return a, true, nil
}

func (st *step) maybeFind(batch string, o minapush.OpenID, push string) (row, bool, error) {
	w, err := find(st.r, st.shard, batch, o, push)
	if err != nil && minapush.KindOf(err) == minapush.NotFound {
		return row{}, false, nil
	}
	return w, err == nil, err
}

// once reads the push's idempotency key, unless its time is over.
func (st *step) once(p *store.Push) (once, bool, error) {
	st.key = onceKey(st.key[:0], st.shard, p.OpenID, p.Key)
	b, found, err := st.get(st.key)
	if err != nil || !found {
		return once{}, false, err
	}
	k, err := readOnce(b)
	return k, err == nil && p.Now.UnixMilli() < k.forget, err
}

// reservePush holds a permit for a new push, or skips it.
func (st *step) reservePush(p *store.Push, need record.Need) (store.PushAnswer, error) {
	r, found, err := st.user(p.OpenID)
	if err != nil {
		return store.PushAnswer{}, err
	}
	if found && (r.IsBusy() || r.Erasing) {
		return store.PushAnswer{Status: store.PushBusy}, nil
	}
	w := row{Key: p.Key, Delivery: minapush.Delivery{
		Batch: p.Batch, OpenID: p.OpenID, Push: p.ID, State: minapush.HeldState, Attempt: p.Attempt, ReservedAt: p.Now,
		Deadline: p.Deadline,
	}}
	var c record.Choice
	optedOut := found && r.OptOut() == minapush.OptOutAll
	if found && !optedOut {
		c = r.Reserve(record.Ref{Batch: p.Batch, Push: p.ID, Attempt: p.Attempt}, need, record.Guard{PerDay: p.Guard.PerDay, CountPushes: p.Guard.CountPushes, DayStart: p.Guard.DayStart}, p.Now)
	}
	t, err := st.of(p.Batch)
	if err != nil {
		return store.PushAnswer{}, err
	}
	t.Examined++
	a := store.PushAnswer{RetryAt: c.ReadyAt}
	if c.OK {
		w.Permit = c.Permit
		*t.pending(minapush.HeldState)++
		st.expect(p.Deadline)
		if err := st.setUser(p.OpenID, r); err != nil {
			return a, err
		}
	} else {
		a.Status = store.PushSkipped
		w.State, w.Outcome, w.Reason = minapush.Settled, minapush.Skipped, minapush.ReasonNoPermit
		switch {
		case p.LastReason != "":
			w.Outcome, w.Reason, w.Errcode = minapush.Failed, p.LastReason, p.LastErrcode
		case optedOut:
			w.Reason = minapush.ReasonOptedOut
		case c.Kept != "":
			w.Reason = c.Kept
		}
		w.ReservedAt, w.SettledAt, w.Deadline = time.Time{}, p.Now, time.Time{}
		w.Reason = t.count(w.Outcome, w.Reason)
		if found && missed(r, &w.Delivery) { // of an earlier time, whose row was forgotten
			if err := st.setUser(p.OpenID, r); err != nil {
				return a, err
			}
		}
	}
	a.Delivery = w.Delivery
	if p.Key != "" {
		k := once{fingerprint: p.Fingerprint, forget: p.Now.Add(p.KeepKey).UnixMilli(), batch: p.Batch, push: p.ID}
		st.key = onceKey(st.key[:0], st.shard, p.OpenID, p.Key)
		st.buf = k.append(st.buf[:0])
		if err := st.set(st.key, st.buf); err != nil {
			return a, err
		}
	}
	return a, st.put(&w)
}

// MarkPush implements store.Pushes.
func (s *Store) MarkPush(ctx context.Context, sh minapush.Shard, ref store.Ref, now, deadline time.Time) error {
	return s.step(ctx, sh, func(st *step) error {
		w, found, err := st.hand(ref.Batch, ref.OpenID, ref.Push)
		if err != nil {
			return err
		}
		if !found || ref.Push == "" || w.State != minapush.HeldState || w.Attempt != ref.Attempt || !cut(now).Before(w.Deadline) {
			return minapush.Errorf(minapush.Conflict, "push %s is not held any more", ref.Push)
		}
		w.Deadline = cut(deadline)
		st.expect(w.Deadline)
		return st.mark(&w)
	})
}

// SettlePush implements store.Pushes. Errors beside those of the contract: Invalid (a settlement that contradicts itself, or leaves the
// use of a push in doubt).
func (s *Store) SettlePush(ctx context.Context, sh minapush.Shard, x store.Settlement) (minapush.Delivery, error) {
	if err := checkSettlement(&x); err != nil {
		return minapush.Delivery{}, err
	}
	if x.Permit == store.SuspectUse && !x.Resend {
		return minapush.Delivery{}, minapush.FieldError("permit", "of a push cannot stay in doubt")
	}
	if x.Push == "" {
		return minapush.Delivery{}, minapush.Errorf(minapush.NotFound, "a push has an id")
	}
	var d minapush.Delivery
	err := s.step(ctx, sh, func(st *step) error {
		w, found, err := st.attempt(x.Ref)
		x := w.heed(x)
		switch {
		case err != nil:
			return err
		case !found:
			w, err = find(st.r, sh, x.Batch, x.OpenID, x.Push)
			if err == nil && (w.State != minapush.Settled || w.Attempt != x.Attempt) {
				err = minapush.Errorf(minapush.NotFound, "no attempt %d of push %s", x.Attempt, x.Push)
			}
		case x.Outcome == minapush.Pending && !x.Resend:
			w.Reason, w.Errcode, w.MsgID, w.NotBefore = x.Reason, x.Errcode, x.MsgID, cut(x.NotBefore)
			err = st.withdraw(&w, x.Permit)
		default:
			err = st.settle(&w, &x)
		}
		d = w.Delivery
		return err
	})
	if err != nil {
		return minapush.Delivery{}, err
	}
	return d, nil
}

// withdraw ends a push in hand as if it had never been: a recovery finds nothing of it but what became of the permit.
func (st *step) withdraw(w *row, effect store.PermitEffect) error {
	r, found, err := st.user(w.OpenID)
	if err != nil {
		return err
	}
	if !found {
		return errCorrupt // a user whose delivery is in hand cannot go
	}
	t, err := st.of(w.Batch)
	if err != nil {
		return err
	}
	t.Examined--
	*t.pending(w.State)--
	st.flow.Add(affect(r, effect, &w.Permit, false))
	r.Idle()
	r.ForgetRecent(w.Batch, w.Push)
	w.State = minapush.Waiting
	if err := st.dropHand(w); err != nil {
		return err
	}
	if r.Erasing {
		_, err := st.erase(w.OpenID, r, &store.Ref{Batch: w.Batch, Push: w.Push})
		return err
	}
	if w.Key != "" {
		st.key = onceKey(st.key[:0], st.shard, w.OpenID, w.Key)
		if err := st.delete(st.key); err != nil {
			return err
		}
	}
	return st.setUser(w.OpenID, r)
}

// RecoverPushes implements store.Pushes. It is asked often and for every shard, so it looks through the rows in hand only when the
// deadline of one of them may have come.
func (s *Store) RecoverPushes(ctx context.Context, sh minapush.Shard, now time.Time) (int, error) {
	n := 0
	err := s.step(ctx, sh, func(st *step) error {
		if first, known := st.lane.deadlines[sh]; known && cut(now).Before(first) {
			return nil
		}
		n, now = 0, cut(now)
		next := never()
		err := st.eachHand(shardKey(nil, keyHand, sh), func(w *row) error {
			if w.Push == "" {
				return nil
			}
			if w.Deadline.After(now) {
				if w.Deadline.Before(next) {
					next = w.Deadline
				}
				return nil
			}
			n++
			return st.recoverPush(w, now)
		})
		if err != nil {
			return err
		}
		if st.lane.deadlines == nil {
			st.lane.deadlines = map[minapush.Shard]time.Time{}
		}
		st.lane.deadlines[sh] = next
		return nil
	})
	return n, err
}

// recoverPush ends a push that nobody settled in time. What is held to be sent again may have arrived as much as what is being sent.
func (st *step) recoverPush(w *row, now time.Time) error {
	if w.State == minapush.HeldState && !w.Resend {
		return st.withdraw(w, store.Release)
	}
	return st.settle(w, &store.Settlement{Outcome: minapush.Unknown, Permit: store.Spend, Reason: minapush.ReasonCrash, Now: now})
}

// never is later than any deadline.
func never() time.Time { return time.Unix(1<<55, 0) }

// expect notes the deadline of a push in hand.
func (st *step) expect(deadline time.Time) {
	if first, known := st.lane.deadlines[st.shard]; known && deadline.Before(first) {
		st.lane.deadlines[st.shard] = deadline
	}
}
