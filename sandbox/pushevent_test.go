package sandbox_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/sandbox"
)

const (
	popupEvent  = "subscribe_msg_popup_event"
	changeEvent = "subscribe_msg_change_event"
	sentEvent   = "subscribe_msg_sent_event"
)

func TestATapTellsEveryTemplateInOneEvent(t *testing.T) {
	t.Parallel()
	p := newPushing(t, sandbox.Config{}, sandbox.PushSecurity, sandbox.PushJSON)
	second, banned := p.template(), p.template()
	must(t, p.sb.BanTemplate(p.app.AppID, banned, true))
	must(t, p.sb.Advance(time.Hour))
	p.tap([]string{p.tmpl, second, banned}, second)
	n := p.flushOne(popupEvent)
	if n.statuses(t) != p.tmpl+" accept "+second+" reject" {
		t.Errorf("items %s", n.List)
	}
	if n.FromUserName != p.openid || n.ToUserName != "gh_123456789abc" || n.MsgType != "event" || n.CreateTime != float64(epoch.Add(time.Hour).Unix()) {
		t.Errorf("header %+v", n)
	}
	if scene := n.items(t)[0]["PopupScene"]; scene != "0" {
		t.Errorf("PopupScene %v", scene)
	}
	p.tap([]string{banned})
	if got := p.flush(); len(got) != 0 {
		t.Errorf("nothing was answered, but told is %v", got)
	}
}

func TestAPopupOnThePhoneIsTold(t *testing.T) {
	t.Parallel()
	s := newSubscribing(t)
	r := newReceiver(t, s.app, sandbox.PushPlain)
	t.Cleanup(func() { must(t, s.sb.Close()) })
	must(t, s.sb.SetPushKnobs(sandbox.PushKnobs{Least: time.Hour, Most: time.Hour}))
	_, err := s.sb.SetPush(t.Context(), s.app, sandbox.Push{URL: r.URL + "?mine=1", Token: pushToken})
	must(t, err)
	told := func() string {
		t.Helper()
		must(t, s.sb.FlushPush(t.Context()))
		var all []string
		for _, one := range r.all() {
			all = append(all, one.notice(t).Event+" "+one.notice(t).statuses(t))
		}
		r.forget()
		return strings.Join(all, "; ")
	}
	want := func(what, want string) {
		t.Helper()
		if got := told(); got != want {
			t.Errorf("%s: told %q, want %q", what, got, want)
		}
	}
	popup, _, _ := s.ask(s.tmpl, s.second)
	want("before the answer", "")
	s.answer(200, popup, true, s.tmpl, "acceptWithAudio", s.second, "reject")
	s.answer(200, popup, true, s.tmpl, "acceptWithAudio", s.second, "reject") // the page repeats it
	want("after the answer", popupEvent+" "+s.tmpl+" accept "+s.second+" reject")
	s.ask(s.tmpl, s.second)
	want("without asking", popupEvent+" "+s.tmpl+" accept "+s.second+" reject")
	must(t, s.sb.SetPushKnobs(sandbox.PushKnobs{Least: time.Hour, Most: time.Hour, OmitSilent: true}))
	s.ask(s.tmpl, s.second)
	want("without asking, not told", "")

	templates := map[string]any{s.tmpl: "reject", s.second: "reject", s.long: "accept"}
	s.call("PUT", "settings", object("templates", templates), 200)
	want("switched off in the settings", changeEvent+" "+s.tmpl+" reject")
	s.call("PUT", "settings", object("templates", map[string]any{s.tmpl: "ask", s.second: "accept"}), 200)
	want("switched on again", "")
	s.call("PUT", "settings", `{"main_switch":false}`, 200)
	want("all switched off", changeEvent+" "+s.tmpl+" reject "+s.second+" reject "+s.long+" reject")
	s.call("PUT", "settings", `{"main_switch":true}`, 200)
	want("all switched on again", "")
}

func TestOnlyRejectionsInTheSettingsAreTold(t *testing.T) {
	t.Parallel()
	p := newPushing(t, sandbox.Config{}, sandbox.PushCompatible, sandbox.PushJSON)
	p.subscribe(2)
	must(t, p.sb.Revoke(p.app.AppID, p.openid, p.tmpl))
	n := p.flushOne(changeEvent)
	item := n.items(t)[0]
	if n.FromUserName != p.openid || item["TemplateId"] != p.tmpl || item["SubscribeStatusString"] != "reject" || len(item) != 2 {
		t.Errorf("event %+v, item %v", n, item)
	}
	must(t, p.sb.Revoke(p.app.AppID, p.openid, p.tmpl)) // nothing changes
	must(t, p.sb.SetChoice(p.app.AppID, p.openid, p.tmpl, sandbox.Accept))
	if got := p.flush(); len(got) != 0 {
		t.Errorf("told %v", got)
	}
	control(t, p.sb, "POST", "revoke", object("appid", p.app.AppID, "openid", p.openid, "template_id", p.tmpl), 200)
	p.flushOne(changeEvent)
}

func TestEveryAcceptedSendIsTold(t *testing.T) {
	t.Parallel()
	p := newPushing(t, sandbox.Config{}, sandbox.PushSecurity, sandbox.PushJSON)
	p.subscribe(1)
	sent := p.send()
	n := p.flushOne(sentEvent)
	item := n.items(t)[0]
	if item["TemplateId"] != p.tmpl || item["MsgID"] != sent.MsgID.String() || item["ErrorCode"] != "0" || item["ErrorStatus"] != "success" {
		t.Errorf("item %v, msgid %s", item, sent.MsgID)
	}
	p.wantCode(p.send(), 43101)
	ids, err := p.sb.IssueFormIDs(p.app.AppID, p.openid, 1)
	must(t, err)
	p.wantCode(p.sendLegacy(ids[0]), 0)
	if got := p.flush(); len(got) != 0 {
		t.Errorf("told of a refused or a legacy send: %v", got)
	}
}

func TestASendWhoseAnswerWasLostIsTold(t *testing.T) {
	t.Parallel()
	p := newPushing(t, sandbox.Config{}, sandbox.PushSecurity, sandbox.PushJSON)
	p.subscribe(2)
	for _, consume := range []bool{true, false} {
		_, err := p.sb.Script(sandbox.Fault{Path: sandbox.PathSend, Count: 1, Action: sandbox.ActDrop, Consume: consume})
		must(t, err)
		if _, err := roundTrip(p.sb, "POST", p.withToken(sandbox.PathSend), p.message()); err == nil {
			t.Fatal("the answer was not lost")
		}
	}
	item := p.flushOne(sentEvent).items(t)[0]
	messages, err := p.sb.Messages(p.app.AppID, p.openid)
	must(t, err)
	if len(messages) != 1 || p.permits() != 1 || item["MsgID"] != strconv.FormatInt(messages[0].MsgID, 10) {
		t.Errorf("told %v, received %v", item, messages)
	}
}

func TestAnUndeliveredMessageIsToldAndNotReceived(t *testing.T) {
	t.Parallel()
	p := newPushing(t, sandbox.Config{}, sandbox.PushSecurity, sandbox.PushJSON)
	p.subscribe(2)
	p.turn(func(k *sandbox.PushKnobs) { k.Undelivered = 1 })
	p.wantCode(p.send(), 0)
	item := p.flushOne(sentEvent).items(t)[0]
	if item["ErrorCode"] != "-10" || item["ErrorStatus"] != "failed: system failed" {
		t.Errorf("item %v", item)
	}
	p.turn(func(k *sandbox.PushKnobs) { k.Undelivered = 0 })
	p.wantCode(p.send(), 0)
	messages, err := p.sb.Messages(p.app.AppID, p.openid)
	must(t, err)
	if len(messages) != 1 || p.stats().Accepted != 2 || p.permits() != 0 {
		t.Errorf("%d received, %d accepted, %d permits left", len(messages), p.stats().Accepted, p.permits())
	}
}

func TestAClosedAccountIsTold(t *testing.T) {
	t.Parallel()
	p := newPushing(t, sandbox.Config{}, sandbox.PushSecurity, sandbox.PushJSON)
	p.subscribe(3)
	control(t, p.sb, "POST", "cancel-authorization", object("appid", p.app.AppID, "openid", p.openid), 200)
	n := p.flushOne("user_authorization_cancellation")
	if n.OpenID != p.openid || n.AppID != p.app.AppID || n.FromUserName == p.openid || n.FromUserName == "" {
		t.Errorf("event %+v", n)
	}
	if p.permits() != 0 {
		t.Errorf("%d permits left", p.permits())
	}
	p.wantCode(p.send(), 43101)
	control(t, p.sb, "POST", "cancel-authorization", object("appid", p.app.AppID, "openid", "oStranger"), 404)
}

func TestAPunishmentIsToldAndCarriedOut(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct {
		detail string
		flags  sandbox.Flags
	}{
		`"type":1,"days":3`:             {`{"rectify_deadline":1783126800,"warned_ban_days":[3],"warned_function_names":[],"warned_type":1}`, sandbox.Flags{}},
		`"type":1,"functions":["订阅消息"]`: {`{"rectify_deadline":1783126800,"warned_ban_days":[0],"warned_function_names":["订阅消息"],"warned_type":2}`, sandbox.Flags{}},
		`"type":2,"days":7`:             {`{"banned_days":[7],"banned_function_names":["订阅消息"]}`, sandbox.Flags{SubscribeBanned: true}},
		`"type":2,"functions":["分享朋友圈","客服消息接口"]`: {`{"banned_days":[0,0],"banned_function_names":["分享朋友圈","客服消息接口"]}`, sandbox.Flags{}},
		`"type":3,"days":1`:            {`{"suspended_days":1}`, sandbox.Flags{Forbidden: true}},
		`"type":4,"days":3`:            {`{"banned_days":3}`, sandbox.Flags{Forbidden: true, AccountFrozen: true}},
		`"type":10,"path":"pages/a/b"`: {`{"path":"pages/a/b"}`, sandbox.Flags{}},
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			p := newPushing(t, sandbox.Config{}, sandbox.PushPlain, sandbox.PushJSON)
			control(t, p.sb, "POST", "punish", `{"appid":"`+p.app.AppID+`","reason":"存在诱导分享行为",`+body+`}`, 200)
			got := p.flush()
			var e struct {
				Event     string   `json:"Event"`
				From      string   `json:"FromUserName"`
				ID        string   `json:"punish_id"`
				AppID     string   `json:"appid"`
				Time      int64    `json:"punish_time"`
				Reason    string   `json:"illegal_reason"`
				Content   []string `json:"illegal_content"`
				Detail    string   `json:"detail"`
				Rule      string   `json:"rule_name"`
				EventType int      `json:"event_type"`
			}
			must(t, json.Unmarshal([]byte(got[0].plain), &e))
			if e.Event != "wxa_punish_event" || e.ID == "" || e.AppID != p.app.AppID || e.Time != epoch.Unix() || e.Reason != "存在诱导分享行为" || len(e.Content) != 1 ||
				e.Detail != want.detail || e.Rule == "" || e.EventType == 0 || e.From == p.openid {
				t.Errorf("event %s", got[0].plain)
			}
			if flags := p.sb.Apps()[0].Flags; flags != want.flags {
				t.Errorf("flags %+v", flags)
			}
		})
	}
	p := newPushing(t, sandbox.Config{}, sandbox.PushPlain, sandbox.PushJSON)
	for _, bad := range []string{`"type":7`, `"type":"2"`, `"type":2,"days":-1`} {
		control(t, p.sb, "POST", "punish", `{"appid":"`+p.app.AppID+`",`+bad+`}`, 400)
	}
}
