package collect_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/collect"
	"github.com/minapush/minapush/delivery"
)

// TestEveryAcceptCountsOnceHoweverItIsTold lets a user accept, tells it by report, by event or by both, in any order, late and repeatedly,
// and counts. Accepts of which everything comes lie so near that any report fits any event; where one of both may be lost they lie further
// apart than they may and still be taken for one.
func TestEveryAcceptCountsOnceHoweverItIsTold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newBundle(t.Context(), collect.Config{})
		var err error
		if b.collect, err = collect.New(b.bank, delivery.New(b.st), collect.Config{Now: b.clock.now}); err != nil {
			t.Fatal(err)
		}
		lossy := rapid.Bool().Draw(t, "lossy")
		accepts := rapid.IntRange(1, 8).Draw(t, "accepts")
		var taken []time.Time
		type telling struct {
			accept int
			event  bool
		}
		var tellings []telling
		for n := range accepts {
			taken = append(taken, b.clock.now())
			gap := time.Duration(rapid.IntRange(2, 70).Draw(t, "gap")) * time.Second
			how := 2
			if lossy {
				gap, how = gap+2*minapush.PairWithin, rapid.IntRange(0, 2).Draw(t, "told by")
			}
			for range rapid.IntRange(1, 3).Draw(t, "times") {
				if how != 0 {
					tellings = append(tellings, telling{n, true})
				}
				if how != 1 {
					tellings = append(tellings, telling{n, false})
				}
			}
			b.clock.add(gap)
		}
		for _, x := range rapid.Permutation(tellings).Draw(t, "order") {
			if x.event {
				_, err = b.collect.Event(b.ctx, b.app, popup(taken[x.accept], "T1", "accept"))
			} else {
				it := accept("T1", fmt.Sprint("n", x.accept))
				it.AgeMS = b.clock.now().Sub(taken[x.accept]).Milliseconds()
				_, err = b.collect.Report(b.ctx, b.app, someone, collect.Report{Items: []collect.Item{it}})
			}
			if err != nil {
				t.Fatal(err)
			}
			b.clock.add(time.Duration(rapid.IntRange(0, 900).Draw(t, "pause")) * time.Second)
		}
		u, err := b.bank.User(b.ctx, b.app, someone)
		if err != nil {
			t.Fatal(err)
		}
		if len(u.Permits) != accepts {
			t.Fatalf("%d permits of %d accepts", len(u.Permits), accepts)
		}
	})
}
