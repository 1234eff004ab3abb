package redisstore

import (
	"context"

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

// cutSettled takes the row of a user out of those of a campaign that are settled. It tells whether there was one.
func (st *step) cutSettled(ctx context.Context, batch string, o minapush.OpenID) (bool, error) {
	t := st.text(st.keys.settled(batch, bucketOf(o)))
	if err := st.do(ctx, st.lookText(t)); err != nil {
		return false, err
	}
	rows, err := readPacked(t.is)
	if err != nil {
		return false, err
	}
	var left []byte
	found := false
	for _, r := range rows {
		if r.openid == o {
			found = true
			continue
		}
		left = appendPacked(left, r.openid, r.stored)
	}
	if found {
		t.is, t.cut = left, true
	}
	return found, nil
}
