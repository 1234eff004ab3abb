package campaign

import (
	"iter"
	"slices"
	"strings"
	"time"

	cron "github.com/netresearch/go-cron"

	"github.com/minapush/minapush"
)

// timetable says when a schedule is planned to run.
//
// A cron expression is read on the clock of the schedule's time zone, and day of month and day of week must both hold. Where the clock is
// put forward or back the rules are those of ISC cron:
//   - A time that is left out is run as much later as the clock was put forward: 02:30 at 03:30.
//   - A time that comes twice is run the first time.
//   - With * as its hour there is no time of the day to keep to: it runs in each hour that there is, a repeated one too, and no time is made
//     up for.
//
// Times are found here rather than by the parser's own Next, which runs a time twice that comes twice, and leaves a day out where the clock
// is put forward or back by half an hour.
type timetable struct {
	once        time.Time
	spec        *cron.SpecSchedule
	zone        *time.Location
	from, until time.Time
}

const (
	// yearsLooked is how far ahead a planned time is looked for: the longest time between two leap years, and one more.
	yearsLooked = 9
	maxCron     = 200
	everyHour   = 1<<24 - 1
)

// newTimetable reads the planned times of a schedule. Errors: Invalid, with Field "cron" or "time_zone".
func newTimetable(s minapush.Schedule) (timetable, error) {
	if s.Cron == "" {
		return timetable{once: s.At}, nil
	}
	zone, err := minapush.Zone("time_zone", s.TimeZone)
	if err != nil {
		return timetable{}, err
	}
	spec, err := parseCron(s.Cron)
	return timetable{spec: spec, zone: zone, from: s.From, until: s.Until}, err
}

// parseCron reads five fields, or @hourly, @daily, @weekly, @monthly, @yearly. Errors: Invalid, with Field "cron".
func parseCron(s string) (*cron.SpecSchedule, error) {
	const want = `must be five fields such as "0 20 * * *" (minute, hour, day of month, month, day of week)`
	trimmed := strings.TrimSpace(s)
	switch {
	case len(s) > maxCron:
		return nil, minapush.FieldError("cron", "must have at most %d bytes, has %d", maxCron, len(s))
	case strings.HasPrefix(trimmed, "TZ=") || strings.HasPrefix(trimmed, "CRON_TZ="):
		return nil, minapush.FieldError("cron", "must not name a time zone: give it as time_zone")
	case strings.HasPrefix(trimmed, "@every"):
		return nil, minapush.FieldError("cron", want+": @every has no time of the day")
	}
	parser, err := cron.TryNewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
	if err != nil {
		return nil, err
	}
	read, err := parser.Parse(trimmed)
	if err != nil {
		return nil, minapush.FieldError("cron", "%s: %v", want, err)
	}
	spec, ok := read.(*cron.SpecSchedule)
	if !ok {
		return nil, minapush.FieldError("cron", want)
	}
	return spec, nil
}

// after hands out the planned times after t, ascending, in UTC: until there is none for years.
func (p timetable) after(t time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		if p.spec == nil {
			if p.once.After(t) {
				yield(p.once)
			}
			return
		}
		if p.from.After(t) {
			t = p.from.Add(-1) // From is one of the times itself
		}
		last := t
		// What is planned for a day may come on the next, where a clock is put forward.
		y, m, d := t.In(p.zone).AddDate(0, 0, -1).Date()
		for day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC); day.Sub(last) < yearsLooked*366*24*time.Hour; day = day.AddDate(0, 0, 1) {
			if !p.on(day) {
				continue
			}
			for _, at := range p.times(day) {
				if !at.After(last) {
					continue
				}
				if !p.until.IsZero() && at.After(p.until) || !yield(at) {
					return
				}
				last = at
			}
		}
	}
}

// on tells whether it runs on a day.
func (p timetable) on(day time.Time) bool {
	return has(p.spec.Month, int(day.Month())) && has(p.spec.Dom, day.Day()) && has(p.spec.Dow, int(day.Weekday()))
}

func has(bits uint64, n int) bool { return bits>>n&1 == 1 }

// times are the planned times of one day, ascending.
func (p timetable) times(day time.Time) []time.Time {
	hourly := p.spec.Hour&everyHour == everyHour
	var list []time.Time
	for hour := range 24 {
		if !has(p.spec.Hour, hour) {
			continue
		}
		for minute := range 60 {
			if !has(p.spec.Minute, minute) {
				continue
			}
			clock := day.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
			list = append(list, p.moments(clock, hourly)...)
		}
	}
	slices.SortFunc(list, time.Time.Compare)
	return list
}

// moments are those at which a clock in the time zone shows what clock shows in UTC, by the rules of a timetable.
func (p timetable) moments(clock time.Time, hourly bool) []time.Time {
	// No time zone is as far from UTC as this, and none changes its clock twice meanwhile.
	const far = 15 * time.Hour
	first, second := clock.Add(-p.offset(clock.Add(-far))), clock.Add(-p.offset(clock.Add(far)))
	shown, again := p.shows(first, clock), p.shows(second, clock)
	switch {
	case shown && again && hourly && !first.Equal(second):
		return []time.Time{first, second}
	case shown:
		return []time.Time{first}
	case again:
		return []time.Time{second}
	case hourly:
		return nil
	}
	return []time.Time{first} // left out: the old clock's time, which the new clock shows later
}

func (p timetable) offset(at time.Time) time.Duration {
	_, seconds := at.In(p.zone).Zone()
	return time.Duration(seconds) * time.Second
}

func (p timetable) shows(at, clock time.Time) bool { return at.Add(p.offset(at)).Equal(clock) }
