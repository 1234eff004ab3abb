package dispatch

import (
	"testing"
	"time"
)

func newStorm(t *testing.T) *storm {
	t.Helper()
	cfg := StormConfig{Window: 100, Least: 10, Recheck: 5}
	if err := cfg.defaults(); err != nil {
		t.Fatal(err)
	}
	return &storm{cfg: cfg}
}

// feed gives n answers of which the given share is refused, and returns the last ruling that is not noRuling.
func feed(s *storm, n int, refused bool) ruling {
	last := noRuling
	for range n {
		if r := s.answer(!refused, refused, time.Unix(1000, 0)); r != noRuling {
			last = r
		}
	}
	return last
}

func TestRefusalsInANormalWindowAreBelieved(t *testing.T) {
	s := newStorm(t)
	feed(s, 5, true)
	if r := feed(s, 95, false); r != believe {
		t.Errorf("ruling %d", r)
	}
}

func TestAJumpOfRefusalsIsAStorm(t *testing.T) {
	s := newStorm(t)
	feed(s, 100, false)
	if r := feed(s, 100, true); r != wait || s.phase != storming {
		t.Errorf("ruling %d in phase %d", r, s.phase)
	}
	if r := feed(s, 50, true); r != noRuling {
		t.Errorf("answers during a storm ruled %d", r)
	}
}

func TestOneSuccessInTheRecheckDisbelievesAll(t *testing.T) {
	s := newStorm(t)
	feed(s, 100, true)
	s.recheck()
	if n := s.handOut(3); n != 3 {
		t.Fatalf("handed out %d", n)
	}
	if n := s.handOut(10); n != 2 {
		t.Fatalf("handed out %d more of five", n)
	}
	feed(s, 4, true)
	if r := feed(s, 1, false); r != disbelieve || s.phase != calm {
		t.Errorf("ruling %d in phase %d", r, s.phase)
	}
}

func TestARecheckWithoutSuccessBelievesAndDoesNotStormAgain(t *testing.T) {
	s := newStorm(t)
	feed(s, 100, true)
	s.recheck()
	s.handOut(5)
	if r := feed(s, 5, true); r != believe {
		t.Errorf("ruling %d", r)
	}
	if r := feed(s, 100, true); r != believe {
		t.Errorf("the next window of the same kind ruled %d", r)
	}
}

func TestARecheckThatFindsFewSuspectsEndsWithThose(t *testing.T) {
	s := newStorm(t)
	feed(s, 100, true)
	s.recheck()
	s.handOut(5)
	s.takeBack(3)
	if r := s.noMore(); r != noRuling {
		t.Errorf("ruled %d before the answers", r)
	}
	feed(s, 1, true)
	if r := feed(s, 1, true); r != believe {
		t.Errorf("ruling %d", r)
	}
}

func TestAFewRefusalsAtTheEndAreNoStorm(t *testing.T) {
	s := newStorm(t)
	feed(s, 9, true)
	if r := s.idle(time.Unix(1001, 0), true); r != believe {
		t.Errorf("ruling %d", r)
	}
}

func TestAnOldWindowIsClosed(t *testing.T) {
	s := newStorm(t)
	feed(s, 9, true)
	if r := s.idle(time.Unix(1001, 0), false); r != noRuling {
		t.Errorf("ruled %d after a second", r)
	}
	if r := s.idle(time.Unix(1000, 0).Add(10*time.Minute), false); r != believe {
		t.Errorf("ruled %d after ten minutes", r)
	}
}
