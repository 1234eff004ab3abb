package audience_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/store"
)

// erasing marks a user as being erased: a push holds one of its permits.
func (b *bundle) erasing(t testing.TB, o minapush.OpenID) {
	t.Helper()
	b.permit(t, o, minapush.Permit{Kind: minapush.FormID, Identity: "held", Uses: 1, TakenAt: start, ExpiresAt: start.Add(day)})
	s := b.app.Shard(o)
	_, err := b.st.ReservePush(b.ctx, s, store.Push{
		ID: "p1", OpenID: o, Batch: minapush.PushBatch(start), Attempt: 1, Now: start, Deadline: start.Add(time.Hour), Need: store.Need{Kind: minapush.LegacyTemplate, Template: "L"},
	})
	must(t, err)
	done, err := b.st.Erase(b.ctx, s, o, start)
	must(t, err)
	wantEqual(t, done, false)
}

func (b *bundle) permit(t testing.TB, o minapush.OpenID, p minapush.Permit) {
	t.Helper()
	d, err := b.st.Deposit(b.ctx, b.app.Shard(o), o, store.Deposit{Now: start, Permits: []minapush.Permit{p}})
	must(t, err)
	wantEqual(t, d.Items[0], store.Added)
}

func (b *bundle) opt(t testing.TB, o minapush.OpenID, out minapush.OptOut) {
	t.Helper()
	_, err := b.profiles.Change(b.ctx, b.app, o, func(p *minapush.Profile) error { p.OptOut, p.Tags = out, []string{"vip"}; return nil })
	must(t, err)
}

func where(t testing.TB, raw string) *audience.Expression {
	t.Helper()
	e, err := audience.Parse([]byte(raw))
	must(t, err)
	return e
}

func TestACountTellsMatchedReachableAndOptedOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	form := minapush.Permit{Kind: minapush.FormID, Identity: "f", Uses: 1, TakenAt: start.Add(-time.Hour), ExpiresAt: start.Add(day)}
	late, sub := form, minapush.Permit{Kind: minapush.Subscription, Template: "T", Identity: "s", Uses: 1, TakenAt: start}
	late.ExpiresAt = start.Add(minapush.SpendMargin)
	for o, p := range map[minapush.OpenID]minapush.Permit{"oReach": form, "oOut": form, "oAll": form, "oLate": late, "oSub": sub} {
		b.permit(t, o, p)
	}
	for o, out := range map[minapush.OpenID]minapush.OptOut{"oReach": 0, "oOut": minapush.OptOutCampaigns, "oAll": minapush.OptOutAll, "oLate": 0, "oSub": 0, "oNone": 0} {
		b.opt(t, o, out)
	}
	b.permit(t, "oOther", form)
	b.erasing(t, "oErased")
	c := audience.NewCounter(b.st, now)
	vip := where(t, `{"tag":"vip"}`)
	for name, q := range map[string]struct {
		audience.Question
		matched, reachable, out int64
	}{
		"everybody":              {audience.Question{}, 7, 0, 2},
		"everybody, by form":     {audience.Question{Kind: minapush.LegacyTemplate, Template: "L"}, 7, 2, 2},
		"vip, by form":           {audience.Question{Where: vip, Kind: minapush.LegacyTemplate, Template: "L"}, 6, 1, 2},
		"vip, by subscription":   {audience.Question{Where: vip, Kind: minapush.OneTimeTemplate, Template: "T"}, 6, 1, 2},
		"vip, of no template":    {audience.Question{Where: vip, Kind: minapush.OneTimeTemplate, Template: "U"}, 6, 0, 2},
		"permits of the message": {audience.Question{Where: where(t, `{"permits":{"at_least":1}}`), Kind: minapush.OneTimeTemplate, Template: "T"}, 1, 1, 0},
		"any permits":            {audience.Question{Where: where(t, `{"permits":{"at_least":1}}`)}, 5, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.Count(b.ctx, b.app, q.Question, nil)
			must(t, err)
			want := audience.Count{Walked: 7, Matched: q.matched, Reachable: q.reachable, OptedOut: q.out, ShardsDone: 7, Shards: 7, At: start}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestACountAsksOfCampaignsBesideTheUser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, o := range []minapush.OpenID{"oA", "oB", "oC"} {
		b.opt(t, o, 0)
	}
	_, err := b.st.AddListed(b.ctx, b.app.Shard("oA"), "C1", []store.Listed{{OpenID: "oA"}})
	must(t, err)
	_, err = b.st.AddListed(b.ctx, b.app.Shard("oB"), "C2", []store.Listed{{OpenID: "oB"}})
	must(t, err)
	for raw, want := range map[string]int64{
		`{"list":"C1"}`: 1, `{"any":[{"list":"C2"},{"list":"C1"}]}`: 2, `{"all":[{"list":"C2"},{"not":{"list":"C1"}}]}`: 1, `{"not":{"got":"C1"}}`: 3, `{"list":"C3"}`: 0,
	} {
		got, err := audience.NewCounter(b.st, now).Count(b.ctx, b.app, audience.Question{Where: where(t, raw)}, nil)
		must(t, err)
		if got.Matched != want {
			t.Errorf("%s: %d", raw, got.Matched)
		}
	}
}

// walked hands out so many users in each shard, in pages that may be shorter than asked for.
type walked struct {
	users  int
	most   int // users in a page
	pages  int
	before func(pages int) error
}

func (w *walked) Walk(_ context.Context, s minapush.Shard, after minapush.OpenID, limit int, _ ...string) ([]store.User, error) {
	w.pages++
	if w.before != nil {
		if err := w.before(w.pages); err != nil {
			return nil, err
		}
	}
	first := 0
	if after != "" {
		_, err := fmt.Sscanf(string(after[len("o00-"):]), "%d", &first)
		if err != nil {
			return nil, err
		}
		first++
	}
	var page []store.User
	for i := first; i < w.users && len(page) < min(limit, w.most); i++ {
		page = append(page, store.User{OpenID: minapush.OpenID(fmt.Sprintf("o%02d-%07d", s.N, i))})
	}
	return page, nil
}

func TestACountIsOnePassWithProgressAtTheEndOfPages(t *testing.T) {
	t.Parallel()
	app := minapush.App{ID: "wx0123", Number: 1, Shards: 3}
	st := &walked{users: 1000, most: 77}
	var reports []audience.Count
	got, err := audience.NewCounter(st, now).Count(t.Context(), app, audience.Question{Sample: 5, Rand: rand.New(rand.NewPCG(1, 2))}, func(c audience.Count) { reports = append(reports, c) })
	must(t, err)
	wantEqual(t, got.Walked, 3000)
	wantEqual(t, len(got.Sample), 5)
	wantEqual(t, len(reports), st.pages)
	for i, r := range reports {
		if i > 0 && (r.Walked < reports[i-1].Walked || r.ShardsDone < reports[i-1].ShardsDone) || r.Walked > int64(r.ShardsDone+1)*1000 || r.Sample != nil || r.Shards != 3 || !r.At.Equal(start) {
			t.Fatalf("report %d is %+v", i, r)
		}
	}
	last := reports[len(reports)-1]
	last.Sample = got.Sample
	if diff := cmp.Diff(got, last); diff != "" {
		t.Error(diff)
	}
}

func TestACountEndsWithItsContextOrItsStore(t *testing.T) {
	t.Parallel()
	app := minapush.App{ID: "wx0123", Number: 1, Shards: 3}
	ctx, cancel := context.WithCancel(t.Context())
	st := &walked{users: 1000, most: 100, before: func(pages int) error {
		if pages == 4 {
			cancel()
		}
		return nil
	}}
	q := audience.Question{Sample: 5, Rand: rand.New(rand.NewPCG(1, 2))}
	got, err := audience.NewCounter(st, now).Count(ctx, app, q, nil)
	wantEqual(t, errors.Is(err, context.Canceled), true)
	wantEqual(t, got.Walked, 400)
	wantEqual(t, got.Sample == nil, true)
	st = &walked{users: 1000, most: 100, before: func(pages int) error {
		if pages == 3 {
			return minapush.Unavailable
		}
		return nil
	}}
	got, err = audience.NewCounter(st, now).Count(t.Context(), app, q, nil)
	wantEqual(t, errors.Is(err, minapush.Unavailable), true)
	wantEqual(t, got.Walked, 200)
}

func TestABadQuestionIsRefused(t *testing.T) {
	t.Parallel()
	app := minapush.App{ID: "wx0123", Number: 1, Shards: 3}
	r := rand.New(rand.NewPCG(1, 2))
	for field, q := range map[string][]audience.Question{
		"sample": {{Sample: -1, Rand: r}, {Sample: audience.MaxSample + 1, Rand: r}}, "rand": {{Sample: 1}},
	} {
		for _, q := range q {
			_, err := audience.NewCounter(&walked{}, now).Count(t.Context(), app, q, nil)
			wantField(t, err, field)
		}
	}
	_, err := audience.NewCounter(&walked{}, now).Count(t.Context(), minapush.App{ID: "wx0123"}, audience.Question{}, nil)
	wantField(t, err, "app")
}

func TestASampleGivesEachTheSameChance(t *testing.T) {
	t.Parallel()
	app := minapush.App{ID: "wx0123", Number: 1, Shards: 2}
	const draws, sample, users = 20_000, 3, 20
	drawn := map[minapush.OpenID]int{}
	q := audience.Question{Sample: sample, Rand: rand.New(rand.NewPCG(1, 2))}
	for range draws {
		got, err := audience.NewCounter(&walked{users: users / 2, most: 4}, now).Count(t.Context(), app, q, nil)
		must(t, err)
		slices.Sort(got.Sample)
		if len(slices.Compact(got.Sample)) != sample {
			t.Fatalf("drew %v", got.Sample)
		}
		for _, o := range got.Sample {
			drawn[o]++
		}
	}
	const p = float64(sample) / users
	for o, n := range drawn {
		if off := math.Abs(float64(n) - draws*p); off > 6*math.Sqrt(draws*p*(1-p)) {
			t.Errorf("%s was drawn %d times in %d", o, n, draws)
		}
	}
	wantEqual(t, len(drawn), users)
	// Of fewer than asked for all are drawn.
	q.Sample = 100
	got, err := audience.NewCounter(&walked{users: users / 2, most: 4}, now).Count(t.Context(), app, q, nil)
	must(t, err)
	wantEqual(t, len(got.Sample), users)
}

// TestACountOfManyUsersTakesLittleMemory is not parallel: it looks at the whole heap.
func TestACountOfManyUsersTakesLittleMemory(t *testing.T) {
	app := minapush.App{ID: "wx0123", Number: 1, Shards: 2}
	before, most := heap(), uint64(0)
	st := &walked{users: 100_000 / scale, most: 1000, before: func(pages int) error {
		if pages%30 == 0 {
			most = max(most, heap())
		}
		return nil
	}}
	got, err := audience.NewCounter(st, now).Count(t.Context(), app, audience.Question{Sample: 100, Rand: rand.New(rand.NewPCG(1, 2))}, nil)
	must(t, err)
	wantEqual(t, got.Walked, 200_000/scale)
	if most > before+4<<20 {
		t.Errorf("the heap grew by %d bytes", most-before)
	}
}
