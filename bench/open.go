package bench

import (
	"context"
	"path/filepath"
	"time"

	"github.com/minapush/minapush/store/pebblestore"
)

// openPermits is for how many permits the target is set.
const openPermits = 10_000_000

// openAfterKill is how long a store takes to open after the process that was writing to it was killed. What was written last is in the
// log only, and is read back.
func openAfterKill(ctx context.Context, b *bench) (Result, error) {
	res := Result{Unit: Seconds, Target: Target{FigureAtMost: 2}}
	if b.Permits < openPermits {
		res.Unjudged = TooSmall
	}
	users := max(1, b.Permits/permitsPerUser)
	dir, done, err := b.place()
	if err != nil {
		return res, err
	}
	defer done()
	res.Sizes = map[string]float64{
		"users": float64(users), "permits": float64(users * permitsPerUser), "rounds": float64(b.Rounds), "writers": collectWriters,
		"seconds": b.Seconds,
	}
	var rounds []Round
	for n := range b.Rounds {
		took, err := b.killAndOpen(ctx, task{Do: "write", Dir: filepath.Join(dir, "db"), Users: users, Permits: permitsPerUser}, n == 0)
		if err != nil {
			return res, err
		}
		rounds = append(rounds, Round{Figure: took.Seconds()})
	}
	res.sum(rounds)
	return res, nil
}

// killAndOpen lets a child fill the store if it is the first, and write for the time of one piece, kills it and opens the store.
func (b *bench) killAndOpen(ctx context.Context, t task, first bool) (time.Duration, error) {
	if !first {
		t.Permits = 0
	}
	c, err := b.spawn(ctx, t)
	if err != nil {
		return 0, err
	}
	if _, err := c.reply(); err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
	case <-time.After(b.piece()):
	}
	c.kill()
	began := time.Now()
	st, err := pebblestore.Open(t.Dir, pebblestore.Config{})
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	return took, st.Close()
}
