package campaign_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
)

func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPlannedTimesAreThoseOfTheClockOnTheWall(t *testing.T) {
	t.Parallel()
	const (
		ny, berlin, howe, shanghai = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Shanghai"
		layout                     = "02 15:04 -0700"
	)
	for name, c := range map[string]struct {
		zone, cron, from string
		want             []string
	}{
		// 02:00 is 03:00.
		"New York, spring, a time that is left out": {ny, "30 2 * * *", "2026-03-07T00:00:00-05:00",
			[]string{"07 02:30 -0500", "08 03:30 -0400", "09 02:30 -0400"}},
		"New York, spring, evenings": {ny, "0 20 * * *", "2026-03-07T00:00:00-05:00",
			[]string{"07 20:00 -0500", "08 20:00 -0400", "09 20:00 -0400"}},
		"New York, spring, every hour": {ny, "0 * * * *", "2026-03-08T00:30:00-05:00",
			[]string{"08 01:00 -0500", "08 03:00 -0400", "08 04:00 -0400"}},
		"New York, spring, two hours of which one is left out": {ny, "0 2,3 * * *", "2026-03-08T00:00:00-05:00",
			[]string{"08 03:00 -0400", "09 02:00 -0400", "09 03:00 -0400"}},
		// 02:00 is 01:00 again.
		"New York, autumn, a time before the one that comes twice": {ny, "30 2 * * *", "2026-10-31T00:00:00-04:00",
			[]string{"31 02:30 -0400", "01 02:30 -0500", "02 02:30 -0500"}},
		"New York, autumn, a time that comes twice": {ny, "30 1 * * *", "2026-10-31T00:00:00-04:00",
			[]string{"31 01:30 -0400", "01 01:30 -0400", "02 01:30 -0500"}},
		"New York, autumn, evenings": {ny, "0 20 * * *", "2026-10-31T00:00:00-04:00",
			[]string{"31 20:00 -0400", "01 20:00 -0500", "02 20:00 -0500"}},
		"New York, autumn, every hour": {ny, "0 * * * *", "2026-11-01T00:30:00-04:00",
			[]string{"01 01:00 -0400", "01 01:00 -0500", "01 02:00 -0500"}},

		// 02:00 is 03:00.
		"Berlin, spring, a time that is left out": {berlin, "30 2 * * *", "2026-03-28T00:00:00+01:00",
			[]string{"28 02:30 +0100", "29 03:30 +0200", "30 02:30 +0200"}},
		"Berlin, spring, evenings": {berlin, "0 20 * * *", "2026-03-28T00:00:00+01:00",
			[]string{"28 20:00 +0100", "29 20:00 +0200"}},
		"Berlin, spring, every hour": {berlin, "0 * * * *", "2026-03-29T00:30:00+01:00",
			[]string{"29 01:00 +0100", "29 03:00 +0200", "29 04:00 +0200"}},
		// 03:00 is 02:00 again.
		"Berlin, autumn, a time that comes twice": {berlin, "30 2 * * *", "2026-10-24T00:00:00+02:00",
			[]string{"24 02:30 +0200", "25 02:30 +0200", "26 02:30 +0100"}},
		"Berlin, autumn, evenings": {berlin, "0 20 * * *", "2026-10-24T00:00:00+02:00",
			[]string{"24 20:00 +0200", "25 20:00 +0100"}},
		"Berlin, autumn, every hour": {berlin, "0 * * * *", "2026-10-25T01:30:00+02:00",
			[]string{"25 02:00 +0200", "25 02:00 +0100", "25 03:00 +0100"}},

		// 02:00 is 02:30.
		"Lord Howe, spring, a time that is left out": {howe, "0 2 * * *", "2026-10-03T00:00:00+10:30",
			[]string{"03 02:00 +1030", "04 02:30 +1100", "05 02:00 +1100"}},
		"Lord Howe, spring, the first time that is not": {howe, "30 2 * * *", "2026-10-03T00:00:00+10:30",
			[]string{"03 02:30 +1030", "04 02:30 +1100", "05 02:30 +1100"}},
		"Lord Howe, spring, evenings": {howe, "0 20 * * *", "2026-10-03T00:00:00+10:30",
			[]string{"03 20:00 +1030", "04 20:00 +1100", "05 20:00 +1100"}},
		"Lord Howe, spring, every hour": {howe, "0 * * * *", "2026-10-04T00:30:00+10:30",
			[]string{"04 01:00 +1030", "04 03:00 +1100", "04 04:00 +1100"}},
		// 02:00 is 01:30 again.
		"Lord Howe, autumn, a time that comes twice": {howe, "45 1 * * *", "2026-04-04T00:00:00+11:00",
			[]string{"04 01:45 +1100", "05 01:45 +1100", "06 01:45 +1030"}},
		"Lord Howe, autumn, a time after it": {howe, "30 2 * * *", "2026-04-04T00:00:00+11:00",
			[]string{"04 02:30 +1100", "05 02:30 +1030", "06 02:30 +1030"}},
		"Lord Howe, autumn, evenings": {howe, "0 20 * * *", "2026-04-04T00:00:00+11:00",
			[]string{"04 20:00 +1100", "05 20:00 +1030", "06 20:00 +1030"}},
		"Lord Howe, autumn, every hour": {howe, "0 * * * *", "2026-04-05T00:30:00+11:00",
			[]string{"05 01:00 +1100", "05 02:00 +1030", "05 03:00 +1030"}},

		"Shanghai, spring": {shanghai, "30 2 * * *", "2026-03-28T12:00:00Z",
			[]string{"29 02:30 +0800", "30 02:30 +0800"}},
		"Shanghai, evenings": {shanghai, "0 20 * * *", "2026-10-31T12:00:00Z",
			[]string{"01 20:00 +0800", "02 20:00 +0800"}},
		"Shanghai, every hour": {shanghai, "0 * * * *", "2026-10-31T15:30:00Z",
			[]string{"01 00:00 +0800", "01 01:00 +0800"}},
		// At midnight it is 01:00.
		"Beirut, spring, a day without midnight": {"Asia/Beirut", "0 0 * * *", "2026-03-28T12:00:00+02:00",
			[]string{"29 01:00 +0300", "30 00:00 +0300"}},
		// At midnight it is 23:00 of the day before.
		"Beirut, autumn, a midnight that comes twice": {"Asia/Beirut", "0 0,23 * * *", "2026-10-24T12:00:00+03:00",
			[]string{"24 23:00 +0300", "25 00:00 +0200", "25 23:00 +0200"}},

		"the first Monday of a month": {shanghai, "0 9 1-7 * MON", "2026-11-22T00:00:00+08:00",
			[]string{"07 09:00 +0800", "04 09:00 +0800"}},
		"Sunday is 7 too":     {shanghai, "0 9 * * 7", "2026-11-22T00:00:00+08:00", []string{"22 09:00 +0800", "29 09:00 +0800"}},
		"the end of February": {shanghai, "0 9 29 2 *", "2096-02-29T09:00:00+08:00", []string{"29 09:00 +0800"}},
		"@daily":              {shanghai, "@daily", "2026-11-22T00:00:00+08:00", []string{"23 00:00 +0800", "24 00:00 +0800"}},
	} {
		zone, err := time.LoadLocation(c.zone)
		must(t, err)
		var got []string
		for _, run := range campaign.NextRuns(minapush.Schedule{Cron: c.cron, TimeZone: c.zone, State: minapush.ScheduleActive}, at(t, c.from), len(c.want)) {
			got = append(got, run.In(zone).Format(layout))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q runs at %q, want %q", name, c.cron, got, c.want)
		}
	}
}

// Over years, in each time zone, a time of the day comes once a day, and each hour once.
func TestEachDayHasItsRunAndEachHourHas(t *testing.T) {
	t.Parallel()
	start, days := at(t, "2025-12-31T12:00:00Z"), 3*365
	for _, name := range []string{
		"America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Shanghai", "Asia/Beirut", "America/St_Johns", "America/Nuuk",
		"Africa/Casablanca", "Africa/Cairo", "America/Havana", "Pacific/Chatham", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC",
	} {
		zone, err := time.LoadLocation(name)
		must(t, err)
		for _, cron := range []string{"0 0 * * *", "30 1 * * *", "30 2 * * *", "0 20 * * *", "59 23 * * *"} {
			last := time.Time{}
			for _, run := range campaign.NextRuns(minapush.Schedule{Cron: cron, TimeZone: name}, start, days) {
				if gap := run.Sub(last); !last.IsZero() && (gap < 22*time.Hour || gap > 26*time.Hour) {
					t.Errorf("%s, %s: %s after %s", name, cron, run.In(zone), last.In(zone))
				}
				last = run
			}
			if off := last.Sub(start) - time.Duration(days)*24*time.Hour; off.Abs() > 26*time.Hour {
				t.Errorf("%s, %s: the last of %d runs is on %s", name, cron, days, last.In(zone))
			}
		}
		// Where the clock is changed by an hour, hours are as long as elsewhere.
		if name == "Australia/Lord_Howe" {
			continue
		}
		last := time.Time{}
		for _, run := range campaign.NextRuns(minapush.Schedule{Cron: "15 * * * *", TimeZone: name}, start, days*24) {
			if gap := run.Sub(last); !last.IsZero() && gap != time.Hour {
				t.Errorf("%s: %s is %s after %s", name, run.In(zone), gap, last.In(zone))
			}
			last = run
		}
	}
}

func TestNextRunsKeepToTheBoundsOfTheSchedule(t *testing.T) {
	t.Parallel()
	s := minapush.Schedule{
		Cron: "0 20 * * *", TimeZone: "Asia/Shanghai", State: minapush.ScheduleActive,
		From: at(t, "2026-11-24T20:00:00+08:00"), Until: at(t, "2026-11-26T20:00:00+08:00"),
	}
	times := func(s minapush.Schedule, now string, n int) string {
		var days []string
		for _, run := range campaign.NextRuns(s, at(t, now), n) {
			if run.Location() != time.UTC {
				t.Errorf("%s is not in UTC", run)
			}
			days = append(days, run.Format("02"))
		}
		return strings.Join(days, " ")
	}
	for _, c := range []struct{ now, want string }{
		{"2026-11-22T12:00:00Z", "24 25 26"},
		{"2026-11-24T12:00:00Z", "25 26"},
		{"2026-11-26T11:59:59Z", "26"},
		{"2026-11-26T12:00:00Z", ""},
	} {
		if got := times(s, c.now, 5); got != c.want {
			t.Errorf("at %s: %q, want %q", c.now, got, c.want)
		}
	}
	if got := times(s, "2026-11-22T12:00:00Z", 2); got != "24 25" {
		t.Errorf("two: %q", got)
	}
	s.Handled = at(t, "2026-11-25T12:00:00Z") // the clock was put back
	if got := times(s, "2026-11-24T12:00:00Z", 5); got != "26" {
		t.Errorf("what was handled: %q", got)
	}
	s.State = minapush.ScheduleEnded
	if got := times(s, "2026-11-24T12:00:00Z", 5); got != "" {
		t.Errorf("ended: %q", got)
	}
	once := minapush.Schedule{At: at(t, "2026-11-24T12:00:00Z"), State: minapush.SchedulePaused}
	if got, after := times(once, "2026-11-24T11:00:00Z", 5), times(once, "2026-11-24T12:00:00Z", 5); got != "24" || after != "" {
		t.Errorf("once: %q, then %q", got, after)
	}
}

// What the parser takes is planned in order and at whole minutes, or is refused with its field.
func FuzzCron(f *testing.F) {
	for _, s := range []string{
		"0 20 * * *", "30 2 * * *", "*/5 * * * *", "0 0 29 2 1", "@daily", "@every 5m", "TZ=UTC 0 0 * * *", "CRON_TZ=0 0 0 * * *", "TZ=0",
		"55-5 22-2 25-5 NOV-FEB FRI-MON", "? ? ? ? ?", ", , , , ,", "0 0 L * 5#3", "H H * * *", "0 0 31 2 *", "60 * * * *", "-1 * * * *", "\t0\n20 * * *",
	} {
		f.Add(s)
	}
	now := at(f, "2026-10-24T12:00:00Z")
	f.Fuzz(func(t *testing.T, s string) {
		b := setup(t)
		d := scheduleDraft()
		d.Cron, d.TimeZone = s, "Australia/Lord_Howe"
		b.now = now
		if err := b.CheckSchedule(t.Context(), b.app, d); err != nil {
			var e *minapush.Error
			if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != "cron" {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if strings.Contains(s, "TZ=") {
			t.Fatalf("%q names a time zone", s)
		}
		last := now
		for _, run := range campaign.NextRuns(minapush.Schedule{Cron: s, TimeZone: d.TimeZone}, now, 300) {
			if !run.After(last) || !run.Equal(run.Truncate(time.Minute)) {
				t.Fatalf("%q: %s after %s", s, run, last)
			}
			last = run
		}
		if last.Equal(now) {
			t.Fatalf("%q never runs", s)
		}
	})
}
