package storetest

import (
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// keepsOut says why a guard keeps a delivery from a user who has a permit for it; "" if it does not.
func (u *modelUser) keepsOut(g store.Guard, r *modelRow, n store.Need, now time.Time) string {
	switch {
	case g.PerDay > 0 && u.hadSince(g, r)+1 > g.PerDay:
		return minapush.ReasonDailyCap
	case !g.ContentSince.IsZero() && u.hadContent(g, r, n.Content):
		return minapush.ReasonSameContent
	case u.left(n, now)-1 < g.KeepBack && !u.standingServes(n, now):
		return minapush.ReasonKeptBack
	}
	return ""
}

// hadSince counts the messages of the day, without the one that is to go out.
func (u *modelUser) hadSince(g store.Guard, r *modelRow) (n int) {
	for _, x := range u.recent {
		if x.counts(r) && (x.Push == "" || g.CountPushes) && !x.At.Before(modelMilli(g.DayStart)) {
			n++
		}
	}
	return n
}

// hadContent tells whether a campaign of another series said the same.
func (u *modelUser) hadContent(g store.Guard, r *modelRow, content uint64) bool {
	return slices.ContainsFunc(u.recent, func(x modelRecent) bool {
		sameSeries := g.Series != "" && minapush.SeriesOf(x.Batch) == g.Series
		return x.counts(r) && x.Push == "" && x.Content == content && !x.At.Before(modelMilli(g.ContentSince)) && !sameSeries
	})
}

// left counts the uses that could be taken now.
func (u *modelUser) left(n store.Need, now time.Time) (uses int) {
	for _, p := range u.permits {
		if p.serves(n) && p.Ready(now) {
			uses += p.Uses
		}
	}
	return uses
}

func (u *modelUser) standingServes(n store.Need, now time.Time) bool {
	return slices.ContainsFunc(u.permits, func(p *modelPermit) bool {
		return p.Kind == minapush.Standing && p.serves(n) && p.Ready(now)
	})
}
