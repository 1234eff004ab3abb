package minapush

import (
	"strconv"
	"strings"
	"time"
)

// EventType says what a platform's event tells. The list is closed: what is none of these is EventOther.
type EventType uint8

const (
	// EventOther is any other event or message; Event.Name says which.
	EventOther EventType = iota
	// EventPopup: the user answered the popup that asks for subscriptions.
	EventPopup
	// EventChange: the user switched messages of templates off in the settings. What is switched on again is not told.
	EventChange
	// EventSent: what became of an accepted message.
	EventSent
	// EventCancelled: the person gave up the account, and is to be forgotten.
	EventCancelled
	// EventPunished: the platform warns or punishes the app.
	EventPunished
)

// EventTypes lists every type, in the order of their numbers.
var EventTypes = [...]EventType{EventOther, EventPopup, EventChange, EventSent, EventCancelled, EventPunished}

var eventTypeNames = [...]string{"other", "popup", "change", "sent", "cancelled", "punished"}

// String returns the type's name on the wire and in metrics.
func (t EventType) String() string {
	if int(t) < len(eventTypeNames) {
		return eventTypeNames[t]
	}
	return eventTypeNames[EventOther]
}

// Event is one thing that a platform told without being asked. It may be told several times, and in any order.
type Event struct {
	Type EventType
	// Name is what the platform calls it, such as "subscribe_msg_popup_event".
	Name string
	// To is the platform's other name of the app that it was sent to ("gh_…"), and App the appid, of those that tell it; both may be empty.
	To  string
	App AppID
	// OpenID is whom it is about; empty for EventPunished, and for an EventOther that names nobody.
	OpenID OpenID
	// At is when it happened, to the second, by the platform's clock.
	At time.Time
	// Items tell of one template each, of EventPopup, EventChange and EventSent: 1 to MaxEventItems.
	Items []EventItem
	// Punishment is set for EventPunished.
	Punishment *Punishment
	// Body is what it was read from, decrypted. It may be nil: only people look at it.
	Body []byte
}

// MaxEventItems is how many items one event may have. WeChat asks for at most 5 templates at a time.
const MaxEventItems = 100

// EventItem is what an event tells of one template.
type EventItem struct {
	Template string
	// Answer is the user's, of EventPopup and EventChange: "accept" and what begins so, "reject", "ban", "filter".
	Answer string
	// MsgID, Errcode and Status tell what became of a message, of EventSent.
	MsgID   int64
	Errcode int
	Status  string
}

// Confirmed is what an item of EventSent says: delivered with the code 0 and the status "success", or none; else undelivered.
func (i EventItem) Confirmed() Confirmed {
	if i.Errcode == 0 && (i.Status == "" || i.Status == "success") {
		return Delivered
	}
	return Undelivered
}

// ConfirmStatus is the status of a message in one line, with its code in front if that is not 0, of at most MaxConfirmStatus bytes.
func (i EventItem) ConfirmStatus() string {
	s := i.Status
	if i.Errcode != 0 {
		s = strconv.Itoa(i.Errcode)
		if i.Status != "" {
			s += " " + i.Status
		}
	}
	if len(s) > MaxConfirmStatus {
		s = strings.ToValidUTF8(s[:MaxConfirmStatus], "")
	}
	return s
}

// Punishment is what the platform holds against an app, and what it does about it.
type Punishment struct {
	Type PunishmentType
	// ID names it.
	ID string
	// At is when it was decided; zero: not told.
	At time.Time
	// Reason, Rule and Detail are the platform's own words, each of at most MaxPunishmentText bytes. Detail is JSON that depends on Type.
	Reason, Rule, Detail string
}

// MaxPunishmentText bounds each text of a Punishment, in bytes; what is longer is cut.
const MaxPunishmentText = 256

// PunishmentType is WeChat's event_type of a wxa_punish_event.
// https://developers.weixin.qq.com/miniprogram/dev/server/event_push/platform/Penalty_for_Violation.html, read 2026-06; of page bans its
// text says 5, and its example, like the page for service providers, 10.
type PunishmentType int

const (
	// PunishWarning: nothing was taken away yet.
	PunishWarning PunishmentType = 1
	// PunishFunction: functions are banned, which Detail lists.
	PunishFunction PunishmentType = 2
	// PunishRemoval: the mini program is taken down.
	PunishRemoval PunishmentType = 3
	// PunishAccount: the account is banned.
	PunishAccount PunishmentType = 4
	// PunishPage and PunishPage10: one page is banned, which Detail names.
	PunishPage   PunishmentType = 5
	PunishPage10 PunishmentType = 10
)

// Stops tells whether nothing should be sent any more: functions, the mini program or the account are banned. A warning takes nothing
// away, and after the ban of one page messages to others still arrive.
func (t PunishmentType) Stops() bool {
	return t == PunishFunction || t == PunishRemoval || t == PunishAccount
}

// Known tells whether the type is one of those above.
func (t PunishmentType) Known() bool {
	return t.Stops() || t == PunishWarning || t == PunishPage || t == PunishPage10
}
