package pebblestore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/pebblestore"
)

func bench(b *testing.B) (*pebblestore.Store, minapush.App) {
	b.Helper()
	s, err := pebblestore.Open(b.TempDir(), pebblestore.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s, minapush.App{Number: 1, Shards: minapush.DefaultShards}
}

func at(d time.Duration) time.Time { return time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC).Add(d) }

func openID(n int) minapush.OpenID {
	return minapush.OpenID(fmt.Sprintf("oUpF8uMuAJO_M2pxb1Q9zN%06d", n))
}

func forms(from, n int) []minapush.Permit {
	ps := make([]minapush.Permit, n)
	for i := range ps {
		ps[i] = minapush.Permit{
			Kind: minapush.FormID, Identity: fmt.Sprintf("%032x", from+i), Uses: 1, TakenAt: at(0), ExpiresAt: at(minapush.CodeLife),
		}
	}
	return ps
}

// BenchmarkDeposit64Writers is collects of three permits with exact answers, synced, from 64 writers.
func BenchmarkDeposit64Writers(b *testing.B) {
	s, app := bench(b)
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range 64 {
		wg.Go(func() {
			for {
				n := int(next.Add(1))
				if n > b.N {
					return
				}
				o := openID(n * 7919 % 20_000)
				d := store.Deposit{Now: at(time.Duration(n) * time.Millisecond), Permits: forms(3*n, 3)}
				if _, err := s.Deposit(b.Context(), app.Shard(o), o, d); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "collects/s")
}

// BenchmarkSync is the disk's own limit: one writer that appends 4 KiB and syncs.
func BenchmarkSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for b.Loop() {
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "syncs/s")
}

// BenchmarkDepositReplays is collects that bring nothing new: they only wait until what they read is synced.
func BenchmarkDepositReplays(b *testing.B) {
	s, app := bench(b)
	o := openID(1)
	d := store.Deposit{Now: at(0), Permits: forms(0, 3)}
	for b.Loop() {
		if _, err := s.Deposit(b.Context(), app.Shard(o), o, d); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkClaimSettle is a campaign without sending: reserve, mark and settle batches of 256, all synced, in 8 shards at a time.
// One operation is one user.
func BenchmarkClaimSettle(b *testing.B) { benchCampaigns(b, false) }

// BenchmarkClaimSettleList is the same for everybody on a list, each with two values. The filling of the list is not part of it.
func BenchmarkClaimSettleList(b *testing.B) { benchCampaigns(b, true) }

func benchCampaigns(b *testing.B, listed bool) {
	s, app := bench(b)
	const users, permits = 60_000, 10
	b.ReportAllocs()
	b.StopTimer()
	done := 0
	for round := 0; done < b.N; round++ {
		if round%permits == 0 {
			load(b, s, app, users, permits, round)
		}
		id := fmt.Sprintf("01ARZ3NDEKTSV4RRFFQ69G5%03d", round)
		if listed {
			fill(b, s, app, users, id)
		}
		batch := batchOf(id)
		batch.Listed = listed
		b.StartTimer()
		done += campaign(b, s, app, batch)
		b.StopTimer()
	}
	b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "users/s")
}

func load(b *testing.B, s *pebblestore.Store, app minapush.App, users, permits, round int) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for {
				n := int(next.Add(1))
				if n > users {
					return
				}
				o := openID(n)
				if _, err := s.Deposit(b.Context(), app.Shard(o), o, store.Deposit{Now: at(0), Permits: forms((round*users+n)*permits, permits)}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// fill puts all users on the list of a campaign, 512 at a time, as a stream brings them.
func fill(b *testing.B, s *pebblestore.Store, app minapush.App, users int, id string) {
	b.Helper()
	byShard := map[minapush.Shard][]store.Listed{}
	add := func(sh minapush.Shard) {
		if _, err := s.AddListed(b.Context(), sh, id, byShard[sh]); err != nil {
			b.Fatal(err)
		}
		byShard[sh] = nil
	}
	for n := range users {
		o := openID(n + 1)
		sh := app.Shard(o)
		byShard[sh] = append(byShard[sh], store.Listed{OpenID: o, Values: map[string]string{"name": fmt.Sprint("user ", n), "city": "深圳"}})
		if len(byShard[sh]) == 512 {
			add(sh)
		}
	}
	for sh := range byShard {
		add(sh)
	}
}

// BenchmarkAddListed is the filling of a list of 50,000, synced call by call. One operation is one user.
func BenchmarkAddListed(b *testing.B) {
	s, app := bench(b)
	const users = 50_000
	done := 0
	for round := 0; done < b.N; round++ {
		fill(b, s, app, users, fmt.Sprint("list ", round))
		done += users
	}
	b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "users/s")
}

func batchOf(id string) store.Batch {
	return store.Batch{
		Campaign: id, Need: store.Need{Kind: minapush.LegacyTemplate, Template: "t", Content: 7}, Started: at(time.Hour), Now: at(time.Hour),
		Limit: 256,
	}
}

// campaign sends to everybody and returns how many got it.
func campaign(b *testing.B, s *pebblestore.Store, app minapush.App, batch store.Batch) int {
	var sent, next atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				n := next.Add(1) - 1
				if n >= int64(app.Shards) {
					return
				}
				k, err := walkShard(b, s, minapush.Shard{App: app.Number, N: uint32(n)}, batch)
				if err != nil {
					b.Error(err)
					return
				}
				sent.Add(int64(k))
			}
		})
	}
	wg.Wait()
	return int(sent.Load())
}

func walkShard(b *testing.B, s *pebblestore.Store, sh minapush.Shard, batch store.Batch) (int, error) {
	ctx := b.Context()
	l, err := s.Acquire(ctx, sh, "bench", time.Hour)
	if err != nil {
		return 0, err
	}
	defer s.Release(ctx, l)
	sent := 0
	for {
		r, err := s.ReserveBatch(ctx, l, batch)
		if err != nil {
			return sent, err
		}
		if len(r.Rows) == 0 && r.Done {
			return sent, nil
		}
		refs := make([]store.Ref, len(r.Rows))
		xs := make([]store.Settlement, len(r.Rows))
		for i, d := range r.Rows {
			refs[i] = store.RefOf(d)
			xs[i] = store.Settlement{Ref: refs[i], Outcome: minapush.Accepted, Permit: store.Spend, MsgID: int64(i), Now: at(time.Hour)}
		}
		if _, err := s.Mark(ctx, l, refs, at(time.Hour)); err != nil {
			return sent, err
		}
		if err := s.Settle(ctx, l, xs); err != nil {
			return sent, err
		}
		sent += len(xs)
	}
}
