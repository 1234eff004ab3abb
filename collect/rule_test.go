package collect_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/collect"
)

// TestEveryPermitCountsOnceHoweverItIsReported sends reports, repeats of them and uploads of the recipe in any order, and counts what
// must have come of it. All within the life of a code: what is older is forgotten by design.
func TestEveryPermitCountsOnceHoweverItIsReported(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newBundle(t.Context(), collect.Config{})
		begun := b.clock.now()
		good, answered := map[string]bool{}, 0
		for range rapid.IntRange(1, 12).Draw(t, "reports") {
			var a collect.Answer
			var err error
			if rapid.Bool().Draw(t, "recipe") {
				n := rapid.IntRange(0, 20).Draw(t, "code")
				expire := b.clock.now().Add(time.Duration(rapid.IntRange(-10*24, 10*24).Draw(t, "expire")) * time.Hour)
				good["form "+code(n)] = true
				a, err = b.collect.Recipe(b.ctx, b.app, collect.RecipeBody{
					OpenID: string(someone), FormIDs: fmt.Sprintf(`[{"formId":%q,"expire":%d}]`, code(n), expire.UnixMilli()),
				})
			} else {
				r := drawReport(t, good)
				a, err = b.collect.Report(b.ctx, b.app, someone, r)
				if len(a.Items) != len(r.Items) {
					t.Fatalf("%d items were answered with %d", len(r.Items), len(a.Items))
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			if a.Accepted+a.Duplicate+a.Evicted+a.Refused != len(a.Items) {
				t.Fatalf("the numbers of %+v do not add up", a)
			}
			answered += a.Accepted
			b.clock.add(time.Duration(rapid.IntRange(0, 60).Draw(t, "minutes")) * time.Minute)
		}
		u, err := b.bank.User(b.ctx, b.app, someone)
		if err != nil && minapush.KindOf(err) != minapush.NotFound {
			t.Fatal(err)
		}
		if len(u.Permits) != len(good) || answered != len(good) {
			t.Fatalf("%d permits, %d accepted, of %d codes and nonces", len(u.Permits), answered, len(good))
		}
		for _, p := range u.Permits {
			if p.TakenAt.After(b.clock.now()) || p.ExpiresAt.After(b.clock.now().Add(minapush.CodeLife)) || p.TakenAt.Before(begun.Add(-7*day)) {
				t.Fatalf("permit %+v was taken or ends at an impossible time", p)
			}
		}
	})
}

// drawReport makes a report of good and bad items, and notes what is good in it.
func drawReport(t *rapid.T, good map[string]bool) collect.Report {
	var r collect.Report
	for range rapid.IntRange(0, 6).Draw(t, "items") {
		n := rapid.IntRange(0, 20).Draw(t, "n")
		it := collect.Item{
			Type: rapid.SampledFrom([]string{"form", "subscribe", "standing", "pay", ""}).Draw(t, "type"), FormID: code(n),
			Template: rapid.SampledFrom([]string{"A", "B"}).Draw(t, "template"), Nonce: fmt.Sprint("n", n),
			Result: rapid.SampledFrom([]string{"accept", "acceptWithAudio", "reject", "ban", "filter"}).Draw(t, "result"),
			AgeMS:  int64(rapid.IntRange(-1, 6*24*3600).Draw(t, "age")) * 1000,
			Source: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "source"),
		}
		if rapid.IntRange(0, 9).Draw(t, "junk") == 0 {
			it.FormID, it.Nonce = "undefined", ""
		}
		accepted := len(it.Result) >= 6 && it.Result[:6] == "accept"
		switch {
		case it.AgeMS < 0 || it.Nonce == "":
		case it.Type == "form":
			good["form "+it.FormID] = true
		case it.Type == "subscribe" && accepted:
			good["subscribe "+it.Template+it.Nonce] = true
		case it.Type == "standing" && accepted:
			good["standing "+it.Template] = true
		}
		r.Items = append(r.Items, it)
	}
	return r
}
