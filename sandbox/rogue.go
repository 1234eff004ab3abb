package sandbox

import "time"

// StealToken fetches a classic token as another program with the same secret would: the current one dies after the overlap. It
// uses none of the daily limit.
func (s *Sandbox) StealToken(appid string) error {
	a, err := s.app(appid)
	if err != nil {
		return err
	}
	s.fetchClassic(a, s.Now())
	return nil
}

// SetRogue lets a rogue client steal the classic token now and then at every interval of the sandbox's clock (fact sheet §4.3).
// Zero stops it.
func (s *Sandbox) SetRogue(appid string, every time.Duration) error {
	a, err := s.app(appid)
	if err != nil {
		return err
	}
	if every < 0 {
		return &ArgError{Field: "every", Problem: "must not be negative"}
	}
	now := s.Now()
	a.tokens.mu.Lock()
	defer a.tokens.mu.Unlock()
	s.stealOnTime(a, now)
	a.tokens.rogueEvery, a.tokens.rogueNext = every, now.Add(every)
	a.tokens.rogue.Store(every > 0)
	if every > 0 {
		s.rotateClassic(a, now)
	}
	return nil
}

// stealOnTime makes up for the thefts that were due since the last look. The caller holds the lock of the tokens.
func (s *Sandbox) stealOnTime(a *app, now time.Time) {
	ts := &a.tokens
	if ts.rogueEvery <= 0 || now.Before(ts.rogueNext) {
		return
	}
	missed := now.Sub(ts.rogueNext) / ts.rogueEvery
	last := ts.rogueNext.Add(missed * ts.rogueEvery)
	s.rotateClassic(a, ts.rogueNext) // the first theft is what kills the token in use
	if missed > 0 {
		s.rotateClassic(a, last)
	}
	ts.rogueNext = last.Add(ts.rogueEvery)
}
