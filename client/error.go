package client

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/minapush/minapush/api"
)

// Error is an answer with a status of 400 or more. errors.Is(err, api.Throttled) asks for its Code.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Code says what to do next, and Number which problem it is; "" and 0 if the answer was not minapush's, such as a proxy's.
	Code   api.Code
	Number int
	// Title and Detail are English, for developers.
	Title, Detail string
	// Errcode is WeChat's code, if it was WeChat that refused.
	Errcode int
	// Reason says why, where a stable code does, such as "not_sent"; nil for most problems.
	Reason *api.Reason
	// Fields names what is wrong with the request.
	Fields []api.FieldProblem
	// RetryAfter is how long the server asks to wait; 0: it did not say.
	RetryAfter time.Duration
}

// Error describes the problem in one line.
func (e *Error) Error() string {
	text := e.Title
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Number != 0 {
		return fmt.Sprintf("minapush: %s (%d)", text, e.Number)
	}
	return fmt.Sprintf("minapush: HTTP %d %s", e.Status, text)
}

// Unwrap gives the code.
func (e *Error) Unwrap() error {
	if e.Code == "" {
		return nil
	}
	return e.Code
}

// Field is the first place of the request that is wrong, such as "body.openid"; "" when the problem names none.
func (e *Error) Field() string {
	if len(e.Fields) == 0 {
		return ""
	}
	return e.Fields[0].Location
}

// maxProblem is more than a problem can be; nothing beyond it is read.
const maxProblem = 64 << 10

// readError reads the problem of an answer.
func readError(r *http.Response) *Error {
	e := &Error{Status: r.StatusCode, Title: http.StatusText(r.StatusCode), RetryAfter: retryAfter(r.Header)}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), api.ProblemType) {
		return e
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxProblem))
	var p api.Problem
	if err != nil || json.Unmarshal(body, &p) != nil {
		return e
	}
	read := problemError(p)
	read.Status, read.RetryAfter = e.Status, e.RetryAfter
	return read
}

// problemError is a problem as an error.
func problemError(p api.Problem) *Error {
	return &Error{
		Status: p.Status, Code: p.Code, Number: p.Number, Title: p.Title, Detail: p.Detail, Errcode: p.Errcode, Reason: p.Reason, Fields: p.Errors,
	}
}

// retryAfter reads the header's seconds; what is a date, or no number, is 0.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
