package storetest

import (
	"fmt"

	"github.com/minapush/minapush"
	"pgregory.net/rapid"
)

// agreeUID names an entry of the index.
type agreeUID struct {
	shard minapush.Shard
	uid   string
}

// profile changes what is told of a user, mostly at the version that is stored.
func (m *agreeMachine) profile(t *rapid.T) {
	s, _ := m.someUser(t)
	o := m.userOf(t, s)
	p := m.someProfile(t)
	if u := m.model.shard(s).users[o]; u != nil {
		p.Version = u.profile.Version
	}
	if rapid.IntRange(0, 5).Draw(t, "stale") == 0 {
		p.Version += uint64(rapid.SampledFrom([]int{1, -1}).Draw(t, "by"))
	}
	want, e1 := m.model.PutProfile(m.ctx, s, o, p, m.now())
	got, e2 := m.subject.PutProfile(m.ctx, s, o, p, m.now())
	step := fmt.Sprintf("put profile %+v of %s in %v", p, o, s)
	if m.fine(t, step, e1, e2) {
		m.same(t, step, want, got)
	}
}

// someProfile is that of somebody who has mostly opted out of nothing, or the campaigns would reach nobody.
func (m *agreeMachine) someProfile(t *rapid.T) minapush.Profile {
	p := minapush.Profile{
		UID:    rapid.SampledFrom([]string{"", "1", "{2}:é"}).Draw(t, "uid"),
		Tags:   rapid.SampledFrom([][]string{nil, {"vip"}, {"a b", "{c}", "用户"}}).Draw(t, "tags"),
		OptOut: rapid.SampledFrom([]minapush.OptOut{0, 0, 0, 0, minapush.OptOutCampaigns, minapush.OptOutAll}).Draw(t, "opt out"),
	}
	switch rapid.IntRange(0, 9).Draw(t, "attributes") {
	case 0:
		p.Tags = []string{"b", "a"} // not valid
	case 1, 2, 3:
		p.Attributes = map[string]minapush.Attribute{
			"city": {Text: "{北京}:\n\x00"}, "n.1": {Kind: minapush.Number, Number: -1.5e300}, "_f": {Kind: minapush.Flag, Number: 1}, "empty": {},
			"no": {Kind: minapush.Flag},
		}
	case 4:
		p.Attributes = map[string]minapush.Attribute{"city": {Text: m.fresh("v")}}
	}
	return p
}

// uid binds, unbinds or reads an entry of the index.
func (m *agreeMachine) uid(t *rapid.T) {
	id := agreeUID{m.someShard(t), rapid.SampledFrom([]string{"1", "12", "{2}:é", "\xff\n"}).Draw(t, "uid")}
	_, o := m.someUser(t)
	switch rapid.IntRange(0, 3).Draw(t, "what") {
	case 0:
		m.fine(t, "unbind uid", m.model.UnbindUID(m.ctx, id.shard, id.uid, o), m.subject.UnbindUID(m.ctx, id.shard, id.uid, o))
	case 1:
		m.sameUID(t, id)
	default:
		was := m.model.shard(id.shard).uids[id.uid]
		if rapid.IntRange(0, 3).Draw(t, "stale") == 0 {
			was = rapid.SampledFrom([]minapush.OpenID{"", o, "{o}:0", "{o}:00"}).Draw(t, "was")
		}
		m.uids[id] = true
		m.fine(t, fmt.Sprintf("bind %q in %v to %s, was %q", id.uid, id.shard, o, was),
			m.model.BindUID(m.ctx, id.shard, id.uid, o, was), m.subject.BindUID(m.ctx, id.shard, id.uid, o, was))
	}
}

func (m *agreeMachine) sameUID(t *rapid.T, id agreeUID) {
	want, e1 := m.model.UID(m.ctx, id.shard, id.uid)
	got, e2 := m.subject.UID(m.ctx, id.shard, id.uid)
	step := fmt.Sprintf("uid %q in %v", id.uid, id.shard)
	if m.fine(t, step, e1, e2) {
		m.same(t, step, want, got)
	}
}

func (m *agreeMachine) compareUIDs(t *rapid.T) {
	for id := range m.uids {
		m.sameUID(t, id)
	}
}
