package api

// Checks answers POST checks: the way from this server to a delivered message, step by step.
type Checks struct {
	// OK tells that no step failed.
	OK    bool    `json:"ok"`
	Steps []Check `json:"steps"`
}

// NewChecks asks for checks: POST checks.
type NewChecks struct {
	// OpenID is sent one test message, which costs one of its permits; absent: nothing is sent.
	OpenID string `json:"openid,omitempty"`
	// Message is what OpenID is sent.
	Message *Message `json:"message,omitempty"`
	// PublicURL is the address under which phones reach the public listener; absent: not checked.
	PublicURL string `json:"public_url,omitempty"`
}

// Check is one step.
type Check struct {
	// Step is store, clock, token, quota, templates, public or send; with a store in Redis also redis, redis_disk, redis_memory,
	// redis_replicas and redis_cluster.
	Step string `json:"step"`
	// Status is ok, warning, failed, or skipped because an earlier step failed or it was not asked for.
	Status string `json:"status"`
	// Reason says what was found, in parameters too: the address that WeChat saw, the quota left.
	Reason *Reason `json:"reason,omitempty"`
	// Errcode is WeChat's code, if it was WeChat that refused.
	Errcode int `json:"errcode,omitempty"`
}
