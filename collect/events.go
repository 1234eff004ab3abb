package collect

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

// Templates knows the templates of apps. account.Accounts does.
type Templates interface {
	// Template returns one template. Errors: NotFound; Unavailable.
	Template(ctx context.Context, app minapush.AppID, id string) (minapush.Template, error)
}

// Receipts notes what the platform says of messages. delivery.Ledger does.
type Receipts interface {
	// Confirmed returns the delivery that an item is about as it then stands, and whether this was the first word of it. Errors:
	// NotFound (none that it can be); Invalid; Unavailable.
	Confirmed(ctx context.Context, app minapush.App, o minapush.OpenID, item minapush.EventItem, at time.Time) (row minapush.Delivery, first bool, err error)
}

// People knows what the team told of its users. audience.Profiles does.
type People interface {
	// Forget takes a user out of the index of the team's own numbers, before the user is erased. One who is not there is no error.
	Forget(ctx context.Context, app minapush.App, o minapush.OpenID) error
}

// Stopper throws the kill switch of an app.
type Stopper interface {
	// Stop stops every send of the app until somebody sets it going again. Another reason that it is stopped for is replaced; the same
	// once more changes nothing. Errors: NotFound; Unavailable.
	Stop(ctx context.Context, app minapush.AppID, why minapush.Reason) error
}

// CodePunished is the code of the reason for which a punished app is stopped. Its parameters, where they were told: punish_id, event_type
// (a minapush.PunishmentType), at (RFC 3339), illegal_reason, rule_name, detail.
const CodePunished = "punished"

// EventResult is what became of an event, or of one of its items. The list is closed: it labels a metric.
type EventResult string

const (
	// ResultAccepted: the popup's permit is in the bank.
	ResultAccepted EventResult = "accepted"
	// ResultDuplicate: it was told before, or the mini program had reported the same accept.
	ResultDuplicate EventResult = "duplicate"
	// ResultEvicted: the user has too many permits of the template, and this one is the oldest.
	ResultEvicted EventResult = "evicted"
	// ResultNotKept: the user has permits for too many templates, or is being erased.
	ResultNotKept EventResult = "not_kept"
	// ResultSwitchedOff: the user switched the template off after the popup.
	ResultSwitchedOff EventResult = "switched_off"
	// ResultRejected, ResultBanned and ResultSameTitle: the popup gave no permit; see ReasonUserRejected, ReasonTemplateBanned and
	// ReasonSameTitle.
	ResultRejected  EventResult = "rejected"
	ResultBanned    EventResult = "banned"
	ResultSameTitle EventResult = "same_title"
	// ResultVoided: the user switched the template off, and its permits are dead.
	ResultVoided EventResult = "voided"
	// ResultConfirmed: a delivery is confirmed, as delivered or undelivered.
	ResultConfirmed EventResult = "confirmed"
	// ResultSettled: the same, and what had been unknown is accepted by it.
	ResultSettled EventResult = "settled"
	// ResultUnmatched: no delivery of the user can be meant. It is kept for inspection.
	ResultUnmatched EventResult = "unmatched"
	// ResultErased: the person is forgotten. ResultErasing: a message is under way, whose end completes it.
	ResultErased  EventResult = "erased"
	ResultErasing EventResult = "erasing"
	// ResultStopped: the app is stopped for its punishment. ResultWarned: it is warned only; ResultNoted: a page is banned, and messages to
	// others go on. All three are kept for inspection.
	ResultStopped EventResult = "stopped"
	ResultWarned  EventResult = "warned"
	ResultNoted   EventResult = "noted"
	// ResultTooOld: it happened more than minapush.MaxReportAge ago; ResultAhead: it lies ahead by more than clocks differ. Nothing was
	// done, and it is kept for inspection.
	ResultTooOld EventResult = "too_old"
	ResultAhead  EventResult = "ahead"
	// ResultUnknown: it says what this release does not know. It is kept for inspection, if it is another event by its name alone.
	ResultUnknown EventResult = "unknown"
	// ResultUnreadable, ResultUnauthorized and ResultFailed are not in answers: what cannot be an event (kept for inspection if its sender
	// was proven), what nobody proved to have sent, and what the store could not take.
	ResultUnreadable   EventResult = "unreadable"
	ResultUnauthorized EventResult = "unauthorized"
	ResultFailed       EventResult = "failed"
)

// odd tells whether people should have a look.
func (r EventResult) odd() bool {
	switch r {
	case ResultUnmatched, ResultStopped, ResultWarned, ResultNoted, ResultTooOld, ResultAhead, ResultUnknown, ResultUnreadable:
		return true
	}
	return false
}

// EventAnswer is what became of an event.
type EventAnswer struct {
	// Items answer for each item, in order; an event without items has one answer.
	Items []EventItemAnswer
}

// EventItemAnswer is what became of one item.
type EventItemAnswer struct {
	// Template is the item's; empty for an event without items.
	Template string
	Result   EventResult
}

// figureEvent counts events in the bank's daybook, by type and result: "popup.accepted".
const figureEvent = "event"

// Event does to the bank what a platform's event tells; its sender must have been proven. It is durable when it returns, and repeating it
// is safe, also after an error half way: a team that passes on what it logged may do so as often and in whatever order it likes. Errors:
// Invalid, naming the field (nothing was done); Unavailable.
func (c *Collector) Event(ctx context.Context, app minapush.App, e minapush.Event) (EventAnswer, error) {
	answer, err := c.take(ctx, app, e)
	if err != nil {
		if minapush.KindOf(err) == minapush.Invalid {
			c.seen(ctx, app, e, ResultUnreadable, err.Error())
		} else {
			c.seen(ctx, app, e, ResultFailed, "")
		}
		return EventAnswer{}, err
	}
	for _, it := range answer.Items {
		why := string(it.Result)
		if e.Type == minapush.EventOther {
			why = e.Name
		}
		c.seen(ctx, app, e, it.Result, why)
	}
	return answer, nil
}

// BadEvent counts a push that could not be opened or read. body is nil unless its sender was proven: then it is kept for inspection.
func (c *Collector) BadEvent(ctx context.Context, app minapush.App, body []byte, err error) {
	if minapush.KindOf(err) == minapush.Unauthorized {
		c.seen(ctx, app, minapush.Event{}, ResultUnauthorized, "")
		return
	}
	c.countEvent(app, minapush.EventOther, ResultUnreadable)
	if body != nil {
		c.keepOdd(ctx, app, bank.OddEvent{At: c.cfg.Now().UTC(), Type: "other", Why: err.Error(), Body: oddBody(body, "")})
	}
}

// seen counts an event or item, and keeps it if it is odd. Events that are nobody's business here keep their name alone: they may be what
// people wrote to the customer service.
func (c *Collector) seen(ctx context.Context, app minapush.App, e minapush.Event, r EventResult, why string) {
	c.countEvent(app, e.Type, r)
	if !r.odd() {
		return
	}
	o := bank.OddEvent{At: c.cfg.Now().UTC(), Type: e.Type.String(), Why: oddBody([]byte(why), e.OpenID)}
	if e.Type != minapush.EventOther {
		o.Body = oddBody(e.Body, e.OpenID)
	}
	c.keepOdd(ctx, app, o)
}

func (c *Collector) countEvent(app minapush.App, t minapush.EventType, r EventResult) {
	c.metrics.events.WithLabelValues(t.String(), string(r)).Inc()
	c.bank.Note(app, figureEvent, t.String()+"."+string(r), 1)
}

// take does what an event says.
func (c *Collector) take(ctx context.Context, app minapush.App, e minapush.Event) (EventAnswer, error) {
	now := c.cfg.Now().UTC()
	if err := checkEvent(app, e); err != nil {
		return EventAnswer{}, err
	}
	switch {
	case e.Type == minapush.EventOther:
		return wholeEvent(ResultUnknown), nil
	case e.At.Sub(now) > clockSkew:
		return allItems(e, ResultAhead), nil
	case (e.Type == minapush.EventPopup || e.Type == minapush.EventPunished) && now.Sub(e.At) > minapush.MaxReportAge:
		return allItems(e, ResultTooOld), nil
	}
	switch e.Type {
	case minapush.EventPopup:
		return c.popup(ctx, app, e)
	case minapush.EventChange:
		return c.change(ctx, app, e)
	case minapush.EventSent:
		return c.sent(ctx, app, e)
	case minapush.EventCancelled:
		return c.cancelled(ctx, app, e)
	}
	return c.punished(ctx, app, e)
}

// checkEvent refuses what is no event of the app. What WeChat pushes was checked when it was read.
func checkEvent(app minapush.App, e minapush.Event) error {
	if e.App != "" && e.App != app.ID {
		return minapush.FieldError("AppID", "must be %s, is %.64q", app.ID, string(e.App))
	}
	if e.At.IsZero() {
		return minapush.FieldError("CreateTime", "must be given")
	}
	switch e.Type {
	case minapush.EventPopup, minapush.EventChange, minapush.EventSent:
		if n := len(e.Items); n < 1 || n > minapush.MaxEventItems {
			return minapush.FieldError("List", "must have 1 to %d items, has %d", minapush.MaxEventItems, n)
		}
		for i, it := range e.Items {
			if !goodTemplate(it.Template) {
				return minapush.FieldError(fieldOf("List", i, "TemplateId"), "must be a template id")
			}
			if e.Type == minapush.EventSent && it.MsgID == 0 {
				return minapush.FieldError(fieldOf("List", i, "MsgID"), "must be given")
			}
		}
		return e.OpenID.Validate()
	case minapush.EventCancelled:
		return e.OpenID.Validate()
	case minapush.EventPunished:
		if e.Punishment == nil {
			return minapush.FieldError("event_type", "must be given")
		}
	}
	return nil
}

func wholeEvent(r EventResult) EventAnswer { return EventAnswer{Items: []EventItemAnswer{{Result: r}}} }

// allItems answers the same for every item.
func allItems(e minapush.Event, r EventResult) EventAnswer {
	if len(e.Items) == 0 {
		return wholeEvent(r)
	}
	a := EventAnswer{Items: make([]EventItemAnswer, len(e.Items))}
	for i, it := range e.Items {
		a.Items[i] = EventItemAnswer{Template: it.Template, Result: r}
	}
	return a
}

// popup deposits the permits of all accepted templates in one step. The report of the mini program is told of the same: the bank pairs
// them.
func (c *Collector) popup(ctx context.Context, app minapush.App, e minapush.Event) (EventAnswer, error) {
	a := allItems(e, ResultUnknown)
	var permits []minapush.Permit
	var places []int
	for i, it := range e.Items {
		switch {
		case it.Answer == "reject":
			a.Items[i].Result = ResultRejected
		case it.Answer == "ban":
			a.Items[i].Result = ResultBanned
		case it.Answer == "filter":
			a.Items[i].Result = ResultSameTitle
		case strings.HasPrefix(it.Answer, "accept"):
			kind, err := c.permitKind(ctx, app, it.Template)
			if err != nil {
				return EventAnswer{}, err
			}
			permits, places = append(permits, minapush.Permit{
				Kind: kind, Template: it.Template, Identity: "event:" + strconv.FormatInt(e.At.Unix(), 10), Uses: kind.Uses(),
				TakenAt: e.At, Evidence: minapush.ByEvent,
			}), append(places, i)
		}
	}
	if permits == nil {
		return a, nil
	}
	d, err := c.bank.Deposit(ctx, app, e.OpenID, permits)
	if err != nil {
		return EventAnswer{}, err
	}
	for i, place := range places {
		a.Items[place].Result = depositResult(d.Items[i])
	}
	return a, nil
}

// permitKind is the kind of permit that accepting a template gives. A template that is not known counts as a one-time one.
func (c *Collector) permitKind(ctx context.Context, app minapush.App, template string) (minapush.PermitKind, error) {
	if c.cfg.Templates == nil {
		return minapush.Subscription, nil
	}
	t, err := c.cfg.Templates.Template(ctx, app.ID, template)
	switch {
	case errors.Is(err, minapush.NotFound):
	case err != nil:
		return 0, err
	case t.Kind == minapush.LongTermTemplate:
		return minapush.Standing, nil
	}
	return minapush.Subscription, nil
}

func depositResult(a bank.Accepted) EventResult {
	switch a {
	case bank.Added:
		return ResultAccepted
	case bank.Duplicate:
		return ResultDuplicate
	case bank.EvictedAtOnce:
		return ResultEvicted
	case bank.SwitchedOff:
		return ResultSwitchedOff
	}
	return ResultNotKept
}

// change voids the templates that were switched off, one after the other. However old it is: what was taken before is dead at WeChat's.
func (c *Collector) change(ctx context.Context, app minapush.App, e minapush.Event) (EventAnswer, error) {
	a := allItems(e, ResultUnknown)
	for i, it := range e.Items {
		if it.Answer != "reject" { // what is switched on is not told, and brings nothing back
			continue
		}
		if _, err := c.bank.SwitchedOff(ctx, app, e.OpenID, it.Template, e.At); err != nil {
			return EventAnswer{}, err // the templates before it are void; repeating voids them again
		}
		a.Items[i].Result = ResultVoided
	}
	return a, nil
}

// sent confirms deliveries.
func (c *Collector) sent(ctx context.Context, app minapush.App, e minapush.Event) (EventAnswer, error) {
	a := allItems(e, ResultUnmatched)
	if c.cfg.Receipts == nil {
		return a, nil
	}
	for i, it := range e.Items {
		row, first, err := c.cfg.Receipts.Confirmed(ctx, app, e.OpenID, it, e.At)
		switch {
		case errors.Is(err, minapush.NotFound):
		case err != nil:
			return EventAnswer{}, err
		case !first:
			a.Items[i].Result = ResultDuplicate
		case row.Outcome == minapush.Accepted && row.Reason == minapush.ReasonConfirmed:
			a.Items[i].Result = ResultSettled
		default:
			a.Items[i].Result = ResultConfirmed
		}
	}
	return a, nil
}

// cancelled erases the person, as a call of the team would. Somebody first seen after it has come back since: the event is an old one.
func (c *Collector) cancelled(ctx context.Context, app minapush.App, e minapush.Event) (EventAnswer, error) {
	u, err := c.bank.User(ctx, app, e.OpenID)
	switch {
	case err != nil && !errors.Is(err, minapush.NotFound):
		return EventAnswer{}, err
	case err == nil && u.FirstSeen.Sub(e.At) > clockSkew:
		return wholeEvent(ResultDuplicate), nil
	}
	if c.cfg.People != nil { // before the record that says which number that is
		if err := c.cfg.People.Forget(ctx, app, e.OpenID); err != nil {
			return EventAnswer{}, err
		}
	}
	done, err := c.bank.Erase(ctx, app, e.OpenID)
	switch {
	case errors.Is(err, minapush.NotFound):
		return wholeEvent(ResultDuplicate), nil
	case err != nil:
		return EventAnswer{}, err
	case !done:
		return wholeEvent(ResultErasing), nil
	}
	return wholeEvent(ResultErased), nil
}

// punished stops the app if something was taken away that messages need.
func (c *Collector) punished(ctx context.Context, app minapush.App, e minapush.Event) (EventAnswer, error) {
	switch t := e.Punishment.Type; {
	case !t.Known():
		return wholeEvent(ResultUnknown), nil
	case t == minapush.PunishWarning:
		return wholeEvent(ResultWarned), nil
	case !t.Stops() || c.cfg.Stopper == nil:
		return wholeEvent(ResultNoted), nil
	}
	if err := c.cfg.Stopper.Stop(ctx, app.ID, punishedReason(e)); err != nil {
		return EventAnswer{}, err
	}
	return wholeEvent(ResultStopped), nil
}

// punishedReason bounds what the platform says as the API bounds what an operator says.
func punishedReason(e minapush.Event) minapush.Reason {
	p := e.Punishment
	params := map[string]string{
		"punish_id": p.ID, "event_type": strconv.Itoa(int(p.Type)), "at": e.At.UTC().Format(time.RFC3339),
		"illegal_reason": p.Reason, "rule_name": p.Rule, "detail": p.Detail,
	}
	for k, v := range params {
		if len(v) > minapush.MaxPunishmentText {
			params[k] = strings.ToValidUTF8(v[:minapush.MaxPunishmentText], "")
		}
		if v == "" {
			delete(params, k)
		}
	}
	return minapush.Reason{Code: CodePunished, Params: params}
}
