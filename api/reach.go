package api

import "time"

// Reach is how many users can be reached: GET reach. It comes from the last survey, one slow pass over all users.
type Reach struct {
	// At is when the survey began and AgeSeconds how long ago that is.
	At         time.Time `json:"at"`
	AgeSeconds int64     `json:"age_seconds"`
	TookMS     int64     `json:"took_ms"`
	// Users counts all users of the app.
	Users     int64           `json:"users"`
	Templates []TemplateReach `json:"templates"`
	// EndingSoon sums uses that end within 24 hours, and the users who lose one by it.
	EndingSoon Ending `json:"ending_soon"`
}

// TemplateReach is how many users messages of one template can reach.
type TemplateReach struct {
	// Kind is legacy, one_time or long_term. Template is absent for legacy: any legacy template reaches these.
	Kind     string `json:"kind"`
	Template string `json:"template,omitempty"`
	// Days counts the users that can be reached now and in 1 to 7 days, if nothing is spent and nothing comes in.
	Days []int64 `json:"days"`
	// ByRemaining splits all users by how many messages they can be sent now: 0, 1, 2, 3 or more.
	ByRemaining []int64 `json:"by_remaining"`
}

// Ending sums uses that end soon.
type Ending struct {
	Users int64 `json:"users"`
	Uses  int64 `json:"uses"`
}

// Flow is what became of every use that was ever deposited: GET flow. It is exact.
type Flow struct {
	Kinds []KindFlow `json:"kinds"`
}

// KindFlow counts the uses of one kind of permit. Deposited less the others is what users have now.
type KindFlow struct {
	Kind      string `json:"kind"`
	Deposited int64  `json:"deposited"`
	Spent     int64  `json:"spent"`
	Dead      int64  `json:"dead"`
	Expired   int64  `json:"expired"`
	Evicted   int64  `json:"evicted"`
	Erased    int64  `json:"erased"`
}
