package redisstore

import (
	"context"
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
// server next to nothing, and goes into detail only when something has changed.
func (st *step) commit(ctx context.Context, write, fence bool) (int, error) {
	c := &commit{keys: []string{st.keys.lease()}}
	if write {
		st.restoreHand()
		st.writes(c)
	}
	if len(c.args) == 0 && st.reads <= 1 && (st.lease == "" || st.leaseSeen) {
		return written, nil
	}
	fence = fence && len(c.args) > 0
	if st.version != nil && !st.strict {
		end, err := st.send(ctx, c, fence, func(c *commit) {
			c.op("V", st.keys.counters(), len(versionFields))
			c.args = append(append(c.args, versionFields[:]...), st.version...)
		})
		if err != nil || end != moved {
			return end, err
		}
	}
	return st.send(ctx, c, fence, st.questions)
}

// send runs commit.lua with questions in front of the writes.
func (st *step) send(ctx context.Context, c *commit, fence bool, ask func(*commit)) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	q := &commit{keys: c.keys, args: append(make([]string, 0, 64+len(c.args)), st.lease)}
	ask(q)
	q.args = append(q.args, c.args...)
	var end int64
	run := func(ctx context.Context, on doer) error {
		m, err := st.s.scripts.commit.run(ctx, on, q.keys, q.args)
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

// commit gathers the arguments of commit.lua.
type commit struct {
	keys, args []string
}

// op begins an operation with n arguments, or pairs of them.
func (c *commit) op(letter, key string, n int) {
	at := 0
	for at < len(c.keys) && c.keys[at] != key {
		at++
	}
	if at == len(c.keys) {
		c.keys = append(c.keys, key)
	}
	c.args = append(c.args, letter, strconv.Itoa(at+1), strconv.Itoa(n))
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
		c.op("E", st.keys.counters(), 1)
		c.args = append(c.args, writesField, st.version[0])
	}
}

func (h *hash) question(c *commit, cells []*cell) {
	letter := "E"
	if h.users {
		letter = "S"
	}
	c.op(letter, h.key, len(cells))
	for _, x := range cells {
		c.args = append(c.args, x.field)
	}
	for _, x := range cells {
		was := x.was
		if h.users {
			was = was[:min(len(was), stampEnd)]
		}
		c.args = append(c.args, rueidis.BinaryString(was))
	}
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
			c.op("y", x.key, 1)
			c.args = append(c.args, x.member)
		} else {
			c.op("z", x.key, 1)
			c.args = append(c.args, x.score, x.member)
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
	if len(c.args) > 0 {
		counters = append(counters, counted{writesField, 1})
	}
	c.add(st.keys.counters(), counters)
}

func (t *text) writes(c *commit) {
	switch {
	case !t.cut:
	case len(t.is) == 0:
		c.op("u", t.key, 0)
	default:
		c.op("s", t.key, 1)
		c.args = append(c.args, rueidis.BinaryString(t.is))
	}
	if len(t.tail) > 0 {
		c.op("p", t.key, 1)
		c.args = append(c.args, rueidis.BinaryString(t.tail))
	}
}

// counted is a counter that moves.
type counted struct {
	field string
	by    int64
}

func (c *commit) add(key string, moved []counted) {
	n := 0
	for _, m := range moved {
		if m.by != 0 {
			n++
		}
	}
	if n == 0 {
		return
	}
	c.op("i", key, n)
	for _, m := range moved {
		if m.by != 0 {
			c.args = append(c.args, m.field, itoa(m.by))
		}
	}
}

// list begins operations with so many arguments.
func (c *commit) list(letter, key string, args []string) {
	for len(args) > 0 {
		part := args[:min(len(args), most)]
		args = args[len(part):]
		c.op(letter, key, len(part))
		c.args = append(c.args, part...)
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
		c.op("h", h.key, len(part))
		for _, x := range part {
			c.args = append(c.args, x.field, rueidis.BinaryString(x.now))
		}
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
