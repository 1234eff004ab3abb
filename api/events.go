package api

import (
	"encoding/json"
	"time"
)

const (
	// MaxEvent is the size of one event in bytes.
	MaxEvent = 64 << 10
	// MaxEvents is how many events one call of POST wechat/events may have.
	MaxEvents = 100
	// DefaultEventDays and MaxEventDays are over how many days GET odd-events counts.
	DefaultEventDays = 7
	MaxEventDays     = 90
)

// NewEventSettings says how WeChat pushes its events to an app: PUT wechat-push. What is absent stays, since not all of it can be read
// back.
type NewEventSettings struct {
	// Token and EncodingAESKey are those in WeChat's console. They are written and never read back.
	Token          string `json:"token,omitempty"`
	EncodingAESKey string `json:"encoding_aes_key,omitempty"`
	// Mode is security (that of new settings), compatible or plain.
	Mode string `json:"mode,omitempty"`
	// PassOnURL gets what WeChat pushes and is not ours, as it came, and its answer is WeChat's. "": that goes nowhere.
	PassOnURL *string `json:"pass_on_url,omitempty"`
	// PassOn is others (that of a new URL), or all: our own events go there too.
	PassOn string `json:"pass_on,omitempty"`
}

// EventSettings answers GET and PUT wechat-push.
type EventSettings struct {
	// Path is what comes behind the address of the public listener: the URL to be entered in WeChat's console.
	Path string `json:"path"`
	Mode string `json:"mode"`
	// TokenSet and EncodingAESKeySet tell whether there is one.
	TokenSet          bool `json:"token_set"`
	EncodingAESKeySet bool `json:"encoding_aes_key_set"`
	// PassOnURL comes without its query.
	PassOnURL string `json:"pass_on_url,omitempty"`
	PassOn    string `json:"pass_on"`
}

// NewEvents are events that a backend forwards: POST wechat/events. Its body may also be one event, in JSON or XML, as WeChat wrote it.
type NewEvents struct {
	// Events are 1 to MaxEvents, each an object as WeChat wrote it, or a text in JSON or XML. They must be decrypted.
	Events []json.RawMessage `json:"events"`
}

// EventAnswers answers POST wechat/events. What it tells is durable, and the same events may be sent again.
type EventAnswers struct {
	// Events answer in the order of the request.
	Events []EventAnswer `json:"events"`
}

// EventAnswer is what became of one event.
type EventAnswer struct {
	// Event is WeChat's name of it.
	Event string `json:"event,omitempty"`
	// Items answer for its items in their order; an event without items has one answer. Absent if it was refused.
	Items []EventItemAnswer `json:"items,omitempty"`
	// Problem says why it was refused.
	Problem *FieldProblem `json:"problem,omitempty"`
}

// EventItemAnswer is what became of one item.
type EventItemAnswer struct {
	Template string `json:"template,omitempty"`
	// Result is one of those that docs/api.md lists.
	Result string `json:"result"`
}

// OddEvents answers GET odd-events: what was counted of WeChat's events, and those that people should look at.
type OddEvents struct {
	// Since is the midnight in Beijing from which Counts count.
	Since time.Time `json:"since"`
	// Counts are items by type and result: {"popup": {"accepted": 7}}.
	Counts map[string]map[string]int64 `json:"counts"`
	// Events are the last ones that were not understood, or fit nothing here, the latest last.
	Events []OddEvent `json:"events"`
}

// OddEvent is one event that was kept.
type OddEvent struct {
	At time.Time `json:"at"`
	// Type is popup, change, sent, cancelled, punished or other.
	Type string `json:"type"`
	// Why is a result, or what was wrong.
	Why string `json:"why"`
	// Body is its begin, without whole openids; absent: it is not kept.
	Body string `json:"body,omitempty"`
}
