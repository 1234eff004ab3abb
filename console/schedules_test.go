package console

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/campaign"
)

// goodSchedule is a form without a mistake, of every day at 20:00 for those who have not checked in; later pairs replace earlier ones.
func goodSchedule(pairs ...string) []string {
	return filled(map[string]string{
		"key": "key-1", "template": testTemplate, "name": "每日签到提醒", "value.thing1": "别忘了签到", "value.date2": "2026-11-23", "page": "pages/index/index",
		"state": "formal", "lang": "zh_CN", "audience": "idle", "event": "checkin", "event_days": "1", "when": "daily", "clock": "20:00", "time_zone": "Asia/Shanghai",
		"send_for": "2", "month_day": "1", "do": "make",
	}, pairs...)
}

// scheduled makes a schedule by its form, and returns its id.
func (w *world) scheduled(pairs ...string) string {
	w.t.Helper()
	a := w.post(appPath("schedules/new"), http.StatusSeeOther, goodSchedule(pairs...)...)
	found := regexp.MustCompile(`/schedules/([^/]+)$`).FindStringSubmatch(a.location)
	if found == nil {
		w.t.Fatalf("sent to %s", a.location)
	}
	return found[1]
}

func (w *world) schedule(id string) minapush.Schedule {
	w.t.Helper()
	s, err := w.campaigns.Schedule(w.t.Context(), testApp, id)
	w.must(err)
	return s
}

// runSchedules makes the runs that are due, until the schedule is as wanted.
func (w *world) runSchedules(id string, want func(minapush.Schedule) bool) {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.campaigns.Run(ctx, func(ctx context.Context) ([]minapush.App, error) {
			app, err := w.accounts.App(ctx, testApp)
			return []minapush.App{app}, err
		})
	}()
	defer func() { stop(); <-done }()
	for !want(w.schedule(id)) {
		select {
		case <-w.t.Context().Done():
			w.t.Fatalf("the schedule is %+v", w.schedule(id))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestASignInReminderIsMadeFromThePreset(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("oUser1", 1)
	w.survey()
	w.shows(w.get(appPath("schedules"), 200), "还没有定时任务", appPath("schedules/new")+"?preset=reminder", `aria-current="page">定时推送`)
	choose := w.get(appPath("schedules/new?preset=reminder"), 200)
	link := regexp.MustCompile(`href="/console/([^"]*schedules/new\?template=[^"]*)"`).FindStringSubmatch(choose.body)
	if link == nil {
		t.Fatal("no template can be chosen")
	}
	form := w.get(strings.ReplaceAll(link[1], "&amp;", "&"), 200)
	w.shows(form, `value="签到提醒"`, `value="daily" checked`, `value="20:00"`, `value="idle" checked`, `value="checkin"`, `id="f-event_days" name="event_days" type="text" value="1"`)
	w.lacks(form, `value="list"`)

	checked := w.post(appPath("schedules/new"), 200, goodSchedule("do", "check")...)
	w.shows(checked, "每天 20:00", "今天没有 checkin 的用户", "2026-11-22 20:00", "2026-11-26 20:00", "时区 Asia/Shanghai", `name="event" value="checkin"`, `name="do" value="make"`)
	if list, err := w.campaigns.Schedules(t.Context(), testApp, "", 1); err != nil || len(list) > 0 {
		t.Fatalf("looking at it made %v, %v", list, err)
	}
	w.shows(w.post(appPath("schedules/new"), 200, goodSchedule("do", "count")...), "统计全部用户", "其中当前可触达")
	w.shows(w.post(appPath("schedules/new"), 200, goodSchedule("do", "change", "name", "改一改")...), `value="改一改"`, `id="compose"`)
	w.lacks(w.post(appPath("schedules/new"), 200, goodSchedule("do", "preview", "name", "")...), "尚未保存")

	id := w.scheduled()
	s := w.schedule(id)
	if s.Cron != "0 20 * * *" || s.TimeZone != "Asia/Shanghai" || s.SendFor != 2*time.Hour || string(s.Audience.Where) != `{"not":{"event":{"days":1,"name":"checkin"}}}` || s.State != minapush.ScheduleActive {
		t.Errorf("made %+v", s)
	}
	if again := w.scheduled(); again != id {
		t.Errorf("a double click made %s and %s", id, again)
	}
	other := w.post(appPath("schedules/new"), http.StatusUnprocessableEntity, goodSchedule("clock", "21:00")...)
	w.shows(other, "该表单此前已创建过定时任务", `value="21:00"`)
	key := regexp.MustCompile(`name="key" value="([^"]+)"`).FindStringSubmatch(other.body)[1]
	if w.scheduled("clock", "21:00", "key", key) == id {
		t.Error("the changed form made nothing")
	}
	w.shows(w.get(appPath("schedules"), 200), "每日签到提醒", "每天 20:00", "每天 21:00", "生效中")
	w.shows(w.get(appPath("schedules/new?copy="+id), 200), "内容复制自", `value="daily" checked`, `value="idle" checked`, `value="2"`)
	w.get(appPath("schedules/new?copy=unknown"), http.StatusNotFound)
}

func TestTimesThatAreChosenAreThoseOfTheScheduleAndComeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, c := range []struct {
		pairs       []string
		cron, words string
		next        string
	}{
		{[]string{"when", "workdays", "clock", "08:05"}, "5 8 * * 1-5", "周一至周五 08:05", "2026-11-23 08:05"},
		{[]string{"when", "weekly", "weekday", "6"}, "0 20 * * 6", "每周六 20:00", "2026-11-28 20:00"},
		{[]string{"when", "weekly", "weekday", "0"}, "0 20 * * 0", "每周日 20:00", "2026-11-22 20:00"},
		{[]string{"when", "monthly", "month_day", "31"}, "0 20 31 * *", "每月 31 日 20:00", "2026-12-31 20:00"},
		{[]string{"when", "cron", "cron", "*/30 9-18 * * 1-5"}, "*/30 9-18 * * 1-5", "<code>*/30 9-18 * * 1-5</code>", "2026-11-23 09:00"},
		{[]string{"when", "daily", "time_zone", "America/New_York", "from", "2026-12-01", "until", "2026-12-03"}, "0 20 * * *", "每天 20:00", "2026-12-01 20:00 (America/New_York)"},
		{[]string{"when", "once", "at", "2026-11-25T09:30", "time_zone", "Asia/Tokyo", "send_for", ""}, "", "仅一次，2026-11-25 09:30 (Asia/Tokyo)", "2026-11-25 09:30 (Asia/Tokyo)"},
	} {
		id := w.scheduled(append([]string{"key", fmt.Sprint("k", i)}, c.pairs...)...)
		s := w.schedule(id)
		if s.Cron != c.cron {
			t.Errorf("%v made %q", c.pairs, s.Cron)
		}
		w.shows(w.get(appPath("schedules/"+id), 200), c.words, c.next)
		var again campaign.ScheduleDraft
		timesOf(s).into(&again, func(field, name string, params ...string) { t.Errorf("%v: %s is %s %v", c.pairs, field, name, params) })
		if again.Cron != s.Cron || !again.At.Equal(s.At) || !again.From.Equal(s.From) || !again.Until.Equal(s.Until) || again.SendFor != s.SendFor || again.TimeZone != s.TimeZone {
			t.Errorf("%v comes back as %+v, not %+v", c.pairs, again, s)
		}
	}
	several := minapush.Schedule{Cron: "30 9 * * 1,3,6", TimeZone: "Asia/Shanghai"}
	if f := timesOf(several); f.When != whenWeekly || f.Clock != "09:30" || !f.On("1") || !f.On("3") || !f.On("6") || f.On("0") {
		t.Errorf("several days come back as %+v", f)
	}
	last := campaign.NextRuns(w.schedule(w.scheduled("key", "bounded", "from", "2026-12-01", "until", "2026-12-03")), w.clock.now(), 9)
	if len(last) != 3 {
		t.Errorf("from the first to the third it runs at %v", last)
	}
}

func TestAScheduleThatIsTypedWrongComesBackMarked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct{ pairs, want []string }{
		"no name":        {[]string{"name", ""}, []string{`id="m-name"`}},
		"long name":      {[]string{"name", strings.Repeat("长", 61)}, []string{`id="m-name"`, "最多 180 字节"}},
		"value":          {[]string{"value.thing1", ""}, []string{`id="m-value.thing1"`}},
		"placeholder":    {[]string{"value.thing1", "{{name}} 您好"}, []string{"占位符仅在目标人群为名单时可用"}},
		"list":           {[]string{"audience", "list"}, []string{`id="m-audience"`}},
		"event":          {[]string{"event", "1st"}, []string{`id="m-event"`}},
		"unknown asked":  {[]string{"audience", "ungot", "of", "01UNKNOWN"}, []string{`id="m-of"`}},
		"percents":       {[]string{"rollout", "yes", "rollout_percents", "100", "rollout_pause", "1"}, []string{`id="m-rollout_percents"`}},
		"no choice":      {[]string{"when", ""}, []string{`id="m-when"`}},
		"no time":        {[]string{"clock", "25:00"}, []string{`id="m-clock"`, `value="25:00"`}},
		"no day":         {[]string{"when", "weekly"}, []string{`id="m-weekday"`}},
		"no day of it":   {[]string{"when", "monthly", "month_day", "32"}, []string{`id="m-month_day"`}},
		"no date":        {[]string{"when", "once", "at", "soon"}, []string{`id="m-at"`}},
		"past":           {[]string{"when", "once", "at", "2026-11-22T17:59"}, []string{`id="m-at"`, "必须晚于当前时间"}},
		"no cron":        {[]string{"when", "cron", "cron", ""}, []string{`id="m-cron"`}},
		"bad cron":       {[]string{"when", "cron", "cron", "0 20 * *"}, []string{`id="m-cron"`, `value="0 20 * *"`}},
		"too often":      {[]string{"when", "cron", "cron", "* * * * *"}, []string{`id="m-cron"`}},
		"never":          {[]string{"when", "cron", "cron", "0 0 30 2 *"}, []string{`id="m-cron"`}},
		"no zone":        {[]string{"time_zone", "Mars/Olympus"}, []string{`id="m-time_zone"`, `value="Mars/Olympus"`}},
		"hours":          {[]string{"send_for", "169"}, []string{`id="m-send_for"`, "1 到 168"}},
		"no first day":   {[]string{"from", "tomorrow"}, []string{`id="m-from"`}},
		"ends first":     {[]string{"from", "2026-12-02", "until", "2026-12-01"}, []string{`id="m-until"`, "不能早于开始日期"}},
		"over":           {[]string{"until", "2026-11-21"}, []string{`id="m-until"`, "必须晚于当前时间"}},
		"no run between": {[]string{"when", "monthly", "month_day", "15", "from", "2026-12-01", "until", "2026-12-02"}, []string{`id="m-until"`}},
	} {
		for _, do := range []string{"check", "make"} {
			a := w.post(appPath("schedules/new"), http.StatusUnprocessableEntity, goodSchedule(append(c.pairs, "do", do)...)...)
			for _, text := range append(c.want, "invalid-feedback", "尚未保存", `value="pages/index/index"`) {
				if !contains(a, text) {
					t.Errorf("%s, %s: the page does not show %q", name, do, text)
				}
			}
		}
	}
	if list, err := w.campaigns.Schedules(t.Context(), testApp, "", 1); err != nil || len(list) > 0 {
		t.Errorf("made %v, %v", list, err)
	}
	w.post(appPath("schedules/new"), http.StatusNotFound, goodSchedule("template", "unknown")...)
}

func TestAScheduleIsPausedResumedAndEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.scheduled()
	page := appPath("schedules/" + id)
	w.post(page+"/pause", http.StatusSeeOther)
	w.post(page+"/pause", http.StatusSeeOther) // a double click
	w.shows(w.get(page, 200), "已暂停", "人工操作", "若现在恢复", "2026-11-22 20:00")
	w.post(page+"/resume", http.StatusSeeOther)
	w.post(page+"/resume", http.StatusSeeOther)
	if s := w.schedule(id); s.State != minapush.ScheduleActive {
		t.Errorf("resumed, it is %s", s.State)
	}
	w.shows(w.get(page+"/end", 200), "结束后无法恢复")
	if s := w.schedule(id); s.State != minapush.ScheduleActive {
		t.Errorf("looking at the page of ending made it %s", s.State)
	}
	w.post(page+"/end", http.StatusSeeOther)
	w.post(page+"/end", http.StatusSeeOther)
	w.shows(w.get(page, 200), "已结束", "不会再执行")
	w.get(page+"/end", http.StatusSeeOther)
	for verb, words := range map[string]string{"pause": "不能暂停：任务已结束", "resume": "不能恢复：任务已结束"} {
		w.shows(w.post(page+"/"+verb, http.StatusConflict), words)
	}
	// Of another app it is not there, whatever is asked.
	foreign := "apps/" + string(otherApp) + "/schedules/"
	for _, at := range []string{foreign + id, foreign + id + "/end", foreign + "new?copy=" + id, appPath("schedules/unknown"), appPath("schedules/%00"), appPath("schedules?after=%00")} {
		w.get(at, http.StatusNotFound)
	}
	for _, verb := range []string{"pause", "resume", "end"} {
		w.post(foreign+id+"/"+verb, http.StatusNotFound)
	}
}

func TestRunsLeadToTheirCampaignsAndMissedOnesSaySo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("oUser1", 1)
	w.survey()
	id := w.scheduled("audience", "all", "when", "cron", "cron", "0 * * * *", "send_for", "")
	w.clock.add(3*time.Hour + 10*time.Minute) // at 21:10: of 19:00, 20:00 and 21:00 only the last is not too late
	w.runSchedules(id, func(s minapush.Schedule) bool { return s.Started == 1 && s.Missed == 2 })
	run := w.schedule(id).Runs[0].Campaign
	page := w.get(appPath("schedules/"+id), 200)
	w.shows(page, "已执行 1 次，错过 2 次", appPath("campaigns/"+run), "2026-11-22 21:00", "已错过：当时服务未运行", "时区 Asia/Shanghai")
	w.shows(w.get(appPath("campaigns/"+run), 200), "所属定时任务", appPath("schedules/"+id), "每日签到提醒")
	w.shows(w.get(appPath("campaigns"), 200), "· 定时任务 ·")
	w.run()
	w.await(run, minapush.Finished)
	w.shows(w.get(appPath("schedules/"+id), 200), "已完成", `<td class="num">1</td>`)
}

func TestSchedulesAreListedPageByPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range schedulesShown + 3 {
		w.scheduled("key", fmt.Sprint("k", i), "name", fmt.Sprintf("提醒 %02d 号", i))
	}
	first := w.get(appPath("schedules"), 200)
	w.shows(first, "提醒 32 号", "提醒 03 号")
	w.lacks(first, "提醒 02 号")
	next := regexp.MustCompile(`href="/console/([^"]*after=[^"]*)"`).FindStringSubmatch(first.body)
	if next == nil {
		t.Fatal("there is no next page")
	}
	second := w.get(strings.ReplaceAll(next[1], "&amp;", "&"), 200)
	w.shows(second, "提醒 02 号", "提醒 00 号")
	w.lacks(second, "提醒 03 号")
	w.shows(w.get(appPath("schedules?after=00000000000000000000000000"), 200), "没有更早的定时任务")
}
