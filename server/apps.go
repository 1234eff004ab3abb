package server

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
)

func (s *Server) appRoutes() {
	handle(s, route{
		method: http.MethodPost, path: "/v1/apps", id: "create-app", summary: "Add a mini program; needs an admin key for every app",
		status: http.StatusCreated,
	}, s.createApp)
	handle(s, route{
		method: http.MethodGet, path: "/v1/apps", id: "list-apps", summary: "List the apps that the key may read",
	}, s.listApps)
	handle(s, route{
		method: http.MethodGet, path: appPath, id: "get-app", summary: "Show an app", scopes: []account.Scope{account.ScopeRead},
	}, s.getApp)
	handle(s, route{
		method: http.MethodPatch, path: appPath, id: "change-app", summary: "Change an app, or stop all its sending",
		scopes: []account.Scope{account.ScopeAdmin},
	}, s.changeApp)
}

func (s *Server) createApp(ctx context.Context, c *call, in *api.NewApp) (api.App, error) {
	if err := forEveryApp(c.key, account.ScopeAdmin); err != nil {
		return api.App{}, err
	}
	app := minapush.App{
		ID: minapush.AppID(in.AppID), Name: in.Name, Shards: in.Shards, Rate: in.Rate, InFlight: in.InFlight, BaseURL: in.BaseURL,
		TimeZone: in.TimeZone, Guards: minapush.DefaultGuards(),
	}
	if in.Token != nil {
		app.Token = tokenSource(*in.Token)
	}
	if in.Guards != nil {
		app.Guards = guardsOf(*in.Guards)
	}
	made, err := s.parts.Accounts.CreateApp(ctx, app, in.Secret)
	if err != nil {
		return api.App{}, renamed(err, "id", "body.app_id")
	}
	s.parts.Dispatcher.Kick()
	return appBody(made), nil
}

func (s *Server) listApps(ctx context.Context, c *call, _ *none) (api.Apps, error) {
	apps, err := s.parts.Accounts.Apps(ctx)
	if err != nil {
		return api.Apps{}, err
	}
	out := api.Apps{Apps: []api.App{}}
	for _, app := range apps {
		if c.key.Allows(app.ID, account.ScopeRead) {
			out.Apps = append(out.Apps, appBody(app))
		}
	}
	return out, nil
}

func (s *Server) getApp(_ context.Context, c *call, _ *none) (api.App, error) {
	return appBody(c.app), nil
}

func (s *Server) changeApp(ctx context.Context, c *call, in *api.AppChange) (api.App, error) {
	if err := checkStop(in); err != nil {
		return api.App{}, err
	}
	app, err := s.parts.Accounts.UpdateApp(ctx, c.app.ID, func(app *minapush.App) error {
		applyChange(app, in)
		return nil
	}, in.Secret)
	if err != nil {
		return api.App{}, err
	}
	s.parts.Dispatcher.Kick() // the kill switch acts now, not at the next look
	return appBody(app), nil
}

func applyChange(app *minapush.App, in *api.AppChange) {
	set(&app.Name, in.Name)
	set(&app.Rate, in.Rate)
	set(&app.InFlight, in.InFlight)
	set(&app.BaseURL, in.BaseURL)
	if in.Token != nil {
		app.Token = tokenSource(*in.Token)
	}
	set(&app.EventsOnly, in.EventsOnly)
	set(&app.TimeZone, in.TimeZone)
	if in.Guards != nil {
		app.Guards = guardsOf(*in.Guards)
	}
	switch {
	case in.Stopped == nil:
	case !*in.Stopped:
		app.Stopped = minapush.Reason{}
	case in.StoppedWhy != nil:
		app.Stopped = minapush.Reason{Code: in.StoppedWhy.Code, Params: in.StoppedWhy.Params}
	default:
		app.Stopped = minapush.Reason{Code: "operator"}
	}
}

func set[T any](field *T, v *T) {
	if v != nil {
		*field = *v
	}
}

const (
	maxReasonCode   = 64
	maxReasonParams = 8
	maxReasonParam  = 256
)

// checkStop bounds the reason that goes with the kill switch.
func checkStop(in *api.AppChange) error {
	if in.StoppedWhy == nil {
		return nil
	}
	why := *in.StoppedWhy
	if in.Stopped == nil || !*in.Stopped {
		return wrong("body.stopped_why", `goes with "stopped": true only`)
	}
	if why.Code == "" || len(why.Code) > maxReasonCode || strings.ContainsFunc(why.Code, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return wrong("body.stopped_why.code", "must be printable ASCII without spaces, 1 to 64 bytes")
	}
	if len(why.Params) > maxReasonParams {
		return wrong("body.stopped_why.params", "must have at most 8 entries")
	}
	for k, v := range why.Params {
		if len(k) > maxReasonCode || len(v) > maxReasonParam {
			return wrong("body.stopped_why.params", "must have keys of at most 64 bytes and values of at most 256")
		}
	}
	return nil
}

func tokenSource(t api.TokenSource) minapush.TokenSource {
	return minapush.TokenSource{Kind: minapush.TokenKind(t.Kind), URL: t.URL, Header: t.Header, Path: t.Path, Value: t.Value}
}

// appBody shows an app without what may be secret: the token's header and value, and the query of its URL.
func appBody(a minapush.App) api.App {
	url, _, _ := strings.Cut(a.Token.URL, "?")
	return api.App{
		AppID: string(a.ID), Name: a.Name, Shards: a.Shards, Rate: a.Rate, InFlight: a.InFlight, BaseURL: a.BaseURL,
		Token:    api.TokenSource{Kind: string(a.Token.Kind), URL: url, Path: a.Token.Path},
		TimeZone: a.TimeZone, Guards: guardsBody(a.Guards),
		EventsOnly: a.EventsOnly, Stopped: !a.Stopped.IsZero(), StoppedWhy: reasonBody(a.Stopped), CreatedAt: utc(a.CreatedAt),
	}
}

func guardsOf(g api.Guards) minapush.Guards {
	out := minapush.Guards{PerDay: g.PerDay, CountPushes: g.CountPushes, SameContentDays: g.SameContentDays}
	if g.Quiet != nil {
		out.Quiet = minapush.QuietHours{From: g.Quiet.From, Until: g.Quiet.Until, Skip: g.Quiet.Skip}
	}
	return out
}

func guardsBody(g minapush.Guards) api.Guards {
	out := api.Guards{PerDay: g.PerDay, CountPushes: g.CountPushes, SameContentDays: g.SameContentDays}
	if !g.Quiet.IsZero() {
		out.Quiet = &api.QuietHours{From: g.Quiet.From, Until: g.Quiet.Until, Skip: g.Quiet.Skip}
	}
	return out
}

func reasonBody(r minapush.Reason) *api.Reason {
	if r.IsZero() {
		return nil
	}
	return &api.Reason{Code: r.Code, Params: r.Params}
}

// renamed says where in the request a field of an Invalid error is.
func renamed(err error, field, location string) error {
	var e *minapush.Error
	if errors.As(err, &e) && e.Kind == minapush.Invalid && e.Field == field {
		return wrong(location, causeOf(e))
	}
	return err
}
