package collect_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/collect"
	"github.com/minapush/minapush/delivery"
)

func TestAReportBecomesPermits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := b.clock.now()
	tap := form(1)
	tap.AgeMS, tap.Source = (2 * time.Hour).Milliseconds(), "pages/index/index?from=share"
	standing := collect.Item{Type: "standing", Template: "S", Result: "acceptWithAlert", Nonce: "n2"}
	a := b.report(t, tap, accept("T", "n1"), standing)
	wantEqual(t, a.Accepted, 3)
	number, err := b.bank.SourceNumber(b.ctx, b.app, "pages/index/index")
	must(t, err)
	want := []minapush.Permit{
		{
			Kind: minapush.FormID, Identity: code(1), Uses: 1, TakenAt: now.Add(-2 * time.Hour), ExpiresAt: now.Add(7*day - 2*time.Hour),
			Source: number,
		},
		{Kind: minapush.Subscription, Template: "T", Uses: 1, TakenAt: now},
		{Kind: minapush.Standing, Template: "S", TakenAt: now},
	}
	var got []minapush.Permit
	for _, h := range b.permits(t) {
		if !h.Kind.HasCode() {
			h.Identity = "" // in whatever form the store gives it
		}
		if h.Kind == minapush.Standing {
			h.Uses = 0
		}
		got = append(got, h.Permit)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestEveryItemIsJudgedOnItsOwn(t *testing.T) {
	t.Parallel()
	week := (7 * day).Milliseconds()
	aged := func(it collect.Item, ms int64) collect.Item { it.AgeMS = ms; return it }
	result := func(r string) collect.Item {
		return collect.Item{Type: "subscribe", Template: "T", Result: r, Nonce: "n"}
	}
	coded := func(c string) collect.Item { return collect.Item{Type: "form", FormID: c} }
	for name, c := range map[string]struct {
		item                  collect.Item
		status, reason, field string
	}{
		"a form id":                       {form(1), "accepted", "", ""},
		"a form id just within its life":  {aged(form(1), week-1000), "accepted", "", ""},
		"a form id at the end of it":      {aged(form(1), week), "refused", "expired", ""},
		"a form id beyond it":             {aged(form(1), week+1), "refused", "expired", "items[1].age_ms"},
		"a form id from the future":       {aged(form(1), -1), "refused", "negative_age", "items[1].age_ms"},
		"an age out of this world":        {aged(form(1), math.MaxInt64), "refused", "expired", "items[1].age_ms"},
		"an age out of this world, below": {aged(form(1), math.MinInt64), "refused", "negative_age", "items[1].age_ms"},
		"developer tools":                 {coded("the formId is a mock one"), "refused", "mock_code", "items[1].form_id"},
		"time-out on the phone":           {coded("requestFormId:fail timeout"), "refused", "client_failed", "items[1].form_id"},
		"withdrawn":                       {coded("requestFormId:fail deprecated"), "refused", "client_failed", "items[1].form_id"},
		"trial version": {
			coded("the formId is no longer available in develop or trial version of this mini program"), "refused", "trial_version", "items[1].form_id",
		},
		"undefined":                {coded("undefined"), "refused", "empty_code", "items[1].form_id"},
		"empty":                    {coded(""), "refused", "empty_code", "items[1].form_id"},
		"a time in milliseconds":   {coded("1508392837549"), "refused", "not_a_form_id", "items[1].form_id"},
		"upper case":               {coded(strings.Repeat("A", 32)), "refused", "not_a_form_id", "items[1].form_id"},
		"a code with a line break": {coded(code(1) + "\n"), "refused", "not_a_form_id", "items[1].form_id"},
		"a huge code":              {coded(strings.Repeat("0", 1<<20)), "refused", "not_a_form_id", "items[1].form_id"},
		"accept":                   {result("accept"), "accepted", "", ""},
		"accept with audio":        {result("acceptWithAudio"), "accepted", "", ""},
		"accept with force push":   {result("acceptWithForcePush"), "accepted", "", ""},
		"accept of the future":     {result("acceptWithSmell"), "accepted", "", ""},
		"reject":                   {result("reject"), "refused", "user_rejected", "items[1]"},
		"ban":                      {result("ban"), "refused", "template_banned", "items[1]"},
		"filter":                   {result("filter"), "refused", "same_title", "items[1]"},
		"no result":                {result(""), "refused", "unknown_result", "items[1].result"},
		"another result":           {result("Accept"), "refused", "unknown_result", "items[1].result"},
		"a week-old subscription":  {aged(result("accept"), week), "accepted", "", ""},
		"an older subscription":    {aged(result("accept"), week+1), "refused", "too_old", "items[1].age_ms"},
		"no template":              {accept("", "n"), "refused", "bad_template", "items[1].template"},
		"a template with a space":  {accept("T T", "n"), "refused", "bad_template", "items[1].template"},
		"a long template":          {accept(strings.Repeat("T", 65), "n"), "refused", "bad_template", "items[1].template"},
		"no nonce":                 {accept("T", ""), "refused", "bad_nonce", "items[1].nonce"},
		"a nonce of 64 bytes":      {accept("T", strings.Repeat("n", 64)), "accepted", "", ""},
		"a nonce of 65 bytes":      {accept("T", strings.Repeat("n", 65)), "refused", "bad_nonce", "items[1].nonce"},
		"a backend's nonce":        {accept("T", "order#1"), "refused", "bad_nonce", "items[1].nonce"},
		"a nonce not in ASCII":     {accept("T", "é"), "refused", "bad_nonce", "items[1].nonce"},
		"reject without a nonce":   {collect.Item{Type: "subscribe", Template: "T", Result: "reject"}, "refused", "user_rejected", "items[1]"},
		"a payment by a client":    {collect.Item{Type: "pay", FormID: code(1)}, "refused", "unknown_type", "items[1].type"},
		"no type":                  {collect.Item{FormID: code(1)}, "refused", "unknown_type", "items[1].type"},
		"a standing one":           {collect.Item{Type: "standing", Template: "T", Result: "accept", Nonce: "n"}, "accepted", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			a := b.report(t, form(100), c.item, form(101))
			for _, i := range []int{0, 2} { // its neighbours do not suffer
				wantEqual(t, a.Items[i].Status, collect.StatusAccepted)
			}
			got := a.Items[1]
			want := collect.ItemAnswer{Index: 1, Status: collect.Status(c.status), Reason: c.reason, Field: c.field}
			if want.Status == collect.StatusAccepted {
				want.Added = 1
			}
			wantEqual(t, got, want)
			wantEqual(t, len(b.permits(t)), 2+got.Added)
			wantEqual(t, a.Accepted+a.Duplicate+a.Evicted+a.Refused, 3)
		})
	}
}

func TestARepeatedReportCountsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	items := []collect.Item{form(1), form(1), accept("T", "n1"), accept("T", "n1"), accept("U", "n1")}
	a := b.report(t, items...)
	wantEqual(t, [4]int{a.Accepted, a.Duplicate, a.Evicted, a.Refused}, [4]int{3, 2, 0, 0})
	b.clock.add(time.Minute)
	a = b.report(t, items...)
	wantEqual(t, [4]int{a.Accepted, a.Duplicate, a.Evicted, a.Refused}, [4]int{0, 5, 0, 0})
	wantEqual(t, len(b.permits(t)), 3)
}

func TestAReportMayNameItsItemsByANonceOfItsOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := collect.Report{Nonce: strings.Repeat("r", 64), Items: []collect.Item{accept("T", ""), accept("T", ""), accept("T", "own")}}
	for _, want := range []int{3, 0} {
		a, err := b.collect.Report(b.ctx, b.app, someone, r)
		must(t, err)
		wantEqual(t, a.Accepted, want)
	}
	r.Nonce += "r"
	a, err := b.collect.Report(b.ctx, b.app, someone, r)
	must(t, err)
	wantEqual(t, [2]int{a.Duplicate, a.Refused}, [2]int{1, 2})
}

func TestAReportTooLargeOrOfNobodyDoesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var items []collect.Item
	for n := range collect.DefaultMaxItems + 1 {
		items = append(items, form(n))
	}
	_, err := b.collect.Report(b.ctx, b.app, someone, collect.Report{Items: items})
	wantField(t, err, "items")
	wantEqual(t, len(b.permits(t)), 0)
	a := b.report(t, items[1:]...)
	wantEqual(t, a.Accepted, collect.DefaultMaxItems)
	for _, o := range []minapush.OpenID{"", "a b", "ö", minapush.OpenID(strings.Repeat("o", 65))} {
		_, err = b.collect.Report(b.ctx, b.app, o, collect.Report{})
		wantField(t, err, "openid")
		_, err = b.collect.Trusted(b.ctx, b.app, o, nil)
		wantField(t, err, "openid")
		_, err = b.collect.Recipe(b.ctx, b.app, collect.RecipeBody{OpenID: string(o)})
		wantField(t, err, "openId")
	}
}

func TestAReportWithoutAnythingNotesThatTheUserWasSeen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.report(t, form(1))
	b.clock.add(time.Hour)
	a := b.report(t)
	wantEqual(t, len(a.Items), 0)
	u, err := b.bank.User(b.ctx, b.app, someone)
	must(t, err)
	wantEqual(t, u.LastSeen.Equal(b.clock.now()), true)
}

func TestAHoarderIsToldWhatWasPushedOut(t *testing.T) {
	t.Parallel()
	b := newBundle(t.Context(), collect.Config{MaxItems: 300})
	var items []collect.Item
	for n := range 201 {
		it := form(n)
		it.AgeMS = int64(n) * 1000 // the last ends first
		items = append(items, it)
	}
	a := b.report(t, items...)
	wantEqual(t, [4]int{a.Accepted, a.Duplicate, a.Evicted, a.Refused}, [4]int{200, 0, 1, 0})
	wantEqual(t, a.Items[200].Status, collect.StatusEvicted)
}

func TestTooManyTemplatesAreRefusedByName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var items []collect.Item
	for n := range 17 {
		items = append(items, accept("T"+code(n), "n"))
	}
	a := b.report(t, items...)
	wantEqual(t, [2]int{a.Accepted, a.Refused}, [2]int{16, 1})
	wantEqual(t, a.Items[16].Reason, collect.ReasonNotKept)
}

func TestAReportIsNotAnsweredWhenTheStoreIsAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	must(t, b.st.Close())
	_, err := b.collect.Report(b.ctx, b.app, someone, collect.Report{Items: []collect.Item{form(1)}})
	wantEqual(t, minapush.KindOf(err), minapush.Unavailable)
	wantEqual(t, len(gather(t, b.collect.Metrics())), 0)
}

func TestItemsAreCountedByKindStatusAndReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hostile := collect.Item{Type: "made up", FormID: "x"}
	b.report(t, form(1), form(1), accept("T", ""), hostile, collect.Item{Type: "subscribe", Template: "T", Result: "reject"})
	want := map[string]float64{
		"minapush_collect_items_total form accepted":                   1,
		"minapush_collect_items_total form duplicate":                  1,
		"minapush_collect_items_total subscribe refused":               2,
		"minapush_collect_items_total unknown refused":                 1,
		"minapush_collect_refused_items_total subscribe bad_nonce":     1,
		"minapush_collect_refused_items_total subscribe user_rejected": 1,
		"minapush_collect_refused_items_total unknown unknown_type":    1,
	}
	if diff := cmp.Diff(want, gather(t, b.collect.Metrics())); diff != "" {
		t.Fatal(diff)
	}
}

func TestNewNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := collect.New(nil, &delivery.Ledger{}, collect.Config{})
	wantField(t, err, "b")
	_, err = collect.New(&bank.Bank{}, &delivery.Ledger{}, collect.Config{MaxItems: -1})
	wantField(t, err, "MaxItems")
}
