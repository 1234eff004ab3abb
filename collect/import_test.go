package collect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/collect"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

func reader(t testing.TB, f audience.Format, in io.Reader) *audience.Reader {
	t.Helper()
	r, err := audience.NewReader(in, audience.Source{Format: f})
	must(t, err)
	return r
}

func (b *bundle) imported(t testing.TB, f audience.Format, in string) audience.Imported {
	t.Helper()
	sum, err := b.collect.Import(b.ctx, b.app, "import-1", reader(t, f, strings.NewReader(in)))
	must(t, err)
	return sum
}

func TestRowsBecomePermits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	taken := b.clock.now().Add(-day)
	in := fmt.Sprintf(`openid,kind,code,template,id,uses,taken_at,expires_at,source
%[1]s,form,%[2]s,,,,%[3]s,,pages/a
%[1]s,pay,prepay_id=%[4]s,,,2,%[5]d,,pages/b?x=1
%[1]s,subscribe,,T,order-7,1,,,
%[1]s,subscribe,,T,,,,,pages/a
%[1]s,standing,,S,,0,,,
`, someone, code(1), taken.Format(time.RFC3339), prepay, taken.UnixMilli())
	if diff := cmp.Diff(audience.Imported{Rows: 5, Accepted: 5}, b.imported(t, audience.CSV, in)); diff != "" {
		t.Error(diff)
	}
	ends := taken.Add(minapush.CodeLife)
	want := []minapush.Holding{
		{Permit: minapush.Permit{Kind: minapush.FormID, Identity: code(1), Uses: 1, TakenAt: taken, ExpiresAt: ends, Source: 2, Evidence: minapush.ByBackend}},
		{Permit: minapush.Permit{Kind: minapush.PrepayID, Identity: prepay, Uses: 2, TakenAt: taken, ExpiresAt: ends, Source: 3, Evidence: minapush.ByBackend}},
		{Permit: minapush.Permit{Kind: minapush.Subscription, Template: "T", Identity: "import-1#row5", Uses: 1, TakenAt: b.clock.now(), Source: 2, Evidence: minapush.ByBackend}},
		{Permit: minapush.Permit{Kind: minapush.Subscription, Template: "T", Identity: "order-7", Uses: 1, TakenAt: b.clock.now(), Evidence: minapush.ByBackend}},
		{Permit: minapush.Permit{Kind: minapush.Standing, Template: "S", Identity: "import-1#row6", TakenAt: b.clock.now(), Evidence: minapush.ByBackend}},
	}
	if diff := cmp.Diff(want, b.permits(t)); diff != "" {
		t.Error(diff)
	}
	names, err := b.bank.SourceNames(b.ctx, b.app)
	must(t, err)
	wantEqual(t, strings.Join(names[2:], " "), "pages/a pages/b")
	if diff := cmp.Diff(audience.Imported{Rows: 5, Duplicate: 5}, b.imported(t, audience.CSV, in)); diff != "" {
		t.Error(diff)
	}
	wantEqual(t, gather(t, b.collect.Metrics())["minapush_collect_items_total subscribe accepted"], 2)
}

func TestAnOldSubscriptionIsTakenAndRemembered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	row := `{"openid":"` + string(someone) + `","kind":"subscribe","template":"T","id":"x","taken_at":"2025-01-01T08:00:00+08:00"}`
	wantEqual(t, b.imported(t, audience.NDJSON, row).Accepted, 1)
	wantEqual(t, b.permits(t)[0].TakenAt.Equal(b.clock.now().Add(-minapush.MaxReportAge)), true)
	_, _, err := b.bank.Spent(b.ctx, b.app, bank.Elsewhere{ID: "p", OpenID: someone, Template: minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate}})
	must(t, err)
	wantEqual(t, len(b.permits(t)), 0)
	b.clock.add(20 * time.Hour)
	wantEqual(t, b.imported(t, audience.NDJSON, row).Duplicate, 1)
}

func TestEveryRowIsJudgedOnItsOwn(t *testing.T) {
	t.Parallel()
	now := setup(t).clock.now()
	at := func(d time.Duration) string { return `"taken_at":"` + now.Add(d).Format(time.RFC3339) + `"` }
	formRow := func(more string) string {
		return `"openid":"oA","kind":"form","code":"` + code(1) + `",` + more
	}
	for name, c := range map[string]struct{ row, field, message string }{
		"uid":                {`"openid":"uid:7","kind":"form","code":"` + code(1) + `"`, "openid", "must be the openid itself: permits cannot be imported by uid"},
		"no openid":          {`"kind":"form","code":"` + code(1) + `"`, "openid", "must have 1 to 64 printable ASCII bytes without spaces"},
		"a number as openid": {`"openid":7,"kind":"form"`, "openid", "must be a text"},
		"no kind":            {`"openid":"oA"`, "kind", "must be form, pay, subscribe or standing"},
		"a card":             {`"openid":"oA","kind":"card"`, "kind", "must be form, pay, subscribe or standing"},
		"an unknown field":   {formRow(`"count":2`), "count", "is not known here; a row has openid, kind, code, template, id, uses, taken_at, source, expires_at"},
		"a mock code":        {`"openid":"oA","kind":"form","code":"the formId is a mock one"`, "code", "mock_code: it is no form id that WeChat gave"},
		"no code":            {`"openid":"oA","kind":"form"`, "code", "empty_code: it must be the code that WeChat gave"},
		"a transaction id":   {`"openid":"oA","kind":"pay","code":"4200001234567890"`, "code", "not_a_prepay_id: it must be the code that WeChat gave"},
		"a form's template":  {formRow(`"template":"T"`), "template", "must be absent: a code serves any legacy template"},
		"no template":        {`"openid":"oA","kind":"subscribe"`, "template", "bad_template: it must be the id of a template, 1 to 64 bytes"},
		"a subscribe's code": {`"openid":"oA","kind":"subscribe","template":"T","code":"x"`, "code", "must be absent: only form and pay have one"},
		"a long id":          {`"openid":"oA","kind":"subscribe","template":"T","id":"` + strings.Repeat("x", 129) + `"`, "id", "bad_nonce: it must have 1 to 128 printable ASCII bytes without spaces"},
		"an id with a space": {`"openid":"oA","kind":"subscribe","template":"T","id":"a b"`, "id", "bad_nonce: it must have 1 to 128 printable ASCII bytes without spaces"},
		"no uses":            {formRow(`"uses":0`), "uses", "must be 1 to 1 for form"},
		"four uses":          {`"openid":"oA","kind":"pay","code":"` + prepay + `","uses":4`, "uses", "must be 1 to 3 for pay"},
		"half a use":         {formRow(`"uses":"0.5"`), "uses", "must be 1 to 1 for form"},
		"true uses":          {formRow(`"uses":true`), "uses", "must be a number or a text"},
		"a standing's uses":  {`"openid":"oA","kind":"standing","template":"T","uses":1`, "uses", "must be absent: uses of a standing permit are not counted"},
		"7 days old":         {formRow(at(-7 * day)), "taken_at", "expired: a code ends 7 days after it was taken"},
		"in the future":      {formRow(at(11 * time.Minute)), "taken_at", "must not lie more than 10 minutes ahead"},
		"in seconds":         {formRow(fmt.Sprintf(`"taken_at":%d`, now.Unix())), "taken_at", "must not lie before 2017; are these seconds? They must be milliseconds"},
		"a day":              {formRow(`"taken_at":"2026-11-22"`), "taken_at", "must be RFC 3339, such as 2026-11-22T10:00:00+08:00, or milliseconds since 1970"},
		"a vast number":      {formRow(`"taken_at":1e400`), "taken_at", "must be RFC 3339, such as 2026-11-22T10:00:00+08:00, or milliseconds since 1970"},
		"a vast integer":     {formRow(`"taken_at":9223372036854775807`), "taken_at", "must be RFC 3339, such as 2026-11-22T10:00:00+08:00, or milliseconds since 1970"},
		"good: an edge":      {formRow(at(-7*day + time.Second)), "", ""},
		"good: a fast clock": {formRow(at(10 * time.Minute)), "", ""},
		"good: nulls":        {formRow(`"template":null,"uses":null,"taken_at":null,"id":null,"source":null,"expires_at":"x"`), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			sum := b.imported(t, audience.NDJSON, "\n{"+c.row+"}\n")
			want := audience.Imported{Rows: 1, Accepted: 1}
			if c.message != "" {
				want = audience.Imported{Rows: 1, Refused: 1, Problems: []audience.Problem{{Line: 2, Field: c.field, Message: c.message}}}
			}
			if diff := cmp.Diff(want, sum); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRowsThatCannotBeReadAreCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sum := b.imported(t, audience.NDJSON, "[]\n"+`{"openid":"oA","kind":"subscribe","template":"T"}`)
	want := audience.Imported{Rows: 2, Accepted: 1, Refused: 1, Problems: []audience.Problem{{Line: 1, Message: "must be a JSON object"}}}
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Error(diff)
	}
	wantEqual(t, gather(t, b.collect.Metrics())["minapush_collect_refused_items_total unknown bad_row"], 1)
}

func TestTheIDOfAnImportIsChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const rows = `{"openid":"oA","kind":"subscribe","template":"T"}` + "\n" + `{"openid":"oA","kind":"subscribe","template":"T","id":"x"}`
	for _, id := range []string{"a#b", "a b", strings.Repeat("x", 65)} {
		_, err := b.collect.Import(b.ctx, b.app, id, reader(t, audience.NDJSON, strings.NewReader(rows)))
		wantField(t, err, "id")
	}
	sum, err := b.collect.Import(b.ctx, b.app, "", reader(t, audience.NDJSON, strings.NewReader(rows)))
	must(t, err)
	want := audience.Imported{Rows: 2, Accepted: 1, Refused: 1, Problems: []audience.Problem{{Line: 1, Field: "id", Message: "must be given, since the import has no id either"}}}
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Error(diff)
	}
}

func TestAnImportOfTooManyPermitsOfOneUserIsEvicted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var in strings.Builder
	for n := range 300 {
		fmt.Fprintf(&in, `{"openid":"oA","kind":"form","code":"%s","taken_at":"%s"}`+"\n", code(n), b.clock.now().Add(-time.Duration(n)*time.Minute).Format(time.RFC3339))
	}
	sum := b.imported(t, audience.NDJSON, in.String())
	if diff := cmp.Diff(audience.Imported{Rows: 300, Accepted: 200, Evicted: 100}, sum); diff != "" {
		t.Error(diff)
	}
	in.Reset()
	for n := range 20 {
		fmt.Fprintf(&in, `{"openid":"oB","kind":"subscribe","template":"T%d"}`+"\n", n)
	}
	sum = b.imported(t, audience.NDJSON, in.String())
	wantEqual(t, sum.Accepted, 16)
	wantEqual(t, sum.Refused, 4)
	wantEqual(t, sum.Problems[0].Message, "not_kept: the user has permits for too many templates, or is being erased")
}

// manyRows makes rows as they are read: five permits a user.
func manyRows(n int) io.Reader {
	at := 0
	return &generated{next: func() (string, bool) {
		at++
		o := at / 5
		if at%5 == 0 {
			return fmt.Sprintf(`{"openid":"oUser%08d","kind":"subscribe","template":"T"}`+"\n", o), at <= n
		}
		return fmt.Sprintf(`{"openid":"oUser%08d","kind":"form","code":"%032x","source":"page/%d"}`+"\n", o, at, at%7), at <= n
	}}
}

type generated struct {
	next func() (string, bool)
	rest string
}

func (g *generated) Read(p []byte) (int, error) {
	if g.rest == "" {
		line, more := g.next()
		if !more {
			return 0, io.EOF
		}
		g.rest = line
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

func TestAnImportKilledHalfWayAndRepeatedLeavesNoDuplicate(t *testing.T) {
	t.Parallel()
	const rows = 100_000 / scale
	b := setup(t)
	broken := errors.New("broken")
	half := io.MultiReader(io.LimitReader(manyRows(rows), 4_000_000/scale), iotest.ErrReader(broken))
	first, err := b.collect.Import(b.ctx, b.app, "import-1", reader(t, audience.NDJSON, half))
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if first.Accepted != first.Rows || first.Rows < rows/4 || first.Rows > rows*3/4 {
		t.Fatalf("the first half is %+v", first)
	}
	again, err := b.collect.Import(b.ctx, b.app, "import-1", reader(t, audience.NDJSON, manyRows(rows)))
	must(t, err)
	if diff := cmp.Diff(audience.Imported{Rows: rows, Accepted: rows - first.Accepted, Duplicate: first.Accepted}, again); diff != "" {
		t.Error(diff)
	}
	totals, err := b.bank.Totals(b.ctx, b.app)
	must(t, err)
	wantEqual(t, totals, minapush.Counts{Deposited: rows, Available: rows})
}

// drain takes deposits and keeps nothing, so that the store's memory is no part of a measurement.
type drain struct {
	store.Store
	mu    sync.Mutex
	calls int
	most  uint64 // bytes of heap in use, looked at now and then
	fail  func(calls int) error
}

func (d *drain) Deposit(_ context.Context, _ minapush.Shard, _ minapush.OpenID, in store.Deposit) (store.Deposited, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	if d.calls%(2000/scale) == 0 {
		d.most = max(d.most, heap())
	}
	if d.fail != nil {
		if err := d.fail(d.calls); err != nil {
			return store.Deposited{}, err
		}
	}
	return store.Deposited{Items: make([]store.Accepted, len(in.Permits))}, nil
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func draining(t testing.TB, d *drain) *collect.Collector {
	t.Helper()
	b := setup(t)
	d.Store = storetest.NewModel(b.clock.now)
	bk, err := bank.New(d, bank.Config{Now: b.clock.now})
	must(t, err)
	c, err := collect.New(bk, delivery.New(d), collect.Config{Now: b.clock.now})
	must(t, err)
	return c
}

// TestAnImportOfManyRowsTakesLittleMemory is not parallel: it looks at the whole heap.
func TestAnImportOfManyRowsTakesLittleMemory(t *testing.T) {
	d := &drain{}
	c := draining(t, d)
	before := heap()
	sum, err := c.Import(t.Context(), minapush.App{ID: "wx0123", Number: 1, Shards: 3}, "import-1", reader(t, audience.NDJSON, manyRows(100_000/scale)))
	must(t, err)
	wantEqual(t, sum.Accepted, 100_000/scale)
	if d.most > before+8<<20 {
		t.Errorf("the heap grew by %d bytes", d.most-before)
	}
	if d.calls > 25_000/scale {
		t.Errorf("%d deposits for %d users", d.calls, 20_000/scale)
	}
}

func TestAStoreThatFailsEndsTheImport(t *testing.T) {
	t.Parallel()
	c := draining(t, &drain{fail: func(calls int) error {
		if calls > 1000 {
			return minapush.Unavailable
		}
		return nil
	}})
	sum, err := c.Import(t.Context(), minapush.App{ID: "wx0123", Number: 1, Shards: 3}, "import-1", reader(t, audience.NDJSON, manyRows(100_000)))
	wantEqual(t, minapush.KindOf(err), minapush.Unavailable)
	if sum.Accepted != sum.Rows || sum.Rows < 4000 || sum.Rows > 6000 {
		t.Errorf("counted %+v", sum)
	}
}

func TestAnImportEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := draining(t, &drain{fail: func(calls int) error {
		if calls == 500 {
			cancel()
		}
		return nil
	}})
	sum, err := c.Import(ctx, minapush.App{ID: "wx0123", Number: 1, Shards: 3}, "import-1", reader(t, audience.NDJSON, manyRows(100_000)))
	wantEqual(t, errors.Is(err, context.Canceled), true)
	if sum.Rows < 2000 || sum.Rows > 4000 {
		t.Errorf("%d rows were imported", sum.Rows)
	}
}

// FuzzPermitRows holds that no row can make an import fail, and that every row is counted once, however often it comes.
func FuzzPermitRows(f *testing.F) {
	for _, seed := range []string{
		`{"openid":"oA","kind":"form","code":"` + code(1) + `","taken_at":1795946400000}`, `{"openid":"oA","kind":"subscribe","template":"T","uses":1}`,
		"openid,kind,code\noA,pay,prepay_id=" + prepay + "\n", `{"openid":"uid:1"}`, `{"openid":"oA","kind":"standing","template":"T","taken_at":"2026-11-22T10:00:00Z"}`,
	} {
		f.Add(seed, strings.HasPrefix(seed, "{"))
	}
	f.Fuzz(func(t *testing.T, in string, objects bool) {
		b := setup(t)
		format := audience.CSV
		if objects {
			format = audience.NDJSON
		}
		var accepted int64
		for n := range 2 {
			sum, err := b.collect.Import(b.ctx, b.app, "i", reader(t, format, strings.NewReader(in)))
			if err != nil {
				var e *minapush.Error
				if !errors.As(err, &e) || e.Kind != minapush.Invalid {
					t.Fatalf("ended by %v", err)
				}
			}
			if sum.Rows != sum.Accepted+sum.Duplicate+sum.Evicted+sum.Refused || n == 1 && (sum.Accepted != 0 || sum.Duplicate < accepted) {
				t.Fatalf("counted %+v", sum)
			}
			accepted = sum.Accepted
		}
		totals, err := b.bank.Totals(b.ctx, b.app)
		must(t, err)
		if !totals.Closes() {
			t.Fatalf("the sums do not close: %+v", totals)
		}
	})
}
