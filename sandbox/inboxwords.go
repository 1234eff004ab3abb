package sandbox

import (
	"net/http"
	"strings"
)

// inboxWords are what the inbox says: English, Chinese.
func inboxWords() map[string][2]string {
	return map[string][2]string{
		"title":    {"Inbox", "收件箱"},
		"subtitle": {"Every service notification that the WeChat simulator delivered", "微信模拟器投递的全部服务通知"},
		"app":      {"App", "小程序"}, "user": {"User", "用户"}, "template": {"Template", "模板"}, "text": {"Text", "文字"},
		"all_apps": {"all apps", "全部小程序"}, "all_templates": {"all templates", "全部模板"},
		"user_hint": {"name or openid", "名字或 openid"}, "text_hint": {"in title, values or page", "标题、内容或页面"},
		"search": {"Search", "查找"}, "reset": {"Reset", "重置"}, "clear": {"Delete these", "删除这些"},
		"clear_sure": {"Delete all messages that the filter shows?", "删除筛选出的全部消息?"},
		"count":      {"received", "条消息"}, "none": {"Nothing was received yet.", "还没有收到消息。"},
		"none_hint": {"What is sent to the simulator appears here at once.", "发往模拟器的消息会立即显示在这里。"},
		"page":      {"Opens", "跳转页面"}, "no_page": {"opens nothing", "不可点击"}, "raw": {"Raw JSON", "原始 JSON"},
		"older": {"Older", "更早"}, "newest": {"Newest", "最新"}, "phone": {"phone", "手机"}, "api": {"JSON API", "JSON 接口"},
		"live": {"live", "实时"}, "unread": {"unread", "未读"},
		"legacy": {"template message", "模板消息"}, "one_time": {"one-time", "一次性订阅"}, "long_term": {"long-term", "长期订阅"},
		"dropped": {"too long to keep", "过长, 未保留"},
	}
}

// inboxLang is the place of the reader's language in the words: by ?lang, then by the browser.
func inboxLang(r *http.Request) int {
	lang := r.URL.Query().Get("lang")
	if lang == "" {
		lang = strings.TrimSpace(r.Header.Get("Accept-Language"))
	}
	if strings.HasPrefix(strings.ToLower(lang), "zh") {
		return 1
	}
	return 0
}
