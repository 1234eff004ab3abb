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

// limiter bounds how many reports each user may send in a minute. It forgets users who were silent for a minute: their allowance is
// whole again by then. So its memory grows with the users of the last two minutes only, and never beyond twice maxUsers.
type limiter struct {
	perMinute int

	mu       sync.Mutex // guards all below
	now, old map[user]*rate.Limiter
	turned   time.Time
}

const maxUsers = 1 << 20

func newLimiter(perMinute int) *limiter {
	return &limiter{perMinute: perMinute, now: map[user]*rate.Limiter{}, old: map[user]*rate.Limiter{}}
}

// take counts one report of a user. wait is how long until the next would be let in; 0: this one is.
func (l *limiter) take(u user, at time.Time) (wait time.Duration) {
	if l.perMinute < 0 {
		return 0
	}
	r := l.find(u, at).ReserveN(at, 1)
	if wait = r.DelayFrom(at); wait > 0 {
		r.CancelAt(at)
	}
	return wait
}

func (l *limiter) find(u user, at time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at.Sub(l.turned) >= time.Minute || len(l.now) >= maxUsers {
		if at.Sub(l.turned) >= 2*time.Minute {
			l.now = map[user]*rate.Limiter{}
		}
		l.old, l.now, l.turned = l.now, map[user]*rate.Limiter{}, at
	}
	one := l.now[u]
	if one == nil {
		if one = l.old[u]; one == nil {
			one = rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute)
		}
		l.now[u] = one
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
