package console

import (
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

// overviewGallery are the overview, the permits and the users, drawn from fixed data.
func overviewGallery() []shot {
	var all []shot
	for _, some := range [][]shot{overviewShots(), permitShots(), userShots()} {
		all = append(all, some...)
	}
	return all
}

func gallerySurvey() bank.Survey {
	subscribe := func(template string, uses int64) bank.Stock {
		return bank.Stock{
			Kind: minapush.Subscription, Template: template, Permits: uses, Uses: uses, Oldest: galleryNow().AddDate(-1, -2, 0),
			ByAge:    [bank.AgeDays]int64{uses / 8, uses / 8, uses / 8, uses / 8, uses / 8, uses / 8, uses / 8, uses / 8},
			BySource: []bank.SourceStock{{Source: 2, Uses: uses / 2}, {Source: 3, Uses: uses / 4}, {Source: 0, Uses: uses / 4}},
		}
	}
	reach := func(kind minapush.TemplateKind, template string, n int64) bank.Reach {
		return bank.Reach{
			Kind: kind, Template: template, Days: [bank.ReachDays]int64{n, n, n - n/50, n - n/40, n - n/30, n - n/20, n - n/15, n - n/10},
			ByRemaining: [4]int64{12_345_678 - n, n / 2, n / 4, n / 4},
		}
	}
	s := bank.Survey{
		At: galleryNow().Add(-4 * time.Minute), Took: 3 * time.Minute, Users: 12_345_678, ByRemaining: [4]int64{2_345_678, 5_000_000, 3_000_000, 2_000_000},
		Reach: []bank.Reach{
			reach(minapush.OneTimeTemplate, galleryTemplate().ID, 9_876_543), reach(minapush.OneTimeTemplate, "t2", 3_210_987),
			reach(minapush.LongTermTemplate, "t3", 1_204_511), reach(minapush.OneTimeTemplate, "t-unknown-1234567890-abcdefghijklmnopqrst", 88),
		},
		ByPermit: []bank.Stock{subscribe(galleryTemplate().ID, 14_567_890), subscribe("t2", 4_000_000), subscribe("t-unknown-1234567890-abcdefghijklmnopqrst", 88)},
	}
	s.ByPermit = append(s.ByPermit, bank.Stock{Kind: minapush.Standing, Template: "t3", Permits: 1_204_511, Uses: 1_204_511, Oldest: galleryNow().AddDate(0, -8, 0)})
	return s
}

func galleryTitles() map[string]string {
	return map[string]string{galleryTemplate().ID: "签到提醒", "t2": "超长模板标题：城市公共服务预约办理进度与结果变更提醒通知", "t3": "航班动态提醒"}
}

// galleryWithCodes is a survey of an app that holds form and pay permits, too.
func galleryWithCodes() bank.Survey {
	s := gallerySurvey()
	s.EndingSoon = bank.Ending{Users: 120_345, Uses: 160_001}
	for _, kind := range []minapush.PermitKind{minapush.FormID, minapush.PrepayID} {
		s.ByPermit = append(s.ByPermit, bank.Stock{
			Kind: kind, Permits: 700_000, Uses: 2_000_000, EndingSoon: 80_000, Oldest: galleryNow().AddDate(0, 0, -6),
			ByAge: [bank.AgeDays]int64{400_000, 300_000, 300_000, 300_000, 300_000, 200_000, 200_000}, BySource: []bank.SourceStock{{Source: 4, Uses: 2_000_000}},
		})
	}
	s.Reach = append(s.Reach, bank.Reach{Kind: minapush.LegacyTemplate, Days: [bank.ReachDays]int64{900_000, 800_000, 700_000, 600_000, 400_000, 200_000, 90_000}, ByRemaining: [4]int64{11_445_678, 400_000, 300_000, 200_000}})
	return s
}

func galleryDays(scale int64) []bank.Day {
	var days []bank.Day
	for i := range flowDays {
		n := scale * int64(6+i*7%11)
		days = append(days, bank.Day{
			Date: time.Date(2026, 11, 9+i, 0, 0, 0, 0, beijingZone()),
			Figures: map[string]map[string]int64{
				bank.FigureDeposited: {"subscribe": n}, bank.FigureSpent: {"subscribe": n * 2 / 3}, bank.FigureEvicted: {"subscribe": n / 90},
				bank.FigureIncome:    {"subscribe/2": n / 2, "subscribe/3": n / 4, "subscribe/0": n / 8, "form/4": n / 8, "subscribe/1": n / 20},
				bank.FigureOutcome:   {"campaign.accepted": n / 2, "campaign.refused": n / 9, "campaign.skipped": n / 5, "push.failed": n / 30, "push.unknown": n / 2000},
				bank.FigureDuplicate: {"subscribe": n / 40},
				bank.FigureRefused:   {"user_rejected": n / 5, "template_banned": n / 400, "trial_version": n / 80, "a_new_reason": 3},
				bank.FigureVoid:      {galleryTemplate().ID: n / 12, "t2": n / 200},
				figureEvent:          {"popup.accepted": n / 3, "popup.duplicate": n / 4, "popup.rejected": n / 7, "change.voided": n / 90, "sent.confirmed": n / 2, "sent.unmatched": 4, "other.unknown": 1},
				bank.FigureErrcode:   {"campaign.43101": n / 9, "campaign.40037": 12, "push.47003": 3, "campaign.45009": 1_204},
			},
		})
	}
	return days
}

func galleryOverview(s bank.Survey, days []bank.Day) overviewPage {
	p := overviewPage{Templates: 4, Planned: 2, Uncounted: 1}
	p.setReach(s, galleryTitles())
	p.setDays(days)
	p.Forecast = chart{Kind: "line", X: []string{"11-22", "11-23", "11-24", "11-25", "11-26", "11-27", "11-28", "11-29"}}
	for _, row := range p.Reach {
		for _, r := range s.Reach {
			if r.Template == row.Template && r.Kind == row.Kind {
				p.Forecast.Series = append(p.Forecast.Series, reachLine(row, lessPlanned(r.Days, []planned{{2, r.Days[0] / 3}})))
			}
		}
	}
	return p
}

func overviewShots() []shot {
	v := view{"overview", "概览", "overview"}
	full := galleryOverview(gallerySurvey(), galleryDays(100_000))
	running := galleryCampaign(minapush.Running)
	held := galleryCampaign(minapush.Running)
	held.Name, held.Hold = "会员日", minapush.Hold{Why: minapush.Reason{Code: "quota", Params: map[string]string{"errcode": "45009"}}, Until: galleryNow().Add(time.Hour)}
	live := liveView{M: running, F: figuresOf(galleryTally()), Total: 14_000_000, PerSecond: 812, Left: 34 * time.Minute}
	full.Running = runningView{Rows: []runningRow{{Live: live, Summed: true}, {Live: liveView{M: held, Holds: true}}}, More: 3}
	codes := galleryOverview(galleryWithCodes(), galleryDays(10))
	codes.Asked, codes.Quota = true, quota{Known: true, Left: 9_123_456, Limit: 10_000_000}
	alarmed := galleryOverview(gallerySurvey(), galleryDays(1000))
	paused := galleryCampaign(minapush.Paused)
	paused.Why = minapush.Reason{Code: "bad_credential", Params: map[string]string{"errcode": "40164", "answer": "invalid ip 10.0.0.1, not in whitelist"}}
	app := minapush.App{Stopped: minapush.Reason{Code: "punished", Params: map[string]string{"at": "2026-11-22T03:00:00Z", "illegal_reason": "服务类目不符：小程序内容与所选类目不一致，请于三日内整改", "rule_name": "小程序运营规范 3.2"}}}
	alarmed.Alarms = alarmsOf(app, []minapush.Template{{GoneSince: galleryNow()}}, bank.Survey{At: galleryNow().Add(-3 * time.Hour)},
		[]minapush.Campaign{paused, held}, galleryDays(1)[0], minapush.Errorf(minapush.Unavailable, "store: cluster is down"), galleryNow())
	alarmed.Asked = true
	empty := overviewPage{}
	empty.setDays(galleryDays(0))
	empty.setReach(bank.Survey{}, nil)
	uncounted := overviewPage{Templates: 3}
	uncounted.setDays(galleryDays(3))
	return []shot{
		{name: "overview", view: v, app: true, page: full},
		{name: "overview-codes", view: v, app: true, page: codes},
		{name: "overview-alarms", view: v, app: true, page: alarmed},
		{name: "overview-empty", view: v, app: true, page: empty},
		{name: "overview-uncounted", view: v, app: true, page: uncounted},
	}
}

func galleryPermits(s bank.Survey) permitsPage {
	var p permitsPage
	days := galleryDays(100_000)
	names := []string{"", "other", "pages/sign/index", "pages/order/detail/with/a/very/long/path/that/goes/on", "pages/pay/result"}
	p.setStock(s, galleryTitles())
	p.setSources(s, days, names)
	p.Flow = flowOf(map[minapush.PermitKind]minapush.Counts{
		minapush.Subscription: {Deposited: 45_678_901, Spent: 21_000_000, Dead: 3_210_987, Evicted: 45_678, Erased: 1_204},
	}, s)
	if p.Codes {
		p.Flow = flowOf(map[minapush.PermitKind]minapush.Counts{
			minapush.FormID: {Deposited: 9_000_000, Spent: 4_000_000, Dead: 1_000_000, Expired: 2_000_000}, minapush.PrepayID: {Deposited: 9_000_000, Spent: 4_000_000, Expired: 3_000_000},
			minapush.Subscription: {Deposited: 45_678_901, Spent: 21_000_000, Dead: 3_210_987, Evicted: 45_678, Erased: 1_204},
		}, s)
	}
	p.setRefused(days)
	p.setDrift(days, galleryTitles())
	p.setEvents(days)
	p.Odd = []bank.OddEvent{
		{At: galleryNow(), Type: "sent", Why: "unmatched", Body: `{"ToUserName":"gh_0123456789ab","FromUserName":"oABC…yz","MsgType":"event","Event":"subscribe_msg_sent_event","List":{"TemplateId":"9Aw5ZV1j9xdWTFEkqCpZ7mIBbSC34khK55OtzUPl0rU","MsgID":"1864323726461255680","ErrorCode":"0","ErrorStatus":"success"}}`},
		{At: galleryNow().Add(-time.Hour), Type: "other", Why: "wxa_media_check"},
	}
	return p
}

func permitShots() []shot {
	v := view{"permits", "推送凭证", "permits"}
	empty := permitsPage{}
	empty.setStock(bank.Survey{At: galleryNow()}, nil)
	return []shot{
		{name: "permits", view: v, app: true, page: galleryPermits(gallerySurvey())},
		{name: "permits-codes", view: v, app: true, page: galleryPermits(galleryWithCodes())},
		{name: "permits-empty", view: v, app: true, page: empty},
		{name: "permits-uncounted", view: v, app: true, page: permitsPage{}},
	}
}

func galleryUser() userPage {
	t := galleryTemplate()
	o := minapush.OpenID("oABCD0000000000000000000001x")
	u := bank.User{
		OpenID: o, FirstSeen: galleryNow().AddDate(-1, 0, 0), LastSeen: galleryNow().Add(-2 * time.Hour),
		Counts: minapush.Counts{Deposited: 41, Spent: 30, Dead: 3, Evicted: 2, Expired: 1},
		Events: map[string]minapush.EventState{
			"checkin": {Last: galleryNow().Add(-26 * time.Hour), Count: 1234}, "order_paid": {Last: galleryNow().Add(-40 * 24 * time.Hour), Count: 3},
			"invited_a_friend_to_the_double_eleven_group_purchase_of_the_week": {Last: galleryNow().Add(-time.Minute), Count: 1},
		},
		Profile: minapush.Profile{UID: "u-20260000123456", Tags: []string{"vip", "上海", "近三十天活跃且从未下单的新注册用户"}, OptOut: minapush.OptOutCampaigns,
			Attributes: map[string]minapush.Attribute{"level": {Kind: minapush.Number, Number: 7}, "city": {Text: "新疆维吾尔自治区巴音郭楞蒙古自治州"}, "paid": {Kind: minapush.Flag, Number: 1}}},
	}
	row := func(outcome minapush.Outcome, reason string) *minapush.Delivery {
		return &minapush.Delivery{Outcome: outcome, Reason: reason, State: minapush.Settled, Tries: 1, SettledAt: galleryNow(), ReservedAt: galleryNow()}
	}
	opened := row(minapush.Accepted, "")
	opened.OpenedAt, opened.Confirmed = galleryNow(), minapush.Delivered
	finished := galleryCampaign(minapush.Finished)
	permit := func(kind minapush.PermitKind, template, title, source string, number uint16, e minapush.Evidence) permitRow {
		h := minapush.Holding{Permit: minapush.Permit{Kind: kind, Template: template, Uses: 1, TakenAt: galleryNow().AddDate(0, 0, -3), Source: number, Evidence: e}}
		if kind.HasCode() {
			h.Uses, h.ExpiresAt = 2, h.TakenAt.Add(minapush.CodeLife)
		}
		return permitRow{Holding: h, Title: title, Source: source}
	}
	p := userPage{
		U: u, Codes: true, Attributes: attributesOf(u.Profile), More: 12, Events: eventsOf(u),
		Balance: []balanceRow{
			{bank.Balance{Kind: minapush.PrepayID, Available: 3, Ready: 2, Held: 1, NextExpiry: galleryNow().Add(50 * time.Hour)}, ""},
			{bank.Balance{Kind: minapush.Subscription, Template: t.ID, Available: 12, Ready: 12}, "签到提醒"},
			{bank.Balance{Kind: minapush.Standing, Template: "t3", Available: 1, Ready: 1}, "航班动态提醒"},
		},
		Permits: []permitRow{
			permit(minapush.Subscription, t.ID, "签到提醒", "pages/sign/index", 2, minapush.ByBoth), permit(minapush.Subscription, "t-unknown-1234567890-abcdefghijklmnopqrst", "", "", 0, minapush.ByClient),
			permit(minapush.PrepayID, "", "", "", 1, minapush.ByBackend), permit(minapush.Standing, "t3", "航班动态提醒", "pages/flight/detail", 3, minapush.ByEvent),
		},
		Recent: []recentRow{
			{Batch: finished.ID, At: galleryNow(), Campaign: finished, Row: opened}, {Batch: "push-20261121", Push: "p1", At: galleryNow(), Row: row(minapush.Failed, "47003")},
			{Batch: "push-20261101", Push: "p2", At: galleryNow().AddDate(0, 0, -21)}, {Batch: "push-20261121", Push: "p3", At: galleryNow(), Row: row(minapush.RefusedByUser, "43101")},
			{Batch: finished.ID, At: galleryNow(), Row: &minapush.Delivery{State: minapush.Suspected, Reason: "43101"}},
		},
		Why: whyView{Campaigns: []minapush.Campaign{finished}, M: finished, Because: whyNames()},
	}
	p.Push = pushView{Templates: []minapush.Template{t, {ID: "t3", Title: "航班动态提醒", Kind: minapush.LongTermTemplate}}, Template: t, Form: newCampaignForm("key", "")}
	return p
}

func userShots() []shot {
	v := view{"user", "用户 oABC…1x", "users"}
	find := view{"users", "用户", "users"}
	erase := view{"usererase", "删除该用户？", "users"}
	wrong := galleryUser()
	wrong.Why.Row = wrong.Recent[1].Row
	wrong.Push.Form.wrong("value.thing1", "value.too_long", "20", "31")
	wrong.Push.Form.wrong("value.phrase4", "value.empty")
	wrong.Push.Form.Values = map[string]string{"thing1": "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十"}
	wrong.Push.Mistake = &mistake{"push.busy", []string{"another delivery of this user is under way"}}
	wrong.Push.Result = wrong.Recent[0].Row
	bare := userPage{U: bank.User{OpenID: "oABCD0000000000000000000002y", FirstSeen: galleryNow(), Erasing: true}}
	plain := galleryUser()
	plain.Push.Template = minapush.Template{ID: "t3", Title: "航班动态提醒", Kind: minapush.LongTermTemplate}
	plain.Push.Standing, plain.Why.M, plain.Codes = true, minapush.Campaign{}, false
	return []shot{
		{name: "users", view: find, app: true, page: usersPage{Latest: []reporterRow{
			{bank.Reporter{OpenID: "oABCD0000000000000000000001x", At: galleryNow().Add(-time.Minute), Kind: minapush.Subscription, Template: "t2"}, galleryTitles()["t2"]},
			{bank.Reporter{OpenID: "oABCD0000000000000000000002y", At: galleryNow().Add(-3 * time.Hour), Kind: minapush.FormID}, ""},
		}}},
		{name: "users-none", view: find, app: true, page: usersPage{Find: "张三", Mistake: &mistake{Name: "mistake.no_user"}}},
		{name: "user", view: v, app: true, page: galleryUser()},
		{name: "user-mistakes", view: v, app: true, page: wrong},
		{name: "user-plain", view: v, app: true, page: plain},
		{name: "user-bare", view: v, app: true, page: bare},
		{name: "user-erase", view: erase, app: true, page: erasePage{OpenID: "oABCD0000000000000000000001x", Permits: 12, Busy: true, Typed: "abcd", Mistake: &mistake{Name: "mistake.tail"}}},
	}
}
