package console

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

// goodPush is a form without a mistake; later pairs replace earlier ones.
func goodPush(pairs ...string) []string {
	form := map[string]string{
		"key": "push-1", "template": testTemplate, "value.thing1": "别忘了签到", "value.date2": "2026-11-23", "page": "pages/index/index", "state": "formal", "lang": "zh_CN",
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

const person = minapush.OpenID("oPerson0000000000000000000AB")

func TestAUserIsFoundByOpenIDAndUID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shows(w.get(appPath("users"), 200), "还没有用户上报")
	w.user(person, 1)
	_, err := w.profiles.Change(t.Context(), w.app(), person, func(p *minapush.Profile) error { p.UID = "用户 7"; return nil })
	w.must(err)
	own := root + appPath("users/"+string(person))
	for _, name := range []string{string(person), "uid:用户 7", "用户 7", " 用户 7 "} {
		if a := w.get(appPath("users?q=")+url.QueryEscape(name), http.StatusSeeOther); a.location != own {
			t.Errorf("%q leads to %s", name, a.location)
		}
	}
	for name, say := range map[string]string{
		"oNobody": "没有找到该 openid", "uid:8": "没有找到该 openid", "": "请填写 openid", strings.Repeat("x", 80): "请填写 openid", "uid:": "请填写 openid",
	} {
		a := w.get(appPath("users?q=")+url.QueryEscape(name), http.StatusUnprocessableEntity)
		w.shows(a, say, `aria-invalid="true"`, `id="m-q"`, `value="`+name+`"`)
	}
	list := w.get(appPath("users"), 200)
	w.shows(list, person.Masked(), "签到提醒")
	w.lacks(list, ">"+string(person)+"<")
	for _, path := range []string{"users/" + string(person), "users/" + string(person) + "/erase"} {
		w.get("apps/"+string(otherApp)+"/"+path, http.StatusNotFound)
	}
	w.get(appPath("users/oNobody"), http.StatusNotFound)
	w.get(appPath("users/"+url.PathEscape("o \n")), http.StatusNotFound)
	w.post("apps/"+string(otherApp)+"/users/"+string(person)+"/push", http.StatusNotFound, goodPush()...)
}

func TestTheUsersPageShowsAllThatIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.user(person, 2)
	page := w.get(appPath("users/"+string(person)), 200)
	w.lacks(page, "到期时间", "最近到期", "已预占")
	number, err := w.bank.SourceNumber(ctx, w.app(), "pages/pay/result")
	w.must(err)
	_, err = w.bank.Deposit(ctx, w.app(), person, []minapush.Permit{
		{Kind: minapush.PrepayID, Identity: "wx0123456789SECRET", Uses: 3, TakenAt: w.clock.now(), ExpiresAt: w.clock.now().Add(minapush.CodeLife), Source: number, Evidence: minapush.ByBackend},
		{Kind: minapush.Standing, Template: "tmpl-flight", TakenAt: w.clock.now(), Evidence: minapush.ByEvent},
	})
	w.must(err)
	_, err = w.profiles.Change(ctx, w.app(), person, func(p *minapush.Profile) error {
		p.UID, p.Tags, p.OptOut = "u-7", []string{"<b>vip</b>"}, minapush.OptOutCampaigns
		p.Attributes["level"] = minapush.Attribute{Kind: minapush.Number, Number: 3}
		p.Attributes["paid"] = minapush.Attribute{Kind: minapush.Flag, Number: 1}
		return nil
	})
	w.must(err)
	w.must(w.accounts.PutTemplate(ctx, testApp, minapush.Template{ID: "tmpl-flight", Kind: minapush.LongTermTemplate, Title: "航班动态"}))
	page = w.get(appPath("users/"+string(person)), 200)
	w.shows(page, string(person), "u-7", "&lt;b&gt;vip&lt;/b&gt;", "level", "true", "已退订群发", "支付推送码", "pages/pay/result", "后端入账", "微信事件", "小程序上报", "到期时间", "2026-11-29 18:00:00",
		"不限次数", "航班动态", "没有给该用户发送过消息", "累计入账 5 次")
	w.lacks(page, "SECRET", "<title>"+string(person))
}

func TestAPushIsSentOnceAndItsResultIsInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user(person, 3)
	w.run()
	path := appPath("users/" + string(person))
	w.shows(w.get(path, 200), `name="value.thing1"`, "将消耗该用户 1 次订阅次数")
	first := w.post(path+"/push", http.StatusSeeOther, goodPush()...)
	again := w.post(path+"/push", http.StatusSeeOther, goodPush()...)
	if first.location != again.location {
		t.Errorf("the same form leads to %s and %s", first.location, again.location)
	}
	w.platform.mu.Lock()
	sent := len(w.platform.sent)
	w.platform.mu.Unlock()
	if sent != 1 {
		t.Errorf("%d messages were sent", sent)
	}
	u, err := w.bank.User(t.Context(), w.app(), person)
	w.must(err)
	if b := w.bank.Balance(u, w.clock.now()); b[0].Available != 2 {
		t.Errorf("%d are left, want 2", b[0].Available)
	}
	next := strings.TrimPrefix(strings.TrimSuffix(first.location, "#push"), root)
	w.shows(w.get(next, 200), "已受理 (微信已接收)", "请在手机上查看")
	changed := w.post(path+"/push", http.StatusUnprocessableEntity, goodPush("value.thing1", "别的内容")...)
	w.shows(changed, "本次未发送", `value="别的内容"`)
	w.lacks(changed, `value="push-1"`)

	w.platform.set(&minapush.Error{Kind: minapush.Refused, Code: 43101})
	refused := w.post(path+"/push", http.StatusSeeOther, goodPush("key", "push-2")...)
	w.shows(w.get(strings.TrimPrefix(strings.TrimSuffix(refused.location, "#push"), root), 200), "无次数或已拒收 (43101)", "微信不区分", "没有推送凭证")
	none := w.post(path+"/push", http.StatusSeeOther, goodPush("key", "push-3")...)
	w.shows(w.get(strings.TrimPrefix(strings.TrimSuffix(none.location, "#push"), root), 200), "已跳过 (未消耗)", "没有该模板的推送凭证")
}

func TestAWrongPushComesBackMarkedWithItsInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user(person, 1)
	w.run()
	path := appPath("users/" + string(person) + "/push")
	for _, c := range []struct {
		name  string
		pairs []string
		want  []string
	}{
		{"too long", []string{"value.thing1", strings.Repeat("字", 21)}, []string{`id="m-value.thing1"`, "最多 20 个字符", `value="` + strings.Repeat("字", 21) + `"`, `value="2026-11-23"`}},
		{"empty", []string{"value.thing1", ""}, []string{`id="m-value.thing1"`}},
		{"no date", []string{"value.date2", "明天"}, []string{`id="m-value.date2"`, `value="明天"`, `value="别忘了签到"`}},
		{"placeholder", []string{"value.thing1", "{{name}}"}, []string{`id="m-value.thing1"`, "占位符"}},
		{"page", []string{"page", "pages/a b"}, []string{`id="m-page"`, `value="pages/a b"`}},
		{"state", []string{"state", "nightly"}, []string{`id="m-state"`}},
		{"lang", []string{"lang", "tlh"}, []string{`id="m-lang"`}},
		{"template", []string{"template", "tmpl-none"}, []string{"该模板已移除，未发送"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := w.post(path, http.StatusUnprocessableEntity, goodPush(c.pairs...)...)
			w.shows(a, c.want...)
			if c.name != "template" {
				w.shows(a, `aria-invalid="true"`, `value="push-1"`)
			}
		})
	}
	_, err := w.accounts.UpdateApp(t.Context(), testApp, func(a *minapush.App) error { a.Stopped = minapush.Reason{Code: "operator"}; return nil }, nil)
	w.must(err)
	w.shows(w.post(path, http.StatusUnprocessableEntity, goodPush()...), "该小程序已紧急停发", `value="别忘了签到"`)
	w.platform.mu.Lock()
	defer w.platform.mu.Unlock()
	if len(w.platform.sent) > 0 {
		t.Errorf("%d messages were sent", len(w.platform.sent))
	}
}

func TestAUserIsErasedWhenTheTailIsRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user(person, 2)
	_, err := w.profiles.Change(t.Context(), w.app(), person, func(p *minapush.Profile) error { p.UID = "u-7"; return nil })
	w.must(err)
	path := appPath("users/" + string(person) + "/erase")
	w.shows(w.get(path, 200), "删除该用户？", string(person), "全部 2 张")
	for _, tail := range []string{"", "00ab", string(person)} {
		w.shows(w.post(path, http.StatusUnprocessableEntity, "tail", tail), `id="m-tail"`, `aria-invalid="true"`, `value="`+tail+`"`)
	}
	w.get(appPath("users/"+string(person)), 200)
	if a := w.post(path, http.StatusSeeOther, "tail", "00AB"); a.location != root+appPath("users") {
		t.Errorf("sent to %s", a.location)
	}
	w.shows(w.get(appPath("users"), 200), "用户 "+person.Masked()+" 已删除")
	w.get(appPath("users/"+string(person)), http.StatusNotFound)
	if _, err := w.profiles.OpenID(t.Context(), w.app(), "uid:u-7"); minapush.KindOf(err) != minapush.NotFound {
		t.Errorf("the uid: %v", err)
	}
	w.post(path, http.StatusSeeOther, "tail", "00AB")
	w.shows(w.get(appPath("users"), 200), "不存在或已删除")
}

func TestAnErasureWaitsForTheMessageUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user(person, 1)
	now := w.clock.now()
	_, err := w.bank.ReservePush(t.Context(), w.app(), bank.Push{
		Batch: minapush.PushBatch(now), ID: "p1", OpenID: person, Attempt: 1, Now: now, Deadline: now.Add(time.Hour),
		Need: bank.NeedFor(minapush.OneTimeTemplate, minapush.Message{Template: testTemplate}),
	})
	w.must(err)
	path := appPath("users/" + string(person))
	w.shows(w.get(path+"/erase", 200), "发送结束后才会完成删除")
	w.post(path+"/erase", http.StatusSeeOther, "tail", "00AB")
	w.shows(w.get(appPath("users"), 200), "正在删除：有一条消息正在发送")
	page := w.get(path, 200)
	w.shows(page, "该用户正在删除", "已预占")
	w.lacks(page, "删除用户…")
}

func TestFormsOfUsersFromOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user(person, 1)
	for path, form := range map[string][]string{
		"users/" + string(person) + "/push": goodPush(), "users/" + string(person) + "/erase": {"tail", "00AB"}, "quota": nil,
	} {
		v := url.Values{}
		for i := 0; i+1 < len(form); i += 2 {
			v.Set(form[i], form[i+1])
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+root+appPath(path), strings.NewReader(v.Encode()))
		w.must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w.do(r, http.StatusForbidden)
	}
	w.get(appPath("users/"+string(person)), 200)
}

func TestWhyAPersonDidNotGetACampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.user(person, 1)
	w.user("oBare", 0)
	w.user("oOut", 1)
	_, err := w.profiles.Change(ctx, w.app(), "oOut", func(p *minapush.Profile) error { p.OptOut = minapush.OptOutAll; return nil })
	w.must(err)
	ask := func(o minapush.OpenID, id string, texts ...string) {
		t.Helper()
		w.shows(w.get(appPath("users/"+string(o)+"?campaign="+url.QueryEscape(id)), 200), texts...)
	}
	w.clock.add(time.Minute)
	id := w.made("latest", "none")
	ask(person, id, "任务尚未开始")
	w.post(appPath("campaigns/"+id+"/start"), http.StatusSeeOther, "start", "now", "number", "9", "sure", "yes")
	ask("oBare", id, "任务尚未结束", "没有该模板的推送凭证，因此已跳过")
	w.run()
	m := w.await(id, minapush.Finished)
	ask(person, id, "已受理 (微信已接收)")
	ask("oBare", id, "没有该模板的推送凭证，因此已跳过")
	ask("oOut", id, "用户已退订，因此已跳过")
	w.clock.add(time.Hour * 2)
	w.user("oLate", 1)
	ask("oLate", id, "首次出现晚于任务开始")
	w.user("oBare", 1)
	ask("oBare", id, "现有凭证均在任务结束后获得")
	ask(person, "01NONE", "没有该任务")
	ask(person, "\x00", "没有该任务")

	// What the record of a person says needs no row.
	u, err := w.bank.User(ctx, w.app(), person)
	w.must(err)
	for want, change := range map[string]func(*minapush.Campaign, *bank.User){
		whyForgotten: func(*minapush.Campaign, *bank.User) {},
		whyErasing:   func(_ *minapush.Campaign, u *bank.User) { u.Erasing = true },
		whyNotListed: func(m *minapush.Campaign, u *bank.User) { m.Audience.List, u.Recent = true, nil },
		whyNoPermit:  func(_ *minapush.Campaign, u *bank.User) { u.Recent = nil },
		whySkipped: func(_ *minapush.Campaign, u *bank.User) {
			u.Recent, u.Permits = nil, []minapush.Holding{{Permit: minapush.Permit{Kind: minapush.Subscription, Template: testTemplate, Uses: 1, TakenAt: u.FirstSeen}}}
		},
		whyFiltered: func(m *minapush.Campaign, u *bank.User) {
			m.ID, m.Audience.Where = "01FILTER", []byte(`{"tag":"vip"}`)
		},
	} {
		m, u := m, u
		change(&m, &u)
		list, err := w.console.because(t.Context(), w.app(), m, u)
		w.must(err)
		if len(list) == 0 || list[0] != want {
			t.Errorf("%v, want %s", list, want)
		}
	}
	words := allTexts()
	for _, name := range whyNames() {
		if _, ok := words["why."+name]; !ok {
			t.Errorf("there are no words for %s", name)
		}
	}
}
