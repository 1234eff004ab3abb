package dispatch

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// newTestGate is the gate of one node on a store.
func newTestGate(app minapush.App, st store.Store) *gate {
	return newGate(app, tokensOf(delivery.New(st), 1))
}

func TestACampaignKeepsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGate(minapush.App{Rate: 100, InFlight: 1000}, storetest.NewModel(time.Now))
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
		g := newGate(minapush.App{Rate: minapush.Unlimited, InFlight: 1}, nil)
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
			_ = g.takeOne(t.Context())
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
	g := newGate(minapush.App{Rate: minapush.Unlimited, InFlight: 10}, nil)
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
	g := newGate(minapush.App{Rate: minapush.Unlimited, InFlight: 90}, nil)
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

// sends are the times at which several gates let messages through.
type sends struct {
	mu sync.Mutex
	at []time.Time
}

func (s *sends) add(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.at = append(s.at, time.Now())
	}
}

func (s *sends) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.at)
}

// most is the greatest number in any second.
func (s *sends) most() int {
	most, first := 0, 0
	for i, at := range s.at {
		for at.Sub(s.at[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// hungry takes as a campaign does until ctx ends, in batches, with pauses of up to a second and a half now and then.
func hungry(ctx context.Context, g *gate, seed uint64, note *sends) {
	r := rand.New(rand.NewPCG(seed, 1))
	for ctx.Err() == nil {
		n := g.take(ctx, 1+r.IntN(20))
		note.add(n)
		g.give(n)
		if r.IntN(50) == 0 {
			sleep(ctx, time.Duration(r.IntN(1500))*time.Millisecond)
		}
	}
}

func TestNodesTogetherKeepTheRateInEverySecond(t *testing.T) {
	for _, rate := range []int{7, 100, 1000} {
		synctest.Test(t, func(t *testing.T) {
			const nodes = 3
			model := storetest.NewModel(time.Now)
			var note sends
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var all sync.WaitGroup
			for i := range uint64(nodes) {
				g := newTestGate(minapush.App{Rate: rate, InFlight: 1000}, model)
				all.Go(func() { hungry(ctx, g, i, &note) })
				all.Go(func() { hungry(ctx, g, i+nodes, &note) })
			}
			all.Wait()
			slice := max(1, rate/20)
			if most := note.most(); most > rate+nodes*slice {
				t.Errorf("%d messages in a second at a rate of %d, slices of %d, %d nodes", most, rate, slice, nodes)
			}
			if got := len(note.at); got < 50*rate {
				t.Errorf("%d messages in a minute at a rate of %d", got, rate)
			}
		})
	}
}

func TestPushesGoBeforeTheCampaignsOfOtherNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := storetest.NewModel(time.Now)
		var note sends
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 3 {
			g := newTestGate(minapush.App{Rate: 100, InFlight: 1000}, model)
			all.Go(func() {
				for ctx.Err() == nil {
					n := g.take(ctx, 10)
					note.add(n)
					g.give(n)
				}
			})
		}
		time.Sleep(5 * time.Second)
		g := newTestGate(minapush.App{Rate: 100, InFlight: 1000}, model)
		began, before := time.Now(), note.count()
		var pushes sync.WaitGroup
		for range 100 { // a second's worth
			pushes.Go(func() { must(t, g.takeOne(t.Context())) })
		}
		pushes.Wait()
		took, others := time.Since(began), note.count()-before
		cancel()
		all.Wait()
		if took > 1300*time.Millisecond || others > 10 {
			t.Errorf("100 pushes at 100 a second took %v, while campaigns sent %d", took, others)
		}
	})
}

func TestARateThatIsChangedHoldsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGate(minapush.App{Rate: 1, InFlight: 1000}, storetest.NewModel(time.Now))
		g.give(g.take(t.Context(), 1))
		g.configure(minapush.App{Rate: 1000, InFlight: 1000})
		began := time.Now()
		for sent := 0; sent < 1000; {
			n := g.take(t.Context(), 1000)
			sent += n
			g.give(n)
		}
		if took := time.Since(began); took > 2100*time.Millisecond {
			t.Errorf("a thousand messages at a thousand a second took %v", took)
		}
		g.configure(minapush.App{Rate: minapush.Unlimited, InFlight: 1000})
		if n := g.take(t.Context(), 1000); n != 1000 {
			t.Errorf("without a rate %d of 1000 were let through", n)
		}
	})
}

func TestNothingIsSentWhileTheStoreCannotBeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		down := true
		model := storetest.NewModel(time.Now)
		g := newGate(minapush.App{Rate: 100, InFlight: 1000}, func(ctx context.Context, perSecond float64, want int, ahead time.Duration) (delivery.Tokens, error) {
			if asked++; down {
				return delivery.Tokens{}, minapush.Unavailable
			}
			return tokensOf(delivery.New(model), 1)(ctx, perSecond, want, ahead)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := g.takeOne(ctx); !errors.Is(err, minapush.Unavailable) {
			t.Errorf("a push waited and got %v", err)
		}
		if asked < 2 || asked > 60 {
			t.Errorf("the store was asked %d times in ten seconds", asked)
		}
		down = false
		if n := g.take(t.Context(), 1); n != 1 {
			t.Error("nothing is sent when the store is back")
		}
	})
}

func TestAPushThatCannotHaveItsTurnInTimeIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGate(minapush.App{Rate: 1, InFlight: 1000}, storetest.NewModel(time.Now))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var pushes sync.WaitGroup
		var through, refused atomic.Int32
		began := time.Now()
		for range 20 {
			pushes.Go(func() {
				switch err := g.takeOne(ctx); {
				case err == nil:
					through.Add(1)
				case errors.Is(err, minapush.Throttled):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		pushes.Wait()
		if through.Load() < 5 || through.Load() > 6 || through.Load()+refused.Load() != 20 {
			t.Errorf("%d pushes in %v at one a second, %d refused", through.Load(), time.Since(began), refused.Load())
		}
	})
}
