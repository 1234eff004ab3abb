package console

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
)

// goodCampaign is a form without a mistake; later pairs replace earlier ones.
func goodCampaign(pairs ...string) []string {
	form := map[string]string{
		"key": "key-1", "template": testTemplate, "name": "周末提醒", "value.thing1": "别忘了签到", "value.date2": "2026-11-23", "page": "pages/index/index",
		"state": "formal", "lang": "zh_CN", "audience": "all", "days": "30", "start": "now", "latest": "evening", "do": "make",
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		form[pairs[i]] = pairs[i+1]
	}
	var list []string
	for name, value := range form {
		list = append(list, name, value)
	}
	return list
}

// made makes a campaign by its form, and returns its id.
func (w *world) made(pairs ...string) string {
	w.t.Helper()
	a := w.post(appPath("campaigns/new"), http.StatusSeeOther, goodCampaign(pairs...)...)
	found := regexp.MustCompile(`/campaigns/([^/]+)/(check|list)`).FindStringSubmatch(a.location)
	if found == nil {
		w.t.Fatalf("sent to %s", a.location)
	}
	return found[1]
}

func (w *world) campaign(id string) minapush.Campaign {
	w.t.Helper()
	m, err := w.campaigns.Get(w.t.Context(), testApp, id)
	w.must(err)
	return m
}

// await polls until a campaign is as wanted.
func (w *world) await(id string, want minapush.CampaignState) minapush.Campaign {
	w.t.Helper()
	for {
		m := w.campaign(id)
		if m.State == want {
			return m
		}
		select {
		case <-w.t.Context().Done():
			w.t.Fatalf("the campaign is %s, and not %s", m.State, want)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestTheListOfCampaignsIsFilteredAndPaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shows(w.get(appPath("campaigns"), 200), "还没有群发任务", appPath("campaigns/new"))
	for i := range campaignsShown + 5 {
		w.made("key", fmt.Sprint("k", i), "name", fmt.Sprintf("任务 %02d 号", i))
	}
	first := w.get(appPath("campaigns"), 200)
	w.shows(first, "任务 34 号", "任务 05 号", "待检查")
	w.lacks(first, "任务 04 号")
	next := regexp.MustCompile(`href="/console/([^"]*after=[^"]*)"`).FindStringSubmatch(first.body)
	if next == nil {
		t.Fatal("there is no next page")
	}
	second := w.get(strings.ReplaceAll(next[1], "&amp;", "&"), 200)
	w.shows(second, "任务 04 号", "任务 00 号")
	w.lacks(second, "任务 05 号")
	found := w.get(appPath("campaigns?q=")+url.QueryEscape("07 号"), 200)
	w.shows(found, "任务 07 号")
	w.lacks(found, "任务 08 号")
	w.shows(w.get(appPath("campaigns?state=running"), 200), "没有符合条件的任务")
	w.shows(w.get(appPath("campaigns?after=%00"), 200), "没有符合条件的任务")
}

func TestTemplatesAreOfferedByTheirReach(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.accounts.PutTemplate(t.Context(), testApp, minapush.Template{ID: "a-first", Kind: minapush.OneTimeTemplate, Title: "没人订阅"}))
	w.user("oUser1", 2)
	w.shows(w.get(appPath("campaigns/new"), 200), "尚未完成用户统计")
	w.survey()
	a := w.get(appPath("campaigns/new"), 200)
	w.shows(a, "推送凭证仅对所属模板有效", "签到提醒")
	if strings.Index(a.body, "签到提醒") > strings.Index(a.body, "没人订阅") {
		t.Error("the template that reaches nobody comes first")
	}
}

func TestAWrongFormComesBackMarkedWithItsInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		name  string
		pairs []string
		want  []string
	}{
		{"no name", []string{"name", ""}, []string{`id="m-name"`, "不能为空"}},
		{"long name", []string{"name", strings.Repeat("长", 80)}, []string{`id="m-name"`, "240 字节"}},
		{"value too long", []string{"value.thing1", "一二三四五六七八九十一二三四五六七八九十一"}, []string{`id="m-value.thing1"`, "最多 20 个字符，现有 21 个"}},
		{"value empty", []string{"value.thing1", " "}, []string{`id="m-value.thing1"`}},
		{"no date", []string{"value.date2", "明天"}, []string{`id="m-value.date2"`, "必须为日期", `value="明天"`}},
		{"placeholder without a list", []string{"value.thing1", "{{name}} 您好"}, []string{"占位符仅在目标人群为名单时可用"}},
		{"open braces", []string{"value.thing1", "{{name 您好", "audience", "list"}, []string{"不成对的花括号"}},
		{"page with blanks", []string{"page", "pages/a b"}, []string{`id="m-page"`}},
		{"unknown build", []string{"state", "beta"}, []string{`id="m-state"`}},
		{"unknown language", []string{"lang", "fr"}, []string{`id="m-lang"`}},
		{"days", []string{"audience", "seen", "days", "0"}, []string{`id="m-days"`, "1 到 3650"}},
		{"no audience", []string{"audience", "x"}, []string{`id="m-audience"`}},
		{"expression", []string{"audience", "where", "where", `{"sene":"1d"}`}, []string{`id="m-where"`, "sene"}},
		{"start in the past", []string{"start", "at", "start_at", "2020-01-01T00:00"}, []string{`id="m-start_at"`, "必须晚于当前时间"}},
		{"no time", []string{"start", "at", "start_at", "soon"}, []string{`id="m-start_at"`, "请填写日期和时间"}},
		{"ends before it starts", []string{"start", "at", "start_at", "2026-11-24T10:00", "latest", "at", "latest_at", "2026-11-24T09:00"}, []string{`id="m-latest_at"`, "必须晚于开始时间"}},
		{"no latest", []string{"latest", ""}, []string{`id="m-latest"`}},
	} {
		a := w.post(appPath("campaigns/new"), http.StatusUnprocessableEntity, goodCampaign(c.pairs...)...)
		if !strings.Contains(a.body, `is-invalid`) && !strings.Contains(a.body, "invalid-feedback") {
			t.Errorf("%s: nothing is marked", c.name)
		}
		w.shows(a, c.want...)
		if c.name != "no name" && c.name != "long name" {
			w.shows(a, `value="周末提醒"`)
		}
	}
	list, err := w.campaigns.List(t.Context(), testApp, "", 10)
	w.must(err)
	if len(list) > 0 {
		t.Errorf("wrong forms made %d campaigns", len(list))
	}
	w.post(appPath("campaigns/new"), http.StatusNotFound, goodCampaign("template", "unknown")...)
}

func TestAFormMakesOneCampaignHoweverOftenItIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if a, b := w.made(), w.made(); a != b {
		t.Errorf("made %s and %s", a, b)
	}
	a := w.post(appPath("campaigns/new"), http.StatusUnprocessableEntity, goodCampaign("name", "另一个")...)
	w.shows(a, "该表单此前已创建过任务", `value="另一个"`)
	key := regexp.MustCompile(`name="key" value="([^"]+)"`).FindStringSubmatch(a.body)
	if w.made("name", "另一个", "key", key[1]) == w.made() {
		t.Error("the changed form made nothing")
	}
}

func TestTheCardIsDrawnWhileTheFormIsFilledIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.post(appPath("campaigns/preview"), 200, goodCampaign("value.thing1", "{{name}} 您好<b>")...)
	w.shows(a, "签到提醒", "温馨提示", "wx-fill", "您好&lt;b&gt;", "进入小程序查看")
	w.lacks(a, "<html")
	whole := w.post(appPath("campaigns/new"), 200, goodCampaign("do", "preview", "value.thing1", "只是看看")...)
	w.shows(whole, "<html", "只是看看</dd>")
	w.lacks(whole, "尚未保存")
	if list, err := w.campaigns.List(t.Context(), testApp, "", 1); err != nil || len(list) > 0 {
		t.Errorf("a preview made %v, %v", list, err)
	}
}

func TestACampaignIsCopiedAsNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct{ pairs, want []string }{
		{nil, []string{`value="别忘了签到"`, `value="2026-11-23"`, `value="pages/index/index"`, `value="all" checked`}},
		{[]string{"key", "k2", "audience", "unseen", "days", "45"}, []string{`value="unseen" checked`, `value="45"`}},
		{[]string{"key", "k3", "audience", "where", "where", `{"tag":"vip"}`}, []string{`value="where" checked`, `{&#34;tag&#34;:&#34;vip&#34;}`}},
		{[]string{"key", "k4", "audience", "list"}, []string{`value="list" checked`}},
	} {
		w.shows(w.get(appPath("campaigns/new?copy="+w.made(c.pairs...)), 200), c.want...)
	}
	w.get(appPath("campaigns/new?copy=unknown"), 404)
}

func TestTheCheckShowsTheNumberThatTheStartRepeats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 12 {
		w.user(minapush.OpenID(fmt.Sprintf("oUser%03d", i)), i%3)
	}
	w.survey()
	id := w.made()
	a := w.get(appPath("campaigns/"+id+"/check"), 200)
	w.shows(a, "确认发送给约 8 人", `name="number" value="8"`, "剩余 9,000,000", "微信后台已没有该模板")
	w.lacks(a, `name="sure"`)
	w.shows(w.get(appPath("campaigns/"+w.made("key", "k2", "audience", "seen")+"/check"), 200), "确认发送给至多 8 人")
	w.platform.mu.Lock()
	w.platform.left, w.platform.templates = 3, []minapush.Template{{ID: testTemplate, Keys: []minapush.TemplateKey{{Key: "thing9"}}}}
	w.platform.mu.Unlock()
	w.shows(w.get(appPath("campaigns/"+id+"/check"), 200), "今日剩余额度仅 3 条", "thing9")
	w.platform.mu.Lock()
	w.platform.left = -1
	w.platform.mu.Unlock()
	w.shows(w.get(appPath("campaigns/"+id+"/check"), 200), "微信未及时应答")
}

func TestADoubleStartStartsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("oUser1", 1)
	w.survey()
	id := w.made()
	w.post(appPath("campaigns/"+id+"/start"), http.StatusSeeOther, "start", "now", "number", "1")
	first := w.campaign(id)
	w.clock.add(time.Minute)
	if a := w.post(appPath("campaigns/"+id+"/start"), http.StatusSeeOther, "start", "now", "number", "1"); !strings.HasSuffix(a.location, "/campaigns/"+id) {
		t.Errorf("sent to %s", a.location)
	}
	if again := w.campaign(id); first.State != minapush.Running || !again.StartedAt.Equal(first.StartedAt) {
		t.Errorf("started at %s, then at %s: %s", first.StartedAt, again.StartedAt, again.State)
	}
	if a := w.get(appPath("campaigns/"+id+"/check"), http.StatusSeeOther); !strings.HasSuffix(a.location, id) {
		t.Errorf("the check of a running campaign leads to %s", a.location)
	}
}

func TestAStartNeedsTheTickAndTheNumberThatWasSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.made()
	start := appPath("campaigns/" + id + "/start")
	w.shows(w.get(appPath("campaigns/"+id+"/check"), 200), `name="sure"`, "人数未知")
	w.shows(w.post(start, http.StatusUnprocessableEntity, "start", "now", "number", "0"), `id="m-sure"`)
	for i := range 4 {
		w.user(minapush.OpenID(fmt.Sprint("oUser", i)), 1)
	}
	w.survey()
	w.shows(w.post(start, http.StatusUnprocessableEntity, "start", "now", "number", "2"), "人数在打开页面后发生了变化")
	w.shows(w.post(start, http.StatusUnprocessableEntity, "start", "now"), "人数在打开页面后发生了变化")
	w.shows(w.post(start, http.StatusUnprocessableEntity, "start", "at", "start_at", "2020-01-01T00:00", "number", "4"), `id="m-start_at"`)
	w.shows(w.post(start, http.StatusUnprocessableEntity, "start", "at", "start_at", "2026-12-24T00:00", "number", "4"), `id="m-start_at"`, "必须早于最晚发送时间")
	if m := w.campaign(id); m.State != minapush.Scheduled || !m.StartAt.IsZero() {
		t.Errorf("it is %s, and starts at %s", m.State, m.StartAt)
	}
	w.post(start, http.StatusSeeOther, "start", "now", "number", "4")
	if m := w.campaign(id); m.State != minapush.Running {
		t.Errorf("it is %s", m.State)
	}
}

func TestAStartIsPlannedOnlyWhenItIsConfirmed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("oUser1", 1)
	w.survey()
	a := w.post(appPath("campaigns/new"), http.StatusSeeOther, goodCampaign("start", "at", "start_at", "2026-11-23T09:30")...)
	check := strings.TrimPrefix(a.location, "/console/")
	w.shows(w.get(check, 200), `value="2026-11-23T09:30"`, `value="at" checked`)
	id := regexp.MustCompile(`/campaigns/([^/]+)/`).FindStringSubmatch(a.location)[1]
	if m := w.campaign(id); !m.StartAt.IsZero() {
		t.Fatal("it starts without having been confirmed")
	}
	w.post(appPath("campaigns/"+id+"/start"), http.StatusSeeOther, "start", "at", "start_at", "2026-11-23T09:30", "number", "1")
	m := w.campaign(id)
	if want := time.Date(2026, 11, 23, 1, 30, 0, 0, time.UTC); !m.StartAt.Equal(want) || !m.LatestSend.Equal(time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)) {
		t.Errorf("starts at %s, ends at %s", m.StartAt, m.LatestSend)
	}
	w.shows(w.get(appPath("campaigns/"+id), 200), "将自动开始", "2026-11-23 09:30:00")
	w.post(appPath("campaigns/"+id+"/unplan"), http.StatusSeeOther)
	if m := w.campaign(id); !m.StartAt.IsZero() {
		t.Error("its plan was not taken back")
	}
}

func TestACampaignIsPausedResumedAndCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("oUser1", 1)
	w.survey()
	id := w.made()
	page := appPath("campaigns/" + id)
	w.shows(w.post(page+"/pause", http.StatusConflict), "不能暂停", "任务尚未开始")
	w.post(page+"/start", http.StatusSeeOther, "start", "now", "number", "1")
	w.shows(w.get(page, 200), "发送中", `hx-sse:connect=`)
	w.shows(w.get(appPath("campaigns"), 200), id+"/brief")
	brief := w.get(page+"/brief", 200)
	w.shows(brief, "<progress", "已处理 0")
	w.lacks(brief, "<html")
	w.post(page+"/pause", http.StatusSeeOther)
	w.shows(w.get(page, 200), "已暂停", "人工操作")
	w.post(page+"/resume", http.StatusSeeOther)
	if m := w.campaign(id); m.State != minapush.Running {
		t.Errorf("resumed, it is %s", m.State)
	}
	w.shows(w.get(page+"/cancel", 200), "取消后无法恢复")
	if m := w.campaign(id); m.State != minapush.Running {
		t.Errorf("looking at the page of cancelling made it %s", m.State)
	}
	w.post(page+"/cancel", http.StatusSeeOther)
	w.run()
	w.await(id, minapush.Cancelled)
	w.shows(w.post(page+"/pause", http.StatusConflict), "不能暂停", "任务已取消")
	w.shows(w.post(page+"/resume", http.StatusConflict), "不能继续", "任务已取消")
	w.get(page+"/cancel", http.StatusSeeOther)
}
