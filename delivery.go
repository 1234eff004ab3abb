package minapush

import "time"

// Outcome is how a delivery ended.
type Outcome uint8

const (
	// Pending has no outcome yet: not tried, in hand, or waiting for another try.
	Pending Outcome = iota
	// Accepted: WeChat took it. It is not yet the word that it arrived.
	Accepted
	// RefusedByUser: 43101; refused, switched off or used up, WeChat does not say which. The template's permits are void.
	RefusedByUser
	// Failed: the cause was ours or the platform's; the permit is back unless it was dead itself.
	Failed
	// Skipped: not tried, for a reason; nothing was touched.
	Skipped
	// Unknown: may have arrived; the use counts as spent and nothing is sent again.
	Unknown
)

// Outcomes lists every outcome that ends a delivery.
var Outcomes = [...]Outcome{Accepted, RefusedByUser, Failed, Skipped, Unknown}

var outcomeNames = [...]string{"pending", "accepted", "refused", "failed", "skipped", "unknown"}

// String returns the outcome's name on the wire.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return "pending"
}

// Openable tells whether a user can have opened a message with this outcome: it arrived, or may have.
func (o Outcome) Openable() bool { return o == Accepted || o == Unknown }

// ParseOutcome finds an outcome by its name on the wire.
func ParseOutcome(s string) (Outcome, error) {
	for i, name := range outcomeNames {
		if name == s {
			return Outcome(i), nil
		}
	}
	return Pending, FieldError("outcome", "must be pending, accepted, refused, failed, skipped or unknown, not %q", s)
}

// Confirmed is what the platform said later of a message that it had accepted.
type Confirmed uint8

const (
	// Unconfirmed: nothing, or not yet.
	Unconfirmed Confirmed = iota
	// Delivered: it reached the user's service notifications.
	Delivered
	// Undelivered: the platform failed to deliver it, for a reason of its own. The use of the permit is gone all the same.
	Undelivered
)

// String returns its name on the wire; "" for Unconfirmed.
func (c Confirmed) String() string { return [...]string{"", "delivered", "undelivered"}[c%3] }

// MaxConfirmStatus is how many bytes are kept of what the platform calls the state of a message.
const MaxConfirmStatus = 64

// DeliveryState is where a delivery stands on its way to an outcome.
type DeliveryState uint8

const (
	// Waiting: in the again-queue of its shard; no permit is held.
	Waiting DeliveryState = iota
	// HeldState: a permit is held and nothing was sent.
	HeldState
	// Sending: marked just before its first byte; after a crash it may have arrived.
	Sending
	// Suspected: refused by WeChat, not yet believed.
	Suspected
	// Settled: has its outcome.
	Settled
)

// String returns the state's name on the wire.
func (s DeliveryState) String() string {
	return [...]string{"waiting", "held", "sending", "suspected", "settled"}[s%5]
}

// Delivery is one message to one user, in one campaign or as a push.
type Delivery struct {
	// Batch is the campaign's id, or PushBatch of the push's day.
	Batch  string
	OpenID OpenID
	// Push is the push's id; empty in a campaign.
	Push string

	State   DeliveryState
	Outcome Outcome
	// Reason is a stable name for why: "43101", "no_permit", "read_timeout".
	Reason string
	// Errcode is WeChat's code of the last answer; 0 for none or ok.
	Errcode int
	// MsgID is WeChat's number of the message; 0 for none.
	MsgID int64

	// Permit is the permit used or held; its Kind is 0 when there is none.
	Permit Permit
	// Values fill the message's placeholders for this user, of a campaign with a list. Only what ReserveBatch returns has them.
	Values map[string]string
	// Attempt numbers the reservations of this delivery, from 1. Every later step names it, so that a late call of an
	// earlier attempt does nothing.
	Attempt uint32
	// Tries counts how often it was marked as being sent.
	Tries int
	// Resend tells that the same code may have arrived in an earlier try, so "used up" means "it had arrived".
	Resend bool
	// NotBefore is when the next try is due, of a Waiting delivery or of a Held one that is to be sent again.
	NotBefore time.Time
	// Deadline is when a push that was not settled is recovered; zero in a campaign.
	Deadline time.Time

	ReservedAt time.Time
	SettledAt  time.Time
	// OpenedAt is when the user first opened the message, as far as known; zero: not. A settled delivery has it only if its outcome is
	// Openable.
	OpenedAt time.Time

	// Confirmed is what the platform said later of an accepted message, at ConfirmedAt by its clock, with the state in its words: the
	// subscribe_msg_sent_event, fact sheet §2.6.3. Of a delivery that is being sent it is a note that its end takes into account.
	Confirmed     Confirmed
	ConfirmedAt   time.Time
	ConfirmStatus string
}

// Skip and failure reasons that minapush itself gives. WeChat's are its codes in digits.
const (
	ReasonNoPermit    = "no_permit"
	ReasonTooLate     = "too_late"
	ReasonCancelled   = "cancelled"
	ReasonErased      = "erased"
	ReasonCrash       = "crash"
	ReasonReadTimeout = "read_timeout"
	ReasonBadAnswer   = "bad_answer"
	ReasonArrived     = "had_arrived"
	ReasonOptedOut    = "opted_out"
	ReasonElsewhere   = "elsewhere"    // accepted, but sent by somebody else
	ReasonDailyCap    = "daily_cap"    // skipped: had as many messages that day as are allowed
	ReasonSameContent = "same_content" // skipped: another campaign told the same lately
	ReasonKeptBack    = "kept_back"    // skipped: what is left is kept for pushes
	ReasonQuietHours  = "quiet_hours"  // skipped: met in the quiet hours
	ReasonConfirmed   = "confirmed"    // accepted: its answer was lost, and WeChat's event told of it
	ReasonBadValue    = "bad_value"    // failed, not sent: a value breaks the rule of its type
)

// Tally sums the deliveries of a batch by outcome and reason.
type Tally struct {
	// Examined is the audience so far: users walked and first seen before the start.
	Examined int64
	// By counts the final outcomes by reason.
	By map[Outcome]map[string]int64
	// Waiting, Held, Sending and Suspected count what is pending.
	Waiting, Held, Sending, Suspected int64
	// Opened counts the settled deliveries whose message was opened, each once. It stays when rows are forgotten.
	Opened int64
	// Delivered and Undelivered count the accepted deliveries that the platform confirmed as such, each once. The rest of the accepted are
	// unconfirmed. They stay when rows are forgotten.
	Delivered, Undelivered int64
}

// Count returns how many deliveries ended in o.
func (t Tally) Count(o Outcome) int64 {
	if o == Pending {
		return t.Waiting + t.Held + t.Sending + t.Suspected
	}
	var n int64
	for _, c := range t.By[o] {
		n += c
	}
	return n
}

// Add counts n more deliveries that ended in o for a reason.
func (t *Tally) Add(o Outcome, reason string, n int64) {
	if t.By == nil {
		t.By = map[Outcome]map[string]int64{}
	}
	if t.By[o] == nil {
		t.By[o] = map[string]int64{}
	}
	t.By[o][reason] += n
	if t.By[o][reason] == 0 {
		delete(t.By[o], reason)
	}
}

// Merge adds another tally, such as that of another shard.
func (t *Tally) Merge(u Tally) {
	t.Examined += u.Examined
	t.Waiting += u.Waiting
	t.Held += u.Held
	t.Sending += u.Sending
	t.Suspected += u.Suspected
	t.Opened += u.Opened
	t.Delivered += u.Delivered
	t.Undelivered += u.Undelivered
	for o, reasons := range u.By {
		for r, n := range reasons {
			t.Add(o, r, n)
		}
	}
}

// Closes tells whether everybody examined is counted exactly once: invariant I6.
func (t Tally) Closes() bool {
	sum := t.Count(Pending)
	for _, o := range Outcomes {
		sum += t.Count(o)
	}
	return t.Examined == sum
}

// PushBatch is the batch of all pushes of one UTC day.
func PushBatch(at time.Time) string { return "push-" + at.UTC().Format("20060102") }
