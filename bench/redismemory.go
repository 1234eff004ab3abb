package bench

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"time"

	"github.com/minapush/minapush"
)

// redisMemoryUsers is for how many users the target is set.
const redisMemoryUsers = 1_000_000

// redisMemory is what a permit costs Redis (used_memory) in our store, where users earned theirs three at a time and the daily pass has
// been there once. Its limit is the same codes as the recipe's lists of JSON records.
func redisMemory(ctx context.Context, b *bench) (res Result, err error) {
	res = Result{Unit: BytesPerPermit, LimitUnit: BytesPerPermit, Target: Target{RatioAtMost: 0.5}}
	if b.RedisUsers < redisMemoryUsers {
		res.Unjudged = TooSmall
	}
	prefix, done, ok := b.onRedis(ctx, &res)
	if !ok {
		return res, nil
	}
	defer func() { err = errors.Join(err, done()) }()
	users := b.RedisUsers
	permits := float64(users * permitsPerUser)
	res.Sizes = map[string]float64{
		"users": float64(users), "permits_per_user": permitsPerUser, "permits_per_call": perCollect, "shards": float64(shardsFor(users)),
	}
	before, err := b.redis.used(ctx)
	if err != nil {
		return res, err
	}
	asDeltas, swept, err := b.earned(ctx, prefix, users)
	if err != nil {
		return res, err
	}
	res.Sizes["bytes_before_the_pass"] = math.Round(10*float64(asDeltas-before)/permits) / 10
	if err := b.redis.clean(ctx, prefix); err != nil {
		return res, err
	}
	empty, err := b.redis.used(ctx)
	if err != nil {
		return res, err
	}
	if _, err := b.redis.recipeOf(ctx, prefix, madeUp(users), permitsPerUser); err != nil {
		return res, err
	}
	lists, err := b.redis.used(ctx)
	if err != nil {
		return res, err
	}
	res.sum([]Round{over(float64(swept-before)/permits, float64(lists-empty)/permits)})
	return res, nil
}

// earned gives every user permits, three at a time, and tells what the server uses then, and once they were swept.
func (b *bench) earned(ctx context.Context, prefix string, users int) (asDeltas, swept int64, err error) {
	st, err := b.redis.open(ctx, prefix, nil)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	app := storeApp(users)
	for left := permitsPerUser; left > 0; left -= perCollect {
		if err := fill(ctx, st, app, users, min(left, perCollect)); err != nil {
			return 0, 0, err
		}
	}
	if asDeltas, err = b.redis.used(ctx); err != nil {
		return 0, 0, err
	}
	err = each(ctx, app.Shards, claimWorkers, func(ctx context.Context, _ *rand.Rand, n int) error {
		sh := minapush.Shard{App: app.Number, N: uint32(n)}
		for from := minapush.OpenID(""); ; {
			s, err := st.Sweep(ctx, sh, from, 1000, time.Now().UTC())
			if err != nil || s.Next == "" {
				return err
			}
			from = s.Next
		}
	})
	if err != nil {
		return 0, 0, err
	}
	swept, err = b.redis.used(ctx)
	return asDeltas, swept, err
}

// used is what the server uses when it has nothing else to do: its log is written, its buffers are empty.
func (r *redisSide) used(ctx context.Context) (int64, error) {
	var before int64
	err := r.until(ctx, func(ctx context.Context) (bool, error) {
		now, err := r.sum(ctx, "used_memory")
		quiet := now-before < 1<<10 && before-now < 1<<10
		before = now
		return quiet, err
	})
	return before, err
}
