package redisstore

import (
	"slices"

	"github.com/redis/rueidis"
)

// hash is one hash of Redis as a step sees it: what it read of it, with what it changed since.
type hash struct {
	key   string
	users bool // its values begin with a stamp, by which they are compared
	cells map[string]*cell
	list  []*cell // in the order in which they were first named, so that the same step is always told in the same words
	spare []cell  // for fields to come
}

// cell is one field of a hash.
type cell struct {
	field string
	// was is what was read; nil: it was not there. Only with read set.
	was  []byte
	read bool
	// now is what it is for the step; nil: not there.
	now     []byte
	changed bool
	// free tells that the step does not depend on what it read here.
	free bool
	// inHand tells of a user that a delivery is in hand as the step leaves it.
	inHand bool
}

// room makes place for so many more fields.
func (h *hash) room(n int) {
	if h.cells == nil {
		h.cells = make(map[string]*cell, n)
	}
	h.spare = make([]cell, n)
	h.list = slices.Grow(h.list, n)
}

func (h *hash) cell(field string) *cell {
	c := h.cells[field]
	if c == nil {
		if len(h.spare) == 0 {
			h.room(1)
		}
		c, h.spare = &h.spare[0], h.spare[1:]
		c.field = field
		h.cells[field] = c
		h.list = append(h.list, c)
	}
	return c
}

// saw notes what was read of a field. What the step itself changed stays.
func (h *hash) saw(field string, value []byte) *cell {
	c := h.cell(field)
	if !c.read {
		c.was, c.read = value, true
		if !c.changed {
			c.now = value
		}
	}
	return c
}

// set writes a field, at the commit.
func (h *hash) set(field string, value []byte) {
	c := h.cell(field)
	c.now, c.changed = value, true
}

// drop removes a field, at the commit.
func (h *hash) drop(field string) { h.set(field, nil) }

// looking is a read of a step that is yet to be done.
type looking struct {
	cmd  rueidis.Completed
	take func(rueidis.RedisResult) error
}

// look reads those of the fields that the step does not know yet; nil if it knows all.
func (st *step) look(h *hash, fields ...string) []looking {
	var unknown []string
	for _, f := range fields {
		if c := h.cells[f]; (c == nil || !c.read && !c.changed) && !(h.users && st.recalledUser(f)) {
			unknown = append(unknown, f)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	cmd := st.s.client.B().Hmget().Key(h.key).Field(unknown...).Build()
	return []looking{{cmd, func(r rueidis.RedisResult) error {
		values, err := r.ToArray()
		if err != nil {
			return err
		}
		if len(values) != len(unknown) {
			return errCorrupt
		}
		h.room(len(unknown))
		for i, f := range unknown {
			v, err := bytesOf(values[i])
			if err != nil {
				return err
			}
			h.saw(f, v)
		}
		return nil
	}}}
}

// bytesOf is a value, nil if there is none. It is not to be changed.
func bytesOf(m rueidis.RedisMessage) ([]byte, error) {
	if m.IsNil() {
		return nil, nil
	}
	return m.AsBytes()
}

// versionFrom is from how many rows on it is worth while to read the version of the shard.
const versionFrom = 4

// lookVersion reads the version of the shard, for a step on so many rows. It stands before all other reads: if the version is the same
// at the commit, what was read after it is, too.
func (st *step) lookVersion(rows int) []looking {
	if rows < versionFrom || st.reads > 0 {
		return nil
	}
	return st.readVersion()
}

func (st *step) readVersion() []looking {
	cmd := st.s.client.B().Hmget().Key(st.keys.counters()).Field(versionFields[:]...).Build()
	return []looking{{cmd, func(r rueidis.RedisResult) error {
		m, err := r.ToMessage()
		if err != nil {
			return err
		}
		return st.sawVersion(m)
	}}}
}

func (st *step) sawVersion(m rueidis.RedisMessage) error {
	values, err := m.ToArray()
	if err != nil || len(values) != len(versionFields) {
		return errCorrupt
	}
	version := make([]string, len(values))
	for i, v := range values {
		b, err := bytesOf(v)
		if err != nil {
			return err
		}
		version[i] = string(b)
	}
	st.version = version
	return nil
}
