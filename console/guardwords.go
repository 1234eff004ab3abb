package console

import (
	"strconv"
	"time"

	"github.com/minapush/minapush"
)

// restraint is what a campaign or schedule does to wear nobody out, beside the guard rails of its app.
type restraint struct {
	KeepBack int
	OnQuiet  string
	Rollout  *minapush.Rollout
}

// skips tells that who is met in quiet hours is skipped, rather than sent to later.
func (r restraint) skips(app minapush.App) bool {
	return r.OnQuiet == minapush.QuietSkip || r.OnQuiet == "" && app.Guards.Quiet.Skip
}

// guardLines say which guard rails hold.
func guardLines(app minapush.App, r restraint) []warning {
	g := app.Guards
	var list []warning
	add := func(when bool, name string, params ...string) {
		if when {
			list = append(list, warning{name, params})
		}
	}
	add(g.PerDay > 0 && !g.CountPushes, "guards.cap", strconv.Itoa(g.PerDay))
	add(g.PerDay > 0 && g.CountPushes, "guards.cap_pushes", strconv.Itoa(g.PerDay))
	add(g.SameContentDays > 0, "guards.content", strconv.Itoa(g.SameContentDays))
	quiet := !g.Quiet.IsZero()
	add(quiet && !r.skips(app), "guards.quiet_wait", g.Quiet.From, g.Quiet.Until, zoneName(app.TimeZone))
	add(quiet && r.skips(app), "guards.quiet_skip", g.Quiet.From, g.Quiet.Until, zoneName(app.TimeZone))
	add(g == minapush.Guards{}, "guards.none")
	add(r.KeepBack > 0, "guards.keep_back", strconv.Itoa(r.KeepBack))
	if r.Rollout != nil {
		list = append(list, rolloutLine(*r.Rollout))
	}
	return list
}

// ownGuards say what a campaign or schedule does beside the guard rails of its app.
func ownGuards(r restraint) []warning {
	var list []warning
	if r.OnQuiet != "" {
		list = append(list, warning{Name: "guards.own_" + r.OnQuiet})
	}
	if r.KeepBack > 0 {
		list = append(list, warning{"guards.keep_back", []string{strconv.Itoa(r.KeepBack)}})
	}
	if r.Rollout != nil {
		list = append(list, rolloutLine(*r.Rollout))
	}
	return list
}

func rolloutLine(r minapush.Rollout) warning {
	percents := ""
	for i, p := range r.Percents {
		if i > 0 {
			percents += " → "
		}
		percents += strconv.FormatFloat(p, 'f', -1, 64) + "%"
	}
	return warning{"guards.rollout", []string{percents, minutesText(r.Pause)}}
}

// quietWarning says what the quiet hours of an app do to a campaign that begins at a time, and would take so long; nil: nothing.
func quietWarning(app minapush.App, r restraint, begin, latest time.Time, takes time.Duration) *warning {
	zone, err := minapush.Zone("time_zone", app.TimeZone)
	if err != nil {
		return nil
	}
	quiet := app.Guards.Quiet
	until, now := quiet.At(begin, zone)
	switch {
	case now && r.skips(app):
		return &warning{"check.quiet_skip", []string{zoned(until, app.TimeZone)}}
	case now && !latest.IsZero() && !until.Before(latest):
		return &warning{"check.quiet_late", []string{zoned(until, app.TimeZone)}}
	case now:
		return &warning{"check.quiet_wait", []string{zoned(until, app.TimeZone)}}
	}
	end := begin.Add(takes)
	if takes == 0 { // not known
		return nil
	}
	if !latest.IsZero() && latest.Before(end) {
		end = latest
	}
	if _, soon := quiet.At(end.Add(-1), zone); !soon {
		return nil
	}
	if r.skips(app) {
		return &warning{"check.quiet_soon_skip", []string{quiet.From}}
	}
	return &warning{"check.quiet_soon_wait", []string{quiet.From}}
}

// guard finds what keeps a campaign from whom, and when it would wait.
func (p *checkPage) guard(app minapush.App, now time.Time) {
	r := restraint{p.M.KeepBack, p.M.OnQuiet, p.M.Rollout}
	p.Guards = guardLines(app, r)
	begin := now
	if p.StartAt.After(now) {
		begin = p.StartAt
	}
	if w := quietWarning(app, r, begin, p.M.LatestSend, p.Estimate.Takes()); w != nil {
		p.Warnings = append(p.Warnings, *w)
	}
}

// zoneName is a time zone by its name; the one that all pages have is not named.
func zoneName(zone string) string {
	if zone == "" {
		return minapush.DefaultTimeZone
	}
	return zone
}

// zoned is a time on the clock of a time zone, which is named unless it is that of all pages.
func zoned(t time.Time, zone string) string {
	at, err := minapush.Zone("time_zone", zone)
	if err != nil || t.IsZero() {
		return beijing(t)
	}
	text := t.In(at).Format("2006-01-02 15:04")
	if zoneName(zone) != minapush.DefaultTimeZone {
		text += " (" + zone + ")"
	}
	return text
}
