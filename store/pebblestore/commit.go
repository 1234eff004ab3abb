package pebblestore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

// lane is the lock of some shards. Who holds mu sees everything applied to these shards, and is the only one to apply more.
type lane struct {
	mu     sync.Mutex
	lease  uint64                          // the last number given to one; guarded by mu
	leases map[minapush.Shard]held         // guarded by mu
	flows  map[minapush.Shard]*record.Flow // what is applied of the flow counters; guarded by mu

	// deadlines has, for shards whose rows in hand were looked through, a time before which no push is to be recovered. Guarded by mu.
	deadlines map[minapush.Shard]time.Time

	// applied numbers the batches of this lane; it is raised under mu before a batch is applied. synced is the number of the last
	// batch known to be on disk, and with it all before: the log is one sequence.
	applied, synced atomic.Uint64
}

func (s *Store) laneOf(sh minapush.Shard) *lane { return &s.lanes[(sh.App*0x9E3779B1+sh.N)%lanes] }

// step is one atomic step on one shard. Its reads see what was applied before, not what the step itself put into its batch, unless r
// is the batch.
type step struct {
	s     *Store
	lane  *lane
	shard minapush.Shard
	r     pebble.Reader
	batch *pebble.Batch

	// wide is set when many users are seen to, mostly in their order. Then records and rows in hand are read through iterators, and
	// changes of records and of settled rows are kept aside until the batch is applied: for both, Pebble is about twice as fast with
	// keys in their order as with mixed ones.
	wide  bool
	near  [3]*pebble.Iterator // at records, at rows in hand, at places on lists
	aside [2]*pebble.Batch    // of records, of settled rows

	flow     record.Flow
	progress map[string]*progress
	listed   map[string]int64 // by how many users the lists of campaigns grow

	// Memory that one step leaves to the next.
	rec      record.Record
	view     *viewer // nil until it is needed
	recBytes []byte
	key, buf []byte
}

// step runs f as one step: under the lock of its lane, all or nothing, and durable when it returns. An error of f changes nothing,
// and it too is answered only when what f read is durable.
func (s *Store) step(ctx context.Context, sh minapush.Shard, f func(*step) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	st := s.steps.Get().(*step)
	defer s.release(st)
	st.s, st.lane, st.shard, st.r, st.batch = s, s.laneOf(sh), sh, s.db, s.db.NewBatch()
	n, err := st.run(f)
	return s.await(st.lane, st.batch, n, err)
}

func (s *Store) release(st *step) {
	_ = st.batch.Close()
	for _, b := range st.aside {
		if b != nil {
			_ = b.Close()
		}
	}
	*st = step{rec: st.rec, view: st.view, recBytes: st.recBytes, key: st.key, buf: st.buf}
	s.steps.Put(st)
}

// own lets the step see its own changes, for the rare one that comes upon the same row or user twice. It is called first.
func (st *step) own() {
	_ = st.batch.Close()
	st.batch = st.s.db.NewIndexedBatch()
	st.r, st.wide = st.batch, false
}

func (st *step) run(f func(*step) error) (applied, error) {
	st.lane.mu.Lock()
	defer st.lane.mu.Unlock()
	nothing := applied{number: st.lane.applied.Load()}
	defer st.closeNear()
	if err := f(st); err != nil {
		return nothing, err
	}
	if err := st.writeProgress(); err != nil {
		return nothing, err
	}
	if err := st.writeListSizes(); err != nil {
		return nothing, err
	}
	flow, err := st.writeFlow()
	if err != nil {
		return nothing, err
	}
	for _, b := range st.aside {
		if b != nil {
			if err := st.batch.Apply(b, nil); err != nil {
				return nothing, err
			}
		}
	}
	n, err := st.s.apply(st.lane, st.batch)
	if err == nil && flow != nil {
		*st.lane.flows[st.shard] = *flow
	}
	return n, err
}

func (st *step) closeNear() {
	for i, it := range st.near {
		if it != nil {
			_ = it.Close() // what went wrong with it was said by its reads
			st.near[i] = nil
		}
	}
}

// applied says how far a step saw its lane, and whether it handed a batch to Pebble: only then there is a sync of its own.
type applied struct {
	number uint64
	batch  bool
}

// apply makes a batch visible and puts it into the log, where a crash leaves all of it or nothing; it is not acknowledged before
// await. The lane is locked.
func (s *Store) apply(l *lane, b *pebble.Batch) (applied, error) {
	if b.Empty() {
		return applied{number: l.applied.Load()}, nil
	}
	n := l.applied.Add(1)
	if err := s.db.ApplyNoSyncWait(b, pebble.Sync); err != nil {
		s.fail(err)
		return applied{number: n}, err
	}
	return applied{number: n, batch: true}, nil
}

// await waits, without the lock, for the sync of what a step applied, or else of what it read. From then on a crash leaves the step
// done, and its answer may be given.
func (s *Store) await(l *lane, b *pebble.Batch, n applied, err error) error {
	switch {
	case n.batch:
		if err := b.SyncWait(); err != nil {
			s.fail(err)
			return interpret("commit", err)
		}
		l.reached(n.number)
	case l.synced.Load() < n.number:
		if err := s.barrier(); err != nil {
			return err
		}
		// The lane was locked when its number was read, so all up to it had been applied before the barrier.
		l.reached(n.number)
	}
	return interpret("", err)
}

func (l *lane) reached(n uint64) {
	for {
		old := l.synced.Load()
		if old >= n || l.synced.CompareAndSwap(old, n) {
			return
		}
	}
}

// barrier returns when everything that was applied before it is on disk: a record that means nothing goes to the end of the log and
// is synced, together with whatever else waits for a sync.
func (s *Store) barrier() error {
	b := s.db.NewBatch()
	defer b.Close()
	if err := b.LogData([]byte{0}, nil); err != nil {
		return interpret("sync", err)
	}
	err := s.db.ApplyNoSyncWait(b, pebble.Sync)
	if err == nil {
		err = b.SyncWait()
	}
	if err != nil {
		s.fail(err)
	}
	return interpret("sync", err)
}

// read runs f, which reads what is applied to one shard, without a lock, and answers when that is durable.
func (s *Store) read(ctx context.Context, sh minapush.Shard, f func(pebble.Reader) error) error {
	return s.readLanes(ctx, []*lane{s.laneOf(sh)}, func() error { return f(s.db) })
}

// readMoment is read as of one moment, for what is read in more than one piece.
func (s *Store) readMoment(ctx context.Context, sh minapush.Shard, f func(pebble.Reader) error) error {
	return s.readLanes(ctx, []*lane{s.laneOf(sh)}, func() error {
		snapshot := s.db.NewSnapshot()
		defer snapshot.Close()
		return f(snapshot)
	})
}

// readLanes runs f, which reads without a lock, and answers when what is applied to the lanes is durable. Whatever f could see had
// raised its lane's number before. The numbers reached are not noted: what had raised one may be applied after the barrier.
func (s *Store) readLanes(ctx context.Context, ls []*lane, f func() error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	err := f()
	for _, l := range ls {
		if l.synced.Load() < l.applied.Load() {
			if err := s.barrier(); err != nil {
				return err
			}
			break
		}
	}
	return interpret("", err)
}

// fail stops the store for good. After a sync that failed nobody can tell which of the batches since the last one will be there after
// a restart, so nothing that was read from them may be told any more.
func (s *Store) fail(err error) {
	if !s.broken.Swap(true) {
		s.log.Error("store stopped: its log could not be written", "err", err)
	}
}

// interpret turns errors of Pebble, of the file system and of codecs into kinds. Nil and errors that are ours already pass.
func interpret(op string, err error) error {
	var ours *minapush.Error
	var version *record.VersionError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ours):
		return ours
	case errors.Is(err, record.ErrCorrupt), errors.Is(err, errCorrupt), errors.As(err, &version), pebble.IsCorruptionError(err):
		return &minapush.Error{Kind: minapush.Internal, Op: op, Err: err}
	}
	return &minapush.Error{Kind: minapush.Unavailable, Op: op, Err: err}
}
