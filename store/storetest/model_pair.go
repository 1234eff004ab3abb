package storetest

import (
	"time"

	"github.com/minapush/minapush"
)

// modelHalf is a permit that is gone and was told of once, by a report or by an event.
type modelHalf struct {
	takenAt  time.Time
	evidence minapush.Evidence
}

// modelUnpaired tells permits of which the other half may still come: the event of a report, the report of an event.
func modelUnpaired(p minapush.Permit) bool {
	return p.Kind == minapush.Subscription && (p.Evidence == minapush.ByClient || p.Evidence == minapush.ByEvent)
}

// pair finds the other half of a permit that comes in, and makes both one: the identity of this one is known from then on. It tells
// whether there was one.
func (u *modelUser) pair(p minapush.Permit, now time.Time) bool {
	if !modelUnpaired(p) {
		return false
	}
	live, at := u.liveHalf(p)
	gone, goneAt, found := u.goneHalf(p, now)
	switch {
	case live == nil && !found:
		return false
	case live != nil && (!found || !modelNearer(p.TakenAt, goneAt, at)):
		live.Evidence = minapush.ByBoth
	default:
		delete(u.halves, gone)
	}
	u.remember(p)
	return true
}

// liveHalf is the nearest permit that there is, whatever its state.
func (u *modelUser) liveHalf(p minapush.Permit) (nearest *modelPermit, at time.Time) {
	for _, q := range u.section(p.Kind, p.Template) {
		if !modelUnpaired(q.Permit) || q.Evidence == p.Evidence || !modelWithin(p.TakenAt, q.TakenAt) {
			continue
		}
		if nearest == nil || modelNearer(p.TakenAt, q.TakenAt, at) {
			nearest, at = q, q.TakenAt
		}
	}
	return nearest, at
}

// goneHalf is the nearest of those that are gone and still wait.
func (u *modelUser) goneHalf(p minapush.Permit, now time.Time) (nearest modelIdentity, at time.Time, found bool) {
	for id, h := range u.halves {
		waits := minapush.PairLife
		if h.evidence == minapush.ByEvent {
			waits = minapush.IdentityLife
		}
		if id.template != p.Template || h.evidence == p.Evidence || !modelWithin(p.TakenAt, h.takenAt) || !now.Before(h.takenAt.Add(waits)) {
			continue
		}
		if !found || modelNearer(p.TakenAt, h.takenAt, at) {
			nearest, at, found = id, h.takenAt, true
		}
	}
	return nearest, at, found
}

func modelWithin(a, b time.Time) bool { return a.Sub(b).Abs() <= minapush.PairWithin }

// modelNearer tells whether a is nearer to a time than b, or as near and earlier.
func modelNearer(to, a, b time.Time) bool {
	x, y := to.Sub(a).Abs(), to.Sub(b).Abs()
	return x < y || x == y && a.Before(b)
}
