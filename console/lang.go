package console

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
)

// lang is one of the languages that pages are in.
type lang int

const (
	english lang = iota
	chinese
)

// languages are the names of both, as in the html tag.
var languages = [...]string{"en", "zh-CN"}

const (
	langCookie  = "minapush_lang"
	themeCookie = "minapush_theme"
)

// langOf is the language that was chosen, or else the first of the browser's that there is; Chinese if it names neither.
func langOf(r *http.Request) lang {
	if c, err := r.Cookie(langCookie); err == nil {
		switch c.Value {
		case "en":
			return english
		case "zh":
			return chinese
		}
	}
	for one := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		switch one = strings.ToLower(strings.TrimSpace(one)); {
		case strings.HasPrefix(one, "zh"):
			return chinese
		case strings.HasPrefix(one, "en"):
			return english
		}
	}
	return chinese
}

// themeOf is light or dark if one was chosen, and empty for what the system has.
func themeOf(r *http.Request) string {
	if c, err := r.Cookie(themeCookie); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return ""
}

// texts are what people read, by name: English and Chinese. A text may have verbs of package fmt for values; numbers come as grouped
// digits already.
type texts map[string][2]string

// allTexts gathers the words of every page.
func allTexts() texts {
	all := texts{}
	for _, some := range []texts{commonTexts(), signinTexts(), startTexts(), campaignTexts(), scheduleTexts(), overviewTexts(), permitsTexts(), usersTexts(), sceneTexts(), settingsTexts(), secretsTexts()} {
		maps.Copy(all, some)
	}
	return all
}

// say puts a name into words. A name without words is shown in brackets, and no test lets that pass.
func (t texts) say(l lang, name string, values ...any) string {
	text, ok := t[name]
	if !ok {
		return "[" + name + "]"
	}
	if len(values) == 0 {
		return text[l]
	}
	return fmt.Sprintf(text[l], values...)
}

func commonTexts() texts {
	return texts{
		"console":         {"minapush console", "minapush 控制台"},
		"nav.overview":    {"Overview", "概览"},
		"nav.campaigns":   {"Campaigns", "群发任务"},
		"nav.schedules":   {"Schedules", "定时推送"},
		"nav.users":       {"Users", "用户"},
		"nav.permits":     {"Permits", "推送凭证"},
		"nav.scenes":      {"Scenes", "订阅场景"},
		"nav.settings":    {"Settings", "设置"},
		"nav.apps":        {"All mini programs", "全部小程序"},
		"nav.skip":        {"Skip to the content", "跳到正文"},
		"nav.menu":        {"Menu", "菜单"},
		"nav.main":        {"Main", "主导航"},
		"nav.app":         {"Mini program", "小程序"},
		"lang.other":      {"中文", "English"},
		"theme":           {"Appearance", "外观"},
		"theme.light":     {"Light", "浅色"},
		"theme.dark":      {"Dark", "深色"},
		"theme.auto":      {"As the system", "跟随系统"},
		"signout":         {"Sign out", "退出登录"},
		"foot.version":    {"minapush %s", "minapush %s"},
		"foot.time":       {"Times are Beijing time (UTC+8)", "时间均为北京时间 (UTC+8)"},
		"problem.back":    {"Back", "返回"},
		"problem.home":    {"To the overview", "回到概览"},
		"yes":             {"Yes", "是"},
		"no":              {"No", "否"},
		"none":            {"None", "无"},
		"never":           {"Never", "永不"},
		"save":            {"Save", "保存"},
		"cancel":          {"Cancel", "取消"},
		"delete":          {"Delete", "删除"},
		"search":          {"Search", "查找"},
		"more":            {"More", "更多"},
		"newest":          {"Newest", "最新"},
		"details":         {"Details", "详情"},
		"total":           {"Total", "合计"},
		"as_table":        {"As a table", "以表格显示"},
		"form.mistakes":   {"Nothing was saved. Please correct the marked fields.", "尚未保存，请更正标出的字段。"},
		"age.at":          {"counted at %s, %s ago", "统计于 %s（%s前）"},
		"unit.days":       {"%s d", "%s 天"},
		"unit.hours":      {"%s h", "%s 小时"},
		"unit.minutes":    {"%s min", "%s 分钟"},
		"unit.seconds":    {"%s s", "%s 秒"},
		"optional":        {"optional", "选填"},
		"required":        {"required", "必填"},
		"other":           {"Other", "其他"},
		"unknown":         {"Not known", "未知"},
		"all":             {"All", "全部"},
		"noscript.reload": {"This page does not update itself without script: reload it.", "未启用脚本，页面不会自动更新，请手动刷新。"},

		"outcome.pending":   {"Pending", "待发送"},
		"outcome.accepted":  {"Accepted (WeChat took it)", "已受理 (微信已接收)"},
		"outcome.refused":   {"No permit left, or refused (43101)", "无次数或已拒收 (43101)"},
		"outcome.failed":    {"Failed (permit given back)", "发送失败 (次数已退回)"},
		"outcome.skipped":   {"Skipped (nothing spent)", "已跳过 (未消耗)"},
		"outcome.unknown":   {"Unknown (not sent again)", "结果未知 (不重发)"},
		"confirm.delivered": {"Delivered", "已送达"},

		"confirm.undelivered": {"Undelivered", "未送达"},
		"confirm.unconfirmed": {"Not confirmed", "未回执"},

		"permit.form":      {"Form id", "表单推送码"},
		"permit.pay":       {"Prepay id", "支付推送码"},
		"permit.subscribe": {"One-time subscription", "一次性订阅"},
		"permit.standing":  {"Long-term subscription", "长期订阅"},
		"kind.legacy":      {"Template message (withdrawn by WeChat)", "模板消息（微信已下线）"},
		"kind.one_time":    {"One-time subscription", "一次性订阅"},
		"kind.long_term":   {"Long-term subscription", "长期订阅"},

		"problem.other_origin": {"This form came from another site, so nothing was done.", "该请求来自其他站点，已拒绝，未做任何更改。"},
		"problem.not_found":    {"There is no such page.", "没有这个页面。"},
		"problem.invalid":      {"The request could not be read.", "请求有误。"},
		"problem.conflict":     {"That cannot be done now.", "当前状态下不能这样操作。"},
		"problem.throttled":    {"Too many tries. Please wait a little.", "操作过于频繁，请稍候再试。"},
		"problem.unavailable":  {"The store cannot be reached right now. Nothing was changed.", "暂时无法访问存储，未做任何更改。"},
		"problem.internal":     {"Something went wrong on our side. The log has the details.", "服务内部出错，详情见日志。"},
	}
}
