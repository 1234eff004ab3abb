package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/minapush/minapush"
)

// templatePage is one template: its form, and what becomes of values that break a rule.
type templatePage struct {
	// T is what is stored; its ID is empty where a template is put by hand.
	T        minapush.Template
	Form     templateForm
	Policies []policyRow
	Scenes   []string
	// Wrong tells that the policies came back.
	Wrong bool
}

// templateForm is a template as it was typed.
type templateForm struct {
	ID, Kind, Title, Keys string
	Mistakes              mistakes
}

// Kinds are those of templates.
func (templateForm) Kinds() []string {
	return []string{string(minapush.OneTimeTemplate), string(minapush.LongTermTemplate), string(minapush.LegacyTemplate)}
}

// policyRow is what becomes of values of one key, as it was chosen.
type policyRow struct {
	Key              minapush.TemplateKey
	Policy, Fallback string
	Mistake          *mistake
}

// Policies are those that the key can have.
func (r policyRow) Policies() []string {
	list := []string{string(minapush.RefuseValue)}
	if minapush.Cuttable(r.Key.ValueType()) {
		list = append(list, string(minapush.CutValue))
	}
	return append(list, string(minapush.FallbackValue))
}

func templateAddress(rq *request, id string, more ...string) string {
	return rq.appPath(append([]string{"settings", "template"}, more...)...) + "?" + url.Values{"id": {id}}.Encode()
}

// namedTemplate is the template that the address names. Errors: NotFound.
func (c *Console) namedTemplate(ctx context.Context, rq *request) (minapush.Template, error) {
	return c.parts.Accounts.Template(ctx, rq.app.ID, rq.r.URL.Query().Get("id"))
}

func (c *Console) newTemplate(ctx context.Context, rq *request) error {
	return c.showTemplate(ctx, rq, templatePage{Form: templateForm{Kind: string(minapush.OneTimeTemplate)}})
}

func (c *Console) oneTemplate(ctx context.Context, rq *request) error {
	t, err := c.namedTemplate(ctx, rq)
	if err != nil {
		return err
	}
	return c.showTemplate(ctx, rq, templatePage{T: t, Form: templateFormOf(t), Policies: policiesOf(t)})
}

func templateFormOf(t minapush.Template) templateForm {
	return templateForm{ID: t.ID, Kind: string(t.Kind), Title: t.Title, Keys: writeKeys(t.Keys)}
}

func policiesOf(t minapush.Template) []policyRow {
	if !t.HasRules() {
		return nil
	}
	var rows []policyRow
	for _, k := range t.Keys {
		row := policyRow{Key: k, Policy: string(k.Policy), Fallback: k.Fallback}
		if row.Policy == "" {
			row.Policy = string(minapush.RefuseValue)
		}
		rows = append(rows, row)
	}
	return rows
}

func (c *Console) showTemplate(ctx context.Context, rq *request, p templatePage) error {
	scenes, err := c.parts.Accounts.ScenesByTemplate(ctx, rq.app.ID)
	if err != nil {
		return err
	}
	p.Scenes = scenes[p.T.ID]
	status := statusOf(p.Form.Mistakes)
	if p.Wrong {
		status = http.StatusUnprocessableEntity
	}
	return rq.show(status, settingsView(rq, "settingstemplate"), p)
}

func readTemplateForm(v url.Values) templateForm {
	return templateForm{
		ID: strings.TrimSpace(v.Get("id")), Kind: v.Get("kind"), Title: strings.TrimSpace(v.Get("title")),
		Keys: strings.ReplaceAll(v.Get("keys"), "\r\n", "\n"), Mistakes: mistakes{},
	}
}

// addTemplate puts a template by hand. One that is there already is not replaced: somebody may have changed it.
func (c *Console) addTemplate(ctx context.Context, rq *request) error {
	v, err := rq.postForm()
	if err != nil {
		return err
	}
	p := templatePage{Form: readTemplateForm(v)}
	t := p.Form.template(minapush.Template{ID: p.Form.ID})
	before, err := c.parts.Accounts.Template(ctx, rq.app.ID, t.ID)
	switch {
	case err == nil && !reflect.DeepEqual(before, t): // the same form sent twice is no mistake
		p.Form.Mistakes.add("id", "mistake.template_taken")
	case err != nil && !errors.Is(err, minapush.NotFound):
		return err
	}
	return c.putTemplate(ctx, rq, p, t)
}

func (c *Console) changeTemplate(ctx context.Context, rq *request) error {
	before, err := c.namedTemplate(ctx, rq)
	if err != nil {
		return err
	}
	v, err := rq.postForm()
	if err != nil {
		return err
	}
	p := templatePage{T: before, Form: readTemplateForm(v), Policies: policiesOf(before)}
	p.Form.ID = before.ID
	return c.putTemplate(ctx, rq, p, p.Form.template(before))
}

func (c *Console) putTemplate(ctx context.Context, rq *request, p templatePage, t minapush.Template) error {
	m := p.Form.Mistakes
	if len(m) == 0 {
		err := c.parts.Accounts.PutTemplate(ctx, rq.app.ID, t)
		if err == nil {
			rq.tell(ctx, "template.saved", t.ID)
			return rq.goTo(templateAddress(rq, t.ID))
		}
		if !blameTemplate(m, err) {
			return err
		}
	}
	return c.showTemplate(ctx, rq, p)
}

// blameTemplate puts an error about a key at the field that all keys are typed into.
func blameTemplate(m mistakes, err error) bool {
	var e *minapush.Error
	if errors.As(err, &e) && e.Kind == minapush.Invalid {
		if rest, ok := strings.CutPrefix(e.Field, "keys."); ok {
			key, part, _ := strings.Cut(rest, ".")
			switch part {
			case "policy":
				m.add("kind", "mistake.kind_policy", key)
			case "fallback":
				m.add("keys", "mistake.key_fallback", key)
			default:
				m.add("keys", "mistake.key_enum", key)
			}
			return true
		}
	}
	return m.blame(err, map[string]string{
		"id": "mistake.template_id", "kind": "mistake.choose", "title": "mistake.template_title", "keys": "mistake.template_keys",
	})
}

// template is what the form means for a template that was there before: what the form does not show stays.
func (f *templateForm) template(before minapush.Template) minapush.Template {
	t := before
	t.Kind, t.Title = minapush.TemplateKind(f.Kind), f.Title
	if strings.TrimSpace(f.Keys) == strings.TrimSpace(writeKeys(before.Keys)) {
		return t // not every text that WeChat may have can be written as a line
	}
	keys, wrong := parseKeys(f.Keys)
	if wrong != nil {
		f.Mistakes.add("keys", wrong.Name, wrong.Params...)
	}
	for i := range keys {
		k := &keys[i]
		at := slices.IndexFunc(before.Keys, func(o minapush.TemplateKey) bool { return o.Key == k.Key })
		if at < 0 {
			continue
		}
		was := before.Keys[at]
		k.Policy, k.Fallback = was.Policy, was.Fallback
		if was.Type != "" {
			k.Type = was.Type
		}
	}
	t.Keys = keys
	return t
}

var keyName = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)

// parseKeys reads keys as they are typed: one a line, its name, a blank, its label, and what it may be behind strokes:
//
//	phrase4 审核结果 | 通过 | 未通过
func parseKeys(text string) ([]minapush.TemplateKey, *mistake) {
	var keys []minapush.TemplateKey
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		head, enum, limited := strings.Cut(line, "|")
		name, label := strings.TrimSpace(head), ""
		if i := strings.IndexFunc(name, isBlank); i >= 0 {
			name, label = name[:i], strings.TrimSpace(name[i:])
		}
		if !keyName.MatchString(name) {
			return nil, &mistake{"mistake.key_line", []string{clipped(line)}}
		}
		k := minapush.TemplateKey{Key: name, Label: label, Type: strings.TrimRight(name, "0123456789")}
		if limited {
			for one := range strings.SplitSeq(enum, "|") {
				if one = strings.TrimSpace(one); one == "" {
					return nil, &mistake{"mistake.key_enum", []string{name}}
				}
				k.Enum = append(k.Enum, one)
			}
		}
		if slices.ContainsFunc(keys, func(o minapush.TemplateKey) bool { return o.Key == name }) {
			return nil, &mistake{"mistake.key_twice", []string{name}}
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// isBlank tells blanks as people type them: the wide one of Chinese keyboards too.
func isBlank(r rune) bool { return r == ' ' || r == '\t' || r == '\u3000' }

// clipped is the beginning of a line, to be told again.
func clipped(line string) string {
	const most = 40
	if r := []rune(line); len(r) > most {
		return string(r[:most]) + "…"
	}
	return line
}

// writeKeys writes keys as parseKeys reads them.
func writeKeys(keys []minapush.TemplateKey) string {
	var b strings.Builder
	for _, k := range keys {
		b.WriteString(k.Key)
		if k.Label != "" {
			b.WriteString(" " + k.Label)
		}
		for _, v := range k.Enum {
			b.WriteString(" | " + v)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// changePolicies says what becomes of values that break a rule. Keys that the form does not name stay as they are.
func (c *Console) changePolicies(ctx context.Context, rq *request) error {
	t, err := c.namedTemplate(ctx, rq)
	if err != nil {
		return err
	}
	v, err := rq.postForm()
	if err != nil {
		return err
	}
	p := templatePage{T: t, Form: templateFormOf(t), Policies: policiesOf(t)}
	t.Keys = slices.Clone(t.Keys)
	for i := range p.Policies {
		row := &p.Policies[i]
		if !v.Has("policy." + row.Key.Key) {
			continue
		}
		row.Policy, row.Fallback = v.Get("policy."+row.Key.Key), strings.TrimSpace(v.Get("fallback."+row.Key.Key))
		if row.Mistake = row.check(); row.Mistake != nil {
			p.Wrong = true
		}
		k := &t.Keys[i]
		if k.Policy, k.Fallback = minapush.ValuePolicy(row.Policy), ""; k.Policy == minapush.FallbackValue {
			k.Fallback = row.Fallback
		}
	}
	if p.Wrong {
		return c.showTemplate(ctx, rq, p)
	}
	if err := c.parts.Accounts.PutTemplate(ctx, rq.app.ID, t); err != nil {
		return err
	}
	rq.tell(ctx, "policy.saved")
	return rq.goTo(templateAddress(rq, t.ID))
}

// maxFallback is the longest text accepted in place of a value, in bytes.
const maxFallback = 1 << 10

// check is what is wrong with the choice; nil: nothing.
func (r policyRow) check() *mistake {
	switch {
	case !slices.Contains(r.Policies(), r.Policy):
		return &mistake{Name: "mistake.choose"}
	case r.Policy != string(minapush.FallbackValue):
		return nil
	case strings.Contains(r.Fallback, "{{") || strings.Contains(r.Fallback, "}}"):
		return &mistake{Name: "mistake.fallback_braces"}
	case len(r.Fallback) > maxFallback:
		return &mistake{"mistake.long_bytes", []string{grouped(maxFallback), grouped(int64(len(r.Fallback)))}}
	}
	found := minapush.CheckValue(r.Key.ValueType(), r.Key.Enum, r.Fallback)
	if found == nil {
		return nil
	}
	name, params := findingWords(*found)
	return &mistake{name, params}
}

// deleteTemplatePage asks once more, or says why not.
type deleteTemplatePage struct {
	T minapush.Template
	// Scenes ask for it: then it cannot be removed. Campaigns that have not ended send it.
	Scenes    []string
	Campaigns []minapush.Campaign
}

func (c *Console) askDeleteTemplate(ctx context.Context, rq *request) error {
	return c.showDeleteTemplate(ctx, rq, http.StatusOK)
}

func (c *Console) showDeleteTemplate(ctx context.Context, rq *request, status int) error {
	t, err := c.namedTemplate(ctx, rq)
	if err != nil {
		return err
	}
	scenes, err := c.parts.Accounts.ScenesByTemplate(ctx, rq.app.ID)
	if err != nil {
		return err
	}
	open, err := c.parts.Campaigns.Unfinished(ctx, rq.app.ID)
	if err != nil {
		return err
	}
	p := deleteTemplatePage{T: t, Scenes: scenes[t.ID], Campaigns: campaignsOf(open, t.ID)}
	return rq.show(status, settingsView(rq, "settingstemplatedelete"), p)
}

// deleteTemplate removes a template; one that is gone already stays so.
func (c *Console) deleteTemplate(ctx context.Context, rq *request) error {
	id := rq.r.URL.Query().Get("id")
	err := c.parts.Accounts.DeleteTemplate(ctx, rq.app.ID, id)
	switch {
	case errors.Is(err, minapush.Conflict):
		return c.showDeleteTemplate(ctx, rq, http.StatusConflict)
	case err != nil && !errors.Is(err, minapush.NotFound):
		return err
	case err != nil:
		rq.tell(ctx, "template.gone")
	default:
		rq.tell(ctx, "template.deleted", id)
	}
	return rq.goTo(rq.appPath("settings", "templates"))
}
