package storetest

import (
	"context"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// ReservePush holds a permit for a push.
func (m *Model) ReservePush(ctx context.Context, s minapush.Shard, p store.Push) (store.PushAnswer, error) {
	if err := m.begin(ctx); err != nil {
		return store.PushAnswer{}, err
	}
	defer m.mu.Unlock()
	sh, now := m.shard(s), modelMilli(p.Now)
	b := sh.batch(p.Batch)
	if answer, known := sh.pushBefore(b, p, now); known {
		return answer, nil
	}
	r := &modelRow{key: p.Key, Delivery: minapush.Delivery{Batch: p.Batch, OpenID: p.OpenID, Push: p.ID, Attempt: p.Attempt}}
	u := sh.users[p.OpenID]
	if u != nil && u.busy != nil {
		return store.PushAnswer{Status: store.PushBusy}, nil
	}
	b.examined++
	b.rows[r.id()] = r
	sh.noteKey(p, now)
	answer := store.PushAnswer{Status: store.PushSkipped}
	var permit *modelPermit
	lacks := minapush.ReasonNoPermit
	if u != nil && u.profile.OptOut == minapush.OptOutAll {
		lacks = minapush.ReasonOptedOut
	} else if u != nil {
		permit, answer.RetryAt = u.find(p.Need, now)
		guard := store.Guard{PerDay: p.Guard.PerDay, CountPushes: p.Guard.CountPushes, DayStart: p.Guard.DayStart}
		if permit != nil {
			if why := u.keepsOut(guard, r, p.Need, now); why != "" {
				permit, lacks = nil, why
			}
		}
	}
	if permit != nil {
		r.hold(u, permit, p.Need, now)
		r.Deadline = modelMilli(p.Deadline)
		answer.Status = store.PushReserved
	} else if p.LastReason != "" {
		r.Errcode = p.LastErrcode
		sh.finish(b, r, minapush.Failed, p.LastReason, now)
	} else {
		sh.finish(b, r, minapush.Skipped, lacks, now)
	}
	answer.Delivery = r.Delivery
	return answer, nil
}

// pushBefore answers a push that was asked for before: the same call again, or another under the same key.
func (sh *modelShard) pushBefore(b *modelBatch, p store.Push, now time.Time) (store.PushAnswer, bool) {
	r := b.rows[modelRowID{openid: p.OpenID, push: p.ID}]
	if r != nil && r.State == minapush.HeldState && r.Attempt == p.Attempt {
		return store.PushAnswer{Status: store.PushReserved, Delivery: r.Delivery}, true
	}
	if key, used := sh.keys[p.OpenID][p.Key]; p.Key != "" && used && now.Before(key.until) {
		if key.fingerprint != p.Fingerprint {
			return store.PushAnswer{Status: store.PushKeyReused}, true
		}
		if r = sh.batch(key.batch).rows[modelRowID{openid: p.OpenID, push: key.push}]; r == nil { // forgotten before its key
			return store.PushAnswer{Status: store.PushReplayed, Delivery: minapush.Delivery{
				Batch: key.batch, OpenID: p.OpenID, Push: key.push, State: minapush.Settled, Outcome: minapush.Unknown,
			}}, true
		}
	}
	switch {
	case r == nil:
		return store.PushAnswer{}, false
	case r.State == minapush.Settled:
		return store.PushAnswer{Status: store.PushReplayed, Delivery: r.Delivery}, true
	}
	return store.PushAnswer{Status: store.PushInProgress, Delivery: r.Delivery}, true
}

func (sh *modelShard) noteKey(p store.Push, now time.Time) {
	if p.Key == "" {
		return
	}
	if sh.keys[p.OpenID] == nil {
		sh.keys[p.OpenID] = map[string]modelKey{}
	}
	sh.keys[p.OpenID][p.Key] = modelKey{fingerprint: p.Fingerprint, batch: p.Batch, push: p.ID, until: modelMilli(now.Add(p.KeepKey))}
}

// push finds the row of a push.
func (sh *modelShard) push(r store.Ref) (*modelBatch, *modelRow) {
	b := sh.batches[r.Batch]
	if b == nil || r.Push == "" {
		return nil, nil
	}
	return b, b.rows[modelRowID{openid: r.OpenID, push: r.Push}]
}

// MarkPush turns a held push into one being sent.
func (m *Model) MarkPush(ctx context.Context, s minapush.Shard, ref store.Ref, now, deadline time.Time) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	_, r := m.shard(s).push(ref)
	if r == nil || r.State != minapush.HeldState || r.Attempt != ref.Attempt || !modelMilli(now).Before(r.Deadline) {
		return minapush.Errorf(minapush.Conflict, "push %s is not held any more", ref.Push)
	}
	r.State, r.Tries, r.NotBefore, r.Deadline = minapush.Sending, r.Tries+1, time.Time{}, modelMilli(deadline)
	return nil
}

// SettlePush ends or withdraws an attempt of a push.
func (m *Model) SettlePush(ctx context.Context, s minapush.Shard, x store.Settlement) (minapush.Delivery, error) {
	if err := m.begin(ctx); err != nil {
		return minapush.Delivery{}, err
	}
	defer m.mu.Unlock()
	if x.Permit == store.SuspectUse && !x.Resend {
		return minapush.Delivery{}, minapush.FieldError("permit", "of a push cannot be in doubt: nothing resolves it")
	}
	sh := m.shard(s)
	b, r := sh.push(x.Ref)
	if r == nil || r.Attempt != x.Attempt {
		return minapush.Delivery{}, minapush.Errorf(minapush.NotFound, "push %s has no attempt %d", x.Push, x.Attempt)
	}
	if r.inHand() {
		sh.settle(b, r, x)
	}
	return r.Delivery, nil
}

// RecoverPushes ends pushes that nobody settled in time.
func (m *Model) RecoverPushes(ctx context.Context, s minapush.Shard, now time.Time) (int, error) {
	if err := m.begin(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	sh, now := m.shard(s), modelMilli(now)
	n := 0
	for _, b := range sh.batches {
		for _, r := range b.list(func(r *modelRow) bool { return r.Push != "" && r.inHand() && !r.Deadline.After(now) }) {
			x := store.Settlement{Ref: store.RefOf(r.Delivery), Now: now}
			// What is held to be sent again may have arrived as much as what is being sent.
			if r.State == minapush.Sending || r.Resend {
				x.Outcome, x.Permit, x.Reason = minapush.Unknown, store.Spend, minapush.ReasonCrash
			}
			sh.settle(b, r, x)
			n++
		}
	}
	return n, nil
}
