package sandbox_test

import (
	"encoding/base64"
	"regexp"
	"testing"
	"time"

	"github.com/minapush/minapush/sandbox"
)

func (w *world) loginCode() string {
	w.t.Helper()
	code, err := w.sb.LoginCode(w.app.AppID, w.openid)
	must(w.t, err)
	return code
}

func (w *world) login(appid, secret, code string) answer {
	w.t.Helper()
	return w.do("GET", sandbox.PathLogin+"?grant_type=authorization_code&appid="+appid+"&secret="+secret+"&js_code="+code, "")
}

func TestALoginCodeWorksOnceWithinFiveMinutes(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	code := w.loginCode()
	a := w.login(w.app.AppID, w.app.Secret, code)
	if a.OpenID != w.openid || a.UnionID != "" || a.kind != "text/plain" {
		t.Fatalf("answer %s %s", a.kind, a.text)
	}
	if key, err := base64.StdEncoding.DecodeString(a.Key); err != nil || len(key) != 16 {
		t.Errorf("session_key %q", a.Key)
	}
	w.wantCode(w.login(w.app.AppID, w.app.Secret, code), 40163)

	late := w.loginCode()
	must(t, w.sb.Advance(5*time.Minute-time.Second))
	other := w.loginCode()
	w.wantCode(w.login(w.app.AppID, w.app.Secret, other), 0)
	must(t, w.sb.Advance(time.Second))
	refused := w.login(w.app.AppID, w.app.Secret, late)
	w.wantCode(refused, 40029)
	if !regexp.MustCompile(`^invalid code, rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`).MatchString(refused.Errmsg) {
		t.Errorf("errmsg %q", refused.Errmsg)
	}
}

func TestLoginRefuses(t *testing.T) {
	w := newWorld(t, sandbox.Config{LoginPerMinute: 2})
	id, secret := w.app.AppID, w.app.Secret
	w.wantCode(w.login(id, secret, "nonsense"), 40029)
	w.wantCode(w.login(id, secret, ""), 41008)
	w.wantCode(w.login("", secret, "x"), 41002)
	w.wantCode(w.login("wx0", secret, "x"), 40013)
	w.wantCode(w.login(id, "", "x"), 41004)
	w.wantCode(w.login(id, "wrong", "x"), 40125)
	w.wantCode(w.do("GET", sandbox.PathLogin+"?appid="+id+"&secret="+secret+"&js_code=x", ""), 40002)

	second, err := w.sb.AddApp(sandbox.App{UnionID: true})
	must(t, err)
	code := w.loginCode()
	w.wantCode(w.login(second.AppID, second.Secret, code), 40029)
	w.wantCode(w.login(id, secret, code), 0)
	w.wantCode(w.login(id, secret, w.loginCode()), 0)
	third := w.loginCode()
	w.wantCode(w.login(id, secret, third), 45011)
	must(t, w.sb.Advance(time.Minute))
	w.wantCode(w.login(id, secret, third), 0)

	must(t, w.sb.SetQuota(id, sandbox.PathLogin, 1, 0))
	w.wantCode(w.login(id, secret, w.loginCode()), 45009)
	must(t, w.sb.SetQuota(id, sandbox.PathLogin, 0, 0))
	must(t, w.sb.SetBlocked(id, w.openid, true))
	w.wantCode(w.login(id, secret, w.loginCode()), 40226)
}

func TestAppsOfAnOpenPlatformAccountGetAUnionID(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	app, err := w.sb.AddApp(sandbox.App{UnionID: true})
	must(t, err)
	openid, err := w.sb.AddUser(app.AppID, "")
	must(t, err)
	if !regexp.MustCompile(`^o[A-Za-z0-9_-]{27}$`).MatchString(openid) {
		t.Errorf("openid %q", openid)
	}
	var unionids []string
	for range 2 {
		code, err := w.sb.LoginCode(app.AppID, openid)
		must(t, err)
		unionids = append(unionids, w.login(app.AppID, app.Secret, code).UnionID)
	}
	if len(unionids[0]) != 28 || unionids[0] != unionids[1] || unionids[0] == openid {
		t.Errorf("unionids %q", unionids)
	}
}
