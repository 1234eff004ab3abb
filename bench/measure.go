package bench

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// interleave measures limit and figure in turns, the limit first and last. The limit of a round is the mean of those before and after
// it, so that a machine that becomes slower or faster meanwhile does so for both.
func (b *bench) interleave(ctx context.Context, limit, figure func(context.Context) (float64, error)) ([]Round, error) {
	before, err := limit(ctx)
	if err != nil {
		return nil, err
	}
	var rounds []Round
	for n := range b.Rounds {
		got, err := b.profiled(ctx, n == b.Rounds-1, figure)
		if err != nil {
			return nil, err
		}
		after, err := limit(ctx)
		if err != nil {
			return nil, err
		}
		rounds = append(rounds, over(got, (before+after)/2))
		before = after
	}
	return rounds, nil
}

// repeat measures what has no limit.
func (b *bench) repeat(ctx context.Context, figure func(context.Context) (float64, error)) ([]Round, error) {
	var rounds []Round
	for n := range b.Rounds {
		got, err := b.profiled(ctx, n == b.Rounds-1, figure)
		if err != nil {
			return nil, err
		}
		rounds = append(rounds, Round{Figure: got})
	}
	return rounds, nil
}

// rate calls what each of so many workers makes, one call after the other, for the time given, and returns how many calls a second
// there were. The first error ends it.
func rate(ctx context.Context, d time.Duration, workers int, worker func(*rand.Rand) (func(context.Context) error, error)) (float64, error) {
	var calls atomic.Int64
	var failed atomic.Bool
	errs := make([]error, workers)
	steps := make([]func(context.Context) error, workers)
	for i := range workers {
		var err error
		if steps[i], err = worker(rand.New(rand.NewPCG(rand.Uint64(), uint64(i)))); err != nil {
			return 0, err
		}
	}
	var all sync.WaitGroup
	began := time.Now()
	for i := range workers {
		all.Go(func() {
			n := int64(0)
			for errs[i] == nil && time.Since(began) < d && ctx.Err() == nil && !failed.Load() {
				errs[i] = steps[i](ctx)
				n++
			}
			if errs[i] != nil {
				failed.Store(true)
			}
			calls.Add(n)
		})
	}
	all.Wait()
	took := time.Since(began).Seconds()
	if err := errors.Join(ctx.Err(), errors.Join(errs...)); err != nil {
		return 0, err
	}
	return float64(calls.Load()) / took, nil
}

// each calls f with 0 to n-1 from so many workers. The first error ends it.
func each(ctx context.Context, n, workers int, f func(context.Context, *rand.Rand, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			r := rand.New(rand.NewPCG(rand.Uint64(), uint64(w)))
			for i := next.Add(1) - 1; i < int64(n) && ctx.Err() == nil; i = next.Add(1) - 1 {
				if err := f(ctx, r, int(i)); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// median is the middle of an odd number of values, the mean of the two in the middle of an even one, and 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
