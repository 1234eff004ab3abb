package collect

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
)

// Reasons for refusing a row of an import; they label the metric of refused items too.
const (
	// ReasonBadRow: the row, or a value of it, cannot be read.
	ReasonBadRow = "bad_row"
	// ReasonBadUser: the row names no openid.
	ReasonBadUser = "bad_user"
	// ReasonBadTime: the time taken is no time, or lies ahead.
	ReasonBadTime = "bad_time"
)

const (
	// importSkew is how far ahead of ours the clock of who wrote the rows may be.
	importSkew = 10 * time.Minute
	// firstDay is before every mini program; an earlier time is one in seconds that was read as milliseconds.
	firstDay = "2017-01-01T00:00:00Z"
)

// permitRow is a row of an import: the permit that it stands for, or why it has none.
type permitRow struct {
	line   int64
	kind   string // what it calls itself, from the closed set of types
	openid minapush.OpenID
	permit minapush.Permit
	source string
	answer ItemAnswer
	wrong  *audience.Problem // of a refused row
}

func refusal(reason string) ItemAnswer { return ItemAnswer{Status: StatusRefused, Reason: reason} }

// refuse refuses the row for one of the reasons, in its words.
func (r *permitRow) refuse(field, reason string) {
	r.say(field, reason, reason+": "+wordsFor(reason))
}

// say refuses the row in words of its own.
func (r *permitRow) say(field, reason, message string) {
	r.answer, r.wrong = refusal(reason), &audience.Problem{Line: r.line, Field: field, Message: message}
}

func wordsFor(reason string) string {
	switch reason {
	case ReasonExpired:
		return "a code ends 7 days after it was taken"
	case ReasonNotKept:
		return "the user has permits for too many templates, or is being erased"
	case ReasonBadTemplate:
		return "it must be the id of a template, 1 to 64 bytes"
	case ReasonBadNonce:
		return "it must have 1 to 128 printable ASCII bytes without spaces"
	case "not_a_prepay_id", "empty_code":
		return "it must be the code that WeChat gave"
	}
	return "it is no form id that WeChat gave"
}

// readPermit judges a row by the rules of the trusted deposit. What it keeps shares no memory with the row.
func readPermit(row audience.Row, importID string, now time.Time) *permitRow {
	r := &permitRow{line: row.Line}
	v := values{row: row.Values}
	openid, kind, code, template := v.text("openid"), v.text("kind"), v.text("code"), v.text("template")
	id, uses, taken := v.text("id"), v.number("uses"), v.number("taken_at")
	r.source = v.text("source")
	_ = v.number("expires_at") // of an export; it is computed from taken_at
	v.nothingElse()
	if k, err := minapush.ParsePermitKind(kind); err == nil {
		r.kind, r.permit.Kind = kind, k
	}
	switch {
	case v.wrong != nil:
		r.say(v.wrong.Field, ReasonBadRow, v.wrong.Message)
	case strings.HasPrefix(openid, audience.UIDPrefix):
		r.say("openid", ReasonBadUser, "must be the openid itself: permits cannot be imported by uid")
	case minapush.OpenID(openid).Validate() != nil:
		r.say("openid", ReasonBadUser, fmt.Sprintf("must have 1 to %d printable ASCII bytes without spaces", minapush.MaxOpenID))
	case r.kind == "":
		r.say("kind", ReasonUnknownType, "must be form, pay, subscribe or standing")
	default:
		r.openid, r.permit.Evidence = minapush.OpenID(openid), minapush.ByBackend
		_ = r.readCode(code, template) && r.readIdentity(id, importID) && r.readUses(uses) && r.readTaken(taken, now)
	}
	return r
}

// readCode takes the code of a form or pay permit, or the template of the others.
func (r *permitRow) readCode(code, template string) bool {
	reason, ok := "", true
	switch {
	case r.permit.Kind.HasCode() && template != "":
		r.say("template", ReasonBadTemplate, "must be absent: a code serves any legacy template")
		return false
	case r.permit.Kind == minapush.FormID:
		reason, ok = minapush.CheckFormID(code)
	case r.permit.Kind == minapush.PrepayID:
		code, reason, ok = minapush.CheckPrepayID(code)
	case code != "":
		r.say("code", ReasonBadRow, "must be absent: only form and pay have one")
		return false
	case !goodTemplate(template):
		r.refuse("template", ReasonBadTemplate)
		return false
	}
	if !ok {
		r.refuse("code", reason)
	}
	r.permit.Identity, r.permit.Template = code, template
	return ok
}

// readIdentity names a permit without a code: by the row's id, or by the import's and the line. "#" keeps names of imports apart from
// those that clients give.
func (r *permitRow) readIdentity(id, importID string) bool {
	switch {
	case r.permit.Kind.HasCode():
		return true
	case id == "" && importID == "":
		r.say("id", ReasonBadNonce, "must be given, since the import has no id either")
		return false
	case id == "":
		id = importID + "#row" + strconv.FormatInt(r.line, 10)
	case len(id) > minapush.MaxIdentity || strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }):
		r.refuse("id", ReasonBadNonce)
		return false
	}
	r.permit.Identity = id
	return true
}

func (r *permitRow) readUses(uses string) bool {
	most := r.permit.Kind.Uses()
	r.permit.Uses = most
	if uses == "" || most == 0 && uses == "0" {
		return true
	}
	n, err := strconv.Atoi(uses)
	switch {
	case most == 0:
		r.say("uses", ReasonBadCount, "must be absent: uses of a standing permit are not counted")
		return false
	case err != nil || n < 1 || n > most:
		r.say("uses", ReasonBadCount, fmt.Sprintf("must be 1 to %d for %s", most, r.kind))
		return false
	}
	r.permit.Uses = n
	return true
}

// readTaken takes when the permit was given. A subscription older than MaxReportAge counts as so old: it does not end, and its identity
// must be remembered for a while, should the import be repeated after it was spent.
func (r *permitRow) readTaken(text string, now time.Time) bool {
	taken, ok := now, true
	if text != "" {
		taken, ok = moment(text)
	}
	first, _ := time.Parse(time.RFC3339, firstDay)
	switch {
	case !ok:
		r.say("taken_at", ReasonBadTime, "must be RFC 3339, such as 2026-11-22T10:00:00+08:00, or milliseconds since 1970")
		return false
	case taken.Before(first):
		r.say("taken_at", ReasonBadTime, "must not lie before 2017; are these seconds? They must be milliseconds")
		return false
	case taken.After(now.Add(importSkew)):
		r.say("taken_at", ReasonBadTime, "must not lie more than 10 minutes ahead")
		return false
	case taken.After(now):
		taken = now
	}
	if r.permit.Kind.HasCode() {
		r.permit.ExpiresAt = taken.Add(minapush.CodeLife)
		if r.permit.Expired(now) {
			r.refuse("taken_at", ReasonExpired)
			return false
		}
	} else if oldest := now.Add(-minapush.MaxReportAge); taken.Before(oldest) {
		taken = oldest
	}
	r.permit.TakenAt = taken
	return true
}

// moment reads RFC 3339 or milliseconds since 1970.
func moment(text string) (time.Time, bool) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC(), ms > -maxUnixMilli && ms < maxUnixMilli
	}
	at, err := time.Parse(time.RFC3339, text)
	return at.UTC(), err == nil
}

// values takes what a row has under names that it may have. The first that is no good is kept as wrong.
type values struct {
	row   map[string]any
	known []string
	wrong *audience.Problem
}

// text takes a text; "" if there is none.
func (v *values) text(name string) string {
	v.known = append(v.known, name)
	s, ok := v.row[name].(string)
	if !ok && v.row[name] != nil {
		v.bad(name, "must be a text")
	}
	return strings.Clone(s)
}

// number takes a number, or a text, as a text.
func (v *values) number(name string) string {
	v.known = append(v.known, name)
	switch n := v.row[name].(type) {
	case nil:
	case json.Number:
		return strings.Clone(n.String())
	case string:
		return strings.Clone(n)
	default:
		v.bad(name, "must be a number or a text")
	}
	return ""
}

func (v *values) nothingElse() {
	for _, name := range slices.Sorted(maps.Keys(v.row)) {
		if !slices.Contains(v.known, name) {
			v.bad(fmt.Sprintf("%.40s", name), "is not known here; a row has "+strings.Join(v.known, ", "))
		}
	}
}

func (v *values) bad(field, message string) {
	if v.wrong == nil {
		v.wrong = &audience.Problem{Field: field, Message: message}
	}
}
