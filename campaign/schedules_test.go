package campaign_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
)

// scheduleDraft runs every day at eight in the evening, in Shanghai: at 12:00 UTC.
func scheduleDraft() campaign.ScheduleDraft {
	d := draft()
	return campaign.ScheduleDraft{Name: "checkin", Message: d.Message, Template: d.Template, Cron: "0 20 * * *"}
}

func (b *bundle) schedule(t *testing.T, d campaign.ScheduleDraft) minapush.Schedule {
	t.Helper()
	s, _, err := b.CreateSchedule(t.Context(), b.app, d)
	must(t, err)
	return s
}

func TestAScheduleIsMadeWithItsDefaults(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.schedule(t, scheduleDraft())
	if s.ID == "" || s.State != minapush.ScheduleActive || s.TimeZone != "Asia/Shanghai" || s.Grace != minapush.DefaultGrace || !s.Handled.Equal(b.now) {
		t.Errorf("made %+v", s)
	}
	b.app.TimeZone = "Europe/Berlin"
	d := scheduleDraft()
	d.Rollout = &minapush.Rollout{Percents: []float64{5}, Expected: 0.9}
	s = b.schedule(t, d)
	want := minapush.Rollout{Percents: []float64{5}, MaxFailed: minapush.DefaultMaxFailed, MaxRefused: minapush.DefaultMaxRefused}
	if s.TimeZone != "Europe/Berlin" || !slices.Equal(s.Rollout.Percents, want.Percents) || s.Rollout.MaxFailed != want.MaxFailed ||
		s.Rollout.MaxRefused != want.MaxRefused || s.Rollout.Expected != 0 {
		t.Errorf("made %+v with %+v", s, s.Rollout)
	}
	read, err := b.Schedule(t.Context(), b.app.ID, s.ID)
	if err != nil || read.ID != s.ID || read.Cron != d.Cron || read.Message.Template != "T" {
		t.Errorf("read %+v, %v", read, err)
	}
	if _, err := b.Schedule(t.Context(), "wx2", s.ID); !errors.Is(err, minapush.NotFound) {
		t.Errorf("of another app: %v", err)
	}
}

func TestBadSchedulesNameTheField(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		field string
		spoil func(*campaign.ScheduleDraft)
	}{
		"no time":      {"cron", func(d *campaign.ScheduleDraft) { d.Cron = "" }},
		"both":         {"cron", func(d *campaign.ScheduleDraft) { d.At = b.now.Add(time.Hour) }},
		"at now":       {"at", func(d *campaign.ScheduleDraft) { d.Cron, d.At = "", b.now }},
		"at with from": {"from", func(d *campaign.ScheduleDraft) { d.Cron, d.At, d.From = "", b.now.Add(time.Hour), b.now }},
		"at with until": {"until", func(d *campaign.ScheduleDraft) {
			d.Cron, d.At, d.Until = "", b.now.Add(time.Hour), b.now.Add(time.Hour)
		}},
		"six fields":         {"cron", func(d *campaign.ScheduleDraft) { d.Cron = "0 0 20 * * *" }},
		"four fields":        {"cron", func(d *campaign.ScheduleDraft) { d.Cron = "0 20 * *" }},
		"not a number":       {"cron", func(d *campaign.ScheduleDraft) { d.Cron = "x 20 * * *" }},
		"minute 60":          {"cron", func(d *campaign.ScheduleDraft) { d.Cron = "60 20 * * *" }},
		"its own zone":       {"cron", func(d *campaign.ScheduleDraft) { d.Cron = "TZ=UTC 0 20 * * *" }},
		"its own zone, too":  {"cron", func(d *campaign.ScheduleDraft) { d.Cron = " CRON_TZ=UTC 0 20 * * *" }},
		"an interval":        {"cron", func(d *campaign.ScheduleDraft) { d.Cron = "@every 1h" }},
		"every minute":       {"cron", func(d *campaign.ScheduleDraft) { d.Cron = "* * * * *" }},
		"four minutes apart": {"cron", func(d *campaign.ScheduleDraft) { d.Cron = "*/4 * * * *" }},
		"over the hour":      {"cron", func(d *campaign.ScheduleDraft) { d.Cron = "2,58 * * * *" }},
		"over midnight":      {"cron", func(d *campaign.ScheduleDraft) { d.Cron = "0,58 0,23 1,15,16 * *" }},
		"a day that is not":  {"cron", func(d *campaign.ScheduleDraft) { d.Cron = "0 20 31 2 *" }},
		"long":               {"cron", func(d *campaign.ScheduleDraft) { d.Cron = "0 20 * * 1" + strings.Repeat(",1", 100) }},
		"no such zone":       {"time_zone", func(d *campaign.ScheduleDraft) { d.TimeZone = "Mars/Olympus" }},
		"the machine's zone": {"time_zone", func(d *campaign.ScheduleDraft) { d.TimeZone = "Local" }},
		"until before from":  {"until", func(d *campaign.ScheduleDraft) { d.From, d.Until = b.now.Add(48*time.Hour), b.now.Add(47*time.Hour) }},
		"until in the past":  {"until", func(d *campaign.ScheduleDraft) { d.Until = b.now }},
		"until too soon":     {"until", func(d *campaign.ScheduleDraft) { d.Until = b.now.Add(23 * time.Hour) }},
		"grace":              {"grace_seconds", func(d *campaign.ScheduleDraft) { d.Grace = 25 * time.Hour }},
		"send for":           {"send_for_seconds", func(d *campaign.ScheduleDraft) { d.SendFor = 8 * 24 * time.Hour }},
		"negative":           {"send_for_seconds", func(d *campaign.ScheduleDraft) { d.SendFor = -1 }},
		"name":               {"name", func(d *campaign.ScheduleDraft) { d.Name = strings.Repeat("x", 181) }},
		"no template":        {"template", func(d *campaign.ScheduleDraft) { d.Message.Template = "" }},
		"placeholders":       {"values.thing1", func(d *campaign.ScheduleDraft) { d.Message.Values = map[string]string{"thing1": "{{name}}"} }},
		"keep back":          {"keep_back", func(d *campaign.ScheduleDraft) { d.KeepBack = minapush.MaxKeepBack + 1 }},
		"quiet":              {"on_quiet", func(d *campaign.ScheduleDraft) { d.OnQuiet = "shout" }},
		"stages":             {"rollout.percents", func(d *campaign.ScheduleDraft) { d.Rollout = &minapush.Rollout{} }},
		"audience":           {"audience.where", func(d *campaign.ScheduleDraft) { d.Where = []byte(`[]`) }},
		"a part of audience": {"audience.where.all[1].seen_within", func(d *campaign.ScheduleDraft) { d.Where = []byte(`{"all":[{"tag":"a"},{"seen_within":"soon"}]}`) }},
		"a value of its kind": {"values.thing1", func(d *campaign.ScheduleDraft) {
			d.Template.Keys, d.Message.Values = []minapush.TemplateKey{{Key: "thing1"}}, map[string]string{"thing1": strings.Repeat("字", 21)}
		}},
	} {
		d := scheduleDraft()
		c.spoil(&d)
		_, _, err := b.CreateSchedule(t.Context(), b.app, d)
		var e *minapush.Error
		if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != c.field {
			t.Errorf("%s: %v, want field %s", name, err, c.field)
		}
		if checked := b.CheckSchedule(t.Context(), b.app, d); checked == nil || checked.Error() != err.Error() {
			t.Errorf("%s: the check says %v", name, checked)
		}
	}
	if list, err := b.Schedules(t.Context(), b.app.ID, "", 10); err != nil || len(list) != 0 {
		t.Errorf("bad drafts left %d schedules, %v", len(list), err)
	}
}

func TestASchedulesRunsMayBeFiveMinutesApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, cron := range []string{"*/5 * * * *", "0,55 * * * *", "@hourly", " 0 20 * * * ", "0 20 29 2 *"} {
		d := scheduleDraft()
		d.Cron = cron
		if err := b.CheckSchedule(t.Context(), b.app, d); err != nil {
			t.Errorf("%q: %v", cron, err)
		}
	}
	if list, err := b.Schedules(t.Context(), b.app.ID, "", 10); err != nil || len(list) != 0 {
		t.Errorf("checks left %d schedules, %v", len(list), err)
	}
}

func TestTheSameKeyMakesOneSchedule(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := scheduleDraft()
	d.Cron, d.At, d.Key, d.Fingerprint = "", b.now.Add(time.Hour), "k", 7
	first, created, err := b.CreateSchedule(t.Context(), b.app, d)
	if err != nil || !created {
		t.Fatal(created, err)
	}
	c := draft()
	c.Key, c.Fingerprint = "k", 7
	if m := b.create(t, c); m.ID == first.ID {
		t.Error("a campaign has the id of the schedule with its key")
	}
	for range 2 { // the second time At has passed
		again, created, err := b.CreateSchedule(t.Context(), b.app, d)
		if err != nil || created || again.ID != first.ID {
			t.Errorf("again: %s created %v, %v", again.ID, created, err)
		}
		b.now = b.now.Add(2 * time.Hour)
	}
	d.Fingerprint, d.At = 8, b.now.Add(time.Hour)
	if _, _, err := b.CreateSchedule(t.Context(), b.app, d); !errors.Is(err, minapush.Conflict) {
		t.Errorf("another request: %v", err)
	}
}

func TestSchedulesAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var want []string
	for range 7 {
		want = append(want, b.schedule(t, scheduleDraft()).ID)
	}
	slices.Reverse(want)
	var got []string
	for after := ""; ; after = got[len(got)-1] {
		page, err := b.Schedules(t.Context(), b.app.ID, after, 3)
		must(t, err)
		if len(page) == 0 {
			break
		}
		for _, s := range page {
			got = append(got, s.ID)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestEachStateOfAScheduleAllowsItsVerbsOnly(t *testing.T) {
	t.Parallel()
	verbs := map[string]func(*bundle, string) (minapush.Schedule, error){
		"pause": func(b *bundle, id string) (minapush.Schedule, error) {
			return b.PauseSchedule(t.Context(), b.app.ID, id, minapush.Reason{Code: "operator"})
		},
		"resume": func(b *bundle, id string) (minapush.Schedule, error) {
			return b.ResumeSchedule(t.Context(), b.app.ID, id)
		},
		"end": func(b *bundle, id string) (minapush.Schedule, error) { return b.EndSchedule(t.Context(), b.app.ID, id) },
	}
	for _, c := range []struct {
		path []string
		verb string
		want minapush.ScheduleState
		ok   bool
	}{
		{nil, "pause", minapush.SchedulePaused, true},
		{nil, "resume", minapush.ScheduleActive, true},
		{nil, "end", minapush.ScheduleEnded, true},
		{[]string{"pause"}, "pause", minapush.SchedulePaused, true},
		{[]string{"pause"}, "resume", minapush.ScheduleActive, true},
		{[]string{"pause"}, "end", minapush.ScheduleEnded, true},
		{[]string{"end"}, "pause", minapush.ScheduleEnded, false},
		{[]string{"end"}, "resume", minapush.ScheduleEnded, false},
		{[]string{"end"}, "end", minapush.ScheduleEnded, true},
	} {
		b := setup(t)
		id := b.schedule(t, scheduleDraft()).ID
		for _, v := range c.path {
			_, err := verbs[v](b, id)
			must(t, err)
		}
		if _, err := verbs[c.verb](b, id); c.ok != (err == nil) || err != nil && !errors.Is(err, minapush.Conflict) {
			t.Errorf("%v then %s: %v", c.path, c.verb, err)
		}
		s, err := b.Schedule(t.Context(), b.app.ID, id)
		if err != nil || s.State != c.want || s.EndedAt.IsZero() == (c.want == minapush.ScheduleEnded) || s.Why.IsZero() != (c.want == minapush.ScheduleActive) {
			t.Errorf("%v then %s: %+v, want %s (%v)", c.path, c.verb, s, c.want, err)
		}
	}
	b := setup(t)
	for name, verb := range verbs {
		if _, err := verb(b, "nobody"); !errors.Is(err, minapush.NotFound) {
			t.Errorf("%s of none: %v", name, err)
		}
	}
}
