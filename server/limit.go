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

// once lets one piece of work per app run at a time.
type once struct {
	mu   sync.Mutex
	busy map[minapush.AppID]bool // guarded by mu
}

func newOnce() *once { return &once{busy: map[minapush.AppID]bool{}} }

// begin tells whether the caller may start; then it must call end.
func (o *once) begin(app minapush.AppID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.busy[app] {
		return false
	}
	o.busy[app] = true
	return true
}

func (o *once) end(app minapush.AppID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.busy, app)
}
