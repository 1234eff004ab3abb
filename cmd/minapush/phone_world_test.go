package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/minapush/minapush/sandbox"
)

// phoneWorld is a shopWorld with the demo's templates and scenes, for phones that run the example mini program. It sees what the shop's
// backend receives, and it can stand between the backend and minapush.
type phoneWorld struct {
	*shopWorld
	backend *wiretap // phone -> the shop's backend
	front   *wiretap // the shop's backend -> minapush
	shop    *shop
	target  atomic.Pointer[url.URL] // where minapush is now
}

func newPhoneWorld(t *testing.T) *phoneWorld {
	t.Helper()
	w := &phoneWorld{backend: &wiretap{}, front: &wiretap{}}
	w.front.next = &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(w.target.Load()) },
		ErrorHandler: func(rw http.ResponseWriter, _ *http.Request, _ error) { rw.WriteHeader(http.StatusBadGateway) },
	}
	backend := httptest.NewServer(w.backend)
	t.Cleanup(backend.Close)
	front := httptest.NewServer(w.front)
	t.Cleanup(front.Close)
	world := newWorld(t, sandbox.Config{PhoneDomain: demoDomain, PhoneBackend: backend.URL}, nil)
	t.Cleanup(world.sandbox.HangUp) // open pages listen to the simulator
	w.shopWorld = &shopWorld{world}
	w.aim()
	must(t, w.sandbox.SetPages(w.app, demoPages()))
	for _, tmpl := range demoTemplates() {
		_, err := w.sandbox.AddTemplate(w.app, tmpl)
		must(t, err)
	}
	for _, tmpl := range bankTemplates() {
		_, err := w.client.PutTemplate(t.Context(), w.app, tmpl)
		must(t, err)
	}
	for _, scene := range demoScenes() {
		_, err := w.client.PutScene(t.Context(), w.app, scene)
		must(t, err)
	}
	key, err := w.client.CreateKey(t.Context(), api.NewKey{Name: "shop", AppID: w.app, Scopes: []string{"report", "push", "campaign"}})
	must(t, err)
	w.shop, err = newShop(w.app, testSecret, w.sandbox, front.URL, w.public, key.Secret)
	must(t, err)
	w.backend.next = w.shop
	return w
}

// aim tells the shop where minapush is, which changes when it is started again.
func (w *phoneWorld) aim() {
	at, err := url.Parse(w.url)
	must(w.t, err)
	w.target.Store(at)
}

// permits is how many messages of a kind the bank says that a user can be sent; template may be empty.
func (w *phoneWorld) permits(openid, kind, template string) (n int) {
	w.t.Helper()
	u, err := w.client.User(w.t.Context(), w.app, openid)
	if wrong := (*client.Error)(nil); asClientError(err, &wrong) && wrong.Status == http.StatusNotFound {
		return 0 // nothing of this user has come yet
	}
	must(w.t, err)
	for _, b := range u.Balance {
		if b.Kind == kind && b.Template == template {
			n += b.Available
		}
	}
	return n
}

// untilPermits waits until the bank says so.
func (w *phoneWorld) untilPermits(openid, kind, template string, want int) {
	w.t.Helper()
	got := -1
	eventually(w.t, func() bool { got = w.permits(openid, kind, template); return got == want }, func() {
		w.t.Fatalf("the bank has %d %s permits for %q, want %d", got, kind, template, want)
	})
}

// believes is how many messages of a template the simulator's WeChat would take for a user.
func (h *handset) believes(template string) (n int) {
	h.t.Helper()
	for _, one := range h.api("GET", "settings", nil)["templates"].([]any) {
		if one := one.(map[string]any); one["template_id"] == template {
			n = int(one["permits"].(float64))
		}
	}
	return n
}

// eventually asks until it is so, for a minute at most.
func eventually(t testing.TB, ok func() bool, tell func()) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			tell()
			t.FailNow()
		}
		<-tick.C
	}
}

// heard is one request, and what was answered.
type heard struct {
	method, path string
	body         []byte
	status       int
}

// wiretap notes requests on their way, and lets a test do something to them.
type wiretap struct {
	next http.Handler

	mu     sync.Mutex
	log    []heard
	around func(next http.Handler, w http.ResponseWriter, r *http.Request)
}

func (x *wiretap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	x.mu.Lock()
	around := x.around
	x.mu.Unlock()
	if around == nil {
		x.next.ServeHTTP(answer, r)
	} else {
		around(x.next, answer, r)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.log = append(x.log, heard{r.Method, r.URL.Path, body, answer.status})
}

// meddle does something to the requests of which the path ends so; nil: no more.
func (x *wiretap) meddle(suffix string, f func(next http.Handler, w http.ResponseWriter, r *http.Request)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.around = nil
	if f != nil {
		x.around = func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, suffix) {
				f(next, w, r)
			} else {
				next.ServeHTTP(w, r)
			}
		}
	}
}

// of lists the requests so far of which the path ends so.
func (x *wiretap) of(suffix string) []heard {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(x.log), func(h heard) bool { return !strings.HasSuffix(h.path, suffix) })
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// sdkReport is the SDK's body.
type sdkReport struct {
	Items []api.ReportItem `json:"items"`
	Opens []struct {
		Message string `json:"message"`
		Nonce   string `json:"nonce"`
		AgeMS   int64  `json:"age_ms"`
	} `json:"opens"`
}

func readReport(t testing.TB, one heard) (got sdkReport) {
	t.Helper()
	if err := json.Unmarshal(one.body, &got); err != nil {
		t.Fatalf("report %s: %v", one.body, err)
	}
	return got
}

func legacyGoods(page string) api.Message {
	return api.Message{Template: demoPaid, Page: page, Keywords: "抹茶蛋糕,¥26.00,MP00000001"}
}
