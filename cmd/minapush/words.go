package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/collect"
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
	"opened.users": {"opened by %s of them", "其中 %s 人点开了消息"},
	"campaign":     {"campaign", "群发任务"}, "state": {"state", "状态"}, "name": {"name", "名称"}, "template": {"template", "模板"},
	"started": {"started", "开始时间"}, "ended": {"ended", "结束时间"}, "openid": {"openid", "openid"}, "outcome": {"outcome", "结果"},
	"shards": {"shards done", "已完成分片"},
	"key":    {"key", "密钥"}, "scopes": {"scopes", "权限"}, "app": {"app", "小程序"}, "kind": {"kind", "类型"}, "rate": {"rate", "发送速率"},

	"setting": {"setting", "配置项"}, "value": {"value", "值"}, "from": {"from", "来源"}, "from.default": {"default", "默认值"},
	"from.file": {"file", "配置文件"}, "from.environment": {"environment", "环境变量"}, "from.flag": {"flag", "命令行"},
	"config.good": {"%s is good: %d settings", "%s 正确: %d 项配置"},

	"step.server": {"server", "服务器"}, "step.version": {"version", "版本"}, "step.time": {"time", "本机时钟"}, "step.key": {"API key", "API 密钥"},
	"step.store": {"store", "存储"}, "step.clock": {"clock", "时钟"}, "step.token": {"access token", "access_token"},
	"step.quota": {"quota", "日发送上限"}, "step.templates": {"templates", "模板"}, "step.public": {"public address", "公开地址"},
	"step.send": {"test message", "测试发送"}, "doctor.way": {"This machine to the server", "本机到服务器"}, "doctor.app": {"App", "小程序"},
	"doctor.ask":    {"This sends one message to %s and costs one permit of that user. Go on? [y/N] ", "将向 %s 发送一条测试消息, 消耗该用户 1 次. 继续吗? [y/N] "},
	"doctor.fine":   {"Everything is in order.", "一切正常."},
	"doctor.warned": {"It works; warnings: %d.", "可以工作; 警告: %d 项."},
	"doctor.failed": {"Failed steps: %d; warnings: %d.", "失败: %d 项; 警告: %d 项."},

	"import.row": {"rows", "行"}, "import.count": {"number", "行数"}, "import.rows": {"%s rows", "%s 行"}, "import.id": {"import id: %s", "导入编号: %s"},
	"import.accepted": {"taken in", "已入账"}, "import.added": {"put on the list", "已加入名单"}, "import.changed": {"changed", "已更新"},
	"import.duplicate": {"there already", "已存在"}, "import.same": {"changed nothing", "无变化"},
	"import.evicted": {"over the user's limit", "超限丢弃"}, "import.refused": {"refused", "被拒绝"},
	"import.line": {"line", "行号"}, "import.field": {"field", "字段"}, "import.more": {"and %s more refused rows (--errors FILE)", "另有 %s 行被拒绝 (--errors 文件)"},
	"import.go_on":         {"It was not done to its end. What was taken in stays. To go on:", "未全部完成, 已完成的部分有效. 继续执行:"},
	"campaign.made":        {"campaign %s was made", "已创建群发任务 %s"},
	"campaign.listed":      {"users on the list: %s", "名单人数: %s"},
	"campaign.not_started": {"Rows were refused, so it was not started. To start it for the others:", "有被拒绝的行, 任务未开始. 若仍要发送给其余用户:"},
	"retry.unknown": {"Warning: messages with outcome unknown may have arrived: those users may be sent it twice.",
		"警告: 结果未知的消息可能已送达, 这些用户可能会收到两次."},
	"dry.run": {"dry run: nothing was made", "试算 (未创建任务)"}, "dry.users": {"users of the app", "小程序用户数"},
	"dry.reachable": {"reachable now", "当前可触达"}, "dry.duration": {"time to send", "预计发送时长"}, "dry.unlimited": {"no pace", "不限速"},
	"dry.survey": {"age of the survey", "统计距今"},
	"age.now":    {"less than a minute", "不到 1 分钟"}, "age.minutes": {"%d min", "%d 分钟"}, "age.hours": {"%d h %d min", "%d 小时 %d 分钟"},
	"age.days":    {"%d days", "%d 天"},
	"survey.none": {"No survey was made yet: minapush permits stats --fresh makes one.", "尚无统计数据: 可执行 minapush permits stats --fresh."},
	"survey.of":   {"Survey of %s (%s ago): %s users.", "统计时间 %s (%s前): %s 个用户."},
	"stock":       {"stock", "库存"}, "stock.permits": {"permits", "凭证数"}, "stock.age": {"days old", "已入账天数"}, "stock.source": {"source", "来源"},
	"stock.no_source": {"(not known)", "(未知)"}, "stock.left_out": {"Permits of further templates: %s.", "其余模板的凭证: %s."},
	"reach": {"reach (users)", "可触达人数"}, "reach.now": {"now", "现在"}, "reach.1": {"in 1 day", "1 天后"}, "reach.3": {"in 3 days", "3 天后"},
	"reach.7": {"in 7 days", "7 天后"}, "reach.remaining": {"messages: users", "可推次数: 人数"},
	"reach.ending": {"Ending within 24 hours: %s uses, of %s users.", "24 小时内到期: %s 次, 涉及 %s 个用户."},
	"flow":         {"flow (uses)", "次数流水"}, "flow.left": {"left", "剩余"},
	"kind.form": {"form id", "表单 form_id"}, "kind.pay": {"payment", "支付 prepay_id"}, "kind.subscribe": {"one-time", "一次性订阅"},
	"kind.standing": {"long-term", "长期订阅"}, "kind.legacy": {"legacy", "旧模板消息"}, "kind.one_time": {"one-time", "一次性订阅"},
	"kind.long_term": {"long-term", "长期订阅"},

	"template.keys": {"keys", "字段"}, "sync.added": {"added", "新增"}, "sync.changed": {"changed", "已更新"}, "sync.same": {"same", "无变化"},
	"sync.missing": {"not on WeChat", "微信后台没有"}, "sync.warn": {"Messages of templates that WeChat does not have fail with 40037.", "微信后台没有的模板, 发送会失败 (40037)."},

	"app.stopped":     {"Sending of app %s is stopped: %s", "小程序 %s 已停止发送: %s"},
	"app.is_stopped":  {"stopped", "已停止发送"},
	"server.limited":  {"The server says: %s", "服务端提示: %s"},
	"restored":        {"restored from a backup", "由备份恢复"},
	"restored.of":     {" of %s", " (%s)"},
	"restored.before": {"; it had been stopped before: %s", "; 备份时已停止: %s"},
	"go.restored": {`This app was restored from the backup of %s. What happened after that moment is not known here:
  - messages sent since then may be sent again;
  - opt-outs, erased users, revoked keys and other changes since then are undone;
  - campaigns that were running or waiting then go on now: look at them first, and cancel those that were sent.`,
		`该小程序由 %s 的备份恢复, 此后发生的事情这里并不知道:
  - 此后已发送的消息可能会再次发送;
  - 此后的退订, 用户删除, 密钥吊销等变更都已失效;
  - 备份时正在发送或待开始的群发任务将继续执行: 请先查看, 已发送过的请取消.`},
	"go.campaigns": {"Campaigns that have not ended:", "尚未结束的群发任务:"}, "go.none": {"No campaign is open.", "没有未结束的群发任务."},
	"go.ask": {"Let it send again? [y/N] ", "允许恢复发送吗? [y/N] "},

	"backup.size": {"%s of the store", "已备份 %s"}, "backup.done": {"%s: backup of %s, %s, apps: %s", "%s: 备份时间 %s, %s, 小程序: %s"},
	"backup.key": {"The sealing key is not in it: keep a copy of the key file (DIR/secret.key) in another place.",
		"备份不含封存密钥: 请将密钥文件 (DIR/secret.key) 另行保存."},
	"restore.size":    {"%s restored", "已恢复 %s"},
	"restore.done":    {"%s: the backup of %s, apps: %s", "%s: 已恢复 %s 的备份, 小程序: %s"},
	"restore.stopped": {"Every app is stopped. Start the server, look around, then let each send again:", "所有小程序均已停止发送. 启动服务并检查后, 逐个恢复发送:"},
	"restore.no_key": {"Warning: there is no sealing key, so AppSecrets, tokens of token services and sessions were removed. Give each app its secret again:",
		"警告: 没有封存密钥, AppSecret, 令牌服务的凭据和会话均已清除. 请为每个小程序重新设置密钥:"},

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
	"empty_list":   {"its list was empty at its start", "开始时名单为空"},
	"bad_audience": {"its audience expression cannot be read, or asks of a campaign that is forgotten", "无法解析受众条件, 或参照的任务已超过保留期"},

	"bench.row": {"row", "项目"}, "bench.figure": {"figure", "实测"}, "bench.limit": {"limit", "上限"}, "bench.ratio": {"ratio", "比值"},
	"bench.target": {"target", "目标"}, "bench.reached": {"reached", "是否达标"}, "bench.yes": {"yes", "达标"}, "bench.no": {"NO", "未达标"},
	"bench.unjudged": {"not judged", "不评定"}, "bench.failed": {"could not be measured", "无法测量"},
	"bench.on_redis": {". Redis {server}, append-only file: {aof}", ". Redis {server}, AOF: {aof}"},
	"bench.skipped":  {"SKIPPED", "已跳过"}, "bench.needs_replica": {"needs a Redis with a replica", "需要带从节点的 Redis"},
	"bench.needs_redis": {"needs redis-server on the PATH, or --store redis://…", "需要 PATH 中有 redis-server, 或 --store redis://…"},
	"bench.note.loop":   {"a loop of its own", "自带循环"}, "bench.note.untold": {"not told", "未告知"}, "bench.note.off": {"off", "关闭"},
	"bench.too_small":       {"smaller than the target is for", "规模小于目标的规定"},
	"bench.other_in_flight": {"another --in-flight than the target is for", "并发数与目标的规定不同"},
	"bench.collect-store":   {"collect, store API", "收集凭证, 存储接口"}, "bench.collect-http": {"collect over HTTP", "收集凭证, HTTP"},
	"bench.broadcast-now":  {"broadcast, answers at once", "群发, 立即应答"},
	"bench.broadcast-50ms": {"broadcast, answers after 50 ms", "群发, 50 ms 后应答"},
	"bench.claim-settle":   {"claim and settle, nothing sent", "预占与结算, 不发送"}, "bench.disk": {"disk, a permit", "每张凭证的磁盘占用"},
	"bench.memory": {"memory of a broadcast", "群发的内存占用"}, "bench.open": {"open after kill -9", "kill -9 之后打开"},
	"bench.recipe-50ms":   {"broadcast against the recipe, 50 ms", "群发对比原方案, 50 ms"},
	"bench.redis-collect": {"Redis: collect, store API", "Redis: 收集凭证, 存储接口"},
	"bench.redis-claim":   {"Redis: claim and settle", "Redis: 预占与结算"}, "bench.redis-wait": {"Redis: claims that wait for a replica", "Redis: 等待从节点的预占"},
	"bench.redis-recipe-50ms": {"Redis: broadcast against the recipe, 50 ms", "Redis: 群发对比原方案, 50 ms"},
	"bench.redis-recipe-now":  {"Redis: broadcast against the recipe, at once", "Redis: 群发对比原方案, 立即应答"},
	"bench.filter":            {"walk with an audience of three conditions", "按三个条件筛选的遍历"},
	"bench.redis-memory":      {"Redis: memory, a permit", "Redis: 每张凭证的内存"},
	"bench.demo":              {"minapush demo --once", "minapush demo --once"},

	"bench.unit.calls/s": {"calls/s", "次/秒"}, "bench.unit.syncs/s": {"syncs/s", "次同步/秒"}, "bench.unit.messages/s": {"messages/s", "条/秒"},
	"bench.unit.permits/s": {"permits/s", "张/秒"}, "bench.unit.users/s": {"users/s", "人/秒"}, "bench.unit.bytes/permit": {"bytes", "字节"}, "bench.unit.s": {"s", "秒"},
}

// say puts a name into words; an unknown name is said as it is.
func (l language) say(name string) string {
	if w, ok := words[name]; ok {
		return w[l]
	}
	if w, ok := copyWords(name); ok {
		return w[l]
	}
	if w, ok := redisWords[name]; ok {
		return w[l]
	}
	if w, ok := lintWords[name]; ok {
		return w[l]
	}
	if w, ok := operatorWords[name]; ok {
		return w[l]
	}
	if w, ok := eventWords[name]; ok {
		return w[l]
	}
	if w, ok := scheduleWords[name]; ok {
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
	if what := r.Params["error"]; what != "" {
		text += fmt.Sprintf(" (%s)", what)
	}
	if note := r.Params["note"]; note != "" {
		text += ": " + note
	}
	if by := r.Params["by"]; by != "" {
		text += fmt.Sprintf(" (%s)", by)
	}
	if r.Code == collect.CodePunished {
		text += l.punished(r)
	}
	text += l.rolloutWhy(r)
	if r.Code == restoredCode || r.Code == copiedCode {
		text += l.restored(r)
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
