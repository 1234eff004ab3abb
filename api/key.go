package api

import "time"

// Key is an API key without its secret.
type Key struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// AppID is the only app that the key is for; absent: every app.
	AppID string `json:"app_id,omitempty"`
	// Scopes are report, read, push, campaign and admin; admin implies all.
	Scopes    []string  `json:"scopes"`
	CreatedAt time.Time `json:"created_at"`
}

// NewKey makes an API key: POST /v1/keys.
type NewKey struct {
	Name   string   `json:"name"`
	AppID  string   `json:"app_id,omitempty"`
	Scopes []string `json:"scopes"`
}

// KeySecret answers POST /v1/keys. Secret is shown this once.
type KeySecret struct {
	Key
	Secret string `json:"secret"`
}

// Keys answers GET /v1/keys: the keys that the caller's key may manage.
type Keys struct {
	Keys []Key `json:"keys"`
}
