package redisstore

import (
	"time"

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
}

func newViewer() *viewer { return &viewer{view: record.NewView()} }

// view is a user in memory of its own.
func view(o minapush.OpenID, r *record.Record) (store.User, error) {
	v := viewer{view: &record.View{}}
	u, err := v.show(o, r, 0)
	if err != nil {
		return store.User{}, err
	}
	return *u, nil
}

// show makes a user of a record, as much of it as is looked at, good until the next one is shown. The record may change meanwhile.
func (v *viewer) show(o minapush.OpenID, r *record.Record, l store.Looks) (*store.User, error) {
	if err := v.view.Read(r, partsOf(l)); err != nil {
		return nil, err
	}
	v.user = store.User{
		OpenID:    o,
		FirstSeen: time.UnixMilli(r.FirstSeen).UTC(),
		LastSeen:  fromMillis(r.LastSeen),
		Profile:   v.view.Profile,
		Permits:   v.view.Permits,
		Events:    v.view.Events,
		Erasing:   r.Erasing,
	}
	if l.At(store.LookPermits) {
		v.user.Counts, v.user.StandingSent = r.Counts(), r.StandingSent
	}
	if len(v.view.Recent) > 0 {
		v.recent = v.recent[:0]
		for _, e := range v.view.Recent {
			v.recent = append(v.recent, store.Recent(e))
		}
		v.user.Recent = v.recent
	}
	if b, ok := r.Busy(); ok && l.At(store.LookRecent) {
		v.busy = store.Ref{Batch: b.Batch, OpenID: o, Push: b.Push, Attempt: b.Attempt}
		v.user.Busy = &v.busy
	}
	return &v.user, nil
}

// partsOf are the parts of a record that make those of a user.
func partsOf(l store.Looks) record.Parts {
	return record.Parts{
		Profile: l.At(store.LookProfile), Events: l.At(store.LookEvents), Permits: l.At(store.LookPermits), Recent: l.At(store.LookRecent),
	}
}
