package storetest

import (
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"pgregory.net/rapid"
)

// lease acquires, renews or releases.
func (m *agreeMachine) lease(t *rapid.T) {
	s := m.someShard(t)
	had := m.leases[s]
	if len(had) == 0 {
		m.acquire(t, s)
		return
	}
	l := had[max(0, len(had)-1-rapid.IntRange(0, 1).Draw(t, "stale"))]
	switch rapid.IntRange(0, 2).Draw(t, "what") {
	case 0:
		m.acquire(t, s)
	case 1:
		m.fine(t, "renew", m.model.Renew(m.ctx, l.model, agreeTTL), m.subject.Renew(m.ctx, l.subject, agreeTTL))
	default:
		m.fine(t, "release", m.model.Release(m.ctx, l.model), m.subject.Release(m.ctx, l.subject))
	}
}

func (m *agreeMachine) acquire(t *rapid.T, s minapush.Shard) {
	owner := m.fresh("owner")
	l1, e1 := m.model.Acquire(m.ctx, s, owner, agreeTTL)
	l2, e2 := m.subject.Acquire(m.ctx, s, owner, agreeTTL)
	if m.fine(t, "acquire", e1, e2) {
		if l2.Shard != s || l2.Owner != owner {
			t.Fatalf("asked for shard %v as %s, got lease %v", s, owner, l2)
		}
		m.leases[s] = append(m.leases[s], agreeLease{l1, l2})
	}
}

// leased draws a lease of a shard: mostly one that is good, taken on the way if need be.
func (m *agreeMachine) leased(t *rapid.T, s minapush.Shard) agreeLease {
	sh := m.model.shard(s)
	if !sh.holds(sh.lease, m.clock()) {
		m.acquire(t, s)
	}
	had := m.leases[s]
	if len(had) > 1 && rapid.IntRange(0, 9).Draw(t, "stale lease") == 0 {
		return had[len(had)-2]
	}
	return had[len(had)-1]
}

// batch is a campaign's next batch. The campaign starts when it is first asked for in an app.
func (m *agreeMachine) batch(c agreeCampaign, s minapush.Shard) store.Batch {
	name := fmt.Sprintf("%s of %d", c.id, s.App)
	if m.started[name].IsZero() {
		m.started[name] = m.now()
	}
	return store.Batch{
		Campaign: c.id, Need: c.need, Started: m.started[name], Now: m.now(), Audience: c.audience(), AtLeastOnce: c.atLeastOnce,
		Listed: c.listed, KeepSkipped: c.kept,
	}
}

// campaignWith is any campaign, or one that has such rows in a shard.
func (m *agreeMachine) campaignWith(t *rapid.T, s minapush.Shard, such func(*modelRow) bool) agreeCampaign {
	var list []agreeCampaign
	for _, c := range m.campaigns {
		if len(m.model.shard(s).batch(c.id).list(such)) > 0 {
			list = append(list, c)
		}
	}
	return rapid.SampledFrom(append(list, m.campaigns...)).Draw(t, "campaign")
}

func (m *agreeMachine) reserve(t *rapid.T) {
	s := m.shardWith(t, func(r *modelRow) bool { return r.Push == "" && r.due(m.now()) && r.State < minapush.Sending })
	l := m.leased(t, s)
	c := m.campaignWith(t, s, func(r *modelRow) bool { return r.due(m.now()) && r.State < minapush.Sending })
	b := m.batch(c, s)
	b.Guard = m.guard(t)
	m.askBeside(t, &b)
	b.Limit = m.plainLimit(s, b, rapid.IntRange(1, 4).Draw(t, "limit"))
	if b.Limit == 0 {
		t.Skip("somebody in the again-queue is being erased: what becomes of him now is not clear")
	}
	want, e1 := m.model.ReserveBatch(m.ctx, l.model, b)
	got, e2 := m.subject.ReserveBatch(m.ctx, l.subject, b)
	step := fmt.Sprintf("reserve %+v in %v", b, s)
	if m.fine(t, step, e1, e2) {
		m.same(t, step, agreeReserved(want), agreeReserved(got))
		for _, r := range want.Rows {
			m.stale[s] = append(m.stale[s], store.RefOf(r))
		}
	}
}

// plainLimit makes a limit so large that it is plain what it bounds: the order in which rows and the queue are taken is not
// said, nor whether users count that are not of the audience. 0 means that no limit would do.
func (m *agreeMachine) plainLimit(s minapush.Shard, b store.Batch, limit int) int {
	sh := m.model.shard(s)
	c := &modelReserve{sh: sh, batch: sh.batch(b.Campaign), Batch: b}
	c.Now, c.Started = modelMilli(b.Now), modelMilli(b.Started)
	const all = 100
	for _, r := range c.batch.rows {
		if (r.State == minapush.Waiting || r.State == minapush.HeldState) && r.due(c.Now) {
			limit = all
		}
		if r.State == minapush.Waiting && sh.users[r.OpenID].erasing {
			return 0
		}
	}
	rest := c.next(all)
	if limit >= len(rest) {
		return all
	}
	for _, o := range rest {
		if !c.inAudience(o) {
			return all
		}
	}
	return limit
}

// skip ends a campaign in a shard for a reason, in as many calls as it takes.
func (m *agreeMachine) skip(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "really") > 0 {
		t.Skip("too many would leave nothing to do")
	}
	open := func(r *modelRow) bool { return r.Push == "" && r.State < minapush.Sending }
	s := m.shardWith(t, open)
	l := m.leased(t, s)
	c := m.campaignWith(t, s, open)
	b := m.batch(c, s)
	b.Limit, b.Skip = rapid.IntRange(1, 4).Draw(t, "limit"), minapush.ReasonCancelled
	sh := m.model.shard(s)
	for _, r := range sh.batch(c.id).rows {
		if (r.State == minapush.Waiting || r.State == minapush.HeldState) && sh.users[r.OpenID].erasing {
			t.Skip("whether he is skipped or erased is not clear")
		}
	}
	all := func(st store.Store, l store.Lease) (examined int, err error) {
		for range 50 {
			got, err := st.ReserveBatch(m.ctx, l, b)
			if err != nil {
				return 0, err
			}
			if len(got.Rows) > 0 {
				t.Fatalf("%d rows were reserved where everybody is skipped", len(got.Rows))
			}
			examined += got.Examined
			if got.Done && got.Waiting == 0 {
				return examined, nil
			}
		}
		t.Fatalf("skipping does not come to an end")
		return 0, nil
	}
	want, e1 := all(m.model, l.model)
	got, e2 := all(m.subject, l.subject)
	if m.fine(t, "skip", e1, e2) {
		m.same(t, "examined by skip", want, got)
	}
}

// refs draws attempts of campaigns, mostly in hand.
func (m *agreeMachine) refs(t *rapid.T, s minapush.Shard) (refs []store.Ref, rows []*modelRow) {
	for _, r := range m.rows(s, func(r *modelRow) bool { return r.Push == "" && r.inHand() }) {
		if rapid.IntRange(0, 3).Draw(t, "take") > 0 {
			refs, rows = append(refs, store.RefOf(r.Delivery)), append(rows, r)
		}
	}
	if len(m.stale[s]) > 0 && (len(refs) == 0 || rapid.IntRange(0, 3).Draw(t, "stale") == 0) {
		ref := agreeOld(t, m.stale[s], "ref")
		refs, rows = append(refs, ref), append(rows, m.inHandAt(s, ref))
	}
	if len(refs) == 0 {
		t.Skip("nothing was ever in hand")
	}
	return refs, rows
}

func (m *agreeMachine) mark(t *rapid.T) {
	s := m.shardWith(t, func(r *modelRow) bool { return r.Push == "" && r.State == minapush.HeldState })
	l := m.leased(t, s)
	refs, _ := m.refs(t, s)
	want, e1 := m.model.Mark(m.ctx, l.model, refs, m.now())
	got, e2 := m.subject.Mark(m.ctx, l.subject, refs, m.now())
	if m.fine(t, "mark", e1, e2) {
		m.same(t, fmt.Sprintf("mark %v", refs), want, got)
	}
}

func (m *agreeMachine) settle(t *rapid.T) {
	s := m.shardWith(t, func(r *modelRow) bool { return r.Push == "" && r.inHand() })
	l := m.leased(t, s)
	refs, rows := m.refs(t, s)
	var xs []store.Settlement
	for i, ref := range refs {
		xs = append(xs, m.settlement(t, ref, rows[i]))
	}
	m.fine(t, fmt.Sprintf("settle %+v", xs), m.model.Settle(m.ctx, l.model, xs), m.subject.Settle(m.ctx, l.subject, xs))
}

func (m *agreeMachine) recoverRows(t *rapid.T) {
	if rapid.IntRange(0, 2).Draw(t, "really") > 0 {
		t.Skip("too many would end every story early")
	}
	s := m.shardWith(t, func(r *modelRow) bool { return r.Push == "" && r.inHand() })
	l := m.leased(t, s)
	// How rows that go back with their use spent are counted is not said, nor whether those found as they should be are.
	odd := m.rows(s, func(r *modelRow) bool { return r.Push == "" && r.inHand() && (r.Resend || r.atLeastOnce) })
	want, e1 := m.model.Recover(m.ctx, l.model, m.now())
	got, e2 := m.subject.Recover(m.ctx, l.subject, m.now())
	if m.fine(t, "recover", e1, e2) && len(odd) == 0 {
		m.same(t, "recover", want, got)
	}
}

func (m *agreeMachine) resolve(t *rapid.T) {
	suspected := func(r *modelRow) bool { return r.State == minapush.Suspected }
	s := m.shardWith(t, suspected)
	l := m.leased(t, s)
	c := m.campaignWith(t, s, suspected)
	until := m.now().Add(-rapid.SampledFrom([]time.Duration{0, 0, time.Second, time.Minute}).Draw(t, "age"))
	believe := rapid.Bool().Draw(t, "believe") && m.plainToBelieve(s, c.id)
	const all = 100
	want, e1 := m.model.ResolveSuspects(m.ctx, l.model, c.id, until, believe, all, m.now())
	got, e2 := m.subject.ResolveSuspects(m.ctx, l.subject, c.id, until, believe, all, m.now())
	if m.fine(t, "resolve", e1, e2) {
		m.same(t, "resolve", want, got)
	}
}

// plainToBelieve tells whether it is plain which permits die: not for codes, which serve many templates.
func (m *agreeMachine) plainToBelieve(s minapush.Shard, campaign string) bool {
	for _, r := range m.model.shard(s).batch(campaign).rows {
		if r.State == minapush.Suspected && r.Permit.Kind.HasCode() {
			return false
		}
	}
	return true
}

// forget forgets a campaign, or pushes so old that no key of them is remembered.
func (m *agreeMachine) forget(t *rapid.T) {
	s := m.someShard(t)
	id := rapid.SampledFrom(m.allBatches()).Draw(t, "batch")
	now := m.now()
	if id == minapush.PushBatch(now) || id == minapush.PushBatch(now.Add(-agreeKeepKey)) {
		t.Skip("what a key means without its push is not said")
	}
	m.fine(t, "forget", m.model.Forget(m.ctx, s, id), m.subject.Forget(m.ctx, s, id))
}
