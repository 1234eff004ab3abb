package console

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/minapush/minapush"
)

// guardsForm is the time zone and the guard rails of an app, as they were typed.
type guardsForm struct {
	TimeZone string
	// PerDay and SameContentDays are numbers; empty: that rail is not there. From and Until are both empty, or neither.
	PerDay, SameContentDays string
	CountPushes             bool
	From, Until             string
	Skip                    bool
	// None tells that the app has no guard rails, and Proposed that the form has the usual ones, which are not saved.
	None, Proposed bool
}

// Zones are proposed; every other one of the IANA database is taken, too.
func (guardsForm) Zones() []string { return proposedZones() }

func guardsFormOf(zone string, g minapush.Guards) guardsForm {
	return guardsForm{
		TimeZone: zoneName(zone), PerDay: positive(g.PerDay), SameContentDays: positive(g.SameContentDays), CountPushes: g.CountPushes,
		From: g.Quiet.From, Until: g.Quiet.Until, Skip: g.Quiet.Skip, None: g == minapush.Guards{},
	}
}

// positive is a number, and "" for 0.
func positive(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func readGuardsForm(v url.Values) guardsForm {
	get := func(name string) string { return strings.TrimSpace(v.Get(name)) }
	return guardsForm{
		TimeZone: get("time_zone"), PerDay: get("guards_per_day"), SameContentDays: get("guards_same_content_days"),
		CountPushes: v.Get("guards_count_pushes") == "yes", From: get("guards_quiet_from"), Until: get("guards_quiet_until"),
		Skip: v.Get("guards_quiet_skip") == "yes",
	}
}

// guards are what the form means; the room that stores them checks their limits.
func (f guardsForm) guards(m mistakes) minapush.Guards {
	number := func(text, field, name string) int {
		if text == "" {
			return 0
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			m.add(field, name)
		}
		return n
	}
	g := minapush.Guards{
		PerDay:          number(f.PerDay, "guards_per_day", "mistake.per_day"),
		SameContentDays: number(f.SameContentDays, "guards_same_content_days", "mistake.same_content_days"),
		CountPushes:     f.CountPushes, Quiet: minapush.QuietHours{From: f.From, Until: f.Until},
	}
	g.Quiet.Skip = f.Skip && !g.Quiet.IsZero()
	return g
}

// guardsWording words what is wrong with the fields of guard rails.
func guardsWording() map[string]string {
	return map[string]string{
		"time_zone": "mistake.time_zone", "guards_per_day": "mistake.per_day", "guards_count_pushes": "mistake.count_pushes",
		"guards_same_content_days": "mistake.same_content_days", "guards_quiet_from": "mistake.quiet", "guards_quiet_until": "mistake.quiet",
	}
}

func settingsGuardTexts() texts {
	return texts{
		"settings.guards":         {"Guard rails and time zone", "防打扰规则与时区"},
		"settings.time_zone":      {"Time zone", "时区"},
		"settings.time_zone_hint": {"Of the days and hours of these rules, and of new schedules.", "用于本栏规则的日期与时刻，也是新建定时任务的默认时区。"},
		"guards.made_before": {"This mini program has no guard rails: it was added before there were any, or they were taken away. Nothing keeps campaigns from users at night, or from those who had a message today.",
			"该小程序未设置防打扰规则（添加时尚无此功能，或已被取消）：夜间或当天已收到消息的用户仍会收到群发。"},
		"guards.propose":            {"Fill in the usual ones", "填入常用规则"},
		"guards.proposed":           {"These are the usual ones. They hold once they are saved.", "以下为常用规则，保存后生效。"},
		"guards.per_day":            {"Campaign messages a day for each user", "每个用户每天最多群发条数"},
		"guards.per_day_hint":       {"1 to 8. Empty: any number.", "1 至 8，留空则不限。"},
		"guards.count_pushes":       {"Pushes count, too", "单发也计入"},
		"guards.count_hint":         {"A push that is one too many is then skipped, which may be one that matters.", "超出的单发也会被跳过，可能影响重要通知。"},
		"guards.same_days":          {"Days without the same content from another campaign", "相同内容间隔天数"},
		"guards.same_days_hint":     {"1 to 30. Empty: does not matter. Runs of one schedule are excepted.", "1 至 30，留空则不限；同一定时任务的各次执行不受限。"},
		"guards.quiet_from":         {"Quiet hours from", "免打扰时段开始"},
		"guards.quiet_until":        {"Until", "结束"},
		"guards.quiet_hint":         {"No campaign is sent then; pushes are. Both empty: none.", "期间不发送群发，单发不受影响；均留空则不设。"},
		"guards.quiet_do":           {"What a campaign does in them", "时段内的群发任务"},
		"guards.do_wait":            {"Waits until they are over", "等待至时段结束"},
		"guards.do_skip":            {"Skips who is met in them", "跳过期间的用户"},
		"mistake.per_day":           {"Must be a whole number from 1 to 8, or empty", "必须为 1 到 8 的整数，或留空"},
		"mistake.count_pushes":      {"Needs a number of messages a day", "须先填写每天条数"},
		"mistake.same_content_days": {"Must be a whole number from 1 to 30, or empty", "必须为 1 到 30 的整数，或留空"},
		"mistake.quiet":             {"Both must be times of the day such as 22:00, and not the same", "两项均须为时刻（如 22:00），且不能相同"},
	}
}
