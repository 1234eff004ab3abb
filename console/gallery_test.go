package console

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
)

// shot is a page drawn from fixed data.
type shot struct {
	name string
	view view
	// app tells that the page is below one app.
	app  bool
	page any
}

// gallery lists the pages of every part of the console.
func gallery() []shot {
	var all []shot
	for _, some := range [][]shot{startGallery(), campaignsGallery(), schedulesGallery(), overviewGallery(), sceneGallery(), settingsGallery(), keysGallery()} {
		all = append(all, some...)
	}
	return all
}

func startGallery() []shot {
	return []shot{
		{name: "start", view: view{name: "start", title: "全部小程序"}, page: startPage{}},
		{name: "signin", view: view{name: "signin", title: "登录"}, page: signinPage{Name: "运营小王", Problem: "用户名或密码错误。"}},
		{name: "signin-first", view: view{name: "signin", title: "登录"}, page: signinPage{Nobody: true}},
		{name: "welcome", view: view{name: "welcome", title: "欢迎"}, page: welcomePage{Code: "c", Problems: problems{"password": "至少 10 个字符，且不能与用户名相同。"}}},
		{name: "welcome-over", view: view{name: "welcome", title: "欢迎"}, page: welcomePage{Over: true}},
		{name: "problem", view: view{name: "problem", title: "没有这个页面"}, page: problemPage{Status: 404, Name: "not_found", Text: `campaign "x" is not known`}},
	}
}

var galleryDir = flag.String("gallery", "", "folder into which every page is drawn from fixed data, in both languages")

// galleryNow is when the pages are looked at.
func galleryNow() time.Time { return time.Date(2026, 11, 22, 12, 34, 56, 0, time.UTC) }

func (s shot) draw(p *pages, l lang, theme string) ([]byte, error) {
	apps := []minapush.App{
		{ID: "wx0123456789abcdef", Name: "演示商城"},
		{ID: "wxfedcba9876543210", Name: "一个名字特别特别长的小程序：城市生活服务与政务办理综合平台（测试版）"},
	}
	f := frame{
		Lang: languages[l], Theme: theme, Title: s.view.title, Tab: s.view.tab, Apps: apps, Here: root, OtherLang: [...]string{"zh", "en"}[l],
		Version: "1.2.3", Now: galleryNow(), Page: s.page,
	}
	if s.view.name != "signin" && s.view.name != "welcome" {
		f.Operator = "运营小王"
	}
	if s.app {
		f.App = apps[0]
	}
	return p.draw(l, s.view.name, "layout", f)
}

func TestEveryPageIsDrawnInBothLanguages(t *testing.T) {
	t.Parallel()
	p, err := newPages(Config{Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, s := range gallery() {
		if seen[s.name] {
			t.Errorf("two pages are called %s", s.name)
		}
		seen[s.name] = true
		for l := range languages {
			b, err := s.draw(p, lang(l), "light")
			if err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
			for _, bad := range wordless.FindAllString(string(b), -1) {
				t.Errorf("%s in %s: there are no words for %s", s.name, languages[l], bad)
			}
			if strings.Contains(string(b), "%!") {
				t.Errorf("%s in %s: a text and its values do not fit: %s", s.name, languages[l], around(string(b), "%!"))
			}
			for _, never := range []string{" style=", "<script>", "<style", " onclick=", "发送成功"} {
				if strings.Contains(string(b), never) {
					t.Errorf("%s in %s: has %q: %s", s.name, languages[l], never, around(string(b), never))
				}
			}
			if *galleryDir == "" {
				continue
			}
			for _, theme := range []string{"light", "dark"} {
				b, err := s.draw(p, lang(l), theme)
				if err == nil {
					err = os.WriteFile(filepath.Join(*galleryDir, fmt.Sprintf("%s.%s.%s.html", s.name, [...]string{"en", "zh"}[l], theme)), b, 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	drawn := map[string]bool{}
	for _, s := range gallery() {
		drawn[s.view.name] = true
	}
	for name := range p.by[english] {
		if !drawn[name] {
			t.Errorf("templates/%s.html is in no page of the gallery", name)
		}
	}
}

// wordless finds names without words, as texts.say shows them.
var wordless = regexp.MustCompile(`\[[a-z_]+(\.[a-z0-9_]+)*\]`)

func around(s, part string) string {
	i := strings.Index(s, part)
	return s[max(0, i-80):min(len(s), i+80)]
}

func TestEveryTextThatATemplateNamesHasWords(t *testing.T) {
	t.Parallel()
	texts := allTexts()
	named := regexp.MustCompile(`\(?\bt "([^"]+)"`)
	err := fs.WalkDir(files, "templates", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, path)
		for _, m := range named.FindAllSubmatch(b, -1) {
			if _, ok := texts[string(m[1])]; !ok {
				t.Errorf("%s: there are no words for %q", path, m[1])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, both := range texts {
		if both[0] == "" || both[1] == "" || strings.Count(both[0], "%") != strings.Count(both[1], "%") {
			t.Errorf("%s: %q and %q do not fit each other", name, both[0], both[1])
		}
	}
}
