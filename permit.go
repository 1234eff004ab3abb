package minapush

import (
	"regexp"
	"strings"
	"time"
)

// PermitKind says how a permit was earned, and with it how long it lives and how often it may be used.
type PermitKind uint8

const (
	// FormID comes from a form submit: one use, valid 7 days. WeChat's template message guide, withdrawn 2020-01-10.
	FormID PermitKind = iota + 1
	// PrepayID comes from a payment: three uses, valid 7 days. The same guide.
	PrepayID
	// Subscription is one accepted wx.requestSubscribeMessage for one template: one use, no expiry.
	// https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/subscribe-message-overview.html, read 2026-06.
	Subscription
	// Standing is an accepted long-term subscription for one template: any number of uses until the user revokes it.
	// The same page.
	Standing
)

// PermitKinds lists every kind, in the order of their numbers.
var PermitKinds = [...]PermitKind{FormID, PrepayID, Subscription, Standing}

var permitKindNames = map[PermitKind]string{FormID: "form", PrepayID: "pay", Subscription: "subscribe", Standing: "standing"}

// String returns the kind's name on the wire; "" for an unknown one.
func (k PermitKind) String() string { return permitKindNames[k] }

// ParsePermitKind finds a kind by its name on the wire.
func ParsePermitKind(s string) (PermitKind, error) {
	for k, name := range permitKindNames {
		if name == s {
			return k, nil
		}
	}
	return 0, FieldError("kind", "must be form, pay, subscribe or standing, not %q", s)
}

const (
	// CodeLife is how long a form ID or a prepay ID is good.
	CodeLife = 7 * 24 * time.Hour
	// PayUses is how many messages one payment gives.
	PayUses = 3
	// PayReadyAfter is how long after its payment a prepay ID is first used: WeChat refuses younger ones (41028) for some seconds.
	PayReadyAfter = 10 * time.Second
	// SpendMargin is how close to its expiry a permit is no longer spent, since clocks differ.
	SpendMargin = 10 * time.Minute
	// MaxReportAge is how old a reported subscription may be; older ones are refused, since their identity is forgotten after
	// IdentityLife.
	MaxReportAge = 7 * 24 * time.Hour
	// IdentityLife is how long the identity of a spent permit without expiry is remembered against replays.
	IdentityLife = 8 * 24 * time.Hour
	// PairWithin is how far apart a report and an event may say that a subscription was accepted, and still mean the same accept: clocks
	// differ, and the way of a report takes its time. Of several the nearest is taken. Wider would merge two accepts of which one lost its
	// report and the other its event; narrower would count one accept twice.
	PairWithin = 10 * time.Minute
	// PairLife is for how long after an accept a report of it, whose use is gone, still waits for its event. WeChat tells within a minute
	// or never; teams that pass events on may take longer.
	PairLife = 24 * time.Hour
)

// Uses is how many messages one permit of the kind gives when it is new; 0 for Standing, which is not counted.
func (k PermitKind) Uses() int {
	switch k {
	case PrepayID:
		return PayUses
	case Standing:
		return 0
	}
	return 1
}

// HasCode tells whether a permit of the kind is a code that is sent along with the message.
func (k PermitKind) HasCode() bool { return k == FormID || k == PrepayID }

// Evidence says who vouched for a permit.
type Evidence uint8

const (
	// ByClient: the mini program reported it.
	ByClient Evidence = iota
	// ByEvent: WeChat's own event told of it.
	ByEvent
	// ByBackend: the team's backend deposited it.
	ByBackend
	// ByBoth: the mini program reported it and WeChat's event told of it, in either order.
	ByBoth
)

// String returns the evidence's name on the wire.
func (e Evidence) String() string { return [...]string{"client", "event", "trusted", "both"}[e%4] }

// Permit is the right to send one user a message.
type Permit struct {
	Kind PermitKind
	// Template is the only template that it serves; empty for form and pay, which serve any legacy template.
	Template string
	// Identity tells this permit from others of the user: the code itself, a report's nonce, an item or event id. At most
	// MaxIdentity bytes.
	Identity string
	// Uses is how many messages it still gives; it counts for form, pay and subscribe.
	Uses int
	// TakenAt is when the user gave it, to the second.
	TakenAt time.Time
	// ExpiresAt is when it ends, to the second; zero: never.
	ExpiresAt time.Time
	// Source is the page or button that earned it, as a number of the app's dictionary; 0 is not known.
	Source   uint16
	Evidence Evidence
}

// MaxIdentity is the longest code, nonce or item id accepted, in bytes.
const MaxIdentity = 128

// Code is what is sent along with the message; empty for kinds without one.
func (p Permit) Code() string {
	if p.Kind.HasCode() {
		return p.Identity
	}
	return ""
}

// Ready tells whether the permit may be spent at now: old enough, and not about to expire.
func (p Permit) Ready(now time.Time) bool {
	if p.Kind == PrepayID && now.Before(p.TakenAt.Add(PayReadyAfter)) {
		return false
	}
	return p.ExpiresAt.IsZero() || p.ExpiresAt.Sub(now) > SpendMargin
}

// Expired tells whether the permit has ended at now.
func (p Permit) Expired(now time.Time) bool { return !p.ExpiresAt.IsZero() && !now.Before(p.ExpiresAt) }

// PermitState says whether a permit can be reserved.
type PermitState uint8

const (
	// Available permits may be reserved.
	Available PermitState = iota
	// Held permits have one use in a delivery's hand.
	Held
	// Suspect permits have one use that WeChat refused (43101) in a window whose refusals are not yet believed.
	Suspect
)

// String returns the state's name on the wire.
func (s PermitState) String() string { return [...]string{"available", "held", "suspect"}[s%3] }

// Holding is a permit as the bank keeps it.
type Holding struct {
	Permit
	State PermitState
}

// Counts sums uses of permits. Standing permits stay outside.
type Counts struct {
	Deposited, Available, Held, Suspect, Spent, Dead, Expired, Evicted, Erased int64
}

// Add returns the sum of both.
func (c Counts) Add(d Counts) Counts {
	return Counts{
		Deposited: c.Deposited + d.Deposited, Available: c.Available + d.Available, Held: c.Held + d.Held,
		Suspect: c.Suspect + d.Suspect, Spent: c.Spent + d.Spent, Dead: c.Dead + d.Dead, Expired: c.Expired + d.Expired,
		Evicted: c.Evicted + d.Evicted, Erased: c.Erased + d.Erased,
	}
}

// Closes tells whether every use deposited is exactly one of the others: invariant I1.
func (c Counts) Closes() bool {
	return c.Deposited == c.Available+c.Held+c.Suspect+c.Spent+c.Dead+c.Expired+c.Evicted+c.Erased
}

var (
	formID   = regexp.MustCompile(`^[0-9a-f]{32}$`)
	prepayID = regexp.MustCompile(`^wx[0-9A-Za-z]{10,62}$`)
)

// CheckFormID refuses strings that a client hands over where a form ID should be, but that WeChat never issued: messages of the
// developer tools and of withdrawn interfaces, "undefined", millisecond times. The reason is a stable name.
func CheckFormID(code string) (reason string, ok bool) {
	switch {
	case formID.MatchString(code):
		return "", true
	case code == "" || code == "undefined" || code == "null":
		return "empty_code", false
	case strings.Contains(code, "mock"):
		return "mock_code", false
	case strings.HasPrefix(code, "requestFormId:fail"):
		return "client_failed", false
	case strings.Contains(code, "no longer available"):
		return "trial_version", false
	}
	return "not_a_form_id", false
}

// CheckPrepayID strips the "prepay_id=" that a payment package carries and refuses what cannot be a prepay ID, such as a
// transaction id (4200…).
func CheckPrepayID(code string) (id, reason string, ok bool) {
	id = strings.TrimPrefix(code, "prepay_id=")
	if id == "" {
		return "", "empty_code", false
	}
	if !prepayID.MatchString(id) {
		return "", "not_a_prepay_id", false
	}
	return id, "", true
}
