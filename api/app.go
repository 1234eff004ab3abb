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
	// TimeZone is the time zone of its days and hours.
	TimeZone string `json:"time_zone"`
	// Guards keep campaigns from wearing its users out.
	Guards Guards `json:"guards"`
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
	// TimeZone is the time zone of its days and hours, as in the IANA database. Absent: Asia/Shanghai.
	TimeZone string `json:"time_zone,omitempty"`
	// Guards keep campaigns from wearing its users out. Absent: one message a day, quiet from 22:00 to 08:00, the same content not twice in
	// 7 days; {} is none.
	Guards *Guards `json:"guards,omitempty"`
}

// Guards keep campaigns from wearing users out. What is absent is not guarded.
type Guards struct {
	// PerDay is how many messages of campaigns a user may get on one calendar day.
	PerDay int `json:"per_day,omitempty"`
	// CountPushes holds PerDay for pushes too: they count, and one too many is skipped (daily_cap).
	CountPushes bool `json:"count_pushes,omitempty"`
	// SameContentDays is for how many days a user does not get the same content from another campaign.
	SameContentDays int `json:"same_content_days,omitempty"`
	// Quiet are hours in which no campaign is sent.
	Quiet *QuietHours `json:"quiet,omitempty"`
}

// QuietHours are hours of each day, such as from "22:00" until "08:00".
type QuietHours struct {
	From  string `json:"from"`
	Until string `json:"until"`
	// Skip skips those who are met in them; otherwise a campaign waits until they are over.
	Skip bool `json:"skip,omitempty"`
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
	EventsOnly *bool   `json:"events_only,omitempty"`
	TimeZone   *string `json:"time_zone,omitempty"`
	// Guards replaces all guards.
	Guards *Guards `json:"guards,omitempty"`
	// Stopped true stops all sending of the app within a second, on every node; false lets it go on. StoppedWhy goes with true,
	// and is {"code": "operator"} unless given.
	Stopped    *bool   `json:"stopped,omitempty"`
	StoppedWhy *Reason `json:"stopped_why,omitempty"`
}

// Apps answers GET /v1/apps: the apps that the key may read.
type Apps struct {
	Apps []App `json:"apps"`
}
