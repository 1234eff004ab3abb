package store

import (
	"cmp"
	"maps"
	"slices"

	"github.com/minapush/minapush"
)

// Layout moves pieces over to another number of shards. Users go where their openid belongs, and what is theirs with them: rows, keys,
// places on lists; entries of the index where their uid belongs.
//
// Sums are the app's, and stay that. In a new shard what is pending in a batch is counted where its row is, and what has ended in shard
// 0. The flow of a new shard is what its users say of themselves; since they do not say of which kind past uses were, those are taken
// from the app's in the order of kinds. What is left, of users who are gone, comes to shard 0.
//
// Where the walk of a campaign stands cannot be said in other shards. So no campaign may be under way; those that are at the end of
// every shard are at the end of every new one.
type Layout struct {
	apps    map[uint32]layoutApp
	flows   map[uint32]map[minapush.PermitKind]minapush.Counts
	users   map[minapush.Shard]*layoutUsers // of new shards
	batches map[appBatch]*layoutBatch
}

// layoutUsers sums what users say of themselves.
type layoutUsers struct {
	left [len(minapush.PermitKinds) + 1]int64
	past minapush.Counts
}

type layoutApp struct {
	minapush.App     // as it will be
	was          int // shards
}

// layoutBatch is one batch of an app.
type layoutBatch struct {
	sum     minapush.Tally
	done    int // shards
	pending map[uint32]*minapush.Tally
}

// NewLayout spreads the users of these apps over so many shards.
func NewLayout(apps []minapush.App, shards int) *Layout {
	l := &Layout{
		apps: map[uint32]layoutApp{}, flows: map[uint32]map[minapush.PermitKind]minapush.Counts{},
		users: map[minapush.Shard]*layoutUsers{}, batches: map[appBatch]*layoutBatch{},
	}
	for _, app := range apps {
		was := app.Shards
		app.Shards = shards
		l.apps[app.Number] = layoutApp{app, was}
	}
	return l
}

// Move gives a piece as pieces of the new shards, each shard once. The sums that it has are kept for Sums.
func (l *Layout) Move(p Piece) ([]Piece, error) {
	app, known := l.apps[p.Shard.App]
	if !known && p.Shard != (minapush.Shard{}) {
		return nil, minapush.Errorf(minapush.Invalid, "shard %d is of app %d, which is not in the store", p.Shard.N, p.Shard.App)
	}
	moved := map[minapush.Shard]*Piece{}
	at := func(s minapush.Shard) *Piece {
		if moved[s] == nil {
			moved[s] = &Piece{Shard: s}
		}
		return moved[s]
	}
	for _, u := range p.Users {
		to := at(app.Shard(u.OpenID))
		to.Users = append(to.Users, u)
		l.count(to.Shard, &u)
	}
	for _, w := range p.Rows {
		to := at(app.Shard(w.OpenID))
		to.Rows = append(to.Rows, w)
		l.batch(app, w.Batch).pend(to.Shard.N, w.State)
	}
	for _, k := range p.Keys {
		to := at(app.Shard(k.OpenID))
		to.Keys = append(to.Keys, k)
	}
	for _, x := range p.Places {
		to := at(app.Shard(x.OpenID))
		to.Places = append(to.Places, x)
	}
	for _, x := range p.UIDs {
		to := at(app.UIDShard(x.UID))
		to.UIDs = append(to.UIDs, x)
	}
	for _, b := range p.Batches {
		to := l.batch(app, b.Batch)
		to.sum.Merge(b.Tally)
		if b.Done {
			to.done++
		}
	}
	if p.Flow != nil {
		addFlows(l.flows, p.Shard.App, p.Flow)
	}
	if len(p.Documents)+len(p.Kinds) > 0 {
		to := at(minapush.Shard{})
		to.Documents, to.Kinds = p.Documents, p.Kinds
	}
	return inOrder(moved), nil
}

func (l *Layout) batch(app layoutApp, batch string) *layoutBatch {
	at := appBatch{app.Number, batch}
	b := l.batches[at]
	if b == nil {
		b = &layoutBatch{pending: map[uint32]*minapush.Tally{}}
		l.batches[at] = b
	}
	return b
}

// pend counts a row in its new shard, if it is pending.
func (b *layoutBatch) pend(n uint32, s minapush.DeliveryState) {
	if s >= minapush.Settled {
		return
	}
	t := b.pending[n]
	if t == nil {
		t = &minapush.Tally{}
		b.pending[n] = t
	}
	t.Examined++
	switch s {
	case minapush.Waiting:
		t.Waiting++
	case minapush.HeldState:
		t.Held++
	case minapush.Sending:
		t.Sending++
	default:
		t.Suspected++
	}
}

// count sums what a user says in its new shard.
func (l *Layout) count(s minapush.Shard, u *CopiedUser) {
	sum := l.users[s]
	if sum == nil {
		sum = &layoutUsers{}
		l.users[s] = sum
	}
	for kind, n := range u.Left {
		sum.left[kind] += n
	}
	sum.past = sum.past.Add(u.Counts)
}

// take takes the flow of these users out of that of the app.
func (u *layoutUsers) take(app map[minapush.PermitKind]minapush.Counts) map[minapush.PermitKind]minapush.Counts {
	flow := map[minapush.PermitKind]minapush.Counts{}
	need := u.past
	for _, kind := range minapush.PermitKinds {
		rest := app[kind]
		var n minapush.Counts
		for _, c := range [...]struct{ need, rest, n *int64 }{
			{&need.Spent, &rest.Spent, &n.Spent}, {&need.Dead, &rest.Dead, &n.Dead}, {&need.Expired, &rest.Expired, &n.Expired},
			{&need.Evicted, &rest.Evicted, &n.Evicted},
		} {
			*c.n = min(*c.need, *c.rest)
			*c.need -= *c.n
			*c.rest -= *c.n
		}
		n.Deposited = u.left[kind] + n.Spent + n.Dead + n.Expired + n.Evicted
		rest.Deposited -= n.Deposited
		app[kind], flow[kind] = rest, n
	}
	return flow
}

// Sums gives the sums of all that was moved to each, in pieces that come after those of Move.
func (l *Layout) Sums(each func(Piece) error) error {
	for number, app := range l.apps {
		rest := l.flows[number]
		if rest == nil {
			continue
		}
		for n := uint32(1); n < uint32(app.Shards); n++ {
			at := minapush.Shard{App: number, N: n}
			if l.users[at] == nil {
				continue
			}
			if err := each(Piece{Shard: at, Flow: l.users[at].take(rest)}); err != nil {
				return err
			}
		}
		if err := each(Piece{Shard: minapush.Shard{App: number}, Flow: rest}); err != nil {
			return err
		}
	}
	for at, b := range l.batches {
		app := l.apps[at.app]
		done := b.done > 0 && b.done == app.was
		for n := range uint32(app.Shards) {
			x := CopiedBatch{Batch: at.batch, Done: done}
			if t := b.pending[n]; t != nil {
				x.Tally = *t
			}
			if n == 0 {
				x.Tally.Merge(b.settled())
			}
			if n > 0 && !done && b.pending[n] == nil {
				continue // nothing is to be said
			}
			if err := each(Piece{Shard: minapush.Shard{App: at.app, N: n}, Batches: []CopiedBatch{x}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// settled is the tally without what is pending.
func (b *layoutBatch) settled() minapush.Tally {
	t := b.sum
	for _, p := range b.pending {
		t.Examined -= p.Examined
		t.Waiting -= p.Waiting
		t.Held -= p.Held
		t.Sending -= p.Sending
		t.Suspected -= p.Suspected
	}
	return t
}

func inOrder(pieces map[minapush.Shard]*Piece) []Piece {
	list := make([]Piece, 0, len(pieces))
	for _, s := range slices.SortedFunc(maps.Keys(pieces), func(a, b minapush.Shard) int {
		return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.N, b.N))
	}) {
		list = append(list, *pieces[s])
	}
	return list
}
