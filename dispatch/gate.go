package dispatch

import (
	"context"
	"sync"
	"time"

	"github.com/minapush/minapush"
	"golang.org/x/time/rate"
)

// gate paces one app: at most so many messages a second, at most so many unanswered. Pushes go before campaigns: they may borrow
// tokens of the next moment, while a campaign only takes tokens that are there.
type gate struct {
	// turn is held by the one worker of a campaign that waits for slots; the others wait for their turn, so that a slot that becomes
	// free wakes one of them and not all.
	turn chan struct{}

	mu       sync.Mutex // guards all below
	pace     *rate.Limiter
	cap      int // configured bound of unanswered messages
	limit    int // the bound in force: less than cap while the platform is busy
	inFlight int
	waiting  int // pushes in line
	shrunk   time.Time
	clean    int           // answers since limit last changed
	changed  chan struct{} // closed and replaced when a slot may be free
}

func newGate(app minapush.App) *gate {
	g := &gate{turn: make(chan struct{}, 1), changed: make(chan struct{})}
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
	perSecond := rate.Limit(app.Rate)
	switch {
	case app.Rate == 0:
		perSecond = minapush.DefaultRate
	case app.Rate < 0:
		perSecond = rate.Inf
	}
	burst := max(1, int(min(perSecond, 1e6)/10))
	if g.pace == nil {
		g.pace = rate.NewLimiter(perSecond, burst)
	} else if g.pace.Limit() != perSecond {
		g.pace.SetLimit(perSecond)
		g.pace.SetBurst(burst)
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
	for {
		g.mu.Lock()
		n, wait := g.tryTake(want)
		changed := g.changed
		g.mu.Unlock()
		if n > 0 {
			return n
		}
		if !waitFor(ctx, changed, wait) {
			return 0
		}
	}
}

// tryTake is take without waiting; wait is how long until a token is there, 0 if a slot must become free first.
func (g *gate) tryTake(want int) (n int, wait time.Duration) {
	n = min(want, g.limit-g.inFlight)
	if n <= 0 || g.waiting > 0 {
		return 0, 0
	}
	if g.pace.Limit() != rate.Inf {
		now := time.Now() //arch:allow durations inside the process, under synctest in tests
		tokens := g.pace.TokensAt(now)
		if tokens < 1 {
			return 0, time.Duration((1 - tokens) / float64(g.pace.Limit()) * float64(time.Second))
		}
		n = min(n, int(tokens))
		g.pace.AllowN(now, n)
	}
	g.inFlight += n
	return n, 0
}

// takeOne hands a push its slot and token, ahead of every campaign. It returns false when ctx ends first.
func (g *gate) takeOne(ctx context.Context) bool {
	g.mu.Lock()
	g.waiting++
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		g.waiting--
		g.wake()
		g.mu.Unlock()
	}()
	if err := g.pace.Wait(ctx); err != nil {
		return false
	}
	for {
		g.mu.Lock()
		free := g.inFlight < g.limit
		if free {
			g.inFlight++
		}
		changed := g.changed
		g.mu.Unlock()
		if free {
			return true
		}
		if !waitFor(ctx, changed, 0) {
			return false
		}
	}
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
	if g.pace.Limit() == rate.Inf {
		return most
	}
	return min(most, max(1, int(g.pace.Limit())/turns))
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
