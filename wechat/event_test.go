package wechat_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/wechat"
)

// sample is a body of WeChat in the form in which it may come.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/events/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	someUser     = minapush.OpenID("o7esq5OI1Uej6Xixw1lA2H7XDVbc")
	someTemplate = "hD-ixGOhYmUfjOnI8MCzQMPshzGVeux_2vzyvQu7O68"
)

func TestEveryShapeOfAPopupReadsTheSame(t *testing.T) {
	t.Parallel()
	const head = `"ToUserName":"gh_123456789abc","FromUserName":"o7esq5OI1Uej6Xixw1lA2H7XDVbc","MsgType":"event","Event":"subscribe_msg_popup_event"`
	const item = `{"TemplateId":"` + someTemplate + `","SubscribeStatusString":"accept","PopupScene":"0"}`
	const xmlHead = `<xml><ToUserName><![CDATA[gh_123456789abc]]></ToUserName><FromUserName>o7esq5OI1Uej6Xixw1lA2H7XDVbc</FromUserName>` +
		`<CreateTime>1620973045</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[subscribe_msg_popup_event]]></Event>`
	const xmlItem = "<List>\n <TemplateId>\n  <![CDATA[" + someTemplate + "]]>\n </TemplateId><SubscribeStatusString>accept</SubscribeStatusString></List>"
	want := minapush.Event{
		Type: minapush.EventPopup, Name: "subscribe_msg_popup_event", To: "gh_123456789abc", OpenID: someUser,
		At: time.Unix(1620973045, 0).UTC(), Items: []minapush.EventItem{{Template: someTemplate, Answer: "accept"}},
	}
	for name, body := range map[string]string{
		"a list":                 `{` + head + `,"CreateTime":"1620973045","List":[` + item + `]}`,
		"a bare object":          `{` + head + `,"CreateTime":1620973045,"List":` + item + `}`,
		"its own wrapper":        `{` + head + `,"CreateTime":1620973045,"SubscribeMsgPopupEvent":{"List":[` + item + `]}}`,
		"another's wrapper":      `{` + head + `,"CreateTime":1620973045,"SubscribeMsgChangeEvent":[` + item + `]}`,
		"a wrapper of one":       `{` + head + `,"CreateTime":1620973045,"SubscribeMsgSentEvent":` + item + `}`,
		"numbers as numbers":     "\r\n" + `{"List":{"PopupScene":0,"SubscribeStatusString":"accept","TemplateId":"` + someTemplate + `"},"CreateTime":1620973045,` + head + "}\n",
		"XML":                    xmlHead + "<SubscribeMsgPopupEvent>" + xmlItem + "</SubscribeMsgPopupEvent></xml>",
		"XML, another's wrapper": xmlHead + "<SubscribeMsgChangeEvent>" + xmlItem + "</SubscribeMsgChangeEvent></xml>",
		"XML without a wrapper":  `<?xml version="1.0" encoding="UTF-8"?><!-- a comment -->` + xmlHead + xmlItem + "</xml>\n",
	} {
		got, err := wechat.ParseEvent([]byte(body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if string(got.Body) != body {
			t.Errorf("%s: the body is not kept", name)
		}
		got.Body = nil
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestTheSamplesOfTheDocumentsAreRead(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]minapush.Event{
		"popup.xml": {
			Type: minapush.EventPopup, Name: "subscribe_msg_popup_event", To: "gh_123456789abc", OpenID: "otFpruAK8D-E6EfStSYonYSBZ8_4",
			At: time.Unix(1610969440, 0).UTC(), Items: []minapush.EventItem{
				{Template: "VRR0UEO9VJOLs0MHlU0OilqX6MVFDwH3_3gz3Oc0NIc", Answer: "accept"},
				{Template: "9nLIlbOQZC5Y89AZteFEux3WCXRRRG5Wfzkpssu4bLI", Answer: "reject"},
			},
		},
		"popup-captured.json": {
			Type: minapush.EventPopup, Name: "subscribe_msg_popup_event", To: "gh_xxxxxxxxxx", OpenID: "o8dH44seXXXXXXXXXXXXXXXXXXXX",
			At: time.Unix(1688953684, 0).UTC(), Items: []minapush.EventItem{{Template: "BDcgTGpwt7fcRVFhGh-NvjcASaWWmkwzN3y_6mXzJR4", Answer: "accept"}},
		},
		"change.json": {
			Type: minapush.EventChange, Name: "subscribe_msg_change_event", To: "gh_123456789abc", OpenID: someUser,
			At: time.Unix(1610968440, 0).UTC(), Items: []minapush.EventItem{{Template: "BEwX0BOT3MqK3Uc5oTU3CGBqzjpndk2jzUf7VfExd8", Answer: "reject"}},
		},
		"sent.json": {
			Type: minapush.EventSent, Name: "subscribe_msg_sent_event", To: "gh_123456789abc", OpenID: "o7esq5PHRGBQYmeNyfG064wEFVpQ",
			At:    time.Unix(1620963428, 0).UTC(),
			Items: []minapush.EventItem{{Template: "BEwX0BO-T3MqK3Uc5oTU3CGBqzjpndk2jzUf7VfExd8", MsgID: 1864323726461255680, Status: "success"}},
		},
		"sent.xml": {
			Type: minapush.EventSent, Name: "subscribe_msg_sent_event", To: "gh_123456789abc", OpenID: "o7esq5PHRGBQYmeNyfG064wEFVpQ",
			At:    time.Unix(1620963428, 0).UTC(),
			Items: []minapush.EventItem{{Template: "BEwX0BO-T3MqK3Uc5oTU3CGBqzjpndk2jzUf7VfExd8", MsgID: 1700827132819554304, Errcode: -1, Status: "failed: system"}},
		},
		"cancelled.xml": { // FromUserName is not the person
			Type: minapush.EventCancelled, Name: "user_authorization_cancellation", To: "gh_870882ca4b1", OpenID: "owAqB1nqaOYYWl0Ng484G2z5NIwU",
			App: "wx13974bf780d3dc89", At: time.Unix(1626857200, 0).UTC(),
		},
		"punished.json": {
			Type: minapush.EventPunished, Name: "wxa_punish_event", To: "gh_1d6c1222test", App: "wx54a8eaa26606test",
			At: time.Unix(1699791600, 0).UTC(), Punishment: &minapush.Punishment{
				Type: minapush.PunishFunction, ID: "13577492", At: time.Unix(1699791599, 0).UTC(), Reason: "存在诱导分享行为",
				Rule:   "《微信小程序平台运营规范》5.行为规范-5.1滥用分享行为",
				Detail: `{"banned_days":[1,1],"banned_function_names":["分享朋友圈","客服消息接口"]}`,
			},
		},
		"debug.json": {
			Name: "debug_demo", To: "gh_97417a04a28d", OpenID: "o9AgO5Kd5ggOC-bXrbNODIiE3bGY", At: time.Unix(1714037059, 0).UTC(),
		},
		"text.xml": {Name: "text", To: "gh_97417a04a28d", OpenID: "o9AgO5Kd5ggOC-bXrbNODIiE3bGY", At: time.Unix(1714037059, 0).UTC()},
	} {
		got, err := wechat.ParseEvent(sample(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got.Body = nil
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestWhatCannotBeReadNamesTheField(t *testing.T) {
	t.Parallel()
	popup := func(more string) string {
		return `{"FromUserName":"o7esq5OI1Uej6Xixw1lA2H7XDVbc","CreateTime":1620973045,"MsgType":"event","Event":"subscribe_msg_popup_event",` + more + `}`
	}
	sent := func(item string) string {
		return `{"FromUserName":"o7esq5OI1Uej6Xixw1lA2H7XDVbc","CreateTime":1620973045,"MsgType":"event","Event":"subscribe_msg_sent_event","List":` + item + `}`
	}
	const ok = `{"TemplateId":"T","SubscribeStatusString":"accept"}`
	xmlOf := func(in string) string {
		return "<xml><Event>debug_demo</Event><CreateTime>1</CreateTime>" + in + "</xml>"
	}
	for name, c := range map[string]struct{ body, field string }{
		"nothing":               {"", "body"},
		"spaces":                {" \n", "body"},
		"a text":                {"success", "body"},
		"a list":                {"[]", "body"},
		"half a JSON":           {popup(`"List":[`), "body"},
		"more after JSON":       {popup(`"List":`+ok) + "{}", "body"},
		"not UTF-8":             {"{\"Event\":\"\xff\"}", "body"},
		"too long":              {`{"a":"` + strings.Repeat("a", wechat.MaxPush) + `"}`, "body"},
		"deep JSON":             {strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), "body"},
		"deep lists":            {`{"a":` + strings.Repeat(`[`, 30000) + strings.Repeat("]", 30000) + "}", "body"},
		"deep XML":              {"<xml>" + strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40) + "</xml>", "body"},
		"a key twice":           {popup(`"List":` + ok + `,"List":` + ok), "body"},
		"a key of an item":      {popup(`"List":{"TemplateId":"T","TemplateId":"U","SubscribeStatusString":"accept"}`), "body"},
		"a document type":       {`<!DOCTYPE xml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>` + xmlOf("&b;"), "body"},
		"an outer entity":       {`<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/passwd">]>` + xmlOf("&a;"), "body"},
		"a document type later": {xmlOf("<a><!DOCTYPE a></a>"), "body"},
		"an unknown entity":     {xmlOf("&lol;"), "body"},
		"two roots":             {xmlOf("") + xmlOf(""), "body"},
		"another root":          {"<html/>", "body"},
		"text around":           {xmlOf("") + "x", "body"},
		"half an XML":           {"<xml><Event>", "body"},
		"crossed XML":           {"<xml><a><b></a></b></xml>", "body"},
		"another encoding":      {`<?xml version="1.0" encoding="GBK"?>` + xmlOf(""), "body"},
		"XML, a field twice":    {xmlOf("<Event>x</Event>"), "Event"},
		"no event":              {`{"CreateTime":1}`, "Event"},
		"event is an object":    {`{"CreateTime":1,"Event":{}}`, "Event"},
		"event is long":         {`{"CreateTime":1,"Event":"` + strings.Repeat("a", 65) + `"}`, "Event"},
		"no time":               {`{"Event":"debug_demo"}`, "CreateTime"},
		"time of words":         {`{"Event":"debug_demo","CreateTime":"now"}`, "CreateTime"},
		"time with a point":     {`{"Event":"debug_demo","CreateTime":1.5}`, "CreateTime"},
		"time in milliseconds":  {`{"Event":"debug_demo","CreateTime":1620973045000}`, "CreateTime"},
		"time below zero":       {`{"Event":"debug_demo","CreateTime":-1}`, "CreateTime"},
		"no openid":             {`{"CreateTime":1,"Event":"subscribe_msg_popup_event","List":` + ok + `}`, "FromUserName"},
		"a bad openid":          {`{"CreateTime":1,"Event":"subscribe_msg_popup_event","FromUserName":"a b","List":` + ok + `}`, "FromUserName"},
		"no list":               {popup(`"Other":1`), "List"},
		"an empty list":         {popup(`"List":[]`), "List"},
		"a long list":           {popup(`"List":[` + strings.Repeat(ok+",", minapush.MaxEventItems) + ok + `]`), "List"},
		"a list of texts":       {popup(`"List":["a"]`), "List[0].TemplateId"},
		"a list that is null":   {popup(`"List":null`), "List[0].TemplateId"},
		"two lists":             {popup(`"List":` + ok + `,"SubscribeMsgPopupEvent":` + ok), "SubscribeMsgPopupEvent"},
		"no template":           {popup(`"List":[` + ok + `,{"SubscribeStatusString":"accept"}]`), "List[1].TemplateId"},
		"a template of spaces":  {popup(`"List":{"TemplateId":"a b","SubscribeStatusString":"accept"}`), "List[0].TemplateId"},
		"no answer":             {popup(`"List":{"TemplateId":"T"}`), "List[0].SubscribeStatusString"},
		"an answer of true":     {popup(`"List":{"TemplateId":"T","SubscribeStatusString":true}`), "List[0].SubscribeStatusString"},
		"no MsgID":              {sent(`{"TemplateId":"T","ErrorCode":0}`), "List[0].MsgID"},
		"MsgID too large":       {sent(`{"TemplateId":"T","ErrorCode":0,"MsgID":9223372036854775808}`), "List[0].MsgID"},
		"MsgID as a float":      {sent(`{"TemplateId":"T","ErrorCode":0,"MsgID":1.8643237264612557e18}`), "List[0].MsgID"},
		"MsgID zero":            {sent(`{"TemplateId":"T","ErrorCode":0,"MsgID":"0"}`), "List[0].MsgID"},
		"no ErrorCode":          {sent(`{"TemplateId":"T","MsgID":1}`), "List[0].ErrorCode"},
		"nobody cancelled":      {`{"CreateTime":1,"Event":"user_authorization_cancellation","FromUserName":"o7esq5OI1Uej6Xixw1lA2H7XDVbc"}`, "OpenID"},
		"punished for nothing":  {`{"CreateTime":1,"Event":"wxa_punish_event","punish_id":"1"}`, "event_type"},
		"punished without id":   {`{"CreateTime":1,"Event":"wxa_punish_event","event_type":"2"}`, "punish_id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := wechat.ParseEvent([]byte(c.body))
			var e *minapush.Error
			if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != c.field {
				t.Errorf("got %v, want invalid %s", err, c.field)
			}
		})
	}
}

func TestLongWordsOfAPunishmentAreCut(t *testing.T) {
	t.Parallel()
	body := fmt.Sprintf(`{"CreateTime":"1","Event":"wxa_punish_event","event_type":"4","punish_id":7,"illegal_reason":%q,"detail":[],"rule_name":"a\nb"}`,
		strings.Repeat("违", 200))
	e, err := wechat.ParseEvent([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	want := &minapush.Punishment{Type: minapush.PunishAccount, ID: "7", Reason: strings.Repeat("违", 85), Rule: "a b"}
	if d := cmp.Diff(want, e.Punishment); d != "" {
		t.Error(d)
	}
}

func FuzzParseEvent(f *testing.F) {
	files, err := os.ReadDir("testdata/events")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add(sample(f, file.Name()))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := wechat.ParseEvent(body)
		if err != nil {
			if minapush.KindOf(err) != minapush.Invalid {
				t.Fatalf("the error is %v, not invalid", err)
			}
			return
		}
		checkEvent(t, e)
	})
}

// checkEvent checks what every event that was read keeps.
func checkEvent(t *testing.T, e minapush.Event) {
	t.Helper()
	if e.Name == "" || len(e.Name) > 64 || e.At.Unix() < 1 {
		t.Errorf("event %q of %v", e.Name, e.At)
	}
	if e.OpenID != "" && e.OpenID.Validate() != nil {
		t.Errorf("openid %q", e.OpenID)
	}
	if e.Type != minapush.EventOther && e.Type != minapush.EventPunished && e.OpenID == "" {
		t.Error("nobody is named")
	}
	listed := e.Type == minapush.EventPopup || e.Type == minapush.EventChange || e.Type == minapush.EventSent
	if listed != (len(e.Items) > 0) || len(e.Items) > minapush.MaxEventItems || (e.Type == minapush.EventPunished) != (e.Punishment != nil) {
		t.Errorf("%s with %d items", e.Type, len(e.Items))
	}
	for _, i := range e.Items {
		if i.Template == "" || len(i.Template) > minapush.MaxTemplateID || (e.Type == minapush.EventSent) != (i.MsgID > 0) || (e.Type == minapush.EventSent) == (i.Answer != "") {
			t.Errorf("item %+v of %s", i, e.Type)
		}
	}
}
