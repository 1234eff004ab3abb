package minapush

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Profile is what the team told about one of its users. The zero Profile is that of a user of whom nothing was told.
type Profile struct {
	// UID is the team's own number for the person; empty: none. No two users of an app have the same.
	UID string
	// Tags are sorted, each once.
	Tags []string
	// Attributes are named values.
	Attributes map[string]Attribute
	// OptOut is what the user asked not to be sent.
	OptOut OptOut
	// Version counts the changes of the profile, for compare-and-set; 0: there is none yet.
	Version uint64
}

const (
	// MaxUID is the longest uid, in bytes.
	MaxUID = 64
	// MaxTags is how many tags a user may have, and MaxTag the longest tag in bytes.
	MaxTags = 32
	MaxTag  = 64
	// MaxAttributes is how many attributes a user may have, MaxName the longest name of one in bytes, and MaxText its longest
	// text in bytes.
	MaxAttributes = 32
	MaxName       = 64
	MaxText       = 256
)

var attributeName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,63}$`)

// Validate refuses what breaks a limit.
func (p Profile) Validate() error {
	if p.UID != "" {
		if err := CheckUID(p.UID); err != nil {
			return err
		}
	}
	if len(p.Tags) > MaxTags {
		return FieldError("tags", "must be at most %d, are %d", MaxTags, len(p.Tags))
	}
	for _, tag := range p.Tags {
		if err := CheckTag("tags", tag); err != nil {
			return err
		}
	}
	if !slices.IsSorted(p.Tags) || len(slices.Compact(slices.Clone(p.Tags))) != len(p.Tags) {
		return FieldError("tags", "must be sorted, each once")
	}
	if len(p.Attributes) > MaxAttributes {
		return FieldError("attributes", "must be at most %d, are %d", MaxAttributes, len(p.Attributes))
	}
	for name, a := range p.Attributes {
		if !attributeName.MatchString(name) {
			return FieldError("attributes", "name %q must have 1 to %d letters, digits or _ . - and begin with a letter or _", clip(name), MaxName)
		}
		if a.Kind > Flag {
			return FieldError("attributes."+name, "must be a text, a number, true or false")
		}
		if len(a.Text) > MaxText || !utf8.ValidString(a.Text) {
			return FieldError("attributes."+name, "must be UTF-8 of at most %d bytes", MaxText)
		}
		if math.IsNaN(a.Number) || math.IsInf(a.Number, 0) {
			return FieldError("attributes."+name, "must be a finite number")
		}
	}
	if p.OptOut > OptOutAll {
		return FieldError("opt_out", "must be none, campaigns or all")
	}
	return nil
}

// CheckUID refuses what cannot be a uid: empty, over MaxUID bytes, not UTF-8, or with control characters.
func CheckUID(uid string) error { return checkWord("uid", uid, MaxUID) }

// CheckTag refuses what cannot be a tag: empty, over MaxTag bytes, not UTF-8, or with control characters.
func CheckTag(field, tag string) error { return checkWord(field, tag, MaxTag) }

func checkWord(field, s string, most int) error {
	if s == "" || len(s) > most || !utf8.ValidString(s) {
		return FieldError(field, "must be UTF-8 of 1 to %d bytes, not %q", most, clip(s))
	}
	for _, r := range s {
		if r < ' ' || r == 0x7F {
			return FieldError(field, "must not hold control characters")
		}
	}
	return nil
}

// clip shortens what an error repeats.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// OptOut is what a user asked not to be sent.
type OptOut uint8

const (
	// OptOutNone: everything may be sent.
	OptOutNone OptOut = iota
	// OptOutCampaigns: no campaign; pushes may be sent.
	OptOutCampaigns
	// OptOutAll: nothing.
	OptOutAll
)

var optOutNames = [...]string{"none", "campaigns", "all"}

// String returns the name on the wire.
func (o OptOut) String() string {
	if int(o) < len(optOutNames) {
		return optOutNames[o]
	}
	return optOutNames[OptOutAll]
}

// ParseOptOut finds an OptOut by its name on the wire.
func ParseOptOut(s string) (OptOut, error) {
	if i := slices.Index(optOutNames[:], s); i >= 0 {
		return OptOut(i), nil
	}
	return 0, FieldError("opt_out", "must be none, campaigns or all, not %q", clip(s))
}

// AttributeKind is what an attribute is.
type AttributeKind uint8

const (
	// Text is UTF-8 of at most MaxText bytes.
	Text AttributeKind = iota
	// Number is a finite number.
	Number
	// Flag is true or false.
	Flag
)

// Attribute is one named value of a user. The zero Attribute is the empty text. Two are the same if they are ==.
type Attribute struct {
	Kind AttributeKind
	Text string
	// Number is the value of a Number; of a Flag 1 is true and 0 false.
	Number float64
}

// MarshalJSON writes a text, a number or a boolean.
func (a Attribute) MarshalJSON() ([]byte, error) {
	switch a.Kind {
	case Number:
		return json.Marshal(a.Number)
	case Flag:
		return strconv.AppendBool(nil, a.Number != 0), nil
	}
	return json.Marshal(a.Text)
}

// UnmarshalJSON reads a text, a number or a boolean.
func (a *Attribute) UnmarshalJSON(b []byte) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case string:
		*a = Attribute{Text: v}
	case float64:
		*a = Attribute{Kind: Number, Number: v}
	case bool:
		*a = Attribute{Kind: Flag}
		if v {
			a.Number = 1
		}
	default:
		return FieldError("attributes", "must be a text, a number, true or false")
	}
	return nil
}
