package minapush

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a value can break. The names are stable: they are told by the API, and each has a sentence for people where it is shown. The
// parameters that fill it are in brackets.
const (
	ValueMissing       = "missing"           // the template has the key and the message does not
	ValueUnknownKey    = "unknown_key"       // the other way round
	ValueEmpty         = "empty"             // nothing, or nothing that can be seen
	ValueNotUTF8       = "not_utf8"          //
	ValueControl       = "control_character" // a line break, too [character]
	ValueTooLong       = "too_long"          // in characters [max, has]
	ValueTooManyDigits = "too_many_digits"   // before or behind the point [max, has]
	ValueNotDigits     = "not_digits"        // of a number
	ValueNotLetters    = "not_letters"       // [character]
	ValueNotSymbols    = "not_symbols"       // [character]
	ValueNotChinese    = "not_chinese"       // [character]
	ValueBadCharacter  = "bad_character"     // that the type does not take [character, type]
	ValueBadTime       = "bad_time"          // not as the type has it, or no time of a day
	ValueBadDate       = "bad_date"          // not as the type has it, or in no calendar
	ValueBadAmount     = "bad_amount"        //
	ValueNotInEnum     = "not_in_enum"       // [allowed]
)

// Finding is a value that breaks the rule of its type.
type Finding struct {
	// Key is the template's key; empty of a value on its own.
	Key string
	// Reason has the name of the rule as its Code, and what fills its sentence.
	Reason
}

// Message says in English what the value must be, such as "must have at most 20 characters, has 24".
func (f Finding) Message() string {
	text, ok := findingTexts[f.Code]
	if !ok {
		return f.Code
	}
	for name, v := range f.Params {
		text = strings.ReplaceAll(text, "{"+name+"}", v)
	}
	return text
}

// Err is the finding as an Invalid error that names the field, "values." and the key.
func (f Finding) Err() *Error { return FieldError("values."+f.Key, "%s", f.Message()) }

var findingTexts = map[string]string{
	ValueMissing: "is missing; the template needs it", ValueUnknownKey: "is not a key of the template",
	ValueEmpty: "must not be empty", ValueNotUTF8: "must be UTF-8",
	ValueControl:       "must not have line breaks or other control characters, has {character}",
	ValueTooLong:       "must have at most {max} characters, has {has}",
	ValueTooManyDigits: "must have at most {max} digits before and behind the point, has {has}",
	ValueNotDigits:     "must be digits, with a point and decimals if need be",
	ValueNotLetters:    "must be letters from A to Z, has {character}",
	ValueNotSymbols:    "must be symbols only, has {character}",
	ValueNotChinese:    "must be Chinese characters only, has {character}",
	ValueBadCharacter:  "has {character}, which {type} does not take",
	ValueBadTime:       "must be a time, such as 15:01, 2019年10月1日 15:01 or 15:01~16:01",
	ValueBadDate:       "must be a date, such as 2019年10月1日, 2019-12-25 09:42 or 2019年10月1日~2019年10月7日",
	ValueBadAmount:     "must be an amount, such as ￥100, 9.90 or 100元",
	ValueNotInEnum:     "must be one of {allowed}",
}

// CheckValue tells what a value breaks of the rule of its type, nil for nothing. Blanks around it do not count, since none are sent.
// A type without a known rule takes any text; enum, if it has any, lists all that is taken. It is at least as strict as what WeChat is
// known to refuse with 47003.
//
// The rules are those of [O] server API, sendMessage, read 2026-06, which has no regular expressions. Where it leaves a choice:
// characters are Unicode code points; an amount's symbol is a currency's; a name has no digits, and any CJK script makes it a Chinese
// one; hours may have one digit.
func CheckValue(valueType string, enum []string, value string) *Finding {
	v := strings.TrimSpace(value)
	switch {
	case !utf8.ValidString(v):
		return finding(ValueNotUTF8)
	case !strings.ContainsFunc(v, unicode.IsPrint):
		return finding(ValueEmpty)
	}
	if r, ok := first(v, isControl); ok {
		return finding(ValueControl, "character", fmt.Sprintf("%U", r))
	}
	if check, ok := valueTypes[valueType]; ok {
		if f := check(v); f != nil {
			return f
		}
	}
	if len(enum) > 0 && !slices.Contains(enum, v) {
		return finding(ValueNotInEnum, "allowed", allowed(enum))
	}
	return nil
}

// valueTypes are the rules by type: what they find in a text that is not empty and has no control characters.
var valueTypes = map[string]func(v string) *Finding{
	"thing":            func(v string) *Finding { return tooLong(v, maxThing) },
	"number":           checkNumber,
	"letter":           checkLetters,
	"symbol":           checkSymbols,
	"character_string": checkCharacters,
	"time":             checkTime,
	"date":             checkDate,
	"amount":           checkAmount,
	"phone_number":     checkPhone,
	"car_number":       checkCar,
	"name":             checkName,
	"phrase":           checkPhrase,
	"enum":             func(string) *Finding { return nil },
	"enum_string":      func(string) *Finding { return nil },
}

const (
	maxThing   = 20
	maxNumber  = 32
	maxSymbols = 5
	maxPhone   = 17
	maxCar     = 8
	maxPhrase  = 5
	maxAmount  = 10
	// maxChineseName is of a name with a Chinese character in it, maxOtherName of any other.
	maxChineseName, maxOtherName = 10, 20
	// maxAllowed is how many values of an enum a finding lists.
	maxAllowed = 10
)

// finding makes a finding of a rule and its parameters, names and values in turn.
func finding(rule string, params ...string) *Finding {
	f := &Finding{Reason: Reason{Code: rule}}
	for i := 0; i+1 < len(params); i += 2 {
		if f.Params == nil {
			f.Params = map[string]string{}
		}
		f.Params[params[i]] = params[i+1]
	}
	return f
}

// first finds the first character of which bad holds.
func first(v string, bad func(rune) bool) (rune, bool) {
	for _, r := range v {
		if bad(r) {
			return r, true
		}
	}
	return 0, false
}

func tooLong(v string, most int) *Finding {
	if n := utf8.RuneCountInString(v); n > most {
		return finding(ValueTooLong, "max", strconv.Itoa(most), "has", strconv.Itoa(n))
	}
	return nil
}

func allowed(enum []string) string {
	if len(enum) > maxAllowed {
		enum = append(slices.Clone(enum[:maxAllowed]), "…")
	}
	return strings.Join(enum, ", ")
}

// isControl holds for control characters and for all that breaks a line.
func isControl(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

func isDigit(r rune) bool  { return '0' <= r && r <= '9' }
func isLetter(r rune) bool { return 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' }

// isCJK holds for what the scripts of Chinese, Japanese and Korean write; their punctuation is of no script, and counts as symbols.
func isCJK(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo)
}

var decimal = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)

func checkNumber(v string) *Finding {
	if !decimal.MatchString(v) {
		return finding(ValueNotDigits)
	}
	return tooLong(v, maxNumber)
}

func checkLetters(v string) *Finding {
	if r, ok := first(v, func(r rune) bool { return !isLetter(r) }); ok {
		return finding(ValueNotLetters, "character", string(r))
	}
	return tooLong(v, maxNumber)
}

func checkSymbols(v string) *Finding {
	if r, ok := first(v, func(r rune) bool { return isCJK(r) || !unicode.IsPunct(r) && !unicode.IsSymbol(r) }); ok {
		return finding(ValueNotSymbols, "character", string(r))
	}
	return tooLong(v, maxSymbols)
}

func checkCharacters(v string) *Finding {
	if r, ok := first(v, func(r rune) bool { return isCJK(r) || !unicode.IsPrint(r) }); ok {
		return badCharacter(r, "character_string")
	}
	return tooLong(v, maxNumber)
}

func badCharacter(r rune, valueType string) *Finding {
	character := string(r)
	if !unicode.IsPrint(r) {
		character = fmt.Sprintf("%U", r)
	}
	return finding(ValueBadCharacter, "character", character, "type", valueType)
}

var amount = regexp.MustCompile(`^\p{Sc}?([0-9]+)(?:\.([0-9]+))?元?$`)

func checkAmount(v string) *Finding {
	parts := amount.FindStringSubmatch(v)
	if parts == nil {
		return finding(ValueBadAmount)
	}
	if n := max(len(parts[1]), len(parts[2])); n > maxAmount {
		return finding(ValueTooManyDigits, "max", strconv.Itoa(maxAmount), "has", strconv.Itoa(n))
	}
	return nil
}

func checkPhone(v string) *Finding {
	if r, ok := first(v, func(r rune) bool { return !isDigit(r) && !strings.ContainsRune("+-() #*", r) }); ok {
		return badCharacter(r, "phone_number")
	}
	return tooLong(v, maxPhone)
}

// checkCar: letters and digits; the first and the last may be Chinese.
func checkCar(v string) *Finding {
	_, head := utf8.DecodeRuneInString(v)
	_, tail := utf8.DecodeLastRuneInString(v)
	for i, r := range v {
		edge := i < head || i >= len(v)-tail
		if !isDigit(r) && !isLetter(r) && !(edge && unicode.Is(unicode.Han, r)) {
			return badCharacter(r, "car_number")
		}
	}
	return tooLong(v, maxCar)
}

func checkName(v string) *Finding {
	if r, ok := first(v, unicode.IsDigit); ok {
		return badCharacter(r, "name")
	}
	return tooLong(v, maxName(v))
}

// maxName is how long a name may be: one that is mixed counts as Chinese.
func maxName(v string) int {
	if strings.ContainsFunc(v, isCJK) {
		return maxChineseName
	}
	return maxOtherName
}

func checkPhrase(v string) *Finding {
	if r, ok := first(v, func(r rune) bool { return !unicode.Is(unicode.Han, r) }); ok {
		return finding(ValueNotChinese, "character", string(r))
	}
	return tooLong(v, maxPhrase)
}
