package console

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/minapush/minapush"
)

//go:embed templates assets
var files embed.FS

// pages are the templates of all pages, once for each language, since the words are functions of it.
type pages struct {
	texts texts
	by    [len(languages)]map[string]*template.Template
}

func newPages(cfg Config) (*pages, error) {
	p := &pages{texts: allTexts()}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	for l := range p.by {
		shared, err := template.New("").Funcs(p.funcs(lang(l), cfg)).ParseFS(files, "templates/shared/*.html")
		if err != nil {
			return nil, fmt.Errorf("parse shared templates: %w", err)
		}
		p.by[l] = map[string]*template.Template{}
		for _, name := range names {
			one, err := shared.Clone()
			if err == nil {
				one, err = one.ParseFS(files, name)
			}
			if err != nil {
				return nil, fmt.Errorf("parse %s: %w", name, err)
			}
			p.by[l][strings.TrimSuffix(path.Base(name), ".html")] = one
		}
	}
	return p, nil
}

// frame is what stands around every page, with the page in it.
type frame struct {
	Lang      string
	Theme     string // light, dark, or empty
	Title     string
	Tab       string // the entry of the navigation that is lit
	Operator  string
	Apps      []minapush.App
	App       minapush.App
	Here      string // the page's own path and query, to come back to
	OtherLang string // en or zh
	Version   string
	Now       time.Time
	Flash     string // said once, after a form
	Page      any
}

// view is how a page is shown: its template's name, what its title is, and the entry of the navigation that it is under.
type view struct {
	name, title, tab string
}

// show answers with a page.
func (rq *request) show(status int, v view, page any) error {
	f := rq.frame(v, page)
	if rq.operator != "" {
		f.Flash = rq.c.sessions.PopString(rq.r.Context(), sessionFlash)
	}
	return rq.write(status, v.name, "layout", f)
}

// part answers with one block of a page's template, for a page that is open.
func (rq *request) part(v view, block string, page any) error {
	return rq.write(http.StatusOK, v.name, block, rq.frame(v, page))
}

func (rq *request) frame(v view, page any) frame {
	return frame{
		Lang: languages[rq.lang], Theme: rq.theme, Title: v.title, Tab: v.tab, Operator: rq.operator, Apps: rq.apps, App: rq.app,
		Here: rq.r.URL.RequestURI(), OtherLang: [...]string{"zh", "en"}[rq.lang], Version: rq.c.cfg.Version, Now: rq.c.cfg.Now().UTC(), Page: page,
	}
}

// write draws the whole page before anything of it is sent, so that a mistake in a template is an error and not half a page.
func (rq *request) write(status int, name, block string, f frame) error {
	b, err := rq.c.pages.draw(rq.lang, name, block, f)
	if err != nil {
		return err
	}
	h := rq.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language, Cookie")
	rq.w.WriteHeader(status)
	_, _ = rq.w.Write(b) // a caller that is gone needs no answer
	return nil
}

func (p *pages) draw(l lang, name, block string, f frame) ([]byte, error) {
	t := p.by[l][name]
	if t == nil {
		return nil, fmt.Errorf("draw page %s: there is no such template", name)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, block, f); err != nil {
		return nil, fmt.Errorf("draw page %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// showProblem answers with a page that says what went wrong.
func (rq *request) showProblem(status int, name, text string) {
	err := rq.show(status, view{name: "problem", title: rq.say("problem." + name)}, problemPage{Status: status, Name: name, Text: text})
	if err != nil {
		rq.c.cfg.Logger.Error("console page failed", "path", rq.r.URL.Path, "err", err)
		http.Error(rq.w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

type problemPage struct {
	Status     int
	Name, Text string
}

// say puts a name into words in the request's language.
func (rq *request) say(name string, values ...any) string {
	return rq.c.pages.texts.say(rq.lang, name, values...)
}

// funcs are what templates may call. All of them are of one language.
func (p *pages) funcs(l lang, cfg Config) template.FuncMap {
	return template.FuncMap{
		"share": shareOf,
		"t":     func(name string, values ...any) string { return p.texts.say(l, name, values...) },
		"has":   func(name string) bool { _, ok := p.texts[name]; return ok },
		"n":     digits,
		"pct":   percent,
		"when":  beijing,
		// zoned is a time on the clock of a time zone; whom and times are the choices of a form that an audience, and a schedule, are.
		"zoned": zoned,
		"whom":  audienceOf,
		"times": timesOf,
		"day":   func(t time.Time) string { return t.In(beijingZone()).Format(time.DateOnly) },
		"span":  func(d time.Duration) string { return p.span(l, d) },
		"ago":   func(now, t time.Time) string { return p.span(l, now.Sub(t)) },
		"path":  func(parts ...string) string { return (&Console{cfg: cfg}).path(parts...) },
		"app": func(a minapush.App, parts ...string) string {
			return (&Console{cfg: cfg}).path(append([]string{"apps", string(a.ID)}, parts...)...)
		},
		"asset": func(name string) string { return cfg.BasePath + root + "assets/" + cfg.Version + "/" + name },
		"json": func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(b), err
		},
		"dict":   dict,
		"worded": func(c chart) chart { return c.worded(func(name string) string { return p.texts.say(l, name) }) },
	}
}

// dict makes a map of names and values, for templates that are given more than one thing.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict needs names and values in pairs")
	}
	d := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no name", pairs[i])
		}
		d[name] = pairs[i+1]
	}
	return d, nil
}
