package sandbox

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// validValue applies the rule of a value type (fact sheet §1.4.5) to a trimmed value that is not empty. A type without a known
// rule takes anything.
func validValue(kind, v string, enum []string) bool {
	switch kind {
	case "thing":
		return utf8.RuneCountInString(v) <= 20 && !hasControl(v)
	case "number":
		return len(v) <= 32 && isDecimal(v)
	case "letter":
		return len(v) <= 32 && all(v, isLetter)
	case "symbol":
		return utf8.RuneCountInString(v) <= 5 && all(v, isSymbol)
	case "character_string":
		return utf8.RuneCountInString(v) <= 32 && all(v, func(r rune) bool { return unicode.IsPrint(r) && !isCJK(r) })
	case "time":
		return validTime(v)
	case "date":
		return validDate(v)
	case "amount":
		return validAmount(v)
	case "phone_number":
		return len(v) <= 17 && all(v, func(r rune) bool { return isDigit(r) || strings.ContainsRune("+-() #*", r) })
	case "car_number":
		return validCar(v)
	case "name":
		return validName(v)
	case "phrase":
		return utf8.RuneCountInString(v) <= 5 && all(v, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	case "enum", "enum_string":
		return enum == nil || slices.Contains(enum, v)
	}
	return true
}

func all(s string, ok func(rune) bool) bool {
	for _, r := range s {
		if !ok(r) {
			return false
		}
	}
	return true
}

func isDigit(r rune) bool  { return r >= '0' && r <= '9' }
func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

func hasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }

// isCJK holds for characters of the CJK scripts; their punctuation counts as symbols.
func isCJK(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo)
}

func isSymbol(r rune) bool {
	return unicode.IsPrint(r) && r != ' ' && !unicode.IsLetter(r) && !unicode.IsNumber(r) && !isCJK(r)
}

// isDecimal is ^[0-9]+(\.[0-9]+)?$.
func isDecimal(s string) bool {
	whole, fraction, dot := strings.Cut(s, ".")
	return whole != "" && all(whole, isDigit) && all(fraction, isDigit) && dot == (fraction != "")
}

// validAmount is ^[^0-9A-Za-z\p{Han}]?[0-9]{1,10}(\.[0-9]+)?元?$.
func validAmount(s string) bool {
	s = strings.TrimSuffix(s, "元")
	if r, size := utf8.DecodeRuneInString(s); !isDigit(r) && !isLetter(r) && !unicode.Is(unicode.Han, r) {
		s = s[size:]
	}
	whole, _, _ := strings.Cut(s, ".")
	return len(whole) <= 10 && isDecimal(s)
}

// validCar: eight characters; letters and digits, the first and the last may be Chinese.
func validCar(s string) bool {
	runes := []rune(s)
	for i, r := range runes {
		edge := i == 0 || i == len(runes)-1
		if !isDigit(r) && !isLetter(r) && !(edge && unicode.Is(unicode.Han, r)) {
			return false
		}
	}
	return len(runes) <= 8
}

// validName: ten characters if any of them is Chinese, else twenty.
func validName(s string) bool {
	limit := 20
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		limit = 10
	}
	return utf8.RuneCountInString(s) <= limit && !hasControl(s)
}
