package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"pgregory.net/rapid"
)

// agreeRunID is a campaign's id as a run of the only schedule has it.
func agreeRunID(n int) string {
	return minapush.RunID("nightly", time.Date(2026, 3, 1+n, 12, 0, 0, 0, time.UTC))
}

// guard is mostly none, or there would be few messages that it could be held against.
func (m *agreeMachine) guard(t *rapid.T) store.Guard {
	if rapid.IntRange(0, 2).Draw(t, "guarded") > 0 {
		return store.Guard{}
	}
	if rapid.IntRange(0, 2).Draw(t, "same content only") == 0 {
		return store.Guard{ContentSince: m.now().Add(-9 * 24 * time.Hour), Series: minapush.SeriesOf(agreeRunID(0))}
	}
	return store.Guard{
		PerDay:       rapid.SampledFrom([]int{0, 1, 1, 2, 3, store.MaxRecent}).Draw(t, "per day"),
		CountPushes:  rapid.Bool().Draw(t, "count pushes"),
		DayStart:     m.since(t, "day"),
		ContentSince: m.since(t, "content"),
		Series:       rapid.SampledFrom([]string{"", minapush.SeriesOf(agreeRunID(0)), "other"}).Draw(t, "series"),
		KeepBack:     rapid.SampledFrom([]int{0, 0, 0, 1, 2, 4}).Draw(t, "keep back"),
	}
}

// since is a time that is over, or the zero time.
func (m *agreeMachine) since(t *rapid.T, what string) time.Time {
	ago := rapid.SampledFrom([]time.Duration{-1, -1, 0, 2 * time.Second, time.Minute, 3 * time.Hour, 26 * time.Hour, 9 * 24 * time.Hour}).Draw(t, what)
	if ago < 0 {
		return time.Time{}
	}
	return m.now().Add(-ago)
}

// askBeside makes an audience ask of other campaigns, now and then. It asks nothing that depends on whether somebody skipped has a row.
func (m *agreeMachine) askBeside(t *rapid.T, b *store.Batch) {
	asks := rapid.IntRange(-6, 4).Draw(t, "asks beside")
	if asks < 0 {
		return
	}
	other := rapid.SampledFrom(m.campaigns).Draw(t, "beside").id
	b.Beside = []string{"never", other}
	everybody := b.Audience
	b.Audience = func(u *store.User) bool {
		row, listed := u.Beside[1].Row, u.Beside[1].Listed
		holds := [...]bool{
			row.Outcome == minapush.Accepted, row.Outcome != minapush.Accepted, row.Outcome == minapush.Accepted && row.OpenedAt.IsZero(),
			!listed, row.Batch == other && row.State != minapush.Settled,
		}
		return holds[asks] && u.Beside[0].Row.Batch == "" && !u.Beside[0].Listed && (everybody == nil || everybody(u))
	}
}

// beside is of which campaigns a walk is asked: others each time.
func (m *agreeMachine) beside() []string {
	n := len(m.campaigns)
	return []string{m.campaigns[m.steps%n].id, "never", m.campaigns[(m.steps+m.steps/n+1)%n].id}
}

// besideView is what is promised of what lies beside a user.
func (m *agreeMachine) besideView(all []store.Beside) (view []store.Beside) {
	for _, x := range all {
		x.Row = agreeRow(x.Row)
		if x.Row.Outcome == minapush.Skipped && !m.kept(x.Row.Batch) {
			x.Row = minapush.Delivery{} // it may be there or not
		}
		view = append(view, x)
	}
	return view
}

// noteEvents tells what a user did.
func (m *agreeMachine) noteEvents(t *rapid.T) {
	s, _ := m.someUser(t)
	o := m.userOf(t, s)
	names := []string{"a", "a", "checkin", "A", "_.-9"}
	if rapid.IntRange(0, 3).Draw(t, "of many names") == 0 {
		names = nil
		for i := range minapush.MaxEventNames + 3 {
			names = append(names, fmt.Sprint("n", i))
		}
	}
	var events []minapush.NamedEvent
	for range rapid.IntRange(1, len(names)).Draw(t, "events") {
		at := m.now().Add(-rapid.SampledFrom([]time.Duration{0, time.Millisecond, 300 * time.Microsecond, time.Hour, -time.Hour}).Draw(t, "age"))
		events = append(events, minapush.NamedEvent{Name: rapid.SampledFrom(names).Draw(t, "name"), At: at})
	}
	if rapid.IntRange(0, 19).Draw(t, "not valid") == 0 {
		events[len(events)-1].Name = "{a}"
	}
	seen := rapid.Bool().Draw(t, "seen")
	want, e1 := m.model.NoteEvents(m.ctx, s, o, events, seen, m.now())
	got, e2 := m.subject.NoteEvents(m.ctx, s, o, events, seen, m.now())
	if step := fmt.Sprintf("note %+v of %s in %v", events, o, s); m.fine(t, step, e1, e2) {
		m.same(t, step, want, got)
	}
}

// burst sends one user so many messages that older ones are forgotten: by campaigns that are forgotten at once, or pushes.
func (m *agreeMachine) burst(t *rapid.T) {
	s, _ := m.someUser(t)
	o := m.userOf(t, s)
	if u := m.model.shard(s).users[o]; u == nil || u.busy != nil || u.erasing || rapid.IntRange(0, 2).Draw(t, "really") > 0 {
		t.Skip("cannot be sent anything, or was often enough")
	}
	standing := minapush.Permit{Kind: minapush.Standing, Template: "S", Identity: "standing", TakenAt: m.now()}
	m.taken[fmt.Sprint(s, o, m.now().Unix())] = true
	d := store.Deposit{Now: m.now(), Permits: []minapush.Permit{standing}}
	want, e1 := m.model.Deposit(m.ctx, s, o, d)
	got, e2 := m.subject.Deposit(m.ctx, s, o, d)
	if m.fine(t, "deposit", e1, e2) {
		m.same(t, "deposit", want, got)
	}
	one := m.burstPush
	if rapid.Bool().Draw(t, "of campaigns") {
		one = m.burstCampaign
	}
	for range rapid.IntRange(1, store.MaxRecent+2).Draw(t, "messages") {
		one(t, s, o, rapid.SampledFrom([]minapush.Outcome{minapush.Accepted, minapush.Accepted, minapush.Failed}).Draw(t, "outcome"))
	}
}

func (m *agreeMachine) burstPush(t *rapid.T, s minapush.Shard, o minapush.OpenID, end minapush.Outcome) {
	p := store.Push{
		Batch: minapush.PushBatch(m.now()), ID: m.fresh("b"), OpenID: o, Attempt: 1, Need: agreeStanding(), Now: m.now(),
		Deadline: m.now().Add(time.Minute),
	}
	if !slices.Contains(m.batches, p.Batch) {
		m.batches = append(m.batches, p.Batch)
	}
	want, e1 := m.model.ReservePush(m.ctx, s, p)
	got, e2 := m.subject.ReservePush(m.ctx, s, p)
	if !m.fine(t, "reserve push", e1, e2) {
		return
	}
	m.same(t, "push of many", agreeAnswer(want, false), agreeAnswer(got, false))
	if want.Status != store.PushReserved {
		return
	}
	x := store.Settlement{Ref: store.RefOf(want.Delivery), Outcome: end, Now: m.now()}
	_, e1 = m.model.SettlePush(m.ctx, s, x)
	_, e2 = m.subject.SettlePush(m.ctx, s, x)
	m.fine(t, "settle push", e1, e2)
}

func (m *agreeMachine) burstCampaign(t *rapid.T, s minapush.Shard, o minapush.OpenID, end minapush.Outcome) {
	l := m.leased(t, s)
	id := m.fresh("burst")
	if rapid.Bool().Draw(t, "of the series") {
		id = agreeRunID(m.n + 100)
	}
	b := store.Batch{
		Campaign: id, Need: agreeStanding(), Started: m.now().Add(time.Hour), Now: m.now(), Limit: 100, Guard: m.guard(t),
		Audience: func(u *store.User) bool { return u.OpenID == o },
	}
	want, e1 := m.model.ReserveBatch(m.ctx, l.model, b)
	got, e2 := m.subject.ReserveBatch(m.ctx, l.subject, b)
	if !m.fine(t, "reserve", e1, e2) {
		return
	}
	m.same(t, "campaign of many", agreeReserved(want), agreeReserved(got))
	for _, d := range want.Rows {
		xs := []store.Settlement{{Ref: store.RefOf(d), Outcome: end, Now: m.now()}}
		m.fine(t, "settle", m.model.Settle(m.ctx, l.model, xs), m.subject.Settle(m.ctx, l.subject, xs))
	}
	m.fine(t, "forget", m.model.Forget(m.ctx, s, b.Campaign), m.subject.Forget(m.ctx, s, b.Campaign))
}

func agreeStanding() store.Need {
	return store.Need{Kind: minapush.LongTermTemplate, Template: "S", Content: 3}
}
