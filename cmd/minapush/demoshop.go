package main

import (
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
)

// What the demo and the example mini program of sdk/example agree on; sandbox/phone/API.md says the same for front-end developers.
const (
	demoAppID  = "wxdemo0123456789ab"
	demoSecret = "the-secret-of-the-simulated-app"
	// demoDomain is the request domain of the example mini program.
	demoDomain = "https://shop.minapush.example"
	// demoUser is whose phone the printed address opens.
	demoUser = "xiaoming"

	demoLegacy    = "AT0009_sign_in_reminder_legacy_template_000"
	demoPaid      = "AT0229_order_paid_legacy_template_000000000"
	demoSubscribe = "Sub_sign_in_reminder_one_time_template_0000"
	demoOrder     = "Sub_order_status_one_time_template_00000000"
	demoArrival   = "Sub_goods_arrival_one_time_template_0000000"
)

// demoPages are the pages of the example's released build.
func demoPages() []string {
	return []string{"pages/index/index", "pages/goods/goods", "pages/order/order", "pages/sign/sign", "pages/me/me"}
}

// demoTemplates are the app's templates, as WeChat has them.
func demoTemplates() []sandbox.Template {
	return []sandbox.Template{
		{ID: demoLegacy, Title: "签到提醒", Type: sandbox.Legacy, Content: "签到提醒:{{keyword1.DATA}}\n温馨提示:{{keyword2.DATA}}\n"},
		{ID: demoSubscribe, Title: "签到提醒", Type: sandbox.OneTime,
			Content: "温馨提示:{{thing1.DATA}}\n签到日期:{{date2.DATA}}\n", Example: "温馨提示:今天还没有签到\n签到日期:2026-07-01\n"},
		{ID: demoOrder, Title: "订单状态通知", Type: sandbox.OneTime,
			Content: "商品名称:{{thing1.DATA}}\n订单状态:{{phrase2.DATA}}\n订单编号:{{character_string3.DATA}}\n",
			Example: "商品名称:拿铁咖啡\n订单状态:已付款\n订单编号:MP00000001\n"},
		{ID: demoArrival, Title: "到货通知", Type: sandbox.OneTime,
			Content: "商品名称:{{thing1.DATA}}\n商品价格:{{amount2.DATA}}\n", Example: "商品名称:抹茶蛋糕\n商品价格:¥26.00\n"},
		{ID: demoPaid, Title: "购买成功通知", Type: sandbox.Legacy,
			Content: "商品名称:{{keyword1.DATA}}\n订单金额:{{keyword2.DATA}}\n订单编号:{{keyword3.DATA}}\n"},
	}
}

// bankTemplates are the same templates as minapush is told of them.
func bankTemplates() []api.Template {
	keys := func(names ...string) (list []api.TemplateKey) {
		for _, name := range names {
			list = append(list, api.TemplateKey{Key: name})
		}
		return list
	}
	return []api.Template{
		{ID: demoLegacy, Kind: "legacy", Title: "签到提醒"},
		{ID: demoSubscribe, Kind: "one_time", Title: "签到提醒", Keys: keys("thing1", "date2")},
		{ID: demoOrder, Kind: "one_time", Title: "订单状态通知", Keys: keys("thing1", "phrase2", "character_string3")},
		{ID: demoArrival, Kind: "one_time", Title: "到货通知", Keys: keys("thing1", "amount2")},
		{ID: demoPaid, Kind: "legacy", Title: "购买成功通知"},
	}
}

// demoScenes are the places of the example that ask for subscriptions.
func demoScenes() []api.Scene {
	return []api.Scene{
		{Name: "goods", Templates: []string{demoArrival, demoOrder}, Target: 1},
		{Name: "order", Templates: []string{demoOrder}, Target: 2},
		{Name: "sign", Templates: []string{demoSubscribe}, Target: 7},
	}
}

// goods is one thing that the shop sells.
type goods struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Price int64  `json:"price"` // in fen
}

func demoGoods() []goods {
	return []goods{{"1", "拿铁咖啡", 1800}, {"2", "抹茶蛋糕", 2600}, {"3", "柠檬茶", 1200}}
}
