package collect

import "github.com/minapush/minapush/bank"

// Status is what became of an item.
type Status string

const (
	// StatusAccepted: it is in the bank.
	StatusAccepted Status = "accepted"
	// StatusDuplicate: it had been handed in before.
	StatusDuplicate Status = "duplicate"
	// StatusEvicted: the user has too many permits of the kind, and this one would have ended first.
	StatusEvicted Status = "evicted"
	// StatusRefused: it gives no permit; Reason says why.
	StatusRefused Status = "refused"
)

// Reasons for refusing an item. Those of codes are minapush.CheckFormID's and CheckPrepayID's. The list is closed: it labels a metric.
const (
	// ReasonUnknownType: the item's type is not one that this release knows.
	ReasonUnknownType = "unknown_type"
	// ReasonNotAnItem: the element is neither a code nor an object with one.
	ReasonNotAnItem = "not_an_item"
	// ReasonNegativeAge: the age is below zero, or a payment lies ahead.
	ReasonNegativeAge = "negative_age"
	// ReasonTooOld: a subscription older than minapush.MaxReportAge.
	ReasonTooOld = "too_old"
	// ReasonExpired: a code older than minapush.CodeLife.
	ReasonExpired = "expired"
	// ReasonBadNonce: the nonce or item id is missing, longer than MaxNonce, or not printable ASCII without spaces and "#".
	ReasonBadNonce = "bad_nonce"
	// ReasonBadTemplate: the text cannot be a template id.
	ReasonBadTemplate = "bad_template"
	// ReasonBadCount: the count is not between 1 and MaxCount.
	ReasonBadCount = "bad_count"
	// ReasonUnknownResult: the answer of the subscribe request is not one that WeChat documents.
	ReasonUnknownResult = "unknown_result"
	// ReasonUserRejected: the user said no ("reject"). This is a good report that gives no permit; it is counted.
	ReasonUserRejected = "user_rejected"
	// ReasonTemplateBanned: WeChat banned the template ("ban").
	ReasonTemplateBanned = "template_banned"
	// ReasonSameTitle: WeChat left the template out since another of the request has the same title ("filter").
	ReasonSameTitle = "same_title"
	// ReasonNotKept: the user has permits for too many templates, or is being erased.
	ReasonNotKept = "not_kept"
	// ReasonSwitchedOff: the user switched the template's messages off after this one was accepted.
	ReasonSwitchedOff = "switched_off"
	// ReasonEventsOnly: the app counts subscriptions by WeChat's events alone (minapush.App.EventsOnly).
	ReasonEventsOnly = "events_only"
)

// Answer is what became of a report. The four numbers count items and add up to len(Items).
type Answer struct {
	Accepted, Duplicate, Evicted, Refused int
	// Items answers for each item, in order.
	Items []ItemAnswer
	// Opens counts the opens of a report.
	Opens OpenAnswer
}

// ItemAnswer is what became of one item.
type ItemAnswer struct {
	// Index is the item's place, from 0.
	Index  int
	Status Status
	// Reason is a stable name for why the item was refused; empty otherwise.
	Reason string
	// Field names the part of the body that Reason is about, such as "items[3].nonce"; empty when nothing is wrong with it.
	Field string
	// Added is how many permits came into the bank by it.
	Added int
}

func (a *Answer) add(it ItemAnswer) {
	switch it.Status {
	case StatusAccepted:
		a.Accepted++
	case StatusDuplicate:
		a.Duplicate++
	case StatusEvicted:
		a.Evicted++
	default:
		a.Refused++
	}
	a.Items = append(a.Items, it)
}

// take sums what the bank said of the item's permits. An item is accepted if any of them was added; of several that were not, the
// first speaks for all.
func (a *ItemAnswer) take(results []bank.Accepted) {
	for i := len(results) - 1; i >= 0; i-- {
		switch results[i] {
		case bank.Added:
			a.Added++
		case bank.Duplicate:
			a.Status, a.Reason = StatusDuplicate, ""
		case bank.EvictedAtOnce:
			a.Status, a.Reason = StatusEvicted, ""
		case bank.Stale:
			a.Status, a.Reason = StatusRefused, ReasonExpired
		case bank.SwitchedOff:
			a.Status, a.Reason = StatusRefused, ReasonSwitchedOff
		default:
			a.Status, a.Reason = StatusRefused, ReasonNotKept
		}
	}
	if a.Added > 0 {
		a.Status, a.Reason = StatusAccepted, ""
	}
}
