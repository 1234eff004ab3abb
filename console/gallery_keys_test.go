package console

import (
	"fmt"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

// keysGallery are the keys, the operators and the kill switch, drawn from fixed data.
func keysGallery() []shot {
	var all []shot
	for _, some := range [][]shot{keyShots(), operatorShots(), stopShots()} {
		all = append(all, some...)
	}
	return all
}

func keyShots() []shot {
	list, one := view{"settingskeys", "设置", "settings"}, view{"settingskeyrevoke", "设置", "settings"}
	app := minapush.AppID("wx0123456789abcdef")
	rows := []account.Key{
		{ID: "01KAND7Q3W8ZC5T0V9X2M4B6N8", Name: "订单服务", App: app, Scopes: []account.Scope{account.ScopeReport, account.ScopePush}, CreatedAt: galleryNow().AddDate(0, -3, 0)},
		{
			ID: "01KAND7Q3W8ZC5T0V9X2M4B6P1", Name: "一个名字特别特别长的程序：城市生活服务与政务办理综合平台消息中台（华东二区灾备集群）", Scopes: account.Scopes(), App: app,
			CreatedAt: galleryNow().AddDate(0, 0, -1),
		},
		{ID: "first", Name: "first admin key", Scopes: []account.Scope{account.ScopeAdmin}, CreatedAt: galleryNow().AddDate(-1, 0, 0)},
	}
	form := keyForm{ID: "01KAND00000000000000000001"}
	return []shot{
		{name: "keys", view: list, app: true, page: keysPage{Rows: rows, Form: form}},
		{name: "keys-empty", view: list, app: true, page: keysPage{Form: form}},
		{name: "keys-made", view: list, app: true, page: keysPage{Rows: rows, Form: form, Made: &rows[0], Secret: "mpk_" + rows[0].ID + "_" + strings.Repeat("Zx9", 14) + "w"}},
		{name: "keys-again", view: list, app: true, page: keysPage{Rows: rows, Form: form, Again: true}},
		{name: "keys-wrong", view: list, app: true, page: keysPage{Rows: rows, Form: keyForm{
			ID: form.ID, Name: rows[1].Name, Every: true, Mistakes: mistakes{"name": {Name: "mistake.key_name"}, "scopes": {Name: "mistake.key_scopes"}, "form": {Name: "mistake.form_over"}},
		}}},
		{name: "key-revoke", view: one, app: true, page: revokePage{rows[1]}},
		{name: "key-revoke-every", view: one, app: true, page: revokePage{rows[2]}},
	}
}

func operatorShots() []shot {
	list, one := view{"settingsoperators", "设置", "settings"}, view{"settingsoperatorremove", "设置", "settings"}
	rows := []account.Operator{
		{Name: "运营小王", CreatedAt: galleryNow().AddDate(0, -5, 0)}, {Name: "li.ming@example.com", CreatedAt: galleryNow().AddDate(0, -1, 0)},
		{Name: "名字特别特别特别特别特别长的一位操作员", CreatedAt: galleryNow()},
	}
	link := "https://push.internal.example.com/minapush/console/welcome?code=" + strings.Repeat("Ab3_", 8)
	return []shot{
		{name: "operators", view: list, app: true, page: operatorsPage{Rows: rows, Form: "f"}},
		{name: "operators-one", view: list, app: true, page: operatorsPage{Rows: rows[:1], Form: "f", Again: true}},
		{name: "operators-link", view: list, app: true, page: operatorsPage{Rows: rows, Form: "f", Link: link, Expires: galleryNow().Add(account.InviteLife)}},
		{name: "operators-relink", view: list, app: true, page: operatorsPage{Rows: rows, Form: "f", Link: link, For: rows[2].Name, Expires: galleryNow().Add(account.InviteLife)}},
		{name: "operators-wrong", view: list, app: true, page: operatorsPage{Rows: rows, Form: "f", Mistakes: mistakes{
			"old": {Name: "mistake.old_password"}, "password": {"mistake.password", []string{"10", "256"}}, "again": {Name: "welcome.differ"},
		}}},
		{name: "operator-remove", view: one, app: true, page: removeOperatorPage{Name: rows[1].Name}},
		{name: "operator-remove-self", view: one, app: true, page: removeOperatorPage{Name: rows[0].Name, Self: true}},
		{name: "operator-remove-last", view: one, app: true, page: removeOperatorPage{Name: rows[0].Name, Self: true, Last: true}},
	}
}

func stopShots() []shot {
	v := view{"settingsstop", "设置", "settings"}
	var running []minapush.Campaign
	for i := range campaignsListed {
		name := fmt.Sprintf("双十一签到提醒 第 %d 批", i+1)
		if i == 1 {
			name = "一个名字特别特别长的群发任务：城市生活服务与政务办理综合平台年度满意度调查邀请（华东大区）"
		}
		running = append(running, minapush.Campaign{ID: fmt.Sprint("01KAND", i), Name: name, State: minapush.Running, StartedAt: galleryNow().Add(-time.Duration(i) * time.Hour)})
	}
	stopped := func(code string, params ...string) minapush.Reason {
		r := minapush.Reason{Code: code, Params: map[string]string{}}
		for i := 0; i+1 < len(params); i += 2 {
			r.Params[params[i]] = params[i+1]
		}
		return r
	}
	since := galleryNow().Add(-95 * time.Minute)
	at := since.Format(time.RFC3339)
	return []shot{
		{name: "stop", view: v, app: true, page: stopPage{Running: running, More: 12_345}},
		{name: "stop-idle", view: v, app: true, page: stopPage{}},
		{name: "stop-wrong", view: v, app: true, page: stopPage{Running: running[:2], Note: "a\tb", Mistakes: mistakes{"note": {Name: "mistake.note"}}}},
		{name: "stopped", view: v, app: true, page: stopPage{
			Stopped: stopped("operator", "note", "模板内容写错了：把“已取消”发给了所有已签到的用户，先停下，等产品确认后再恢复。", "by", "运营小王", "since", at), Since: since, Running: running[:2],
		}},
		{name: "stopped-bare", view: v, app: true, page: stopPage{Stopped: stopped("operator"), Other: true}},
		{name: "stopped-punished", view: v, app: true, page: stopPage{Stopped: stopped("punished", "at", at, "illegal_reason", "滥用模板消息接口能力"), Since: since}},
		{name: "stopped-restored", view: v, app: true, page: stopPage{
			Stopped: stopped("restored", "at", at, "before", "operator"), Running: running[:2], Mistakes: mistakes{"sure": {Name: "mistake.stop_sure"}},
		}},
		{name: "stopped-copied", view: v, app: true, page: stopPage{Stopped: stopped("copied", "at", at)}},
	}
}
