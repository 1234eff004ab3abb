package api

import "time"

// Operator is somebody who may sign in to the console.
type Operator struct {
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

// Operators answers GET /v1/operators.
type Operators struct {
	Operators []Operator `json:"operators"`
}

// NewInvitation makes a link to the console: POST /v1/operators/invitations.
type NewInvitation struct {
	// Name is an operator who gets a new password by the link; absent: the link is for a new operator.
	Name string `json:"name,omitempty"`
}

// Invitation answers POST /v1/operators/invitations.
type Invitation struct {
	// Path is what comes behind the address of the private listener, or of the proxy before it. It has a secret, is shown this once, and
	// is good once.
	Path      string    `json:"path"`
	ExpiresAt time.Time `json:"expires_at"`
}
