package main

import (
	"fmt"
	"strconv"

	"github.com/minapush/minapush/api"
)

// scheduleWords are what people see of audiences, schedules, guard rails and staged roll-outs: English, Chinese.
var scheduleWords = map[string][2]string{
	"audience.walked": {"of all users", "全部用户"}, "audience.matched": {"it holds for", "符合条件"},
	"audience.opted_out": {"of these opted out", "其中已退订"}, "audience.reachable": {"of these reachable now", "其中当前可触达"},
	"audience.progress": {"%s of %s users looked at", "已查看 %[2]s 个用户, 符合 %[1]s 个"},

	"noted.added": {"noted", "已记录"}, "noted.known": {"known already: one as late or later was noted", "已知 (已有同时或更晚的记录)"},
	"noted.refused": {"refused", "被拒绝"}, "noted.bad_name": {"not the name of an event", "事件名称无效"},
	"noted.bad_time": {"not a time when it can have happened", "时间无效"}, "noted.bad_openid": {"not an openid", "openid 无效"},
	"noted.unknown_uid": {"nobody has this uid", "没有该 uid 的用户"}, "noted.too_many_names": {"the user has events of too many names", "该用户的事件名称过多"},
	"noted.being_erased": {"the user is being erased", "该用户正在被删除"},

	"schedule": {"schedule", "定时推送"}, "schedule.when": {"runs", "执行时间"}, "schedule.next": {"next", "下次执行"},
	"schedule.started": {"started", "已执行"}, "schedule.active": {"active", "生效中"}, "schedule.paused": {"paused", "已暂停"},
	"schedule.ended": {"ended", "已结束"}, "schedule.dry": {"dry run: nothing was made", "试算 (未创建计划)"},
	"schedule.from": {"not before", "不早于"}, "schedule.until": {"not after", "不晚于"}, "schedule.everybody": {"everybody", "全部用户"},
	"schedule.grace": {"may start late by", "最多可晚开始"}, "schedule.send_for": {"sends for at most", "最长发送"},
	"schedule.next_runs":   {"Next runs (%s):", "下次执行 (%s):"},
	"schedule.next_paused": {"It is paused. If it were resumed now, the next runs were (%s):", "已暂停. 如现在恢复, 下次执行 (%s):"},
	"schedule.none":        {"There will be no run.", "不会再执行."}, "schedule.planned": {"planned", "计划时间"},
	"schedule.was_missed": {"missed: nobody could start it until its grace was over", "已错过: 宽限期内未能开始"},
	"schedule_over":       {"its time is over", "计划时间已过"},
	"day.Mon":             {"Mon", "周一"}, "day.Tue": {"Tue", "周二"}, "day.Wed": {"Wed", "周三"}, "day.Thu": {"Thu", "周四"}, "day.Fri": {"Fri", "周五"},
	"day.Sat": {"Sat", "周六"}, "day.Sun": {"Sun", "周日"},

	"remind.now":        {"If it ran now:", "如果现在执行:"},
	"remind.quiet":      {"Warning: %s lies in the app's quiet hours (%s-%s).", "警告: %s 处于该小程序的免打扰时段 (%s-%s)."},
	"remind.quiet_skip": {"Whom it meets in them is skipped.", "该时段内轮到的用户会被跳过."},
	"remind.quiet_late": {"It waits for their end, and --send-for is over before: nobody would get it.", "发送会等到时段结束, 但届时已超过 --send-for: 没有人会收到."},
	"remind.quiet_wait": {"It waits for their end.", "发送会等到时段结束."},

	"quiet_hours": {"quiet hours", "免打扰时段"}, "daily_cap": {"had as many messages that day as are allowed", "当日已达发送上限"},
	"same_content": {"had the same content lately", "近期已收到相同内容"}, "kept_back": {"what is left is kept for pushes", "余量保留给单发"},
	"rollout_pause": {"pause of the staged roll-out", "灰度发送暂停观察"}, "rollout.after": {" after stage %s of %s", " (第 %s/%s 阶段后)"},
	"rollout_failed":     {"staged roll-out stopped: too many failures", "灰度发送已停止: 失败过多"},
	"rollout_refused":    {"staged roll-out stopped: too many refusals", "灰度发送已停止: 拒收过多"},
	"rollout.answers":    {" (%s of %s answers; at most %s)", " (%s, 共 %s 条应答; 上限 %s)"},
	"rollout.unexpected": {" (%s of %s answers; expected %s, at most %s)", " (%s, 共 %s 条应答; 预期 %s, 上限 %s)"},
	"rollout":            {"staged roll-out", "灰度发送"}, "rollout.rest": {"the rest", "其余"}, "rollout.between": {", %s between", ", 间隔 %s"},
	"rollout.stage": {"stage %d of %d", "第 %d/%d 阶段"},

	"app.sending": {"sending", "可发送"}, "in_flight": {"in flight", "并发数"}, "time_zone": {"time zone", "时区"},
	"per_day": {"messages a day", "每日上限"}, "per_day.any": {"any number", "不限"}, "per_day.pushes": {"%d, pushes counted", "%d (含单发)"},
	"per_day.campaigns":     {"%d of campaigns", "群发 %d 条"},
	"same_content_days":     {"same content not again for", "相同内容不重复"},
	"same_content_days.any": {"does not matter", "不限"}, "same_content_days.days": {"%d days", "%d 天"},
	"quiet": {"quiet hours", "免打扰时段"}, "quiet.none": {"none", "无"}, "quiet.wait": {"wait", "等待"}, "quiet.skip": {"skip", "跳过"},
	"keep_back": {"kept back for pushes", "保留给单发"},
}

// rolloutWhy says in which stage a roll-out waits, and by which figures it was stopped.
func (l language) rolloutWhy(r *api.Reason) string {
	switch r.Code {
	case "rollout_pause":
		if stage := r.Params["stage"]; stage != "" {
			return fmt.Sprintf(l.say("rollout.after"), stage, r.Params["stages"])
		}
	case "rollout_failed":
		if share := r.Params["share"]; share != "" {
			return fmt.Sprintf(l.say("rollout.answers"), percent(share), r.Params["answers"], percent(r.Params["max"]))
		}
	case "rollout_refused":
		if share := r.Params["share"]; share != "" {
			return fmt.Sprintf(l.say("rollout.unexpected"), percent(share), r.Params["answers"], percent(r.Params["expected"]), percent(r.Params["max"]))
		}
	}
	return ""
}

// percent writes a share from 0 to 1 in percent; what is none as it is.
func percent(share string) string {
	v, err := strconv.ParseFloat(share, 64)
	if err != nil {
		return share
	}
	return strconv.FormatFloat(v*100, 'f', 1, 64) + " %"
}
