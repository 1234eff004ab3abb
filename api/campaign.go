package api

import (
	"encoding/json"
	"time"
)

// NewCampaign makes a campaign: POST campaigns.
type NewCampaign struct {
	Name    string  `json:"name,omitempty"`
	Message Message `json:"message"`
	// Audience is who it is for; absent: every user of the app.
	Audience *Audience `json:"audience,omitempty"`
	// StartAt is when it starts by itself; absent: by a start call, or at once with Start.
	StartAt time.Time `json:"start_at,omitzero"`
	Start   bool      `json:"start,omitempty"`
	// GraceSeconds is how late it may start; 0 means an hour.
	GraceSeconds int `json:"grace_seconds,omitempty"`
	// LatestSend is the moment after which nothing is sent.
	LatestSend time.Time `json:"latest_send,omitzero"`
	// AtLeastOnce sends again what may have arrived. The default is at most once.
	AtLeastOnce bool `json:"at_least_once,omitempty"`
	// KeepBack is how many permits that serve it are left to each user for pushes.
	KeepBack int `json:"keep_back,omitempty"`
	// OnQuiet says what becomes of it in the app's quiet hours: wait or skip. Absent: as the app says.
	OnQuiet string `json:"on_quiet,omitempty"`
	// Rollout sends it in stages; absent: to all at once.
	Rollout *Rollout `json:"rollout,omitempty"`
}

// Audience is who a campaign is for.
type Audience struct {
	// List keeps to the users of the campaign's own list, which PUT campaigns/{id}/audience fills before the start.
	List bool `json:"list,omitempty"`
	// Listed counts the list when the campaign was started.
	Listed int64 `json:"listed,omitempty"`
	// Where is an audience expression, such as {"seen_within": "7d"}: the campaign is for the users for whom it holds. It cannot
	// stand beside List. docs/api.md has its words.
	Where json.RawMessage `json:"where,omitempty"`
}

// ListAnswer answers PUT campaigns/{id}/audience. What it calls added is durable, and so is it if the answer is lost: the same list
// may be sent again.
type ListAnswer struct {
	// Rows counts the rows read; each is one of Added, Duplicate (on the list already; the values that came first stay) and Refused.
	Rows      int64 `json:"rows"`
	Added     int64 `json:"added"`
	Duplicate int64 `json:"duplicate"`
	Refused   int64 `json:"refused"`
	// Problems names the first refused rows, at most MaxRowProblems.
	Problems []RowProblem `json:"problems"`
	// Listed counts the whole list as it now stands.
	Listed int64 `json:"listed"`
}

// DryRun answers POST campaigns?dry_run=true: what the campaign would meet. Nothing is made.
type DryRun struct {
	// Users counts all users of the app and Reachable those who hold a permit for the template now, both by the survey at SurveyedAt;
	// absent before the first survey. With an audience they are upper bounds, which Narrowed says.
	Users      *int64    `json:"users,omitempty"`
	Reachable  *int64    `json:"reachable,omitempty"`
	SurveyedAt time.Time `json:"surveyed_at,omitzero"`
	Narrowed   bool      `json:"narrowed"`
	// Seconds is how long sending to Reachable takes at the app's rate; absent if the rate is unlimited.
	Seconds *int64 `json:"seconds,omitempty"`
}

// Retry makes a campaign from those that another one did not reach: POST campaigns/{id}/retry. Its list is made from the deliveries
// that are kept, so it must be asked for before they are forgotten.
type Retry struct {
	Name string `json:"name,omitempty"`
	// Outcomes chooses the deliveries: failed (the default), refused, skipped, unknown. Users who were skipped leave a delivery only in
	// list campaigns. Naming unknown may send a message twice.
	Outcomes []string `json:"outcomes,omitempty"`
	// Start starts it at once.
	Start bool `json:"start,omitempty"`
}

// Campaign is one message to an audience.
type Campaign struct {
	ID      string  `json:"id"`
	Name    string  `json:"name"`
	Message Message `json:"message"`
	// TemplateKind is legacy, one_time or long_term.
	TemplateKind string   `json:"template_kind"`
	Audience     Audience `json:"audience"`
	// RetryOf is the campaign from whose deliveries the list was made.
	RetryOf      string    `json:"retry_of,omitempty"`
	AtLeastOnce  bool      `json:"at_least_once"`
	StartAt      time.Time `json:"start_at,omitzero"`
	GraceSeconds int       `json:"grace_seconds"`
	LatestSend   time.Time `json:"latest_send,omitzero"`
	KeepBack     int       `json:"keep_back,omitempty"`
	OnQuiet      string    `json:"on_quiet,omitempty"`
	Rollout      *Rollout  `json:"rollout,omitempty"`
	// Schedule is the schedule of which it is a run, planned for StartAt, or of which it tries a run again.
	Schedule string `json:"schedule,omitempty"`
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
	// Opened counts the users who opened the message, each once; they are among those accepted or unknown.
	Opened int64 `json:"opened"`
	// Confirmed splits the accepted by what WeChat's events said of them: delivered, undelivered, and unconfirmed (nothing yet). Absent
	// while there was no event of any.
	Confirmed map[string]int64 `json:"confirmed,omitempty"`
	// ShardsDone of Shards are through with their users.
	ShardsDone int `json:"shards_done"`
	Shards     int `json:"shards"`
	// NotWalked counts the users still to be examined: of a list exactly, otherwise as the survey at SurveyedAt suggests; absent before
	// the first survey.
	NotWalked  *int64    `json:"not_walked,omitempty"`
	SurveyedAt time.Time `json:"surveyed_at,omitzero"`
}

// Campaigns answers GET campaigns, newest first.
type Campaigns struct {
	Campaigns []Campaign `json:"campaigns"`
	// Next is the cursor of the next page; absent at the end.
	Next string `json:"next,omitempty"`
}
