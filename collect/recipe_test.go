package collect_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/collect"
	"github.com/minapush/minapush/store"
)

// TestTheRecipesUploadsAreAnsweredAsRecorded goes through testdata/recipe.json: bodies as they come over the wire, arriving on
// 2026-11-22 at 10:00 UTC, and what each element must become.
func TestTheRecipesUploadsAreAnsweredAsRecorded(t *testing.T) {
	t.Parallel()
	var cases []struct {
		Name  string
		Body  json.RawMessage
		Error string // the field that is wrong
		Want  []struct {
			Status, Reason, Field string
			EndsIn                int `json:"ends_in_s"`
		}
	}
	golden, err := os.ReadFile("testdata/recipe.json")
	must(t, err)
	must(t, json.Unmarshal(golden, &cases))
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			var body collect.RecipeBody
			must(t, json.Unmarshal(c.Body, &body))
			a, err := b.collect.Recipe(b.ctx, b.app, body)
			if c.Error != "" {
				wantField(t, err, c.Error)
				wantEqual(t, len(b.permits(t)), 0)
				return
			}
			must(t, err)
			wantEqual(t, len(a.Items), len(c.Want))
			ends := map[time.Time]int{}
			for i, want := range c.Want {
				got := a.Items[i]
				wantEqual(t, [3]string{string(got.Status), got.Reason, got.Field}, [3]string{want.Status, want.Reason, want.Field})
				if want.EndsIn > 0 {
					ends[b.clock.now().Add(time.Duration(want.EndsIn)*time.Second)]++
				}
			}
			for _, p := range b.permits(t) {
				ends[p.ExpiresAt.UTC()]--
				wantEqual(t, p.ExpiresAt.Sub(p.TakenAt), minapush.CodeLife)
			}
			for at, n := range ends {
				if n != 0 {
					t.Errorf("%+d permits that end at %v", -n, at)
				}
			}
		})
	}
}

// TestTheMisspeltVariableThatNeverClearsTheArrayDoesNoHarm plays the recipe's client: every tap appends a code, every request
// uploads the whole array, and the line that should clear it clears something else.
func TestTheMisspeltVariableThatNeverClearsTheArrayDoesNoHarm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var array []string
	for tap := range 30 {
		array = append(array, fmt.Sprintf(`{"formId":"%s","expire":%d}`, code(tap), b.clock.now().UnixMilli()+60480000))
		a, err := b.collect.Recipe(b.ctx, b.app, collect.RecipeBody{OpenID: string(someone), FormIDs: "[" + strings.Join(array, ",") + "]"})
		must(t, err)
		wantEqual(t, [4]int{a.Accepted, a.Duplicate, a.Evicted, a.Refused}, [4]int{1, tap, 0, 0})
		b.clock.add(time.Hour)
		if tap == 10 { // one is sent meanwhile: it does not come back
			b.spend(t)
		}
	}
	totals, err := b.bank.Totals(b.ctx, b.app)
	must(t, err)
	wantEqual(t, totals, minapush.Counts{Deposited: 30, Available: 29, Spent: 1})
}

func (b *bundle) spend(t *testing.T) {
	t.Helper()
	r, err := b.bank.ReservePush(b.ctx, b.app, bank.Push{
		Batch: minapush.PushBatch(b.clock.now()), ID: "p1", OpenID: someone, Attempt: 1, Deadline: b.clock.now().Add(time.Minute),
		Need: bank.NeedFor(minapush.LegacyTemplate, minapush.Message{Template: "L"}),
	})
	must(t, err)
	wantEqual(t, r.Status, bank.PushReserved)
	_, err = b.st.SettlePush(b.ctx, b.app.Shard(someone), store.Settlement{
		Ref: store.RefOf(r.Delivery), Outcome: minapush.Accepted, Permit: store.Spend, Now: b.clock.now(),
	})
	must(t, err)
}

func TestAnUploadOfTheRecipeMayBeLongButNotEndless(t *testing.T) {
	t.Parallel()
	b := setup(t)
	upload := func(n int) (collect.Answer, error) {
		codes := make([]string, n)
		for i := range codes {
			codes[i] = `"` + code(i) + `"`
		}
		return b.collect.Recipe(b.ctx, b.app, collect.RecipeBody{OpenID: string(someone), FormIDs: "[" + strings.Join(codes, ",") + "]"})
	}
	_, err := upload(collect.DefaultMaxRecipeItems + 1)
	wantField(t, err, "formIds")
	wantEqual(t, len(b.permits(t)), 0)
	a, err := upload(collect.DefaultMaxRecipeItems)
	must(t, err)
	wantEqual(t, len(a.Items), collect.DefaultMaxRecipeItems)
	wantEqual(t, len(b.permits(t)), store.DefaultPerSection)
}
