package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/dispatch"
	"github.com/minapush/minapush/store/storetest"
)

const (
	testApp      = minapush.AppID("wx0123456789abcdef")
	otherApp     = minapush.AppID("wxfedcba9876543210")
	testTemplate = "tmpl-sign-in-reminder"
	password     = "correct horse battery"
)

// world is a console over real rooms, on a model of a store, with a platform that takes every message, and a browser that is signed in.
type world struct {
	t          *testing.T
	clock      *clock
	model      *storetest.Model
	accounts   *account.Accounts
	bank       *bank.Bank
	profiles   *audience.Profiles
	campaigns  *campaign.Campaigns
	ledger     *delivery.Ledger
	dispatcher *dispatch.Dispatcher
	platform   *fakePlatform
	console    *Console
	server     *httptest.Server
	browser    *http.Client
}

// newWorld has two apps, of which the first has a template, and one operator, who is signed in. The dispatcher stands still until run.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{at: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}, platform: &fakePlatform{left: 9_000_000}}
	w.model = storetest.NewModel(w.clock.now)
	sealer, err := account.OpenSealer(bytes.Repeat([]byte{7}, account.KeySize))
	w.must(err)
	w.accounts, err = account.New(w.model, sealer, account.Config{Now: w.clock.now})
	w.must(err)
	w.bank, err = bank.New(w.model, bank.Config{Now: w.clock.now})
	w.must(err)
	w.profiles, err = audience.New(w.model, audience.Config{Now: w.clock.now})
	w.must(err)
	w.ledger = delivery.New(w.model)
	newID := counter()
	w.campaigns, err = campaign.New(w.model, w.ledger, w.profiles, campaign.Config{
		Now: w.clock.now, NewID: newID, Changed: func(minapush.AppID) { w.dispatcher.Kick() },
	})
	w.must(err)
	w.dispatcher, err = dispatch.New(w.bank, w.ledger, w.campaigns, w.accounts, w.platform, dispatch.Config{
		Now: w.clock.now, NewID: newID, Owner: "test", Poll: 5 * time.Millisecond, PushWait: 10 * time.Second,
	})
	w.must(err)
	w.console, err = New(Parts{
		Accounts: w.accounts, Profiles: w.profiles, Bank: w.bank, Campaigns: w.campaigns, Ledger: w.ledger, Dispatcher: w.dispatcher,
		Counter: audience.NewCounter(w.model, w.clock.now), Platform: w.platform,
	}, Config{Now: w.clock.now, NewID: newID, LiveEvery: 20 * time.Millisecond, Version: "1.2.3"})
	w.must(err)
	for _, id := range []minapush.AppID{testApp, otherApp} {
		_, err = w.accounts.CreateApp(t.Context(), minapush.App{ID: id, Name: "演示商城 " + string(id[2:4]), Shards: 4, Rate: minapush.Unlimited}, "")
		w.must(err)
	}
	w.must(w.accounts.PutTemplate(t.Context(), testApp, minapush.Template{
		ID: testTemplate, Kind: minapush.OneTimeTemplate, Title: "签到提醒",
		Keys: []minapush.TemplateKey{{Key: "thing1", Label: "温馨提示", Type: "thing"}, {Key: "date2", Label: "日期", Type: "date"}},
	}))
	secret, err := w.accounts.InviteFirst(t.Context())
	w.must(err)
	w.server = httptest.NewServer(w.console)
	t.Cleanup(w.server.Close)
	w.browser = w.newBrowser()
	w.post("welcome", http.StatusSeeOther, "code", secret, "name", "wang", "password", password, "again", password)
	return w
}

// newBrowser is one that is not signed in, and follows no redirect.
func (w *world) newBrowser() *http.Client {
	jar, err := cookiejar.New(nil)
	w.must(err)
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// run sends what there is to send until the test ends.
func (w *world) run() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.dispatcher.Run(ctx, ctx)
	}()
	w.t.Cleanup(func() { stop(); <-done })
}

// user gives somebody so many subscriptions for the template.
func (w *world) user(o minapush.OpenID, permits int) {
	w.t.Helper()
	app, err := w.accounts.App(w.t.Context(), testApp)
	w.must(err)
	var list []minapush.Permit
	for i := range permits {
		list = append(list, minapush.Permit{
			Kind: minapush.Subscription, Template: testTemplate, Identity: fmt.Sprint("nonce-", o, i), Uses: 1, TakenAt: w.clock.now().Add(-time.Hour),
		})
	}
	_, err = w.bank.Deposit(w.t.Context(), app, o, list)
	w.must(err)
}

// survey counts everybody now.
func (w *world) survey() {
	w.t.Helper()
	app, err := w.accounts.App(w.t.Context(), testApp)
	w.must(err)
	_, err = w.bank.Survey(w.t.Context(), app)
	w.must(err)
}

// answer is what a page was.
type answer struct {
	status   int
	header   http.Header
	location string
	body     string
}

// get asks for a page below the console's root; appPath("campaigns") is one of the app.
func (w *world) get(path string, want int) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.server.URL+root+path, nil)
	w.must(err)
	return w.do(r, want)
}

// post sends a form, of names and values in pairs, as a browser does from a page of the console itself.
func (w *world) post(path string, want int, pairs ...string) answer {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.server.URL+root+path, strings.NewReader(form.Encode()))
	w.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return w.do(r, want)
}

func (w *world) do(r *http.Request, want int) answer {
	w.t.Helper()
	if r.Header.Get("Accept-Language") == "" {
		r.Header.Set("Accept-Language", "zh-CN")
	}
	resp, err := w.browser.Do(r)
	w.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	w.must(err)
	if resp.StatusCode != want {
		w.t.Fatalf("%s %s: status %d, want %d\n%s", r.Method, r.URL.Path, resp.StatusCode, want, b)
	}
	return answer{status: resp.StatusCode, header: resp.Header, location: resp.Header.Get("Location"), body: string(b)}
}

// appPath is a page of the first app.
func appPath(rest string) string { return "apps/" + string(testApp) + "/" + rest }

// shows fails unless the page has each of these texts.
func (w *world) shows(a answer, texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			w.t.Errorf("the page does not show %q:\n%s", text, a.body)
		}
	}
}

// lacks fails if the page has one of these texts.
func (w *world) lacks(a answer, texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			w.t.Errorf("the page shows %q:\n%s", text, a.body)
		}
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// fakePlatform takes every message, or answers with an error that was set.
type fakePlatform struct {
	mu        sync.Mutex // guards all below
	sent      []minapush.Outgoing
	err       error
	templates []minapush.Template
	left      int64
}

func (p *fakePlatform) set(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

func (p *fakePlatform) Send(_ context.Context, m minapush.Outgoing) (minapush.Receipt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return minapush.Receipt{}, p.err
	}
	p.sent = append(p.sent, m)
	return minapush.Receipt{MsgID: int64(len(p.sent))}, nil
}

func (p *fakePlatform) Templates(context.Context, minapush.AppID) ([]minapush.Template, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.templates, p.err
}

func (p *fakePlatform) QuotaLeft(context.Context, minapush.AppID) (left, limit int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left < 0 {
		return 0, 0, errors.New("cannot be read")
	}
	return p.left, 10_000_000, nil
}

// clock is set by hand.
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

// counter makes ids that are ULIDs in order.
func counter() func() string {
	var mu sync.Mutex
	n := 0
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("01KAND%020d", n)
	}
}

func contains(a answer, text string) bool { return strings.Contains(a.body, text) }
