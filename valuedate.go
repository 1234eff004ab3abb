package minapush

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Times and dates as fact sheet §1.4.5 has them: parts joined with ~, each a day, a time of day, or both with one blank between.
var (
	clockOfDay  = regexp.MustCompile(`^([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$`)
	chineseDay  = regexp.MustCompile(`^(?:([0-9]{4})年)?([0-9]{1,2})月(?:([0-9]{1,2})日)?$`)
	wholeDay    = regexp.MustCompile(`^([0-9]{4})(?:-([0-9]{1,2})-|/([0-9]{1,2})/|\.([0-9]{1,2})\.)([0-9]{1,2})$`)
	yearMonth   = regexp.MustCompile(`^([0-9]{4})[-/.]([0-9]{1,2})$`)
	monthAndDay = regexp.MustCompile(`^([0-9]{1,2})[-/.]([0-9]{1,2})$`)
)

func checkTime(v string) *Finding {
	from, to, ranged := strings.Cut(v, "~")
	first, ok := readMoment(from)
	if ok && ranged {
		var last moment
		last, ok = readMoment(to)
		ok = ok && last.clock
	}
	if !ok || !first.clock {
		return finding(ValueBadTime)
	}
	return nil
}

// checkDate: a range within one day may end in a time of day.
func checkDate(v string) *Finding {
	from, to, ranged := strings.Cut(v, "~")
	first, ok := readMoment(from)
	if ok && ranged {
		var last moment
		last, ok = readMoment(to)
		ok = ok && (last.day || first.clock)
	}
	if !ok || !first.day {
		return finding(ValueBadDate)
	}
	return nil
}

// moment tells what a part of a time or date has.
type moment struct{ day, clock bool }

func readMoment(s string) (m moment, ok bool) {
	if clockOfDay.MatchString(s) {
		return moment{clock: true}, true
	}
	day, clock, both := strings.Cut(s, " ")
	exact, ok := readDay(day)
	if !both {
		return moment{day: true}, ok
	}
	return moment{day: true, clock: true}, ok && exact && clockOfDay.MatchString(clock)
}

// readDay reads a day, a month of a year, or a day of no year; exact tells that it names a day. What no calendar has is refused.
func readDay(s string) (exact, ok bool) {
	if p := chineseDay.FindStringSubmatch(s); p != nil {
		if p[3] == "" {
			return false, p[1] != "" && inCalendar(p[1], p[2], "1")
		}
		return true, inCalendar(p[1], p[2], p[3])
	}
	if p := wholeDay.FindStringSubmatch(s); p != nil {
		return true, inCalendar(p[1], p[2]+p[3]+p[4], p[5])
	}
	if p := yearMonth.FindStringSubmatch(s); p != nil {
		return false, inCalendar(p[1], p[2], "1")
	}
	if p := monthAndDay.FindStringSubmatch(s); p != nil {
		return true, inCalendar("", p[1], p[2])
	}
	return false, false
}

// inCalendar takes digits; without a year, 29 February is a day.
func inCalendar(year, month, day string) bool {
	const leap = 2000
	y := leap
	if year != "" {
		y, _ = strconv.Atoi(year)
	}
	m, _ := strconv.Atoi(month)
	d, _ := strconv.Atoi(day)
	if y < 1 || m < 1 || m > 12 || d < 1 {
		return false
	}
	return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC).Month() == time.Month(m)
}
