package storetest

import (
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// modelRecent is a delivery that took a permit.
type modelRecent struct{ store.Recent }

func (x modelRecent) of(r *modelRow) bool { return x.Batch == r.Batch && x.Push == r.Push }

// counts tells that it is another delivery than r, and arrived, or may have, or may yet.
func (x modelRecent) counts(r *modelRow) bool { return !x.Missed && !x.of(r) }

// noteRecent puts a delivery that takes a permit first among the recent ones.
func (u *modelUser) noteRecent(r *modelRow, n store.Need, at time.Time) {
	u.dropRecent(r)
	u.recent = slices.Insert(u.recent, 0, modelRecent{store.Recent{
		Batch: r.Batch, Push: r.Push, At: at, Content: n.Content, Template: minapush.TemplateHash(n.Template),
	}})
	u.boundRecent(r.Push != "")
}

// boundRecent lets one of a kind go if there are too many: the oldest that is missed, else the oldest.
func (u *modelUser) boundRecent(push bool) {
	n, goes, missed := 0, 0, false
	for i, x := range u.recent {
		if (x.Push != "") != push {
			continue
		}
		if n++; x.Missed || !missed {
			goes, missed = i, x.Missed
		}
	}
	if n > store.MaxRecent {
		u.recent = slices.Delete(u.recent, goes, goes+1)
	}
}

// dropRecent forgets a delivery that is as if it had taken no permit.
func (u *modelUser) dropRecent(r *modelRow) {
	u.recent = slices.DeleteFunc(u.recent, func(x modelRecent) bool { return x.of(r) })
}

// endRecent notes how a delivery ended.
func (u *modelUser) endRecent(r *modelRow) {
	for i, x := range u.recent {
		if x.of(r) {
			u.recent[i].Missed = r.Outcome != minapush.Accepted && r.Outcome != minapush.Unknown
		}
	}
}
