package bank_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/store/storetest"
)

// background runs a bank on the bubble's own clock; each page of users takes some work.
func background(t *testing.T, cfg bank.Config, work time.Duration, apps func(context.Context) ([]minapush.App, error)) (*bank.Bank, func() error) {
	t.Helper()
	model := storetest.NewModel(time.Now)
	b, err := bank.New(&hookedSweep{Store: model, each: func() error { time.Sleep(work); return nil }}, cfg)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx, apps) }()
	return b, func() error {
		cancel()
		err := <-done
		_ = model.Close()
		return err
	}
}

func theApp() minapush.App { return minapush.App{ID: "wx0123", Number: 1, Shards: 2} }

func always(context.Context) ([]minapush.App, error) { return []minapush.App{theApp()}, nil }

func TestRunSurveysSoonAndAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		b, stop := background(t, bank.Config{}, 0, always)
		synctest.Wait()
		s, err := b.LastSurvey(t.Context(), theApp())
		must(t, err)
		wantEqual(t, s.At.Equal(start), true)
		for range 3 {
			before := s
			time.Sleep(bank.DefaultSurveyEvery + 5*time.Second)
			synctest.Wait()
			s, err = b.LastSurvey(t.Context(), theApp())
			must(t, err)
			if gap := s.At.Sub(before.At); gap < bank.DefaultSurveyEvery || gap > bank.DefaultSurveyEvery+5*time.Second {
				t.Fatalf("the next survey came after %v", gap)
			}
		}
		if err := stop(); !errors.Is(err, context.Canceled) {
			t.Fatalf("Run ended with %v", err)
		}
	})
}

func TestRunFindsNewAppsSoonAndSurvivesTheirSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		b, stop := background(t, bank.Config{}, 0, func(context.Context) ([]minapush.App, error) {
			if calls++; calls == 1 {
				return nil, minapush.Unavailable
			}
			return []minapush.App{theApp()}, nil
		})
		synctest.Wait()
		_, err := b.LastSurvey(t.Context(), theApp())
		wantKind(t, err, minapush.NotFound)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		_, err = b.LastSurvey(t.Context(), theApp())
		must(t, err)
		_ = stop()
	})
}

func TestRunWorksForItsShareOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const work = 100 * time.Millisecond
		b, stop := background(t, bank.Config{SurveyShare: 0.25}, work, always)
		time.Sleep(time.Minute)
		synctest.Wait()
		s, err := b.LastSurvey(t.Context(), theApp())
		must(t, err)
		wantEqual(t, s.Took, time.Duration(theApp().Shards)*4*work)
		_ = stop()
	})
}

func TestTwoNodesShareTheSurveys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := storetest.NewModel(time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		pages, done := [2]*hookedSweep{}, make(chan error, 2)
		for i := range pages {
			pages[i] = &hookedSweep{Store: model}
			b, err := bank.New(pages[i], bank.Config{})
			must(t, err)
			go func() { done <- b.Run(ctx, always) }()
			time.Sleep(time.Minute)
		}
		time.Sleep(time.Hour)
		cancel()
		<-done
		<-done
		surveys := (pages[0].pages + pages[1].pages) / theApp().Shards
		if surveys < 11 || surveys > 20 { // alone each would make 12; both may begin at the very same time
			t.Fatalf("two nodes made %d surveys in an hour, want about one in five minutes", surveys)
		}
		_ = model.Close()
	})
}

func TestRunStopsInTheMiddleOfASurvey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, stop := background(t, bank.Config{SurveyShare: 0.001}, time.Second, always)
		time.Sleep(10 * time.Second) // in the pause after the first page
		begun := time.Now()
		if err := stop(); !errors.Is(err, context.Canceled) {
			t.Fatalf("Run ended with %v", err)
		}
		wantEqual(t, time.Since(begun), 0)
	})
}

func TestNodesThatStartTogetherSurveyOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := storetest.NewModel(time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 3)
		pages := [3]*hookedSweep{}
		for i := range pages {
			pages[i] = &hookedSweep{Store: model, each: func() error { time.Sleep(10 * time.Second); return nil }}
			b, err := bank.New(pages[i], bank.Config{SurveyShare: 1})
			must(t, err)
			go func() { done <- b.Run(ctx, always) }()
		}
		time.Sleep(time.Minute)
		cancel()
		for range pages {
			<-done
		}
		if n := pages[0].pages + pages[1].pages + pages[2].pages; n != theApp().Shards {
			t.Errorf("three nodes looked at %d pages, want one survey of %d", n, theApp().Shards)
		}
		_ = model.Close()
	})
}

func TestTheSurveyOfANodeThatDiedIsMadeByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := storetest.NewModel(time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 2)
		var dead atomic.Bool
		release := make(chan struct{})
		first, err := bank.New(&hookedSweep{Store: model, each: func() error {
			dead.Store(true)
			<-release
			return minapush.Unavailable
		}}, bank.Config{})
		must(t, err)
		second, err := bank.New(model, bank.Config{})
		must(t, err)
		go func() { done <- first.Run(ctx, always) }()
		synctest.Wait()
		wantEqual(t, dead.Load(), true)
		began := time.Now()
		go func() { done <- second.Run(ctx, always) }()
		for {
			if _, err := second.LastSurvey(t.Context(), theApp()); err == nil {
				break
			} else if !errors.Is(err, minapush.NotFound) || time.Since(began) > time.Hour {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took < time.Minute || took > bank.DefaultSurveyEvery {
			t.Errorf("the other node had its figures after %v", took)
		}
		s, err := first.LastSurvey(t.Context(), theApp()) // any node answers from it
		must(t, err)
		wantEqual(t, s.At.After(began), true)
		close(release)
		cancel()
		<-done
		<-done
		_ = model.Close()
	})
}

func TestANodeThatLostItsTurnLeavesTheSurveyToTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := storetest.NewModel(time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 2)
		slept := false
		slow := &hookedSweep{Store: model, each: func() error {
			if !slept {
				slept = true
				time.Sleep(4 * time.Minute) // stopped, as it were
			}
			return nil
		}}
		first, err := bank.New(slow, bank.Config{SurveyShare: 1})
		must(t, err)
		second, err := bank.New(model, bank.Config{SurveyShare: 1})
		must(t, err)
		go func() { done <- first.Run(ctx, always) }()
		synctest.Wait()
		go func() { done <- second.Run(ctx, always) }()
		time.Sleep(4*time.Minute + time.Second)
		cancel()
		<-done
		<-done
		if slow.pages != 1 {
			t.Errorf("the node went on for %d pages after another had taken its turn", slow.pages)
		}
		_ = model.Close()
	})
}
