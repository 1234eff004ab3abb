package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"net/http/httptest"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/server"
)

func TestHealthAndReadinessAreTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, h := range []http.Handler{b.server.Public(), b.server.Private()} {
		if got := want[api.Health](t, send(t, h, "GET", "/healthz", "", ""), 200); got != (api.Health{Status: "ok", Version: "1.2.3"}) {
			t.Errorf("got %+v", got)
		}
		want[api.Health](t, send(t, h, "GET", "/readyz", "", ""), 200)
	}
	b.ready = errors.New("redis at 10.0.0.9 is away")
	a := b.call(t, "GET", "/readyz", "", "")
	wantProblem(t, a, api.NumUnavailable, "")
	if strings.Contains(a.body, "10.0.0.9") || !strings.Contains(b.log.String(), "10.0.0.9") {
		t.Errorf("answered %s, logged %s", a.body, b.log.String())
	}
	want[api.Health](t, b.call(t, "GET", "/healthz", "", ""), 200)
	b.ready = fmt.Errorf("%w: redis at 10.0.0.9: OOM", server.NotReady("Redis is full"))
	if a = b.call(t, "GET", "/readyz", "", ""); !strings.Contains(a.body, "Redis is full") || strings.Contains(a.body, "10.0.0.9") {
		t.Errorf("answered %s", a.body)
	}
	b.ready = nil
	b.limited = "nothing is sent"
	if got := want[api.Health](t, b.call(t, "GET", "/readyz", "", ""), 200); got.Limited != "nothing is sent" {
		t.Errorf("answered %+v", got)
	}
}

func TestRequestsAreCountedByRouteAndStatus(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.call(t, "GET", base+"/users/"+openid, b.admin, "")
	b.call(t, "GET", base+"/users/"+victim, b.admin, "")
	b.call(t, "GET", base+"/no/such/path/"+openid, b.admin, "")
	text := b.call(t, "GET", "/metrics", "", "").body
	for _, line := range []string{
		`minapush_server_requests_total{route="GET /v1/apps/{appid}/users/{openid}",status="404"} 2`,
		`minapush_server_requests_total{route="none",status="404"} 1`,
		`minapush_server_request_seconds_count{route="GET /v1/apps/{appid}/users/{openid}"} 2`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("%s is not in\n%s", line, text)
		}
	}
	if strings.Contains(text, openid) || strings.Contains(text, appID) {
		t.Error("an id is a label")
	}
}

func TestAPanicIsAProblemAndIsLogged(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	a := b.call(t, "POST", base+"/session", "", `{"code":"panic"}`)
	wantProblem(t, a, api.NumInternal, "")
	if strings.Contains(a.body, "the-panic-text") || !strings.Contains(b.log.String(), "the-panic-text") {
		t.Errorf("answered %s, logged %s", a.body, b.log.String())
	}
	want[api.Session](t, b.call(t, "POST", base+"/session", "", `{"code":"code-of-`+openid+`"}`), 200)
}

func TestWhatIsOursToMendIsNotTold(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	for _, c := range []struct {
		code   string
		number int
		inner  string
	}{
		{"bug", api.NumInternal, "the-inner-text"}, {"down", api.NumUnavailable, "secret-host"},
		{"no-secret", api.NumPlatformRejected, "AppSecret"}, {"blocked", api.NumForbidden, "40226"},
	} {
		a := b.call(t, "POST", base+"/session", "", `{"code":"`+c.code+`"}`)
		wantProblem(t, a, c.number, "")
		if strings.Contains(a.body, c.inner) {
			t.Errorf("answered %s", a.body)
		}
		if a.status >= 500 && !strings.Contains(b.log.String(), c.inner) {
			t.Errorf("%s is not logged", c.code)
		}
		if a.status == 503 && a.header.Get("Retry-After") == "" {
			t.Errorf("%s: a 503 without Retry-After", c.code)
		}
	}
}

func TestAStoreThatIsAwayIsUnavailable(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	session := b.session(t, appID, openid)
	_ = b.model.Close()
	b.clock.add(2 * time.Second) // what is remembered of apps and keys is too old
	for _, s := range samples() {
		if strings.HasSuffix(s.path, "z") {
			continue
		}
		credential := b.admin
		if s.session {
			credential = session
		}
		a := b.call(t, s.method, s.path, credential, s.body, s.headers()...)
		wantProblem(t, a, api.NumUnavailable, "")
		if a.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", s.name())
		}
	}
	wantProblem(t, b.call(t, "POST", base+"/reports", session, `{"items":[]}`), api.NumUnavailable, "")
}

func TestSecretsAndOpenidsStayOutOfAnswersAndLogs(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	want[api.App](t, b.call(t, "PATCH", base, b.admin,
		`{"secret":"hushhush1","token":{"kind":"url","url":"https://t.example.com/x?key=hushhush2","header":"X-Key: hushhush3"}}`), 200)
	for _, path := range []string{"/v1/apps", base, "/v1/keys"} {
		if a := b.call(t, "GET", path, b.admin, ""); strings.Contains(a.body, "hush") || strings.Contains(a.body, b.admin) {
			t.Errorf("%s shows %s", path, a.body)
		}
	}
	token := want[api.App](t, b.call(t, "GET", base, b.admin, ""), 200).Token
	if token.Kind != "url" || token.URL != "https://t.example.com/x" || token.Header != "" {
		t.Errorf("got %+v", token)
	}
	_ = b.model.Close()
	b.call(t, "GET", base+"/users/"+openid, b.admin, "")
	b.call(t, "POST", base+"/pushes", b.admin, `{"openid":"`+openid+`","message":{"template":"`+legacyID+`"}}`)
	if log := b.log.String(); strings.Contains(log, openid) || strings.Contains(log, "hush") || strings.Contains(log, b.admin) {
		t.Errorf("logged %s", log)
	}
}

func TestABasePathStandsBeforeEverything(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.BasePath = "/push" })
	want[api.Apps](t, b.call(t, "GET", "/push/v1/apps", b.admin, ""), 200)
	wantProblem(t, b.call(t, "GET", "/v1/apps", b.admin, ""), api.NumNoRoute, "")
	wantProblem(t, b.call(t, "PUT", "/push/v1/apps", b.admin, ""), api.NumMethod, "")
	want[api.Health](t, send(t, b.server.Public(), "GET", "/push/healthz", "", ""), 200)
	if a := b.call(t, "GET", "/push/openapi.json", "", ""); !strings.Contains(a.body, `"url":"/push"`) {
		t.Error("the description does not tell the base path")
	}
}

func TestWorkIsBoundedByTheRequestTimeout(t *testing.T) {
	t.Parallel()
	b := setup(t, func(p *server.Parts, c *server.Config) {
		c.RequestTimeout = 20 * time.Millisecond
		p.Platform = slow{}
	}).withApp(t)
	a := b.call(t, "POST", base+"/session", "", `{"code":"x"}`)
	wantProblem(t, a, api.NumUnavailable, "")
}

type slow struct{ server.Platform }

func (slow) JSCode2Session(ctx context.Context, _ minapush.AppID, _ string) (minapush.OpenID, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func TestABodyThatBreaksOffIsMalformed(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	r := httptest.NewRequestWithContext(t.Context(), "POST", base+"/reports", iotest.ErrReader(errors.New("reset")))
	r.Header.Set("Authorization", "Bearer "+b.admin)
	w := httptest.NewRecorder()
	b.server.Private().ServeHTTP(w, r)
	wantProblem(t, answer{w.Code, w.Header(), w.Body.String()}, api.NumMalformed, "")
}

func TestAServerNeedsItsParts(t *testing.T) {
	t.Parallel()
	if _, err := server.New(server.Parts{}, server.Config{}); !errors.Is(err, minapush.Invalid) {
		t.Errorf("got %v", err)
	}
	for _, c := range []server.Config{{MaxBody: -1}, {RequestTimeout: -1}, {BasePath: "push"}, {BasePath: "/push/"}, {BasePath: "/{x}"}} {
		setup(t, func(p *server.Parts, _ *server.Config) {
			if _, err := server.New(*p, c); !errors.Is(err, minapush.Invalid) {
				t.Errorf("%+v: got %v", c, err)
			}
		})
	}
}

func TestScopesAreThoseOfTheAccounts(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	for _, scope := range account.Scopes() {
		want[api.KeySecret](t, b.call(t, "POST", "/v1/keys", b.admin, `{"name":"n","scopes":["`+string(scope)+`"]}`), 201)
	}
}

func TestASurveyThatIsAskedForIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.StreamTimeout = time.Nanosecond }).withApp(t)
	a := b.call(t, "GET", base+"/reach?fresh=true", b.admin, "")
	wantProblem(t, a, api.NumUnavailable, "")
	if a.header.Get("Retry-After") == "" {
		t.Error("a 503 without Retry-After")
	}
}
