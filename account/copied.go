package account

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// ReadApps lists the apps of a store without what is sealed, so that no key is needed.
func ReadApps(ctx context.Context, docs store.Documents) ([]minapush.App, error) {
	a := &Accounts{docs: docs}
	var apps []minapush.App
	err := a.each(ctx, kindApp, "", func(d store.Document) (bool, error) {
		var s storedApp
		if err := decode(d, &s); err != nil {
			return false, err
		}
		apps = append(apps, s.open())
		return true, nil
	})
	return apps, err
}

// RewriteApp changes over how many shards the users of a stored app are spread, and whether it is stopped: nothing else of what change does
// is kept. What is sealed stays as it is. A document that is not an app is returned as it is. It is for copies of whole stores.
func RewriteApp(d store.Document, change func(*minapush.App)) (store.Document, error) {
	if d.Kind != kindApp {
		return d, nil
	}
	var s storedApp
	if err := decode(d, &s); err != nil {
		return d, err
	}
	app := s.open()
	change(&app)
	s.Shards, s.Stopped = app.Shards, app.Stopped
	value, err := json.Marshal(s)
	if err != nil {
		return d, fmt.Errorf("encode app %s: %w", s.ID, err)
	}
	d.Value = value
	return d, nil
}

// open is the app, but for what is sealed.
func (s *storedApp) open() minapush.App {
	return minapush.App{
		ID: s.ID, Number: s.Number, Name: s.Name, Shards: s.Shards, Rate: s.Rate, InFlight: s.InFlight, BaseURL: s.BaseURL,
		Token:      minapush.TokenSource{Kind: s.TokenKind, URL: s.TokenURL, Path: s.TokenPath},
		EventsOnly: s.EventsOnly, Stopped: s.Stopped, CreatedAt: s.CreatedAt,
	}
}
