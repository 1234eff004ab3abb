package sandbox

import (
	"sync"
	"sync/atomic"
	"time"
)

// maxTokens is how many tokens of an app are remembered; older ones answer 40014 instead of 40001 or 42001.
const maxTokens = 1000

// tokenLength is within the 512 characters that callers must reserve (fact sheet §1.1.1).
const tokenLength = 136

// issued is one access token. It works until its own end or, once replaced, until the overlap is over.
type issued struct {
	app     *app
	value   string
	expires int64        // Unix nanoseconds
	until   atomic.Int64 // at most expires
}

// check answers zero, 42001 after the token's own end, 40001 after another one replaced it (fact sheet §1.1.4).
func (t *issued) check(now time.Time) int {
	switch at := now.UnixNano(); {
	case at < t.until.Load():
		return 0
	case at >= t.expires:
		return codeExpired
	}
	return codeCredential
}

// cut ends the token at the given time, if that is before its end.
func (t *issued) cut(at int64) {
	if t != nil && at < t.until.Load() {
		t.until.Store(at)
	}
}

// tokens holds the two separate token lines of an app (fact sheet §1.1.2, "isolation").
type tokens struct {
	mu        sync.Mutex
	classic   *issued
	stable    *issued
	previous  *issued // the stable token before that one
	all       []*issued
	forceDay  int64
	forced    int64
	lastForce time.Time

	rogue      atomic.Bool // a rogue client is on
	rogueEvery time.Duration
	rogueNext  time.Time
}

func (s *Sandbox) issue(a *app, at time.Time) *issued {
	t := &issued{app: a, value: s.rand.text(tokenLength), expires: at.Add(s.cfg.TokenLife).UnixNano()}
	t.until.Store(t.expires)
	s.tokens.Store(t.value, t)
	all := &a.tokens.all
	*all = append(*all, t)
	if len(*all) > maxTokens {
		s.tokens.Delete((*all)[0].value)
		*all = append((*all)[:0:0], (*all)[1:]...)
	}
	return t
}

func (s *Sandbox) overlap() time.Duration { return max(s.cfg.TokenOverlap, 0) }

// fetchClassic always makes a new token; the one before works for the overlap (fact sheet §1.1.1).
func (s *Sandbox) fetchClassic(a *app, now time.Time) *issued {
	a.tokens.mu.Lock()
	defer a.tokens.mu.Unlock()
	s.stealOnTime(a, now)
	return s.rotateClassic(a, now)
}

func (s *Sandbox) rotateClassic(a *app, at time.Time) *issued {
	a.tokens.classic.cut(at.Add(s.overlap()).UnixNano())
	a.tokens.classic = s.issue(a, at)
	return a.tokens.classic
}

// fetchStable returns the current token. The platform renews it by itself at the start of the overlap before its end; both
// work until that end (fact sheet §1.1.2).
func (s *Sandbox) fetchStable(a *app, now time.Time) *issued {
	a.tokens.mu.Lock()
	defer a.tokens.mu.Unlock()
	return s.currentStable(a, now)
}

func (s *Sandbox) currentStable(a *app, now time.Time) *issued {
	t := a.tokens.stable
	if t == nil || now.UnixNano() >= t.expires {
		a.tokens.stable = s.issue(a, now)
		return a.tokens.stable
	}
	window := min(s.overlap(), s.cfg.TokenLife/2)
	if renewal := time.Unix(0, t.expires).Add(-window); window > 0 && !now.Before(renewal) {
		a.tokens.previous, a.tokens.stable = t, s.issue(a, renewal)
	}
	return a.tokens.stable
}

// forceStable makes a new token and kills the one before at once. It answers 45009 beyond the day's number; too soon after
// the last force it returns the current token (fact sheet §1.1.2; what the real platform then answers is not documented).
func (s *Sandbox) forceStable(a *app, now time.Time) (*issued, int) {
	a.tokens.mu.Lock()
	defer a.tokens.mu.Unlock()
	ts := &a.tokens
	if day := beijingDay(now); day != ts.forceDay {
		ts.forceDay, ts.forced = day, 0
	}
	if !ts.lastForce.IsZero() && now.Sub(ts.lastForce) < s.cfg.ForceSpacing {
		return s.currentStable(a, now), 0
	}
	if s.cfg.ForcePerDay > 0 && ts.forced >= s.cfg.ForcePerDay {
		return nil, codeDaily
	}
	ts.forced++
	ts.lastForce = now
	ts.previous.cut(now.UnixNano()) // it may still be in its overlap
	ts.stable.cut(now.UnixNano())
	ts.previous, ts.stable = ts.stable, s.issue(a, now)
	return ts.stable, 0
}

func (ts *tokens) clearForced() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.forced = 0
}
