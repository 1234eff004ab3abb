package api

import "time"

// Spent tells of a message that went out elsewhere: POST permits/spent. It takes an Idempotency-Key.
type Spent struct {
	OpenID string `json:"openid"`
	// Template is the message's template.
	Template string `json:"template"`
	// Code names the form id or prepay id that was used; absent: the permit that ends first.
	Code string `json:"code,omitempty"`
	// MsgID is WeChat's number of the message, if known.
	MsgID MsgID `json:"msgid,omitzero" pattern:"^[0-9]{1,19}$"`
	// SentAt is when it went out; absent: now.
	SentAt time.Time `json:"sent_at,omitzero"`
}

// Stock is what users have: GET stock. It comes from the last survey.
type Stock struct {
	// At is when the survey began and AgeSeconds how long ago that is.
	At         time.Time     `json:"at"`
	AgeSeconds int64         `json:"age_seconds"`
	Users      int64         `json:"users"`
	Permits    []PermitStock `json:"permits"`
	// LeftOut counts permits of templates beyond those listed.
	LeftOut int64 `json:"left_out,omitempty"`
}

// PermitStock is what all users have of one kind and template.
type PermitStock struct {
	Kind     string `json:"kind"`
	Template string `json:"template,omitempty"`
	// Permits counts permits, and Uses their uses that no delivery holds. A standing permit counts as one use.
	Permits int64 `json:"permits"`
	Uses    int64 `json:"uses"`
	// ByAge splits Uses by the whole days since the permit was taken; the last place is for all that are older.
	ByAge []int64 `json:"by_age"`
	// BySource splits Uses by the page or button that earned them, most first; the last may be "other", the sum of the rest.
	BySource []SourceStock `json:"by_source"`
}

// SourceStock is the part of a stock that one page or button earned.
type SourceStock struct {
	// Source is its name; "" is not known.
	Source string `json:"source"`
	Uses   int64  `json:"uses"`
}
