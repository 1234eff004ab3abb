package bench

import (
	"context"
	"errors"
	"time"

	"github.com/minapush/minapush"
)

// broadcastNow is a whole broadcast (claim, mark, send, settle, each durable) to a platform that answers at once.
func broadcastNow(ctx context.Context, b *bench) (Result, error) {
	return b.broadcasts(ctx, 0, 128, 0.6)
}

// broadcastLater is the same to a platform that takes 50 ms, about as WeChat does.
func broadcastLater(ctx context.Context, b *bench) (Result, error) {
	return b.broadcasts(ctx, 50*time.Millisecond, 512, 0.95)
}

// broadcasts compares broadcasts with a bare loop of the same WeChat client, at the same concurrency, to the same simulator.
func (b *bench) broadcasts(ctx context.Context, latency time.Duration, concurrency int, atLeast float64) (res Result, err error) {
	res = Result{Unit: MessagesPerSecond, LimitUnit: MessagesPerSecond, Target: Target{RatioAtLeast: atLeast}}
	inFlight := b.inFlight(concurrency)
	if inFlight != concurrency {
		res.Unjudged = OtherConcurrency
	}
	dir, done, err := b.place()
	if err != nil {
		return res, err
	}
	defer done()
	most := b.timedUsers()
	sim, err := b.simulate(most, 2*b.Rounds+2, latency) // one to find the size, the limits, the broadcasts
	if err != nil {
		return res, err
	}
	defer sim.stop()
	w, err := b.start(ctx, dir, minapush.App{ID: appID, BaseURL: sim.url, Rate: minapush.Unlimited, InFlight: inFlight}, nil)
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
	perSecond := func(took time.Duration, err error) (float64, error) {
		return float64(len(openids)) / took.Seconds(), err
	}
	rounds, err := b.interleave(ctx,
		func(ctx context.Context) (float64, error) { return perSecond(w.bare(ctx, openids, inFlight)) },
		func(ctx context.Context) (float64, error) { return perSecond(w.broadcast(ctx, len(openids))) })
	res.sum(rounds)
	res.Sizes = map[string]float64{
		"users": float64(len(openids)), "in_flight": float64(inFlight), "latency_ms": float64(latency.Milliseconds()),
		"rounds": float64(b.Rounds), "shards": float64(w.app.Shards),
	}
	return res, err
}

// enough picks as many users as the bare loop serves in about the time of one piece. Its own run is not counted: it opens connections
// and fetches the access token.
func (b *bench) enough(ctx context.Context, w *running, openids []string, inFlight int) ([]string, error) {
	if _, err := w.bare(ctx, openids[:1], 1); err != nil {
		return nil, err
	}
	sample := min(len(openids), max(20*inFlight, 5_000))
	took, err := w.bare(ctx, openids[1:sample], inFlight)
	if err != nil {
		return nil, err
	}
	n := int(float64(sample) * b.Seconds / took.Seconds())
	return openids[:min(len(openids), max(n, 100))], nil
}
