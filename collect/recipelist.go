package collect

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/minapush/minapush"
)

// Reasons for leaving out a record of the recipe's own lists, beside ReasonExpired and those of minapush.CheckFormID.
const (
	// ReasonJavaSerialised: the element was written by Java's own serialisation, which only the program that wrote it can read.
	ReasonJavaSerialised = "java_serialised"
	// ReasonNotJSON: the element is no JSON.
	ReasonNotJSON = "not_json"
	// ReasonNotARecord: JSON, but no record with a form id where one should be.
	ReasonNotARecord = "not_a_record"
	// ReasonTooLong: the element is longer than MaxListElement.
	ReasonTooLong = "too_long"
	// ReasonTooDeep: lists, type names and quoted texts lie too deep in each other.
	ReasonTooDeep = "too_deep"
	// ReasonNoExpire: the record says no expire, or none that can be read: whether the code is still good cannot be told.
	ReasonNoExpire = "no_expire"
	// ReasonPayment: the code is a prepay id, of which the list does not tell how many of its uses are left.
	ReasonPayment = "a_payment"
)

// RecipeExpireAfter is how long after the tap the recipe sets expire: its constant for 7 days is wrong by ten.
const RecipeExpireAfter = recipeLife

// MaxListElement is the longest element of a list that is read, in bytes.
const MaxListElement = 1 << 20

const (
	// maxListDepth bounds what lies in each other; what Jackson writes twice quoted needs 6.
	maxListDepth = 16
	// javaMagic begins whatever Java's own serialisation writes: magic number and version of its stream.
	javaMagic = "\xac\xed\x00\x05"
)

// typeName is the name of a Java class, or of an array of one, as Jackson writes it before what is of that type.
var typeName = regexp.MustCompile(`^(\[+L?)?[A-Za-z_$][A-Za-z0-9_$]*(\.[A-Za-z_$][A-Za-z0-9_$]*)+;?$`)

// ListedCode is one record of the lists that teams keep by the original recipe.
type ListedCode struct {
	// Reason tells why the record is left out. Empty: FormID may be deposited.
	Reason string
	FormID string
	// TakenAt is when the user gave it, as far as expire tells: it ends minapush.CodeLife later. Never after now.
	TakenAt time.Time
	// Valid tells that its expire has not passed, and Ahead that it is farther ahead than the recipe's wrong constant can set it.
	Valid, Ahead bool
}

// ReadListed reads one element of such a list: a record {"formId": "…", "expire": milliseconds since 1970}, or an array of records; with
// Jackson's names of types inside or around them; and all of that quoted as a text once more. Each record is judged for itself.
//
// expireAfter is how long after the tap the mini program sets expire, up to minapush.CodeLife: RecipeExpireAfter as in the recipe, or
// minapush.CodeLife where the team corrected it. Since WeChat keeps a code for 7 days, it ends so much later than its expire as the
// two differ. As in an upload, an expire that lies farther ahead than expireAfter, with a margin for clocks, is believed as it is; and no
// code ends later than 7 days from now.
func ReadListed(element string, now time.Time, expireAfter time.Duration) []ListedCode {
	switch {
	case strings.HasPrefix(element, javaMagic):
		return leftOut(ReasonJavaSerialised)
	case len(element) > MaxListElement:
		return leftOut(ReasonTooLong)
	}
	r := listReader{now: now, expireAfter: expireAfter}
	r.text(element, false, 0)
	return r.codes
}

func leftOut(reason string) []ListedCode { return []ListedCode{{Reason: reason}} }

// listReader gathers the records of one element.
type listReader struct {
	now         time.Time
	expireAfter time.Duration
	codes       []ListedCode
}

func (r *listReader) leaveOut(reason string) { r.codes = append(r.codes, ListedCode{Reason: reason}) }

// text reads a text that should be JSON: the element itself, or one that was quoted within it. A bare code says no expire.
func (r *listReader) text(text string, quoted bool, depth int) {
	text = strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(text, "{"), strings.HasPrefix(text, "["), strings.HasPrefix(text, `"`), !quoted && json.Valid([]byte(text)):
		if !json.Valid([]byte(text)) {
			r.leaveOut(ReasonNotJSON)
			return
		}
		r.value(json.RawMessage(text), depth+1)
	case quoted:
		r.judge(recipeCode{formID: text})
	default:
		if _, ok := minapush.CheckFormID(text); ok {
			r.leaveOut(ReasonNoExpire)
			return
		}
		r.leaveOut(ReasonNotJSON)
	}
}

// value reads valid JSON.
func (r *listReader) value(raw json.RawMessage, depth int) {
	raw = typed(raw)
	if depth > maxListDepth {
		r.leaveOut(ReasonTooDeep)
		return
	}
	switch raw[0] {
	case '"':
		r.text(textOf(raw), true, depth)
	case '[':
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			r.leaveOut(ReasonNotJSON)
			return
		}
		for _, one := range list {
			r.value(one, depth+1)
		}
	case '{':
		r.record(raw)
	default:
		r.leaveOut(ReasonNotARecord)
	}
}

// record reads an object. Fields that it has beside the two, Jackson's "@class" among them, are none of ours.
func (r *listReader) record(raw json.RawMessage) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil || fields["formId"] == nil {
		r.leaveOut(ReasonNotARecord)
		return
	}
	r.judge(recipeCode{formID: textOf(typed(fields["formId"])), expire: momentOf(typed(fields["expire"]))})
}

// typed is the value that Jackson wrote with the name of its type before it, ["java.util.ArrayList", […]], or raw itself.
func typed(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || raw[0] != '[' {
		return raw
	}
	var pair []json.RawMessage
	var name string
	if json.Unmarshal(raw, &pair) != nil || len(pair) != 2 || json.Unmarshal(pair[0], &name) != nil || !typeName.MatchString(name) {
		return raw
	}
	return pair[1]
}

// judge takes a record over, or leaves it out.
func (r *listReader) judge(code recipeCode) {
	reason, ok := minapush.CheckFormID(code.formID)
	if _, _, pay := minapush.CheckPrepayID(code.formID); pay {
		reason = ReasonPayment
	}
	switch {
	case !ok:
		r.leaveOut(reason)
		return
	case code.expire.IsZero():
		r.leaveOut(ReasonNoExpire)
		return
	}
	ahead := code.expire.Sub(r.now)
	ends := code.expire
	if ahead < r.expireAfter+minapush.SpendMargin {
		ends = ends.Add(minapush.CodeLife - r.expireAfter)
	}
	if latest := r.now.Add(minapush.CodeLife); ends.After(latest) {
		ends = latest
	}
	if !ends.After(r.now) {
		r.leaveOut(ReasonExpired)
		return
	}
	r.codes = append(r.codes, ListedCode{
		FormID: code.formID, TakenAt: ends.Add(-minapush.CodeLife), Valid: ahead > 0, Ahead: ahead >= minRecipeLife,
	})
}
