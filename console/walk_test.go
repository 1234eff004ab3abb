package console

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/campaign"
)

// walkSecrets are texts that no page may show, each of a kind of its own.
func walkSecrets() map[string]string {
	return map[string]string{
		"AppSecret": "walk-app-secret-0123456789abcdef", "token header": "walk-header-secret", "token query": "walk-query-secret",
		"fixed token": "walk-fixed-token", "event token": "WalkEventToken", "event key": "WalkEventKey0123456789abcdefghijklmnopqrstu",
		"pass on": "walk-pass-on-secret", "password": password,
	}
}

// withSecrets gives the apps every secret that there is, and the pages something to show.
func (w *world) withSecrets() map[string]string {
	w.t.Helper()
	ctx, secrets := w.t.Context(), walkSecrets()
	secret := secrets["AppSecret"]
	for id, token := range map[minapush.AppID]minapush.TokenSource{
		testApp:  {Kind: minapush.TokenURL, URL: "https://token.example.com/wx?k=" + secrets["token query"], Header: "X-Key: " + secrets["token header"]},
		otherApp: {Kind: minapush.TokenFixed, Value: secrets["fixed token"]},
	} {
		_, err := w.accounts.UpdateApp(ctx, id, func(a *minapush.App) error { a.Token = token; return nil }, &secret)
		w.must(err)
		_, err = w.accounts.ChangeEvents(ctx, id, func(s *account.EventSettings) error {
			s.Token, s.AESKey, s.PassOnURL = secrets["event token"], secrets["event key"], "https://old.example.com/wx?k="+secrets["pass on"]
			return nil
		})
		w.must(err)
	}
	_, key, err := w.accounts.CreateKey(ctx, account.Key{Name: "订单服务", App: testApp, Scopes: []account.Scope{account.ScopePush}})
	w.must(err)
	invitation, _, err := w.accounts.Invite(ctx, "")
	w.must(err)
	secrets["API key"], secrets["invitation"] = key[len(key)-20:], invitation
	_, err = w.accounts.PutScene(ctx, testApp, account.Scene{Name: "after-sign", Templates: []string{testTemplate}})
	w.must(err)
	w.user("oWalker00000000000000000001", 2)
	w.survey()
	_, _, err = w.campaigns.Create(ctx, w.app(), campaign.Draft{
		Name: "签到提醒", Message: minapush.Message{Template: testTemplate, Values: map[string]string{"thing1": "记得签到", "date2": "2026-11-22"}},
	})
	w.must(err)
	for _, once := range []bool{true, false} {
		d := campaign.ScheduleDraft{
			Name: "每日签到提醒", Message: minapush.Message{Template: testTemplate, Values: map[string]string{"thing1": "记得签到", "date2": "2026-11-22"}}, Cron: "0 20 * * *",
		}
		if once {
			d.Cron, d.At = "", w.clock.now().Add(time.Hour)
		}
		s, _, err := w.campaigns.CreateSchedule(ctx, w.app(), d)
		w.must(err)
		if once { // so that it can be resumed
			_, err = w.campaigns.PauseSchedule(ctx, testApp, s.ID, minapush.Reason{Code: "operator"})
			w.must(err)
		}
	}
	return secrets
}

var (
	linked = regexp.MustCompile(`\bhref="([^"]+)"`)
	forms  = regexp.MustCompile(`<form\b[^>]*\bmethod="post"[^>]*>`)
	action = regexp.MustCompile(`\baction="([^"]+)"`)
)

// walk follows every link from the first page of the console on, and calls see for each page that it comes to, once.
func (w *world) walk(see func(path string, a answer)) {
	w.t.Helper()
	todo, known := []string{"?all"}, map[string]bool{}
	for len(todo) > 0 && len(known) < 300 {
		path := todo[0]
		todo = todo[1:]
		if known[path] {
			continue
		}
		known[path] = true
		r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.server.URL+root+path, nil)
		w.must(err)
		resp, err := w.browser.Do(r)
		w.must(err)
		resp.Body.Close()
		if to := resp.Header.Get("Location"); resp.StatusCode == http.StatusSeeOther {
			todo = append(todo, strings.TrimPrefix(to, root))
			continue
		}
		a := w.get(path, http.StatusOK) // no page links to what is not there
		see(path, a)
		for _, m := range linked.FindAllStringSubmatch(a.body, -1) {
			to, err := url.Parse(html.UnescapeString(m[1]))
			w.must(err)
			rest, ours := strings.CutPrefix(to.Path, root)
			switch {
			case to.Host != "" || to.Path != "" && !ours:
				w.t.Errorf("%s links to %s", path, to)
			case to.Path == "" || strings.HasPrefix(rest, "assets/") || strings.Contains(rest, "export"):
			default:
				todo = append(todo, (&url.URL{Path: rest, RawPath: strings.TrimPrefix(to.EscapedPath(), root), RawQuery: to.RawQuery}).String())
			}
		}
	}
	if len(todo) > 0 {
		w.t.Errorf("there is no end to the pages: %v …", todo[:min(len(todo), 5)])
	}
}

// Secrets are written and never read back: no page that can be come to shows one, in whatever form a page holds it.
func TestNoPageShowsASecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secrets := w.withSecrets()
	seen := map[string]bool{}
	w.walk(func(path string, a answer) {
		seen[path] = true
		text := html.UnescapeString(a.body)
		for name, secret := range secrets {
			if strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
				t.Errorf("%s shows the %s", path, name)
			}
		}
	})
	for _, path := range []string{
		appPath(""), appPath("campaigns"), appPath("schedules"), appPath("schedules/new"), appPath("users"), appPath("permits"), appPath("scenes"), appPath("settings"), appPath("settings/events"),
		appPath("settings/templates"), appPath("settings/keys"), appPath("settings/operators"), appPath("settings/stop"), "apps-new",
		"apps/" + string(otherApp) + "/settings", "apps/" + string(otherApp) + "/settings/events",
	} {
		if !seen[path] {
			t.Errorf("no link leads to %s", path)
		}
	}
}

// Every form of every page leads somewhere, and is refused when another site sends it: then nothing changes.
func TestNoFormOfAnyPageIsTakenFromAnotherSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withSecrets()
	w.clock.add(time.Minute)
	actions := map[string]string{}
	w.walk(func(path string, a answer) {
		for _, form := range forms.FindAllString(a.body, -1) {
			m := action.FindStringSubmatch(form)
			if m == nil {
				t.Errorf("%s has a form without an address: %s", path, form)
				continue
			}
			actions[html.UnescapeString(m[1])] = path
		}
	})
	if len(actions) < 20 {
		t.Errorf("found %d forms only: %v", len(actions), actions)
	}
	before := w.model.Dump()
	for address, path := range actions {
		for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+address, strings.NewReader("name=wang&why=x&note=x"))
			w.must(err)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(header, value)
			w.do(r, http.StatusForbidden)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+address, nil)
		w.must(err)
		if _, pattern := w.console.mux.Handler(r); !strings.HasPrefix(pattern, http.MethodPost+" ") {
			t.Errorf("%s has a form that leads to %s, which takes none", path, address)
		}
	}
	if after := w.model.Dump(); before != after {
		t.Error("something changed")
	}
}
