package api

// Template is a form of message that WeChat approved: GET and PUT templates/{id}.
type Template struct {
	// ID may be absent in a PUT, where the path has it.
	ID string `json:"id,omitempty"`
	// Kind is legacy, one_time or long_term.
	Kind    string        `json:"kind"`
	Title   string        `json:"title,omitempty"`
	Keys    []TemplateKey `json:"keys,omitempty"`
	Example string        `json:"example,omitempty"`
}

// TemplateKey is one placeholder of a template.
type TemplateKey struct {
	Key   string `json:"key"`
	Label string `json:"label,omitempty"`
	Type  string `json:"type,omitempty"`
}

// Templates answers GET templates.
type Templates struct {
	Templates []Template `json:"templates"`
}

// TemplateSync answers POST templates/sync: what WeChat has, compared with what was known here. Templates of WeChat are written here;
// those that WeChat does not have are named, and stay.
type TemplateSync struct {
	Added   []string `json:"added"`
	Changed []string `json:"changed"`
	Same    []string `json:"same"`
	// Missing are known here and not on WeChat: messages of them fail with 40037. Legacy templates are never listed by WeChat, and are
	// not counted.
	Missing []string `json:"missing"`
}
