package pebblestore

import (
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

// viewer makes users as callers see them out of records, each in the memory of the one before.
type viewer struct {
	view   *record.View
	user   store.User
	recent []store.Recent
	busy   store.Ref
	beside []store.Beside
}

func newViewer() *viewer { return &viewer{view: record.NewView()} }

// view is a user in memory of its own.
func view(o minapush.OpenID, r *record.Record) (store.User, error) {
	v := viewer{view: &record.View{}}
	u, err := v.show(o, r, 0)
	return *u, err
}

// show makes a user of a record, as much of it as is looked at, good until the next one is shown. The record may change meanwhile.
func (v *viewer) show(o minapush.OpenID, r *record.Record, l store.Looks) (*store.User, error) {
	u := &v.user
	if err := v.view.Read(r, partsOf(l)); err != nil {
		*u = store.User{}
		return u, err
	}
	*u = store.User{
		OpenID:    o,
		FirstSeen: time.UnixMilli(r.FirstSeen).UTC(),
		LastSeen:  fromMillis(r.LastSeen),
		Profile:   v.view.Profile,
		Permits:   v.view.Permits,
		Events:    v.view.Events,
		Erasing:   r.Erasing,
	}
	if l.At(store.LookPermits) {
		u.Counts, u.StandingSent = r.Counts(), r.StandingSent
	}
	if len(v.view.Recent) > 0 {
		v.recent = v.recent[:0]
		for _, e := range v.view.Recent {
			v.recent = append(v.recent, store.Recent(e))
		}
		u.Recent = v.recent
	}
	if b, ok := r.Busy(); ok && l.At(store.LookRecent) {
		v.busy = store.Ref{Batch: b.Batch, OpenID: o, Push: b.Push, Attempt: b.Attempt}
		u.Busy = &v.busy
	}
	return u, nil
}

// partsOf are the parts of a record that make those of a user.
func partsOf(l store.Looks) record.Parts {
	return record.Parts{
		Profile: l.At(store.LookProfile), Events: l.At(store.LookEvents), Permits: l.At(store.LookPermits), Recent: l.At(store.LookRecent),
	}
}

// besides finds what there is of users in other campaigns of a shard. It is asked in ascending order of openids.
type besides []besideIter

type besideIter struct {
	campaign string
	rows     *rowIter
	list     *pebble.Iterator
	skip     int // how much of the keys of list is prefix
}

// openBesides looks at users behind a given one. Whatever it returns is to be closed.
func openBesides(r pebble.Reader, sh minapush.Shard, campaigns []string, after minapush.OpenID) (bs besides, err error) {
	for _, id := range campaigns {
		b := besideIter{campaign: id}
		if b.rows, err = openRows(r, sh, id, store.Ref{OpenID: after}); err != nil {
			return bs, err
		}
		bs = append(bs, b)
		last := &bs[len(bs)-1]
		if last.list, last.skip, err = listedAfter(r, sh, id, after); err != nil {
			return bs, err
		}
		last.list.First()
	}
	return bs, nil
}

func (bs besides) close() {
	for i := range bs {
		bs[i].rows.close()
		if bs[i].list != nil {
			_ = bs[i].list.Close()
		}
	}
}

// of appends what there is of a user in each of the campaigns.
func (bs besides) of(o minapush.OpenID, dst []store.Beside) ([]store.Beside, error) {
	for i := range bs {
		b := &bs[i]
		var there store.Beside
		if b.rows.has(o) {
			w, err := b.rows.row(b.campaign)
			if err != nil {
				return dst, err
			}
			if w.Push == "" {
				there.Row = w.Delivery
			}
		}
		there.Listed = b.onList(o)
		dst = append(dst, there)
		if err := b.err(); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// onList moves along the list, a step if that will do.
func (b *besideIter) onList(o minapush.OpenID) bool {
	ok := b.list.Valid()
	if ok && string(b.list.Key()[b.skip:]) < string(o) {
		ok = b.list.Next()
	}
	if ok && string(b.list.Key()[b.skip:]) < string(o) {
		key := b.list.Key()
		ok = b.list.SeekGE(append(key[:b.skip:b.skip], o...))
	}
	return ok && string(b.list.Key()[b.skip:]) == string(o)
}

func (b *besideIter) err() error {
	if err := b.list.Error(); err != nil {
		return err
	}
	return b.rows.err()
}
