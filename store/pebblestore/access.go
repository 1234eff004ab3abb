package pebblestore

import (
	"bytes"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"github.com/minapush/minapush"
)

// wideFrom is how many users make it worth while to open iterators.
const wideFrom = 8

// seek reads the value of a key of a sort: a record's (0), of a row in hand (1) or of a place on a list (2). It is good until the next
// seek of that sort.
func (st *step) seek(sort int, key []byte) (value []byte, found bool, err error) {
	if st.near[sort] == nil {
		if st.near[sort], err = scan(st.r, key[:shardSize], nil); err != nil {
			return nil, false, err
		}
	}
	it := st.near[sort]
	if !it.SeekGE(key) {
		return nil, false, it.Error()
	}
	if !bytes.Equal(it.Key(), key) {
		return nil, false, nil
	}
	value, err = it.ValueAndErr()
	return value, err == nil, err
}

// get reads a value, which is good until the next get of the step.
func (st *step) get(key []byte) (value []byte, found bool, err error) {
	st.buf, found, err = get(st.r, st.buf[:0], key)
	return st.buf, found, err
}

// get appends a value to dst.
func get(r pebble.Reader, dst, key []byte) (value []byte, found bool, err error) {
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return dst, false, nil
	}
	if err != nil {
		return dst, false, err
	}
	dst = append(dst, v...)
	return dst, true, closer.Close()
}

func (st *step) set(key, value []byte) error { return st.batchOf(key).Set(key, value, nil) }

func (st *step) delete(key []byte) error { return st.batchOf(key).Delete(key, nil) }

func (st *step) batchOf(key []byte) *pebble.Batch {
	i := 0
	switch {
	case !st.wide:
		return st.batch
	case key[0] == keyUser:
	case key[0] == keySettled:
		i = 1
	default:
		return st.batch
	}
	if st.aside[i] == nil {
		st.aside[i] = st.s.db.NewBatch()
	}
	return st.aside[i]
}

// scan makes an iterator over the keys that start with prefix and are not below from, if that is given.
func scan(r pebble.Reader, prefix, from []byte) (*pebble.Iterator, error) {
	if from == nil {
		from = prefix
	}
	return r.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: after(prefix)})
}

// hand reads a row in hand.
func (st *step) hand(batch string, o minapush.OpenID, push string) (row, bool, error) {
	st.key = handKey(st.key[:0], st.shard, batch, o, push)
	var v []byte
	var found bool
	var err error
	if st.wide {
		v, found, err = st.seek(1, st.key)
	} else {
		v, found, err = st.get(st.key)
	}
	if err != nil || !found {
		return row{}, false, err
	}
	w, err := readRowValue(v, batch, o, push)
	return w, err == nil, err
}

// put writes a row where its state puts it.
func (st *step) put(w *row) error {
	switch w.State {
	case minapush.Waiting:
		st.key = queueKey(st.key[:0], st.shard, w.Batch, w.OpenID)
	case minapush.Settled:
		st.key = settledKey(st.key[:0], st.shard, w.Batch, w.OpenID, w.Push)
	default:
		st.key = handKey(st.key[:0], st.shard, w.Batch, w.OpenID, w.Push)
	}
	st.buf = w.append(st.buf[:0])
	return st.set(st.key, st.buf)
}

// dropHand removes a row from those in hand.
func (st *step) dropHand(w *row) error {
	st.key = handKey(st.key[:0], st.shard, w.Batch, w.OpenID, w.Push)
	return st.delete(st.key)
}

// dropQueue removes a row from the again-queue.
func (st *step) dropQueue(w *row) error {
	st.key = queueKey(st.key[:0], st.shard, w.Batch, w.OpenID)
	return st.delete(st.key)
}
