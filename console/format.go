package console

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// digits groups a number by thousands: 12,345,678.
func digits(v any) (string, error) {
	var n int64
	switch v := v.(type) {
	case int:
		n = int64(v)
	case int64:
		n = v
	case uint16:
		n = int64(v)
	case uint32:
		n = int64(v)
	default:
		return "", fmt.Errorf("n: %T is no whole number", v)
	}
	return grouped(n), nil
}

func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return sign + b.String()
}

// percent is a part of a whole; "–" of nothing.
func percent(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	share := 100 * float64(part) / float64(whole)
	switch {
	case share > 0 && share < 0.1:
		return "<0.1%"
	case share > 99.9 && share < 100:
		return ">99.9%"
	}
	return strconv.FormatFloat(share, 'f', 1, 64) + "%"
}

// shareOf is a share from 0 to 1, as the reason of a campaign has it, in percent; what is none stays as it is.
func shareOf(text string) string {
	share, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return strconv.FormatFloat(100*share, 'f', 1, 64) + "%"
}

// beijingZone is where operators are: WeChat's days begin there (fact sheet §1.6), and it knows no summer time.
func beijingZone() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

// beijing is a time as people there write it; "–" for none.
func beijing(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.In(beijingZone()).Format("2006-01-02 15:04:05")
}

// span is a duration in its two largest units at most; what is below a second counts as one.
func (p *pages) span(l lang, d time.Duration) string {
	unit := func(name string, n int64) string { return p.texts.say(l, "unit."+name, grouped(n)) }
	seconds := int64(max(d, time.Second) / time.Second)
	minutes, hours := seconds/60, seconds/3600
	two := func(a string, rest int64, b string) string {
		if rest == 0 {
			return a
		}
		return a + " " + unit(b, rest)
	}
	switch {
	case hours >= 48:
		return two(unit("days", hours/24), hours%24, "hours")
	case hours > 0:
		return two(unit("hours", hours), minutes%60, "minutes")
	case minutes > 0:
		return two(unit("minutes", minutes), seconds%60, "seconds")
	}
	return unit("seconds", seconds)
}
