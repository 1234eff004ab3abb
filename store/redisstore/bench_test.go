package redisstore

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/redisstore/redistest"
)

// What is measured is compared to what the same server does in the same run: take the ratios, not the numbers.
const (
	benchUsers   = 100_000
	benchShards  = 32
	benchPermits = 10
)

func benchStart() time.Time { return time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC) }

func benchApp() minapush.App { return minapush.App{Number: 1, Shards: benchShards} }

func benchUser(i int) minapush.OpenID { return minapush.OpenID(fmt.Sprintf("oBench_%021d", i)) }

// benchForms are new permits with codes as WeChat gave them, which end in the order in which they were taken, or nearly.
func benchForms(r *rand.Rand, n int, at time.Time) []minapush.Permit {
	list := make([]minapush.Permit, n)
	for i := range list {
		var code [16]byte
		for j := range code {
			code[j] = byte(r.Uint32())
		}
		taken := at.Add(time.Duration(i) * time.Second)
		list[i] = minapush.Permit{
			Kind: minapush.FormID, Identity: hex.EncodeToString(code[:]), TakenAt: taken, ExpiresAt: taken.Add(minapush.CodeLife),
		}
	}
	return list
}

// benchServer is a server as it is run, with its log synced every second. It does not rewrite its log, which it would do again and again
// while that is small, with half of a small machine.
func benchServer(b *testing.B) *redistest.Server {
	return redistest.One(b, "appendfsync everysec", "auto-aof-rewrite-percentage 0")
}

func benchOpen(b *testing.B, addr string) *Store {
	s, err := Open(b.Context(), Config{Addresses: []string{addr}, Prefix: newPrefix()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// workers runs f for 0 to n on so many goroutines.
func workers(b *testing.B, many, n int, f func(r *rand.Rand, i int) error) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range many {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), uint64(n)))
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(r, i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func benchDeposit(ctx context.Context, s *Store, r *rand.Rand, i, n int, at time.Time) error {
	o := benchUser(i)
	_, err := s.Deposit(ctx, benchApp().Shard(o), o, store.Deposit{Now: at, Permits: benchForms(r, n, at)})
	return err
}

func benchFill(b *testing.B, s *Store) {
	b.Helper()
	workers(b, 64, benchUsers, func(r *rand.Rand, i int) error {
		return benchDeposit(b.Context(), s, r, i, benchPermits, benchStart())
	})
}

// rpush is how many RPUSH of 32 bytes a second the server takes from 64 connections that each wait for their answers.
func rpush(b *testing.B, server *redistest.Server) float64 {
	b.Helper()
	_, port, _ := strings.Cut(server.Addr(), ":")
	out, err := exec.Command("redis-benchmark", "-p", port, "-t", "rpush", "-n", "150000", "-c", "64", "-d", "32", "--csv").Output()
	if err != nil {
		b.Skip(err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), ",")
		if len(f) > 1 && strings.Contains(f[0], "RPUSH") {
			rate, err := strconv.ParseFloat(strings.Trim(f[1], `"`), 64)
			if err != nil {
				b.Fatal(err)
			}
			return rate
		}
	}
	b.Fatalf("redis-benchmark said %s", out)
	return 0
}

// BenchmarkCollect is deposits of 3 permits to users who have 10, by 64 callers, against RPUSH.
func BenchmarkCollect(b *testing.B) {
	server := benchServer(b)
	s := benchOpen(b, server.Addr())
	benchFill(b, s)
	limit := rpush(b, server)
	b.ResetTimer()
	workers(b, 64, b.N, func(r *rand.Rand, i int) error {
		return benchDeposit(b.Context(), s, r, r.IntN(benchUsers), 3, benchStart().Add(time.Duration(i)*time.Millisecond))
	})
	b.StopTimer()
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "collects/s")
	b.ReportMetric(rate/limit, "of_rpush")
	b.ReportMetric(float64(s.again.Load()), "again")
}

// BenchmarkClaim is batches of 256 reserved, marked and settled by 8 callers, against the recipe's own loop: one user after the other,
// LRANGE, all records read, and LTRIM. Each round of it takes one permit of every user. The processor time of both sides says more than
// the ratio on a machine that does other things, too.
func BenchmarkClaim(b *testing.B) {
	server := benchServer(b)
	s := benchOpen(b, server.Addr())
	benchFill(b, s)
	limit := recipe(b, s)
	server0, client0 := serverCPU(b, server), clientCPU(b)
	b.ResetTimer()
	claims := 0
	for n := range b.N {
		workers(b, 8, benchShards, func(_ *rand.Rand, i int) error {
			return benchClaim(b.Context(), s, minapush.Shard{App: 1, N: uint32(i)}, fmt.Sprintf("01BENCH%019d", n))
		})
		claims += benchUsers
		if n == benchPermits-1 {
			break // there are no more permits
		}
	}
	b.StopTimer()
	b.ReportMetric(float64((serverCPU(b, server)-server0).Nanoseconds())/1000/float64(claims), "server_us/claim")
	b.ReportMetric(float64((clientCPU(b)-client0).Nanoseconds())/1000/float64(claims), "client_us/claim")
	rate := float64(claims) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "claims/s")
	b.ReportMetric(rate/limit, "of_recipe")
	b.ReportMetric(float64(s.again.Load()), "again")
}

// BenchmarkClaimWhileCollecting is BenchmarkClaim while 16 callers deposit as fast as they can, for users of the same shards: again
// is how many steps began anew since somebody else was first, of how many.
func BenchmarkClaimWhileCollecting(b *testing.B) {
	server := benchServer(b)
	s := benchOpen(b, server.Addr())
	benchFill(b, s)
	ctx, cancel := context.WithCancel(b.Context())
	var deposits atomic.Int64
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for r := rand.New(rand.NewPCG(uint64(w), 1)); ctx.Err() == nil; deposits.Add(1) {
				if err := benchDeposit(b.Context(), s, r, r.IntN(benchUsers), 3, benchStart()); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	b.ResetTimer()
	for n := range b.N {
		workers(b, 8, benchShards, func(_ *rand.Rand, i int) error {
			return benchClaim(b.Context(), s, minapush.Shard{App: 1, N: uint32(i)}, fmt.Sprintf("01BENCH%019d", n))
		})
	}
	b.StopTimer()
	cancel()
	wg.Wait()
	b.ReportMetric(float64(b.N*benchUsers)/b.Elapsed().Seconds(), "claims/s")
	b.ReportMetric(float64(deposits.Load())/b.Elapsed().Seconds(), "collects/s")
	b.ReportMetric(float64(s.again.Load())/float64(b.N), "again")
	b.ReportMetric(3*benchUsers/256, "steps")
}

func benchClaim(ctx context.Context, s *Store, sh minapush.Shard, id string) error {
	lease, err := s.Acquire(ctx, sh, "bench", time.Hour)
	if err != nil {
		return err
	}
	now := benchStart().Add(time.Hour)
	batch := store.Batch{Campaign: id, Need: store.Need{Kind: minapush.LegacyTemplate, Template: "t"}, Started: now, Now: now, Limit: 256}
	for {
		got, err := s.ReserveBatch(ctx, lease, batch)
		if err != nil {
			return err
		}
		if len(got.Rows) == 0 && got.Done {
			return s.Release(ctx, lease)
		}
		refs, xs := make([]store.Ref, len(got.Rows)), make([]store.Settlement, len(got.Rows))
		for i, d := range got.Rows {
			refs[i] = store.RefOf(d)
			xs[i] = store.Settlement{Ref: refs[i], Outcome: minapush.Accepted, Permit: store.Spend, MsgID: int64(i) + 1, Now: now}
		}
		if _, err := s.Mark(ctx, lease, refs, now); err != nil {
			return err
		}
		if err := s.Settle(ctx, lease, xs); err != nil {
			return err
		}
	}
}

// recipe is how many users a second the recipe's own loop serves, without sending.
func recipe(b *testing.B, s *Store) float64 {
	b.Helper()
	const users = 10_000
	c, ctx := s.client, b.Context()
	key := func(i int) string { return fmt.Sprintf("recipe:%d", i) }
	cmds := make(rueidis.Commands, 0, users)
	for i := range users {
		e := `{"formId":"0123456789abcdef0123456789abcdef","expire":1775000000000}`
		cmds = append(cmds, c.B().Rpush().Key(key(i)).Element(e, e, e, e, e, e, e, e, e, e).Build())
	}
	c.DoMulti(ctx, cmds...)
	began := time.Now()
	for i := range users {
		list, err := c.Do(ctx, c.B().Lrange().Key(key(i)).Start(0).Stop(-1).Build()).AsStrSlice()
		if err != nil {
			b.Fatal(err)
		}
		for _, text := range list {
			var code struct {
				FormID string `json:"formId"`
				Expire int64  `json:"expire"`
			}
			if err := json.Unmarshal([]byte(text), &code); err != nil {
				b.Fatal(err)
			}
		}
		if err := c.Do(ctx, c.B().Ltrim().Key(key(i)).Start(1).Stop(-1).Build()).Error(); err != nil {
			b.Fatal(err)
		}
	}
	return users / time.Since(began).Seconds()
}

// BenchmarkMemory is what one user with ten permits costs the server: deposited at once, and three at a time before and after a sweep.
func BenchmarkMemory(b *testing.B) {
	for range b.N {
		server := benchServer(b)
		s := benchOpen(b, server.Addr())
		empty := used(b, server)
		benchFill(b, s)
		b.ReportMetric(float64(used(b, server)-empty)/benchUsers, "B/user")
		s = benchOpen(b, server.Addr())
		before := used(b, server)
		for _, n := range []int{3, 3, 3, 1} {
			workers(b, 64, benchUsers, func(r *rand.Rand, i int) error { return benchDeposit(b.Context(), s, r, i, n, benchStart()) })
		}
		b.ReportMetric(float64(used(b, server)-before)/benchUsers, "B/user_by_3")
		for n := range benchShards {
			if _, err := s.Sweep(b.Context(), minapush.Shard{App: 1, N: uint32(n)}, "", benchUsers, benchStart()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(used(b, server)-before)/benchUsers, "B/user_by_3_swept")
	}
}

func used(b *testing.B, server *redistest.Server) int {
	b.Helper()
	text, err := server.Do("INFO", "memory")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(text, "used_memory:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkConfirm is confirmations of the settled rows of a campaign, one call each, by 16 callers, beside what it costs to settle one
// row in a call, which is what a confirmation is, and 256. Shards are as large as they become. It measures once, whatever b.N.
func BenchmarkConfirm(b *testing.B) {
	const users = 16_000
	app := minapush.App{Number: 1, Shards: 4}
	server := benchServer(b)
	s := benchOpen(b, server.Addr())
	workers(b, 64, users, func(r *rand.Rand, i int) error {
		o := benchUser(i)
		_, err := s.Deposit(b.Context(), app.Shard(o), o, store.Deposit{Now: benchStart(), Permits: benchForms(r, 2, benchStart())})
		return err
	})
	for _, atOnce := range []int{256, 1} {
		cpu, log := time.Duration(0), 0
		for n := range uint32(app.Shards) {
			benchSettle(b, s, minapush.Shard{App: 1, N: n}, fmt.Sprintf("01BENCH%019d", atOnce), atOnce, func(settle func()) {
				c, l := serverCPU(b, server), logSize(b, server)
				settle()
				cpu, log = cpu+serverCPU(b, server)-c, log+logSize(b, server)-l
			})
		}
		b.ReportMetric(float64(cpu.Nanoseconds())/1000/users, fmt.Sprintf("server_us/settle_%d", atOnce))
		b.ReportMetric(float64(log)/users, fmt.Sprintf("log_B/settle_%d", atOnce))
	}
	cpu, log, memory, again := serverCPU(b, server), logSize(b, server), used(b, server), s.again.Load()
	began := time.Now()
	workers(b, 16, users, func(_ *rand.Rand, i int) error {
		o := benchUser(i)
		_, _, err := s.Confirm(b.Context(), app.Shard(o), fmt.Sprintf("01BENCH%019d", 256), o, "", store.Confirmation{
			Word: minapush.Delivered, MsgID: 1 << 60, Status: "success", At: benchStart(),
		})
		return err
	})
	b.ReportMetric(users/time.Since(began).Seconds(), "confirms/s")
	b.ReportMetric(float64((serverCPU(b, server)-cpu).Nanoseconds())/1000/users, "server_us/confirm")
	b.ReportMetric(float64(logSize(b, server)-log)/users, "log_B/confirm")
	b.ReportMetric(float64(used(b, server)-memory)/users, "B/confirm")
	b.ReportMetric(float64(s.again.Load()-again)/users, "again/confirm")
}

// benchSettle runs a campaign in a shard. What settles rows of it, so many in a call, is given to measure.
func benchSettle(b *testing.B, s *Store, sh minapush.Shard, id string, atOnce int, measure func(settle func())) {
	b.Helper()
	ctx, now := b.Context(), benchStart().Add(time.Hour)
	l, err := s.Acquire(ctx, sh, "bench", time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	batch := store.Batch{Campaign: id, Need: store.Need{Kind: minapush.LegacyTemplate, Template: "t"}, Started: now, Now: now, Limit: 256}
	for {
		got, err := s.ReserveBatch(ctx, l, batch)
		if err != nil {
			b.Fatal(err)
		}
		if len(got.Rows) == 0 {
			break
		}
		if _, err := s.Mark(ctx, l, refsOf(got.Rows), now); err != nil {
			b.Fatal(err)
		}
		measure(func() {
			for page := range slices.Chunk(got.Rows, atOnce) {
				xs := make([]store.Settlement, len(page))
				for i, d := range page {
					xs[i] = store.Settlement{Ref: store.RefOf(d), Outcome: minapush.Accepted, Permit: store.Spend, MsgID: 1 << 60, Now: now}
				}
				if err := s.Settle(ctx, l, xs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	if err := s.Release(ctx, l); err != nil {
		b.Fatal(err)
	}
}

// logSize is how long the server's log is.
func logSize(b *testing.B, server *redistest.Server) int {
	b.Helper()
	text, err := server.Do("INFO", "persistence")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, found := strings.Cut(text, "aof_current_size:")
	if !found {
		b.Fatal("the server keeps no log")
	}
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkSubscribe is a report of one subscription to users who have three of that template, which they took on the days before: half of
// them reported only, half told of by an event, too. It does so by deposit.lua, and by it as if all that could pair did, which was the
// way of each of them before it looked at times. slow is the share that was decided over the whole record.
func BenchmarkSubscribe(b *testing.B) {
	const users, round = 10_000, 10_000
	server := benchServer(b)
	ways := []*Store{benchOpen(b, server.Addr()), benchOpen(b, server.Addr())}
	closer := *ways[1].scripts
	closer.deposit.text = strings.Replace(closer.deposit.text, "if taken(v,", "if true or taken(v,", 1)
	sum := sha1.Sum([]byte(closer.deposit.text))
	closer.deposit.hash = hex.EncodeToString(sum[:])
	if ways[1].scripts = &closer; closer.deposit.text == ways[0].scripts.deposit.text {
		b.Fatal("the scripts are the same")
	}
	names := []string{"new", "old"}
	report := func(s *Store, i int, by minapush.Evidence, taken time.Time) error {
		p := minapush.Permit{Kind: minapush.Subscription, Template: "6Aq3yHjXkzY0XQnUlwU2CR0b2ZTl2Tn1QwCEhBhXhQ8", TakenAt: taken, Evidence: by}
		p.Identity = fmt.Sprint("nonce", by, taken.UnixNano())
		o := benchUser(i)
		_, err := s.Deposit(b.Context(), benchApp().Shard(o), o, store.Deposit{Now: taken, Permits: []minapush.Permit{p}})
		return err
	}
	for _, s := range ways {
		workers(b, 64, users, func(_ *rand.Rand, i int) error {
			for day := range 3 {
				taken := benchStart().Add(time.Duration(day-3)*24*time.Hour + time.Duration(i)*time.Second)
				for n := range 1 + i%2 {
					if err := report(s, i, minapush.ByClient+minapush.Evidence(n), taken.Add(time.Duration(n)*time.Second)); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	took, spent, used, calls := [2]time.Duration{}, [2]time.Duration{}, [2]time.Duration{}, [2]int{}
	b.ResetTimer()
	done := 0
	for ; done == 0 || done < b.N; done += round {
		for w, s := range ways {
			began, sc, cc, n := time.Now(), serverCPU(b, server), clientCPU(b), scriptCalls(b, server)
			workers(b, 64, round, func(r *rand.Rand, i int) error {
				return report(s, r.IntN(users), minapush.ByClient, benchStart().Add(time.Duration(done+i)*time.Millisecond))
			})
			took[w] += time.Since(began)
			spent[w], used[w], calls[w] = spent[w]+serverCPU(b, server)-sc, used[w]+clientCPU(b)-cc, calls[w]+scriptCalls(b, server)-n
		}
	}
	b.StopTimer()
	for w, name := range names {
		b.ReportMetric(float64(done)/took[w].Seconds(), name+"_reports/s")
		b.ReportMetric(float64(spent[w].Nanoseconds())/1000/float64(done), name+"_server_us/report")
		b.ReportMetric(float64(used[w].Nanoseconds())/1000/float64(done), name+"_client_us/report")
		b.ReportMetric(float64(calls[w]-done)/float64(done), name+"_slow")
	}
	b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "new/old")
}

// scriptCalls is how many scripts the server ran.
func scriptCalls(b *testing.B, server *redistest.Server) int {
	b.Helper()
	text, err := server.Do("INFO", "commandstats")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(text, "cmdstat_evalsha:calls=")
	digits, _, _ := strings.Cut(rest, ",")
	n, err := strconv.Atoi(digits)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkBeside is users examined in batches of 256 by 8 callers, of whom none is in the audience: when it asks only of the user, and
// when it asks of a campaign that all of them got, too. It measures once, whatever b.N.
func BenchmarkBeside(b *testing.B) {
	server := benchServer(b)
	s := benchOpen(b, server.Addr())
	benchFill(b, s)
	shard := func(i int) minapush.Shard { return minapush.Shard{App: 1, N: uint32(i)} }
	workers(b, 8, benchShards, func(_ *rand.Rand, i int) error { return benchClaim(b.Context(), s, shard(i), "all") })
	for _, beside := range [][]string{nil, {"all"}} {
		began, sc, cc := time.Now(), serverCPU(b, server), clientCPU(b)
		workers(b, 8, benchShards, func(_ *rand.Rand, i int) error { return benchExamine(b.Context(), s, shard(i), beside) })
		name := fmt.Sprint("/user_", len(beside))
		b.ReportMetric(benchUsers/time.Since(began).Seconds(), "users_"+fmt.Sprint(len(beside))+"/s")
		b.ReportMetric(float64((serverCPU(b, server)-sc).Nanoseconds())/1000/benchUsers, "server_us"+name)
		b.ReportMetric(float64((clientCPU(b)-cc).Nanoseconds())/1000/benchUsers, "client_us"+name)
	}
}

// benchExamine walks a shard for a campaign that nobody gets.
func benchExamine(ctx context.Context, s *Store, sh minapush.Shard, beside []string) error {
	lease, err := s.Acquire(ctx, sh, "bench", time.Hour)
	if err != nil {
		return err
	}
	now := benchStart().Add(2 * time.Hour)
	batch := store.Batch{
		Campaign: fmt.Sprint("asks ", len(beside)), Need: store.Need{Kind: minapush.LegacyTemplate, Template: "t"},
		Started: now, Now: now, Limit: 256, Beside: beside,
		Audience: func(u *store.User) bool { return len(beside) > 0 && u.Beside[0].Row.Outcome != minapush.Accepted },
	}
	for {
		got, err := s.ReserveBatch(ctx, lease, batch)
		if err != nil {
			return err
		}
		if len(got.Rows) > 0 {
			return fmt.Errorf("%d users did not get it", len(got.Rows))
		}
		if got.Done {
			return s.Release(ctx, lease)
		}
	}
}
