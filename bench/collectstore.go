package bench

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/minapush/minapush/store/pebblestore"
)

const (
	collectWriters = 64
	perCollect     = 3
)

// collectStore is collects at the API of the store: each for a user at random who has permits already, 3 new permits and the time seen,
// exact answers, durable before it returns. Its limit is the rate at which the same disk syncs.
func collectStore(ctx context.Context, b *bench) (Result, error) {
	res := Result{Unit: CallsPerSecond, LimitUnit: SyncsPerSecond, Target: Target{RatioAtLeast: 8}}
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
	err = fill(ctx, st, app, users, permitsPerUser)
	if err == nil {
		var rounds []Round
		rounds, err = b.interleave(ctx,
			func(ctx context.Context) (float64, error) { return b.syncRate(ctx, dir) },
			func(ctx context.Context) (float64, error) {
				return rate(ctx, b.piece(), collectWriters, func(r *rand.Rand) (func(context.Context) error, error) {
					return func(ctx context.Context) error {
						now := time.Now().UTC()
						return deposit(ctx, st, app, openID(r.IntN(users)), forms(r, perCollect, now), now)
					}, nil
				})
			})
		res.sum(rounds)
	}
	res.Sizes = map[string]float64{
		"users": float64(users), "permits_per_user": permitsPerUser, "permits_per_call": perCollect, "writers": collectWriters,
		"block": syncedBlock, "seconds": b.Seconds, "rounds": float64(b.Rounds),
	}
	return res, errors.Join(err, st.Close())
}
