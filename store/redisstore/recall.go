package redisstore

import (
	"context"
	"slices"
	"strconv"
	"sync"

	"github.com/minapush/minapush"
)

// recall is what a step of a campaign left in hand in a shard: users, rows and tallies, as they stand. The next step of the shard asks
// for the version of the shard only. If it is still the one that the step before left, nobody has written since, and all that is here is
// as good as read in that moment. So who reserved a batch marks and settles it without reading its users again, which would be a third of
// the server's work.
type recall struct {
	version  []string
	users    map[string][]byte // those who have a delivery in hand
	hand     []*handBucket
	progress []recalledProgress
}

// recalledProgress is the progress of a batch. Its counts of what is pending are not followed.
type recalledProgress struct {
	minapush.Tally
	batch        string
	cursor, done []byte
}

// recalls keeps them by shard. Who takes one has it alone, and puts back what is left when all has gone well: what is lost is merely read
// again.
type recalls struct {
	mu   sync.Mutex
	kept map[minapush.Shard]*recall
}

const (
	// maxRecalls is for how many shards recalls are kept: those in which the node is at work.
	maxRecalls = 64
	// maxRecalled is how many users one has, and maxRecalledHand how many buckets of rows: some batches.
	maxRecalled     = 2048
	maxRecalledHand = 4 * buckets
)

func (c *recalls) take(sh minapush.Shard) *recall {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.kept[sh]
	delete(c.kept, sh)
	return r
}

func (c *recalls) put(sh minapush.Shard, r *recall) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept = map[minapush.Shard]*recall{}
	}
	for other := range c.kept {
		if len(c.kept) < maxRecalls {
			break
		}
		delete(c.kept, other) // any: those that are wanted come again
	}
	c.kept[sh] = r
}

// resume begins a step on so many rows. It takes up what the step before left in the shard, if there is anything, and it is still so.
func (st *step) resume(ctx context.Context, rows int) error {
	st.leaves = true
	if err := st.watch(ctx, rows); err != nil {
		return err
	}
	r := st.s.recalls.take(st.shard)
	if r == nil {
		return nil
	}
	if st.version == nil {
		if err := st.do(ctx, st.readVersion()); err != nil {
			return err
		}
	}
	st.takeUp(r)
	return nil
}

// takeUp takes a recall up if it is of the version that the step has read.
func (st *step) takeUp(r *recall) {
	if r != nil && slices.Equal(r.version, st.version) {
		st.recall = r
	}
}

// recalledUser, recalledHand and recalledProgress give the step what the one before left, as if it had read it.
func (st *step) recalledUser(o string) bool {
	if st.recall == nil {
		return false
	}
	value, ok := st.recall.users[o]
	if ok {
		st.users.saw(o, value)
	}
	return ok
}

func (st *step) recalledHand(batch string, number byte) bool {
	if st.recall == nil {
		return false
	}
	for _, b := range st.recall.hand {
		if b.number == number && b.batch == batch {
			if st.takenAt(batch, number) == nil {
				st.hand.saw(b.field, b.value)
				st.taken = append(st.taken, b)
			}
			return true
		}
	}
	return false
}

func (st *step) recalledProgress(batch string) bool {
	if st.recall == nil {
		return false
	}
	for i := range st.recall.progress {
		if r := &st.recall.progress[i]; r.batch == batch {
			st.addProgress(batch, r.Tally, r.cursor, r.done)
			return true
		}
	}
	return false
}

// leave keeps what the step left in hand for the next one. It is called when all was written, and nobody else had written since the
// version was read.
func (st *step) leave() {
	r := st.recall
	if r == nil {
		r = &recall{users: make(map[string][]byte, len(st.users.list))}
	}
	r.version = versionAfter(st.version, st.counted)
	for _, x := range st.users.list {
		switch {
		case !x.changed:
		case x.inHand && x.now != nil:
			r.users[x.field] = x.now
		default:
			delete(r.users, x.field)
		}
	}
	r.hand = slices.DeleteFunc(r.hand, func(b *handBucket) bool { return st.takenAt(b.batch, b.number) != nil })
	for _, b := range st.taken {
		if b.changed = false; len(b.rows) > 0 {
			r.hand = append(r.hand, b)
		}
	}
	r.progress = slices.DeleteFunc(r.progress, func(p recalledProgress) bool { return st.known(p.batch) != nil })
	for _, p := range st.progress {
		if slices.ContainsFunc(r.hand, func(b *handBucket) bool { return b.batch == p.batch }) {
			r.progress = append(r.progress, recalledProgress{
				Tally: p.Tally, batch: p.batch, cursor: p.at.cell(fieldCursor).now, done: p.at.cell(fieldDone).now,
			})
		}
	}
	if len(r.hand) > 0 && len(r.users) <= maxRecalled && len(r.hand) <= maxRecalledHand {
		st.s.recalls.put(st.shard, r)
	}
}

// versionAfter is the version of a shard after counters were moved.
func versionAfter(version []string, moved []counted) []string {
	after := slices.Clone(version)
	for _, m := range moved {
		if i := slices.Index(versionFields[:], m.field); i >= 0 && m.by != 0 {
			n, _ := strconv.ParseInt(after[i], 10, 64) // none is 0
			after[i] = itoa(n + m.by)
		}
	}
	return after
}
