package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
)

// scheduled makes a schedule by command, and returns what was made.
func (w *world) scheduled(args ...string) (s api.Schedule) {
	w.t.Helper()
	status, stdout, stderr := w.minapush(append([]string{"schedule", "create", "--template", oneTimeT, "--value", "thing1=a", "--json"}, args...)...)
	if status != 0 {
		w.t.Fatalf("%v: status %d: %s", args, status, stderr)
	}
	must(w.t, json.Unmarshal([]byte(stdout), &s))
	return s
}

func TestAScheduleIsMadeShownPausedAndEndedByCommand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	create := []string{
		"schedule", "create", "--template", oneTimeT, "--value", "thing1=a", "--name", "weekly", "--cron", "30 9 * * 1", "--time-zone", "Europe/Berlin",
		"--where", `{"tag":"vip"}`, "--send-for", "3h", "--grace", "30m", "--keep-back", "2", "--on-quiet", "skip", "--rollout", "1,10",
	}
	status, stdout, stderr := w.minapush(append(create, "--dry-run")...)
	if status != 0 {
		t.Fatal(stderr)
	}
	wantAll(t, stdout, "nothing was made", "30 9 * * 1 (Europe/Berlin)", "Next runs (Europe/Berlin):", "09:30 Mon", `{"tag":"vip"}`, "3h", "30m",
		"1 % → 10 % → the rest, 10m between", "skip")
	if n := strings.Count(stdout, "09:30 Mon"); n != 5 {
		t.Errorf("%d runs are shown", n)
	}
	if _, stdout, _ := w.minapush("schedule", "list", "--json"); strings.Contains(stdout, "weekly") {
		t.Errorf("a dry run made %s", stdout)
	}
	status, stdout, stderr = w.chinese(create...)
	if status != 0 {
		t.Fatal(stderr)
	}
	wantAll(t, stdout, "定时推送 01", "生效中", "下次执行 (Europe/Berlin):", "09:30 周一", "1 % → 10 % → 其余, 间隔 10m", "跳过")
	id := strings.Fields(stdout)[1]
	_, stdout, _ = w.minapush("schedule", "list")
	if line := lineWith(stdout, id); !holdsAll(line, []string{"weekly", "active", "09:30 Mon", "0"}) {
		t.Errorf("listed as %q", line)
	}
	_, stdout, _ = w.minapush("schedule", "pause", id)
	wantAll(t, stdout, "paused: by an operator", "If it were resumed now")
	_, stdout, _ = w.minapush("schedule", "resume", id)
	wantAll(t, stdout, "active")
	_, stdout, _ = w.minapush("schedule", "end", id)
	wantAll(t, stdout, "ended: by an operator", "There will be no run.")
	var all api.Schedules
	_, stdout, _ = w.minapush("schedule", "list", "--json")
	must(t, json.Unmarshal([]byte(stdout), &all))
	if len(all.Schedules) != 1 || all.Schedules[0].State != "ended" {
		t.Errorf("got %+v", all)
	}
}

func TestAScheduleShowsItsRunsAndThoseThatWereMissed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	user := w.users(1)[0]
	w.subscribe(user, 1)
	first := w.scheduled("--at", w.now().Add(time.Hour).Format(time.RFC3339))
	missed := w.scheduled("--at", w.now().Add(5*time.Hour).Format(time.RFC3339), "--grace", "10m")
	w.advance(time.Hour + time.Second)
	run := w.untilRun(first.ID)
	w.finished(run.Campaign)
	_, stdout, stderr := w.minapush("schedule", "show", first.ID)
	if line := lineWith(stdout, run.Campaign); !holdsAll(line, []string{"finished", "1"}) {
		t.Errorf("shown as %q: %s%s", line, stdout, stderr)
	}
	_, stdout, _ = w.minapush("campaign", "show", run.Campaign)
	wantAll(t, stdout, "schedule: "+first.ID)
	w.close()
	w.advance(5 * time.Hour)
	w.start()
	if run := w.untilRun(missed.ID); run.Campaign != "" {
		t.Errorf("a run that was missed has the campaign %s", run.Campaign)
	}
	_, stdout, _ = w.chinese("schedule", "show", missed.ID)
	wantAll(t, stdout, "已错过: 宽限期内未能开始", "不会再执行")
}

// untilRun waits for the first run of a schedule.
func (w *world) untilRun(id string) api.Run {
	w.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := w.client.Schedule(w.t.Context(), testApp, id)
		must(w.t, err)
		if len(s.Runs) > 0 {
			return s.Runs[0]
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("schedule %s has no run: %+v", id, s)
		}
		<-tick.C
	}
}

func TestAReminderIsAScheduleForThoseWhoDidNotSignInThatDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	users := w.users(3)
	now := w.now().Add(8 * time.Hour).UTC()
	w.advance(now.Truncate(24 * time.Hour).Add(36 * time.Hour).Sub(now)) // to a noon, so that no midnight comes meanwhile
	for _, o := range users {
		w.subscribe(o, 1)
	}
	if status, _, stderr := w.minapush("users", "event", users[0], "checkin", "--at", w.now().Format(time.RFC3339)); status != 0 {
		t.Fatal(stderr)
	}
	remind := []string{"remind", "--template", oneTimeT, "--value", "thing1=今天还没有签到", "--event", "checkin", "--at", "20:15", "--days", "weekdays"}
	status, stdout, stderr := w.minapush(append(remind, "--dry-run")...)
	if status != 0 {
		t.Fatal(stderr)
	}
	wantAll(t, stdout, "nothing was made", "15 20 * * 1-5 (Asia/Shanghai)", "20:15 Mon", "20:15 Fri",
		`{"not":{"event":{"days":1,"name":"checkin","time_zone":"Asia/Shanghai"}}}`, "If it ran now:", "2h")
	if strings.Contains(stdout, "20:15 Sun") || strings.Contains(stderr, "quiet hours") {
		t.Errorf("got %s%s", stdout, stderr)
	}
	if line := lineWith(stdout, "reachable now"); !holdsAll(line, []string{"2", "100.0 %"}) {
		t.Errorf("it would reach %q", line)
	}
	var got reminded
	status, stdout, stderr = w.minapush(append(remind, "--json", "--time-zone", "Asia/Tokyo", "--name", "sign in")...)
	must(t, json.Unmarshal([]byte(stdout), &got))
	if status != 0 || got.Schedule.ID == "" || got.Schedule.Name != "sign in" || got.Schedule.TimeZone != "Asia/Tokyo" || got.Now.Matched != 2 {
		t.Errorf("status %d: %s%s", status, stdout, stderr)
	}
	if status, _, stderr = w.minapush("apps", "update", testApp, "--quiet", "20:00-08:00"); status != 0 {
		t.Fatal(stderr)
	}
	_, stdout, stderr = w.chinese(remind...)
	wantAll(t, stdout, "定时推送 01", "如果现在执行:")
	wantAll(t, stderr, "警告: 20:15 处于该小程序的免打扰时段 (20:00-08:00). 发送会等到时段结束, 但届时已超过 --send-for: 没有人会收到.")
	_, _, stderr = w.minapush(append(remind, "--dry-run", "--send-for", "12h")...)
	wantAll(t, stderr, "Warning: 20:15 lies in the app's quiet hours (20:00-08:00). It waits for their end.")
	if status, _, stderr = w.minapush("apps", "update", testApp, "--quiet-skip"); status != 0 {
		t.Fatal(stderr)
	}
	_, _, stderr = w.minapush(append(remind, "--dry-run")...)
	wantAll(t, stderr, "Whom it meets in them is skipped.")
}

func TestBadSchedulesAreNamedBeforeAnythingIsMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	create := []string{"schedule", "create", "--template", oneTimeT, "--value", "thing1=a"}
	remind := []string{"remind", "--template", oneTimeT, "--value", "thing1=a", "--event", "checkin"}
	with := func(args []string, more ...string) []string { return append(args[:len(args):len(args)], more...) }
	for want, args := range map[string][]string{
		"--at, --cron: exactly one":    create,
		"--at: must be a time such":    with(create, "--at", "tomorrow"),
		"--until: must be a time":      with(create, "--cron", "0 20 * * *", "--until", "x"),
		"cron":                         with(create, "--cron", "60 20 * * *"),
		"time_zone":                    with(create, "--cron", "0 20 * * *", "--time-zone", "Mars/Olympus"),
		"--where: must be JSON":        with(create, "--cron", "0 20 * * *", "--where", "x"),
		"audience.where":               with(create, "--cron", "0 20 * * *", "--where", `{"tagg":"x"}`),
		"--rollout: must be numbers":   with(create, "--cron", "0 20 * * *", "--rollout", "1,100"),
		"--rollout-pause: must be 0":   with(create, "--cron", "0 20 * * *", "--rollout", "1", "--rollout-pause", "-1m"),
		"--grace: must be 0 or more":   with(create, "--cron", "0 20 * * *", "--grace", "500ms"),
		"--send-for: must be 0 or":     with(create, "--cron", "0 20 * * *", "--send-for", "1500ms"),
		"--send-for: must be 0 or mor": with(remind, "--send-for", "-1s"),
		"rollout.percents":             with(create, "--cron", "0 20 * * *", "--rollout", "10,1"),
		"on_quiet":                     with(create, "--cron", "0 20 * * *", "--on-quiet", "sleep"),
		"--at: must be a time of the":  with(remind, "--at", "8 pm"),
		"--days: must be daily or":     with(remind, "--days", "sundays"),
		`required flag(s) "event" not`: {"remind", "--template", oneTimeT},
		"no such thing":                {"schedule", "show", "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
	} {
		status, _, stderr := w.minapush(args...)
		if status == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%v: status %d, %q does not say %s", args, status, stderr, want)
		}
	}
	got, err := w.client.SchedulePage(t.Context(), testApp, "", 0)
	if err != nil || len(got.Schedules) > 0 {
		t.Errorf("made %+v, %v", got, err)
	}
}

func TestACampaignTellsOfItsStagesAndWhyItWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	status, stdout, stderr := w.minapush("campaign", "create", "--template", oneTimeT, "--value", "thing1=a", "--rollout", "5%,50", "--rollout-pause", "0",
		"--keep-back", "1", "--on-quiet", "wait")
	if status != 0 {
		t.Fatal(stderr)
	}
	wantAll(t, stdout, "staged roll-out: 5 % → 50 % → the rest\n", "kept back for pushes: 1", "quiet hours: wait")
	m, err := w.client.Campaign(t.Context(), testApp, openCampaign(t, w))
	must(t, err)
	if m.Rollout == nil || len(m.Rollout.Percents) != 2 || m.Rollout.PauseSeconds > 0 || m.KeepBack != 1 || m.OnQuiet != "wait" {
		t.Errorf("made %+v with %+v", m, m.Rollout)
	}
	until := time.Now().Add(time.Hour)
	reason := func(code string, params map[string]string) api.Reason { return api.Reason{Code: code, Params: params} }
	stages := &api.Rollout{Stage: 2, Stages: 3}
	paused := reason("rollout_refused", map[string]string{"share": "0.5", "expected": "0.125", "max": "0.2", "answers": "40"})
	failed := reason("rollout_failed", map[string]string{"share": "0.25", "max": "0.1", "answers": "20"})
	for _, c := range []struct {
		l    language
		m    api.Campaign
		want string
	}{
		{english, api.Campaign{State: "running", Rollout: stages}, "running, stage 2 of 3"},
		{chinese, api.Campaign{State: "running", Rollout: stages}, "发送中, 第 2/3 阶段"},
		{english, api.Campaign{State: "finished", Rollout: stages}, "finished"},
		{english, api.Campaign{State: "scheduled", StartAt: until}, "scheduled → " + shortTime(until)},
		{english, api.Campaign{State: "running", Hold: &api.Hold{Why: reason("quiet_hours", nil), Until: until}}, "running, waiting: quiet hours → " + shortTime(until)},
		{chinese, api.Campaign{State: "running", Hold: &api.Hold{Why: reason("quiet_hours", nil), Until: until}}, "发送中 (等待): 免打扰时段 → " + shortTime(until)},
		{english, api.Campaign{State: "running", Rollout: stages, Hold: &api.Hold{
			Why: reason("rollout_pause", map[string]string{"stage": "1", "stages": "3"}), Until: until,
		}}, "running, waiting: pause of the staged roll-out after stage 1 of 3 → " + shortTime(until) + ", stage 2 of 3"},
		{english, api.Campaign{State: "paused", Why: &paused},
			"paused: staged roll-out stopped: too many refusals (50.0 % of 40 answers; expected 12.5 %, at most 20.0 %)"},
		{chinese, api.Campaign{State: "paused", Why: &failed}, "已暂停: 灰度发送已停止: 失败过多 (25.0 %, 共 20 条应答; 上限 10.0 %)"},
	} {
		if got := c.l.stateOf(c.m); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestEveryWordOfSchedulesIsInBothLanguages(t *testing.T) {
	t.Parallel()
	for name, both := range scheduleWords {
		if both[english] == "" || both[chinese] == "" {
			t.Errorf("%s lacks a language", name)
		}
		if _, twice := words[name]; twice {
			t.Errorf("%s has words elsewhere, which go before these", name)
		}
	}
	for _, l := range []language{english, chinese} {
		for _, code := range []string{
			"daily_cap", "same_content", "kept_back", "quiet_hours", "rollout_pause", "rollout_failed", "rollout_refused", "missed", "schedule_over",
			"bad_audience",
		} {
			if l.reason(code) == code {
				t.Errorf("%s is not said in language %d", code, l)
			}
		}
	}
}
