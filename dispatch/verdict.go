package dispatch

import (
	"errors"
	"strconv"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/delivery"
)

// act is what an answer means beyond its own user.
type act uint8

const (
	// goOn: nothing.
	goOn act = iota
	// stopCampaign: every user would be answered the same; wait for somebody.
	stopCampaign
	// stopApp: every send of the app would be answered the same; wait for somebody.
	stopApp
	// holdApp: every send of the app waits until a time.
	holdApp
)

// verdict is what follows from one answer.
type verdict struct {
	delivery.Settlement
	act   act
	why   minapush.Reason
	until time.Time
	// busy tells that the platform asked to go slower.
	busy bool
	// tellsNothing gives the place in the first wave to another message.
	tellsNothing bool
}

const (
	maxBusyTries      = 4  // -1: the first and three more, after 1, 2 and 4 s; wechat.md 1.4.6
	maxDeadPermits    = 3  // permits tried for one user in a row; wechat.md 4.11
	maxUserTries      = 10 // tries of one user who is being sent to by somebody else (43108)
	maxResends        = 3  // tries with the same form ID after answers that were lost
	youngPayment      = time.Minute
	codeInvalidFormID = 41028
	codeUsedFormID    = 41029
	codeBusyUser      = 43108
	codeUserTooOften  = 43117
)

// tokenCodes are refusals of the access token that survived a refresh: seen to come and go for minutes (wechat.md 1.1.4).
var tokenCodes = map[int]bool{40001: true, 40014: true, 42001: true, 41001: true}

// judge turns the answer to one attempt into what becomes of its delivery, its permit and its campaign. It is pure: the whole
// table of consequences is here. atLeastOnce is the campaign's choice; invalidCommon tells that invalid openids are too common
// to be the users' fault, and whose whose fault refused data is.
func judge(d minapush.Delivery, answer error, receipt minapush.Receipt, now time.Time, atLeastOnce, invalidCommon bool, whose blame) verdict {
	v := verdict{Settlement: delivery.Settlement{Ref: delivery.RefOf(d), Now: now}}
	if answer == nil {
		v.Outcome, v.Permit, v.MsgID = minapush.Accepted, delivery.Spend, receipt.MsgID
		return v
	}
	var e *minapush.Error
	if !errors.As(answer, &e) {
		e = &minapush.Error{Kind: minapush.KindOf(answer), Err: answer}
	}
	v.Errcode, v.Reason = e.Code, e.ReasonName()
	switch e.Kind {
	case minapush.Unavailable:
		v.again(now, pauseAfter(d.Tries))
		v.tellsNothing = e.Reason == minapush.ReasonLapsed
	case minapush.Uncertain:
		v.uncertain(d, now, atLeastOnce)
	case minapush.Throttled:
		v.throttled(d, e, now)
	case minapush.PermitDead:
		v.permitDead(d, e, now)
	case minapush.Refused:
		v.Permit = delivery.SuspectUse // believed when its window of answers is known: see storm.go
	case minapush.NotFound:
		v.Outcome, v.Permit = minapush.Failed, delivery.VoidUser
		if invalidCommon {
			v.Permit = delivery.Release
		}
	case minapush.BadMessage:
		v.badMessage(e, now, whose)
	case minapush.BadCredential:
		v.again(now, 0)
		v.act, v.why = stopApp, why("bad_credential", e)
		if tokenCodes[e.Code] {
			v.act, v.why, v.until = holdApp, why("token", e), now.Add(time.Minute)
		}
	default: // an answer nobody knows: never guessed, permit back
		v.Outcome = minapush.Failed
	}
	if d.Resend {
		v.afterResend()
	}
	return v
}

// afterResend keeps what an earlier try with the same code left open: the code stays with the row while it is tried again, and
// what ends without a clear answer may have arrived.
func (v *verdict) afterResend() {
	switch {
	case v.Outcome == minapush.Failed || v.Outcome == minapush.Pending && v.Permit == delivery.Burn:
		v.Outcome, v.Permit = minapush.Unknown, delivery.Spend
	case v.Outcome == minapush.Pending && v.Permit == delivery.Release:
		v.Resend = true
	}
}

func (v *verdict) badMessage(e *minapush.Error, now time.Time, whose blame) {
	switch {
	case e.Extent == minapush.OneUser || whose == users || whose == usersStill:
		v.Outcome, v.tellsNothing = minapush.Failed, whose == usersStill
	case whose == unclear:
		v.again(now, 0)
	default:
		v.again(now, 0)
		v.act, v.why = stopCampaign, why("bad_message", e)
	}
}

func (v *verdict) again(now time.Time, after time.Duration) {
	v.Outcome, v.Permit, v.NotBefore = minapush.Pending, delivery.Release, now.Add(after)
}

// uncertain: it may have arrived. A form ID has one use, so WeChat itself refuses the second of two; others may not be repeated.
func (v *verdict) uncertain(d minapush.Delivery, now time.Time, atLeastOnce bool) {
	switch {
	case d.Permit.Kind == minapush.FormID && d.Tries < maxResends:
		v.Outcome, v.Resend, v.NotBefore = minapush.Pending, true, now.Add(pauseAfter(d.Tries))
	case atLeastOnce && d.Tries < maxResends:
		v.Outcome, v.Permit, v.Maybe, v.NotBefore = minapush.Pending, delivery.Spend, true, now
	default:
		v.Outcome, v.Permit = minapush.Unknown, delivery.Spend
	}
}

func (v *verdict) throttled(d minapush.Delivery, e *minapush.Error, now time.Time) {
	if e.Extent == minapush.OneApp {
		v.again(now, 0)
		v.act, v.why, v.until = holdApp, why("quota", e), now.Add(max(e.RetryAfter, time.Second))
		return
	}
	tries := maxBusyTries
	after := pauseAfter(d.Tries)
	switch e.Code {
	case codeBusyUser:
		tries, after = maxUserTries, time.Second
	case codeUserTooOften:
		after = time.Minute
	default:
		v.busy = true
	}
	v.again(now, max(after, e.RetryAfter))
	if d.Tries >= tries || e.RetryAfter > time.Hour {
		v.Outcome, v.NotBefore = minapush.Failed, time.Time{}
	}
}

func (v *verdict) permitDead(d minapush.Delivery, e *minapush.Error, now time.Time) {
	switch {
	case d.Resend && e.Code == codeUsedFormID:
		// The first try had arrived after all: its code is used up.
		v.Outcome, v.Permit, v.Reason = minapush.Accepted, delivery.Spend, minapush.ReasonArrived
	case e.Code == codeInvalidFormID && d.Permit.Kind == minapush.PrepayID && now.Sub(d.Permit.TakenAt) < youngPayment:
		// Not dead but not yet ready: WeChat takes a prepay ID some seconds after the payment (wechat.md 1.3.2).
		v.again(now, minapush.PayReadyAfter)
	default:
		v.Outcome, v.Permit, v.NotBefore = minapush.Pending, delivery.Burn, now
		if d.Tries >= maxDeadPermits {
			v.Outcome = minapush.Failed
		}
	}
}

// pauseAfter is 1, 2, 4, … 32 s after the n-th try.
func pauseAfter(tries int) time.Duration {
	return time.Second << min(max(tries-1, 0), 5)
}

// why makes a reason of an answer: its own name where it has one, with the code that people search for.
func why(code string, e *minapush.Error) minapush.Reason {
	r := minapush.Reason{Code: code, Params: map[string]string{}}
	if e.Code != 0 {
		r.Params["errcode"] = strconv.Itoa(e.Code)
	}
	if e.Reason != "" {
		r.Params["reason"] = e.Reason
	}
	if e.Err != nil {
		r.Params["answer"] = e.Err.Error()
	}
	return r
}
