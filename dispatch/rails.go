package dispatch

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

// rails are the guard rails of an app, in its time zone, as the last look found them. They never change; the zero rails are none.
type rails struct {
	guards minapush.Guards
	name   string // of the time zone
	zone   *time.Location
}

// railsOf reads the guard rails of an app: those of before, if nothing has changed.
func (r *runner) railsOf(app minapush.App, before *rails) (now *rails, changed bool) {
	if before != nil && before.guards == app.Guards && before.name == app.TimeZone {
		return before, false
	}
	zone, err := minapush.Zone("time_zone", app.TimeZone)
	if err != nil {
		r.d.cfg.Logger.Error("the app's time zone cannot be read; its days are those of the default one", "app", app.ID, "err", err)
		if zone, err = minapush.Zone("time_zone", ""); err != nil {
			zone = time.UTC // there is no database of time zones
		}
	}
	return &rails{app.Guards, app.TimeZone, zone}, before != nil
}

// followRails takes over the guard rails of an app, and tells whether they have changed.
func (r *runner) followRails(app minapush.App) (changed bool) {
	now, changed := r.railsOf(app, r.rails.Load())
	r.rails.Store(now)
	return changed
}

// quiet tells whether campaigns are to be quiet now, and until when.
func (l *rails) quiet(now time.Time) (until time.Time, quiet bool) {
	if l.guards.Quiet.IsZero() {
		return time.Time{}, false
	}
	return l.guards.Quiet.At(now, l.zone)
}

// guard is what keeps a campaign from users who had enough.
func (l *rails) guard(c *campaignRun, now time.Time) bank.Guard {
	g := l.capped(now)
	g.KeepBack = c.keepBack
	if days := l.guards.SameContentDays; days > 0 {
		g.ContentSince, g.Series = now.Add(-time.Duration(days)*24*time.Hour), c.series
	}
	return g
}

// pushGuard is what keeps a push from them: nothing, unless pushes are to count.
func (l *rails) pushGuard(now time.Time) bank.Guard {
	if !l.guards.CountPushes {
		return bank.Guard{}
	}
	return l.capped(now)
}

func (l *rails) capped(now time.Time) bank.Guard {
	if l.guards.PerDay == 0 {
		return bank.Guard{}
	}
	return bank.Guard{PerDay: l.guards.PerDay, CountPushes: l.guards.CountPushes, DayStart: minapush.DayStart(now, l.zone)}
}

// quietUntil tells until when the campaign is to be quiet, and whether it skips whom it meets till then; zero: it is not. Without quiet
// hours this looks at no clock on a wall.
func (c *campaignRun) quietUntil(now time.Time) (until time.Time, skip bool) {
	l := c.rails()
	until, quiet := l.quiet(now)
	if !quiet {
		return time.Time{}, false
	}
	switch c.onQuiet {
	case minapush.QuietSkip:
		return until, true
	case minapush.QuietWait:
		return until, false
	}
	return until, l.guards.Quiet.Skip
}

const reasonQuiet = minapush.ReasonQuietHours

// tellQuiet shows in the campaign's document that it waits for the end of the quiet hours, or that it does so no more: the hours are the
// app's setting, and may be changed or taken away while it waits. The node that leads tells it.
func (r *runner) tellQuiet(c *campaignRun, now time.Time) {
	until, skips := c.quietUntil(now)
	if !until.IsZero() {
		until = earliest(until, c.latest)
	}
	c.mu.Lock()
	late := !c.latest.IsZero() && !now.Before(c.latest)
	running := !late && c.state == minapush.Running && c.ctx.Err() == nil && c.leader()
	told := c.hold.Why.Code == reasonQuiet && now.Before(c.hold.Until)
	want := minapush.Hold{}
	if !until.IsZero() && !skips {
		want = minapush.Hold{Why: minapush.Reason{Code: reasonQuiet}, Until: until}
	}
	tell := false
	switch {
	case !running:
	case want.Until.IsZero():
		tell = told
	case told:
		tell = !want.Until.Equal(c.hold.Until)
	default:
		tell = !now.Before(c.hold.Until) // another wait is left to come to its own end
	}
	if tell {
		c.hold = want
		c.writing++
	}
	c.mu.Unlock()
	if tell {
		r.writeHold(c, want)
	}
}
