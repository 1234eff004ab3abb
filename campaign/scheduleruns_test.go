package campaign_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/store"
)

// runs writes down what a schedule says of its runs, the first first, as "24 20:00" or "24 20:00 missed", and compares it with the
// campaigns that there are of it.
func (b *bundle) runs(t *testing.T, id string) []string {
	t.Helper()
	s, err := b.Schedule(t.Context(), b.app.ID, id)
	must(t, err)
	zone, err := minapush.Zone("", s.TimeZone)
	must(t, err)
	var list, ids []string
	for _, r := range slices.Backward(s.Runs) {
		line := r.Planned.In(zone).Format("02 15:04")
		if r.Campaign == "" {
			line += " missed"
		} else {
			ids = append(ids, r.Campaign)
			m, err := b.Get(t.Context(), b.app.ID, r.Campaign)
			if err != nil || m.Schedule != id || !m.StartAt.Equal(r.Planned) || r.Campaign != minapush.RunID(id, r.Planned) {
				t.Errorf("run %s: %+v, %v", line, m, err)
			}
		}
		list = append(list, line)
	}
	if s.Started+s.Missed <= minapush.MaxRuns {
		b.wantRunsOf(t, id, ids)
		if int(s.Started) != len(ids) || int(s.Missed) != len(s.Runs)-len(ids) {
			t.Errorf("it counts %d started and %d missed of %v", s.Started, s.Missed, list)
		}
	}
	return list
}

// wantRunsOf compares the campaigns of a schedule.
func (b *bundle) wantRunsOf(t *testing.T, id string, want []string) {
	t.Helper()
	all, err := b.List(t.Context(), b.app.ID, "", 100_000)
	must(t, err)
	var got []string
	for _, m := range slices.Backward(all) {
		if m.Schedule == id {
			got = append(got, m.ID)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("campaigns of the schedule %v, want %v", got, want)
	}
}

func (b *bundle) wantRuns(t *testing.T, id string, want ...string) {
	t.Helper()
	if got := b.runs(t, id); !slices.Equal(got, want) {
		t.Errorf("runs %q, want %q", got, want)
	}
}

func TestARunIsACampaignOfItsOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := scheduleDraft()
	d.Where, d.AtLeastOnce, d.KeepBack, d.OnQuiet = []byte(`{"tag":"vip"}`), true, 2, minapush.QuietSkip
	d.Grace, d.SendFor, d.Rollout = 30*time.Minute, 2*time.Hour, &minapush.Rollout{Percents: []float64{5}, Pause: time.Minute}
	id := b.schedule(t, d).ID
	b.now = at(t, "2026-11-23T19:59:59+08:00")
	b.looks(t)
	b.wantRuns(t, id)
	b.now = at(t, "2026-11-23T20:00:00+08:00")
	for range 3 {
		b.looks(t)
	}
	b.wantRuns(t, id, "23 20:00")
	m, err := b.Get(t.Context(), b.app.ID, minapush.RunID(id, b.now))
	must(t, err)
	if m.State != minapush.Running || m.Name != "checkin 2026-11-23 20:00" || !m.LatestSend.Equal(b.now.Add(2*time.Hour)) || m.Grace != 30*time.Minute {
		t.Errorf("its run is %+v", m)
	}
	if string(m.Audience.Where) != `{"tag":"vip"}` || !m.AtLeastOnce || m.KeepBack != 2 || m.OnQuiet != minapush.QuietSkip || m.Rollout.Percents[0] != 5 {
		t.Errorf("its run is %+v", m)
	}
	b.now = at(t, "2026-11-24T20:00:10+08:00")
	b.looks(t)
	b.wantRuns(t, id, "23 20:00", "24 20:00")
	if n := b.changed.Load(); n < 2 {
		t.Errorf("the dispatcher was told %d times", n)
	}
	work, err := b.Work(t.Context(), b.app.ID)
	if err != nil || len(work) != 2 {
		t.Errorf("work %v, %v", work, err)
	}
}

// The server is down from one look to the next.
func TestRunsThatAreLaterThanTheirGraceAreMissed(t *testing.T) {
	t.Parallel()
	const day = "2026-11-22T12:00:00+08:00"
	for name, c := range map[string]struct {
		cron  string
		grace time.Duration
		downs []string // when it looks
		want  []string
		state minapush.ScheduleState
	}{
		"down and back before it":      {"0 20 * * *", 0, []string{"2026-11-22T19:59:00+08:00"}, nil, "active"},
		"down across it, within grace": {"0 20 * * *", 0, []string{"2026-11-22T21:00:00+08:00"}, []string{"22 20:00"}, "active"},
		"down across it, and longer":   {"0 20 * * *", 0, []string{"2026-11-22T21:00:01+08:00"}, []string{"22 20:00 missed"}, "active"},
		"down across several":          {"0 20 * * *", 0, []string{"2026-11-25T20:30:00+08:00"}, []string{"22 20:00 missed", "23 20:00 missed", "24 20:00 missed", "25 20:00"}, "active"},
		"down again and again": {"0 20 * * *", time.Minute, []string{"2026-11-22T20:00:30+08:00", "2026-11-23T20:02:00+08:00", "2026-11-24T20:00:30+08:00"},
			[]string{"22 20:00", "23 20:00 missed", "24 20:00"}, "active"},
		"several within a long grace": {"0 */6 * * *", 24 * time.Hour, []string{"2026-11-23T13:00:00+08:00"},
			[]string{"22 18:00", "23 00:00", "23 06:00", "23 12:00"}, "active"},
		"down across the only one": {"", 0, []string{"2026-11-22T22:00:00+08:00"}, []string{"22 20:00 missed"}, "ended"},
		"late for the only one":    {"", 0, []string{"2026-11-22T20:59:00+08:00"}, []string{"22 20:00"}, "ended"},
	} {
		b := setup(t)
		b.now = at(t, day)
		d := scheduleDraft()
		d.Cron, d.Grace = c.cron, c.grace
		if c.cron == "" {
			d.At = at(t, "2026-11-22T20:00:00+08:00")
		}
		id := b.schedule(t, d).ID
		for _, back := range c.downs {
			b.now = at(t, back)
			b.looks(t)
		}
		if got := b.runs(t, id); !slices.Equal(got, c.want) {
			t.Errorf("%s: runs %q, want %q", name, got, c.want)
		}
		if s, err := b.Schedule(t.Context(), b.app.ID, id); err != nil || s.State != c.state {
			t.Errorf("%s: it is %s, want %s, %v", name, s.State, c.state, err)
		}
	}
}

func TestAMonthOfRunsEveryFiveMinutesIsMissedInOneLook(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.now = at(t, "2026-11-01T00:01:00Z")
	d := scheduleDraft()
	d.Cron, d.TimeZone, d.Grace = "*/5 * * * *", "UTC", 12*time.Minute
	id := b.schedule(t, d).ID
	b.now = b.now.AddDate(0, 1, 0)
	b.looks(t)
	s, err := b.Schedule(t.Context(), b.app.ID, id)
	must(t, err)
	if s.Started != 3 || s.Missed != 30*24*12-3 || len(s.Runs) != minapush.MaxRuns || !s.Handled.Equal(b.now.Truncate(5*time.Minute)) {
		t.Errorf("started %d, missed %d, %d runs, handled until %s", s.Started, s.Missed, len(s.Runs), s.Handled)
	}
	for i, r := range s.Runs {
		if want := s.Handled.Add(time.Duration(-i) * 5 * time.Minute); !r.Planned.Equal(want) || (r.Campaign == "") != (i >= 3) {
			t.Errorf("run %d: %+v, want %s", i, r, want)
		}
	}
}

func TestAScheduleEndsWhenNothingIsLeft(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := scheduleDraft()
	d.Until = at(t, "2026-11-23T20:00:00+08:00")
	id := b.schedule(t, d).ID
	for _, c := range []struct {
		now   string
		state minapush.ScheduleState
	}{{"2026-11-22T20:00:00+08:00", "active"}, {"2026-11-23T19:00:00+08:00", "active"}, {"2026-11-23T20:00:00+08:00", "ended"}} {
		b.now = at(t, c.now)
		b.looks(t)
		if s, err := b.Schedule(t.Context(), b.app.ID, id); err != nil || s.State != c.state {
			t.Errorf("at %s it is %s, want %s, %v", c.now, s.State, c.state, err)
		}
	}
	s, err := b.Schedule(t.Context(), b.app.ID, id)
	if err != nil || !s.EndedAt.Equal(b.now) || s.Why.Code != "schedule_over" || campaign.NextRuns(s, b.now, 5) != nil {
		t.Errorf("ended %+v, %v", s, err)
	}
	b.looks(t)
	b.wantRuns(t, id, "23 20:00")
	docs, err := b.model.ListDocuments(t.Context(), "schedule-active/wx1", "", 10)
	if err != nil || len(docs) != 0 {
		t.Errorf("the index has %d entries, %v", len(docs), err)
	}
	b.now = b.now.AddDate(1, 0, 0)
	b.looks(t)
	if _, err := b.Schedule(t.Context(), b.app.ID, id); err != nil {
		t.Errorf("a year later: %v", err)
	}
}

func TestWhatIsPlannedDuringAPausePassesOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.schedule(t, scheduleDraft()).ID
	b.now = at(t, "2026-11-23T10:00:00+08:00")
	b.looks(t)
	_, err := b.PauseSchedule(t.Context(), b.app.ID, id, minapush.Reason{Code: "operator"})
	must(t, err)
	b.now = at(t, "2026-11-23T20:00:30+08:00")
	b.looks(t)
	b.now = at(t, "2026-11-24T20:00:30+08:00") // within the grace of today's
	b.looks(t)
	s, err := b.ResumeSchedule(t.Context(), b.app.ID, id)
	must(t, err)
	if next := campaign.NextRuns(s, b.now, 1); len(next) != 1 || !next[0].Equal(at(t, "2026-11-25T20:00:00+08:00")) {
		t.Errorf("next is %v", next)
	}
	b.looks(t)
	b.wantRuns(t, id)
	b.now = at(t, "2026-11-25T20:00:00+08:00")
	b.looks(t)
	b.wantRuns(t, id, "25 20:00")
}

func TestAnEndedScheduleLeavesItsRunsRunning(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.schedule(t, scheduleDraft()).ID
	b.now = at(t, "2026-11-22T20:00:00+08:00").Add(24 * time.Hour)
	b.looks(t)
	_, err := b.EndSchedule(t.Context(), b.app.ID, id)
	must(t, err)
	run := minapush.RunID(id, b.now)
	b.now = b.now.Add(24 * time.Hour)
	b.looks(t)
	if m, err := b.Get(t.Context(), b.app.ID, run); err != nil || m.State != minapush.Running {
		t.Errorf("its run is %s, %v", m.State, err)
	}
	b.wantRuns(t, id, "23 20:00")
}

// The clock of the server goes wrong, and comes right.
func TestAClockThatIsSteppedRunsNothingTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := scheduleDraft()
	d.Cron = "0 * * * *"
	b.now = at(t, "2026-11-22T09:30:00+08:00")
	id := b.schedule(t, d).ID
	for _, c := range []struct {
		now  string
		want []string
	}{
		{"2026-11-22T10:00:05+08:00", []string{"22 10:00"}},
		{"2026-11-22T11:00:05+08:00", []string{"22 10:00", "22 11:00"}},
		// An hour back: eleven o'clock comes a second time.
		{"2026-11-22T10:00:06+08:00", []string{"22 10:00", "22 11:00"}},
		{"2026-11-22T10:59:59+08:00", []string{"22 10:00", "22 11:00"}},
		{"2026-11-22T11:00:05+08:00", []string{"22 10:00", "22 11:00"}},
		{"2026-11-22T12:00:00+08:00", []string{"22 10:00", "22 11:00", "22 12:00"}},
		// Four hours forward: what is within its grace runs, the rest is missed.
		{"2026-11-22T16:10:00+08:00", []string{"22 10:00", "22 11:00", "22 12:00", "22 13:00 missed", "22 14:00 missed", "22 15:00 missed", "22 16:00"}},
		// And back: what was dealt with is not dealt with again.
		{"2026-11-22T13:00:00+08:00", []string{"22 10:00", "22 11:00", "22 12:00", "22 13:00 missed", "22 14:00 missed", "22 15:00 missed", "22 16:00"}},
		{"2026-11-22T17:00:00+08:00", []string{"22 10:00", "22 11:00", "22 12:00", "22 13:00 missed", "22 14:00 missed", "22 15:00 missed", "22 16:00", "22 17:00"}},
	} {
		b.now = at(t, c.now)
		b.looks(t)
		b.wantRuns(t, id, c.want...)
	}
	handled := b.now
	b.now = b.now.Add(-3 * time.Hour)
	_, err := b.PauseSchedule(t.Context(), b.app.ID, id, minapush.Reason{Code: "operator"})
	must(t, err)
	s, err := b.ResumeSchedule(t.Context(), b.app.ID, id)
	if err != nil || !s.Handled.Equal(handled) {
		t.Errorf("a resume with the clock behind: handled until %s, %v", s.Handled, err)
	}
}

func TestARunInARepeatedHourIsMadeOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.now = at(t, "2026-11-01T00:00:00-04:00")
	d := scheduleDraft()
	d.Cron, d.TimeZone = "30 1 * * *", "America/New_York"
	id := b.schedule(t, d).ID
	for range 20 { // until five o'clock, every quarter
		b.now = b.now.Add(15 * time.Minute)
		b.looks(t)
	}
	b.wantRuns(t, id, "01 01:30")
}

// crashing is a store whose process goes after some writes.
type crashing struct {
	campaign.Storage
	mu   sync.Mutex
	left int
}

var errCrashed = errors.New("the process went")

func (c *crashing) Put(ctx context.Context, d store.Document) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left < 0 {
		return 0, errCrashed
	}
	return c.Storage.Put(ctx, d)
}

// Whenever the process goes, and however late the next one comes: each planned time has one run, or is missed, and it is counted once.
func TestACrashInARunIsMadeGoodByTheNextLook(t *testing.T) {
	t.Parallel()
	for writes := range 8 {
		for name, later := range map[string]time.Duration{"at once": 0, "after its grace": 90 * time.Minute} {
			b := setup(t)
			b.now = at(t, "2026-11-22T12:00:00+08:00")
			d := scheduleDraft()
			d.Cron = "0 20,21 * * *"
			id := b.schedule(t, d).ID
			b.now = at(t, "2026-11-22T21:00:00+08:00")
			whole := b.Campaigns
			b.Campaigns = b.node(t, &crashing{Storage: b.model, left: writes})
			b.looks(t)
			b.Campaigns = whole
			made := map[time.Duration]bool{}
			for _, hour := range []time.Duration{20, 21} {
				_, err := b.Get(t.Context(), b.app.ID, minapush.RunID(id, at(t, "2026-11-22T00:00:00+08:00").Add(hour*time.Hour)))
				made[hour] = err == nil
			}
			b.now = b.now.Add(later)
			b.looks(t)
			b.looks(t)
			want := []string{"22 20:00", "22 21:00"}
			for i, hour := range []time.Duration{20, 21} {
				if later > 0 && !made[hour] {
					want[i] += " missed"
				}
			}
			if got := b.runs(t, id); !slices.Equal(got, want) {
				t.Errorf("gone after %d writes, back %s: runs %q, want %q", writes, name, got, want)
			}
		}
	}
}

func TestTwoNodesMakeEachRunOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.now = at(t, "2026-11-22T00:31:00Z")
	d := scheduleDraft()
	d.Cron, d.TimeZone, d.Grace = "*/5 * * * *", "UTC", 6*time.Minute
	id := b.schedule(t, d).ID
	for range 8 {
		b.now = b.now.Add(20 * time.Minute) // two are missed, and two run
		var mu sync.Mutex
		changes := 0
		before := make(chan struct{})
		var all sync.WaitGroup
		for range 2 {
			node := b.node(t, put{b.model, &mu, &changes, before})
			all.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				looks := 0
				_ = node.Run(ctx, func(context.Context) ([]minapush.App, error) {
					if looks++; looks == 3 {
						cancel()
					}
					return []minapush.App{b.app}, nil
				})
			})
		}
		all.Wait()
	}
	s, err := b.Schedule(t.Context(), b.app.ID, id)
	if err != nil || s.Started != 16 || s.Missed != 16 {
		t.Fatalf("started %d, missed %d, %v", s.Started, s.Missed, err)
	}
	for i, r := range s.Runs {
		if want := at(t, "2026-11-22T03:10:00Z").Add(time.Duration(-i) * 5 * time.Minute); !r.Planned.Equal(want) || (r.Campaign == "") != (i%4 > 1) {
			t.Errorf("run %d is %+v, want %s", i, r, want)
		}
	}
	list, err := b.List(t.Context(), b.app.ID, "", 100)
	if err != nil || len(list) != 16 {
		t.Errorf("%d campaigns, %v", len(list), err)
	}
	for _, m := range list {
		if m.State != minapush.Running {
			t.Errorf("%s is %s", m.Name, m.State)
		}
	}
}

// What a run of a schedule cannot be sent for is told by the run; the schedule goes on.
func TestARunThatCannotBeSentIsMissedAndTheScheduleGoesOn(t *testing.T) {
	t.Parallel()
	b, now := typed(t, minapush.TemplateKey{Key: "thing1"})
	d := scheduleDraft()
	d.Template, d.Message.Values = now.now, map[string]string{"thing1": "a text"}
	id := b.schedule(t, d).ID
	state := func() minapush.Campaign {
		t.Helper()
		b.looks(t)
		m, err := b.Get(t.Context(), b.app.ID, minapush.RunID(id, b.now))
		must(t, err)
		return m
	}
	now.now.Keys = []minapush.TemplateKey{{Key: "thing1", Enum: []string{"other"}}}
	b.now = at(t, "2026-11-23T20:00:00+08:00")
	if m := state(); m.State != minapush.Missed || m.Why.Code != minapush.ReasonBadValue || m.Why.Params["key"] != "thing1" {
		t.Errorf("of a value that turned bad: %s, %+v", m.State, m.Why)
	}
	now.now.Keys = d.Template.Keys
	b.now = b.now.AddDate(0, 0, 1)
	if m := state(); m.State != minapush.Running {
		t.Errorf("mended: %s, %+v", m.State, m.Why)
	}
	now.err = minapush.Errorf(minapush.NotFound, "gone")
	b.now = b.now.AddDate(0, 0, 1)
	if m := state(); m.State != minapush.Running { // judged as it was known
		t.Errorf("of a template that has gone: %s, %+v", m.State, m.Why)
	}
	b.wantRuns(t, id, "23 20:00", "24 20:00", "25 20:00")
}
