package main

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
	"golang.org/x/sync/errgroup"
)

// loadT is the template that the users of the load accept: no broadcast is for them.
const loadT = "T-load"

// weChatWaits is how long WeChat waits for an answer, and weChatTries how often it sends an event.
const (
	weChatWaits = 5 * time.Second
	weChatTries = 3
)

// eventLoad is a stream of events at a set rate, each of a user of its own, whatever the server does.
type eventLoad struct {
	rate int
	last time.Duration
	url  string
	http *http.Client

	killed  atomic.Bool
	mu      sync.Mutex // guards all below
	took    []time.Duration
	acked   []int
	later   int // answered 503, and sent again
	wrong   []string
	overdue int
}

func (l *eventLoad) total() int { return int(l.last.Seconds()) * l.rate }

func (*eventLoad) userOf(n int) string { return fmt.Sprintf("oEvent%022d", n) }

// run sends events as they are due, and returns when all are answered, or given up since the server was killed.
func (l *eventLoad) run() {
	due := make(chan int, l.total())
	var workers sync.WaitGroup
	for range 512 {
		workers.Go(func() {
			for n := range due {
				for try := 1; try <= weChatTries && !l.killed.Load() && l.one(n); try++ {
					time.Sleep(time.Second) // as WeChat does, who knows how long
				}
			}
		})
	}
	start, tick := time.Now(), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for sent := 0; sent < l.total() && !l.killed.Load(); <-tick.C {
		for now := int(time.Since(start).Seconds() * float64(l.rate)); sent < min(now, l.total()); sent++ {
			due <- sent
		}
	}
	close(due)
	workers.Wait()
}

// one sends an event, notes what became of it, and tells whether WeChat would send it again.
func (l *eventLoad) one(n int) (again bool) {
	now := time.Now()
	query, body := newEnvelope(now, fmt.Sprint(n)).seal(popupOf(l.userOf(n), loadT, now))
	began := time.Now()
	resp, err := l.http.Post(l.url+"?"+query.Encode(), "application/json", strings.NewReader(body))
	var text []byte
	if err == nil {
		text, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	took := time.Since(began)
	if err != nil && l.killed.Load() {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.took = append(l.took, took); took > weChatWaits {
		l.overdue++
	}
	switch {
	case err != nil:
		l.wrong = append(l.wrong, err.Error())
	case resp.StatusCode == http.StatusServiceUnavailable:
		l.later++
		return true
	case resp.StatusCode != http.StatusOK || string(text) != "success":
		l.wrong = append(l.wrong, fmt.Sprintf("got %s %s", resp.Status, text))
	default:
		l.acked = append(l.acked, n)
	}
	return false
}

// TestALoadOfEventsBesideABroadcastIsAnsweredAndDurable sends popups at a set rate to a real process while it runs broadcasts, of whose
// messages the simulator tells too; then the process is killed. Every event was answered before WeChat gives up, and what was answered
// with success is in the store: permits, and what became of messages.
//
// It lasts 3 s at 300 events a second; MINAPUSH_TEST_LOAD_SECONDS and MINAPUSH_TEST_EVENT_RATE change that.
func TestALoadOfEventsBesideABroadcastIsAnsweredAndDurable(t *testing.T) {
	if testing.Short() {
		t.Skip("it wants the machine for itself; make test has it")
	}
	l := &eventLoad{
		rate: fromEnv(t, "MINAPUSH_TEST_EVENT_RATE", 300), last: time.Duration(fromEnv(t, "MINAPUSH_TEST_LOAD_SECONDS", 3)) * time.Second,
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1024}, Timeout: time.Minute},
	}
	t.Cleanup(l.http.CloseIdleConnections)
	w := newEventLoadWorld(t, l)
	stop := make(chan struct{})
	var broadcasts sync.WaitGroup
	var ids []string
	broadcasts.Go(func() { ids = w.broadcast(stop) })
	loading := make(chan struct{})
	go func() {
		defer close(loading)
		l.run()
	}()
	select {
	case <-time.After(l.last):
	case <-loading:
	}
	l.killed.Store(true)
	close(stop)
	broadcasts.Wait()
	w.process.kill(t)
	<-loading
	must(t, w.sandbox.Close())
	l.judge(t)
	w.checkDurable(l, ids)
}

// judge logs the figures, and fails for what was not answered in time.
func (l *eventLoad) judge(t *testing.T) {
	t.Helper()
	slices.Sort(l.took)
	at := func(share float64) time.Duration {
		if len(l.took) == 0 {
			return 0
		}
		return l.took[int(float64(len(l.took)-1)*share)].Round(10 * time.Microsecond)
	}
	t.Logf("%d events due in %v (%d a second), %d answered: %d success, %d times 503 and sent again, on %d CPUs shared with load, simulator and broadcast; p50 %v, p99 %v, most %v",
		l.total(), l.last, l.rate, len(l.took), len(l.acked), l.later, runtime.NumCPU(), at(0.5), at(0.99), at(1))
	if len(l.wrong) > 0 {
		t.Errorf("%d events went wrong, the first: %s", len(l.wrong), l.wrong[0])
	}
	if l.overdue > 0 {
		t.Errorf("%d events were answered after %v, when WeChat has given up", l.overdue, weChatWaits)
	}
	if len(l.acked) < min(l.total()/20, 50) {
		t.Errorf("only %d of %d events were taken", len(l.acked), l.total())
	}
}

// eventLoadWorld is a process that broadcasts, and a simulator that tells of it.
type eventLoadWorld struct {
	t       *testing.T
	sandbox *sandbox.Sandbox
	process *process
	dir     string
	rounds  int
}

func newEventLoadWorld(t *testing.T, l *eventLoad) *eventLoadWorld {
	t.Helper()
	ctx := t.Context()
	w := &eventLoadWorld{t: t, dir: t.TempDir(), rounds: 20}
	var err error
	w.sandbox, err = sandbox.New(sandbox.Config{
		Record: sandbox.RecordCounts, PushLog: 1 << 20, Latency: sandbox.Latency{Median: 5 * time.Millisecond, P99: 50 * time.Millisecond},
		Push: sandbox.PushKnobs{SentMost: 500 * time.Millisecond},
	})
	must(t, err)
	_, err = w.sandbox.AddApp(sandbox.App{AppID: testApp, Secret: testSecret})
	must(t, err)
	_, err = w.sandbox.AddTemplate(testApp, sandbox.Template{ID: oneTimeT, Type: sandbox.OneTime, Keys: []string{"thing1"}})
	must(t, err)
	weixin, err := listen("127.0.0.1:0", w.sandbox, discard())
	must(t, err)
	go func() { _ = weixin.serve() }()
	t.Cleanup(func() { weixin.shut(0) })
	public := "127.0.0.1:" + freePort(t)
	w.process = startServing(t, w.dir, "pebble:"+w.dir, "--listen-public", public)
	_, err = w.process.client.CreateApp(ctx, api.NewApp{AppID: testApp, Secret: testSecret, BaseURL: weixin.url(), Rate: 500, Shards: 64, Guards: noGuards()})
	must(t, err)
	_, err = w.process.client.PutTemplate(ctx, testApp, api.Template{ID: oneTimeT, Kind: "one_time"})
	must(t, err)
	users, err := w.sandbox.AddUsers(testApp, 2000)
	must(t, err)
	must(t, w.sandbox.SubscribeAll(testApp, oneTimeT, w.rounds))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(32)
	for _, user := range users {
		group.Go(func() error {
			_, err := w.process.client.Deposit(gctx, testApp, api.Deposit{OpenID: user, Items: []api.DepositItem{{
				Kind: "subscribe", Template: oneTimeT, Count: w.rounds, ID: "start",
			}}})
			return err
		})
	}
	must(t, group.Wait())
	set, err := w.process.client.PutEventSettings(ctx, testApp, api.NewEventSettings{Token: testEventToken, EncodingAESKey: testEventKey})
	must(t, err)
	l.url = "http://" + public + set.Path
	_, err = w.sandbox.SetPush(ctx, testApp, sandbox.Push{URL: l.url, Token: testEventToken, AESKey: testEventKey, Mode: sandbox.PushSecurity})
	must(t, err)
	return w
}

// broadcast starts one campaign after the other until it is told to stop, and returns their ids.
func (w *eventLoadWorld) broadcast(stop <-chan struct{}) (ids []string) {
	for round := range w.rounds {
		m := api.Message{Template: oneTimeT, Page: fmt.Sprintf("pages/%d", round), Values: map[string]string{"thing1": "签到提醒"}}
		c, err := w.process.client.CreateCampaign(w.t.Context(), testApp, api.NewCampaign{Message: m, Start: true}, "")
		if err != nil {
			w.t.Error("make a campaign:", err)
			return ids
		}
		ids = append(ids, c.ID)
		for c.State != "finished" {
			select {
			case <-stop:
				return ids
			case <-time.After(100 * time.Millisecond):
			}
			if c, err = w.process.client.Campaign(w.t.Context(), testApp, c.ID); err != nil {
				w.t.Error("watch a campaign:", err)
				return ids
			}
		}
	}
	return ids
}

// checkDurable opens the store of the killed process and looks for everything that was answered with success.
func (w *eventLoadWorld) checkDurable(l *eventLoad, ids []string) {
	w.t.Helper()
	ctx := w.t.Context()
	sys, err := assemble(ctx, settings{store: "pebble:" + w.dir}, discard())
	must(w.t, err)
	defer func() { must(w.t, sys.store.Close()) }()
	app, err := sys.accounts.App(ctx, testApp)
	must(w.t, err)
	lost := 0
	for _, n := range l.acked {
		if u, err := sys.bank.User(ctx, app, minapush.OpenID(l.userOf(n))); err != nil || len(u.Permits) != 1 {
			lost++
		}
	}
	sent, err := w.sandbox.PushAttempts(testApp)
	must(w.t, err)
	told, confirmed := map[string]int{}, map[string]int{}
	for _, one := range sent {
		if one.Delivered && !one.Copy {
			told[one.OpenID]++
		}
	}
	var sum minapush.Tally
	for _, id := range ids {
		s, err := sys.ledger.Sum(ctx, app, id)
		must(w.t, err)
		sum.Merge(s.Tally)
		for cursor := ""; ; {
			page, err := sys.ledger.List(ctx, app, id, nil, cursor, 1000)
			must(w.t, err)
			for _, d := range page.Deliveries {
				if d.Confirmed == minapush.Delivered {
					confirmed[string(d.OpenID)]++
				}
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
	}
	unconfirmed := 0
	for openid, n := range told {
		unconfirmed += max(0, n-confirmed[openid])
	}
	w.t.Logf("beside it %d broadcasts: %d accepted, %d told of by events of the simulator", len(ids), sum.Count(minapush.Accepted), len(sent))
	if lost > 0 || unconfirmed > 0 {
		w.t.Errorf("lost after kill -9: %d of %d popups, %d of %d messages' events", lost, len(l.acked), unconfirmed, len(told))
	}
	if len(sent) == 0 {
		w.t.Error("no broadcast ran beside it")
	}
}
