package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/client"
)

// tableRows is how many rows a large import has: 200 000 in `make test`, a million in `make slow`.
func tableRows(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("MINAPUSH_TEST_ROWS"))
	if err != nil {
		return 200_000
	}
	return n
}

// permitSet is a set of permits as a number: the order does not matter, and how often each is there does.
type permitSet struct {
	rows int
	sum  uint64
}

func (s *permitSet) add(openid, kind, code, template string) {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s|%s|%s|%s", openid, kind, code, template)
	s.rows++
	s.sum += h.Sum64()
}

// writeTable writes a table of that many rows: each user has form ids and subscriptions, which only their line tells apart.
func writeTable(t *testing.T, path string, rows int) (set permitSet) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "openid,kind,code,template,source")
	for i := range rows {
		openid, kind, code, template := fmt.Sprintf("oImported%09d", i%(rows/5)), "form", fmt.Sprintf("%032x", i), ""
		if i%2 == 1 {
			kind, code, template = "subscribe", "", oneTimeT
		}
		fmt.Fprintf(w, "%s,%s,%s,%s,page%d\n", openid, kind, code, template, i%7)
		set.add(openid, kind, code, template)
	}
	must(t, w.Flush())
	must(t, f.Close())
	return set
}

// readTable reads what an export wrote.
func readTable(t *testing.T, path string) (set permitSet) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	for d := json.NewDecoder(bufio.NewReader(f)); ; {
		var p api.PermitRow
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return set
		}
		must(t, err)
		if p.Uses != 1 {
			t.Fatalf("got %+v", p)
		}
		set.add(p.OpenID, p.Kind, p.Code, p.Template)
	}
}

// memory samples what the server takes while rows come in: all of it, not only Go's heap, since Pebble may have memory beside that.
type memory struct {
	url         string
	first, last uint64 // the most while the first half came, and while the second did
	stop        chan struct{}
	ended       chan struct{}
}

func (p *process) watchMemory(secondHalf func() bool) *memory {
	m := &memory{url: p.url, stop: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(m.ended)
		for tick := time.NewTicker(200 * time.Millisecond); ; {
			if n := m.resident(); secondHalf() {
				m.last = max(m.last, n)
			} else {
				m.first = max(m.first, n)
			}
			select {
			case <-m.stop:
				return
			case <-tick.C:
			}
		}
	}()
	return m
}

// Where there is no figure of the process, that of the heap has to do.
var residentBytes = regexp.MustCompile(`(?m)^(?:process_resident_memory_bytes|go_memstats_heap_inuse_bytes) (\S+)$`)

// resident is what the server takes; 0 if it does not answer.
func (m *memory) resident() uint64 {
	answer, err := http.Get(m.url + "/metrics")
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body) // what is missing is not found
	var most float64
	for _, found := range residentBytes.FindAllSubmatch(text, -1) {
		n, _ := strconv.ParseFloat(string(found[1]), 64) // 0 is not taken for a figure
		most = max(most, n)
	}
	return uint64(most)
}

// end ends the sampling. While the second half came, the server must not have taken much more than while the first did: a cache and a
// few tables of Pebble at most, and nothing that grows with the rows.
func (m *memory) end(t *testing.T) {
	t.Helper()
	close(m.stop)
	<-m.ended
	t.Logf("memory of the server: %d MiB at most in the first half, %d MiB in the second", m.first>>20, m.last>>20)
	const cache, tables = 64 << 20, 32 << 20
	if m.first == 0 || m.last == 0 || m.last > m.first+cache+tables || m.last > 500<<20 {
		t.Errorf("memory is not flat: %d bytes, then %d", m.first, m.last)
	}
}

// TestALargeImportIsFlatAndSurvivesBeingKilled imports a large table into a server that is a process of its own. Half-way the import is
// killed, and the server too; the command that was then printed goes on. No row is there twice, none is missing, and an export gives back
// the same set.
func TestALargeImportIsFlatAndSurvivesBeingKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("a large table; make test has it")
	}
	rows, dir := tableRows(t), t.TempDir()
	table := filepath.Join(t.TempDir(), "permits.csv")
	want := writeTable(t, table, rows)
	p := startProcess(t, dir)
	_, err := p.client.CreateApp(t.Context(), api.NewApp{AppID: testApp, Shards: 64, Guards: noGuards()})
	must(t, err)
	begun := time.Now()
	goOn := importHalf(t, p, table, int64(rows))
	p.kill(t)

	p = startProcess(t, dir)
	before := deposited(t, p.client)
	var came atomic.Bool
	m := p.watchMemory(came.Load)
	status, stdout, stderr := runOn(t.Context(), t, p, &secondHalf{rows: rows, came: &came}, goOn...)
	if status != 0 {
		t.Fatalf("status %d: %s%s", status, stdout, stderr)
	}
	m.end(t)
	t.Logf("%d rows in %v, %d of them before the kill", rows, time.Since(begun).Round(time.Second), before)
	wantAll(t, stdout, thousands(int64(rows)-before), thousands(before)) // taken in, and there already
	if n := deposited(t, p.client); n != int64(rows) || before < int64(rows)/3 || before > int64(rows)*9/10 {
		t.Errorf("%d permits of %d rows are there, %d before the kill", n, rows, before)
	}
	out := filepath.Join(t.TempDir(), "out.ndjson")
	if status, _, stderr := runOn(t.Context(), t, p, nil, "permits", "export", "-o", out); status != 0 {
		t.Fatal(stderr)
	}
	if got := readTable(t, out); got != want {
		t.Errorf("the export has %d rows, %d were imported; the same set: %v", got.rows, want.rows, got.sum == want.sum)
	}
}

// importHalf imports until about half the rows are there, is interrupted, and returns the arguments of the command that goes on.
func importHalf(t *testing.T, p *process, table string, rows int64) []string {
	t.Helper()
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	go func() {
		for tick := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			if flow, err := p.client.Flow(ctx, testApp); err == nil && sumOf(flow) >= rows/2 {
				kill()
			}
		}
	}()
	status, _, stderr := runOn(ctx, t, p, nil, "permits", "import", table, "--app", testApp)
	_, line, found := strings.Cut(stderr, "\n  minapush permits import")
	if status != 1 || !found {
		t.Fatalf("status %d, and it does not say how to go on: %s", status, stderr)
	}
	line, _, _ = strings.Cut(line, "\n")
	return append([]string{"permits", "import"}, strings.Fields(line)...)
}

// secondHalf is a place for what a command says of its progress, and notices when half of the rows are through.
type secondHalf struct {
	bytes.Buffer
	rows int
	came *atomic.Bool
}

var rowsSaid = regexp.MustCompile(`([0-9,]+) rows`)

// Write keeps what is said.
func (s *secondHalf) Write(p []byte) (int, error) {
	if found := rowsSaid.FindSubmatch(p); found != nil {
		n, _ := strconv.Atoi(strings.ReplaceAll(string(found[1]), ",", ""))
		if n >= s.rows/2 {
			s.came.Store(true)
		}
	}
	return s.Buffer.Write(p)
}

// runOn runs a command against a process, in a context of its own.
func runOn(ctx context.Context, t *testing.T, p *process, said *secondHalf, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	key, err := readKey(p.dir)
	must(t, err)
	environ := map[string]string{"MINAPUSH_SERVER": p.url, "MINAPUSH_KEY": key}
	e := &env{stdout: &out, stderr: &errs, getenv: func(k string) string { return environ[k] }, environ: func() []string { return nil }}
	if said != nil {
		e.stderr = said
	}
	status = runIn(ctx, e, args)
	if said != nil {
		return status, out.String(), said.String()
	}
	return status, out.String(), errs.String()
}

func sumOf(f api.Flow) (n int64) {
	for _, k := range f.Kinds {
		n += k.Deposited
	}
	return n
}

func deposited(t *testing.T, c *client.Client) int64 {
	t.Helper()
	flow, err := c.Flow(t.Context(), testApp)
	must(t, err)
	return sumOf(flow)
}
