package api

import "time"

// Template is a form of message that WeChat approved: GET and PUT templates/{id}.
type Template struct {
	// ID may be absent in a PUT, where the path has it.
	ID string `json:"id,omitempty"`
	// Kind is legacy, one_time or long_term.
	Kind    string        `json:"kind"`
	Title   string        `json:"title,omitempty"`
	Keys    []TemplateKey `json:"keys,omitempty"`
	Example string        `json:"example,omitempty"`
	// GoneSince is when a sync first found that WeChat does not have it any more: messages of it fail with 40037. A PUT
	// leaves it as it is, whatever its body says, so that what GET answers can be PUT.
	GoneSince time.Time `json:"gone_since,omitzero"`
}

// TemplateKey is one placeholder of a template.
type TemplateKey struct {
	Key   string `json:"key"`
	Label string `json:"label,omitempty"`
	Type  string `json:"type,omitempty"`
	// Enum lists the values that WeChat takes; absent: the type alone decides.
	Enum []string `json:"enum,omitempty"`
	// Policy says what becomes of a value that breaks its rule: refuse (the default), cut (a thing or name that is too long is cut, and
	// ends in an ellipsis) or fallback, which sends Fallback instead.
	Policy   string `json:"policy,omitempty"`
	Fallback string `json:"fallback,omitempty"`
}

// Templates answers GET templates.
type Templates struct {
	Templates []Template `json:"templates"`
}

// TemplateSync answers POST templates/sync: what WeChat has, compared with what was known here. Templates of WeChat are written here,
// with the policies that their keys had; those that WeChat does not have are named, marked, and stay.
type TemplateSync struct {
	// DryRun: nothing was written (templates/sync?dry_run=true).
	DryRun  bool     `json:"dry_run,omitempty"`
	Added   []string `json:"added"`
	Changed []string `json:"changed"`
	Same    []string `json:"same"`
	// Missing are known here and not on WeChat: messages of them fail with 40037. Legacy templates are never listed by WeChat, and are
	// not counted.
	Missing []string `json:"missing"`
	// Drift says of each template that is not the same what differed. Whether WeChat has banned one cannot be known before a message of it
	// is refused with 43107.
	Drift []TemplateDrift `json:"drift"`
}

// TemplateDrift is how a template here and at WeChat differed.
type TemplateDrift struct {
	Template string `json:"template"`
	Title    string `json:"title,omitempty"`
	// What is new (here), changed, or deleted (at WeChat).
	What    string           `json:"what"`
	Changes []TemplateChange `json:"changes,omitempty"`
	// GoneSince is when WeChat was first seen without it, of a deleted one; absent in a dry run that finds out.
	GoneSince time.Time `json:"gone_since,omitzero"`
	// Scenes ask for it, and Campaigns that have not ended send it, of one that was changed or deleted.
	Scenes    []string `json:"scenes,omitempty"`
	Campaigns []string `json:"campaigns,omitempty"`
}

// TemplateChange is one thing that differed.
type TemplateChange struct {
	// Field is title, kind, example, keys (their order), gone_since, keys.thing1 (the key itself), or its label, type, enum or policy. A
	// policy goes when WeChat's new rule does not let it be kept.
	Field string `json:"field"`
	// Was is what was known here, and Is what WeChat has; absent: nothing.
	Was string `json:"was,omitempty"`
	Is  string `json:"is,omitempty"`
}

// NewLint asks what would become of values: POST lint.
type NewLint struct {
	Template string            `json:"template"`
	Values   map[string]string `json:"values"`
	// Fill are the values of placeholders, as a list gives them for a user. Without it values with placeholders are not looked at.
	Fill map[string]string `json:"fill,omitempty"`
}

// Lint answers POST lint. Nothing is sent, and nothing kept.
type Lint struct {
	// OK: a message of these values would be taken.
	OK bool `json:"ok"`
	// Values come in the order of the template's keys; those that it does not have come last.
	Values []LintValue `json:"values"`
}

// LintValue is what would become of one value.
type LintValue struct {
	Key   string `json:"key"`
	Label string `json:"label,omitempty"`
	// Type is the one whose rule it has to keep; absent where there is none.
	Type string `json:"type,omitempty"`
	// Sent is the text as it would go out, without blanks around it; absent if none would.
	Sent string `json:"sent,omitempty"`
	// Policy is cut or fallback if that made the text.
	Policy string `json:"policy,omitempty"`
	// Later: it has placeholders, and is looked at when they are filled.
	Later bool `json:"later,omitempty"`
	// Reason is the rule that it breaks, and what fills its sentence: docs/api.md lists them. Message is that sentence, in English.
	Reason  *Reason `json:"reason,omitempty"`
	Message string  `json:"message,omitempty"`
}
