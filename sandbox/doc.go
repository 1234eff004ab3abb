// Package sandbox simulates the part of WeChat that minapush talks to: tokens, logins, permits, subscribe and legacy messages,
// templates, quotas, and the ways in which they fail. It is an independent reading of WeChat's documents (reference sheet
// wechat.md of this project, July 2026; section numbers in comments are of that sheet, its §7 is the specification) and shares
// no code with package wechat, so that the two check each other.
//
// One Sandbox is an [net/http.Handler] for a server, an [net/http.RoundTripper] for tests without sockets, also in a
// testing/synctest bubble, and a set of methods by which a test plays users, time and misfortune:
//
//	sb, err := sandbox.New(sandbox.Config{})
//	app, err := sb.AddApp(sandbox.App{})
//	tmpl, err := sb.AddTemplate(app.AppID, sandbox.Template{Keys: []string{"thing1", "date2"}})
//	user, err := sb.AddUser(app.AppID, "")
//	err = sb.Subscribe(app.AppID, user, tmpl, 3)
//	client := &http.Client{Transport: sb} // fetches tokens and sends
//	messages, err := sb.Messages(app.AppID, user)
//
// # Platform
//
// Answers are HTTP 200 with JSON, errors end in a rid. Served are
//
//	GET  /cgi-bin/token                         classic token: a new one each call, overlap, daily limit
//	POST /cgi-bin/stable_token                  stable token: renewal, force_refresh, limits
//	GET  /sns/jscode2session                    login codes; text/plain
//	POST /cgi-bin/message/subscribe/send        subscribe message
//	POST /cgi-bin/message/wxopen/template/send  legacy message, or 45103 (Config.Legacy)
//	GET  /wxaapi/newtmpl/gettemplate            and getcategory, getpubtemplatetitles, getpubtemplatekeywords
//	POST /wxaapi/newtmpl/addtemplate            and deltemplate
//	POST /cgi-bin/openapi/quota/get             and /cgi-bin/clear_quota, /cgi-bin/clear_quota/v2
//	POST /cgi-bin/openapi/rid/get               the last Config.MaxRIDs errors
//	GET  /cgi-bin/getcallbackip
//
// Other paths answer 40066. A send is judged in Config.Order, counted on arrival, and in flight until its answer is out: a
// second send to the same openid meanwhile answers 43108. A caller that gives up waiting does not undo the message. Calls that
// the quota refuses do not count against it; all others that get that far do.
//
// # Control API
//
// Under /sandbox/v1/, JSON in and out, unknown fields and parameters refused, errors {"error":{"field","message"}} with status
// 400 (bad value), 404 (no such app, user, template, path), 405, 409 (exists already) or 422 (the popup failed: with "code").
// It has no authentication: keep it on loopback. "USERS" stands for one of "openid":"…", "openids":[…] or "all":true; count
// defaults to 1. Calls without an answer named here answer {}.
//
//	POST   apps          {appid, secret, pay, daily_limit, minute_limit, unionid, ip_whitelist, flags, push}, all optional -> the app
//	GET    apps          -> {apps}
//	PUT    app-flags     {appid, flags:{secret_frozen, account_frozen, token_forbidden, unauthorized, forbidden, user_limited,
//	                     subscribe_banned, feature_banned}}
//	PUT    ip-whitelist  {appid, ips}
//	PUT    secret        {appid, secret}
//	POST   templates     {appid, template_id, title, type 1|2|3, content | keys, example, enums, banned} -> {template_id}
//	GET    templates     ?appid -> {templates}
//	PUT    template-ban  {appid, template_id, banned}
//	PUT    pages         {appid, pages}
//	POST   users         {appid, openid} or {appid, count} -> {openids}
//	GET    users         ?appid -> {openids}; ?appid&openid -> {openid, main_switch, blocked, permits, rejected, kept,
//	                     form_uses, prepay_uses, in_flight}
//	PUT    main-switch   {appid, openid, on}
//	PUT    blocked       {appid, openid, blocked}
//	POST   form-ids      {appid, USERS, count} -> {form_ids:{openid:[…]}}
//	POST   prepay-ids    {appid, USERS, count} -> {prepay_ids:{openid:[…]}}
//	POST   orders        {appid, openid, total, description} -> {prepay_id}, to be paid on the phone
//	GET    orders        ?appid&prepay_id -> {prepay_id, openid, total, description, paid, paid_at}
//	POST   subscribe     {appid, USERS, template_id, count} -> {users}
//	POST   taps          {appid, openid, template_ids, reject} -> {answers:{template_id:"accept"}}
//	POST   revoke        {appid, USERS, template_id} -> {users}
//	PUT    choice        {appid, openid, template_id, choice accept|reject|ask}
//	POST   login-codes   {appid, openid} -> {code}
//	POST   steal-token   {appid}
//	PUT    rogue         {appid, every_ms}, 0 stops
//	GET    clock         -> {now, offset_ms}
//	POST   clock         {advance_ms} -> {now, offset_ms}
//	PUT    latency       {median_ms, p99_ms}
//	POST   faults        {path, appid, openid, after, count, probability, for_ms, action, consume, late, errcode, errmsg, status,
//	                     body, delay_ms} -> {id}; see Fault
//	GET    faults        -> {faults:[{id, fault, seen, fired, over}]}
//	DELETE faults        all; DELETE faults/ID one
//	POST   scenarios     {name spurious_refusals|flapping_token|early_daily_limit|weather, appid, after, count, share, for_ms}
//	                     -> {id}, weather: {ids}
//	GET    messages      ?appid&openid -> {messages}
//	GET    counts        ?appid&template_id[&page] -> {counts:{openid:n}}
//	GET    received      ?appid -> {received:{openid:{template_id:n}}}
//	GET    stats         ?appid -> Stats
//	GET    quota         ?appid&path -> {path, per_day, per_minute, used}
//	PUT    quota         {appid, path, per_day, per_minute}, 0 means no limit
//	DELETE quota         ?appid, clears the daily counters
//	PUT    push          {appid, url, token, aes_key, mode plain|compatible|security, format json|xml, to_user_name,
//	                     skip_verification} -> the setting; 422 if the URL does not answer the verification; see Push
//	GET    push          ?appid -> the setting; an empty url means none
//	DELETE push          ?appid
//	PUT    push/knobs    any of {sent_least_ms, sent_most_ms, least_ms, most_ms, wait_ms, pause_ms, late_by_ms, tries, duplicate,
//	                     overtake, late, lose, undelivered, omit_silent, lists real|array|mixed, numbers real|string|mixed,
//	                     wrappers real|mixed}; what is left out stays; see PushKnobs
//	GET    push/knobs    -> all of them
//	POST   push/flush    sends all events at once, due or not, and answers when none is left
//	GET    push/stats    ?appid -> {events:{NAME:{queued, waiting, attempts, delivered, retried, duplicated, given_up, lost,
//	                     overflowed, dropped}}}; see PushCounts
//	GET    push/log      ?appid[&limit] -> {attempts:[{id, event, openid, try, copy, time, message, status, answer, delivered,
//	                     problem}]}, oldest first
//	POST   cancel-authorization  {appid, openid}: user_authorization_cancellation
//	POST   punish        {appid, type 1|2|3|4|5|10, reason, content, rule, functions, days, path}: wxa_punish_event; see Punishment
//	POST   reset
//
// # Events
//
// An app with a push URL (SetPush, App.Push, PUT push) is told what WeChat tells (消息推送, fact sheet §2):
//
//	subscribe_msg_popup_event        a popup was answered, on the phone or by Tap: one event with all templates of the request.
//	                                 Subscribe makes none: permits that nobody was told of
//	subscribe_msg_change_event       a template, or all, switched off in the settings: on the phone, by Revoke, SetChoice, SetMainSwitch
//	subscribe_msg_sent_event         after each accepted subscribe message, also one whose answer was lost
//	user_authorization_cancellation  by CancelAuthorization
//	wxa_punish_event                 by Punish, which sets the app's flags too
//
// They are signed and encrypted as the app's setting says, carry the sandbox's time, and are sent after a delay of real time: up to
// three times until the answer is HTTP 200 with "success", with nothing, or with a valid reply. PushKnobs makes them late, lost,
// doubled, reordered and odd in shape; FlushPush sends them all at once, so that tests need not wait. Each event has its own dice, cast
// when it is made, so that runs with the same seed send the same events. What is inferred and not documented: the text of an undelivered
// message, which flags a punishment sets, what the closing of an account does to permits, the pause between tries.
//
// Goroutines run only while events wait: up to Config.PushWorkers send at the same time. Close ends them.
//
// # Phone
//
// Under /phone/, over a socket only, is the WeChat client of each user: a page that runs the example mini program, the popup and the
// settings of subscribe messages, payment, and the chat list. /phone/inbox lists what all users received, and /phone/api/messages
// answers tests that ask what a user got. phone/API.md describes the calls. Server.RegisterOnShutdown should be given HangUp.
//
// # Memory
//
// It grows with users, live permits and distinct (user, template, page), not with messages: Config.MessagesPerUser,
// Config.MaxInbox, Config.MaxPhones, Config.MaxOrders, Config.MaxPages, Config.MaxRIDs, Config.PushQueue and Config.PushLog bound the
// rest, and RecordCounts keeps no message at all. A million users with one subscription each take about 300 MB.
//
// This package follows semantic versioning.
package sandbox
