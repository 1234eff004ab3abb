package minapush

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValuePolicy says what becomes of a value that breaks the rule of its type.
type ValuePolicy string

const (
	// RefuseValue: the message does not go out. It is the default, also as the empty policy.
	RefuseValue ValuePolicy = "refuse"
	// CutValue: a value that is too long is cut, and ends in an ellipsis; what breaks another rule is refused. Only for texts that people
	// read, thing and name: a code, a number or a time that was cut would be another one.
	CutValue ValuePolicy = "cut"
	// FallbackValue: the key's Fallback goes out instead.
	FallbackValue ValuePolicy = "fallback"
)

// cuttable are the types whose values may be cut, and to how many characters.
var cuttable = map[string]func(v string) int{
	"thing": func(string) int { return maxThing },
	"name":  maxName,
}

// Cuttable tells whether values of a type may be cut.
func Cuttable(valueType string) bool { return cuttable[valueType] != nil }

// Fitted is a message as it would go out.
type Fitted struct {
	// Message has the values as they go out: without blanks around them, and with policies applied.
	Message Message
	// Applied are the policies that changed a value, by key; nil for none.
	Applied map[string]ValuePolicy
	// Findings are the values that nothing helps, in the order of the template's keys. With any the message must not go out.
	Findings []Finding
}

// Err is the first finding as an Invalid error, with ReasonBadValue; nil if there is none.
func (f Fitted) Err() error {
	if len(f.Findings) == 0 {
		return nil
	}
	e := f.Findings[0].Err()
	e.Reason = ReasonBadValue
	return e
}

// Fit checks the values of a filled message against their types, and applies the policy of each key. A legacy template and one without
// known keys have no rules: then the message stays as it is. m is not changed.
func (t Template) Fit(m Message) Fitted { return t.fit(m, func(string) bool { return false }) }

// Lint is Fit for a message that may have placeholders: values with any are left for when they are filled.
func (t Template) Lint(m Message) Fitted { return t.fit(m, placeholder.MatchString) }

// HasRules tells whether values are checked at all: not those of a legacy template, or of one whose keys are not known.
func (t Template) HasRules() bool { return t.Kind != LegacyTemplate && len(t.Keys) > 0 }

func (t Template) fit(m Message, later func(value string) bool) Fitted {
	fitted := Fitted{Message: m}
	if !t.HasRules() {
		return fitted
	}
	values := make(map[string]string, len(m.Values))
	for _, k := range t.Keys {
		given, ok := m.Values[k.Key]
		switch {
		case !ok:
			fitted.Findings = append(fitted.Findings, Finding{k.Key, Reason{Code: ValueMissing}})
			continue
		case later(given):
			values[k.Key] = given
			continue
		}
		v, applied, found := k.fit(given)
		if found != nil {
			found.Key = k.Key
			fitted.Findings = append(fitted.Findings, *found)
		}
		if applied != "" {
			if fitted.Applied == nil {
				fitted.Applied = map[string]ValuePolicy{}
			}
			fitted.Applied[k.Key] = applied
		}
		values[k.Key] = v
	}
	for _, name := range slices.Sorted(maps.Keys(m.Values)) {
		if _, known := values[name]; !known {
			fitted.Findings = append(fitted.Findings, Finding{name, Reason{Code: ValueUnknownKey}})
			values[name] = m.Values[name]
		}
	}
	fitted.Message.Values = values
	return fitted
}

// fit makes the text that goes out of a value. applied names the policy that changed it; found is what no policy helped.
func (k TemplateKey) fit(given string) (v string, applied ValuePolicy, found *Finding) {
	valueType := k.ValueType()
	v = strings.TrimSpace(given)
	found = CheckValue(valueType, k.Enum, v)
	if found == nil {
		return v, "", nil
	}
	switch {
	case k.Policy == CutValue && found.Code == ValueTooLong && Cuttable(valueType):
		if short := cut(v, cuttable[valueType](v)); CheckValue(valueType, k.Enum, short) == nil {
			return short, CutValue, nil
		}
	case k.Policy == FallbackValue && CheckValue(valueType, k.Enum, k.Fallback) == nil:
		return strings.TrimSpace(k.Fallback), FallbackValue, nil
	}
	return v, "", found
}

const ellipsis = "…"

// cut shortens a text to so many characters, of which the last is an ellipsis. What is drawn as one is not torn apart: a letter and its
// accents, the parts of an emoji, a flag.
func cut(v string, most int) string {
	runes := []rune(v)
	if len(runes) <= most {
		return v
	}
	end := most - utf8.RuneCountInString(ellipsis)
	for end > 0 && joined(runes, end) {
		end--
	}
	return strings.TrimRightFunc(string(runes[:end]), unicode.IsSpace) + ellipsis
}

// joined tells that the characters before and behind a place are drawn as one.
func joined(runes []rune, at int) bool {
	const zeroWidthJoiner = '\u200d'
	behind := runes[at]
	switch {
	case unicode.Is(unicode.M, behind), behind == zeroWidthJoiner, runes[at-1] == zeroWidthJoiner:
		return true
	case 0x1F3FB <= behind && behind <= 0x1F3FF, 0xE0020 <= behind && behind <= 0xE007F: // skin tones; the letters of a flag's tag
		return true
	case !regional(behind):
		return false
	}
	flags := 0 // letters of flags before the place: a flag has two
	for flags < at && regional(runes[at-1-flags]) {
		flags++
	}
	return flags%2 == 1
}

// regional holds for the letters of which two make a flag.
func regional(r rune) bool { return 0x1F1E6 <= r && r <= 0x1F1FF }
