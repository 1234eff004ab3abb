package bench

import (
	"context"
	"errors"
	"time"

	"github.com/minapush/minapush"
)

// recipeLater is a whole broadcast on the embedded store to a platform that takes 50 ms. Its limit is the recipe's whole loop, one user
// after the other: LRANGE, LTRIM, and a message to the same simulator.
func recipeLater(ctx context.Context, b *bench) (Result, error) {
	return b.againstRecipe(ctx, false, 50*time.Millisecond, 512, Target{RatioAtLeast: 100})
}

// redisRecipeLater is the same on the Redis store.
func redisRecipeLater(ctx context.Context, b *bench) (Result, error) {
	return b.againstRecipe(ctx, true, 50*time.Millisecond, 512, Target{RatioAtLeast: 100})
}

// redisRecipeNow is the same to a platform that answers at once, where there is nothing to gain by not waiting.
func redisRecipeNow(ctx context.Context, b *bench) (Result, error) {
	return b.againstRecipe(ctx, true, 0, 128, Target{})
}

// againstRecipe compares whole broadcasts with the recipe's whole loop: the same client, simulator and messages.
func (b *bench) againstRecipe(ctx context.Context, onRedis bool, latency time.Duration, concurrency int, target Target) (res Result, err error) {
	res = Result{Unit: MessagesPerSecond, LimitUnit: MessagesPerSecond, Target: target}
	inFlight := b.inFlight(concurrency)
	if inFlight != concurrency {
		res.Unjudged = OtherConcurrency
	}
	prefix, clean, ok := b.onRedis(ctx, &res)
	if !ok {
		return res, nil
	}
	defer func() { err = errors.Join(err, clean()) }()
	dir, done, err := b.place()
	if err != nil {
		return res, err
	}
	defer done()
	sim, err := b.simulate(b.timedUsers(), 2*b.Rounds+2+permitsPerUser, latency)
	if err != nil {
		return res, err
	}
	defer sim.stop()
	at := ""
	if onRedis {
		at = b.redis.at(prefix)
	}
	w, err := b.startAt(ctx, dir, at, minapush.App{ID: appID, BaseURL: sim.url, Rate: minapush.Unlimited, InFlight: inFlight}, nil)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	openids, err := b.enough(ctx, w, sim.openids, inFlight)
	if err != nil {
		return res, err
	}
	if err := w.subscribe(ctx, openids, b.Rounds); err != nil {
		return res, err
	}
	users := make([]minapush.OpenID, len(sim.openids))
	for i, o := range sim.openids {
		users[i] = minapush.OpenID(o)
	}
	c, err := b.redis.recipeOf(ctx, prefix, users, permitsPerUser)
	if err != nil {
		return res, err
	}
	m := message()
	rounds, err := b.interleave(ctx,
		func(ctx context.Context) (float64, error) {
			return c.loop(ctx, b.piece(), func(ctx context.Context, o minapush.OpenID) error {
				_, err := w.sys.WeChat.Send(ctx, minapush.Outgoing{App: appID, OpenID: o, Batch: "recipe", Message: &m})
				return err
			})
		},
		func(ctx context.Context) (float64, error) {
			took, err := w.broadcast(ctx, len(openids))
			return float64(len(openids)) / took.Seconds(), err
		})
	res.sum(rounds)
	res.Sizes = map[string]float64{
		"users": float64(len(openids)), "in_flight": float64(inFlight), "latency_ms": float64(latency.Milliseconds()),
		"permits_per_user": permitsPerUser, "seconds": b.Seconds, "rounds": float64(b.Rounds), "shards": float64(w.app.Shards),
	}
	return res, err
}
