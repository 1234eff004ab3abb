package pebblestore

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

const (
	// benchPermits names how many permits the benchmarks of the disk put into a store; defaultBenchPermits if it is not set.
	benchPermits        = "MINAPUSH_BENCH_PERMITS"
	defaultBenchPermits = 1_000_000
	// benchVictim names the directory that this test binary fills, to be killed, instead of running tests.
	benchVictim = "MINAPUSH_BENCH_VICTIM"
	// benchPerUser is how many permits a user has, in as many reports as benchReports.
	benchPerUser = 10
)

// benchReports is how many permits each report of a user brings.
var benchReports = [...]int{3, 1, 4, 2}

func permitsToLoad() (int, error) {
	text := os.Getenv(benchPermits)
	if text == "" {
		return defaultBenchPermits, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < benchPerUser {
		return 0, fmt.Errorf("%s must be a number from %d, not %q", benchPermits, benchPerUser, text)
	}
	return n - n%benchPerUser, nil
}

// benchApp has as many shards as its users ask for.
func benchApp(permits int) minapush.App {
	app := minapush.App{Number: 1, Shards: minapush.DefaultShards}
	if permits/benchPerUser > 1_000_000 {
		app.Shards = 4096
	}
	return app
}

// benchReport is the report of a user: real-looking openid, codes that nothing can compress, times of a week, a source.
func benchReport(user, report, first int) (minapush.OpenID, store.Deposit) {
	draw := rand.New(rand.NewPCG(uint64(user), 0))
	o := minapush.OpenID("oUpF8u" + base64.RawURLEncoding.EncodeToString(benchBytes(draw)))
	draw = rand.New(rand.NewPCG(uint64(user), uint64(report)+1))
	taken := at(time.Duration(report*24)*time.Hour + time.Duration(draw.Int64N(int64(24*time.Hour)))).Truncate(time.Second)
	d := store.Deposit{Now: taken}
	for i := range benchReports[report] {
		when := taken.Add(-time.Duration(i) * time.Second)
		d.Permits = append(d.Permits, minapush.Permit{
			Kind: minapush.FormID, Identity: fmt.Sprintf("%x", benchBytes(draw)), Uses: 1, TakenAt: when, ExpiresAt: when.Add(minapush.CodeLife),
			Source: uint16(1 + (first+i)%20),
		})
	}
	return o, d
}

func benchBytes(draw *rand.Rand) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, draw.Uint64()), draw.Uint64())
}

// benchLoad fills a store as an app does: all users report, then all again, from 64 writers at a time.
func benchLoad(deposit func(minapush.OpenID, store.Deposit) error, permits int) error {
	users := permits / benchPerUser
	first := 0
	for report := range benchReports {
		var next atomic.Int64
		var group sync.WaitGroup
		var failed atomic.Pointer[error]
		for range 64 {
			group.Go(func() {
				for n := int(next.Add(1)); n <= users && failed.Load() == nil; n = int(next.Add(1)) {
					if err := deposit(benchReport(n, report, first)); err != nil {
						failed.Store(&err)
					}
				}
			})
		}
		group.Wait()
		if err := failed.Load(); err != nil {
			return *err
		}
		first += benchReports[report]
	}
	return nil
}

// BenchmarkDiskPerPermit is what a permit takes on disk: ten form permits a user, none of them spent yet, compacted. What the log and
// Pebble's own files take beside the tables is told apart: it does not grow with the permits.
func BenchmarkDiskPerPermit(b *testing.B) {
	permits, err := permitsToLoad()
	if err != nil {
		b.Fatal(err)
	}
	app := benchApp(permits)
	for b.Loop() {
		dir := b.TempDir()
		s, err := Open(dir, Config{})
		if err != nil {
			b.Fatal(err)
		}
		err = benchLoad(func(o minapush.OpenID, d store.Deposit) error {
			_, err := s.Deposit(b.Context(), app.Shard(o), o, d)
			return err
		}, permits)
		if err != nil {
			b.Fatal(err)
		}
		if n := benchCount(b, s, app); n != int64(permits) {
			b.Fatalf("%d permits are there, want %d", n, permits)
		}
		if err := s.Compact(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		tables, others := benchSize(b, dir)
		b.ReportMetric(float64(tables)/float64(permits), "B/permit")
		b.ReportMetric(float64(others)/(1<<20), "MiB-beside")
		b.ReportMetric(float64(permits), "permits")
	}
}

// benchSize sums the tables of a directory, and its other files.
func benchSize(b *testing.B, dir string) (tables, others int64) {
	b.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			b.Fatal(err)
		}
		switch filepath.Ext(e.Name()) {
		case ".sst", ".blob":
			tables += info.Size()
		default:
			others += info.Size()
		}
	}
	return tables, others
}

// BenchmarkOpenAfterKill is how long a store takes to open whose process was killed while 64 writers deposited. It is opened from
// memory, as after a restart of the process alone.
func BenchmarkOpenAfterKill(b *testing.B) {
	permits, err := permitsToLoad()
	if err != nil {
		b.Fatal(err)
	}
	killed := filepath.Join(b.TempDir(), "killed")
	benchKill(b, killed)
	tables, others := benchSize(b, killed)
	app := benchApp(permits)
	b.ResetTimer()
	for b.Loop() {
		b.StopTimer()
		dir := filepath.Join(b.TempDir(), "data")
		if err := os.CopyFS(dir, os.DirFS(killed)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		s, err := Open(dir, Config{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if n := benchCount(b, s, app); n < int64(permits) {
			b.Fatalf("%d permits are there of %d that were acknowledged", n, permits)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N), "ms/open")
	b.ReportMetric(float64(tables)/(1<<20), "MiB-tables")
	b.ReportMetric(float64(others)/(1<<20), "MiB-beside")
	b.ReportMetric(float64(permits), "permits")
}

func benchCount(b *testing.B, s *Store, app minapush.App) int64 {
	b.Helper()
	var n int64
	for i := range app.Shards {
		flow, err := s.Flow(b.Context(), minapush.Shard{App: app.Number, N: uint32(i)})
		if err != nil {
			b.Fatal(err)
		}
		n += flow[minapush.FormID].Deposited
	}
	return n
}

// benchKill leaves a directory as kill -9 of a store that took deposits does.
func benchKill(b *testing.B, dir string) {
	b.Helper()
	victim := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^$")
	victim.Env = append(os.Environ(), benchVictim+"="+dir)
	victim.Stderr = b.Output()
	out, err := victim.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		b.Fatal(err)
	}
	said := bufio.NewScanner(out).Scan() // that it is full, and still busy
	_ = victim.Process.Kill()
	_ = victim.Wait()
	if !said {
		b.Fatal("the victim died before it was killed")
	}
}

// runVictim fills a store, says so, and goes on depositing until it is killed.
func runVictim(dir string, say io.Writer) error {
	permits, err := permitsToLoad()
	if err != nil {
		return err
	}
	s, err := Open(dir, Config{})
	if err != nil {
		return err
	}
	app := benchApp(permits)
	var more atomic.Int64
	deposit := func(o minapush.OpenID, d store.Deposit) error {
		_, err := s.Deposit(context.Background(), app.Shard(o), o, d)
		if more.Load() > 0 && more.Add(1) == 5000 {
			fmt.Fprintln(say, "full")
		}
		return err
	}
	if err := benchLoad(deposit, permits); err != nil {
		return err
	}
	more.Add(1)
	var group sync.WaitGroup
	for w := range 64 {
		group.Go(func() {
			for n := permits + w; ; n += 64 {
				if err := deposit(benchReport(n, 0, 0)); err != nil {
					return
				}
			}
		})
	}
	group.Wait()
	return nil
}
