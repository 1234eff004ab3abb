package sandbox_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/minapush/minapush/sandbox"
)

// control makes one call of the control API, checks the status and decodes the answer.
func control(t *testing.T, rt http.RoundTripper, method, path, body string, status int) map[string]any {
	t.Helper()
	a, err := roundTrip(rt, method, "/sandbox/v1/"+path, body)
	must(t, err)
	if a.status != status {
		t.Errorf("%s %s %s: %d %s, want %d", method, path, body, a.status, a.text, status)
	}
	var m map[string]any
	must(t, json.Unmarshal([]byte(a.text), &m))
	return m
}

func TestEverythingCanBePlayedOverTheControlAPI(t *testing.T) {
	sb := newSandbox(t, sandbox.Config{})
	call := func(method, path, body string) map[string]any { return control(t, sb, method, path, body, 200) }
	call("POST", "apps", `{"appid":"wx1","secret":"s1","flags":{"unauthorized":true}}`)
	call("PUT", "app-flags", `{"appid":"wx1","flags":{}}`)
	call("PUT", "ip-whitelist", `{"appid":"wx1","ips":["127.0.0.1"]}`)
	call("PUT", "secret", `{"appid":"wx1","secret":"s2"}`)
	if apps := call("GET", "apps", "")["apps"].([]any); apps[0].(map[string]any)["secret"] != "s2" {
		t.Errorf("apps %v", apps)
	}
	if id := call("POST", "templates", `{"appid":"wx1","template_id":"T1","title":"x","keys":["thing1"]}`)["template_id"]; id != "T1" {
		t.Errorf("template id %v", id)
	}
	call("POST", "templates", `{"appid":"wx1","template_id":"L1","type":1,"keys":["keyword1"]}`)
	call("PUT", "template-ban", `{"appid":"wx1","template_id":"T1","banned":true}`)
	call("PUT", "template-ban", `{"appid":"wx1","template_id":"T1","banned":false}`)
	if list := call("GET", "templates?appid=wx1", "")["templates"].([]any); len(list) != 2 {
		t.Errorf("templates %v", list)
	}
	call("PUT", "pages", `{"appid":"wx1","pages":["pages/index/index"]}`)
	call("POST", "users", `{"appid":"wx1","openid":"oAlice"}`)
	if got := call("POST", "users", `{"appid":"wx1","count":3}`)["openids"].([]any); len(got) != 3 || len(got[0].(string)) != 28 {
		t.Errorf("openids %v", got)
	}
	if got := call("GET", "users?appid=wx1", "")["openids"].([]any); len(got) != 4 || got[0] != "oAlice" {
		t.Errorf("openids %v", got)
	}
	ids := call("POST", "form-ids", `{"appid":"wx1","all":true,"count":2}`)["form_ids"].(map[string]any)
	if len(ids) != 4 || len(ids["oAlice"].([]any)) != 2 {
		t.Errorf("form ids %v", ids)
	}
	prepay := call("POST", "prepay-ids", `{"appid":"wx1","openid":"oAlice"}`)["prepay_ids"].(map[string]any)
	if len(prepay["oAlice"].([]any)[0].(string)) != 36 {
		t.Errorf("prepay ids %v", prepay)
	}
	call("POST", "subscribe", `{"appid":"wx1","openids":["oAlice"],"template_id":"T1","count":5}`)
	call("POST", "revoke", `{"appid":"wx1","openid":"oAlice","template_id":"T1"}`)
	call("PUT", "choice", `{"appid":"wx1","openid":"oAlice","template_id":"T1","choice":"accept"}`)
	call("PUT", "main-switch", `{"appid":"wx1","openid":"oAlice","on":true}`)
	call("PUT", "blocked", `{"appid":"wx1","openid":"oAlice","blocked":false}`)
	if got := call("POST", "taps", `{"appid":"wx1","openid":"oAlice","template_ids":["T1"]}`)["answers"].(map[string]any); got["T1"] != "accept" {
		t.Errorf("tap answers %v", got)
	}
	user := call("GET", "users?appid=wx1&openid=oAlice", "")
	if user["form_uses"] != 2.0 || user["prepay_uses"] != 3.0 || user["permits"].(map[string]any)["T1"] != 1.0 {
		t.Errorf("user %v", user)
	}

	w := &world{t: t, sb: sb, app: sandbox.App{AppID: "wx1", Secret: "s2"}, tmpl: "T1", legacy: "L1", openid: "oAlice"}
	w.token = w.stable(false)
	w.wantCode(w.login("wx1", "s2", call("POST", "login-codes", `{"appid":"wx1","openid":"oAlice"}`)["code"].(string)), 0)
	w.wantCode(w.send("data", values("thing1", "x"), "page", "pages/index/index"), 0)
	if got := call("GET", "messages?appid=wx1&openid=oAlice", "")["messages"].([]any); len(got) != 1 || got[0].(map[string]any)["text"] != "thing1:x\n" {
		t.Errorf("messages %v", got)
	}
	for _, path := range []string{"counts?appid=wx1&template_id=T1", "counts?appid=wx1&template_id=T1&page=pages/index/index"} {
		if got := call("GET", path, "")["counts"].(map[string]any); got["oAlice"] != 1.0 {
			t.Errorf("%s: %v", path, got)
		}
	}
	if got := call("GET", "received?appid=wx1", "")["received"].(map[string]any); len(got) != 1 {
		t.Errorf("received %v", got)
	}
	if got := call("GET", "stats?appid=wx1", ""); got["accepted"] != 1.0 {
		t.Errorf("stats %v", got)
	}

	call("POST", "steal-token", `{"appid":"wx1"}`)
	call("PUT", "rogue", `{"appid":"wx1","every_ms":60000}`)
	if got := call("POST", "clock", `{"advance_ms":1500}`); got["offset_ms"] != 1500.0 || got["now"] != "2026-07-01T01:00:01.5Z" {
		t.Errorf("clock %v", got)
	}
	call("GET", "clock", "")
	call("PUT", "latency", `{"median_ms":0,"p99_ms":0}`)
	id := call("POST", "faults", `{"path":"/cgi-bin/message/*","appid":"wx1","errcode":-1,"count":1,"after":1,"for_ms":1000,"delay_ms":0}`)["id"]
	if list := call("GET", "faults", "")["faults"].([]any); list[0].(map[string]any)["id"] != id {
		t.Errorf("faults %v", list)
	}
	call("DELETE", "faults/1", "")
	call("POST", "scenarios", `{"name":"spurious_refusals","appid":"wx1","after":5,"count":2}`)
	call("POST", "scenarios", `{"name":"flapping_token","appid":"wx1","share":0.5,"for_ms":1000}`)
	call("POST", "scenarios", `{"name":"early_daily_limit","appid":"wx1","after":5}`)
	call("POST", "scenarios", `{"name":"weather","appid":"wx1"}`)
	call("DELETE", "faults", "")
	call("PUT", "quota", `{"appid":"wx1","path":"`+sandbox.PathSend+`","per_day":7}`)
	if got := call("GET", "quota?appid=wx1&path="+sandbox.PathSend, ""); got["per_day"] != 7.0 || got["used"] != 1.0 {
		t.Errorf("quota %v", got)
	}
	call("DELETE", "quota?appid=wx1", "")
	call("POST", "reset", "")
	if apps := call("GET", "apps", "")["apps"].([]any); len(apps) != 0 {
		t.Errorf("apps %v", apps)
	}
}

func TestTheControlAPINamesTheFieldThatIsWrong(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	id := w.app.AppID
	for _, c := range []struct {
		method, path, body string
		status             int
		field              string
	}{
		{"POST", "apps", object("appid", id), 409, "appid"},
		{"POST", "apps", `{"color":1}`, 400, "color"},
		{"POST", "apps", `{"appid":7}`, 400, "appid"},
		{"POST", "apps", `{} {}`, 400, "body"},
		{"POST", "apps", `nonsense`, 400, "body"},
		{"PATCH", "apps", ``, 405, "method"},
		{"GET", "nothing", ``, 404, "path"},
		{"GET", "apps?x=1", ``, 400, "x"},
		{"GET", "apps?%zz", ``, 400, "query"},
		{"POST", "users", `{"appid":"wx0"}`, 404, "appid"},
		{"POST", "users", object("appid", id, "count", -1), 400, "count"},
		{"POST", "users", object("appid", id, "openid", w.openid), 409, "openid"},
		{"POST", "users", object("appid", id, "openid", "o", "count", 1), 400, "count"},
		{"GET", "users?appid=" + id + "&openid=x", ``, 404, "openid"},
		{"POST", "form-ids", object("appid", id), 400, "openid"},
		{"POST", "form-ids", object("appid", id, "openid", "a", "all", true), 400, "openid"},
		{"POST", "form-ids", object("appid", id, "openids", []string{"x"}), 404, "openid"},
		{"POST", "form-ids", object("appid", id, "openids", "x"), 400, "openids"},
		{"POST", "subscribe", object("appid", id, "all", true, "template_id", "x"), 404, "template_id"},
		{"POST", "subscribe", object("appid", id, "all", true, "template_id", w.legacy), 400, "template_id"},
		{"POST", "revoke", object("appid", id, "all", true, "template_id", "x"), 404, "template_id"},
		{"POST", "taps", object("appid", id, "openid", w.openid, "template_ids", []string{}), 422, "template_ids"},
		{"PUT", "choice", object("appid", id, "openid", w.openid, "template_id", w.tmpl, "choice", "maybe"), 400, "choice"},
		{"PUT", "main-switch", object("appid", id, "openid", w.openid), 400, "on"},
		{"PUT", "blocked", object("appid", id, "openid", w.openid), 400, "blocked"},
		{"PUT", "app-flags", object("appid", id), 400, "flags"},
		{"PUT", "secret", object("appid", id), 400, "secret"},
		{"PUT", "template-ban", object("appid", id, "template_id", w.tmpl), 400, "banned"},
		{"PUT", "template-ban", object("appid", id, "template_id", "x", "banned", true), 404, "template_id"},
		{"POST", "login-codes", object("appid", id, "openid", "x"), 404, "openid"},
		{"POST", "clock", `{"advance_ms":-1}`, 400, "advance_ms"},
		{"POST", "clock", `{"advance_ms":9223372036854775807}`, 400, "advance_ms"},
		{"PUT", "latency", `{"median_ms":5,"p99_ms":1}`, 400, "latency"},
		{"POST", "faults", `{}`, 400, "action"},
		{"DELETE", "faults/7", ``, 404, "id"},
		{"DELETE", "faults/x", ``, 400, "id"},
		{"POST", "scenarios", `{"name":"x"}`, 400, "name"},
		{"PUT", "rogue", object("appid", id, "every_ms", -1), 400, "every_ms"},
		{"GET", "quota?appid=" + id + "&path=x", ``, 404, "path"},
		{"GET", "stats?appid=wx0", ``, 404, "appid"},
		{"GET", "received?appid=wx0", ``, 404, "appid"},
	} {
		m := control(t, w.sb, c.method, c.path, c.body, c.status)
		problem, _ := m["error"].(map[string]any)
		if problem["field"] != c.field || problem["message"] == "" {
			t.Errorf("%s %s %s: %v, want field %s", c.method, c.path, c.body, m, c.field)
		}
	}
}

func TestTheHandlerServesPlatformAndControlAPI(t *testing.T) {
	w := newWorld(t, sandbox.Config{MaxBody: 1000})
	w.subscribe(1)
	server := httptest.NewServer(w.sb)
	defer server.Close()
	post := func(path, body string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+path, strings.NewReader(body))
		must(t, err)
		resp, err := server.Client().Do(req)
		must(t, err)
		must(t, resp.Body.Close())
		return resp
	}
	if resp := post(w.withToken(sandbox.PathSend), w.message()); resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json; encoding=utf-8" {
		t.Errorf("answer %d %v", resp.StatusCode, resp.Header)
	}
	if resp := post("/sandbox/v1/apps", `{}`); resp.StatusCode != 200 {
		t.Errorf("control API answers %d", resp.StatusCode)
	}
	if resp := post(sandbox.PathSend, strings.Repeat("x", 1001)); resp.StatusCode != 413 {
		t.Errorf("a large body answers %d", resp.StatusCode)
	}
	if a, err := roundTrip(w.sb, "POST", sandbox.PathSend, strings.Repeat("x", 1001)); err != nil || a.status != 413 {
		t.Errorf("RoundTrip answers a large body %d, %v", a.status, err)
	}
	if w.stats().Accepted != 1 {
		t.Errorf("stats %+v", w.stats())
	}
}
