package console

import (
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

// has sets what WeChat lists.
func (p *fakePlatform) has(err error, list ...minapush.Template) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.templates, p.err = list, err
}

func (w *world) template(id string) minapush.Template {
	w.t.Helper()
	t, err := w.accounts.Template(w.t.Context(), testApp, id)
	w.must(err)
	return t
}

func TestTemplatesAreComparedBeforeTheyAreTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sync := appPath("settings/templates/sync")
	ours := w.template(testTemplate)
	changed, added := ours, minapush.Template{ID: "tmpl-new", Kind: minapush.LongTermTemplate, Title: "航班动态"}
	changed.Title = "签到提醒<新>"
	w.must(w.accounts.PutTemplate(t.Context(), testApp, minapush.Template{ID: "tmpl-gone", Kind: minapush.OneTimeTemplate, Title: "旧模板"}))
	_, err := w.accounts.PutScene(t.Context(), testApp, account.Scene{Name: "pay.done", Templates: []string{testTemplate}})
	w.must(err)
	w.platform.has(nil, changed, added)
	page := w.post(sync, 200)
	w.shows(page, "签到提醒&lt;新&gt;", "航班动态", "旧模板", "新增", "有变化", "微信已删除", "pay.done", "尚未写入", "确认同步")
	if got := w.template(testTemplate); !reflect.DeepEqual(got, ours) {
		t.Errorf("the first press wrote %+v", got)
	}
	seen := regexp.MustCompile(`name="seen" value="([0-9a-f]+)"`).FindStringSubmatch(page.body)[1]
	w.platform.has(nil, changed)
	w.shows(w.post(sync, http.StatusConflict, "do", "write", "seen", seen), "查看后又有变化")
	w.shows(w.post(sync, http.StatusConflict, "do", "write"), "查看后又有变化")
	if got := w.template(testTemplate); !reflect.DeepEqual(got, ours) {
		t.Errorf("what was not shown was written: %+v", got)
	}
	w.platform.has(nil, changed, added)
	w.post(sync, http.StatusSeeOther, "do", "write", "seen", seen)
	w.shows(w.get(appPath("settings/templates"), 200), "新增 1 个，更新 1 个，微信已无 1 个", "tmpl-new", "微信已无此模板", "签到提醒&lt;新&gt;", "thing1", "温馨提示", "pay.done")
	w.post(sync, http.StatusSeeOther, "do", "write", "seen", seen)
	w.shows(w.get(appPath("settings/templates"), 200), "已没有差异")
	w.platform.has(nil, changed, added, w.template("tmpl-gone"))
	w.shows(w.post(sync, 200), "微信重新有了该模板")
}

func TestWhyWeChatsTemplatesCannotBeHadIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sync := appPath("settings/templates/sync")
	w.platform.has(minapush.Errorf(minapush.NotFound, "no secret"))
	w.shows(w.post(sync, 422), "没有 AppSecret", "签到提醒")
	w.platform.has(minapush.Errorf(minapush.Unavailable, "WeChat answers <nothing>"))
	w.shows(w.post(sync, 422), "无法获取微信的模板：", "&lt;nothing&gt;")
	w.platform.has(nil, minapush.Template{ID: "tmpl-new", Kind: minapush.OneTimeTemplate}, minapush.Template{ID: "tmpl-odd", Kind: "odd"})
	w.shows(w.post(sync, 422, "do", "write"), "微信的模板 tmpl-odd 无法保存")
	list, err := w.accounts.Templates(t.Context(), testApp)
	w.must(err)
	if len(list) != 1 {
		t.Errorf("there are %d templates", len(list))
	}
}

func goodTemplate(pairs ...string) []string {
	return filled(map[string]string{"id": "tmpl-hand", "kind": "one_time", "title": "预约成功", "keys": "thing1 温馨提示\r\nphrase4 审核结果 | 通过 | 未通过\r\n\r\n"}, pairs...)
}

func TestATemplateIsPutByHandAndChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const id = "tmpl/by-hand"
	w.shows(w.get(appPath("settings/templates/new"), 200), `name="keys"`, "每行一个")
	a := w.post(appPath("settings/templates/new"), 303, goodTemplate("id", id)...)
	want := minapush.Template{ID: id, Kind: minapush.OneTimeTemplate, Title: "预约成功", Keys: []minapush.TemplateKey{
		{Key: "thing1", Label: "温馨提示", Type: "thing"}, {Key: "phrase4", Label: "审核结果", Type: "phrase", Enum: []string{"通过", "未通过"}},
	}}
	if got := w.template(id); !reflect.DeepEqual(got, want) {
		t.Errorf("stored: %+v", got)
	}
	page := w.get(strings.TrimPrefix(a.location, root), 200)
	w.shows(page, "模板 tmpl/by-hand 已保存", "phrase4 审核结果 | 通过 | 未通过", `name="policy.phrase4"`)
	w.post(appPath("settings/templates/new"), 303, goodTemplate("id", id)...)
	w.shows(w.post(appPath("settings/templates/new"), 422, goodTemplate("id", id, "title", "别的")...), `id="m-id"`, "该模板已存在", `value="别的"`)

	own := appPath("settings/template?id=tmpl%2Fby-hand")
	policies := appPath("settings/template/policies?id=tmpl%2Fby-hand")
	w.post(policies, 303, "policy.thing1", "cut", "policy.phrase4", "fallback", "fallback.phrase4", "通过")
	want.Keys[0].Policy, want.Keys[1].Policy, want.Keys[1].Fallback = minapush.CutValue, minapush.FallbackValue, "通过"
	if got := w.template(id); !reflect.DeepEqual(got, want) {
		t.Errorf("stored: %+v", got)
	}
	w.post(own, 303, "kind", "one_time", "title", "预约", "keys", "phrase4 结果 | 通过\nthing1 提示\ndate2 日期")
	want.Title = "预约"
	want.Keys = []minapush.TemplateKey{
		{Key: "phrase4", Label: "结果", Type: "phrase", Enum: []string{"通过"}, Policy: minapush.FallbackValue, Fallback: "通过"},
		{Key: "thing1", Label: "提示", Type: "thing", Policy: minapush.CutValue}, {Key: "date2", Label: "日期", Type: "date"},
	}
	if got := w.template(id); !reflect.DeepEqual(got, want) {
		t.Errorf("a change made: %+v", got)
	}
	for _, c := range [][3]string{
		{"kind", "odd", "请选择"}, {"kind", "legacy", "模板消息不支持"}, {"title", strings.Repeat("长", 400), "最多 1,024 字节"}, {"keys", "phrase4 结果 | 未通过", "后备文本不再符合规则"},
		{"keys", "温馨提示", "该行不是以"}, {"keys", "thing1 甲\nthing1 乙", "重复"}, {"keys", "phrase4 结果 |", "可选值不能为空"}, {"keys", "thing1 甲 | " + strings.Repeat("x", 1025), "可选值不能为空"},
		{"id", "有 空格", "不含空格"}, {"id", "", "不含空格"},
	} {
		path := own
		if c[0] == "id" {
			path = appPath("settings/templates/new")
		}
		a := w.post(path, 422, filled(map[string]string{"kind": "one_time", "title": "新标题", "keys": "thing1 新提示"}, c[0], c[1])...)
		w.shows(a, `id="m-`+c[0]+`"`, `aria-invalid="true"`, c[2])
		if c[0] != "kind" { // which is chosen from a list
			w.shows(a, c[1])
		}
		if c[0] != "title" {
			w.shows(a, `value="新标题"`)
		}
	}
	for _, c := range [][3]string{
		{"policy.date2", "cut", "请选择"}, {"policy.thing1", "magic", "请选择"}, {"fallback.phrase4", "可能", "只能是以下之一"}, {"fallback.phrase4", "{{x}}", "不会被填充"}, {"fallback.phrase4", "", "不能为空"},
	} {
		a := w.post(policies, 422, filled(map[string]string{"policy.thing1": "refuse", "policy.phrase4": "fallback", "fallback.phrase4": "通过"}, c[0], c[1])...)
		_, key, _ := strings.Cut(c[0], ".")
		w.shows(a, `id="m-`+key+`"`, `aria-invalid="true"`, c[2])
		if strings.HasPrefix(c[0], "fallback") {
			w.shows(a, `value="`+c[1]+`"`)
		}
	}
	if got := w.template(id); !reflect.DeepEqual(got, want) {
		t.Errorf("forms with mistakes made: %+v", got)
	}
}

func TestATemplateIsRemovedUnlessASceneAsksForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.made("audience", "all")
	_, err := w.accounts.PutScene(t.Context(), testApp, account.Scene{Name: "pay.done", Templates: []string{testTemplate}})
	w.must(err)
	path := appPath("settings/template/delete?id=" + testTemplate)
	w.shows(w.get(path, 200), "仍被订阅场景使用", "pay.done")
	w.shows(w.post(path, http.StatusConflict), "仍被订阅场景使用", "pay.done")
	w.template(testTemplate)
	w.must(w.accounts.DeleteScene(t.Context(), testApp, "pay.done"))
	w.shows(w.get(path, 200), "尚未结束", id, "已有的推送凭证保留")
	w.post(path, 303)
	w.shows(w.get(appPath("settings/templates"), 200), "模板 "+testTemplate+" 已移除", "还没有消息模板")
	w.post(path, 303)
	w.shows(w.get(appPath("settings/templates"), 200), "此前已移除")
	w.get(path, 404)
}

func FuzzKeysAreReadAsTheyWereWritten(f *testing.F) {
	f.Add("thing1 温馨提示\nphrase4 审核结果 | 通过 | 未通过\n")
	f.Add("date2\r\n\r\n  time3　时间  ")
	f.Add("a|b|\n|")
	f.Fuzz(func(t *testing.T, text string) {
		keys, wrong := parseKeys(text)
		if wrong != nil {
			return
		}
		again, wrong := parseKeys(writeKeys(keys))
		if wrong != nil || !reflect.DeepEqual(again, keys) {
			t.Errorf("%q: %#v became %#v (%v)", text, keys, again, wrong)
		}
	})
}
