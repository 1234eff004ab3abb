package console

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/minapush/minapush/account"
)

func TestWhoIsNotSignedInIsSentToSignInAndBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.browser = w.newBrowser()
	a := w.get(appPath("campaigns?state=running"), http.StatusSeeOther)
	to, err := url.Parse(a.location)
	w.must(err)
	if to.Path != "/console/signin" || to.Query().Get("to") != "/console/"+appPath("campaigns?state=running") {
		t.Fatalf("sent to %s", a.location)
	}
	w.get("signin?"+to.RawQuery, http.StatusOK)
	bad := w.post("signin", http.StatusUnprocessableEntity, "name", "wang", "password", "a wrong password", "to", to.Query().Get("to"))
	w.shows(bad, "用户名或密码错误。", `value="wang"`, `value="/console/apps/wx0123456789abcdef/campaigns?state=running"`)
	w.lacks(bad, "a wrong password")
	good := w.post("signin", http.StatusSeeOther, "name", "wang", "password", password, "to", to.Query().Get("to"))
	if good.location != "/console/"+appPath("campaigns?state=running") {
		t.Errorf("sent to %s after signing in", good.location)
	}
	cookie := good.header.Get("Set-Cookie")
	for _, part := range []string{"HttpOnly", "SameSite=Lax", "Path=/console/"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie %q lacks %s", cookie, part)
		}
	}
}

func TestSigningInNeverLeadsToAnotherSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, to := range []string{"https://evil.example/console/", "//evil.example/console/", "/console/../v1/keys", "javascript:alert(1)", `/\evil.example`, "/other", ""} {
		a := w.post("signin", http.StatusSeeOther, "name", "wang", "password", password, "to", to)
		if a.location != "/console/" {
			t.Errorf("%q leads to %q", to, a.location)
		}
	}
}

func TestSigningOutEndsTheSessionAndItsTokenIsNoGoodAnyMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root, err := url.Parse(w.server.URL + "/console/")
	w.must(err)
	stolen := w.browser.Jar.Cookies(root)
	w.get("?all", http.StatusOK)
	w.post("signout", http.StatusSeeOther)
	w.browser.Jar.SetCookies(root, stolen)
	w.get("?all", http.StatusSeeOther)
}

func TestAnotherPasswordEndsEverySessionOfTheOperator(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.get("?all", http.StatusOK)
	_, err := w.accounts.ChangePassword(t.Context(), "wang", password, "another good password", "10.0.0.1")
	w.must(err)
	w.get("?all", http.StatusSeeOther)
}

func TestGuessingPasswordsIsSlowedDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range account.MaxSignInTries {
		w.post("signin", http.StatusUnprocessableEntity, "name", "wang", "password", "a wrong password")
	}
	a := w.post("signin", http.StatusTooManyRequests, "name", "wang", "password", password)
	w.shows(a, "密码错误次数过多", "15 分钟")
}

func TestAWelcomeLinkChecksWhatIsChosen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secret, _, err := w.accounts.Invite(t.Context(), "")
	w.must(err)
	w.browser = w.newBrowser()
	w.shows(w.get("welcome?code="+secret, http.StatusOK), `value="`+secret+`"`)
	for _, c := range []struct{ name, password, again, shows string }{
		{"li", "too short", "too short", "至少 10 个字符"},
		{"li", password, "something else", "两次输入的密码不一致"},
		{"wang", password, password, "已有同名操作员"},
		{" li", password, password, "首尾不能有空格"},
	} {
		a := w.post("welcome", http.StatusUnprocessableEntity, "code", secret, "name", c.name, "password", c.password, "again", c.again)
		w.shows(a, c.shows, `value="`+c.name+`"`, `aria-invalid="true"`)
		w.lacks(a, `value="`+c.password+`"`)
	}
	w.post("welcome", http.StatusSeeOther, "code", secret, "name", "li", "password", password, "again", password)
	w.get("?all", http.StatusOK)
	w.shows(w.get("welcome?code="+secret, http.StatusForbidden), "该链接已使用")
}

func TestAPostFromAnotherOriginIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"signin", "signout", "lang", "theme", "welcome"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+"/console/"+name, strings.NewReader("to=en"))
		w.must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w.shows(w.do(r, http.StatusForbidden), "已拒绝")
	}
	w.get("?all", http.StatusOK) // still signed in
}

func TestTheLanguageIsTheBrowsersUntilOneIsChosen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.browser = w.newBrowser()
	for accept, want := range map[string]string{"en-US,en;q=0.9": "Sign in", "zh-TW,en;q=0.8": "登录", "fr, en": "Sign in", "fr": "登录"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+"/console/signin", nil)
		w.must(err)
		r.Header.Set("Accept-Language", accept)
		w.shows(w.do(r, http.StatusOK), want)
	}
	w.post("lang", http.StatusSeeOther, "to", "en", "back", "/console/signin")
	w.shows(w.get("signin", http.StatusOK), "Sign in", `lang="en"`)
	w.post("theme", http.StatusSeeOther, "to", "dark", "back", "/console/signin")
	w.shows(w.get("signin", http.StatusOK), `data-bs-theme="dark"`)
	w.post("theme", http.StatusSeeOther, "to", "purple", "back", "/console/signin")
	w.shows(w.get("signin", http.StatusOK), `data-bs-theme="dark"`)
}

func TestNoPageMayLoadAnythingFromElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"signin", "?all", "nothing/here"} {
		status := map[string]int{"nothing/here": http.StatusNotFound}[path]
		a := w.get(path, max(status, http.StatusOK))
		csp := a.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if a.header.Get("X-Frame-Options") != "DENY" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", path, a.header)
		}
	}
}
