package wechat

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/minapush/minapush"
)

// WeChat's names of the events that ParseEvent reads. [O] developers.weixin.qq.com, mini program: subscribe-message; security/basic/listen;
// server/event_push/platform/Penalty_for_Violation, read 2026-06.
const (
	namePopup     = "subscribe_msg_popup_event"
	nameChange    = "subscribe_msg_change_event"
	nameSent      = "subscribe_msg_sent_event"
	nameCancelled = "user_authorization_cancellation"
	namePunished  = "wxa_punish_event"
)

const (
	// maxEventName bounds the names that WeChat gives its events and apps, and the words in their items, in bytes.
	maxEventName = 64
	// maxEventTime keeps milliseconds out: as seconds it is the year 5138.
	maxEventTime = 1e11
)

// ParseEvent reads the body of a push in clear, JSON or XML by its first byte, of at most MaxPush bytes. It reads what WeChat really sends
// as well as what it documents: a List of one as an object, wrappers by any of their names, numbers as texts. It guesses nothing: errors
// are Invalid and name the field as WeChat calls it, and the rule. An event or message that it does not know is an EventOther.
func ParseEvent(body []byte) (minapush.Event, error) {
	root, _, err := readTree(body)
	if err != nil {
		return minapush.Event{}, err
	}
	e, err := eventOf(root)
	if err != nil {
		return minapush.Event{}, err
	}
	e.Body = body
	return e, nil
}

func eventOf(root *node) (minapush.Event, error) {
	r := reader{root, "", new(error)}
	name, kind := r.word("Event", maxEventName, false), r.word("MsgType", maxEventName, false)
	if kind != "" && !strings.EqualFold(kind, "event") { // the page on cancellations writes "Event"
		name = kind
	}
	if name == "" {
		r.fail("Event", "must be given")
	}
	e := minapush.Event{Name: name, To: r.word("ToUserName", maxEventName, false), At: r.seconds("CreateTime", true)}
	switch e.Name {
	case namePopup:
		e.Type = minapush.EventPopup
		e.OpenID, e.Items = r.openid("FromUserName"), r.items(e.Type)
	case nameChange:
		e.Type = minapush.EventChange
		e.OpenID, e.Items = r.openid("FromUserName"), r.items(e.Type)
	case nameSent:
		e.Type = minapush.EventSent
		e.OpenID, e.Items = r.openid("FromUserName"), r.items(e.Type)
	case nameCancelled: // FromUserName is the platform's push service
		e.Type = minapush.EventCancelled
		e.OpenID, e.App = r.openid("OpenID"), r.app("AppID")
	case namePunished: // the same
		e.Type = minapush.EventPunished
		e.App, e.Punishment = r.app("appid"), r.punishment()
	default:
		if o := minapush.OpenID(r.loose("FromUserName")); o.Validate() == nil {
			e.OpenID = o
		}
	}
	return e, *r.err
}

// reader takes fields from an object and keeps the first error.
type reader struct {
	*node
	path string // of the object, "" or with a dot at its end
	err  *error
}

func (r reader) fail(field, format string, args ...any) {
	if *r.err == nil {
		*r.err = minapush.FieldError(r.path+field, format, args...)
	}
}

// word is a field that must be a text or a number, of at most most bytes without control characters.
func (r reader) word(field string, most int, must bool) string {
	n := r.fields[field]
	switch {
	case n == nil || n.kind == textNode && n.text == "":
		if must {
			r.fail(field, "must be given")
		}
		return ""
	case n.kind == listNode:
		r.fail(field, "must be given once, as a text or a number")
	case n.kind != textNode:
		r.fail(field, "must be a text or a number")
	case len(n.text) > most || strings.ContainsFunc(n.text, control):
		r.fail(field, "must have at most %d bytes and no control characters", most)
	default:
		return n.text
	}
	return ""
}

// loose is a text that is only shown: cut to MaxPunishmentText, "" if it is none.
func (r reader) loose(field string) string {
	n := r.fields[field]
	if n == nil || n.kind != textNode {
		return ""
	}
	text := strings.Map(func(c rune) rune {
		if control(c) {
			return ' '
		}
		return c
	}, n.text)
	if len(text) > minapush.MaxPunishmentText {
		text = strings.ToValidUTF8(text[:minapush.MaxPunishmentText], "")
	}
	return text
}

func control(c rune) bool { return c < ' ' || c == 0x7F || c == utf8.RuneError }

func (r reader) openid(field string) minapush.OpenID {
	o := minapush.OpenID(r.word(field, minapush.MaxOpenID, true))
	if err := o.Validate(); err != nil {
		r.fail(field, "must be an openid: printable ASCII without spaces, at most %d bytes", minapush.MaxOpenID)
	}
	return o
}

func (r reader) app(field string) minapush.AppID {
	return minapush.AppID(r.word(field, maxEventName, false))
}

// whole is a whole number of at least low; 0 if it is not given and need not be.
func (r reader) whole(field string, bits int, low int64, must bool) int64 {
	text := r.word(field, maxEventName, must)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, bits)
	if err != nil || n < low || text[0] == '+' {
		r.fail(field, "must be a whole number from %d on, of %d bits", low, bits)
	}
	return n
}

func (r reader) seconds(field string, must bool) time.Time {
	n := r.whole(field, 64, 1, must)
	if n > maxEventTime {
		r.fail(field, "must be a Unix time in seconds")
	}
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// listNames are where items stand: JSON has them in List, XML in an element named after the event, older texts under another's name.
var listNames = [...]string{"List", "SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent", "SubscribeMsgSentEvent"}

func (r reader) items(t minapush.EventType) []minapush.EventItem {
	var nodes []*node
	at := ""
	for _, name := range listNames {
		n := r.fields[name]
		switch {
		case n == nil:
			continue
		case at != "":
			r.fail(name, "must not stand beside %s", at)
			return nil
		}
		at = name
		nodes = gather(nodes, n)
	}
	if len(nodes) == 0 || len(nodes) > minapush.MaxEventItems {
		r.fail("List", "must have 1 to %d items, has %d", minapush.MaxEventItems, len(nodes))
		return nil
	}
	items := make([]minapush.EventItem, len(nodes))
	for i, n := range nodes {
		items[i] = reader{n, fmt.Sprintf("List[%d].", i), r.err}.item(t)
	}
	return items
}

// gather takes the items out of lists and of wrappers, which have a List; what is neither is itself one.
func gather(into []*node, n *node) []*node {
	switch {
	case n.kind == listNode:
		for _, item := range n.items {
			into = gather(into, item)
		}
		return into
	case n.kind == objectNode && n.fields["List"] != nil:
		return gather(into, n.fields["List"])
	}
	return append(into, n)
}

func (r reader) item(t minapush.EventType) minapush.EventItem {
	if r.kind != objectNode {
		r.fail("TemplateId", "must be given")
		return minapush.EventItem{}
	}
	i := minapush.EventItem{Template: r.word("TemplateId", minapush.MaxTemplateID, true)}
	if strings.ContainsFunc(i.Template, func(c rune) bool { return c <= ' ' || c > '~' }) {
		r.fail("TemplateId", "must be printable ASCII without spaces")
	}
	if t == minapush.EventSent {
		i.MsgID = r.whole("MsgID", 64, 1, true)
		i.Errcode = int(r.whole("ErrorCode", 32, -1<<31, true))
		i.Status = r.loose("ErrorStatus")
		return i
	}
	i.Answer = r.word("SubscribeStatusString", maxEventName, true)
	return i
}

func (r reader) punishment() *minapush.Punishment {
	return &minapush.Punishment{
		Type: minapush.PunishmentType(r.whole("event_type", 32, 0, true)), ID: r.word("punish_id", maxEventName, true),
		At: r.seconds("punish_time", false), Reason: r.loose("illegal_reason"), Rule: r.loose("rule_name"), Detail: r.loose("detail"),
	}
}
