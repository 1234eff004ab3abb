package collect

import (
	"context"
	"fmt"
	"time"

	"github.com/minapush/minapush"
)

// TrustedItem is what the team's backend vouches for: a payment, a form id, or a number of subscriptions.
type TrustedItem struct {
	// Kind is TypePay, TypeForm, TypeSubscribe or TypeStanding.
	Kind string
	// PrepayID is the code of a payment, with "prepay_id=" in front or without.
	PrepayID string
	// FormID is the code of a form.
	FormID string
	// Template is whose subscriptions these are, of subscribe and standing.
	Template string
	// Count is how many, 1 to MaxCount, of subscribe. 0 means 1.
	Count int
	// ID tells these subscriptions from all others of the user, 1 to MaxNonce bytes; the backend's own number of what earned
	// them. The same id is the same permits, for minapush.IdentityLife after they were earned; with a larger Count only the
	// additional ones are new. Of subscribe and standing.
	ID string
	// PaidAt is when it was earned. Zero: AgeMS milliseconds before arrival.
	PaidAt time.Time
	AgeMS  int64
	// Source names what earned it. Optional.
	Source string
}

// clockSkew is how far ahead of ours a backend's clock may be.
const clockSkew = 5 * time.Minute

// Trusted deposits what the team's backend vouches for, in one step, and answers for each item. Errors: Invalid, for the openid or
// for too many items or permits (nothing was done); Unavailable (repeating is safe).
func (c *Collector) Trusted(ctx context.Context, app minapush.App, o minapush.OpenID, items []TrustedItem) (Answer, error) {
	if err := o.Validate(); err != nil {
		return Answer{}, err
	}
	if len(items) > c.cfg.MaxItems {
		return Answer{}, minapush.FieldError("items", "must have at most %d entries, has %d", c.cfg.MaxItems, len(items))
	}
	arrival := c.cfg.Now().UTC()
	all, permits := make([]judged, len(items)), 0
	for i, it := range items {
		all[i] = judgeTrusted(it, arrival)
		all[i].source = it.Source
		if permits += len(all[i].permits); permits > c.cfg.MaxPermits {
			return Answer{}, minapush.FieldError("items", "must add up to at most %d permits", c.cfg.MaxPermits)
		}
	}
	return c.deposit(ctx, app, o, "items", all)
}

func judgeTrusted(it TrustedItem, arrival time.Time) judged {
	field, age := "age_ms", it.AgeMS
	if !it.PaidAt.IsZero() {
		field, age = "paid_at", arrival.Sub(it.PaidAt).Milliseconds()
		if age < 0 && age >= -clockSkew.Milliseconds() {
			age = 0
		}
	}
	var j judged
	switch it.Kind {
	case TypeForm:
		j = judgeForm(it.FormID, age, minapush.ByBackend, arrival)
	case TypePay:
		j = judgePay(it.PrepayID, age, arrival)
	case TypeSubscribe:
		j = judgeCount(it, minapush.Subscription, age, arrival)
	case TypeStanding:
		j = judgeCount(it, minapush.Standing, age, arrival)
	default:
		j = refuse("", "kind", ReasonUnknownType)
	}
	if j.field == "age_ms" {
		j.field = field
	}
	return j
}

// judgePay makes the permit of a payment: three uses, CodeLife from the payment.
func judgePay(code string, ageMS int64, arrival time.Time) judged {
	id, reason, ok := minapush.CheckPrepayID(code)
	if !ok {
		return refuse(TypePay, "prepay_id", reason)
	}
	taken, reason := takenAt(ageMS, arrival, minapush.CodeLife, ReasonExpired)
	if reason != "" {
		return refuse(TypePay, "age_ms", reason)
	}
	return judged{kind: TypePay, permits: []minapush.Permit{{
		Kind: minapush.PrepayID, Identity: id, Uses: minapush.PrepayID.Uses(),
		TakenAt: taken, ExpiresAt: taken.Add(minapush.CodeLife), Evidence: minapush.ByBackend,
	}}}
}

// judgeCount makes a number of subscriptions, named id#1 to id#n; of a standing one the number is always one.
func judgeCount(it TrustedItem, kind minapush.PermitKind, ageMS int64, arrival time.Time) judged {
	count := max(it.Count, 1)
	switch {
	case !goodTemplate(it.Template):
		return refuse(it.Kind, "template", ReasonBadTemplate)
	case !goodNonce(it.ID):
		return refuse(it.Kind, "id", ReasonBadNonce)
	case it.Count < 0 || count > MaxCount || (kind == minapush.Standing && count > 1):
		return refuse(it.Kind, "count", ReasonBadCount)
	}
	taken, reason := takenAt(ageMS, arrival, minapush.MaxReportAge, ReasonTooOld)
	if reason != "" {
		return refuse(it.Kind, "age_ms", reason)
	}
	j := judged{kind: it.Kind}
	for n := range count {
		j.permits = append(j.permits, minapush.Permit{
			Kind: kind, Template: it.Template, Identity: fmt.Sprintf("%s#%d", it.ID, n+1), Uses: kind.Uses(),
			TakenAt: taken, Evidence: minapush.ByBackend,
		})
	}
	return j
}
