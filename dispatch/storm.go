package dispatch

import (
	"time"

	"github.com/minapush/minapush"
)

// StormConfig says when refusals (43101) are believed. WeChat has been seen to answer 43101 to nearly everybody for a while under
// load (wechat.md 4.2), so refusals stay in doubt until the window of answers around them was normal.
type StormConfig struct {
	// Window is how many answers make a window. Defaults to 1000.
	Window int
	// Age closes a window that is not full. Defaults to 10 minutes. A campaign that has nothing more to send closes its last at once.
	Age time.Duration
	// Least is how many answers a window needs to be a storm. Defaults to 20.
	Least int
	// Jump and Calm are shares: a window is a storm when more than Jump of it is refused after less than Calm was in the last
	// believed one. Default to 0.8 and 0.1.
	Jump, Calm float64
	// Wait is how long a campaign waits in a storm before some are tried again. Defaults to 10 minutes.
	Wait time.Duration
	// Recheck is how many are tried again. Defaults to 20.
	Recheck int

	// staged is for a roll-out: a share above Jump is a storm whatever was before, unless one like it was believed after a recheck; a share
	// above nearly is one in any case, since hardly anybody refuses so much.
	staged bool
	nearly float64
}

func (c *StormConfig) defaults() error {
	setDefault(&c.Window, 1000)
	setDefault(&c.Age, 10*time.Minute)
	setDefault(&c.Least, 20)
	setDefault(&c.Jump, 0.8)
	setDefault(&c.Calm, 0.1)
	setDefault(&c.Wait, 10*time.Minute)
	setDefault(&c.Recheck, 20)
	if c.Calm < 0 || c.Jump <= c.Calm || c.Jump > 1 {
		return minapush.FieldError("Storm", "needs 0 <= Calm < Jump <= 1")
	}
	return nil
}

type stormPhase uint8

const (
	// calm: answers are counted in a window.
	calm stormPhase = iota
	// storming: the campaign waits.
	storming
	// rechecking: a few suspects are tried again.
	rechecking
)

// storm watches the refusals of one campaign, on the node that leads. It is pure; the caller guards it.
type storm struct {
	cfg      StormConfig
	phase    stormPhase
	opened   time.Time // of the window; zero: no answer yet
	answers  int
	refused  int
	baseline float64 // share of refused in the last believed window
	share    float64 // of the last window that was closed, and of how many answers
	of       int

	recheckLeft int  // suspects still to be handed out
	rechecked   int  // of those handed out: not yet answered
	saved       bool // one of them was accepted after all
}

// ruling says what is to become of suspects.
type ruling uint8

const (
	// noRuling: not yet.
	noRuling ruling = iota
	// believe: they are refused.
	believe
	// disbelieve: they go again.
	disbelieve
	// wait: the campaign is to wait for Wait, then recheck.
	wait
	// askAgain: other suspects are to be tried.
	askAgain
)

// answer counts one final answer, and says what follows if it closes the window or the recheck.
func (s *storm) answer(accepted, refused bool, now time.Time) ruling {
	if s.phase == rechecking {
		s.rechecked--
		s.saved = s.saved || accepted
		return s.concludeRecheck()
	}
	if s.phase == storming {
		return noRuling // answers of waves that were under way when the storm was seen
	}
	if s.opened.IsZero() {
		s.opened = now
	}
	s.answers++
	if refused {
		s.refused++
	}
	if s.answers >= s.cfg.Window {
		return s.close()
	}
	return noRuling
}

// add counts answers that other nodes had. In a storm they come from waves that were under way when it was seen.
func (s *storm) add(accepted, refused int64, now time.Time) ruling {
	if s.phase != calm || accepted+refused <= 0 {
		return noRuling
	}
	if s.opened.IsZero() {
		s.opened = now
	}
	s.answers += int(accepted + refused)
	s.refused += int(refused)
	if s.answers >= s.cfg.Window {
		return s.close()
	}
	return noRuling
}

// idle closes a window that is old enough, or any window when the campaign has nothing more to send.
func (s *storm) idle(now time.Time, nothingLeft bool) ruling {
	if s.phase != calm || s.opened.IsZero() {
		return noRuling
	}
	if nothingLeft || now.Sub(s.opened) >= s.cfg.Age {
		return s.close()
	}
	return noRuling
}

// anew begins a new window.
func (s *storm) anew() { s.opened, s.answers, s.refused = time.Time{}, 0, 0 }

func (s *storm) close() ruling {
	share := float64(s.refused) / float64(s.answers)
	enough := s.answers >= s.cfg.Least
	jumped := enough && share > s.cfg.Jump && !s.usual()
	s.share, s.of = share, s.answers
	s.anew()
	if jumped {
		s.phase = storming
		return wait
	}
	if enough || !s.cfg.staged { // of a roll-out, a window of too few tells nothing of the next
		s.baseline = share
	}
	return believe
}

// usual tells that many refusals were believed before, so that more of them are no storm.
func (s *storm) usual() bool {
	if s.cfg.staged {
		return s.baseline > s.cfg.Jump && s.baseline <= s.cfg.nearly
	}
	return s.baseline >= s.cfg.Calm
}

// recheck begins to try some suspects again.
func (s *storm) recheck() {
	s.phase, s.recheckLeft, s.rechecked, s.saved = rechecking, s.cfg.Recheck, 0, false
}

// handOut takes up to n of the suspects still to be tried.
func (s *storm) handOut(n int) int {
	n = min(n, s.recheckLeft)
	s.recheckLeft -= n
	s.rechecked += n
	return n
}

// takeBack says that n of those handed out were not there.
func (s *storm) takeBack(n int) {
	s.recheckLeft += n
	s.rechecked -= n
}

// noMore says that every shard was asked for suspects.
func (s *storm) noMore() ruling {
	if s.phase != rechecking {
		return noRuling
	}
	s.recheckLeft = 0
	return s.concludeRecheck()
}

// concludeRecheck rules when all are answered: one success means that the refusals were not the users'.
func (s *storm) concludeRecheck() ruling {
	if s.recheckLeft > 0 || s.rechecked > 0 {
		return noRuling
	}
	s.phase = calm
	if s.saved {
		s.baseline = 0
		return disbelieve
	}
	s.baseline = 1 // they are real: do not stop for each next window of the same kind
	if s.cfg.staged {
		s.baseline = s.share
	}
	return believe
}
