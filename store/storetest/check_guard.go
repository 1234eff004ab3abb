package storetest

import (
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// CheckGuard is what the users of an app are to be spared by all its campaigns, from the first on. The zero value spares them nothing.
type CheckGuard struct {
	// PerDay is how many messages a user may get on one day: of campaigns, and with CountPushes pushes too. 0: any number.
	PerDay      int
	CountPushes bool
	// Zone is where days begin; nil is UTC.
	Zone *time.Location
	// SameContentDays is on how many days running, that of the message included, no campaign of another series may say the same. 0: that
	// does not matter.
	SameContentDays int
	// Contents tells what campaigns say, by their ids. Others are taken to say something of their own.
	Contents map[string]CheckContent
}

// CheckContent is what a campaign says.
type CheckContent struct {
	Content uint64
	// Series is the campaign's minapush.SeriesOf if it is a run of a schedule; else empty.
	Series string
}

// checkWent tells that a message reached the user, or may have, or may yet.
func checkWent(d minapush.Delivery) bool {
	return d.State == minapush.HeldState || d.State == minapush.Sending || d.Outcome.Openable()
}

// checkGuard holds what a user got against a guard, by the times at which it was reserved.
func (c *checkUser) checkGuard(g CheckGuard) {
	zone := g.Zone
	if zone == nil {
		zone = time.UTC
	}
	rows := slices.Clone(c.rows)
	slices.SortStableFunc(rows, func(a, b minapush.Delivery) int { return a.ReservedAt.Compare(b.ReservedAt) })
	days := map[time.Time]int{}
	var before []minapush.Delivery // of campaigns
	for _, d := range rows {
		if d.ReservedAt.IsZero() {
			continue
		}
		if checkWent(d) && (d.Push == "" || g.CountPushes) {
			day := minapush.DayStart(d.ReservedAt, zone)
			if days[day]++; g.PerDay > 0 && days[day] == g.PerDay+1 {
				c.say("guard", "got more than %d messages on the day that began at %v: %q is one too many", g.PerDay, day, d.Batch)
			}
		}
		if d.Push == "" {
			c.checkContent(g, before, d, zone)
			before = append(before, d)
		}
	}
}

// checkContent looks for another campaign that said the same. A user's record remembers the last few of campaigns, whatever became of
// them at first: who had more since may be told again.
func (c *checkUser) checkContent(g CheckGuard, before []minapush.Delivery, d minapush.Delivery, zone *time.Location) {
	says, known := g.Contents[d.Batch]
	if !known || g.SameContentDays == 0 || !checkWent(d) {
		return
	}
	since := minapush.DaysBack(d.ReservedAt, zone, g.SameContentDays-1)
	for _, e := range before[max(0, len(before)-store.MaxRecent):] {
		said, known := g.Contents[e.Batch]
		sameSeries := says.Series != "" && says.Series == said.Series
		if known && checkWent(e) && said.Content == says.Content && !sameSeries && !e.ReservedAt.Before(since) {
			c.say("guard", "got the same of %q at %v and of %q at %v", e.Batch, e.ReservedAt, d.Batch, d.ReservedAt)
		}
	}
}

// checkRecent: what a user's record remembers is what guards look at, so it must be there, in order, and tell what came of it.
func (c *checkUser) checkRecent() {
	rows := map[store.Ref]minapush.Delivery{}
	for _, d := range c.rows {
		rows[store.Ref{Batch: d.Batch, Push: d.Push}] = d
	}
	of := map[bool]int{} // by whether it is a push
	seen, old := map[store.Ref]bool{}, false
	for i, x := range c.user.Recent {
		ref := store.Ref{Batch: x.Batch, Push: x.Push}
		of[x.Push != ""]++
		if seen[ref] {
			c.say("I5", "remembers the delivery of %q, push %q, twice", x.Batch, x.Push)
		}
		if seen[ref] = true; i > 0 && x.At.After(c.user.Recent[i-1].At.Add(checkSkew)) {
			c.say("I5", "remembers the delivery of %q, push %q, at %v behind an earlier one", x.Batch, x.Push, x.At)
		}
		if old = old || x.Template == 0; x.Template == 0 {
			continue // an earlier release did not note what came of it
		}
		if d, known := rows[ref]; known && x.Missed != (d.State == minapush.Settled && !d.Outcome.Openable()) {
			c.say("I5", "remembers the delivery of %q, push %q, with missed %v, which is %v with outcome %v", x.Batch, x.Push, x.Missed, d.State, d.Outcome)
		}
	}
	for push, n := range of {
		if n > store.MaxRecent {
			c.say("I5", "remembers %d deliveries of one kind, pushes: %v", n, push)
		}
	}
	for ref, d := range rows {
		if checkWent(d) && !d.ReservedAt.IsZero() && !seen[ref] && of[d.Push != ""] < store.MaxRecent && !old {
			c.say("I5", "does not remember the delivery of %q, push %q, which is %v with outcome %v", d.Batch, d.Push, d.State, d.Outcome)
		}
	}
}
