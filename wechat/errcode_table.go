package wechat

import "github.com/minapush/minapush"

// Pages that the table cites; all stand on developers.weixin.qq.com unless said otherwise.
const (
	srcSend    = "[O] server API, sendMessage (subscribeMessage.send)"
	srcGeneric = "[O] server API, general return codes"
	srcToken   = "[O] server API, getAccessToken and getStableAccessToken"
	srcSession = "[O] server API, code2Session"
	srcList    = "[O] server API, getMessageTemplateList"
	srcQuota   = "[O] server API, getApiQuota"
	srcLegacy  = "[O-old] server API, templateMessage.send, withdrawn 2020-01-10"
	srcForum   = "[C] developer forum and issues of client libraries"
	srcOA      = "[C] official-account and template side, seen on few servers"
	srcWxJava  = "[S] binarywang/WxJava"
	srcTCloud  = "[O] Tencent Cloud mini-program platform, error codes"
	srcEnd     = "[O] announcements of the withdrawal, [C] live answers"

	readOn = "2026-06"
)

// Shorthand that keeps a row on few lines.
const (
	throttled = minapush.Throttled
	badMsg    = minapush.BadMessage
	badCred   = minapush.BadCredential
	oneUser   = minapush.OneUser
	oneMsg    = minapush.OneMessage
	oneApp    = minapush.OneApp
)

// table is every error code that the client may meet, ascending. What follows for permit and campaign is from the error tables of
// subscribe/send and template.send and from the reports beside them. Codes that are not here keep their number and are Internal.
//
// 85xxx codes belong to service cards, a call that the client does not make.
var table = []Row{
	{-1, AnyCall, throttled, oneUser, ReasonBusy, WaitUnknown, PermitKept, StepRetry,
		"WeChat is busy; whether a permit was used is not told, and taken as no", "微信系统繁忙", srcGeneric, readOn},
	{404, ManageCalls, minapush.NotFound, oneApp, "", WaitUnknown, PermitNone, StepNone,
		"nothing found", "未找到", srcList, readOn},
	{40001, TokenCalls, badCred, oneApp, "", WaitUnknown, PermitNone, StepStopApp,
		"AppSecret wrong, or the credential is not the latest", "AppSecret 错误或凭证不是最新", srcToken, readOn},
	{40001, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepRefresh,
		"access token invalid, or another program fetched a newer one", "access_token 无效或不是最新, 可能被其他程序刷新", srcSend, readOn},
	{40002, TokenCalls, minapush.Internal, oneApp, "", WaitUnknown, PermitNone, StepStopApp,
		"grant_type wrong: a bug of ours", "grant_type 不正确 (程序缺陷)", srcToken, readOn},
	{40003, AnyCall, minapush.NotFound, oneUser, "", WaitUnknown, PermitVoid, StepSkip,
		"not an openid of this app", "openid 不正确或不属于该小程序", srcSend, readOn},
	{40013, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"app id wrong", "AppID 不正确", srcGeneric, readOn},
	{40014, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepRefresh,
		"access token malformed or unknown", "access_token 不合法", srcGeneric, readOn},
	{40029, SessionCall, minapush.Invalid, oneUser, "", WaitUnknown, PermitNone, StepNone,
		"login code wrong, expired or of another app: call wx.login again", "登录 code 无效或已过期, 请重新 wx.login", srcSession, readOn},
	{40037, AnyCall, badMsg, oneMsg, "", WaitUnknown, PermitKept, StepStop,
		"template id wrong, of another app, or of a kind that this call does not send", "模板 ID 不正确或不能用于该接口", srcSend, readOn},
	{40038, Sends, throttled, oneUser, "", WaitDay, PermitKept, StepSkip,
		"this user got this long-term template as often as a day allows", "该用户今日长期订阅消息已达上限", srcTCloud, readOn},
	{40066, AnyCall, badMsg, oneMsg, "", WaitUnknown, PermitKept, StepStop,
		"URL invalid, or the account's kind has no such call", "URL 不合法或账号类型不符", srcForum, readOn},
	{40125, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"AppSecret wrong or reset", "AppSecret 错误或已重置", srcGeneric, readOn},
	{40163, SessionCall, minapush.Invalid, oneUser, "", WaitUnknown, PermitNone, StepNone,
		"login code already used: call wx.login again", "登录 code 已被使用, 请重新 wx.login", srcSession, readOn},
	{40164, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"this server's address is not on the app's IP whitelist", "服务器 IP 不在白名单中", srcToken, readOn},
	{40226, SessionCall, minapush.Unauthorized, oneUser, "", WaitUnknown, PermitNone, StepNone,
		"WeChat blocked the login of a risky user", "高风险用户, 登录被微信拦截", srcSession, readOn},
	{40243, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"AppSecret frozen by an administrator", "AppSecret 已被管理员冻结", srcToken, readOn},
	{41001, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepRefresh,
		"access token missing", "缺少 access_token", srcGeneric, readOn},
	{41002, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"app id missing", "缺少 AppID", srcToken, readOn},
	{41004, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"AppSecret missing", "缺少 AppSecret", srcToken, readOn},
	{41008, SessionCall, minapush.Invalid, oneUser, "", WaitUnknown, PermitNone, StepNone,
		"login code missing", "缺少登录 code", srcSession, readOn},
	{41028, AnyCall, minapush.PermitDead, oneUser, "", WaitUnknown, PermitDead, StepNextPermit,
		"form id wrong, expired or another user's, or a prepay id not ready yet", "form_id 不正确, 已过期或 prepay_id 尚未生效", srcLegacy, readOn},
	{41029, AnyCall, minapush.PermitDead, oneUser, "", WaitUnknown, PermitDead, StepNextPermit,
		"form id used up", "form_id 已被使用", srcLegacy, readOn},
	{41030, AnyCall, badMsg, oneMsg, "", WaitUnknown, PermitKept, StepStop,
		"the page is not in the released version of the mini program", "跳转页面不在线上版本中", srcLegacy, readOn},
	{42001, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepRefresh,
		"access token expired", "access_token 已过期", srcGeneric, readOn},
	{42007, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"authorisation ended by a changed password; of refresh tokens, which are not used here", "用户修改密码, 授权失效", srcGeneric, readOn},
	{43002, AnyCall, minapush.Internal, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"the call wants POST: a bug of ours, or of something in between", "接口需要 POST 请求", srcToken, readOn},
	{43004, Sends, minapush.Unauthorized, oneUser, "", WaitUnknown, PermitKept, StepSkip,
		"the user does not follow the account", "用户未关注", srcOA, readOn},
	{43019, Sends, minapush.Unauthorized, oneUser, "", WaitUnknown, PermitKept, StepSkip,
		"the user is on the account's blacklist", "用户在黑名单中", srcOA, readOn},
	{43101, AnyCall, minapush.Refused, oneUser, "", WaitUnknown, PermitVoid, StepSkip,
		"the user refused, switched off, never subscribed or has no use left; WeChat does not say which", "用户未订阅, 已拒收或次数已用完",
		srcSend, readOn},
	{43106, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"the account is punished and may add no template", "账号受处罚, 禁止添加模板", srcOA, readOn},
	{43107, AnyCall, badMsg, oneMsg, "", WaitUnknown, PermitKept, StepStop,
		"subscribe messages of the account or of this template are banned", "订阅消息能力被封禁", srcSend, readOn},
	{43108, AnyCall, throttled, oneUser, "", WaitSecond, PermitKept, StepRetry,
		"another message to the same openid is under way", "不能并发给同一个用户下发", srcSend, readOn},
	{43116, AnyCall, badMsg, oneMsg, "", WaitUnknown, PermitKept, StepStop,
		"the template is banned", "该模板已被封禁", srcOA, readOn},
	{43117, AnyCall, throttled, oneUser, "", WaitSecond, PermitKept, StepRetry,
		"too many messages to this openid in a short time", "给该用户下发过于频繁", srcOA, readOn},
	{45009, AnyCall, throttled, oneApp, "", WaitDay, PermitKept, StepPause,
		"the day's quota of the call is used up", "接口日调用次数已达上限", srcGeneric, readOn},
	{45011, SessionCall, throttled, oneUser, "", WaitMinute, PermitNone, StepNone,
		"more than 100 logins of this user in a minute", "该用户登录过于频繁, 每分钟最多 100 次", srcSession, readOn},
	{45011, AnyCall, throttled, oneApp, "", WaitMinute, PermitKept, StepPause,
		"the minute's quota of the call is used up", "接口分钟调用次数已达上限", srcGeneric, readOn},
	{45029, AnyCall, throttled, oneApp, "", WaitMinute, PermitKept, StepPause,
		"a limit was reached; WeChat does not say which", "接口数量已达上限", srcWxJava, readOn},
	{45047, AnyCall, throttled, oneUser, "", WaitDay, PermitKept, StepSkip,
		"too many customer-service messages; not an answer to the calls made here", "客服消息下行条数超过上限", srcWxJava, readOn},
	{45103, AnyCall, badMsg, oneMsg, "", WaitUnknown, PermitKept, StepStop,
		"template messages were withdrawn on 2020-01-10", "模板消息接口已下线", srcEnd, readOn},
	{45109, AnyCall, badMsg, oneMsg, "", WaitUnknown, PermitKept, StepStop,
		"uniform messages were withdrawn on 2023-09-20", "统一服务消息接口已下线", srcEnd, readOn},
	{45168, AnyCall, badMsg, oneMsg, "", WaitUnknown, PermitKept, StepStop,
		"the content holds sensitive words", "内容含有敏感词", srcSend, readOn},
	{47001, AnyCall, badMsg, oneMsg, "", WaitUnknown, PermitKept, StepStop,
		"WeChat could not read the body; the client has repeated it once, since this is sporadic", "请求数据格式错误 (已重试一次)", srcForum, readOn},
	{47003, AnyCall, badMsg, oneMsg, "", WaitUnknown, PermitKept, StepStop,
		"a value of the template is missing, empty, too long or of the wrong type", "模板参数不符合要求", srcSend, readOn},
	{48001, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"accounts of this kind may not make this call", "账号类型无该接口权限", srcForum, readOn},
	{48004, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"the call is forbidden to the account, as a punishment", "接口被封禁", srcGeneric, readOn},
	{50002, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"the account is restricted or being deleted", "账号受限或正在注销", srcGeneric, readOn},
	{50004, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"the account may not ask for access tokens", "禁止使用 token 接口", srcToken, readOn},
	{50007, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"the account is frozen", "账号已冻结", srcToken, readOn},
	{61007, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"the third-party platform has no right to this call", "第三方平台未获该接口授权", srcForum, readOn},
	{76021, ManageCalls, minapush.NotFound, oneApp, "", WaitUnknown, PermitNone, StepNone,
		"no such path", "cgi_path 不存在", srcQuota, readOn},
	{76022, ManageCalls, minapush.Unauthorized, oneApp, "", WaitUnknown, PermitNone, StepNone,
		"the path has no quota to read, or not for this account", "该接口不支持查询额度或无权限", srcQuota, readOn},
	{89503, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"an administrator must confirm calls from this address", "该 IP 的调用需要管理员确认", srcToken, readOn},
	{89506, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"administrators refused this address twice; no call for 24 hours", "管理员两次拒绝该 IP, 24 小时内不可调用", srcToken, readOn},
	{89507, AnyCall, badCred, oneApp, "", WaitUnknown, PermitKept, StepStopApp,
		"an administrator refused this address; no call for 1 hour", "管理员拒绝该 IP, 1 小时内不可调用", srcToken, readOn},
	{200100, ManageCalls, minapush.Unauthorized, oneApp, "", WaitUnknown, PermitNone, StepNone,
		"accounts of this kind have no subscribe templates", "账号类型不支持订阅消息模板", srcList, readOn},
}
