package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
)

// shopWorld is a world whose simulator has phones, and whose app has the shop of the demo as its backend.
type shopWorld struct {
	*world
}

func newShopWorld(t *testing.T) *shopWorld {
	t.Helper()
	var handler atomic.Pointer[shop]
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.Load().ServeHTTP(w, r) }))
	t.Cleanup(backend.Close)
	w := newWorld(t, sandbox.Config{PhoneDomain: demoDomain, PhoneBackend: backend.URL}, nil)
	key, err := w.client.CreateKey(t.Context(), api.NewKey{Name: "shop", AppID: w.app, Scopes: []string{"report", "push", "campaign"}})
	must(t, err)
	s, err := newShop(w.app, testSecret, w.sandbox, w.url, w.public, key.Secret)
	must(t, err)
	handler.Store(s)
	return &shopWorld{w}
}

// phone is a user's, with what the shop's login gave it.
type phone struct {
	*shopWorld
	user, openid, token string
}

func (w *shopWorld) phone(user string) *phone {
	w.t.Helper()
	p := &phone{shopWorld: w, user: user}
	p.openid = p.api("phone", "{}")["openid"].(string)
	code := p.api("login", "")["code"].(string)
	p.token = p.ask("POST", "/login", fmt.Sprintf(`{"code":%q}`, code), 200)["token"].(string)
	return p
}

// api is a call of the page's own API.
func (p *phone) api(call, body string) map[string]any {
	p.t.Helper()
	q := url.Values{"app": {p.app}, "user": {p.user}}
	resp, err := http.Post(p.wechat+"/phone/api/"+call+"?"+q.Encode(), "application/json", strings.NewReader(body))
	must(p.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(p.t, err)
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil || resp.StatusCode != 200 {
		p.t.Fatalf("%s: %d %s", call, resp.StatusCode, text)
	}
	return got
}

// askAs is wx.request with a credential.
func (p *phone) askAs(credential, method, path, body string, status int) map[string]any {
	p.t.Helper()
	request, err := json.Marshal(map[string]any{"url": demoDomain + path, "method": method, "body": body,
		"header": map[string]string{"authorization": "Bearer " + credential, "content-type": "application/json"}})
	must(p.t, err)
	got := p.api("request", string(request))
	text := got["text"].(string)
	if got["statusCode"] != float64(status) {
		p.t.Fatalf("%s %s: %v %s, want %d", method, path, got["statusCode"], text, status)
	}
	var answer map[string]any
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		p.t.Fatalf("%s %s: %s: %v", method, path, text, err)
	}
	return answer
}

func (p *phone) ask(method, path, body string, status int) map[string]any {
	p.t.Helper()
	return p.askAs(p.token, method, path, body, status)
}

func TestTheShopRelaysReportsOfItsOwnUsers(t *testing.T) {
	t.Parallel()
	w := newShopWorld(t)
	ming, hong := w.phone("xiaoming"), w.phone("hong")
	report := fmt.Sprintf(`{"items":[{"type":"form","form_id":%q,"nonce":"n1"}]}`, ming.api("form-id", "")["form_id"])
	if got := ming.ask("POST", "/push-reports", report, 200); got["accepted"] != 1.0 {
		t.Errorf("reported: %v", got)
	}
	if got := ming.ask("POST", "/push-reports", report, 200); got["duplicate"] != 1.0 {
		t.Errorf("reported again: %v", got)
	}
	if got := hong.ask("POST", "/push-reports", fmt.Sprintf(`{"openid":%q,"items":[]}`, ming.openid), 400); got["code"] != "invalid" {
		t.Errorf("reported for somebody else: %v", got)
	}
	if me := ming.ask("GET", "/me", "", 200); me["openid"] != ming.openid || len(me["balance"].([]any)) != 1 {
		t.Errorf("me: %v", me)
	}
	if me := hong.ask("GET", "/me", "", 200); me["openid"] != hong.openid || len(me["balance"].([]any)) != 0 {
		t.Errorf("another's me: %v", me)
	}
	ming.ask("POST", "/login", `{"code":"made up"}`, 401)
	ming.ask("POST", "/login", `{`, 400)
	for _, call := range []string{"POST /push-reports", "GET /me", "POST /push-token", "GET /goods", "POST /orders", "GET /orders/1", "POST /orders/1/paid", "POST /sign-in", "GET /sign-in"} {
		method, path, _ := strings.Cut(call, " ")
		ming.askAs("nobody", method, path, "", 401)
	}
}

func TestMinapushItselfAnswersUnderTheShopsDomain(t *testing.T) {
	t.Parallel()
	p := newShopWorld(t).phone("xiaoming")
	base := "/v1/apps/" + p.app
	sessions := []any{
		p.ask("POST", "/push-token", "", 200)["session_token"],                                                       // token mode
		p.ask("POST", base+"/session", fmt.Sprintf(`{"code":%q}`, p.api("login", "")["code"]), 200)["session_token"], // login mode
	}
	for i, session := range sessions {
		report := fmt.Sprintf(`{"items":[{"type":"form","form_id":%q,"nonce":"n%d"}]}`, p.api("form-id", "")["form_id"], i)
		if got := p.askAs(session.(string), "POST", base+"/reports", report, 200); got["accepted"] != 1.0 {
			t.Errorf("reported: %v", got)
		}
		if me := p.askAs(session.(string), "GET", base+"/me", "", 200); me["openid"] != p.openid {
			t.Errorf("me: %v", me)
		}
	}
	p.ask("GET", base+"/users/"+p.openid, "", 404) // private calls are not there
}

func TestAPaymentReachesTheBankOnlyIfItIsTrue(t *testing.T) {
	t.Parallel()
	w := newShopWorld(t)
	ming, hong := w.phone("xiaoming"), w.phone("hong")
	if n := len(ming.ask("GET", "/goods", "", 200)["goods"].([]any)); n != len(demoGoods()) {
		t.Errorf("%d goods", n)
	}
	ming.ask("POST", "/orders", `{"goods":"99"}`, 400)
	order := ming.ask("POST", "/orders", `{"goods":"1"}`, 200)
	id, pkg := order["id"].(string), order["payment"].(map[string]any)["package"].(string)
	hong.ask("GET", "/orders/"+id, "", 404)
	hong.ask("POST", "/orders/"+id+"/paid", "", 404)
	ming.ask("POST", "/orders/"+id+"/paid", "", 409)
	if user, err := w.client.User(t.Context(), w.app, ming.openid); err == nil && user.Counts.Deposited != 0 {
		t.Errorf("%d permits before the payment", user.Counts.Deposited)
	}
	ming.api("pay", fmt.Sprintf(`{"package":%q}`, pkg))
	for range 2 {
		if got := ming.ask("POST", "/orders/"+id+"/paid", "", 200); got["paid"] != true {
			t.Errorf("paid: %v", got)
		}
	}
	if got := ming.ask("GET", "/orders/"+id, "", 200); got["paid"] != true || got["payment"] != nil {
		t.Errorf("the order: %v", got)
	}
	user, err := w.client.User(t.Context(), w.app, ming.openid)
	must(t, err)
	if user.Counts.Deposited != 3 {
		t.Errorf("%d uses deposited, want 3", user.Counts.Deposited)
	}
}

func TestSigningInCountsTheDaysInARow(t *testing.T) {
	t.Parallel()
	w := newShopWorld(t)
	p := w.phone("xiaoming")
	for i, day := range []struct {
		later  time.Duration
		streak float64
	}{{0, 1}, {0, 1}, {24 * time.Hour, 2}, {24 * time.Hour, 3}, {48 * time.Hour, 1}} {
		w.advance(day.later)
		got := p.ask("POST", "/sign-in", "", 200)
		today := w.sandbox.Now().UTC().Add(8 * time.Hour).Format(time.DateOnly)
		if got["streak"] != day.streak || got["day"] != today {
			t.Errorf("step %d: %v, want %v on %s", i, got, day.streak, today)
		}
		if got := p.ask("GET", "/sign-in", "", 200); got["signed_in"] != true || got["streak"] != day.streak {
			t.Errorf("step %d: %v", i, got)
		}
	}
	user, err := w.client.User(t.Context(), w.app, p.openid)
	must(t, err)
	if user.Profile.Attributes["signed_in"] != w.sandbox.Now().UTC().Add(8*time.Hour).Format(time.DateOnly) {
		t.Errorf("profile %+v", user.Profile)
	}
	w.advance(48 * time.Hour)
	if got := p.ask("GET", "/sign-in", "", 200); got["signed_in"] != false || got["streak"] != 0.0 {
		t.Errorf("two days later: %v", got)
	}
}

// What the front end is told, what the simulator has and what minapush is told are the same.
func TestTheDemosShopIsWhatItsDocumentSays(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../sandbox/phone/API.md")
	must(t, err)
	says := func(what string) {
		t.Helper()
		if !strings.Contains(string(text), what) {
			t.Errorf("API.md does not say %s", what)
		}
	}
	sb, err := sandbox.New(sandbox.Config{})
	must(t, err)
	_, err = sb.AddApp(sandbox.App{AppID: demoAppID})
	must(t, err)
	for _, tmpl := range demoTemplates() {
		_, err := sb.AddTemplate(demoAppID, tmpl)
		must(t, err)
	}
	list, err := sb.Templates(demoAppID)
	must(t, err)
	for i, b := range bankTemplates() {
		s := list[i]
		if b.ID != s.ID || b.Title != s.Title || (b.Kind == "legacy") != (s.Type == sandbox.Legacy) || len(s.ID) != 43 {
			t.Errorf("%s %s is %s %s for minapush", s.ID, s.Title, b.ID, b.Title)
		}
		for n, key := range b.Keys {
			if s.Keys[n] != key.Key {
				t.Errorf("%s: key %s is %s for minapush", s.ID, s.Keys[n], key.Key)
			}
		}
		says(fmt.Sprintf("| `%s` | %s | %s |", b.ID, b.Kind, b.Title))
		for _, line := range strings.Split(strings.TrimSpace(s.Content), "\n") {
			label, key, _ := strings.Cut(line, ":")
			says("`" + strings.TrimSuffix(strings.TrimPrefix(key, "{{"), ".DATA}}") + "` " + label)
		}
	}
	for _, scene := range demoScenes() {
		says("| `" + scene.Name + "` | ")
	}
	for _, g := range demoGoods() {
		says(fmt.Sprintf("`%s` %s ¥%d.%02d", g.ID, g.Name, g.Price/100, g.Price%100))
	}
	for _, page := range demoPages() {
		says("`" + page)
	}
	says(demoAppID)
	says(demoDomain)
}
