package account

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Scene is a place in the mini program that asks for subscriptions.
type Scene struct {
	// Name has 1 to 64 letters, digits or _ . -
	Name string `json:"name"`
	// Templates are asked for together: 1 to MaxSceneTemplates templates of the app, of one kind, which is not legacy.
	Templates []string `json:"templates"`
	// Kind is that of the templates as they now are; it is not stored. Empty: the first of them is not known any more. PutScene takes it
	// as a claim to be checked, if it is not empty.
	Kind minapush.TemplateKind `json:"-"`
	// Target is the balance at which the user is not asked any more, 1 to MaxSceneTarget. Defaults to 1.
	Target int `json:"target"`
	// CoolDown is for how long the user is not asked after a refusal; NoCoolDown: not at all. Defaults to DefaultCoolDown.
	CoolDown time.Duration `json:"cool_down_ns"`
}

const (
	// MaxScenes is how many scenes an app may have: every phone is told of all of them.
	MaxScenes = 50
	// MaxSceneTemplates is how many templates wx.requestSubscribeMessage takes at a time.
	MaxSceneTemplates = 3
	// MaxSceneTarget is how many permits of one template a user keeps.
	MaxSceneTarget = store.DefaultPerSection
	// DefaultCoolDown is for how long a user is not asked after a refusal, and MaxCoolDown the longest time that may be chosen.
	DefaultCoolDown = 7 * 24 * time.Hour
	MaxCoolDown     = 365 * 24 * time.Hour
	// NoCoolDown lets a user be asked again at once.
	NoCoolDown = -1 * time.Second
)

var sceneName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

type storedScene struct {
	V     int   `json:"v"`
	Scene Scene `json:"scene"`
}

// PutScene adds a scene of an app or replaces it, and returns it as it is stored. Errors: Invalid, naming the field; NotFound (no such
// app).
func (a *Accounts) PutScene(ctx context.Context, app minapush.AppID, sc Scene) (Scene, error) {
	if sc.Target == 0 {
		sc.Target = 1
	}
	if sc.CoolDown == 0 {
		sc.CoolDown = DefaultCoolDown
	}
	if err := sc.validate(); err != nil {
		return Scene{}, err
	}
	if _, err := a.App(ctx, app); err != nil {
		return Scene{}, err
	}
	all, err := a.loadScenes(ctx, app)
	if err != nil {
		return Scene{}, fmt.Errorf("put scene %s: %w", sc.Name, err)
	}
	known := slices.ContainsFunc(all, func(other Scene) bool { return other.Name == sc.Name })
	if !known && len(all) >= MaxScenes {
		return Scene{}, minapush.FieldError("name", "is one too many: an app has at most %d scenes", MaxScenes)
	}
	kind, err := a.checkAsked(ctx, app, sc.Templates)
	if err != nil {
		return Scene{}, err
	}
	if sc.Kind != "" && sc.Kind != kind {
		return Scene{}, minapush.FieldError("kind", "is %q, but the templates are %s", sc.Kind, kind)
	}
	sc.Kind = kind
	err = edit(ctx, a, kindScene, sceneDoc(app, sc.Name), func(s *storedScene, _ bool) error {
		*s = storedScene{V: format, Scene: sc}
		return nil
	})
	a.scenes.forget(string(app))
	return sc, err
}

func (sc Scene) validate() error {
	switch {
	case !sceneName.MatchString(sc.Name):
		return minapush.FieldError("name", "must have 1 to 64 letters, digits or _ . -")
	case len(sc.Templates) < 1 || len(sc.Templates) > MaxSceneTemplates:
		return minapush.FieldError("templates", "must be 1 to %d, are %d", MaxSceneTemplates, len(sc.Templates))
	case sc.Target < 1 || sc.Target > MaxSceneTarget:
		return minapush.FieldError("target", "must be from 1 to %d, is %d", MaxSceneTarget, sc.Target)
	case sc.CoolDown != NoCoolDown && (sc.CoolDown < time.Second || sc.CoolDown > MaxCoolDown):
		return minapush.FieldError("cool_down_seconds", "must be -1 (none), or from 1 to %d", int(MaxCoolDown/time.Second))
	}
	return nil
}

// checkAsked refuses templates that cannot be asked for together, and returns their kind.
func (a *Accounts) checkAsked(ctx context.Context, app minapush.AppID, templates []string) (first minapush.TemplateKind, err error) {
	for i, id := range templates {
		field := fmt.Sprintf("templates[%d]", i)
		t, err := a.Template(ctx, app, id)
		switch {
		case errors.Is(err, minapush.NotFound):
			return "", minapush.FieldError(field, "is not a template of this app: PUT it first")
		case err != nil:
			return "", err
		case slices.Contains(templates[:i], id):
			return "", minapush.FieldError(field, "is named twice")
		case t.Kind == minapush.LegacyTemplate:
			return "", minapush.FieldError(field, "is a legacy template: users are not asked for these")
		case first != "" && t.Kind != first:
			return "", minapush.FieldError(field, "is %s and the one before it %s: WeChat asks for one kind at a time", t.Kind, first)
		}
		first = t.Kind
	}
	return first, nil
}

// Scenes returns every scene of an app by name, at most Config.CacheFor old. Errors: NotFound (no such app).
func (a *Accounts) Scenes(ctx context.Context, app minapush.AppID) ([]Scene, error) {
	if _, err := a.App(ctx, app); err != nil {
		return nil, err
	}
	scenes, err := a.scenes.get(string(app), func() ([]Scene, error) { return a.loadScenes(ctx, app) })
	if err != nil {
		return nil, fmt.Errorf("list scenes of %s: %w", app, err)
	}
	scenes = slices.Clone(scenes) // the caller may write to it
	for i := range scenes {
		scenes[i].Templates = slices.Clone(scenes[i].Templates)
		t, err := a.Template(ctx, app, scenes[i].Templates[0])
		if err != nil && !errors.Is(err, minapush.NotFound) {
			return nil, fmt.Errorf("list scenes of %s: %w", app, err)
		}
		scenes[i].Kind = t.Kind
	}
	return scenes, nil
}

func (a *Accounts) loadScenes(ctx context.Context, app minapush.AppID) ([]Scene, error) {
	var scenes []Scene
	prefix := sceneDoc(app, "")
	err := a.each(ctx, kindScene, prefix, func(d store.Document) (bool, error) {
		if !strings.HasPrefix(d.ID, prefix) {
			return false, nil
		}
		var s storedScene
		err := decode(d, &s)
		scenes = append(scenes, s.Scene)
		return true, err
	})
	return scenes, err
}

// DeleteScene removes a scene. Errors: NotFound.
func (a *Accounts) DeleteScene(ctx context.Context, app minapush.AppID, name string) error {
	unknown := minapush.Errorf(minapush.NotFound, "scene %.64q of app %.64q is not known", name, app)
	if checkAppID(app) != nil || !sceneName.MatchString(name) {
		return unknown
	}
	err := a.remove(ctx, kindScene, sceneDoc(app, name))
	a.scenes.forget(string(app))
	if errors.Is(err, minapush.NotFound) {
		return unknown
	}
	return err
}

// sceneDoc names the document of a scene, as templateDoc does that of a template.
func sceneDoc(app minapush.AppID, name string) string { return string(app) + "/" + name }
