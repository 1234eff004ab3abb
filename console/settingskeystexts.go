package console

import "maps"

// secretsTexts are the words of the pages of keys, of operators, and of the kill switch.
func secretsTexts() texts {
	all := keysTexts()
	for _, some := range []texts{operatorsTexts(), stopTexts()} {
		maps.Copy(all, some)
	}
	return all
}

func keysTexts() texts {
	return texts{
		"keys.what":        {"Programs call the API with a key. Give each program one of its own, with no more scopes than it needs.", "程序调用接口时使用 API 密钥。请为每个程序单独创建，只授予所需权限。"},
		"keys.name":        {"Name", "名称"},
		"keys.name_hint":   {"Which program uses it.", "由哪个程序使用。"},
		"keys.id":          {"Id", "密钥 ID"},
		"keys.scopes":      {"Scopes", "权限"},
		"keys.for":         {"For", "适用范围"},
		"keys.this_app":    {"This mini program", "本小程序"},
		"keys.every_app":   {"Every mini program", "全部小程序"},
		"keys.every_hint":  {"Such a key may also call for mini programs that are added later.", "以后添加的小程序也可使用。"},
		"keys.created":     {"Created", "创建时间"},
		"keys.none":        {"There is no key for this mini program yet", "该小程序还没有 API 密钥"},
		"keys.none_how":    {"Make one for your backend below.", "请在下方为业务后端创建一个。"},
		"keys.new":         {"Create a key", "创建密钥"},
		"keys.make":        {"Create", "创建"},
		"keys.made":        {"The key “%s” is made. This is its secret:", "密钥“%s”已创建，密钥内容如下："},
		"keys.once":        {"Copy it now and keep it safe: it is not stored, and cannot be shown again.", "请立即复制并妥善保存：系统不保存原文，离开后无法再次查看。"},
		"keys.again":       {"This form was sent before and made its key then. No other key was made. If the secret was lost, revoke that key and create another one.", "该表单此前已提交，密钥已创建，本次未重复创建。如未保存密钥内容，请吊销后重新创建。"},
		"keys.revoke":      {"Revoke…", "吊销…"},
		"keys.revoke_of":   {"Revoke the key “%s”", "吊销密钥“%s”"},
		"keys.revoke_ask":  {"Revoke this key?", "吊销该密钥？"},
		"keys.revoke_ends": {"Every program that uses it is refused at once, on other nodes within seconds.", "使用该密钥的程序将立即被拒绝，其他节点在数秒内生效。"},
		"keys.revoke_all":  {"It is for every mini program: all of them are affected.", "该密钥适用于全部小程序，所有小程序都会受影响。"},
		"keys.for_good":    {"This cannot be undone.", "吊销后无法恢复。"},
		"keys.revoke_yes":  {"Revoke", "确认吊销"},
		"keys.revoked":     {"The key “%s” is revoked.", "密钥“%s”已吊销。"},
		"keys.gone":        {"There is no such key (any more).", "该密钥不存在或已吊销。"},

		"scope.report":        {"Report", "上报"},
		"scope.report_hint":   {"Report subscriptions, and make session tokens.", "上报订阅结果，签发会话令牌。"},
		"scope.read":          {"Read", "读取"},
		"scope.read_hint":     {"Read balances, reach, campaigns and deliveries.", "读取可推次数、可触达人数、任务与发送明细。"},
		"scope.push":          {"Push", "单发"},
		"scope.push_hint":     {"Send to one user, deposit permits, and erase users.", "向单个用户发送，入账推送凭证，删除用户。"},
		"scope.campaign":      {"Campaigns", "群发"},
		"scope.campaign_hint": {"Create and start campaigns.", "创建并开始群发任务。"},
		"scope.admin":         {"Everything", "全部权限"},
		"scope.admin_hint":    {"Settings too, and other keys.", "包含以上各项，以及设置与密钥管理。"},

		"mistake.key_name":   {"1 to 128 bytes of text", "需为 1 至 128 字节的文本"},
		"mistake.key_scopes": {"Choose at least one", "请至少选择一项"},
		"mistake.form_over":  {"This form is not good any more. Nothing was done: send it again.", "该表单已失效，未做任何更改，请重新提交。"},
	}
}

func operatorsTexts() texts {
	return texts{
		"operators.what":             {"Every operator may do everything, in every mini program.", "每位操作员都可以管理全部小程序的所有功能。"},
		"operators.name":             {"Name", "用户名"},
		"operators.since":            {"Since", "创建时间"},
		"operators.you":              {"You", "当前登录"},
		"operators.invite":           {"Invite an operator", "邀请操作员"},
		"operators.relink":           {"Link for a new password", "生成重设链接"},
		"operators.relink_of":        {"Link for a new password of %s", "为 %s 生成重设密码链接"},
		"operators.link":             {"A link for a new operator:", "新操作员的邀请链接："},
		"operators.link_for":         {"A link by which %s chooses a new password:", "%s 的重设密码链接："},
		"operators.once":             {"Send it to that person only. It is shown this once, is good once, and ends at %s.", "请只发给本人。链接仅显示这一次，只能使用一次，有效期至 %s。"},
		"operators.again":            {"This form was sent before. No other link was made: use the one that was shown, or ask for another.", "该表单此前已提交，本次未重复生成链接。请使用已显示的链接，或重新生成。"},
		"operators.remove":           {"Remove…", "删除…"},
		"operators.remove_of":        {"Remove the operator %s", "删除操作员 %s"},
		"operators.remove_ask":       {"Remove this operator?", "删除该操作员？"},
		"operators.remove_ends":      {"All sign-ins of this person end at once.", "此人的所有登录将立即失效。"},
		"operators.remove_self":      {"This is you: you will be signed out.", "这是您自己：删除后将退出登录。"},
		"operators.remove_keys":      {"API keys that this person knows stay good: revoke them if need be.", "此人知道的 API 密钥仍然有效，如有需要请另行吊销。"},
		"operators.last":             {"The last operator stays: nobody could sign in any more. Invite another one first.", "最后一位操作员不能删除，否则将无人能登录。请先邀请其他操作员。"},
		"operators.remove_yes":       {"Remove", "确认删除"},
		"operators.removed":          {"The operator %s is removed.", "操作员 %s 已删除。"},
		"operators.gone":             {"There is no such operator (any more).", "该操作员不存在或已删除。"},
		"operators.password":         {"My password", "修改我的密码"},
		"operators.password_old":     {"Present password", "当前密码"},
		"operators.password_new":     {"New password", "新密码"},
		"operators.password_change":  {"Change the password", "修改密码"},
		"operators.password_ends":    {"Your sign-ins on other devices end.", "修改后，您在其他设备上的登录将失效。"},
		"operators.password_changed": {"The password is changed.", "密码已修改。"},
		"operators.password_kept":    {"The password was not changed.", "密码未修改。"},

		"mistake.old_password": {"This is not the present password", "当前密码不正确"},
		"mistake.password":     {"At least %s characters, at most %s bytes, and not the name", "至少 %s 个字符，最多 %s 字节，且不能与用户名相同"},
	}
}

func stopTexts() texts {
	return texts{
		"stop.title":       {"Stop all sending?", "紧急停发？"},
		"stop.on":          {"Sending is stopped", "已紧急停发"},
		"stop.why":         {"Reason", "原因"},
		"stop.note":        {"Note", "说明"},
		"stop.before":      {"Stopped before", "此前已停发"},
		"stop.by":          {"By", "操作员"},
		"stop.since":       {"Since", "停发时间"},
		"stop.for":         {"%s ago", "%s前"},
		"stop.nothing":     {"Within a second nothing of this mini program is sent any more, on any node. What WeChat is being asked at that moment may still arrive.", "一秒内，所有节点都不再发送该小程序的任何消息；此刻已向微信发出的请求仍可能送出。"},
		"stop.campaigns":   {"Running campaigns stand still where they are. Scheduled ones stand still when their time comes.", "进行中的任务停在原处；已排期的任务到时间后也不会发送。"},
		"stop.pushes":      {"Pushes are refused.", "单发会被拒绝。"},
		"stop.reports":     {"Reports and deposits are still taken: no permit is lost.", "上报与入账照常，不会丢失推送凭证。"},
		"stop.late":        {"Latest send times still hold: whoever is not reached by then is skipped.", "最晚发送时间仍然有效，届时未发送的用户将被跳过。"},
		"stop.running":     {"Running campaigns that stop", "将停止的进行中任务"},
		"stop.standing":    {"Campaigns that go on again", "将继续的任务"},
		"stop.none":        {"No campaign is running.", "没有进行中的任务。"},
		"stop.more":        {"and %s more", "另有 %s 个未列出"},
		"stop.started":     {"started %s", "%s 开始"},
		"stop.note_hint":   {"What happened, for those who come later. It may stay empty.", "发生了什么，供其他操作员了解，可不填。"},
		"stop.yes":         {"Stop all sending now", "立即停发"},
		"stop.done":        {"Sending is stopped.", "已紧急停发。"},
		"stop.go_title":    {"Let it send again", "恢复发送"},
		"stop.go_campaign": {"Running campaigns go on at once, where they stood, at their rate.", "进行中的任务立即从原处继续，速率不变。"},
		"stop.go_paused":   {"Paused campaigns stay paused; scheduled ones begin at their time.", "已暂停的任务保持暂停；已排期的任务按时开始。"},
		"stop.go_late":     {"Who was not reached before a latest send time is skipped.", "超过最晚发送时间仍未发送的用户将被跳过。"},
		"stop.go_pushes":   {"Pushes are taken again.", "恢复接受单发。"},
		"stop.go_punished": {"WeChat has punished the account: see in WeChat's console that this is over, or messages are refused.", "帐号受到微信处罚：请先在微信公众平台确认处罚已解除，否则消息会被拒绝。"},
		"stop.go_restored": {"This mini program comes from a backup of %s. Messages sent since then may be sent again; opt-outs, erased users and revoked keys since then are undone. Look at the campaigns first, and cancel those that were sent.", "该小程序由 %s 的备份恢复。此后已发送的消息可能会再次发送；此后的退订、用户删除与密钥吊销已失效。请先查看任务，已发送过的请取消。"},
		"stop.go_copied":   {"This mini program was copied from another store at %s. No server may use the old store any more: both would send the same messages. What happened there since then is not known here.", "该小程序于 %s 由其他存储复制而来。原存储不得再有服务使用，否则两边会发送相同的消息；此后原存储中的变化这里并不知道。"},
		"stop.sure":        {"I have looked at the campaigns", "我已检查各任务"},
		"stop.go":          {"Let it send again", "恢复发送"},
		"stop.over":        {"This mini program sends again.", "已恢复发送。"},
		"stop.other":       {"In the meantime it was stopped for another reason. Nothing was done: read this one first.", "停发原因已变化，未做任何更改，请先查看新的原因。"},

		"mistake.note":      {"At most 256 bytes, without control characters", "最多 256 字节，不能有控制字符"},
		"mistake.stop_sure": {"Confirm this first", "请先确认"},
	}
}
