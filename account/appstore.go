package account

import (
	"cmp"
	"time"

	"github.com/minapush/minapush"
)

// storedApp is an app as it is stored; what may be secret is sealed.
type storedApp struct {
	V            int                `json:"v"`
	ID           minapush.AppID     `json:"id"`
	Number       uint32             `json:"number"`
	Name         string             `json:"name,omitempty"`
	Shards       int                `json:"shards"`
	Rate         int                `json:"rate"`
	InFlight     int                `json:"in_flight"`
	BaseURL      string             `json:"base_url"`
	TokenKind    minapush.TokenKind `json:"token_kind"`
	TokenURL     string             `json:"token_url,omitempty"`
	TokenPath    string             `json:"token_path,omitempty"`
	SealedHeader []byte             `json:"sealed_token_header,omitempty"`
	SealedValue  []byte             `json:"sealed_token_value,omitempty"`
	SealedSecret []byte             `json:"sealed_secret,omitempty"`
	EventsOnly   bool               `json:"events_only,omitempty"`
	TimeZone     string             `json:"time_zone,omitempty"` // releases before it was asked for wrote none
	Guards       storedGuards       `json:"guards,omitzero"`
	Stopped      minapush.Reason    `json:"stopped"`
	CreatedAt    time.Time          `json:"created_at"`
}

// storedGuards are guards as they are stored. Apps of releases that knew none have none.
type storedGuards struct {
	PerDay          int    `json:"per_day,omitempty"`
	CountPushes     bool   `json:"count_pushes,omitempty"`
	SameContentDays int    `json:"same_content_days,omitempty"`
	QuietFrom       string `json:"quiet_from,omitempty"`
	QuietUntil      string `json:"quiet_until,omitempty"`
	QuietSkip       bool   `json:"quiet_skip,omitempty"`
}

func storeGuards(g minapush.Guards) storedGuards {
	return storedGuards{
		PerDay: g.PerDay, CountPushes: g.CountPushes, SameContentDays: g.SameContentDays,
		QuietFrom: g.Quiet.From, QuietUntil: g.Quiet.Until, QuietSkip: g.Quiet.Skip,
	}
}

func (s storedGuards) guards() minapush.Guards {
	return minapush.Guards{
		PerDay: s.PerDay, CountPushes: s.CountPushes, SameContentDays: s.SameContentDays,
		Quiet: minapush.QuietHours{From: s.QuietFrom, Until: s.QuietUntil, Skip: s.QuietSkip},
	}
}

// appRecord is an app with its secret still sealed.
type appRecord struct {
	app    minapush.App
	secret []byte
}

type storedCounter struct {
	V    int    `json:"v"`
	Last uint32 `json:"last"`
}

func (a *Accounts) sealSecret(id minapush.AppID, secret string) []byte {
	if secret == "" {
		return nil
	}
	return a.sealer.Seal("app secret", string(id), []byte(secret))
}

func (a *Accounts) sealApp(app minapush.App, secret []byte) storedApp {
	s := storedApp{
		V: format, ID: app.ID, Number: app.Number, Name: app.Name, Shards: app.Shards, Rate: app.Rate, InFlight: app.InFlight,
		BaseURL: app.BaseURL, TokenKind: app.Token.Kind, TokenURL: app.Token.URL, TokenPath: app.Token.Path,
		SealedSecret: secret, EventsOnly: app.EventsOnly, Stopped: app.Stopped, CreatedAt: app.CreatedAt,
		TimeZone: app.TimeZone, Guards: storeGuards(app.Guards),
	}
	if app.Token.Header != "" {
		s.SealedHeader = a.sealer.Seal("token header", string(app.ID), []byte(app.Token.Header))
	}
	if app.Token.Value != "" {
		s.SealedValue = a.sealer.Seal("token value", string(app.ID), []byte(app.Token.Value))
	}
	return s
}

func (a *Accounts) openApp(s storedApp) (appRecord, error) {
	app := minapush.App{
		ID: s.ID, Number: s.Number, Name: s.Name, Shards: s.Shards, Rate: s.Rate, InFlight: s.InFlight, BaseURL: s.BaseURL,
		Token:      minapush.TokenSource{Kind: s.TokenKind, URL: s.TokenURL, Path: s.TokenPath},
		EventsOnly: s.EventsOnly, Stopped: s.Stopped, CreatedAt: s.CreatedAt,
		TimeZone: cmp.Or(s.TimeZone, minapush.DefaultTimeZone), Guards: s.Guards.guards(),
	}
	if s.SealedHeader != nil {
		header, err := a.sealer.Open("token header", string(s.ID), s.SealedHeader)
		if err != nil {
			return appRecord{}, err
		}
		app.Token.Header = string(header)
	}
	if s.SealedValue != nil {
		value, err := a.sealer.Open("token value", string(s.ID), s.SealedValue)
		if err != nil {
			return appRecord{}, err
		}
		app.Token.Value = string(value)
	}
	return appRecord{app: app, secret: s.SealedSecret}, nil
}
