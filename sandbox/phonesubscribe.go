package sandbox

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// popup is a call of wx.requestSubscribeMessage that asks the user.
type popup struct {
	id      string
	order   []*template // as they were asked for
	rows    []*template
	kept    []*template       // accepted without asking
	settled map[string]Choice // what is known without asking, kept ones included

	answers map[string]Choice // once it is answered, with keep and result
	keep    bool
	result  map[string]any
}

// accepts reports whether a choice is one of those that give a permit (fact sheet §3.3).
func (c Choice) accepts() bool {
	switch c {
	case Accept, "acceptWithAudio", "acceptWithAlert", "acceptWithForcePush":
		return true
	}
	return false
}

// newPopup says what a request would do for the user now. Nothing has happened yet.
func (s *Sandbox) newPopup(a *app, u *user, templateIDs []string) (*popup, error) {
	templates, err := s.requestable(a, u, templateIDs)
	if err != nil {
		return nil, err
	}
	p := &popup{id: s.rand.hex(16), order: templates, settled: make(map[string]Choice)}
	titles := make(map[string]bool)
	for _, t := range templates {
		choice := u.choice(t)
		switch {
		case t.banned.Load():
			p.settled[t.id] = Ban
		case t.title != "" && titles[t.title]:
			p.settled[t.id] = Filter
		case choice == Accept:
			p.settled[t.id] = Accept
			p.kept = append(p.kept, t)
		case choice == Reject:
			p.settled[t.id] = Reject
		default:
			p.rows = append(p.rows, t)
		}
		titles[t.title] = true
	}
	return p, nil
}

// choice is what the user's settings say of a template.
func (u *user) choice(t *template) Choice {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch sub := u.sub(t); {
	case sub == nil:
		return Ask
	case sub.rejected:
		return Reject
	case sub.always:
		return Accept
	}
	return Ask
}

// settle does what the user answered, and makes what the success callback gets. A row without an answer is refused.
func (s *Sandbox) settle(a *app, u *user, p *popup) map[string]any {
	result, told := map[string]any{"errMsg": "requestSubscribeMessage:ok"}, make(map[string]Choice)
	for id, choice := range p.settled {
		result[id] = choice
		if !s.pushKnobs().OmitSilent {
			told[id] = choice
		}
	}
	for _, t := range p.kept {
		s.accept(u, t, 1)
	}
	for _, t := range p.rows {
		choice := p.answers[t.id]
		if choice == "" {
			choice = Reject
		}
		result[t.id], told[t.id] = choice, choice
		switch {
		case choice.accepts():
			s.accept(u, t, 1)
			if p.keep {
				u.keep(t)
			}
		case p.keep:
			s.revoke(u, t)
		}
	}
	s.tellPopup(a, u, p.order, told)
	return result
}

// keep makes an accept the answer of all requests to come.
func (u *user) keep(t *template) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.subOrNew(t).always = true
}

type askRequest struct {
	TemplateIDs []any `json:"template_ids"`
}

// phoneRow is one template in the popup.
type phoneRow struct {
	TemplateID string       `json:"template_id"`
	Title      string       `json:"title"`
	Kind       string       `json:"kind"`
	Values     []phoneValue `json:"values"`
}

// phoneAsk is wx.requestSubscribeMessage: it is done if nobody has to be asked.
func phoneAsk(c *phoneCall, req askRequest) (any, error) {
	ids := make([]string, 0, len(req.TemplateIDs))
	for _, v := range req.TemplateIDs {
		id, ok := v.(string)
		if !ok || id == "" {
			return nil, &TapError{10004, "Invalid template id"}
		}
		ids = append(ids, id)
	}
	s, ph := c.sandbox, c.phone
	ph.mu.Lock()
	defer ph.mu.Unlock()
	if ph.offline {
		return nil, &TapError{10002, "Request list fail"}
	}
	p, err := s.newPopup(ph.app, ph.user, ids)
	if err != nil {
		return nil, err
	}
	if len(p.rows) == 0 {
		return map[string]any{"errMsg": "requestSubscribeMessage:ok", "result": s.settle(ph.app, ph.user, p), "silent": true}, nil
	}
	ph.popup = p
	rows := make([]phoneRow, 0, len(p.rows))
	for _, t := range p.rows {
		rows = append(rows, phoneRow{TemplateID: t.id, Title: t.title, Kind: kindName(t.kind), Values: t.exampleValues()})
	}
	return map[string]any{"popup": map[string]any{"id": p.id, "rows": rows}}, nil
}

type answerRequest struct {
	Popup   string            `json:"popup"`
	Answers map[string]Choice `json:"answers"`
	Keep    bool              `json:"keep"`
}

// phoneAnswer is the user's answer to a popup. It counts once, however often it is sent.
func phoneAnswer(c *phoneCall, req answerRequest) (any, error) {
	ph := c.phone
	ph.mu.Lock()
	defer ph.mu.Unlock()
	p := ph.popup
	if p == nil || p.id != req.Popup {
		return nil, &ArgError{Field: "popup", Problem: "is not open", status: http.StatusConflict}
	}
	for _, id := range slices.Sorted(maps.Keys(req.Answers)) {
		choice := req.Answers[id]
		switch {
		case !slices.ContainsFunc(p.rows, func(t *template) bool { return t.id == id }):
			return nil, &ArgError{Field: "answers", Problem: quote(id) + " is not in the popup"}
		case !choice.accepts() && choice != Reject:
			return nil, &ArgError{Field: "answers", Problem: quote(string(choice)) + " is neither reject nor one of accept, acceptWithAudio, acceptWithAlert, acceptWithForcePush"}
		}
	}
	switch {
	case p.result != nil && p.keep == req.Keep && maps.Equal(p.answers, req.Answers): // the page did not get the first answer
	case p.result != nil:
		return nil, &ArgError{Field: "popup", Problem: "was answered otherwise", status: http.StatusConflict}
	case ph.offline:
		ph.popup = nil
		return nil, &TapError{10003, "Request subscribe fail"}
	default:
		p.answers, p.keep = req.Answers, req.Keep
		p.result = c.sandbox.settle(ph.app, ph.user, p)
	}
	return map[string]any{"errMsg": "requestSubscribeMessage:ok", "result": p.result}, nil
}

// kindName names a template's kind as minapush's own API does.
func kindName(kind int) string {
	switch kind {
	case Legacy:
		return "legacy"
	case LongTerm:
		return "long_term"
	}
	return "one_time"
}

// exampleValues reads the template's example, which is its content with values in it, line by line.
func (t *template) exampleValues() []phoneValue {
	content, example := strings.Split(t.content, "\n"), strings.Split(t.example, "\n")
	values := make([]phoneValue, 0, len(t.keys))
	for _, k := range t.keys {
		v := phoneValue{Key: k.name, Label: k.label}
		for i, line := range content {
			before, after, here := strings.Cut(line, k.text)
			if here && i < len(example) {
				v.Value = strings.TrimSuffix(strings.TrimPrefix(example[i], before), after)
			}
		}
		values = append(values, v)
	}
	return values
}
