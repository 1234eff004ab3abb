package console

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
)

// timesForm says when a schedule runs, as it was typed, on the clock of TimeZone.
type timesForm struct {
	When string
	// At is the date and time of a schedule that runs once.
	At string
	// Clock is the time of the day of one that recurs; Weekdays are of the choice weekly, "0" is Sunday; MonthDay is of monthly.
	Clock    string
	Weekdays []string
	MonthDay string
	Cron     string
	TimeZone string
	// From and Until are the first and the last day; empty: not bounded.
	From, Until string
	// SendFor is for how many hours a run may send; empty: as long as it takes.
	SendFor string
}

const (
	whenOnce     = "once"
	whenDaily    = "daily"
	whenWorkdays = "workdays"
	whenWeekly   = "weekly"
	whenMonthly  = "monthly"
	whenCron     = "cron"
)

func newTimesForm(zone string) timesForm {
	return timesForm{When: whenDaily, Clock: "20:00", MonthDay: "1", TimeZone: zoneName(zone), SendFor: "2"}
}

func readTimesForm(v url.Values) timesForm {
	get := func(name string) string { return strings.TrimSpace(v.Get(name)) }
	return timesForm{
		When: v.Get("when"), At: get("at"), Clock: get("clock"), Weekdays: v["weekday"], MonthDay: get("month_day"), Cron: get("cron"),
		TimeZone: get("time_zone"), From: get("from"), Until: get("until"), SendFor: get("send_for"),
	}
}

// AllWeekdays are the days of a week as people here count them, Monday first.
func (timesForm) AllWeekdays() []string { return []string{"1", "2", "3", "4", "5", "6", "0"} }

// On tells that a day of the week is chosen.
func (f timesForm) On(day string) bool { return slices.Contains(f.Weekdays, day) }

// Zones are proposed; every other one of the IANA database is taken, too.
func (timesForm) Zones() []string { return proposedZones() }

func proposedZones() []string {
	return []string{minapush.DefaultTimeZone, "Asia/Hong_Kong", "Asia/Taipei", "Asia/Singapore", "Asia/Tokyo", "Asia/Urumqi", "Europe/London", "America/New_York", "UTC"}
}

// into puts the times into a draft.
func (f timesForm) into(d *campaign.ScheduleDraft, wrong func(field, name string, params ...string)) {
	d.TimeZone = f.TimeZone
	zone, err := minapush.Zone("time_zone", f.TimeZone)
	if err != nil {
		wrong("time_zone", "mistake.time_zone")
		zone = time.UTC // whatever else is wrong is told, too
	}
	if f.When == whenOnce {
		d.At = f.once(zone, wrong)
	} else {
		d.Cron = f.cron(wrong)
		d.From, d.Until = dayIn(f.From, zone, "from", wrong), dayIn(f.Until, zone, "until", wrong)
		if !d.Until.IsZero() {
			d.Until = d.Until.In(zone).AddDate(0, 0, 1).Add(-time.Millisecond).UTC() // the whole day
		}
	}
	if f.SendFor != "" {
		n, err := strconv.Atoi(f.SendFor)
		if err != nil || n < 1 || n > maxSendFor {
			wrong("send_for", "mistake.days", strconv.Itoa(maxSendFor))
		}
		d.SendFor = time.Duration(n) * time.Hour
	}
}

// maxSendFor is a week, in hours.
const maxSendFor = 7 * 24

func (f timesForm) once(zone *time.Location, wrong func(field, name string, params ...string)) time.Time {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if at, err := time.ParseInLocation(layout, f.At, zone); err == nil && at.Year() >= 2000 && at.Year() < 2200 {
			return at.UTC()
		}
	}
	wrong("at", "mistake.time")
	return time.Time{}
}

func (f timesForm) cron(wrong func(field, name string, params ...string)) string {
	if f.When == whenCron {
		if f.Cron == "" {
			wrong("cron", "mistake.empty")
		}
		return f.Cron
	}
	at, err := time.Parse("15:04", f.Clock)
	if err != nil {
		wrong("clock", "mistake.clock")
	}
	begin := strconv.Itoa(at.Minute()) + " " + strconv.Itoa(at.Hour())
	switch f.When {
	case whenDaily:
		return begin + " * * *"
	case whenWorkdays:
		return begin + " * * 1-5"
	case whenWeekly:
		var days []string
		for _, day := range f.AllWeekdays() {
			if f.On(day) {
				days = append(days, day)
			}
		}
		if len(days) == 0 {
			wrong("weekday", "mistake.weekday")
		}
		return begin + " * * " + strings.Join(days, ",")
	case whenMonthly:
		n, err := strconv.Atoi(f.MonthDay)
		if err != nil || n < 1 || n > 31 {
			wrong("month_day", "mistake.days", "31")
		}
		return begin + " " + strconv.Itoa(n) + " * *"
	}
	wrong("when", "mistake.choose")
	return ""
}

// dayIn is the first moment of a day in a time zone; zero for "".
func dayIn(text string, zone *time.Location, field string, wrong func(field, name string, params ...string)) time.Time {
	if text == "" {
		return time.Time{}
	}
	day, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		wrong(field, "mistake.day")
		return time.Time{}
	}
	return day.UTC()
}

var simpleCron = regexp.MustCompile(`^([0-5]?\d) ([01]?\d|2[0-3]) (\*|[12]?\d|3[01]) \* (\*|1-5|[0-6](?:,[0-6])*)$`)

// timesOf is the form that would make the times of a schedule.
func timesOf(s minapush.Schedule) timesForm {
	f := newTimesForm(s.TimeZone)
	zone, err := minapush.Zone("time_zone", s.TimeZone)
	if err != nil {
		zone = beijingZone()
	}
	f.SendFor = ""
	if s.SendFor > 0 {
		f.SendFor = strconv.Itoa(max(1, int(s.SendFor/time.Hour)))
	}
	if s.Cron == "" {
		f.When, f.At = whenOnce, s.At.In(zone).Format("2006-01-02T15:04")
		return f
	}
	if !s.From.IsZero() {
		f.From = s.From.In(zone).Format(time.DateOnly)
	}
	if !s.Until.IsZero() {
		f.Until = s.Until.In(zone).Format(time.DateOnly)
	}
	f.When, f.Cron = whenCron, s.Cron
	if m := simpleCron.FindStringSubmatch(s.Cron); m != nil {
		f.simple(m[1], m[2], m[3], m[4])
	}
	return f
}

// simple finds the choice that the fields of a cron expression are: of its times of the day, days of the month and days of the week.
func (f *timesForm) simple(minute, hour, monthDay, weekdays string) {
	switch {
	case monthDay == "*" && weekdays == "*":
		f.When = whenDaily
	case monthDay == "*" && weekdays == "1-5":
		f.When = whenWorkdays
	case monthDay == "*":
		f.When, f.Weekdays = whenWeekly, strings.Split(weekdays, ",")
	case weekdays == "*" && monthDay != "0":
		f.When, f.MonthDay = whenMonthly, monthDay
	default:
		return
	}
	f.Cron, f.Clock = "", twoDigits(hour)+":"+twoDigits(minute)
}

func twoDigits(s string) string {
	if len(s) == 1 {
		return "0" + s
	}
	return s
}
