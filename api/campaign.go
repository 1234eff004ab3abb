package api

import "time"

// NewCampaign makes a campaign: POST campaigns.
type NewCampaign struct {
	Name    string  `json:"name,omitempty"`
	Message Message `json:"message"`
	// StartAt is when it starts by itself; absent: by a start call, or at once with Start.
	StartAt time.Time `json:"start_at,omitzero"`
	Start   bool      `json:"start,omitempty"`
	// GraceSeconds is how late it may start; 0 means an hour.
	GraceSeconds int `json:"grace_seconds,omitempty"`
	// LatestSend is the moment after which nothing is sent.
	LatestSend time.Time `json:"latest_send,omitzero"`
	// AtLeastOnce sends again what may have arrived. The default is at most once.
	AtLeastOnce bool `json:"at_least_once,omitempty"`
}

// Campaign is one message to an audience.
type Campaign struct {
	ID      string  `json:"id"`
	Name    string  `json:"name"`
	Message Message `json:"message"`
	// TemplateKind is legacy, one_time or long_term.
	TemplateKind string    `json:"template_kind"`
	AtLeastOnce  bool      `json:"at_least_once"`
	StartAt      time.Time `json:"start_at,omitzero"`
	GraceSeconds int       `json:"grace_seconds"`
	LatestSend   time.Time `json:"latest_send,omitzero"`
	// State is scheduled, running, paused, cancelling, finished, cancelled or missed; Why explains it.
	State string  `json:"state"`
	Why   *Reason `json:"why,omitempty"`
	// Hold says why a running campaign waits, and until when.
	Hold      *Hold     `json:"hold,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	StartedAt time.Time `json:"started_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	// Progress comes with GET campaigns/{id} only.
	Progress *Progress `json:"progress,omitempty"`
}

// Hold is a wait that ends by itself.
type Hold struct {
	Why   Reason    `json:"why"`
	Until time.Time `json:"until"`
}

// Progress is where a campaign stands. Audience is the sum of Pending and all Outcomes.
type Progress struct {
	// Audience counts the users examined so far.
	Audience int64 `json:"audience"`
	// Pending counts those without an outcome yet, and PendingBy splits it: waiting, held, sending, suspected.
	Pending   int64            `json:"pending"`
	PendingBy map[string]int64 `json:"pending_by"`
	// Outcomes counts by accepted, refused, failed, skipped and unknown; Reasons splits each by reason code.
	Outcomes map[string]int64            `json:"outcomes"`
	Reasons  map[string]map[string]int64 `json:"reasons"`
	// ShardsDone of Shards are through with their users.
	ShardsDone int `json:"shards_done"`
	Shards     int `json:"shards"`
	// NotWalked estimates the users still to be examined, from the survey at SurveyedAt; absent before the first survey.
	NotWalked  *int64    `json:"not_walked,omitempty"`
	SurveyedAt time.Time `json:"surveyed_at,omitzero"`
}

// Campaigns answers GET campaigns, oldest first.
type Campaigns struct {
	Campaigns []Campaign `json:"campaigns"`
	// Next is the cursor of the next page; absent at the end.
	Next string `json:"next,omitempty"`
}
