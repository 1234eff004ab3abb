package server_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
)

func TestANewAppHasGuardsUnlessItIsToldOtherwise(t *testing.T) {
	t.Parallel()
	b := setup(t)
	normal := api.Guards{PerDay: 1, SameContentDays: 7, Quiet: &api.QuietHours{From: "22:00", Until: "08:00"}}
	for id, c := range map[string]struct {
		fields string
		want   api.Guards
		zone   string
	}{
		"wxaaaa01": {``, normal, "Asia/Shanghai"},
		"wxaaaa02": {`,"guards":null,"time_zone":"Europe/Berlin"`, normal, "Europe/Berlin"},
		"wxaaaa03": {`,"guards":{}`, api.Guards{}, "Asia/Shanghai"},
		"wxaaaa04": {`,"guards":{"per_day":2,"count_pushes":true}`, api.Guards{PerDay: 2, CountPushes: true}, "Asia/Shanghai"},
		"wxaaaa05": {`,"guards":{"quiet":{"from":"00:00","until":"06:00","skip":true}}`,
			api.Guards{Quiet: &api.QuietHours{From: "00:00", Until: "06:00", Skip: true}}, "Asia/Shanghai"},
	} {
		made := want[api.App](t, b.call(t, "POST", "/v1/apps", b.admin, `{"app_id":"`+id+`"`+c.fields+`}`), 201)
		read := want[api.App](t, b.call(t, "GET", "/v1/apps/"+id, b.admin, ""), 200)
		if diff := cmp.Diff(c.want, made.Guards); diff != "" || made.TimeZone != c.zone {
			t.Errorf("%s: got zone %s and guards (-want +got):\n%s", id, made.TimeZone, diff)
		}
		if diff := cmp.Diff(made, read); diff != "" {
			t.Errorf("%s is stored differently:\n%s", id, diff)
		}
	}
}

func TestAChangeOfGuardsReplacesThemAll(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	change := func(body string) api.Guards {
		return want[api.App](t, b.call(t, "PATCH", base, b.admin, body), 200).Guards
	}
	if got := change(`{"name":"x"}`); got != (api.Guards{}) {
		t.Errorf("an app that was made without guards has %+v", got)
	}
	if got := change(`{"guards":{"per_day":1,"same_content_days":7}}`); got != (api.Guards{PerDay: 1, SameContentDays: 7}) {
		t.Errorf("got %+v", got)
	}
	if got := change(`{"time_zone":"Asia/Tokyo"}`); got != (api.Guards{PerDay: 1, SameContentDays: 7}) {
		t.Errorf("another change made them %+v", got)
	}
	if got := change(`{"guards":{"per_day":2}}`); got != (api.Guards{PerDay: 2}) {
		t.Errorf("got %+v", got)
	}
	if got := change(`{"guards":{}}`); got != (api.Guards{}) {
		t.Errorf("got %+v", got)
	}
}

func TestABadGuardIsNamedAndChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	before := b.snapshot(t)
	for fields, c := range map[string]struct {
		number   int
		location string
	}{
		`"guards":{"per_day":9}`:                                         {api.NumInvalid, "body.guards.per_day"},
		`"guards":{"per_day":-1}`:                                        {api.NumInvalid, "body.guards.per_day"},
		`"guards":{"count_pushes":true}`:                                 {api.NumInvalid, "body.guards.count_pushes"},
		`"guards":{"same_content_days":31}`:                              {api.NumInvalid, "body.guards.same_content_days"},
		`"guards":{"quiet":{"from":"22:00"}}`:                            {api.NumInvalid, "body.guards.quiet.until"},
		`"guards":{"quiet":{"from":"24:00","until":"08:00"}}`:            {api.NumInvalid, "body.guards.quiet.from"},
		`"guards":{"quiet":{"from":"9:00","until":"08:00"}}`:             {api.NumInvalid, "body.guards.quiet.from"},
		`"guards":{"quiet":{"from":"22:00","until":"8 Uhr"}}`:            {api.NumInvalid, "body.guards.quiet.until"},
		`"guards":{"quiet":{"from":"08:00","until":"08:00"}}`:            {api.NumInvalid, "body.guards.quiet.until"},
		`"guards":{"quiet":{"from":"","until":"","skip":true}}`:          {api.NumInvalid, "body.guards.quiet.skip"},
		`"guards":{"quiet":{"from":"22:00","until":"08:00","days":"1"}}`: {api.NumUnknownField, "body.guards.quiet.days"},
		`"guards":{"urgent":true}`:                                       {api.NumUnknownField, "body.guards.urgent"},
		`"guards":[]`:                                                    {api.NumInvalid, "body.guards"},
		`"time_zone":"Shanghai"`:                                         {api.NumInvalid, "body.time_zone"},
		`"time_zone":"Local"`:                                            {api.NumInvalid, "body.time_zone"},
		`"time_zone":"../../etc/localtime"`:                              {api.NumInvalid, "body.time_zone"},
		`"time_zone":8`:                                                  {api.NumInvalid, "body.time_zone"},
	} {
		wantProblem(t, b.call(t, "POST", "/v1/apps", b.admin, `{"app_id":"wxaaaa01",`+fields+`}`), c.number, c.location)
		wantProblem(t, b.call(t, "PATCH", base, b.admin, `{`+fields+`}`), c.number, c.location)
	}
	if after := b.snapshot(t); before != after {
		t.Errorf("something changed:\n%s", difference(before, after))
	}
}

func TestACampaignHasItsRollOutAndWhatItKeepsBack(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	create := func(fields string) api.Campaign {
		return want[api.Campaign](t, b.call(t, "POST", campaigns, b.admin, `{"message":{`+oneTime+`}`+fields+`}`), 201)
	}
	if m := create(``); m.Rollout != nil || m.KeepBack != 0 || m.OnQuiet != "" {
		t.Errorf("got %+v", m)
	}
	normal := minapush.DefaultRollout()
	m := create(`,"rollout":{},"keep_back":2,"on_quiet":"wait"`)
	expected := &api.Rollout{
		Percents: normal.Percents, PauseSeconds: 600, MaxFailed: minapush.DefaultMaxFailed, MaxRefused: minapush.DefaultMaxRefused, Stages: 3,
	}
	if diff := cmp.Diff(expected, m.Rollout); diff != "" || m.KeepBack != 2 || m.OnQuiet != "wait" {
		t.Errorf("got %+v, roll-out (-want +got):\n%s", m, diff)
	}
	m = create(`,"rollout":{"percents":[50],"pause_seconds":-1,"max_failed":0.5,"max_refused":1}`)
	expected = &api.Rollout{Percents: []float64{50}, PauseSeconds: -1, MaxFailed: 0.5, MaxRefused: 1, Stages: 2}
	if diff := cmp.Diff(expected, m.Rollout); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	started := want[api.Campaign](t, b.call(t, "POST", campaigns+"/"+m.ID+"/start", b.admin, ""), 200)
	if started.Rollout.Stage < 1 || started.Rollout.Stage > 2 {
		t.Errorf("got stage %d of %d", started.Rollout.Stage, started.Rollout.Stages)
	}
}

func TestABadRollOutIsNamedAndMakesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	before := b.snapshot(t)
	for fields, c := range map[string]struct {
		number   int
		location string
	}{
		`"rollout":{"percents":[]}`:                       {api.NumInvalid, "body.rollout.percents"},
		`"rollout":{"percents":[0]}`:                      {api.NumInvalid, "body.rollout.percents"},
		`"rollout":{"percents":[100]}`:                    {api.NumInvalid, "body.rollout.percents"},
		`"rollout":{"percents":[10,5]}`:                   {api.NumInvalid, "body.rollout.percents"},
		`"rollout":{"percents":[1,2,3,4,5,6,7,8,9]}`:      {api.NumInvalid, "body.rollout.percents"},
		`"rollout":{"percents":["5"]}`:                    {api.NumInvalid, "body.rollout.percents[0]"},
		`"rollout":{"pause_seconds":-2}`:                  {api.NumInvalid, "body.rollout.pause_seconds"},
		`"rollout":{"pause_seconds":604801}`:              {api.NumInvalid, "body.rollout.pause_seconds"},
		`"rollout":{"pause_seconds":9223372036854775807}`: {api.NumInvalid, "body.rollout.pause_seconds"},
		`"rollout":{"max_failed":1.01}`:                   {api.NumInvalid, "body.rollout.max_failed"},
		`"rollout":{"max_refused":-0.1}`:                  {api.NumInvalid, "body.rollout.max_refused"},
		`"rollout":{"expected":0.1}`:                      {api.NumInvalid, "body.rollout.expected"},
		`"rollout":{"stage":2}`:                           {api.NumInvalid, "body.rollout.stage"},
		`"rollout":{"stages":1}`:                          {api.NumInvalid, "body.rollout.stages"},
		`"rollout":{"speed":1}`:                           {api.NumUnknownField, "body.rollout.speed"},
		`"rollout":true`:                                  {api.NumInvalid, "body.rollout"},
		`"keep_back":-1`:                                  {api.NumInvalid, "body.keep_back"},
		`"keep_back":101`:                                 {api.NumInvalid, "body.keep_back"},
		`"on_quiet":"urgent"`:                             {api.NumInvalid, "body.on_quiet"},
	} {
		for _, path := range []string{campaigns, campaigns + "?dry_run=true"} {
			wantProblem(t, b.call(t, "POST", path, b.admin, `{"message":{`+oneTime+`},`+fields+`}`), c.number, c.location)
		}
		body := `{"message":{` + oneTime + `},"cron":"0 20 * * *",` + fields + `}`
		wantProblem(t, b.call(t, "POST", base+"/schedules", b.admin, body), c.number, c.location)
	}
	if after := b.snapshot(t); before != after {
		t.Errorf("something changed:\n%s", difference(before, after))
	}
}

func TestAPushTooManyIsSkippedIfPushesCount(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	b.deposit(t, openid, b.formID(1), b.formID(2), b.formID(3))
	push := func() api.Push {
		body := `{"openid":"` + openid + `","message":{"template":"` + legacyID + `","keywords":"a"}}`
		return want[api.Push](t, b.call(t, "POST", base+"/pushes", b.admin, body), 200)
	}
	want[api.App](t, b.call(t, "PATCH", base, b.admin, `{"guards":{"per_day":1,"count_pushes":true}}`), 200)
	if first := push(); first.Outcome != "accepted" {
		t.Fatalf("got %+v", first)
	}
	second := push()
	if second.Outcome != "skipped" || second.Reason == nil || second.Reason.Code != minapush.ReasonDailyCap {
		t.Errorf("got %+v", second)
	}
	if u := b.user(t, openid); u.Counts.Available != 2 || u.Counts.Spent != 1 {
		t.Errorf("got %+v", u.Counts)
	}
	want[api.App](t, b.call(t, "PATCH", base, b.admin, `{"guards":{"per_day":1}}`), 200)
	if third := push(); third.Outcome != "accepted" {
		t.Errorf("where pushes do not count: got %+v", third)
	}
}
