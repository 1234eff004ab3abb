package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// maxTemplate bounds a stored template, in bytes of JSON.
const maxTemplate = 64 << 10

type storedTemplate struct {
	V        int               `json:"v"`
	Template minapush.Template `json:"template"`
}

// PutTemplate adds a template of an app or replaces it. Errors: Invalid, naming the field; NotFound (no such app).
func (a *Accounts) PutTemplate(ctx context.Context, app minapush.AppID, t minapush.Template) error {
	if err := t.Validate(); err != nil {
		return err
	}
	if b, err := json.Marshal(t); err != nil || len(b) > maxTemplate {
		return minapush.FieldError("template", "must be at most %d bytes", maxTemplate)
	}
	if _, err := a.App(ctx, app); err != nil {
		return err
	}
	return edit(ctx, a, kindTemplate, templateDoc(app, t.ID), func(s *storedTemplate, _ bool) error {
		*s = storedTemplate{V: format, Template: t}
		return nil
	})
}

// Template returns one template of an app. Errors: NotFound.
func (a *Accounts) Template(ctx context.Context, app minapush.AppID, id string) (minapush.Template, error) {
	if checkTemplateName(app, id) != nil {
		return minapush.Template{}, unknownTemplate(app, id)
	}
	var s storedTemplate
	_, err := a.get(ctx, kindTemplate, templateDoc(app, id), &s)
	if errors.Is(err, minapush.NotFound) {
		return minapush.Template{}, unknownTemplate(app, id)
	}
	if err != nil {
		return minapush.Template{}, fmt.Errorf("read template %s: %w", id, err)
	}
	return s.Template, nil
}

// Templates returns every template of an app, by id.
func (a *Accounts) Templates(ctx context.Context, app minapush.AppID) ([]minapush.Template, error) {
	var templates []minapush.Template
	if err := checkAppID(app); err != nil {
		return nil, unknownApp(app)
	}
	prefix := templateDoc(app, "")
	err := a.each(ctx, kindTemplate, prefix, func(d store.Document) (bool, error) {
		if !strings.HasPrefix(d.ID, prefix) {
			return false, nil
		}
		var s storedTemplate
		err := decode(d, &s)
		templates = append(templates, s.Template)
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("list templates of %s: %w", app, err)
	}
	return templates, nil
}

// DeleteTemplate removes a template. Permits for it stay. Errors: NotFound.
func (a *Accounts) DeleteTemplate(ctx context.Context, app minapush.AppID, id string) error {
	if checkTemplateName(app, id) != nil {
		return unknownTemplate(app, id)
	}
	err := a.remove(ctx, kindTemplate, templateDoc(app, id))
	if errors.Is(err, minapush.NotFound) {
		return unknownTemplate(app, id)
	}
	return err
}

// templateDoc names the document of a template: an appid holds no slash, so one app's templates stand together.
func templateDoc(app minapush.AppID, id string) string { return string(app) + "/" + id }

func checkTemplateName(app minapush.AppID, id string) error {
	if err := checkAppID(app); err != nil {
		return err
	}
	return minapush.Template{ID: id, Kind: minapush.OneTimeTemplate}.Validate()
}

func unknownTemplate(app minapush.AppID, id string) error {
	return minapush.Errorf(minapush.NotFound, "template %.64q of app %.64q is not known", id, app)
}
