package sandbox

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ok begins the answers of /wxaapi/newtmpl/*.
type ok struct {
	Code int    `json:"errcode"`
	Msg  string `json:"errmsg"`
}

// serveGetTemplate: fact sheet §1.5. Legacy templates are not in it.
func serveGetTemplate(c *call) reply {
	type enum struct {
		Values []string `json:"enumValueList"`
		Key    string   `json:"keywordCode"`
	}
	type private struct {
		ID      string `json:"priTmplId"`
		Title   string `json:"title"`
		Content string `json:"content"`
		Example string `json:"example"`
		Type    int    `json:"type"`
		Enums   []enum `json:"keywordEnumValueList,omitempty"`
	}
	list := []private{}
	for _, t := range c.app.listTemplates() {
		if t.kind == Legacy {
			continue
		}
		p := private{ID: t.id, Title: t.title, Content: t.content, Example: t.example, Type: t.kind}
		for _, key := range slices.Sorted(maps.Keys(t.enums)) {
			p.Enums = append(p.Enums, enum{t.enums[key], key + ".DATA"})
		}
		list = append(list, p)
	}
	return answerJSON(struct {
		ok
		Data []private `json:"data"`
	}{ok{0, "ok"}, list})
}

type addRequest struct {
	TID   string
	KIDs  []int
	Scene string
	kids  bool // kidList is a list of numbers
}

// readAdd takes JSON, and the form encoding of older SDKs.
func readAdd(body []byte) (addRequest, bool) {
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && trimmed[0] != '{' {
		return readAddForm(string(trimmed))
	}
	var req struct {
		TID   any    `json:"tid"`
		KIDs  []any  `json:"kidList"`
		Scene string `json:"sceneDesc"`
	}
	if json.Unmarshal(body, &req) != nil {
		return addRequest{}, false
	}
	add := addRequest{TID: scalar(req.TID), Scene: req.Scene, kids: true}
	for _, kid := range req.KIDs {
		n, err := strconv.Atoi(scalar(kid))
		add.kids = add.kids && err == nil
		add.KIDs = append(add.KIDs, n)
	}
	return add, true
}

func readAddForm(body string) (addRequest, bool) {
	form, err := url.ParseQuery(body)
	if err != nil || !form.Has("tid") {
		return addRequest{}, false
	}
	add := addRequest{TID: form.Get("tid"), Scene: form.Get("sceneDesc"), kids: true}
	for _, key := range slices.Sorted(maps.Keys(form)) {
		if !strings.HasPrefix(key, "kidList") {
			continue
		}
		for _, kid := range form[key] {
			n, err := strconv.Atoi(kid)
			add.kids = add.kids && err == nil
			add.KIDs = append(add.KIDs, n)
		}
	}
	return add, true
}

// scalar is a JSON string or whole number as text.
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// serveAddTemplate: fact sheet §1.5. The key of a keyword is its rule and its number: "thing1".
func serveAddTemplate(c *call) reply {
	req, good := readAdd(c.body)
	if !good {
		return refuse(codeJSON)
	}
	if c.app.snapshot().Flags.FeatureBanned {
		return refuse(codeFeatureBanned)
	}
	tid, err := strconv.Atoi(req.TID)
	from := c.sandbox.libraryTemplate(tid)
	if err != nil || from == nil {
		return refuse(codeTID)
	}
	t, code := from.choose(req)
	if code != 0 {
		return refuse(code)
	}
	t.id = c.sandbox.rand.text(43)
	if code := c.app.addFromLibrary(t, c.sandbox.cfg.MaxTemplates); code != 0 {
		return refuse(code)
	}
	return answerJSON(struct {
		ok
		ID string `json:"priTmplId"`
	}{ok{0, "ok"}, t.id})
}

// choose makes a private template of the chosen keywords.
func (l *LibraryTemplate) choose(req addRequest) (*template, int) {
	if !req.kids || len(req.KIDs) < 2 || len(req.KIDs) > 5 {
		return nil, codeKIDs
	}
	if utf8.RuneCountInString(req.Scene) > 15 {
		return nil, codeScene
	}
	t := &template{title: l.Title, kind: l.Type, tid: l.TID, kids: req.KIDs}
	seen := make(map[int]bool)
	var content, example strings.Builder
	for _, kid := range req.KIDs {
		k := l.keyword(kid)
		if k == nil || seen[kid] {
			return nil, codeKIDs
		}
		seen[kid] = true
		content.WriteString(k.Name + ":{{" + k.Rule + strconv.Itoa(kid) + ".DATA}}\n")
		example.WriteString(k.Name + ":" + k.Example + "\n")
	}
	t.content, t.example = content.String(), example.String()
	t.keys = parseContent(t.content)
	return t, 0
}

func (a *app) addFromLibrary(t *template, limit int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	private := 0
	for _, o := range a.order {
		if o.kind == Legacy {
			continue
		}
		private++
		if o.tid == t.tid && slices.Equal(o.kids, t.kids) {
			return codeDuplicate
		}
	}
	if limit > 0 && private >= limit {
		return codeTemplateLimit
	}
	a.templates[t.id] = t
	a.order = append(a.order, t)
	return 0
}

// serveDelTemplate: fact sheet §1.5, which gives the codes without their meaning; which is whose is our reading.
func serveDelTemplate(c *call) reply {
	var id string
	if trimmed := bytes.TrimSpace(c.body); len(trimmed) > 0 && trimmed[0] != '{' {
		form, err := url.ParseQuery(string(trimmed))
		if err != nil {
			return refuse(codeJSON)
		}
		id = form.Get("priTmplId")
	} else {
		var req struct {
			ID string `json:"priTmplId"`
		}
		if !c.decode(&req) {
			return refuse(codeJSON)
		}
		id = req.ID
	}
	if id == "" {
		return refuse(codeNoTemplateID)
	}
	if t := c.app.template(id); t == nil || t.kind == Legacy || !c.app.deleteTemplate(id) {
		return refuse(codeTID)
	}
	return reply{}
}

func serveGetCategory(c *call) reply {
	return answerJSON(struct {
		ok
		Data []Category `json:"data"`
	}{ok{0, "ok"}, c.sandbox.cfg.Categories})
}

// servePubTitles: fact sheet §1.5; limit is at most 30.
func servePubTitles(c *call) reply {
	type title struct {
		TID      int    `json:"tid"`
		Title    string `json:"title"`
		Type     int    `json:"type"`
		Category string `json:"categoryId"`
	}
	q, _ := url.ParseQuery(c.query)
	start, limit, code := paging(q)
	if code != 0 {
		return refuse(code)
	}
	wanted := strings.Split(q.Get("ids"), ",")
	list := []title{}
	for _, t := range c.sandbox.cfg.Library {
		if slices.Contains(wanted, t.CategoryID) {
			list = append(list, title{t.TID, t.Title, t.Type, t.CategoryID})
		}
	}
	total := len(list)
	list = list[min(start, total):]
	return answerJSON(struct {
		ok
		Count int     `json:"count"`
		Data  []title `json:"data"`
	}{ok{0, "ok"}, total, list[:min(limit, len(list))]})
}

func paging(q url.Values) (start, limit, code int) {
	if q.Get("ids") == "" {
		return 0, 0, codeNoCategories
	}
	for id := range strings.SplitSeq(q.Get("ids"), ",") {
		if _, err := strconv.Atoi(id); err != nil {
			return 0, 0, codeCategories
		}
	}
	start, err := strconv.Atoi(q.Get("start"))
	if err != nil || start < 0 {
		return 0, 0, codeStart
	}
	limit, err = strconv.Atoi(q.Get("limit"))
	if err != nil || limit < 1 || limit > 30 {
		return 0, 0, codeLimit
	}
	return start, limit, 0
}

func servePubKeywords(c *call) reply {
	q, _ := url.ParseQuery(c.query)
	tid, err := strconv.Atoi(q.Get("tid"))
	t := c.sandbox.libraryTemplate(tid)
	if err != nil || t == nil {
		return refuse(codeTID)
	}
	return answerJSON(struct {
		ok
		Count int       `json:"count"`
		Data  []Keyword `json:"data"`
	}{ok{0, "ok"}, len(t.Keywords), t.Keywords})
}
