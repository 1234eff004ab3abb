package minapush_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/minapush/minapush"
)

// zones put their clocks forward and back in every way there is.
var zones = []string{
	"Asia/Shanghai", "UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata",
	"America/Sao_Paulo", // forward over midnight
	"Asia/Beirut",       // forward over midnight, back to the hour before it
	"America/Havana",    // forward over midnight, back over it
	"Asia/Amman",        // back over midnight, east of Greenwich
	"America/St_Johns",  // back over midnight from a minute after it
	"Australia/Lord_Howe",
	"Pacific/Apia",   // without 2011-12-30
	"Africa/Cairo",   // four changes in 2010 and in 2014
	"Asia/Pyongyang", // back by half an hour before midnight in 2018
	"Antarctica/Troll",
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := minapush.Zone("time_zone", name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC()
}

func TestADayBeginsAtItsFirstMoment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone, now, want string
		days            int
	}{
		{"Asia/Shanghai", "2026-11-22T20:00:00+08:00", "2026-11-22T00:00:00+08:00", 0},
		{"Asia/Shanghai", "2026-11-22T00:00:00+08:00", "2026-11-22T00:00:00+08:00", 0},
		{"Asia/Shanghai", "2026-11-21T23:59:59.999+08:00", "2026-11-21T00:00:00+08:00", 0},
		{"Asia/Shanghai", "2026-03-01T12:00:00+08:00", "2026-02-28T00:00:00+08:00", 1},
		{"Asia/Shanghai", "2026-11-22T20:00:00+08:00", "2025-11-21T00:00:00+08:00", 366},
		{"Asia/Shanghai", "2024-03-01T00:00:00+08:00", "2024-02-29T00:00:00+08:00", 1},
		// 2018-11-04 has no midnight: 23:59:59 is followed by 01:00.
		{"America/Sao_Paulo", "2018-11-04T12:00:00-02:00", "2018-11-04T01:00:00-02:00", 0},
		{"America/Sao_Paulo", "2018-11-04T01:00:00-02:00", "2018-11-04T01:00:00-02:00", 0},
		{"America/Sao_Paulo", "2018-11-03T23:59:59-03:00", "2018-11-03T00:00:00-03:00", 0},
		{"America/Sao_Paulo", "2018-11-06T12:00:00-02:00", "2018-11-04T01:00:00-02:00", 2},
		{"America/Sao_Paulo", "2018-11-06T12:00:00-02:00", "2018-11-03T00:00:00-03:00", 3},
		// 2018-02-17 has 23:00 twice.
		{"America/Sao_Paulo", "2018-02-17T23:30:00-03:00", "2018-02-17T00:00:00-02:00", 0},
		{"America/Sao_Paulo", "2018-02-18T00:00:00-03:00", "2018-02-18T00:00:00-03:00", 0},
		// 2018-11-04 has two midnights: 00:59:59 is followed by 00:00.
		{"America/Havana", "2018-11-04T12:00:00-05:00", "2018-11-04T00:00:00-04:00", 0},
		{"America/Havana", "2018-11-04T00:30:00-05:00", "2018-11-04T00:00:00-04:00", 0},
		{"America/Havana", "2018-11-04T00:30:00-04:00", "2018-11-04T00:00:00-04:00", 0},
		{"America/Havana", "2018-11-05T00:30:00-05:00", "2018-11-04T00:00:00-04:00", 1},
		// The same east of Greenwich.
		{"Asia/Amman", "2018-10-26T12:00:00+02:00", "2018-10-26T00:00:00+03:00", 0},
		{"Asia/Amman", "2018-10-26T00:30:00+02:00", "2018-10-26T00:00:00+03:00", 0},
		// 2018-03-25 has no midnight; 2018-10-27 has 23:00 twice.
		{"Asia/Beirut", "2018-03-25T12:00:00+03:00", "2018-03-25T01:00:00+03:00", 0},
		{"Asia/Beirut", "2018-10-27T23:30:00+02:00", "2018-10-27T00:00:00+03:00", 0},
		{"Asia/Beirut", "2018-10-28T12:00:00+02:00", "2018-10-28T00:00:00+02:00", 0},
		// A minute after the first midnight it was the day before again.
		{"America/St_Johns", "2010-11-07T12:00:00-03:30", "2010-11-07T00:00:00-02:30", 0},
		{"America/St_Johns", "2010-11-06T23:30:00-03:30", "2010-11-06T00:00:00-02:30", 0},
		// Half an hour.
		{"Australia/Lord_Howe", "2018-10-07T12:00:00+11:00", "2018-10-07T00:00:00+10:30", 0},
		{"Australia/Lord_Howe", "2018-04-01T12:00:00+10:30", "2018-04-01T00:00:00+11:00", 0},
		// There was no 2011-12-30.
		{"Pacific/Apia", "2011-12-31T12:00:00+14:00", "2011-12-31T00:00:00+14:00", 0},
		{"Pacific/Apia", "2011-12-31T12:00:00+14:00", "2011-12-31T00:00:00+14:00", 1},
		{"Pacific/Apia", "2011-12-31T12:00:00+14:00", "2011-12-29T00:00:00-10:00", 2},
	} {
		now, want := instant(t, c.now), instant(t, c.want)
		if got := minapush.DaysBack(now, zone(t, c.zone), c.days); got != want {
			t.Errorf("%s: %d days before %s began at %s, not %s", c.zone, c.days, c.now, got, c.want)
		}
		if got := minapush.DayStart(now, zone(t, c.zone)); c.days == 0 && got != want {
			t.Errorf("%s: the day of %s began at %s, not %s", c.zone, c.now, got, c.want)
		}
	}
}

// somewhen draws a moment near one at which the clocks of a zone change, or any other.
func somewhen(t *rapid.T, z *time.Location) time.Time {
	from := time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	at := time.Unix(from+rapid.Int64Range(0, 25*365*24*3600).Draw(t, "at"), 0).In(z)
	if _, change := at.ZoneBounds(); !change.IsZero() && rapid.Bool().Draw(t, "near") {
		at = change.Add(time.Duration(rapid.Int64Range(-100_000, 100_000).Draw(t, "off")) * time.Second)
	}
	return at
}

func TestADayBeginsWhereNoClockShowedItBefore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		z, err := minapush.Zone("", rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		now, days := somewhen(t, z), rapid.IntRange(0, 5).Draw(t, "days")
		y, m, d := now.Date()
		day := time.Date(y, m, d-days, 0, 0, 0, 0, time.UTC)
		at := day.Add(-30 * time.Hour)
		for {
			y, m, d := at.In(z).Date()
			if !time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Before(day) {
				break
			}
			at = at.Add(time.Minute)
		}
		if got := minapush.DaysBack(now, z, days); !got.Equal(at) || got.Location() != time.UTC || got.After(now) {
			t.Fatalf("%d days before %s: got %s, want %s", days, now, got.In(z), at.In(z))
		}
	})
}

func TestQuietHoursAreThoseOnTheWall(t *testing.T) {
	t.Parallel()
	night, lunch, small := minapush.QuietHours{From: "22:00", Until: "08:00"}, minapush.QuietHours{From: "12:00", Until: "13:30"}, minapush.QuietHours{From: "22:00", Until: "01:30"}
	gap := minapush.QuietHours{From: "22:00", Until: "02:30"}
	early, midnight := minapush.QuietHours{From: "01:30", Until: "06:00"}, minapush.QuietHours{From: "22:00", Until: "00:00"}
	for _, c := range []struct {
		quiet      minapush.QuietHours
		zone       string
		now, until string // until "": not quiet
	}{
		{night, "Asia/Shanghai", "2026-11-22T21:59:59.999+08:00", ""},
		{night, "Asia/Shanghai", "2026-11-22T22:00:00+08:00", "2026-11-23T08:00:00+08:00"},
		{night, "Asia/Shanghai", "2026-12-31T23:30:00+08:00", "2027-01-01T08:00:00+08:00"},
		{night, "Asia/Shanghai", "2026-11-22T00:00:00+08:00", "2026-11-22T08:00:00+08:00"},
		{night, "Asia/Shanghai", "2026-11-22T07:59:59.999+08:00", "2026-11-22T08:00:00+08:00"},
		{night, "Asia/Shanghai", "2026-11-22T08:00:00+08:00", ""},
		{night, "UTC", "2026-11-22T00:00:00+08:00", ""},
		{lunch, "Asia/Shanghai", "2026-11-22T11:59:00+08:00", ""},
		{lunch, "Asia/Shanghai", "2026-11-22T12:00:00+08:00", "2026-11-22T13:30:00+08:00"},
		{lunch, "Asia/Shanghai", "2026-11-22T13:29:59+08:00", "2026-11-22T13:30:00+08:00"},
		{lunch, "Asia/Shanghai", "2026-11-22T13:30:00+08:00", ""},
		{minapush.QuietHours{}, "Asia/Shanghai", "2026-11-22T23:00:00+08:00", ""},
		{minapush.QuietHours{From: "x", Until: "08:00"}, "Asia/Shanghai", "2026-11-22T23:00:00+08:00", ""},
		// Nights of 9 and of 11 hours.
		{night, "America/New_York", "2026-03-07T22:00:00-05:00", "2026-03-08T08:00:00-04:00"},
		{night, "America/New_York", "2026-10-31T22:00:00-04:00", "2026-11-01T08:00:00-05:00"},
		// The end is left out: the clock goes from 02:00 to 03:00, past it.
		{gap, "America/New_York", "2026-03-07T23:00:00-05:00", "2026-03-08T03:00:00-04:00"},
		{gap, "America/New_York", "2026-03-08T01:59:59-05:00", "2026-03-08T03:00:00-04:00"},
		{gap, "America/New_York", "2026-03-08T03:00:00-04:00", ""},
		// The end comes twice: the clock goes from 02:00 back to 01:00.
		{small, "America/New_York", "2026-11-01T00:30:00-04:00", "2026-11-01T01:30:00-04:00"},
		{small, "America/New_York", "2026-11-01T01:30:00-04:00", ""},
		{small, "America/New_York", "2026-11-01T01:10:00-05:00", "2026-11-01T01:30:00-05:00"},
		{small, "America/New_York", "2026-11-01T01:30:00-05:00", ""},
		// The beginning comes twice, so the first time they are over at once.
		{early, "America/New_York", "2026-11-01T01:45:00-04:00", "2026-11-01T01:00:00-05:00"},
		{early, "America/New_York", "2026-11-01T01:45:00-05:00", "2026-11-01T06:00:00-05:00"},
		// The end is the hour at which the clock is put back: it is still an hour away.
		{minapush.QuietHours{From: "22:00", Until: "02:00"}, "America/New_York", "2026-11-01T01:30:00-04:00", "2026-11-01T02:00:00-05:00"},
		// There is no midnight, or there are two.
		{midnight, "America/Sao_Paulo", "2018-11-03T23:30:00-03:00", "2018-11-04T01:00:00-02:00"},
		{midnight, "America/Havana", "2018-11-03T23:30:00-04:00", "2018-11-04T00:00:00-04:00"},
		{midnight, "America/Havana", "2018-11-04T00:30:00-05:00", ""},
		{night, "America/Havana", "2018-11-04T00:30:00-04:00", "2018-11-04T08:00:00-05:00"},
		{midnight, "Asia/Beirut", "2018-10-27T23:30:00+03:00", "2018-10-28T00:00:00+02:00"},
		{night, "Asia/Beirut", "2018-03-24T22:00:00+02:00", "2018-03-25T08:00:00+03:00"},
		// Half an hour, from 02:00 to 02:30.
		{minapush.QuietHours{From: "22:00", Until: "02:15"}, "Australia/Lord_Howe", "2018-10-07T01:00:00+10:30", "2018-10-07T02:30:00+11:00"},
		{minapush.QuietHours{From: "01:45", Until: "03:00"}, "Australia/Lord_Howe", "2018-04-01T01:50:00+11:00", "2018-04-01T01:30:00+10:30"},
		// A day was left out.
		{night, "Pacific/Apia", "2011-12-29T23:00:00-10:00", "2011-12-31T08:00:00+14:00"},
	} {
		until, quiet := c.quiet.At(instant(t, c.now), zone(t, c.zone))
		if c.until == "" {
			if quiet || !until.IsZero() {
				t.Errorf("%v in %s: %s is quiet until %s", c.quiet, c.zone, c.now, until)
			}
			continue
		}
		if !quiet || until != instant(t, c.until) {
			t.Errorf("%v in %s: %s is quiet %v until %s, not %s", c.quiet, c.zone, c.now, quiet, until, c.until)
		}
	}
}

func TestQuietHoursEndWhereTheWallSaysSo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		z, err := minapush.Zone("", rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		from, end := rapid.IntRange(0, 1439).Draw(t, "from"), rapid.IntRange(0, 1438).Draw(t, "end")
		if end >= from {
			end++
		}
		clock := func(m int) string { return time.Date(2000, 1, 1, 0, m, 0, 0, time.UTC).Format("15:04") }
		q := minapush.QuietHours{From: clock(from), Until: clock(end)}
		quietAt := func(at time.Time) bool {
			m := at.In(z).Hour()*60 + at.In(z).Minute()
			if from < end {
				return from <= m && m < end
			}
			return m >= from || m < end
		}
		now := somewhen(t, z)
		until, quiet := q.At(now, z)
		if quiet != quietAt(now) {
			t.Fatalf("%v at %s is quiet: %v", q, now, quiet)
		}
		if !quiet {
			return
		}
		want := now.Truncate(time.Minute) // zones differ by whole minutes in these years
		for quietAt(want) {
			want = want.Add(time.Minute)
		}
		if !until.Equal(want) || until.Location() != time.UTC {
			t.Fatalf("%v at %s ends at %s, not %s", q, now, until.In(z), want.In(z))
		}
	})
}

func TestATimeZoneIsFoundByItsName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"": "Asia/Shanghai", "UTC": "UTC", "America/Havana": "America/Havana"} {
		if got := zone(t, name).String(); got != want {
			t.Errorf("%q is %s", name, got)
		}
	}
	for _, name := range []string{"Local", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "asia", "\xff", strings.Repeat("a", 10_000)} {
		_, err := minapush.Zone("time_zone", name)
		var e *minapush.Error
		if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != "time_zone" || len(err.Error()) > 300 {
			t.Errorf("%.40q: got %v", name, err)
		}
	}
}

func TestGuardsThatBreakARuleAreRefusedWithTheirField(t *testing.T) {
	t.Parallel()
	night := minapush.QuietHours{From: "22:00", Until: "08:00"}
	for _, good := range []minapush.Guards{
		{}, minapush.DefaultGuards(), {PerDay: minapush.MaxPerDay, CountPushes: true}, {SameContentDays: minapush.MaxSameContentDays},
		{Quiet: minapush.QuietHours{From: "00:00", Until: "23:59", Skip: true}},
	} {
		if err := good.Validate(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for want, bad := range map[string][]minapush.Guards{
		"guards.per_day":           {{PerDay: -1}, {PerDay: minapush.MaxPerDay + 1}},
		"guards.count_pushes":      {{CountPushes: true}},
		"guards.same_content_days": {{SameContentDays: -1}, {SameContentDays: minapush.MaxSameContentDays + 1}},
		"guards.quiet.skip":        {{Quiet: minapush.QuietHours{Skip: true}}},
		"guards.quiet.from": {
			{Quiet: minapush.QuietHours{Until: "08:00"}}, {Quiet: minapush.QuietHours{From: "8:00", Until: "09:00"}},
			{Quiet: minapush.QuietHours{From: "24:00", Until: "08:00"}}, {Quiet: minapush.QuietHours{From: "22:60", Until: "08:00"}},
		},
		"guards.quiet.until": {{Quiet: minapush.QuietHours{From: "22:00"}}, {Quiet: minapush.QuietHours{From: night.From, Until: night.From}}},
	} {
		for _, g := range bad {
			var e *minapush.Error
			if err := g.Validate(); !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != want {
				t.Errorf("%+v: got %v, want %s", g, err, want)
			}
		}
	}
}
