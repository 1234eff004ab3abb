package api

import "time"

// Report is what the SDK sends, itself or relayed unchanged by the team's backend: POST reports. Unknown fields are ignored, as an
// SDK may be newer than the server.
type Report struct {
	// OpenID is whose report it is. A relay names it; with a session token it is the token's, and must be absent or the same.
	OpenID string `json:"openid,omitempty"`
	// Nonce names the report, so that items without a nonce of their own count once however often it is repeated.
	Nonce string `json:"nonce,omitempty"`
	// Items may be absent beside Opens.
	Items []ReportItem `json:"items,omitzero"`
	// Opens are the messages that the user opened.
	Opens []ReportOpen `json:"opens,omitempty"`
}

// ReportOpen is one message that the user opened. It counts once a user and message.
type ReportOpen struct {
	// Message is the id of the campaign or push: the parameter minapush of the page that was opened.
	Message string `json:"message"`
	// AgeMS is how long ago that was, in milliseconds: up to 7 days.
	AgeMS int64 `json:"age_ms,omitempty"`
	// Nonce names the open, 1 to 64 bytes.
	Nonce string `json:"nonce,omitempty"`
}

// ReportItem is one thing that a tap earned, or did not.
type ReportItem struct {
	// Type is form, subscribe (a one-time template) or standing (a long-term template).
	Type string `json:"type"`
	// FormID is the code, of form.
	FormID string `json:"form_id,omitempty"`
	// Template and Result are one entry of what wx.requestSubscribeMessage answered: accept, reject, ban or filter.
	Template string `json:"template,omitempty"`
	Result   string `json:"result,omitempty"`
	// Nonce tells this item from all others of the user, 1 to 64 bytes.
	Nonce string `json:"nonce,omitempty"`
	// AgeMS is how long ago the tap was, in milliseconds.
	AgeMS int64 `json:"age_ms,omitempty"`
	// Source names the page or button.
	Source string `json:"source,omitempty"`
}

// RecipeReport is the upload of the original recipe, which POST reports takes as well from a backend's key: formIds is JSON inside
// a string.
type RecipeReport struct {
	OpenID  string `json:"openId"`
	FormIDs string `json:"formIds"`
}

// Deposit is what the team's backend vouches for: POST permits.
type Deposit struct {
	OpenID string        `json:"openid"`
	Items  []DepositItem `json:"items"`
}

// DepositItem is one payment, one form id, or a number of subscriptions.
type DepositItem struct {
	// Kind is pay, form, subscribe or standing.
	Kind string `json:"kind"`
	// PrepayID is the code of a payment: 3 uses, 7 days.
	PrepayID string `json:"prepay_id,omitempty"`
	FormID   string `json:"form_id,omitempty"`
	Template string `json:"template,omitempty"`
	// Count is how many subscriptions, 1 to 200; 0 means 1.
	Count int `json:"count,omitempty"`
	// ID is the backend's own name of what earned the subscriptions, 1 to 64 bytes: the same id counts once.
	ID string `json:"id,omitempty"`
	// PaidAt is when it was earned; absent: AgeMS milliseconds ago.
	PaidAt time.Time `json:"paid_at,omitzero"`
	AgeMS  int64     `json:"age_ms,omitempty"`
	Source string    `json:"source,omitempty"`
}

// ReportAnswer answers reports and permits. What it calls accepted is durable. The four numbers count items.
type ReportAnswer struct {
	Accepted  int          `json:"accepted"`
	Duplicate int          `json:"duplicate"`
	Evicted   int          `json:"evicted"`
	Refused   int          `json:"refused"`
	Items     []ItemAnswer `json:"items"`
	// Opens counts the opens of a report that had any.
	Opens *OpenAnswer `json:"opens,omitempty"`
}

// OpenAnswer counts what became of opens. Sending again those that were ignored changes nothing.
type OpenAnswer struct {
	Accepted int `json:"accepted"`
	// Duplicate was opened before.
	Duplicate int `json:"duplicate"`
	// Ignored names no message that was sent to this user, or is older than 7 days.
	Ignored int `json:"ignored"`
}

// ItemAnswer is what became of one item.
type ItemAnswer struct {
	// Index is the item's place, from 0.
	Index int `json:"index"`
	// Status is accepted, duplicate, evicted (the user has too many, and this one would end first) or refused.
	Status string `json:"status"`
	// Reason and Field say why an item was refused, and which part of the body that is about.
	Reason *Reason `json:"reason,omitempty"`
	Field  string  `json:"field,omitempty"`
	// Added is how many permits came in by it.
	Added int `json:"added"`
}
