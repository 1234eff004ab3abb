package console

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

// alarm is something that an operator should know of. Its Name is one of alarmNames.
type alarm struct {
	Name string
	// Why is the reason, and Since when it began, if that is known.
	Why   minapush.Reason
	Since time.Time
	// Campaign is the one that it is about; empty: the app.
	Campaign minapush.Campaign
	// Codes are WeChat's answers of today.
	Codes []codeCount
	N     int64
}

type codeCount struct {
	Code string
	N    int64
}

const (
	alarmStopped = "stopped"    // the kill switch
	alarmStarved = "starved"    // the store gives out no tokens of the rate
	alarmPaused  = "paused"     // a rule paused a campaign
	alarmHeld    = "held"       // a campaign waits by itself
	alarmCodes   = "codes"      // WeChat's answers of today that are about the account
	alarmGone    = "gone"       // templates that WeChat has no more
	alarmOld     = "old_survey" // users were counted long ago
)

func alarmNames() []string {
	return []string{alarmStopped, alarmStarved, alarmPaused, alarmHeld, alarmCodes, alarmGone, alarmOld}
}

// Grave tells that nothing is sent because of it.
func (a alarm) Grave() bool { return a.Name == alarmStopped || a.Name == alarmStarved }

// Told is what an operator noted of a stop, and what the platform said of a punishment.
func (a alarm) Told() []string {
	var said []string
	for _, name := range []string{"note", "rule_name", "illegal_reason", "detail"} {
		if text := a.Why.Params[name]; text != "" {
			said = append(said, text)
		}
	}
	return said
}

const (
	// alarmsShown is how many campaigns are named in alarms, and codesShown how many codes.
	alarmsShown = 5
	codesShown  = 6
)

// alarmsOf finds what can be known without asking WeChat.
func alarmsOf(
	app minapush.App, templates []minapush.Template, s bank.Survey, open []minapush.Campaign, today bank.Day, starved error, now time.Time,
) []alarm {
	var all []alarm
	if !app.Stopped.IsZero() {
		all = append(all, alarm{Name: alarmStopped, Why: app.Stopped, Since: stoppedSince(app.Stopped)})
	}
	if starved != nil {
		all = append(all, alarm{Name: alarmStarved, Why: minapush.Reason{Params: map[string]string{"answer": starved.Error()}}})
	}
	for _, m := range open {
		switch {
		case len(all) > alarmsShown:
		case m.State == minapush.Paused && m.Why.Code != "operator":
			all = append(all, alarm{Name: alarmPaused, Why: m.Why, Campaign: m})
		case holds(m, now):
			all = append(all, alarm{Name: alarmHeld, Why: m.Hold.Why, Since: m.Hold.Until, Campaign: m})
		}
	}
	if codes := accountCodes(today); len(codes) > 0 {
		all = append(all, alarm{Name: alarmCodes, Codes: codes})
	}
	gone := int64(0)
	for _, t := range templates {
		if !t.GoneSince.IsZero() {
			gone++
		}
	}
	if gone > 0 {
		all = append(all, alarm{Name: alarmGone, N: gone})
	}
	if !s.At.IsZero() && s.Age(now) > oldSurvey {
		all = append(all, alarm{Name: alarmOld, Since: s.At})
	}
	return all
}

// stoppedSince is when the kill switch was turned on, if its reason says so. Of one that was restored the time in it is the backup's.
func stoppedSince(r minapush.Reason) time.Time {
	text := r.Params["since"]
	if text == "" && r.Code == "punished" {
		text = r.Params["at"]
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at
}

// personCodes are WeChat's answers that are about one person or a moment, and say nothing of the account.
func personCodes() []string {
	return []string{"-1", "40003", "40038", "41028", "41029", "43004", "43019", "43101", "43108", "43117"}
}

// accountCodes are WeChat's other answers of a day, the most frequent first.
func accountCodes(d bank.Day) []codeCount {
	sums := map[string]int64{}
	for key, n := range d.Figures[bank.FigureErrcode] {
		_, code, _ := strings.Cut(key, ".")
		if code != "" && !slices.Contains(personCodes(), code) {
			sums[code] += n
		}
	}
	var all []codeCount
	for code, n := range sums {
		all = append(all, codeCount{code, n})
	}
	slices.SortFunc(all, func(a, b codeCount) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Code, b.Code)) })
	return all[:min(len(all), codesShown)]
}
