package console

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

// filled is a form without a mistake; later pairs replace earlier ones.
func filled(good map[string]string, pairs ...string) []string {
	form := map[string]string{}
	for name, value := range good {
		form[name] = value
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		form[pairs[i]] = pairs[i+1]
	}
	var list []string
	for name, value := range form {
		list = append(list, name, value)
	}
	return list
}

func goodSettings(pairs ...string) []string {
	return filled(map[string]string{
		"name": "新名称", "rate": "50", "in_flight": "64", "base_url": "https://gateway.example.com", "token_kind": "stable",
	}, pairs...)
}

// stored is the app as it is kept.
func (w *world) stored() minapush.App {
	w.t.Helper()
	a, err := w.accounts.App(w.t.Context(), testApp)
	w.must(err)
	return a
}

func TestTheSettingsOfAnAppAreSaved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	page := w.get(appPath("settings"), 200)
	w.shows(page, "演示商城", `name="unlimited" value="yes" checked`, "https://api.weixin.qq.com", `aria-current="page"`, "消息模板", "紧急停发")
	_, err := w.accounts.UpdateApp(t.Context(), testApp, func(a *minapush.App) error { a.Stopped = minapush.Reason{Code: "operator"}; return nil }, nil)
	w.must(err)
	w.post(appPath("settings"), http.StatusSeeOther, goodSettings("events_only", "yes", "secret", "SECRETSECRET")...)
	a := w.stored()
	if a.Name != "新名称" || a.Rate != 50 || a.InFlight != 64 || a.BaseURL != "https://gateway.example.com" || !a.EventsOnly || a.Stopped.Code != "operator" || a.Shards != 4 {
		t.Errorf("stored: %+v", a)
	}
	page = w.get(appPath("settings"), 200)
	w.shows(page, "设置已保存", `name="events_only" value="yes" checked`, `value="新名称"`, "移除已保存的 AppSecret", "尚未配置微信消息推送")
	w.post(appPath("settings"), http.StatusSeeOther, goodSettings("unlimited", "yes", "rate", "")...)
	if s, err := w.accounts.Secret(t.Context(), testApp); s != "SECRETSECRET" || w.stored().Rate != minapush.Unlimited || w.stored().EventsOnly {
		t.Errorf("the secret is %q (%v), the app %+v", s, err, w.stored())
	}
	w.post(appPath("settings"), http.StatusSeeOther, goodSettings("secret", "another")...)
	if s, _ := w.accounts.Secret(t.Context(), testApp); s != "another" {
		t.Errorf("the secret is %q", s)
	}
	w.post(appPath("settings"), http.StatusSeeOther, goodSettings("secret_remove", "yes")...)
	if _, err := w.accounts.Secret(t.Context(), testApp); minapush.KindOf(err) != minapush.NotFound {
		t.Errorf("the secret after its removal: %v", err)
	}
}

func TestSecretsOfASourceOfTokensAreKeptAndNeverShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	source := []string{"token_kind", "url", "token_path", "data.token"}
	save := func(status int, pairs ...string) answer {
		t.Helper()
		a := w.post(appPath("settings"), status, goodSettings(append(slices.Clone(source), pairs...)...)...)
		w.lacks(a, "QUERYSECRET", "HEADERSECRET", "OTHERSECRET")
		return a
	}
	save(http.StatusSeeOther, "token_url", "https://token.example.com/get?k=QUERYSECRET", "token_header", "X-Key: HEADERSECRET")
	page := w.get(appPath("settings"), 200)
	w.lacks(page, "QUERYSECRET", "HEADERSECRET")
	w.shows(page, `value="https://token.example.com/get"`, "查询参数不显示", "移除已保存的请求头")
	save(http.StatusSeeOther, "token_url", "https://token.example.com/get")
	want := minapush.TokenSource{Kind: minapush.TokenURL, URL: "https://token.example.com/get?k=QUERYSECRET", Header: "X-Key: HEADERSECRET", Path: "data.token"}
	if got := w.stored().Token; got != want {
		t.Errorf("an unchanged form made %#v", got)
	}
	// A secret does not go to a server that it was not entered for.
	w.shows(save(http.StatusUnprocessableEntity, "token_url", "https://elsewhere.example.com/get"), "地址已换为其他服务器", `id="m-token_header"`, `value="https://elsewhere.example.com/get"`)
	w.shows(save(http.StatusUnprocessableEntity, "token_url", "https://token.example.com/new?k=OTHERSECRET", "token_header", "OTHERSECRET"),
		`id="m-token_header"`, "格式应为 Name: value", `id="m-token_url"`, "请重新填写完整地址", `value="https://token.example.com/new"`)
	w.shows(save(http.StatusUnprocessableEntity, "token_url", "https://token.example.com/get", "token_header", "X: OTHERSECRET", "token_header_remove", "yes"), "只能选择其一")
	if got := w.stored().Token; got != want {
		t.Errorf("forms with mistakes made %#v", got)
	}
	save(http.StatusSeeOther, "token_url", "https://elsewhere.example.com/get", "token_header_remove", "yes")
	if got := w.stored().Token; got.Header != "" || got.URL != "https://elsewhere.example.com/get" {
		t.Errorf("stored: %#v", got)
	}
	source = []string{"token_kind", "fixed"}
	save(http.StatusSeeOther, "token_value", "OTHERSECRET")
	w.lacks(w.get(appPath("settings"), 200), "OTHERSECRET")
	save(http.StatusSeeOther)
	if got := w.stored().Token; got != (minapush.TokenSource{Kind: minapush.TokenFixed, Value: "OTHERSECRET"}) {
		t.Errorf("stored: %#v", got)
	}
}

func TestWrongSettingsComeBackMarkedWithTheirInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.stored()
	long := strings.Repeat("长", 60)
	for _, c := range []struct {
		field, value string
		more         []string
		want         string
	}{
		{"name", long, nil, `value="` + long + `"`},
		{"rate", "很快", nil, `value="很快"`},
		{"rate", "0", nil, "勾选「不限速」"},
		{"in_flight", "70000", nil, `value="70000"`},
		{"in_flight", "", nil, "需为 1 至 65,536"},
		{"base_url", "http://gateway.example.com", nil, `value="http://gateway.example.com"`},
		{"base_url", "https://u:HIDDEN@gateway.example.com/x", nil, `value="https://gateway.example.com/x"`},
		{"token_kind", "magic", nil, "请选择"},
		{"token_kind", "", nil, "请选择"},
		{"token_url", "ftp://x", []string{"token_kind", "url"}, `value="ftp://x"`},
		{"token_path", strings.Repeat("p", 257), []string{"token_kind", "url", "token_url", "https://x.example.com/"}, "最多 256 字节"},
		{"token_header", "HIDDEN", []string{"token_kind", "url", "token_url", "https://x.example.com/"}, "Name: value"},
		{"token_value", "", []string{"token_kind", "fixed"}, "请填写可见字符"},
		{"secret", "HIDDEN WITH BLANKS", nil, "不含空格"},
		{"secret", "HIDDEN", []string{"secret_remove", "yes"}, "只能选择其一"},
		{"rate", "-3", []string{"secret", "HIDDEN"}, `id="m-secret"`},
	} {
		t.Run(c.field+" "+c.value, func(t *testing.T) {
			a := w.post(appPath("settings"), http.StatusUnprocessableEntity, goodSettings(append(c.more, c.field, c.value)...)...)
			w.shows(a, `id="m-`+c.field+`"`, `aria-invalid="true"`, c.want, "尚未保存")
			if c.field != "name" {
				w.shows(a, `value="新名称"`)
			}
			w.lacks(a, "HIDDEN")
		})
	}
	if after := w.stored(); !reflect.DeepEqual(after, before) {
		t.Errorf("stored: %+v", after)
	}
}

func TestAnAppIsAddedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shows(w.get("?all", 200), "添加小程序", root+"apps-new")
	w.shows(w.get("apps-new", 200), `value="256" checked`, "4,096 个分区", "创建后不可更改")
	good := func(pairs ...string) []string {
		return filled(map[string]string{
			"id": "wxnew00000000000001", "name": "新程序", "secret": "HIDDENSECRET", "token_kind": "none", "shards": "4096", "base_url": "http://gateway.local",
		}, pairs...)
	}
	for _, c := range [][3]string{
		{"id", "x", "需为 4 至 64 个"}, {"id", string(testApp), "该小程序已存在"}, {"shards", "7", "请选择"}, {"shards", "", "请选择"},
		{"token_kind", "stable", "需为 https 地址"}, {"name", strings.Repeat("长", 60), "最多 128 字节"}, {"secret", "HIDDEN SECRET", "不含空格"},
	} {
		a := w.post("apps-new", http.StatusUnprocessableEntity, good(c[0], c[1])...)
		w.shows(a, c[2], `value="http://gateway.local"`, `id="m-secret"`, `aria-invalid="true"`)
		w.lacks(a, "HIDDEN")
	}
	a := w.post("apps-new", http.StatusSeeOther, good()...)
	if a.location != root+"apps/wxnew00000000000001/settings/templates" {
		t.Errorf("sent to %s", a.location)
	}
	app, err := w.accounts.App(t.Context(), "wxnew00000000000001")
	w.must(err)
	if app.Shards != 4096 || app.Name != "新程序" || app.Token.Kind != minapush.TokenNone || app.BaseURL != "http://gateway.local" {
		t.Errorf("stored: %+v", app)
	}
	w.post("apps-new", http.StatusUnprocessableEntity, good()...)
	w.lacks(w.get("apps/wxnew00000000000001/settings", 200), "HIDDEN")
}

func TestTheMessagePushIsSetUpAndRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := strings.Repeat("K", 43)
	w.shows(w.get(appPath("settings/events"), 200), "/v1/apps/"+string(testApp)+"/wechat", "尚未配置", "公网服务的地址")
	w.get(appPath("settings/events/remove"), http.StatusSeeOther)
	save := func(status int, pairs ...string) answer {
		t.Helper()
		a := w.post(appPath("settings/events"), status, append([]string{"mode", "security"}, pairs...)...)
		w.lacks(a, "Token777", key, "HIDDEN")
		return a
	}
	w.shows(save(422, "encoding_aes_key", key), `id="m-token"`, `id="m-encoding_aes_key"`, "页面不保留密钥")
	w.shows(save(422, "token", "Token777"), `id="m-encoding_aes_key"`, `id="m-token"`, "仅明文模式可不填")
	w.shows(save(422, "token", "HIDDEN!", "encoding_aes_key", key), `id="m-token"`, "3 至 32 个字母或数字")
	w.shows(save(422, "token", "Token777", "encoding_aes_key", key, "pass_on_all", "yes"), `id="m-pass_on"`, "请先填写转发地址")
	w.shows(save(422, "token", "Token777", "encoding_aes_key", key, "pass_on_url", "ftp://kefu/?k=HIDDEN"), `id="m-pass_on_url"`, `value="ftp://kefu/"`)
	w.shows(w.post(appPath("settings/events"), 422, "mode", "", "pass_on_url", "https://a.example.com/"), `id="m-mode"`, `value="https://a.example.com/"`)
	w.shows(w.post(appPath("settings/events"), 422, "mode", "loud", "token", "Token777"), `id="m-mode"`)
	if _, err := w.accounts.Events(t.Context(), testApp); minapush.KindOf(err) != minapush.NotFound {
		t.Fatalf("forms with mistakes were stored: %v", err)
	}
	save(303, "token", "Token777", "encoding_aes_key", key, "pass_on_url", "https://kefu.example.com/in?k=HIDDEN", "pass_on_all", "yes")
	page := w.get(appPath("settings/events"), 200)
	w.shows(page, "已保存", `value="https://kefu.example.com/in"`, `name="pass_on_all" value="yes" checked`)
	w.lacks(page, "Token777", key, "HIDDEN")
	w.post(appPath("settings/events"), 303, "mode", "compatible", "pass_on_url", "https://kefu.example.com/in")
	want := account.EventSettings{Token: "Token777", AESKey: key, Mode: account.EventCompatible, PassOnURL: "https://kefu.example.com/in?k=HIDDEN"}
	if s, err := w.accounts.Events(t.Context(), testApp); s != want {
		t.Errorf("stored: %#v (%v)", s, err)
	}
	w.shows(w.get(appPath("settings/events/remove"), 200), "一并删除")
	for range 2 {
		w.post(appPath("settings/events/remove"), 303)
	}
	if _, err := w.accounts.Events(t.Context(), testApp); minapush.KindOf(err) != minapush.NotFound {
		t.Errorf("after the removal: %v", err)
	}
}

func TestTheSettingsOfAnUnknownAppAreNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, page := range []string{"settings", "settings/events", "settings/events/remove", "settings/templates", "settings/templates/new", "settings/template?id=" + testTemplate} {
		w.get("apps/wxnobody/"+page, 404)
	}
	other := "apps/" + string(otherApp) + "/settings/template"
	w.get(other+"?id="+testTemplate, 404)
	w.get(other+"/delete?id="+testTemplate, 404)
	w.post(other+"?id="+testTemplate, 404, "kind", "one_time", "keys", "thing1 甲")
	w.post(other+"/policies?id="+testTemplate, 404, "policy.thing1", "cut")
	w.post(other+"/delete?id="+testTemplate, 303) // gone there already
	_, err := w.accounts.Template(t.Context(), testApp, testTemplate)
	w.must(err)
}

func TestFormsOfSettingsFromOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.stored()
	for _, path := range []string{
		"apps-new", appPath("settings"), appPath("settings/events"), appPath("settings/events/remove"), appPath("settings/templates/sync"), appPath("settings/templates/new"),
		appPath("settings/template?id=" + testTemplate), appPath("settings/template/policies?id=" + testTemplate), appPath("settings/template/delete?id=" + testTemplate),
	} {
		v := url.Values{}
		form := goodSettings("id", "wxnew00000000000001", "shards", "256", "mode", "plain", "token", "Token777", "do", "write")
		for i := 0; i+1 < len(form); i += 2 {
			v.Set(form[i], form[i+1])
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+root+path, strings.NewReader(v.Encode()))
		w.must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w.do(r, http.StatusForbidden)
	}
	_, err := w.accounts.Template(t.Context(), testApp, testTemplate)
	w.must(err)
	if w.stored().Name != before.Name {
		t.Errorf("stored: %+v", w.stored())
	}
}
