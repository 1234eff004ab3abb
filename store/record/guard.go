package record

import (
	"time"

	"github.com/minapush/minapush"
)

// Guard keeps a message from users who had enough: it is store.Guard.
type Guard struct {
	PerDay      int
	CountPushes bool
	DayStart    time.Time

	ContentSince time.Time
	Series       string

	KeepBack int
}

// keeps says for which reason a guard keeps a delivery from a user who has a permit for it; "" for none. What the same delivery took
// before, and what is missed, does not count.
func (r *Record) keeps(g *Guard, need *Need, batch, push id, now time.Time) string {
	switch {
	case g.PerDay > 0 && r.hadSince(g, batch, push) >= g.PerDay:
		return minapush.ReasonDailyCap
	case !g.ContentSince.IsZero() && r.hadContent(g, need.Content, batch, push):
		return minapush.ReasonSameContent
	case g.KeepBack > 0 && !r.leaves(g.KeepBack, need, now):
		return minapush.ReasonKeptBack
	}
	return ""
}

// hadSince counts the deliveries of the day.
func (r *Record) hadSince(g *Guard, batch, push id) int {
	n, since := 0, g.DayStart.UnixMilli()
	for i := range r.recent {
		e := &r.recent[i]
		if e.at >= since && !e.missed() && (g.CountPushes || !e.isPush()) && !e.is(batch, push) {
			n++
		}
	}
	return n
}

// hadContent tells whether a campaign of another series said the same.
func (r *Record) hadContent(g *Guard, content uint64, batch, push id) bool {
	since := g.ContentSince.UnixMilli()
	for i := range r.recent {
		e := &r.recent[i]
		if e.content != content || e.at < since || e.missed() || e.isPush() || e.is(batch, push) {
			continue
		}
		if g.Series == "" || minapush.SeriesOf(e.batch.String()) != g.Series {
			return true
		}
	}
	return false
}

// leaves tells whether so many uses are left over when one is taken. A Standing permit is without number.
func (r *Record) leaves(keep int, need *Need, now time.Time) bool {
	only := need.only()
	left := -1
	for i := range r.sections {
		s := &r.sections[i]
		if !need.meets(s) {
			continue
		}
		for j := range s.entries {
			e := &s.entries[j]
			if !s.free(e, now, only) {
				continue
			}
			if left += int(e.uses); s.kind == minapush.Standing || left >= keep {
				return true
			}
		}
	}
	return false
}

// free tells whether a permit could be taken now.
func (s *section) free(e *entry, now time.Time, only *identity) bool {
	if e.state != minapush.Available || !e.outlives(now) || only != nil && !e.identity.equal(only) {
		return false
	}
	return s.kind != minapush.PrepayID || !now.Before(time.Unix(int64(e.taken), 0).Add(minapush.PayReadyAfter))
}
