package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/sandbox"
)

// agreeTypes are all types of values, and one that nobody knows.
var agreeTypes = []string{
	"thing", "number", "letter", "symbol", "character_string", "time", "date", "amount", "phone_number", "car_number", "name", "phrase", "enum",
	"enum_string", "wonder",
}

// oddRunes stand near the borders of the rules: full and half width, scripts and their signs, marks, joiners, blanks, control characters.
var oddRunes = []rune("0123456789年月日:-/.~ ：～AZazＡ１éあア한中挂〇々⼀㈀粤元圆￥¥$€+#*()—·，。！…@%'\"\\{}\u0301\u200b\u200d\ufe0f\u00a0\u3000\u2028\t\n\r\x00\x7f\u0085\ufeff\ufffd🎉👍🏽🇨")

// agreeSeeds are values that are nearly or quite good.
var agreeSeeds = []string{
	"15:01", "9:05", "24:00", "2019年10月1日", "2019年10月1日 15:01~2019年10月1日 16:01", "2019-12-25 09:42", "2019-02-29", "02-30", "2018-01", "01-01",
	"2019/1.1", "10月1日~10月7日", "￥100", "100元", "$9.90", "12345678901", "+86-0766-66888866", "粤A8Z888挂", "张三", "配送中", "NO-20240102-7", "***",
	"客厅", " 客厅 ", "厨房", "会议室A已预订", "3.14", "00", "1.", ".5",
}

// drawValue makes a value: a seed as it is, repeated, or with odd characters put in, taken out or put around it; or odd ones alone.
func drawValue(t *rapid.T) string {
	odd := rapid.SampledFrom(oddRunes)
	runes := []rune(rapid.OneOf(rapid.SampledFrom(agreeSeeds), rapid.StringOfN(odd, 0, 40, -1), rapid.String()).Draw(t, "base"))
	for range rapid.IntRange(0, 3).Draw(t, "changes") {
		at := rapid.IntRange(0, len(runes)).Draw(t, "at")
		switch rapid.IntRange(0, 2).Draw(t, "change") {
		case 0:
			runes = append(runes[:at:at], append([]rune{odd.Draw(t, "odd")}, runes[at:]...)...)
		case 1:
			if at < len(runes) {
				runes = append(runes[:at:at], runes[at+1:]...)
			}
		default:
			if at < len(runes) {
				runes[at] = odd.Draw(t, "other")
			}
		}
	}
	v := string(runes)
	if rapid.IntRange(0, 9).Draw(t, "long") == 0 {
		v = strings.Repeat(v, rapid.IntRange(2, 40).Draw(t, "times"))
	}
	return v
}

// failing is what tests and checks of random values have in common.
type failing interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// simulated is a simulator with a template of each type, and a user without permits.
type simulated struct {
	*sandbox.Sandbox
	token     string
	templates map[string]string // by type
}

const agreeUser = "oAgree000000000000000000001"

var agreeEnum = []string{"客厅", "餐厅"}

// simulate makes a simulator with a template of each type.
func simulate(t *testing.T) *simulated {
	t.Helper()
	box, err := sandbox.New(sandbox.Config{})
	must(t, err)
	_, err = box.AddApp(sandbox.App{AppID: testApp, Secret: "s"})
	must(t, err)
	_, err = box.AddUser(testApp, agreeUser)
	must(t, err)
	s := &simulated{Sandbox: box, templates: map[string]string{}}
	for _, kind := range agreeTypes {
		tmpl := sandbox.Template{Title: kind, Keys: []string{kind + "1"}}
		if strings.HasPrefix(kind, "enum") {
			tmpl.Enums = map[string][]string{kind + "1": agreeEnum}
		}
		id, err := box.AddTemplate(testApp, tmpl)
		must(t, err)
		s.templates[kind] = id
	}
	var answer struct {
		Token string `json:"access_token"`
	}
	s.post(t, "/cgi-bin/stable_token", map[string]any{"grant_type": "client_credential", "appid": testApp, "secret": "s"}, &answer)
	s.token = answer.Token
	return s
}

func (s *simulated) post(t failing, path string, body, answer any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(string(text))))
	if err := json.Unmarshal(w.Body.Bytes(), answer); err != nil {
		t.Fatalf("%s: %v in %s", path, err, w.Body)
	}
}

// refuses tells whether the simulator refuses values with 47003. Without a permit it answers something else to those it takes.
func (s *simulated) refuses(t failing, template string, values map[string]string) bool {
	t.Helper()
	data := map[string]any{}
	for k, v := range values {
		data[k] = map[string]string{"value": v}
	}
	var answer struct {
		Code int    `json:"errcode"`
		Text string `json:"errmsg"`
	}
	s.post(t, "/cgi-bin/message/subscribe/send?access_token="+s.token, map[string]any{"touser": agreeUser, "template_id": template, "data": data}, &answer)
	if answer.Code != 47003 && answer.Code != 43101 {
		t.Fatalf("got %d %s", answer.Code, answer.Text)
	}
	return answer.Code == 47003
}

func TestNothingThatPassesIsRefusedByTheSimulator(t *testing.T) {
	t.Parallel()
	s := simulate(t)
	passed := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		v, fallback := drawValue(t), drawValue(t)
		policy := rapid.SampledFrom([]minapush.ValuePolicy{"", minapush.CutValue, minapush.FallbackValue}).Draw(t, "policy")
		for _, kind := range agreeTypes {
			key := minapush.TemplateKey{Key: kind + "1", Policy: policy, Fallback: fallback}
			if strings.HasPrefix(kind, "enum") {
				key.Enum = agreeEnum
			}
			tmpl := minapush.Template{ID: s.templates[kind], Kind: minapush.OneTimeTemplate, Keys: []minapush.TemplateKey{key}}
			got := tmpl.Fit(minapush.Message{Template: tmpl.ID, Values: map[string]string{key.Key: v}})
			if len(got.Findings) > 0 {
				continue
			}
			passed[kind]++
			if s.refuses(t, tmpl.ID, got.Message.Values) {
				t.Errorf("%s %q goes out as %q by policy %q, and is refused", kind, v, got.Message.Values[key.Key], policy)
			}
		}
	})
	if len(passed) < len(agreeTypes)/2 {
		t.Errorf("too few values passed for this to tell anything: %v", passed)
	}
}

func TestEachRuleHasAWordInBothLanguages(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{
		minapush.ValueMissing, minapush.ValueUnknownKey, minapush.ValueEmpty, minapush.ValueNotUTF8, minapush.ValueControl, minapush.ValueTooLong,
		minapush.ValueTooManyDigits, minapush.ValueNotDigits, minapush.ValueNotLetters, minapush.ValueNotSymbols, minapush.ValueNotChinese,
		minapush.ValueBadCharacter, minapush.ValueBadTime, minapush.ValueBadDate, minapush.ValueBadAmount, minapush.ValueNotInEnum,
	} {
		w, ok := lintWords["lint."+rule]
		if !ok || w[english] == "" || w[chinese] == "" || w[english] == w[chinese] {
			t.Errorf("%s: got %q", rule, w)
		}
	}
}
