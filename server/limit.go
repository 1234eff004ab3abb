package server

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/minapush/minapush"
)

// user names one user of one app.
type user struct {
	app    uint32
	openid minapush.OpenID
}

// limiter bounds how often each of many may do something in a minute. It forgets those who were silent for a minute: their allowance is
// whole again by then. So its memory grows with those of the last two minutes only, and never beyond twice most.
type limiter[Who comparable] struct {
	perMinute int
	most      int

	mu       sync.Mutex // guards all below
	now, old map[Who]*rate.Limiter
	turned   time.Time
}

const maxUsers = 1 << 20

// newLimiter makes a limiter; perMinute below 0: there is no limit.
func newLimiter[Who comparable](perMinute, most int) *limiter[Who] {
	return &limiter[Who]{perMinute: perMinute, most: most, now: map[Who]*rate.Limiter{}, old: map[Who]*rate.Limiter{}}
}

// take counts one. wait is how long until the next would be let in; 0: this one is.
func (l *limiter[Who]) take(who Who, at time.Time) (wait time.Duration) {
	if l.perMinute < 0 {
		return 0
	}
	r := l.find(who, at).ReserveN(at, 1)
	if wait = r.DelayFrom(at); wait > 0 {
		r.CancelAt(at)
	}
	return wait
}

func (l *limiter[Who]) find(who Who, at time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at.Sub(l.turned) >= time.Minute || len(l.now) >= l.most {
		if at.Sub(l.turned) >= 2*time.Minute {
			l.now = map[Who]*rate.Limiter{}
		}
		l.old, l.now, l.turned = l.now, map[Who]*rate.Limiter{}, at
	}
	one := l.now[who]
	if one == nil {
		if one = l.old[who]; one == nil {
			one = rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute)
		}
		l.now[who] = one
	}
	return one
}

// turns lets at most so many pieces of work per app run at a time.
type turns struct {
	most int
	mu   sync.Mutex
	busy map[minapush.AppID]int // guarded by mu
}

func newTurns(most int) *turns { return &turns{most: most, busy: map[minapush.AppID]int{}} }

// begin tells whether the caller may start; then it must call end.
func (o *turns) begin(app minapush.AppID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.busy[app] >= o.most {
		return false
	}
	o.busy[app]++
	return true
}

func (o *turns) end(app minapush.AppID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.busy[app]--; o.busy[app] == 0 {
		delete(o.busy, app)
	}
}
