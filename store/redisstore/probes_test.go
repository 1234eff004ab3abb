package redisstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// What the script looks for must be what store/record says, to the second, wherever the bytes of a time change: the last two of them, the
// last three, and where there are no times behind.
func TestAReportGoesToTheEndAsADeltaUnlessAnEventMayBeItsOwn(t *testing.T) {
	t.Parallel()
	s, _, sh := twoNodes(t)
	const within, news = minapush.PairWithin, "news"
	told := func(by minapush.Evidence, template string, taken time.Time) minapush.Permit {
		id := fmt.Sprint(by, template, taken.Unix())
		return minapush.Permit{Kind: minapush.Subscription, Template: template, Identity: id, TakenAt: taken, Evidence: by}
	}
	give := func(o minapush.OpenID, ps ...minapush.Permit) (first store.Accepted, deltas byte) {
		t.Helper()
		got, err := s.Deposit(t.Context(), sh, o, store.Deposit{Now: ps[0].TakenAt, Permits: ps})
		if err != nil {
			t.Fatal(err)
		}
		value, err := s.client.Do(t.Context(), s.client.B().Hget().Key(s.keys(sh).users()).Field(string(o)).Build()).AsBytes()
		if err != nil {
			t.Fatal(err)
		}
		return got.Items[0], value[stampEnd] % userRemembers
	}
	for _, base := range []time.Time{testAt(0), time.Unix(0x69A40000, 0), time.Unix(0x6A000000, 0), time.Unix(1<<32-2, 0)} {
		for _, by := range []minapush.Evidence{minapush.ByClient, minapush.ByEvent} {
			other := minapush.ByClient + minapush.ByEvent - by
			for _, apart := range []time.Duration{-within - time.Second, -within, 0, within, within + time.Second} {
				if base.Add(apart).Unix() > 1<<32-2 {
					continue // there is no such time
				}
				want, deltas := store.Duplicate, byte(0)
				if apart.Abs() > within {
					want, deltas = store.Added, 3
				}
				o := minapush.OpenID(fmt.Sprint(base.Unix(), by, apart))
				first := told(by, news, base)
				// There are others of that time, and others that could pair at another one.
				give(o, told(minapush.ByBackend, "a", base), told(minapush.ByBoth, "a", base), told(other, news, base.Add(-2*within-time.Second)))
				if v, n := give(o, first); v != store.Added || n != 1 {
					t.Fatalf("%s: the first is %v, %d deltas", o, v, n)
				}
				if v, n := give(o, told(minapush.ByBackend, news, base.Add(apart))); v != store.Added || n != 2 {
					t.Fatalf("%s: the backend's is %v, %d deltas", o, v, n)
				}
				if v, n := give(o, told(other, news, base.Add(apart)), told(other, "b", base.Add(apart))); v != want || n != deltas {
					t.Errorf("%s: got %v, %d deltas; want %v, %d", o, v, n, want, deltas)
				}
			}
		}
	}
}

// Events and remembered deliveries stand in a record of the newest frame: a deposit goes to its end as to any other.
func TestAUserWithEventsAndRecentDeliveriesTakesDepositsAsDeltas(t *testing.T) {
	t.Parallel()
	s, _, sh := twoNodes(t)
	give(t, s, sh, "u", 0, 2)
	var told []minapush.NamedEvent
	for i := range minapush.MaxEventNames {
		told = append(told, minapush.NamedEvent{Name: fmt.Sprint("t", i), At: testAt(time.Duration(i) * time.Second)})
	}
	if _, err := s.NoteEvents(t.Context(), sh, "u", told, false, testAt(0)); err != nil {
		t.Fatal(err)
	}
	l := acquire(t, s, sh)
	rows := reserveAll(t, s, l, testBatch("c", 1))
	markAll(t, s, l, rows)
	settleAll(t, s, l, rows)
	for i := range maxDeltas {
		news := fmt.Sprint("n", i)
		p := minapush.Permit{Kind: minapush.Subscription, Template: "t", Identity: news, TakenAt: testAt(time.Duration(i+2) * time.Hour)}
		got, err := s.Deposit(t.Context(), sh, "u", store.Deposit{Now: p.TakenAt, Permits: []minapush.Permit{p}})
		if err != nil || got.Items[0] != store.Added {
			t.Fatal(got, err)
		}
		value, err := s.client.Do(t.Context(), s.client.B().Hget().Key(s.keys(sh).users()).Field("u").Build()).AsBytes()
		if err != nil || int(value[stampEnd]%userRemembers) != i+1 || value[userHead] != 0x13 {
			t.Fatalf("after %d deposits: %d deltas, frame %#x, %v", i+1, value[stampEnd]%userRemembers, value[userHead], err)
		}
	}
	u, err := s.User(t.Context(), sh, "u")
	if err != nil || len(u.Events) != len(told) || len(u.Recent) != 1 || u.Counts.Available != 1+maxDeltas {
		t.Errorf("%d events, recent %+v, %+v, %v", len(u.Events), u.Recent, u.Counts, err)
	}
	known := store.Deposit{Now: testAt(0), Permits: []minapush.Permit{form(0), form(1)}}
	if got, err := s.Deposit(t.Context(), sh, "u", known); err != nil || got.Items[0] != store.Duplicate || got.Items[1] != store.Duplicate {
		t.Errorf("%+v, %v", got, err)
	}
}
