package dispatch_test

import (
	"errors"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
)

// inStages makes a campaign that is rolled out to a small part, a larger one, and the rest.
func (w *world) inStages(pause time.Duration) string {
	return w.draft("hi", func(d *campaign.Draft) {
		d.Rollout = &minapush.Rollout{Percents: []float64{10, 40}, Pause: pause}
	})
}

// stageOf tells in which stage of a campaign a user is.
func (w *world) stageOf(id string, o minapush.OpenID) int {
	r := minapush.Rollout{Percents: []float64{10, 40}}
	return r.StageOf(id, w.app.Shard(o).N, w.app.Shards)
}

// inStage counts the users of a stage.
func (w *world) inStage(id string, users []minapush.OpenID, stage int) (n int) {
	for _, o := range users {
		if w.stageOf(id, o) == stage {
			n++
		}
	}
	return n
}

// waitsAfter waits until a stage, counted from 1, was sent.
func (w *world) waitsAfter(id, stage string) minapush.Campaign {
	w.t.Helper()
	var m minapush.Campaign
	waitUntil(w.t, "it waits after stage "+stage, func() bool {
		var err error
		m, err = w.Get(w.t.Context(), w.app.ID, id)
		must(w.t, err)
		return m.Hold.Why.Code == "rollout_pause" && m.Hold.Why.Params["stage"] == stage
	})
	return m
}

func (w *world) tally(id string) minapush.Tally {
	w.t.Helper()
	p, err := w.ledger.Sum(w.t.Context(), w.app, id)
	must(w.t, err)
	return p.Tally
}

func TestARolloutGoesFromStageToStageAndReachesEverybodyOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(minapush.Unlimited, 16, 16)
		users := w.users(800)
		id := w.inStages(20 * time.Minute)
		w.start(id)
		sent := 0
		for stage, name := range []string{"1", "2"} {
			m := w.waitsAfter(id, name)
			time.Sleep(10 * time.Minute)
			sent += w.inStage(id, users, stage)
			if got := w.tally(id); got.Examined != int64(sent) || got.Count(minapush.Accepted) != int64(sent) || m.Stage != stage+1 || m.Hold.Why.Params["stages"] != "3" {
				t.Errorf("after stage %s, of %d users so far: %+v, hold %+v", name, sent, got, m.Hold)
			}
			time.Sleep(10 * time.Minute)
		}
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, accepted(800))
		w.nobodyTwice()
		w.check(id)
	})
}

func TestARolloutOfAListWithoutAPauseReachesEverybody(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		users := w.users(60)
		id := w.inStages(0)
		w.sends(id, accepted(60))
		w.nobodyTwice()
		if n := w.inStage(id, users, 0); n == 0 || n > 30 {
			t.Errorf("%d of 60 are in the first stage: this shows nothing", n)
		}
		w.check(id)
	})
}

// failing is an answer that fails this one message.
func failing() error {
	return &minapush.Error{Kind: minapush.BadMessage, Code: 47003, Extent: minapush.OneUser, Err: errors.New("argument invalid!")}
}

func TestARolloutStopsOnFailuresAndGoesOnAfterAFix(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(minapush.Unlimited, 16, 16)
		users := w.users(800)
		id := w.inStages(10 * time.Minute)
		w.start(id)
		w.waitsAfter(id, "1")
		n := 0
		w.says(func(o minapush.OpenID) error { // a third fails
			if n++; n%3 == 0 {
				return failing()
			}
			return nil
		})
		m, stopped := w.until(id, minapush.Paused)
		second := w.inStage(id, users, 1)
		failed := stopped.Count(minapush.Failed)
		if m.Why.Code != "rollout_failed" || m.Why.Params["max"] != "0.100" || failed == 0 || failed > int64(second)/3+1 {
			t.Errorf("why %+v, %+v", m.Why, stopped)
		}
		w.says(func(minapush.OpenID) error { return nil })
		_, err := w.Resume(t.Context(), w.app.ID, id)
		must(t, err)
		w.waitsAfter(id, "2")
		_, got := w.until(id, minapush.Finished)
		if got.Count(minapush.Failed) != failed || got.Count(minapush.Accepted) != 800-failed {
			t.Errorf("at the end %+v", got)
		}
		w.nobodyTwice()
		w.check(id)
	})
}

func TestARolloutStopsInAStormAndNobodyIsLostByIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(minapush.Unlimited, 16, 16)
		users := w.users(800)
		id := w.inStages(10 * time.Minute)
		w.start(id)
		w.waitsAfter(id, "1")
		first := w.inStage(id, users, 0)
		w.says(refused)
		m, stopped := w.until(id, minapush.Paused)
		if m.Why.Code != "rollout_refused" || m.Why.Params["share"] != "1.000" || stopped.Count(minapush.RefusedByUser) != 0 || stopped.Suspected < 20 {
			t.Fatalf("why %+v, %+v", m.Why, stopped)
		}
		w.says(func(minapush.OpenID) error { return nil })
		_, err := w.Resume(t.Context(), w.app.ID, id)
		must(t, err)
		w.waitsAfter(id, "2")
		if got := w.tally(id); got.Count(minapush.Accepted) != int64(first+w.inStage(id, users, 1)) || got.Suspected != 0 {
			t.Errorf("after the second stage %+v", got)
		}
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, accepted(800))
		w.nobodyTwice()
		w.check(id)
	})
}

func TestRefusalsThatAreStillThereAfterAResumeAreBelievedAndDoNotStopItAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(minapush.Unlimited, 16, 16)
		w.users(800)
		id := w.inStages(10 * time.Minute)
		w.says(func(o minapush.OpenID) error { // half of them
			if o[len(o)-1] < '5' {
				return refused(o)
			}
			return nil
		})
		w.start(id)
		m, _ := w.until(id, minapush.Paused)
		if m.Why.Code != "rollout_refused" {
			t.Fatalf("why %+v", m.Why)
		}
		_, err := w.Resume(t.Context(), w.app.ID, id)
		must(t, err)
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, map[minapush.Outcome]map[string]int64{minapush.RefusedByUser: {"43101": 400}, minapush.Accepted: {"": 400}})
		w.check(id)
	})
}

// Who resumes too early loses the window that is tried again, and no more.
func TestARolloutThatIsResumedInTheStormStopsAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(minapush.Unlimited, 16, 16)
		users := w.users(800)
		id := w.inStages(10 * time.Minute)
		w.says(refused)
		w.start(id)
		w.until(id, minapush.Paused)
		_, err := w.Resume(t.Context(), w.app.ID, id)
		must(t, err)
		m, got := w.until(id, minapush.Paused)
		first := int64(w.inStage(id, users, 0))
		if m.Why.Code != "rollout_refused" || got.Count(minapush.RefusedByUser) != first || m.Stage != 0 {
			t.Fatalf("why %+v in stage %d, %+v of %d", m.Why, m.Stage, got, first)
		}
		w.says(func(minapush.OpenID) error { return nil })
		_, err = w.Resume(t.Context(), w.app.ID, id)
		must(t, err)
		_, got = w.until(id, minapush.Finished)
		wantTally(t, got, map[minapush.Outcome]map[string]int64{minapush.RefusedByUser: {"43101": first}, minapush.Accepted: {"": 800 - first}})
		w.check(id)
	})
}

func TestRefusalsThatAreUsualDoNotStopARollout(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		users := w.users(300)
		w.more(users, "second")
		third := func(o minapush.OpenID) error {
			if o[len(o)-1]%3 == 0 {
				return refused(o)
			}
			return nil
		}
		w.says(third)
		before := w.draft("earlier", nil)
		w.start(before)
		w.until(before, minapush.Finished)
		for _, o := range users {
			if third(o) != nil { // whom that one refused has given again
				w.more([]minapush.OpenID{o}, "third")
			}
		}
		id := w.inStages(0)
		w.start(id)
		m, got := w.until(id, minapush.Finished)
		if share := m.Rollout.Expected; share < 0.25 || share > 0.45 || got.Count(minapush.RefusedByUser) == 0 {
			t.Errorf("expected %v, %+v", share, got)
		}
		w.check(before, id)
	})
}

func TestSeveralNodesRollOutTogether(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(minapush.Unlimited, 16, 16)
		w.machine(nil)
		w.machine(nil)
		time.Sleep(20 * time.Second)
		users := w.users(800)
		id := w.inStages(10 * time.Minute)
		w.start(id)
		w.waitsAfter(id, "1")
		if got, want := w.tally(id), w.inStage(id, users, 0); got.Examined != int64(want) || got.Count(minapush.Accepted) != int64(want) {
			t.Errorf("after the first stage, of %d: %+v", want, got)
		}
		w.says(refused)
		m, _ := w.until(id, minapush.Paused)
		if m.Why.Code != "rollout_refused" {
			t.Fatalf("why %+v", m.Why)
		}
		w.says(func(minapush.OpenID) error { return nil })
		_, err := w.Resume(t.Context(), w.app.ID, id)
		must(t, err)
		w.waitsAfter(id, "2")
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, accepted(800))
		w.nobodyTwice()
		w.check(id)
	})
}

func TestARolloutGoesOnInItsStageAfterARestart(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(200, 16, 16)
		first := w.machine(nil)
		time.Sleep(20 * time.Second)
		users := w.users(800)
		id := w.inStages(10 * time.Minute)
		w.start(id)
		w.waitsAfter(id, "1")
		first.end() // in the pause
		w.machine(nil)
		time.Sleep(9 * time.Minute)
		if got := w.tally(id); got.Examined != int64(w.inStage(id, users, 0)) {
			t.Errorf("in the pause %+v", got)
		}
		w.waitsAfter(id, "2")
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, accepted(800))
		w.nobodyTwice()
		w.check(id)
	})
}

func TestARolloutThatIsCancelledInAPauseCountsEverybody(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(minapush.Unlimited, 16, 16)
		users := w.users(400)
		id := w.inStages(time.Hour)
		w.start(id)
		w.waitsAfter(id, "1")
		first := int64(w.inStage(id, users, 0))
		_, err := w.Cancel(t.Context(), w.app.ID, id)
		must(t, err)
		_, got := w.until(id, minapush.Cancelled)
		wantTally(t, got, map[minapush.Outcome]map[string]int64{
			minapush.Accepted: {"": first}, minapush.Skipped: {minapush.ReasonCancelled: 400 - first},
		})
		w.check(id)
	})
}

func TestARolloutThatIsCancelledInAStormGivesTheRefusedTheirPermitsBack(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(minapush.Unlimited, 16, 16)
		users := w.users(800)
		id := w.inStages(time.Minute)
		w.says(refused)
		w.start(id)
		m, _ := w.until(id, minapush.Paused)
		if m.Why.Code != "rollout_refused" {
			t.Fatalf("why %+v", m.Why)
		}
		_, err := w.Cancel(t.Context(), w.app.ID, id)
		must(t, err)
		_, got := w.until(id, minapush.Cancelled)
		wantTally(t, got, skippedAs(minapush.ReasonCancelled, 800))
		w.says(func(minapush.OpenID) error { return nil })
		second := w.draft("hi", nil)
		w.sends(second, accepted(int64(len(users))))
		w.check(id, second)
	})
}
