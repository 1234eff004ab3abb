package pebblestore

import (
	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

// user reads a user's record; it is good until the next user that the step reads.
func (st *step) user(o minapush.OpenID) (r *record.Record, found bool, err error) {
	st.key = userKey(st.key[:0], st.shard, o)
	if st.wide {
		v, found, err := st.seek(0, st.key)
		if err != nil || !found {
			return nil, found, err
		}
		return &st.rec, true, st.rec.Decode(v)
	}
	st.recBytes, found, err = get(st.r, st.recBytes[:0], st.key)
	if err != nil || !found {
		return nil, found, err
	}
	return &st.rec, true, st.rec.Decode(st.recBytes)
}

func (st *step) setUser(o minapush.OpenID, r *record.Record) error {
	st.key = userKey(st.key[:0], st.shard, o)
	st.buf = r.Append(st.buf[:0])
	return st.set(st.key, st.buf)
}

// flow gives what is applied of a shard's flow counters, once loaded.
func (l *lane) flow(sh minapush.Shard) *record.Flow { return l.flows[sh] }

// writeFlow adds what the step moved to the flow counters of its shard, and returns them as they are once the step is applied; nil
// if nothing moved.
func (st *step) writeFlow() (*record.Flow, error) {
	if st.flow.IsZero() {
		return nil, nil
	}
	now := st.lane.flow(st.shard)
	if now == nil {
		var err error
		if now, err = st.loadFlow(); err != nil {
			return nil, err
		}
	}
	sum := *now
	sum.Add(st.flow)
	st.key = flowKey(st.key[:0], st.shard)
	st.buf = appendFlow(st.buf[:0], &sum)
	return &sum, st.set(st.key, st.buf)
}

// loadFlow reads the flow counters of a shard once; from then on the lane has them in memory.
func (st *step) loadFlow() (*record.Flow, error) {
	f := new(record.Flow)
	st.key = flowKey(st.key[:0], st.shard)
	v, found, err := st.get(st.key)
	if err != nil {
		return nil, err
	}
	if found {
		if f, err = readFlow(v); err != nil {
			return nil, err
		}
	}
	if st.lane.flows == nil {
		st.lane.flows = map[minapush.Shard]*record.Flow{}
	}
	st.lane.flows[st.shard] = f
	return f, nil
}
