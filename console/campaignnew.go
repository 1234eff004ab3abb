package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

func (c *Console) composeRoutes() {
	c.appPage("GET campaigns/new", c.newCampaign)
	c.appPage("POST campaigns/new", c.makeCampaign)
	c.appPage("POST campaigns/preview", c.previewCampaign)
}

// choosePage is the first step: which template.
type choosePage struct {
	Templates []templateChoice
	// Surveyed is when reach was counted; zero: not yet.
	Surveyed time.Time
	// Path is the page of the form, of campaigns or of schedules, and Preset what it is filled with; empty: nothing.
	Path   []string
	Preset string
}

// Schedules tells that the form is that of a schedule.
func (p choosePage) Schedules() bool { return p.Path[0] == "schedules" }

// Title is the name of the text over the steps.
func (p choosePage) Title() string {
	if p.Schedules() {
		return "schedule.new"
	}
	return "compose.title"
}

type templateChoice struct {
	Template minapush.Template
	// Reach is how many users it reaches now; Known tells that it was counted.
	Reach int64
	Known bool
}

// composePage is the second step: the form.
type composePage struct {
	Template minapush.Template
	Form     campaignForm
	Card     card
	// Evening is the latest send time that is proposed.
	Evening time.Time
	// Choice is the template with its reach, and Surveyed when that was counted.
	Choice   templateChoice
	Surveyed time.Time
	// CopyOf is the campaign that the form was filled from, if any.
	CopyOf minapush.Campaign
	// Made is the campaign that the form has made before, if it was sent again with changes.
	Made bool
	// Asked are campaigns that the audience can ask of: the last that were started.
	Asked []minapush.Campaign
}

// IsAsked tells that a campaign is among those that can be chosen.
func (p composePage) IsAsked(id string) bool {
	return slices.ContainsFunc(p.Asked, func(m minapush.Campaign) bool { return m.ID == id })
}

func (c *Console) newCampaign(ctx context.Context, rq *request) error {
	q := rq.r.URL.Query()
	p := composePage{Form: newCampaignForm(c.cfg.NewID(), rq.app.TimeZone)}
	id := q.Get("template")
	if from := q.Get("copy"); from != "" {
		m, err := c.copied(ctx, rq, from)
		if err != nil {
			return err
		}
		p.CopyOf, p.Form = m, formOf(m, p.Form.Key, rq.app.TimeZone)
		if id == "" {
			id = m.Message.Template
		}
	}
	if id == "" {
		return c.chooseTemplate(ctx, rq, choosePage{Path: []string{"campaigns", "new"}})
	}
	t, err := c.parts.Accounts.Template(ctx, rq.app.ID, id)
	if errors.Is(err, minapush.NotFound) && p.CopyOf.ID != "" {
		return c.chooseTemplate(ctx, rq, choosePage{Path: []string{"campaigns", "new"}}) // the template is gone: there is nothing to copy onto
	}
	if err != nil {
		return err
	}
	p.Template = t
	return c.showCompose(ctx, rq, http.StatusOK, p)
}

func (c *Console) copied(ctx context.Context, rq *request, id string) (minapush.Campaign, error) {
	if !plausibleID(id) {
		return minapush.Campaign{}, minapush.Errorf(minapush.NotFound, "the campaign is not known")
	}
	return c.parts.Campaigns.Get(ctx, rq.app.ID, id)
}

// chooseTemplate shows the templates, each with a link to the form.
func (c *Console) chooseTemplate(ctx context.Context, rq *request, p choosePage) error {
	list, err := c.parts.Accounts.Templates(ctx, rq.app.ID)
	if err != nil {
		return err
	}
	survey, err := c.survey(ctx, rq.app)
	if err != nil {
		return err
	}
	p.Surveyed = survey.At
	for _, t := range list {
		p.Templates = append(p.Templates, choiceOf(t, survey))
	}
	slices.SortStableFunc(p.Templates, func(a, b templateChoice) int { return cmp.Compare(b.Reach, a.Reach) })
	return rq.show(http.StatusOK, view{"campaignchoose", rq.say(p.Title()), p.Path[0]}, p)
}

// survey is the last survey of an app; before the first it is zero.
func (c *Console) survey(ctx context.Context, app minapush.App) (bank.Survey, error) {
	s, err := c.parts.Bank.LastSurvey(ctx, app)
	if errors.Is(err, minapush.NotFound) {
		return bank.Survey{}, nil
	}
	return s, err
}

func choiceOf(t minapush.Template, s bank.Survey) templateChoice {
	return templateChoice{Template: t, Reach: reachOf(s, t), Known: !s.At.IsZero()}
}

// reachOf is how many users a template reached at the time of a survey.
func reachOf(s bank.Survey, t minapush.Template) int64 {
	for _, r := range s.Reach {
		if r.Kind == t.Kind && (r.Template == "" || r.Template == t.ID) {
			return r.Days[0]
		}
	}
	return 0
}

// makeCampaign checks the form and makes the campaign, which then waits for its check and start.
func (c *Console) makeCampaign(ctx context.Context, rq *request) error {
	p, v, err := c.sentForm(ctx, rq)
	if err != nil {
		return err
	}
	if v.Get("do") == "preview" {
		return c.showCompose(ctx, rq, http.StatusOK, p)
	}
	draft, startAt := p.Form.draft(p.Template, c.cfg.Now().UTC())
	draft.Fingerprint = fingerprint(v)
	if len(p.Form.Mistakes) == 0 {
		check := draft
		check.StartAt = startAt
		p.Form.blame(c.parts.Campaigns.Check(ctx, rq.app, check), p.Template)
	}
	if len(p.Form.Mistakes) > 0 {
		return c.showCompose(ctx, rq, http.StatusUnprocessableEntity, p)
	}
	m, _, err := c.parts.Campaigns.Create(ctx, rq.app, draft)
	switch {
	case errors.Is(err, minapush.Conflict): // the form was sent before, and says something else now
		p.Made, p.Form.Key = true, c.cfg.NewID()
		return c.showCompose(ctx, rq, http.StatusUnprocessableEntity, p)
	case errors.Is(err, minapush.Invalid):
		p.Form.blame(err, p.Template)
		return c.showCompose(ctx, rq, http.StatusUnprocessableEntity, p)
	case err != nil:
		return err
	}
	next := "check"
	if m.Audience.List {
		next = "list"
	}
	return rq.goTo(withStart(rq.appPath("campaigns", m.ID, next), startAt))
}

// withStart adds the wished start to an address: the campaign gets it only when somebody has confirmed it.
func withStart(address string, at time.Time) string {
	if at.IsZero() {
		return address
	}
	return address + "?" + url.Values{"at": {localTime(at)}}.Encode()
}

// previewCampaign draws the card of a form that is being filled in.
func (c *Console) previewCampaign(ctx context.Context, rq *request) error {
	p, _, err := c.sentForm(ctx, rq)
	if err != nil {
		return err
	}
	p.Card = cardOf(rq.app, p.Template, p.Form.message(p.Template))
	return rq.part(view{name: "campaignnew"}, "preview", p)
}

// sentForm reads a form and finds its template. Errors: Invalid; NotFound.
func (c *Console) sentForm(ctx context.Context, rq *request) (p composePage, v url.Values, err error) {
	if err := rq.r.ParseForm(); err != nil {
		return p, nil, minapush.Errorf(minapush.Invalid, "the form could not be read: %w", err)
	}
	v = rq.r.PostForm
	p.Form = readCampaignForm(v, rq.app.TimeZone)
	if p.Form.Key == "" || !plausibleID(p.Form.Key) {
		p.Form.Key = c.cfg.NewID()
	}
	p.Template, err = c.parts.Accounts.Template(ctx, rq.app.ID, v.Get("template"))
	return p, v, err
}

func (c *Console) showCompose(ctx context.Context, rq *request, status int, p composePage) error {
	if err := c.fillCompose(ctx, rq, &p, &p.Form); err != nil {
		return err
	}
	p.Evening = nextEvening(c.cfg.Now())
	return rq.show(status, view{"campaignnew", rq.say("compose.title"), "campaigns"}, p)
}

// fillCompose adds what stands around a form of a message.
func (c *Console) fillCompose(ctx context.Context, rq *request, p *composePage, f *campaignForm) error {
	survey, err := c.survey(ctx, rq.app)
	if err != nil {
		return err
	}
	p.Choice, p.Surveyed = choiceOf(p.Template, survey), survey.At
	p.Card = cardOf(rq.app, p.Template, f.message(p.Template))
	list, err := c.parts.Campaigns.List(ctx, rq.app.ID, "", askedCampaigns)
	for _, m := range list {
		if !m.StartedAt.IsZero() {
			p.Asked = append(p.Asked, m)
		}
	}
	return err
}

// askedCampaigns is how many campaigns are looked at for those that an audience can ask of.
const askedCampaigns = 50
