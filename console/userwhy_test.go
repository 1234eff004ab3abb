package console

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/bank"
)

func TestWhatAUserDidIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user(person, 1)
	w.lacks(w.get(appPath("users/"+string(person)), 200), "用户行为")
	yesterday := w.clock.now().Add(-24 * time.Hour)
	w.clock.add(2 * time.Minute)
	for i := range 3 {
		_, err := w.profiles.NoteEvents(t.Context(), w.app(), []audience.Told{
			{Name: string(person), Event: minapush.NamedEvent{Name: "checkin", At: w.clock.now().Add(time.Duration(i-2) * time.Minute)}},
			{Name: string(person), Event: minapush.NamedEvent{Name: "order_paid", At: yesterday}},
		}, false)
		w.must(err)
	}
	w.shows(w.get(appPath("users/"+string(person)), 200), "用户行为", "order_paid", "2026-11-21 18:00:00", "2026-11-22 18:02:00", `<td class="num">3</td>`, `<td class="num">1</td>`)
}

// A campaign that asks of another one is explained by what that one did to the user.
func TestWhyIsToldOfAnAudienceThatAsksOfACampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user(person, 3)
	w.clock.add(time.Minute)
	first := w.made("latest", "none")
	start := func(id string) {
		w.post(appPath("campaigns/"+id+"/start"), http.StatusSeeOther, "start", "now", "number", "1", "sure", "yes")
		w.await(id, minapush.Finished)
	}
	w.run()
	start(first)
	ask := func(id string) answer {
		return w.get(appPath("users/"+string(person)+"?campaign="+url.QueryEscape(id)), 200)
	}
	ungot := w.made("key", "k2", "audience", "ungot", "of", first, "latest", "none", "value.thing1", "没收到的")
	start(ungot)
	w.shows(ask(ungot), "按现有资料不符合任务条件") // it was got
	unopened := w.made("key", "k3", "audience", "unopened", "of", first, "latest", "none", "value.thing1", "没打开的")
	start(unopened)
	w.shows(ask(unopened), "已受理 (微信已接收)")
	u, err := w.bank.User(t.Context(), w.app(), person)
	w.must(err)
	u.Recent = nil // as if it had not been sent
	list, err := w.console.because(t.Context(), w.app(), w.campaign(unopened), u)
	w.must(err)
	if slices.Contains(list, whyFiltered) {
		t.Errorf("got it and did not open it, but: %v", list)
	}
}

func TestWhyTellsOfGuardRailsThatKeptSomebodyOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user(person, 2)
	app := w.app()
	app.Guards = minapush.DefaultGuards()
	day := w.clock.now()
	message := minapush.Message{Template: testTemplate, Values: map[string]string{"thing1": "别忘了签到"}}
	u, err := w.bank.User(t.Context(), app, person)
	w.must(err)
	had := func(change func(*minapush.Campaign, *bank.User)) (minapush.Campaign, bank.User) {
		sums := minapush.Tally{}
		for _, reason := range []string{minapush.ReasonDailyCap, minapush.ReasonSameContent, minapush.ReasonKeptBack, minapush.ReasonQuietHours} {
			sums.Add(minapush.Skipped, reason, 10)
		}
		m := minapush.Campaign{ID: "01THIS", App: testApp, Kind: minapush.OneTimeTemplate, Message: message, StartedAt: day.Add(time.Hour), EndedAt: day.Add(2 * time.Hour), State: minapush.Finished, Sums: &sums}
		u := u
		u.FirstSeen, u.Recent = day.AddDate(0, -1, 0), u.Recent[:0:0]
		u.Recent = slices.Grow(u.Recent, 1)[:1]
		u.Recent[0].Batch, u.Recent[0].At = "01OTHER", day.AddDate(0, -2, 0)
		change(&m, &u)
		return m, u
	}
	for name, c := range map[string]struct {
		change func(*minapush.Campaign, *bank.User)
		want   []string
	}{
		"had one that day":    {func(_ *minapush.Campaign, u *bank.User) { u.Recent[0].At = day }, []string{whyDailyCap}},
		"had a push that day": {func(_ *minapush.Campaign, u *bank.User) { u.Recent[0].At, u.Recent[0].Push = day, "p" }, []string{whyQuiet}},
		"that one was missed": {func(_ *minapush.Campaign, u *bank.User) { u.Recent[0].At, u.Recent[0].Missed = day, true }, []string{whyQuiet}},
		"had one after it":    {func(_ *minapush.Campaign, u *bank.User) { u.Recent[0].At = day.Add(3 * time.Hour) }, []string{whyQuiet}},
		"had the same": {func(_ *minapush.Campaign, u *bank.User) {
			u.Recent[0].At, u.Recent[0].Content = day.AddDate(0, 0, -3), message.Content()
		}, []string{whySameContent}},
		"had it long ago": {func(_ *minapush.Campaign, u *bank.User) {
			u.Recent[0].At, u.Recent[0].Content = day.AddDate(0, 0, -9), message.Content()
		}, []string{whyQuiet}},
		"no more than is kept": {func(m *minapush.Campaign, _ *bank.User) { m.KeepBack = 2 }, []string{whyKeptBack}},
		"more than is kept":    {func(m *minapush.Campaign, _ *bank.User) { m.KeepBack = 1 }, []string{whyQuiet}},
		"nobody was kept out":  {func(m *minapush.Campaign, u *bank.User) { m.Sums, u.Recent[0].At = &minapush.Tally{}, day }, nil},
	} {
		m, u := had(c.change)
		got, err := w.console.guardedFrom(t.Context(), app, m, u)
		w.must(err)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
