package account

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// CreateApp adds an app, with its AppSecret or without (""). It fills in defaults, gives the app its Number and CreatedAt, whatever
// these were, and returns it as it is stored. Zero Guards are none. Errors: Invalid, naming the field; Conflict (the app exists).
func (a *Accounts) CreateApp(ctx context.Context, app minapush.App, secret string) (minapush.App, error) {
	app = withDefaults(app)
	if err := checkApp(app); err != nil {
		return minapush.App{}, err
	}
	if err := checkSecret(secret); err != nil {
		return minapush.App{}, err
	}
	exists := minapush.Errorf(minapush.Conflict, "app %s exists", app.ID)
	if _, err := a.docs.Get(ctx, kindApp, string(app.ID)); err == nil {
		return minapush.App{}, exists
	} else if !errors.Is(err, minapush.NotFound) {
		return minapush.App{}, fmt.Errorf("create app %s: %w", app.ID, err)
	}
	number, err := a.nextNumber(ctx)
	if err != nil {
		return minapush.App{}, fmt.Errorf("create app %s: %w", app.ID, err)
	}
	// A crash from here on leaves a number without an app: it is never given again.
	app.Number, app.CreatedAt = number, a.utc()
	_, err = a.put(ctx, kindApp, string(app.ID), 0, a.sealApp(app, a.sealSecret(app.ID, secret)))
	if errors.Is(err, minapush.Conflict) {
		return minapush.App{}, exists
	}
	if err != nil {
		return minapush.App{}, fmt.Errorf("create app %s: %w", app.ID, err)
	}
	a.apps.forget(string(app.ID))
	return app, nil
}

// UpdateApp lets change alter an app and stores it. change is called again, on the newer app, when somebody else was first; an
// error of it is returned as it is. ID, Number, Shards and CreatedAt are fixed. secret replaces the AppSecret; nil keeps it, ""
// removes it. Errors: NotFound; Invalid, naming the field.
func (a *Accounts) UpdateApp(ctx context.Context, id minapush.AppID, change func(*minapush.App) error, secret *string) (minapush.App, error) {
	var app minapush.App
	if err := checkAppID(id); err != nil {
		return app, unknownApp(id)
	}
	if secret != nil {
		if err := checkSecret(*secret); err != nil {
			return app, err
		}
	}
	err := edit(ctx, a, kindApp, string(id), func(d *storedApp, exists bool) error {
		if !exists {
			return unknownApp(id)
		}
		before, err := a.openApp(*d)
		if err != nil {
			return err
		}
		app = before.app
		if err := change(&app); err != nil {
			return err
		}
		app = withDefaults(app)
		if err := checkFixed(before.app, app); err != nil {
			return err
		}
		if err := checkApp(app); err != nil {
			return err
		}
		sealed := before.secret
		if secret != nil {
			sealed = a.sealSecret(id, *secret)
		}
		*d = a.sealApp(app, sealed)
		return nil
	})
	a.apps.forget(string(id))
	if err != nil {
		return minapush.App{}, err
	}
	return app, nil
}

// App returns an app, at most Config.CacheFor old. The secrets of its token source are in clear. Errors: NotFound.
func (a *Accounts) App(ctx context.Context, id minapush.AppID) (minapush.App, error) {
	r, err := a.record(ctx, id)
	r.app.Stopped.Params = maps.Clone(r.app.Stopped.Params) // the caller may write to it
	return r.app, err
}

// Apps returns every app, by id. It is not cached.
func (a *Accounts) Apps(ctx context.Context) ([]minapush.App, error) {
	var apps []minapush.App
	err := a.each(ctx, kindApp, "", func(d store.Document) (bool, error) {
		var s storedApp
		if err := decode(d, &s); err != nil {
			return false, err
		}
		r, err := a.openApp(s)
		apps = append(apps, r.app)
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("list apps: %w", err)
	}
	return apps, nil
}

// Secret returns the AppSecret of an app, at most Config.CacheFor old. Errors: NotFound (no such app, or it has no secret).
func (a *Accounts) Secret(ctx context.Context, id minapush.AppID) (string, error) {
	r, err := a.record(ctx, id)
	if err != nil {
		return "", err
	}
	if len(r.secret) == 0 {
		return "", minapush.Errorf(minapush.NotFound, "app %s has no AppSecret: give it one, or choose another token source", id)
	}
	secret, err := a.sealer.Open("app secret", string(id), r.secret)
	return string(secret), err
}

func (a *Accounts) record(ctx context.Context, id minapush.AppID) (appRecord, error) {
	if err := checkAppID(id); err != nil {
		return appRecord{}, unknownApp(id)
	}
	return a.apps.get(string(id), func() (appRecord, error) {
		var s storedApp
		_, err := a.get(ctx, kindApp, string(id), &s)
		if errors.Is(err, minapush.NotFound) {
			return appRecord{}, unknownApp(id)
		}
		if err != nil {
			return appRecord{}, fmt.Errorf("read app %s: %w", id, err)
		}
		return a.openApp(s)
	})
}

// nextNumber gives out app numbers, each once.
func (a *Accounts) nextNumber(ctx context.Context) (uint32, error) {
	var number uint32
	err := edit(ctx, a, kindCounter, "app", func(c *storedCounter, _ bool) error {
		if c.Last == math.MaxUint32 {
			return minapush.Errorf(minapush.Internal, "no app number is left")
		}
		c.V, c.Last = format, c.Last+1
		number = c.Last
		return nil
	})
	return number, err
}

func unknownApp(id minapush.AppID) error {
	return minapush.Errorf(minapush.NotFound, "app %.64q is not known", id)
}
