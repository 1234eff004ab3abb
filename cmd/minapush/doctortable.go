package main

// advice is what doctor says of a reason: what was found and, if there is something, what to do about it; each in English and
// Chinese. {name} stands for a parameter, {app} for the app; a parameter that ends in _seconds is said as a time, step and reason
// are said by their names.
type advice [][2]string

// mp is the place where WeChat's settings are.
const mp = "mp.weixin.qq.com → 开发管理 → 开发设置"

// advices holds every reason that checks give.
var advices = map[string]advice{
	"needs":     {{"skipped: it needs the step above that failed ({step})", "已跳过: 依赖前面失败的步骤 ({step})"}},
	"not_asked": {{"not asked for", "未要求检查"}},

	"store_ok": {{"written, read and deleted; durable after {write_ms} ms", "写入, 读取, 删除正常; 落盘 {write_ms} 毫秒"}},
	"store_slow": {
		{"a small write took {write_ms} ms to be durable", "小写入落盘用了 {write_ms} 毫秒"},
		{"use a faster disk, or look for what else keeps it busy", "请换更快的磁盘, 或检查是什么占用了磁盘"},
	},
	"store_failed": {
		{"the store cannot be used: {error}", "存储不可用: {error}"},
		{"check that its disk has room and is writable", "请检查磁盘空间和写权限"},
	},

	"clock_ok":      {{"right (within {off_seconds} of WeChat's)", "准确 (与微信相差 {off_seconds})"}},
	"clock_ahead":   {{"the server's clock is {off_seconds} ahead of WeChat's", "服务器时钟比微信快 {off_seconds}"}, todoClock},
	"clock_behind":  {{"the server's clock is {off_seconds} behind WeChat's", "服务器时钟比微信慢 {off_seconds}"}, todoClock},
	"clock_unknown": {{"cannot tell: WeChat's time could not be read ({why})", "无法判断: 读不到微信的时间 ({why})"}},

	"token_ok": {{"WeChat gives a token ({source}), good for {left_seconds}", "微信返回了 access_token ({source}), 有效期还有 {left_seconds}"}},
	"token_kept": {
		{
			"the stored token ({source}) is good for {left_seconds}; not asked anew, since that would end it",
			"使用已保存的 access_token ({source}), 有效期还有 {left_seconds}; 重新获取会使其失效, 因此没有获取",
		},
	},
	"token_fixed":   {{"a fixed token is configured; the quota below shows whether WeChat takes it", "配置了固定 access_token; 是否有效见下面的额度检查"}},
	"token_gateway": {{"a gateway adds the token; the quota below shows whether WeChat takes it", "access_token 由网关添加; 是否有效见下面的额度检查"}},
	"ip_not_listed": {
		{"WeChat does not take calls from this server's address {address}", "微信不接受来自本服务器地址 {address} 的调用"},
		{"put {address} on the list: " + mp + " → IP白名单", "请把 {address} 加入白名单: " + mp + " → IP白名单"},
	},
	"ip_unconfirmed": {
		{"an administrator must confirm calls from this server's address", "该服务器地址的调用需要管理员确认"},
		{
			"confirm the message that WeChat sent to the administrator, or put the address on the list: " + mp + " → IP白名单",
			"请管理员在微信中确认, 或把地址加入白名单: " + mp + " → IP白名单",
		},
	},
	"ip_refused": {
		{"an administrator refused this server's address", "管理员拒绝了该服务器地址"},
		{
			"wait an hour (a day after the second refusal) and have it confirmed, or put the address on the list: " + mp + " → IP白名单",
			"请等 1 小时 (第二次拒绝后 24 小时) 再由管理员确认, 或把地址加入白名单: " + mp + " → IP白名单",
		},
	},
	"bad_secret": {
		{"the AppSecret is wrong, or was reset", "AppSecret 错误, 或已被重置"},
		{
			"take the present one from " + mp + " and store it: minapush apps update {app} --secret-file FILE",
			"请在 " + mp + " 获取当前的 AppSecret 并更新: minapush apps update {app} --secret-file FILE",
		},
	},
	"no_secret": {
		{"no AppSecret is stored", "没有保存 AppSecret"},
		{
			"store it (minapush apps update {app} --secret-file FILE), or choose another token source",
			"请保存 AppSecret (minapush apps update {app} --secret-file FILE), 或选用其他 access_token 来源",
		},
	},
	"secret_frozen": {
		{"the AppSecret is frozen", "AppSecret 已被冻结"},
		{"thaw it: " + mp + " → AppSecret → 解冻", "请解冻: " + mp + " → AppSecret → 解冻"},
	},
	"bad_appid": {
		{"WeChat does not know this appid", "微信不认识这个 AppID"},
		{"compare it with " + mp + "; an app is made anew under its right appid", "请与 " + mp + " 核对; 用正确的 AppID 重新创建应用"},
	},
	"token_forbidden": {{"the account may not ask for access tokens", "该账号被禁止获取 access_token"}, todoAccount},
	"account_frozen":  {{"the account is frozen", "账号已被冻结"}, todoAccount},
	"token_quota": {
		{"the quota of token calls is used up", "获取 access_token 的调用额度已用完"},
		{
			"find out what else asks for tokens of this app; the day's count starts anew at midnight in Beijing",
			"请检查还有什么程序在获取该小程序的 access_token; 额度在北京时间零点恢复",
		},
	},
	"token_service": {
		{"the token service gave no token: {error}", "token 服务没有返回 access_token: {error}"},
		{"check its address, header and path in the app's token source", "请检查应用 token 来源的地址, 请求头和路径"},
	},
	"token_refused": {
		{"WeChat refuses the access token ({source})", "微信拒绝了 access_token ({source})"},
		{
			"something else may fetch tokens of this app; let one source alone do so, or use the stable token",
			"可能有其他程序也在获取 access_token; 请只保留一个来源, 或改用稳定版 token",
		},
	},
	"bad_app": {
		{"the app is not configured right: {error}", "应用配置有误: {error}"},
		{"correct the app: minapush apps update {app}", "请修改应用: minapush apps update {app}"},
	},
	"unreachable": {
		{"{host} cannot be reached: {why}", "无法连接 {host}: {why}"},
		{
			"check name resolution, firewall and proxy of the server; it must reach {host} on port 443",
			"请检查服务器的 DNS, 防火墙和代理; 需要能访问 {host} 的 443 端口",
		},
	},
	"wechat_refused": {
		{"WeChat said: {answer} (rid {rid})", "微信返回: {answer} (rid {rid})"},
		{"look the code up in WeChat's documents; its rid can be looked up there too", "请在微信文档中查询该错误码; rid 也可以在微信后台查询"},
	},

	"quota_ok":      {{"{remain} of {limit} messages are left today", "今天还可发送 {remain} / {limit} 条"}},
	"quota_low":     {{"only {remain} of {limit} messages are left today", "今天只剩 {remain} / {limit} 条"}, todoQuota},
	"quota_gone":    {{"the day's {limit} messages are used up", "今天的 {limit} 条已用完"}, todoQuota},
	"quota_unknown": {{"cannot tell: WeChat does not show the quota", "无法判断: 微信不允许查询额度"}},

	"templates_ok": {{"{count} known here are as WeChat has them", "{count} 个模板与微信一致"}},
	"no_templates": {
		{"none is known here", "这里没有任何模板"},
		{"fetch them: minapush templates sync", "请获取模板: minapush templates sync"},
	},
	"templates_legacy": {
		{
			"only legacy templates are known, which WeChat does not list and has sent none of since 2020 (45103)",
			"只有旧版模板消息; 微信不列出它们, 并且自 2020 年起不再下发 (45103)",
		},
	},
	"template_missing": {
		{"WeChat does not have {templates} (any more)", "微信中没有模板 {templates} (可能已删除)"},
		{
			"choose it anew at mp.weixin.qq.com → 订阅消息, then fetch: minapush templates sync; users must subscribe to the new one",
			"请在 mp.weixin.qq.com → 订阅消息 重新选用模板, 然后运行 minapush templates sync; 用户需要重新订阅新模板",
		},
	},
	"template_differs": {
		{"differ here / at WeChat: {differ}", "与微信不一致 (本地 / 微信): {differ}"},
		{"fetch them anew: minapush templates sync", "请重新获取: minapush templates sync"},
	},
	"templates_unknown": {{"cannot tell: WeChat does not list the templates now", "无法判断: 微信暂时不返回模板列表"}},

	"public_ok":       {{"{address} answers in {answer_ms} ms", "{address} 响应正常, {answer_ms} 毫秒"}},
	"public_loopback": {{"{address} answers; only this machine can reach it", "{address} 响应正常; 只有本机能访问"}},
	"public_exposed": {
		{"{address} leads to the private listener: every call can be tried from outside", "{address} 指向了内部接口: 外部可以尝试所有调用"},
		{"let it lead to the public listener (--listen-public)", "请改为指向公开接口 (--listen-public)"},
	},
	"public_version": {
		{"at {address} answers minapush {there}, while this is {here}", "{address} 上运行的是 minapush {there}, 这里是 {here}"},
		{"check that the proxy leads to this server", "请检查代理是否指向本服务"},
	},
	"public_not_https": {
		{"{address} is not https: WeChat lets mini programs call https only", "{address} 不是 https: 小程序只能请求 https"},
		{"put a proxy with a certificate before the public listener", "请在公开接口前放置带证书的反向代理"},
	},
	"public_ip": {
		{"{address} is an IP address: WeChat wants a registered domain name", "{address} 是 IP 地址: 微信要求使用已备案的域名"},
		{"use a name, and put it on the list: " + mp + " → 服务器域名", "请使用域名, 并加入: " + mp + " → 服务器域名"},
	},
	"public_dns":     {{"the name {why} is not known", "域名 {why} 无法解析"}, todoAddress},
	"public_refused": {{"nothing listens at {address}", "{address} 没有服务在监听"}, todoProxy},
	"public_timeout": {{"{address} does not answer in time", "{address} 响应超时"}, todoProxy},
	"public_lost":    {{"{address} cannot be asked: {why}", "无法请求 {address}: {why}"}, todoProxy},
	"public_tls": {
		{"{address} has no certificate that phones take: {why}", "{address} 的证书无效: {why}"},
		{"install a certificate for this name with its whole chain, TLS 1.2 or later", "请为该域名安装完整证书链, TLS 1.2 或以上"},
	},
	"public_redirect": {
		{"{address} redirects to {why}", "{address} 重定向到 {why}"},
		{"let it answer itself: mini programs do not follow with a body", "请直接应答: 小程序不会带着请求体跟随重定向"},
	},
	"public_status": {{"{address}/healthz answers HTTP {why}", "{address}/healthz 返回 HTTP {why}"}, todoProxy},
	"public_other":  {{"what answers at {address} is not minapush", "{address} 上应答的不是 minapush"}, todoProxy},

	"sent": {{"WeChat accepted the message (msgid {msgid}); it cost one permit", "微信已受理 (msgid {msgid}); 消耗 1 次"}},
	"app_stopped": {
		{"sending is stopped for this app: {reason}", "该小程序已紧急停发: {reason}"},
		{"let it send again: minapush apps go {app}", "恢复发送: minapush apps go {app}"},
	},
	"send_skipped": {
		{"nothing was sent: {reason}", "没有发送: {reason}"},
		{"let the user subscribe to the template in the mini program and try again", "请让该用户在小程序中订阅该模板后再试"},
	},
	"send_refused": {
		{"WeChat refused: {reason}", "微信拒绝: {reason}"},
		{"let the user subscribe again; WeChat's count and this ledger differed", "请让该用户重新订阅; 微信的次数与这里的流水不一致"},
	},
	"send_failed": {
		{"WeChat did not take the message: {reason}", "微信没有接收消息: {reason}"},
		{"correct what is named and try again; the permit is back unless it was dead", "请按原因修正后再试; 次数已退回 (推送码作废的除外)"},
	},
	"send_unknown": {
		{"the message may have arrived: {reason}", "消息可能已送出: {reason}"},
		{"look at the phone; it is not sent again, and the permit counts as spent", "请查看手机; 不会重发, 次数按已扣减计算"},
	},
	"send_error": {
		{"the message could not be sent: {error}", "消息未能发送: {error}"},
		{"the permit is back; try again", "次数已退回; 请重试"},
	},

	"server_ok":       {{"{address} answers in {answer_ms} ms", "{address} 响应正常, {answer_ms} 毫秒"}},
	"server_refused":  {{"nothing listens at {address}", "{address} 没有服务在监听"}, todoServer},
	"server_dns":      {{"the name {why} is not known", "域名 {why} 无法解析"}, todoServer},
	"server_timeout":  {{"{address} does not answer in time", "{address} 响应超时"}, todoServer},
	"server_lost":     {{"{address} cannot be asked: {why}", "无法请求 {address}: {why}"}, todoServer},
	"server_tls":      {{"{address} has no valid certificate: {why}", "{address} 的证书无效: {why}"}, todoServer},
	"server_redirect": {{"{address} redirects to {why}", "{address} 重定向到 {why}"}, todoServer},
	"server_status":   {{"{address}/healthz answers HTTP {why}", "{address}/healthz 返回 HTTP {why}"}, todoServer},
	"server_other":    {{"what answers at {address} is not minapush", "{address} 上应答的不是 minapush"}, todoServer},
	"server_old": {
		{"this server cannot check itself: {error}", "该服务器不支持检查: {error}"},
		{"bring the server to the version of this program", "请把服务器升级到与本程序相同的版本"},
	},
	"version_ok": {{"{version}, as here", "{version}, 与本程序一致"}},
	"version_differs": {
		{"the server is {server}, this program {here}", "服务器是 {server}, 本程序是 {here}"},
		{"use the same version on both", "请使用相同的版本"},
	},
	"time_ok":      {{"as the server's (within {off_seconds})", "与服务器一致 (相差 {off_seconds})"}},
	"time_ahead":   {{"this machine's clock is {off_seconds} ahead of the server's", "本机时钟比服务器快 {off_seconds}"}, todoClock},
	"time_behind":  {{"this machine's clock is {off_seconds} behind the server's", "本机时钟比服务器慢 {off_seconds}"}, todoClock},
	"time_unknown": {{"cannot tell: the answer has no Date", "无法判断: 应答没有 Date"}},
	"key_ok":       {{"accepted; apps: {apps}", "有效; 小程序: {apps} 个"}},
	"no_apps": {
		{"accepted, but there is no app that it may read", "有效, 但没有它能读取的小程序"},
		{"add one: minapush apps create APPID --secret-file FILE", "请添加: minapush apps create APPID --secret-file FILE"},
	},
	"no_key": {
		{"{error}", "没有 API 密钥: {error}"},
		{"the server wrote one to DIR/admin.key when it was first started", "服务器首次启动时已写入 DIR/admin.key"},
	},
	"key_refused": {
		{"the server does not know this API key", "服务器不认识这个 API 密钥"},
		{"use the key of this server: --key-file, or MINAPUSH_KEY", "请使用该服务器的密钥: --key-file 或 MINAPUSH_KEY"},
	},
	"key_scope": {
		{"this API key may not do that: {error}", "这个 API 密钥没有权限: {error}"},
		{"use a key with the scope admin", "请使用有 admin 权限的密钥"},
	},
	"key_lost": {{"the server did not answer: {error}", "服务器没有应答: {error}"}, todoServer},
}

var (
	todoClock   = [2]string{"let it be set by the network (NTP): permits expire by it", "请开启网络对时 (NTP): 推送凭证按它过期"}
	todoAccount = [2]string{"see the notices at mp.weixin.qq.com; only WeChat can lift this", "请查看 mp.weixin.qq.com 的通知; 只有微信可以解除"}
	todoQuota   = [2]string{"wait until midnight in Beijing; campaigns wait by themselves", "请等到北京时间零点; 群发任务会自动等待"}
	todoAddress = [2]string{"check the name of --public-url and its DNS entry", "请检查 --public-url 的域名和 DNS 记录"}
	todoProxy   = [2]string{"check the proxy before the public listener, its firewall, and --base-path", "请检查公开接口前的代理, 防火墙和 --base-path"}
	todoServer  = [2]string{"is it running (minapush serve)? is --server right, with its base path?", "服务是否在运行 (minapush serve)? --server 及其路径是否正确?"}
)
