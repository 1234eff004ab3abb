package sandbox_test

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/minapush/minapush/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// epoch is 09:00 in Beijing.
var epoch = time.Date(2026, 7, 1, 1, 0, 0, 0, time.UTC)

// world is a sandbox with an app, two templates, one user and a stable token.
type world struct {
	t      testing.TB
	sb     *sandbox.Sandbox
	app    sandbox.App
	tmpl   string // one-time: thing1, date2
	legacy string
	openid string
	token  string
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newSandbox has a clock that stands still and a fixed seed, unless cfg says otherwise.
func newSandbox(t testing.TB, cfg sandbox.Config) *sandbox.Sandbox {
	t.Helper()
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return epoch }
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.New(rand.NewPCG(1, 2))
	}
	sb, err := sandbox.New(cfg)
	must(t, err)
	return sb
}

func newWorld(t testing.TB, cfg sandbox.Config) *world {
	t.Helper()
	w := &world{t: t, sb: newSandbox(t, cfg)}
	var err error
	w.app, err = w.sb.AddApp(sandbox.App{})
	must(t, err)
	w.tmpl, err = w.sb.AddTemplate(w.app.AppID, sandbox.Template{Title: "签到提醒", Keys: []string{"thing1", "date2"}})
	must(t, err)
	w.legacy, err = w.sb.AddTemplate(w.app.AppID, sandbox.Template{Title: "购买成功", Type: sandbox.Legacy, Keys: []string{"keyword1", "keyword2"}})
	must(t, err)
	w.openid, err = w.sb.AddUser(w.app.AppID, "")
	must(t, err)
	w.token = w.stable(false)
	return w
}

// answer is any answer of the platform.
type answer struct {
	Errcode   int         `json:"errcode"`
	Errmsg    string      `json:"errmsg"`
	MsgID     json.Number `json:"msgid"`
	Token     string      `json:"access_token"`
	ExpiresIn int         `json:"expires_in"`
	OpenID    string      `json:"openid"`
	Key       string      `json:"session_key"`
	UnionID   string      `json:"unionid"`
	PriTmplID string      `json:"priTmplId"`
	Count     int         `json:"count"`
	status    int
	kind      string
	text      string
}

func (w *world) do(method, path, body string) answer {
	w.t.Helper()
	a, err := roundTrip(w.sb, method, path, body)
	must(w.t, err)
	return a
}

func roundTrip(rt http.RoundTripper, method, path, body string) (answer, error) {
	req, err := http.NewRequest(method, "https://api.weixin.qq.com"+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: resp.StatusCode, kind: resp.Header.Get("Content-Type"), text: string(b)}
	_ = json.Unmarshal(b, &a) // answers of scripted gateways are not JSON
	return a, nil
}

func (w *world) withToken(path string) string {
	return path + "?access_token=" + url.QueryEscape(w.token)
}

func (w *world) stableAnswer(force bool) answer {
	w.t.Helper()
	return w.do("POST", sandbox.PathStableToken, object("grant_type", "client_credential", "appid", w.app.AppID, "secret", w.app.Secret, "force_refresh", force))
}

func (w *world) stable(force bool) string {
	w.t.Helper()
	a := w.stableAnswer(force)
	if a.Token == "" {
		w.t.Fatalf("no token: %+v", a)
	}
	return a.Token
}

func (w *world) classicAnswer() answer {
	w.t.Helper()
	return w.do("GET", sandbox.PathToken+"?grant_type=client_credential&appid="+w.app.AppID+"&secret="+w.app.Secret, "")
}

// tokenWorks answers the errcode that a call with this token gets.
func (w *world) tokenWorks(token string) int {
	w.t.Helper()
	return w.do("GET", "/cgi-bin/getcallbackip?access_token="+url.QueryEscape(token), "").Errcode
}

// object renders JSON from pairs of key and value.
func object(pairs ...any) string {
	m := make(map[string]any)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func values(pairs ...string) map[string]any {
	m := make(map[string]any)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = map[string]any{"value": pairs[i+1]}
	}
	return m
}

// message is a good subscribe message, with the given fields replaced.
func (w *world) message(pairs ...any) string {
	all := []any{"touser", w.openid, "template_id", w.tmpl, "data", values("thing1", "每日签到", "date2", "2026-07-01")}
	return object(append(all, pairs...)...)
}

func (w *world) send(pairs ...any) answer {
	w.t.Helper()
	return w.do("POST", w.withToken(sandbox.PathSend), w.message(pairs...))
}

func (w *world) sendLegacy(code string, pairs ...any) answer {
	w.t.Helper()
	all := []any{"template_id", w.legacy, "form_id", code, "data", values("keyword1", "1", "keyword2", "2")}
	return w.do("POST", w.withToken(sandbox.PathLegacySend), w.message(append(all, pairs...)...))
}

func (w *world) subscribe(n int) {
	w.t.Helper()
	must(w.t, w.sb.Subscribe(w.app.AppID, w.openid, w.tmpl, n))
}

func (w *world) permits() int {
	w.t.Helper()
	u, err := w.sb.User(w.app.AppID, w.openid)
	must(w.t, err)
	return u.Permits[w.tmpl]
}

func (w *world) stats() sandbox.Stats {
	w.t.Helper()
	st, err := w.sb.Stats(w.app.AppID)
	must(w.t, err)
	return st
}

func (w *world) wantCode(a answer, code int) {
	w.t.Helper()
	if a.Errcode != code || a.status != 200 {
		w.t.Errorf("answer %d %s, want errcode %d", a.status, a.text, code)
	}
}
