package api

import (
	"encoding/json"
	"time"
)

const (
	// MaxSample is how many users a sample may have, and DefaultSample how many it has unless told otherwise.
	MaxSample     = 100
	DefaultSample = 10
	// MaxUserEvents is how many events one call of POST events may have.
	MaxUserEvents = 1000
	// MaxEventAge is how old an event may be, in milliseconds.
	MaxEventAge = 3650 * 24 * 60 * 60 * 1000
)

// AudienceQuestion asks for whom an expression holds: POST audience/count and POST audience/sample.
type AudienceQuestion struct {
	// Where is an audience expression; absent: everybody.
	Where json.RawMessage `json:"where,omitempty"`
	// Template is the template of the message that is meant: "permits" without a template are those that serve it, and Reachable is told.
	Template string `json:"template,omitempty"`
	// Sample is how many users are drawn by chance, of those for whom it holds, each with the same chance; POST audience/sample only. 0
	// means DefaultSample.
	Sample int `json:"sample,omitempty"`
}

// AudienceLine is one line of the answer, which is NDJSON: some that tell how far the pass is, and one last that is Done.
type AudienceLine struct {
	// Walked counts the users looked at, Matched those for whom it holds, and Reachable those of them who have not opted out and hold a
	// permit that serves the template now; absent without a template.
	Walked    int64  `json:"walked"`
	Matched   int64  `json:"matched"`
	Reachable *int64 `json:"reachable,omitempty"`
	// OptedOut counts those of Matched who opted out of campaigns.
	OptedOut int64 `json:"opted_out"`
	// ShardsDone of Shards are through.
	ShardsDone int  `json:"shards_done"`
	Shards     int  `json:"shards"`
	Done       bool `json:"done,omitempty"`
	// At is when the pass began; Sample is in the last line of POST audience/sample.
	At     time.Time `json:"at,omitzero"`
	Sample []string  `json:"sample,omitempty"`
	// Problem ends an answer that did not come to its end.
	Problem *Problem `json:"problem,omitempty"`
}

// UserEvents tells what users did: POST events.
type UserEvents struct {
	Events []UserEvent `json:"events"`
}

// UserEvent is one thing that a user did.
type UserEvent struct {
	// OpenID is whose event it is, or "uid:…". With a session it is absent: the session's own.
	OpenID string `json:"openid,omitempty"`
	// Name has 1 to 64 letters, digits or _ . - and begins with a letter or _, such as "checkin".
	Name string `json:"name"`
	// At is when it happened, by a clock that is right; or AgeMS, how long ago that was. Neither: now. With a session only AgeMS is taken.
	// Whoever may send a call again gives At, so that the same event is known.
	At    time.Time `json:"at,omitzero"`
	AgeMS int64     `json:"age_ms,omitempty"`
}

// UserEventsAnswer says what became of each event, in order.
type UserEventsAnswer struct {
	Added   int               `json:"added"`
	Known   int               `json:"known"`
	Refused int               `json:"refused"`
	Events  []UserEventAnswer `json:"events"`
}

// UserEventAnswer is what became of one event.
type UserEventAnswer struct {
	// Result is added, known (one as late or later of its name was noted before) or refused.
	Result string `json:"result"`
	// Reason says why it was refused: bad_name, bad_time, bad_openid, unknown_uid, too_many_names, being_erased.
	Reason string `json:"reason,omitempty"`
}

// EventState is what is known of the events of one name of a user.
type EventState struct {
	Last  time.Time `json:"last"`
	Count int64     `json:"count"`
}
