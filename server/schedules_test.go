package server_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush/api"
)

const schedules = base + "/schedules"

func daily(fields string) string {
	return `{"message":{` + oneTime + `},"cron":"0 20 * * *"` + fields + `}`
}

func TestADryRunOfAScheduleTellsItsRunsAndMakesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	before := b.snapshot(t)
	got := want[api.Schedule](t, b.call(t, "POST", schedules+"?dry_run=true", b.admin, daily(`,"until":"2026-11-23T12:00:00Z"`), api.IdempotencyKey, "k"), 200)
	if got.ID != "" || !got.CreatedAt.IsZero() || got.TimeZone != "Asia/Shanghai" || got.State != "active" {
		t.Errorf("got %+v", got)
	}
	next := []time.Time{time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(next, got.Next); diff != "" {
		t.Errorf("next runs (-want +got):\n%s", diff)
	}
	if after := b.snapshot(t); before != after {
		t.Errorf("something changed:\n%s", difference(before, after))
	}
}

func TestAScheduleIsMadeOnceWithItsKey(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	body := daily(`,"name":"签到","audience":{"where":{"not_seen_within":"1d"}},"grace_seconds":600,"send_for_seconds":3600,"keep_back":1,"rollout":{}`)
	made := want[api.Schedule](t, b.call(t, "POST", schedules, b.admin, body, api.IdempotencyKey, "k"), 201)
	again := want[api.Schedule](t, b.call(t, "POST", schedules, b.admin, body, api.IdempotencyKey, "k"), 200)
	if diff := cmp.Diff(made, again); diff != "" {
		t.Errorf("again (-first +second):\n%s", diff)
	}
	if made.Rollout == nil || made.Rollout.Stages != 0 || made.GraceSeconds != 600 || made.SendForSeconds != 3600 || len(made.Next) != 5 || made.TemplateKind != "one_time" {
		t.Errorf("got %+v", made)
	}
	other := b.call(t, "POST", schedules, b.admin, daily(`,"name":"x"`), api.IdempotencyKey, "k")
	wantProblem(t, other, api.NumKeyReused, "header."+api.IdempotencyKey)
	if list := want[api.Schedules](t, b.call(t, "GET", schedules, b.admin, ""), 200); len(list.Schedules) != 1 || list.Next != "" {
		t.Errorf("got %+v", list)
	}
}

func TestSchedulesAreListedPageByPageNewestFirst(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	for i := range 5 {
		want[api.Schedule](t, b.call(t, "POST", schedules, b.admin, daily(fmt.Sprintf(`,"name":"s%d"`, i))), 201)
	}
	var names []string
	for cursor, pages := "", 0; ; pages++ {
		page := want[api.Schedules](t, b.call(t, "GET", schedules+"?limit=2&cursor="+cursor, b.admin, ""), 200)
		for _, s := range page.Schedules {
			names = append(names, s.Name)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
		if pages > 3 {
			t.Fatal("the pages do not end")
		}
	}
	if diff := cmp.Diff([]string{"s4", "s3", "s2", "s1", "s0"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if list := want[api.Schedules](t, b.call(t, "GET", "/v1/apps/"+otherApp+"/schedules", b.admin, ""), 200); len(list.Schedules) != 0 {
		t.Errorf("another app has %+v", list)
	}
}

func TestAScheduleIsPausedResumedAndEnded(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	path := schedules + "/" + want[api.Schedule](t, b.call(t, "POST", schedules, b.admin, daily("")), 201).ID
	for _, step := range []struct{ verb, state, why string }{
		{"pause", "paused", "operator"}, {"pause", "paused", "operator"}, {"resume", "active", ""}, {"resume", "active", ""},
		{"end", "ended", "operator"}, {"end", "ended", "operator"},
	} {
		got := want[api.Schedule](t, b.call(t, "POST", path+"/"+step.verb, b.admin, ""), 200)
		why := ""
		if got.Why != nil {
			why = got.Why.Code
		}
		if got.State != step.state || why != step.why || (len(got.Next) == 0) != (step.state == "ended") || got.EndedAt.IsZero() != (step.state != "ended") {
			t.Errorf("%s: got %+v", step.verb, got)
		}
		if read := want[api.Schedule](t, b.call(t, "GET", path, b.admin, ""), 200); read.State != step.state {
			t.Errorf("%s is not kept: %+v", step.verb, read)
		}
	}
	for _, verb := range []string{"pause", "resume"} {
		wantProblem(t, b.call(t, "POST", path+"/"+verb, b.admin, ""), api.NumConflict, "state")
	}
	for _, id := range []string{"nobody", "%00", "a%20b", "01JDAAAAAAAAAAAAAAAAAA9999"} {
		wantProblem(t, b.call(t, "GET", schedules+"/"+id, b.admin, ""), api.NumNotFound, "")
		wantProblem(t, b.call(t, "POST", schedules+"/"+id+"/end", b.admin, ""), api.NumNotFound, "")
	}
}

func TestAScheduleThatBreaksARuleIsNamedAndMakesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t)
	before := b.snapshot(t)
	const message = `"message":{` + oneTime + `}`
	for body, c := range map[string]struct {
		number   int
		location string
	}{
		`{` + message + `}`:                                                                            {api.NumInvalid, "body.cron"},
		`{"cron":"0 20 * * *"}`:                                                                        {api.NumInvalid, "body.message"},
		`{` + message + `,"cron":"every day"}`:                                                         {api.NumInvalid, "body.cron"},
		`{` + message + `,"cron":"* * * * *"}`:                                                         {api.NumInvalid, "body.cron"},
		`{` + message + `,"cron":"0 0 30 2 *"}`:                                                        {api.NumInvalid, "body.cron"},
		`{` + message + `,"cron":"TZ=UTC 0 0 1 * *"}`:                                                  {api.NumInvalid, "body.cron"},
		`{` + message + `,"at":"2026-11-21T10:00:00Z"}`:                                                {api.NumInvalid, "body.at"},
		`{` + message + `,"at":"2026-11-23T10:00:00Z","until":"2026-11-24T10:00:00Z"}`:                 {api.NumInvalid, "body.until"},
		daily(`,"at":"2026-11-23T10:00:00Z"`):                                                          {api.NumInvalid, "body.cron"},
		daily(`,"time_zone":"Nowhere"`):                                                                {api.NumInvalid, "body.time_zone"},
		daily(`,"until":"2026-11-22T10:00:01Z"`):                                                       {api.NumInvalid, "body.until"},
		daily(`,"from":"2026-12-01T00:00:00Z","until":"2026-11-30T00:00:00Z"`):                         {api.NumInvalid, "body.until"},
		daily(`,"grace_seconds":-1`):                                                                   {api.NumInvalid, "body.grace_seconds"},
		daily(`,"grace_seconds":86401`):                                                                {api.NumInvalid, "body.grace_seconds"},
		daily(`,"send_for_seconds":-1`):                                                                {api.NumInvalid, "body.send_for_seconds"},
		daily(`,"send_for_seconds":604801`):                                                            {api.NumInvalid, "body.send_for_seconds"},
		daily(`,"send_for_seconds":9223372036854775807`):                                               {api.NumInvalid, "body.send_for_seconds"},
		daily(`,"audience":{"list":true}`):                                                             {api.NumInvalid, "body.audience.list"},
		daily(`,"audience":{"listed":1}`):                                                              {api.NumInvalid, "body.audience.listed"},
		daily(`,"audience":{"where":{"all":[{"tag":"vip"},{"seen_within":"soon"}]}}`):                  {api.NumInvalid, "body.audience.where.all[1].seen_within"},
		daily(`,"start":true`):                                                                         {api.NumUnknownField, "body.start"},
		`{"message":{"template":"nobody"},"cron":"0 20 * * *"}`:                                        {api.NumInvalid, "body.message.template"},
		`{"message":{"template":"` + tmplID + `","values":{"thing1":"{{name}}"}},"cron":"0 20 * * *"}`: {api.NumInvalid, "body.message.values.thing1"},
	} {
		for _, path := range []string{schedules, schedules + "?dry_run=true"} {
			wantProblem(t, b.call(t, "POST", path, b.admin, body), c.number, c.location)
		}
	}
	wantProblem(t, b.call(t, "POST", schedules+"?dry_run=yes", b.admin, daily("")), api.NumInvalid, "query.dry_run")
	wantProblem(t, b.call(t, "GET", schedules+"?cursor=a%20b", b.admin, ""), api.NumInvalid, "query.cursor")
	wantProblem(t, b.call(t, "GET", schedules+"?limit=201", b.admin, ""), api.NumInvalid, "query.limit")
	if after := b.snapshot(t); before != after {
		t.Errorf("something changed:\n%s", difference(before, after))
	}
}
