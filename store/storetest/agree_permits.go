package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"pgregory.net/rapid"
)

// permit draws a permit of a user. No two of a user are taken in the same second, so that which is first is never a matter of
// identities, whose form is the store's own.
func (m *agreeMachine) permit(t *rapid.T, s minapush.Shard, o minapush.OpenID) minapush.Permit {
	n := rapid.IntRange(0, 5).Draw(t, "which")
	p := minapush.Permit{Kind: rapid.SampledFrom(minapush.PermitKinds[:]).Draw(t, "kind")}
	p.Uses = p.Kind.Uses()
	age := rapid.SampledFrom([]time.Duration{0, 3 * time.Second, time.Minute, 9 * time.Minute, 11 * time.Minute, 5 * time.Hour, 6 * 24 * time.Hour, 167 * time.Hour, 8 * 24 * time.Hour}).Draw(t, "age")
	if p.Kind == minapush.Subscription {
		age = min(age, minapush.MaxReportAge-time.Hour)
	}
	for p.TakenAt = m.now().Add(-age); ; p.TakenAt = p.TakenAt.Add(-time.Second) {
		second := fmt.Sprint(s, o, p.TakenAt.Unix())
		if !m.taken[second] {
			m.taken[second] = true
			break
		}
	}
	p.Source, p.Evidence = uint16(n), minapush.Evidence(n%3)
	switch p.Kind {
	case minapush.FormID:
		p.Identity = agreeCode(p.Kind, n)
	case minapush.PrepayID:
		p.Identity = agreeCode(p.Kind, n)
		p.Uses = 1 + n%minapush.PayUses
	case minapush.Subscription:
		p.Template = []string{"T{1}", "T2"}[n%2]
		p.Identity = fmt.Sprintf("nonce:%d", n)
		if n == 5 { // whether one that expired is remembered is not said: each of these is another
			p.Identity, p.ExpiresAt = m.fresh("ends"), m.now().Add(time.Duration(n)*time.Hour)
		}
		m.tell(t, &p)
	case minapush.Standing:
		p.Template = "S"
		p.Identity = "standing" // which of two identities of one is remembered is not said either
	}
	if p.Kind.HasCode() {
		p.ExpiresAt = p.TakenAt.Add(minapush.CodeLife)
	}
	return p
}

// agreeCode is one of the few codes that users have.
func agreeCode(kind minapush.PermitKind, n int) string {
	switch {
	case kind == minapush.PrepayID:
		return fmt.Sprintf("wx%020d", n)
	case n == 0:
		return "{not}:hex é"
	}
	return fmt.Sprintf("%032x", n)
}

func (m *agreeMachine) deposit(t *rapid.T) {
	s, o := m.someUser(t)
	d := store.Deposit{Now: m.now()}
	for range rapid.IntRange(0, 5).Draw(t, "permits") {
		d.Permits = append(d.Permits, m.permit(t, s, o))
	}
	d.MaxPerSection = rapid.SampledFrom([]int{0, 0, 2, 3}).Draw(t, "per section")
	u := m.model.shard(s).users[o]
	if u == nil || u.past == (minapush.Counts{Deposited: u.past.Deposited}) && len(u.spent) == 0 {
		// Whether a section whose permits are all gone counts is not said, so this is only for users who lost none.
		d.MaxSections = rapid.SampledFrom([]int{0, 2, 3}).Draw(t, "sections")
		if d.MaxSections > 0 {
			d.MaxPerSection = 0
		}
	}
	want, e1 := m.model.Deposit(m.ctx, s, o, d)
	got, e2 := m.subject.Deposit(m.ctx, s, o, d)
	if !m.fine(t, "deposit", e1, e2) {
		return
	}
	if len(want.Items) != len(got.Items) {
		t.Fatalf("deposit of %d permits was answered with %d", len(want.Items), len(got.Items))
	}
	for i, p := range d.Permits {
		// One that has ended and is known, too, may be called either.
		if want.Items[i] == store.Stale && got.Items[i] == store.Duplicate && p.Expired(m.now()) {
			got.Items[i] = store.Stale
		}
	}
	m.same(t, fmt.Sprintf("deposit for %s in %v of %v", o, s, d), want, got)
}

func (m *agreeMachine) read(t *rapid.T) {
	s, o := m.someUser(t)
	want, e1 := m.model.User(m.ctx, s, o)
	got, e2 := m.subject.User(m.ctx, s, o)
	if m.fine(t, "user", e1, e2) {
		m.same(t, "user", m.userView(want), m.userView(got))
	}
	batch := rapid.SampledFrom(m.allBatches()).Draw(t, "batch")
	push := ""
	if len(m.asked) > 0 {
		a := agreeOld(t, m.asked, "push")
		if rapid.Bool().Draw(t, "of a push") {
			s, o, batch, push = a.shard, a.push.OpenID, a.push.Batch, a.push.ID
		}
	}
	row, e1 := m.model.Delivery(m.ctx, s, batch, o, push)
	other, e2 := m.subject.Delivery(m.ctx, s, batch, o, push)
	if push == "" && !m.kept(batch) && (e1 != nil || row.Outcome == minapush.Skipped) {
		return // who is skipped by a campaign may have a row or none
	}
	if m.fine(t, "delivery", e1, e2) {
		m.same(t, "delivery", agreeRow(row), agreeRow(other))
	}
}

func (m *agreeMachine) sweep(t *rapid.T) {
	s := m.someShard(t)
	limit := rapid.IntRange(1, 4).Draw(t, "limit")
	now := m.now()
	sweep := func(st store.Store) (all []store.User, expired int) {
		var after minapush.OpenID
		for range 50 {
			page, err := st.Sweep(m.ctx, s, after, limit, now)
			if err != nil {
				t.Fatalf("sweep: %v", err)
			}
			for _, u := range page.Users {
				all = append(all, m.userView(u))
			}
			expired += page.Expired
			if after = page.Next; after == "" {
				return all, expired
			}
		}
		t.Fatalf("sweep does not come to an end")
		return nil, 0
	}
	users, expired := sweep(m.model)
	others, gone := sweep(m.subject)
	m.same(t, "expired by sweep", expired, gone)
	m.same(t, "users swept", users, others)
}

func (m *agreeMachine) erase(t *rapid.T) {
	s, _ := m.someUser(t)
	o := m.userOf(t, s)
	if rapid.IntRange(0, 2).Draw(t, "really") > 0 {
		t.Skip("too many would leave nobody")
	}
	want, e1 := m.model.Erase(m.ctx, s, o, m.now())
	got, e2 := m.subject.Erase(m.ctx, s, o, m.now())
	if m.fine(t, "erase", e1, e2) {
		m.same(t, "erase", want, got)
	}
}

// cancelled does a step under a context that has ended: it must do nothing.
func (m *agreeMachine) cancelled(t *rapid.T) {
	s, o := m.someUser(t)
	ctx, cancel := context.WithCancel(m.ctx)
	cancel()
	d := store.Deposit{Now: m.now(), Permits: []minapush.Permit{m.permit(t, s, o)}}
	if _, err := m.subject.Deposit(ctx, s, o, d); err == nil {
		t.Fatalf("a deposit succeeded under a cancelled context")
	}
	if _, err := m.subject.NoteEvents(ctx, s, o, []minapush.NamedEvent{{Name: "late", At: m.now()}}, true, m.now()); err == nil {
		t.Fatalf("an event was noted under a cancelled context")
	}
	if _, err := m.subject.Erase(ctx, s, o, m.now()); err == nil {
		t.Fatalf("an erasure succeeded under a cancelled context")
	}
	if _, err := m.subject.Void(ctx, s, o, "T{1}", m.now(), m.now()); err == nil {
		t.Fatalf("a void succeeded under a cancelled context")
	}
}
