package redisstore

import (
	"context"
	"time"

	"github.com/redis/rueidis"

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
	err = s.step(ctx, sh, func(ctx context.Context, st *step) error {
		reads := [][]looking{
			st.look(st.users, string(p.OpenID)), st.look(st.hand, pushField(p.Batch, p.ID, p.OpenID)),
			st.look(st.hash(st.keys.pushes(p.Batch)), string(p.OpenID)), st.lookProgress(p.Batch),
		}
		if p.Key != "" {
			reads = append(reads, st.look(st.hash(st.keys.once(p.OpenID)), p.Key))
		}
		if err := st.do(ctx, reads...); err != nil {
			return err
		}
		var known bool
		var err error
		if out, known, err = st.knownPush(ctx, &p); err != nil || known {
			return err
		}
		out, err = st.reservePush(ctx, &p, need)
		return err
	})
	if err != nil {
		return store.PushAnswer{}, err
	}
	return out, nil
}

func needOf(n store.Need) (record.Need, error) {
	kinds := n.Kind.PermitKinds()
	if kinds == nil {
		return record.Need{}, minapush.FieldError("kind", "must be legacy, one_time or long_term, not %q", n.Kind)
	}
	return record.Need{Kinds: kinds, Template: n.Template, Content: n.Content, Code: n.Code}, nil
}

// knownPush answers a push that was asked for before: the same call again, or another under the same key.
func (st *step) knownPush(ctx context.Context, p *store.Push) (store.PushAnswer, bool, error) {
	w, found, err := st.findPush(ctx, p.Batch, p.OpenID, p.ID)
	if err != nil {
		return store.PushAnswer{}, false, err
	}
	if found && w.State == minapush.HeldState && w.Attempt == p.Attempt {
		return store.PushAnswer{Status: store.PushReserved, Delivery: w.Delivery}, true, nil
	}
	if p.Key != "" {
		k, keyed, err := st.onceOf(ctx, p)
		switch {
		case err != nil:
			return store.PushAnswer{}, false, err
		case keyed && k.fingerprint != p.Fingerprint:
			return store.PushAnswer{Status: store.PushKeyReused}, true, nil
		case keyed:
			if w, found, err = st.findPush(ctx, k.batch, p.OpenID, k.push); err != nil {
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

// findPush reads the row of a push, in hand or settled.
func (st *step) findPush(ctx context.Context, batch string, o minapush.OpenID, push string) (row, bool, error) {
	w, found, err := st.inHand(ctx, batch, o, push)
	if err != nil || found {
		return w, found, err
	}
	return st.settledPush(ctx, batch, o, push)
}

// onceOf reads the push's idempotency key, unless its time is over.
func (st *step) onceOf(ctx context.Context, p *store.Push) (once, bool, error) {
	b, err := st.get(ctx, st.hash(st.keys.once(p.OpenID)), p.Key)
	if err != nil || b == nil {
		return once{}, false, err
	}
	k, err := readOnce(b)
	return k, err == nil && p.Now.UnixMilli() < k.forget, err
}

// onceSlack is how much longer the server keeps a key than it is good for, since clocks differ.
const onceSlack = 24 * time.Hour

// reservePush holds a permit for a new push, or skips it.
func (st *step) reservePush(ctx context.Context, p *store.Push, need record.Need) (store.PushAnswer, error) {
	r, found, err := st.user(ctx, p.OpenID)
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
	guard := record.Guard{PerDay: p.Guard.PerDay, CountPushes: p.Guard.CountPushes, DayStart: p.Guard.DayStart}
	optedOut := found && r.OptOut() == minapush.OptOutAll
	if found && !optedOut {
		c = r.Reserve(record.Ref{Batch: p.Batch, Push: p.ID, Attempt: p.Attempt}, need, guard, p.Now)
	}
	t, err := st.of(ctx, p.Batch)
	if err != nil {
		return store.PushAnswer{}, err
	}
	t.examined(1)
	a := store.PushAnswer{RetryAt: c.ReadyAt}
	if c.OK {
		w.Permit = c.Permit
		t.pend(minapush.HeldState, 1)
		st.setUser(p.OpenID, r)
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
	}
	a.Delivery = w.Delivery
	if p.Key != "" {
		k := once{fingerprint: p.Fingerprint, forget: p.Now.Add(p.KeepKey).UnixMilli(), batch: p.Batch, push: p.ID}
		key := st.keys.once(p.OpenID)
		st.hash(key).set(p.Key, k.append(nil))
		st.lives = append(st.lives, life{key, (max(p.KeepKey, 0) + onceSlack).Milliseconds()})
	}
	return a, st.put(ctx, &w)
}

// MarkPush implements store.Pushes. As to Config.WaitReplicas see Mark.
func (s *Store) MarkPush(ctx context.Context, sh minapush.Shard, ref store.Ref, now, deadline time.Time) error {
	now, deadline = cut(now), cut(deadline)
	return s.stepFenced(ctx, sh, func(ctx context.Context, st *step) error {
		if err := st.do(ctx, st.look(st.hand, pushField(ref.Batch, ref.Push, ref.OpenID)), st.lookProgress(ref.Batch)); err != nil {
			return err
		}
		w, found, err := st.inHand(ctx, ref.Batch, ref.OpenID, ref.Push)
		if err != nil {
			return err
		}
		if !found || ref.Push == "" || w.State != minapush.HeldState || w.Attempt != ref.Attempt || !now.Before(w.Deadline) {
			return minapush.Errorf(minapush.Conflict, "push %s is not held any more", ref.Push)
		}
		w.Deadline = deadline
		return st.mark(ctx, &w)
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
	err := s.step(ctx, sh, func(ctx context.Context, st *step) error {
		err := st.do(ctx, st.look(st.users, string(x.OpenID)), st.look(st.hand, pushField(x.Batch, x.Push, x.OpenID)),
			st.look(st.hash(st.keys.pushes(x.Batch)), string(x.OpenID)), st.lookProgress(x.Batch))
		if err != nil {
			return err
		}
		w, found, err := st.attemptOf(ctx, x.Ref)
		x := w.heed(x)
		switch {
		case err != nil:
			return err
		case !found:
			w, found, err = st.findPush(ctx, x.Batch, x.OpenID, x.Push)
			if err == nil && (!found || w.State != minapush.Settled || w.Attempt != x.Attempt) {
				err = minapush.Errorf(minapush.NotFound, "no attempt %d of push %s", x.Attempt, x.Push)
			}
		case x.Outcome == minapush.Pending && !x.Resend:
			w.Reason, w.Errcode, w.MsgID, w.NotBefore = x.Reason, x.Errcode, x.MsgID, cut(x.NotBefore)
			err = st.withdraw(ctx, &w, x.Permit)
		default:
			err = st.settle(ctx, &w, x)
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
func (st *step) withdraw(ctx context.Context, w *row, effect store.PermitEffect) error {
	r, err := st.owner(ctx, w)
	if err != nil {
		return err
	}
	t, err := st.of(ctx, w.Batch)
	if err != nil {
		return err
	}
	t.examined(-1)
	t.pend(w.State, -1)
	st.flow.Add(affect(r, effect, &w.Permit, false))
	r.Idle()
	r.ForgetRecent(w.Batch, w.Push)
	w.unconfirm()
	w.State = minapush.Waiting
	if err := st.dropHand(ctx, w); err != nil {
		return err
	}
	st.setUser(w.OpenID, r)
	if r.Erasing {
		_, err := st.erase(ctx, w.OpenID)
		return err
	}
	if w.Key != "" {
		st.hash(st.keys.once(w.OpenID)).drop(w.Key)
	}
	return nil
}

// RecoverPushes implements store.Pushes.
func (s *Store) RecoverPushes(ctx context.Context, sh minapush.Shard, now time.Time) (int, error) {
	n := 0
	now = cut(now)
	for {
		due, err := s.duePushes(ctx, sh, now)
		if err != nil || len(due) == 0 {
			return n, err
		}
		part := 0
		err = s.step(ctx, sh, func(ctx context.Context, st *step) (err error) {
			part, err = st.recoverPushes(ctx, due, now)
			return err
		})
		if err != nil {
			return 0, err
		}
		n += part
		if part == 0 {
			return n, nil // others ended them meanwhile
		}
	}
}

// duePushes lists some of the pushes in hand whose deadline has come. It is asked often and for every shard, and mostly there is none.
func (s *Store) duePushes(ctx context.Context, sh minapush.Shard, now time.Time) (fields []string, err error) {
	err = s.read(ctx, func(ctx context.Context) error {
		cmd := s.client.B().Zrangebyscore().Key(s.keys(sh).deadlines()).Min("-inf").Max(score(now)).Limit(0, pageOfUsers).Build()
		fields, err = s.client.Do(ctx, cmd).AsStrSlice()
		if rueidis.IsRedisNil(err) {
			err = nil
		}
		return err
	})
	return fields, err
}

func (st *step) recoverPushes(ctx context.Context, fields []string, now time.Time) (int, error) {
	if err := st.do(ctx, st.look(st.hand, fields...)); err != nil {
		return 0, err
	}
	var rows []row
	for _, field := range fields {
		batch, push, o, err := readField(field)
		if err != nil {
			return 0, err
		}
		w, found, err := st.inHand(ctx, batch, o, push)
		switch {
		case err != nil:
			return 0, err
		case !found:
			// It was settled meanwhile. A deadline without its row would be met again and again.
			st.sets = append(st.sets, setChange{key: st.keys.deadlines(), member: field, gone: true})
		case !w.Deadline.After(now):
			rows = append(rows, w)
		}
	}
	if err := st.lookOwners(ctx, rows); err != nil {
		return 0, err
	}
	for i := range rows {
		if err := st.recoverPush(ctx, &rows[i], now); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// recoverPush ends a push that nobody settled in time. What is held to be sent again may have arrived as much as what is being sent.
func (st *step) recoverPush(ctx context.Context, w *row, now time.Time) error {
	if w.State == minapush.HeldState && !w.Resend {
		return st.withdraw(ctx, w, store.Release)
	}
	return st.settle(ctx, w, w.heed(store.Settlement{
		Outcome: minapush.Unknown, Permit: store.Spend, Reason: minapush.ReasonCrash, Errcode: w.Errcode, MsgID: w.MsgID, Now: now,
	}))
}
