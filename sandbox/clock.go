package sandbox

import "time"

// Now is the sandbox's time: Config.Now plus everything that was advanced.
func (s *Sandbox) Now() time.Time {
	return s.cfg.Now().Add(time.Duration(s.offset.Load()))
}

// Advance moves the sandbox's clock ahead. Tokens, codes, permits and quotas age at once, and the Date of answers over a socket
// follows; simulated latency does not.
func (s *Sandbox) Advance(d time.Duration) error {
	if d < 0 {
		return &ArgError{Field: "advance", Problem: "must not be negative"}
	}
	s.offset.Add(int64(d))
	s.inbox.wake() // pages show the time
	return nil
}

// Offset is how far the clock was advanced.
func (s *Sandbox) Offset() time.Duration { return time.Duration(s.offset.Load()) }

// beijing shifts t so that its UTC fields read as Beijing time, in which WeChat's days begin and end.
func beijing(t time.Time) time.Time { return t.UTC().Add(8 * time.Hour) }

func beijingDay(t time.Time) int64 { return beijing(t).Unix() / 86400 }

func beijingMonth(t time.Time) int64 {
	b := beijing(t)
	return int64(b.Year())*12 + int64(b.Month())
}

// nextBeijingMidnight is when today's counters are reset.
func nextBeijingMidnight(t time.Time) time.Time {
	return time.Unix((beijingDay(t)+1)*86400-8*3600, 0).UTC()
}
