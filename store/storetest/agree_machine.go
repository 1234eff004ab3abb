package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"pgregory.net/rapid"
)

// agreeCampaign is a campaign of the sequences.
type agreeCampaign struct {
	id          string
	need        store.Need
	atLeastOnce bool
	some        bool // its audience is not everybody
	listed      bool // it walks a list
	kept        bool // and keeps a row for everybody whom it skips
}

// agreeMachine is one sequence of steps under way.
type agreeMachine struct {
	ctx       context.Context // of the whole sequence
	at        time.Time
	model     *Model
	subject   store.Store
	reopen    func() store.Store
	apps      []minapush.App
	users     map[uint32][]minapush.OpenID
	campaigns []agreeCampaign

	leases  map[minapush.Shard][]agreeLease // the last one may be good
	started map[string]time.Time            // of a campaign in an app
	asked   []agreeAsked
	stale   map[minapush.Shard][]store.Ref
	batches []string // of pushes
	taken   map[string]bool
	uids    map[agreeUID]bool // that were ever bound
	names   map[string][]agreeVersion
	n       int // for what must be new each time
	steps   int
}

// agreeLease is a lease on both sides. Its number is each side's own.
type agreeLease struct{ model, subject store.Lease }

// agreeAsked is a push that was asked for.
type agreeAsked struct {
	shard minapush.Shard
	push  store.Push
}

// agreeVersion is a version of a document on both sides.
type agreeVersion struct{ model, subject uint64 }

func newAgreeMachine(ctx context.Context) *agreeMachine {
	legacy := store.Need{Kind: minapush.LegacyTemplate, Template: "L", Content: 1}
	once := store.Need{Kind: minapush.OneTimeTemplate, Template: "T{1}", Content: 2}
	m := &agreeMachine{
		ctx: ctx, at: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC),
		apps:  []minapush.App{{Number: 1, Shards: 2}, {Number: 2, Shards: 1}},
		users: map[uint32][]minapush.OpenID{},
		campaigns: []agreeCampaign{
			{id: agreeRunID(0), need: legacy},
			{id: "c2", need: once, atLeastOnce: true},
			{id: "c3", need: agreeStanding(), some: true},
			{id: "c:{4}", need: once},
			{id: agreeRunID(1), need: legacy, atLeastOnce: true},
			{id: "c6", need: store.Need{Kind: minapush.LegacyTemplate, Template: "L", Content: 6, Code: agreeCode(minapush.PrepayID, 1)}},
			{id: "l1", need: legacy, listed: true, kept: true},
			{id: "l{2}", need: once, listed: true},
			{id: "l3", need: once, listed: true, kept: true, atLeastOnce: true},
		},
		leases: map[minapush.Shard][]agreeLease{}, started: map[string]time.Time{}, stale: map[minapush.Shard][]store.Ref{},
		taken: map[string]bool{}, uids: map[agreeUID]bool{}, names: map[string][]agreeVersion{},
	}
	for i := range 7 {
		m.users[1] = append(m.users[1], minapush.OpenID(fmt.Sprintf("{o}:%d", i)))
	}
	m.users[2] = []minapush.OpenID{"{o}:0", "{o}:00", "~"}
	return m
}

func (m *agreeMachine) clock() time.Time { return m.at }

// now is the caller's clock. It is finer than what a store may use.
func (m *agreeMachine) now() time.Time { return m.at.Add(7300 * time.Microsecond) }

func (m *agreeMachine) fresh(what string) string {
	m.n++
	return fmt.Sprintf("%s%d", what, m.n)
}

func (m *agreeMachine) someUser(t *rapid.T) (minapush.Shard, minapush.OpenID) {
	app := rapid.SampledFrom([]minapush.App{m.apps[0], m.apps[0], m.apps[1]}).Draw(t, "app")
	o := rapid.SampledFrom(m.users[app.Number]).Draw(t, "openid")
	return app.Shard(o), o
}

func (m *agreeMachine) someShard(t *rapid.T) minapush.Shard {
	return rapid.SampledFrom(m.shards()).Draw(t, "shard")
}

// shardWith is mostly a shard that has such rows, so that something happens there.
func (m *agreeMachine) shardWith(t *rapid.T, such func(*modelRow) bool) minapush.Shard {
	var list []minapush.Shard
	for _, s := range m.shards() {
		if len(m.rows(s, such)) > 0 {
			list = append(list, s)
		}
	}
	if len(list) == 0 || rapid.IntRange(0, 9).Draw(t, "any shard") == 0 {
		return m.someShard(t)
	}
	return rapid.SampledFrom(list).Draw(t, "shard")
}

func (m *agreeMachine) shards() (all []minapush.Shard) {
	for _, app := range m.apps {
		for n := range uint32(app.Shards) {
			all = append(all, minapush.Shard{App: app.Number, N: n})
		}
	}
	return all
}

// rows lists the rows of a shard, as the Model has them, that keep answers true for.
func (m *agreeMachine) rows(s minapush.Shard, keep func(*modelRow) bool) (rows []*modelRow) {
	sh := m.model.shard(s)
	for _, id := range m.allBatches() {
		rows = append(rows, sh.batch(id).list(keep)...)
	}
	return rows
}

func (m *agreeMachine) allBatches() (ids []string) {
	for _, c := range m.campaigns {
		ids = append(ids, c.id)
	}
	return append(ids, m.batches...)
}
