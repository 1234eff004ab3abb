package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/store/redisstore/redistest"
	"github.com/minapush/minapush/store/storetest"
)

const (
	// outageRate is how many reports a second come in, of itemsOf codes each, whatever becomes of them.
	outageRate = 250
	// outageClients send them; more than the server needs to be busy, fewer than it takes at a time.
	outageClients = 256
	// answerWithin is the server's own deadline and as much again for machines that are busy with other things.
	answerWithin = 2 * 30 * time.Second
	// postponed is how long Redis may keep what it acknowledged to itself with everysec, while a sync is slow: 2 s, counted in whole seconds.
	postponed = 3 * time.Second
)

// outage is a load of reports through the restarts of a Redis.
type outage struct {
	load
	t       *testing.T
	process *process
	redis   *redistest.Server
	quit    chan struct{}

	mu    sync.Mutex           // guards all below
	acks  map[int]time.Time    // when reports were answered 200
	later map[int]struct{}     // reports that were answered 503 with Retry-After
	odd   []string             // whatever else happened
	kills map[string]time.Time // when Redis was killed, at the earliest
}

// TestALoadOfReportsGoesThroughRestartsOfRedis sends reports at a steady rate while Redis is told to stop and started again, killed and
// started again, and paused and continued. The server says that it is not ready and recovers by itself; each report is answered in time,
// with 200 or with 503 and when to come again. What was answered 200 is there, once; of the others each is there once or not at all, and
// once when it is sent again.
//
// With appendfsync always nothing is lost. With everysec the system has what Redis wrote, so a kill of Redis alone loses nothing either,
// but for what Redis did not write yet since the sync before took long: the last 2 seconds at most.
func TestALoadOfReportsGoesThroughRestartsOfRedis(t *testing.T) {
	if testing.Short() {
		t.Skip("it wants the machine for itself; make test has it")
	}
	for _, fsync := range []string{"always", "everysec"} {
		t.Run(fsync, func(t *testing.T) {
			t.Parallel()
			o := newOutage(t, redistest.One(t, "appendfsync "+fsync))
			done := o.run()
			calm := time.Duration(fromEnv(t, "MINAPUSH_TEST_LOAD_SECONDS", 1)) * time.Second
			for _, part := range []struct {
				name     string
				down, up func() error
			}{
				{"stopped", o.redis.Stop, o.restart},
				{"killed", o.redis.Kill, o.restart},
				{"paused", o.redis.Pause, o.redis.Resume},
			} {
				<-time.After(calm)
				o.through(part.name, part.down, part.up)
			}
			<-time.After(calm)
			close(o.quit)
			<-done
			o.check(fsync == "everysec")
		})
	}
}

func newOutage(t *testing.T, redis *redistest.Server) *outage {
	t.Helper()
	dir := t.TempDir()
	p := startServing(t, dir, "redis://"+redis.Addr(), "--sealing-key-file", filepath.Join(dir, "secret.key"))
	_, err := p.client.CreateApp(t.Context(), api.NewApp{AppID: testApp, Shards: 16, Guards: noGuards()})
	must(t, err)
	key, err := readKey(dir)
	must(t, err)
	o := &outage{
		load: load{
			rate: outageRate, url: p.url + "/v1/apps/" + testApp + "/reports", key: key, users: 5000,
			http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: outageClients}, Timeout: answerWithin},
		},
		t: t, process: p, redis: redis, quit: make(chan struct{}),
		acks: map[int]time.Time{}, later: map[int]struct{}{}, kills: map[string]time.Time{},
	}
	t.Cleanup(o.http.CloseIdleConnections)
	t.Cleanup(func() { _ = redis.Resume() }) // a paused server does not end by itself
	return o
}

func (o *outage) restart() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.t.Context()), time.Minute)
	defer cancel()
	return o.redis.Restart(ctx)
}

// run sends reports as they are due until quit; done is closed when the last is answered.
func (o *outage) run() (done <-chan struct{}) {
	due, ended := make(chan int), make(chan struct{})
	var clients sync.WaitGroup
	for range outageClients {
		clients.Go(func() {
			for n := range due {
				o.one(n)
			}
		})
	}
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second / outageRate)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case due <- n: // when all clients wait, it waits too
			case <-o.quit:
				close(due)
				clients.Wait()
				return
			}
			<-tick.C
		}
	}()
	return ended
}

// one sends a report and notes what became of it.
func (o *outage) one(n int) {
	status, answer, err := o.send(n)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err != nil: // a time-out among them: the server was there all the time
		o.odd = append(o.odd, err.Error())
	case status == http.StatusOK && answer.Accepted+answer.Duplicate == itemsOf:
		o.acks[n] = time.Now()
	case status == http.StatusServiceUnavailable:
		o.later[n] = struct{}{}
	default:
		o.odd = append(o.odd, fmt.Sprintf("status %d, %+v", status, answer))
	}
}

// send sends a report. That a 503 says when to come again is part of its being one.
func (o *outage) send(n int) (status int, answer api.ReportAnswer, err error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, o.url, strings.NewReader(o.body(n)))
	if err != nil {
		return 0, answer, err
	}
	r.Header.Set("Authorization", "Bearer "+o.key)
	r.Header.Set("Content-Type", api.ContentType)
	resp, err := o.http.Do(r)
	if err != nil {
		return 0, answer, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return 0, answer, err
	case resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "":
		return 0, answer, fmt.Errorf("503 without Retry-After: %s", text)
	case resp.StatusCode == http.StatusOK:
		err = json.Unmarshal(text, &answer)
	}
	return resp.StatusCode, answer, err
}

func (o *outage) counts() (acked, later int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.acks), len(o.later)
}

// ready asks the server itself.
func (o *outage) ready() bool {
	resp, err := o.http.Get(o.process.url + "/readyz")
	must(o.t, err)
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}

// through takes Redis away until the server has noticed, and gives it back until reports are taken again.
func (o *outage) through(name string, down, up func() error) {
	o.t.Helper()
	_, refused := o.counts()
	o.mu.Lock()
	o.kills[name] = time.Now()
	o.mu.Unlock()
	must(o.t, down())
	begun := time.Now()
	o.until(name+": not ready, and reports are refused", func() bool {
		ready := o.ready() // it may take as long as a report, which is refused meanwhile
		_, now := o.counts()
		return !ready && now > refused
	})
	noticed := time.Since(begun)
	must(o.t, up())
	begun = time.Now()
	acked, _ := o.counts()
	o.until(name+": ready, and reports are taken", func() bool {
		now, _ := o.counts()
		return now > acked+outageClients && o.ready()
	})
	now, later := o.counts()
	o.t.Logf("Redis %s: noticed after %v, back after %v; %d acknowledged, %d refused so far", name, noticed.Round(time.Millisecond),
		time.Since(begun).Round(time.Millisecond), now, later)
}

func (o *outage) until(what string, ok func() bool) {
	o.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for tick := time.NewTicker(20 * time.Millisecond); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(o.process.log)
			o.t.Fatalf("not so within two minutes: %s; the end of the log:\n%s", what, text[max(0, len(text)-2000):])
		}
	}
}

// check compares what was answered with what is there.
func (o *outage) check(everysec bool) {
	o.t.Helper()
	if len(o.odd) > 0 {
		o.t.Errorf("%d reports went wrong, the first: %s", len(o.odd), o.odd[0])
	}
	if len(o.acks) < 100 || len(o.later) == 0 {
		o.t.Errorf("only %d acknowledged, %d refused", len(o.acks), len(o.later))
	}
	have := o.permits()
	lost, there := 0, 0
	for n, at := range o.acks {
		missing := o.missing(have, n)
		lost += missing
		if missing > 0 && !(everysec && o.postponed(at)) {
			o.t.Errorf("%d codes of report %d, acknowledged at %v, are lost", missing, n, at)
		}
	}
	for n := range o.later {
		if o.missing(have, n) == 0 {
			there++
		}
	}
	o.t.Logf("%d reports acknowledged, %d codes of them lost; %d refused, of which %d are there", len(o.acks), lost, len(o.later), there)
	// Now each is sent again, as the SDK does with what was refused.
	for n := range o.later {
		status, answer, err := o.send(n)
		if err != nil || status != http.StatusOK || answer.Accepted+answer.Duplicate != itemsOf {
			o.t.Fatalf("report %d again: status %d, %+v, %v", n, status, answer, err)
		}
	}
	have = o.permits()
	if want := itemsOf*(len(o.acks)+len(o.later)) - lost; len(have) != want {
		o.t.Errorf("%d codes are there, %d were reported", len(have), want)
	}
	if n := deposited(o.t, o.process.client); n != int64(len(have)) {
		o.t.Errorf("%d permits were deposited, and %d are there", n, len(have))
	}
	o.checkStore()
}

// postponed tells whether Redis may not have written yet, when it was killed, what was acknowledged at a time.
func (o *outage) postponed(at time.Time) bool {
	killed := o.kills["killed"]
	return at.After(killed.Add(-postponed)) && at.Before(o.kills["paused"])
}

// missing is how many codes of a report are not there.
func (o *outage) missing(have map[string]string, n int) (missing int) {
	for i := range itemsOf {
		if have[o.code(n, i)] != o.userOf(n) {
			missing++
		}
	}
	return missing
}

// permits exports all permits: whose each code is. None may be there twice.
func (o *outage) permits() map[string]string {
	o.t.Helper()
	have := map[string]string{}
	for p, err := range o.process.client.ExportPermits(o.t.Context(), testApp) {
		must(o.t, err)
		if have[p.Code] != "" {
			o.t.Errorf("code %s is there twice", p.Code)
		}
		have[p.Code] = p.OpenID
	}
	return have
}

// checkStore stops the server and proves the invariants on the store itself.
func (o *outage) checkStore() {
	o.t.Helper()
	must(o.t, o.process.cmd.Process.Signal(os.Interrupt))
	if err := o.process.cmd.Wait(); err != nil {
		o.t.Errorf("SIGINT: %v", err)
	}
	s := settings{store: "redis://" + o.redis.Addr(), keyFile: filepath.Join(o.process.dir, "secret.key")}
	sys, err := assemble(o.t.Context(), s, discard())
	must(o.t, err)
	defer func() { must(o.t, sys.store.Close()) }()
	app, err := sys.accounts.App(o.t.Context(), testApp)
	must(o.t, err)
	storetest.MustCheck(o.t, sys.store, storetest.Scope{Apps: []minapush.App{app}, Batches: map[uint32][]string{app.Number: nil}})
}
