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
	"github.com/minapush/minapush/store/redisstore"
)

const (
	claimBatch   = 256
	claimWorkers = 8
	// claimShardUsers is how many users a shard has in an app of a million.
	claimShardUsers = 4000
)

// claimApp is an app whose shards are as large as those of an app of a million users, so that batches are as full as they are there.
func claimApp(users int) minapush.App {
	return minapush.App{Number: 1, Shards: max(claimWorkers, users/claimShardUsers)}
}

// claimSettle is a broadcast without sending: batches are reserved, marked and settled, each step durable. Its limit is the recipe's
// own loop on Redis, without sending.
func claimSettle(ctx context.Context, b *bench) (res Result, err error) {
	res = Result{Unit: PermitsPerSecond, Target: Target{RatioAtLeast: 15}}
	dir, done, err := b.place()
	if err != nil {
		return res, err
	}
	defer done()
	st, err := pebblestore.Open(dir+"/db", pebblestore.Config{})
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if b.redis == nil {
		res.Missing = NeedsRedis
		return res, b.claims(ctx, &res, st, nil)
	}
	b.redis.noted(&res)
	prefix, clean := b.redis.fresh(ctx)
	defer func() { err = errors.Join(err, clean()) }()
	return res, b.claimsAgainstRecipe(ctx, &res, st, prefix)
}

// redisClaim is the same on the Redis store, on the very server of the recipe.
func redisClaim(ctx context.Context, b *bench) (res Result, err error) {
	res = Result{Unit: PermitsPerSecond, Target: Target{RatioAtLeast: 12}}
	prefix, done, ok := b.onRedis(ctx, &res)
	if !ok {
		return res, nil
	}
	defer func() { err = errors.Join(err, done()) }()
	st, err := b.redis.open(ctx, prefix, nil)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return res, b.claimsAgainstRecipe(ctx, &res, st, prefix)
}

// redisWait is claims of which each marked batch waits for a replica (WAIT 1). Its limit is the same without waiting.
func redisWait(ctx context.Context, b *bench) (res Result, err error) {
	res = Result{Unit: PermitsPerSecond, LimitUnit: PermitsPerSecond}
	prefix, done, ok := b.onRedis(ctx, &res)
	if !ok {
		return res, nil
	}
	defer func() { err = errors.Join(err, done()) }()
	if b.redis.own != nil {
		unfollow, err := b.follow(ctx, b.redis.own)
		if err != nil {
			return res, err
		}
		defer unfollow()
	} else if has, err := b.redis.followed(ctx); err != nil || !has {
		res.Skipped = NeedsReplica
		return res, err
	}
	st, err := b.redis.open(ctx, prefix, func(c *redisstore.Config) { c.WaitReplicas = 0 })
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	waiting, err := b.redis.open(ctx, prefix, func(c *redisstore.Config) { c.WaitReplicas = 1 })
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, waiting.Close()) }()
	users := b.timedUsers()
	app := claimApp(users)
	if err := fill(ctx, st, app, users, max(permitsPerUser, 2*b.Rounds+1)); err != nil {
		return res, err
	}
	claim := claimer(app, users)
	rounds, err := b.interleave(ctx,
		func(ctx context.Context) (float64, error) { return claim(ctx, st) },
		func(ctx context.Context) (float64, error) { return claim(ctx, waiting) })
	res.sum(rounds)
	res.Sizes = b.claimSizes(app, users)
	return res, err
}

// claimsAgainstRecipe measures claims and the recipe's loop in turns.
func (b *bench) claimsAgainstRecipe(ctx context.Context, res *Result, st store.Store, prefix string) error {
	res.LimitUnit = PermitsPerSecond
	c, err := b.redis.recipeOf(ctx, prefix, madeUp(b.timedUsers()), permitsPerUser)
	if err != nil {
		return err
	}
	return b.claims(ctx, res, st, func(ctx context.Context) (float64, error) { return c.loop(ctx, b.piece(), nil) })
}

// claims fills a store and measures claims of all its users, with a limit or without.
func (b *bench) claims(ctx context.Context, res *Result, st store.Store, limit func(context.Context) (float64, error)) error {
	users := b.timedUsers()
	app := claimApp(users)
	res.Sizes = b.claimSizes(app, users)
	if err := fill(ctx, st, app, users, max(permitsPerUser, b.Rounds)); err != nil {
		return err
	}
	claim := claimer(app, users)
	figure := func(ctx context.Context) (float64, error) { return claim(ctx, st) }
	var rounds []Round
	var err error
	if limit == nil {
		rounds, err = b.repeat(ctx, figure)
	} else {
		rounds, err = b.interleave(ctx, limit, figure)
	}
	res.sum(rounds)
	return err
}

func (b *bench) claimSizes(app minapush.App, users int) map[string]float64 {
	return map[string]float64{
		"users": float64(users), "batch": claimBatch, "workers": claimWorkers, "rounds": float64(b.Rounds), "shards": float64(app.Shards),
		"permits_per_user": permitsPerUser, "seconds": b.Seconds,
	}
}

// claimer claims in one campaign after the other.
func claimer(app minapush.App, users int) func(context.Context, store.Store) (float64, error) {
	campaign := 0
	return func(ctx context.Context, st store.Store) (float64, error) {
		campaign++
		return claimAll(ctx, st, app, users, fmt.Sprintf("01BENCH%019d", campaign))
	}
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
