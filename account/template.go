package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

const (
	// maxTemplate bounds a stored template, in bytes of JSON.
	maxTemplate = 64 << 10
	// maxTitle and maxExample bound its texts, in bytes.
	maxTitle, maxExample = 1 << 10, 16 << 10
)

type storedTemplate struct {
	V        int               `json:"v"`
	Template minapush.Template `json:"template"`
}

// PutTemplate adds a template of an app or replaces it, but for GoneSince, which stays as it is. Errors: Invalid, naming the field;
// NotFound (no such app).
func (a *Accounts) PutTemplate(ctx context.Context, app minapush.AppID, t minapush.Template) error {
	if err := checkTemplate(t); err != nil {
		return err
	}
	if _, err := a.App(ctx, app); err != nil {
		return err
	}
	return edit(ctx, a, kindTemplate, templateDoc(app, t.ID), func(s *storedTemplate, _ bool) error {
		t.GoneSince = s.Template.GoneSince
		*s = storedTemplate{V: format, Template: t}
		return nil
	})
}

// checkTemplate refuses what cannot be kept.
func checkTemplate(t minapush.Template) error {
	if err := t.Validate(); err != nil {
		return err
	}
	b, err := json.Marshal(t)
	switch {
	case len(t.Title) > maxTitle:
		return minapush.FieldError("title", "must be at most %d bytes", maxTitle)
	case len(t.Example) > maxExample:
		return minapush.FieldError("example", "must be at most %d bytes", maxExample)
	case err != nil || len(b) > maxTemplate: // what is left to be large
		return minapush.FieldError("keys", "must not make the template larger than %d bytes", maxTemplate)
	}
	return nil
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

// DeleteTemplate removes a template. Permits for it stay. Errors: NotFound; Conflict (a scene asks for it: WeChat refuses the whole
// question if it does not know one of its templates).
func (a *Accounts) DeleteTemplate(ctx context.Context, app minapush.AppID, id string) error {
	if checkTemplateName(app, id) != nil {
		return unknownTemplate(app, id)
	}
	scenes, err := a.loadScenes(ctx, app)
	if err != nil {
		return fmt.Errorf("delete template %s: %w", id, err)
	}
	for _, sc := range scenes {
		if slices.Contains(sc.Templates, id) {
			return minapush.Errorf(minapush.Conflict, "scene %s asks for template %s: change the scene first", sc.Name, id)
		}
	}
	err = a.remove(ctx, kindTemplate, templateDoc(app, id))
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
