package api

import "time"

// Login trades a wx.login code for a session: POST session.
type Login struct {
	Code string `json:"code"`
}

// NewSession asks for a session of a user whom the backend knows: POST session-tokens.
type NewSession struct {
	OpenID string `json:"openid"`
}

// Session lets the SDK report for one user of one app, as "Authorization: Bearer <session_token>".
type Session struct {
	SessionToken string    `json:"session_token"`
	ExpiresAt    time.Time `json:"expires_at"`
}
