package redisstore

import (
	"context"
	"slices"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
)

// text is a string of Redis that a step has to do with: rows that come to its end, and what it becomes when one is taken out.
type text struct {
	key  string
	read bool
	is   []byte // as read, without what was taken out; nil: it is not there
	cut  bool   // something was taken out
	tail []byte // comes to its end
}

func (st *step) text(key string) *text {
	for _, t := range st.texts {
		if t.key == key {
			return t
		}
	}
	t := &text{key: key}
	st.texts = append(st.texts, t)
	return t
}

// lookText reads a string, unless the step knows it. The step must be strict, and know the version of the shard.
func (st *step) lookText(t *text) []looking {
	if t.read {
		return nil
	}
	cmd := st.s.client.B().Get().Key(t.key).Build()
	return []looking{{cmd, func(r rueidis.RedisResult) error {
		m, err := r.ToMessage()
		if err != nil && !rueidis.IsRedisNil(err) {
			return err
		}
		t.read = true
		t.is, err = bytesOf(m)
		return err
	}}}
}

// A row that is settled and confirmed later comes once more to the end of its text: the last version is the row, and those before it
// mean nothing, but to a release that knows of no confirmations, which takes the first. So a confirmation, of which there is one for each
// message, writes one row and not its whole bucket. What changes more about a row is written in its place: see cutSettled.

// findPacked looks for the row of an openid among rows that stand one behind the other. It counts them, and those of them that were
// there before.
func findPacked(b []byte, o minapush.OpenID) (stored []byte, rows, again int, err error) {
	p := parser{b: b}
	for len(p.b) > 0 {
		openid, r := p.bytes(), p.bytes()
		rows++
		if isAgain(r) {
			again++
		}
		if string(openid) == string(o) {
			stored = r
		}
	}
	return stored, rows, again, p.end()
}

func isAgain(stored []byte) bool {
	return len(stored) > rowFlags && stored[0] == valueV1 && stored[rowFlags]&rowAgain != 0
}

// lastVersions leaves of each row the last version.
func lastVersions(rows []packedRow) []packedRow {
	if !slices.ContainsFunc(rows, func(r packedRow) bool { return isAgain(r.stored) }) {
		return rows
	}
	last := make(map[minapush.OpenID]int, len(rows))
	for i := range rows {
		last[rows[i].openid] = i
	}
	left := rows[:0]
	for i, r := range rows {
		if last[r.openid] == i {
			left = append(left, r)
		}
	}
	return left
}

// overgrown tells whether of so many rows too many are there again.
func overgrown(rows, again int) bool { return 3*again >= rows }

// cutSettled takes the row of a user out of those of a campaign that are settled, and of all others what is there again. It tells whether
// there was one.
func (st *step) cutSettled(ctx context.Context, batch string, o minapush.OpenID) (bool, error) {
	t := st.text(st.keys.settled(batch, bucketOf(o)))
	if err := st.do(ctx, st.lookText(t)); err != nil {
		return false, err
	}
	rows, err := readPacked(t.is)
	if err != nil {
		return false, err
	}
	left, found := make([]byte, 0, len(t.is)), false
	for _, r := range lastVersions(rows) {
		if r.openid == o {
			found = true
			continue
		}
		left = appendPacked(left, r.openid, r.stored)
		if isAgain(r.stored) {
			left[len(left)-len(r.stored)+rowFlags] &^= rowAgain
		}
	}
	if found {
		t.is, t.cut = left, true
	}
	return found, nil
}
