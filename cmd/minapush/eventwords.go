package main

import "github.com/minapush/minapush/api"

// eventWords are what people see of WeChat's events: English, Chinese.
var eventWords = map[string][2]string{
	"delivered": {"delivered", "已送达"}, "undelivered": {"undelivered", "未送达"}, "unconfirmed": {"not confirmed (yet)", "尚未确认"},
	"confirmed.users": {"of the accepted: %s delivered, %s undelivered, %s not confirmed (yet)", "已受理的消息中: 已送达 %s, 未送达 %s, 尚未确认 %s"},
	"confirmed":       {"WeChat's event told that it took the message", "微信事件确认已接收"},
	"punished":        {"WeChat punished the mini program", "小程序受到微信处罚"},
	"switched_off":    {"the user switched the template off afterwards", "用户此后已关闭该模板"},
	"events_only":     {"only WeChat's events count for this mini program", "该小程序仅以微信事件入账"},
	"punish.1":        {"a warning", "警告"}, "punish.2": {"functions are banned", "功能封禁"}, "punish.3": {"it is taken down", "下架"},
	"punish.4": {"the account is banned", "帐号封禁"}, "punish.5": {"a page is banned", "页面封禁"}, "punish.10": {"a page is banned", "页面封禁"},

	"events.url": {"URL", "URL(服务器地址)"}, "events.none": {"none: WeChat's events are not taken", "未设置: 不接收微信事件"},
	"events.host": {"https://YOUR-DOMAIN%s", "https://你的域名%s"}, "events.mode": {"mode", "消息加密方式"},
	"events.mode.plain": {"plain (better: security)", "明文模式 (建议使用安全模式)"}, "events.mode.compatible": {"compatible", "兼容模式"},
	"events.mode.security": {"security", "安全模式"}, "events.set": {"set", "已设置"}, "events.missing": {"missing", "未设置"},
	"events.pass_on": {"passed on to", "转发到"}, "events.pass_on.others": {"what is not ours", "仅转发其他消息"},
	"events.pass_on.all": {"all", "全部转发"}, "events.trusted": {"subscriptions count by", "订阅次数入账依据"},
	"events.only": {"events only", "仅微信事件"}, "events.both": {"reports and events, once", "客户端上报与微信事件, 只计一次"},
	"events.event": {"event (7 days)", "事件 (7 天)"}, "events.result": {"result", "处理结果"}, "events.count": {"number", "数量"},
	"events.odd": {"%d events are kept for inspection: --odd lists them", "有 %d 条事件留待查看: 加 --odd 列出"},

	"event.popup": {"popup answered", "订阅弹窗"}, "event.change": {"switched off", "关闭订阅"}, "event.sent": {"message sent", "送达结果"},
	"event.cancelled": {"account closed", "用户注销"}, "event.punished": {"punishment", "违规处罚"}, "event.other": {"other", "其他"},

	"result.accepted": {"permit taken in", "已入账"}, "result.duplicate": {"told before", "重复"}, "result.evicted": {"over the user's limit", "超限丢弃"},
	"result.not_kept": {"not kept", "未保留"}, "result.switched_off": {"switched off afterwards", "此后已关闭"}, "result.rejected": {"refused by the user", "用户拒绝"},
	"result.banned": {"template banned", "模板被封禁"}, "result.same_title": {"same title as another", "标题重复被过滤"}, "result.voided": {"permits dead", "凭证作废"},
	"result.confirmed": {"delivery confirmed", "已确认"}, "result.settled": {"unknown outcome settled", "未知结果已确认"}, "result.unmatched": {"no such delivery", "找不到对应的发送"},
	"result.erased": {"person forgotten", "已删除用户"}, "result.erasing": {"to be forgotten", "待删除用户"}, "result.stopped": {"sending stopped", "已停止发送"},
	"result.warned": {"warning noted", "已记录警告"}, "result.noted": {"noted", "已记录"}, "result.too_old": {"too old", "时间过早"}, "result.ahead": {"in the future", "时间超前"},
	"result.unknown": {"not known", "未知"}, "result.unreadable": {"unreadable", "无法解析"}, "result.unauthorized": {"sender not proven", "签名不符"},
	"result.failed": {"store not available", "存储不可用"},
}

// punished says what WeChat holds against an app.
func (l language) punished(r *api.Reason) string {
	text := ""
	if kind := r.Params["event_type"]; kind != "" {
		text = ": " + l.say("punish."+kind)
	}
	for _, name := range []string{"illegal_reason", "rule_name", "punish_id"} {
		if v := r.Params[name]; v != "" {
			text += ", " + v
		}
	}
	return text
}
