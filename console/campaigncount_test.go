package console

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/bank"
)

// slowWalker is a store of which the third page of users never comes.
type slowWalker struct {
	audience.Walker
	pages int
}

func (s *slowWalker) Walk(ctx context.Context, shard minapush.Shard, after minapush.OpenID, limit int, beside ...string) ([]bank.User, error) {
	if s.pages++; s.pages > 2 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return s.Walker.Walk(ctx, shard, after, limit, beside...)
}

func TestAnAudienceIsCountedWhenSomebodyAsks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 20 {
		w.user(minapush.OpenID(fmt.Sprintf("oUser%03d", i)), i%2)
	}
	_, err := w.profiles.Change(t.Context(), w.app(), "oUser001", func(p *minapush.Profile) error { p.OptOut = minapush.OptOutAll; return nil })
	w.must(err)
	_, err = w.profiles.NoteEvents(t.Context(), w.app(), []audience.Told{
		{Name: "oUser003", Event: minapush.NamedEvent{Name: "checkin", At: w.clock.now()}}, {Name: "oUser004", Event: minapush.NamedEvent{Name: "checkin", At: w.clock.now()}},
	}, false)
	w.must(err)
	w.survey()
	id := w.made("audience", "idle", "event", "checkin", "event_days", "1")
	count := appPath("campaigns/" + id + "/count")
	w.lacks(w.get(appPath("campaigns/"+id+"/check"), 200), `name="counted"`)
	a := w.post(count, 200, "at", "2026-11-22T19:30")
	// 18 of 20 have not checked in; of the 10 with a permit one has opted out, and one has checked in.
	w.shows(a, "统计全部用户", "<dd>20</dd>", "<dd>18</dd>", "<dd>8</dd>", `name="counted" value="8"`, "确认发送给统计到的 8 人", `name="number" value="10"`, `value="2026-11-22T19:30"`)
	start := appPath("campaigns/" + id + "/start")
	w.shows(w.post(start, http.StatusUnprocessableEntity, "start", "at", "start_at", "soon", "number", "10", "counted", "8"), "确认发送给统计到的 8 人")
	w.post(start, http.StatusSeeOther, "start", "now", "number", "10", "counted", "8")
	w.post(count, http.StatusSeeOther) // it has been started

	listed := w.made("key", "k2", "audience", "list")
	w.lacks(w.post(appPath("campaigns/"+listed+"/count"), 200), "已检查用户", "立即统计")
	w.post("apps/"+string(otherApp)+"/campaigns/"+id+"/count", http.StatusNotFound)
}

func TestACountThatDoesNotEndInTimeSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 20 {
		w.user(minapush.OpenID(fmt.Sprintf("oUser%03d", i)), 1)
	}
	w.survey()
	w.console.parts.Counter = audience.NewCounter(&slowWalker{Walker: w.model}, w.clock.now)
	w.console.cfg.CountWithin = 50 * time.Millisecond
	id := w.made()
	a := w.post(appPath("campaigns/"+id+"/count"), 200)
	w.shows(a, "未能在", "已检查约 25.0% 的用户", "确认发送给约 20 人")
	w.lacks(a, `name="counted"`, "统计全部用户")
	for range countsAtOnce {
		w.console.counts <- struct{}{}
	}
	w.shows(w.post(appPath("campaigns/"+id+"/count"), 200), "正在进行其他统计")
}

func TestACountOfAnAudienceThatCannotBeAskedSaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	of := w.ended("first")
	id := w.made("audience", "ungot", "of", of, "latest", "none")
	m := w.campaign(id)
	w.clock.add(40 * 24 * time.Hour) // the rows are forgotten, and so is who was signed in
	got, err := w.console.count(t.Context(), w.app(), m.Audience, m.Rules())
	w.must(err)
	if got.Mistake == nil || got.number() != nil || !strings.Contains(strings.Join(got.Mistake.Params, ""), of) {
		t.Errorf("counted %+v", got)
	}
}

func TestTheCheckSaysWhatTheGuardRailsDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("oUser1", 1)
	w.survey()
	guard := func(g minapush.Guards, zone string) {
		_, err := w.accounts.UpdateApp(t.Context(), testApp, func(a *minapush.App) error { a.Guards, a.TimeZone = g, zone; return nil }, nil)
		w.must(err)
	}
	id := w.made("latest", "none") // at 18:00 in Beijing
	check := appPath("campaigns/" + id + "/check")
	w.shows(w.get(check, 200), "未设置防打扰规则", appPath("settings")+"#guards")
	guard(minapush.DefaultGuards(), "")
	a := w.get(check, 200)
	w.shows(a, "每个用户每天最多 1 条群发消息", "7 天内已从其他任务收到相同内容", "免打扰时段 22:00–08:00（Asia/Shanghai）：暂停发送")
	w.lacks(a, "开始时间在免打扰时段内", "未设置防打扰规则")
	w.shows(w.get(check+"?at=2026-11-23T23:00", 200), "将等到 2026-11-24 08:00 后发送")
	g := minapush.DefaultGuards()
	g.CountPushes, g.Quiet.Skip = true, true
	guard(g, "Asia/Tokyo")
	w.shows(w.get(check+"?at=2026-11-23T21:30", 200), "（含单发）", "开始时间在免打扰时段内：2026-11-24 08:00 (Asia/Tokyo) 前处理到的用户都会被跳过")
	late := appPath("campaigns/" + w.made("key", "late", "on_quiet", "wait", "latest", "at", "latest_at", "2026-11-24T06:00") + "/check?at=2026-11-23T21:30")
	w.shows(w.get(late, 200), "届时已过最晚发送时间")
	// One that is long enough runs into them.
	for _, p := range []struct {
		takes time.Duration
		want  string
	}{{time.Hour, ""}, {5 * time.Hour, "check.quiet_soon_wait"}} {
		app := minapush.App{Guards: minapush.DefaultGuards()}
		got := ""
		if found := quietWarning(app, restraint{}, w.clock.now(), time.Time{}, p.takes); found != nil {
			got = found.Name
		}
		if got != p.want {
			t.Errorf("what takes %s is %q, not %q", p.takes, got, p.want)
		}
	}
	for _, name := range strings.Fields("check.quiet_soon_wait check.quiet_soon_skip") {
		if allTexts()[name] == [2]string{} {
			t.Errorf("%s has no words", name)
		}
	}
}
