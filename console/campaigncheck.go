package console

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

func (c *Console) checkRoutes() {
	c.appPage("GET campaigns/{id}/check", c.checkCampaign)
	c.appPage("POST campaigns/{id}/start", c.startCampaign)
	c.appPage("POST campaigns/{id}/test", c.testCampaign)
	c.appPage("POST campaigns/{id}/count", c.countCampaign)
}

const (
	// platformTime is how long the check waits for WeChat.
	platformTime = 3 * time.Second
	// tickAbove is how many recipients ask for a box to be ticked.
	tickAbove = 10_000
	// oldSurvey is the age from which figures are called old.
	oldSurvey = time.Hour
)

// checkPage is what is looked at before a campaign is started.
type checkPage struct {
	M minapush.Campaign
	// Template is its template; Known tells that the app still has it.
	Template minapush.Template
	Known    bool
	Card     card
	Estimate estimate
	// StartAt is when it is to start; zero: at once.
	StartAt time.Time
	// Warnings are what somebody should know before, and Blocks what forbids the start.
	Warnings, Blocks []warning
	Quota            quota
	Stopped          minapush.Reason
	// Guards say in words what keeps it from whom.
	Guards []warning
	// Asked is the name of the campaign that the audience asks of; empty: of none, or it is gone.
	Asked string
	// Count is what was counted just now; nil: nothing was.
	Count *counted
	Test  testForm
	// Ticked and Mistakes are of a start that was refused.
	Ticked   bool
	Mistakes map[string]mistake
}

// Mistake is what is wrong with a field; nil: nothing.
func (p checkPage) Mistake(field string) *mistake {
	m, ok := p.Mistakes[field]
	if !ok {
		return nil
	}
	return &m
}

// Tick tells that the start asks for a box to be ticked.
func (p checkPage) Tick() bool { return !p.Estimate.Known() || p.Estimate.Number() > tickAbove }

// LocalStart is StartAt as an input takes it.
func (p checkPage) LocalStart() string { return localTime(p.StartAt) }

// warning is a sentence: the name of a text and what fills it.
type warning struct {
	Name   string
	Params []string
}

// quota is what the platform says of today.
type quota struct {
	Known       bool
	Left, Limit int64
}

// estimate is whom a campaign would meet, and where the figures come from.
type estimate struct {
	// Surveyed is when users were counted; zero: not yet.
	Surveyed time.Time
	// Users are all of the app, and Reachable those of them with a permit for the template; by the survey.
	Users, Reachable int64
	// List tells that the campaign has a list, and Listed is how many are on it, exactly.
	List   bool
	Listed int64
	// Narrowed tells that an expression keeps some out, which nobody has counted: the figures are upper bounds.
	Narrowed bool
	// Counted is how many of the audience hold a permit, by a count of everybody just now; nil: nobody counted.
	Counted *int64
	// Rate is the app's, messages a second; minapush.Unlimited: none.
	Rate int
}

// Known tells that there is a number at all.
func (e estimate) Known() bool { return e.List || e.Counted != nil || !e.Surveyed.IsZero() }

// Number is about how many messages go out: those on a list are counted all, since nobody has looked which of them have a permit.
func (e estimate) Number() int64 {
	if e.Counted != nil {
		return *e.Counted
	}
	return e.Upper()
}

// Upper is Number without a count of just now.
func (e estimate) Upper() int64 {
	if e.List {
		return e.Listed
	}
	return e.Reachable
}

// Bound says what Number is: unknown, listed, counted, most or about.
func (e estimate) Bound() string {
	switch {
	case !e.Known():
		return "unknown"
	case e.List:
		return "listed"
	case e.Counted != nil:
		return "counted"
	case e.Narrowed:
		return "most"
	}
	return "about"
}

// Out are those who hold no permit for the template.
func (e estimate) Out() int64 { return max(0, e.Users-e.Reachable) }

// Takes is how long sending to them takes at the app's rate; 0: not known, or there is no rate.
func (e estimate) Takes() time.Duration {
	if e.Rate <= 0 || !e.Known() || e.Number() == 0 {
		return 0
	}
	return max(time.Second, time.Duration(e.Number())*time.Second/time.Duration(e.Rate))
}

func (c *Console) checkCampaign(ctx context.Context, rq *request) error {
	m, err := c.campaign(ctx, rq)
	if err != nil {
		return err
	}
	if m.State != minapush.Scheduled {
		return rq.goTo(rq.appPath("campaigns", m.ID))
	}
	p := checkPage{M: m, StartAt: m.StartAt}
	if at, ok := beijingTime(rq.r.URL.Query().Get("at")); ok {
		p.StartAt = at
	}
	p.Test.Result = c.tested(ctx, rq)
	return c.showCheck(ctx, rq, http.StatusOK, p)
}

// showCheck fills in what the page shows of a campaign, and answers with it.
func (c *Console) showCheck(ctx context.Context, rq *request, status int, p checkPage) error {
	counted := p.Estimate.Counted // of a start that was refused
	var err error
	if p.Template, p.Known, err = c.template(ctx, p.M); err != nil {
		return err
	}
	if p.Estimate, err = c.estimate(ctx, rq.app, p.M, p.Template); err != nil {
		return err
	}
	p.Estimate.Counted = counted
	if p.Count != nil {
		p.Estimate.Counted = p.Count.number()
	}
	p.Card, p.Stopped = cardOf(rq.app, p.Template, p.M.Message), rq.app.Stopped
	if err := c.fillTest(ctx, rq.app, &p); err != nil {
		return err
	}
	if p.Asked, err = c.askedName(ctx, rq.app, p.M.Audience); err != nil {
		return err
	}
	there, known := c.askPlatform(ctx, rq.app, &p.Quota)
	p.judge(c.cfg.Now().UTC())
	p.guard(rq.app, c.cfg.Now().UTC())
	if known && p.Template.Kind != minapush.LegacyTemplate {
		p.drift(there)
	}
	return rq.show(status, view{"campaigncheck", rq.say("check.title"), "campaigns"}, p)
}

// estimate counts nobody: it takes the last survey, or the exact length of a list.
func (c *Console) estimate(ctx context.Context, app minapush.App, m minapush.Campaign, t minapush.Template) (estimate, error) {
	survey, err := c.survey(ctx, app)
	if err != nil {
		return estimate{}, err
	}
	return c.estimateBy(ctx, app, m, t, survey)
}

// estimateBy is estimate with a survey that is at hand.
func (c *Console) estimateBy(
	ctx context.Context, app minapush.App, m minapush.Campaign, t minapush.Template, s bank.Survey,
) (e estimate, err error) {
	e = estimate{
		Surveyed: s.At, Users: s.Users, Reachable: reachOf(s, t), List: m.Audience.List, Narrowed: len(m.Audience.Where) > 0, Rate: app.Rate,
	}
	if e.List {
		e.Listed, err = c.parts.Campaigns.Listed(ctx, app, m.ID)
	}
	return e, err
}

// askPlatform asks WeChat for what is left of today's quota and for its templates, for a short time only: the check does without them.
func (c *Console) askPlatform(ctx context.Context, app minapush.App, q *quota) (there []minapush.Template, known bool) {
	ctx, stop := context.WithTimeout(ctx, platformTime)
	defer stop()
	var both errgroup.Group
	both.Go(func() error {
		left, limit, err := c.parts.Platform.QuotaLeft(ctx, app.ID)
		if err == nil {
			*q = quota{Known: true, Left: left, Limit: limit}
		}
		return nil
	})
	both.Go(func() error {
		list, err := c.parts.Platform.Templates(ctx, app.ID)
		there, known = list, err == nil
		return nil
	})
	_ = both.Wait() // neither fails
	return there, known
}

// judge finds what somebody should know before the start.
func (p *checkPage) judge(now time.Time) {
	e := p.Estimate
	begin := now
	if p.StartAt.After(now) {
		begin = p.StartAt
	}
	for _, w := range []struct {
		when bool
		warning
	}{
		{!p.Stopped.IsZero(), warning{Name: "check.stopped"}},
		{!p.Known, warning{Name: "check.template_gone"}},
		{p.Template.Kind == minapush.LegacyTemplate, warning{Name: "check.legacy"}},
		{!e.List && e.Counted == nil && e.Surveyed.IsZero(), warning{Name: "check.no_survey"}},
		{!e.List && e.Counted == nil && !e.Surveyed.IsZero() && now.Sub(e.Surveyed) > oldSurvey, warning{Name: "check.old_survey"}},
		{!e.Surveyed.IsZero() && e.Reachable == 0, warning{Name: "check.nobody"}},
		{p.Quota.Known && p.Quota.Left < e.Number(), warning{"check.quota", []string{grouped(p.Quota.Left)}}},
		{p.tooLong(begin), warning{Name: "check.too_long"}},
		{p.M.Message.State == "trial" || p.M.Message.State == "developer", warning{Name: "check.not_formal"}},
		{p.M.Message.Page == "", warning{Name: "check.no_page"}},
		{p.M.AtLeastOnce, warning{Name: "check.at_least_once"}},
	} {
		if w.when {
			p.Warnings = append(p.Warnings, w.warning)
		}
	}
	p.block(now, begin)
}

// tooLong tells that the latest send time comes before the end.
func (p *checkPage) tooLong(begin time.Time) bool {
	takes := p.Estimate.Takes()
	return takes > 0 && !p.M.LatestSend.IsZero() && begin.Add(takes).After(p.M.LatestSend)
}

// block finds what the start would be refused for.
func (p *checkPage) block(now, begin time.Time) {
	if p.M.Audience.Filling {
		p.Blocks = append(p.Blocks, warning{Name: "check.filling"})
	} else if p.Estimate.List && p.Estimate.Listed == 0 {
		p.Blocks = append(p.Blocks, warning{Name: "check.list_empty"})
	}
	if !p.M.LatestSend.IsZero() && (!p.M.LatestSend.After(now) || !p.M.LatestSend.After(begin)) {
		p.Blocks = append(p.Blocks, warning{"check.too_late", []string{beijing(p.M.LatestSend)}})
	}
	for _, f := range p.Template.Lint(p.M.Message).Findings {
		p.Blocks = append(p.Blocks, warning{"check.value", []string{f.Key, f.Code}})
	}
}

// drift compares the template with WeChat's.
func (p *checkPage) drift(there []minapush.Template) {
	for _, t := range there {
		if t.ID != p.Template.ID {
			continue
		}
		if len(p.Template.Keys) > 0 && keyNames(t) != keyNames(p.Template) {
			p.Warnings = append(p.Warnings, warning{"check.drift_keys", []string{keyNames(t), keyNames(p.Template)}})
		}
		return
	}
	p.Warnings = append(p.Warnings, warning{Name: "check.drift_missing"})
}

func keyNames(t minapush.Template) string {
	names := make([]string, len(t.Keys))
	for i, k := range t.Keys {
		names[i] = k.Key
	}
	return strings.Join(names, ", ")
}

// startCampaign starts a campaign, or plans its start, once: what runs already is only shown.
func (c *Console) startCampaign(ctx context.Context, rq *request) error {
	m, err := c.campaign(ctx, rq)
	if err != nil {
		return err
	}
	live := rq.appPath("campaigns", m.ID)
	if m.State != minapush.Scheduled {
		return rq.goTo(live)
	}
	p := checkPage{M: m, Mistakes: map[string]mistake{}, Ticked: rq.r.PostFormValue("sure") == "yes"}
	if err := c.readStart(ctx, rq, &p); err != nil {
		return err
	}
	if len(p.Mistakes) > 0 {
		return c.showCheck(ctx, rq, http.StatusUnprocessableEntity, p)
	}
	if p.StartAt.IsZero() {
		m, err = c.parts.Campaigns.Start(ctx, rq.app, m.ID)
	} else {
		m, err = c.parts.Campaigns.Plan(ctx, rq.app, m.ID, p.StartAt)
	}
	switch {
	case err == nil, errors.Is(err, minapush.Conflict) && m.State != minapush.Scheduled: // somebody was first
		return rq.goTo(live)
	case errors.Is(err, minapush.Conflict), errors.Is(err, minapush.Invalid):
		p.Mistakes["start"] = mistake{"mistake.other", []string{err.Error()}}
		return c.showCheck(ctx, rq, http.StatusUnprocessableEntity, p)
	}
	return err
}

// readStart reads the form of a start, and finds what is wrong with it.
func (c *Console) readStart(ctx context.Context, rq *request, p *checkPage) error {
	now := c.cfg.Now().UTC()
	if rq.r.PostFormValue("start") == choiceAt {
		at, ok := beijingTime(rq.r.PostFormValue("start_at"))
		switch {
		case !ok:
			p.Mistakes["start_at"] = mistake{Name: "mistake.time"}
		case !at.After(now):
			p.Mistakes["start_at"] = mistake{Name: "mistake.past"}
		case !p.M.LatestSend.IsZero() && !p.M.LatestSend.After(at):
			p.Mistakes["start_at"] = mistake{"mistake.after_latest", []string{beijing(p.M.LatestSend)}}
		}
		p.StartAt = at
	}
	t, _, err := c.template(ctx, p.M)
	if err != nil {
		return err
	}
	e, err := c.estimate(ctx, rq.app, p.M, t)
	if err != nil {
		return err
	}
	e.Counted = readCounted(rq.r.PostFormValue("counted"))
	p.Estimate = e
	if !p.Ticked && p.Tick() {
		p.Mistakes["sure"] = mistake{Name: "mistake.tick"}
	}
	// Whoever pressed the button agreed to the number on it. A list that has changed, or a survey with many more, is to be seen first.
	seen, err := strconv.ParseInt(rq.r.PostFormValue("number"), 10, 64)
	if err != nil {
		seen = -1
	}
	if e.Known() && (e.List && seen != e.Listed || e.Upper() > seen+seen/5) {
		p.Mistakes["start"] = mistake{Name: "mistake.number_changed"}
	}
	return nil
}
