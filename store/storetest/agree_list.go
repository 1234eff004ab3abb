package storetest

import (
	"fmt"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"pgregory.net/rapid"
)

// kept tells that a campaign keeps a row for everybody whom it skips.
func (m *agreeMachine) kept(batch string) bool {
	for _, c := range m.campaigns {
		if c.id == batch {
			return c.kept
		}
	}
	return false
}

// addListed fills a list, mostly one that nobody has begun to walk. Users may be on it who never came.
func (m *agreeMachine) addListed(t *rapid.T) {
	s, _ := m.someUser(t)
	var lists []string
	for _, c := range m.campaigns {
		if c.listed && !m.model.shard(s).batch(c.id).begun {
			lists = append(lists, c.id)
		}
	}
	if len(lists) == 0 || rapid.IntRange(0, 9).Draw(t, "any campaign") == 0 {
		lists = m.allBatches()[:len(m.campaigns)]
	}
	campaign := rapid.SampledFrom(lists).Draw(t, "campaign")
	var users []store.Listed
	for range rapid.IntRange(1, 5).Draw(t, "users") {
		users = append(users, store.Listed{OpenID: m.userOf(t, s), Values: m.values(t)})
	}
	want, e1 := m.model.AddListed(m.ctx, s, campaign, users)
	got, e2 := m.subject.AddListed(m.ctx, s, campaign, users)
	step := fmt.Sprintf("add %v to %s in %v", users, campaign, s)
	if m.fine(t, step, e1, e2) {
		m.same(t, step, want, got)
	}
}

// userOf draws a user of a shard, one who never came included.
func (m *agreeMachine) userOf(t *rapid.T, s minapush.Shard) minapush.OpenID {
	var users []minapush.OpenID
	for _, app := range m.apps {
		for _, o := range append([]minapush.OpenID{"never:{came}", "nor did"}, m.users[app.Number]...) {
			if app.Shard(o) == s {
				users = append(users, o)
			}
		}
	}
	return rapid.SampledFrom(users).Draw(t, "openid")
}

func (m *agreeMachine) values(t *rapid.T) map[string]string {
	return rapid.SampledFrom([]map[string]string{
		nil, {}, {"name": ""}, {"name": "{{x}}:\n\x00 用户", "n": m.fresh("v")}, {"": "no name", "é": m.fresh("v")},
	}).Draw(t, "values")
}

// listPage reads a page of a list.
func (m *agreeMachine) listPage(t *rapid.T) {
	s := m.someShard(t)
	c := rapid.SampledFrom(m.campaigns).Draw(t, "campaign")
	after := rapid.SampledFrom(append([]minapush.OpenID{"", "n"}, m.users[s.App]...)).Draw(t, "after")
	limit := rapid.IntRange(1, 4).Draw(t, "limit")
	want, e1 := m.model.Listed(m.ctx, s, c.id, after, limit)
	got, e2 := m.subject.Listed(m.ctx, s, c.id, after, limit)
	if m.fine(t, "listed", e1, e2) {
		m.same(t, fmt.Sprintf("up to %d on the list of %s in %v after %q", limit, c.id, s, after), agreeListed(want), agreeListed(got))
	}
}

func (m *agreeMachine) compareLists(t *rapid.T) {
	const all = 100
	for _, c := range m.campaigns {
		for _, app := range m.apps {
			want, e1 := m.model.CountListed(m.ctx, app.Number, app.Shards, c.id)
			got, e2 := m.subject.CountListed(m.ctx, app.Number, app.Shards, c.id)
			m.fine(t, "count listed", e1, e2)
			m.same(t, fmt.Sprintf("how many are on the list of %s in app %d", c.id, app.Number), want, got)
		}
		for _, s := range m.shards() {
			want, e1 := m.model.Listed(m.ctx, s, c.id, "", all)
			got, e2 := m.subject.Listed(m.ctx, s, c.id, "", all)
			m.fine(t, "listed", e1, e2)
			m.same(t, fmt.Sprintf("list of %s in %v", c.id, s), agreeListed(want), agreeListed(got))
		}
	}
}

// agreeListed makes no difference between no values and an empty map of them.
func agreeListed(users []store.Listed) (kept []store.Listed) {
	for _, u := range users {
		if len(u.Values) == 0 {
			u.Values = nil
		}
		kept = append(kept, u)
	}
	return kept
}
