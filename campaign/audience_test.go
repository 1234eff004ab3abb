package campaign_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

func TestAnAudienceAsksOfCampaignsThatAreThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	everybody, list := b.create(t, draft()).ID, b.create(t, listDraft()).ID
	other := b.app
	other.ID = "wx2"
	foreign, _, err := b.Create(t.Context(), other, draft())
	must(t, err)
	old, recent := b.create(t, draft()).ID, b.create(t, draft()).ID
	_, err = b.Cancel(t.Context(), b.app.ID, old)
	must(t, err)
	b.now = b.now.AddDate(0, 0, 2)
	_, err = b.Cancel(t.Context(), b.app.ID, recent)
	must(t, err)
	b.now = b.now.AddDate(0, 0, 29)
	for _, c := range []struct{ where, id, field string }{
		{`{"got":"$"}`, everybody, ""},
		{`{"all":[{"tag":"a"},{"not":{"opened":"$"}}]}`, recent, ""},
		{`{"list":"$"}`, list, ""},
		{`{"any":[{"list":"$"},{"got":"$"}]}`, list, ""},
		{`{"got":"$"}`, "nobody", "audience.where.got"},
		{`{"all":[{"tag":"a"},{"not":{"opened":"$"}}]}`, "nobody", "audience.where.all[1].not.opened"},
		{`{"got":"$"}`, foreign.ID, "audience.where.got"},
		{`{"got":"$"}`, old, "audience.where.got"},
		{`{"any":[{"tag":"a"},{"got":"$"},{"list":"$"}]}`, everybody, "audience.where.any[2].list"},
		{`{"any":[{"tag":"$"},{"list":"$"}]}`, everybody, "audience.where.any[1].list"},
	} {
		where := []byte(strings.ReplaceAll(c.where, "$", c.id))
		_, err := b.CheckAudience(t.Context(), b.app, where)
		var e *minapush.Error
		if c.field == "" && err != nil || c.field != "" && (!errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != c.field) {
			t.Errorf("%s of %s: %v, want field %q", c.where, c.id, err, c.field)
		}
		d := draft()
		d.Audience.Where = where
		if checked := b.Check(t.Context(), b.app, d); (checked == nil) != (err == nil) {
			t.Errorf("%s of %s: a campaign's check says %v", c.where, c.id, checked)
		}
	}
}

func TestAnAudienceThatIsNoneIsNil(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if e, err := b.CheckAudience(t.Context(), b.app, nil); e != nil || err != nil {
		t.Errorf("none: %v, %v", e, err)
	}
	if e, err := b.CheckAudience(t.Context(), b.app, []byte(`{"tag":"a"}`)); e == nil || err != nil {
		t.Errorf("a tag: %v, %v", e, err)
	}
}

// Who is "not got" a campaign that is forgotten would be everybody.
func TestACampaignDoesNotStartThatAsksOfWhatIsForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asked := b.create(t, draft()).ID
	_, err := b.Cancel(t.Context(), b.app.ID, asked)
	must(t, err)
	d := draft()
	d.Audience.Where = []byte(`{"not":{"got":"` + asked + `"}}`)
	waits := b.create(t, d).ID
	d.StartAt = b.now.AddDate(0, 0, 40)
	planned := b.create(t, d).ID
	daily := scheduleDraft()
	daily.Where = d.Audience.Where
	recurs := b.schedule(t, daily).ID

	b.now = d.StartAt
	var e *minapush.Error
	if _, err := b.Start(t.Context(), b.app, waits); !errors.As(err, &e) || e.Kind != minapush.Conflict || e.Field != "audience.where.not.got" {
		t.Errorf("started: %v", err)
	}
	b.looks(t)
	for name, id := range map[string]string{"planned": planned, "a run": minapush.RunID(recurs, b.now)} {
		m, err := b.Get(t.Context(), b.app.ID, id)
		if err != nil || m.State != minapush.Missed || m.Why.Code != "bad_audience" || !strings.Contains(m.Why.Params["error"], asked) || !m.StartedAt.IsZero() {
			t.Errorf("%s: %s, %+v, %v", name, m.State, m.Why, err)
		}
	}
	if s, err := b.Schedule(t.Context(), b.app.ID, recurs); err != nil || s.State != minapush.ScheduleActive {
		t.Errorf("its schedule is %s, %v", s.State, err)
	}
}

func TestAFilterNamesTheCampaignsThatItAsksOf(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asked := b.create(t, draft()).ID
	d := draft()
	d.Audience.Where = []byte(`{"not":{"got":"` + asked + `"}}`)
	holds, asks, err := b.Filter(b.create(t, d))
	if err != nil || len(asks.Beside) != 1 || asks.Beside[0] != asked {
		t.Fatalf("it asks of %v, %v", asks.Beside, err)
	}
	for _, got := range []bool{false, true} {
		u := &store.User{OpenID: "u", Beside: make([]store.Beside, 1)}
		if got {
			u.Beside[0].Row = minapush.Delivery{Batch: asked, OpenID: "u", State: minapush.Settled, Outcome: minapush.Accepted}
		}
		if holds(u) == got {
			t.Errorf("of one who got it (%v) it says %v", got, !got)
		}
	}
}

func TestARepeatedKeyAnswersTheCampaignThatWasMadeWhateverItsAudienceAsksOf(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asked := b.create(t, draft()).ID
	_, err := b.Cancel(t.Context(), b.app.ID, asked)
	must(t, err)
	b.now = b.now.AddDate(0, 0, 29)
	d := draft()
	d.Audience.Where, d.Key, d.Fingerprint = []byte(`{"not":{"got":"`+asked+`"}}`), "k", 1
	made := b.create(t, d)
	b.now = b.now.AddDate(0, 0, 2) // what it asks of is forgotten

	if again, created, err := b.Create(t.Context(), b.app, d); err != nil || created || again.ID != made.ID {
		t.Errorf("the same again: %s, %v, %v; %s was made", again.ID, created, err, made.ID)
	}
	var e *minapush.Error
	d.Key = "another"
	if _, _, err := b.Create(t.Context(), b.app, d); !errors.As(err, &e) || e.Field != "audience.where.not.got" {
		t.Errorf("with another key: %v", err)
	}
}

func TestWhatIsNotKnownIsCalledByItsID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const id = "01JDAAAAAAAAAAAAAAAAAA9999"
	_, campaign := b.Get(t.Context(), b.app.ID, id)
	_, cancelled := b.Cancel(t.Context(), b.app.ID, id)
	_, schedule := b.Schedule(t.Context(), b.app.ID, id)
	_, ended := b.EndSchedule(t.Context(), b.app.ID, id)
	for want, errs := range map[string][]error{
		"campaign " + id + " is not known": {campaign, cancelled}, "schedule " + id + " is not known": {schedule, ended},
	} {
		for _, err := range errs {
			if !errors.Is(err, minapush.NotFound) || err.Error() != want {
				t.Errorf("got %q, want %q", err, want)
			}
		}
	}
}
