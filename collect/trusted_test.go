package collect_test

import (
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/collect"
)

const prepay = "wx01150933662987c5afcc9d041018071500"

func TestAPaymentGivesThreeMessages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	paid := b.clock.now().Add(-time.Hour)
	a := b.trusted(t, collect.TrustedItem{Kind: "pay", PrepayID: "prepay_id=" + prepay, PaidAt: paid})
	wantEqual(t, a.Items[0], collect.ItemAnswer{Status: collect.StatusAccepted, Added: 1})
	p := b.permits(t)[0]
	wantEqual(t, p.Identity, prepay)
	wantEqual(t, p.Uses, 3)
	wantEqual(t, p.Evidence, minapush.ByBackend)
	wantEqual(t, p.TakenAt.Equal(paid), true)
	wantEqual(t, p.ExpiresAt.Equal(paid.Add(7*day)), true)
	a = b.trusted(t, collect.TrustedItem{Kind: "pay", PrepayID: prepay, AgeMS: 1000})
	wantEqual(t, a.Duplicate, 1)
}

func TestCountsBecomePermitsOfTheirOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	order := collect.TrustedItem{Kind: "subscribe", Template: "T", ID: "order-7", Count: 3}
	wantEqual(t, b.trusted(t, order).Items[0].Added, 3)
	order.Count = 5
	a := b.trusted(t, order)
	wantEqual(t, a.Items[0], collect.ItemAnswer{Status: collect.StatusAccepted, Added: 2})
	wantEqual(t, b.trusted(t, order).Items[0], collect.ItemAnswer{Status: collect.StatusDuplicate})
	order.ID, order.Count = "order-8", 0
	wantEqual(t, b.trusted(t, order).Items[0].Added, 1)
	wantEqual(t, len(b.permits(t)), 6)
}

func TestAClientCannotTakeTheNameOfABackendsCount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	wantEqual(t, b.report(t, accept("T", "order-7#1")).Refused, 1)
	b.report(t, accept("T", "order-7"))
	wantEqual(t, b.trusted(t, collect.TrustedItem{Kind: "subscribe", Template: "T", ID: "order-7"}).Accepted, 1)
}

func TestEveryTrustedItemIsJudgedOnItsOwn(t *testing.T) {
	t.Parallel()
	now := setup(t).clock.now()
	for name, c := range map[string]struct {
		item                  collect.TrustedItem
		status, reason, field string
	}{
		"a form id":             {collect.TrustedItem{Kind: "form", FormID: code(1)}, "accepted", "", ""},
		"a mock form id":        {collect.TrustedItem{Kind: "form", FormID: "the formId is a mock one"}, "refused", "mock_code", "items[0].form_id"},
		"a transaction id":      {collect.TrustedItem{Kind: "pay", PrepayID: "4200001234567890"}, "refused", "not_a_prepay_id", "items[0].prepay_id"},
		"no prepay id":          {collect.TrustedItem{Kind: "pay", PrepayID: "prepay_id="}, "refused", "empty_code", "items[0].prepay_id"},
		"paid by a fast clock":  {collect.TrustedItem{Kind: "pay", PrepayID: prepay, PaidAt: now.Add(5 * time.Minute)}, "accepted", "", ""},
		"paid in the future":    {collect.TrustedItem{Kind: "pay", PrepayID: prepay, PaidAt: now.Add(time.Hour)}, "refused", "negative_age", "items[0].paid_at"},
		"paid long ago":         {collect.TrustedItem{Kind: "pay", PrepayID: prepay, PaidAt: now.Add(-8 * day)}, "refused", "expired", "items[0].paid_at"},
		"paid in another age":   {collect.TrustedItem{Kind: "pay", PrepayID: prepay, PaidAt: time.Unix(0, 0)}, "refused", "expired", "items[0].paid_at"},
		"a negative age":        {collect.TrustedItem{Kind: "pay", PrepayID: prepay, AgeMS: -1}, "refused", "negative_age", "items[0].age_ms"},
		"200 subscriptions":     {collect.TrustedItem{Kind: "subscribe", Template: "T", ID: "i", Count: 200}, "accepted", "", ""},
		"201 subscriptions":     {collect.TrustedItem{Kind: "subscribe", Template: "T", ID: "i", Count: 201}, "refused", "bad_count", "items[0].count"},
		"-1 subscriptions":      {collect.TrustedItem{Kind: "subscribe", Template: "T", ID: "i", Count: -1}, "refused", "bad_count", "items[0].count"},
		"no item id":            {collect.TrustedItem{Kind: "subscribe", Template: "T"}, "refused", "bad_nonce", "items[0].id"},
		"a long item id":        {collect.TrustedItem{Kind: "subscribe", Template: "T", ID: strings.Repeat("i", 65)}, "refused", "bad_nonce", "items[0].id"},
		"no template":           {collect.TrustedItem{Kind: "subscribe", ID: "i"}, "refused", "bad_template", "items[0].template"},
		"an old subscription":   {collect.TrustedItem{Kind: "subscribe", Template: "T", ID: "i", PaidAt: now.Add(-8 * day)}, "refused", "too_old", "items[0].paid_at"},
		"a standing one":        {collect.TrustedItem{Kind: "standing", Template: "T", ID: "i", Count: 1}, "accepted", "", ""},
		"two standing ones":     {collect.TrustedItem{Kind: "standing", Template: "T", ID: "i", Count: 2}, "refused", "bad_count", "items[0].count"},
		"a card":                {collect.TrustedItem{Kind: "card"}, "refused", "unknown_type", "items[0].kind"},
		"nothing":               {collect.TrustedItem{}, "refused", "unknown_type", "items[0].kind"},
		"a very distant future": {collect.TrustedItem{Kind: "pay", PrepayID: prepay, PaidAt: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, "refused", "negative_age", "items[0].paid_at"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			got := b.trusted(t, c.item).Items[0]
			want := collect.ItemAnswer{Status: collect.Status(c.status), Reason: c.reason, Field: c.field, Added: got.Added}
			wantEqual(t, got, want)
			wantEqual(t, got.Added, len(b.permits(t)))
		})
	}
}

func TestATrustedDepositTooLargeDoesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var items []collect.TrustedItem
	for n := range 11 {
		items = append(items, collect.TrustedItem{Kind: "subscribe", Template: "T", ID: code(n), Count: 200})
	}
	_, err := b.collect.Trusted(b.ctx, b.app, someone, items)
	wantField(t, err, "items")
	_, err = b.collect.Trusted(b.ctx, b.app, someone, make([]collect.TrustedItem, collect.DefaultMaxItems+1))
	wantField(t, err, "items")
	wantEqual(t, len(b.permits(t)), 0)
}
