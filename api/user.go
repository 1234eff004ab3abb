package api

import "time"

// User is one user of an app: GET users/{openid}.
type User struct {
	OpenID    string    `json:"openid"`
	FirstSeen time.Time `json:"first_seen"`
	// LastSeen is absent for a user who was told of by the backend and never seen.
	LastSeen time.Time `json:"last_seen,omitzero"`
	Profile  Profile   `json:"profile"`
	// Busy tells that a delivery holds one of the user's permits, and Erasing that the user goes when it is settled.
	Busy    bool `json:"busy"`
	Erasing bool `json:"erasing"`
	// Balance sums Permits by kind and template.
	Balance []Balance `json:"balance"`
	Permits []Permit  `json:"permits"`
	// Counts sums the uses of the user's permits since it was first seen; standing ones stay outside.
	Counts Counts `json:"counts"`
	// StandingSent counts messages accepted on standing permits.
	StandingSent int64 `json:"standing_sent"`
	// Events is what the user did, by name.
	Events map[string]EventState `json:"events,omitempty"`
	// Recent lists the last deliveries that took a permit, latest first.
	Recent []RecentDelivery `json:"recent"`
}

// Balance is how many messages a user can be sent with permits of one kind and template.
type Balance struct {
	// Kind is form, pay, subscribe or standing. Template is absent for form and pay, which serve any legacy template.
	Kind     string `json:"kind"`
	Template string `json:"template,omitempty"`
	// Available counts uses that no delivery holds, and Ready those of them that could be spent now.
	Available  int       `json:"available"`
	Ready      int       `json:"ready"`
	Held       int       `json:"held"`
	Suspect    int       `json:"suspect"`
	NextExpiry time.Time `json:"next_expiry,omitzero"`
}

// Permit is one permit of a user, without its code.
type Permit struct {
	Kind     string `json:"kind"`
	Template string `json:"template,omitempty"`
	// State is available, held or suspect.
	State     string    `json:"state"`
	Uses      int       `json:"uses"`
	TakenAt   time.Time `json:"taken_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Evidence is client, event or trusted.
	Evidence string `json:"evidence"`
}

// Counts sums uses. Every use deposited is exactly one of the others.
type Counts struct {
	Deposited int64 `json:"deposited"`
	Available int64 `json:"available"`
	Held      int64 `json:"held"`
	Suspect   int64 `json:"suspect"`
	Spent     int64 `json:"spent"`
	Dead      int64 `json:"dead"`
	Expired   int64 `json:"expired"`
	Evicted   int64 `json:"evicted"`
	Erased    int64 `json:"erased"`
}

// RecentDelivery is one delivery that a user's record remembers.
type RecentDelivery struct {
	// Campaign or Push is its id.
	Campaign string    `json:"campaign,omitempty"`
	Push     string    `json:"push,omitempty"`
	At       time.Time `json:"at"`
	// Delivery is its row, while rows are kept.
	Delivery *Delivery `json:"delivery,omitempty"`
}

// Erasure answers DELETE users/{openid} with 202: a delivery is held, and the user goes when it is settled. 204 has no body.
type Erasure struct {
	Erasing bool `json:"erasing"`
}
