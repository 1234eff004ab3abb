package storetest

import (
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"pgregory.net/rapid"
)

// tell makes a subscription one half of a pair, mostly: a report or an event with an identity of its own.
func (m *agreeMachine) tell(t *rapid.T, p *minapush.Permit) {
	if rapid.IntRange(0, 2).Draw(t, "known by its number") == 0 {
		return
	}
	p.Evidence = rapid.SampledFrom([]minapush.Evidence{minapush.ByClient, minapush.ByEvent}).Draw(t, "told by")
	p.Identity, p.ExpiresAt = m.fresh("told"), time.Time{}
}

// void switches a template off, mostly one that the user has permits for.
func (m *agreeMachine) void(t *rapid.T) {
	s, o := m.someUser(t)
	if rapid.IntRange(0, 2).Draw(t, "really") > 0 {
		t.Skip("too many would leave no permits")
	}
	template := rapid.SampledFrom([]string{"T{1}", "T{1}", "T2", "S", "L"}).Draw(t, "template")
	until := m.now().Add(-rapid.SampledFrom([]time.Duration{
		0, 0, time.Second, time.Minute, 5 * time.Hour, 6 * 24 * time.Hour, 9 * 24 * time.Hour,
	}).Draw(t, "age"))
	want, e1 := m.model.Void(m.ctx, s, o, template, until, m.now())
	got, e2 := m.subject.Void(m.ctx, s, o, template, until, m.now())
	if step := fmt.Sprintf("void of %s until %v for %s in %v", template, until, o, s); m.fine(t, step, e1, e2) {
		m.same(t, step, want, got)
	}
}

// confirm is mostly of a row that the platform can speak of.
func (m *agreeMachine) confirm(t *rapid.T) {
	taken := func(r *modelRow) bool { return r.State == minapush.Sending || r.Outcome.Openable() }
	switch rapid.IntRange(0, 5).Draw(t, "of rows") {
	case 0:
		taken = func(r *modelRow) bool { return r.Outcome != minapush.Skipped }
	case 1, 2, 3:
		taken = func(r *modelRow) bool { return r.State == minapush.Sending }
	}
	s := m.shardWith(t, taken)
	rows := m.rows(s, taken)
	if len(rows) == 0 {
		t.Skip("nothing was sent")
	}
	r := rapid.SampledFrom(rows).Draw(t, "row")
	ref := store.RefOf(r.Delivery)
	if rapid.IntRange(0, 9).Draw(t, "unheard of") == 0 {
		ref.OpenID += "?"
	}
	c := store.Confirmation{
		Word: minapush.Confirmed(rapid.IntRange(1, 2).Draw(t, "word")), MsgID: rapid.SampledFrom([]int64{1 << 40, 1 << 40, 1 << 40, 5}).Draw(t, "number"),
		Status: rapid.SampledFrom([]string{"", "success", "failed:user rejected"}).Draw(t, "status"), At: m.now().Add(-time.Second),
	}
	want, first, e1 := m.model.Confirm(m.ctx, s, ref.Batch, ref.OpenID, ref.Push, c)
	got, other, e2 := m.subject.Confirm(m.ctx, s, ref.Batch, ref.OpenID, ref.Push, c)
	if step := fmt.Sprintf("confirm %v as %+v", ref, c); m.fine(t, step, e1, e2) {
		m.same(t, step+": first", first, other)
		m.same(t, step, agreeRow(want), agreeRow(got))
	}
}
