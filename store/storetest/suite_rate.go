package storetest

import (
	"math"
	"sync"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// suiteRate judges tokens. A store's clock may be its own, and may have gone on by any time between two calls: what is said here holds
// all the same.
type suiteRate struct{ *suiteKit }

func (k suiteRate) take(app uint32, perSecond float64, want int, ahead time.Duration) store.Tokens {
	k.t.Helper()
	got, err := k.st.TakeTokens(k.ctx(), app, store.RateAsk{PerSecond: perSecond, Want: want, Ahead: ahead})
	k.must(err, "take tokens")
	if got.N > want || got.N < 0 || got.Wait < 0 || got.N > 0 && got.Wait > ahead {
		k.t.Errorf("asked for %d, at most %v ahead: got %+v", want, ahead, got)
	}
	return got
}

func (k suiteRate) TheFirstTokensAreGoodAtOnce() {
	if got := k.take(1, 100, 5, 0); got.N != 5 || got.Wait != 0 {
		k.t.Errorf("got %+v", got)
	}
}

func (k suiteRate) TokensComeOneBehindTheOther() {
	k.take(1, 1, 20, 0) // for twenty seconds
	next := k.take(1, 1, 5, 25*time.Second)
	if next.N != 5 || next.Wait > 20*time.Second || next.Wait < time.Second {
		k.t.Errorf("behind the first twenty, one a second: got %+v", next)
	}
	if k.b.ExpireLeases == nil && next.Wait != 20*time.Second {
		k.t.Errorf("while no time passes: got %+v", next)
	}
}

func (k suiteRate) WhoWillNotWaitGetsNoneUntilThen() {
	k.take(1, 1, 25, 0)
	for range 3 {
		if got := k.take(1, 1, 1, time.Second); got.N != 0 || got.Wait <= 0 || got.Wait > 24*time.Second {
			k.t.Errorf("got %+v", got)
		}
	}
	if got := k.take(1, 1, 1, 25*time.Second); got.N != 1 {
		k.t.Errorf("who asks further ahead goes first, and what was refused took nothing: got %+v", got)
	}
}

func (k suiteRate) AreNotSavedUp() {
	if k.b.ExpireLeases != nil {
		k.t.Skip("the store's clock is its own")
	}
	k.take(1, 10, 1, 0)
	k.clock.advance(time.Hour)
	if got := k.take(1, 10, 10, 0); got.N != 10 || got.Wait != 0 {
		k.t.Errorf("after an hour got %+v", got)
	}
	if got := k.take(1, 10, 10, 0); got.N != 0 || got.Wait != time.Second {
		k.t.Errorf("more at once: %+v", got)
	}
	k.clock.advance(time.Second)
	if got := k.take(1, 10, 10, 0); got.N != 10 || got.Wait != 0 {
		k.t.Errorf("a second later: %+v", got)
	}
}

func (k suiteRate) OfEachAppAreItsOwn() {
	k.take(1, 1, 25, 0)
	if got := k.take(2, 1, 1, 0); got.N != 1 || got.Wait != 0 {
		k.t.Errorf("another app got %+v", got)
	}
}

func (k suiteRate) MayChangeFromCallToCall() {
	k.take(1, 1, 10, 0) // for ten seconds
	fast := k.take(1, 1000, 1000, 20*time.Second)
	if fast.N != 1000 {
		k.t.Fatalf("got %+v", fast)
	}
	next := k.take(1, 1000, 1, 20*time.Second)
	if next.Wait > fast.Wait+time.Second+time.Millisecond {
		k.t.Errorf("a thousand, a thousand a second, took more than a second: %v, then %v", fast.Wait, next.Wait)
	}
}

func (k suiteRate) NobodyTakesMoreThanAMinuteAhead() {
	if got := k.take(1, 1, 1000, 0); got.N != 30 {
		k.t.Errorf("got %+v, want half a minute's worth", got)
	}
	if got := k.take(2, 0.001, 1000, 0); got.N != 1 {
		k.t.Errorf("got %+v, want one", got)
	}
	if got := k.take(2, 0.001, 1, 0); got.N != 0 || got.Wait > store.MaxTokens/2 {
		k.t.Errorf("got %+v, want none for half a minute at most", got)
	}
}

func (k suiteRate) ManyTogetherKeepIt() {
	const perSecond, callers, want = 200, 8, 3
	var mu sync.Mutex
	got := 0
	began := time.Now()
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range 40 {
				n := k.take(1, perSecond, want, time.Second).N
				mu.Lock()
				got += n
				mu.Unlock()
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	if k.b.ExpireLeases == nil {
		took = 0 // the clock stands still
	}
	if most := int(math.Ceil((took+time.Second).Seconds()*perSecond)) + want; got > most {
		k.t.Errorf("%d tokens in %v, a second ahead; at most %d", got, took, most)
	}
	if got < perSecond {
		k.t.Errorf("%d tokens, though %d can be taken a second ahead", got, perSecond)
	}
}

func (k suiteRate) AsksThatMakeNoSenseAreRefused() {
	for _, r := range []store.RateAsk{
		{PerSecond: 0, Want: 1}, {PerSecond: -1, Want: 1}, {PerSecond: math.NaN(), Want: 1}, {PerSecond: 1, Want: 0}, {PerSecond: 1, Want: -1},
		{PerSecond: 1, Want: 1, Ahead: -1}, {PerSecond: 1, Want: 1, Ahead: store.MaxTokens},
	} {
		_, err := k.st.TakeTokens(k.ctx(), 1, r)
		k.wantKind(err, minapush.Invalid, "take tokens")
	}
	if got := k.take(1, 1, 1, 0); got.N != 1 || got.Wait != 0 {
		k.t.Errorf("afterwards: %+v", got)
	}
}
