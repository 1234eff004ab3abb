package campaign_test

import (
	"errors"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
)

func TestARunIsWordedForTheDayAndTheTimeOfItsPlan(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := scheduleDraft()
	d.TimeZone = "America/New_York"
	d.Message.Values = map[string]string{"thing1": "{{ run_date }} {{run_time}}"}
	s := b.schedule(t, d)
	if s.Message.Values["thing1"] != d.Message.Values["thing1"] {
		t.Errorf("the schedule keeps %q", s.Message.Values["thing1"])
	}
	planned := campaign.NextRuns(s, b.now, 1)[0]
	b.now = planned.Add(time.Minute)
	b.looks(t)
	m, err := b.Get(t.Context(), b.app.ID, minapush.RunID(s.ID, planned))
	must(t, err)
	zone, err := minapush.Zone("", "America/New_York")
	must(t, err)
	if want := planned.In(zone).Format("2006-01-02") + " 20:00"; m.Message.Values["thing1"] != want || m.State != minapush.Running {
		t.Errorf("its run says %q and is %s, want %q", m.Message.Values["thing1"], m.State, want)
	}
}

// A date that the template takes is checked when the schedule is made, with a day filled in.
func TestAScheduleIsCheckedWithItsPlaceholdersFilled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := scheduleDraft()
	d.Template.Keys = []minapush.TemplateKey{{Key: "date2", Type: "date"}}
	d.Message.Values = map[string]string{"date2": "{{run_date}}"}
	must(t, b.CheckSchedule(t.Context(), b.app, d))
	for value, field := range map[string]string{"{{run_time}}": "values.date2", "{{today}}": "values.date2"} {
		d.Message.Values = map[string]string{"date2": value}
		var e *minapush.Error
		if err := b.CheckSchedule(t.Context(), b.app, d); !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != field {
			t.Errorf("%s: %v", value, err)
		}
	}
}
