package console

// permitsTexts are the words of the page of permits.
func permitsTexts() texts {
	all := refusalTexts()
	for name, both := range eventTexts() {
		all[name] = both
	}
	for name, both := range (texts{
		"permits.stock":      {"Stock", "库存"},
		"permits.stock_hint": {"What all users hold, by kind and template.", "全部用户持有的推送凭证，按种类与模板统计。"},
		"permits.kind":       {"Kind", "种类"},
		"permits.count":      {"Permits", "凭证数"},
		"permits.uses":       {"Uses", "可用次数"},
		"permits.ending":     {"End within 24 h", "24 小时内到期"},
		"permits.oldest":     {"Oldest taken", "最早获取时间"},
		"permits.by_age":     {"Uses by whole days since they were taken", "可用次数按获取天数分布"},
		"permits.age_hint":   {"The axis counts days: 0 is less than one day ago.", "横轴为天数，0 表示不足 1 天。"},
		"permits.left_out":   {"%s permits of further templates are not in these figures.", "另有 %s 张其他模板的凭证未计入。"},
		"permits.none":       {"No permit is there", "还没有推送凭证"},
		"permits.sources":    {"Sources", "来源"},
		"permits.source":     {"Page or button", "页面或按钮"},
		"permits.in_stock":   {"In stock", "现有次数"},
		"permits.income14":   {"Came in, 14 days", "近 14 天入账"},
		"permits.income":     {"Income by source and day", "每日入账来源"},
		"permits.no_income":  {"Nothing came in during the last 14 days", "近 14 天没有入账"},
		"source.unknown":     {"Not told", "未注明"},

		"permits.flow":      {"Flows since the beginning", "次数流水（累计）"},
		"permits.flow_hint": {"Exact counters, kept in the same steps that move permits. A long-term subscription has no number of uses and is not in them.", "精确计数，与凭证变动在同一步写入。长期订阅不限次数，不计入。"},
		"flow.deposited":    {"Deposited", "入账"},
		"flow.spent":        {"Spent", "扣减"},
		"flow.dead":         {"Dead", "作废"},
		"flow.expired":      {"Expired", "已过期"},
		"flow.evicted":      {"Evicted", "超限丢弃"},
		"flow.erased":       {"Erased", "随用户删除"},
		"flow.there":        {"There now", "现有"},
		"permits.counted":   {"The count of all users found %s of them free (%s, %s ago); %s are in the hand of deliveries, or moved since.", "用户统计时空闲 %s 次（统计于 %s，%s前），其余 %s 次为发送中预占或统计后的变动。"},
		"permits.standing":  {"Long-term subscriptions: %s.", "长期订阅：%s 张。"},

		"permits.refused":       {"Refused", "未入账"},
		"permits.refused_title": {"What came in and is no permit", "未入账与丢弃"},
		"permits.reason":        {"Reason", "原因"},
		"permits.today":         {"Today", "今日"},
		"permits.week":          {"7 days", "近 7 天"},
		"permits.fortnight":     {"14 days", "近 14 天"},
		"permits.none_refused":  {"Nothing was refused in the last 14 days", "近 14 天没有未入账的上报"},

		"permits.drift":      {"WeChat knew of no permit (43101)", "微信侧无次数（43101）"},
		"permits.drift_hint": {"Answers 43101 where the bank held a permit: the user switched the template off, or something else sends with it too.", "库中有凭证而微信返回 43101：用户已关闭订阅，或有其他系统也在使用该模板发送。"},

		"permits.events":      {"WeChat's events", "微信事件"},
		"permits.event":       {"Event", "事件"},
		"permits.result":      {"What became of it", "处理结果"},
		"permits.odd":         {"Events to look at (%s)", "待查看的事件（%s）"},
		"permits.odd_hint":    {"The last events that were not understood or fit nothing here; without whole openids.", "最近未能识别或对不上的事件，不含完整 openid。"},
		"permits.odd_no_body": {"The content is not kept.", "未保留内容。"},
	}) {
		all[name] = both
	}
	return all
}

// refusalTexts say why something that came in gave no permit, by the reasons of package collect and those for codes; a test holds the two
// together.
func refusalTexts() texts {
	return texts{
		"refusal.duplicate": {"Handed in before", "重复上报"},
		"refusal.evicted":   {"Pushed out: the user has too many of the kind", "超出单个用户上限，超限丢弃"},
		"refusal.other":     {"Other", "其他"},

		"refusal.unknown_type":    {"A type that this release does not know", "未知的类型"},
		"refusal.not_an_item":     {"Neither a code nor an item with one", "格式不是推送码或上报项"},
		"refusal.negative_age":    {"Its time lies ahead", "时间晚于当前"},
		"refusal.too_old":         {"A subscription reported more than 7 days late", "订阅上报超过 7 天"},
		"refusal.expired":         {"A code older than 7 days", "推送码已超过 7 天"},
		"refusal.bad_nonce":       {"Nonce or item id missing or malformed", "nonce 或唯一标识缺失或格式不正确"},
		"refusal.bad_template":    {"Is no template id", "模板 ID 不正确"},
		"refusal.bad_count":       {"A count out of its range", "次数超出范围"},
		"refusal.unknown_result":  {"An answer of the popup that WeChat does not document", "订阅弹窗返回了未知结果"},
		"refusal.user_rejected":   {"The user said no in the popup", "用户在弹窗中拒绝"},
		"refusal.template_banned": {"WeChat banned the template", "模板已被微信封禁"},
		"refusal.same_title":      {"Another template of the popup has the same title", "弹窗中有同名模板，被微信过滤"},
		"refusal.not_kept":        {"The user has permits for too many templates, or is being erased", "用户持有的模板过多，或正在删除"},
		"refusal.switched_off":    {"The user switched the template off afterwards", "用户此后已关闭该模板"},
		"refusal.events_only":     {"Only WeChat's events count for this mini program", "该小程序仅以微信事件入账"},

		"refusal.bad_row":  {"A row of an import that cannot be read", "导入行无法读取"},
		"refusal.bad_user": {"A row of an import without an openid", "导入行缺少 openid"},
		"refusal.bad_time": {"A row of an import whose time is none, or lies ahead", "导入行的时间不正确"},

		"refusal.java_serialised": {"Written by Java's own serialisation", "Java 序列化格式，无法读取"},
		"refusal.not_json":        {"Is no JSON", "不是 JSON"},
		"refusal.not_a_record":    {"No record with a form id", "不是含 form_id 的记录"},
		"refusal.too_long":        {"An element that is too long", "内容过长"},
		"refusal.too_deep":        {"Nested too deep", "嵌套过深"},
		"refusal.no_expire":       {"Without an expiry that can be read", "缺少可识别的过期时间"},
		"refusal.a_payment":       {"A prepay id, whose uses are not told", "支付推送码，剩余次数未知"},

		"refusal.empty_code":      {"An empty code", "推送码为空"},
		"refusal.mock_code":       {"A code of the developer tools", "开发者工具的模拟推送码"},
		"refusal.client_failed":   {"The phone could not get a code", "手机端获取推送码失败"},
		"refusal.trial_version":   {"WeChat gives no form ids any more", "微信已不再下发 form_id"},
		"refusal.not_a_form_id":   {"Is no form id", "不是有效的 form_id"},
		"refusal.not_a_prepay_id": {"Is no prepay id", "不是有效的 prepay_id"},
	}
}

// eventTexts are WeChat's events and what becomes of them; a test holds them to the closed lists.
func eventTexts() texts {
	return texts{
		"event.popup":     {"Popup answered", "订阅弹窗"},
		"event.change":    {"Switched off in the settings", "用户在设置中关闭"},
		"event.sent":      {"Message delivered or not", "消息送达回执"},
		"event.cancelled": {"Account given up", "用户注销"},
		"event.punished":  {"Warning or punishment", "账号警告或处罚"},
		"event.other":     {"Other", "其他"},

		"event_result.accepted":     {"A permit", "已入账"},
		"event_result.duplicate":    {"Known before", "重复"},
		"event_result.evicted":      {"Pushed out at once", "超限丢弃"},
		"event_result.not_kept":     {"Not kept", "未入账"},
		"event_result.rejected":     {"The user said no", "用户拒绝"},
		"event_result.banned":       {"Template banned", "模板被封禁"},
		"event_result.same_title":   {"Same title as another", "同名模板被过滤"},
		"event_result.voided":       {"Permits of the template are dead", "该模板凭证已作废"},
		"event_result.confirmed":    {"Delivery confirmed", "已记录回执"},
		"event_result.settled":      {"Confirmed what had been unknown", "结果未知的发送已确认"},
		"event_result.unmatched":    {"Fits no delivery here", "未找到对应的发送"},
		"event_result.erased":       {"Person erased", "用户已删除"},
		"event_result.erasing":      {"Being erased", "正在删除"},
		"event_result.stopped":      {"Sending stopped", "已紧急停发"},
		"event_result.warned":       {"Warning only", "仅警告"},
		"event_result.noted":        {"Noted", "已记录"},
		"event_result.too_old":      {"Too old", "时间过久"},
		"event_result.ahead":        {"Lies ahead", "时间晚于当前"},
		"event_result.unknown":      {"Not understood", "未能识别"},
		"event_result.unreadable":   {"Unreadable", "无法读取"},
		"event_result.unauthorized": {"Signature wrong", "签名不正确"},
		"event_result.failed":       {"Could not be stored", "写入失败"},
		"event_result.switched_off": {"Switched off afterwards", "此后已关闭"},
		"event_result.other":        {"Other", "其他"},
	}
}
