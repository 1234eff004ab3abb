package console

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

// settingsGallery are the settings of the app, of WeChat's events and of the templates, drawn from fixed data.
func settingsGallery() []shot {
	of := func(name, template string, page any) shot {
		return shot{name: name, view: view{template, "设置", "settings"}, app: true, page: page}
	}
	url := appForm{
		Name: "演示商城", InFlight: "128", BaseURL: "https://api.weixin.qq.com", Unlimited: true, EventsOnly: true, SecretSet: true, Events: true, Shards: 4096,
		Guards: guardsFormOf("Asia/Shanghai", minapush.DefaultGuards()),
		Token:  tokenForm{Kind: "url", URL: "https://token.example.com/wechat/access_token", Path: "data.access_token", QueryHidden: true, HeaderSet: true},
	}
	wrong := appForm{
		Name: "一个名字特别特别长的小程序：城市生活服务与政务办理综合平台（测试版）", Rate: "很快", InFlight: "0", BaseURL: "http://gateway.example.com", Shards: 256,
		Guards: guardsForm{TimeZone: "Mars/Olympus", PerDay: "很多", SameContentDays: "99", CountPushes: true, From: "22:00", Skip: true},
		Token:  tokenForm{Kind: "fixed"}, Mistakes: mistakes{},
	}
	for field, name := range map[string]string{
		"rate": "mistake.app_rate", "in_flight": "mistake.app_in_flight", "base_url": "mistake.base_url", "secret": "mistake.retype", "token_value": "mistake.token_value",
		"time_zone": "mistake.time_zone", "guards_per_day": "mistake.per_day", "guards_same_content_days": "mistake.same_content_days", "guards_count_pushes": "mistake.count_pushes",
		"guards_quiet_until": "mistake.quiet",
	} {
		wrong.Mistakes.add(field, name)
	}
	bare, proposed := url, url
	bare.Guards = guardsFormOf("", minapush.Guards{})
	proposed.Guards.Proposed = true
	taken := newAppForm{ID: "wx0123456789abcdef", Name: "演示商城", Shards: "4096", Token: tokenForm{Kind: "stable"}, Mistakes: mistakes{}}
	taken.Mistakes.add("id", "mistake.app_taken")
	taken.Mistakes.add("secret", "mistake.retype")
	fresh := newAppForm{Shards: "256", Token: tokenForm{Kind: "stable"}}
	start := view{name: "settingsnew", title: "添加小程序"}
	return append([]shot{
		of("settings", "settings", url), of("settings-wrong", "settings", wrong), of("settings-guards-none", "settings", bare), of("settings-guards-proposed", "settings", proposed),
		{name: "settings-new-app", view: start, page: fresh}, {name: "settings-new-app-taken", view: start, page: taken},
	}, append(eventsShots(of), templateShots(of)...)...)
}

func eventsShots(of func(name, template string, page any) shot) []shot {
	path := "/v1/apps/wx0123456789abcdef/wechat"
	wrong := eventsForm{Path: path, Mode: "compatible", PassOnAll: true, Mistakes: mistakes{}}
	wrong.Mistakes.add("token", "mistake.event_token")
	wrong.Mistakes.add("encoding_aes_key", "mistake.retype")
	wrong.Mistakes.add("pass_on", "mistake.pass_on")
	return []shot{
		of("settings-events", "settingsevents", eventsForm{
			Path: path, Known: true, TokenSet: true, KeySet: true, Mode: "security", PassOnURL: "https://kefu.example.com/wechat/messages", QueryHidden: true, PassOnAll: true,
		}),
		of("settings-events-none", "settingsevents", eventsForm{Path: path, Mode: "security"}),
		of("settings-events-lost", "settingsevents", eventsForm{Path: path, Known: true, Mode: "security"}),
		of("settings-events-wrong", "settingsevents", wrong),
		of("settings-events-remove", "settingseventsremove", removeEventsPage{EventsOnly: true}),
	}
}

func templateShots(of func(name, template string, page any) shot) []shot {
	long := minapush.Template{
		ID: "t-unknown-1234567890-abcdefghijklmnopqrstuv", Kind: minapush.LongTermTemplate, Title: "超长模板标题：城市公共服务预约办理进度与结果变更提醒通知",
		GoneSince: galleryNow().AddDate(0, 0, -3), Example: "审核结果:通过\n备注:请于 2026年11月22日 前办理",
		Keys: []minapush.TemplateKey{
			{Key: "phrase4", Label: "审核结果", Type: "phrase", Enum: []string{"通过", "未通过"}, Policy: minapush.FallbackValue, Fallback: "通过"},
			{Key: "thing1", Label: "温馨提示", Type: "thing", Policy: minapush.CutValue}, {Key: "character_string12", Label: "办理流水编号", Type: "character_string"},
		},
	}
	legacy := minapush.Template{ID: "legacy-1", Kind: minapush.LegacyTemplate}
	campaigns := []minapush.Campaign{{ID: "01KAND1", Name: "周末签到提醒：一个名字特别特别长的群发任务（第二批，补发）"}, {ID: "01KAND2"}}
	policies := policiesOf(long)
	policies[0].Fallback, policies[0].Mistake = "可能通过", &mistake{"value.not_in_enum", []string{"通过, 未通过"}}
	bad := templateForm{ID: "t 1", Kind: "one_time", Title: "签到提醒", Keys: "thing1 温馨提示\n备注", Mistakes: mistakes{}}
	bad.Mistakes.add("id", "mistake.template_id")
	bad.Mistakes.add("keys", "mistake.key_line", "备注")
	drift := []driftRow{
		{TemplateDrift: account.TemplateDrift{Kind: account.DriftNew, ID: "t-new", Title: "预约成功通知"}},
		{
			TemplateDrift: account.TemplateDrift{Kind: account.DriftChanged, ID: galleryTemplate().ID, Title: "签到提醒"}, Scenes: []string{"pay.done", "sign-in"}, Campaigns: campaigns,
			Words: []changeRow{
				{"change.title", "", "签到", "签到提醒"}, {"change.kind", "", "one_time", "long_term"}, {"change.key", "thing9", "thing9", ""}, {"change.key_policy", "thing1", "cut", ""},
				{"change.key_enum", "phrase4", "通过, 未通过", "通过, 未通过, 待补充材料"}, {"change.example", "", "", "温馨提示:别忘了签到"}, {"change.gone_since", "", "2026-11-01T00:00:00Z", ""},
			},
		},
		{TemplateDrift: account.TemplateDrift{Kind: account.DriftDeleted, ID: long.ID, Title: long.Title}, Scenes: []string{"city"}},
		{TemplateDrift: account.TemplateDrift{Kind: account.DriftDeleted, ID: "t-old", GoneSince: galleryNow().Add(-40 * time.Hour)}},
	}
	return []shot{
		of("settings-templates", "settingstemplates", templatesPage{Rows: []templateRow{{galleryTemplate(), []string{"pay.done", "sign-in"}}, {long, nil}, {legacy, nil}}}),
		of("settings-templates-none", "settingstemplates", templatesPage{Problem: &mistake{Name: "sync.no_secret"}}),
		of("settings-templates-odd", "settingstemplates", templatesPage{Problem: &mistake{"sync.odd", []string{"t-1", "kind: must be known"}}}),
		of("settings-sync", "settingssync", syncPage{Rows: drift, Same: 12, Digest: "d", Ready: true, Moved: true}),
		of("settings-sync-same", "settingssync", syncPage{Same: 25}),
		of("settings-template", "settingstemplate", templatePage{T: long, Form: templateFormOf(long), Policies: policiesOf(long)}),
		of("settings-template-policy", "settingstemplate", templatePage{T: long, Form: templateFormOf(long), Policies: policies, Wrong: true}),
		of("settings-template-new", "settingstemplate", templatePage{Form: templateForm{Kind: "one_time"}}),
		of("settings-template-wrong", "settingstemplate", templatePage{Form: bad}),
		of("settings-template-delete", "settingstemplatedelete", deleteTemplatePage{T: long, Campaigns: campaigns}),
		of("settings-template-used", "settingstemplatedelete", deleteTemplatePage{T: long, Scenes: []string{"pay.done", "sign-in"}}),
	}
}
