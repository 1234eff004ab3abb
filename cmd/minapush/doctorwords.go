package main

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/minapush/minapush/api"
)

// marks stand before the lines.
var marks = map[string]string{stepOK: "✓", stepWarning: "!", stepFailed: "✗", stepSkipped: "-"}

// printChecks writes one line a step, and below what went wrong what to do. app is that of the steps, if they have one.
func printChecks(w io.Writer, l language, title, app string, steps []api.Check) {
	fmt.Fprintln(w, title)
	width := 0
	for _, s := range steps {
		width = max(width, text.StringWidth(l.say("step."+s.Step)))
	}
	for _, s := range steps {
		found, todo := l.advise(s, app)
		fmt.Fprintf(w, "  %s %s  %s\n", marks[s.Status], text.Pad(l.say("step."+s.Step), width, ' '), found)
		if todo != "" {
			fmt.Fprintf(w, "    %s  → %s\n", strings.Repeat(" ", width), todo)
		}
	}
	fmt.Fprintln(w)
}

// advise puts a step into words. A reason that this release does not know is told as it is.
func (l language) advise(s api.Check, app string) (found, todo string) {
	if s.Reason == nil {
		return l.errcodeOf(s), ""
	}
	a, ok := advices[s.Reason.Code]
	if !ok {
		a, ok = redisAdvices[s.Reason.Code]
	}
	if !ok {
		parts := []string{s.Reason.Code}
		for _, name := range slices.Sorted(maps.Keys(s.Reason.Params)) {
			parts = append(parts, name+"="+s.Reason.Params[name])
		}
		return strings.Join(append(parts, l.errcodeOf(s)), " "), ""
	}
	found = l.fill(a[0][l], s, app)
	if len(a) > 1 {
		todo = l.fill(a[1][l], s, app)
	}
	switch code := strconv.Itoa(s.Errcode); {
	case s.Errcode == 0 || strings.Contains(found, code):
	case slices.Contains(general, s.Reason.Code):
		found += " (" + l.errcodeOf(s) + ")"
	default:
		found += " (" + code + ")"
	}
	return found, todo
}

// general are the reasons that stand for many codes, so that the code's own meaning adds to them.
var general = []string{"wechat_refused", "quota_unknown", "templates_unknown", "token_service", "send_error"}

func (l language) errcodeOf(s api.Check) string {
	if s.Errcode == 0 {
		return ""
	}
	return l.errcode(s.Errcode)
}

var slot = regexp.MustCompile(`\{[a-z_]+\}`)

// fill puts the parameters into a sentence; one that is not there becomes an ellipsis.
func (l language) fill(sentence string, s api.Check, app string) string {
	return slot.ReplaceAllStringFunc(sentence, func(name string) string {
		name = strings.Trim(name, "{}")
		value := s.Reason.Params[name]
		switch {
		case name == "app":
			return app
		case value == "":
			return "…"
		case name == "remain" || name == "limit":
			if n, err := strconv.ParseInt(value, 10, 64); err == nil {
				return thousands(n)
			}
		case name == "step":
			return l.say("step." + value)
		case name == "reason":
			return l.reason(value)
		case strings.HasSuffix(name, "_seconds"):
			return l.length(value)
		}
		return value
	})
}

// length says a number of seconds in the unit that suits it.
func (l language) length(seconds string) string {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return seconds
	}
	units := []struct {
		of   time.Duration
		name [2]string
	}{{24 * time.Hour, [2]string{"d", "天"}}, {time.Hour, [2]string{"h", "小时"}}, {time.Minute, [2]string{"min", "分钟"}}, {time.Second, [2]string{"s", "秒"}}}
	for _, u := range units {
		if d := time.Duration(n) * time.Second; d >= u.of || u.of == time.Second {
			return strconv.FormatFloat(float64(d.Round(u.of/10))/float64(u.of), 'f', -1, 64) + " " + u.name[l]
		}
	}
	return seconds
}

// verdictOf is the last line.
func (l language) verdictOf(failed, warnings int) string {
	switch {
	case failed > 0:
		return fmt.Sprintf(l.say("doctor.failed"), failed, warnings)
	case warnings > 0:
		return fmt.Sprintf(l.say("doctor.warned"), warnings)
	}
	return l.say("doctor.fine")
}
