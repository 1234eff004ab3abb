package console

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/minapush/minapush/account"
)

// another makes an operator besides wang.
func (w *world) another(name string) {
	w.t.Helper()
	secret, _, err := w.accounts.Invite(w.t.Context(), "")
	w.must(err)
	_, err = w.accounts.Accept(w.t.Context(), secret, name, password)
	w.must(err)
}

func (w *world) operatorNames() string {
	w.t.Helper()
	list, err := w.accounts.Operators(w.t.Context())
	w.must(err)
	var names []string
	for _, o := range list {
		names = append(names, o.Name)
	}
	return strings.Join(names, " ")
}

var linkShown = regexp.MustCompile(`id="link">([^<]+)<`)

// link is what a page shows as a link, by its code.
func (w *world) link(a answer) (whole, code string) {
	w.t.Helper()
	m := linkShown.FindStringSubmatch(a.body)
	if m == nil {
		w.t.Fatalf("no link is shown:\n%s", a.body)
	}
	_, code, _ = strings.Cut(m[1], "?code=")
	return m[1], code
}

func TestAnInvitationIsShownOnceAndMakesAnOperator(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	page := w.get(appPath("settings/operators"), http.StatusOK)
	w.shows(page, "wang", "当前登录", "最后一位操作员不能删除")
	form := w.hidden(page, "form")
	made := w.post(appPath("settings/operators/link"), http.StatusOK, "form", form)
	whole, code := w.link(made)
	if whole != w.server.URL+root+"welcome?code="+code || made.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the link is %s, headers %v", whole, made.header)
	}
	w.shows(made, "新操作员的邀请链接", "2026-11-23 18:00:00")
	w.lacks(w.post(appPath("settings/operators/link"), http.StatusConflict, "form", form), "welcome?code=")
	w.lacks(w.get(appPath("settings/operators"), http.StatusOK), "welcome?code=")
	w.post(appPath("settings/operators/link"), http.StatusConflict, "form", "nothing")

	mine := w.browser
	w.browser = w.newBrowser()
	w.post("welcome", http.StatusSeeOther, "code", code, "name", "li", "password", password, "again", password)
	w.browser = mine
	if names := w.operatorNames(); names != "li wang" {
		t.Errorf("operators are %q", names)
	}
}

func TestALinkForANewPasswordEndsWhatThePersonHad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.another("li")
	page := w.get(appPath("settings/operators"), http.StatusOK)
	made := w.post(appPath("settings/operators/link"), http.StatusOK, "form", w.hidden(page, "form"), "name", "li")
	w.shows(made, "li 的重设密码链接")
	_, code := w.link(made)
	in, err := w.accounts.Invited(t.Context(), code)
	w.must(err)
	if in.Name != "li" {
		t.Errorf("the link is for %q", in.Name)
	}
	w.post(appPath("settings/operators/link"), http.StatusSeeOther, "form", w.hidden(made, "form"), "name", "nobody")
	w.shows(w.get(appPath("settings/operators"), http.StatusOK), "该操作员不存在或已删除")
	w.elsewhere(appPath("settings/operators/link"), "name=wang&form="+w.hidden(made, "form"))
}

func TestALinkBeginsWithWhatTheBrowserCallsTheConsole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		origin, want string
		https        bool
	}{
		{"", "http://push.example.com", false},
		{"", "https://push.example.com", true},
		{"https://push.example.com", "https://push.example.com", false},
		{"https://evil.example", "http://push.example.com", false},
		{"null", "http://push.example.com", false},
		{"javascript://push.example.com", "http://push.example.com", false},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://push.example.com/console/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if got := (&Console{cfg: Config{HTTPS: c.https}}).origin(r); got != c.want {
			t.Errorf("with Origin %q: %s, want %s", c.origin, got, c.want)
		}
	}
}

func TestTheLastOperatorStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	odd := "../li & co/?"
	w.another(odd)
	list := w.get(appPath("settings/operators"), http.StatusOK)
	ask := appPath("settings/operators/remove")
	link := regexp.MustCompile(`/console/(` + ask + `\?name=[^"]*li[^"]*)"`).FindStringSubmatch(list.body)
	if link == nil {
		t.Fatal(list.body)
	}
	w.shows(w.get(link[1], http.StatusOK), `value="../li &amp; co/?"`, "确认删除")
	w.shows(w.get(ask+"?name=wang", http.StatusOK), "删除后将退出登录")
	w.get(ask+"?name=nobody", http.StatusNotFound)
	w.elsewhere(ask, "name="+url.QueryEscape(odd))
	if w.operatorNames() != odd+" wang" {
		t.Fatalf("operators are %q", w.operatorNames())
	}
	w.post(ask, http.StatusSeeOther, "name", odd)
	w.shows(w.get(appPath("settings/operators"), http.StatusOK), "已删除。", "最后一位操作员不能删除")
	w.post(ask, http.StatusSeeOther, "name", odd)
	w.shows(w.get(appPath("settings/operators"), http.StatusOK), "该操作员不存在或已删除")

	w.lacks(w.get(ask+"?name=wang", http.StatusOK), "确认删除")
	w.shows(w.post(ask, http.StatusConflict, "name", "wang"), "否则将无人能登录")
	w.get("?all", http.StatusOK)

	w.another("li")
	w.post(ask, http.StatusSeeOther, "name", "wang")
	w.get("?all", http.StatusSeeOther) // who removes oneself is signed out
}

func TestTheOwnPasswordIsChangedAndTheSessionGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path, next := appPath("settings/operators/password"), "another good password"
	for _, c := range []struct{ old, next, again, shows, mark string }{
		{password, next, next + "x", "两次输入的密码不一致", `id="m-again"`},
		{"a wrong password", next, next, "当前密码不正确", `id="m-old"`},
		{password, "short", "short", "至少 10 个字符", `id="m-password"`},
	} {
		a := w.post(path, http.StatusUnprocessableEntity, "old", c.old, "password", c.next, "again", c.again)
		w.shows(a, c.shows, c.mark, `aria-invalid="true"`, "密码未修改")
		w.lacks(a, `value="`+c.old+`"`, `value="`+c.next+`"`)
	}
	w.elsewhere(path, url.Values{"old": {password}, "password": {next}, "again": {next}}.Encode())
	here := w.browser
	w.browser = w.newBrowser()
	w.post("signin", http.StatusSeeOther, "name", "wang", "password", password)
	other := w.browser
	w.browser = here
	w.post(path, http.StatusSeeOther, "old", password, "password", next, "again", next)
	w.shows(w.get(appPath("settings/operators"), http.StatusOK), "密码已修改。")
	w.browser = other
	w.get("?all", http.StatusSeeOther)
	w.post("signin", http.StatusUnprocessableEntity, "name", "wang", "password", password)
	w.post("signin", http.StatusSeeOther, "name", "wang", "password", next)
}

func TestGuessingTheOldPasswordIsSlowedDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := []string{"old", "a wrong password", "password", "another good password", "again", "another good password"}
	for range account.MaxSignInTries {
		w.post(appPath("settings/operators/password"), http.StatusUnprocessableEntity, form...)
	}
	w.shows(w.post(appPath("settings/operators/password"), http.StatusTooManyRequests, form...), "密码错误次数过多", `id="m-old"`)
}
