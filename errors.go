package minapush

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what to do next about an error, not what went wrong. A Kind is itself an error, so that
// errors.Is(err, minapush.Throttled) asks for it. Kinds cross the API by name: append, never rename.
type Kind uint8

const (
	// Internal is a bug or something unclassified: alert, and show nothing of it to users. It is the zero value.
	Internal Kind = iota
	// Invalid input is the caller's to fix; the text may be shown.
	Invalid
	// NotFound names something that does not exist; the text may be shown.
	NotFound
	// Conflict means that somebody else was first: a version, a lease, an idempotency key; the text may be shown.
	Conflict
	// Unauthorized means that the caller may not do this; the text may be shown.
	Unauthorized
	// Throttled asks to wait RetryAfter and to try again with the same permit.
	Throttled
	// Unavailable means that nothing happened: retry with back-off and the same permit.
	Unavailable
	// Uncertain means that it may have happened: never repeat blindly, settle by receipt or policy.
	Uncertain
	// PermitDead means that the platform holds the permit spent or expired: burn it and try the next one.
	PermitDead
	// Refused means that the recipient cannot be reached with this template: void the permits for it.
	Refused
	// BadMessage means that the template, the page or the data was rejected: stop the campaign.
	BadMessage
	// BadCredential means that the access token or the account was rejected: refresh once, then stop the app and alert.
	BadCredential
)

var kindNames = [...]string{
	"internal", "invalid", "not_found", "conflict", "unauthorized", "throttled", "unavailable", "uncertain", "permit_dead",
	"refused", "bad_message", "bad_credential",
}

// String returns the kind's name on the wire.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "internal"
}

// Error makes a Kind an error.
func (k Kind) Error() string { return strings.ReplaceAll(k.String(), "_", " ") }

// Extent says how far the cause of a platform error reaches.
type Extent uint8

const (
	// OneUser: other users are not affected. It is the zero value.
	OneUser Extent = iota
	// OneMessage: every user of this message would be answered the same.
	OneMessage
	// OneApp: every send of the app would be answered the same.
	OneApp
)

// Error carries what a Kind alone cannot say. The zero value of each field but Kind means "not known".
type Error struct {
	Kind Kind
	// Op is what was attempted, in lower case: "send", "reserve batch".
	Op string
	// Code is the platform's error code; 0 when the platform gave none.
	Code int
	// Reason is a short stable name for people and tallies ("read_timeout"); empty means the Code in digits.
	Reason string
	// Extent says how far the cause reaches.
	Extent Extent
	// Field names the input that is wrong, for Invalid: "permits[3].code".
	Field string
	// RetryAfter is how long to wait before the next try; 0 means that the caller chooses.
	RetryAfter time.Duration
	// Err is the cause.
	Err error
}

// Error describes the attempt, the place and the cause.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	if e.Err != nil {
		b.WriteString(e.Err.Error())
	} else {
		b.WriteString(e.Kind.Error())
	}
	if e.Code != 0 {
		fmt.Fprintf(&b, " (code %d)", e.Code)
	}
	return b.String()
}

// Unwrap gives the kind and the cause, so that errors.Is and errors.As find both.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// ReasonName is the stable name under which a failure is tallied: Reason, or the platform's code in digits, or the kind.
func (e *Error) ReasonName() string {
	switch {
	case e.Reason != "":
		return e.Reason
	case e.Code != 0:
		return fmt.Sprint(e.Code)
	}
	return e.Kind.String()
}

// KindOf returns the kind of err: that of the outermost *Error, or of a bare Kind, else Internal. KindOf(nil) is Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	var k Kind
	if errors.As(err, &k) {
		return k
	}
	return Internal
}

// Errorf makes an *Error of a kind with a formatted cause, which may wrap another error by %w.
func Errorf(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Err: fmt.Errorf(format, args...)}
}

// FieldError makes an Invalid error that names the field and the rule that it breaks.
func FieldError(field, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Field: field, Err: fmt.Errorf(format, args...)}
}
