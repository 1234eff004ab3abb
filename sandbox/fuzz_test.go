package sandbox_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/minapush/minapush/sandbox"
)

// FuzzSend sends any body to every endpoint: the answer is JSON, and a permit is spent exactly if it is "ok".
func FuzzSend(f *testing.F) {
	f.Add(`{"touser":"oAlice","template_id":"T1","data":{"thing1":{"value":"x"}}}`)
	f.Add(`{"touser":"oAlice","template_id":"T1","page":"/a?b#c","data":{"thing1":{"value":" \u0000 "}}}`)
	f.Add(`{"touser":"oAlice","template_id":"L1","form_id":"0","data":[]}`)
	f.Add(`{"tid":"401","kidList":[1,2]}`)
	f.Add(`tid=401&kidList[]=1&kidList[]=2`)
	f.Add(`{"data":{"thing1":null,"":{"value":{}}}}`)
	f.Add("{")
	f.Fuzz(func(t *testing.T, body string) {
		sb := newSandbox(t, sandbox.Config{RefuseExtraKeys: true, SensitiveWords: []string{"敏感"}})
		w := &world{t: t, sb: sb, openid: "oAlice", tmpl: "T1"}
		var err error
		w.app, err = sb.AddApp(sandbox.App{})
		must(t, err)
		_, err = sb.AddTemplate(w.app.AppID, sandbox.Template{ID: "T1", Keys: []string{"thing1"}})
		must(t, err)
		_, err = sb.AddUser(w.app.AppID, w.openid)
		must(t, err)
		w.subscribe(1)
		w.token = w.stable(false)
		for _, path := range []string{sandbox.PathSend, sandbox.PathLegacySend, sandbox.PathStableToken, newtmpl + "addtemplate", newtmpl + "deltemplate",
			"/cgi-bin/openapi/quota/get", "/cgi-bin/clear_quota", "/cgi-bin/clear_quota/v2", "/cgi-bin/openapi/rid/get"} {
			a, err := roundTrip(sb, "POST", w.withToken(path), body)
			if err != nil || a.status != 200 || !json.Valid([]byte(a.text)) {
				t.Fatalf("%s: %d %s, %v", path, a.status, a.text, err)
			}
			if path == sandbox.PathSend && (a.Errcode == 0) != (w.permits() == 0) {
				t.Errorf("%s and %d permits left", a.text, w.permits())
			}
		}
	})
}

// FuzzControl posts any body to the control API: it answers JSON, and never fails inside.
func FuzzControl(f *testing.F) {
	f.Add("users", `{"appid":"wx1","count":2}`)
	f.Add("faults", `{"errcode":-1,"probability":0.5}`)
	f.Add("templates", `{"appid":"wx1","content":"{{thing1.DATA}}","enums":{"x":[]}}`)
	f.Add("clock", `{"advance_ms":1}`)
	f.Add("subscribe", `{"appid":"wx1","all":true}`)
	f.Fuzz(func(t *testing.T, name, body string) {
		if strings.Contains(body, "count") && len(body) > 60 {
			t.Skip("large counts are slow")
		}
		sb := newSandbox(t, sandbox.Config{})
		_, err := sb.AddApp(sandbox.App{AppID: "wx1"})
		must(t, err)
		a, err := roundTrip(sb, "POST", "/sandbox/v1/"+url.PathEscape(name), body)
		if err != nil || a.status >= 500 || !json.Valid([]byte(a.text)) {
			t.Fatalf("%s %s: %d %s, %v", name, body, a.status, a.text, err)
		}
	})
}

func FuzzValues(f *testing.F) {
	f.Add("date", "2019年10月1日 15:01~2019年10月1日 16:01")
	f.Add("time", "15:01~16:01")
	f.Add("amount", "￥100元")
	f.Fuzz(func(t *testing.T, kind, value string) { sandbox.ValidValue(kind, value, nil) })
}

// FuzzPlainSend holds the quick reader of send bodies against encoding/json.
func FuzzPlainSend(f *testing.F) {
	f.Add(`{"touser":"oAlice","template_id":"T1","page":"p","miniprogram_state":"s","lang":"l","form_id":"f","data":{"thing1":{"value":" x "}}}`)
	f.Add(` { "data" : { } , "touser" : "" } `)
	f.Add(`{"touser":"a","touser":"b"}`)
	f.Fuzz(func(t *testing.T, body string) {
		if plain, agree := sandbox.PlainSend(body); plain && !agree {
			t.Errorf("the readers disagree on %s", body)
		}
	})
}

func TestUsualSendsAreReadInOnePass(t *testing.T) {
	for body, want := range map[string]bool{
		`{"touser":"oAlice","template_id":"T1","page":"p","miniprogram_state":"s","lang":"l","form_id":"f","data":{"thing1":{"value":" 中 "}}}`: true,
		" {\n\t\"touser\" : \"a\" , \"data\" : { } }\r\n": true,
		`{}`:                             true,
		`{"touser":"a","touser":"b"}`:    false,
		`{"ToUser":"a"}`:                 false,
		`{"page":"a\u0026b"}`:            false,
		`{"data":null}`:                  false,
		`{"data":{"a":{}}}`:              false,
		`{"data":{"a":{"value":1}}}`:     false,
		`{"data":{"a":{"color":"red"}}}`: false,
		`{"data":{"a":{"value":"1"},"a":{"value":"2"}}}`: false,
		`{"touser":"a"`:         false,
		`{"touser":"a",}`:       false,
		`{"touser":"a"}x`:       false,
		`{"touser":"a`:          false,
		"{\"touser\":\"\xff\"}": false,
		``:                      false,
	} {
		if plain, agree := sandbox.PlainSend(body); plain != want || !agree {
			t.Errorf("%q: plain %t, agree %t", body, plain, agree)
		}
	}
}
