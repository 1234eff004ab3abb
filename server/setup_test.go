package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/collect"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/dispatch"
	"github.com/minapush/minapush/server"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	appID    = "wx0123456789abcdef"
	otherApp = "wxfedcba9876543210"
	base     = "/v1/apps/" + appID
	openid   = "oUser0000000000000000000001"
	victim   = "oVictim00000000000000000002"
	tmplID   = "tmpl-one-time"
	legacyID = "tmpl-legacy"
)

// bundle is a server over real rooms, on a model of a store, with a fake platform.
type bundle struct {
	clock    *clock
	model    *storetest.Model
	accounts *account.Accounts
	bank     *bank.Bank
	sender   *sender
	logins   *logins
	profiles *audience.Profiles
	registry *prometheus.Registry
	server   *server.Server
	log      *buffer
	admin    string
	ready    error
	limited  string
}

// setup makes a server with one app of two templates. tune changes the parts' configuration.
func setup(t *testing.T, tune ...func(*server.Parts, *server.Config)) *bundle {
	t.Helper()
	return setupWith(t, 10*time.Second, tune...)
}

// setupWith makes a server whose pushes wait for so long.
func setupWith(t *testing.T, pushWait time.Duration, tune ...func(*server.Parts, *server.Config)) *bundle {
	t.Helper()
	return setupOver(t, pushWait, nil, tune...)
}

// setupOver makes a server whose intake has its store wrapped; nil: not.
func setupOver(t *testing.T, pushWait time.Duration, wrap func(store.Store) store.Store, tune ...func(*server.Parts, *server.Config)) *bundle {
	t.Helper()
	b := &bundle{
		clock: &clock{at: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}, sender: &sender{}, logins: &logins{}, log: &buffer{},
		registry: prometheus.NewRegistry(),
	}
	b.model = storetest.NewModel(b.clock.now)
	sealer, err := account.OpenSealer(bytes.Repeat([]byte{7}, account.KeySize))
	must(t, err)
	b.accounts, err = account.New(b.model, sealer, account.Config{Now: b.clock.now})
	must(t, err)
	b.bank, err = bank.New(b.model, bank.Config{Now: b.clock.now})
	must(t, err)
	ledger := delivery.New(b.model)
	newID := counter()
	var dispatcher *dispatch.Dispatcher
	b.profiles, err = audience.New(b.model, audience.Config{Now: b.clock.now})
	must(t, err)
	campaigns, err := campaign.New(b.model, ledger, b.profiles, campaign.Config{
		Now: b.clock.now, NewID: newID, Changed: func(minapush.AppID) { dispatcher.Kick() },
	})
	must(t, err)
	dispatcher, err = dispatch.New(b.bank, ledger, campaigns, b.accounts, b.sender, dispatch.Config{
		Now: b.clock.now, NewID: newID, Owner: "test", Poll: 5 * time.Millisecond, PushWait: pushWait,
	})
	must(t, err)
	intake := b.bank
	if wrap != nil {
		intake, err = bank.New(wrap(b.model), bank.Config{Now: b.clock.now})
		must(t, err)
	}
	collector, err := collect.New(intake, ledger, collect.Config{
		Now: b.clock.now, Templates: b.accounts, Receipts: ledger, People: b.profiles, Stopper: b,
	})
	must(t, err)
	parts := server.Parts{
		Accounts: b.accounts, Profiles: b.profiles, Bank: b.bank, Collector: collector, Campaigns: campaigns, Ledger: ledger,
		Dispatcher: dispatcher, Counter: audience.NewCounter(b.model, b.clock.now), Platform: b.logins, Checker: checker{}, Gatherer: b.registry, Events: events{b.clock.now}, PassOn: http.DefaultTransport,
		Ready: func(context.Context) error { return b.ready }, Limited: func() string { return b.limited },
		Backup: func(ctx context.Context, w io.Writer) error {
			if _, err := b.model.Walk(ctx, minapush.Shard{}, "", 1); err != nil {
				return err
			}
			_, err := io.WriteString(w, "the whole store")
			return err
		},
	}
	cfg := server.Config{Now: b.clock.now, NewID: newID, Logger: slog.New(slog.NewTextHandler(b.log, nil)), Version: "1.2.3"}
	for _, f := range tune {
		f(&parts, &cfg)
	}
	b.server, err = server.New(parts, cfg)
	must(t, err)
	b.registry.MustRegister(b.server.Metrics()...)
	b.admin, _, err = b.accounts.EnsureAdminKey(t.Context(), nil)
	must(t, err)
	b.run(t, dispatcher)
	return b
}

// run serves the dispatcher until the test ends.
func (b *bundle) run(t *testing.T, d *dispatch.Dispatcher) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = d.Run(ctx, ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// withApp adds the apps and waits until pushes are taken.
func (b *bundle) withApp(t *testing.T) *bundle {
	t.Helper()
	b.addApps(t)
	b.awaitPushes(t)
	return b
}

// addApps adds two apps, and the templates of the first.
func (b *bundle) addApps(t *testing.T) {
	t.Helper()
	for _, id := range []string{appID, otherApp} {
		_, err := b.accounts.CreateApp(t.Context(), minapush.App{ID: minapush.AppID(id), Name: "app", Shards: 4, Rate: minapush.Unlimited}, "the-app-secret")
		must(t, err)
	}
	for _, tmpl := range []minapush.Template{
		{ID: tmplID, Kind: minapush.OneTimeTemplate, Title: "Sign in", Keys: []minapush.TemplateKey{{Key: "thing1", Label: "What", Type: "thing"}}},
		{ID: legacyID, Kind: minapush.LegacyTemplate, Title: "Old"},
	} {
		must(t, b.accounts.PutTemplate(t.Context(), appID, tmpl))
	}
}

// awaitPushes waits until the dispatcher serves the app: a push to nobody is answered.
func (b *bundle) awaitPushes(t *testing.T) {
	t.Helper()
	for {
		a := b.call(t, "POST", base+"/pushes", b.admin, `{"openid":"oNobody","message":{"template":"`+legacyID+`"}}`)
		if a.status == http.StatusOK {
			return
		}
		if a.status != http.StatusServiceUnavailable {
			t.Fatalf("got %d %s, want 503 until pushes are taken", a.status, a.body)
		}
		select {
		case <-t.Context().Done():
			t.Fatal("pushes are never taken")
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// key makes an API key.
func (b *bundle) key(t *testing.T, app minapush.AppID, scopes ...account.Scope) string {
	t.Helper()
	_, secret, err := b.accounts.CreateKey(t.Context(), account.Key{Name: "test", App: app, Scopes: scopes})
	must(t, err)
	return secret
}

// session makes a session token.
func (b *bundle) session(t *testing.T, app minapush.AppID, o minapush.OpenID) string {
	t.Helper()
	token, _, err := b.accounts.IssueSession(t.Context(), app, o)
	must(t, err)
	return token
}

// answer is what the server answered.
type answer struct {
	status int
	header http.Header
	body   string
}

// call sends a request to the private handler. headers are names and values in turn.
func (b *bundle) call(t *testing.T, method, path, key, body string, headers ...string) answer {
	t.Helper()
	return send(t, b.server.Private(), method, path, key, body, headers...)
}

func send(t *testing.T, h http.Handler, method, path, key, body string, headers ...string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return serve(h, r)
}

func serve(h http.Handler, r *http.Request) answer {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

// want checks the status and decodes the body.
func want[T any](t *testing.T, a answer, status int) (v T) {
	t.Helper()
	if a.status != status {
		t.Fatalf("got %d %s, want %d", a.status, a.body, status)
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

// wantProblem checks that an answer is a problem of the right number, in the right form, which names the location ("": none).
func wantProblem(t *testing.T, a answer, number int, location string) api.Problem {
	t.Helper()
	p := want[api.Problem](t, a, number/100)
	if got := a.header.Get("Content-Type"); got != api.ProblemType {
		t.Errorf("got content type %q", got)
	}
	if p.Number != number || p.Status != a.status || p.Code == "" || p.Title == "" || !strings.HasSuffix(p.Type, fmt.Sprint("#", number)) {
		t.Fatalf("got problem %+v, want number %d", p, number)
	}
	if location == "" {
		if len(p.Errors) > 0 {
			t.Fatalf("got errors %+v, want none", p.Errors)
		}
		return p
	}
	if !slices.ContainsFunc(p.Errors, func(f api.FieldProblem) bool { return f.Location == location && f.Message != "" }) {
		t.Fatalf("got errors %+v, want one at %s", p.Errors, location)
	}
	return p
}

// snapshot is everything stored but idempotency keys, to see that nothing changed.
func (b *bundle) snapshot(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for _, kind := range []string{
		"account.app", "account.key", "account.template", "account.scene", "account.events", "bank.survey", "campaign/" + appID, "campaign-key/" + appID,
		"campaign-active/" + appID, "schedule/" + appID, "schedule-key/" + appID, "schedule-active/" + appID,
	} {
		docs, err := b.model.ListDocuments(t.Context(), kind, "", 1000)
		must(t, err)
		for _, d := range docs {
			fmt.Fprintf(&out, "%s %q v%d %s\n", d.Kind, d.ID, d.Version, d.Value)
		}
	}
	apps, err := b.accounts.Apps(t.Context())
	must(t, err)
	for _, app := range apps {
		for n := range uint32(app.Shards) {
			s := minapush.Shard{App: app.Number, N: n}
			users, err := b.model.Walk(t.Context(), s, "", 1000)
			must(t, err)
			fmt.Fprintf(&out, "%v %+v\n", s, users)
			rows, _, _, err := b.model.List(t.Context(), s, minapush.PushBatch(b.clock.now()), store.Ref{}, 1000, nil)
			must(t, err)
			fmt.Fprintf(&out, "%v %+v\n", s, rows)
		}
	}
	return out.String()
}

// deposit gives a user permits.
func (b *bundle) deposit(t *testing.T, o minapush.OpenID, permits ...minapush.Permit) {
	t.Helper()
	app, err := b.accounts.App(t.Context(), appID)
	must(t, err)
	_, err = b.bank.Deposit(t.Context(), app, o, permits)
	must(t, err)
}

func (b *bundle) formID(n int) minapush.Permit {
	return minapush.Permit{
		Kind: minapush.FormID, Identity: fmt.Sprintf("%032x", n), Uses: 1, TakenAt: b.clock.now(),
		ExpiresAt: b.clock.now().Add(minapush.CodeLife),
	}
}

// sender is a platform: it accepts everything, unless told what to answer.
type sender struct {
	mu   sync.Mutex
	sent []minapush.Outgoing
	fail func(minapush.Outgoing) error
}

func (s *sender) Send(_ context.Context, m minapush.Outgoing) (minapush.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(m); err != nil {
			return minapush.Receipt{}, err
		}
	}
	s.sent = append(s.sent, m)
	return minapush.Receipt{MsgID: int64(1000 + len(s.sent))}, nil
}

func (s *sender) failWith(f func(minapush.Outgoing) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

func (s *sender) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}

// checker finds that all is well, and shows what it was asked.
type checker struct{}

func (checker) Checks(_ context.Context, app minapush.App, want api.NewChecks) (api.Checks, error) {
	step := api.Check{Step: "send", Status: "ok", Reason: &api.Reason{Code: "sent", Params: map[string]string{"app": string(app.ID), "openid": want.OpenID}}}
	if want.OpenID == "" {
		step.Status, step.Reason = "skipped", &api.Reason{Code: "not_asked"}
	}
	return api.Checks{OK: true, Steps: []api.Check{{Step: "store", Status: "ok"}, step}}, nil
}

// logins are the platform's login codes: "code-of-<openid>"; "down" has no answer. It has the templates that it is given.
type logins struct {
	mu        sync.Mutex
	templates []minapush.Template
	err       error
}

func (l *logins) Templates(context.Context, minapush.AppID) ([]minapush.Template, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.templates, l.err
}

func (*logins) JSCode2Session(_ context.Context, _ minapush.AppID, code string) (minapush.OpenID, error) {
	switch o, ok := strings.CutPrefix(code, "code-of-"); {
	case ok:
		return minapush.OpenID(o), nil
	case code == "down":
		return "", minapush.Errorf(minapush.Unavailable, "dial tcp 10.0.0.1:443: secret-host is down")
	case code == "no-secret":
		return "", minapush.Errorf(minapush.NotFound, "app has no AppSecret")
	case code == "blocked":
		return "", minapush.Errorf(minapush.Unauthorized, "40226")
	case code == "panic":
		panic("the-panic-text")
	case code == "bug":
		return "", errors.New("the-inner-text")
	}
	return "", minapush.Errorf(minapush.Invalid, "40029 %s", code)
}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// buffer is a log that may be written to and read at the same time.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// counter makes ids that look like ULIDs and ascend.
func counter() func() string {
	var mu sync.Mutex
	n := 0
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("01JDAAAAAAAAAAAAAAAAAA%04d", n)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
