package minapush

// TemplateKind says which permits a template spends.
type TemplateKind string

const (
	// LegacyTemplate is a template message (模板消息): spends form and pay permits. Withdrawn by WeChat on 2020-01-10.
	LegacyTemplate TemplateKind = "legacy"
	// OneTimeTemplate is a one-time subscribe message: spends subscribe permits of this template.
	OneTimeTemplate TemplateKind = "one_time"
	// LongTermTemplate is a long-term subscribe message: uses the standing permit of this template.
	LongTermTemplate TemplateKind = "long_term"
)

// PermitKinds are the kinds of permit that a template of this kind can spend; nil for an unknown kind.
func (k TemplateKind) PermitKinds() []PermitKind {
	switch k {
	case LegacyTemplate:
		return []PermitKind{FormID, PrepayID}
	case OneTimeTemplate:
		return []PermitKind{Subscription}
	case LongTermTemplate:
		return []PermitKind{Standing}
	}
	return nil
}

// TemplateKey is one placeholder of a template.
type TemplateKey struct {
	// Key is its name, such as "thing1".
	Key string `json:"key"`
	// Label is what the card shows before the value.
	Label string `json:"label,omitempty"`
	// Type is the key without its number, such as "thing".
	Type string `json:"type,omitempty"`
}

// Template is a form of message that WeChat approved for an app.
type Template struct {
	ID      string        `json:"id"`
	Kind    TemplateKind  `json:"kind"`
	Title   string        `json:"title,omitempty"`
	Keys    []TemplateKey `json:"keys,omitempty"`
	Example string        `json:"example,omitempty"`
}

// MaxTemplateID is the longest template id accepted, in bytes. WeChat's have 43.
const MaxTemplateID = 64

// Validate refuses a template that no message could use.
func (t Template) Validate() error {
	if err := checkTemplateID("id", t.ID); err != nil {
		return err
	}
	if t.Kind.PermitKinds() == nil {
		return FieldError("kind", "must be legacy, one_time or long_term, not %q", t.Kind)
	}
	seen := map[string]bool{}
	for _, k := range t.Keys {
		if k.Key == "" || seen[k.Key] {
			return FieldError("keys", "each key must have a name of its own, got %q", k.Key)
		}
		seen[k.Key] = true
	}
	return nil
}

func checkTemplateID(field, id string) error {
	if id == "" {
		return FieldError(field, "must not be empty")
	}
	if len(id) > MaxTemplateID {
		return FieldError(field, "must have at most %d bytes, has %d", MaxTemplateID, len(id))
	}
	for _, r := range id {
		if r <= ' ' || r > '~' {
			return FieldError(field, "must be printable ASCII without spaces")
		}
	}
	return nil
}
