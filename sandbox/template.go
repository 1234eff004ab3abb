package sandbox

import (
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
)

// Kinds of templates, in WeChat's own numbers where it has one (fact sheet §1.4.2).
const (
	Legacy   = 1 // 模板消息, sent against form ids and prepay ids; the number is ours
	OneTime  = 2 // 一次性订阅
	LongTerm = 3 // 长期订阅
)

// Template is a private template of an app.
type Template struct {
	ID    string `json:"template_id"` // priTmplId; 43 characters are made up if empty
	Title string `json:"title"`
	Type  int    `json:"type"` // Legacy, OneTime or LongTerm; zero means OneTime
	// Content holds the keys, a line each: "会议时间:{{date2.DATA}}". If empty it is made from Keys.
	Content string `json:"content"`
	Example string `json:"example"`
	// Keys are a shorthand for Content: "thing1", "date2". If both are given they must agree.
	Keys []string `json:"keys"`
	// Enums lists the values allowed for a key of type enum or enum_string, by key.
	Enums  map[string][]string `json:"enums,omitempty"`
	Banned bool                `json:"banned"`
}

type template struct {
	id, title, content, example string

	kind   int
	keys   []templateKey
	enums  map[string][]string
	banned atomic.Bool

	tid  int   // library template it was made from, or zero
	kids []int // its keywords, in order
}

type templateKey struct {
	name  string // thing1
	kind  string // thing
	text  string // the placeholder in content
	label string // what stands before it in its line: 会议时间
}

// AddTemplate adds a private template and returns its id.
func (s *Sandbox) AddTemplate(appid string, tmpl Template) (string, error) {
	a, err := s.app(appid)
	if err != nil {
		return "", err
	}
	t, err := newTemplate(tmpl)
	if err != nil {
		return "", err
	}
	if t.id == "" {
		t.id = s.rand.text(43)
	}
	if !a.addTemplate(t) {
		return "", &ArgError{Field: "template_id", Problem: quote(t.id) + " exists already", status: 409}
	}
	return t.id, nil
}

func newTemplate(tmpl Template) (*template, error) {
	t := &template{id: tmpl.ID, title: tmpl.Title, kind: tmpl.Type, content: tmpl.Content, example: tmpl.Example, enums: tmpl.Enums}
	switch t.kind {
	case 0:
		t.kind = OneTime
	case Legacy, OneTime, LongTerm:
	default:
		return nil, &ArgError{Field: "type", Problem: "must be 1 (legacy), 2 (one-time) or 3 (long-term)"}
	}
	if t.content == "" {
		var b strings.Builder
		for _, key := range tmpl.Keys {
			b.WriteString(key + ":{{" + key + ".DATA}}\n")
		}
		t.content = b.String()
	}
	t.keys = parseContent(t.content)
	if len(tmpl.Keys) > 0 && !slices.EqualFunc(tmpl.Keys, t.keys, func(name string, k templateKey) bool { return name == k.name }) {
		return nil, &ArgError{Field: "keys", Problem: "do not agree with content, or are not letters, digits and underscores"}
	}
	if len(t.keys) == 0 && t.kind != Legacy {
		return nil, &ArgError{Field: "content", Problem: "has no {{key.DATA}}"}
	}
	for key := range t.enums {
		if !slices.ContainsFunc(t.keys, func(k templateKey) bool { return k.name == key }) {
			return nil, &ArgError{Field: "enums", Problem: quote(key) + " is not a key of the template"}
		}
	}
	t.banned.Store(tmpl.Banned)
	return t, nil
}

// parseContent lists the keys of a template: fact sheet §1.5, "parsing rule".
func parseContent(content string) []templateKey {
	placeholder := regexp.MustCompile(`\{\{(\w+)\.DATA\}\}`)
	var keys []templateKey
	from := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(content, -1) {
		name := content[m[2]:m[3]]
		before := content[from:m[0]]
		label := strings.Trim(before[strings.LastIndexByte(before, '\n')+1:], ":： \t\r")
		keys = append(keys, templateKey{name: name, kind: strings.TrimRight(name, "0123456789"), text: content[m[0]:m[1]], label: label})
		from = m[1]
	}
	return keys
}

func (a *app) addTemplate(t *template) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.templates[t.id] != nil {
		return false
	}
	a.templates[t.id] = t
	a.order = append(a.order, t)
	return true
}

func (a *app) template(id string) *template {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.templates[id]
}

func (a *app) listTemplates() []*template {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return slices.Clone(a.order)
}

// deleteTemplate reports false if there is none. Permits for it are gone with it, as a new template gets a new id.
func (a *app) deleteTemplate(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.templates[id]
	if t == nil {
		return false
	}
	delete(a.templates, id)
	a.order = slices.DeleteFunc(slices.Clone(a.order), func(o *template) bool { return o == t })
	return true
}

// Templates lists the private templates of an app in the order in which they were added.
func (s *Sandbox) Templates(appid string) ([]Template, error) {
	a, err := s.app(appid)
	if err != nil {
		return nil, err
	}
	list := []Template{}
	for _, t := range a.listTemplates() {
		tmpl := Template{ID: t.id, Title: t.title, Type: t.kind, Content: t.content, Example: t.example, Enums: t.enums, Banned: t.banned.Load()}
		for _, k := range t.keys {
			tmpl.Keys = append(tmpl.Keys, k.name)
		}
		list = append(list, tmpl)
	}
	return list, nil
}

// BanTemplate bans a template, or lifts the ban. Subscribe sends with it answer 43107, legacy ones 43116, taps say Ban.
func (s *Sandbox) BanTemplate(appid, templateID string, banned bool) error {
	a, err := s.app(appid)
	if err != nil {
		return err
	}
	t := a.template(templateID)
	if t == nil {
		return notFound("template_id", templateID)
	}
	t.banned.Store(banned)
	return nil
}

// render fills the template's content in, as the card shows it.
func (t *template) render(data map[string]string) string {
	pairs := make([]string, 0, 2*len(t.keys))
	for _, k := range t.keys {
		pairs = append(pairs, k.text, data[k.name])
	}
	return strings.NewReplacer(pairs...).Replace(t.content)
}
