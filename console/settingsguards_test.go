package console

import (
	"net/http"
	"testing"

	"github.com/minapush/minapush"
)

// guardSettings is a form of the settings with the usual guard rails; later pairs replace earlier ones.
func guardSettings(pairs ...string) []string {
	return goodSettings(append([]string{
		"time_zone", "Asia/Tokyo", "guards_per_day", "2", "guards_count_pushes", "yes", "guards_same_content_days", "14", "guards_quiet_from", "21:30",
		"guards_quiet_until", "09:00", "guards_quiet_skip", "yes",
	}, pairs...)...)
}

func TestTheGuardRailsOfAnAppAreSaved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	page := w.get(appPath("settings"), 200)
	w.shows(page, "该小程序未设置防打扰规则", "?propose=guards#guards", `value="Asia/Shanghai"`)
	proposed := w.get(appPath("settings?propose=guards"), 200)
	w.shows(proposed, "以下为常用规则，保存后生效", `name="guards_per_day" type="text" value="1"`, `value="22:00"`, `value="08:00"`)
	if g := w.stored().Guards; g != (minapush.Guards{}) {
		t.Errorf("proposing them saved %+v", g)
	}
	w.post(appPath("settings"), http.StatusSeeOther, guardSettings()...)
	want := minapush.Guards{PerDay: 2, CountPushes: true, SameContentDays: 14, Quiet: minapush.QuietHours{From: "21:30", Until: "09:00", Skip: true}}
	if a := w.stored(); a.Guards != want || a.TimeZone != "Asia/Tokyo" {
		t.Errorf("stored %+v in %s", a.Guards, a.TimeZone)
	}
	page = w.get(appPath("settings"), 200)
	w.shows(page, `value="Asia/Tokyo"`, `value="21:30"`, `name="guards_count_pushes" value="yes" checked`, `name="guards_quiet_skip" value="yes" checked`)
	w.lacks(page, "该小程序未设置防打扰规则")
	w.lacks(w.get(appPath("settings?propose=guards"), 200), "以下为常用规则") // it has some
	// Each may be taken away, and the hours' choice means nothing without them.
	w.post(appPath("settings"), http.StatusSeeOther, guardSettings("guards_per_day", "", "guards_count_pushes", "", "guards_same_content_days", "", "guards_quiet_from", "", "guards_quiet_until", "")...)
	if a := w.stored(); a.Guards != (minapush.Guards{}) {
		t.Errorf("stored %+v", a.Guards)
	}
}

func TestWrongGuardRailsAreMarkedAndNothingIsSaved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		pairs []string
		field string
	}{
		"no number":        {[]string{"guards_per_day", "many"}, "guards_per_day"},
		"too many":         {[]string{"guards_per_day", "9"}, "guards_per_day"},
		"below none":       {[]string{"guards_same_content_days", "-1"}, "guards_same_content_days"},
		"too many days":    {[]string{"guards_same_content_days", "31"}, "guards_same_content_days"},
		"pushes alone":     {[]string{"guards_per_day", ""}, "guards_count_pushes"},
		"no hour":          {[]string{"guards_quiet_from", "25:00"}, "guards_quiet_from"},
		"half of them":     {[]string{"guards_quiet_until", ""}, "guards_quiet_until"},
		"the same":         {[]string{"guards_quiet_until", "21:30"}, "guards_quiet_until"},
		"no such zone":     {[]string{"time_zone", "Mars/Olympus"}, "time_zone"},
		"the server's own": {[]string{"time_zone", "Local"}, "time_zone"},
	} {
		a := w.post(appPath("settings"), http.StatusUnprocessableEntity, guardSettings(c.pairs...)...)
		for _, text := range []string{`id="m-` + c.field + `"`, `aria-invalid="true"`, "尚未保存", `value="新名称"`, `value="` + c.pairs[1] + `"`} {
			if !contains(a, text) {
				t.Errorf("%s: the page does not show %q", name, text)
			}
		}
	}
	if a := w.stored(); a.Name == "新名称" || a.Guards != (minapush.Guards{}) {
		t.Errorf("stored %+v", a)
	}
}

func TestAnAppThatIsAddedHereHasTheUsualGuardRails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("apps-new", http.StatusSeeOther, "id", "wx00000000000000ff", "name", "新的", "shards", "256", "token_kind", "stable")
	a, err := w.accounts.App(t.Context(), "wx00000000000000ff")
	w.must(err)
	if a.Guards != minapush.DefaultGuards() || a.TimeZone != minapush.DefaultTimeZone {
		t.Errorf("it has %+v in %s", a.Guards, a.TimeZone)
	}
}
