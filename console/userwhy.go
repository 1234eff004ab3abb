package console

import (
	"context"
	"errors"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

// whyView says why a user did or did not get a campaign's message.
type whyView struct {
	// Campaigns are the last ones, to choose from; M is the one that was asked for, and its ID empty: none was.
	Campaigns []minapush.Campaign
	M         minapush.Campaign
	// Row is what became of it; nil: there is no record, and Because are the names of what explains that.
	Row     *minapush.Delivery
	Because []string
	Mistake *mistake
}

// whyCampaigns is how many campaigns can be chosen from.
const whyCampaigns = 50

// The explanations of a campaign without a record of the user. Each has words, see whyTexts.
const (
	whyUnstarted   = "unstarted"    // the campaign was not started
	whyErasing     = "erasing"      // the user is being erased
	whyLater       = "later"        // first seen after the start
	whyForgotten   = "forgotten"    // it took a permit, and the row is not kept any more
	whyNotListed   = "not_listed"   // the list keeps a row for everybody, and there is none
	whyFiltered    = "filtered"     // the expression does not hold
	whyOptedOut    = "opted_out"    // skipped, by count only
	whyNoPermit    = "no_permit"    // skipped, by count only
	whyPermitLate  = "permit_late"  // the permits came after the end
	whyDailyCap    = "daily_cap"    // skipped, by count only
	whySameContent = "same_content" // skipped, by count only
	whyKeptBack    = "kept_back"    // skipped, by count only
	whyQuiet       = "quiet_hours"  // skipped, by count only
	whyNotYet      = "not_yet"      // still to be reached, or skipped by count only
	whySkipped     = "skipped"      // none of these: skipped by count only, or the row is not kept any more
)

func whyNames() []string {
	return []string{
		whyUnstarted, whyErasing, whyLater, whyForgotten, whyNotListed, whyFiltered, whyOptedOut, whyNoPermit, whyPermitLate, whyDailyCap, whySameContent, whyKeptBack,
		whyQuiet, whyNotYet, whySkipped,
	}
}

// whyAsked answers the question of the address, if it has one.
func (c *Console) whyAsked(ctx context.Context, rq *request, u bank.User) (v whyView, err error) {
	if v.Campaigns, err = c.parts.Campaigns.List(ctx, rq.app.ID, "", whyCampaigns); err != nil {
		return v, err
	}
	id := rq.r.URL.Query().Get("campaign")
	if id == "" {
		return v, nil
	}
	if !plausibleID(id) {
		v.Mistake = &mistake{Name: "mistake.no_campaign"}
		return v, nil
	}
	v.M, err = c.parts.Campaigns.Get(ctx, rq.app.ID, id)
	if errors.Is(err, minapush.NotFound) {
		v.M, v.Mistake = minapush.Campaign{}, &mistake{Name: "mistake.no_campaign"}
		return v, nil
	}
	if err != nil {
		return v, err
	}
	d, err := c.parts.Ledger.Find(ctx, rq.app, id, u.OpenID, "")
	switch {
	case err == nil:
		v.Row = &d
		return v, nil
	case !errors.Is(err, minapush.NotFound):
		return v, err
	}
	v.Because, err = c.because(ctx, rq.app, v.M, u)
	return v, err
}

// because finds what explains that a campaign has no record of a user. The bank knows what the user holds now, and not what it was then.
func (c *Console) because(ctx context.Context, app minapush.App, m minapush.Campaign, u bank.User) (list []string, err error) {
	switch {
	case m.StartedAt.IsZero():
		return []string{whyUnstarted}, nil
	case u.Erasing:
		return []string{whyErasing}, nil
	case recalls(u, m.ID):
		return []string{whyForgotten}, nil
	case m.Audience.List && m.Audience.Listed <= minapush.MaxListRows && m.State == minapush.Finished:
		return []string{whyNotListed}, nil
	case !m.Audience.List && !u.FirstSeen.Before(m.StartedAt):
		return []string{whyLater}, nil
	}
	if !m.State.Ended() {
		list = append(list, whyNotYet)
	}
	filter, asks, err := c.parts.Campaigns.Filter(m)
	if err != nil {
		return nil, err
	}
	if err := c.fillBeside(ctx, app, &u, asks.Beside); err != nil {
		return nil, err
	}
	if filter != nil && !filter(&u) {
		list = append(list, whyFiltered)
	}
	if u.Profile.OptOut != minapush.OptOutNone {
		list = append(list, whyOptedOut)
	}
	switch has, late := c.servesNow(m, u); {
	case !has:
		list = append(list, whyNoPermit)
	case late:
		list = append(list, whyPermitLate)
	}
	guards, err := c.guardedFrom(ctx, app, m, u)
	if err != nil {
		return nil, err
	}
	list = append(list, guards...)
	if list == nil {
		list = []string{whySkipped}
	}
	return list, nil
}

// recalls tells that the user's record remembers a delivery of the campaign.
func recalls(u bank.User, campaign string) bool {
	for _, r := range u.Recent {
		if r.Push == "" && r.Batch == campaign {
			return true
		}
	}
	return false
}

// servesNow tells whether a user holds a permit for the campaign's message now, and whether all of them came after its end.
func (c *Console) servesNow(m minapush.Campaign, u bank.User) (has, late bool) {
	now := c.cfg.Now()
	late = !m.EndedAt.IsZero()
	for _, h := range u.Permits {
		if !serves(h, m.Kind, m.Message.Template) || h.Expired(now) {
			continue
		}
		has = true
		late = late && h.TakenAt.After(m.EndedAt)
	}
	return has, late
}

// serves tells whether a permit is of a kind and template that a message of the template can take.
func serves(h minapush.Holding, kind minapush.TemplateKind, template string) bool {
	for _, k := range kind.PermitKinds() {
		if h.Kind == k {
			return h.Template == "" || h.Template == template
		}
	}
	return false
}
