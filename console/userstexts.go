package console

import "maps"

// usersTexts are the words of the pages of users.
func usersTexts() texts {
	all := userTexts()
	for _, some := range []texts{whyTexts(), pushTexts(), eraseTexts()} {
		maps.Copy(all, some)
	}
	return all
}

func userTexts() texts {
	return texts{
		"users.find":           {"openid or uid", "openid 或业务用户 ID"},
		"users.find_hint":      {"The whole openid, or the uid with or without uid: in front.", "完整的 openid，或业务用户 ID（可带 uid: 前缀）。"},
		"users.latest":         {"Who reported last", "最近上报的用户"},
		"users.latest_hint":    {"To find yourself: accept a subscription on your phone, and you are the first.", "在手机上完成一次订阅，您就会出现在第一行。"},
		"users.reported":       {"Reported", "上报时间"},
		"users.ago":            {"%s ago", "%s前"},
		"users.nobody":         {"Nobody has reported yet", "还没有用户上报"},
		"users.nobody_how":     {"Put the SDK into the mini program; whoever accepts a subscription is listed here.", "在小程序中接入 SDK 后，完成订阅的用户会出现在这里。"},
		"mistake.no_user":      {"No user has this openid or uid", "没有找到该 openid 或业务用户 ID 对应的用户"},
		"mistake.nobody_named": {"Enter an openid or a uid", "请填写 openid 或业务用户 ID"},

		"user.title":          {"User %s", "用户 %s"},
		"user.back":           {"Back to the user", "返回用户"},
		"user.erasing":        {"This user is being erased: a message is under way, and its end completes the erasure.", "该用户正在删除：有一条消息正在发送，发送结束后自动完成。"},
		"user.profile":        {"Profile", "资料"},
		"user.uid":            {"uid", "业务用户 ID"},
		"user.tags":           {"Tags", "标签"},
		"user.opt_out":        {"Opted out", "退订"},
		"opt_out.none":        {"No", "未退订"},
		"opt_out.campaigns":   {"Of campaigns; pushes may be sent", "已退订群发（可单发）"},
		"opt_out.all":         {"Of everything", "已退订全部消息"},
		"user.events":         {"What this user did", "用户行为"},
		"user.events_hint":    {"Named events, as your backend or the mini program tells of them. Audiences can ask for them.", "由后端或小程序上报，可用于筛选目标人群。"},
		"user.event":          {"Event", "事件"},
		"user.event_last":     {"Last time", "最近一次"},
		"user.event_count":    {"How often", "次数"},
		"user.first_seen":     {"First seen", "首次出现"},
		"user.last_seen":      {"Last seen", "最近活跃"},
		"user.busy":           {"Under way", "发送中"},
		"user.busy_now":       {"A message to this user is being sent", "有一条消息正在发送给该用户"},
		"user.balance":        {"Balance", "可推次数"},
		"user.available":      {"Left", "剩余次数"},
		"user.ready":          {"Of these to be sent now", "其中当前可用"},
		"user.next_expiry":    {"Next expiry", "最近到期"},
		"user.unlimited":      {"any number", "不限次数"},
		"user.no_permits":     {"No permit", "没有推送凭证"},
		"user.no_permits_how": {"Nothing can be sent until this user accepts a subscription.", "用户完成订阅后才能发送。"},
		"user.counts":         {"Ever deposited %s, spent %s, dead %s, evicted %s.", "累计入账 %s 次，扣减 %s 次，作废 %s 次，超限丢弃 %s 次。"},
		"user.counts_expired": {"Expired %s.", "已过期 %s 次。"},
		"user.recent":         {"Recent deliveries", "最近的发送"},
		"user.recent_hint":    {"The last 8 of campaigns and the last 8 pushes that took a permit. Who is skipped is not named here: ask below for one campaign.", "最近 8 次群发与 8 次单发中占用过凭证的发送；已跳过的不在其中，可按任务查询原因。"},
		"user.no_recent":      {"Nothing was sent to this user", "没有给该用户发送过消息"},
		"user.time":           {"Time", "时间"},
		"user.what":           {"What", "任务"},
		"user.a_push":         {"Single push", "单发"},
		"user.row_gone":       {"The record is not kept any more", "明细已超过保留期"},
		"user.opened":         {"opened %s", "%s 打开"},
		"user.settled":        {"settled %s, tries: %s", "%s 完成，发送 %s 次"},
		"user.permits":        {"Permits", "推送凭证明细"},
		"user.uses_left":      {"Uses left", "剩余次数"},
		"user.state":          {"State", "状态"},
		"user.taken":          {"Taken", "获取时间"},
		"user.source":         {"Source", "来源"},
		"user.evidence":       {"Evidence", "依据"},
		"user.expiry":         {"Expires", "到期时间"},
		"user.more_permits":   {"and %s more", "另有 %s 张未列出"},

		"evidence.client":  {"Reported by the mini program", "小程序上报"},
		"evidence.event":   {"WeChat's event", "微信事件"},
		"evidence.trusted": {"Deposited by the backend", "后端入账"},
		"evidence.both":    {"Reported, and WeChat's event", "上报与微信事件"},

		"permit_state.available": {"Available", "可用"},
		"permit_state.held":      {"Held for a delivery", "已预占"},
		"permit_state.suspect":   {"Refused, in doubt", "拒收待复核"},

		"delivery_state.waiting":   {"waits for another try", "等待重试"},
		"delivery_state.held":      {"a permit is held for it", "已预占次数"},
		"delivery_state.sending":   {"being sent", "正在发送"},
		"delivery_state.suspected": {"refused, not yet believed", "拒收待复核"},
		"delivery_state.settled":   {"settled", "已完成"},
	}
}

// whyTexts explain that a campaign has no record of a user, by whyNames.
func whyTexts() texts {
	return texts{
		"why.title":    {"Why did this person not get it?", "为什么没有收到？"},
		"why.campaign": {"Campaign", "群发任务"},
		"why.ask":      {"Explain", "查询原因"},
		"why.hint":     {"Choose a campaign.", "选择一个任务查询。"},

		"mistake.no_campaign": {"There is no such campaign", "没有该任务"},

		"why.unstarted":    {"The campaign has not been started.", "任务尚未开始。"},
		"why.erasing":      {"The user is being erased and is passed over.", "用户正在删除，已被略过。"},
		"why.later":        {"Not part of the audience: this user was first seen after the campaign had started.", "不在目标人群内：用户首次出现晚于任务开始。"},
		"why.forgotten":    {"It was sent or tried, but the record is past its time.", "曾为该用户发送，但明细已超过保留期。"},
		"why.not_listed":   {"Not on the campaign's list, or the record is past its time.", "不在任务名单中，或明细已超过保留期。"},
		"why.filtered":     {"Not part of the audience: the campaign's condition does not hold for this user, as far as is known now.", "不在目标人群内：按现有资料不符合任务条件。"},
		"why.opted_out":    {"Opted out, so skipped. Skipped users are counted, without a record of each.", "用户已退订，因此已跳过。已跳过仅计数，不保留个人记录。"},
		"why.no_permit":    {"No permit for this template, so skipped. Skipped users are counted, without a record of each.", "没有该模板的推送凭证，因此已跳过。已跳过仅计数，不保留个人记录。"},
		"why.permit_late":  {"The permits that are here now came after the campaign had ended; then there was none.", "现有凭证均在任务结束后获得，当时没有可用凭证。"},
		"why.daily_cap":    {"Had as many messages on that day as are allowed, so probably skipped.", "当天已达频次限制，可能因此跳过。"},
		"why.same_content": {"Had the same content lately from another campaign, so probably skipped.", "近期已从其他任务收到相同内容，可能因此跳过。"},
		"why.kept_back":    {"What is left is kept for pushes, so probably skipped.", "剩余次数预留给单发，可能因此跳过。"},
		"why.quiet_hours":  {"The campaign skipped some people in quiet hours; this user may be one of them.", "该任务在免打扰时段跳过了部分用户，可能包括该用户。"},
		"why.not_yet":      {"The campaign has not ended: this user has not been reached yet, or was skipped.", "任务尚未结束：还未处理到该用户，或已跳过。"},
		"why.skipped":      {"There is no record. Either this user had no permit at that time and was skipped (counted only), or the record is past its time.", "没有记录：当时没有可用凭证而已跳过（仅计数），或明细已超过保留期。"},
	}
}

func pushTexts() texts {
	return texts{
		"push.title":       {"Push one message", "单发"},
		"push.none":        {"This user holds no permit that can be sent now for a template known here.", "该用户没有当前可用于已知模板的推送凭证。"},
		"push.send":        {"Send", "发送"},
		"push.standing":    {"A long-term subscription is not used up.", "长期订阅不消耗次数。"},
		"push.no_template": {"The template is not known any more. Nothing was sent.", "该模板已移除，未发送。"},
		"push.again":       {"This form was sent before, and says something else now. Nothing more was sent; send it again for another message.", "该表单此前已提交过，内容又有改动。本次未发送；再次提交将另发一条。"},
		"push.under_way":   {"This push is under way. Look at the recent deliveries in a moment.", "该消息正在发送，请稍后查看最近的发送。"},
		"push.busy":        {"Not sent, and no 次数 was used: %s. Try again.", "未发送，未消耗次数：%s。请重试。"},
		"push.failed":      {"Not sent: %s", "未发送：%s"},
	}
}

func eraseTexts() texts {
	return texts{
		"erase.ask":       {"Erase…", "删除用户…"},
		"erase.title":     {"Erase this user?", "删除该用户？"},
		"erase.permits":   {"All %s permits are removed, with profile and tags.", "将删除全部 %s 张推送凭证，以及资料与标签。"},
		"erase.rows":      {"The records of deliveries are removed; sums of campaigns stay.", "将删除发送明细；任务的汇总数字保留。"},
		"erase.for_good":  {"This is for good.", "删除后无法恢复。"},
		"erase.busy":      {"A message is under way: the erasure is completed when it ends.", "有一条消息正在发送，发送结束后才会完成删除。"},
		"erase.type":      {"Type the last 4 characters of the openid", "请输入 openid 的最后 4 位"},
		"erase.yes":       {"Erase", "确认删除"},
		"erase.done":      {"The user %s is erased.", "用户 %s 已删除。"},
		"erase.under_way": {"The user %s is being erased: a message is under way, and its end completes it.", "用户 %s 正在删除：有一条消息正在发送，结束后自动完成。"},
		"erase.gone":      {"There is no such user (any more).", "该用户不存在或已删除。"},
		"mistake.tail":    {"These are not its last 4 characters; nothing was erased", "与最后 4 位不符，未删除"},
	}
}
