package redisstore

import (
	"context"
	"slices"
	"strconv"

	"github.com/redis/rueidis"
)

// What commit.lua answers.
const (
	written = iota
	leaseLost
	changed
	exists
	moved
)

// most is how many values one operation of commit.lua has at most: Lua spreads no more than some thousand.
const most = 1000

// commit writes what the step changed, if all is still as it read it. With write not set, or nothing changed, it only makes sure of
// that, where what was read was not all of one moment.
//
// It asks about each thing that was read, unless it knows the version of the shard: then it first asks for that alone, which costs the
// server next to nothing, and goes into detail only when something has changed. A step that watches the shard asks by that: see watch.go.
func (st *step) commit(ctx context.Context, write, fence bool) (int, error) {
	var c commit
	if write {
		st.restoreHand()
		st.writes(&c)
	}
	if len(c.ops) == 0 && st.reads <= 1 && (st.lease == "" || st.leaseSeen) {
		return written, nil
	}
	fence = fence && len(c.ops) > 0
	end, err := moved, error(nil)
	switch {
	case st.watching && st.leaseSeen && len(c.ops) > 0:
		end, err = st.exec(ctx, &c, fence)
	case st.version != nil && !st.strict:
		end, err = st.send(ctx, &c, fence, func(c *commit) {
			c.op("V", st.keys.counters(), len(versionFields), append(versionFields[:], st.version...)...)
		})
	}
	if err != nil || end != moved {
		if err == nil && end == written && write && st.leaves && !st.strict {
			st.leave()
		}
		return end, err
	}
	return st.send(ctx, &c, fence, st.questions)
}

// send runs commit.lua with questions in front of the writes.
func (st *step) send(ctx context.Context, c *commit, fence bool, ask func(*commit)) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	var q commit
	ask(&q)
	q.ops = append(q.ops, c.ops...)
	keys, args := q.arguments(st.keys.lease(), st.lease)
	var end int64
	run := func(ctx context.Context, on doer) error {
		m, err := st.s.scripts.commit.run(ctx, on, keys, args)
		if err == nil {
			end, err = m.AsInt64()
		}
		return err
	}
	if fence {
		err := st.s.fenced(ctx, run)
		return int(end), err
	}
	ctx, cancel := st.s.writing(ctx)
	defer cancel()
	err := run(ctx, st.s.client)
	return int(end), err
}

// commit gathers the operations of commit.lua.
type commit struct {
	ops []operation
}

// operation has n arguments, or pairs of them.
type operation struct {
	letter, key string
	n           int
	args        []string
}

func (c *commit) op(letter, key string, n int, args ...string) {
	c.ops = append(c.ops, operation{letter, key, n, args})
}

// arguments are those of commit.lua.
func (c *commit) arguments(leaseKey, lease string) (keys, args []string) {
	n := 1
	for i := range c.ops {
		n += 3 + len(c.ops[i].args)
	}
	keys, args = append(make([]string, 0, 32), leaseKey), append(make([]string, 0, n), lease)
	for i := range c.ops {
		o := &c.ops[i]
		at := slices.Index(keys, o.key)
		if at < 0 {
			at, keys = len(keys), append(keys, o.key)
		}
		args = append(append(args, o.letter, strconv.Itoa(at+1), strconv.Itoa(o.n)), o.args...)
	}
	return keys, args
}

// questions asks whether what was read is still so.
func (st *step) questions(c *commit) {
	for _, h := range st.hashes {
		var cells []*cell
		for _, x := range h.list {
			if x.read && (x.changed || !x.free) {
				cells = append(cells, x)
			}
		}
		for len(cells) > 0 {
			part := cells[:min(len(cells), most)]
			cells = cells[len(part):]
			h.question(c, part)
		}
	}
	for _, q := range st.asked {
		c.op(q.op, q.key, q.n)
	}
	if st.strict {
		c.op("E", st.keys.counters(), 1, writesField, st.version[0])
	}
}

func (h *hash) question(c *commit, cells []*cell) {
	letter := "E"
	if h.users {
		letter = "S"
	}
	args := make([]string, 0, 2*len(cells))
	for _, x := range cells {
		args = append(args, x.field)
	}
	for _, x := range cells {
		was := x.was
		if h.users {
			was = was[:min(len(was), stampEnd)]
		}
		args = append(args, rueidis.BinaryString(was))
	}
	c.op(letter, h.key, len(cells), args...)
}

func (st *step) writes(c *commit) {
	for _, h := range st.hashes {
		h.writes(c)
	}
	for _, p := range st.progress {
		c.add(st.keys.progress(p.batch), p.moved)
	}
	c.list("a", st.keys.batches(), st.batches)
	for _, x := range st.sets {
		if x.gone {
			c.op("y", x.key, 1, x.member)
		} else {
			c.op("z", x.key, 1, x.score, x.member)
		}
	}
	for _, key := range st.gone {
		c.op("u", key, 0)
	}
	for _, t := range st.texts {
		t.writes(c)
	}
	for _, l := range st.lives {
		c.op("x", l.key, int(l.ms))
	}
	counters := []counted{{generationField, st.usersMoved()}}
	eachFlow(&st.flow, func(field string, by int64) { counters = append(counters, counted{field, by}) })
	if len(c.ops) > 0 {
		counters = append(counters, counted{writesField, st.s.newVersion()})
	}
	c.add(st.keys.counters(), counters)
	st.counted = counters
}

func (t *text) writes(c *commit) {
	switch {
	case !t.cut:
	case len(t.is) == 0:
		c.op("u", t.key, 0)
	default:
		c.op("s", t.key, 1, rueidis.BinaryString(t.is))
	}
	if len(t.tail) > 0 {
		c.op("p", t.key, 1, rueidis.BinaryString(t.tail))
	}
}

// counted is a counter that moves.
type counted struct {
	field string
	by    int64
}

func (c *commit) add(key string, moved []counted) {
	args := make([]string, 0, 2*len(moved))
	for _, m := range moved {
		if m.by != 0 {
			args = append(args, m.field, itoa(m.by))
		}
	}
	if len(args) > 0 {
		c.op("i", key, len(args)/2, args...)
	}
}

// list begins operations with so many arguments.
func (c *commit) list(letter, key string, args []string) {
	for len(args) > 0 {
		part := args[:min(len(args), most)]
		args = args[len(part):]
		c.op(letter, key, len(part), part...)
	}
}

func (h *hash) writes(c *commit) {
	var gone []string
	var set []*cell
	for _, x := range h.list {
		switch {
		case !x.changed:
		case x.now != nil:
			set = append(set, x)
		case !x.read || x.was != nil:
			gone = append(gone, x.field)
		}
	}
	for len(set) > 0 {
		part := set[:min(len(set), most)]
		set = set[len(part):]
		args := make([]string, 0, 2*len(part))
		for _, x := range part {
			args = append(args, x.field, rueidis.BinaryString(x.now))
		}
		c.op("h", h.key, len(part), args...)
	}
	c.list("d", h.key, gone)
}

// usersMoved is by how much the generation of the users grows: by one for each who came or went.
func (st *step) usersMoved() int64 {
	n := int64(0)
	for _, x := range st.users.list {
		if x.changed && (x.was == nil) != (x.now == nil) {
			n++
		}
	}
	return n
}
