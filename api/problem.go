package api

// ContentType is the media type of bodies, and ProblemType that of problems.
const (
	ContentType = "application/json"
	ProblemType = "application/problem+json"
)

// Code says what to do next about a problem. It is an error, so that errors.Is(err, api.Throttled) asks for it.
type Code string

const (
	// Internal is a fault of the server: it is logged there, and nothing of it is told.
	Internal Code = "internal"
	// Invalid input is the caller's to fix; Problem.Errors names the fields.
	Invalid Code = "invalid"
	// NotFound names something that does not exist.
	NotFound Code = "not_found"
	// Conflict means that somebody else was first, or that the thing is not in a state for the call.
	Conflict Code = "conflict"
	// Unauthorized means that the caller is not known (401), or may not do this (403).
	Unauthorized Code = "unauthorized"
	// Throttled asks to repeat the call after Retry-After.
	Throttled Code = "throttled"
	// Unavailable means that nothing happened; repeat after Retry-After.
	Unavailable Code = "unavailable"
	// Uncertain means that it may have happened: look before repeating.
	Uncertain Code = "uncertain"
	// PermitDead, Refused and BadMessage are answers of the platform that leave no outcome to tell.
	PermitDead Code = "permit_dead"
	Refused    Code = "refused"
	BadMessage Code = "bad_message"
	// BadCredential means that WeChat refused the app's access token or account: its operator has to act.
	BadCredential Code = "bad_credential"
)

// Error makes a Code an error.
func (c Code) Error() string { return string(c) }

// Numbers of problems: the HTTP status and two digits. They are stable; docs/api.md says what each means.
const (
	NumInvalid          = 40001 // a field breaks a rule
	NumMalformed        = 40002 // the body is not JSON in UTF-8
	NumUnknownField     = 40003 // the body or query has a field that the call does not know
	NumNoCredentials    = 40101 // no Authorization header
	NumBadCredentials   = 40102 // an API key or session token that is not valid
	NumForbidden        = 40301 // the key is not for this app, or lacks the scope
	NumUnproven         = 40302 // a push at the address for WeChat that is not WeChat's
	NumNotFound         = 40401 // the thing does not exist
	NumNoRoute          = 40402 // the path does not exist
	NumMethod           = 40501 // the path exists, the method does not
	NumSlowBody         = 40801 // the body made no progress, or took too long
	NumConflict         = 40901 // the thing exists, or is not in a state for the call
	NumInProgress       = 40902 // a call with this Idempotency-Key is in progress
	NumTooLarge         = 41301 // the body is over the limit
	NumContentType      = 41501 // the body is not of a type that the call takes
	NumKeyReused        = 42201 // this Idempotency-Key was used with another body
	NumThrottled        = 42901 // not now: pace, quota, or another delivery of the user
	NumTooManyReports   = 42902 // too many reports of one user
	NumTooManyOfAddress = 42903 // too many requests or logins of one client address
	NumInternal         = 50001 // a fault of the server
	NumUncertain        = 50201 // it may have happened
	NumPlatform         = 50202 // WeChat's answer leaves no outcome to tell
	NumUnavailable      = 50301 // nothing happened; repeat
	NumStopped          = 50302 // the app's kill switch is on
	NumPlatformRejected = 50303 // WeChat refused the app's credential
	NumCrowded          = 50304 // the server works on as many requests as it may
)

// Problem is the body of every answer with a status of 400 or more (RFC 9457).
type Problem struct {
	// Type is the address of the problem's description.
	Type string `json:"type"`
	// Title is the same for all problems of a Number, and Detail is about this one. Both are English, for developers.
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Code   Code   `json:"code"`
	Number int    `json:"number"`
	// Errcode is WeChat's code, if it was WeChat that refused.
	Errcode int `json:"errcode,omitempty"`
	// Reason says why, where a stable code does: "not_sent" (WeChat could not be reached), "read_timeout", "stopped".
	Reason *Reason `json:"reason,omitempty"`
	// Errors names what is wrong with the request, for Invalid.
	Errors []FieldProblem `json:"errors,omitempty"`
}

// FieldProblem names one place of a request and the rule that it breaks.
type FieldProblem struct {
	// Location is "body.message.template", "query.limit", "path.openid" or "header.Idempotency-Key".
	Location string `json:"location"`
	Message  string `json:"message"`
	// Reason is, of a value that breaks the rule of its type, the rule and what fills its sentence: LintValue.Reason.
	Reason *Reason `json:"reason,omitempty"`
}

// Reason is why something stands as it does.
type Reason struct {
	// Code is a stable name, such as "no_permit", "43101" or "operator".
	Code string `json:"code"`
	// Params fill the sentence.
	Params map[string]string `json:"params,omitempty"`
}
