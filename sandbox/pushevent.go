package sandbox

import (
	"math/rand/v2"
	"strconv"
	"time"
)

// Events that the simulator sends (fact sheet §1.7 and §2.6).
const (
	eventPopup     = "subscribe_msg_popup_event"
	eventChange    = "subscribe_msg_change_event"
	eventSent      = "subscribe_msg_sent_event"
	eventCancelled = "user_authorization_cancellation"
	eventPunished  = "wxa_punish_event"
)

// event is one that WeChat tells an app. Once it is queued, the worker that has taken it out owns it.
type event struct {
	app    *app
	kind   string
	from   string // FromUserName
	at     time.Time
	fields []field   // beside the header, for events without List
	items  [][]field // of List
	// rng decides all about this event. Each has its own, so that runs with the same seed are equal however the deliveries interleave.
	rng *rand.Rand

	seq    int64
	due    time.Time // real time
	index  int       // in the queue; -1 if it is not in there
	tries  int       // since it was last new
	copies int       // how often it is to be sent again although it was answered well
	again  bool      // it is such a copy
	format PushFormat
	text   []byte // the message, written at the first try; the same in every other
}

// field is one value of an event.
type field struct {
	name, value string
	kind        fieldKind
}

type fieldKind uint8

const (
	asText   fieldKind = iota // a string always
	asDigits                  // a number that real JSON writes as a string
	asNumber                  // a number that real JSON writes as one
	asList                    // a list of one text in JSON, as illegal_content is in the samples
)

func (e *event) rolls(chance float64) bool { return chance > 0 && e.rng.Float64() < chance }

// newEvent starts an event of an app, or returns nil if the app's events go nowhere.
func (s *Sandbox) newEvent(a *app, kind, from string, at time.Time) *event {
	if a.push.Load() == nil {
		return nil
	}
	return &event{app: a, kind: kind, from: from, at: at, index: -1, rng: rand.New(rand.NewPCG(s.rand.uint64(), 0))}
}

// tellPopup is one call of wx.requestSubscribeMessage with what was answered to each of its templates.
func (s *Sandbox) tellPopup(a *app, u *user, templates []*template, choices map[string]Choice) {
	e := s.newEvent(a, eventPopup, u.openid, s.Now())
	if e == nil {
		return
	}
	for _, t := range templates {
		status := Reject
		switch choice := choices[t.id]; {
		case choice.accepts():
			status = Accept
		case choice != Reject:
			continue // banned or filtered: nobody answered anything
		}
		e.items = append(e.items, []field{
			{"TemplateId", t.id, asText}, {"SubscribeStatusString", string(status), asText}, {"PopupScene", "0", asDigits}})
	}
	if len(e.items) > 0 {
		s.queueEvent(e)
	}
}

// tellRejected is the user switching templates off in the settings.
func (s *Sandbox) tellRejected(a *app, u *user, templates []*template) {
	if len(templates) == 0 {
		return
	}
	e := s.newEvent(a, eventChange, u.openid, s.Now())
	if e == nil {
		return
	}
	for _, t := range templates {
		e.items = append(e.items, []field{{"TemplateId", t.id, asText}, {"SubscribeStatusString", string(Reject), asText}})
	}
	s.queueEvent(e)
}

// newSent starts the event of an accepted message, or returns nil if nobody is to be told. arrives is decided by it.
func (s *Sandbox) newSent(a *app, u *user, t *template, msgID int64, at time.Time) (e *event, arrives bool) {
	if e = s.newEvent(a, eventSent, u.openid, at); e == nil {
		return nil, true
	}
	arrives = !e.rolls(s.pushKnobs().Undelivered)
	code, status := "0", "success"
	if !arrives {
		code, status = "-10", "failed: system failed"
	}
	e.items = [][]field{{{"TemplateId", t.id, asText}, {"MsgID", strconv.FormatInt(msgID, 10), asDigits},
		{"ErrorCode", code, asDigits}, {"ErrorStatus", status, asText}}}
	return e, arrives
}
