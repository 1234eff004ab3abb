package api

import (
	"strconv"
	"time"
)

// Message is one filled-in template.
type Message struct {
	Template string `json:"template"`
	// Page opens when the card is tapped; absent: it is not clickable.
	Page string `json:"page,omitempty"`
	// MiniprogramState is formal (the default), trial or developer.
	MiniprogramState string `json:"miniprogram_state,omitempty"`
	// Lang is zh_CN (the default), en_US, zh_HK or zh_TW.
	Lang   string            `json:"lang,omitempty"`
	Values map[string]string `json:"values,omitempty"`
	// Keywords is a shorthand for Values: "a,b,c" is keyword1 to keyword3.
	Keywords string `json:"keywords,omitempty"`
	// Emphasis is the key shown in large type, of a legacy message.
	Emphasis string `json:"emphasis,omitempty"`
}

// NewPush sends one message to one user: POST pushes.
type NewPush struct {
	OpenID  string  `json:"openid"`
	Message Message `json:"message"`
}

// Push answers POST pushes: the delivery, with its outcome.
type Push struct {
	Delivery
	// Replayed tells that a push with the same Idempotency-Key was made before, and this is its answer.
	Replayed bool `json:"replayed"`
	// RetryAt is, of a push that was skipped, when a payment's permit that is merely too young is ready.
	RetryAt time.Time `json:"retry_at,omitzero"`
}

// Delivery is one message to one user.
type Delivery struct {
	// Campaign or Push is its id.
	Campaign string `json:"campaign,omitempty"`
	Push     string `json:"push,omitempty"`
	OpenID   string `json:"openid"`
	// State is waiting, held, sending, suspected or settled.
	State string `json:"state"`
	// Outcome is pending, accepted, refused, failed, skipped or unknown.
	Outcome string  `json:"outcome"`
	Reason  *Reason `json:"reason,omitempty"`
	// Errcode is WeChat's last answer, and MsgID WeChat's number of the message.
	Errcode int   `json:"errcode,omitempty"`
	MsgID   MsgID `json:"msgid,omitzero"`
	// Permit is the kind of permit that was used or is held.
	Permit string `json:"permit,omitempty"`
	// Tries counts how often it was sent.
	Tries int `json:"tries"`
	// NotBefore is when the next try is due, of a delivery that waits.
	NotBefore  time.Time `json:"not_before,omitzero"`
	ReservedAt time.Time `json:"reserved_at,omitzero"`
	SettledAt  time.Time `json:"settled_at,omitzero"`
	// OpenedAt is when the user first opened the message, as the SDK reported.
	OpenedAt time.Time `json:"opened_at,omitzero"`
	// Confirmed is what WeChat said later of an accepted message: delivered or undelivered; absent: nothing yet. ConfirmedAt is when, by
	// its clock, and ConfirmStatus its own words.
	Confirmed     string    `json:"confirmed,omitempty"`
	ConfirmedAt   time.Time `json:"confirmed_at,omitzero"`
	ConfirmStatus string    `json:"confirm_status,omitempty"`
}

// MsgID is WeChat's number of a message. It is a string on the wire: JavaScript cannot count as far.
type MsgID int64

// MarshalText writes the number in digits.
func (m MsgID) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(m), 10), nil }

// UnmarshalText reads digits.
func (m *MsgID) UnmarshalText(b []byte) error {
	n, err := strconv.ParseInt(string(b), 10, 64)
	*m = MsgID(n)
	return err
}

// Deliveries answers GET campaigns/{id}/deliveries. A page may be short, or empty, and not the last. Users that a campaign skipped
// have no delivery; they are counted by reason.
type Deliveries struct {
	Deliveries []Delivery `json:"deliveries"`
	// Next is the cursor of the next page; absent at the end.
	Next string `json:"next,omitempty"`
}
