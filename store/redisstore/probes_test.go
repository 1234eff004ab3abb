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
