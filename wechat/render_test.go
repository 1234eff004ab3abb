package wechat_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minapush/minapush"
	"github.com/minapush/minapush/wechat"
)

func TestBodiesAreTheDocumentedOnes(t *testing.T) {
	t.Parallel()
	c := newClient(t, wechat.Config{Apps: oneApp("http://127.0.0.1:1", minapush.TokenSource{})})
	for name, tc := range map[string]struct {
		out  minapush.Outgoing
		want string
	}{
		"subscribe": {message(),
			`{"touser":"otFpruAK8D-E6EfStSYonYSBZ8_4","template_id":"9Aw5ZV1j9xdWTFEkqCpZ7mIBbSC34khK55OtzUPl0rU",` +
				`"page":"pages/sign?from=push&day=2","miniprogram_state":"formal","lang":"zh_CN",` +
				`"data":{"thing1":{"value":"会议室A已预订"},"time2":{"value":"15:01"}}}`},
		"subscribe without page, trial, English": {
			minapush.Outgoing{OpenID: "o1", Message: &minapush.Message{Template: "T", State: "trial", Lang: "en_US",
				Values: map[string]string{"thing1": `say "hi" \ <b>&amp;</b>` + "\n\t\u2028😀"}}},
			`{"touser":"o1","template_id":"T","miniprogram_state":"trial","lang":"en_US",` +
				`"data":{"thing1":{"value":"say \"hi\" \\ <b>&amp;</b>\n\u0009` + "\u2028😀" + `"}}}`},
		"legacy": {
			minapush.Outgoing{OpenID: "o1", Legacy: true, Code: "3b0c1f6f8a8d4f1b9f0f0c6d1f1e2a3b", Message: &minapush.Message{
				Template: "AT0002", Page: "//pages/a", Emphasis: "keyword1", Values: minapush.Keywords("339208499, 2015-01-05 12:30")}},
			`{"touser":"o1","form_id":"3b0c1f6f8a8d4f1b9f0f0c6d1f1e2a3b","template_id":"AT0002","page":"pages/a",` +
				`"data":{"keyword1":{"value":"339208499"},"keyword2":{"value":"2015-01-05 12:30"}},"emphasis_keyword":"keyword1.DATA"}`},
		"with the id of its campaign": {
			minapush.Outgoing{OpenID: "o1", ID: "01JD", Message: &minapush.Message{Template: "T", Page: "/pages/a?id=1"}},
			`{"touser":"o1","template_id":"T","page":"pages/a?id=1&minapush=01JD","miniprogram_state":"formal","lang":"zh_CN","data":{}}`},
		"legacy, with the id of its push": {
			minapush.Outgoing{OpenID: "o1", ID: "01JD", Legacy: true, Code: "c", Message: &minapush.Message{Template: "T", Page: "pages/a"}},
			`{"touser":"o1","form_id":"c","template_id":"T","page":"pages/a?minapush=01JD","data":{}}`},
		"legacy, empty": {
			minapush.Outgoing{OpenID: `o"1`, Legacy: true, Code: `a\b`, Message: &minapush.Message{Template: "AT", Emphasis: "keyword1.DATA"}},
			`{"touser":"o\"1","form_id":"a\\b","template_id":"AT","data":{},"emphasis_keyword":"keyword1.DATA"}`},
	} {
		for _, batch := range []string{"", name, name} { // rendered, then kept
			tc.out.Batch = batch
			got := string(c.Body(tc.out))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: -want +got\n%s", name, diff)
			}
			if !json.Valid([]byte(got)) {
				t.Errorf("%s: not JSON: %s", name, got)
			}
		}
	}
}

func TestRenderedCampaignsAreKeptApartAndBounded(t *testing.T) {
	t.Parallel()
	c := newClient(t, wechat.Config{Apps: oneApp("http://127.0.0.1:1", minapush.TokenSource{})})
	for round := range 2 {
		for i := range 200 {
			out := message()
			out.Batch = fmt.Sprint("campaign-", i)
			out.Message.Values = map[string]string{"thing1": fmt.Sprint("text-", i)}
			if got := string(c.Body(out)); !strings.Contains(got, fmt.Sprintf(`"text-%d"`, i)) {
				t.Fatalf("round %d: campaign %d got %s", round, i, got)
			}
			out.Legacy, out.Code = true, "f"
			if got := string(c.Body(out)); !strings.Contains(got, `"form_id":"f"`) || strings.Contains(got, "lang") {
				t.Fatalf("legacy got %s", got)
			}
		}
	}
	if n := c.Rendered(); n != 64 {
		t.Errorf("%d campaigns kept rendered, want 64", n)
	}
}

func FuzzStringsSurviveRendering(f *testing.F) {
	for _, s := range []string{"", "推送", `"\/`, "<&>\u2028", "a\xffb", "\x00\x1f\x7f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := wechat.AppendString(nil, s)
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		quoted, _ := json.Marshal(s)
		var want string
		_ = json.Unmarshal(quoted, &want)
		if got != want {
			t.Errorf("%q became %q, want %q", s, got, want)
		}
	})
}

func FuzzAnswersAreReadAlike(f *testing.F) {
	for _, s := range []string{
		`{"errcode":0,"errmsg":"ok"}`, `{"errcode":0,"errmsg":"ok","msgid":1988810812324364291}`, `{"errcode":0,"errmsg":"ok","msgid":01}`,
		`{"errcode":0,"errmsg":"ok","msgid":99999999999999999999}`, `{"errcode":43101,"errmsg":"user refuse"}`, `{"errcode":-1}`,
		`{"errcode":"40001"}`, `{"errcode":1.5}`, `[]`, `null`, `{}`, `{"errcode":0`, `{"errcode":0,"errmsg":"ok","msgid":5}x`,
		`{"errcode":0,"errmsg":"ok","msgid":9223372036854775808}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		code, id, ok := wechat.ReadVerdict(body)
		if ok && !json.Valid(body) {
			t.Fatalf("%q is not JSON and was read", body)
		}
		if !ok && (code != 0 || id != 0) {
			t.Fatalf("%q: %d %d from an answer that cannot be read", body, code, id)
		}
		if quickCode, quickID, quick := wechat.ReadUsual(body); quick {
			slowCode, slowID, slow := wechat.ReadVerdict(append([]byte(" "), body...)) // the blank keeps it off the quick way
			if !slow || quickCode != slowCode || quickID != slowID {
				t.Errorf("%q: quick %d %d, slow %d %d %t", body, quickCode, quickID, slowCode, slowID, slow)
			}
		}
	})
}
