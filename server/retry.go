package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/campaign"
)

func (s *Server) retryRoutes() {
	handle(s, route{
		method: http.MethodPost, path: appPath + "/campaigns/{id}/retry", id: "retry-campaign", keyed: true, unbounded: true,
		summary: "Make a campaign from those that one did not reach", scopes: []account.Scope{account.ScopeCampaign},
		status: http.StatusCreated, also: map[int]string{http.StatusOK: "The campaign that was made with this Idempotency-Key before."},
	}, s.retryCampaign)
}

func (s *Server) retryCampaign(ctx context.Context, c *call, in *api.Retry) (api.Campaign, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.StreamTimeout)
	defer cancel()
	id, err := c.campaignID()
	if err != nil {
		return api.Campaign{}, err
	}
	again := campaign.Again{Name: in.Name, Key: c.idempotency, Fingerprint: c.fingerprint}
	for i, name := range in.Outcomes {
		o, err := minapush.ParseOutcome(name)
		if err != nil || o == minapush.Pending || o == minapush.Accepted {
			return api.Campaign{}, wrong(fmt.Sprintf("body.outcomes[%d]", i), "must be failed, refused, skipped or unknown")
		}
		again.Outcomes = append(again.Outcomes, o)
	}
	m, created, err := s.parts.Campaigns.Retry(ctx, c.app, id, again)
	if err != nil {
		return api.Campaign{}, err
	}
	return s.made(ctx, c, m, created, in.Start)
}

// dryRun tells whom a campaign would meet, by the last survey.
func (s *Server) dryRun(ctx context.Context, app minapush.App, d campaign.Draft) (api.DryRun, error) {
	out := api.DryRun{Narrowed: d.Audience.List || len(d.Audience.Where) > 0}
	survey, err := s.parts.Bank.LastSurvey(ctx, app)
	if errors.Is(err, minapush.NotFound) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	var reachable int64
	for _, r := range survey.Reach {
		if r.Kind == d.Template.Kind && (r.Template == "" || r.Template == d.Template.ID) {
			reachable = r.Days[0]
		}
	}
	out.Users, out.Reachable, out.SurveyedAt = &survey.Users, &reachable, utc(survey.At)
	if app.Rate > 0 {
		seconds := int64(math.Ceil(float64(reachable) / float64(app.Rate)))
		out.Seconds = &seconds
	}
	return out, nil
}
