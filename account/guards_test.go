package account_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

func TestTimeZoneAndGuardsAreKeptAsTheyWereGiven(t *testing.T) {
	t.Parallel()
	b := setup(t)
	all := minapush.Guards{
		PerDay: 3, CountPushes: true, SameContentDays: 9, Quiet: minapush.QuietHours{From: "21:30", Until: "07:15", Skip: true},
	}
	created, err := b.one.CreateApp(b.ctx, minapush.App{ID: "wx0123", TimeZone: "America/New_York", Guards: all}, "")
	must(t, err)
	read, err := b.node(t).App(b.ctx, "wx0123")
	must(t, err)
	if diff := cmp.Diff(created, read); diff != "" {
		t.Fatal(diff)
	}
	wantEqual(t, read.TimeZone, "America/New_York")
	wantEqual(t, read.Guards, all)

	_, err = b.one.UpdateApp(b.ctx, "wx0123", func(a *minapush.App) error {
		a.TimeZone, a.Guards = "", minapush.Guards{}
		return nil
	}, nil)
	must(t, err)
	read, err = b.node(t).App(b.ctx, "wx0123")
	must(t, err)
	wantEqual(t, read.TimeZone, minapush.DefaultTimeZone)
	wantEqual(t, read.Guards, minapush.Guards{})
}

func TestABadGuardChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := b.app(t, "wx0123")
	for field, change := range map[string]func(*minapush.App){
		"time_zone":         func(a *minapush.App) { a.TimeZone = "../etc/passwd" },
		"guards.quiet.from": func(a *minapush.App) { a.Guards.Quiet = minapush.QuietHours{From: "25:00", Until: "08:00"} },
		"guards.quiet.skip": func(a *minapush.App) { a.Guards.Quiet.Skip = true },
	} {
		_, err := b.one.UpdateApp(b.ctx, "wx0123", func(a *minapush.App) error { change(a); return nil }, nil)
		wantField(t, err, field)
	}
	after, err := b.node(t).App(b.ctx, "wx0123")
	must(t, err)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Fatal(diff)
	}
}

// An app that was stored before there were time zones and guards has Shanghai's time and no guards, so that nothing begins to hold with an
// upgrade.
func TestAnAppStoredBeforeHasTheDefaultTimeZoneAndNoGuards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want := b.app(t, "wx0123")
	d, err := b.docs.Get(b.ctx, "account.app", "wx0123")
	must(t, err)
	old := bytes.Replace(d.Value, []byte(`"time_zone":"Asia/Shanghai",`), nil, 1)
	if bytes.Equal(old, d.Value) || bytes.Contains(old, []byte("guards")) {
		t.Fatalf("got document %s, want one with a time zone to take out, and no guards", d.Value)
	}
	_, err = b.docs.Put(b.ctx, store.Document{Kind: d.Kind, ID: d.ID, Version: d.Version, Value: old})
	must(t, err)
	got, err := b.node(t).App(b.ctx, "wx0123")
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}
