package campaign_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/store/storetest"
)

// bundle is what one test works with: campaigns over the model, with a clock that it moves.
type bundle struct {
	*campaign.Campaigns
	now      time.Time
	changed  atomic.Int64
	ids      atomic.Int64
	newID    func() string
	app      minapush.App
	model    *storetest.Model
	ledger   *delivery.Ledger
	profiles *audience.Profiles
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), app: minapush.App{ID: "wx1", Number: 1, Shards: 4}}
	b.newID = func() string { return fmt.Sprintf("c%03d", b.ids.Add(1)) }
	b.model = storetest.NewModel(func() time.Time { return b.now })
	b.ledger = delivery.New(b.model)
	var err error
	b.profiles, err = audience.New(b.model, audience.Config{Now: func() time.Time { return b.now }})
	must(t, err)
	b.Campaigns = b.node(t, b.model)
	return b
}

// node makes the campaigns of another process over the same store, or over that store in a wrapping.
func (b *bundle) node(t *testing.T, st campaign.Storage) *campaign.Campaigns {
	t.Helper()
	c, err := campaign.New(st, b.ledger, b.profiles, campaign.Config{
		Now:     func() time.Time { return b.now },
		NewID:   func() string { return b.newID() },
		Changed: func(minapush.AppID) { b.changed.Add(1) },
		Tick:    time.Millisecond,
	})
	must(t, err)
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func draft() campaign.Draft {
	return campaign.Draft{
		Message:  minapush.Message{Template: "T", Values: map[string]string{"thing1": "x"}},
		Template: minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate},
	}
}

func (b *bundle) create(t *testing.T, d campaign.Draft) minapush.Campaign {
	t.Helper()
	m, _, err := b.Create(t.Context(), b.app, d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheSameKeyMakesOneCampaign(t *testing.T) {
	b := setup(t)
	d := draft()
	d.Key, d.Fingerprint = "k", 7
	first, created, err := b.Create(t.Context(), b.app, d)
	if err != nil || !created {
		t.Fatal(created, err)
	}
	again, created, err := b.Create(t.Context(), b.app, d)
	if err != nil || created || again.ID != first.ID {
		t.Errorf("again: %s created %v, %v", again.ID, created, err)
	}
	d.Fingerprint = 8
	if _, _, err := b.Create(t.Context(), b.app, d); !errors.Is(err, minapush.Conflict) {
		t.Errorf("another request: %v", err)
	}
}

func TestEachStateAllowsItsVerbsOnly(t *testing.T) {
	type verb func(*bundle, string) error
	verbs := map[string]verb{
		"start": func(b *bundle, id string) error { _, err := b.Start(t.Context(), b.app, id); return err },
		"pause": func(b *bundle, id string) error {
			_, err := b.Pause(t.Context(), b.app.ID, id, minapush.Reason{Code: "operator"})
			return err
		},
		"resume": func(b *bundle, id string) error { _, err := b.Resume(t.Context(), b.app.ID, id); return err },
		"cancel": func(b *bundle, id string) error { _, err := b.Cancel(t.Context(), b.app.ID, id); return err },
		"finish": func(b *bundle, id string) error { return b.Finish(t.Context(), b.app.ID, id, minapush.Tally{}) },
	}
	for _, c := range []struct {
		path []string
		verb string
		want minapush.CampaignState
		ok   bool
	}{
		{nil, "start", minapush.Running, true},
		{nil, "pause", minapush.Scheduled, false},
		{nil, "resume", minapush.Scheduled, false},
		{nil, "cancel", minapush.Cancelled, true},
		{[]string{"start"}, "start", minapush.Running, true},
		{[]string{"start"}, "pause", minapush.Paused, true},
		{[]string{"start"}, "cancel", minapush.Cancelling, true},
		{[]string{"start", "pause"}, "pause", minapush.Paused, true},
		{[]string{"start", "pause"}, "resume", minapush.Running, true},
		{[]string{"start", "pause"}, "start", minapush.Paused, false},
		{[]string{"start", "pause"}, "cancel", minapush.Cancelling, true},
		{[]string{"start", "cancel"}, "resume", minapush.Cancelling, false},
		{[]string{"start", "cancel"}, "finish", minapush.Cancelled, true},
		{[]string{"start", "finish"}, "cancel", minapush.Finished, false},
		{[]string{"start", "finish"}, "start", minapush.Finished, false},
		{[]string{"start", "pause"}, "finish", minapush.Paused, true},
	} {
		b := setup(t)
		id := b.create(t, draft()).ID
		for _, v := range c.path {
			if err := verbs[v](b, id); err != nil {
				t.Fatal(c.path, v, err)
			}
		}
		err := verbs[c.verb](b, id)
		if c.ok != (err == nil) || err != nil && !errors.Is(err, minapush.Conflict) {
			t.Errorf("%v then %s: %v", c.path, c.verb, err)
		}
		if m, err := b.Get(t.Context(), b.app.ID, id); err != nil || m.State != c.want {
			t.Errorf("%v then %s: %s, want %s (%v)", c.path, c.verb, m.State, c.want, err)
		}
	}
}

func TestWorkIsWhatRunsOrIsBeingCancelled(t *testing.T) {
	b := setup(t)
	waiting, running, cancelling, ended := b.create(t, draft()).ID, b.create(t, draft()).ID, b.create(t, draft()).ID, b.create(t, draft()).ID
	for _, id := range []string{running, cancelling, ended} {
		if _, err := b.Start(t.Context(), b.app, id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Cancel(t.Context(), b.app.ID, cancelling); err != nil {
		t.Fatal(err)
	}
	if err := b.Finish(t.Context(), b.app.ID, ended, minapush.Tally{}); err != nil {
		t.Fatal(err)
	}
	work, err := b.Work(t.Context(), b.app.ID)
	if err != nil || len(work) != 2 || work[0].ID != running || work[1].ID != cancelling {
		t.Errorf("work %v (%s waits), %v", work, waiting, err)
	}
}

func TestBadDraftsNameTheField(t *testing.T) {
	b := setup(t)
	for field, spoil := range map[string]func(*campaign.Draft){
		"template":                          func(d *campaign.Draft) { d.Message.Template = "" },
		"values.thing1":                     func(d *campaign.Draft) { d.Message.Values["thing1"] = "{{name}}" },
		"audience.where":                    func(d *campaign.Draft) { d.Audience.Where = []byte(`[]`) },
		"audience.where.all[1].seen_within": func(d *campaign.Draft) { d.Audience.Where = []byte(`{"all":[{"tag":"a"},{"seen_within":"soon"}]}`) },
		"latest_send":                       func(d *campaign.Draft) { d.LatestSend = b.now },
		"grace_seconds":                     func(d *campaign.Draft) { d.Grace = 25 * time.Hour },
		"values.date2": func(d *campaign.Draft) {
			d.Template.Keys = []minapush.TemplateKey{{Key: "thing1"}, {Key: "date2"}}
		},
		"values.x": func(d *campaign.Draft) {
			d.Template.Keys, d.Message.Values["x"] = []minapush.TemplateKey{{Key: "thing1"}}, "y"
		},
	} {
		d := draft()
		spoil(&d)
		_, _, err := b.Create(t.Context(), b.app, d)
		var e *minapush.Error
		if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if list, err := b.List(t.Context(), b.app.ID, "", 10); err != nil || len(list) != 0 {
		t.Errorf("bad drafts left %d campaigns, %v", len(list), err)
	}
}

func TestAHoldIsKeptOnlyByARunningCampaign(t *testing.T) {
	b := setup(t)
	id := b.create(t, draft()).ID
	h := minapush.Hold{Why: minapush.Reason{Code: "quota"}, Until: b.now.Add(time.Hour)}
	if err := b.Hold(t.Context(), b.app.ID, id, h); err != nil {
		t.Fatal(err)
	}
	if m, _ := b.Get(t.Context(), b.app.ID, id); !m.Hold.Until.IsZero() {
		t.Errorf("a campaign that has not started holds: %+v", m.Hold)
	}
	if _, err := b.Start(t.Context(), b.app, id); err != nil {
		t.Fatal(err)
	}
	if err := b.Hold(t.Context(), b.app.ID, id, h); err != nil {
		t.Fatal(err)
	}
	if m, _ := b.Get(t.Context(), b.app.ID, id); m.Hold.Why.Code != "quota" {
		t.Errorf("hold %+v", m.Hold)
	}
	if m, err := b.Resume(t.Context(), b.app.ID, id); err != nil || !m.Hold.Until.IsZero() {
		t.Errorf("a resume leaves the hold: %+v, %v", m.Hold, err)
	}
}

func TestTwoCallersWithOneKeyAtOnceGetOneCampaign(t *testing.T) {
	for range 50 {
		b := setup(t)
		d := draft()
		d.Key, d.Fingerprint = "k", 7
		ids := make(chan string, 2)
		for range 2 {
			go func() {
				m, _, err := b.Create(t.Context(), b.app, d)
				if err != nil {
					ids <- err.Error()
					return
				}
				ids <- m.ID
			}()
		}
		if one, other := <-ids, <-ids; one != other {
			t.Fatalf("%s and %s", one, other)
		}
	}
}

func TestAKeyIsForgottenAsLateAsItsRows(t *testing.T) {
	b := setup(t)
	d := draft()
	d.Key, d.Fingerprint = "k", 7
	first := b.create(t, d)
	for _, c := range []struct {
		after  time.Duration
		forgot bool
	}{{29 * 24 * time.Hour, false}, {2 * 24 * time.Hour, true}} {
		b.now = b.now.Add(c.after)
		ctx, cancel := context.WithCancel(t.Context())
		looks := 0
		err := b.Run(ctx, func(context.Context) ([]minapush.App, error) {
			if looks++; looks == 2 {
				cancel()
			}
			return []minapush.App{b.app}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		m, created, err := b.Create(t.Context(), b.app, d)
		if err != nil || created != c.forgot || (m.ID == first.ID) == c.forgot {
			t.Errorf("after %v: created %v, %v", c.after, created, err)
		}
	}
}
