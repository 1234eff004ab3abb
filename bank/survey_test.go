package bank_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/store"
)

func TestASurveyCountsStockAndReach(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := b.clock.now()
	b.deposit(t, "oalice", b.form(1, 0), b.form(2, 2*day+time.Hour), b.subscribe(1, "T"))
	b.deposit(t, "obob", b.pay(1, time.Hour), b.standing("S"))
	b.deposit(t, "ocarol", b.subscribe(2, "T"), b.subscribe(3, "T"))
	b.deposit(t, "odave")
	b.deposit(t, "oerin", b.form(3, 7*day-time.Minute)) // within the margin: never to be spent
	got, err := b.bank.Survey(b.ctx, b.app)
	must(t, err)
	unknown := func(n int64) []bank.SourceStock { return []bank.SourceStock{{Source: bank.UnknownSource, Uses: n}} }
	users := int64(5)
	if got.Users == 4 {
		users = 4 // a store may make no user of an empty deposit
	}
	want := bank.Survey{
		At: now, Users: users, ByRemaining: [4]int64{users - 3, 0, 1, 2},
		ByPermit: []bank.Stock{
			{
				Kind: minapush.FormID, Permits: 3, Uses: 3, ByAge: [8]int64{0: 1, 2: 1, 6: 1}, BySource: unknown(3),
				EndingSoon: 1, Oldest: now.Add(time.Minute - 7*day),
			},
			{Kind: minapush.PrepayID, Permits: 1, Uses: 3, ByAge: [8]int64{0: 3}, BySource: unknown(3), Oldest: now.Add(-time.Hour)},
			{Kind: minapush.Subscription, Template: "T", Permits: 3, Uses: 3, ByAge: [8]int64{0: 3}, BySource: unknown(3), Oldest: now},
			{Kind: minapush.Standing, Template: "S", Permits: 1, Uses: 1, ByAge: [8]int64{0: 1}, BySource: unknown(1), Oldest: now},
		},
		Reach: []bank.Reach{
			{Kind: minapush.LegacyTemplate, Days: [8]int64{2, 2, 2, 2, 2, 2, 2, 0}, ByRemaining: [4]int64{users - 2, 0, 1, 1}},
			{Kind: minapush.OneTimeTemplate, Template: "T", Days: [8]int64{2, 2, 2, 2, 2, 2, 2, 2}, ByRemaining: [4]int64{users - 2, 1, 1, 0}},
			{Kind: minapush.LongTermTemplate, Template: "S", Days: [8]int64{1, 1, 1, 1, 1, 1, 1, 1}, ByRemaining: [4]int64{users - 1, 0, 0, 1}},
		},
		EndingSoon: bank.Ending{Users: 1, Uses: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	kept, err := b.node(bank.Config{}).LastSurvey(b.ctx, b.app)
	must(t, err)
	if diff := cmp.Diff(got, kept); diff != "" {
		t.Fatal(diff)
	}
	b.clock.add(time.Minute)
	wantEqual(t, kept.Age(b.clock.now()), time.Minute)
}

func TestASurveySweepsWhatHasExpired(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deposit(t, "oalice", b.form(1, 0), b.form(2, day))
	b.deposit(t, "obob", b.form(3, 0))
	b.clock.add(6 * day)
	s, err := b.bank.Survey(b.ctx, b.app)
	must(t, err)
	wantEqual(t, s.Swept, 1)
	wantEqual(t, len(b.user(t, "oalice").Permits), 1)
	b.clock.add(day)
	s, err = b.bank.Survey(b.ctx, b.app)
	must(t, err)
	wantEqual(t, s.Swept, 2)
	wantEqual(t, len(s.Reach), 0)
	totals, err := b.bank.Totals(b.ctx, b.app)
	must(t, err)
	wantEqual(t, totals, minapush.Counts{Deposited: 3, Expired: 3})
	wantEqual(t, gather(t, b.bank.Metrics())["minapush_bank_swept_permits_total"], 3)
}

func TestASurveyTellsSourcesApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := 0
	for source := range uint16(bank.MaxSurveySources + 3) { // 0 uses of source 0, and one more for each further one
		for range int(source) {
			n++
			p := b.subscribe(n, "T")
			p.Source = source
			b.deposit(t, minapush.OpenID(fmt.Sprintf("o%d", n)), p)
		}
	}
	s, err := b.bank.Survey(b.ctx, b.app)
	must(t, err)
	sources := s.ByPermit[0].BySource
	wantEqual(t, len(sources), bank.MaxSurveySources+1)
	wantEqual(t, sources[0], bank.SourceStock{Source: 22, Uses: 22})
	wantEqual(t, sources[19], bank.SourceStock{Source: 3, Uses: 3})
	wantEqual(t, sources[20], bank.SourceStock{Source: bank.OtherSource, Uses: 1 + 2})
}

func TestASurveyIsNoLargerThanADocumentWhateverClientsReport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	flood := &crowd{Store: b.st, users: 3000, now: b.clock.now()}
	n, err := bank.New(flood, bank.Config{Now: b.clock.now})
	must(t, err)
	b.app.Shards = 1
	s, err := n.Survey(b.ctx, b.app)
	must(t, err)
	wantEqual(t, s.Users, 3000)
	wantEqual(t, len(s.ByPermit), bank.MaxSurveyRows)
	wantEqual(t, len(s.Reach), bank.MaxSurveyRows)
	wantEqual(t, s.LeftOut, 3000*16-bank.MaxSurveyRows)
	d, err := b.st.Get(b.ctx, "bank.survey", "1")
	must(t, err)
	if len(d.Value) > 1<<20 {
		t.Fatalf("the survey has %d bytes, more than a document may have", len(d.Value))
	}
}

// crowd is a shard full of users each of whom holds permits for templates that nobody else has.
type crowd struct {
	store.Store
	users int
	now   time.Time
}

func (c *crowd) Sweep(_ context.Context, _ minapush.Shard, after minapush.OpenID, limit int, _ time.Time) (store.Swept, error) {
	begin := 0
	if after != "" {
		_, _ = fmt.Sscanf(string(after), "o%d", &begin)
	}
	var page store.Swept
	for i := begin + 1; i <= c.users && len(page.Users) < limit; i++ {
		u := store.User{OpenID: minapush.OpenID(fmt.Sprintf("o%08d", i))}
		for n := range 16 {
			u.Permits = append(u.Permits, minapush.Holding{Permit: minapush.Permit{
				Kind: minapush.Subscription, Template: fmt.Sprintf(`%060d"\%02d`, i, n), Uses: 1, TakenAt: c.now, Source: uint16(i),
			}})
		}
		page.Users = append(page.Users, u)
		page.Next = u.OpenID
	}
	if len(page.Users) < limit {
		page.Next = ""
	}
	return page, nil
}

func TestAnOlderSurveyDoesNotReplaceANewerOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	slow := &hookedSweep{Store: b.st}
	late, err := bank.New(slow, bank.Config{Now: b.clock.now})
	must(t, err)
	slow.first = func() { // while the slow one is at it, a user comes and another node surveys
		b.deposit(t, "oalice", b.form(1, 0))
		b.clock.add(time.Second)
		_, err := b.bank.Survey(b.ctx, b.app)
		must(t, err)
	}
	began := b.clock.now()
	_, err = late.Survey(b.ctx, b.app)
	must(t, err)
	kept, err := b.bank.LastSurvey(b.ctx, b.app)
	must(t, err)
	wantEqual(t, kept.At, began.Add(time.Second))
}

// hookedSweep does something before the first page, and may make each page slow or fail.
type hookedSweep struct {
	store.Store
	first func()
	each  func() error
	pages int
}

func (h *hookedSweep) Sweep(ctx context.Context, s minapush.Shard, after minapush.OpenID, limit int, now time.Time) (store.Swept, error) {
	h.pages++
	if h.pages == 1 && h.first != nil {
		h.first()
	}
	if h.each != nil {
		if err := h.each(); err != nil {
			return store.Swept{}, err
		}
	}
	return h.Store.Sweep(ctx, s, after, limit, now)
}

func TestASurveyThatFailsKeepsTheLastOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, err := b.bank.Survey(b.ctx, b.app)
	must(t, err)
	b.clock.add(time.Minute)
	broken, err := bank.New(&hookedSweep{Store: b.st, each: func() error { return minapush.Unavailable }}, bank.Config{Now: b.clock.now})
	must(t, err)
	_, err = broken.Survey(b.ctx, b.app)
	wantKind(t, err, minapush.Unavailable)
	wantEqual(t, gather(t, broken.Metrics())["minapush_bank_surveys_total failed"], 1)
	kept, err := b.bank.LastSurvey(b.ctx, b.app)
	must(t, err)
	wantEqual(t, kept.At, first.At)
}

func TestAnUnknownFormatIsRefusedInClearWords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, kind := range []string{"bank.survey", "bank.sources"} {
		_, err := b.st.Put(b.ctx, store.Document{Kind: kind, ID: "1", Value: []byte(`{"v":2}`)})
		must(t, err)
	}
	_, err := b.bank.LastSurvey(b.ctx, b.app)
	wantKind(t, err, minapush.Internal)
	_, err = b.bank.SourceNumber(b.ctx, b.app, "a")
	wantKind(t, err, minapush.Internal)
}
