package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

// TestAnAudienceIsTheSameUsersOnEveryStore lets random users live on the model and on a store, and asks for random audiences in every way
// in which they are asked for: a walk, a count with its sample, and the reservations of a campaign. All find the same users.
func TestAnAudienceIsTheSameUsersOnEveryStore(t *testing.T) {
	onTwins(t, func(t *testing.T, st store.Store) {
		model := storetest.NewModel(time.Now)
		answers, apps := map[string]map[bool]int{}, uint32(0)
		rapid.Check(t, func(t *rapid.T) {
			apps++
			w := newTwins(t, apps, model, st)
			w.live()
			for _, word := range slices.Concat(agreeWords, agreeWords) {
				c := agreeWord(t, word)
				u := w.walked(c, w.question())
				count(answers, agreeName(c), len(u), len(w.users))
			}
			for range rapid.IntRange(1, 4).Draw(t, "questions") {
				w.asked(agreeCondition(t, 4), w.question())
			}
		})
		for name, a := range answers {
			if apps >= 50 && (a[true] == 0 || a[false] == 0) { // fewer crowds may have nobody for it
				t.Errorf("%s held for %d users, and not for %d", name, a[true], a[false])
			}
		}
		t.Logf("%d crowds, %d words: %v", apps, len(answers), answers)
	})
}

// count notes for how many of all users a word held.
func count(answers map[string]map[bool]int, word string, held, all int) {
	if answers[word] == nil {
		answers[word] = map[bool]int{}
	}
	answers[word][true] += held
	answers[word][false] += all - held
}

// question draws for which message an expression is asked.
func (w *twins) question() audience.Asked {
	a := audience.Asked{Now: w.now}
	if n := w.need("asked for"); rapid.IntRange(0, 3).Draw(w.t, "for a message") > 0 {
		a.Kind, a.Template = n.Kind, n.Template
	}
	return a
}

func (w *twins) parse(c map[string]any) *audience.Expression {
	w.t.Helper()
	raw, err := json.Marshal(c)
	if err != nil {
		w.t.Fatal(err)
	}
	e, err := audience.Parse(raw)
	if err != nil {
		w.t.Fatalf("%s: %v", raw, err)
	}
	return e
}

// walked is for whom an expression holds, by a walk in small pages.
func (w *twins) walked(c map[string]any, a audience.Asked) []minapush.OpenID {
	w.t.Helper()
	e, page := w.parse(c), rapid.IntRange(1, 7).Draw(w.t, "page")
	found, _ := both(w, "walk", func(s *twin) (found []minapush.OpenID, err error) {
		for shard := range w.shards() {
			for after := minapush.OpenID(""); ; {
				users, err := s.Walk(w.ctx, shard, after, page, e.Campaigns()...)
				if err != nil {
					return nil, err
				}
				if len(users) == 0 {
					break
				}
				for _, u := range users {
					if after = u.OpenID; !u.Erasing && e.Holds(&u, a) {
						found = append(found, u.OpenID)
					}
				}
			}
		}
		slices.Sort(found)
		return found, nil
	})
	return found
}

// asked wants a count, a sample and a campaign to find whom a walk finds.
func (w *twins) asked(c map[string]any, a audience.Asked) {
	w.t.Helper()
	walked, e := w.walked(c, a), w.parse(c)
	counted, _ := both(w, "count", func(s *twin) (audience.Count, error) {
		q := audience.Question{Where: e, Kind: a.Kind, Template: a.Template, Sample: 1000, Rand: rand.New(rand.NewPCG(1, 2))}
		got, err := audience.NewCounter(s, func() time.Time { return a.Now }).Count(w.ctx, w.app, q, nil)
		slices.Sort(got.Sample)
		return got, err
	})
	if int(counted.Matched) != len(walked) || !slices.Equal(counted.Sample, walked) {
		w.t.Fatalf("%v holds for %v, and counted were %+v", c, walked, counted)
	}
	w.n++
	b := store.Batch{
		Campaign: fmt.Sprintf("asked%d", w.n), Need: w.need("campaign"), Started: w.now.Add(time.Hour), Now: w.now,
		Limit: rapid.IntRange(1, 9).Draw(w.t, "limit"), Beside: e.Campaigns(),
	}
	if rapid.Bool().Draw(w.t, "skips all") {
		b.Skip = minapush.ReasonCancelled
	}
	got, _ := both(w, "reserve", func(s *twin) (examined, error) { return w.examine(s, b, e, a) })
	if got.n != len(walked) || !slices.Equal(got.users, walked) {
		w.t.Fatalf("%v holds for %v, and a campaign examined %+v", c, walked, got)
	}
	if b.Skip != "" && got.tally[b.Skip] != int64(len(walked)) {
		w.t.Fatalf("%v skipped for %s are %v", walked, b.Skip, got.tally)
	}
}

// examined is whom a campaign examined.
type examined struct {
	n     int
	users []minapush.OpenID // for whom its audience held
	rows  []minapush.OpenID // who got a permit reserved
	tally map[string]int64  // how it ended, by reason; and how many wait
}

// examine runs a campaign through all shards. What it reserves ends at once, and nothing was touched.
func (w *twins) examine(s *twin, b store.Batch, e *audience.Expression, a audience.Asked) (got examined, err error) {
	in := map[minapush.OpenID]bool{}
	b.Audience = func(u *store.User) bool {
		holds := e.Holds(u, a)
		if holds {
			in[u.OpenID] = true
		}
		return holds
	}
	for shard := range w.shards() {
		l := s.lease[shard]
		for done := false; !done; {
			r, err := s.ReserveBatch(w.ctx, l, b)
			if err != nil {
				return got, err
			}
			var ends []store.Settlement
			for _, d := range r.Rows {
				got.rows = append(got.rows, d.OpenID)
				ends = append(ends, store.Settlement{Ref: store.RefOf(d), Outcome: minapush.Failed, Reason: "asked", Now: w.now})
			}
			if err := s.Settle(w.ctx, l, ends); err != nil {
				return got, err
			}
			got.n, done = got.n+r.Examined, r.Done && len(r.Rows) == 0
		}
	}
	p, err := s.Progress(w.ctx, w.app.Number, w.app.Shards, b.Campaign)
	got.users, got.tally = slices.Sorted(maps.Keys(in)), map[string]int64{"waits": p.Tally.Waiting}
	slices.Sort(got.rows)
	sum := p.Tally.Waiting
	for _, reasons := range p.Tally.By {
		for reason, n := range reasons {
			got.tally[reason] += n
			sum += n
		}
	}
	if err == nil && (sum != p.Tally.Examined || sum != int64(got.n)) {
		err = fmt.Errorf("%d were examined, the tally says %+v", got.n, p.Tally)
	}
	return got, err
}

// TestWhoIsAboutToDropOutOfReachIsWhoseLastPermitEndsWithinADay compares with a plain computation from what was deposited and spent.
func TestWhoIsAboutToDropOutOfReachIsWhoseLastPermitEndsWithinADay(t *testing.T) {
	onTwins(t, func(t *testing.T, st store.Store) {
		model := storetest.NewModel(time.Now)
		apps, found, left := uint32(0), 0, 0
		rapid.Check(t, func(t *rapid.T) {
			apps++
			w := newTwins(t, apps, model, st)
			plain := w.earn()
			for _, a := range []audience.Asked{{Now: w.now}, {Now: w.now, Kind: minapush.LegacyTemplate, Template: "L"}, {Now: w.now, Kind: minapush.OneTimeTemplate, Template: "T"}} {
				var want []minapush.OpenID
				for _, o := range w.users {
					if plain.endsWithinADay(o, a) {
						want = append(want, o)
					}
				}
				slices.Sort(want)
				c := map[string]any{"permits": map[string]any{"last_expires_within": "24h"}}
				if got := w.walked(c, a); !slices.Equal(got, want) {
					t.Fatalf("for %+v: %v drop out, found were %v\n%+v", a, want, got, plain)
				}
				found, left = found+len(want), left+len(w.users)-len(want)
				w.asked(c, a)
			}
		})
		if found == 0 || left == 0 {
			t.Errorf("%d were found, %d not", found, left)
		}
		t.Logf("%d crowds, %d found, %d not", apps, found, left)
	})
}

// earned is what is known of permits by who handed them in: one entry for each use that is left.
type earned map[minapush.OpenID][]minapush.Permit

// earn lets users earn permits, and spends some of them.
func (w *twins) earn() earned {
	plain := earned{}
	for _, o := range w.users {
		for range rapid.IntRange(0, 3).Draw(w.t, "permits") {
			p := w.lastingPermit()
			had := func(q minapush.Permit) bool {
				// Which of two that end at the same time goes first is not said, and nobody has two standing ones.
				return q.ExpiresAt.Equal(p.ExpiresAt) || p.Kind == minapush.Standing && q.Kind == p.Kind
			}
			if slices.ContainsFunc(plain[o], had) {
				continue
			}
			both(w, "deposit", func(s *twin) (store.Deposited, error) {
				return s.Deposit(w.ctx, w.app.Shard(o), o, store.Deposit{Now: p.TakenAt, Permits: []minapush.Permit{p}})
			})
			for range max(p.Uses, 1) {
				plain[o] = append(plain[o], p)
			}
		}
	}
	need := store.Need{Kind: minapush.LegacyTemplate, Template: "L"}
	for o, p := range w.spend(need) {
		i := slices.IndexFunc(plain[o], func(q minapush.Permit) bool { return q.Identity == p.Identity })
		if i < 0 {
			w.t.Fatalf("%s has no permit %+v to spend", o, p)
		}
		plain[o] = slices.Delete(plain[o], i, i+1)
	}
	return plain
}

// lastingPermit ends about a day from now, or about now, or long before or after, or never.
func (w *twins) lastingPermit() minapush.Permit {
	w.n++
	ends := []time.Duration{
		-time.Second, 0, time.Second, 10 * time.Minute, 10*time.Minute + time.Second, time.Hour, 23 * time.Hour,
		24*time.Hour - time.Second, 24 * time.Hour, 24*time.Hour + time.Second, 48 * time.Hour, 6 * 24 * time.Hour,
	}
	p := minapush.Permit{
		Kind: rapid.SampledFrom(minapush.PermitKinds[:]).Draw(w.t, "kind"), Identity: fmt.Sprintf("p%d", w.n),
		ExpiresAt: w.now.Add(rapid.SampledFrom(ends).Draw(w.t, "ends")),
	}
	p.Uses, p.TakenAt = p.Kind.Uses(), p.ExpiresAt.Add(-minapush.CodeLife)
	switch p.Kind {
	case minapush.Subscription:
		p.Template = rapid.SampledFrom([]string{"T", "U"}).Draw(w.t, "template")
	case minapush.Standing:
		p.Template = "S"
	}
	if !p.Kind.HasCode() && rapid.IntRange(0, 2).Draw(w.t, "never ends") == 0 {
		p.ExpiresAt = time.Time{}
	}
	return p
}

// spend sends a message to some of those who can get it, and tells which permit each was charged.
func (w *twins) spend(need store.Need) map[minapush.OpenID]minapush.Permit {
	spent := map[minapush.OpenID]minapush.Permit{}
	part := rapid.IntRange(1, 3).Draw(w.t, "part")
	b := store.Batch{
		Campaign: "spends", Need: need, Started: w.now, Now: w.now.Add(-time.Minute), Limit: 1000,
		Audience: func(u *store.User) bool { return slices.Index(w.users, u.OpenID)%part == 0 },
	}
	for shard := range w.shards() {
		rows, _ := both(w, "reserve", func(s *twin) ([]minapush.Delivery, error) { return s.reserve(w.ctx, shard, b) })
		for _, d := range rows {
			spent[d.OpenID] = d.Permit
			w.settle(shard, store.Settlement{Ref: store.RefOf(d), Outcome: minapush.Accepted, Permit: store.Spend, Now: b.Now})
		}
	}
	return spent
}

// endsWithinADay tells that a user has a use for a message, and that the last one ends within 24 hours.
func (e earned) endsWithinADay(o minapush.OpenID, a audience.Asked) bool {
	usable := 0
	for _, p := range e[o] {
		serves := a.Kind == "" || a.Kind == minapush.LegacyTemplate && p.Kind.HasCode() ||
			a.Kind == minapush.OneTimeTemplate && p.Kind == minapush.Subscription && p.Template == a.Template
		switch left := p.ExpiresAt.Sub(a.Now); {
		case !serves:
		case p.ExpiresAt.IsZero() || left > 24*time.Hour:
			return false
		case left > 10*time.Minute:
			usable++
		}
	}
	return usable > 0
}
