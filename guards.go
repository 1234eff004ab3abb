package minapush

import (
	"fmt"
	"time"
)

// Guards keep campaigns from wearing users out. They hold for every campaign of an app; the zero Guards keep nobody out. Days and hours
// are those of the app's time zone.
type Guards struct {
	// PerDay is how many messages of campaigns a user may get on one calendar day; 0: any number. At most MaxPerDay.
	PerDay int `json:",omitempty"`
	// CountPushes holds PerDay for pushes too: they count, and one too many is skipped.
	CountPushes bool `json:",omitempty"`
	// SameContentDays is for how many days a user does not get the same content from another campaign; runs of one schedule are no other
	// campaigns. 0: that does not matter. At most MaxSameContentDays.
	SameContentDays int `json:",omitempty"`
	// Quiet are the hours in which no campaign is sent.
	Quiet QuietHours `json:",omitzero"`
}

const (
	// MaxPerDay is the highest cap: as many deliveries as a user's record surely remembers.
	MaxPerDay = 8
	// MaxSameContentDays is the longest time for which the same content is kept away. A record remembers the last eight messages of
	// campaigns: with at most one a day that is longer than the week of DefaultGuards.
	MaxSameContentDays = 30
)

// DefaultGuards are those of a new app.
func DefaultGuards() Guards {
	return Guards{PerDay: 1, SameContentDays: 7, Quiet: QuietHours{From: "22:00", Until: "08:00"}}
}

// Validate refuses what breaks a limit.
func (g Guards) Validate() error {
	if g.PerDay < 0 || g.PerDay > MaxPerDay {
		return FieldError("guards.per_day", "must be from 0 to %d, not %d", MaxPerDay, g.PerDay)
	}
	if g.CountPushes && g.PerDay == 0 {
		return FieldError("guards.count_pushes", "needs a per_day")
	}
	if g.SameContentDays < 0 || g.SameContentDays > MaxSameContentDays {
		return FieldError("guards.same_content_days", "must be from 0 to %d, not %d", MaxSameContentDays, g.SameContentDays)
	}
	return g.Quiet.validate("guards.quiet")
}

// QuietHours are hours of each day, From until Until, over midnight if Until is not later. The zero QuietHours are none.
type QuietHours struct {
	// From and Until are times of the day such as "22:00". Both are given, or neither; they are not the same.
	From  string `json:",omitempty"`
	Until string `json:",omitempty"`
	// Skip skips those who are met in them; otherwise a campaign waits until they are over. A campaign may say otherwise.
	Skip bool `json:",omitempty"`
}

// IsZero tells that there are no quiet hours.
func (q QuietHours) IsZero() bool { return q.From == "" && q.Until == "" }

func (q QuietHours) validate(field string) error {
	if q.IsZero() {
		if q.Skip {
			return FieldError(field+".skip", "needs from and until")
		}
		return nil
	}
	from, err := clock(q.From)
	if err != nil {
		return FieldError(field+".from", "%v", err)
	}
	until, err := clock(q.Until)
	if err != nil {
		return FieldError(field+".until", "%v", err)
	}
	if from == until {
		return FieldError(field+".until", "must not be the same as from")
	}
	return nil
}

// clock reads a time of the day, as minutes since midnight.
func clock(s string) (int, error) {
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, fmt.Errorf("must be a time of the day such as \"22:00\", not %q", clip(s))
	}
	return t.Hour()*60 + t.Minute(), nil
}

// At tells whether now lies in the quiet hours of a time zone, and when they end, in UTC: the first moment after now that does not lie in
// them. What is read is the clock on the wall: where that is put forward or back, the hours are as much shorter or longer, and an end that
// comes twice ends them twice.
func (q QuietHours) At(now time.Time, zone *time.Location) (until time.Time, quiet bool) {
	from, err := clock(q.From)
	end, err2 := clock(q.Until)
	if q.IsZero() || err != nil || err2 != nil {
		return time.Time{}, false
	}
	// From the beginning of the hours to now, and to their end, as a clock shows it that is not put forward or back.
	since := func(t time.Time) time.Duration {
		h, m, s := t.Clock()
		wall := time.Duration(h)*time.Hour + time.Duration(m-from)*time.Minute + time.Duration(s)*time.Second + time.Duration(t.Nanosecond())
		return (wall + day) % day
	}
	long := (time.Duration(end-from)*time.Minute + day) % day
	at := now.Round(0).In(zone)
	for since(at) < long {
		quiet = true
		over := at.Add(long - since(at))
		_, change := at.ZoneBounds()
		if change.IsZero() || over.Before(change) {
			return over.UTC(), true
		}
		at = change // the clock shows something else from here on
	}
	if !quiet {
		return time.Time{}, false
	}
	return at.UTC(), true
}

const day = 24 * time.Hour

// DefaultTimeZone is the time zone of an app that has none.
const DefaultTimeZone = "Asia/Shanghai"

// Zone finds a time zone by its name in the IANA database; "" is DefaultTimeZone. Errors: Invalid, with the given field.
func Zone(field, name string) (*time.Location, error) {
	if name == "" {
		name = DefaultTimeZone
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" || len(name) > MaxName {
		return nil, FieldError(field, "must be a time zone such as Asia/Shanghai, not %q", clip(name))
	}
	return zone, nil
}

// DayStart is when the calendar day of now began in a time zone, in UTC: its first moment. That is not midnight where the clock is put
// forward over it, and the first of two midnights where it is put back over one.
func DayStart(now time.Time, zone *time.Location) time.Time { return DaysBack(now, zone, 0) }

// DaysBack is when the calendar day began that lies so many days before that of now, in UTC. A day that a time zone left out begins, and
// ends, with the one after it.
func DaysBack(now time.Time, zone *time.Location, days int) time.Time {
	y, m, d := now.In(zone).Date()
	midnight := time.Date(y, m, d-days, 0, 0, 0, 0, time.UTC)
	// No clock is a day or more away from UTC, so this is before the day anywhere. From here it is the first moment at which the clock on the
	// wall shows midnight, or was put forward over it.
	at := midnight.Add(-day).In(zone)
	for {
		_, offset := at.Zone()
		start := midnight.Add(-time.Duration(offset) * time.Second)
		if start.Before(at) {
			start = at
		}
		_, change := at.ZoneBounds()
		if change.IsZero() || start.Before(change) {
			return start.UTC()
		}
		at = change
	}
}
