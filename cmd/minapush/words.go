package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/wechat"
)

// language is what people are spoken to in: the result, not logs and help.
type language int

const (
	english language = iota
	chinese
)

// langVariable chooses the language whatever the locale is: zh or en.
const langVariable = "MINAPUSH_LANG"

// lang follows MINAPUSH_LANG, then the locale.
func (e *env) lang() language {
	for _, name := range []string{langVariable, "LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := e.getenv(name); v != "" {
			if strings.HasPrefix(strings.ToLower(v), "zh") {
				return chinese
			}
			return english
		}
	}
	return english
}

// words are what people see, by a name that code uses: English, Chinese.
var words = map[string][2]string{
	"audience": {"audience", "目标人群"}, "pending": {"pending", "待发送"},
	"accepted": {"accepted", "已受理 (微信已接收)"}, "refused": {"refused", "无次数或已拒收 (43101)"},
	"failed": {"failed", "发送失败 (次数已退回)"}, "skipped": {"skipped", "已跳过 (未消耗)"}, "unknown": {"unknown", "结果未知 (不重发)"},
	"delivery": {"delivery", "发送结果"}, "users": {"users", "人数"}, "why": {"why", "原因"}, "sum": {"sum", "合计"},
	"deposited": {"deposited", "入账"}, "available": {"available", "可推次数"}, "held": {"held", "预占"}, "suspect": {"suspect", "存疑"},
	"spent": {"spent", "已扣减"}, "dead": {"dead", "作废"}, "expired": {"expired", "已过期"}, "evicted": {"evicted", "超限丢弃"},
	"erased": {"erased", "已删除"}, "permit": {"uses of permits", "推送凭证 (次数)"}, "uses": {"uses", "次数"},
	"closes": {"the sum closes", "账目相符"}, "open": {"THE SUM DOES NOT CLOSE", "账目不符"},
	"campaign": {"campaign", "群发任务"}, "state": {"state", "状态"}, "name": {"name", "名称"}, "template": {"template", "模板"},
	"started": {"started", "开始时间"}, "ended": {"ended", "结束时间"}, "openid": {"openid", "openid"}, "outcome": {"outcome", "结果"},
	"shards": {"shards done", "已完成分片"},
	"key":    {"key", "密钥"}, "scopes": {"scopes", "权限"}, "app": {"app", "小程序"}, "kind": {"kind", "类型"}, "rate": {"rate", "发送速率"},

	"state.scheduled": {"scheduled", "待开始"}, "state.running": {"running", "发送中"}, "state.paused": {"paused", "已暂停"},
	"state.cancelling": {"cancelling", "取消中"}, "state.finished": {"finished", "已完成"}, "state.cancelled": {"cancelled", "已取消"},
	"state.missed": {"missed", "已错过"}, "state.waiting": {"running, waiting", "发送中 (等待)"},

	"no_permit": {"no permit", "没有推送凭证"}, "too_late": {"after the latest send time", "超过最晚发送时间"},
	"reason.cancelled": {"the campaign was cancelled", "任务已取消"}, "reason.erased": {"the person was erased", "用户已删除"},
	"crash": {"the server stopped while it was being sent", "发送途中服务中断"}, "read_timeout": {"WeChat's answer did not come in time", "微信未及时应答"},
	"bad_answer": {"WeChat's answer could not be read", "微信应答无法解析"}, "connection_lost": {"the connection was lost before the answer", "应答前连接中断"},
	"had_arrived": {"an earlier try had arrived", "此前的发送已送出"}, "busy": {"WeChat was busy (-1)", "微信系统繁忙 (-1)"},
	"not_sent": {"WeChat could not be reached", "无法连接微信"}, "interrupted": {"interrupted while sending", "发送被中断"},
	"operator": {"by an operator", "人工操作"}, "bad_message": {"WeChat rejected the message", "微信拒绝了消息内容"},
	"bad_credential": {"WeChat rejected the account or its credentials", "微信拒绝了账号或凭证"}, "token": {"the access token is refused", "access_token 被拒"},
	"quota": {"the sending quota is used up", "发送额度已用完"}, "unreachable": {"WeChat cannot be reached", "无法连接微信"},
	"refusal_storm": {"a sudden jump of refusals; some are tried again later", "拒收率突增, 稍后抽样复核"}, "missed": {"its start was missed", "错过了开始时间"},
	"unknown_answers": {"many answers that nobody knows", "微信连续返回未知错误"}, "wrong_app": {"most openids are invalid: is it the right app?", "多数 openid 无效, 请检查 appid"},
}

// say puts a name into words; an unknown name is said as it is.
func (l language) say(name string) string {
	if w, ok := words[name]; ok {
		return w[l]
	}
	return name
}

// reason puts a reason into words: what minapush itself gives as a reason, or one of WeChat's codes with what it means.
func (l language) reason(code string) string {
	if w, ok := words["reason."+code]; ok {
		return w[l]
	}
	if n, err := strconv.Atoi(code); err == nil {
		return l.errcode(n)
	}
	return l.say(code)
}

func (l language) errcode(n int) string {
	row, ok := wechat.Lookup(n)
	if !ok {
		return strconv.Itoa(n)
	}
	if l == chinese {
		return fmt.Sprintf("%d %s", n, row.Chinese)
	}
	return fmt.Sprintf("%d %s", n, row.English)
}

// why puts the reason of a state into one line.
func (l language) why(r *api.Reason) string {
	if r == nil {
		return ""
	}
	text := l.reason(r.Code)
	if code, err := strconv.Atoi(fmt.Sprint(r.Params["errcode"])); err == nil && code != 0 {
		text += ": " + l.errcode(code)
	}
	if answer := r.Params["answer"]; answer != "" {
		text += fmt.Sprintf(" (%s)", answer)
	}
	return text
}

// outcomeNames lists the outcomes in the order in which people read them.
func outcomeNames() []string {
	var names []string
	for _, o := range minapush.Outcomes {
		names = append(names, o.String())
	}
	return names
}
