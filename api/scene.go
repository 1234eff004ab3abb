package api

// Scene is a place in the mini program that asks for subscriptions: PUT and DELETE scenes/{name}. The SDK learns of it by GET me,
// so that templates can be changed without a release of the mini program.
type Scene struct {
	// Name may be absent in a PUT, where the path has it: 1 to 64 letters, digits or _ . -
	Name string `json:"name,omitempty"`
	// Templates are asked for together: 1 to 3 known templates of one kind, one_time or long_term.
	Templates []string `json:"templates"`
	// Kind is that of the templates: one_time or long_term. It may be absent in a PUT, and must not be another.
	Kind string `json:"kind,omitempty"`
	// Target is the balance at which the user is not asked any more, 1 to 200. Defaults to 1.
	Target int `json:"target,omitempty"`
	// CoolDownSeconds is for how long the user is not asked after a refusal. Defaults to 7 days; -1: asked at once.
	CoolDownSeconds int64 `json:"cool_down_seconds,omitempty"`
}

// Scenes answers GET scenes.
type Scenes struct {
	Scenes []Scene `json:"scenes"`
}

// Me answers GET me: what the SDK needs to know at launch, by session token.
type Me struct {
	OpenID string `json:"openid"`
	// Balance is the user's own.
	Balance []Balance `json:"balance"`
	Scenes  []Scene   `json:"scenes"`
}
