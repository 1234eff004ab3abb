package server_test

import (
	"context"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/server"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
	"github.com/minapush/minapush/wechat"
)

// withEvents is withApp with event settings; change alters them.
func (b *bundle) withEvents(t *testing.T, change ...func(*account.EventSettings)) *bundle {
	t.Helper()
	b.addApps(t)
	b.setEvents(t, change...)
	return b
}

func (b *bundle) setEvents(t *testing.T, change ...func(*account.EventSettings)) {
	t.Helper()
	set := account.EventSettings{Token: eventToken, AESKey: eventKey}
	for _, f := range change {
		f(&set)
	}
	_, err := b.accounts.ChangeEvents(t.Context(), appID, func(e *account.EventSettings) error { *e = set; return nil })
	must(t, err)
}

// popupAt is a popup that a user answered now.
func (b *bundle) popup() string { return popupOf(openid, b.clock.now()) }

func popupOf(o string, at time.Time) string {
	return fmt.Sprintf(`{"ToUserName":"gh_1","FromUserName":"%s","CreateTime":%d,"MsgType":"event","Event":"subscribe_msg_popup_event",`+
		`"List":{"TemplateId":"%s","SubscribeStatusString":"accept","PopupScene":"0"}}`, o, at.Unix(), tmplID)
}

// sealed makes a push as WeChat does: its query, and its body.
func (b *bundle) sealed(t *testing.T, text string) (query url.Values, body string) {
	t.Helper()
	in, err := wechat.NewReceiver(wechat.ReceiverConfig{App: appID, Token: eventToken, EncodingAESKey: eventKey, Now: b.clock.now})
	must(t, err)
	reply, err := in.Seal([]byte(text), wechat.PushJSON)
	must(t, err)
	var r struct {
		Encrypt, MsgSignature, Nonce string
		TimeStamp                    int64
	}
	must(t, json.Unmarshal(reply, &r))
	query = url.Values{
		"msg_signature": {r.MsgSignature}, "timestamp": {strconv.FormatInt(r.TimeStamp, 10)}, "nonce": {r.Nonce}, "encrypt_type": {"aes"}, "openid": {openid},
	}
	return query, `{"ToUserName":"gh_1","Encrypt":"` + r.Encrypt + `"}`
}

// wechatSignature signs what is in clear.
func wechatSignature(parts ...string) string {
	slices.Sort(parts)
	return fmt.Sprintf("%x", sha1.Sum([]byte(strings.Join(parts, ""))))
}

// pushed sends a text as WeChat does.
func (b *bundle) pushed(t *testing.T, text string) answer {
	t.Helper()
	query, body := b.sealed(t, text)
	return send(t, b.server.Public(), "POST", base+"/wechat?"+query.Encode(), "", body)
}

func wantSuccess(t *testing.T, a answer) {
	t.Helper()
	if a.status != http.StatusOK || a.body != "success" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
		t.Errorf("got %d %v %q, want success", a.status, a.header, a.body)
	}
}

func (b *bundle) available(t *testing.T) int64 {
	t.Helper()
	app, err := b.accounts.App(t.Context(), appID)
	must(t, err)
	sum, err := b.bank.Totals(t.Context(), app)
	must(t, err)
	return sum.Available
}

func TestAnEventOfWeChatIsDoneBeforeItIsAnswered(t *testing.T) {
	t.Parallel()
	b := setup(t).withEvents(t)
	popup := b.popup()
	wantSuccess(t, b.pushed(t, popup))
	if n := b.available(t); n != 1 {
		t.Errorf("got %d permits, want 1", n)
	}
	for range 3 { // WeChat sends again what was not answered in time
		wantSuccess(t, b.pushed(t, popup))
	}
	wantSuccess(t, b.pushed(t, `{"FromUserName":"`+openid+`","CreateTime":1,"MsgType":"text","Content":"hello"}`)) // nobody wants it
	wantSuccess(t, b.pushed(t, `{"Event":"subscribe_msg_popup_event"}`))                                           // cannot be read, ever
	wantSuccess(t, b.pushed(t, `{"FromUserName":"x","CreateTime":1795341600,"MsgType":"event","Event":"user_authorization_cancellation","OpenID":"`+
		openid+`","AppID":"wxsomebodyelse1"}`)) // is of another app
	if n := b.available(t); n != 1 {
		t.Errorf("got %d permits, want 1", n)
	}
	got := want[api.OddEvents](t, b.call(t, "GET", base+"/odd-events", b.admin, ""), 200)
	if c := got.Counts["popup"]; c["accepted"] != 1 || c["duplicate"] != 3 || got.Counts["other"]["unknown"] != 1 || got.Counts["other"]["unreadable"] != 1 ||
		got.Counts["cancelled"]["unreadable"] != 1 {
		t.Errorf("got counts %v", got.Counts)
	}
	for _, days := range []string{"0", "91", "x"} {
		wantProblem(t, b.call(t, "GET", base+"/odd-events?days="+days, b.admin, ""), api.NumInvalid, "query.days")
	}
}

func TestWeChatsCheckOfTheAddressIsAnsweredAndNobodyElses(t *testing.T) {
	t.Parallel()
	b := setup(t).withEvents(t)
	query, _ := b.sealed(t, "")
	query.Set("signature", wechatSignature(eventToken, query.Get("timestamp"), query.Get("nonce")))
	query.Set("echostr", "4375120948345356249")
	path := base + "/wechat?" + query.Encode()
	for _, h := range []http.Handler{b.server.Public(), b.server.Private()} {
		if a := send(t, h, "GET", path, "", ""); a.status != 200 || a.body != "4375120948345356249" {
			t.Errorf("got %d %q", a.status, a.body)
		}
	}
	query.Set("signature", strings.Repeat("0", 40))
	p := wantProblem(t, send(t, b.server.Public(), "GET", base+"/wechat?"+query.Encode(), "", ""), api.NumUnproven, "")
	if p.Reason == nil || p.Reason.Code != "bad_signature" {
		t.Errorf("got reason %+v", p.Reason)
	}
	b.clock.add(time.Hour)
	if p = wantProblem(t, send(t, b.server.Public(), "GET", path, "", ""), api.NumUnproven, ""); p.Reason.Code != "bad_time" {
		t.Errorf("got reason %+v", p.Reason)
	}
	for _, app := range []string{otherApp, "wxnobodyknowsthis1", "%00"} { // no settings; no app
		wantProblem(t, send(t, b.server.Public(), "GET", strings.Replace(path, appID, app, 1), "", ""), api.NumNotFound, "")
	}
}

func TestPushesThatNobodyProvedAreRefusedCountedAndChangeNothing(t *testing.T) {
	t.Parallel()
	b := setup(t).withEvents(t)
	before := b.snapshot(t)
	query, body := b.sealed(t, b.popup())
	with := func(name, value string) url.Values {
		q := url.Values{}
		for k, v := range query {
			q[k] = v
		}
		q.Set(name, value)
		return q
	}
	unproven := 0
	for name, p := range map[string]struct {
		query  url.Values
		body   string
		number int
	}{
		"no signature":   {url.Values{}, body, api.NumUnproven},
		"forged":         {with("msg_signature", strings.Repeat("a", 40)), body, api.NumUnproven},
		"another nonce":  {with("nonce", "1"), body, api.NumUnproven},
		"a later time":   {with("timestamp", "1795341999"), body, api.NumUnproven},
		"in clear":       {query, b.popup(), api.NumUnproven},
		"another body":   {query, strings.Replace(body, `"Encrypt":"`, `"Encrypt":"AAAA`, 1), api.NumUnproven},
		"truncated":      {query, body[:len(body)/2], api.NumInvalid},
		"nothing":        {query, "", api.NumInvalid},
		"too large":      {query, body + strings.Repeat(" ", api.MaxEvent), api.NumTooLarge},
		"a bomb":         {query, `<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]><xml><Encrypt>&c;</Encrypt></xml>`, api.NumInvalid},
		"a deep tree":    {query, strings.Repeat(`{"a":`, 5000), api.NumInvalid},
		"no UTF-8":       {query, "{\"\xff\":1}", api.NumInvalid},
		"an odd element": {query, `<html/>`, api.NumInvalid},
	} {
		a := send(t, b.server.Public(), "POST", base+"/wechat?"+p.query.Encode(), "", p.body)
		if a.status != p.number/100 {
			t.Errorf("%s: got %d %s, want %d", name, a.status, a.body, p.number)
			continue
		}
		if got := want[api.Problem](t, a, p.number/100); got.Number != p.number {
			t.Errorf("%s: got %s", name, a.body)
		}
		if p.number == api.NumUnproven {
			unproven++
		}
	}
	if after := b.snapshot(t); before != after {
		t.Errorf("something changed: %s", difference(before, after))
	}
	got := want[api.OddEvents](t, b.call(t, "GET", base+"/odd-events", b.admin, ""), 200)
	if c := got.Counts["other"]; c["unauthorized"] != int64(unproven) || c["unreadable"] != int64(13-unproven) || len(got.Events) != 0 {
		t.Errorf("got %+v, want %d unauthorized of 13", got, unproven)
	}
	wantSuccess(t, b.pushed(t, b.popup()))
}

func TestNewSettingsAreTakenAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t).withEvents(t)
	wantSuccess(t, b.pushed(t, b.popup()))
	answer := b.call(t, "PUT", base+"/wechat-push", b.admin, `{"token":"anotherToken","mode":"compatible"}`)
	set := want[api.EventSettings](t, answer, 200)
	if !set.EncodingAESKeySet || set.Mode != "compatible" || set.Path != base+"/wechat" || strings.Contains(answer.body, "anotherToken") || strings.Contains(answer.body, eventKey) {
		t.Errorf("got %s", answer.body)
	}
	wantProblem(t, b.pushed(t, b.popup()), api.NumUnproven, "")
	want[api.EventSettings](t, b.call(t, "PUT", base+"/wechat-push", b.admin, `{"token":"`+eventToken+`"}`), 200)
	wantSuccess(t, b.pushed(t, b.popup()))
	for location, body := range map[string]string{
		"body.pass_on": `{"pass_on":"none"}`, "body.token": `{"token":"-"}`, "body.encoding_aes_key": `{"encoding_aes_key":"short"}`,
		"body.mode": `{"mode":"aes"}`, "body.pass_on_url": `{"pass_on_url":"http://100.100.100.200/"}`,
	} {
		wantProblem(t, b.call(t, "PUT", base+"/wechat-push", b.admin, body), api.NumInvalid, location)
	}
	if a := b.call(t, "DELETE", base+"/wechat-push", b.admin, ""); a.status != http.StatusNoContent {
		t.Errorf("got %d %s", a.status, a.body)
	}
	wantProblem(t, b.pushed(t, b.popup()), api.NumNotFound, "")
	wantProblem(t, b.call(t, "GET", base+"/wechat-push", b.admin, ""), api.NumNotFound, "")
}

// stuck is a store whose deposits wait for a hand, whatever their context says.
type stuck struct {
	store.Store
	until chan struct{}
}

func (s stuck) Deposit(ctx context.Context, sh minapush.Shard, o minapush.OpenID, d store.Deposit) (store.Deposited, error) {
	<-s.until
	return s.Store.Deposit(context.WithoutCancel(ctx), sh, o, d)
}

func TestAStoreThatHangsIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	until := make(chan struct{})
	b := setupOver(t, time.Second, func(st store.Store) store.Store { return stuck{st, until} }).withEvents(t)
	a := b.pushed(t, b.popup())
	wantProblem(t, a, api.NumUnavailable, "")
	close(until)
	must(t, b.server.Wait(t.Context()))
	if n := b.available(t); n != 1 {
		t.Errorf("got %d permits, want the one whose step was under way", n)
	}
	wantSuccess(t, b.pushed(t, b.popup())) // WeChat's second delivery
	if n := b.available(t); n != 1 {
		t.Errorf("got %d permits after the second", n)
	}
}

func TestWhatTheStoreCannotTakeIsAnswered503(t *testing.T) {
	t.Parallel()
	b := setupOver(t, time.Second, func(st store.Store) store.Store {
		return storetest.NewFaulty(st, storetest.FaultyConfig{Script: []storetest.FaultyLine{{Method: "Deposit", Call: 1, Fault: storetest.FaultBefore}}})
	}).withEvents(t)
	a := b.pushed(t, b.popup())
	wantProblem(t, a, api.NumUnavailable, "")
	if a.header.Get("Retry-After") == "" {
		t.Error("a 503 without Retry-After")
	}
	wantSuccess(t, b.pushed(t, b.popup()))
}

func TestWhatIsNotOursIsPassedOn(t *testing.T) {
	t.Parallel()
	var got atomic.Pointer[http.Request]
	var sent atomic.Value
	var behave atomic.Value
	team := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got.Store(r)
		sent.Store(string(body))
		behave.Load().(func(http.ResponseWriter, *http.Request))(w, r)
	}))
	t.Cleanup(team.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	b := setup(t, func(p *server.Parts, _ *server.Config) { p.PassOn = transport })
	b.withEvents(t, func(e *account.EventSettings) { e.PassOnURL = team.URL + "/wx?key=1" })
	reply := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"Encrypt":"reply"}`)
	}
	behave.Store(reply)
	const message = `{"FromUserName":"` + openid + `","CreateTime":1795341600,"MsgType":"text","Content":"hello"}`
	query, body := b.sealed(t, message)
	push := func() answer { return send(t, b.server.Public(), "POST", base+"/wechat?"+query.Encode(), "", body) }
	a := push()
	if a.status != 200 || a.body != `{"Encrypt":"reply"}` || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("got %d %v %s, want the team's answer", a.status, a.header, a.body)
	}
	r := got.Load()
	if r.Method != "POST" || r.URL.Path != "/wx" || r.URL.RawQuery != "key=1&"+query.Encode() || sent.Load() != body || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("the team got %s %s %s", r.Method, r.URL, sent.Load())
	}
	got.Store(nil)
	wantSuccess(t, b.pushed(t, b.popup()))
	if got.Load() != nil {
		t.Error("our own event was passed on")
	}
	for name, bad := range map[string]func(http.ResponseWriter, *http.Request){
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, team.URL+"/elsewhere", http.StatusFound)
		},
		"too much": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, api.MaxEvent+1)) },
		"broken":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		behave.Store(bad)
		if a := push(); a.status != http.StatusServiceUnavailable {
			t.Errorf("%s: got %d %s", name, a.status, a.body)
		}
	}
	if r := got.Load(); r.URL.Path != "/wx" {
		t.Errorf("a redirect was followed to %s", r.URL)
	}
	behave.Store(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	if a := push(); a.status != http.StatusTeapot {
		t.Errorf("got %d, want what the team answered", a.status)
	}
	b.setEvents(t, func(e *account.EventSettings) { e.PassOnURL, e.PassOnAll = team.URL, true })
	got.Store(nil)
	behave.Store(reply)
	wantSuccess(t, b.pushed(t, popupOf(victim, b.clock.now())))
	if got.Load() == nil || b.available(t) != 2 {
		t.Errorf("our own event was not passed on, or not taken first: %d permits", b.available(t))
	}
	team.Close()
	wantSuccess(t, b.pushed(t, b.popup()))
	wantProblem(t, push(), api.NumUnavailable, "")
	a = b.call(t, "GET", "/metrics", "", "")
	wantLine := func(line string) {
		if !strings.Contains(a.body, line) {
			t.Errorf("the metrics do not have %s", line)
		}
	}
	wantLine(`minapush_server_passed_on_total{result="answered"} 3`)
	wantLine(`minapush_server_passed_on_total{result="failed"} 5`)
}

func TestWeChatIsNotLimitedByAddressButInAll(t *testing.T) {
	t.Parallel()
	until := make(chan struct{})
	b := setupOver(t, time.Second, func(st store.Store) store.Store { return stuck{st, until} }, func(_ *server.Parts, c *server.Config) {
		c.RequestsPerAddress, c.MaxConcurrent = 2, 8
	}).withEvents(t)
	query, body := b.sealed(t, `{"FromUserName":"`+openid+`","CreateTime":1795341600,"MsgType":"text"}`)
	for range 10 {
		wantSuccess(t, b.from(t, "203.0.113.7", "POST", base+"/wechat?"+query.Encode(), "", body))
	}
	query, body = b.sealed(t, b.popup())
	answers := make(chan int, 12)
	for range 12 {
		go func() { answers <- b.from(t, "203.0.113.7", "POST", base+"/wechat?"+query.Encode(), "", body).status }()
	}
	for range 8 { // four may be inside
		if got := <-answers; got != http.StatusServiceUnavailable {
			t.Errorf("got %d, want 503", got)
		}
	}
	if a := b.from(t, "203.0.113.7", "POST", base+"/session", "", `{"code":"code-of-`+openid+`"}`); a.status != 200 {
		t.Errorf("phones have no place: %d %s", a.status, a.body)
	}
	close(until)
	for range 4 {
		<-answers
	}
}

func TestABackendForwardsEvents(t *testing.T) {
	t.Parallel()
	b := setup(t).withApp(t) // no event settings are needed
	xml := fmt.Sprintf(`<xml><FromUserName><![CDATA[%s]]></FromUserName><CreateTime>%d</CreateTime><MsgType>event</MsgType><Event>subscribe_msg_popup_event</Event>`+
		`<SubscribeMsgPopupEvent><List><TemplateId>%s</TemplateId><SubscribeStatusString>accept</SubscribeStatusString></List></SubscribeMsgPopupEvent></xml>`,
		openid, b.clock.now().Unix(), tmplID)
	path := base + "/wechat/events"
	text, err := json.Marshal(xml)
	must(t, err)
	for i, c := range []struct{ media, body, result string }{
		{"text/xml", xml, "accepted"}, {"application/xml", xml, "duplicate"}, {"application/json", b.popup(), "duplicate"},
		{"application/json", `{"events":[` + string(text) + `]}`, "duplicate"},
	} {
		got := want[api.EventAnswers](t, b.call(t, "POST", path, b.admin, c.body, "Content-Type", c.media), 200)
		if len(got.Events) != 1 || got.Events[0].Event != "subscribe_msg_popup_event" || got.Events[0].Items[0] != (api.EventItemAnswer{Template: tmplID, Result: c.result}) {
			t.Errorf("%d: got %+v, want %s", i, got, c.result)
		}
	}
	many := `{"events":[` + strings.TrimSuffix(strings.Repeat(b.popup()+",", api.MaxEvents+1), ",") + `]}`
	wantProblem(t, b.call(t, "POST", path, b.admin, many), api.NumInvalid, "body.events")
	wantProblem(t, b.call(t, "POST", path, b.admin, `{"events":[]}`), api.NumInvalid, "body.events")
	wantProblem(t, b.call(t, "POST", path, b.admin, `{"Event":"subscribe_msg_popup_event"}`), api.NumInvalid, "body.CreateTime")
	wantProblem(t, b.call(t, "POST", path, b.admin, "<xml>", "Content-Type", "text/xml"), api.NumMalformed, "")
	got := want[api.EventAnswers](t, b.call(t, "POST", path, b.admin, `{"events":[1,`+b.popup()+`]}`), 200)
	if got.Events[0].Problem == nil || got.Events[1].Items[0].Result != "duplicate" {
		t.Errorf("got %+v, want the first refused alone", got)
	}
}

func TestAnAppMayTrustEventsOnly(t *testing.T) {
	t.Parallel()
	b := setup(t).withEvents(t)
	if app := want[api.App](t, b.call(t, "PATCH", base, b.admin, `{"events_only":true}`), 200); !app.EventsOnly {
		t.Errorf("got %+v", app)
	}
	report := `{"openid":"` + openid + `","items":[{"type":"subscribe","template":"` + tmplID + `","result":"accept","nonce":"n1"}]}`
	a := want[api.ReportAnswer](t, b.call(t, "POST", base+"/reports", b.admin, report), 200)
	if a.Refused != 1 || a.Items[0].Reason.Code != "events_only" {
		t.Errorf("got %+v", a)
	}
	wantSuccess(t, b.pushed(t, b.popup()))
	if n := b.available(t); n != 1 {
		t.Errorf("got %d permits, want 1", n)
	}
}
