package api

import "time"

// App is one mini program, without its secrets.
type App struct {
	AppID string `json:"app_id"`
	Name  string `json:"name"`
	// Shards is over how many shards its users are spread; fixed at creation.
	Shards int `json:"shards"`
	// Rate is how many messages a second may be sent, over all nodes; -1 removes the pace.
	Rate int `json:"rate"`
	// InFlight is how many sends may be unanswered at a time, on each node.
	InFlight int `json:"in_flight"`
	// BaseURL is where the WeChat API is reached.
	BaseURL string      `json:"base_url"`
	Token   TokenSource `json:"token"`
	// EventsOnly counts subscriptions by WeChat's own events alone: a report of one is refused (events_only).
	EventsOnly bool `json:"events_only,omitempty"`
	// Stopped is the kill switch: while it is on nothing is sent. StoppedWhy says why.
	Stopped    bool      `json:"stopped"`
	StoppedWhy *Reason   `json:"stopped_why,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
}

// TokenSource says where the access token comes from. Header and Value may hold secrets: they are written and never read back, and
// URL is read back without its query.
type TokenSource struct {
	// Kind is stable (the default), classic, url, fixed or none.
	Kind   string `json:"kind"`
	URL    string `json:"url,omitempty"`
	Header string `json:"header,omitempty"`
	Path   string `json:"path,omitempty"`
	Value  string `json:"value,omitempty"`
}

// NewApp makes an app: POST /v1/apps. Everything but AppID has a default.
type NewApp struct {
	AppID    string       `json:"app_id"`
	Name     string       `json:"name,omitempty"`
	Secret   string       `json:"secret,omitempty"`
	Shards   int          `json:"shards,omitempty"`
	Rate     int          `json:"rate,omitempty"`
	InFlight int          `json:"in_flight,omitempty"`
	BaseURL  string       `json:"base_url,omitempty"`
	Token    *TokenSource `json:"token,omitempty"`
}

// AppChange changes an app: PATCH /v1/apps/{appid}. What is absent stays.
type AppChange struct {
	Name *string `json:"name,omitempty"`
	// Secret replaces the AppSecret; "" removes it.
	Secret   *string `json:"secret,omitempty"`
	Rate     *int    `json:"rate,omitempty"`
	InFlight *int    `json:"in_flight,omitempty"`
	BaseURL  *string `json:"base_url,omitempty"`
	// Token replaces the whole token source, its secrets too.
	Token *TokenSource `json:"token,omitempty"`
	// EventsOnly counts subscriptions by WeChat's own events alone. It wants event settings (PUT wechat-push), or forwarded events.
	EventsOnly *bool `json:"events_only,omitempty"`
	// Stopped true stops all sending of the app within a second, on every node; false lets it go on. StoppedWhy goes with true,
	// and is {"code": "operator"} unless given.
	Stopped    *bool   `json:"stopped,omitempty"`
	StoppedWhy *Reason `json:"stopped_why,omitempty"`
}

// Apps answers GET /v1/apps: the apps that the key may read.
type Apps struct {
	Apps []App `json:"apps"`
}
