package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
	"github.com/minapush/minapush/store/storetest"
)

// TestKillsDoNotBreakTheDailyCap lets several campaigns a day go to everybody, at once and one after the other, while the server is killed
// and some sends fail or are refused. Each day everybody has one message and no more, and nobody has the same twice within a week. Who was
// refused or failed by one campaign is reached by another one of the same day.
func TestKillsDoNotBreakTheDailyCap(t *testing.T) {
	if testing.Short() {
		t.Skip("a run of half a minute; make test has it")
	}
	t.Parallel()
	dir := t.TempDir()
	c := newCalendar(t, seeded(t), 500, noon, "pebble:"+dir, "serve")
	c.keyFile = filepath.Join(dir, "secret.key")
	w := guardedDays{calendar: c, told: map[string]time.Time{}, all: map[string]int64{}}
	for range rounds(t) {
		w.play(2)
	}
	w.check(filepath.Join(dir, "db"))
}

const noon = 12 * time.Hour

// guardedDays are days of campaigns under guards.
type guardedDays struct {
	*calendar
	told map[string]time.Time // the day on which a user last got the page that all days have
	all  map[string]int64     // outcomes and reasons of all days
}

// samePage is that of a campaign that says the same each day.
const samePage = "pages/same"

const sameDays = 7

// play plays one day, with so many kills.
func (w *guardedDays) play(kills int) {
	w.t.Helper()
	w.nextDay()
	if w.day == 0 {
		w.makeGuarded(api.Guards{PerDay: 1, SameContentDays: sameDays})
	}
	w.earn(2, 3)
	w.hurt()
	page := func(name string) string { return fmt.Sprintf("pages/day%d/%s", w.day, name) }
	var before []broadcast
	first := []api.Message{oneTime(page("news")), legacy(page("legacy"))}
	if w.day%2 == 0 {
		first = append(first, oneTime(samePage))
	} else { // before the others, so that it meets all who had it the day before
		before = w.sendPart(oneTime(samePage))
		w.end(before)
	}
	began := w.sendPart(first...)
	for range kills {
		w.strike(w.random.IntN(len(w.users) * 7 / 10))
	}
	w.end(began)
	w.sandbox.ClearFaults()
	again := w.send(oneTime(samePage))
	w.end(again)
	late := w.send(oneTime(page("late")), legacy(page("latest")))
	w.end(late)
	w.everybodyHasOne(slices.Concat(before, began, again, late))
}

// hurt makes the first send to some users fail, and lets others refuse.
func (w *guardedDays) hurt() {
	w.t.Helper()
	for i, at := range w.random.Perm(len(w.users))[:len(w.users)/10] {
		f := sandbox.Fault{AppID: testApp, OpenID: w.users[at], Count: 1, Errcode: 43101, Path: sandbox.PathSend}
		if i%2 == 0 {
			f.Errcode, f.Path = 123456, "" // a number that nobody knows
		}
		_, err := w.sandbox.Script(f)
		must(w.t, err)
	}
}

func (w *guardedDays) end(list []broadcast) {
	w.t.Helper()
	sums, reasons := w.ended(list)
	for _, counted := range []map[string]int64{sums, reasons} {
		for name, n := range counted {
			w.all[name] += n
		}
	}
}

// everybodyHasOne holds what the simulator delivered today against what the campaigns say.
func (w *guardedDays) everybodyHasOne(list []broadcast) {
	w.t.Helper()
	accepted, went := map[string]int{}, map[string]int{}
	for _, b := range list {
		for d, err := range w.any().client.Deliveries(w.t.Context(), testApp, b.id, "") {
			must(w.t, err)
			switch d.Outcome {
			case "accepted":
				accepted[d.OpenID]++
				went[d.OpenID]++
			case "unknown":
				went[d.OpenID]++
			}
		}
	}
	for _, user := range w.users {
		got := w.arrived(user)
		if went[user] != 1 || len(got) > 1 || len(got) < accepted[user] {
			w.t.Errorf("day %d: %s is accepted by %d campaigns and maybe by %d, and got %d messages", w.day, user, accepted[user], went[user], len(got))
		}
		for _, m := range got {
			if pageOf(m) != samePage {
				continue
			}
			last, before := w.told[user]
			if before && w.today().Sub(last) < sameDays*24*time.Hour {
				w.t.Errorf("%s was told the same on the days of %v and of %v", user, last, w.today())
			}
			if before {
				w.all["told again"]++
			}
			w.told[user] = w.today()
		}
	}
}

// check ends the run, and looks at the store.
func (w *guardedDays) check(dir string) {
	w.t.Helper()
	w.t.Logf("%d days: %v", w.day+1, w.all)
	wanted := []string{"accepted", "failed", "refused", "daily_cap", "same_content"}
	if w.day > 2*sameDays {
		wanted = append(wanted, "told again")
	}
	for _, name := range wanted {
		if w.all[name] == 0 {
			w.t.Errorf("none was %s: the test tests less than it should", name)
		}
	}
	w.checkStore(dir, storetest.CheckGuard{PerDay: 1, SameContentDays: sameDays})
}
