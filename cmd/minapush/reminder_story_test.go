package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
	"golang.org/x/sync/errgroup"
)

// shanghai is the time zone of the stories; it has no daylight saving.
var shanghai = time.FixedZone("UTC+8", 8*60*60)

// moveTo moves the clock forward to a time of the day in Shanghai, of today or of the day after.
func (w *world) moveTo(hour, minute int) time.Time {
	w.t.Helper()
	now := w.now().In(shanghai)
	at := time.Date(now.Year(), now.Month(), now.Day(), hour, minute, 0, 0, shanghai)
	if !at.After(now) {
		at = at.AddDate(0, 0, 1)
	}
	w.advance(at.Sub(w.now()))
	return at
}

// guarded gives the app the guard rails of a new one.
func (w *world) guarded() {
	w.t.Helper()
	_, err := w.client.UpdateApp(w.t.Context(), testApp, api.AppChange{Guards: &api.Guards{
		PerDay: 1, SameContentDays: 7, Quiet: &api.QuietHours{From: "22:00", Until: "08:00"},
	}})
	must(w.t, err)
}

// each does something for many users at a time.
func (w *world) each(users []string, do func(i int, openid string) error) {
	w.t.Helper()
	var g errgroup.Group
	g.SetLimit(16)
	for i, openid := range users {
		g.Go(func() error { return do(i, openid) })
	}
	must(w.t, g.Wait())
}

// signIn tells that users signed in just now.
func (w *world) signIn(users []string) {
	w.t.Helper()
	var events []api.UserEvent
	for _, openid := range users {
		events = append(events, api.UserEvent{OpenID: openid, Name: "checkin", At: w.now()})
	}
	if len(users) == 0 {
		return
	}
	got, err := w.client.NoteEvents(w.t.Context(), testApp, events)
	must(w.t, err)
	if got.Added != len(users) {
		w.t.Fatalf("%d of %d sign-ins noted: %+v", got.Added, len(users), got)
	}
}

// ran waits for the run of a schedule that was planned for a time, and returns its campaign, finished.
func (w *world) ran(schedule string, planned time.Time) api.Campaign {
	w.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := w.client.Schedule(w.t.Context(), testApp, schedule)
		must(w.t, err)
		if len(s.Runs) > 0 && s.Runs[0].Planned.Equal(planned) && s.Runs[0].Campaign != "" {
			return w.finished(s.Runs[0].Campaign)
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("nothing ran at %v: %+v", planned, s)
		}
		<-tick.C
	}
}

// subscribedOnce lets a user accept once, and formOnce submit a form: each reports as a relay does.
func (w *world) subscribedOnce(openid string, i int) error {
	if err := w.sandbox.Subscribe(testApp, openid, oneTimeT, 1); err != nil {
		return err
	}
	return w.accepts(openid, api.ReportItem{Type: "subscribe", Template: oneTimeT, Result: "accept", Nonce: fmt.Sprintf("%d-%d", w.now().UnixNano(), i)})
}

func (w *world) formOnce(openid string, _ int) error {
	codes, err := w.sandbox.IssueFormIDs(testApp, openid, 1)
	if err != nil {
		return err
	}
	return w.accepts(openid, api.ReportItem{Type: "form", FormID: codes[0]})
}

func (w *world) accepts(openid string, item api.ReportItem) error {
	got, err := w.client.Report(w.t.Context(), testApp, api.Report{OpenID: openid, Items: []api.ReportItem{item}})
	if err == nil && got.Accepted != 1 {
		err = fmt.Errorf("report of %s: %+v", openid, got)
	}
	return err
}

const (
	storyUsers = 1000
	storyDays  = 7
)

func TestTheSignInReminderReachesExactlyThoseWhoForgotAndHoldAPermit(t *testing.T) {
	t.Parallel()
	t.Run("subscribe permits", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, sandbox.Config{}, nil)
		// Some have none, some enough for a few days, some for all.
		signInStory(t, w, oneTimeMessage("pages/sign"), "subscribe", w.subscribedOnce, func(i int) int { return i % 10 })
	})
	t.Run("form ids", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, sandbox.Config{}, nil)
		at := signInStory(t, w, legacyMessage("pages/sign"), "form", w.formOnce, func(i int) int { return i % 10 })
		// Nobody has tapped since the first morning: a week later nobody can be reached.
		m := w.ran(at.ID, w.moveToReminder())
		if got := m.Progress; got.Outcomes["accepted"] != 0 || got.Reasons["skipped"]["no_permit"] != got.Audience || got.Audience != storyUsers {
			t.Errorf("after day 7: %+v", got)
		}
	})
}

// moveToReminder moves the clock to a moment after the next reminder, and returns for when that was planned.
func (w *world) moveToReminder() time.Time {
	planned := w.moveTo(20, 0)
	w.advance(5 * time.Second)
	return planned
}

// signInStory plays a week of reminders, and returns the schedule.
func signInStory(t *testing.T, w *world, m api.Message, kind string, earn func(openid string, i int) error, permits func(i int) int) api.Schedule {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 7))
	w.guarded()
	users := w.users(storyUsers)
	has := make([][]time.Time, len(users)) // when each permit was given, to the second
	w.moveTo(9, 0)
	w.each(users, func(_ int, openid string) error { // everybody is known, by an open that earns nothing
		_, err := w.client.SetProfile(t.Context(), testApp, openid, api.NewProfile{})
		return err
	})
	for round := range 9 {
		w.advance(time.Minute)
		at := w.now().Truncate(time.Second)
		w.each(users, func(i int, openid string) error {
			if round >= permits(i) {
				return nil
			}
			has[i] = append(has[i], at)
			return earn(openid, i)
		})
	}
	s, err := w.client.CreateSchedule(t.Context(), testApp, api.NewSchedule{
		Name: "sign-in reminder", Message: m, Cron: "0 20 * * *", TimeZone: "Asia/Shanghai", SendForSeconds: 2 * 60 * 60,
		Audience: &api.Audience{Where: json.RawMessage(`{"not":{"event":{"name":"checkin","days":1}}}`)},
	}, "")
	must(t, err)
	wantReceived := map[string]int{}
	for day := range storyDays {
		w.moveTo(12, 0)
		signed := map[string]bool{}
		for _, openid := range users {
			signed[openid] = chance.IntN(10) < 4
		}
		w.signIn(slices.DeleteFunc(slices.Clone(users), func(o string) bool { return !signed[o] }))
		forgot, reached := 0, 0
		for i, openid := range users {
			if signed[openid] {
				continue
			}
			forgot++
			if len(has[i]) > 0 {
				has[i] = has[i][1:]
				wantReceived[openid]++
				reached++
			}
		}
		got := w.ran(s.ID, w.moveToReminder())
		p := got.Progress
		if p.Audience != int64(forgot) || p.Outcomes["accepted"] != int64(reached) || p.Reasons["skipped"]["no_permit"] != int64(forgot-reached) ||
			p.Outcomes["skipped"] != int64(forgot-reached) {
			t.Fatalf("day %d: %d forgot, of whom %d hold a permit; the report is %+v", day, forgot, reached, p)
		}
		wantSameCounts(t, day, w.received(m), wantReceived)
	}
	w.wantLeft(users, kind, has)
	w.check(w.runsOf(s.ID)...)
	return s
}

func wantSameCounts(t *testing.T, day int, got, want map[string]int) {
	t.Helper()
	for openid, n := range want {
		if got[openid] != n {
			t.Fatalf("day %d: %s got %d reminders, not %d", day, openid, got[openid], n)
		}
	}
	for openid, n := range got {
		if want[openid] != n {
			t.Fatalf("day %d: %s got %d reminders, not %d", day, openid, n, want[openid])
		}
	}
}

// wantLeft checks that what is left of the permits are those given last: the oldest were spent first.
func (w *world) wantLeft(users []string, kind string, has [][]time.Time) {
	w.t.Helper()
	w.each(users, func(i int, openid string) error {
		u, err := w.client.User(w.t.Context(), testApp, openid)
		if err != nil {
			return err
		}
		var left []time.Time
		for _, p := range u.Permits {
			if p.Kind == kind {
				left = append(left, p.TakenAt)
			}
		}
		slices.SortFunc(left, time.Time.Compare)
		// Reports take a while: a permit is given between the minute of its round and the next.
		sameRound := func(at, round time.Time) bool { return !at.Before(round) && at.Before(round.Add(time.Minute)) }
		if !slices.EqualFunc(left, has[i], sameRound) {
			return fmt.Errorf("%s has permits of %v left, not of %v", openid, left, has[i])
		}
		return nil
	})
}

// runsOf lists the campaigns of a schedule.
func (w *world) runsOf(schedule string) (ids []string) {
	w.t.Helper()
	s, err := w.client.Schedule(w.t.Context(), testApp, schedule)
	must(w.t, err)
	for _, r := range s.Runs {
		if r.Campaign != "" {
			ids = append(ids, r.Campaign)
		}
	}
	return ids
}

// Who a run failed for is reached by trying it again, though the run of the day before said the same; and the next run reaches them too.
func TestARunThatIsTriedAgainIsStillOfItsSchedule(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	w.guarded()
	users := w.users(20)
	w.moveTo(9, 0)
	for i := range 3 {
		w.each(users, func(_ int, openid string) error { return w.subscribedOnce(openid, i) })
	}
	m := oneTimeMessage("pages/sign")
	s, err := w.client.CreateSchedule(t.Context(), testApp, api.NewSchedule{Message: m, Cron: "0 20 * * *", TimeZone: "Asia/Shanghai"}, "")
	must(t, err)
	accepted := func(what string, got api.Campaign, want int64) {
		t.Helper()
		if got.Progress.Outcomes["accepted"] != want {
			t.Fatalf("%s: %d accepted, not %d: %+v", what, got.Progress.Outcomes["accepted"], want, got.Progress)
		}
	}
	accepted("the first run", w.ran(s.ID, w.moveToReminder()), 20)

	w.moveTo(12, 0)
	fault, err := w.sandbox.Script(sandbox.Fault{Path: sandbox.PathSend, OpenID: users[0], Errcode: -1})
	must(t, err)
	second := w.ran(s.ID, w.moveToReminder())
	accepted("the second run", second, 19)
	w.sandbox.Unscript(fault)
	again, err := w.client.RetryCampaign(t.Context(), testApp, second.ID, api.Retry{Start: true}, "")
	must(t, err)
	if again.Schedule != s.ID {
		t.Errorf("it is of schedule %q, not %q", again.Schedule, s.ID)
	}
	accepted("the second run again", w.finished(again.ID), 1)

	w.moveTo(12, 0)
	accepted("the third run", w.ran(s.ID, w.moveToReminder()), 20)
}
