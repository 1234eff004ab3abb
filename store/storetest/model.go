package storetest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

var _ store.Store = (*Model)(nil)

// Model is the store contract told in maps: the oracle that the other stores are compared with, and the fast store of other
// rooms' tests. It is written to be obviously right, not to be fast, and shares no code with any other store. It fails only when
// it is closed or the context has ended.
type Model struct {
	now func() time.Time // the clock of leases, and of nothing else

	mu     sync.Mutex
	closed bool
	data   *modelData
}

// modelData is what outlives a Close.
type modelData struct {
	shards   map[minapush.Shard]*modelShard
	docs     map[modelName]store.Document
	taken    map[uint32]time.Time // by app: when the last token taken has passed
	versions uint64               // the last one given to a document
}

// modelShard is everything of one shard of one app.
type modelShard struct {
	users   map[minapush.OpenID]*modelUser
	order   []minapush.OpenID // of users, ascending
	batches map[string]*modelBatch
	flow    map[minapush.PermitKind]minapush.Counts
	// keys are the idempotency keys by user. They live outside of users, since a push to somebody unknown has one, too.
	keys map[minapush.OpenID]map[string]modelKey
	uids map[string]minapush.OpenID // the index of this shard, of users of any

	lease      store.Lease
	leaseUntil time.Time
	leases     uint64 // the last number given
}

// modelKey is one idempotency key and the push that used it.
type modelKey struct {
	fingerprint uint64
	batch, push string
	until       time.Time
}

// NewModel makes an empty store. now is the clock by which leases lapse.
func NewModel(now func() time.Time) *Model {
	return &Model{now: now, data: &modelData{
		shards: map[minapush.Shard]*modelShard{}, docs: map[modelName]store.Document{}, taken: map[uint32]time.Time{},
	}}
}

// Reopen closes the model and returns another with all that it kept: everything but leases and tokens, as after a restart.
func (m *Model) Reopen() *Model {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, sh := range m.data.shards {
		sh.lease, sh.leaseUntil, sh.leases = store.Lease{}, time.Time{}, 0
	}
	clear(m.data.taken)
	return &Model{now: m.now, data: m.data}
}

// Close ends the model.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// begin opens a step: it takes the lock, unless nothing may happen. The caller unlocks.
func (m *Model) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return minapush.Errorf(minapush.Unavailable, "model: %w", err)
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return minapush.Errorf(minapush.Unavailable, "model: the store is closed")
	}
	return nil
}

// shard finds a shard, which is there as soon as somebody asks for it.
func (m *Model) shard(s minapush.Shard) *modelShard {
	sh := m.data.shards[s]
	if sh == nil {
		sh = &modelShard{
			users: map[minapush.OpenID]*modelUser{}, batches: map[string]*modelBatch{},
			flow: map[minapush.PermitKind]minapush.Counts{}, keys: map[minapush.OpenID]map[string]modelKey{},
			uids: map[string]minapush.OpenID{},
		}
		m.data.shards[s] = sh
	}
	return sh
}

// leased finds the shard of a lease that is still the shard's.
func (m *Model) leased(l store.Lease) (*modelShard, error) {
	sh := m.shard(l.Shard)
	if !sh.holds(l, m.now()) {
		return nil, minapush.Errorf(minapush.Conflict, "the lease of shard %d/%d is no longer this one", l.Shard.App, l.Shard.N)
	}
	return sh, nil
}

// batch finds a batch of the shard, which is there as soon as somebody asks for it.
func (sh *modelShard) batch(id string) *modelBatch {
	b := sh.batches[id]
	if b == nil {
		b = &modelBatch{
			rows: map[modelRowID]*modelRow{}, by: map[minapush.Outcome]map[string]int64{},
			listed: map[minapush.OpenID]map[string]string{},
		}
		sh.batches[id] = b
	}
	return b
}

// add makes a user known, who has not been seen yet.
func (sh *modelShard) add(o minapush.OpenID, now time.Time) *modelUser {
	u := &modelUser{
		openid: o, firstSeen: now, spent: map[modelIdentity]time.Time{}, halves: map[modelIdentity]modelHalf{}, voids: map[string]time.Time{},
	}
	at, _ := slices.BinarySearch(sh.order, o)
	sh.order = slices.Insert(sh.order, at, o)
	sh.users[o] = u
	return u
}

// remove forgets that a user ever was.
func (sh *modelShard) remove(o minapush.OpenID) {
	if at, found := slices.BinarySearch(sh.order, o); found {
		sh.order = slices.Delete(sh.order, at, at+1)
	}
	delete(sh.users, o)
	delete(sh.keys, o)
}

// after lists up to limit users with openids greater than o.
func (sh *modelShard) after(o minapush.OpenID, limit int) []*modelUser {
	at, found := slices.BinarySearch(sh.order, o)
	if found {
		at++
	}
	var users []*modelUser
	for _, name := range sh.order[at:] {
		if len(users) >= limit {
			break
		}
		users = append(users, sh.users[name])
	}
	return users
}

// list gives the rows of a batch that keep answers true for, by openid and push.
func (b *modelBatch) list(keep func(*modelRow) bool) []*modelRow {
	var rows []*modelRow
	for _, r := range b.rows {
		if keep(r) {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(x, y *modelRow) int { return modelCompare(x.id(), y.id()) })
	return rows
}

func modelCompare(x, y modelRowID) int {
	return cmp.Or(cmp.Compare(x.openid, y.openid), cmp.Compare(x.push, y.push))
}

// modelMilli is a time as the contract uses it: UTC, to the millisecond.
func modelMilli(t time.Time) time.Time { return modelCut(t, time.Millisecond) }

// modelSecond is a time of a permit: UTC, to the second.
func modelSecond(t time.Time) time.Time { return modelCut(t, time.Second) }

func modelCut(t time.Time, to time.Duration) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(to)
}
