package console

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

// sceneGallery are the scenes, drawn from fixed data.
func sceneGallery() []shot {
	list := view{"scenes", "订阅场景", "scenes"}
	one := view{"scene", "订阅场景", "scenes"}
	long := "一个标题很长的模板：会员权益到期与续费优惠提醒通知"
	choices := []sceneChoice{
		{minapush.Template{ID: "t1", Title: "签到提醒", Kind: minapush.OneTimeTemplate}, true},
		{minapush.Template{ID: "t2", Title: long, Kind: minapush.OneTimeTemplate}, false},
		{minapush.Template{ID: "9Aw5ZV1j9xdWTFEkqCpZ7mIBbSC34khK55OtzUPl0rU", Kind: minapush.LongTermTemplate}, false},
	}
	return []shot{
		{name: "scenes", view: list, app: true, page: scenesPage{Templates: true, Rows: []sceneRow{
			{account.Scene{Name: "after-sign", Target: 3, CoolDown: account.DefaultCoolDown}, []string{"签到提醒", long}},
			{account.Scene{Name: "a-scene-with-a-very-long-name.that-fills-the-whole-sixty-four.chars", Target: 200, CoolDown: 36 * time.Hour}, []string{"订单状态通知"}},
			{account.Scene{Name: "always", Target: 1, CoolDown: account.NoCoolDown}, []string{"到货通知"}},
		}}},
		{name: "scenes-empty", view: list, app: true, page: scenesPage{Templates: true}},
		{name: "scenes-no-template", view: list, app: true, page: scenesPage{}},
		{name: "scene-new", view: one, app: true, page: sceneForm{
			Name: "有空格 的", Target: "x", Days: "-1", Choices: choices,
			Mistakes: map[string]*mistake{
				"name": {Name: "mistake.scene_name"}, "target": {"mistake.from_to", []string{"1", "200"}}, "days": {"mistake.from_to", []string{"0", "365"}},
				"templates": {"mistake.scene_templates", []string{"3"}},
			},
		}},
		{name: "scene-edit", view: one, app: true, page: sceneForm{Name: "after-sign", Was: "after-sign", Target: "3", Days: "7", Choices: choices}},
	}
}
