package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// faultyPut writes a document and tells whether the caller was told that it worked.
func faultyPut(t *testing.T, f *Faulty, id string) bool {
	t.Helper()
	_, err := f.Put(t.Context(), store.Document{Kind: "k", ID: id})
	if err != nil && !errors.Is(err, minapush.Unavailable) {
		t.Errorf("put %s: %v", id, err)
	}
	return err == nil
}

func faultyHas(t *testing.T, st store.Store, id string) bool {
	t.Helper()
	_, err := st.Get(t.Context(), "k", id)
	return err == nil
}

func TestFaultsComeInThreeForms(t *testing.T) {
	t.Parallel()
	inner := NewModel(func() time.Time { return time.Time{} })
	f := NewFaulty(inner, FaultyConfig{Script: []FaultyLine{
		{Method: "Put", Call: 2, Fault: FaultBefore},
		{Method: "Put", Call: 3, Fault: FaultAfter},
		{Method: "Put", Call: 4, Fault: FaultLate},
		{Method: "Put", Call: 5, Fault: FaultLate, Wait: 1},
		{Method: "Get", Call: 2, Fault: FaultLate},
		{Method: "Put", Call: 6, Fault: FaultLate, Wait: 1, Behind: true},
	}})
	for i, want := range []bool{true, false, false, false, false} {
		if got := faultyPut(t, f, string(rune('1'+i))); got != want {
			t.Errorf("put %d: got %t, want %t", i+1, got, want)
		}
	}
	for id, want := range map[string]bool{"1": true, "2": false, "3": true, "4": false, "5": false} {
		if got := faultyHas(t, inner, id); got != want {
			t.Errorf("document %s is there: %t, want %t", id, got, want)
		}
	}
	if !faultyHas(t, f, "5") {
		t.Error("a late step was not done just before the next call")
	}
	if faultyHas(t, f, "5") {
		t.Error("a read that is late answered")
	}
	faultyPut(t, f, "6")
	if faultyHas(t, f, "6") || !faultyHas(t, f, "6") {
		t.Error("a late step was not done just behind the next call")
	}
	if n := f.Flush(t.Context()); n != 1 || !faultyHas(t, f, "4") {
		t.Errorf("flushed %d steps", n)
	}
	if diff := cmp.Diff(FaultyCount{Before: 1, After: 1, Late: 4, Arrived: 3}, f.Injected("")); diff != "" {
		t.Error(diff)
	}
}

func TestFaultsFollowTheirSeed(t *testing.T) {
	t.Parallel()
	run := func() (told []bool, counts FaultyCount) {
		f := NewFaulty(NewModel(func() time.Time { return time.Time{} }), FaultyConfig{
			Rand: rand.New(rand.NewPCG(1, 2)), LateWithin: 3,
			Chance: map[string]FaultyChance{"": {Before: 0.2, After: 0.2, Late: 0.2}, "Get": {}},
		})
		for i := range 100 {
			told = append(told, faultyPut(t, f, string(rune('A'+i))), faultyHas(t, f, string(rune('A'+i))))
		}
		return told, f.Injected("Put")
	}
	told, counts := run()
	again, _ := run()
	if diff := cmp.Diff(told, again); diff != "" {
		t.Errorf("the same seed did something else:\n%s", diff)
	}
	if counts.Before == 0 || counts.After == 0 || counts.Late == 0 || counts.Arrived == 0 {
		t.Errorf("a form is missing: %+v", counts)
	}
}

func TestFaultsCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	f := NewFaulty(NewModel(func() time.Time { return time.Time{} }), FaultyConfig{
		Rand: rand.New(rand.NewPCG(1, 2)), Chance: map[string]FaultyChance{"": {Late: 1}},
	})
	if faultyPut(t, f, "1") {
		t.Fatal("no fault")
	}
	f.Enable(false)
	if !faultyPut(t, f, "2") || faultyHas(t, f, "1") {
		t.Error("switched off, it still fails, or forgot what is late")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Get(ctx, "k", "2"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestFaultsAreSafeForManyCallers(t *testing.T) {
	t.Parallel()
	inner := NewModel(func() time.Time { return time.Time{} })
	f := NewFaulty(inner, FaultyConfig{
		Rand: rand.New(rand.NewPCG(3, 4)), LateWithin: 4, Chance: map[string]FaultyChance{"": {Before: 0.1, After: 0.1, Late: 0.3}},
	})
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			for j := range 50 {
				faultyPut(t, f, fmt.Sprint(i, "-", j))
			}
		})
	}
	callers.Wait()
	f.Flush(t.Context())
	counts := f.Injected("Put")
	if counts.Late != counts.Arrived {
		t.Errorf("late steps were lost: %+v", counts)
	}
	docs, err := inner.ListDocuments(t.Context(), "k", "", 1000)
	if err != nil || len(docs) != 400-counts.Before {
		t.Errorf("%d documents after %d faults before the step: %v", len(docs), counts.Before, err)
	}
}

func TestALateStepDoesNotSeeWhatItsCallerChangedSince(t *testing.T) {
	t.Parallel()
	inner := NewModel(func() time.Time { return time.Time{} })
	f := NewFaulty(inner, FaultyConfig{Script: []FaultyLine{{Method: "PutProfile", Fault: FaultLate}, {Method: "AddListed", Fault: FaultLate}}})
	s := minapush.Shard{App: 1}
	p := minapush.Profile{Tags: []string{"a"}, Attributes: map[string]minapush.Attribute{"x": {Text: "1"}}}
	users := []store.Listed{{OpenID: "u", Values: map[string]string{"x": "1"}}}
	if _, err := f.PutProfile(t.Context(), s, "u", p, suiteAt(0)); !errors.Is(err, minapush.Unavailable) {
		t.Fatal(err)
	}
	if _, err := f.AddListed(t.Context(), s, "c", users); !errors.Is(err, minapush.Unavailable) {
		t.Fatal(err)
	}
	p.Tags[0], p.Attributes["x"], users[0].Values["x"] = "b", minapush.Attribute{Text: "2"}, "2"
	f.Flush(t.Context())
	u, err := inner.User(t.Context(), s, "u")
	if err != nil || u.Profile.Tags[0] != "a" || u.Profile.Attributes["x"].Text != "1" {
		t.Errorf("profile %+v, %v", u.Profile, err)
	}
	list, err := inner.Listed(t.Context(), s, "c", "", 10)
	if err != nil || len(list) != 1 || list[0].Values["x"] != "1" {
		t.Errorf("list %+v, %v", list, err)
	}
}
