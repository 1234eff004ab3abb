package dispatch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minapush/minapush"
)

func TestACampaignKeepsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(minapush.App{Rate: 100, InFlight: 1000})
		began := time.Now()
		for sent := 0; sent < 1000; {
			n := g.take(t.Context(), 50)
			sent += n
			g.give(n)
		}
		if took := time.Since(began); took < 9800*time.Millisecond || took > 10100*time.Millisecond {
			t.Errorf("1000 messages at 100 a second took %v", took)
		}
	})
}

func TestPushesGoBeforeCampaigns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(minapush.App{Rate: minapush.Unlimited, InFlight: 1})
		if g.take(t.Context(), 1) != 1 {
			t.Fatal("no slot")
		}
		first := make(chan string, 2)
		go func() {
			g.take(t.Context(), 1)
			first <- "campaign"
			g.give(1)
		}()
		synctest.Wait()
		go func() {
			g.takeOne(t.Context())
			first <- "push"
			g.give(1)
		}()
		synctest.Wait()
		g.give(1)
		if who := <-first; who != "push" {
			t.Errorf("%s went first", who)
		}
		<-first
	})
}

func TestNoMoreThanTheBoundIsUnanswered(t *testing.T) {
	g := newGate(minapush.App{Rate: minapush.Unlimited, InFlight: 10})
	if n := g.take(t.Context(), 8); n != 8 {
		t.Fatalf("got %d", n)
	}
	if n := g.take(t.Context(), 8); n != 2 {
		t.Errorf("got %d of the last two", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n := g.take(ctx, 1); n != 0 {
		t.Errorf("got %d above the bound", n)
	}
}

func TestABusyPlatformGetsLessAndCleanAnswersWinItBack(t *testing.T) {
	g := newGate(minapush.App{Rate: minapush.Unlimited, InFlight: 90})
	now := time.Unix(1000, 0)
	g.answered(true, now)
	g.answered(true, now.Add(time.Millisecond)) // of the same moment: counts once
	if n := g.take(t.Context(), 90); n != 60 {
		t.Errorf("after a busy answer %d may be unanswered", n)
	}
	for range 600 {
		g.answered(false, now)
	}
	if n := g.take(t.Context(), 90); n != 30 {
		t.Errorf("won back %d of 30", n)
	}
}
