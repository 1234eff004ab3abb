package wechat

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"unicode"

	"github.com/minapush/minapush"
)

// Reasons of failures that no answer of WeChat explains. A lost answer that timed out has minapush.ReasonReadTimeout, one that
// cannot be understood minapush.ReasonBadAnswer.
const (
	// ReasonNotSent: no byte of the message left; Unavailable.
	ReasonNotSent = "not_sent"
	// ReasonHTTPStatus: something in between answered with an HTTP status that means the request was not carried out; Unavailable.
	ReasonHTTPStatus = "http_status"
	// ReasonConnectionLost: the connection ended before an answer; Uncertain.
	ReasonConnectionLost = "connection_lost"
	// ReasonInterrupted: the caller's context was cancelled while the answer was awaited; Uncertain.
	ReasonInterrupted = "interrupted"
	// ReasonBusy: WeChat answered -1; Throttled.
	ReasonBusy = "busy"
	// ReasonNoToken: the access token could not be had, so nothing was sent.
	ReasonNoToken = "no_access_token"
)

// stage is how far a request had come when it failed.
type stage struct {
	unsent   bool // no byte of it left
	answered bool // a part of an answer was there
}

// interpret turns a failure of the network into a kind. It is the only place that does.
//
//	before the first byte left (no connection, no handshake, a connection closed while idle)  Unavailable, not_sent
//	after it, time ran out                                                                     Uncertain, read_timeout
//	after it, the caller's context was cancelled                                               Uncertain, interrupted
//	after it, end of file or reset                                                             Uncertain, connection_lost
//	within the answer                                                                          Uncertain, bad_answer
//
// [C] developer forum, "time-outs and duplicates": subscribe/send has no idempotency key, so a lost answer leaves the outcome open;
// read 2026-06.
func (c *Client) interpret(r request, s stage, err error) *minapush.Error {
	e := &minapush.Error{Kind: minapush.Uncertain, Op: r.call.String(), Err: safe(err, r.hide)}
	switch {
	case s.unsent:
		e.Kind, e.Reason = minapush.Unavailable, ReasonNotSent
	case timedOut(err):
		e.Reason = minapush.ReasonReadTimeout
	case errors.Is(err, context.Canceled):
		e.Reason = ReasonInterrupted
	case s.answered:
		e.Reason = minapush.ReasonBadAnswer
	default:
		e.Reason = ReasonConnectionLost
	}
	return settle(r.call, e)
}

func timedOut(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || (errors.As(err, &n) && n.Timeout())
}

// dialFailed tells that err comes from before a connection stood.
func dialFailed(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return (errors.As(err, &op) && op.Op == "dial") || errors.As(err, &dns) || errors.As(err, &cert) || errors.As(err, &record) ||
		errors.Is(err, syscall.ECONNREFUSED)
}

// hidden is what an exchange knows and no text may tell.
type hidden struct {
	token, secret, code string
	openid              minapush.OpenID
}

// scrub takes the hidden values out of a text that came from elsewhere, cuts it to a sensible length and to one line.
func (h hidden) scrub(s string) string {
	if h.openid != "" {
		s = strings.ReplaceAll(s, string(h.openid), h.openid.Masked())
	}
	for _, v := range [...]string{h.token, h.secret, h.code} {
		if v != "" {
			s = strings.ReplaceAll(s, v, "…")
			s = strings.ReplaceAll(s, escapeQuery(v), "…")
		}
	}
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	const longest = 300
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return strings.TrimSpace(s)
}

// safeError is the text of a foreign error without secrets, and the plain cause at its root. The foreign error itself is let go,
// because its other renderings would tell what its text no longer does.
type safeError struct {
	text string
	root error
}

func (e *safeError) Error() string { return e.text }
func (e *safeError) Unwrap() error { return e.root }

func safe(err error, h hidden) error {
	s := &safeError{text: h.scrub(err.Error())}
	var errno syscall.Errno
	switch {
	case errors.Is(err, context.Canceled):
		s.root = context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		s.root = context.DeadlineExceeded
	case errors.As(err, &errno):
		s.root = errno
	}
	return s
}
