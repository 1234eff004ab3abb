package console

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
)

// newSchedulePage is the form of a schedule; its message, audience and guard rails are those of a campaign's.
type newSchedulePage struct {
	composePage
	Form scheduleForm
	// Copied is the schedule that the form was filled from, if any; and Reminder that the preset was.
	Copied   minapush.Schedule
	Reminder bool
}

// plannedPage shows a schedule before it is made.
type plannedPage struct {
	schedulePage
	// Sent is the form as it was sent: it is sent again to make the schedule, or to change it.
	Sent []field
	// Count is whom it would reach if it ran now; nil: nobody was counted.
	Count *counted
}

// field is a name and a value of a form.
type field struct{ Name, Value string }

func (c *Console) newSchedule(ctx context.Context, rq *request) error {
	q := rq.r.URL.Query()
	p := newSchedulePage{Form: newScheduleForm(c.cfg.NewID(), rq.app.TimeZone), Reminder: q.Get("preset") == presetReminder}
	p.Form.preset(q.Get("preset"), rq.say("schedule.reminder"))
	id := q.Get("template")
	if from := q.Get("copy"); from != "" {
		if !plausibleID(from) {
			return minapush.Errorf(minapush.NotFound, "the schedule is not known")
		}
		s, err := c.parts.Campaigns.Schedule(ctx, rq.app.ID, from)
		if err != nil {
			return err
		}
		p.Copied, p.Form = s, scheduleFormOf(s, p.Form.Key, rq.app.TimeZone)
		if id == "" {
			id = s.Message.Template
		}
	}
	choose := choosePage{Path: []string{"schedules", "new"}}
	if p.Reminder {
		choose.Preset = presetReminder
	}
	if id == "" {
		return c.chooseTemplate(ctx, rq, choose)
	}
	t, err := c.parts.Accounts.Template(ctx, rq.app.ID, id)
	if errors.Is(err, minapush.NotFound) && p.Copied.ID != "" {
		return c.chooseTemplate(ctx, rq, choose) // the template is gone: there is nothing to copy onto
	}
	if err != nil {
		return err
	}
	p.Template = t
	return c.showNewSchedule(ctx, rq, http.StatusOK, p)
}

func (c *Console) showNewSchedule(ctx context.Context, rq *request, status int, p newSchedulePage) error {
	if err := c.fillCompose(ctx, rq, &p.composePage, &p.Form.campaignForm); err != nil {
		return err
	}
	return rq.show(status, view{"schedulenew", rq.say("schedule.new"), "schedules"}, p)
}

// makeSchedule shows what a form would make, and makes it when that was seen.
func (c *Console) makeSchedule(ctx context.Context, rq *request) error {
	v, err := rq.postForm()
	if err != nil {
		return err
	}
	p := newSchedulePage{Form: readScheduleForm(v, rq.app.TimeZone)}
	if p.Form.Key == "" || !plausibleID(p.Form.Key) {
		p.Form.Key = c.cfg.NewID()
		v.Set("key", p.Form.Key)
	}
	if p.Template, err = c.parts.Accounts.Template(ctx, rq.app.ID, v.Get("template")); err != nil {
		return err
	}
	do := v.Get("do")
	v.Del("do")
	if do == "preview" || do == "change" {
		return c.showNewSchedule(ctx, rq, http.StatusOK, p)
	}
	draft := p.Form.scheduleDraft(p.Template, c.cfg.Now().UTC())
	draft.Fingerprint = fingerprint(v)
	if do == "make" && len(p.Form.Mistakes) == 0 || do == "make" && p.Form.onlyLate() {
		return c.createSchedule(ctx, rq, p, draft)
	}
	planned := plannedPage{Sent: fieldsOf(v)}
	if len(p.Form.Mistakes) == 0 {
		planned.S, err = c.parts.Campaigns.Planned(ctx, rq.app, draft)
		if err != nil && !errors.Is(err, minapush.Invalid) {
			return err
		}
		p.Form.blameSchedule(err, p.Template)
	}
	if len(p.Form.Mistakes) > 0 {
		return c.showNewSchedule(ctx, rq, http.StatusUnprocessableEntity, p)
	}
	planned.Template = p.Template
	if do == "count" {
		if planned.Count, err = c.count(ctx, rq.app, planned.S.Audience, p.Template); err != nil {
			return err
		}
	}
	return c.showPlanned(ctx, rq, planned)
}

// onlyLate tells that nothing is wrong but that a time has come: a form that was sent before may still be answered.
func (f *scheduleForm) onlyLate() bool {
	for _, m := range f.Mistakes {
		if m.Name != "mistake.past" {
			return false
		}
	}
	return true
}

// showPlanned shows a schedule that is not made.
func (c *Console) showPlanned(ctx context.Context, rq *request, p plannedPage) (err error) {
	p.Card = cardOf(rq.app, p.Template, p.S.Message)
	p.Next = campaign.NextRuns(p.S, c.cfg.Now().UTC(), nextShown)
	p.guard(rq.app)
	if p.Asked, err = c.askedName(ctx, rq.app, p.S.Audience); err != nil {
		return err
	}
	return rq.show(http.StatusOK, view{"schedulecheck", rq.say("schedule.check"), "schedules"}, p)
}

// createSchedule makes a schedule, once however often its form is sent.
func (c *Console) createSchedule(ctx context.Context, rq *request, p newSchedulePage, d campaign.ScheduleDraft) error {
	s, _, err := c.parts.Campaigns.CreateSchedule(ctx, rq.app, d)
	switch {
	case errors.Is(err, minapush.Conflict): // the form was sent before, and says something else now
		p.Made, p.Form.Key = true, c.cfg.NewID()
	case errors.Is(err, minapush.Invalid):
		p.Form.blameSchedule(err, p.Template)
	case err != nil:
		return err
	default:
		return rq.goTo(rq.appPath("schedules", s.ID))
	}
	return c.showNewSchedule(ctx, rq, http.StatusUnprocessableEntity, p)
}

// fieldsOf are the fields of a form, in order of their names.
func fieldsOf(v url.Values) []field {
	var list []field
	for _, name := range slices.Sorted(maps.Keys(v)) {
		for _, value := range v[name] {
			list = append(list, field{name, value})
		}
	}
	return list
}
