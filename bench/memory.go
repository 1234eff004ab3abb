package bench

import (
	"context"
	"errors"

	"github.com/minapush/minapush"
)

const (
	memoryUsers    = 10_000_000 // for which the target is set
	memoryPermits  = 3
	memoryInFlight = 128
)

// memory is the most memory that a serving process has had resident after a broadcast to all users of a store that it opened, compared
// with one to a tenth of the users. Each runs in a process of its own; the simulator is in this one.
func memory(ctx context.Context, b *bench) (Result, error) {
	res := Result{Unit: Bytes, LimitUnit: Bytes, Target: Target{RatioAtMost: 1.1, FigureAtMost: 300e6}}
	if b.Users < memoryUsers {
		res.Unjudged = TooSmall
	}
	res.Sizes = map[string]float64{
		"users": float64(b.Users), "fewer": float64(b.Users / 10), "permits_per_user": memoryPermits,
		"in_flight": float64(b.inFlight(memoryInFlight)), "shards": float64(shardsFor(b.Users)),
	}
	few, _, err := b.broadcastMemory(ctx, b.Users/10)
	if err != nil {
		return res, err
	}
	many, perSecond, err := b.broadcastMemory(ctx, b.Users)
	if err != nil {
		return res, err
	}
	res.Sizes["messages_per_second"] = perSecond
	res.sum([]Round{over(many, few)})
	return res, nil
}

// broadcastMemory makes a store of so many users and broadcasts to them from another process.
func (b *bench) broadcastMemory(ctx context.Context, users int) (peak, perSecond float64, err error) {
	dir, done, err := b.place()
	if err != nil {
		return 0, 0, err
	}
	defer done()
	sim, err := b.simulate(users, memoryPermits, 0)
	if err != nil {
		return 0, 0, err
	}
	defer sim.stop()
	app := minapush.App{
		ID: appID, BaseURL: sim.url, Rate: minapush.Unlimited, InFlight: b.inFlight(memoryInFlight), Shards: shardsFor(b.Users),
	}
	w, err := b.start(ctx, dir, app, nil)
	if err != nil {
		return 0, 0, err
	}
	if err := errors.Join(w.subscribe(ctx, sim.openids, memoryPermits), w.stop()); err != nil {
		return 0, 0, err
	}
	c, err := b.spawn(ctx, task{Do: "broadcast", Dir: dir, Users: users})
	if err != nil {
		return 0, 0, err
	}
	r, err := c.reply()
	if err != nil {
		return 0, 0, err
	}
	return float64(r.PeakBytes), float64(users) / r.Took.Seconds(), c.end()
}
