package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/sandbox"
)

// device is a phone of the tests: one user of one app, over a socket.
type device struct {
	*world
	url    string
	client *http.Client
	app    string
	user   string
}

// newPhones serves a world and returns its address.
func newPhones(t testing.TB, cfg sandbox.Config) (*world, *httptest.Server) {
	t.Helper()
	w := newWorld(t, cfg)
	server := httptest.NewServer(w.sb)
	t.Cleanup(func() {
		w.sb.HangUp()
		server.Close()
	})
	return w, server
}

// newPhone opens the phone of xiaoming.
func newPhone(t testing.TB, cfg sandbox.Config) *device {
	t.Helper()
	w, server := newPhones(t, cfg)
	return openPhone(t, w, server, "xiaoming")
}

func openPhone(t testing.TB, w *world, server *httptest.Server, user string) *device {
	t.Helper()
	d := &device{world: w, url: server.URL, client: server.Client(), app: w.app.AppID, user: user}
	info := d.call("POST", "phone", `{}`, 200)
	// The world's helpers send to this user from now on.
	one := *w
	one.openid = info["openid"].(string)
	d.world = &one
	return d
}

// path is a call of the API with the phone's parameters, and more.
func (d *device) path(call string) string {
	call, more, _ := strings.Cut(call, "?")
	q := url.Values{"app": {d.app}, "user": {d.user}}.Encode()
	if more != "" {
		q += "&" + more
	}
	return "/phone/api/" + call + "?" + q
}

// call makes one call of the API, checks the status, and decodes the answer.
func (d *device) call(method, call, body string, status int) map[string]any {
	d.t.Helper()
	return askJSON(d.t, d.client, method, d.url+d.path(call), body, status)
}

func askJSON(t testing.TB, client *http.Client, method, address, body string, status int) map[string]any {
	t.Helper()
	got, text, _ := ask(t, client, method, address, body)
	if got != status {
		t.Errorf("%s %s %.300s: %d %.300s, want %d", method, address, body, got, text, status)
	}
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%s %s: %.300s: %v", method, address, text, err)
	}
	return m
}

func ask(t testing.TB, client *http.Client, method, address, body string, headers ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	must(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(req)
	must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(b), resp.Header
}

// wantNamed checks which field an error names.
func wantNamed(t testing.TB, answer map[string]any, field string) {
	t.Helper()
	if e, ok := answer["error"].(map[string]any); !ok || e["field"] != field {
		t.Errorf("error %v does not name %s", answer["error"], field)
	}
}

func TestAPhoneIsOneUserOfOneApp(t *testing.T) {
	t.Parallel()
	w, server := newPhones(t, sandbox.Config{})
	_, err := w.sb.AddApp(sandbox.App{AppID: "wxother"})
	must(t, err)
	ming, hong := openPhone(t, w, server, "xiaoming"), openPhone(t, w, server, "小红")
	if ming.openid == hong.openid || len(ming.openid) != 28 {
		t.Errorf("openids %s and %s", ming.openid, hong.openid)
	}
	again := newSandbox(t, sandbox.Config{})
	_, err = again.AddApp(sandbox.App{AppID: ming.app})
	must(t, err)
	if openid, err := again.OpenPhone(ming.app, "xiaoming"); err != nil || openid != ming.openid {
		t.Errorf("in another sandbox it is %s, %v", openid, err)
	}
	if other, err := w.sb.OpenPhone("wxother", "xiaoming"); err != nil || other == ming.openid {
		t.Errorf("in another app it is %s, %v", other, err)
	}
	byOpenID := openPhone(t, w, server, w.openid)
	if byOpenID.openid != w.openid {
		t.Errorf("the phone of an openid is that of %s", byOpenID.openid)
	}

	ming.call("PUT", "settings", `{"main_switch":false,"offline":true,"device":"old"}`, 200)
	if st := hong.call("GET", "settings", "", 200); st["main_switch"] != true || st["offline"] != false || st["device"] != "phone" {
		t.Errorf("one phone's settings changed another's: %v", st)
	}
	must(t, w.sb.Subscribe(hong.app, hong.openid, hong.tmpl, 1))
	hong.wantCode(hong.send(), 0)
	if n := len(messagesOf(ming)); n != 0 {
		t.Errorf("%d messages of another user", n)
	}
	if n := len(messagesOf(hong)); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

func messagesOf(d *device) []any {
	d.t.Helper()
	return d.call("GET", "chat", "", 200)["messages"].([]any)
}

func TestAPhoneThatCannotBeOpenedSaysWhy(t *testing.T) {
	t.Parallel()
	w, server := newPhones(t, sandbox.Config{MaxPhones: 2})
	d := openPhone(t, w, server, "xiaoming")
	for _, c := range []struct {
		app, user, field string
		status           int
	}{
		{d.app, "", "user", 400},
		{d.app, "a b", "user", 400},
		{d.app, "a/b", "user", 400},
		{d.app, strings.Repeat("名", 33), "user", 400},
		{d.app, "bad\xff", "user", 400},
		{d.app, d.openid[:27] + "_", "user", 404}, // a mistyped openid is no name
		{"wxnone", "xiaoming", "app", 404},
		{"", "xiaoming", "app", 404},
		{d.app, "second", "", 200},
		{d.app, "third", "user", 429},
		{d.app, "second", "", 200}, // is open already
	} {
		q := url.Values{"app": {c.app}, "user": {c.user}}
		got := askJSON(t, d.client, "POST", d.url+"/phone/api/phone?"+q.Encode(), "", c.status)
		if c.field != "" {
			wantNamed(t, got, c.field)
		}
	}
	stranger := *d
	stranger.user = "nobody"
	wantNamed(t, stranger.call("GET", "chat", "", 404), "user")
	stranger.user = w.openid // exists, but its phone was not opened
	wantNamed(t, stranger.call("POST", "login", "", 404), "user")
	w.sb.Reset()
	wantNamed(t, d.call("GET", "chat", "", 404), "app")
}

func TestAPageLearnsWhereItIs(t *testing.T) {
	t.Parallel()
	d := newPhone(t, sandbox.Config{PhoneBackend: "http://127.0.0.1:1", PhoneDomain: "https://Shop.example.com:443/"})
	must(t, d.sb.Advance(90*time.Minute))
	got := d.call("GET", "phone", "", 200)
	for name, want := range map[string]any{
		"app": d.app, "user": "xiaoming", "openid": d.openid, "domain": "https://shop.example.com", "device": "phone", "offline": false,
		"offset_ms": 90.0 * 60_000, "now": epoch.Add(90 * time.Minute).Format(time.RFC3339), "unread": 0.0, "last": 0.0,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}

func TestALoginCodeIsOfThePhonesUser(t *testing.T) {
	t.Parallel()
	d := newPhone(t, sandbox.Config{})
	code := d.call("POST", "login", "{}", 200)["code"].(string)
	if a := d.login(d.app, d.world.app.Secret, code); a.OpenID != d.openid {
		t.Errorf("the code is of %q", a.text)
	}
	d.call("PUT", "settings", `{"offline":true}`, 200)
	if got := d.call("POST", "login", "", 422); got["errMsg"] != "login:fail" {
		t.Errorf("offline: %v", got)
	}
}

func TestAFormGivesWhatTheDeviceGives(t *testing.T) {
	t.Parallel()
	d := newPhone(t, sandbox.Config{})
	id := d.call("POST", "form-id", "{}", 200)["form_id"].(string)
	d.wantCode(d.sendLegacy(id), 0)
	for device, want := range map[string]string{
		"devtools":   "the formId is a mock one",
		"trial":      "the formId is no longer available in develop or trial version of this mini program",
		"timeout":    "requestFormId:fail timeout",
		"deprecated": "requestFormId:fail deprecated",
		"old":        "1782867600000",
		"undefined":  "undefined",
	} {
		if got := d.call("POST", "form-id", `{"device":"`+device+`"}`, 200)["form_id"]; got != want {
			t.Errorf("%s gives %v", device, got)
		}
		d.call("PUT", "settings", `{"device":"`+device+`"}`, 200)
		if got := d.call("POST", "form-id", "", 200)["form_id"]; got != want {
			t.Errorf("a phone set to %s gives %v", device, got)
		}
	}
	wantNamed(t, d.call("POST", "form-id", `{"device":"toaster"}`, 400), "device")
	d.call("PUT", "settings", `{"device":"phone","offline":true}`, 200)
	if got := d.call("POST", "form-id", "", 200)["form_id"]; got != "requestFormId:fail timeout" {
		t.Errorf("offline it gives %v", got)
	}
	d.call("PUT", "settings", `{"offline":false}`, 200)
	_, err := d.sb.IssueFormIDs(d.app, d.openid, 10_000)
	must(t, err)
	wantNamed(t, d.call("POST", "form-id", "", 429), "user")

	today := newPhone(t, sandbox.Config{Legacy: sandbox.Today})
	if got := today.call("POST", "form-id", "", 200)["form_id"]; got != "requestFormId:fail deprecated" {
		t.Errorf("today it gives %v", got)
	}
}

func TestAPaymentPaysForThreeMessages(t *testing.T) {
	t.Parallel()
	w, server := newPhones(t, sandbox.Config{})
	d, other := openPhone(t, w, server, "xiaoming"), openPhone(t, w, server, "other")
	made := control(t, d.sb, "POST", "orders", object("appid", d.app, "openid", d.openid, "total", 1800, "description", "拿铁咖啡"), 200)
	prepay := made["prepay_id"].(string)
	d.wantCode(d.sendLegacy(prepay), 41028) // not paid
	sheet := d.call("GET", "order?package=prepay_id%3D"+prepay, "", 200)
	if sheet["description"] != "拿铁咖啡" || sheet["total"] != 1800.0 || sheet["paid"] != false {
		t.Errorf("the sheet shows %v", sheet)
	}
	wantNamed(t, other.call("GET", "order?package="+prepay, "", 404), "package")
	wantNamed(t, other.call("POST", "pay", `{"package":"`+prepay+`"}`, 404), "package")
	d.call("PUT", "settings", `{"offline":true}`, 200)
	d.call("POST", "pay", `{"package":"`+prepay+`"}`, 422)
	d.call("PUT", "settings", `{"offline":false}`, 200)
	if got := d.call("POST", "pay", `{"package":"prepay_id=`+prepay+`"}`, 200); got["errMsg"] != "requestPayment:ok" {
		t.Errorf("paid: %v", got)
	}
	if got := d.call("POST", "pay", `{"package":"`+prepay+`"}`, 422); !strings.HasPrefix(got["errMsg"].(string), "requestPayment:fail ") {
		t.Errorf("paid twice: %v", got)
	}
	if o := control(t, d.sb, "GET", "orders?appid="+d.app+"&prepay_id="+prepay, "", 200); o["paid"] != true || o["openid"] != d.openid || o["paid_at"] == nil {
		t.Errorf("the order is %v", o)
	}
	d.wantCode(d.sendLegacy(prepay), 41028) // too young
	must(t, d.sb.Advance(7*time.Second))
	for range 3 {
		d.wantCode(d.sendLegacy(prepay), 0)
	}
	d.wantCode(d.sendLegacy(prepay), 41029)
}

func TestABadOrderIsRefused(t *testing.T) {
	t.Parallel()
	d := newPhone(t, sandbox.Config{MaxOrders: 2})
	for field, body := range map[string]string{
		"total":       object("appid", d.app, "openid", d.openid, "total", 0),
		"description": object("appid", d.app, "openid", d.openid, "total", 1, "description", strings.Repeat("x", 128)),
	} {
		wantNamed(t, control(t, d.sb, "POST", "orders", body, 400), field)
	}
	wantNamed(t, control(t, d.sb, "POST", "orders", object("appid", d.app, "openid", "o", "total", 1), 404), "openid")
	var first string
	for i := range 3 {
		o, err := d.sb.CreateOrder(d.app, d.openid, 1, "")
		must(t, err)
		if i == 0 {
			first = o.PrepayID
		}
	}
	wantNamed(t, control(t, d.sb, "GET", "orders?appid="+d.app+"&prepay_id="+first, "", 404), "prepay_id") // made room
	if _, err := d.sb.PayOrder(d.app, first); err == nil {
		t.Error("an order that is gone was paid")
	}
}

func TestBadCallsNameTheFieldAndChangeNothing(t *testing.T) {
	t.Parallel()
	d := newPhone(t, sandbox.Config{})
	for _, c := range []struct {
		method, call, body, field string
		status                    int
	}{
		{"GET", "nothing", "", "path", 404},
		{"DELETE", "login", "", "method", 405},
		{"POST", "login?x=1", "", "x", 400},
		{"POST", "login", "{", "body", 400},
		{"POST", "login", `{"x":1}`, "x", 400},
		{"POST", "login", "{} {}", "body", 400},
		{"POST", "phone", `{"x":1}`, "x", 400},
		{"POST", "login", `{"x":"` + strings.Repeat("x", 64<<10) + `"}`, "body", 413},
		{"PUT", "settings", `{"main_switch":false,"device":"toaster"}`, "device", 400},
		{"PUT", "settings", `{"main_switch":false,"templates":{"nope":"reject"}}`, "templates", 404},
		{"PUT", "settings", `{"main_switch":false,"templates":{"` + d.legacy + `":"reject"}}`, "templates", 400},
		{"PUT", "settings", `{"main_switch":false,"templates":{"` + d.tmpl + `":"maybe"}}`, "templates", 400},
		{"PUT", "settings", `{"main_switch":"no"}`, "main_switch", 400},
		{"POST", "read", "{}", "through", 400},
		{"GET", "order", "", "package", 404},
		{"GET", "messages?since=x", "", "since", 400},
		{"GET", "messages?since=-1", "", "since", 400},
		{"GET", "messages?limit=0", "", "limit", 400},
		{"GET", "messages?limit=1001", "", "limit", 400},
		{"GET", "messages?wait=61", "", "wait", 400},
		{"GET", "events?since=x", "", "since", 400},
	} {
		wantNamed(t, d.call(c.method, c.call, c.body, c.status), c.field)
	}
	if st := d.call("GET", "settings", "", 200); st["main_switch"] != true {
		t.Error("a refused change was half done")
	}
	wantNamed(t, askJSON(t, d.client, "GET", d.url+"/phone/api/messages?user=xiaoming", "", 400), "app")
	wantNamed(t, askJSON(t, d.client, "GET", d.url+"/phone/api/messages?app="+d.app+"&user=nobody", "", 404), "user")
	wantNamed(t, askJSON(t, d.client, "GET", d.url+"/phone/api/messages?app=%zz", "", 400), "query")
}

func TestOtherSitesMayNotUseThePhone(t *testing.T) {
	t.Parallel()
	d := newPhone(t, sandbox.Config{})
	for _, headers := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		for method, call := range map[string]string{"POST": "form-id", "PUT": "settings", "DELETE": "messages"} {
			if status, text, _ := ask(t, d.client, method, d.url+d.path(call), "", headers...); status != 403 || !strings.Contains(text, `"origin"`) {
				t.Errorf("%s %s with %v: %d %s", method, call, headers, status, text)
			}
		}
	}
	if status, text, _ := ask(t, d.client, "POST", d.url+d.path("form-id"), "", "Origin", d.url); status != 200 {
		t.Errorf("the page's own call: %d %s", status, text)
	}
}

func TestThePageAndItsFilesAreServed(t *testing.T) {
	t.Parallel()
	w, server := newPhones(t, sandbox.Config{})
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for path, want := range map[string]string{
		"/phone":             "/phone/",
		"/phone/":            "/phone/?app=" + w.app.AppID + "&user=xiaoming",
		"/phone/?user=other": "/phone/?app=" + w.app.AppID + "&user=other",
	} {
		status, _, h := ask(t, client, "GET", server.URL+path, "")
		if to, err := url.Parse(h.Get("Location")); err != nil || status/100 != 3 || to.Path+questioned(to.RawQuery) != want {
			t.Errorf("%s: %d to %s, want %s", path, status, h.Get("Location"), want)
		}
	}
	page := server.URL + "/phone/?app=" + w.app.AppID + "&user=xiaoming"
	status, text, h := ask(t, client, "GET", page, "")
	if status != 200 || !strings.Contains(text, "<!doctype html>") || !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
		t.Errorf("the page: %d %s", status, text)
	}
	if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "connect-src 'self'") || strings.Contains(csp, "unsafe-eval") {
		t.Errorf("policy %q", csp)
	}
	if status, _, _ := ask(t, client, "GET", page, "", "If-None-Match", h.Get("ETag")); status != 304 {
		t.Errorf("the same page again: %d", status)
	}
	if status, _, h := ask(t, client, "GET", server.URL+"/phone/inbox.css", ""); status != 200 || !strings.HasPrefix(h.Get("Content-Type"), "text/css") {
		t.Errorf("inbox.css: %d %s", status, h.Get("Content-Type"))
	}
	for _, path := range []string{"/phone/nothing.js", "/phone/API.md", "/phone/inbox.html", "/phone/..%2fphone.go", "/phone/static"} {
		wantNamed(t, askJSON(t, client, "GET", server.URL+path, "", 404), "path")
	}
	wantNamed(t, askJSON(t, client, "POST", page, "", 405), "method")
	if status, _, _ := ask(t, client, "GET", server.URL+"/phones", ""); status != 200 { // WeChat's answer to a path that it does not have
		t.Errorf("a path that is not the phone's: %d", status)
	}
}

func questioned(query string) string {
	if query == "" {
		return ""
	}
	return "?" + query
}
