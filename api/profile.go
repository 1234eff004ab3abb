package api

import "encoding/json"

// Profile is what the team told of a user.
type Profile struct {
	// UID is the team's own number for the person, unique in the app, at most 64 bytes. "uid:…" with it stands wherever an openid does.
	UID  string   `json:"uid,omitempty"`
	Tags []string `json:"tags"`
	// Attributes are texts, numbers, true or false.
	Attributes map[string]any `json:"attributes"`
	// OptOut is none, campaigns (no campaign is sent) or all (nothing is).
	OptOut string `json:"opt_out"`
}

// NewProfile is a user's new profile: PUT users/{openid}/profile. It replaces uid, tags and attributes; what is absent goes. The user
// is made if there is none.
type NewProfile struct {
	UID        string         `json:"uid,omitempty"`
	Tags       []string       `json:"tags,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
}

// NewOptOut is what a user asked not to be sent: PUT users/{openid}/opt-out.
type NewOptOut struct {
	// OptOut is none, campaigns or all.
	OptOut string `json:"opt_out"`
}

// UserRow is one row of POST users/import, as NDJSON or as CSV with these names in its first line (tags separated by "|", and every
// other column an attribute). Fields that are present replace; attributes are replaced one by one, and null removes one.
type UserRow struct {
	OpenID     string                     `json:"openid"`
	UID        *string                    `json:"uid,omitempty"`
	Tags       *[]string                  `json:"tags,omitempty"`
	Attributes map[string]json.RawMessage `json:"attributes,omitempty"`
	OptOut     *string                    `json:"opt_out,omitempty"`
}
