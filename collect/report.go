package collect

import (
	"context"
	"strings"
	"time"

	"github.com/minapush/minapush"
)

// Types of items.
const (
	// TypeForm is a form id.
	TypeForm = "form"
	// TypePay is a prepay id; trusted deposits only.
	TypePay = "pay"
	// TypeSubscribe is the answer of one one-time template in a subscribe request.
	TypeSubscribe = "subscribe"
	// TypeStanding is the answer of one long-term template.
	TypeStanding = "standing"
)

// Report is what the SDK sends, itself or relayed unchanged by the team's backend.
type Report struct {
	// Nonce names the report, 1 to MaxNonce bytes. Items without a nonce of their own are named by it and their place, so the
	// report must be repeated unchanged. Optional.
	Nonce string
	Items []Item
	// Opens are the messages that the user opened.
	Opens []Opened
}

// Item is one permit that a tap earned, or one that it did not.
type Item struct {
	// Type is TypeForm, TypeSubscribe or TypeStanding.
	Type string
	// FormID is the code, of a form.
	FormID string
	// Template and Result are one entry of what wx.requestSubscribeMessage answered, of subscribe and standing. Every result
	// that begins with "accept" gives a permit; "reject", "ban" and "filter" are counted, and give none.
	Template, Result string
	// Nonce tells an accepted subscription from all others of the user; 1 to MaxNonce bytes. The same nonce is the same permit.
	Nonce string
	// AgeMS is how long ago the tap was, in milliseconds by the client's clock.
	AgeMS int64
	// Source names the page or button that earned it. Optional.
	Source string
}

// Report deposits what a user's taps earned, in one step, and answers for each item; then it notes what the user opened. An empty
// report notes that the user was seen. Errors: Invalid, for the openid or for too many items or opens (nothing was done); Unavailable
// (repeating is safe).
func (c *Collector) Report(ctx context.Context, app minapush.App, o minapush.OpenID, r Report) (Answer, error) {
	if err := o.Validate(); err != nil {
		return Answer{}, err
	}
	if len(r.Items) > c.cfg.MaxItems {
		return Answer{}, minapush.FieldError("items", "must have at most %d entries, has %d", c.cfg.MaxItems, len(r.Items))
	}
	if len(r.Opens) > c.cfg.MaxOpens {
		return Answer{}, minapush.FieldError("opens", "must have at most %d entries, has %d", c.cfg.MaxOpens, len(r.Opens))
	}
	arrival := c.cfg.Now().UTC()
	items := make([]judged, len(r.Items))
	for i, it := range r.Items {
		items[i] = judgeItem(it, identityOf(r.Nonce, i, it.Nonce), arrival)
		if app.EventsOnly && items[i].reason == "" && it.Type != TypeForm {
			items[i] = refuse(it.Type, "", ReasonEventsOnly)
		}
		items[i].source = it.Source
	}
	a, err := c.deposit(ctx, app, o, "items", items)
	if err == nil {
		a.Opens, err = c.noteOpens(ctx, app, o, r.Opens, arrival)
	}
	if err != nil {
		return Answer{}, err
	}
	return a, nil
}

func judgeItem(it Item, identity string, arrival time.Time) judged {
	switch it.Type {
	case TypeForm:
		return judgeForm(it.FormID, it.AgeMS, minapush.ByClient, arrival)
	case TypeSubscribe:
		return judgeResult(it, minapush.Subscription, identity, arrival)
	case TypeStanding:
		return judgeResult(it, minapush.Standing, identity, arrival)
	}
	return refuse("", "type", ReasonUnknownType)
}

// judgeForm makes the permit of a form id: one use, CodeLife from when it was taken.
func judgeForm(code string, ageMS int64, by minapush.Evidence, arrival time.Time) judged {
	if reason, ok := minapush.CheckFormID(code); !ok {
		return refuse(TypeForm, "form_id", reason)
	}
	taken, reason := takenAt(ageMS, arrival, minapush.CodeLife, ReasonExpired)
	if reason != "" {
		return refuse(TypeForm, "age_ms", reason)
	}
	return judged{kind: TypeForm, permits: []minapush.Permit{{
		Kind: minapush.FormID, Identity: code, Uses: minapush.FormID.Uses(),
		TakenAt: taken, ExpiresAt: taken.Add(minapush.CodeLife), Evidence: by,
	}}}
}

// judgeResult makes the permit of an accepted subscription. It gives one use and does not end; of a standing one the uses are not
// counted.
func judgeResult(it Item, kind minapush.PermitKind, identity string, arrival time.Time) judged {
	if !goodTemplate(it.Template) {
		return refuse(it.Type, "template", ReasonBadTemplate)
	}
	switch {
	case it.Result == "reject":
		return refuse(it.Type, "", ReasonUserRejected)
	case it.Result == "ban":
		return refuse(it.Type, "", ReasonTemplateBanned)
	case it.Result == "filter":
		return refuse(it.Type, "", ReasonSameTitle)
	case !strings.HasPrefix(it.Result, "accept"):
		return refuse(it.Type, "result", ReasonUnknownResult)
	case identity == "":
		return refuse(it.Type, "nonce", ReasonBadNonce)
	}
	taken, reason := takenAt(it.AgeMS, arrival, minapush.MaxReportAge, ReasonTooOld)
	if reason != "" {
		return refuse(it.Type, "age_ms", reason)
	}
	return judged{kind: it.Type, permits: []minapush.Permit{{
		Kind: kind, Template: it.Template, Identity: identity, Uses: kind.Uses(), TakenAt: taken, Evidence: minapush.ByClient,
	}}}
}
