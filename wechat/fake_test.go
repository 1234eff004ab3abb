package wechat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/wechat"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	appID  = minapush.AppID("wx0123456789abcdef")
	openID = minapush.OpenID("otFpruAK8D-E6EfStSYonYSBZ8_4")
	secret = "s3cr3t/with+signs&all"
)

// apps is a wechat.Apps with one app, whose secret is always the same.
type apps struct {
	mu    sync.Mutex
	app   minapush.App
	err   error
	asked int
}

func (a *apps) App(_ context.Context, id minapush.AppID) (minapush.App, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	if a.err != nil {
		return minapush.App{}, a.err
	}
	if id != appID {
		return minapush.App{}, minapush.Errorf(minapush.NotFound, "no app %s", id)
	}
	return a.app, nil
}

func (a *apps) Secret(context.Context, minapush.AppID) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return secret, a.err
}

func (a *apps) set(change func(*apps)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a)
}

func oneApp(base string, source minapush.TokenSource) *apps {
	return &apps{app: minapush.App{ID: appID, BaseURL: base, Token: source}}
}

// platform is a small WeChat, written from the fact sheet: two kinds of access token, and messages that are answered by script.
type platform struct {
	mu        sync.Mutex
	stable    string // the current stable token
	classic   string // the current classic token; the one before is dead at once
	refuse    map[string]bool
	made      int
	normal    int // stable_token in normal mode
	classics  int
	forced    []time.Time
	expiresIn int
	tokenSays string // answers every token call, when set
	answer    func(n int) string
	sent      []string // bodies of messages, in order
	now       func() time.Time
}

func newPlatform() *platform {
	p := &platform{refuse: map[string]bool{}, expiresIn: 7200, now: time.Now}
	p.answer = func(int) string { return `{"errcode":0,"errmsg":"ok","msgid":1988810812324364291}` }
	p.stable, p.classic = p.make(), p.make()
	return p
}

func (p *platform) make() string {
	p.made++
	return fmt.Sprintf("ACCESS-%d_token", p.made)
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain") // as seen in production
	switch r.URL.Path {
	case "/cgi-bin/stable_token":
		var in struct {
			Grant  string `json:"grant_type"`
			AppID  string `json:"appid"`
			Secret string `json:"secret"`
			Force  bool   `json:"force_refresh"`
		}
		if json.Unmarshal(body, &in) != nil || r.Method != http.MethodPost || in.Grant != "client_credential" ||
			in.AppID != string(appID) || in.Secret != secret {
			fmt.Fprint(w, `{"errcode":40125,"errmsg":"invalid appsecret"}`)
			return
		}
		if in.Force {
			p.forced = append(p.forced, p.now())
			p.stable = p.make()
		} else {
			p.normal++
		}
		p.give(w, p.stable)
	case "/cgi-bin/token":
		q := r.URL.Query()
		if r.Method != http.MethodGet || q.Get("grant_type") != "client_credential" || q.Get("appid") != string(appID) || q.Get("secret") != secret {
			fmt.Fprint(w, `{"errcode":40125,"errmsg":"invalid appsecret"}`)
			return
		}
		p.classics++
		p.classic = p.make()
		p.give(w, p.classic)
	case "/cgi-bin/message/subscribe/send", "/cgi-bin/message/wxopen/template/send":
		p.sent = append(p.sent, string(body))
		token := r.URL.Query().Get("access_token")
		if (token != p.stable && token != p.classic) || p.refuse[token] {
			fmt.Fprint(w, `{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest rid: 5f7184ff-5448020d-6384be15"}`)
			return
		}
		fmt.Fprint(w, p.answer(len(p.sent)))
	default:
		http.NotFound(w, r)
	}
}

func (p *platform) give(w io.Writer, token string) {
	if p.tokenSays != "" {
		fmt.Fprint(w, p.tokenSays)
		return
	}
	fmt.Fprintf(w, `{"access_token":%q,"expires_in":%d}`, token, p.expiresIn)
}

func (p *platform) set(change func(*platform)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// direct carries requests to a handler without a socket, so that a test can run in a synctest bubble.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Result(), nil
}

type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSuffix(string(p), "\n"))
	if strings.Contains(string(p), "ACCESS-") || strings.Contains(string(p), secret) {
		l.t.Error("a secret in a log")
	}
	return len(p), nil
}

func newClient(t testing.TB, cfg wechat.Config) *wechat.Client {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(testLog{t}, nil))
	}
	c, err := wechat.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func reminder() *minapush.Message {
	return &minapush.Message{Template: "9Aw5ZV1j9xdWTFEkqCpZ7mIBbSC34khK55OtzUPl0rU", Page: "/pages/sign?from=push&day=2",
		Values: map[string]string{"thing1": "会议室A已预订", "time2": "15:01"}}
}

func message() minapush.Outgoing {
	return minapush.Outgoing{App: appID, OpenID: openID, Message: reminder()}
}

func serve(t testing.TB, h http.Handler) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// asError returns err as a *minapush.Error that tells no secret.
func asError(t testing.TB, err error) *minapush.Error {
	t.Helper()
	var e *minapush.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %T %v, want a *minapush.Error", err, err)
	}
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%+v", e.Err), fmt.Sprintf("%#v", e.Err)} {
		for _, s := range []string{"ACCESS-", secret, "s3cr3t", string(openID), "session_key"} {
			if strings.Contains(text, s) {
				t.Errorf("%q tells %q", text, s)
			}
		}
	}
	return e
}
