package dispatch

import (
	"testing"
	"time"

	"github.com/minapush/minapush"
)

func TestAUserSeenInTheMillisecondOfTheStartIsPartOfTheAudience(t *testing.T) {
	seen := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	c := newCampaignRun(t.Context(), job{Campaign: minapush.Campaign{StartedAt: seen.Add(300 * time.Microsecond)}}, minapush.App{Shards: 1}, Config{})
	if b := c.batch(seen, 1, ""); !seen.Before(b.Started) || seen.Add(time.Millisecond).Before(b.Started) {
		t.Errorf("the audience ends at %v, the user was seen at %v", b.Started, seen)
	}
}

func TestTheFirstWaveHoldsBackTheRest(t *testing.T) {
	c := newCampaignRun(t.Context(), job{Campaign: minapush.Campaign{State: minapush.Running}}, minapush.App{Shards: 1}, Config{FirstWave: 5})
	if n := c.admit(t.Context(), 100); n != 5 {
		t.Fatalf("admitted %d at first", n)
	}
	c.readmit(2)
	if n := c.admit(t.Context(), 100); n != 2 {
		t.Fatalf("admitted %d in place of two that were not sent", n)
	}
	rest := make(chan int)
	go func() { rest <- c.admit(t.Context(), 100) }()
	for range 5 {
		select {
		case n := <-rest:
			t.Fatalf("admitted %d more before the first wave was answered", n)
		default:
		}
		c.answered(verdict{}, 0, time.Time{})
	}
	if n := <-rest; n != 100 {
		t.Errorf("admitted %d after the first wave", n)
	}
}

func TestALookThatIsOlderThanAChangeIsNotBelieved(t *testing.T) {
	c := newCampaignRun(t.Context(), job{Campaign: minapush.Campaign{State: minapush.Running}}, minapush.App{Shards: 1}, Config{})
	if c.stale(1) {
		t.Error("stale before any change")
	}
	c.mu.Lock()
	c.writing++ // as whoever decides on a change does
	c.mu.Unlock()
	if !c.stale(7) {
		t.Error("believed while the change is being written")
	}
	c.written(7)
	if !c.stale(7) || c.stale(8) {
		t.Error("looks up to the seventh are older than the change, later ones are not")
	}
}

func TestASlowShardCarriesOutEveryRulingInTurn(t *testing.T) {
	t.Parallel()
	c := newCampaignRun(t.Context(), job{Campaign: minapush.Campaign{State: minapush.Running}}, minapush.App{Shards: 8}, Config{})
	first, second := time.UnixMilli(1000).UTC(), time.UnixMilli(2000).UTC()
	c.suspected[7] = time.UnixMilli(1)
	c.rule(disbelieve, first)
	c.suspected[7] = time.UnixMilli(1)
	c.rule(believe, second)
	for _, want := range []ruled{{disbelieve, first}, {believe, second}, {}} {
		got := c.unresolved(7, "", second)
		if got.ruling != want.ruling || !got.until.Equal(want.until) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		c.resolvedIn(7, got)
	}
}

func TestAnAnswerIsLaterThanTheRulingBeforeIt(t *testing.T) {
	t.Parallel()
	c := newCampaignRun(t.Context(), job{Campaign: minapush.Campaign{State: minapush.Running}}, minapush.App{Shards: 8}, Config{})
	at := time.UnixMilli(1000).UTC()
	_, before := c.answered(verdict{}, 7, at.Add(5*time.Millisecond))
	c.suspected[7] = time.UnixMilli(1)
	c.rule(believe, at) // by a visit whose clock was read a moment earlier
	if r := c.unresolved(7, "", at); before.After(r.until) {
		t.Errorf("the answer at %v is not ruled on until %v", before, r.until)
	}
	_, after := c.answered(verdict{}, 7, at)
	if r := c.unresolved(7, "", at); !after.After(r.until) {
		t.Errorf("the answer at %v came after the ruling until %v", after, r.until)
	}
}
