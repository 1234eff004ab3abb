package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	htmltemplate "html/template"
	"maps"
	"net/http"
	"net/url"
	"time"
)

// inboxRows is how many messages one page of the inbox shows.
const inboxRows = 50

// inboxPage is what the inbox's template gets.
type inboxPage struct {
	Lang      string
	Apps      []string
	Templates []Template
	App, User string
	Template  string
	Text      string
	Problem   string
	Rows      []inboxRow
	Total     int
	Older     string // address of the next page; empty: there is none
	Newest    string // address of the first page; empty: this is it
	API       string
	English   string // address of the same in another language
	Chinese   string
	words     map[string][2]string
	lang      int
}

type inboxRow struct {
	phoneMessage
	Who  string
	At   string
	When string
	JSON string
}

// W puts a name into words.
func (p *inboxPage) W(name string) string { return p.words[name][p.lang] }

// serveInbox lists what was received, newest first.
func (s *Sandbox) serveInbox(w http.ResponseWriter, r *http.Request) {
	p := &inboxPage{words: inboxWords(), lang: inboxLang(r)}
	p.Lang = [2]string{"en", "zh-CN"}[p.lang]
	status := http.StatusOK
	if err := s.fillInbox(p, r.URL.Query()); err != nil {
		var arg *ArgError
		if p.Problem, status = err.Error(), http.StatusBadRequest; errors.As(err, &arg) {
			p.Problem = arg.Field + ": " + arg.Problem
			if arg.status != 0 {
				status = arg.status
			}
		}
	}
	var b bytes.Buffer
	t, err := htmltemplate.ParseFS(phoneFiles, "phone/inbox.html")
	if err == nil {
		err = t.Execute(&b, p)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Vary", "Accept-Language")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a caller that is gone needs no answer
}

// fillInbox reads the filter and finds the messages.
func (s *Sandbox) fillInbox(p *inboxPage, q url.Values) error {
	p.App, p.User, p.Template, p.Text = q.Get("app"), q.Get("user"), q.Get("template"), q.Get("q")
	seen := make(map[string]bool)
	for _, a := range s.allApps() {
		p.Apps = append(p.Apps, a.id)
		list, err := s.Templates(a.id)
		if err != nil || p.App != "" && p.App != a.id {
			continue
		}
		for _, t := range list {
			if !seen[t.ID] {
				p.Templates = append(p.Templates, t)
			}
			seen[t.ID] = true
		}
	}
	if p.User != "" && p.App == "" && len(p.Apps) == 1 {
		q.Set("app", p.Apps[0])
	}
	narrow := url.Values{}
	for _, name := range []string{"app", "user", "template", "q"} {
		if v := q.Get(name); v != "" {
			narrow.Set(name, v)
		}
	}
	p.API = "api/messages?" + narrow.Encode()
	p.English, p.Chinese = inLanguage(narrow, "en"), inLanguage(narrow, "zh")
	if err := onlyParameters(q, "app", "user", "template", "q", "before", "lang"); err != nil {
		return err
	}
	f, err := s.filter(q)
	if err != nil {
		return err
	}
	before, err := bounded(q, "before", 1<<62, 0, 1<<62)
	if err != nil {
		return err
	}
	list := s.received(f, 0)
	p.Total = len(list)
	list = list[:firstAfter(list, before-1)]
	if q.Get("lang") != "" {
		narrow.Set("lang", q.Get("lang"))
	}
	if q.Has("before") {
		p.Newest = "inbox?" + narrow.Encode()
	}
	if len(list) > inboxRows {
		list = list[len(list)-inboxRows:]
		narrow.Set("before", itoa(list[0].seq))
		p.Older = "inbox?" + narrow.Encode()
	}
	for i := len(list) - 1; i >= 0; i-- {
		p.Rows = append(p.Rows, s.inboxRow(list[i]))
	}
	return nil
}

func inLanguage(narrow url.Values, lang string) string {
	q := maps.Clone(narrow)
	q.Set("lang", lang)
	return "inbox?" + q.Encode()
}

func (s *Sandbox) inboxRow(m *delivered) inboxRow {
	row := inboxRow{phoneMessage: s.phoneMessage(m), At: beijing(m.at).Format("01-02 15:04:05"), When: m.at.UTC().Format(time.RFC3339)}
	row.Who = row.User
	if row.Who == "" {
		row.Who = row.OpenID
	}
	var b bytes.Buffer
	if json.Indent(&b, row.Raw, "", "  ") == nil {
		row.JSON = b.String()
	}
	return row
}
