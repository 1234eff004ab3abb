package sandbox

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// phoneMessage is a message as the chat list, the inbox and the tests of others see it.
type phoneMessage struct {
	ID         int64             `json:"id"`
	MsgID      int64             `json:"msgid,string"` // JavaScript cannot count as far
	App        string            `json:"app"`
	OpenID     string            `json:"openid"`
	User       string            `json:"user"`
	TemplateID string            `json:"template_id"`
	Title      string            `json:"title"`
	Kind       string            `json:"kind"`
	Time       time.Time         `json:"time"`
	Read       bool              `json:"read"`
	Values     []phoneValue      `json:"values"`
	Page       string            `json:"page"`
	Path       string            `json:"path"`
	Query      map[string]string `json:"query"`
	State      string            `json:"miniprogram_state"`
	Lang       string            `json:"lang"`
	FormID     string            `json:"form_id"`
	Raw        json.RawMessage   `json:"raw"`
}

// phoneValue is one line of a card.
type phoneValue struct {
	Key   string `json:"key"`
	Label string `json:"label"`
	Value string `json:"value"`
}

func (s *Sandbox) phoneMessage(m *delivered) phoneMessage {
	out := phoneMessage{
		ID: m.seq, MsgID: m.id, App: m.app.id, OpenID: m.user.openid, TemplateID: m.tmpl.id, Title: m.tmpl.title, Kind: kindName(m.tmpl.kind),
		Time: m.at.UTC(), Page: m.page, State: m.state, Lang: m.lang, FormID: m.code, Values: make([]phoneValue, 0, len(m.tmpl.keys)),
	}
	if p := s.phones.of(m.user); p != nil {
		out.User = p.name
	}
	m.user.mu.Lock()
	out.Read = m.read
	m.user.mu.Unlock()
	for _, k := range m.tmpl.keys {
		if v, ok := m.data[k.name]; ok {
			out.Values = append(out.Values, phoneValue{Key: k.name, Label: k.label, Value: v})
		}
	}
	out.Path, out.Query = parsePage(m.page)
	if m.raw != "" {
		out.Raw = json.RawMessage(strings.ToValidUTF8(m.raw, "\uFFFD"))
	}
	return out
}

// parsePage splits what a card opens into the page's path and its options, which stay as they are written.
func parsePage(page string) (path string, options map[string]string) {
	path, query, _ := strings.Cut(strings.TrimPrefix(page, "/"), "?")
	options = make(map[string]string)
	for pair := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(pair, "="); name != "" {
			options[name] = value
		}
	}
	return path, options
}

func (s *Sandbox) phoneMessages(list []*delivered) []phoneMessage {
	out := make([]phoneMessage, 0, len(list))
	for _, m := range list {
		out = append(out, s.phoneMessage(m))
	}
	return out
}

// unread counts the messages that were not looked at.
func (u *user) unread() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := 0
	for _, m := range u.messages {
		if !m.read {
			n++
		}
	}
	return n
}

// keepsMessages refuses calls that would find none whatever was sent.
func (s *Sandbox) keepsMessages() error {
	if s.cfg.Record == RecordCounts || s.cfg.MessagesPerUser < 0 {
		return &ArgError{Field: "record", Problem: "this simulator keeps counts but no messages", status: http.StatusConflict}
	}
	return nil
}

func phoneChat(c *phoneCall) (any, error) {
	if err := c.sandbox.keepsMessages(); err != nil {
		return nil, err
	}
	list := c.sandbox.received(filter{user: c.phone.user}, 0)
	return map[string]any{"messages": c.sandbox.phoneMessages(list), "unread": c.phone.user.unread()}, nil
}

type readRequest struct {
	Through *int64 `json:"through"`
}

func phoneRead(c *phoneCall, req readRequest) (any, error) {
	if req.Through == nil {
		return nil, &ArgError{Field: "through", Problem: "is missing"}
	}
	u := c.phone.user
	u.mu.Lock()
	for _, m := range u.messages {
		if m.seq <= *req.Through {
			m.read = true
		}
	}
	u.mu.Unlock()
	return map[string]any{"unread": u.unread()}, nil
}

// filter reads the parameters that say which messages are meant.
func (s *Sandbox) filter(q url.Values) (f filter, err error) {
	if err := s.keepsMessages(); err != nil {
		return f, err
	}
	appid, name := q.Get("app"), q.Get("user")
	switch {
	case name != "" && appid == "":
		return f, &ArgError{Field: "app", Problem: "is missing, user needs it"}
	case name != "":
		f.app, f.user, err = s.namedUser(appid, name)
	case appid != "":
		if f.app, err = s.app(appid); err != nil {
			err = named(err, "app")
		}
	}
	f.template, f.text = q.Get("template"), strings.ToLower(q.Get("q"))
	return f, err
}

const (
	defaultMessages = 100
	maxMessages     = 1000
	maxWait         = 60 // seconds
)

// bounded reads an optional whole number within bounds.
func bounded(q url.Values, name string, normal, least, most int64) (int64, error) {
	if !q.Has(name) {
		return normal, nil
	}
	n, err := intParameter(q, name)
	if err == nil && (n < least || n > most) {
		err = &ArgError{Field: name, Problem: "must be between " + itoa(least) + " and " + itoa(most)}
	}
	return n, err
}

// listMessages answers what a user, or everybody, got. It may wait for the first one.
func listMessages(c *phoneCall) (any, error) {
	s := c.sandbox
	f, err := s.filter(c.q)
	if err != nil {
		return nil, err
	}
	since, err := bounded(c.q, "since", 0, 0, 1<<62)
	if err != nil {
		return nil, err
	}
	limit, err := bounded(c.q, "limit", defaultMessages, 1, maxMessages)
	if err != nil {
		return nil, err
	}
	wait, err := bounded(c.q, "wait", 0, 0, maxWait)
	if err != nil {
		return nil, err
	}
	list, next := s.awaitMessages(c, f, since, time.Duration(wait)*time.Second)
	if n := int(limit); len(list) > n {
		if c.q.Has("since") {
			list = list[:n]
			next = list[n-1].seq
		} else {
			list = list[len(list)-n:]
		}
	}
	return map[string]any{"messages": s.phoneMessages(list), "next": next}, nil
}

// awaitMessages returns what the filter holds, at the latest when the time is over or the caller gone. next is a number that all
// of them are at most, and that no message to come is.
func (s *Sandbox) awaitMessages(c *phoneCall, f filter, since int64, wait time.Duration) (list []*delivered, next int64) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		changed, last, _ := s.inbox.watch()
		list, next = s.received(f, since), max(last, since)
		for len(list) > 0 && list[len(list)-1].seq > last { // it came between the two looks, and others may have
			list = list[:len(list)-1]
		}
		if len(list) > 0 || wait == 0 {
			return list, next
		}
		select {
		case <-changed:
		case <-timer.C:
			return list, next
		case <-c.r.Context().Done():
			return list, next
		case <-s.hungUp:
			return list, next
		}
	}
}

func deleteMessages(c *phoneCall) (any, error) {
	f, err := c.sandbox.filter(c.q)
	if err != nil {
		return nil, err
	}
	return map[string]any{"deleted": c.sandbox.remove(f)}, nil
}
