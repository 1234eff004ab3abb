package server

import (
	"context"
	"errors"
	"reflect"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
)

// syncTemplates writes what WeChat has, as it is the one that decides, and names what it does not have.
func (s *Server) syncTemplates(ctx context.Context, c *call, _ *none) (api.TemplateSync, error) {
	theirs, err := s.parts.Platform.Templates(ctx, c.app.ID)
	if minapush.KindOf(err) == minapush.NotFound { // the app has no AppSecret
		return api.TemplateSync{}, &problem{row: rowBadApp, detail: "the app has no AppSecret to ask WeChat with", wait: rowBadApp.wait, err: err}
	}
	if err != nil {
		return api.TemplateSync{}, err
	}
	ours, err := s.parts.Accounts.Templates(ctx, c.app.ID)
	if err != nil {
		return api.TemplateSync{}, err
	}
	known := make(map[string]minapush.Template, len(ours))
	for _, t := range ours {
		known[t.ID] = t
	}
	out := api.TemplateSync{Added: []string{}, Changed: []string{}, Same: []string{}, Missing: []string{}}
	there := make(map[string]bool, len(theirs))
	for _, t := range theirs {
		there[t.ID] = true
		have, ok := known[t.ID]
		if ok && reflect.DeepEqual(templateBody(have), templateBody(t)) {
			out.Same = append(out.Same, t.ID)
			continue
		}
		if err := s.parts.Accounts.PutTemplate(ctx, c.app.ID, t); err != nil {
			return api.TemplateSync{}, notOurs(t, err)
		}
		if ok {
			out.Changed = append(out.Changed, t.ID)
		} else {
			out.Added = append(out.Added, t.ID)
		}
	}
	for _, t := range ours {
		if !there[t.ID] && t.Kind != minapush.LegacyTemplate {
			out.Missing = append(out.Missing, t.ID)
		}
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
