package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/delivery"
)

// slice is some tokens of the rate that all nodes share, good on this node for a while.
type slice struct {
	n           int
	from, until time.Time
}

const (
	// slicesPerSecond is into how many slices a second is cut. Over all nodes no second has more messages than the rate and one slice of
	// sliceSize for each node that had one in hand before, and one more where it begins: no more than 50 ms' worth a node.
	slicesPerSecond = 40
	// sliceLife is how long tokens are good that are not used. They are not given back: the time they were for is over.
	sliceLife = time.Second
	// campaignAhead is how far ahead of their time a campaign takes tokens: enough to ask for the next slice while the last one passes,
	// and less than a slice. So where pushes keep taking slices there are none left for campaigns, of whatever node.
	campaignAhead = 10 * time.Millisecond
	// pushAhead is the same for pushes: they borrow from the next moment.
	pushAhead = time.Second
	// storePause is how long to wait before a store is asked again that could not answer.
	storePause = 200 * time.Millisecond
)

// sliceSize is how many tokens are taken at a time.
func sliceSize(perSecond float64) int { return max(1, int(perSecond/slicesPerSecond)) }

// at returns how many tokens are good now, or if there are none how long until some are; 0 if none are there.
func (s slice) at() (n int, wait time.Duration) {
	now := time.Now() //arch:allow durations inside the process, under synctest in tests
	switch {
	case s.n == 0 || !now.Before(s.until):
		return 0, 0
	case now.Before(s.from):
		return 0, s.from.Sub(now)
	}
	return s.n, 0
}

// fetchTokens takes up to want tokens of the rate that all nodes share.
type fetchTokens func(ctx context.Context, perSecond float64, want int, ahead time.Duration) (delivery.Tokens, error)

// tokensOf takes tokens of an app.
func tokensOf(l *delivery.Ledger, app uint32) fetchTokens {
	return func(ctx context.Context, perSecond float64, want int, ahead time.Duration) (delivery.Tokens, error) {
		return l.TakeTokens(ctx, app, delivery.RateAsk{PerSecond: perSecond, Want: want, Ahead: ahead})
	}
}

func noRoom() error {
	return &minapush.Error{Kind: minapush.Throttled, Op: "push", RetryAfter: time.Second, Err: errors.New("the app's rate left no room in time")}
}
