package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"pgregory.net/rapid"
)

func (m *agreeMachine) compareSometimes(t *rapid.T) {
	if m.steps++; m.steps%6 == 0 {
		m.compare(t)
	}
}

// compare wants both sides to show the same, and the subject to keep its sums closed.
func (m *agreeMachine) compare(t *rapid.T) {
	for _, s := range m.shards() {
		users := m.walk(t, m.subject, s)
		m.same(t, fmt.Sprintf("walk of %v", s), m.walk(t, m.model, s), users)
		want, e1 := m.model.Flow(m.ctx, s)
		got, e2 := m.subject.Flow(m.ctx, s)
		m.fine(t, "flow", e1, e2)
		m.same(t, fmt.Sprintf("flow of %v", s), agreeFlow(want), agreeFlow(got))
		m.closes(t, users, got)
		for _, id := range m.allBatches() {
			for _, match := range []*minapush.Outcome{nil, new(minapush.Outcome), agreePtr(minapush.Accepted)} {
				m.same(t, fmt.Sprintf("list of %s in %v", id, s), m.list(t, m.model, s, id, match), m.list(t, m.subject, s, id, match))
			}
		}
	}
	for _, app := range m.apps {
		for _, id := range m.allBatches() {
			want, e1 := m.model.Progress(m.ctx, app.Number, app.Shards, id)
			got, e2 := m.subject.Progress(m.ctx, app.Number, app.Shards, id)
			m.fine(t, "progress", e1, e2)
			if !got.Tally.Closes() {
				t.Fatalf("the sums of %s in app %d do not close: %+v", id, app.Number, got.Tally)
			}
			m.same(t, fmt.Sprintf("progress of %s in app %d", id, app.Number), agreeProgress(want), agreeProgress(got))
		}
	}
	m.compareLists(t)
	m.compareUIDs(t)
	m.compareDocuments(t)
}

func agreePtr[T any](v T) *T { return &v }

func (m *agreeMachine) walk(t *rapid.T, st store.Store, s minapush.Shard) (all []store.User) {
	var after minapush.OpenID
	for range 50 {
		page, err := st.Walk(m.ctx, s, after, 3, m.beside()...)
		if err != nil {
			t.Fatalf("walk: %v", err)
		}
		if len(page) == 0 {
			return all
		}
		for _, u := range page {
			all = append(all, m.userView(u))
		}
		after = page[len(page)-1].OpenID
	}
	t.Fatalf("walk does not come to an end")
	return nil
}

// list is all rows of a batch but those skipped by a campaign that keeps none of these: they may be there or not.
func (m *agreeMachine) list(t *rapid.T, st store.Store, s minapush.Shard, batch string, match *minapush.Outcome) (all []minapush.Delivery) {
	var after store.Ref
	for range 500 {
		rows, next, more, err := st.List(m.ctx, s, batch, after, 3, match)
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		for _, r := range rows {
			if r.Push != "" || r.Outcome != minapush.Skipped || m.kept(batch) {
				all = append(all, agreeRow(r))
			}
		}
		if !more {
			return all
		}
		after = next
	}
	t.Fatalf("list does not come to an end")
	return nil
}

// closes is invariant I1, for each user and for the shard.
func (m *agreeMachine) closes(t *rapid.T, users []store.User, flow map[minapush.PermitKind]minapush.Counts) {
	var sum minapush.Counts
	for _, u := range users {
		if !u.Counts.Closes() {
			t.Fatalf("the sums of %s do not close: %+v", u.OpenID, u.Counts)
		}
		sum.Available += u.Counts.Available
		sum.Held += u.Counts.Held
		sum.Suspect += u.Counts.Suspect
	}
	for _, c := range flow {
		sum = sum.Add(c)
	}
	if !sum.Closes() {
		t.Fatalf("the flow of a shard does not close with what its users have: %+v", sum)
	}
}

func agreeFlow(flow map[minapush.PermitKind]minapush.Counts) map[minapush.PermitKind]minapush.Counts {
	kept := map[minapush.PermitKind]minapush.Counts{}
	for kind, c := range flow {
		if c != (minapush.Counts{}) {
			kept[kind] = c
		}
	}
	return kept
}

// agreeProgress leaves out why somebody is unknown, and reasons that count nobody.
func agreeProgress(p store.Progress) store.Progress {
	by := map[minapush.Outcome]map[string]int64{}
	for o, reasons := range p.Tally.By {
		for reason, n := range reasons {
			if o == minapush.Unknown {
				reason = ""
			}
			if n != 0 && by[o] == nil {
				by[o] = map[string]int64{}
			}
			if n != 0 {
				by[o][reason] += n
			}
		}
	}
	p.Tally.By = by
	return p
}

func agreeReserved(r store.Reserved) store.Reserved {
	rows := slices.Clone(r.Rows)
	for i := range rows {
		rows[i] = agreeRow(rows[i])
	}
	slices.SortFunc(rows, func(a, b minapush.Delivery) int { return cmp.Compare(a.OpenID, b.OpenID) })
	r.Rows = rows
	if r.Waiting == 0 {
		r.NextDue = time.Time{}
	}
	return r
}

// agreePermit is a permit without the form of an identity that is not a code.
func agreePermit(p minapush.Permit) minapush.Permit {
	if !p.Kind.HasCode() {
		p.Identity = ""
	}
	return p
}

// agreeRow is what is promised of a row in its state.
func agreeRow(d minapush.Delivery) minapush.Delivery {
	d.Permit = agreePermit(d.Permit)
	d.Permit.Uses = 0 // before or after the one held
	inHand := d.State == minapush.HeldState || d.State == minapush.Sending
	if !inHand && d.State != minapush.Suspected && d.Outcome != minapush.Accepted {
		d.Permit, d.ReservedAt = minapush.Permit{}, time.Time{}
	}
	if !inHand {
		d.Resend, d.Deadline = false, time.Time{}
	}
	if d.State != minapush.Waiting && (d.State != minapush.HeldState || !d.Resend) {
		d.NotBefore = time.Time{}
	}
	number := d.MsgID
	if d.State != minapush.Settled {
		d.SettledAt, d.Errcode, d.MsgID = time.Time{}, 0, 0
	}
	if d.State != minapush.Settled && d.State != minapush.Suspected || d.Outcome == minapush.Unknown {
		d.Reason, d.Errcode, d.MsgID = "", 0, 0
	}
	if d.Confirmed != minapush.Unconfirmed {
		d.MsgID = number
	}
	if d.Reason == minapush.ReasonConfirmed { // may have been unknown, of which no code is compared
		d.Errcode = 0
	}
	return d
}

// userView is what is promised of a user.
func (m *agreeMachine) userView(u store.User) store.User {
	u.Permits = slices.Clone(u.Permits)
	for i, h := range u.Permits {
		u.Permits[i].Permit = agreePermit(h.Permit)
	}
	if u.Erasing {
		u.LastSeen = time.Time{}
	}
	u.Beside = m.besideView(u.Beside)
	return u
}
