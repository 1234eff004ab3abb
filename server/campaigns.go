package server

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/campaign"
)

func (s *Server) campaignRoutes() {
	const path = appPath + "/campaigns"
	write := []account.Scope{account.ScopeCampaign}
	read := []account.Scope{account.ScopeRead, account.ScopeCampaign}
	page := []*huma.Param{
		queryParam("cursor", huma.TypeString, "The next of the page before."), queryParam("limit", huma.TypeInteger, "How many, at most."),
	}
	handle(s, route{
		method: http.MethodPost, path: path, id: "create-campaign", summary: "Make a campaign, and start it at once if asked to",
		scopes: write, keyed: true, status: http.StatusCreated, instead: typeOf[api.DryRun](),
		query: []*huma.Param{queryParam("dry_run", huma.TypeBoolean, "Make nothing: only check the request, and tell whom it would meet.")},
		also:  map[int]string{http.StatusOK: "The campaign that was made with this Idempotency-Key before, or the answer of a dry run."},
	}, s.createCampaign)
	handle(s, route{
		method: http.MethodGet, path: path, id: "list-campaigns", summary: "List campaigns, newest first", scopes: read, query: page,
	}, s.listCampaigns)
	handle(s, route{
		method: http.MethodGet, path: path + "/{id}", id: "get-campaign", summary: "Show a campaign and its progress", scopes: read,
	}, s.getCampaign)
	handle(s, route{
		method: http.MethodGet, path: path + "/{id}/deliveries", id: "list-deliveries", summary: "List who got it, and who did not", scopes: read,
		query: append([]*huma.Param{queryParam("outcome", huma.TypeString, "Only those with this outcome.")}, page...),
	}, s.listDeliveries)
	byID := func(turn func(context.Context, minapush.AppID, string) (minapush.Campaign, error)) turning {
		return func(ctx context.Context, app minapush.App, id string) (minapush.Campaign, error) {
			return turn(ctx, app.ID, id)
		}
	}
	for verb, turn := range map[string]turning{
		"start": s.parts.Campaigns.Start, "pause": byID(s.pauseCampaign), "resume": byID(s.parts.Campaigns.Resume),
		"cancel": byID(s.parts.Campaigns.Cancel),
	} {
		handle(s, route{
			method: http.MethodPost, path: path + "/{id}/" + verb, id: verb + "-campaign",
			summary: strings.ToUpper(verb[:1]) + verb[1:] + " a campaign", scopes: write,
		}, func(ctx context.Context, c *call, _ *none) (api.Campaign, error) {
			id, err := c.campaignID()
			if err != nil {
				return api.Campaign{}, err
			}
			m, err := turn(ctx, c.app, id)
			if err != nil {
				return api.Campaign{}, err
			}
			return s.campaignBody(m), nil
		})
	}
}

// turning changes where a campaign stands.
type turning func(ctx context.Context, app minapush.App, id string) (minapush.Campaign, error)

func (s *Server) pauseCampaign(ctx context.Context, app minapush.AppID, id string) (minapush.Campaign, error) {
	return s.parts.Campaigns.Pause(ctx, app, id, minapush.Reason{Code: "operator"})
}

const maxCampaignID = 64

// campaignID is the id of the path; what cannot be one is not found.
func (c *call) campaignID() (string, error) {
	id := c.path("id")
	if badCampaignID(id) {
		return "", refuse(rowNotFound, "the campaign is not known")
	}
	return id, nil
}

// badCampaignID tells that an id is neither that of a campaign nor that of a schedule.
func badCampaignID(id string) bool {
	return id == "" || len(id) > maxCampaignID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
}

func (s *Server) createCampaign(ctx context.Context, c *call, in *api.NewCampaign) (api.Campaign, error) {
	dry, err := c.flag("dry_run")
	if err != nil {
		return api.Campaign{}, err
	}
	draft, err := s.draft(ctx, c, in)
	if err != nil {
		return api.Campaign{}, err
	}
	if dry {
		if err := s.parts.Campaigns.Check(ctx, c.app, draft); err != nil {
			return api.Campaign{}, err
		}
		c.status = http.StatusOK
		c.instead, err = s.dryRun(ctx, c.app, draft)
		return api.Campaign{}, err
	}
	m, created, err := s.parts.Campaigns.Create(ctx, c.app, draft)
	if err != nil {
		return api.Campaign{}, err
	}
	return s.made(ctx, c, m, created, in.Start)
}

// draft reads what a new campaign is to be. Errors: 400.
func (s *Server) draft(ctx context.Context, c *call, in *api.NewCampaign) (campaign.Draft, error) {
	list := in.Audience != nil && in.Audience.List
	switch {
	case in.Start && !in.StartAt.IsZero():
		return campaign.Draft{}, wrong("body.start", "cannot stand beside start_at")
	case in.Start && list:
		return campaign.Draft{}, wrong("body.start", "cannot stand beside audience.list: fill the list, then start")
	case in.Audience != nil && in.Audience.Listed != 0:
		return campaign.Draft{}, wrong("body.audience.listed", "is counted, not given")
	case in.GraceSeconds < 0 || in.GraceSeconds > maxGraceSeconds:
		return campaign.Draft{}, wrong("body.grace_seconds", "must be from 0 to 86400")
	}
	rollout, err := rolloutOf(in.Rollout)
	if err != nil {
		return campaign.Draft{}, err
	}
	message, template, err := s.message(ctx, c.app, in.Message)
	if err != nil {
		return campaign.Draft{}, err
	}
	if !list {
		if err := message.CheckFilled(); err != nil {
			return campaign.Draft{}, below("body.message", err)
		}
	}
	draft := campaign.Draft{
		Name: in.Name, Message: message, Template: template, AtLeastOnce: in.AtLeastOnce,
		Audience: minapush.Audience{List: list, Where: whereOf(in.Audience)},
		StartAt:  in.StartAt, Grace: time.Duration(in.GraceSeconds) * time.Second, LatestSend: in.LatestSend,
		KeepBack: in.KeepBack, OnQuiet: in.OnQuiet, Rollout: rollout,
		Key: c.idempotency, Fingerprint: c.fingerprint,
	}
	return draft, nil
}

// whereOf is the expression of an audience; nil for none.
func whereOf(in *api.Audience) json.RawMessage {
	if in == nil || string(in.Where) == "null" {
		return nil
	}
	return in.Where
}

// made answers with a campaign that is there, and starts it if asked to.
func (s *Server) made(ctx context.Context, c *call, m minapush.Campaign, created, start bool) (api.Campaign, error) {
	// A crash from here on leaves a campaign that waits; the same call with its key starts it.
	if start && m.State == minapush.Scheduled {
		var err error
		if m, err = s.parts.Campaigns.Start(ctx, c.app, m.ID); err != nil {
			return api.Campaign{}, err
		}
	}
	if !created {
		c.status = http.StatusOK
	}
	return s.campaignBody(m), nil
}

const maxGraceSeconds = 24 * 60 * 60

func (s *Server) listCampaigns(ctx context.Context, c *call, _ *none) (out api.Campaigns, err error) {
	out.Campaigns, out.Next, err = listed(ctx, c, s.parts.Campaigns.List, s.campaignBody, func(m api.Campaign) string { return m.ID })
	return out, err
}

// listed is a page of what there is of an app, newest first, and the cursor of the next; "": there is none.
func listed[T, B any](
	ctx context.Context, c *call, list func(context.Context, minapush.AppID, string, int) ([]T, error), bodyOf func(T) B, id func(B) string,
) (bodies []B, next string, err error) {
	limit, err := c.limit(api.DefaultPage, api.MaxPage)
	if err != nil {
		return nil, "", err
	}
	after := c.query("cursor")
	if after != "" && badCampaignID(after) {
		return nil, "", wrong("query.cursor", "is not one that this server handed out")
	}
	found, err := list(ctx, c.app.ID, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	more := len(found) > limit
	bodies = []B{}
	for _, one := range found[:min(len(found), limit)] {
		bodies = append(bodies, bodyOf(one))
	}
	if more {
		next = id(bodies[limit-1])
	}
	return bodies, next, nil
}

func (s *Server) getCampaign(ctx context.Context, c *call, _ *none) (api.Campaign, error) {
	id, err := c.campaignID()
	if err != nil {
		return api.Campaign{}, err
	}
	m, err := s.parts.Campaigns.Get(ctx, c.app.ID, id)
	if err != nil {
		return api.Campaign{}, err
	}
	out := s.campaignBody(m)
	out.Progress, err = s.progress(ctx, c.app, m)
	return out, err
}

// campaignBody is a campaign as callers see it; a hold that has passed is none.
func (s *Server) campaignBody(m minapush.Campaign) api.Campaign {
	out := api.Campaign{
		ID: m.ID, Name: m.Name, Message: messageBody(m.Message), TemplateKind: string(m.Kind), AtLeastOnce: m.AtLeastOnce,
		Audience: api.Audience{List: m.Audience.List, Listed: m.Audience.Listed, Where: m.Audience.Where}, RetryOf: m.RetryOf,
		StartAt: utc(m.StartAt), GraceSeconds: int(m.Grace / time.Second), LatestSend: utc(m.LatestSend), State: string(m.State),
		Why: reasonBody(m.Why), CreatedAt: utc(m.CreatedAt), StartedAt: utc(m.StartedAt), EndedAt: utc(m.EndedAt),
		KeepBack: m.KeepBack, OnQuiet: m.OnQuiet, Rollout: rolloutBody(m.Rollout), Schedule: m.Schedule,
	}
	if out.Rollout != nil {
		out.Rollout.Stages = m.Rollout.Stages()
		if !m.StartedAt.IsZero() {
			out.Rollout.Stage = m.Stage + 1
		}
	}
	if why := reasonBody(m.Hold.Why); why != nil && m.Hold.Until.After(s.cfg.Now()) {
		out.Hold = &api.Hold{Why: *why, Until: utc(m.Hold.Until)}
	}
	return out
}
