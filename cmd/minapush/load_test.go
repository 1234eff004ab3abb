package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/store/storetest"
)

// maxHeap is what the heap of a server under load may have: cache, memtables, and what many requests need at a time.
const maxHeap = 512 << 20

// load is a stream of reports at a set rate, whatever the server does: who is late is late for all that follow, and counts from the
// moment at which it should have been sent.
type load struct {
	rate  int // reports a second, of itemsOf codes each
	last  time.Duration
	url   string
	key   string
	users int

	http    *http.Client
	killed  atomic.Bool
	mu      sync.Mutex // guards all below
	took    []time.Duration
	acked   []int // numbers of the reports that were answered 200
	refused map[int]int
	wrong   []string
}

const itemsOf = 3

func fromEnv(t *testing.T, name string, normal int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return normal
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s: must be a number from 1, not %q", name, text)
	}
	return n
}

// newLoad is a load of 3 s at 2 000 reports a second; MINAPUSH_TEST_LOAD_SECONDS and MINAPUSH_TEST_LOAD_RATE change that. The original
// recipe's loop on one core manages some 10 000 list pushes a second: of reports with three codes each, twice that is 6 700.
func newLoad(t *testing.T, p *process) *load {
	t.Helper()
	key, err := readKey(p.dir)
	must(t, err)
	l := &load{
		rate: fromEnv(t, "MINAPUSH_TEST_LOAD_RATE", 2000), last: time.Duration(fromEnv(t, "MINAPUSH_TEST_LOAD_SECONDS", 3)) * time.Second,
		url: p.url + "/v1/apps/" + testApp + "/reports", key: key, refused: map[int]int{},
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1024}, Timeout: time.Minute},
	}
	l.users = max(1000, l.total()/20) // few enough for each to come again, and none to have more permits than are kept
	t.Cleanup(l.http.CloseIdleConnections)
	return l
}

func (l *load) total() int { return int(l.last.Seconds()) * l.rate }

// code is one form id of a report.
func (*load) code(report, item int) string { return fmt.Sprintf("%032x", report*itemsOf+item) }

func (l *load) userOf(report int) string { return fmt.Sprintf("oLoad%022d", report%l.users) }

func (l *load) body(report int) string {
	r := api.Report{OpenID: l.userOf(report)}
	for i := range itemsOf {
		r.Items = append(r.Items, api.ReportItem{Type: "form", FormID: l.code(report, i), Source: "pages/load"})
	}
	text, _ := json.Marshal(r) // texts and numbers always marshal
	return string(text)
}

// run sends reports as they are due, until stop is closed; done is closed when the last is answered or given up.
func (l *load) run(stop <-chan struct{}) (done <-chan struct{}) {
	due := make(chan int, 2*l.total())
	start := time.Now()
	var workers sync.WaitGroup
	for range 512 {
		workers.Go(func() {
			for n := range due {
				if !l.killed.Load() {
					l.one(n, start.Add(time.Duration(n)*time.Second/time.Duration(l.rate)))
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for sent := 0; ; {
			for now := int(time.Since(start).Seconds() * float64(l.rate)); sent < min(now, 2*l.total()); sent++ {
				due <- sent
			}
			select {
			case <-stop:
				close(due)
				workers.Wait()
				return
			case <-tick.C:
			}
		}
	}()
	return ended
}

// one sends a report and notes what became of it.
func (l *load) one(n int, at time.Time) {
	r, err := http.NewRequest("POST", l.url, strings.NewReader(l.body(n)))
	if err != nil {
		l.note(n, at, 0, err.Error())
		return
	}
	r.Header.Set("Authorization", "Bearer "+l.key)
	r.Header.Set("Content-Type", api.ContentType)
	resp, err := l.http.Do(r)
	if err != nil {
		if !l.killed.Load() {
			l.note(n, at, 0, err.Error())
		}
		return
	}
	defer resp.Body.Close()
	var a api.ReportAnswer
	text, err := io.ReadAll(resp.Body)
	switch later := resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable; {
	case err != nil:
		if !l.killed.Load() {
			l.note(n, at, 0, err.Error())
		}
	case later && resp.Header.Get("Retry-After") != "":
		l.note(n, at, resp.StatusCode, "")
	case resp.StatusCode != http.StatusOK || json.Unmarshal(text, &a) != nil || a.Accepted != itemsOf:
		l.note(n, at, resp.StatusCode, fmt.Sprintf("got %s %s", resp.Status, text))
	default:
		l.note(n, at, resp.StatusCode, "")
	}
}

func (l *load) note(n int, at time.Time, status int, wrong string) {
	took := time.Since(at)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case wrong != "":
		l.wrong = append(l.wrong, wrong)
	case status == http.StatusOK:
		l.acked, l.took = append(l.acked, n), append(l.took, took)
	default:
		l.refused[status]++
	}
}

// footprint is what a server said of itself, at its most.
type footprint struct{ heap, resident, goroutines float64 }

// watch looks at the server's figures until stop is closed.
func (p *process) watch(t *testing.T, stop <-chan struct{}) <-chan footprint {
	t.Helper()
	out := make(chan footprint, 1)
	go func() {
		var most footprint
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			p.measure(&most)
			select {
			case <-stop:
				out <- most
				return
			case <-tick.C:
			}
		}
	}()
	return out
}

func (p *process) measure(most *footprint) {
	resp, err := http.Get(p.url + "/metrics")
	if err != nil {
		return // it may have been killed by now
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue
		}
		switch name {
		case "go_memstats_heap_inuse_bytes":
			most.heap = max(most.heap, value)
		case "process_resident_memory_bytes":
			most.resident = max(most.resident, value)
		case "go_goroutines":
			most.goroutines = max(most.goroutines, value)
		}
	}
}

// TestALoadOfReportsIsDurableAndBounded sends reports at a set rate to a real process, kills it in the middle of them, and finds every
// report that was acknowledged in the store. Who was refused was told when to come again, and memory stayed bounded.
func TestALoadOfReportsIsDurableAndBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("it wants the machine for itself; make test has it")
	}
	p := startProcess(t, t.TempDir())
	_, err := p.client.CreateApp(t.Context(), api.NewApp{AppID: testApp, Shards: 64, Guards: noGuards()})
	must(t, err)
	l := newLoad(t, p)
	flooded := l.flood(t)
	stop := make(chan struct{})
	watched, done := p.watch(t, stop), l.run(stop)
	<-time.After(l.last)
	l.killed.Store(true) // whoever is under way may be answered, or not
	p.kill(t)
	close(stop)
	most := <-watched
	<-done
	l.log(t, most)
	if len(l.wrong) > 0 {
		t.Errorf("%d reports went wrong, the first: %s", len(l.wrong), l.wrong[0])
	}
	if len(l.acked) < min(l.total()/20, 100) {
		t.Errorf("only %d of %d reports were taken", len(l.acked), l.total())
	}
	if flooded == 0 {
		t.Error("a flood of one user was not refused")
	}
	if most.heap == 0 || most.heap > maxHeap {
		t.Errorf("the heap had %.0f MiB, want at most %d", most.heap/(1<<20), maxHeap>>20)
	}
	l.checkStore(t, p.dir)
}

// flood reports for one user until it is refused, and returns how often it was.
func (l *load) flood(t *testing.T) (refused int) {
	t.Helper()
	for range 5000 {
		r, err := http.NewRequest("POST", l.url, strings.NewReader(`{"openid":"oFlood","items":[]}`))
		must(t, err)
		r.Header.Set("Authorization", "Bearer "+l.key)
		resp, err := l.http.Do(r)
		must(t, err)
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") != "" {
			if refused++; refused == 10 {
				break
			}
		} else if resp.StatusCode != http.StatusOK {
			t.Fatalf("got %s with Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
		}
	}
	return refused
}

func (l *load) log(t *testing.T, most footprint) {
	t.Helper()
	slices.Sort(l.took)
	at := func(share float64) time.Duration {
		if len(l.took) == 0 {
			return 0
		}
		return l.took[int(float64(len(l.took)-1)*share)].Round(10 * time.Microsecond)
	}
	t.Logf("%d reports of %d codes due in %v (%d a second), %d acknowledged before the kill, refused %v, on %d CPUs shared with the load",
		l.total(), itemsOf, l.last, l.rate, len(l.acked), l.refused, runtime.NumCPU())
	t.Logf("from when each was due: p50 %v, p99 %v, most %v; server: heap %.0f MiB, resident %.0f MiB, %.0f goroutines at most",
		at(0.5), at(0.99), at(1), most.heap/(1<<20), most.resident/(1<<20), most.goroutines)
}

// checkStore opens the store of the killed process and looks for everything that was acknowledged.
func (l *load) checkStore(t *testing.T, dir string) {
	t.Helper()
	sys, err := assemble(t.Context(), settings{store: "pebble:" + dir}, discard())
	must(t, err)
	defer func() { must(t, sys.store.Close()) }()
	if _, err := os.Stat(filepath.Join(dir, "db")); err != nil {
		t.Fatal(err)
	}
	app, err := sys.accounts.App(t.Context(), testApp)
	must(t, err)
	byUser := map[string][]int{}
	for _, n := range l.acked {
		byUser[l.userOf(n)] = append(byUser[l.userOf(n)], n)
	}
	lost := 0
	for openid, reports := range byUser {
		u, err := sys.bank.User(t.Context(), app, minapush.OpenID(openid))
		must(t, err)
		have := map[string]bool{}
		for _, h := range u.Permits {
			have[h.Code()] = true
		}
		for _, n := range reports {
			for i := range itemsOf {
				if !have[l.code(n, i)] {
					lost++
				}
			}
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d acknowledged codes are lost", lost, len(l.acked)*itemsOf)
	}
	storetest.MustCheck(t, sys.store, storetest.Scope{Apps: []minapush.App{app}, Batches: map[uint32][]string{app.Number: nil}})
}
