package sandbox_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/minapush/minapush/sandbox"
)

// subscribing is a phone whose app has more templates.
type subscribing struct {
	*device
	second, twin, banned, long string
}

func newSubscribing(t *testing.T) *subscribing {
	t.Helper()
	s := &subscribing{device: newPhone(t, sandbox.Config{})}
	for id, tmpl := range map[*string]sandbox.Template{
		&s.second: {Title: "订单状态通知", Content: "商品名称:{{thing1.DATA}}\n订单状态：{{phrase2.DATA}}\n", Example: "商品名称:拿铁\n订单状态：已付款\n"},
		&s.twin:   {Title: "签到提醒", Keys: []string{"thing1"}},
		&s.banned: {Title: "banned", Keys: []string{"thing1"}, Banned: true},
		&s.long:   {Title: "long", Type: sandbox.LongTerm, Keys: []string{"thing1"}},
	} {
		var err error
		*id, err = s.sb.AddTemplate(s.app, tmpl)
		must(t, err)
	}
	return s
}

// ask taps; it returns the popup's id and how many rows it has, or the result of a silent answer.
func (s *subscribing) ask(ids ...string) (popup string, rows int, result map[string]any) {
	s.t.Helper()
	b, err := json.Marshal(map[string]any{"template_ids": ids})
	must(s.t, err)
	got := s.call("POST", "subscribe", string(b), 200)
	if p, asked := got["popup"].(map[string]any); asked {
		return p["id"].(string), len(p["rows"].([]any)), nil
	}
	if got["silent"] != true {
		s.t.Errorf("neither a popup nor silent: %v", got)
	}
	return "", 0, got["result"].(map[string]any)
}

func (s *subscribing) answer(status int, popup string, keep bool, pairs ...string) map[string]any {
	s.t.Helper()
	answers := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		answers[pairs[i]] = pairs[i+1]
	}
	got := s.call("POST", "subscribe/answer", object("popup", popup, "answers", answers, "keep", keep), status)
	result, _ := got["result"].(map[string]any)
	if status != 200 {
		return got
	}
	return result
}

func (s *subscribing) permitsOf(id string) int {
	s.t.Helper()
	u, err := s.sb.User(s.app, s.openid)
	must(s.t, err)
	return u.Permits[id]
}

func TestAPopupGrantsWhatIsAccepted(t *testing.T) {
	t.Parallel()
	s := newSubscribing(t)
	popup, rows, _ := s.ask(s.tmpl, s.second)
	if rows != 2 || s.permitsOf(s.tmpl) != 0 {
		t.Fatalf("%d rows, %d permits before the answer", rows, s.permitsOf(s.tmpl))
	}
	result := s.answer(200, popup, false, s.tmpl, "accept", s.second, "reject")
	if result[s.tmpl] != "accept" || result[s.second] != "reject" || result["errMsg"] != "requestSubscribeMessage:ok" || len(result) != 3 {
		t.Errorf("result %v", result)
	}
	if s.permitsOf(s.tmpl) != 1 || s.permitsOf(s.second) != 0 {
		t.Errorf("%d and %d permits", s.permitsOf(s.tmpl), s.permitsOf(s.second))
	}
	if popup, rows, _ := s.ask(s.tmpl); rows != 1 {
		t.Error("what was not kept is not asked again")
	} else if result := s.answer(200, popup, false); result[s.tmpl] != "reject" { // cancelled
		t.Errorf("cancelled: %v", result)
	}
	for _, value := range []string{"acceptWithAudio", "acceptWithAlert", "acceptWithForcePush"} {
		popup, _, _ := s.ask(s.tmpl)
		if result := s.answer(200, popup, false, s.tmpl, value); result[s.tmpl] != value {
			t.Errorf("%s: %v", value, result)
		}
	}
	if s.permitsOf(s.tmpl) != 4 {
		t.Errorf("%d permits, want 4", s.permitsOf(s.tmpl))
	}
}

func TestAPopupShowsTheExample(t *testing.T) {
	t.Parallel()
	s := newSubscribing(t)
	got := s.call("POST", "subscribe", object("template_ids", []string{s.second}), 200)
	b, err := json.Marshal(got["popup"].(map[string]any)["rows"])
	must(t, err)
	want := object("template_id", s.second, "title", "订单状态通知", "kind", "one_time", "values", []any{
		map[string]any{"key": "thing1", "label": "商品名称", "value": "拿铁"}, map[string]any{"key": "phrase2", "label": "订单状态", "value": "已付款"}})
	if string(b) != "["+want+"]" {
		t.Errorf("rows %s\nwant [%s]", b, want)
	}
}

func TestAKeptChoiceIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	s := newSubscribing(t)
	popup, _, _ := s.ask(s.tmpl, s.second)
	s.answer(200, popup, true, s.tmpl, "accept")
	for range 3 {
		if _, _, result := s.ask(s.tmpl, s.second); result[s.tmpl] != "accept" || result[s.second] != "reject" {
			t.Errorf("result %v", result)
		}
	}
	if s.permitsOf(s.tmpl) != 4 || s.permitsOf(s.second) != 0 {
		t.Errorf("%d and %d permits, want 4 and 0", s.permitsOf(s.tmpl), s.permitsOf(s.second))
	}
	st := s.call("GET", "settings", "", 200)
	items := st["subscriptionsSetting"].(map[string]any)["itemSettings"].(map[string]any)
	if len(items) != 2 || items[s.tmpl] != "accept" || items[s.second] != "reject" {
		t.Errorf("itemSettings %v", items)
	}

	// The settings: refused, nothing can be sent any more; allowed again, it needs a new tap; asked again, there is a popup.
	s.call("PUT", "settings", object("templates", map[string]string{s.tmpl: "reject"}), 200)
	s.wantCode(s.send(), 43101)
	if _, _, result := s.ask(s.tmpl); result[s.tmpl] != "reject" {
		t.Errorf("refused in the settings: %v", result)
	}
	s.call("PUT", "settings", object("templates", map[string]string{s.tmpl: "accept"}), 200)
	s.wantCode(s.send(), 43101)
	if _, _, result := s.ask(s.tmpl); result[s.tmpl] != "accept" {
		t.Errorf("allowed in the settings: %v", result)
	}
	s.wantCode(s.send(), 0)
	s.call("PUT", "settings", object("templates", map[string]string{s.tmpl: "ask"}), 200)
	if _, rows, _ := s.ask(s.tmpl); rows != 1 {
		t.Errorf("%d rows, want 1", rows)
	}
}

func TestAKeptTemplateIsGrantedWithTheOthersAnswer(t *testing.T) {
	t.Parallel()
	s := newSubscribing(t)
	must(t, s.sb.SetChoice(s.app, s.openid, s.tmpl, sandbox.Accept))
	popup, rows, _ := s.ask(s.tmpl, s.second)
	if rows != 1 || s.permitsOf(s.tmpl) != 0 {
		t.Fatalf("%d rows, %d permits before the answer", rows, s.permitsOf(s.tmpl))
	}
	result := s.answer(200, popup, false)
	if result[s.tmpl] != "accept" || result[s.second] != "reject" || s.permitsOf(s.tmpl) != 1 {
		t.Errorf("result %v, %d permits", result, s.permitsOf(s.tmpl))
	}
}

func TestBannedAndEqualTitlesAreNotAsked(t *testing.T) {
	t.Parallel()
	s := newSubscribing(t)
	popup, rows, _ := s.ask(s.tmpl, s.twin, s.banned)
	result := s.answer(200, popup, false, s.tmpl, "accept")
	if rows != 1 || result[s.tmpl] != "accept" || result[s.twin] != "filter" || result[s.banned] != "ban" {
		t.Errorf("%d rows, %v", rows, result)
	}
	if _, _, result := s.ask(s.banned); result[s.banned] != "ban" {
		t.Errorf("result %v", result)
	}
	popup, _, _ = s.ask(s.long)
	if result := s.answer(200, popup, false, s.long, "accept"); result[s.long] != "accept" {
		t.Errorf("long-term: %v", result)
	}
}

func TestARequestFailsAsTheClientsDoes(t *testing.T) {
	t.Parallel()
	s := newSubscribing(t)
	fails := func(body string, code float64, msg string) {
		t.Helper()
		got := s.call("POST", "subscribe", body, 422)
		if got["errCode"] != code || got["errMsg"] != "requestSubscribeMessage:fail "+msg {
			t.Errorf("%s: %v", body, got)
		}
	}
	ids := func(list ...any) string { return object("template_ids", list) }
	fails("{}", 10001, "TmplIds can't be empty")
	fails(ids(1), 10004, "Invalid template id")
	fails(ids(""), 10004, "Invalid template id")
	fails(ids(s.tmpl, nil), 10004, "Invalid template id")
	fails(ids("nope"), 20001, "No template data return, verify the template id exist")
	fails(ids(s.legacy), 20001, "No template data return, verify the template id exist")
	fails(ids(s.tmpl, s.long), 20002, "Templates type must be same")
	fails(ids(s.tmpl, s.second, s.twin, s.banned), 20003, "Templates count out of max bounds")

	s.call("PUT", "settings", `{"main_switch":false}`, 200)
	fails(ids(s.tmpl), 20004, "The main switch is switched off")
	s.call("PUT", "settings", `{"main_switch":true}`, 200)
	must(t, s.sb.SetFlags(s.app, sandbox.Flags{SubscribeBanned: true}))
	fails(ids(s.tmpl), 20005, "This mini program was banned from subscribing messages")
	must(t, s.sb.SetFlags(s.app, sandbox.Flags{}))

	popup, _, _ := s.ask(s.tmpl)
	s.call("PUT", "settings", `{"offline":true}`, 200)
	fails(ids(s.tmpl), 10002, "Request list fail")
	if got := s.answer(422, popup, false, s.tmpl, "accept"); got["errCode"] != 10003.0 {
		t.Errorf("offline before the answer: %v", got)
	}
	s.call("PUT", "settings", `{"offline":false}`, 200)
	wantNamed(t, s.answer(409, popup, false, s.tmpl, "accept"), "popup")
	if n := s.permitsOf(s.tmpl); n != 0 {
		t.Errorf("%d permits after failures only", n)
	}
}

func TestAnAnswerCountsOnce(t *testing.T) {
	t.Parallel()
	s := newSubscribing(t)
	popup, _, _ := s.ask(s.tmpl)
	wantNamed(t, s.answer(400, popup, false, s.second, "accept"), "answers")
	wantNamed(t, s.answer(400, popup, false, s.tmpl, "ban"), "answers")
	wantNamed(t, s.answer(409, "another", false, s.tmpl, "accept"), "popup")
	for range 3 { // the page did not get the answer and asks again
		if result := s.answer(200, popup, false, s.tmpl, "accept"); result[s.tmpl] != "accept" {
			t.Errorf("result %v", result)
		}
	}
	wantNamed(t, s.answer(409, popup, false, s.tmpl, "reject"), "popup")
	wantNamed(t, s.answer(409, popup, true, s.tmpl, "accept"), "popup")
	if s.permitsOf(s.tmpl) != 1 {
		t.Errorf("%d permits, want 1", s.permitsOf(s.tmpl))
	}
	old, _, _ := s.ask(s.tmpl)
	newer, _, _ := s.ask(s.tmpl)
	wantNamed(t, s.answer(409, old, false, s.tmpl, "accept"), "popup")
	s.call("POST", "phone", "{}", 200) // a reload
	wantNamed(t, s.answer(409, newer, false, s.tmpl, "accept"), "popup")
	if s.permitsOf(s.tmpl) != 1 {
		t.Errorf("%d permits, want 1", s.permitsOf(s.tmpl))
	}
}

// FuzzPhone posts any body to every call of the phone: the answer is JSON, and nothing fails inside.
func FuzzPhone(f *testing.F) {
	calls := []string{"POST phone", "POST login", "POST form-id", "POST subscribe", "POST subscribe/answer", "PUT settings", "POST pay", "POST request", "POST read"}
	f.Add(3, `{"template_ids":["T1",null,1]}`)
	f.Add(4, `{"popup":"x","answers":{"T1":"accept"},"keep":true}`)
	f.Add(5, `{"templates":{"T1":"reject"},"device":"old"}`)
	f.Add(7, `{"url":"https://shop.example.com/%zz","header":{"a\nb":"c"},"timeout":-1}`)
	f.Add(8, `{"through":1e99}`)
	f.Fuzz(func(t *testing.T, n int, body string) {
		d := newPhone(t, sandbox.Config{})
		method, call, _ := strings.Cut(calls[uint(n)%uint(len(calls))], " ")
		status, text, _ := ask(t, d.client, method, d.url+d.path(call), body)
		if status >= 500 || !json.Valid([]byte(text)) {
			t.Errorf("%s %s: %s %s", method, call, strconv.Itoa(status), text)
		}
	})
}
