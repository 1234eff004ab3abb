package campaign_test

import (
	"errors"
	"testing"
	"time"

	"github.com/minapush/minapush"
)

func TestACampaignIsPlannedAndThePlanTakenBack(t *testing.T) {
	b := setup(t)
	m := b.create(t, draft())
	at := b.now.Add(time.Hour)
	for range 2 {
		if m, err := b.Plan(t.Context(), b.app, m.ID, at); err != nil || !m.StartAt.Equal(at) || m.State != minapush.Scheduled {
			t.Fatalf("it is %s and planned for %s: %v", m.State, m.StartAt, err)
		}
	}
	if m, err := b.Plan(t.Context(), b.app, m.ID, time.Time{}); err != nil || !m.StartAt.IsZero() {
		t.Errorf("taken back, it is planned for %s: %v", m.StartAt, err)
	}
}

func TestAPlanIsRefusedThatCannotBeKept(t *testing.T) {
	b := setup(t)
	late, list := draft(), draft()
	late.LatestSend, list.Audience.List = b.now.Add(time.Hour), true
	started := b.create(t, draft())
	if _, err := b.Start(t.Context(), b.app, started.ID); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		id    string
		at    time.Time
		kind  minapush.Kind
		field string
	}{
		"in the past":             {b.create(t, draft()).ID, b.now, minapush.Invalid, "start_at"},
		"at the latest send time": {b.create(t, late).ID, b.now.Add(time.Hour), minapush.Invalid, "start_at"},
		"with an empty list":      {b.create(t, list).ID, b.now.Add(time.Hour), minapush.Conflict, "audience"},
		"started":                 {started.ID, b.now.Add(time.Hour), minapush.Conflict, "state"},
		"not known":               {"nobody", b.now.Add(time.Hour), minapush.NotFound, ""},
	} {
		_, err := b.Plan(t.Context(), b.app, c.id, c.at)
		var e *minapush.Error
		if !errors.Is(err, c.kind) || errors.As(err, &e) && e.Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
		if m, err := b.Get(t.Context(), b.app.ID, c.id); err == nil && !m.StartAt.IsZero() {
			t.Errorf("%s: it is planned for %s all the same", name, m.StartAt)
		}
	}
}
