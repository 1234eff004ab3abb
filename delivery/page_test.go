package delivery_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

// broadcast settles a campaign to n users over four shards: every fifth is refused, the others accepted.
func broadcast(t *testing.T, n int) (*delivery.Ledger, minapush.App) {
	t.Helper()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	st := storetest.NewModel(func() time.Time { return now })
	app := minapush.App{Number: 1, Shards: 4}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		o := minapush.OpenID(fmt.Sprintf("user-%03d", i))
		_, err := st.Deposit(t.Context(), app.Shard(o), o, store.Deposit{Now: now.Add(-time.Hour), Permits: []minapush.Permit{
			{Kind: minapush.Subscription, Template: "T", Identity: "n", Uses: 1, TakenAt: now.Add(-time.Hour)},
		}})
		must(err)
	}
	for shard := range app.Shards {
		l, err := st.Acquire(t.Context(), minapush.Shard{App: 1, N: uint32(shard)}, "me", time.Minute)
		must(err)
		got, err := st.ReserveBatch(t.Context(), l, store.Batch{
			Campaign: "c", Need: store.Need{Kind: minapush.OneTimeTemplate, Template: "T"}, Started: now, Now: now, Limit: n,
		})
		must(err)
		for _, d := range got.Rows {
			x := store.Settlement{Ref: store.RefOf(d), Outcome: minapush.Accepted, Permit: store.Spend, Now: now}
			if (d.OpenID[len(d.OpenID)-1]-'0')%5 == 0 {
				x.Outcome, x.Permit, x.Reason = minapush.RefusedByUser, store.VoidTemplate, "43101"
			}
			must(st.Settle(t.Context(), l, []store.Settlement{x}))
		}
	}
	return delivery.New(st), app
}

func TestPagesHoldEveryDeliveryOnce(t *testing.T) {
	ledger, app := broadcast(t, 50)
	for _, limit := range []int{1, 3, 7, 50, 1000} {
		var got []string
		for after, pages := "", 0; ; pages++ {
			page, err := ledger.List(t.Context(), app, "c", nil, after, limit)
			if err != nil || pages > 200 || len(page.Deliveries) > limit {
				t.Fatalf("limit %d, page %d with %d: %v", limit, pages, len(page.Deliveries), err)
			}
			for _, d := range page.Deliveries {
				got = append(got, string(d.OpenID))
			}
			if after = page.Next; after == "" {
				break
			}
		}
		slices.Sort(got)
		if len(got) != 50 || len(slices.Compact(got)) != 50 {
			t.Errorf("limit %d: %d deliveries", limit, len(got))
		}
	}
}

func TestPagesHoldOnlyTheOutcomeAskedFor(t *testing.T) {
	ledger, app := broadcast(t, 50)
	refused, n := minapush.RefusedByUser, 0
	for after, pages := "", 0; ; pages++ {
		page, err := ledger.List(t.Context(), app, "c", &refused, after, 3)
		if err != nil || pages > 200 {
			t.Fatalf("page %d: %v", pages, err)
		}
		for _, d := range page.Deliveries {
			n++
			if d.Outcome != refused {
				t.Errorf("%s is %s", d.OpenID, d.Outcome)
			}
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if n != 10 {
		t.Errorf("%d refused", n)
	}
}

func TestAForeignCursorIsRefusedByName(t *testing.T) {
	ledger, app := broadcast(t, 1)
	for _, cursor := range []string{"x", "!!", "e30x", "eyJzIjoiYSJ9"} {
		_, err := ledger.List(t.Context(), app, "c", nil, cursor, 10)
		var e *minapush.Error
		if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != "cursor" {
			t.Errorf("%s: %v", cursor, err)
		}
	}
}

func TestForgottenRowsLeaveTheirSums(t *testing.T) {
	ledger, app := broadcast(t, 50)
	if err := ledger.Forget(t.Context(), app, "c"); err != nil {
		t.Fatal(err)
	}
	page, err := ledger.List(t.Context(), app, "c", nil, "", 100)
	if err != nil || len(page.Deliveries) != 0 {
		t.Errorf("%d rows left, %v", len(page.Deliveries), err)
	}
	p, err := ledger.Sum(t.Context(), app, "c")
	if err != nil || p.Tally.Count(minapush.Accepted) != 40 || p.Tally.Count(minapush.RefusedByUser) != 10 {
		t.Errorf("%+v, %v", p, err)
	}
}
