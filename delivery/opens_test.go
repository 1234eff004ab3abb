package delivery_test

import (
	"errors"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

// idAt is an id of a time.
func idAt(at time.Time) string {
	id := ulid.ULID{}
	if err := id.SetTime(ulid.Timestamp(at)); err != nil {
		panic(err)
	}
	return id.String()
}

func TestAnOpenFindsItsCampaignOrPushByTheID(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	midnight := noon.Add(12 * time.Hour)
	st := storetest.NewModel(func() time.Time { return noon })
	app, o := minapush.App{Number: 1, Shards: 4}, minapush.OpenID("user")
	ledger := delivery.New(st)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	opened := func(app minapush.App, o minapush.OpenID, id string) (bool, error) {
		return ledger.Opened(t.Context(), app, o, id, midnight.Add(time.Hour))
	}
	_, err := st.Deposit(t.Context(), app.Shard(o), o, store.Deposit{Now: noon, Permits: []minapush.Permit{
		{Kind: minapush.Standing, Template: "T", Identity: "s", TakenAt: noon},
	}})
	must(err)
	need := store.Need{Kind: minapush.LongTermTemplate, Template: "T"}
	push := func(day time.Time, id string) {
		t.Helper()
		a, err := st.ReservePush(t.Context(), app.Shard(o), store.Push{
			Batch: minapush.PushBatch(day), ID: id, OpenID: o, Attempt: 1, Need: need, Now: day, Deadline: day.Add(time.Hour),
		})
		must(err)
		_, err = st.SettlePush(t.Context(), app.Shard(o), store.Settlement{
			Ref: store.RefOf(a.Delivery), Outcome: minapush.Accepted, Permit: store.Spend, Now: day,
		})
		must(err)
	}
	// The day of a push is that of the moment before its id was made, and the clocks may differ a little.
	before, after, plain := idAt(midnight.Add(time.Millisecond)), idAt(midnight.Add(-time.Second)), idAt(noon)
	push(midnight.Add(-time.Millisecond), before)
	push(midnight, after)
	push(noon, plain)
	l, err := st.Acquire(t.Context(), app.Shard(o), "me", time.Minute)
	must(err)
	campaign := idAt(noon.Add(time.Minute))
	r, err := st.ReserveBatch(t.Context(), l, store.Batch{Campaign: campaign, Need: need, Started: midnight, Now: midnight, Limit: 9})
	must(err)
	must(st.Settle(t.Context(), l, []store.Settlement{
		{Ref: store.RefOf(r.Rows[0]), Outcome: minapush.Accepted, Permit: store.Spend, Now: midnight},
	}))
	for _, id := range []string{before, after, plain, campaign} {
		for _, want := range []bool{true, false} {
			if first, err := opened(app, o, id); err != nil || first != want {
				t.Errorf("%s: first %v, %v", id, first, err)
			}
		}
		for _, miss := range []struct {
			app minapush.App
			o   minapush.OpenID
		}{{app, "another"}, {minapush.App{Number: 2, Shards: 4}, o}} {
			if _, err := opened(miss.app, miss.o, id); !errors.Is(err, minapush.NotFound) {
				t.Errorf("%s of %s in app %d: %v", id, miss.o, miss.app.Number, err)
			}
		}
	}
	sum, err := ledger.Sum(t.Context(), app, campaign)
	if err != nil || sum.Tally.Opened != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
	for _, id := range []string{"", "c-1", plain + "0", "01jdaaaaaaaaaaaaaaaaaa0006", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", minapush.PushBatch(noon)} {
		if _, err := opened(app, o, id); !errors.Is(err, minapush.Invalid) {
			t.Errorf("%q: %v", id, err)
		}
	}
}
