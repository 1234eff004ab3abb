package wechat

import (
	"time"

	"github.com/minapush/minapush"
)

// Scope says which calls a row of the error table is about. A row of a narrower scope wins over one of a wider.
type Scope string

const (
	// AnyCall: every call.
	AnyCall Scope = ""
	// TokenCalls: the two calls that give access tokens.
	TokenCalls Scope = "token"
	// Sends: both calls that send a message.
	Sends Scope = "sends"
	// SubscribeSend: sending a subscribe message.
	SubscribeSend Scope = "subscribe"
	// LegacySend: sending a template message.
	LegacySend Scope = "legacy"
	// SessionCall: jscode2session.
	SessionCall Scope = "session"
	// ManageCalls: templates and quota.
	ManageCalls Scope = "manage"
)

// wider returns the scopes in which a code is looked up, from narrow to wide.
func (s Scope) wider() []Scope {
	if s == SubscribeSend || s == LegacySend {
		return []Scope{s, Sends, AnyCall}
	}
	return []Scope{s, AnyCall}
}

// PermitEffect says what an answer means for the permit that was to be spent.
type PermitEffect string

const (
	// PermitNone: no permit is involved.
	PermitNone PermitEffect = ""
	// PermitSpent: one use is gone.
	PermitSpent PermitEffect = "spent"
	// PermitKept: the use is given back.
	PermitKept PermitEffect = "kept"
	// PermitDead: this permit is discarded.
	PermitDead PermitEffect = "dead"
	// PermitVoid: all of this user's permits for the template, or the user, are void.
	PermitVoid PermitEffect = "void"
)

// Step says what an answer means for a campaign.
type Step string

const (
	// StepNone: no campaign is involved.
	StepNone Step = ""
	// StepNext: go on with the next user.
	StepNext Step = "next_user"
	// StepNextPermit: try this user's next permit.
	StepNextPermit Step = "next_permit"
	// StepRetry: try this user again, with back-off.
	StepRetry Step = "retry"
	// StepSkip: leave this user out and go on.
	StepSkip Step = "skip_user"
	// StepRefresh: refresh the access token once and repeat; the client has done both when this is seen.
	StepRefresh Step = "refresh_token"
	// StepPause: hold the app's sends until RetryAfter has passed.
	StepPause Step = "pause"
	// StepStop: stop the campaign.
	StepStop Step = "stop_campaign"
	// StepStopApp: stop everything of the app and alert.
	StepStopApp Step = "stop_app"
)

// Wait says how long to wait before the next try.
type Wait uint8

const (
	// WaitUnknown leaves it to the caller.
	WaitUnknown Wait = iota
	// WaitSecond is one second.
	WaitSecond
	// WaitMinute lasts until the next minute begins.
	WaitMinute
	// WaitDay lasts until the next midnight in Beijing, when daily counters start again. [C]/[I] server API, read 2026-06.
	WaitDay
)

// beijing is UTC+8 all year; China has had no summer time since 1991.
var beijing = time.FixedZone("UTC+8", 8*60*60)

// From returns the wait counted from now; 0 for WaitUnknown.
func (w Wait) From(now time.Time) time.Duration {
	switch w {
	case WaitSecond:
		return time.Second
	case WaitMinute:
		return now.Truncate(time.Minute).Add(time.Minute).Sub(now)
	case WaitDay:
		y, m, d := now.In(beijing).Date()
		return time.Date(y, m, d+1, 0, 0, 0, 0, beijing).Sub(now)
	}
	return 0
}

// Row is what is known about one error code.
type Row struct {
	Code  int
	Scope Scope
	// Kind and Extent say what to do; Invalid, NotFound and Unauthorized concern the caller's input.
	Kind   minapush.Kind
	Extent minapush.Extent
	// Reason replaces the code's digits in tallies; empty for nearly all.
	Reason string
	Wait   Wait
	// Permit and Step say what follows for the permit and the campaign.
	Permit PermitEffect
	Step   Step
	// English and Chinese say what it means, to people.
	English, Chinese string
	// Source names the page and how far it can be trusted; Read is when it was read.
	Source, Read string
}

// Rows returns every row, ascending by code.
func Rows() []Row { return append([]Row(nil), table...) }

// Lookup finds the row of a code as an answer to a subscribe message, or else that of any call that has one.
func Lookup(code int) (Row, bool) {
	if row, ok := LookupIn(SubscribeSend, code); ok {
		return row, true
	}
	for _, row := range table {
		if row.Code == code {
			return row, true
		}
	}
	return Row{}, false
}

// LookupIn finds the row of a code as an answer to calls of a scope.
func LookupIn(s Scope, code int) (Row, bool) {
	for _, s := range s.wider() {
		for _, row := range table {
			if row.Code == code && row.Scope == s {
				return row, true
			}
		}
	}
	return Row{}, false
}
