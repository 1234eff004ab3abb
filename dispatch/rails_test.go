package dispatch_test

import (
	"context"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/dispatch"
	"github.com/minapush/minapush/store"
)

// guarded gives the app guard rails. The clock of a world begins at eight in the morning in Shanghai.
func (w *world) guarded(change func(*minapush.Guards)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.app.Guards)
}

// draft makes a campaign of a text, changed.
func (w *world) draft(value string, change func(*campaign.Draft)) string {
	w.t.Helper()
	d := campaign.Draft{
		Message:  minapush.Message{Template: "T", Values: map[string]string{"thing1": value}},
		Template: minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate},
	}
	if change != nil {
		change(&d)
	}
	m, _, err := w.Create(w.t.Context(), w.app, d)
	must(w.t, err)
	return m.ID
}

// more gives each user another permit.
func (w *world) more(users []minapush.OpenID, nonce string) {
	w.t.Helper()
	for _, o := range users {
		now := time.Now()
		_, err := w.model.Deposit(w.t.Context(), w.app.Shard(o), o, store.Deposit{Now: now, Permits: []minapush.Permit{
			{Kind: minapush.Subscription, Template: "T", Identity: nonce, Uses: 1, TakenAt: now},
		}})
		must(w.t, err)
	}
}

// planned lets campaigns start by themselves and schedules run, until the test ends.
func (w *world) planned() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Campaigns.Run(ctx, w.Apps) }()
	w.t.Cleanup(func() {
		cancel()
		must(w.t, <-ended)
	})
}

func skippedAs(reason string, n int64) map[minapush.Outcome]map[string]int64 {
	return map[minapush.Outcome]map[string]int64{minapush.Skipped: {reason: n}}
}

func accepted(n int64) map[minapush.Outcome]map[string]int64 {
	return map[minapush.Outcome]map[string]int64{minapush.Accepted: {"": n}}
}

// sends starts a campaign and checks how it ends.
func (w *world) sends(id string, want map[minapush.Outcome]map[string]int64) {
	w.t.Helper()
	w.start(id)
	_, got := w.until(id, minapush.Finished)
	wantTally(w.t, got, want)
}

func TestAUserGetsOneCampaignADay(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.guarded(func(g *minapush.Guards) { g.PerDay = 1 })
		users := w.users(40)
		w.more(users, "second")
		w.more(users, "third")
		first, second := w.draft("one", nil), w.draft("two", nil)
		w.sends(first, accepted(40))
		w.sends(second, skippedAs(minapush.ReasonDailyCap, 40))
		// A push is exempt, and does not use up a day.
		w.pushed(users[0], minapush.Accepted, "")
		time.Sleep(15*time.Hour + 50*time.Minute) // ten to midnight in Shanghai
		third := w.draft("three", nil)
		w.sends(third, skippedAs(minapush.ReasonDailyCap, 40))
		time.Sleep(10 * time.Minute)
		fourth := w.draft("four", nil)
		w.sends(fourth, map[minapush.Outcome]map[string]int64{minapush.Accepted: {"": 40}})
		w.check(first, second, third, fourth)
	})
}

func TestPushesCountOnlyWhereTheAppSaysSo(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		users := w.users(2)
		w.more(users, "second")
		w.pushed(users[0], minapush.Accepted, "")
		w.guarded(func(g *minapush.Guards) { g.PerDay, g.CountPushes = 1, true })
		time.Sleep(time.Second) // until the next look
		w.pushed(users[0], minapush.Skipped, minapush.ReasonDailyCap)
		id := w.draft("hi", nil)
		w.sends(id, map[minapush.Outcome]map[string]int64{minapush.Accepted: {"": 1}, minapush.Skipped: {minapush.ReasonDailyCap: 1}})
	})
}

func TestWhatFailedOrWasRefusedDoesNotUseUpTheDay(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.guarded(func(g *minapush.Guards) { g.PerDay, g.SameContentDays = 1, 7 })
		users := w.users(10)
		w.says(func(minapush.OpenID) error {
			return &minapush.Error{Kind: minapush.Refused, Code: 43101, Extent: minapush.OneUser}
		})
		first := w.draft("hi", nil)
		w.sends(first, map[minapush.Outcome]map[string]int64{minapush.RefusedByUser: {"43101": 10}})
		w.says(func(minapush.OpenID) error { return nil })
		w.more(users, "given again")
		second := w.draft("hi", nil)
		w.sends(second, accepted(10))
		w.check(first, second)
	})
}

func TestTheSameContentIsNotSentTwiceInAWeekButByRunsOfOneSchedule(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.guarded(func(g *minapush.Guards) { g.SameContentDays = 7 })
		users := w.users(20)
		w.more(users, "second")
		w.more(users, "third")
		w.more(users, "fourth")
		first, other, same := w.draft("hi", nil), w.draft("there", nil), w.draft("hi", nil)
		w.sends(first, accepted(20))
		w.sends(other, accepted(20))
		w.sends(same, skippedAs(minapush.ReasonSameContent, 20))
		s, _, err := w.CreateSchedule(t.Context(), w.app, campaign.ScheduleDraft{
			Message:  minapush.Message{Template: "T", Values: map[string]string{"thing1": "daily"}},
			Template: minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate}, Cron: "0 9 * * *",
		})
		must(t, err)
		w.planned()
		time.Sleep(26 * time.Hour) // two runs
		s, err = w.Schedule(t.Context(), w.app.ID, s.ID)
		must(t, err)
		if len(s.Runs) != 2 {
			t.Fatalf("%d runs: %+v", len(s.Runs), s)
		}
		for _, r := range s.Runs {
			_, got := w.until(r.Campaign, minapush.Finished)
			wantTally(t, got, accepted(20))
		}
		w.check(first, other, same, s.Runs[0].Campaign, s.Runs[1].Campaign)
	})
}

func TestACampaignLeavesPermitsForPushes(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		users := w.users(30)
		w.more(users[:10], "second")
		id := w.draft("hi", func(d *campaign.Draft) { d.KeepBack = 1 })
		w.sends(id, map[minapush.Outcome]map[string]int64{minapush.Accepted: {"": 10}, minapush.Skipped: {minapush.ReasonKeptBack: 20}})
		w.pushed(users[0], minapush.Accepted, "")
		w.check(id)
	})
}

// quietAt gives the app quiet hours, and lets time pass to a time of the day in Shanghai.
func (w *world) quietAt(hour int) {
	w.guarded(func(g *minapush.Guards) { g.Quiet = minapush.QuietHours{From: "22:00", Until: "08:00"} })
	now := time.Now().In(time.FixedZone("UTC+8", 8*60*60))
	time.Sleep(time.Date(now.Year(), now.Month(), now.Day(), hour, 0, 0, 0, now.Location()).Sub(now))
}

func TestACampaignWaitsForTheEndOfTheQuietHours(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(1, 16, 16)
		w.quietAt(21)
		time.Sleep(59*time.Minute + 30*time.Second)
		w.users(100)
		id := w.everybody()
		time.Sleep(10 * time.Minute)
		m, err := w.Get(t.Context(), w.app.ID, id)
		must(t, err)
		end := time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC)
		if m.State != minapush.Running || m.Hold.Why.Code != minapush.ReasonQuietHours || !m.Hold.Until.Equal(end) {
			t.Errorf("in the night it is %s, hold %+v", m.State, m.Hold)
		}
		// Resuming does not override the app's setting.
		_, err = w.Resume(t.Context(), w.app.ID, id)
		must(t, err)
		time.Sleep(time.Minute)
		n := len(w.sent)
		if n == 0 || n > 32 {
			t.Errorf("%d of 100 were sent in half a minute", n)
		}
		time.Sleep(time.Until(end))
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, accepted(100))
		if now := time.Now(); now.Before(end) || now.After(end.Add(5*time.Minute)) {
			t.Errorf("it ended at %v", now)
		}
		w.nobodyTwice()
		w.check(id)
	})
}

func TestACampaignGoesOnWhenTheQuietHoursAreTakenAway(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.quietAt(23)
		w.users(50)
		id := w.everybody()
		waitUntil(t, "it waits", func() bool {
			m, err := w.Get(t.Context(), w.app.ID, id)
			must(t, err)
			return m.Hold.Why.Code == minapush.ReasonQuietHours
		})
		w.guarded(func(g *minapush.Guards) { g.Quiet = minapush.QuietHours{} })
		began := time.Now()
		m, got := w.until(id, minapush.Finished)
		wantTally(t, got, accepted(50))
		if took := time.Since(began); took > 30*time.Second || !m.Hold.Until.IsZero() {
			t.Errorf("it went on after %v, hold %+v", took, m.Hold)
		}
	})
}

func TestQuietHoursSkipWhomACampaignMeetsInThem(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.quietAt(23)
		w.users(50)
		id := w.draft("hi", func(d *campaign.Draft) { d.OnQuiet = minapush.QuietSkip })
		w.sends(id, skippedAs(minapush.ReasonQuietHours, 50))
		w.guarded(func(g *minapush.Guards) { g.Quiet.Skip = true })
		time.Sleep(time.Second)
		second := w.draft("hi", nil)
		w.sends(second, skippedAs(minapush.ReasonQuietHours, 50))
		third := w.draft("hi", func(d *campaign.Draft) { d.OnQuiet = minapush.QuietWait })
		w.start(third)
		time.Sleep(9 * time.Hour)
		_, got := w.until(third, minapush.Finished)
		wantTally(t, got, accepted(50))
		w.pushed("u-000", minapush.Skipped, minapush.ReasonNoPermit)
		w.check(id, second, third)
	})
}

func TestACampaignThatIsTooLateAfterTheQuietHoursIsNotHeldByThem(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.quietAt(23)
		w.users(50)
		id := w.draft("hi", func(d *campaign.Draft) { d.LatestSend = time.Now().Add(time.Hour) })
		began := time.Now()
		w.start(id)
		time.Sleep(59 * time.Minute)
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, skippedAs(minapush.ReasonTooLate, 50))
		if took := time.Since(began); took < time.Hour || took > time.Hour+time.Minute {
			t.Errorf("it ended after %v", took)
		}
	})
}

// pushed sends a push and checks how it ends.
func (w *world) pushed(o minapush.OpenID, want minapush.Outcome, reason string) {
	w.t.Helper()
	got, err := w.dispatcher.Push(w.t.Context(), w.app, dispatch.Push{
		OpenID: o, Message: minapush.Message{Template: "T", Values: map[string]string{"thing1": "push"}},
		Template: minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate},
	})
	must(w.t, err)
	if d := got.Delivery; d.Outcome != want || d.Reason != reason {
		w.t.Errorf("push to %s: %s %s, want %s %s", o, d.Outcome, d.Reason, want, reason)
	}
}
