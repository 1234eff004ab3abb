package minapush

import (
	"strings"
	"time"
	"unicode/utf8"
)

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
	// Enum lists the values that WeChat takes for the key; empty: its type alone decides.
	Enum []string `json:"enum,omitempty"`
	// Policy says what becomes of a value that breaks its rule. Empty means RefuseValue.
	Policy ValuePolicy `json:"policy,omitempty"`
	// Fallback is the text of FallbackValue, which must itself be a good value.
	Fallback string `json:"fallback,omitempty"`
}

// ValueType is the type whose rule values have to keep: the key without its number, since WeChat goes by that, or Type if a rule is
// known for that only.
func (k TemplateKey) ValueType() string {
	byName := strings.TrimRight(k.Key, "0123456789")
	if _, known := valueTypes[byName]; known || k.Type == "" {
		return byName
	}
	return k.Type
}

// validate refuses a policy that could not be kept.
func (k TemplateKey) validate(kind TemplateKind) error {
	field := "keys." + k.Key
	for _, v := range k.Enum {
		if strings.TrimSpace(v) == "" || len(v) > maxValue || !utf8.ValidString(v) {
			return FieldError(field+".enum", "must be texts in UTF-8 of 1 to %d bytes", maxValue)
		}
	}
	switch k.Policy {
	case "", RefuseValue, CutValue, FallbackValue:
	default:
		return FieldError(field+".policy", "must be refuse, cut or fallback, not %q", k.Policy)
	}
	switch {
	case kind == LegacyTemplate && k.Policy != "":
		return FieldError(field+".policy", "has nothing to decide: values of a legacy template have no rules")
	case k.Policy == CutValue && !Cuttable(k.ValueType()):
		return FieldError(field+".policy", "cut is for things and names: a %s that was cut would be another", k.ValueType())
	case k.Policy != FallbackValue && k.Fallback != "":
		return FieldError(field+".fallback", "goes with the policy fallback only")
	case k.Policy != FallbackValue:
		return nil
	case len(k.Fallback) > maxValue || strings.Contains(k.Fallback, "{{") || strings.Contains(k.Fallback, "}}"):
		return FieldError(field+".fallback", `must be a text of at most %d bytes without "{{" and "}}"`, maxValue)
	}
	if f := CheckValue(k.ValueType(), k.Enum, k.Fallback); f != nil {
		return FieldError(field+".fallback", "%s", f.Message())
	}
	return nil
}

// Template is a form of message that WeChat approved for an app.
type Template struct {
	ID      string        `json:"id"`
	Kind    TemplateKind  `json:"kind"`
	Title   string        `json:"title,omitempty"`
	Keys    []TemplateKey `json:"keys,omitempty"`
	Example string        `json:"example,omitempty"`
	// GoneSince is when WeChat was first seen not to have it any more: messages of it fail with 40037. Zero: it is there, as far as known.
	GoneSince time.Time `json:"gone_since,omitzero"`
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
		if err := k.validate(t.Kind); err != nil {
			return err
		}
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
