package console

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/minapush/minapush"
)

func (c *Console) oneCampaignRoutes() {
	c.appPage("GET campaigns/{id}", c.showOne)
	c.appPage("GET campaigns/{id}/brief", c.brief)
	c.appPageWithin("GET campaigns/{id}/live", bounds{streamLife + c.cfg.RequestTimeout, maxForm}, c.liveCampaign)
	c.appPage("POST campaigns/{id}/pause", c.turn("pause", func(ctx context.Context, app minapush.App, id string) error {
		_, err := c.parts.Campaigns.Pause(ctx, app.ID, id, minapush.Reason{Code: "operator"})
		return err
	}))
	c.appPage("POST campaigns/{id}/resume", c.turn("resume", func(ctx context.Context, app minapush.App, id string) error {
		_, err := c.parts.Campaigns.Resume(ctx, app.ID, id)
		return err
	}))
	c.appPage("GET campaigns/{id}/cancel", c.askCancel)
	c.appPage("POST campaigns/{id}/cancel", c.turn("cancel", func(ctx context.Context, app minapush.App, id string) error {
		_, err := c.parts.Campaigns.Cancel(ctx, app.ID, id)
		return err
	}))
	c.appPage("POST campaigns/{id}/unplan", c.turn("unplan", func(ctx context.Context, app minapush.App, id string) error {
		_, err := c.parts.Campaigns.Plan(ctx, app, id, time.Time{})
		return err
	}))
	c.appPageWithin("POST campaigns/{id}/retry", bounds{listTime, maxForm}, c.retryCampaign)
}

// campaignPage is a campaign that was started, planned or ended: where it stands, and why.
type campaignPage struct {
	M        minapush.Campaign
	Template minapush.Template
	Card     card
	Live     liveView
	// Asked is the name of the campaign that the audience asks of, and ScheduleName that of the schedule of which it is a run; both may be
	// empty, and so may Guards: what keeps it from whom, beside what the app says for all.
	Asked, ScheduleName string
	Guards              []warning
	// Refused is the verb of a form that the campaign's state does not allow; empty: none was.
	Refused string
	Retry   retryForm
}

// liveView is what changes while a campaign is being sent.
type liveView struct {
	M minapush.Campaign
	F figures
	// Total is the whole audience as far as is known, and Exact that it is no estimate; -1: not known. Surveyed is when users were counted,
	// of an estimate.
	Total    int64
	Exact    bool
	Surveyed time.Time
	// Holds tells that it waits by itself just now, and Still why nothing moves; empty: it does.
	Holds bool
	Still still
	// Stage of Stages is being sent, of a staged roll-out; Stages is 0 of any other. The last one is the Rest, and the others reach Percent of
	// all users.
	Stage, Stages int
	Rest          bool
	Percent       string
	// PerSecond is how many got an outcome a second lately; below 0: not known. Mean tells that it is the mean since the start.
	PerSecond float64
	Mean      bool
	// Left is how long the rest takes at that rate; 0: not known.
	Left time.Duration
}

// Ended tells that nothing will change any more.
func (v liveView) Ended() bool { return v.M.State.Ended() }

// Todo is the reason about which somebody can do something, by its code; empty: there is none.
func (v liveView) Todo() string {
	if v.Ended() || v.Still.Code == stillPaused {
		return v.M.Why.Code
	}
	return ""
}

// Started tells that it was ever started.
func (v liveView) Started() bool { return !v.M.StartedAt.IsZero() }

// Max is the length of the bar: at least what is done.
func (v liveView) Max() int64 { return max(v.Total, v.F.Audience, 1) }

// Share is how much is done of a whole that is known, in per cent.
func (v liveView) Share() int64 { return 100 * v.F.Done() / v.Max() }

// Rate is PerSecond in words; what is slow has a decimal.
func (v liveView) Rate() string {
	if v.PerSecond < 10 {
		return strconv.FormatFloat(max(0, v.PerSecond), 'f', 1, 64)
	}
	return grouped(int64(v.PerSecond + 0.5))
}

// retryForm makes a campaign of those that this one did not reach.
type retryForm struct {
	Key      string
	Name     string
	Outcomes map[string]bool
	Mistake  *mistake
}

// Names are the outcomes that may be tried again.
func (f retryForm) Names() []string {
	var names []string
	for _, o := range retryOutcomes() {
		names = append(names, o.String())
	}
	return names
}

func (c *Console) showOne(ctx context.Context, rq *request) error {
	m, err := c.campaign(ctx, rq)
	if err != nil {
		return err
	}
	if m.State == minapush.Scheduled && m.StartAt.IsZero() { // it waits for its check
		return rq.goTo(rq.appPath("campaigns", m.ID, "check"))
	}
	return c.showCampaign(ctx, rq, http.StatusOK, campaignPage{M: m})
}

// brief is how far a campaign is, for its line in the list.
func (c *Console) brief(ctx context.Context, rq *request) error {
	m, err := c.campaign(ctx, rq)
	if err != nil {
		return err
	}
	p := campaignPage{M: m}
	if p.Live, err = c.liveView(ctx, rq.app, m); err != nil {
		return err
	}
	return rq.part(view{name: "campaigns"}, "brief", p)
}

// showCampaign fills in what the page shows of a campaign, and answers with it.
func (c *Console) showCampaign(ctx context.Context, rq *request, status int, p campaignPage) error {
	t, _, err := c.template(ctx, p.M)
	if err != nil {
		return err
	}
	p.Template, p.Card = t, cardOf(rq.app, t, p.M.Message)
	if p.Live, err = c.liveView(ctx, rq.app, p.M); err != nil {
		return err
	}
	if err := c.fillCampaign(ctx, rq.app, &p); err != nil {
		return err
	}
	if p.Retry.Key == "" {
		p.Retry.Key, p.Retry.Name = c.cfg.NewID(), p.M.Name
		p.Retry.Outcomes = map[string]bool{minapush.Failed.String(): true}
	}
	return rq.show(status, view{"campaign", campaignTitle(p.M), "campaigns"}, p)
}

// fillCampaign adds what else is told of a campaign.
func (c *Console) fillCampaign(ctx context.Context, app minapush.App, p *campaignPage) (err error) {
	if p.Asked, err = c.askedName(ctx, app, p.M.Audience); err != nil {
		return err
	}
	p.Guards = ownGuards(restraint{p.M.KeepBack, p.M.OnQuiet, p.M.Rollout})
	if p.M.Schedule == "" {
		return nil
	}
	s, err := c.parts.Campaigns.Schedule(ctx, app.ID, p.M.Schedule)
	if errors.Is(err, minapush.NotFound) {
		return nil
	}
	p.ScheduleName = s.Name
	return err
}

func campaignTitle(m minapush.Campaign) string {
	if m.Name == "" {
		return m.ID
	}
	return m.Name
}

// turn answers a form that changes where a campaign stands. If its state does not allow that, the page says so.
func (c *Console) turn(verb string, change func(ctx context.Context, app minapush.App, id string) error) handler {
	return func(ctx context.Context, rq *request) error {
		m, err := c.campaign(ctx, rq)
		if err != nil {
			return err
		}
		err = change(ctx, rq.app, m.ID)
		if !errors.Is(err, minapush.Conflict) {
			if err != nil {
				return err
			}
			return rq.goTo(rq.appPath("campaigns", m.ID))
		}
		if m, err = c.campaign(ctx, rq); err != nil {
			return err
		}
		return c.showCampaign(ctx, rq, http.StatusConflict, campaignPage{M: m, Refused: verb})
	}
}

// cancelPage asks once more before a campaign is ended for good.
type cancelPage struct {
	M minapush.Campaign
	F figures
}

func (c *Console) askCancel(ctx context.Context, rq *request) error {
	m, err := c.campaign(ctx, rq)
	if err != nil {
		return err
	}
	if m.State.Ended() || m.State == minapush.Cancelling {
		return rq.goTo(rq.appPath("campaigns", m.ID))
	}
	p := cancelPage{M: m}
	if !m.StartedAt.IsZero() {
		sum, err := c.parts.Ledger.Sum(ctx, rq.app, m.ID)
		if err != nil {
			return err
		}
		p.F = figuresOf(sum.Tally)
	}
	return rq.show(http.StatusOK, view{"campaigncancel", rq.say("cancel.title"), "campaigns"}, p)
}
