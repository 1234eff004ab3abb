package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/minapush/minapush"
)

// campaignRoutes are the list of campaigns and all that is done with one.
func (c *Console) campaignRoutes() {
	c.appPage("GET campaigns", c.campaigns)
	c.composeRoutes()
	c.checkRoutes()
	c.listRoutes()
	c.oneCampaignRoutes()
	c.rowRoutes()
}

const (
	// campaignsShown is how many campaigns a page of the list has, and campaignsRead how many are looked at for it at most.
	campaignsShown = 30
	campaignsRead  = 1000
)

// campaignStates are the states in the order in which the filter offers them.
func campaignStates() []minapush.CampaignState {
	return []minapush.CampaignState{
		minapush.Scheduled, minapush.Running, minapush.Paused, minapush.Cancelling, minapush.Finished, minapush.Cancelled, minapush.Missed,
	}
}

// campaignsPage is the list of campaigns.
type campaignsPage struct {
	States []minapush.CampaignState
	// State and Find are the filter; empty: all.
	State minapush.CampaignState
	Find  string
	Rows  []campaignRow
	// After is where this page begins, and Next the address of the one that follows; both may be empty.
	After, Next string
	Stopped     minapush.Reason
}

type campaignRow struct {
	M minapush.Campaign
	// Template is the title of its template, or else the id.
	Template string
	// Holds tells that it waits by itself just now.
	Holds bool
	// Sums are those of a campaign that has ended; nil: not kept in its document.
	Sums *figures
}

func (c *Console) campaigns(ctx context.Context, rq *request) error {
	q := rq.r.URL.Query()
	p := campaignsPage{States: campaignStates(), Find: strings.TrimSpace(q.Get("q")), After: q.Get("after"), Stopped: rq.app.Stopped}
	if s := minapush.CampaignState(q.Get("state")); slices.Contains(p.States, s) {
		p.State = s
	}
	titles, err := c.templateTitles(ctx, rq.app.ID)
	if err != nil {
		return err
	}
	list, next, err := c.findCampaigns(ctx, rq.app.ID, p)
	if err != nil {
		return err
	}
	now := c.cfg.Now()
	for _, m := range list {
		row := campaignRow{M: m, Template: titles[m.Message.Template], Holds: holds(m, now)}
		if row.Template == "" {
			row.Template = m.Message.Template
		}
		if m.Sums != nil {
			f := figuresOf(*m.Sums)
			row.Sums = &f
		}
		p.Rows = append(p.Rows, row)
	}
	if next != "" {
		v := url.Values{"after": {next}}
		if p.State != "" {
			v.Set("state", string(p.State))
		}
		if p.Find != "" {
			v.Set("q", p.Find)
		}
		p.Next = rq.appPath("campaigns") + "?" + v.Encode()
	}
	return rq.show(http.StatusOK, view{"campaigns", rq.say("nav.campaigns"), "campaigns"}, p)
}

// findCampaigns returns a page of the campaigns that the filter lets through, and behind which one to go on; "" at the end.
func (c *Console) findCampaigns(
	ctx context.Context, app minapush.AppID, p campaignsPage,
) (found []minapush.Campaign, next string, err error) {
	if !plausibleID(p.After) {
		return nil, "", nil
	}
	after := p.After
	for read := 0; read < campaignsRead; {
		list, err := c.parts.Campaigns.List(ctx, app, after, 2*campaignsShown)
		if err != nil {
			return nil, "", err
		}
		for _, m := range list {
			if p.fits(m) {
				if len(found) == campaignsShown {
					return found, after, nil
				}
				found = append(found, m)
			}
			after = m.ID
		}
		read += len(list)
		if len(list) < 2*campaignsShown {
			return found, "", nil
		}
	}
	return found, after, nil
}

func (p campaignsPage) fits(m minapush.Campaign) bool {
	return (p.State == "" || m.State == p.State) && strings.Contains(strings.ToLower(m.Name), strings.ToLower(p.Find))
}

// templateTitles are the titles of an app's templates by id.
func (c *Console) templateTitles(ctx context.Context, app minapush.AppID) (map[string]string, error) {
	list, err := c.parts.Accounts.Templates(ctx, app)
	if err != nil {
		return nil, err
	}
	titles := map[string]string{}
	for _, t := range list {
		titles[t.ID] = t.Title
	}
	return titles, nil
}

// template is the template of a campaign as it now is, or as the campaign knows it if it was removed.
func (c *Console) template(ctx context.Context, m minapush.Campaign) (t minapush.Template, known bool, err error) {
	t, err = c.parts.Accounts.Template(ctx, m.App, m.Message.Template)
	if errors.Is(err, minapush.NotFound) {
		return m.Rules(), false, nil
	}
	return t, err == nil, err
}

// holds tells that a running campaign waits by itself at now.
func holds(m minapush.Campaign, now time.Time) bool {
	return m.State == minapush.Running && !m.Hold.Why.IsZero() && m.Hold.Until.After(now)
}

// plausibleID tells that a text may be the id of a campaign or push, or no text at all.
func plausibleID(id string) bool {
	return len(id) <= maxID && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
}

const maxID = 64

// campaign is the one that the address names. Errors: NotFound.
func (c *Console) campaign(ctx context.Context, rq *request) (minapush.Campaign, error) {
	id := rq.r.PathValue("id")
	if id == "" || !plausibleID(id) {
		return minapush.Campaign{}, minapush.Errorf(minapush.NotFound, "the campaign is not known")
	}
	return c.parts.Campaigns.Get(ctx, rq.app.ID, id)
}
