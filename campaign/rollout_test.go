package campaign_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
)

func stagedDraft() campaign.Draft {
	d := draft()
	r := minapush.DefaultRollout()
	d.Rollout = &r
	return d
}

// answered makes a campaign with a template that ended with so many answers.
func (b *bundle) answered(t *testing.T, template string, accepted, refused int64) {
	t.Helper()
	d := draft()
	d.Message.Template, d.Template.ID = template, template
	id := b.create(t, d).ID
	_, err := b.Start(t.Context(), b.app, id)
	must(t, err)
	sums := minapush.Tally{Examined: accepted + refused}
	sums.Add(minapush.Accepted, "", accepted)
	sums.Add(minapush.RefusedByUser, "43101", refused)
	must(t, b.Finish(t.Context(), b.app.ID, id, sums))
}

func TestAStagedCampaignExpectsTheRefusalsThatItsTemplateHad(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(*bundle)
		want   float64
	}{
		"no campaign": {func(*bundle) {}, 0},
		"one":         {func(b *bundle) { b.answered(t, "T", 90, 10) }, 0.1},
		"another template": {func(b *bundle) {
			b.answered(t, "T", 90, 10)
			b.answered(t, "U", 0, 1000)
		}, 0.1},
		"too few answers": {func(b *bundle) { b.answered(t, "T", 0, 99) }, 0},
		"the last five, by their answers": {func(b *bundle) {
			b.answered(t, "T", 0, 10_000)
			for range 4 {
				b.answered(t, "T", 100, 0)
			}
			b.answered(t, "T", 300, 300)
		}, 0.3},
		"of the last fifty": {func(b *bundle) {
			b.answered(t, "T", 0, 10_000)
			for range 50 {
				b.create(t, draft())
			}
		}, 0},
	} {
		b := setup(t)
		c.before(b)
		started := b.create(t, stagedDraft()).ID
		d := stagedDraft()
		d.StartAt = b.now.Add(time.Minute)
		planned := b.create(t, d).ID
		m, err := b.Start(t.Context(), b.app, started)
		must(t, err)
		if math.Abs(m.Rollout.Expected-c.want) > 1e-9 {
			t.Errorf("%s: it expects %v, want %v", name, m.Rollout.Expected, c.want)
		}
		b.now = b.now.Add(time.Minute)
		b.looks(t)
		if m, err = b.Get(t.Context(), b.app.ID, planned); err != nil || m.State != minapush.Running || math.Abs(m.Rollout.Expected-c.want) > 1e-9 {
			t.Errorf("%s: by itself it is %s and expects %+v, want %v, %v", name, m.State, m.Rollout, c.want, err)
		}
	}
}

func TestARolloutGoesForwardStageByStage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.create(t, stagedDraft()).ID
	hold := minapush.Hold{Why: minapush.Reason{Code: "rollout_pause"}, Until: b.now.Add(time.Minute)}
	advance := func(stage int, hold minapush.Hold, want int, held bool) {
		t.Helper()
		must(t, b.Advance(t.Context(), b.app.ID, id, stage, hold))
		if m, err := b.Get(t.Context(), b.app.ID, id); err != nil || m.Stage != want || m.Hold.Why.IsZero() == held {
			t.Errorf("to stage %d: stage %d, hold %+v, %v", stage, m.Stage, m.Hold, err)
		}
	}
	advance(1, hold, 0, false) // it does not run yet
	_, err := b.Start(t.Context(), b.app, id)
	must(t, err)
	advance(0, hold, 0, false)
	advance(2, hold, 0, false)
	advance(1, hold, 1, true)
	advance(1, minapush.Hold{}, 1, true) // another node has done so
	m, err := b.Resume(t.Context(), b.app.ID, id)
	if err != nil || m.Stage != 1 || !m.Hold.Why.IsZero() {
		t.Errorf("resumed: stage %d, hold %+v, %v", m.Stage, m.Hold, err)
	}
	advance(2, minapush.Hold{}, 2, false)
	advance(3, minapush.Hold{}, 2, false) // there is none
	must(t, b.Finish(t.Context(), b.app.ID, id, minapush.Tally{}))
	advance(3, hold, 2, false)

	id = b.create(t, draft()).ID
	_, err = b.Start(t.Context(), b.app, id)
	must(t, err)
	advance(1, hold, 0, false) // it has no stages
	if err := b.Advance(t.Context(), b.app.ID, "nobody", 1, hold); !errors.Is(err, minapush.NotFound) {
		t.Errorf("of none: %v", err)
	}
}

func TestRefusalsThatStoppedARolloutAreStillInDoubtWhenItIsResumed(t *testing.T) {
	t.Parallel()
	for why, want := range map[string]bool{"rollout_refused": true, "rollout_failed": false, "operator": false} {
		b := setup(t)
		id := b.create(t, stagedDraft()).ID
		_, err := b.Start(t.Context(), b.app, id)
		must(t, err)
		must(t, b.Share(t.Context(), b.app.ID, id, func(f *minapush.Fleet) { f.Opened, f.Storm = true, true }))
		must(t, b.Stop(t.Context(), b.app.ID, id, minapush.Reason{Code: why}))
		m, err := b.Resume(t.Context(), b.app.ID, id)
		if err != nil || m.State != minapush.Running || m.Fleet.Storm != want || m.Fleet.Opened {
			t.Errorf("stopped by %s and resumed: %s, %+v, %v", why, m.State, m.Fleet, err)
		}
	}
}

func TestWhatACampaignKeepsBackIsChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		field string
		set   func(*campaign.Draft)
	}{
		"keep back":        {"", func(d *campaign.Draft) { d.KeepBack = minapush.MaxKeepBack }},
		"keep back a lot":  {"keep_back", func(d *campaign.Draft) { d.KeepBack = minapush.MaxKeepBack + 1 }},
		"keep back less":   {"keep_back", func(d *campaign.Draft) { d.KeepBack = -1 }},
		"wait":             {"", func(d *campaign.Draft) { d.OnQuiet = minapush.QuietWait }},
		"shout":            {"on_quiet", func(d *campaign.Draft) { d.OnQuiet = "shout" }},
		"stages":           {"", func(d *campaign.Draft) { d.Rollout = stagedDraft().Rollout }},
		"stages of a list": {"", func(d *campaign.Draft) { d.Rollout, d.Audience.List = stagedDraft().Rollout, true }},
		"bad stages":       {"rollout.percents", func(d *campaign.Draft) { d.Rollout = &minapush.Rollout{Percents: []float64{100}} }},
	} {
		d := draft()
		c.set(&d)
		m, _, err := b.Create(t.Context(), b.app, d)
		var e *minapush.Error
		if c.field != "" && (!errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != c.field) || c.field == "" && err != nil {
			t.Errorf("%s: %v, want field %q", name, err, c.field)
		}
		if err == nil && (m.KeepBack != d.KeepBack || m.OnQuiet != d.OnQuiet || (m.Rollout == nil) != (d.Rollout == nil)) {
			t.Errorf("%s: made %+v", name, m)
		}
	}
}

func TestARetryKeepsBackWhatItsCampaignDidAndHasNoStages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deposit(t, "u-a")
	d := stagedDraft()
	d.KeepBack, d.OnQuiet = 3, minapush.QuietSkip
	id := b.create(t, d).ID
	b.walk(t, id, func(minapush.OpenID) minapush.Outcome { return minapush.Failed })
	m, _, err := b.Retry(t.Context(), b.app, id, campaign.Again{})
	if err != nil || m.RetryOf != id || m.KeepBack != 3 || m.OnQuiet != minapush.QuietSkip || m.Rollout != nil {
		t.Errorf("its retry is %+v, %v", m, err)
	}
}
