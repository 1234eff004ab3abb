package sandbox

import (
	"iter"
	"maps"
	"time"
)

// Message is one accepted message.
type Message struct {
	MsgID      int64             `json:"msgid"`
	OpenID     string            `json:"openid"`
	TemplateID string            `json:"template_id"`
	Title      string            `json:"title"`
	Page       string            `json:"page"`
	Data       map[string]string `json:"data"` // trimmed values by key
	Text       string            `json:"text"` // the template's content with the values in it
	FormID     string            `json:"form_id,omitempty"`
	State      string            `json:"miniprogram_state,omitempty"`
	Lang       string            `json:"lang,omitempty"`
	Time       time.Time         `json:"time"`
}

// delivered is a Message as it is kept. Nothing of it changes but read.
type delivered struct {
	seq               int64 // place among all messages of the sandbox
	app               *app
	user              *user
	read              bool   // guarded by user.mu
	raw               string // the sender's body, empty if it is too long to keep
	id                int64
	tmpl              *template
	page, state, lang string
	code              string
	data              map[string]string
	at                time.Time
}

// count is how many messages of one template and page a user got.
type count struct {
	tmpl *template
	page uint32
	n    int32
}

// record counts an accepted message, and keeps it unless only counts are wanted or it does not arrive. The user is locked.
func (j *judge) record(id int64, arrives bool) {
	u, cfg := j.user, &j.sandbox.cfg
	n := u.countUp(j.tmpl, j.app.pageID(j.send.Page))
	j.tally.accept(n == 2)
	if !arrives || cfg.Record == RecordCounts || cfg.MessagesPerUser < 0 {
		return
	}
	if len(u.messages) >= cfg.MessagesPerUser {
		copy(u.messages, u.messages[1:])
		u.messages[len(u.messages)-1] = nil
		u.messages = u.messages[:len(u.messages)-1]
	}
	m := &delivered{app: j.app, user: u, id: id, tmpl: j.tmpl, page: j.send.Page, state: j.send.State, lang: j.send.Lang,
		code: j.send.FormID, data: j.data, at: j.now}
	if len(j.text) <= maxRaw {
		m.raw = j.text
	}
	u.messages = append(u.messages, m)
	j.sandbox.inbox.add(m, cfg.MaxInbox)
}

// maxRaw is how long a body may be to be kept as it came.
const maxRaw = 16 << 10

func (u *user) countUp(t *template, page uint32) int32 {
	for i := range u.counts {
		if c := &u.counts[i]; c.tmpl == t && c.page == page {
			c.n++
			return c.n
		}
	}
	u.counts = append(u.counts, count{t, page, 1})
	return 1
}

// Messages lists what a user received, oldest first: the last Config.MessagesPerUser, none with RecordCounts.
func (s *Sandbox) Messages(appid, openid string) ([]Message, error) {
	_, u, err := s.user(appid, openid)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	list := make([]Message, 0, len(u.messages))
	for _, m := range u.messages {
		list = append(list, Message{MsgID: m.id, OpenID: u.openid, TemplateID: m.tmpl.id, Title: m.tmpl.title, Page: m.page,
			Data: maps.Clone(m.data), Text: m.tmpl.render(m.data), FormID: m.code, State: m.state, Lang: m.lang, Time: m.at.UTC()})
	}
	return list, nil
}

// CountsByUser says how many messages of a template each user received; users without any are not in it.
func (s *Sandbox) CountsByUser(appid, templateID string) (map[string]int, error) {
	return s.countWhere(appid, func(c count, _ string) bool { return c.tmpl.id == templateID })
}

// CountsByPage is CountsByUser for the messages that open exactly this page, query included, but for the parameter minapush, which
// tells one push from another and counts for nothing here. A test of one campaign puts its id there.
func (s *Sandbox) CountsByPage(appid, templateID, page string) (map[string]int, error) {
	page = counted(page)
	return s.countWhere(appid, func(c count, p string) bool { return c.tmpl.id == templateID && p == page })
}

func (s *Sandbox) countWhere(appid string, match func(c count, page string) bool) (map[string]int, error) {
	a, err := s.app(appid)
	if err != nil {
		return nil, err
	}
	totals := make(map[string]int)
	for u, counts := range a.allCounts() {
		for _, c := range counts {
			if match(c, a.pageName(c.page)) {
				totals[u.openid] += int(c.n)
			}
		}
	}
	return totals, nil
}

// Received walks the users that received anything, with their counts by template id, in the order in which users were added.
// For an unknown app it is empty.
func (s *Sandbox) Received(appid string) iter.Seq2[string, map[string]int] {
	return func(yield func(string, map[string]int) bool) {
		a := s.findApp(appid)
		if a == nil {
			return
		}
		for u, counts := range a.allCounts() {
			byTemplate := make(map[string]int)
			for _, c := range counts {
				byTemplate[c.tmpl.id] += int(c.n)
			}
			if !yield(u.openid, byTemplate) {
				return
			}
		}
	}
}

// allCounts walks the users that have counts, with a copy of those that is valid during the step only.
func (a *app) allCounts() iter.Seq2[*user, []count] {
	return func(yield func(*user, []count) bool) {
		var counts []count
		for u := range a.everybody() {
			u.mu.Lock()
			counts = append(counts[:0], u.counts...)
			u.mu.Unlock()
			if len(counts) > 0 && !yield(u, counts) {
				return
			}
		}
	}
}

func (a *app) pageName(id uint32) string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.pageNames[id]
}
