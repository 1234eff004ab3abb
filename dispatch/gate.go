package dispatch

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/minapush/minapush"
)

// gate paces one app: at most so many messages a second over all nodes, at most so many unanswered on this one. Pushes go before
// campaigns: on this node a campaign waits while a push is in line, and of the tokens that all nodes share pushes take those of the next
// second, while a campaign only takes what is good now.
type gate struct {
	// turn is held by the one worker of a campaign that waits for slots; the others wait for their turn, so that a slot that becomes
	// free wakes one of them and not all.
	turn chan struct{}
	// fetch takes tokens from the store.
	fetch fetchTokens

	mu       sync.Mutex // guards all below
	pace     float64    // messages a second; +Inf: no bound, and nobody is asked
	hand     slice
	asking   bool         // the store is being asked
	askAt    [2]time.Time // when to ask again, for a campaign and for a push
	cap      int          // configured bound of unanswered messages
	limit    int          // the bound in force: less than cap while the platform is busy
	inFlight int
	waiting  int // pushes in line
	shrunk   time.Time
	clean    int           // answers since limit last changed
	changed  chan struct{} // closed and replaced when a slot may be free, or tokens are there
}

func newGate(app minapush.App, fetch fetchTokens) *gate {
	g := &gate{turn: make(chan struct{}, 1), fetch: fetch, changed: make(chan struct{})}
	g.configure(app)
	return g
}

// configure follows the app's settings.
func (g *gate) configure(app minapush.App) {
	g.mu.Lock()
	defer g.mu.Unlock()
	inFlight := app.InFlight
	if inFlight <= 0 {
		inFlight = minapush.DefaultInFlight
	}
	if inFlight != g.cap {
		g.cap, g.limit = inFlight, inFlight
	}
	pace := float64(app.Rate)
	switch {
	case app.Rate == 0:
		pace = minapush.DefaultRate
	case app.Rate < 0:
		pace = math.Inf(1)
	}
	if pace != g.pace {
		g.pace, g.hand = pace, slice{}
	}
	g.wake()
}

func (g *gate) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// take hands a campaign between 1 and want slots with their tokens, waiting for the first. It returns 0 when ctx ends.
func (g *gate) take(ctx context.Context, want int) int {
	select {
	case <-ctx.Done():
		return 0
	case g.turn <- struct{}{}:
	}
	defer func() { <-g.turn }()
	n, _ := g.await(ctx, want, false)
	return n
}

// takeOne hands a push its slot and token, ahead of every campaign. Errors: Throttled if ctx ends first, or is sure to; Unavailable if
// that is because the store cannot be asked.
func (g *gate) takeOne(ctx context.Context) error {
	g.mu.Lock()
	g.waiting++
	ahead := time.Duration(float64(g.waiting-1) / g.pace * float64(time.Second)) // of those in line on this node
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		g.waiting--
		g.wake()
		g.mu.Unlock()
	}()
	if end, ok := ctx.Deadline(); ok && time.Until(end) < ahead { //arch:allow a duration inside the process
		return noRoom()
	}
	_, err := g.await(ctx, 1, true)
	return err
}

// await waits until there is a slot with a token, and takes up to want of them.
func (g *gate) await(ctx context.Context, want int, push bool) (n int, err error) {
	var failed error
	for {
		g.mu.Lock()
		n, wait, ask := g.tryTake(want, push)
		changed := g.changed
		g.mu.Unlock()
		switch {
		case n > 0:
			return n, nil
		case ask > 0:
			if err := g.refill(ctx, ask, push); ctx.Err() == nil {
				failed = err
			}
		}
		if !waitFor(ctx, changed, wait) {
			if failed != nil {
				return 0, failed
			}
			return 0, noRoom()
		}
	}
}

// tryTake is await without waiting. Without a token in hand it says either how long until the slice in hand is good, or how many tokens
// are to be asked for. If neither, something else must change first. The caller holds mu.
func (g *gate) tryTake(want int, push bool) (n int, wait time.Duration, ask int) {
	n = min(want, g.limit-g.inFlight)
	if n <= 0 || g.waiting > 0 && !push {
		return 0, 0, 0
	}
	if !math.IsInf(g.pace, 1) {
		have, wait := g.hand.at()
		if have == 0 {
			if wait == 0 {
				wait = time.Until(g.askAt[line(push)]) //arch:allow a duration inside the process
			}
			if wait > 0 || g.asking {
				return 0, max(wait, 0), 0
			}
			g.asking = true
			return 0, 0, sliceSize(g.pace)
		}
		n = min(n, have)
		g.hand.n -= n
	}
	g.inFlight += n
	return n, 0, 0
}

// line is the index of askAt.
func line(push bool) int {
	if push {
		return 1
	}
	return 0
}

// refill asks the store for a slice, for which g.asking was raised. If there was none, askAt says when to ask again.
func (g *gate) refill(ctx context.Context, want int, push bool) error {
	g.mu.Lock()
	pace := g.pace
	g.mu.Unlock()
	ahead := campaignAhead
	if push {
		ahead = pushAhead
	}
	began := time.Now() //arch:allow durations inside the process, under synctest in tests
	got, err := g.fetch(ctx, pace, want, ahead)
	now := time.Now() //arch:allow as above
	g.mu.Lock()
	defer g.mu.Unlock()
	defer g.wake()
	g.asking = false
	switch {
	case err != nil:
		g.askAt = [2]time.Time{now.Add(storePause), now.Add(storePause)}
	case got.N == 0:
		g.askAt[line(push)] = now.Add(max(got.Wait, time.Millisecond))
	case pace == g.pace:
		g.hand = slice{n: got.N, from: now.Add(got.Wait), until: began.Add(got.Wait + sliceLife)}
	}
	return err
}

// give returns n slots.
func (g *gate) give(n int) {
	if n == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight -= n
	g.wake()
}

// answered adapts the bound: a busy platform gets a third less at a time, at most every 200 ms; clean answers win it back.
func (g *gate) answered(busy bool, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case busy && now.Sub(g.shrunk) > 200*time.Millisecond:
		g.limit, g.shrunk, g.clean = max(1, g.limit*2/3), now, 0
	case !busy && g.limit < g.cap:
		if g.clean++; g.clean >= g.limit {
			g.limit, g.clean = min(g.cap, g.limit+max(1, g.limit/10)), 0
			g.wake()
		}
	}
}

// batchLimit is how many rows may be held at a time so that they are sent within about a second.
func (g *gate) batchLimit(turns, most int) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if math.IsInf(g.pace, 1) {
		return most
	}
	return min(most, max(1, int(g.pace)/turns))
}

// waitFor waits for a change, or for t if it is not 0; false when ctx ends first.
func waitFor(ctx context.Context, changed <-chan struct{}, t time.Duration) bool {
	var timeout <-chan time.Time
	if t > 0 {
		timer := time.NewTimer(t)
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-changed:
	case <-timeout:
	}
	return true
}
