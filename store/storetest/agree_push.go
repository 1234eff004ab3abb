package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"pgregory.net/rapid"
)

// agreeKeepKey is short, so that keys are forgotten in time.
const agreeKeepKey = 2 * time.Hour

func (m *agreeMachine) reservePush(t *rapid.T) {
	var a agreeAsked
	if len(m.asked) > 0 && rapid.IntRange(0, 2).Draw(t, "again") == 0 {
		a = agreeOld(t, m.asked, "push")
		if rapid.Bool().Draw(t, "raise") {
			a.push.Attempt++
			a.push.LastReason, a.push.LastErrcode = "dead", 41028
		}
	} else {
		s, o := m.someUser(t)
		c := rapid.SampledFrom(m.campaigns).Draw(t, "message")
		need := c.need
		if rapid.IntRange(0, 4).Draw(t, "by its code") == 0 {
			kind := rapid.SampledFrom([]minapush.PermitKind{minapush.FormID, minapush.PrepayID}).Draw(t, "of kind")
			need.Code = agreeCode(kind, rapid.IntRange(0, 5).Draw(t, "code"))
		}
		key := rapid.SampledFrom([]string{"", "", "k1", "k{2}"}).Draw(t, "key")
		a = agreeAsked{shard: s, push: store.Push{
			Batch: minapush.PushBatch(m.now()), ID: m.fresh("p"), OpenID: o, Attempt: 1, Need: need,
			Key: key, Fingerprint: uint64(rapid.IntRange(1, 2).Draw(t, "fingerprint")), KeepKey: agreeKeepKey,
		}}
	}
	a.push.Guard = m.guard(t)
	a.push.Now, a.push.Deadline = m.now(), m.now().Add(rapid.SampledFrom([]time.Duration{3 * time.Second, time.Minute, time.Hour}).Draw(t, "deadline"))
	m.asked = append(m.asked, a)
	if !slices.Contains(m.batches, a.push.Batch) {
		m.batches = append(m.batches, a.push.Batch)
	}
	before := m.model.shard(a.shard).batch(a.push.Batch).rows[modelRowID{openid: a.push.OpenID, push: a.push.ID}]
	want, e1 := m.model.ReservePush(m.ctx, a.shard, a.push)
	got, e2 := m.subject.ReservePush(m.ctx, a.shard, a.push)
	if !m.fine(t, "reserve push", e1, e2) {
		return
	}
	step := fmt.Sprintf("reserve push %+v in %v", a.push, a.shard)
	m.same(t, step, agreeAnswer(want, before != nil), agreeAnswer(got, before != nil))
}

// agreeAnswer is what is promised of an answer. How an id is refused that has a row already is not said.
func agreeAnswer(a store.PushAnswer, known bool) store.PushAnswer {
	refused := a.Status != store.PushReserved && a.Status != store.PushSkipped
	switch {
	case known && refused:
		return store.PushAnswer{Status: store.PushBusy}
	case a.Status == store.PushBusy || a.Status == store.PushKeyReused:
		a.Delivery = minapush.Delivery{}
	}
	if a.Status != store.PushSkipped {
		a.RetryAt = time.Time{}
	}
	a.Delivery = agreeRow(a.Delivery)
	return a
}

// pushRef draws an attempt of a push, mostly one in hand.
func (m *agreeMachine) pushRef(t *rapid.T) (minapush.Shard, store.Ref, *modelRow) {
	s := m.shardWith(t, func(r *modelRow) bool { return r.Push != "" && r.inHand() })
	rows := m.rows(s, func(r *modelRow) bool { return r.Push != "" && r.inHand() })
	if len(rows) > 0 && rapid.IntRange(0, 5).Draw(t, "stale") > 0 {
		r := rapid.SampledFrom(rows).Draw(t, "row")
		m.stale[s] = append(m.stale[s], store.RefOf(r.Delivery))
		return s, store.RefOf(r.Delivery), r
	}
	if len(m.stale[s]) == 0 {
		t.Skip("no push was ever in hand")
	}
	ref := agreeOld(t, m.stale[s], "ref")
	if rapid.IntRange(0, 3).Draw(t, "unheard of") == 0 {
		ref.Attempt += 5
	}
	return s, ref, m.inHandAt(s, ref)
}

// inHandAt is the row that a ref names now, if it is in hand at that attempt.
func (m *agreeMachine) inHandAt(s minapush.Shard, ref store.Ref) *modelRow {
	r := m.model.shard(s).batch(ref.Batch).rows[modelRowID{openid: ref.OpenID, push: ref.Push}]
	if r == nil || !r.inHand() || r.Attempt != ref.Attempt {
		return nil
	}
	return r
}

func (m *agreeMachine) markPush(t *rapid.T) {
	s, ref, _ := m.pushRef(t)
	deadline := m.now().Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "seconds")) * time.Second)
	m.fine(t, fmt.Sprintf("mark push %v", ref),
		m.model.MarkPush(m.ctx, s, ref, m.now(), deadline), m.subject.MarkPush(m.ctx, s, ref, m.now(), deadline))
}

func (m *agreeMachine) settlePush(t *rapid.T) {
	s, ref, r := m.pushRef(t)
	x := m.settlement(t, ref, r)
	if x.Permit == store.SuspectUse {
		x.Permit = store.Release // a push cannot be in doubt
	}
	want, e1 := m.model.SettlePush(m.ctx, s, x)
	got, e2 := m.subject.SettlePush(m.ctx, s, x)
	if !m.fine(t, fmt.Sprintf("settle push %+v", x), e1, e2) {
		return
	}
	want, got = agreeRow(want), agreeRow(got)
	if want.State == minapush.Waiting { // withdrawn: what is next is the caller's
		want.NotBefore, got.NotBefore = time.Time{}, time.Time{}
	}
	m.same(t, fmt.Sprintf("settle push %+v", x), want, got)
}

// open is mostly of a row that was sent.
func (m *agreeMachine) open(t *rapid.T) {
	sent := func(r *modelRow) bool { return r.Tries > 0 && (r.State != minapush.Settled || r.Outcome.Openable()) }
	if rapid.IntRange(0, 4).Draw(t, "of any row") == 0 {
		sent = func(r *modelRow) bool { return r.Outcome != minapush.Skipped }
	}
	s := m.shardWith(t, sent)
	rows := m.rows(s, sent)
	if len(rows) == 0 {
		t.Skip("no row was sent")
	}
	r := rapid.SampledFrom(rows).Draw(t, "row")
	ref := store.RefOf(r.Delivery)
	if rapid.IntRange(0, 9).Draw(t, "unheard of") == 0 {
		ref.OpenID += "?"
	}
	want, e1 := m.model.Open(m.ctx, s, ref.Batch, ref.OpenID, ref.Push, m.now())
	got, e2 := m.subject.Open(m.ctx, s, ref.Batch, ref.OpenID, ref.Push, m.now())
	if step := fmt.Sprintf("open %v", ref); m.fine(t, step, e1, e2) {
		m.same(t, step, want, got)
	}
}

func (m *agreeMachine) recoverPushes(t *rapid.T) {
	s, now := m.shardWith(t, func(r *modelRow) bool { return r.Push != "" && r.inHand() }), m.now()
	want, e1 := m.model.RecoverPushes(m.ctx, s, now)
	got, e2 := m.subject.RecoverPushes(m.ctx, s, now)
	if m.fine(t, "recover pushes", e1, e2) {
		m.same(t, "recover pushes", want, got)
	}
}

// settlement draws what becomes of an attempt. r is its row, nil if the attempt is not in hand.
func (m *agreeMachine) settlement(t *rapid.T, ref store.Ref, r *modelRow) store.Settlement {
	x := store.Settlement{Ref: ref, Now: m.now(), MsgID: int64(rapid.IntRange(0, 1).Draw(t, "msgid")) << 40}
	later := m.now().Add(rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute}).Draw(t, "later"))
	pending := store.Settlement{Outcome: minapush.Pending, NotBefore: later, Reason: "500", Errcode: 500}
	choice := rapid.IntRange(0, 11).Draw(t, "verdict")
	x.Reason, x.Errcode = fmt.Sprint(choice), choice
	put := func(p store.Settlement) {
		x.Outcome, x.NotBefore, x.Reason, x.Errcode = p.Outcome, p.NotBefore, p.Reason, p.Errcode
	}
	switch choice {
	case 0, 1:
		x.Outcome, x.Permit, x.Reason, x.Errcode = minapush.Accepted, store.Spend, "", 0
	case 2:
		x.Outcome, x.Permit = minapush.Failed, store.Release
	case 3:
		x.Outcome, x.Permit = minapush.Failed, rapid.SampledFrom([]store.PermitEffect{store.Burn, store.VoidUser}).Draw(t, "effect")
	case 4:
		x.Outcome, x.Permit = minapush.Unknown, store.Spend
	case 5:
		x.Outcome, x.Permit = minapush.RefusedByUser, store.VoidTemplate
		if r != nil && r.Permit.Kind.HasCode() {
			x.Permit = store.Burn // what the template of a code is, is not said
		}
	case 6:
		put(pending)
	case 7:
		put(pending)
		x.Permit = store.Burn
	case 8:
		put(pending)
		x.Permit, x.Maybe = store.Spend, true
	case 9:
		put(pending)
		x.Resend = true
	default:
		put(pending)
		x.Permit, x.Reason = store.SuspectUse, "43101"
	}
	if r != nil && r.Resend && x.Outcome == minapush.Pending && !x.Resend {
		x.Maybe = true // it may have arrived, and the caller says so
	}
	if x.Outcome == minapush.Pending {
		x.MsgID = 0 // how long a row keeps the number of an answer that did not end it is not said
	}
	return x
}
