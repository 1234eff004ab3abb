package wechat_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minapush/minapush"
	"github.com/minapush/minapush/wechat"
	"github.com/prometheus/client_golang/prometheus"
)

// scripted answers one path with a body, and tells the request.
func scripted(t *testing.T, method, path, body string, seen *string) *wechat.Client {
	base := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method || r.URL.Path != path {
			t.Errorf("got %s %s", r.Method, r.URL.Path)
		}
		b, _ := io.ReadAll(r.Body)
		if seen != nil {
			*seen = r.URL.RawQuery + "|" + string(b)
		}
		fmt.Fprint(w, body)
	}))
	return newClient(t, wechat.Config{Apps: oneApp(base, fixed())})
}

func TestSessionTellsWhoAndDropsTheKey(t *testing.T) {
	t.Parallel()
	var seen string
	c := scripted(t, "GET", "/sns/jscode2session",
		`{"openid":"o6_bmjrPTlm6_2sgVt7hMZOPfL2M","session_key":"tiihtNczf5v6AKRyjwEUhQ==","unionid":"o6_bmasdasdsad6_2sgVt7hMZOPfL"}`, &seen)
	got, err := c.JSCode2Session(t.Context(), appID, "the code&")
	want := wechat.Session{OpenID: "o6_bmjrPTlm6_2sgVt7hMZOPfL2M", UnionID: "o6_bmasdasdsad6_2sgVt7hMZOPfL"}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	wantQuery := "appid=wx0123456789abcdef&grant_type=authorization_code&js_code=the+code%26&secret=s3cr3t%2Fwith%2Bsigns%26all|"
	if seen != wantQuery {
		t.Errorf("asked %s", seen)
	}
	for body, kind := range map[string]minapush.Kind{
		`{"errcode":40029,"errmsg":"invalid code, rid: 5f7184ff-5448020d-6384be15"}`: minapush.Invalid,
		`{"errcode":40163,"errmsg":"code been used"}`:                                minapush.Invalid,
		`{"errcode":41008,"errmsg":"missing code"}`:                                  minapush.Invalid,
		`{"errcode":40226,"errmsg":"code blocked"}`:                                  minapush.Unauthorized,
		`{"errcode":45011,"errmsg":"minute"}`:                                        minapush.Throttled,
		`{"errcode":-1,"errmsg":"system error"}`:                                     minapush.Throttled,
		`{"errcode":40125,"errmsg":"invalid appsecret s3cr3t/with+signs&all"}`:       minapush.BadCredential,
		`{"errcode":0,"session_key":"x"}`:                                            minapush.Uncertain,
		`{"openid":"with space","session_key":"x"}`:                                  minapush.Uncertain,
		`{"openid":"o1","session_key":"cut`:                                          minapush.Uncertain,
	} {
		_, err := scripted(t, "GET", "/sns/jscode2session", body, nil).JSCode2Session(t.Context(), appID, "code-1234")
		if e := asError(t, err); e.Kind != kind || (kind == minapush.Invalid && e.Field != "code") || strings.Contains(err.Error(), "code-1234") {
			t.Errorf("%s: got %+v", body, e)
		}
	}
	if _, err := c.JSCode2Session(t.Context(), appID, ""); !errors.Is(err, minapush.Invalid) {
		t.Errorf("got %v", err)
	}
	if _, err := c.JSCode2Session(t.Context(), "wx-other", "c"); !errors.Is(err, minapush.BadCredential) {
		t.Errorf("got %v", err)
	}
}

func TestTemplatesAreRead(t *testing.T) {
	t.Parallel()
	var seen string
	c := scripted(t, "GET", "/wxaapi/newtmpl/gettemplate", `{"errcode":0,"errmsg":"ok","data":[
	  {"priTmplId":"9Aw5ZV1j9xdWTFEkqCpZ7mIBbSC34khK55OtzUPl0rU","title":"报名结果通知","content":"会议时间:{{date2.DATA}}\n会议地点：{{thing1.DATA}}\n",
	   "example":"会议时间:2016年8月8日\n会议地点:TIT会议室\n","type":2},
	  {"priTmplId":"cy_DfOZL7lypxHh3ja3DyAUbn1GYQRGwezuy5LBTFME","title":"洗衣机故障提醒","content":"所在位置:{{enum_string2.DATA}}","type":3,
	   "keywordEnumValueList":[{"enumValueList":["客厅"],"keywordCode":"enum_string2.DATA"}]},
	  {"priTmplId":"device","title":"设备","content":"","type":9}]}`, &seen)
	got, err := c.Templates(t.Context(), appID)
	want := []minapush.Template{
		{ID: "9Aw5ZV1j9xdWTFEkqCpZ7mIBbSC34khK55OtzUPl0rU", Kind: minapush.OneTimeTemplate, Title: "报名结果通知",
			Keys:    []minapush.TemplateKey{{Key: "date2", Label: "会议时间", Type: "date"}, {Key: "thing1", Label: "会议地点", Type: "thing"}},
			Example: "会议时间:2016年8月8日\n会议地点:TIT会议室\n"},
		{ID: "cy_DfOZL7lypxHh3ja3DyAUbn1GYQRGwezuy5LBTFME", Kind: minapush.LongTermTemplate, Title: "洗衣机故障提醒",
			Keys: []minapush.TemplateKey{{Key: "enum_string2", Label: "所在位置", Type: "enum_string", Enum: []string{"客厅"}}}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n-want +got\n%s", err, diff)
	}
	if seen != "access_token=ACCESS-fixed|" {
		t.Errorf("asked %s", seen)
	}
	for body, kind := range map[string]minapush.Kind{
		`{"errcode":200100,"errmsg":"no"}`: minapush.Unauthorized,
		`{"errcode":45009,"errmsg":"no"}`:  minapush.Throttled,
		`{"errcode":0,"data":"x"}`:         minapush.Unavailable,
		`<html>`:                           minapush.Unavailable,
	} {
		_, err := scripted(t, "GET", "/wxaapi/newtmpl/gettemplate", body, nil).Templates(t.Context(), appID)
		if e := asError(t, err); e.Kind != kind {
			t.Errorf("%s: got %+v", body, e)
		}
	}
}

func TestContentOfOddTemplates(t *testing.T) {
	t.Parallel()
	got := wechat.ContentKeys("购买地点{{keyword1.DATA}}\r\n{{first.DATA}}\nA:{{name01.DATA}} B： {{time2.DATA}}\nno key\nbroken {{x\n{{}} {{.DATA}}")
	want := []minapush.TemplateKey{
		{Key: "keyword1", Label: "购买地点", Type: "keyword"}, {Key: "first", Type: "first"},
		{Key: "name01", Label: "A", Type: "name"}, {Key: "time2", Label: "B", Type: "time"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestQuotaIsRead(t *testing.T) {
	t.Parallel()
	var seen string
	c := scripted(t, "POST", "/cgi-bin/openapi/quota/get", `{"errcode":0,"errmsg":"ok","quota":{"daily_limit":10000000,"used":126,"remain":9999874},`+
		`"rate_limit":{"call_count":7,"refresh_second":60},"component_rate_limit":{"call_count":0,"refresh_second":0}}`, &seen)
	got, err := c.Quota(t.Context(), appID, wechat.SendPath)
	want := wechat.Quota{DailyLimit: 10000000, Used: 126, Remain: 9999874, RateLimit: 7, RateSeconds: 60}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if seen != `access_token=ACCESS-fixed|{"cgi_path":"/cgi-bin/message/subscribe/send"}` {
		t.Errorf("asked %s", seen)
	}
	for body, kind := range map[string]minapush.Kind{
		`{"errcode":76021,"errmsg":"no"}`: minapush.NotFound,
		`{"errcode":76022,"errmsg":"no"}`: minapush.Unauthorized,
		`{"errcode":0}`:                   minapush.Unavailable,
	} {
		_, err := scripted(t, "POST", "/cgi-bin/openapi/quota/get", body, nil).Quota(t.Context(), appID, "/x")
		if e := asError(t, err); e.Kind != kind {
			t.Errorf("%s: got %+v", body, e)
		}
	}
	if _, err := c.Quota(t.Context(), appID, "x"); !errors.Is(err, minapush.Invalid) {
		t.Errorf("got %v", err)
	}
}

func TestAnUnreadableBodyIsRepeatedOnce(t *testing.T) {
	t.Parallel()
	p := newPlatform()
	p.stable = "ACCESS-fixed"
	p.answer = func(n int) string {
		if n == 1 {
			return `{"errcode":47001,"errmsg":"data format error"}`
		}
		return `{"errmsg":"ok","msgid":"1988810812324364291","errcode":0}` // another order, msgid as text
	}
	c := newClient(t, wechat.Config{Apps: oneApp(serve(t, p), fixed())})
	mustSend(t, c)
	if len(p.sent) != 2 || p.sent[0] != p.sent[1] {
		t.Errorf("sent %q", p.sent)
	}
}

func TestMessagesThatCannotBeSent(t *testing.T) {
	t.Parallel()
	c := newClient(t, wechat.Config{Apps: oneApp("http://127.0.0.1:1", fixed())})
	for _, out := range []minapush.Outgoing{
		{App: appID, OpenID: openID}, {App: appID, Message: reminder()}, {App: appID, OpenID: openID, Message: reminder(), Legacy: true},
	} {
		if _, err := c.Send(t.Context(), out); !errors.Is(err, minapush.Invalid) {
			t.Errorf("%+v: got %v", out, err)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for _, cfg := range []wechat.Config{{}, {Apps: &apps{}, SendTimeout: -1}, {Apps: &apps{}, AppFor: -1}} {
		if _, err := wechat.New(cfg); !errors.Is(err, minapush.Invalid) {
			t.Errorf("%+v: got %v", cfg, err)
		}
	}
}

func TestMetricsCount(t *testing.T) {
	t.Parallel()
	p := newPlatform()
	p.answer = func(n int) string {
		return []string{`{"errcode":0,"errmsg":"ok"}`, `{"errcode":43101,"errmsg":"no"}`, `{"errcode":98765,"errmsg":"?"}`}[n-1]
	}
	c := newClient(t, wechat.Config{Apps: oneApp(serve(t, p), minapush.TokenSource{})})
	for range 3 {
		_, _ = c.Send(t.Context(), message())
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c.Metrics()...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			if v := m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount()); v > 0 {
				got[name] = v
			}
		}
	}
	want := map[string]float64{
		"minapush_wechat_requests_total send ok": 1, "minapush_wechat_requests_total send refused": 1,
		"minapush_wechat_requests_total send internal": 1, "minapush_wechat_requests_total stable_token ok": 1,
		"minapush_wechat_request_duration_seconds send": 3, "minapush_wechat_request_duration_seconds stable_token": 1,
		"minapush_wechat_token_refreshes_total ok stable": 1, "minapush_wechat_unknown_codes_total": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
