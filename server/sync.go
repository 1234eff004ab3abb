package server

import (
	"context"
	"errors"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
)

// syncTemplates tells how the templates here and at WeChat differ, and takes WeChat's over, as it is the one that decides.
func (s *Server) syncTemplates(ctx context.Context, c *call, _ *none) (api.TemplateSync, error) {
	dry, err := c.flag("dry_run")
	if err != nil {
		return api.TemplateSync{}, err
	}
	theirs, err := s.parts.Platform.Templates(ctx, c.app.ID)
	if minapush.KindOf(err) == minapush.NotFound { // the app has no AppSecret
		return api.TemplateSync{}, &problem{row: rowBadApp, detail: "the app has no AppSecret to ask WeChat with", wait: rowBadApp.wait, err: err}
	}
	if err != nil {
		return api.TemplateSync{}, err
	}
	drift := make([]account.TemplateDrift, 0, len(theirs))
	for _, t := range theirs {
		d, err := s.parts.Accounts.SyncTemplate(ctx, c.app.ID, t, !dry)
		if err != nil {
			return api.TemplateSync{}, notOurs(t, err)
		}
		drift = append(drift, d)
	}
	deleted, err := s.parts.Accounts.SyncDeleted(ctx, c.app.ID, theirs, !dry)
	if err != nil {
		return api.TemplateSync{}, err
	}
	return s.syncBody(ctx, c.app.ID, append(drift, deleted...), dry)
}

// syncBody tells what differs, and who it may trouble.
func (s *Server) syncBody(ctx context.Context, app minapush.AppID, drift []account.TemplateDrift, dry bool) (api.TemplateSync, error) {
	out := api.TemplateSync{DryRun: dry, Added: []string{}, Changed: []string{}, Same: []string{}, Missing: []string{}, Drift: []api.TemplateDrift{}}
	scenes, err := s.parts.Accounts.ScenesByTemplate(ctx, app)
	if err != nil {
		return out, err
	}
	open, err := s.parts.Campaigns.Unfinished(ctx, app)
	if err != nil {
		return out, err
	}
	for _, d := range drift {
		body := api.TemplateDrift{Template: d.ID, Title: d.Title, What: string(d.Kind), GoneSince: utc(d.GoneSince), Scenes: scenes[d.ID]}
		for _, ch := range d.Changes {
			body.Changes = append(body.Changes, api.TemplateChange{Field: ch.Field, Was: ch.Was, Is: ch.Is})
		}
		for _, m := range open {
			if m.Message.Template == d.ID {
				body.Campaigns = append(body.Campaigns, m.ID)
			}
		}
		switch d.Kind {
		case account.DriftNone:
			out.Same = append(out.Same, d.ID)
			continue
		case account.DriftNew:
			out.Added = append(out.Added, d.ID)
		case account.DriftChanged:
			out.Changed = append(out.Changed, d.ID)
		case account.DriftDeleted:
			out.Missing = append(out.Missing, d.ID)
		}
		out.Drift = append(out.Drift, body)
	}
	return out, nil
}

// notOurs is the error of a template of WeChat that cannot be kept: it is not the caller who broke a rule.
func notOurs(t minapush.Template, err error) error {
	if !errors.Is(err, minapush.Invalid) {
		return err
	}
	return &problem{row: rowOddAnswer, detail: clip("template " + t.ID + " of WeChat cannot be kept"), err: err}
}
