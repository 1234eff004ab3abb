package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
	"github.com/minapush/minapush/sandbox"
	"github.com/minapush/minapush/store/pebblestore"
	"github.com/minapush/minapush/store/storetest"
	"golang.org/x/sync/errgroup"
)

// TestMain lets the test binary be the program itself, so that a test can start a real process and kill it.
func TestMain(m *testing.M) {
	if as := os.Getenv("MINAPUSH_TEST_PROGRAM"); as != "" {
		if as == tied {
			endWithParent()
		}
		if ahead := os.Getenv(aheadVariable); ahead != "" {
			os.Exit(serveAhead(ahead, os.Args[2:]))
		}
		os.Exit(run(context.Background(), os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func readKey(dir string) (string, error) {
	b, err := os.ReadFile(filepath.Join(dir, "admin.key"))
	return strings.TrimSpace(string(b)), err
}

// process is a running `minapush serve`.
type process struct {
	cmd    *exec.Cmd
	client *client.Client
	dir    string
	url    string
	log    string
}

// startProcess starts the program on an embedded store and waits until it answers.
func startProcess(t *testing.T, dir string) *process {
	t.Helper()
	return startServing(t, dir, "pebble:"+dir)
}

// startServing starts the program on a store and waits until it answers. Its admin key must come to stand in dir.
func startServing(t *testing.T, dir, store string, flags ...string) *process {
	t.Helper()
	p := &process{dir: dir, log: filepath.Join(t.TempDir(), "log")}
	logFile, err := os.Create(p.log)
	must(t, err)
	p.cmd = exec.Command(os.Args[0], append([]string{"serve", "--store", store, "--listen", "127.0.0.1:0", "--listen-public", ""}, flags...)...)
	p.cmd.Env = append(os.Environ(), "MINAPUSH_TEST_PROGRAM=1")
	p.cmd.Stderr = logFile
	out, err := p.cmd.StdoutPipe()
	must(t, err)
	must(t, p.cmd.Start())
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); _ = p.cmd.Wait(); logFile.Close() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "private"); ok {
			key, err := readKey(dir)
			must(t, err)
			p.url = strings.TrimSpace(url)
			p.client, err = client.New(p.url, key, client.Config{})
			must(t, err)
			break
		}
	}
	if p.client == nil {
		text, _ := os.ReadFile(p.log)
		t.Fatalf("the server did not start:\n%s", text)
	}
	return p
}

// kill ends the process as a power cut would, as far as a process can tell.
func (p *process) kill(t *testing.T) {
	t.Helper()
	must(t, p.cmd.Process.Kill())
	_ = p.cmd.Wait()
}

// rounds is how often a fault run repeats: 3 in `make test`, 50 in `make slow`.
func rounds(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("MINAPUSH_TEST_ROUNDS"))
	if err != nil {
		return 3
	}
	t.Logf("%d rounds", n)
	return n
}

func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("MINAPUSH_TEST_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("MINAPUSH_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// TestKillDuringBroadcastsAndCollects kills a serving process at random moments of a broadcast to 20 000 users while permits come
// in, again and again on one store. After each restart the broadcast ends by itself, its sum closes, nobody has two messages of it,
// every permit that was acknowledged is there, and at most the bound of unanswered messages is unknown.
func TestKillDuringBroadcastsAndCollects(t *testing.T) {
	if testing.Short() {
		t.Skip("a run of minutes; make test has it")
	}
	const users = 20_000
	n, random := rounds(t), seeded(t)
	sb, err := sandbox.New(sandbox.Config{Record: sandbox.RecordCounts, Latency: sandbox.Latency{Median: 2 * time.Millisecond, P99: 20 * time.Millisecond}})
	must(t, err)
	_, err = sb.AddApp(sandbox.App{AppID: testApp, Secret: testSecret})
	must(t, err)
	for _, tmpl := range []sandbox.Template{{ID: legacyT, Type: sandbox.Legacy, Keys: []string{"keyword1"}}, {ID: oneTimeT, Type: sandbox.OneTime, Keys: []string{"thing1"}}} {
		_, err = sb.AddTemplate(testApp, tmpl)
		must(t, err)
	}
	world := newKillWorld(t, sb, users, n)
	unknowns := 0
	for round := range n {
		unknowns += world.round(t, round, random)
	}
	t.Logf("%d kills, %d acknowledged permits reported beside the broadcasts, %d deliveries unknown", n, len(world.acked), unknowns)
	world.checkStore(t)
}

// killWorld is the simulator and the store of a kill run.
type killWorld struct {
	sandbox *sandbox.Sandbox
	dir     string
	openids []string
	process *process
	conns   atomic.Int64 // open connections to the simulator

	mu    sync.Mutex // guards acked
	acked []ackedReport
	ids   []string
}

// ackedReport is a report that the server answered.
type ackedReport struct {
	openid string
	code   string
}

// untilHeardOut waits until the simulator has dealt with all that a process sent before it was killed.
func (w *killWorld) untilHeardOut(t *testing.T) {
	t.Helper()
	if !poll(t.Context(), time.Minute, func() bool { return w.conns.Load() == 0 }) {
		t.Fatalf("%d connections of a process that was killed stay open", w.conns.Load())
	}
}

func newKillWorld(t *testing.T, sb *sandbox.Sandbox, users, n int) *killWorld {
	t.Helper()
	l, err := listen("127.0.0.1:0", sb, discard())
	must(t, err)
	w := &killWorld{sandbox: sb, dir: t.TempDir()}
	l.server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			w.conns.Add(1)
		case http.StateClosed, http.StateHijacked:
			w.conns.Add(-1)
		}
	}
	go func() { _ = l.serve() }()
	t.Cleanup(func() { l.shut(0) })
	w.openids, err = sb.AddUsers(testApp, users)
	must(t, err)
	w.process = startProcess(t, w.dir)
	ctx := t.Context()
	_, err = w.process.client.CreateApp(ctx, api.NewApp{AppID: testApp, Secret: testSecret, BaseURL: l.url(), Rate: minapush.Unlimited, Guards: noGuards()})
	must(t, err)
	for _, tmpl := range []api.Template{{ID: legacyT, Kind: "legacy"}, {ID: oneTimeT, Kind: "one_time"}} {
		_, err = w.process.client.PutTemplate(ctx, testApp, tmpl)
		must(t, err)
	}
	// Enough permits of both kinds for every round, so that each round can reach everybody.
	must(t, sb.SubscribeAll(testApp, oneTimeT, n))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(64)
	for _, openid := range w.openids {
		group.Go(func() error {
			codes, err := sb.IssueFormIDs(testApp, openid, n/2+1)
			if err != nil {
				return err
			}
			items := []api.DepositItem{{Kind: "subscribe", Template: oneTimeT, Count: n, ID: "initial"}}
			for _, code := range codes {
				items = append(items, api.DepositItem{Kind: "form", FormID: code})
			}
			_, err = w.process.client.Deposit(gctx, testApp, api.Deposit{OpenID: openid, Items: items})
			return err
		})
	}
	must(t, group.Wait())
	return w
}

// round runs one broadcast, kills the server in the middle, starts it again and checks the end. It returns how many are unknown.
func (w *killWorld) round(t *testing.T, round int, random *rand.Rand) int {
	t.Helper()
	ctx := t.Context()
	m := api.Message{Template: oneTimeT, Page: fmt.Sprintf("pages/round%d", round), Values: map[string]string{"thing1": "签到提醒"}}
	if round%2 == 1 {
		m = api.Message{Template: legacyT, Page: m.Page, Values: map[string]string{"keyword1": "签到提醒"}}
	}
	c, err := w.process.client.CreateCampaign(ctx, testApp, api.NewCampaign{Message: m, Start: true}, "")
	must(t, err)
	w.ids = append(w.ids, c.ID)
	collecting, stopCollecting := context.WithCancel(ctx)
	var collectors sync.WaitGroup
	for i := range 4 {
		openid := w.openids[random.IntN(len(w.openids))]
		collectors.Go(func() { w.collect(collecting, fmt.Sprintf("%d-%d", round, i), openid) })
	}
	// The moment is chosen by how far the broadcast is, so that slow machines are killed in the middle too.
	moment := int64(random.IntN(len(w.openids)))
	deadline := time.Now().Add(time.Minute)
	for {
		got, err := w.process.client.Campaign(ctx, testApp, c.ID)
		must(t, err)
		if done, _ := walked(got.Progress); done >= moment || got.State == "finished" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("round %d: the broadcast does not move: %+v", round, got.Progress)
		}
	}
	w.process.kill(t)
	stopCollecting()
	collectors.Wait()
	w.process = startProcess(t, w.dir)
	return w.checkRound(t, round, c.ID, m)
}

// collect reports one new permit after the other of a user and remembers those that were acknowledged.
func (w *killWorld) collect(ctx context.Context, name, openid string) {
	for i := 0; ctx.Err() == nil; i++ {
		code := fmt.Sprintf("%s-%d", name, i)
		item := api.ReportItem{Type: "subscribe", Template: "T" + name, Result: "accept", Nonce: code}
		got, err := w.process.client.Report(ctx, testApp, api.Report{OpenID: openid, Items: []api.ReportItem{item}})
		if err != nil {
			return
		}
		if got.Accepted+got.Duplicate == 1 {
			w.mu.Lock()
			w.acked = append(w.acked, ackedReport{openid, code})
			w.mu.Unlock()
		}
	}
}

func (w *killWorld) checkRound(t *testing.T, round int, id string, m api.Message) int {
	t.Helper()
	ctx := t.Context()
	var got api.Campaign
	deadline := time.Now().Add(2 * time.Minute)
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		var err error
		got, err = w.process.client.Campaign(ctx, testApp, id)
		must(t, err)
		if got.State == "finished" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("round %d: the broadcast does not end: %s why %+v hold %+v %+v", round, got.State, got.Why, got.Hold, got.Progress)
		}
	}
	p := got.Progress
	if !adds(p) || p.Pending != 0 || p.Audience < int64(len(w.openids)) {
		t.Errorf("round %d: the sum does not close: %+v", round, p)
	}
	unknown := p.Outcomes["unknown"]
	if unknown > minapush.DefaultInFlight {
		t.Errorf("round %d: %d unknown, at most %d were in flight", round, unknown, minapush.DefaultInFlight)
	}
	listed := int64(0)
	for _, err := range w.process.client.Deliveries(ctx, testApp, id, "unknown") {
		must(t, err)
		listed++
	}
	if listed != unknown {
		t.Errorf("round %d: %d of %d unknown are listed", round, listed, unknown)
	}
	received, err := w.sandbox.CountsByPage(testApp, m.Template, m.Page)
	must(t, err)
	for openid, n := range received {
		if n > 1 {
			t.Errorf("round %d: %s got %d messages", round, openid, n)
		}
	}
	if n := int64(len(received)); n < p.Outcomes["accepted"] || n > p.Outcomes["accepted"]+unknown {
		t.Errorf("round %d: %d accepted and %d unknown, the simulator delivered to %d", round, p.Outcomes["accepted"], unknown, n)
	}
	return int(unknown)
}

// checkStore reports every acknowledged permit once more, which must be known, and proves the invariants on the store itself.
func (w *killWorld) checkStore(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	lost := 0
	for _, a := range w.acked {
		template := "T" + a.code[:strings.LastIndex(a.code, "-")]
		item := api.ReportItem{Type: "subscribe", Template: template, Result: "accept", Nonce: a.code}
		got, err := w.process.client.Report(ctx, testApp, api.Report{OpenID: a.openid, Items: []api.ReportItem{item}})
		must(t, err)
		if got.Duplicate != 1 {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d acknowledged permits are lost", lost, len(w.acked))
	}
	must(t, w.process.cmd.Process.Signal(os.Interrupt))
	if err := w.process.cmd.Wait(); err != nil {
		t.Errorf("SIGINT: %v", err)
	}
	st, err := pebblestore.Open(filepath.Join(w.dir, "db"), pebblestore.Config{})
	must(t, err)
	defer st.Close()
	app := minapush.App{Number: 1, Shards: minapush.DefaultShards}
	storetest.MustCheck(t, st, storetest.Scope{Apps: []minapush.App{app}, Batches: map[uint32][]string{1: w.ids}})
}
