package bench

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// rpushBytes is how long an element of the RPUSH is: as long as a code.
const rpushBytes = 32

// redisCollect is collects at the API of the Redis store: the traffic of collect-store. Its limit is RPUSH of one code on as many
// connections, each waiting for its answer, on the same server.
func redisCollect(ctx context.Context, b *bench) (res Result, err error) {
	res = Result{Unit: CallsPerSecond, LimitUnit: CallsPerSecond, Target: Target{RatioAtLeast: 0.55}}
	prefix, done, ok := b.onRedis(ctx, &res)
	if !ok {
		return res, nil
	}
	defer func() { err = errors.Join(err, done()) }()
	users := b.timedUsers()
	st, err := b.redis.open(ctx, prefix, nil)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	app := storeApp(users)
	if err := fill(ctx, st, app, users, permitsPerUser); err != nil {
		return res, err
	}
	push := b.rpush(prefix + ":mylist")
	rounds, err := b.interleave(ctx,
		func(ctx context.Context) (float64, error) {
			perSecond, by, err := push(ctx)
			res.Notes[noteRPush] = by
			return perSecond, err
		},
		func(ctx context.Context) (float64, error) {
			return rate(ctx, b.piece(), collectWriters, func(r *rand.Rand) (func(context.Context) error, error) {
				return func(ctx context.Context) error {
					now := time.Now().UTC()
					return deposit(ctx, st, app, openID(r.IntN(users)), forms(r, perCollect, now), now)
				}, nil
			})
		})
	res.sum(rounds)
	res.Sizes = map[string]float64{
		"users": float64(users), "permits_per_user": permitsPerUser, "permits_per_call": perCollect, "writers": collectWriters,
		"element": rpushBytes, "seconds": b.Seconds, "rounds": float64(b.Rounds), "shards": float64(app.Shards),
	}
	return res, err
}

// rpush measures RPUSH to a list, which it removes each time, and says who did it: redis-benchmark, which is what the target names, where
// there is one that can reach the server, else a loop of our own.
func (b *bench) rpush(key string) func(context.Context) (perSecond float64, by string, err error) {
	cfg := b.redis.cfg
	_, err := exec.LookPath("redis-benchmark")
	plain := err == nil && len(cfg.Addresses) == 1 && len(b.redis.client.Nodes()) == 1 && cfg.TLS == nil && cfg.Username == "" &&
		cfg.Password == "" && cfg.DB == 0
	guess := 30_000.0
	return func(ctx context.Context) (perSecond float64, by string, err error) {
		defer func() {
			c := b.redis.client
			err = errors.Join(err, c.Do(ctx, c.B().Unlink().Key(key).Build()).Error())
		}()
		if !plain {
			perSecond, err = b.pushLoop(ctx, key)
			return perSecond, rpushLoop, err
		}
		perSecond, err = redisBenchmark(ctx, cfg.Addresses[0], key, max(1000, int(guess*b.Seconds)))
		guess = perSecond
		return perSecond, "redis-benchmark", err
	}
}

// redisBenchmark runs redis-benchmark.
func redisBenchmark(ctx context.Context, addr, key string, n int) (float64, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, "redis-benchmark", "-h", host, "-p", port, "-n", strconv.Itoa(n), "-c", strconv.Itoa(collectWriters),
		"--csv", "RPUSH", key, strings.Repeat("x", rpushBytes))
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("redis-benchmark: %w", err)
	}
	table := csv.NewReader(strings.NewReader(string(out)))
	table.FieldsPerRecord = -1
	lines, err := table.ReadAll()
	if err != nil {
		return 0, fmt.Errorf("read what redis-benchmark says: %w", err)
	}
	for _, line := range lines {
		if len(line) > 1 && strings.HasPrefix(line[0], "RPUSH") {
			return strconv.ParseFloat(line[1], 64)
		}
	}
	return 0, fmt.Errorf("redis-benchmark does not say how many a second: %.200s", out)
}

// pushLoop is redis-benchmark's work done here: as many callers, each on a connection of its own, waiting for each answer.
func (b *bench) pushLoop(ctx context.Context, key string) (float64, error) {
	element := strings.Repeat("x", rpushBytes)
	return rate(ctx, b.piece(), collectWriters, func(r *rand.Rand) (func(context.Context) error, error) {
		key := key + ":" + strconv.FormatUint(r.Uint64(), 36) // in a cluster all nodes have some; they go with the row
		return func(ctx context.Context) error {
			c := b.redis.client
			return c.Do(ctx, c.B().Rpush().Key(key).Element(element).Build()).Error()
		}, nil
	})
}
