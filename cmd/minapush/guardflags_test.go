package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
)

func TestGuardRailsAreGivenByFlags(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	usual := newGuards()
	night := &api.QuietHours{From: "22:00", Until: "08:00"}
	for i, c := range []struct {
		flags []string
		want  api.Guards
	}{
		{nil, usual},
		{[]string{"--no-guards"}, api.Guards{}},
		{[]string{"--quiet", "none"}, api.Guards{PerDay: 1, SameContentDays: 7}},
		{[]string{"--per-day", "3", "--count-pushes"}, api.Guards{PerDay: 3, CountPushes: true, SameContentDays: 7, Quiet: night}},
		{[]string{"--quiet", "23:30-07:15", "--quiet-skip", "--same-content-days", "0"},
			api.Guards{PerDay: 1, Quiet: &api.QuietHours{From: "23:30", Until: "07:15", Skip: true}}},
	} {
		app := "wxguarded00000000" + string(rune('0'+i))
		status, _, stderr := w.minapush(append([]string{"apps", "create", app, "--shards", "4"}, c.flags...)...)
		if status != 0 {
			t.Fatalf("%v: %s", c.flags, stderr)
		}
		if got := guardsOf(t, w, app).Guards; !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v: got %+v, want %+v", c.flags, got, c.want)
		}
	}
}

func guardsOf(t *testing.T, w *world, app string) (a api.App) {
	t.Helper()
	status, stdout, stderr := w.minapush("apps", "show", app, "--json")
	if status != 0 {
		t.Fatal(stderr)
	}
	must(t, json.Unmarshal([]byte(stdout), &a))
	return a
}

func TestAGuardThatIsNotGivenStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	update := func(flags ...string) string {
		t.Helper()
		status, stdout, stderr := w.minapush(append([]string{"apps", "update", testApp}, flags...)...)
		if status != 0 {
			t.Fatalf("%v: %s", flags, stderr)
		}
		return stdout
	}
	wantAll(t, update("--per-day", "2", "--quiet", "21:00-09:00"), "2 of campaigns", "21:00-09:00, wait", "does not matter")
	wantAll(t, update("--quiet-skip"), "21:00-09:00, skip", "2 of campaigns")
	wantAll(t, update("--quiet", "22:00-08:00"), "22:00-08:00, skip")
	wantAll(t, update("--time-zone", "Asia/Tokyo"), "Asia/Tokyo", "22:00-08:00, skip")
	if a := guardsOf(t, w, testApp); a.TimeZone != "Asia/Tokyo" || a.Guards.PerDay != 2 {
		t.Errorf("got %+v", a)
	}
	_, stdout, _ := w.chinese("apps", "show", testApp)
	wantAll(t, stdout, "每日上限", "群发 2 条", "免打扰时段", "22:00-08:00, 跳过", "时区")
	update("--no-guards")
	if a := guardsOf(t, w, testApp); !reflect.DeepEqual(a.Guards, api.Guards{}) {
		t.Errorf("got %+v", a.Guards)
	}
	for want, flags := range map[string][]string{
		"--no-guards: cannot stand beside":  {"--no-guards", "--per-day", "1"},
		"--quiet: must be as 22:00-08:00":   {"--quiet", "night"},
		"--quiet-skip: needs quiet hours":   {"--quiet-skip"},
		"guards.per_day":                    {"--per-day", "9"},
		"guards.quiet.until":                {"--quiet", "22:00-25:00"},
		"time_zone":                         {"--time-zone", "Mars/Olympus"},
		"give at least one thing to change": nil,
	} {
		status, _, stderr := w.minapush(append([]string{"apps", "update", testApp}, flags...)...)
		if status == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%v: status %d, %q does not say %s", flags, status, stderr, want)
		}
	}
}
