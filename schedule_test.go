package minapush_test

import (
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/minapush/minapush"
)

func TestARunHasAULIDOfItsPlannedTime(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{
		time.UnixMilli(0), time.Date(2026, 11, 22, 12, 0, 0, 123e6, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), ulid.Time(ulid.MaxTime()),
	} {
		id, err := ulid.ParseStrict(minapush.RunID("01JD0000000000000000000000", at))
		if err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		if got := ulid.Time(id.Time()); !got.Equal(at) {
			t.Errorf("of %s is a ULID of %s", at, got)
		}
		if id.String() != minapush.RunID("01JD0000000000000000000000", at) {
			t.Errorf("%s is written %s", minapush.RunID("01JD0000000000000000000000", at), id)
		}
	}
}

func TestARunIsTheSameWhoeverNamesIt(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	id := minapush.RunID("a", at)
	if again := minapush.RunID("a", at.In(time.FixedZone("", 3600)).Add(time.Microsecond)); again != id {
		t.Errorf("%s and %s", id, again)
	}
	for name, other := range map[string]string{"another time": minapush.RunID("a", at.Add(time.Millisecond)), "another schedule": minapush.RunID("b", at)} {
		if other == id {
			t.Errorf("%s has the same id %s", name, id)
		}
	}
	if want := "01M81J18G0HAS8795YSTVTFT2C"; id != want { // stored data depends on it
		t.Errorf("%s, want %s", id, want)
	}
}

func TestRunsOfAScheduleShareASeriesAndNobodyElseDoes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	series := minapush.SeriesOf(minapush.RunID("a", at))
	if len(series) != 8 || minapush.SeriesOf(minapush.RunID("a", at.AddDate(1, 0, 0))) != series {
		t.Errorf("series %q, a year later %q", series, minapush.SeriesOf(minapush.RunID("a", at.AddDate(1, 0, 0))))
	}
	if other := minapush.SeriesOf(minapush.RunID("b", at)); other == series {
		t.Errorf("another schedule has series %q too", other)
	}
	if other := minapush.SeriesOf(ulid.Make().String()); other == series {
		t.Errorf("another campaign has series %q too", other)
	}
	fresh := ulid.Make()
	if again, err := ulid.ParseStrict(minapush.InSeries(fresh.String(), minapush.RunID("a", at))); err != nil || again == fresh ||
		minapush.SeriesOf(again.String()) != series || again.Time() != fresh.Time() {
		t.Errorf("%s in the series is %s, %v", fresh, again, err)
	}
	for _, id := range []string{"", "c001", "push-20261122"} {
		if got := minapush.SeriesOf(id); got != "" {
			t.Errorf("%q has series %q", id, got)
		}
		if a, b := minapush.InSeries(id, fresh.String()), minapush.InSeries(fresh.String(), id); a != id || b != fresh.String() {
			t.Errorf("%q in a series is %q, and the other way round %q", id, a, b)
		}
	}
}
