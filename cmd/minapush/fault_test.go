package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/dispatch"
	"github.com/minapush/minapush/sandbox"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

// TestFaultsInEveryFormLeaveNothingOpen runs broadcasts and pushes over a store in which steps fail before their effect, after it, and
// late, over a platform with bad weather, with restarts in between. Afterwards the invariants hold, every sum is closed and nobody has
// two messages.
func TestFaultsInEveryFormLeaveNothingOpen(t *testing.T) {
	t.Parallel()
	random := seeded(t)
	for round := range rounds(t) {
		seed := random.Uint64()
		t.Run(fmt.Sprintf("round %d", round), func(t *testing.T) {
			t.Parallel()
			faultRound(t, rand.New(rand.NewPCG(seed, 2)))
		})
	}
}

func faultRound(t *testing.T, random *rand.Rand) {
	var faulty *storetest.Faulty
	w := newWorldOn(t, sandbox.Config{Latency: sandbox.Latency{Median: 20 * time.Millisecond, P99: 100 * time.Millisecond}}, func(st store.Store) store.Store {
		faulty = storetest.NewFaulty(st, storetest.FaultyConfig{
			Rand: rand.New(rand.NewPCG(random.Uint64(), 3)), LateWithin: 200,
			Chance: map[string]storetest.FaultyChance{"": {Before: 0.02, After: 0.02, Late: 0.02}},
		})
		faulty.Enable(false)
		return faulty
	}, func(c *dispatch.Config) { c.Lease, c.RecoverEvery = 2*time.Second, 500*time.Millisecond })
	for _, f := range sandbox.Weather() {
		f.Probability *= 20
		if f.Action == sandbox.ActHang {
			f.Action = sandbox.ActDrop // a hung answer ends the same way, ten seconds later
		}
		_, err := w.sandbox.Script(f)
		must(t, err)
	}
	inFlight := 8 // so that a broadcast takes as long as the faults do
	_, err := w.client.UpdateApp(t.Context(), testApp, api.AppChange{InFlight: &inFlight})
	must(t, err)
	users := w.users(400)
	for _, user := range users {
		w.forms(user, 2)
		w.subscribe(user, 2)
	}
	var ids []string
	injected := map[string]int{}
	messages := []api.Message{legacyMessage("pages/f1"), oneTimeMessage("pages/f2"), legacyMessage("pages/f3")}
	for i, m := range messages {
		ids = append(ids, w.campaign(m))
		faulty.Enable(true)
		w.pushUnderFaults(users, i, random)
		faulty.Enable(false)
		found := faulty.Injected("")
		injected["before"] += found.Before
		injected["after"] += found.After
		injected["late"] += found.Late
		if i == 1 {
			w.restart()
		}
	}
	faulty.Flush(context.WithoutCancel(t.Context()))
	w.offset.Add(int64(time.Minute)) // past the deadlines of pushes that their callers gave up
	for i, id := range ids {
		w.finished(id)
		w.nobodyTwice(messages[i])
	}
	w.untilNobodyIsBusy(users)
	t.Logf("injected %v", injected)
	for _, form := range []string{"before", "after", "late"} {
		if injected[form] == 0 {
			t.Errorf("no fault %s the effect was injected", form)
		}
	}
	w.check(ids...)
}

// pushUnderFaults pushes to some users for two seconds. A push may fail under faults; what it left is recovered.
func (w *world) pushUnderFaults(users []string, round int, random *rand.Rand) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Second)
	defer cancel()
	var pushers sync.WaitGroup
	for i := range 10 {
		user := users[random.IntN(len(users))]
		pushers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				_, _ = w.client.Push(ctx, testApp, api.NewPush{OpenID: user, Message: oneTimeMessage("pages/p")}, fmt.Sprintf("%d-%d-%d", round, i, n))
			}
		})
	}
	pushers.Wait()
}

// untilNobodyIsBusy waits for the recovery of what pushes left in hand.
func (w *world) untilNobodyIsBusy(users []string) {
	w.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for _, user := range users {
		for w.user(user).Busy {
			if time.Now().After(deadline) {
				w.t.Fatalf("%s is busy for ever", minapush.OpenID(user).Masked())
			}
		}
	}
}
