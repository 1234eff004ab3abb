package console

import (
	"errors"
	"net/url"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
)

// scheduleForm is what a person typed to make a schedule. Of the campaign's form its start and latest send time are not asked for.
type scheduleForm struct {
	campaignForm
	timesForm
}

// Recurs tells that the message is one of a schedule.
func (f scheduleForm) Recurs() bool { return true }

func newScheduleForm(key, zone string) scheduleForm {
	return scheduleForm{newCampaignForm(key, zone), newTimesForm(zone)}
}

// presetReminder is the name of the preset that reminds of signing in.
const presetReminder = "reminder"

// preset fills in a known kind of schedule; one that is not known changes nothing. The name and the first values are the caller's words.
func (f *scheduleForm) preset(name, title string) {
	if name != presetReminder {
		return
	}
	f.Name, f.When, f.Clock = title, whenDaily, "20:00"
	f.Audience, f.Event, f.EventDays = audienceIdle, "checkin", "1"
}

func readScheduleForm(v url.Values, zone string) scheduleForm {
	return scheduleForm{readCampaignForm(v, zone), readTimesForm(v)}
}

// scheduleFormOf is the form that would make a schedule like this one.
func scheduleFormOf(s minapush.Schedule, key, zone string) scheduleForm {
	f := newScheduleForm(key, zone)
	f.Name, f.AtLeastOnce = s.Name, s.AtLeastOnce
	f.fill(s.Message)
	f.audienceForm = audienceOf(s.Audience).in(zone, s.Audience.Where)
	f.guardForm = guardFormOf(s.KeepBack, s.OnQuiet, s.Rollout)
	f.timesForm = timesOf(s)
	return f
}

// maxScheduleName leaves room for the planned time in the name of a run.
const maxScheduleName = 180

// scheduleDraft checks the form. With Mistakes the draft is worth nothing.
func (f *scheduleForm) scheduleDraft(t minapush.Template, now time.Time) campaign.ScheduleDraft {
	if f.Audience == audienceList {
		f.wrong("audience", "mistake.choose") // it is not offered: a schedule has no list
	}
	body := f.body(t, maxScheduleName)
	d := campaign.ScheduleDraft{
		Name: body.Name, Message: body.Message, Template: t, Where: body.Audience.Where, AtLeastOnce: body.AtLeastOnce,
		KeepBack: body.KeepBack, OnQuiet: body.OnQuiet, Rollout: body.Rollout, Key: body.Key,
	}
	f.into(&d, f.wrong)
	if f.When == whenOnce && !d.At.IsZero() && !d.At.After(now) {
		f.wrong("at", "mistake.past")
	}
	if !d.From.IsZero() && !d.Until.IsZero() && !d.From.Before(d.Until) {
		f.wrong("until", "mistake.before_from")
	}
	if !d.Until.IsZero() && !d.Until.After(now) {
		f.wrong("until", "mistake.past")
	}
	return d
}

// blameSchedule puts an error of a room at its field.
func (f *scheduleForm) blameSchedule(err error, t minapush.Template) {
	var e *minapush.Error
	if !errors.As(err, &e) || e.Err == nil {
		f.blame(err, t)
		return
	}
	field := map[string]string{
		"at": "at", "cron": "cron", "time_zone": "time_zone", "from": "from", "until": "until", "send_for_seconds": "send_for",
	}[e.Field]
	switch {
	case field == "":
		f.blame(err, t)
		return
	case field == "cron" && f.When != whenCron:
		field = "when"
	}
	f.wrong(field, "mistake.other", e.Err.Error())
}
