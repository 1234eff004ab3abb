package console

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

// hidden is the value of a hidden field of a page.
func (w *world) hidden(a answer, name string) string {
	w.t.Helper()
	m := regexp.MustCompile(`<input type="hidden" name="` + name + `" value="([^"]*)"`).FindStringSubmatch(a.body)
	if m == nil {
		w.t.Fatalf("the page has no hidden %s:\n%s", name, a.body)
	}
	return m[1]
}

// elsewhere posts a form as a page of another site does.
func (w *world) elsewhere(path string, form string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.server.URL+root+path, strings.NewReader(form))
	w.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	return w.do(r, http.StatusForbidden)
}

func (w *world) keyList() []account.Key {
	w.t.Helper()
	list, err := w.accounts.Keys(w.t.Context())
	w.must(err)
	return list
}

var secretShown = regexp.MustCompile(`mpk_[0-9A-Z]{26}_[A-Za-z0-9_-]{43}`)

func TestAKeysSecretIsShownOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	page := w.get(appPath("settings/keys"), http.StatusOK)
	w.shows(page, "还没有 API 密钥", `name="scope" value="push"`)
	form := []string{"form", w.hidden(page, "form"), "name", "订单 <b>服务</b>", "scope", "push", "scope", "report", "for", "app"}
	made := w.post(appPath("settings/keys"), http.StatusOK, form...)
	w.shows(made, "已创建", "订单 &lt;b&gt;服务&lt;/b&gt;", "离开后无法再次查看")
	secret := secretShown.FindString(made.body)
	if made.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the secret may be stored: %v", made.header)
	}
	k, err := w.accounts.Authenticate(t.Context(), secret)
	w.must(err)
	if k.App != testApp || !slices.Equal(k.Scopes, []account.Scope{account.ScopePush, account.ScopeReport}) {
		t.Errorf("%+v", k)
	}
	again := w.post(appPath("settings/keys"), http.StatusConflict, form...)
	w.shows(again, "未重复创建", k.ID)
	w.lacks(again, "mpk_")
	list := w.get(appPath("settings/keys"), http.StatusOK)
	w.shows(list, k.ID, "单发", "本小程序")
	w.lacks(list, "mpk_")

	// Not even when the key is gone does its form make another.
	w.post(appPath("settings/keys/"+k.ID+"/revoke"), http.StatusSeeOther)
	w.shows(w.post(appPath("settings/keys"), http.StatusConflict, form...), "未重复创建")
	if list := w.keyList(); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

func TestAFormForAKeyThatIsSentTwiceAtOnceMakesOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := "name=x&scope=read&form=" + w.hidden(w.get(appPath("settings/keys"), http.StatusOK), "form")
	var group sync.WaitGroup
	status := make([]int, 6)
	for i := range status {
		group.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+root+appPath("settings/keys"), strings.NewReader(form))
			if err != nil {
				return
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			resp, err := w.browser.Do(r)
			if err == nil {
				resp.Body.Close()
				status[i] = resp.StatusCode
			}
		})
	}
	group.Wait()
	slices.Sort(status)
	if len(w.keyList()) != 1 || status[0] != http.StatusOK || status[1] != http.StatusConflict || status[5] != http.StatusConflict {
		t.Errorf("%d keys, answers %v", len(w.keyList()), status)
	}
}

func TestAWrongKeyComesBackWithItsFieldMarked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.hidden(w.get(appPath("settings/keys"), http.StatusOK), "form")
	long := strings.Repeat("长", 43)
	for _, c := range []struct {
		form, name, scope, shows, mark string
	}{
		{id, "", "push", "1 至 128 字节", `id="m-name"`},
		{id, long, "push", "1 至 128 字节", `id="m-name"`},
		{id, "订单服务", "", "请至少选择一项", `id="m-scopes"`},
		{id, "订单服务", "root", "请至少选择一项", `id="m-scopes"`},
		{"first", "订单服务", "push", "该表单已失效", `role="alert"`},
		{"", "订单服务", "push", "该表单已失效", `role="alert"`},
	} {
		a := w.post(appPath("settings/keys"), http.StatusUnprocessableEntity, "form", c.form, "name", c.name, "scope", c.scope, "for", "every")
		w.shows(a, c.shows, c.mark, "尚未保存", `value="`+c.name+`"`, `value="every" checked`)
		if c.scope == "push" {
			w.shows(a, `value="push" checked`)
		}
		if next := w.hidden(a, "form"); c.form == id && next != id || next == "" {
			t.Errorf("the form goes on as %q", next)
		}
	}
	w.elsewhere(appPath("settings/keys"), "name=x&scope=admin&for=every&form="+id)
	if list := w.keyList(); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

func TestAKeyIsRevokedAfterOneMoreQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	make := func(app minapush.AppID, name string) (account.Key, string) {
		k, secret, err := w.accounts.CreateKey(t.Context(), account.Key{Name: name, App: app, Scopes: []account.Scope{account.ScopeAdmin}})
		w.must(err)
		return k, secret
	}
	own, secret := make(testApp, "own")
	every, _ := make("", "for-every")
	other, _ := make(otherApp, "of-another")
	list := w.get(appPath("settings/keys"), http.StatusOK)
	w.shows(list, own.ID, every.ID, "全部小程序")
	w.lacks(list, other.ID)
	w.shows(w.get(appPath("settings/keys/"+every.ID+"/revoke"), http.StatusOK), "所有小程序都会受影响", "for-every")
	w.lacks(w.get(appPath("settings/keys/"+own.ID+"/revoke"), http.StatusOK), "所有小程序都会受影响")
	w.get(appPath("settings/keys/"+other.ID+"/revoke"), http.StatusNotFound)
	w.post(appPath("settings/keys/"+other.ID+"/revoke"), http.StatusSeeOther)
	w.shows(w.get(appPath("settings/keys"), http.StatusOK), "该密钥不存在或已吊销")
	w.elsewhere(appPath("settings/keys/"+own.ID+"/revoke"), "")
	if len(w.keyList()) != 3 {
		t.Fatalf("%+v", w.keyList())
	}
	w.post(appPath("settings/keys/"+own.ID+"/revoke"), http.StatusSeeOther)
	w.shows(w.get(appPath("settings/keys"), http.StatusOK), "密钥“own”已吊销")
	w.post(appPath("settings/keys/"+own.ID+"/revoke"), http.StatusSeeOther)
	if _, err := w.accounts.Authenticate(t.Context(), secret); err == nil {
		t.Error("the key is still good")
	}
}
