package server

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/campaign"
)

func (s *Server) scheduleRoutes() {
	const path = appPath + "/schedules"
	write := []account.Scope{account.ScopeCampaign}
	read := []account.Scope{account.ScopeRead, account.ScopeCampaign}
	handle(s, route{
		method: http.MethodPost, path: path, id: "create-schedule", summary: "Make a schedule, which makes campaigns at planned times",
		scopes: write, keyed: true, status: http.StatusCreated,
		query: []*huma.Param{queryParam("dry_run", huma.TypeBoolean, "Make nothing: only check the request, and tell when it would run.")},
		also:  map[int]string{http.StatusOK: "The schedule that was made with this Idempotency-Key before, or the answer of a dry run."},
	}, s.createSchedule)
	handle(s, route{
		method: http.MethodGet, path: path, id: "list-schedules", summary: "List schedules, newest first", scopes: read, query: []*huma.Param{
			queryParam("cursor", huma.TypeString, "The next of the page before."), queryParam("limit", huma.TypeInteger, "How many, at most."),
		},
	}, s.listSchedules)
	handle(s, route{
		method: http.MethodGet, path: path + "/{id}", id: "get-schedule", summary: "Show a schedule, its last and its next runs", scopes: read,
	}, s.onSchedule(s.parts.Campaigns.Schedule))
	for verb, turn := range map[string]scheduleTurn{
		"pause": s.pauseSchedule, "resume": s.parts.Campaigns.ResumeSchedule, "end": s.parts.Campaigns.EndSchedule,
	} {
		handle(s, route{
			method: http.MethodPost, path: path + "/{id}/" + verb, id: verb + "-schedule",
			summary: strings.ToUpper(verb[:1]) + verb[1:] + " a schedule", scopes: write,
		}, s.onSchedule(turn))
	}
}

// scheduleTurn finds a schedule, and may change where it stands.
type scheduleTurn func(ctx context.Context, app minapush.AppID, id string) (minapush.Schedule, error)

func (s *Server) onSchedule(turn scheduleTurn) func(context.Context, *call, *none) (api.Schedule, error) {
	return func(ctx context.Context, c *call, _ *none) (api.Schedule, error) {
		id := c.path("id")
		if badCampaignID(id) {
			return api.Schedule{}, refuse(rowNotFound, "the schedule is not known")
		}
		made, err := turn(ctx, c.app.ID, id)
		if err != nil {
			return api.Schedule{}, err
		}
		return s.scheduleBody(made), nil
	}
}

func (s *Server) pauseSchedule(ctx context.Context, app minapush.AppID, id string) (minapush.Schedule, error) {
	return s.parts.Campaigns.PauseSchedule(ctx, app, id, minapush.Reason{Code: "operator"})
}

func (s *Server) createSchedule(ctx context.Context, c *call, in *api.NewSchedule) (api.Schedule, error) {
	dry, err := c.flag("dry_run")
	if err != nil {
		return api.Schedule{}, err
	}
	draft, err := s.scheduleDraft(ctx, c, in)
	if err != nil {
		return api.Schedule{}, err
	}
	if dry {
		c.status = http.StatusOK
		planned, err := s.parts.Campaigns.Planned(ctx, c.app, draft)
		if err != nil {
			return api.Schedule{}, err
		}
		out := s.scheduleBody(planned)
		out.CreatedAt = time.Time{}
		return out, nil
	}
	made, created, err := s.parts.Campaigns.CreateSchedule(ctx, c.app, draft)
	if err != nil {
		return api.Schedule{}, err
	}
	if !created {
		c.status = http.StatusOK
	}
	return s.scheduleBody(made), nil
}

// maxSendForSeconds keeps a number of seconds far from where a duration ends; what is too long is refused by the campaigns.
const maxSendForSeconds = 366 * 24 * 60 * 60

// scheduleDraft reads what a new schedule is to be. Errors: 400.
func (s *Server) scheduleDraft(ctx context.Context, c *call, in *api.NewSchedule) (campaign.ScheduleDraft, error) {
	switch {
	case in.Audience != nil && in.Audience.List:
		return campaign.ScheduleDraft{}, wrong("body.audience.list", "belongs to a campaign: a schedule's runs have none, only where")
	case in.Audience != nil && in.Audience.Listed != 0:
		return campaign.ScheduleDraft{}, wrong("body.audience.listed", "is counted, not given")
	case in.GraceSeconds < 0 || in.GraceSeconds > maxGraceSeconds:
		return campaign.ScheduleDraft{}, wrong("body.grace_seconds", "must be from 0 to 86400")
	case in.SendForSeconds < 0 || in.SendForSeconds > maxSendForSeconds:
		return campaign.ScheduleDraft{}, wrong("body.send_for_seconds", "must be from 0 to 604800")
	}
	rollout, err := rolloutOf(in.Rollout)
	if err != nil {
		return campaign.ScheduleDraft{}, err
	}
	message, template, err := s.message(ctx, c.app, in.Message)
	if err == nil {
		err = below("body.message", campaign.CheckRunMessage(message))
	}
	if err != nil {
		return campaign.ScheduleDraft{}, err
	}
	return campaign.ScheduleDraft{
		Name: in.Name, Message: message, Template: template, Where: whereOf(in.Audience), AtLeastOnce: in.AtLeastOnce,
		KeepBack: in.KeepBack, OnQuiet: in.OnQuiet, Rollout: rollout,
		Grace: time.Duration(in.GraceSeconds) * time.Second, SendFor: time.Duration(in.SendForSeconds) * time.Second,
		At: in.At, Cron: in.Cron, TimeZone: in.TimeZone, From: in.From, Until: in.Until, Key: c.idempotency, Fingerprint: c.fingerprint,
	}, nil
}

func (s *Server) listSchedules(ctx context.Context, c *call, _ *none) (out api.Schedules, err error) {
	out.Schedules, out.Next, err = listed(ctx, c, s.parts.Campaigns.Schedules, s.scheduleBody, func(m api.Schedule) string { return m.ID })
	return out, err
}

// nextRuns is how many planned times to come are told.
const nextRuns = 5

func (s *Server) scheduleBody(m minapush.Schedule) api.Schedule {
	out := api.Schedule{
		ID: m.ID, Name: m.Name, Message: messageBody(m.Message), TemplateKind: string(m.Kind), Audience: api.Audience{Where: m.Audience.Where},
		At: utc(m.At), Cron: m.Cron, TimeZone: m.TimeZone, From: utc(m.From), Until: utc(m.Until), GraceSeconds: int(m.Grace / time.Second),
		SendForSeconds: int(m.SendFor / time.Second), AtLeastOnce: m.AtLeastOnce, KeepBack: m.KeepBack, OnQuiet: m.OnQuiet,
		Rollout: rolloutBody(m.Rollout), State: string(m.State), Why: reasonBody(m.Why), CreatedAt: utc(m.CreatedAt), EndedAt: utc(m.EndedAt),
		Next: []time.Time{}, Runs: []api.Run{}, Started: m.Started, Missed: m.Missed,
	}
	for _, at := range campaign.NextRuns(m, s.cfg.Now(), nextRuns) {
		out.Next = append(out.Next, utc(at))
	}
	for _, run := range m.Runs {
		out.Runs = append(out.Runs, api.Run{Planned: utc(run.Planned), Campaign: run.Campaign})
	}
	return out
}
