package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/pebblestore"
)

const (
	claimBatch   = 256
	claimWorkers = 8
)

// claimSettle is a broadcast without sending: batches are reserved, marked and settled, each step durable. Its limit is the recipe's
// own loop on Redis.
func claimSettle(ctx context.Context, b *bench) (Result, error) {
	res := Result{Unit: PermitsPerSecond, Missing: NeedsRedis, Target: Target{RatioAtLeast: 15}}
	users := b.timedUsers()
	dir, done, err := b.place()
	if err != nil {
		return res, err
	}
	defer done()
	st, err := pebblestore.Open(dir+"/db", pebblestore.Config{})
	if err != nil {
		return res, err
	}
	app := storeApp(users)
	err = fill(ctx, st, app, users, max(permitsPerUser, b.Rounds))
	if err == nil {
		round := 0
		var rounds []Round
		rounds, err = b.repeat(ctx, func(ctx context.Context) (float64, error) {
			round++
			return claimAll(ctx, st, app, users, fmt.Sprintf("01BENCH%019d", round))
		})
		res.sum(rounds)
	}
	res.Sizes = map[string]float64{
		"users": float64(users), "batch": claimBatch, "workers": claimWorkers, "rounds": float64(b.Rounds), "shards": float64(app.Shards),
	}
	return res, errors.Join(err, st.Close())
}

// claimAll spends one permit of every user and returns how many a second.
func claimAll(ctx context.Context, st store.Store, app minapush.App, users int, id string) (float64, error) {
	var spent atomic.Int64
	began := time.Now()
	err := each(ctx, app.Shards, claimWorkers, func(ctx context.Context, _ *rand.Rand, n int) error {
		k, err := claimShard(ctx, st, minapush.Shard{App: app.Number, N: uint32(n)}, id, began.UTC())
		spent.Add(int64(k))
		return err
	})
	took := time.Since(began).Seconds()
	if n := spent.Load(); err == nil && n != int64(users) {
		err = fmt.Errorf("%d of %d users were served", n, users)
	}
	return float64(spent.Load()) / took, err
}

func claimShard(ctx context.Context, st store.Store, sh minapush.Shard, id string, now time.Time) (spent int, err error) {
	lease, err := st.Acquire(ctx, sh, "bench", time.Hour)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, st.Release(ctx, lease)) }()
	batch := store.Batch{
		Campaign: id, Need: store.Need{Kind: minapush.LegacyTemplate, Template: template, Content: 1}, Started: now.Add(time.Second), Now: now,
		Limit: claimBatch,
	}
	for {
		got, err := st.ReserveBatch(ctx, lease, batch)
		if err != nil {
			return spent, err
		}
		if len(got.Rows) == 0 && got.Done {
			return spent, nil
		}
		if err := spend(ctx, st, lease, got.Rows, now); err != nil {
			return spent, err
		}
		spent += len(got.Rows)
	}
}

// spend marks rows and settles them as if WeChat had accepted each.
func spend(ctx context.Context, st store.Store, lease store.Lease, rows []minapush.Delivery, now time.Time) error {
	refs := make([]store.Ref, len(rows))
	settled := make([]store.Settlement, len(rows))
	for i, row := range rows {
		refs[i] = store.RefOf(row)
		settled[i] = store.Settlement{Ref: refs[i], Outcome: minapush.Accepted, Permit: store.Spend, MsgID: int64(i) + 1, Now: now}
	}
	if _, err := st.Mark(ctx, lease, refs, now); err != nil {
		return err
	}
	return st.Settle(ctx, lease, settled)
}
