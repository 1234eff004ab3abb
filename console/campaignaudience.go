package console

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minapush/minapush"
)

// audienceForm says whom a message is for, as it was typed. Each choice but list is an audience expression: where is one that was typed.
type audienceForm struct {
	Audience string
	// Days are of the choices seen and unseen.
	Days string
	// Event and EventDays are of the choice idle; Zone is where its days begin: the time zone of the app.
	Event, EventDays, Zone string
	// Hours are of the choice expiring.
	Hours string
	// Of is the campaign that the choices ungot and unopened ask of.
	Of    string
	Where string
}

const (
	audienceAll      = "all"
	audienceSeen     = "seen"     // seen within days
	audienceUnseen   = "unseen"   // not seen within days
	audienceIdle     = "idle"     // has not done an event today, or on the last days
	audienceExpiring = "expiring" // the last permit ends within hours
	audienceUngot    = "ungot"    // did not get a campaign
	audienceUnopened = "unopened" // got a campaign, and did not open it
	audienceList     = "list"
	audienceWhere    = "where"
)

// expressed are the choices that are an expression of a known shape.
func expressed() []string {
	return []string{audienceSeen, audienceUnseen, audienceIdle, audienceExpiring, audienceUngot, audienceUnopened}
}

// newAudienceForm is the choice before anybody chose, in the time zone of an app.
func newAudienceForm(zone string) audienceForm {
	if zone == "" {
		zone = minapush.DefaultTimeZone
	}
	return audienceForm{Audience: audienceAll, Days: "30", EventDays: "1", Hours: "24", Zone: zone}
}

// Today tells that an event is asked for today only.
func (f audienceForm) Today() bool { return f.EventDays == "1" }

type object = map[string]any

// expression is the audience expression that a choice is; nil for everybody and for a list. What was typed wrong is told to wrong, by field.
func (f audienceForm) expression(wrong func(field, name string, params ...string)) json.RawMessage {
	number := func(field, text string, most int) int {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > most {
			wrong(field, "mistake.days", strconv.Itoa(most))
		}
		return n
	}
	var e object
	switch f.Audience {
	case audienceAll, audienceList:
		return nil
	case audienceSeen:
		e = object{"seen_within": strconv.Itoa(number("days", f.Days, maxDays)) + "d"}
	case audienceUnseen:
		e = object{"not_seen_within": strconv.Itoa(number("days", f.Days, maxDays)) + "d"}
	case audienceIdle:
		if err := (minapush.NamedEvent{Name: f.Event, At: time.UnixMilli(0)}).Validate(); err != nil {
			wrong("event", "mistake.event")
		}
		event := object{"name": f.Event, "days": number("event_days", f.EventDays, maxEventDays)}
		if f.Zone != minapush.DefaultTimeZone {
			event["time_zone"] = f.Zone
		}
		e = object{"not": object{"event": event}}
	case audienceExpiring:
		e = object{"permits": object{"last_expires_within": strconv.Itoa(number("hours", f.Hours, maxHours)) + "h"}}
	case audienceUngot:
		e = object{"not": object{"got": f.asked(wrong)}}
	case audienceUnopened:
		e = object{"all": []any{object{"got": f.asked(wrong)}, object{"not": object{"opened": f.Of}}}}
	case audienceWhere:
		if f.Where == "" {
			wrong("where", "mistake.empty")
		}
		return json.RawMessage(f.Where)
	default:
		wrong("audience", "mistake.choose")
		return nil
	}
	b, err := json.Marshal(e)
	if err != nil { // numbers and texts only
		panic(err)
	}
	return b
}

const (
	maxDays      = 3650
	maxEventDays = 366
	// maxHours is longer than any code lasts.
	maxHours = 24 * 31
)

// asked is the campaign that is asked of.
func (f audienceForm) asked(wrong func(field, name string, params ...string)) string {
	if f.Of == "" || !plausibleID(f.Of) {
		wrong("of", "mistake.choose")
	}
	return f.Of
}

// field is where the choice is typed, for what a room finds wrong with its expression.
func (f audienceForm) field() string {
	switch f.Audience {
	case audienceSeen, audienceUnseen:
		return "days"
	case audienceIdle:
		return "event"
	case audienceExpiring:
		return "hours"
	case audienceUngot, audienceUnopened:
		return "of"
	case audienceWhere:
		return "where"
	}
	return "audience"
}

// audienceOf finds the choice that an audience is: one of those that are an expression of a known shape, or else the expression as it
// stands. Of an event the form has the time zone of the expression.
func audienceOf(a minapush.Audience) audienceForm {
	f := newAudienceForm("")
	switch {
	case a.List:
		f.Audience = audienceList
		return f
	case len(a.Where) == 0:
		return f
	}
	var want any
	if json.Unmarshal(a.Where, &want) == nil {
		for _, choice := range expressed() {
			if g := f.guess(choice, want); g.makes(want) {
				return g
			}
		}
	}
	f.Audience, f.Where = audienceWhere, string(a.Where)
	return f
}

// guess takes out of an expression what it would have if it were of a choice.
func (f audienceForm) guess(choice string, e any) audienceForm {
	f.Audience = choice
	switch choice {
	case audienceSeen:
		f.Days = strings.TrimSuffix(textAt(e, "seen_within"), "d")
	case audienceUnseen:
		f.Days = strings.TrimSuffix(textAt(e, "not_seen_within"), "d")
	case audienceIdle:
		f.Event, f.EventDays = textAt(e, "not", "event", "name"), textAt(e, "not", "event", "days")
		if zone := textAt(e, "not", "event", "time_zone"); zone != "" {
			f.Zone = zone
		}
	case audienceExpiring:
		f.Hours = strings.TrimSuffix(textAt(e, "permits", "last_expires_within"), "h")
	case audienceUngot:
		f.Of = textAt(e, "not", "got")
	case audienceUnopened:
		f.Of = textAt(e, "all", "0", "got")
	}
	return f
}

// makes tells that a form without a mistake is this very expression.
func (f audienceForm) makes(want any) bool {
	good := true
	b := f.expression(func(string, string, ...string) { good = false })
	var got any
	return good && json.Unmarshal(b, &got) == nil && reflect.DeepEqual(got, want)
}

// textAt is the text or number at a path of JSON; "" if there is none.
func textAt(v any, path ...string) string {
	for _, step := range path {
		switch at := v.(type) {
		case object:
			v = at[step]
		case []any:
			if i := slices.Index([]string{"0", "1"}, step); i < 0 || i >= len(at) {
				return ""
			} else {
				v = at[i]
			}
		default:
			return ""
		}
	}
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// in is the form in the time zone of an app. An event of which the days begin elsewhere has no choice there: it stays the expression.
func (f audienceForm) in(zone string, where json.RawMessage) audienceForm {
	now := newAudienceForm(zone)
	if f.Audience == audienceIdle && f.Zone != now.Zone {
		now.Audience, now.Where = audienceWhere, string(where)
		return now
	}
	f.Zone = now.Zone
	return f
}
