package console

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
)

func TestWhyACampaignDoesNotMoveIsSaid(t *testing.T) {
	t.Parallel()
	now := galleryNow()
	running := minapush.Campaign{State: minapush.Running, StartedAt: now.Add(-time.Minute)}
	with := func(change func(*minapush.Campaign)) minapush.Campaign {
		m := running
		change(&m)
		return m
	}
	stopped := minapush.App{Stopped: minapush.Reason{Code: "operator"}}
	for _, c := range []struct {
		name         string
		m            minapush.Campaign
		app          minapush.App
		f            figures
		moves, whole bool
		starved      error
		want         string
	}{
		{name: "it moves", m: running, moves: true},
		{name: "waits for its check", m: minapush.Campaign{State: minapush.Scheduled}, want: stillUnstarted},
		{name: "waits for its time", m: minapush.Campaign{State: minapush.Scheduled, StartAt: now}, want: stillPlanned},
		{name: "paused", m: with(func(m *minapush.Campaign) { m.State = minapush.Paused }), moves: true, want: stillPaused},
		{name: "cancelling", m: with(func(m *minapush.Campaign) { m.State = minapush.Cancelling }), want: stillCancelling},
		{name: "ended", m: with(func(m *minapush.Campaign) { m.State = minapush.Finished })},
		{name: "kill switch", m: running, app: stopped, moves: true, want: stillStopped},
		{name: "hold", m: with(func(m *minapush.Campaign) {
			m.Hold = minapush.Hold{Why: minapush.Reason{Code: "quota"}, Until: now.Add(time.Hour)}
		}), moves: true, want: stillHold},
		{name: "a hold that is over", m: with(func(m *minapush.Campaign) {
			m.Hold = minapush.Hold{Why: minapush.Reason{Code: "quota"}, Until: now.Add(-time.Hour)}
		}), moves: true},
		{name: "storm", m: with(func(m *minapush.Campaign) { m.Fleet.Storm = true }), moves: true, want: stillStorm},
		{name: "late", m: with(func(m *minapush.Campaign) { m.LatestSend = now }), moves: true, want: stillLate},
		{name: "starved", m: running, starved: errors.New("no tokens"), want: stillStarved},
		{name: "suspects", m: running, f: figures{Audience: 9, Pending: 3, Suspected: 3}, want: stillSuspects},
		{name: "first wave", m: running, f: figures{Audience: 5, Pending: 5, InHand: 5}, want: stillFirst},
		{name: "answers", m: running, f: figures{Audience: 9, Pending: 5, InHand: 4, Waiting: 1}, want: stillAnswers},
		{name: "again", m: running, f: figures{Audience: 9, Pending: 5, Waiting: 5}, whole: true, want: stillAgain},
		{name: "nobody", m: running, f: figures{Audience: 9, Pending: 5, Waiting: 5}, want: stillNobody},
		{name: "just started", m: with(func(m *minapush.Campaign) { m.StartedAt = now }), want: stillStartingUp},
	} {
		if got := stillOf(c.m, c.app, c.f, c.moves, c.whole, c.starved, now); got.Code != c.want {
			t.Errorf("%s: said %q, want %q", c.name, got.Code, c.want)
		}
	}
}

func TestTheRateIsThatOfTheLastSeconds(t *testing.T) {
	t.Parallel()
	at := galleryNow()
	samples := []sample{{at, 100, 0}, {at.Add(5 * time.Second), 600, 0}}
	if p := paceOf(samples); !p.Known || !p.Moves || p.PerSecond != 100 {
		t.Errorf("got %+v", p)
	}
	if p := paceOf([]sample{{at, 100, 0}, {at.Add(5 * time.Second), 100, 0}}); !p.Known || p.Moves {
		t.Errorf("a standstill is %+v", p)
	}
	if p := paceOf(samples[:1]); p.Known || !p.Moves {
		t.Errorf("one look is %+v", p)
	}
	v := liveView{M: minapush.Campaign{State: minapush.Running, StartedAt: at.Add(-10 * time.Second)}, F: figures{Audience: 600}, Total: 1600, PerSecond: -1}
	v.setPace(pace{Known: true, PerSecond: 100, Moves: true}, at)
	if v.Left != 10*time.Second || v.Mean {
		t.Errorf("%s left, mean %v", v.Left, v.Mean)
	}
	v.setPace(pace{Moves: true}, at)
	if v.PerSecond != 60 || !v.Mean {
		t.Errorf("unwatched it goes at %v a second, mean %v", v.PerSecond, v.Mean)
	}
}

func TestTheLatestSendTimeIsTheNextEvening(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, want string }{
		{"2026-11-22T02:00:00Z", "2026-11-22T14:00:00Z"},
		{"2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z"},
		{"2026-11-22T13:00:01Z", "2026-11-23T14:00:00Z"},
		{"2026-12-31T23:00:00Z", "2027-01-01T14:00:00Z"},
	} {
		from, _ := time.Parse(time.RFC3339, c.from)
		if got := nextEvening(from).Format(time.RFC3339); got != c.want {
			t.Errorf("from %s: %s, want %s", c.from, got, c.want)
		}
	}
}

func TestTheCheckWarnsOfWhatWillGoWrong(t *testing.T) {
	t.Parallel()
	now := galleryNow()
	p := checkPage{
		M: minapush.Campaign{LatestSend: now.Add(time.Minute), AtLeastOnce: true, Message: minapush.Message{State: "trial"}}, Known: true,
		Estimate: estimate{Surveyed: now.Add(-2 * time.Hour), Users: 100, Reachable: 61 * 100, Rate: 100}, Quota: quota{Known: true, Left: 10},
	}
	p.judge(now)
	var names []string
	for _, w := range p.Warnings {
		names = append(names, w.Name)
	}
	if got := strings.Join(names, " "); got != "check.old_survey check.quota check.too_long check.not_formal check.no_page check.at_least_once" {
		t.Errorf("warned of %s", got)
	}
	if len(p.Blocks) > 0 {
		t.Errorf("blocked by %v", p.Blocks)
	}
	p.StartAt, p.Blocks = now.Add(time.Hour), nil
	p.judge(now)
	if len(p.Blocks) != 1 || p.Blocks[0].Name != "check.too_late" {
		t.Errorf("blocked by %v", p.Blocks)
	}
}

func FuzzReadRows(f *testing.F) {
	for _, seed := range []string{"oUser1\noUser2", "openid,name\no1,\"a\"\n", `{"openid":"o1"}`, "\ufeffopenid\n", "\xd0\xa1", "", "{", "\"", "openid,openid\n"} {
		f.Add(seed, "list.csv")
		f.Add(seed, "")
		f.Add(seed, "x.NDJSON")
	}
	f.Fuzz(func(t *testing.T, text, file string) {
		rows, _, err := readRows(strings.NewReader(text), file)
		if err != nil {
			return
		}
		for range 2*len(text) + 3 {
			_, err := rows.Next()
			var bad *audience.Problem
			if err != nil && !errors.As(err, &bad) { // the end, or a list that cannot be read
				return
			}
		}
		t.Errorf("%q has more rows than characters", text)
	})
}

func FuzzChunks(f *testing.F) {
	f.Add("{{name}} 您好")
	f.Add("{{{{a}}}}")
	f.Fuzz(func(t *testing.T, value string) {
		var b strings.Builder
		for _, c := range chunks(value) {
			if c.Name != "" && c.Text != "" || c == (chunk{}) {
				t.Errorf("%q has the part %+v", value, c)
			}
			b.WriteString(c.Text)
		}
		if want := strings.TrimSpace(placeholders.ReplaceAllString(strings.TrimSpace(value), "")); strings.TrimSpace(b.String()) != want {
			t.Errorf("%q came out as %q", value, b.String())
		}
	})
}
