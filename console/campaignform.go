package console

import (
	"errors"
	"hash/fnv"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
)

// campaignForm is what a person typed to make a campaign, as it was typed.
type campaignForm struct {
	// Key makes a repeated post make one campaign.
	Key                     string
	Name, Page, State, Lang string
	Emphasis                string
	Values                  map[string]string // by key
	Lines                   string            // key=value, of a template whose keys are not known
	audienceForm
	guardForm
	Start, StartAt   string // Start is now or at
	Latest, LatestAt string // Latest is evening, none or at
	AtLeastOnce      bool
	// Mistakes are by field.
	Mistakes map[string]mistake
}

// mistake is what is wrong with a field: the name of a text and what fills it.
type mistake struct {
	Name   string
	Params []string
}

func (f *campaignForm) wrong(field, name string, params ...string) {
	if _, known := f.Mistakes[field]; known {
		return
	}
	if f.Mistakes == nil {
		f.Mistakes = map[string]mistake{}
	}
	f.Mistakes[field] = mistake{name, params}
}

// Mistake is what is wrong with a field; nil: nothing.
func (f campaignForm) Mistake(field string) *mistake {
	m, ok := f.Mistakes[field]
	if !ok {
		return nil
	}
	return &m
}

// Advanced tells that something is chosen among what most people need not see.
func (f campaignForm) Advanced() bool {
	return f.AtLeastOnce || f.Audience == audienceWhere || f.Mistake("where") != nil || f.guardForm.set()
}

// Recurs tells that the message is one of a schedule.
func (f campaignForm) Recurs() bool { return false }

const (
	choiceAt      = "at"
	choiceNow     = "now"
	choiceEvening = "evening"
	choiceNone    = "none"
)

// newCampaignForm is a form before anybody typed, for an app in a time zone.
func newCampaignForm(key, zone string) campaignForm {
	return campaignForm{
		Key: key, State: "formal", Lang: "zh_CN", audienceForm: newAudienceForm(zone), guardForm: newGuardForm(), Start: choiceNow,
		Latest: choiceEvening, Values: map[string]string{},
	}
}

// readCampaignForm takes a form as it was sent, for an app in a time zone.
func readCampaignForm(v url.Values, zone string) campaignForm {
	f := campaignForm{
		Key: v.Get("key"), Name: strings.TrimSpace(v.Get("name")), Page: strings.TrimSpace(v.Get("page")), State: v.Get("state"),
		Lang: v.Get("lang"), Emphasis: strings.TrimSpace(v.Get("emphasis")), Values: map[string]string{}, Lines: v.Get("lines"),
		audienceForm: audienceForm{
			Audience: v.Get("audience"), Days: strings.TrimSpace(v.Get("days")), Where: strings.TrimSpace(v.Get("where")),
			Event: strings.TrimSpace(v.Get("event")), EventDays: strings.TrimSpace(v.Get("event_days")), Zone: newAudienceForm(zone).Zone,
			Hours: strings.TrimSpace(v.Get("hours")), Of: strings.TrimSpace(v.Get("of")),
		},
		guardForm: readGuardForm(v),
		Start:     v.Get("start"), StartAt: v.Get("start_at"), Latest: v.Get("latest"), LatestAt: v.Get("latest_at"),
		AtLeastOnce: v.Get("at_least_once") == "yes",
	}
	for name, values := range v {
		if key, ok := strings.CutPrefix(name, "value."); ok && len(values) > 0 {
			f.Values[key] = values[0]
		}
	}
	return f
}

// formOf is the form that would make a campaign like this one, in an app in a time zone.
func formOf(m minapush.Campaign, key, zone string) campaignForm {
	f := newCampaignForm(key, zone)
	f.Name, f.AtLeastOnce = m.Name, m.AtLeastOnce
	f.fill(m.Message)
	f.audienceForm = audienceOf(m.Audience).in(zone, m.Audience.Where)
	f.guardForm = guardFormOf(m.KeepBack, m.OnQuiet, m.Rollout)
	if m.LatestSend.IsZero() {
		f.Latest = choiceNone
	}
	return f
}

// fill takes over a message.
func (f *campaignForm) fill(m minapush.Message) {
	f.Page, f.Emphasis, f.Values = m.Page, m.Emphasis, maps.Clone(m.Values)
	if m.State != "" {
		f.State = m.State
	}
	if m.Lang != "" {
		f.Lang = m.Lang
	}
	var lines []string
	for _, k := range sortedKeys(m.Values) {
		lines = append(lines, k+"="+m.Values[k])
	}
	f.Lines = strings.Join(lines, "\n")
}

// message is the message that the form describes.
func (f *campaignForm) message(t minapush.Template) minapush.Message {
	m := minapush.Message{
		Template: t.ID, Page: f.Page, State: f.State, Lang: f.Lang, Emphasis: f.Emphasis, Values: map[string]string{},
	}
	if len(t.Keys) == 0 {
		m.Values = f.lines()
		return m
	}
	for _, k := range t.Keys {
		if v, ok := f.Values[k.Key]; ok {
			m.Values[k.Key] = strings.TrimSpace(v)
		}
	}
	return m
}

// lines reads key=value lines.
func (f *campaignForm) lines() map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(f.Lines) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || strings.TrimSpace(key) == "" {
			f.wrong("lines", "mistake.line", line)
			continue
		}
		values[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return values
}

const maxCampaignName = 200

// draft checks the form and makes of it what the campaign room takes. startAt is when the person wants it to start by itself, if at all:
// it is planned after the check only. With Mistakes the draft is worth nothing.
func (f *campaignForm) draft(t minapush.Template, now time.Time) (d campaign.Draft, startAt time.Time) {
	d = f.body(t, maxCampaignName)
	startAt = f.startTime(now)
	d.LatestSend = f.latestTime(now, startAt)
	return d, startAt
}

// body checks what is said to whom, and what keeps it from whom: all but the time. A name has at most so many bytes.
func (f *campaignForm) body(t minapush.Template, maxName int) campaign.Draft {
	d := campaign.Draft{Name: f.Name, Message: f.message(t), Template: t, AtLeastOnce: f.AtLeastOnce, Key: f.Key}
	if f.Name == "" {
		f.wrong("name", "mistake.empty")
	}
	if len(f.Name) > maxName {
		f.wrong("name", "mistake.long_bytes", strconv.Itoa(maxName), strconv.Itoa(len(f.Name)))
	}
	f.checkMessage(t, d.Message)
	d.Audience = minapush.Audience{List: f.Audience == audienceList, Where: f.expression(f.wrong)}
	d.KeepBack, d.OnQuiet, d.Rollout = f.guards(f.wrong)
	return d
}

func (f *campaignForm) checkMessage(t minapush.Template, m minapush.Message) {
	for _, found := range t.Lint(m).Findings {
		name, params := findingWords(found)
		f.wrong("value."+found.Key, name, params...)
	}
	for _, key := range sortedKeys(m.Values) {
		v := m.Values[key]
		left := placeholders.ReplaceAllString(v, "")
		switch {
		case strings.Contains(left, "{{") || strings.Contains(left, "}}"):
			f.wrong(f.valueField(t, key), "mistake.braces")
		case left != v && f.Audience != audienceList:
			f.wrong(f.valueField(t, key), "mistake.placeholder")
		}
	}
	if strings.ContainsAny(f.Page, " \t\r\n") || !utf8.ValidString(f.Page) {
		f.wrong("page", "mistake.page")
	}
	f.blame(m.Validate(), t)
	f.blame(m.CheckAgainst(t), t)
}

func (f *campaignForm) valueField(t minapush.Template, key string) string {
	if len(t.Keys) == 0 {
		return "lines"
	}
	return "value." + key
}

// blame puts an error of a room at its field.
func (f *campaignForm) blame(err error, t minapush.Template) {
	if err == nil {
		return
	}
	field := "form"
	var e *minapush.Error
	if errors.As(err, &e) {
		key, value := strings.CutPrefix(e.Field, "values.")
		switch {
		case value:
			field = f.valueField(t, key)
		case e.Field == "values":
			field = "lines"
		case strings.HasPrefix(e.Field, "audience"):
			field = f.field()
		case e.Field == "rollout.pause_seconds":
			field = "rollout_pause"
		case e.Field == "rollout.percents":
			field = "rollout_percents"
		case e.Field == "miniprogram_state":
			field = "state"
		case e.Field == "latest_send":
			field = "latest_at"
		case slices.Contains([]string{"name", "page", "lang", "emphasis", "start_at", "keep_back", "on_quiet"}, e.Field):
			field = e.Field
		}
		if e.Field != "" && e.Err != nil {
			err = e.Err
		}
	}
	f.wrong(field, "mistake.other", err.Error())
}

func (f *campaignForm) startTime(now time.Time) time.Time {
	switch f.Start {
	case choiceNow:
		return time.Time{}
	case choiceAt:
		at, ok := beijingTime(f.StartAt)
		switch {
		case !ok:
			f.wrong("start_at", "mistake.time")
		case !at.After(now):
			f.wrong("start_at", "mistake.past")
		}
		return at
	}
	f.wrong("start", "mistake.choose")
	return time.Time{}
}

func (f *campaignForm) latestTime(now, startAt time.Time) time.Time {
	begin := now
	if startAt.After(now) {
		begin = startAt
	}
	switch f.Latest {
	case choiceNone:
		return time.Time{}
	case choiceEvening:
		return nextEvening(begin)
	case choiceAt:
		at, ok := beijingTime(f.LatestAt)
		switch {
		case !ok:
			f.wrong("latest_at", "mistake.time")
		case !at.After(now):
			f.wrong("latest_at", "mistake.past")
		case !at.After(begin):
			f.wrong("latest_at", "mistake.before_start")
		}
		return at
	}
	f.wrong("latest", "mistake.choose")
	return time.Time{}
}

const (
	// evening is the hour in Beijing after which people do not want to be disturbed, and leastEvening how much time before it is left
	// at least.
	evening      = 22
	leastEvening = time.Hour
)

// nextEvening is the first 22:00 in Beijing that leaves at least an hour.
func nextEvening(from time.Time) time.Time {
	y, m, d := from.In(beijingZone()).Date()
	at := time.Date(y, m, d, evening, 0, 0, 0, beijingZone())
	if at.Sub(from) < leastEvening {
		at = at.AddDate(0, 0, 1)
	}
	return at.UTC()
}

// beijingTime reads what an input of type datetime-local has, as a time in Beijing.
func beijingTime(text string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if at, err := time.ParseInLocation(layout, strings.TrimSpace(text), beijingZone()); err == nil && at.Year() >= 2000 && at.Year() < 2200 {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// localTime is a time as an input of type datetime-local takes it; "" for none.
func localTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(beijingZone()).Format("2006-01-02T15:04")
}

// findingWords is the text that says what a value breaks, and what fills it.
func findingWords(f minapush.Finding) (name string, params []string) {
	for _, p := range []string{"max", "has", "character", "allowed"} {
		if v, ok := f.Params[p]; ok {
			params = append(params, v)
		}
	}
	return "value." + f.Code, params
}

// fingerprint is a hash of what a form says, its key left out.
func fingerprint(v url.Values) uint64 {
	v = maps.Clone(v)
	v.Del("key")
	h := fnv.New64a()
	_, _ = h.Write([]byte(v.Encode())) // a hash takes everything
	return h.Sum64()
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
