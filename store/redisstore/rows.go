package redisstore

import (
	"context"
	"slices"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

// put writes a row where its state puts it.
func (st *step) put(ctx context.Context, w *row) error {
	st.with(w.Batch)
	switch {
	case w.State == minapush.Waiting:
		st.hash(st.keys.queue(w.Batch)).set(string(w.OpenID), st.keep(w.append))
		st.sets = append(st.sets, setChange{key: st.keys.order(w.Batch), member: string(w.OpenID), score: score(w.NotBefore)})
	case w.State != minapush.Settled:
		return st.putHand(ctx, w)
	case w.Push == "":
		t := st.text(st.keys.settled(w.Batch, bucketOf(w.OpenID)))
		t.tail = appendPacked(t.tail, w.OpenID, st.keep(w.append))
	default:
		return st.putPush(ctx, w, st.keep(w.append))
	}
	return nil
}

// putPush writes a settled push beside the others of the batch to the same user.
func (st *step) putPush(ctx context.Context, w *row, value []byte) error {
	list, err := st.pushesOf(ctx, w.Batch, w.OpenID)
	if err != nil {
		return err
	}
	list = append(slices.DeleteFunc(list, func(e settledPush) bool { return e.push == w.Push }), settledPush{w.Push, value})
	st.hash(st.keys.pushes(w.Batch)).set(string(w.OpenID), appendPushes(nil, list))
	return nil
}

// pushesOf reads the settled pushes of a batch to a user.
func (st *step) pushesOf(ctx context.Context, batch string, o minapush.OpenID) ([]settledPush, error) {
	b, err := st.get(ctx, st.hash(st.keys.pushes(batch)), string(o))
	if err != nil {
		return nil, err
	}
	return readPushes(b)
}

// settledPush reads one settled push.
func (st *step) settledPush(ctx context.Context, batch string, o minapush.OpenID, push string) (row, bool, error) {
	list, err := st.pushesOf(ctx, batch, o)
	if err != nil {
		return row{}, false, err
	}
	return findPush(list, batch, o, push)
}

func findPush(list []settledPush, batch string, o minapush.OpenID, push string) (row, bool, error) {
	for _, e := range list {
		if e.push == push {
			w, err := readRow(e.row, batch, o, push)
			return w, err == nil, err
		}
	}
	return row{}, false, nil
}

// dropQueue removes a row from the again-queue.
func (st *step) dropQueue(batch string, o minapush.OpenID) {
	st.hash(st.keys.queue(batch)).drop(string(o))
	st.sets = append(st.sets, setChange{key: st.keys.order(batch), member: string(o), gone: true})
}

// owner reads the record of a user whose delivery is in hand: while it is, the user cannot go.
func (st *step) owner(ctx context.Context, w *row) (*record.Record, error) {
	r, found, err := st.user(ctx, w.OpenID)
	if err == nil && !found {
		err = errCorrupt
	}
	return r, err
}
