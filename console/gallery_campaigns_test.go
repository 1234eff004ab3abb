package console

import (
	"encoding/json"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/bank"
)

const longName = "双十一大促预热提醒（第二波）：全场满减、限量秒杀与会员专享优惠券到期提醒，覆盖近三十天活跃用户与尚未领取优惠券的用户"

func galleryTemplate() minapush.Template {
	return minapush.Template{
		ID: "9Aw5ZV1j9xdWTFEkqCpZ7mIBbSC34khK55OtzUPl0rU", Kind: minapush.OneTimeTemplate, Title: "签到提醒",
		Keys: []minapush.TemplateKey{
			{Key: "thing1", Label: "温馨提示", Type: "thing"}, {Key: "date2", Label: "活动时间", Type: "date"}, {Key: "amount3", Label: "优惠金额", Type: "amount"},
			{Key: "phrase4", Label: "状态", Type: "phrase", Enum: []string{"未签到", "已签到"}},
		},
	}
}

func galleryCampaign(state minapush.CampaignState) minapush.Campaign {
	m := minapush.Campaign{
		ID: "01KANDW8H2Z3QF6V7R9B1C4T5E", App: "wx0123456789abcdef", Name: longName, Kind: minapush.OneTimeTemplate, State: state,
		Message: minapush.Message{
			Template: galleryTemplate().ID, Page: "pages/sign/index?from=push&scene=double11", State: "formal", Lang: "zh_CN",
			Values: map[string]string{"thing1": "别忘了今天的签到奖励哦", "date2": "2026年11月22日", "amount3": "￥100", "phrase4": "未签到"},
		},
		CreatedAt: galleryNow().Add(-3 * time.Hour), LatestSend: galleryNow().Add(90 * time.Minute),
	}
	if state != minapush.Scheduled {
		m.StartedAt = galleryNow().Add(-47 * time.Minute)
	}
	if state.Ended() {
		m.EndedAt = galleryNow().Add(-2 * time.Minute)
	}
	return m
}

func galleryTally() minapush.Tally {
	t := minapush.Tally{Examined: 12_345_678, Opened: 1_204_511, Delivered: 7_900_000, Undelivered: 12_345}
	t.Add(minapush.Accepted, "", 8_000_000)
	t.Add(minapush.RefusedByUser, "43101", 412_345)
	t.Add(minapush.Failed, "47003", 1_204)
	t.Add(minapush.Failed, "40003", 77)
	t.Add(minapush.Failed, "bad_value", 5)
	t.Add(minapush.Skipped, minapush.ReasonNoPermit, 3_900_000)
	t.Add(minapush.Skipped, minapush.ReasonOptedOut, 31_999)
	t.Add(minapush.Unknown, minapush.ReasonReadTimeout, 48)
	return t
}

// campaignsGallery are the pages of campaigns, drawn from fixed data.
func campaignsGallery() []shot {
	var all []shot
	for _, some := range [][]shot{campaignListGallery(), composeGallery(), checkGallery(), liveGallery()} {
		all = append(all, some...)
	}
	return all
}

func campaignListGallery() []shot {
	sums := figuresOf(galleryTally())
	row := func(state minapush.CampaignState, name string, s *figures) campaignRow {
		m := galleryCampaign(state)
		m.Name = name
		return campaignRow{M: m, Template: "签到提醒", Sums: s}
	}
	rows := []campaignRow{
		row(minapush.Running, longName, nil), row(minapush.Scheduled, "周末到店提醒", nil), row(minapush.Finished, "会员日优惠券到账通知", &sums),
		row(minapush.Paused, "新品上架", nil), row(minapush.Cancelled, "测试", &figures{Audience: 3, Accepted: 1, Skipped: 2}),
		row(minapush.Missed, "错过的提醒", nil),
	}
	rows[0].Holds, rows[0].M.Hold = true, minapush.Hold{Why: minapush.Reason{Code: "quota", Params: map[string]string{"errcode": "45009"}}, Until: galleryNow().Add(time.Hour)}
	rows[1].M.StartAt = galleryNow().Add(20 * time.Hour)
	rows[3].M.Why = minapush.Reason{Code: "bad_message", Params: map[string]string{"errcode": "47003", "answer": "argument invalid! data.thing1.value invalid"}}
	rows[5].M.Why, rows[5].M.StartedAt = minapush.Reason{Code: "missed"}, time.Time{}
	v := view{"campaigns", "群发任务", "campaigns"}
	after := []minapush.Delivery{
		{OpenID: "oABCD0000000000000000000001", State: minapush.Settled, Outcome: minapush.Failed, Reason: "47003", Errcode: 47003, Tries: 1, SettledAt: galleryNow()},
		{OpenID: "oABCD0000000000000000000002", State: minapush.Settled, Outcome: minapush.Accepted, Confirmed: minapush.Undelivered, ConfirmStatus: "failed: system failed", Tries: 1, SettledAt: galleryNow(), OpenedAt: galleryNow()},
		{OpenID: "oABCD0000000000000000000003", State: minapush.Waiting, Reason: "busy", Tries: 2},
	}
	outcomes := []string{"", "pending", "accepted", "refused", "failed", "skipped", "unknown"}
	return []shot{
		{name: "campaigns", view: v, app: true, page: campaignsPage{States: campaignStates(), Rows: rows, Next: "x?after=1"}},
		{name: "campaigns-empty", view: v, app: true, page: campaignsPage{States: campaignStates()}},
		{name: "campaigns-none-found", view: v, app: true, page: campaignsPage{States: campaignStates(), Find: "双十二", State: minapush.Paused, Stopped: minapush.Reason{Code: "operator"}}},
		{name: "campaign-rows", view: view{"campaignrows", "发送明细", "campaigns"}, app: true, page: rowsPage{M: galleryCampaign(minapush.Finished), Outcomes: outcomes, Rows: after, First: true, Next: "x?after=1"}},
		{name: "campaign-rows-empty", view: view{"campaignrows", "发送明细", "campaigns"}, app: true, page: rowsPage{M: galleryCampaign(minapush.Finished), Outcome: "failed", Outcomes: outcomes}},
	}
}

func composeGallery() []shot {
	app, t := minapush.App{ID: "wx0123456789abcdef", Name: "演示商城"}, galleryTemplate()
	good := formOf(galleryCampaign(minapush.Finished), "key", "")
	good.Latest = choiceEvening
	bad := newCampaignForm("key", "")
	bad.Values = map[string]string{"thing1": "别忘了今天的签到奖励，连续签到七天还有大礼包等着你哦", "date2": "明天", "amount3": "{{amount}}"}
	bad.Audience, bad.Days, bad.Start, bad.StartAt, bad.Latest, bad.LatestAt = audienceSeen, "很多", choiceAt, "2020-01-01T10:00", choiceAt, "2026-11-22T12:00"
	bad.draft(t, galleryNow())
	where := newCampaignForm("key", "")
	where.Audience, where.Where, where.AtLeastOnce, where.Lines = audienceWhere, `{"all":[{"seen_within":"30d"},{"tag":"vip"}]}`, true, "keyword1=您好"
	idle := newCampaignForm("key", "America/New_York")
	idle.Audience, idle.Event, idle.EventDays, idle.Hours, idle.Of = audienceIdle, "签到", "0", "x", "01KANDGONE"
	idle.Rollout, idle.Percents, idle.RolloutPause, idle.KeepBack, idle.OnQuiet = true, "10, 1", "-1", "999", "skip"
	idle.expression(idle.wrong)
	idle.guards(idle.wrong)
	idle.wrong("hours", "mistake.days", "744")
	idle.wrong("of", "mistake.choose")
	staged := newCampaignForm("key", "")
	staged.Audience, staged.Of, staged.Rollout, staged.KeepBack = audienceUnopened, "01KANDW8H2Z3QF6V7R9B1C4T5E", true, "2"
	stagedPage := func() composePage {
		p := composePage{Template: t, Form: staged, Card: cardOf(app, t, staged.message(t)), Evening: nextEvening(galleryNow()), Choice: templateChoice{t, 8_412_345, true}}
		p.Asked = []minapush.Campaign{galleryCampaign(minapush.Finished), {ID: "01KAND2", Name: "会员日", StartedAt: galleryNow()}}
		return p
	}
	bare := minapush.Template{ID: "old-legacy-template", Kind: minapush.LegacyTemplate, Title: "旧模板消息"}
	page := func(f campaignForm, t minapush.Template) composePage {
		return composePage{
			Template: t, Form: f, Card: cardOf(app, t, f.message(t)), Evening: nextEvening(galleryNow()), Choice: templateChoice{t, 8_412_345, true},
			Surveyed: galleryNow().Add(-4 * time.Minute),
		}
	}
	v := view{"campaignnew", "新建群发任务", "campaigns"}
	copied := page(good, t)
	copied.CopyOf = galleryCampaign(minapush.Finished)
	again := page(where, bare)
	again.Made = true
	return []shot{
		{name: "campaign-choose", view: view{"campaignchoose", "新建群发任务", "campaigns"}, app: true, page: choosePage{
			Path: []string{"campaigns", "new"}, Surveyed: galleryNow().Add(-4 * time.Minute),
			Templates: []templateChoice{
				{t, 8_412_345, true}, {minapush.Template{ID: "t2", Kind: minapush.LongTermTemplate, Title: "城市公共服务与政务办理进度通知（长期订阅）", Keys: t.Keys[:2]}, 1_204, true},
				{bare, 0, true},
			},
		}},
		{name: "campaign-choose-empty", view: view{"campaignchoose", "新建群发任务", "campaigns"}, app: true, page: choosePage{Path: []string{"campaigns", "new"}}},
		{name: "campaign-new", view: v, app: true, page: page(newCampaignForm("key", ""), t)},
		{name: "campaign-new-wrong", view: v, app: true, page: page(bad, t)},
		{name: "campaign-new-wrong-audience", view: v, app: true, page: page(idle, t)},
		{name: "campaign-new-staged", view: v, app: true, page: stagedPage()},
		{name: "campaign-new-copy", view: v, app: true, page: copied},
		{name: "campaign-new-legacy", view: v, app: true, page: again},
	}
}

func checkGallery() []shot {
	app, t, m := minapush.App{ID: "wx0123456789abcdef", Name: "演示商城"}, galleryTemplate(), galleryCampaign(minapush.Scheduled)
	p := checkPage{
		M: m, Template: t, Known: true, Card: cardOf(app, t, m.Message), Quota: quota{true, 9_123_456, 10_000_000},
		Estimate: estimate{Surveyed: galleryNow().Add(-4 * time.Minute), Users: 12_345_678, Reachable: 8_412_345, Rate: 2000},
		Test: testForm{Latest: []bank.Reporter{
			{OpenID: "oABCD0000000000000000000001", At: galleryNow().Add(-time.Minute), Kind: minapush.Subscription, Template: t.ID},
			{OpenID: "oABCD0000000000000000000002", At: galleryNow().Add(-3 * time.Hour), Kind: minapush.Subscription, Template: "other"},
		}, Result: &minapush.Delivery{OpenID: "oABCD0000000000000000000001", Outcome: minapush.Accepted, SettledAt: galleryNow()}},
	}
	p.judge(galleryNow())
	list := checkPage{
		M: m, Template: t, Card: cardOf(app, t, m.Message), StartAt: galleryNow().Add(24 * time.Hour), Stopped: minapush.Reason{Code: "operator"},
		Estimate: estimate{List: true, Listed: 23_456, Rate: 100}, Mistakes: map[string]mistake{
			"sure": {Name: "mistake.tick"}, "start_at": {"mistake.after_latest", []string{"2026-11-22 22:04:56"}}, "openid": {Name: "mistake.nobody"},
			"start": {Name: "mistake.number_changed"},
		},
	}
	list.M.Audience.List = true
	list.M.Message.Values = map[string]string{"thing1": "{{name}}，您的奖励待领取", "date2": "{{day}}"}
	list.Card = cardOf(app, t, list.M.Message)
	list.Test.Names, list.Test.Values = []string{"day", "name"}, map[string]string{"name": "小王", "day": "2026-11-22"}
	list.Test.Result = &minapush.Delivery{OpenID: "oABCD0000000000000000000001", Outcome: minapush.Skipped, Reason: minapush.ReasonNoPermit, ReservedAt: galleryNow()}
	list.judge(galleryNow())
	list.drift([]minapush.Template{{ID: t.ID, Keys: t.Keys[:1]}})
	listed := m
	listed.Audience.List = true
	v, lv := view{"campaigncheck", "发送前检查", "campaigns"}, view{"campaignlist", "任务名单", "campaigns"}
	where := p
	where.M.Audience.Where, where.Estimate.Narrowed, where.Test.Result, where.Quota = json.RawMessage(`{"seen_within":"30d"}`), true, nil, quota{}
	guarded := minapush.App{Guards: minapush.DefaultGuards()}
	for _, one := range []*checkPage{&p, &list} {
		one.guard(guarded, galleryNow())
	}
	where.M.KeepBack, where.M.Rollout = 2, minapush.DefaultRollout().Clone()
	where.M.Audience.Where, where.Asked = json.RawMessage(`{"not":{"got":"01KANDW8H2Z3QF6V7R9B1C4T5E"}}`), longName
	where.M.LatestSend = time.Time{}
	where.guard(guarded, galleryNow().Add(4*time.Hour))
	where.Count = &counted{Whole: true, Count: audience.Count{Walked: 12_345_678, Matched: 9_876_543, OptedOut: 31_999, Reachable: 4_321_098, At: galleryNow(), Shards: 4096, ShardsDone: 4096}}
	where.Estimate.Counted = where.Count.number()
	part := where
	part.Estimate.Counted, part.M.Audience.Where = nil, json.RawMessage(`{"permits":{"last_expires_within":"24h"}}`)
	part.Count = &counted{Within: 8 * time.Second, Count: audience.Count{Walked: 3_456_789, Matched: 1_234, OptedOut: 12, Reachable: 1_111, At: galleryNow(), Shards: 4096, ShardsDone: 1_147}}
	part.guard(minapush.App{}, galleryNow())
	busy := part
	busy.Count, busy.M.Audience.Where = &counted{Busy: true}, json.RawMessage(`{"not":{"event":{"name":"checkin","days":1}}}`)
	return []shot{
		{name: "campaign-check-counted", view: v, app: true, page: where},
		{name: "campaign-check-part", view: v, app: true, page: part},
		{name: "campaign-check-busy", view: v, app: true, page: busy},
		{name: "campaign-check", view: v, app: true, page: p},
		{name: "campaign-check-list", view: v, app: true, page: list},
		{name: "campaign-check-unknown", view: v, app: true, page: checkPage{M: m, Template: t, Known: true, Card: p.Card, Estimate: estimate{Rate: 100}}},
		{name: "campaign-list", view: lv, app: true, page: listPage{M: listed, Names: []string{"day", "name"}, Listed: 1_234_567, Done: &audience.Imported{
			Rows: 1_300_000, Accepted: 1_200_000, Duplicate: 99_000, Refused: 1_000,
			Problems: []audience.Problem{{Line: 3, Field: "openid", Message: "must be printable ASCII without spaces"}, {Line: 12_345_678, Field: "values.name", Message: "is missing; the message asks for it"}},
		}}},
		{name: "campaign-list-empty", view: lv, app: true, page: listPage{M: listed, Mistake: &mistake{Name: "mistake.no_list"}}},
	}
}

func liveGallery() []shot {
	app, t := minapush.App{ID: "wx0123456789abcdef", Name: "演示商城"}, galleryTemplate()
	page := func(m minapush.Campaign, tally minapush.Tally) campaignPage {
		return campaignPage{
			M: m, Template: t, Card: cardOf(app, t, m.Message), Retry: retryForm{Key: "key", Name: m.Name, Outcomes: map[string]bool{"failed": true}},
			Live: liveView{M: m, F: figuresOf(tally), Total: tally.Examined, Exact: true, PerSecond: -1, Holds: holds(m, galleryNow())},
		}
	}
	part := galleryTally()
	part.Examined += 4_321
	part.Waiting, part.Sending, part.Suspected = 1_000, 321, 3_000
	running := page(galleryCampaign(minapush.Running), part)
	running.Live.Total, running.Live.Exact, running.Live.Surveyed = 20_000_000, false, galleryNow().Add(-9*time.Minute)
	running.Live.PerSecond, running.Live.Left = 1987.4, 63*time.Minute
	still := func(state minapush.CampaignState, change func(*minapush.Campaign), s still) campaignPage {
		m := galleryCampaign(state)
		change(&m)
		p := page(m, minapush.Tally{Examined: 5, Sending: 5})
		p.Live.Still, p.Live.Total = s, 1_234
		return p
	}
	held := still(minapush.Running, func(m *minapush.Campaign) {
		m.Hold = minapush.Hold{Why: minapush.Reason{Code: "quota", Params: map[string]string{"errcode": "45009"}}, Until: galleryNow().Add(3 * time.Hour)}
	}, stillFor(stillHold, "quota"))
	held.Live.Still.Until = galleryNow().Add(3 * time.Hour)
	held.Live.Still.Why.Params = map[string]string{"errcode": "45009"}
	paused := still(minapush.Paused, func(m *minapush.Campaign) { m.Why = minapush.Reason{Code: "operator"} }, stillFor(stillPaused, "operator"))
	paused.Refused = "pause"
	planned := still(minapush.Scheduled, func(m *minapush.Campaign) { m.StartAt = galleryNow().Add(time.Hour) }, stillFor(stillPlanned, ""))
	planned.Live.Still.Until = galleryNow().Add(time.Hour)
	done := page(galleryCampaign(minapush.Finished), galleryTally())
	done.Live.PerSecond, done.Live.Mean = 4567, true
	plain := galleryTally()
	plain.Delivered, plain.Undelivered = 0, 0
	cancelled := page(galleryCampaign(minapush.Cancelled), plain)
	cancelled.M.Why, cancelled.Live.M.Why = minapush.Reason{Code: "operator"}, minapush.Reason{Code: "operator"}
	cancelled.Retry.Mistake = &mistake{Name: "mistake.retry_nobody"}
	v := view{"campaign", longName, "campaigns"}
	stagedTo := func(p campaignPage, stage int) campaignPage {
		for _, m := range []*minapush.Campaign{&p.M, &p.Live.M} {
			m.Rollout, m.Stage, m.Schedule = minapush.DefaultRollout().Clone(), stage, "01KANDSCHEDULE"
			m.Audience.Where = json.RawMessage(`{"not":{"event":{"name":"checkin","days":1}}}`)
		}
		p.ScheduleName, p.Guards = "每日签到提醒", ownGuards(restraint{2, "wait", p.M.Rollout})
		p.Live.setStage()
		return p
	}
	quiet := still(minapush.Running, func(m *minapush.Campaign) {
		m.Hold = minapush.Hold{Why: minapush.Reason{Code: "quiet_hours"}, Until: galleryNow().Add(11 * time.Hour)}
	}, stillFor(stillHold, "quiet_hours"))
	quiet.Live.Still.Until = galleryNow().Add(11 * time.Hour)
	pausing := stagedTo(still(minapush.Running, func(m *minapush.Campaign) {
		m.Hold = minapush.Hold{Why: minapush.Reason{Code: "rollout_pause"}, Until: galleryNow().Add(8 * time.Minute)}
	}, stillFor(stillHold, "rollout_pause")), 1)
	pausing.Live.Still.Until, pausing.Live.Still.Why.Params = galleryNow().Add(8*time.Minute), map[string]string{"stage": "1", "stages": "3"}
	stopped := func(code string, params map[string]string) campaignPage {
		why := minapush.Reason{Code: code, Params: params}
		p := stagedTo(still(minapush.Paused, func(m *minapush.Campaign) { m.Why = why }, stillFor(stillPaused, code)), 0)
		p.Live.Still.Why = why
		return p
	}
	failedStage := stopped("rollout_failed", map[string]string{"share": "0.431", "max": "0.100", "answers": "1204"})
	refusedStage := stopped("rollout_refused", map[string]string{"share": "0.520", "expected": "0.083", "max": "0.283", "answers": "350"})
	guarded := galleryTally()
	for _, reason := range []string{minapush.ReasonDailyCap, minapush.ReasonSameContent, minapush.ReasonKeptBack, minapush.ReasonQuietHours} {
		guarded.Examined += 12_345
		guarded.Add(minapush.Skipped, reason, 12_345)
	}
	run := stagedTo(page(galleryCampaign(minapush.Finished), guarded), 2)
	missed := page(galleryCampaign(minapush.Missed), minapush.Tally{})
	missed.M.StartedAt, missed.M.Why = time.Time{}, minapush.Reason{Code: "bad_audience", Params: map[string]string{"error": `audience.where.not.got: names a campaign whose deliveries are forgotten, since it ended more than 30 days ago: "01KAND"`}}
	missed.Live.M = missed.M
	missed.M.Audience.Where = json.RawMessage(`{"not":{"got":"01KAND"}}`)
	return []shot{
		{name: "campaign-quiet", view: v, app: true, page: quiet},
		{name: "campaign-stage-pause", view: v, app: true, page: pausing},
		{name: "campaign-stage-failed", view: v, app: true, page: failedStage},
		{name: "campaign-stage-refused", view: v, app: true, page: refusedStage},
		{name: "campaign-run", view: v, app: true, page: run},
		{name: "campaign-missed", view: v, app: true, page: missed},
		{name: "campaign-running", view: v, app: true, page: running},
		{name: "campaign-held", view: v, app: true, page: held},
		{name: "campaign-paused", view: v, app: true, page: paused},
		{name: "campaign-planned", view: v, app: true, page: planned},
		{name: "campaign-finished", view: v, app: true, page: done},
		{name: "campaign-cancelled", view: v, app: true, page: cancelled},
		{name: "campaign-cancel", view: view{"campaigncancel", "取消该任务？", "campaigns"}, app: true, page: cancelPage{M: galleryCampaign(minapush.Running), F: figuresOf(part)}},
	}
}

func stillFor(code, why string) still { return still{Code: code, Why: minapush.Reason{Code: why}} }
