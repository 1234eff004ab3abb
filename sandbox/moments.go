package sandbox

import (
	"strconv"
	"strings"
)

// moment says which parts a piece of a time or date value has.
type moment struct{ date, clock bool }

// validTime: a clock time with an optional date before it, or a range of such.
func validTime(s string) bool {
	from, to, ranged := strings.Cut(s, "~")
	first, ok := parseMoment(from)
	if !ok || !first.clock {
		return false
	}
	if !ranged {
		return true
	}
	last, ok := parseMoment(to)
	return ok && last.clock
}

// validDate: a date with an optional clock time behind it, or a range of such; a range within one day may end in a bare clock
// time.
func validDate(s string) bool {
	from, to, ranged := strings.Cut(s, "~")
	first, ok := parseMoment(from)
	if !ok || !first.date {
		return false
	}
	if !ranged {
		return true
	}
	last, ok := parseMoment(to)
	return ok && (last.date || first.clock)
}

func parseMoment(s string) (moment, bool) {
	fields := strings.Fields(s)
	switch len(fields) {
	case 1:
		if validClock(fields[0]) {
			return moment{clock: true}, true
		}
		return moment{date: true}, validDay(fields[0])
	case 2:
		return moment{date: true, clock: true}, validDay(fields[0]) && validClock(fields[1])
	}
	return moment{}, false
}

// validClock is HH:MM or HH:MM:SS on a 24-hour clock.
func validClock(s string) bool {
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return false
	}
	for i, part := range parts {
		most := 59
		if i == 0 {
			most = 23
		} else if len(part) != 2 {
			return false
		}
		if !within(part, 0, most) {
			return false
		}
	}
	return true
}

// validDay is year-month-day, year-month or month-day, written with 年月日 or with one of - / . between the numbers.
func validDay(s string) bool {
	if strings.ContainsAny(s, "年月日") {
		return validChineseDay(s)
	}
	for _, sep := range []string{"-", "/", "."} {
		parts := strings.Split(s, sep)
		switch {
		case len(parts) == 3:
			return validYear(parts[0]) && within(parts[1], 1, 12) && within(parts[2], 1, 31)
		case len(parts) == 2 && len(parts[0]) == 4:
			return validYear(parts[0]) && within(parts[1], 1, 12)
		case len(parts) == 2:
			return within(parts[0], 1, 12) && within(parts[1], 1, 31)
		}
	}
	return false
}

func validChineseDay(s string) bool {
	year, rest, hasYear := strings.Cut(s, "年")
	if !hasYear {
		year, rest = "", s
	}
	month, day, hasMonth := strings.Cut(rest, "月")
	if !hasMonth || !within(month, 1, 12) || hasYear && !validYear(year) {
		return false
	}
	number, hasDay := strings.CutSuffix(day, "日")
	if !hasDay {
		return hasYear && day == ""
	}
	return within(number, 1, 31)
}

func validYear(s string) bool { return len(s) == 4 && all(s, isDigit) }

// within reports whether s is one or two digits between least and most.
func within(s string, least, most int) bool {
	if len(s) < 1 || len(s) > 2 || !all(s, isDigit) {
		return false
	}
	n, err := strconv.Atoi(s)
	return err == nil && n >= least && n <= most
}
