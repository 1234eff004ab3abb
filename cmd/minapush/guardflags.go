package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/spf13/pflag"
)

// guardFlags are the flags by which the guard rails of an app are given.
type guardFlags struct {
	zone, quiet             string
	perDay, sameContentDays int
	countPushes, quietSkip  bool
	none                    bool
}

// guardFlagNames are those of the guards themselves; the time zone is the app's.
func guardFlagNames() []string {
	return []string{"per-day", "count-pushes", "same-content-days", "quiet", "quiet-skip"}
}

func (f *guardFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.zone, "time-zone", "", "time zone of its days and hours (default "+minapush.DefaultTimeZone+")")
	flags.IntVar(&f.perDay, "per-day", 0, "messages of campaigns that a user may get on one day; 0: any number (default for new apps 1)")
	flags.BoolVar(&f.countPushes, "count-pushes", false, "hold --per-day for pushes too: they count, and one too many is skipped")
	flags.IntVar(&f.sameContentDays, "same-content-days", 0,
		"days for which a user does not get the same content from another campaign; 0: that does not matter (default for new apps 7)")
	flags.StringVar(&f.quiet, "quiet", "", "hours in which no campaign is sent, as 22:00-08:00; none: no such hours (default for new apps 22:00-08:00)")
	flags.BoolVar(&f.quietSkip, "quiet-skip", false, "skip those who are met in the quiet hours; otherwise a campaign waits until they are over")
	flags.BoolVar(&f.none, "no-guards", false, "no guard rails at all")
}

// guards are what the flags make of the guards that there were; nil: no flag says anything of them.
func (f *guardFlags) guards(given func(string) bool, was api.Guards) (*api.Guards, error) {
	changed := f.given(given)
	switch {
	case f.none && changed:
		return nil, errors.New("--no-guards: cannot stand beside guards")
	case f.none:
		return &api.Guards{}, nil
	case !changed:
		return nil, nil
	}
	if given("per-day") {
		was.PerDay = f.perDay
	}
	if given("count-pushes") {
		was.CountPushes = f.countPushes
	}
	if given("same-content-days") {
		was.SameContentDays = f.sameContentDays
	}
	return &was, f.setQuiet(given, &was)
}

// given tells whether a flag names a guard.
func (f *guardFlags) given(given func(string) bool) bool {
	for _, name := range guardFlagNames() {
		if given(name) {
			return true
		}
	}
	return false
}

func (f *guardFlags) setQuiet(given func(string) bool, g *api.Guards) error {
	if given("quiet") {
		from, until, ok := strings.Cut(f.quiet, "-")
		switch {
		case f.quiet == "none":
			g.Quiet = nil
		case !ok:
			return fmt.Errorf("--quiet: must be as 22:00-08:00, or none, not %q", f.quiet)
		default:
			q := api.QuietHours{From: strings.TrimSpace(from), Until: strings.TrimSpace(until)}
			if g.Quiet != nil {
				q.Skip = g.Quiet.Skip
			}
			g.Quiet = &q
		}
	}
	if given("quiet-skip") {
		if g.Quiet == nil {
			return errors.New("--quiet-skip: needs quiet hours (--quiet)")
		}
		q := *g.Quiet
		q.Skip = f.quietSkip
		g.Quiet = &q
	}
	return nil
}

// newGuards are those of a new app, of which the flags may say something else.
func newGuards() api.Guards {
	d := minapush.DefaultGuards()
	return api.Guards{
		PerDay: d.PerDay, CountPushes: d.CountPushes, SameContentDays: d.SameContentDays,
		Quiet: &api.QuietHours{From: d.Quiet.From, Until: d.Quiet.Until, Skip: d.Quiet.Skip},
	}
}
