package dispatch_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"fmt"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/dispatch"
)

// permits counts the users who still hold a permit.
func (w *world) permits(users []minapush.OpenID) (n int) {
	w.t.Helper()
	for _, o := range users {
		u, err := w.model.User(w.t.Context(), w.app.Shard(o), o)
		must(w.t, err)
		if u.Counts.Available > 0 {
			n++
		}
	}
	return n
}

// A first stage of so few that their refusals are no storm says nothing of the next.
func TestASmallStageThatIsRefusedDoesNotHideTheStormInTheNext(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(minapush.Unlimited, 16, 16)
		users := w.users(100)
		id := w.inStages(0)
		if n := w.inStage(id, users, 0); n == 0 || n >= minapush.RolloutLeast {
			t.Fatalf("%d are in the first stage: this shows nothing", n)
		}
		w.says(refused)
		w.start(id)
		m, got := w.until(id, minapush.Paused)
		if m.Why.Code != "rollout_refused" || m.Stage != 1 {
			t.Errorf("stage %d, why %+v, %+v", m.Stage, m.Why, got)
		}
		w.check(id)
	})
}

// Nothing is tried again, and nothing believed, between the storm and the stop.
func TestARolloutInAStormTriesNobodyBeforeItIsResumed(t *testing.T) {
	wrap := func(c *campaign.Campaigns) dispatch.Planner { return slowToShare{c} }
	inWorldWith(t, wrap, func(t *testing.T, w *world) {
		w.paced(minapush.Unlimited, 16, 16)
		w.users(4000)
		w.says(refused)
		id := w.draft("hi", func(d *campaign.Draft) { d.Rollout = &minapush.Rollout{Percents: []float64{50}} })
		w.start(id)
		m, got := w.until(id, minapush.Paused)
		if m.Why.Code != "rollout_refused" || got.Count(minapush.RefusedByUser) != 0 || int64(len(w.sent)) != got.Suspected {
			t.Errorf("why %+v, %d sent, %+v", m.Why, len(w.sent), got)
		}
		w.check(id)
	})
}

// failsToShare is a planner whose store is away the moment a storm is told.
type failsToShare struct {
	*campaign.Campaigns
	mu    sync.Mutex
	fails int
}

func (s *failsToShare) Share(ctx context.Context, app minapush.AppID, id string, change func(*minapush.Fleet)) error {
	var f minapush.Fleet
	change(&f)
	s.mu.Lock()
	fail := f.Storm && s.fails > 0
	if fail {
		s.fails--
	}
	s.mu.Unlock()
	if fail {
		return minapush.Errorf(minapush.Unavailable, "away")
	}
	return s.Campaigns.Share(ctx, app, id, change)
}

func TestAStormIsRememberedAlthoughTheStoreWasAwayAMoment(t *testing.T) {
	wrap := func(c *campaign.Campaigns) dispatch.Planner { return &failsToShare{Campaigns: c, fails: 1} }
	inWorldWith(t, wrap, func(t *testing.T, w *world) {
		w.paced(minapush.Unlimited, 16, 16)
		users := w.users(400)
		w.says(refused)
		id := w.inStages(0)
		w.start(id)
		w.until(id, minapush.Paused)
		w.says(func(minapush.OpenID) error { return nil })
		_, err := w.Resume(t.Context(), w.app.ID, id)
		must(t, err)
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, accepted(int64(len(users))))
		w.check(id)
	})
}

func TestARolloutThatIsCancelledAfterAStormTakesNoPermit(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(minapush.Unlimited, 16, 16)
		users := w.users(800)
		w.says(refused)
		id := w.inStages(10 * time.Minute)
		w.start(id)
		w.until(id, minapush.Paused)
		_, err := w.Cancel(t.Context(), w.app.ID, id)
		must(t, err)
		_, got := w.until(id, minapush.Cancelled)
		wantTally(t, got, skippedAs(minapush.ReasonCancelled, 800))
		if n := w.permits(users); n != 800 {
			t.Errorf("%d of 800 still hold a permit", n)
		}
		w.check(id)
	})
}

func TestACampaignThatIsCancelledInAStormEnds(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.users(100)
		w.says(refused)
		id := w.everybody()
		waitUntil(t, "the campaign waits", func() bool {
			m, err := w.Get(t.Context(), w.app.ID, id)
			must(t, err)
			return m.Hold.Why.Code == "refusal_storm"
		})
		_, err := w.Cancel(t.Context(), w.app.ID, id)
		must(t, err)
		w.until(id, minapush.Cancelled)
		w.check(id)
	})
}

// Values that the template does not take fail unsent, and are failures like others.
func TestARolloutStopsOnValuesThatNobodyCanBeSent(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(minapush.Unlimited, 16, 16)
		users := w.users(800)
		m, _, err := w.Create(t.Context(), w.app, campaign.Draft{
			Message:  minapush.Message{Template: "T", Values: map[string]string{"thing1": "你好 {{name}}"}},
			Template: minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate},
			Audience: minapush.Audience{List: true}, Rollout: &minapush.Rollout{Percents: []float64{10, 40}},
		})
		must(t, err)
		// The template had no known keys when the list was made, so its rows were not checked.
		var text strings.Builder
		for i, o := range users {
			fmt.Fprintf(&text, `{"openid":%q,"values":{"name":%q}}`+"\n", o, strings.Repeat("长", 30*(i%2)+1))
		}
		r, err := audience.NewReader(strings.NewReader(text.String()), audience.Source{Format: audience.NDJSON})
		must(t, err)
		_, err = w.FillList(t.Context(), w.app, m.ID, r)
		must(t, err)
		w.learn(m.ID, minapush.TemplateKey{Key: "thing1"})
		w.start(m.ID)
		m, got := w.until(m.ID, minapush.Paused)
		if m.Why.Code != "rollout_failed" || got.By[minapush.Failed][minapush.ReasonBadValue] == 0 {
			t.Errorf("why %+v, %+v", m.Why, got)
		}
		w.check(m.ID)
	})
}

// The node that saw the refusals is gone before it could judge them: that does not make them true.
func TestRefusalsOfANodeThatIsGoneStopARollout(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.mu.Lock()
		w.app.Stopped = minapush.Reason{Code: "test"} // the node of the world does nothing yet
		w.mu.Unlock()
		w.paced(20, 16, 16)
		users := w.users(800)
		w.says(refused)
		id := w.inStages(10 * time.Minute)
		w.mu.Lock()
		w.app.Stopped = minapush.Reason{}
		w.mu.Unlock()
		w.start(id)
		want := w.inStage(id, users, 0)
		waitUntil(t, "all but a few of the first stage are refused", func() bool { return w.count() >= want-8 })
		w.mu.Lock()
		w.app.Stopped = minapush.Reason{Code: "test"} // as a restart does: the window is forgotten
		w.mu.Unlock()
		time.Sleep(5 * time.Second)
		if n := w.tally(id).Suspected; n < minapush.RolloutLeast || n >= int64(want) {
			t.Fatalf("%d of %d are in doubt: this shows nothing", n, want)
		}
		w.mu.Lock()
		w.app.Stopped = minapush.Reason{}
		w.mu.Unlock()
		m, got := w.until(id, minapush.Paused)
		if m.Why.Code != "rollout_refused" || m.Stage != 0 || got.Count(minapush.RefusedByUser) != 0 {
			t.Errorf("stage %d, why %+v, %+v", m.Stage, m.Why, got)
		}
		w.check(id)
	})
}

// countsHolds counts how often a hold is written.
type countsHolds struct {
	*campaign.Campaigns
	mu *sync.Mutex
	n  *int
}

func (c countsHolds) Hold(ctx context.Context, app minapush.AppID, id string, h minapush.Hold) error {
	c.mu.Lock()
	*c.n++
	c.mu.Unlock()
	return c.Campaigns.Hold(ctx, app, id, h)
}

func TestTheHoldOfQuietHoursIsWrittenOnce(t *testing.T) {
	var mu sync.Mutex
	n := 0
	wrap := func(c *campaign.Campaigns) dispatch.Planner { return countsHolds{c, &mu, &n} }
	inWorldWith(t, wrap, func(t *testing.T, w *world) {
		w.quietAt(23)
		w.users(50)
		id := w.draft("hi", func(d *campaign.Draft) { d.LatestSend = time.Now().Add(time.Hour) })
		w.start(id)
		w.until(id, minapush.Finished)
		mu.Lock()
		defer mu.Unlock()
		if n != 1 {
			t.Errorf("written %d times", n)
		}
	})
}

func TestAnAppWithABadTimeZoneKeepsTheDaysOfTheDefaultOne(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.mu.Lock()
		w.app.TimeZone = "Mars/Olympus"
		w.mu.Unlock()
		w.guarded(func(g *minapush.Guards) { g.PerDay = 1 })
		users := w.users(10)
		w.more(users, "second")
		time.Sleep(15 * time.Hour) // eleven in the evening in Shanghai, three in the afternoon in UTC
		first, second := w.draft("one", nil), w.draft("two", nil)
		w.sends(first, accepted(10))
		time.Sleep(2 * time.Hour)
		w.sends(second, accepted(10))
		w.check(first, second)
	})
}

// A restart in the middle of a stage: all nodes end, and another one goes on.
func TestARolloutGoesOnAfterARestartInTheMiddleOfAStage(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(20, 16, 16)
		users := w.users(800)
		id := w.inStages(10 * time.Minute)
		w.start(id)
		w.waitsAfter(id, "1")
		first := w.inStage(id, users, 0)
		waitUntil(t, "the second stage has begun", func() bool { return w.count() > first+40 })
		w.stopApp() // every run ends, as in a restart
		time.Sleep(30 * time.Second)
		n := w.count()
		w.mu.Lock()
		w.app.Stopped = minapush.Reason{}
		w.mu.Unlock()
		w.waitsAfter(id, "2")
		if got := w.tally(id); n > first+60 || got.Count(minapush.Accepted) != int64(first+w.inStage(id, users, 1)) {
			t.Errorf("%d were sent before, then %+v", n, got)
		}
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, accepted(800))
		w.nobodyTwice()
		w.check(id)
	})
}

// Whoever is left over in a pause of a roll-out is not met in the quiet hours that fall into it.
func TestAPauseThatLastsOverTheNightSkipsNobody(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(minapush.Unlimited, 16, 16)
		w.quietAt(21)
		w.users(400)
		id := w.draft("hi", func(d *campaign.Draft) {
			d.OnQuiet, d.Rollout = minapush.QuietSkip, &minapush.Rollout{Percents: []float64{10}, Pause: 12 * time.Hour}
		})
		w.start(id)
		w.waitsAfter(id, "1")
		time.Sleep(2 * time.Hour)                            // into the night
		w.guarded(func(g *minapush.Guards) { g.PerDay = 2 }) // each shard is looked at
		time.Sleep(10 * time.Hour)
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, accepted(400))
		w.nobodyTwice()
		w.check(id)
	})
}
