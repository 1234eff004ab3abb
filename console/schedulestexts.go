package console

import "maps"

// scheduleTexts are the words of schedules, of audiences that are choices, and of guard rails.
func scheduleTexts() texts {
	all := texts{}
	for _, some := range []texts{schedulePageTexts(), scheduleFormTexts(), timesTexts(), audienceTexts(), countTexts(), guardTexts(), rolloutTexts()} {
		maps.Copy(all, some)
	}
	return all
}

func schedulePageTexts() texts {
	return texts{
		"schedule.is_active": {"Active", "生效中"},
		"schedule.is_paused": {"Paused", "已暂停"},
		"schedule.is_ended":  {"Ended", "已结束"},
		"schedule.new":       {"New schedule", "新建定时任务"},
		"schedule.reminder":  {"Sign-in reminder", "签到提醒"},
		"schedule.reminder_hint": {"Every day at 20:00, to those who have not signed in that day (event checkin, told by your backend or the mini program). Everything can be changed.",
			"每天 20:00 发送给当天尚未签到的用户（事件 checkin，由后端或小程序上报），各项均可修改。"},
		"schedule.make_reminder": {"Make a sign-in reminder", "创建签到提醒"},
		"schedule.none":          {"No schedule yet", "还没有定时任务"},
		"schedule.none_how":      {"A schedule makes a campaign at each planned time, for those who belong to its audience at that moment.", "定时任务到点自动创建群发任务，并按当时的数据筛选目标人群。"},
		"schedule.no_more":       {"There are no older ones", "没有更早的定时任务"},
		"schedule.stopped":       {"Sending is stopped for this mini program: runs are made, and stand still until that ends.", "该小程序已紧急停发：到点仍会创建任务，恢复前不会发送。"},
		"schedule.when":          {"Runs", "执行时间"},
		"schedule.next":          {"Next run", "下次执行"},
		"schedule.started":       {"Runs made", "已执行"},
		"schedule.missed":        {"Missed", "已错过"},
		"schedule.counts":        {"%s runs made, %s missed", "已执行 %s 次，错过 %s 次"},
		"schedule.if_resumed":    {"If it is resumed now", "若现在恢复"},
		"schedule.resume":        {"Resume", "恢复"},
		"schedule.end":           {"End…", "结束…"},
		"schedule.passed_over":   {"While it is paused its planned times pass over; they are not made up for.", "暂停期间的计划时间会跳过，恢复后不补发。"},
		"schedule.next_runs":     {"Next runs", "接下来的执行时间"},
		"schedule.zone":          {"Times are those of the schedule's time zone, %s.", "均为该任务时区 %s 的时间。"},
		"schedule.in":            {"in %s", "%s后"},
		"schedule.no_next":       {"There will be no run any more.", "不会再执行。"},
		"schedule.runs":          {"Last runs", "最近的执行"},
		"schedule.no_runs":       {"No planned time has come yet.", "尚未到达计划时间。"},
		"schedule.planned":       {"Planned time", "计划时间"},
		"schedule.was_missed":    {"Missed: the server was not there", "已错过：当时服务未运行"},
		"schedule.from":          {"Not before", "生效自"},
		"schedule.until":         {"Not after", "有效至"},
		"schedule.send_for":      {"Sends for at most", "最长发送时间"},
		"schedule.grace":         {"May start late by", "最多延迟开始"},
		"schedule.made":          {"Made", "创建于"},
		"schedule.fixed":         {"A schedule does not change once it is made: copy it as a new one, and end this one.", "定时任务创建后不可修改：如需修改，请复制为新任务并结束此任务。"},

		"schedule.refused_pause":  {"It cannot be paused: it has ended.", "不能暂停：任务已结束。"},
		"schedule.refused_resume": {"It cannot be resumed: it has ended.", "不能恢复：任务已结束。"},
		"schedule.refused_end":    {"It cannot be ended.", "不能结束。"},

		"schedule.end_title":    {"End this schedule?", "结束该定时任务？"},
		"schedule.end_what":     {"There will be no run any more. Campaigns that it has made stay as they are.", "不会再执行；已创建的群发任务不受影响。"},
		"schedule.end_for_good": {"This is for good: a schedule that has ended cannot be resumed.", "结束后无法恢复。"},
		"schedule.end_yes":      {"End the schedule", "确认结束"},
		"schedule.end_no":       {"Keep it", "不结束"},

		"campaign.schedule": {"Run of", "所属定时任务"},
		"campaigns.run":     {"scheduled", "定时任务"},
	}
}

func scheduleFormTexts() texts {
	return texts{
		"schedule.name":         {"Name of the schedule", "定时任务名称"},
		"schedule.step3":        {"Look at its runs, and make it", "核对时间并创建"},
		"schedule.to_check":     {"Next: look at its runs", "下一步：核对时间"},
		"schedule.nothing_made": {"Nothing is made yet.", "此时不会创建任何任务。"},
		"schedule.made_before":  {"This form has made a schedule already, and says something else now. Send it again to make another one.", "该表单此前已创建过定时任务，内容又有改动；再次提交将另建一个。"},
		"schedule.check":        {"Look at it before it is made", "创建前核对"},
		"schedule.each_time":    {"Each run finds out anew who belongs to the audience.", "每次执行时按当时的数据重新筛选。"},
		"schedule.count":        {"Count as if it ran now", "按现在执行统计人数"},
		"schedule.make":         {"Make the schedule", "创建定时任务"},
		"schedule.change":       {"Change", "返回修改"},
		"schedule.by_itself":    {"From then on it sends by itself, at each of these times.", "创建后将在上述时间自动发送。"},

		"when.once":           {"Once", "仅一次"},
		"when.at":             {"Date and time", "日期和时间"},
		"when.daily":          {"Every day", "每天"},
		"when.workdays":       {"Monday to Friday", "周一至周五"},
		"when.weekly":         {"On these days of the week", "每周指定的几天"},
		"when.weekdays":       {"Days of the week", "星期"},
		"when.monthly":        {"Once a month", "每月"},
		"when.month_day":      {"Day of the month", "日期（几号）"},
		"when.month_day_hint": {"Months without that day are left out.", "没有该日的月份不执行。"},
		"when.clock":          {"At", "时刻"},
		"when.clock_hint":     {"For the four choices above.", "用于以上四种方式。"},
		"when.cron":           {"By a cron expression", "Cron 表达式"},
		"when.cron_fields":    {"Minute, hour, day of month, month, day of week", "分 时 日 月 周"},
		"when.cron_hint":      {"Runs are at least five minutes apart.", "两次执行至少间隔 5 分钟。"},
		"when.send_for":       {"Send for at most (hours)", "最长发送时间（小时）"},
		"when.send_for_hint":  {"Whoever is left then is skipped. Empty: as long as it takes.", "超过后剩余用户计为已跳过；留空则不限。"},
		"when.from":           {"First day (optional)", "开始日期（选填）"},
		"when.until":          {"Last day (optional)", "结束日期（选填）"},

		"mistake.time_zone":   {"Must be a time zone such as Asia/Shanghai", "必须为时区名称，如 Asia/Shanghai"},
		"mistake.clock":       {"Must be a time of the day such as 20:00", "必须为时刻，如 20:00"},
		"mistake.weekday":     {"Choose at least one day", "请至少选择一天"},
		"mistake.day":         {"Must be a date", "请填写日期"},
		"mistake.before_from": {"Must not be before the first day", "不能早于开始日期"},
	}
}

func timesTexts() texts {
	return texts{
		"times.once":     {"Once, at %s", "仅一次，%s"},
		"times.daily":    {"Every day at %s", "每天 %s"},
		"times.workdays": {"Monday to Friday at %s", "周一至周五 %s"},
		"times.weekly":   {"Each ", "每"},
		"times.comma":    {", ", "、"},
		"times.monthly":  {"On day %s of each month at %s", "每月 %s 日 %s"},
		"weekday.0":      {"Sunday", "周日"},
		"weekday.1":      {"Monday", "周一"},
		"weekday.2":      {"Tuesday", "周二"},
		"weekday.3":      {"Wednesday", "周三"},
		"weekday.4":      {"Thursday", "周四"},
		"weekday.5":      {"Friday", "周五"},
		"weekday.6":      {"Saturday", "周六"},
	}
}

// audienceTexts are the choices of an audience in a form, and the same in words.
func audienceTexts() texts {
	return texts{
		"audience.idle":            {"Only who has not done something today, or within days", "仅今天或近几天未做某事的用户"},
		"audience.event":           {"Event", "事件名称"},
		"audience.event_hint":      {"As your backend or the mini program tells of it, such as checkin.", "后端或小程序上报的名称，如签到 checkin。"},
		"audience.event_days_hint": {"1: today only. Days begin at midnight (%s).", "1 表示仅今天；按 %s 的自然日计算。"},
		"audience.expiring":        {"Only whose last permit for this template ends soon", "仅该模板最后一张凭证即将到期的用户"},
		"audience.hours":           {"Within hours", "小时数"},
		"audience.hours_hint":      {"Afterwards they cannot be reached any more. Form and prepay ids end; subscriptions do not.", "到期后将无法触达。仅推送码有有效期，订阅次数没有。"},
		"audience.ungot":           {"Only who did not get another campaign", "仅未收到某个任务的用户"},
		"audience.unopened":        {"Only who got another campaign and did not open it", "仅收到某个任务但未打开的用户"},
		"audience.of":              {"That campaign", "参照的任务"},
		"audience.of_none":         {"No campaign was started yet", "还没有已开始的任务"},

		"whom.seen":       {"Seen within %s days", "最近 %s 天内活跃的用户"},
		"whom.unseen":     {"Not seen within %s days", "最近 %s 天内未活跃的用户"},
		"whom.idle_today": {"Without %s today", "今天没有 %s 的用户"},
		"whom.idle":       {"Within %s days, today included, without %s", "最近 %s 天（含今天）没有 %s 的用户"},
		"whom.expiring":   {"Whose last permit ends within %s hours", "最后一张凭证将在 %s 小时内到期的用户"},
		"whom.ungot":      {"Who did not get", "未收到该任务的用户："},
		"whom.unopened":   {"Who got, and did not open", "收到但未打开该任务的用户："},

		"mistake.event":     {"Up to 64 letters, digits or _ . - and a letter or _ in front", "最多 64 个字母、数字或 _ . -，须以字母或 _ 开头"},
		"mistake.keep_back": {"Must be a whole number from 0 to %s", "必须为 0 到 %s 的整数"},
		"mistake.percents":  {"Must be 1 to %s numbers that ascend between 0 and 100, such as 1, 10", "须为 1 至 %s 个在 0 与 100 之间递增的数，如 1, 10"},
		"mistake.minutes":   {"Must be a whole number from 0 to %s", "必须为 0 到 %s 的整数"},
	}
}

func countTexts() texts {
	return texts{
		"count.now":       {"Count now", "立即统计"},
		"count.again":     {"Count again", "重新统计"},
		"count.hint":      {"Looks at every user, for a few seconds at most.", "逐一检查全部用户，最多几秒。"},
		"count.whole":     {"All users were counted at %s.", "已于 %s 统计全部用户。"},
		"count.part":      {"Not finished within %s: about %s of all users were looked at. These figures are of that part only; the command minapush audience count has no such limit.", "未能在 %s内完成：已检查约 %s 的用户，以下仅为这部分的数字。命令 minapush audience count 不受此限。"},
		"count.busy":      {"Other counts are under way. Try again in a few seconds.", "正在进行其他统计，请几秒后再试。"},
		"count.walked":    {"Users looked at", "已检查用户"},
		"count.matched":   {"Belong to the audience", "符合条件"},
		"count.opted_out": {"Of these opted out", "其中已退订"},
		"count.reachable": {"Of these reachable now", "其中当前可触达"},

		"confirm_send.counted": {"Confirm: send to the %s people counted", "确认发送给统计到的 %s 人"},
		"sure.counted":         {"Yes, the %s people counted are meant to get it", "我确认要发送给统计到的 %s 人"},
	}
}

func guardTexts() texts {
	return texts{
		"guards.title":      {"Guard rails", "防打扰规则"},
		"guards.settings":   {"Set them", "去设置"},
		"guards.own":        {"Guard rails of its own", "任务自身规则"},
		"guards.none":       {"This mini program has no guard rails: a user may get any number of messages, at any hour.", "该小程序未设置防打扰规则：用户可能在任意时段收到任意多条消息。"},
		"guards.cap":        {"Frequency cap: campaign messages a day for each user, at most: %s. One too many is skipped.", "频次限制：每个用户每天最多 %s 条群发消息，超出的计为已跳过。"},
		"guards.cap_pushes": {"Frequency cap: messages a day for each user, pushes counted, at most: %s. One too many is skipped.", "频次限制：每个用户每天最多 %s 条消息（含单发），超出的计为已跳过。"},
		"guards.content":    {"Same content: who had the same from another campaign is skipped. Days: %s.", "相同内容：%s 天内已从其他任务收到相同内容的用户会被跳过。"},
		"guards.quiet_wait": {"Quiet hours %s–%s (%s): nothing is sent, and it waits until they are over.", "免打扰时段 %s–%s（%s）：暂停发送，结束后继续。"},
		"guards.quiet_skip": {"Quiet hours %s–%s (%s): who is met in them is skipped.", "免打扰时段 %s–%s（%s）：期间处理到的用户计为已跳过。"},
		"guards.keep_back":  {"Kept back for pushes: %s of the permits of each user; who has no more is skipped.", "预留次数：为每个用户保留 %s 次用于单发，不足的计为已跳过。"},
		"guards.rollout":    {"Staged roll-out: %s, then the rest; after each stage it waits %s minutes.", "灰度发送：%s → 其余用户，每阶段后等待 %s 分钟。"},
		"guards.own_wait":   {"Quiet hours: it waits.", "免打扰时段：等待。"},
		"guards.own_skip":   {"Quiet hours: who is met in them is skipped.", "免打扰时段：跳过。"},

		"check.quiet_wait":      {"It begins in quiet hours: nothing is sent until %s.", "开始时间在免打扰时段内：将等到 %s 后发送。"},
		"check.quiet_skip":      {"It begins in quiet hours: who is met before %s is skipped.", "开始时间在免打扰时段内：%s 前处理到的用户都会被跳过。"},
		"check.quiet_late":      {"It begins in quiet hours, which end at %s: then the latest send time is over, and nobody gets it.", "开始时间在免打扰时段内，结束于 %s，届时已过最晚发送时间：不会发送给任何人。"},
		"check.quiet_soon_wait": {"It may not be through when quiet hours begin at %s: the rest waits until they are over.", "可能在 %s 免打扰时段开始前发不完，剩余用户将等到时段结束后发送。"},
		"check.quiet_soon_skip": {"It may not be through when quiet hours begin at %s: the rest is skipped.", "可能在 %s 免打扰时段开始前发不完，剩余用户将被跳过。"},

		"compose.rollout":        {"Staged roll-out", "灰度发送"},
		"compose.rollout_do":     {"Send it in stages", "分阶段发送"},
		"compose.rollout_hint":   {"First to a few, then to more, then to the rest. It stops by itself when too many fail or are refused.", "先发给少量用户，再逐步扩大。失败或拒收过多时自动停止。"},
		"compose.percents":       {"Stages (% of all users)", "各阶段累计比例（%）"},
		"compose.percents_hint":  {"Ascending, with commas between; the rest comes last.", "递增，用逗号分隔；最后发送其余用户。"},
		"compose.rollout_pause":  {"Minutes after each stage", "每阶段后等待（分钟）"},
		"compose.keep_back":      {"Permits kept back for pushes", "预留次数（用于单发）"},
		"compose.keep_back_hint": {"So many are left to each user. Empty: none.", "为每个用户保留的次数；留空则不保留。"},
		"compose.on_quiet":       {"In quiet hours", "免打扰时段"},
		"on_quiet.app":           {"As the settings say", "按小程序设置"},
		"on_quiet.wait":          {"Wait until they are over", "等待至时段结束"},
		"on_quiet.skip":          {"Skip who is met in them", "跳过期间的用户"},
	}
}

func rolloutTexts() texts {
	return texts{
		"rollout.after":   {"after stage %s of %s", "（第 %s / %s 阶段后）"},
		"rollout.failed":  {"(%s of %s answers failed; %s are allowed)", "（失败 %s，共 %s 条应答；上限 %s）"},
		"rollout.refused": {"(%s of %s answers were refusals; %s were to be expected, and at most %s are allowed)", "（拒收 %s，共 %s 条应答；预期 %s，上限 %s）"},
		"rollout.stage":   {"Staged roll-out: stage %s of %s", "灰度发送：第 %s / %s 阶段"},
		"rollout.to":      {"up to %s of all users", "累计 %s 的用户"},
		"rollout.rest":    {"the rest of the users", "其余用户"},

		"todo.rollout_failed":  {"Look at the reasons below and mend the cause, then resume. Failures are then counted anew: it stops again if too many of the next 20 fail.", "请查看下方失败原因并处理，然后继续发送：届时重新统计，若之后的 20 条中失败仍过多会再次停止。"},
		"todo.rollout_refused": {"None of these refusals is believed yet, and no permit is lost. Look for the cause, such as a template that was changed, and mend it; then resume: 20 of these people are tried again first.", "这些拒收尚未采信，次数未作废。请排查原因（如模板有变更）并处理，然后继续发送：会先从中重试 20 人。"},
		"todo.bad_audience":    {"It was not started. Copy it as new, and choose the audience again.", "任务未开始。请复制为新任务并重新选择目标人群。"},
	}
}
