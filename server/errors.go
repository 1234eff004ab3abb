package server

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
)

// docsURL is where problems are described, one heading each.
const docsURL = "https://github.com/minapush/minapush/blob/main/docs/api.md#"

// row is one line of the table of problems. Its number tells its status.
type row struct {
	number int
	code   api.Code
	title  string
	// wait is told as Retry-After when the error does not know better; 0: no such header.
	wait time.Duration
}

func (r row) status() int { return r.number / 100 }

// The table of problems. Numbers are stable.
var (
	rowInvalid     = row{api.NumInvalid, api.Invalid, "A field breaks a rule", 0}
	rowMalformed   = row{api.NumMalformed, api.Invalid, "The body is not JSON in UTF-8", 0}
	rowUnknown     = row{api.NumUnknownField, api.Invalid, "The request has a field that this call does not know", 0}
	rowNoKey       = row{api.NumNoCredentials, api.Unauthorized, "Credentials are missing", 0}
	rowBadKey      = row{api.NumBadCredentials, api.Unauthorized, "Credentials are not valid", 0}
	rowUnproven    = row{api.NumUnproven, api.Unauthorized, "Nobody proved to have sent this", 0}
	rowForbidden   = row{api.NumForbidden, api.Unauthorized, "The credentials do not allow this", 0}
	rowNotFound    = row{api.NumNotFound, api.NotFound, "There is no such thing", 0}
	rowNoRoute     = row{api.NumNoRoute, api.NotFound, "There is no such path", 0}
	rowMethod      = row{api.NumMethod, api.Invalid, "The path does not take this method", 0}
	rowSlowBody    = row{api.NumSlowBody, api.Invalid, "The body did not get on", 0}
	rowConflict    = row{api.NumConflict, api.Conflict, "Something stands against it", 0}
	rowInProgress  = row{api.NumInProgress, api.Conflict, "A call with this key is in progress", time.Second}
	rowTooLarge    = row{api.NumTooLarge, api.Invalid, "The body is too large", 0}
	rowContentType = row{api.NumContentType, api.Invalid, "The body is not of a type that this call takes", 0}
	rowKeyReused   = row{api.NumKeyReused, api.Invalid, "The key was used with another body", 0}
	rowThrottled   = row{api.NumThrottled, api.Throttled, "Not now", time.Second}
	rowReports     = row{api.NumTooManyReports, api.Throttled, "Too many reports of this user", time.Second}
	rowAddress     = row{api.NumTooManyOfAddress, api.Throttled, "Too many requests of this address", time.Second}
	rowInternal    = row{api.NumInternal, api.Internal, "A fault of the server", 0}
	rowUncertain   = row{api.NumUncertain, api.Uncertain, "It may have happened", 0}
	rowDead        = row{api.NumPlatform, api.PermitDead, "The platform holds the permit spent or expired", 0}
	rowRefused     = row{api.NumPlatform, api.Refused, "The platform refused for this user", 0}
	rowOddAnswer   = row{api.NumPlatform, api.Internal, "The platform answered what nobody knows", 0}
	rowBadMessage  = row{api.NumPlatform, api.BadMessage, "The platform refused the message", 0}
	rowUnavailable = row{api.NumUnavailable, api.Unavailable, "Nothing happened; try again", time.Second}
	rowCrowded     = row{api.NumCrowded, api.Unavailable, "Too many requests at once", time.Second}
	rowStopped     = row{api.NumStopped, api.Unavailable, "Sending is stopped for this app", time.Minute}
	rowBadApp      = row{api.NumPlatformRejected, api.BadCredential, "WeChat refused the app's credential", time.Minute}
)

// byKind is what each kind of error is on the wire, and whether its text may be shown.
var byKind = map[minapush.Kind]struct {
	row  row
	show bool
}{
	minapush.Internal:      {rowInternal, false},
	minapush.Invalid:       {rowInvalid, true},
	minapush.NotFound:      {rowNotFound, true},
	minapush.Conflict:      {rowConflict, true},
	minapush.Unauthorized:  {rowForbidden, true},
	minapush.Throttled:     {rowThrottled, false},
	minapush.Unavailable:   {rowUnavailable, false},
	minapush.Uncertain:     {rowUncertain, false},
	minapush.PermitDead:    {rowDead, false},
	minapush.Refused:       {rowRefused, false},
	minapush.BadMessage:    {rowBadMessage, false},
	minapush.BadCredential: {rowBadApp, false},
}

// problem is an error that knows how it looks on the wire.
type problem struct {
	row     row
	detail  string
	fields  []api.FieldProblem
	wait    time.Duration
	errcode int
	reason  string // a stable code, "" for none
	err     error  // for the log
}

func (p *problem) Error() string {
	if p.err != nil {
		return p.row.title + ": " + p.err.Error()
	}
	return p.row.title + ": " + p.detail
}

func (p *problem) Unwrap() error { return p.err }

// refuse makes a problem of a row.
func refuse(r row, detail string) *problem { return &problem{row: r, detail: detail, wait: r.wait} }

// wrong makes the problem of one bad field.
func wrong(location, message string) *problem {
	return &problem{row: rowInvalid, detail: location + ": " + message, fields: []api.FieldProblem{{Location: location, Message: message}}}
}

// below says where in the request the fields are that err names: below("body.message", err).
func below(location string, err error) error {
	var e *minapush.Error
	if !errors.As(err, &e) || e.Kind != minapush.Invalid {
		return err
	}
	if e.Field != "" {
		location += "." + e.Field
	}
	return wrong(location, causeOf(e))
}

func causeOf(e *minapush.Error) string {
	if e.Err == nil {
		return e.Kind.Error()
	}
	return e.Err.Error()
}

// problemOf says how an error looks on the wire.
func problemOf(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return refuse(rowTooLarge, "the body must have at most "+strconv.FormatInt(large.Limit, 10)+" bytes")
	case errors.Is(err, context.DeadlineExceeded):
		return &problem{row: rowUnavailable, detail: "it took too long", wait: rowUnavailable.wait, err: err}
	}
	kind := minapush.KindOf(err)
	known := byKind[kind]
	p = &problem{row: known.row, wait: known.row.wait, err: err}
	if known.show {
		p.detail = err.Error()
	}
	e, ok := facts(err)
	if !ok {
		return p
	}
	if !reasonCode(e.Reason) {
		e.Reason = ""
	}
	p.errcode, p.reason = e.Code, e.Reason
	if p.detail == "" && e.Reason != "" {
		p.detail = "the reason is " + e.Reason
	}
	if e.RetryAfter > 0 {
		p.wait = e.RetryAfter
	}
	switch {
	case e.Field == api.IdempotencyKey:
		return keyProblem(e)
	case kind == minapush.Unavailable && e.Reason == "stopped":
		p.row, p.wait = rowStopped, rowStopped.wait
	case kind == minapush.Internal && e.Code != 0: // a code that no table has
		p.row = rowOddAnswer
	case known.show && e.Field != "":
		location := e.Field
		if kind == minapush.Invalid {
			location = "body." + location
		}
		p.detail = location + ": " + causeOf(e)
		p.fields = []api.FieldProblem{{Location: location, Message: causeOf(e)}}
	}
	return p
}

const maxReason = 64

// reasonCode tells whether a reason is a stable code, which may be shown, and no text.
func reasonCode(s string) bool {
	return len(s) <= maxReason && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
}

// facts is the outermost *minapush.Error of err, with what it does not know filled in from those that it wraps.
func facts(err error) (e *minapush.Error, ok bool) {
	var outer *minapush.Error
	if !errors.As(err, &outer) {
		return nil, false
	}
	all := *outer
	for inner := outer; errors.As(inner.Err, &inner); {
		all.Code, all.Reason = cmp.Or(all.Code, inner.Code), cmp.Or(all.Reason, inner.Reason)
		all.RetryAfter = cmp.Or(all.RetryAfter, inner.RetryAfter)
	}
	return &all, true
}

// keyProblem tells a key whose call is in progress, which is worth repeating, from one that was used for something else.
func keyProblem(e *minapush.Error) *problem {
	r := rowKeyReused
	if e.Kind == minapush.Conflict && e.RetryAfter > 0 {
		r = rowInProgress
	}
	p := refuse(r, api.IdempotencyKey+": "+causeOf(e))
	p.fields = []api.FieldProblem{{Location: "header." + api.IdempotencyKey, Message: causeOf(e)}}
	return p
}

// body is the problem as it is sent.
func (p *problem) body() api.Problem {
	out := api.Problem{
		Type: docsURL + strconv.Itoa(p.row.number), Title: p.row.title, Status: p.row.status(), Detail: clip(p.detail), Code: p.row.code,
		Number: p.row.number, Errcode: p.errcode, Errors: p.fields,
	}
	if p.reason != "" {
		out.Reason = &api.Reason{Code: p.reason}
	}
	return out
}

const maxDetail = 1000

// clip bounds what is echoed of hostile input.
func clip(s string) string {
	if len(s) > maxDetail {
		s = s[:maxDetail] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
