package redisstore

import (
	"context"
	"errors"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

// step is one atomic step on one shard. It reads what it needs, and keeps what it changes to itself until the commit, which writes all
// of it if what was read is still so. It sees its own changes. A step is for one goroutine.
type step struct {
	s     *Store
	shard minapush.Shard
	keys  shardKeys
	lease string // what the shard's lease must be; empty: none is needed

	hashes    []*hash
	on        conn     // how the server is reached
	release   func()   // gives on back, if it is the step's alone
	watching  bool     // on watches the shard: see watch.go
	reads     int      // pieces in which it was read, each of a moment of its own
	leaseSeen bool     // the lease was looked at in the moment of the first of them
	version   []string // of the shard, before all that was read; nil: not known

	users, hand, counters *hash

	flow     record.Flow
	progress []*progress
	batches  []string // that get rows or places
	sets     []setChange
	asked    []question
	lives    []life
	gone     []string // keys
	texts    []*text

	taken []*handBucket

	leaves  bool      // what it leaves in hand is kept for the next step
	recall  *recall   // what the step before left; nil: nothing, or it is not so any more
	counted []counted // how the commit moves the counters of the shard

	// strict is set when the commit can only go ahead if there was no write to the shard since version was read but deposits, which
	// touch nothing but users. Then texts need no question of their own.
	strict bool

	rec   record.Record
	arena []byte // what is written stands here, one behind the other
}

// setChange is a member that comes to a sorted set, or goes.
type setChange struct {
	key, member, score string
	gone               bool
}

// question is asked at the commit beside those that follow from what was read: see commit.lua.
type question struct {
	op, key string
	n       int
}

// life is how long a key lives at least, in ms.
type life struct {
	key string
	ms  int64
}

func (s *Store) begin(sh minapush.Shard, lease *store.Lease) *step {
	st := &step{s: s, shard: sh, keys: s.keys(sh), on: s.client}
	if lease != nil {
		st.lease = leaseText(*lease)
	}
	st.users = st.hash(st.keys.users())
	st.users.users = true
	st.hand = st.hash(st.keys.hand())
	st.counters = st.hash(st.keys.counters())
	return st
}

// hash is one hash of the shard.
func (st *step) hash(key string) *hash {
	for _, h := range st.hashes {
		if h.key == key {
			return h
		}
	}
	h := &hash{key: key}
	st.hashes = append(st.hashes, h)
	return h
}

// step runs f as one step: all or nothing. Somebody else may have been first: then f is run anew, over what is there now. An error of
// f changes nothing.
func (s *Store) step(ctx context.Context, sh minapush.Shard, f func(context.Context, *step) error) error {
	return s.attempt(ctx, sh, nil, false, f)
}

// stepFenced is step that returns once the replicas have it: see Config.WaitReplicas.
func (s *Store) stepFenced(ctx context.Context, sh minapush.Shard, f func(context.Context, *step) error) error {
	return s.attempt(ctx, sh, nil, true, f)
}

// leased is step under a lease.
func (s *Store) leased(ctx context.Context, l store.Lease, f func(context.Context, *step) error) error {
	return s.attempt(ctx, l.Shard, &l, false, f)
}

func (s *Store) attempt(
	ctx context.Context, sh minapush.Shard, lease *store.Lease, fence bool, f func(context.Context, *step) error,
) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	ctx, cancel := s.bound(ctx)
	defer cancel()
	for {
		end, err := s.try(ctx, sh, lease, fence, f)
		switch {
		case err != nil || end == written:
			return err
		case end == leaseLost:
			return leaseError(lease)
		case end == exists:
			return minapush.Errorf(minapush.Conflict, "the campaign is under way in shard %d: its list is closed", sh.N)
		}
		s.again.Add(1)
	}
}

// try runs f and commits once. An error with the end written is that of f.
func (s *Store) try(
	ctx context.Context, sh minapush.Shard, lease *store.Lease, fence bool, f func(context.Context, *step) error,
) (end int, err error) {
	st := s.begin(sh, lease)
	defer st.done(ctx)
	told := f(ctx, st)
	var ours *minapush.Error
	if told != nil && !errors.As(told, &ours) {
		return 0, interpret("", told) // of the client, or of a value: there is nothing to commit
	}
	if end, err = st.commit(ctx, told == nil, fence); err != nil {
		return 0, interpret("commit", err)
	}
	if end == written {
		err = told
	}
	return end, err
}

// do does reads together.
func (st *step) do(ctx context.Context, lists ...[]looking) error {
	var all []looking
	for _, l := range lists {
		all = append(all, l...)
	}
	st.reads += len(all)
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0].take(st.on.Do(ctx, all[0].cmd))
	}
	cmds := make(rueidis.Commands, len(all))
	for i := range all {
		cmds[i] = all[i].cmd
	}
	for i, r := range st.on.DoMulti(ctx, cmds...) {
		if err := all[i].take(r); err != nil {
			return err
		}
	}
	return nil
}

// get reads a field of a hash; nil if it is not there.
func (st *step) get(ctx context.Context, h *hash, field string) ([]byte, error) {
	if c := h.cells[field]; c != nil && (c.read || c.changed) {
		return c.now, nil
	}
	if err := st.do(ctx, st.look(h, field)); err != nil {
		return nil, err
	}
	return h.cell(field).now, nil
}

// arenaSize is how much memory for values is taken at once, and arenaRoom how much of it must be left for one to be begun.
const (
	arenaSize = 64 << 10
	arenaRoom = 1 << 10
)

// keep gives a value that is to be written its place in memory.
func (st *step) keep(write func(dst []byte) []byte) []byte {
	if cap(st.arena)-len(st.arena) < arenaRoom {
		st.arena = make([]byte, 0, min(arenaSize, max(2*cap(st.arena), arenaRoom)))
	}
	room := st.arena[len(st.arena):]
	value := write(room)
	if len(value) <= cap(room) {
		st.arena = st.arena[:len(st.arena)+len(value)]
	}
	return value[:len(value):len(value)]
}

// with notes that a batch has rows or a list in the shard.
func (st *step) with(batch string) {
	for _, b := range st.batches {
		if b == batch {
			return
		}
	}
	st.batches = append(st.batches, batch)
}
