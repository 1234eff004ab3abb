package main

import (
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
)

// announcing is a world with users who hold a permit each, at seven in the evening, and an app with the guard rails of a new one.
func announcing(t *testing.T, n int) *world {
	t.Helper()
	w := newWorldIn(t, sandbox.Config{}, settings{store: "pebble:" + t.TempDir()})
	w.guarded()
	w.moveTo(19, 0)
	w.each(w.users(n), func(i int, openid string) error { return w.subscribedOnce(openid, i) })
	return w
}

// announce makes a campaign that starts by itself.
func (w *world) announce(m api.Message, start, latest time.Time, r *api.Rollout) string {
	w.t.Helper()
	got, err := w.client.CreateCampaign(w.t.Context(), testApp, api.NewCampaign{Message: m, StartAt: start, LatestSend: latest, Rollout: r}, "")
	must(w.t, err)
	return got.ID
}

func heldFor(why string) func(api.Campaign) bool {
	return func(m api.Campaign) bool {
		return m.Hold != nil && m.Hold.Why.Code == why && m.Progress.PendingBy["sending"]+m.Progress.PendingBy["held"] == 0
	}
}

func TestAnAnnouncementInStagesStopsInAStormWaitsForTheMorningAndReachesEverybodyOnce(t *testing.T) {
	t.Parallel()
	const users = 1200
	w := announcing(t, users)
	m := oneTimeMessage("pages/event")
	start := w.moveTo(21, 0).Add(30 * time.Minute)
	id := w.announce(m, start, start.Add(14*time.Hour), &api.Rollout{Percents: []float64{1, 30}, PauseSeconds: 20 * 60})
	if got := w.untilState(id, "scheduled"); got.Progress.Audience != 0 {
		t.Errorf("before its time: %+v", got.Progress)
	}

	// The first stage goes out at half past nine, and then it waits.
	w.moveTo(21, 30)
	w.advance(time.Second)
	first := w.until(id, "between stages", heldFor("rollout_pause"))
	reached := first.Progress.Outcomes["accepted"]
	if reached == 0 || reached > users/4 || first.Rollout.Stage != 2 || first.Rollout.Stages != 3 {
		t.Errorf("after the first stage: %+v %+v", first.Progress, first.Rollout)
	}

	// WeChat refuses everybody in the second: it stops, and nothing is believed yet.
	storm, err := w.sandbox.Script(sandbox.Fault{Path: sandbox.PathSend, Errcode: 43101})
	must(t, err)
	w.advance(first.Hold.Until.Sub(w.now()) + time.Second)
	stopped := w.untilState(id, "paused")
	if stopped.Why == nil || stopped.Why.Code != "rollout_refused" || stopped.Progress.Outcomes["refused"] != 0 ||
		stopped.Progress.Outcomes["accepted"] != reached || stopped.Progress.PendingBy["suspected"] < 20 {
		t.Fatalf("in the storm: why %+v, progress %+v", stopped.Why, stopped.Progress)
	}

	// Mended and resumed after ten in the evening, it waits for the morning.
	if !w.sandbox.Unscript(storm) {
		t.Fatal("the storm ended by itself")
	}
	w.moveTo(22, 10)
	_, err = w.client.ResumeCampaign(t.Context(), testApp, id)
	must(t, err)
	night := w.until(id, "waiting for the morning", heldFor("quiet_hours"))
	if at := night.Hold.Until.In(shanghai); at.Hour() != 8 || at.Minute() != 0 || night.Progress.Outcomes["accepted"] != reached {
		t.Errorf("in the night: hold %+v, progress %+v", night.Hold, night.Progress)
	}

	// At eight it goes on: who was refused in the storm gets it too.
	w.advance(night.Hold.Until.Sub(w.now()) + time.Second)
	second := w.until(id, "between stages again", heldFor("rollout_pause"))
	if got := second.Progress.Outcomes["accepted"]; got <= reached || got > users*6/10 || second.Progress.Pending != 0 {
		t.Errorf("after the second stage: %+v", second.Progress)
	}
	w.advance(second.Hold.Until.Sub(w.now()) + time.Second)
	if got := w.finished(id).Progress; got.Audience != users || got.Outcomes["accepted"] != users {
		t.Errorf("at the end: %+v", got)
	}
	w.nobodyTwice(m)
	if n := len(w.received(m)); n != users {
		t.Errorf("%d of %d got it", n, users)
	}
	w.check(id)
}

func TestAnAnnouncementThatTheNightOvertakesSendsNothingLate(t *testing.T) {
	t.Parallel()
	const users = 600
	w := announcing(t, users)
	m := oneTimeMessage("pages/late")
	start := w.moveTo(21, 0).Add(50 * time.Minute)
	// After its first stage it would go on at ten past ten: the quiet hours hold it, and at eleven it is too late.
	id := w.announce(m, start, start.Add(70*time.Minute), &api.Rollout{Percents: []float64{10}, PauseSeconds: 20 * 60})
	w.moveTo(21, 50)
	w.advance(time.Second)
	first := w.until(id, "between stages", heldFor("rollout_pause"))
	reached := first.Progress.Outcomes["accepted"]
	w.moveTo(22, 11)
	if got := w.until(id, "waiting for the morning", heldFor("quiet_hours")); got.Hold.Until.After(start.Add(70 * time.Minute)) {
		t.Errorf("it waits beyond its latest send time: %+v", got.Hold)
	}
	w.moveTo(23, 1)
	got := w.finished(id).Progress
	if got.Audience != users || reached == 0 || got.Outcomes["accepted"] != reached || got.Reasons["skipped"]["too_late"] != users-reached {
		t.Errorf("first stage %d; at the end %+v", reached, got)
	}
	w.nobodyTwice(m)
	w.check(id)
}

func TestAScheduleAnnouncesOnceAtItsTime(t *testing.T) {
	t.Parallel()
	w := announcing(t, 100)
	m := oneTimeMessage("pages/once")
	at := w.moveTo(19, 30).Add(time.Hour)
	s, err := w.client.CreateSchedule(t.Context(), testApp, api.NewSchedule{Message: m, At: at}, "")
	must(t, err)
	if len(s.Next) != 1 || !s.Next[0].Equal(at) {
		t.Errorf("next %v", s.Next)
	}
	w.advance(at.Sub(w.now()) + time.Second)
	if got := w.ran(s.ID, at).Progress; got.Outcomes["accepted"] != 100 {
		t.Errorf("%+v", got)
	}
	s, err = w.client.Schedule(t.Context(), testApp, s.ID)
	must(t, err)
	if s.State != "ended" || len(s.Next) != 0 || s.Started != 1 {
		t.Errorf("%+v", s)
	}
	w.nobodyTwice(m)
}
