package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/minapush/minapush/dispatch"
	"github.com/minapush/minapush/sandbox"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

// world is a whole system of one test: the simulator on a socket, the server in process with a clock that can be moved, and a client
// with the admin key. Everything goes through the public API.
type world struct {
	t        *testing.T
	sandbox  *sandbox.Sandbox
	wechat   string
	settings settings
	sys      *system
	client   *client.Client
	url      string
	public   string
	app      string
	offset   atomic.Int64
	stop     context.CancelFunc
	ended    chan error
	stopped  sync.Once
}

const (
	testApp    = "wxtest0123456789ab"
	testSecret = "simulated-secret"
	legacyT    = "AT_legacy_template_of_the_tests_00000000000"
	oneTimeT   = "S_one_time_template_of_the_tests_0000000000"
	longTermT  = "L_long_term_template_of_the_tests_000000000"
)

func newWorld(t *testing.T, cfg sandbox.Config, tune func(*dispatch.Config)) *world {
	t.Helper()
	return newWorldOn(t, cfg, func(st store.Store) store.Store { return st }, tune)
}

// newWorldOn is newWorld over a store that is wrapped.
func newWorldOn(t *testing.T, cfg sandbox.Config, wrap func(store.Store) store.Store, tune func(*dispatch.Config)) *world {
	t.Helper()
	return newWorldIn(t, cfg, settings{store: "pebble:" + t.TempDir(), tune: tune, wrap: wrap})
}

// newWorldIn is a world in whatever store the settings name.
func newWorldIn(t *testing.T, cfg sandbox.Config, in settings) *world {
	t.Helper()
	w := &world{t: t, app: testApp}
	sb, err := sandbox.New(cfg)
	must(t, err)
	w.sandbox = sb
	_, err = sb.AddApp(sandbox.App{AppID: testApp, Secret: testSecret})
	must(t, err)
	for _, tmpl := range []sandbox.Template{
		{ID: legacyT, Type: sandbox.Legacy, Keys: []string{"keyword1", "keyword2", "keyword3"}},
		{ID: oneTimeT, Type: sandbox.OneTime, Keys: []string{"thing1"}},
		{ID: longTermT, Type: sandbox.LongTerm, Keys: []string{"thing1"}},
	} {
		_, err := sb.AddTemplate(testApp, tmpl)
		must(t, err)
	}
	log := slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	l, err := listen("127.0.0.1:0", sb, log)
	must(t, err)
	go func() { _ = l.serve() }()
	t.Cleanup(func() { l.shut(0) })
	w.wechat = l.url()
	in.now = w.now
	w.settings = in
	w.start()
	t.Cleanup(w.close)
	w.makeApp(api.NewApp{AppID: testApp, Secret: testSecret, BaseURL: w.wechat, Rate: minapush.Unlimited, Shards: 8, Guards: noGuards()})
	return w
}

// testWriter sends logs to the test that they belong to.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	if w.t.Context().Err() == nil {
		w.t.Log(strings.TrimSpace(string(p)))
	}
	return len(p), nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.offset.Load())) }

// advance moves the clock of the server and of the simulator.
func (w *world) advance(d time.Duration) {
	w.t.Helper()
	w.offset.Add(int64(d))
	must(w.t, w.sandbox.Advance(d))
}

// start opens the store and serves.
func (w *world) start() {
	w.t.Helper()
	log := slog.New(slog.NewTextHandler(testWriter{w.t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	sys, err := assemble(w.t.Context(), w.settings, log)
	must(w.t, err)
	w.sys = sys
	must(w.t, sys.firstKey(w.t.Context(), w.settings))
	private, err := listen("127.0.0.1:0", sys.private(w.settings.basePath), log)
	must(w.t, err)
	private.server.RegisterOnShutdown(sys.console.Close)
	public, err := listen("127.0.0.1:0", sys.server.Public(), log)
	must(w.t, err)
	w.url, w.public = private.url(), public.url()
	ctx, stop := context.WithCancel(context.Background())
	w.stop, w.ended, w.stopped = stop, make(chan error, 1), sync.Once{}
	go func() {
		err := sys.serveOn(ctx, []*listener{private, public})
		if cerr := sys.store.Close(); err == nil {
			err = cerr
		}
		w.ended <- err
	}()
	dir := filepath.Dir(w.settings.keyFile)
	if w.settings.keyFile == "" {
		dir, err = storeDir(w.settings.store)
		must(w.t, err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "admin.key"))
	must(w.t, err)
	w.client, err = client.New(w.url, strings.TrimSpace(string(key)), client.Config{})
	must(w.t, err)
}

// close stops the server as SIGTERM does; it may be called twice.
func (w *world) close() {
	w.stopped.Do(func() {
		w.stop()
		if err := <-w.ended; err != nil {
			w.t.Error("stop:", err)
		}
	})
}

// restart stops and starts the server on the same store.
func (w *world) restart() {
	w.close()
	w.start()
}

// noGuards are those of an app whose campaigns go out at any time of the day, and as often as a test likes.
func noGuards() *api.Guards { return &api.Guards{} }

func (w *world) makeApp(app api.NewApp) {
	w.t.Helper()
	ctx := w.t.Context()
	_, err := w.client.CreateApp(ctx, app)
	must(w.t, err)
	for _, tmpl := range []api.Template{
		{ID: legacyT, Kind: "legacy"}, {ID: oneTimeT, Kind: "one_time", Keys: []api.TemplateKey{{Key: "thing1"}}},
		{ID: longTermT, Kind: "long_term", Keys: []api.TemplateKey{{Key: "thing1"}}},
	} {
		_, err := w.client.PutTemplate(ctx, app.AppID, tmpl)
		must(w.t, err)
	}
}

// users makes n users in the simulator.
func (w *world) users(n int) []string {
	w.t.Helper()
	openids, err := w.sandbox.AddUsers(testApp, n)
	must(w.t, err)
	return openids
}

// forms lets a user submit n forms and reports them as a relay does.
func (w *world) forms(openid string, n int) []string {
	w.t.Helper()
	codes, err := w.sandbox.IssueFormIDs(testApp, openid, n)
	must(w.t, err)
	report := api.Report{OpenID: openid}
	for _, code := range codes {
		report.Items = append(report.Items, api.ReportItem{Type: "form", FormID: code})
	}
	got, err := w.client.Report(w.t.Context(), testApp, report)
	must(w.t, err)
	if got.Accepted != n {
		w.t.Fatalf("%d of %d forms accepted: %+v", got.Accepted, n, got)
	}
	return codes
}

// subscribe lets a user accept n times and reports it.
func (w *world) subscribe(openid string, n int) {
	w.t.Helper()
	must(w.t, w.sandbox.Subscribe(testApp, openid, oneTimeT, n))
	w.report(openid, n)
}

// report claims n accepted subscriptions, whether the user gave them or not.
func (w *world) report(openid string, n int) {
	w.t.Helper()
	report := api.Report{OpenID: openid}
	for i := range n {
		report.Items = append(report.Items, api.ReportItem{
			Type: "subscribe", Template: oneTimeT, Result: "accept", Nonce: fmt.Sprintf("%d-%d", w.now().UnixNano(), i),
		})
	}
	got, err := w.client.Report(w.t.Context(), testApp, report)
	must(w.t, err)
	if got.Accepted != n {
		w.t.Fatalf("%d of %d subscriptions accepted: %+v", got.Accepted, n, got)
	}
}

func legacyMessage(page string) api.Message {
	return api.Message{Template: legacyT, Page: page, Keywords: "a,b,c"}
}

func oneTimeMessage(page string) api.Message {
	return api.Message{Template: oneTimeT, Page: page, Values: map[string]string{"thing1": "签到提醒"}}
}

// push sends one message and returns the delivery.
func (w *world) push(openid string, m api.Message) api.Push {
	w.t.Helper()
	got, err := w.client.Push(w.t.Context(), testApp, api.NewPush{OpenID: openid, Message: m}, "")
	must(w.t, err)
	return got
}

// campaign starts a broadcast and returns its id.
func (w *world) campaign(m api.Message) string {
	w.t.Helper()
	got, err := w.client.CreateCampaign(w.t.Context(), testApp, api.NewCampaign{Message: m, Start: true}, "")
	must(w.t, err)
	return got.ID
}

// until polls a campaign until it is as wanted, and returns it.
func (w *world) until(id string, what string, ok func(api.Campaign) bool) api.Campaign {
	w.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		m, err := w.client.Campaign(w.t.Context(), testApp, id)
		must(w.t, err)
		if ok(m) {
			return m
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("campaign is not %s but %s: why %+v hold %+v progress %+v", what, m.State, m.Why, m.Hold, m.Progress)
		}
		<-tick.C
	}
}

func (w *world) untilState(id, state string) api.Campaign {
	w.t.Helper()
	return w.until(id, state, func(m api.Campaign) bool { return m.State == state })
}

// finished waits for the end and checks that the sum closes.
func (w *world) finished(id string) api.Campaign {
	w.t.Helper()
	m := w.untilState(id, "finished")
	if !adds(m.Progress) || m.Progress.Pending != 0 {
		w.t.Errorf("the sum does not close: %+v", m.Progress)
	}
	return m
}

// user returns what the bank says of a user.
func (w *world) user(openid string) api.User {
	w.t.Helper()
	u, err := w.client.User(w.t.Context(), testApp, openid)
	must(w.t, err)
	return u
}

// received counts what each user got of a template with a page.
func (w *world) received(m api.Message) map[string]int {
	w.t.Helper()
	got, err := w.sandbox.CountsByPage(testApp, m.Template, m.Page)
	must(w.t, err)
	return got
}

// nobodyTwice checks that no user got two messages with a page.
func (w *world) nobodyTwice(m api.Message) {
	w.t.Helper()
	for openid, n := range w.received(m) {
		if n > 1 {
			w.t.Errorf("%s got %d messages of %s", openid, n, m.Page)
		}
	}
}

// stats are the simulator's own figures.
func (w *world) stats() sandbox.Stats {
	w.t.Helper()
	got, err := w.sandbox.Stats(testApp)
	must(w.t, err)
	return got
}

// check proves the invariants on the store itself.
func (w *world) check(campaigns ...string) {
	w.t.Helper()
	app, err := w.sys.accounts.App(w.t.Context(), testApp)
	must(w.t, err)
	batches := append([]string{minapush.PushBatch(w.now())}, campaigns...)
	storetest.MustCheck(w.t, w.sys.store, storetest.Scope{Apps: []minapush.App{app}, Batches: map[uint32][]string{app.Number: batches}})
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// checkAfterErasure is check where rows of erased people are gone.
func (w *world) checkAfterErasure(campaigns ...string) {
	w.t.Helper()
	app, err := w.sys.accounts.App(w.t.Context(), testApp)
	must(w.t, err)
	storetest.MustCheck(w.t, w.sys.store, storetest.Scope{Apps: []minapush.App{app}, Batches: map[uint32][]string{app.Number: campaigns}, RowsGone: true})
}

func asClientError(err error, e **client.Error) bool { return errors.As(err, e) }
