package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
)

// scheduleRoutes are the list of schedules and all that is done with one.
func (c *Console) scheduleRoutes() {
	c.appPage("GET schedules", c.schedules)
	c.appPage("GET schedules/new", c.newSchedule)
	c.appPage("POST schedules/new", c.makeSchedule)
	c.appPage("GET schedules/{id}", c.showSchedule)
	c.appPage("POST schedules/{id}/pause", c.turnSchedule("pause", func(ctx context.Context, app minapush.AppID, id string) error {
		_, err := c.parts.Campaigns.PauseSchedule(ctx, app, id, minapush.Reason{Code: "operator"})
		return err
	}))
	c.appPage("POST schedules/{id}/resume", c.turnSchedule("resume", func(ctx context.Context, app minapush.AppID, id string) error {
		_, err := c.parts.Campaigns.ResumeSchedule(ctx, app, id)
		return err
	}))
	c.appPage("GET schedules/{id}/end", c.askEndSchedule)
	c.appPage("POST schedules/{id}/end", c.turnSchedule("end", func(ctx context.Context, app minapush.AppID, id string) error {
		_, err := c.parts.Campaigns.EndSchedule(ctx, app, id)
		return err
	}))
}

// schedulesShown is how many schedules a page of the list has.
const schedulesShown = 30

// schedulesPage is the list of schedules.
type schedulesPage struct {
	Rows []scheduleRow
	// After is where this page begins, and Next the address of the one that follows; both may be empty.
	After, Next string
	Stopped     minapush.Reason
}

type scheduleRow struct {
	S minapush.Schedule
	// Template is the title of its template, or else the id.
	Template string
	// Next is its next run; zero: there is none.
	Next time.Time
}

func (c *Console) schedules(ctx context.Context, rq *request) error {
	p := schedulesPage{After: rq.r.URL.Query().Get("after"), Stopped: rq.app.Stopped}
	if !plausibleID(p.After) {
		return minapush.Errorf(minapush.NotFound, "there is no such page")
	}
	list, err := c.parts.Campaigns.Schedules(ctx, rq.app.ID, p.After, schedulesShown+1)
	if err != nil {
		return err
	}
	titles, err := c.templateTitles(ctx, rq.app.ID)
	if err != nil {
		return err
	}
	if len(list) > schedulesShown {
		list = list[:schedulesShown]
		p.Next = rq.appPath("schedules") + "?" + url.Values{"after": {list[schedulesShown-1].ID}}.Encode()
	}
	now := c.cfg.Now().UTC()
	for _, s := range list {
		row := scheduleRow{S: s, Template: titles[s.Message.Template]}
		if row.Template == "" {
			row.Template = s.Message.Template
		}
		if next := campaign.NextRuns(s, now, 1); len(next) > 0 {
			row.Next = next[0]
		}
		p.Rows = append(p.Rows, row)
	}
	return rq.show(http.StatusOK, view{"schedules", rq.say("nav.schedules"), "schedules"}, p)
}

// nextShown is how many of the next runs of a schedule are shown.
const nextShown = 5

// schedulePage is one schedule: what it does, when it runs next, and what its last runs were.
type schedulePage struct {
	S        minapush.Schedule
	Template minapush.Template
	Card     card
	Next     []time.Time
	Runs     []runRow
	Guards   []warning
	Warnings []warning
	// Asked is the name of the campaign that the audience asks of; empty: of none, or it is gone.
	Asked string
	// Refused is the verb of a form that its state does not allow; empty: none was.
	Refused string
}

type runRow struct {
	minapush.Run
	// M is the campaign of the run, and Known that it is still there.
	M     minapush.Campaign
	Known bool
	Holds bool
	Sums  *figures
}

// schedule is the one that the address names. Errors: NotFound.
func (c *Console) schedule(ctx context.Context, rq *request) (minapush.Schedule, error) {
	id := rq.r.PathValue("id")
	if id == "" || !plausibleID(id) {
		return minapush.Schedule{}, minapush.Errorf(minapush.NotFound, "the schedule is not known")
	}
	return c.parts.Campaigns.Schedule(ctx, rq.app.ID, id)
}

func (c *Console) showSchedule(ctx context.Context, rq *request) error {
	s, err := c.schedule(ctx, rq)
	if err != nil {
		return err
	}
	return c.drawSchedule(ctx, rq, http.StatusOK, schedulePage{S: s})
}

// drawSchedule fills in what the page shows of a schedule, and answers with it.
func (c *Console) drawSchedule(ctx context.Context, rq *request, status int, p schedulePage) (err error) {
	s, now := p.S, c.cfg.Now().UTC()
	// A template that was removed is shown as a campaign knows it.
	p.Template, _, err = c.template(ctx, minapush.Campaign{App: s.App, Kind: s.Kind, Keys: s.Keys, Message: s.Message})
	if err != nil {
		return err
	}
	p.Card = cardOf(rq.app, p.Template, s.Message)
	p.Next = campaign.NextRuns(s, now, nextShown)
	p.guard(rq.app)
	if p.Asked, err = c.askedName(ctx, rq.app, s.Audience); err != nil {
		return err
	}
	for _, r := range s.Runs {
		row, err := c.runRow(ctx, rq.app.ID, r, now)
		if err != nil {
			return err
		}
		p.Runs = append(p.Runs, row)
	}
	return rq.show(status, view{"schedule", scheduleTitle(s), "schedules"}, p)
}

func (c *Console) runRow(ctx context.Context, app minapush.AppID, r minapush.Run, now time.Time) (runRow, error) {
	row := runRow{Run: r}
	if r.Campaign == "" {
		return row, nil
	}
	m, err := c.parts.Campaigns.Get(ctx, app, r.Campaign)
	if errors.Is(err, minapush.NotFound) {
		return row, nil
	}
	row.M, row.Known, row.Holds = m, err == nil, holds(m, now)
	if m.Sums != nil {
		f := figuresOf(*m.Sums)
		row.Sums = &f
	}
	return row, err
}

// askedName is the name of the campaign that an audience asks of, of one of the choices that do; "" for every other.
func (c *Console) askedName(ctx context.Context, app minapush.App, a minapush.Audience) (string, error) {
	id := audienceOf(a).Of
	if id == "" {
		return "", nil
	}
	m, err := c.parts.Campaigns.Get(ctx, app.ID, id)
	if errors.Is(err, minapush.NotFound) {
		return "", nil
	}
	return campaignTitle(m), err
}

// guard finds what keeps the runs from whom, and what becomes of the next one.
func (p *schedulePage) guard(app minapush.App) {
	r := restraint{p.S.KeepBack, p.S.OnQuiet, p.S.Rollout}
	p.Guards = guardLines(app, r)
	if !app.Stopped.IsZero() && p.S.State != minapush.ScheduleEnded {
		p.Warnings = append(p.Warnings, warning{Name: "schedule.stopped"})
	}
	if len(p.Next) == 0 {
		return
	}
	latest := time.Time{}
	if p.S.SendFor > 0 {
		latest = p.Next[0].Add(p.S.SendFor)
	}
	if w := quietWarning(app, r, p.Next[0], latest, p.S.SendFor); w != nil {
		p.Warnings = append(p.Warnings, *w)
	}
}

func scheduleTitle(s minapush.Schedule) string {
	if s.Name == "" {
		return s.ID
	}
	return s.Name
}

// turnSchedule answers a form that changes where a schedule stands. If its state does not allow that, the page says so.
func (c *Console) turnSchedule(verb string, change func(ctx context.Context, app minapush.AppID, id string) error) handler {
	return func(ctx context.Context, rq *request) error {
		s, err := c.schedule(ctx, rq)
		if err != nil {
			return err
		}
		err = change(ctx, rq.app.ID, s.ID)
		if !errors.Is(err, minapush.Conflict) {
			if err != nil {
				return err
			}
			return rq.goTo(rq.appPath("schedules", s.ID))
		}
		if s, err = c.schedule(ctx, rq); err != nil {
			return err
		}
		return c.drawSchedule(ctx, rq, http.StatusConflict, schedulePage{S: s, Refused: verb})
	}
}

// endSchedulePage asks once more before a schedule is ended for good.
type endSchedulePage struct{ S minapush.Schedule }

func (c *Console) askEndSchedule(ctx context.Context, rq *request) error {
	s, err := c.schedule(ctx, rq)
	if err != nil {
		return err
	}
	if s.State == minapush.ScheduleEnded {
		return rq.goTo(rq.appPath("schedules", s.ID))
	}
	return rq.show(http.StatusOK, view{"scheduleend", rq.say("schedule.end_title"), "schedules"}, endSchedulePage{s})
}
