package sandbox_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/minapush/minapush/sandbox"
)

// The official test data: fact sheet §2.7.
const (
	officialApp = "wxba5fad812f8e6fb9"
	vectorC     = "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="
	vectorD     = "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ=="
	vectorE     = "jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg=="
)

var officialKey = strings.Repeat("A", 43)

func TestEncryptionMatchesTheOfficialVectors(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]struct{ key, app, random, message, want string }{
		"c": {officialKey, officialApp, "a8eedb185eb2fecf",
			`{"ToUserName":"gh_97417a04a28d","FromUserName":"o9AgO5Kd5ggOC-bXrbNODIiE3bGY","CreateTime":1714112445,"MsgType":"event","Event":"debug_demo","debug_str":"hello world"}`, vectorC},
		"d": {officialKey, officialApp, "707722b803182950", `{"demo_resp":"good luck"}`, vectorD},
		"e": {pushKey, "wxb11529c136998cb6", "aaaabbbbccccdddd", "我是中文abcd123", vectorE},
	} {
		got, err := sandbox.Encrypt(v.key, v.app, v.random, v.message)
		if err != nil || got != v.want {
			t.Errorf("(%s) encrypted %s, %v", name, got, err)
		}
		if back, ok := sandbox.Decrypt(v.key, v.app, v.want); !ok || back != v.message {
			t.Errorf("(%s) decrypted %q, %v", name, back, ok)
		}
		if plain := unseal(t, v.want, v.key, v.app); plain != v.message {
			t.Errorf("(%s) the tests' own reading is %q", name, plain)
		}
	}
}

func TestSignaturesMatchTheOfficialVectors(t *testing.T) {
	t.Parallel()
	for want, parts := range map[string][]string{
		"f464b24fc39322e44b38aa78f5edd27bd1441696": {"AAAAA", "1714036504", "1514711492"},
		"899cf89e464efb63f54ddac96b0a0a235f53aa78": {"AAAAA", "1714037059", "486452656"},
		"6c5c811b55cc85e0e1b54100749188c20beb3f5d": {"AAAAA", "1714112445", "415670741"},
		"046e02f8204d34f8ba5fa3b1db94908f3df2e9b3": {"AAAAA", "1714112445", "415670741", vectorC},
		"1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1": {"AAAAA", "1713424427", "415670741", vectorD},
	} {
		if got := sandbox.Sign(parts...); got != want {
			t.Errorf("signature %s, want %s", got, want)
		}
		if got := signature(parts...); got != want {
			t.Errorf("the tests' own signature %s, want %s", got, want)
		}
	}
}

func TestOnlyAnAnswerOrAValidReplyIsTaken(t *testing.T) {
	t.Parallel()
	const replyD = `{"Encrypt":"` + vectorD + `","MsgSignature":"1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1","TimeStamp":1713424427,"Nonce":"415670741"}`
	const xmlD = `<xml><Encrypt><![CDATA[` + vectorD + `]]></Encrypt><MsgSignature>1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1</MsgSignature><TimeStamp>1713424427</TimeStamp><Nonce><![CDATA[415670741]]></Nonce></xml>`
	secure := sandbox.Push{URL: "http://localhost", Token: "AAAAA", AESKey: officialKey, Mode: sandbox.PushSecurity}
	plain := sandbox.Push{URL: "http://localhost", Token: "AAAAA"}
	for answer, want := range map[string]struct{ secure, plain bool }{
		"":                            {true, true},
		"success":                     {true, true},
		"success\n":                   {},
		`"success"`:                   {},
		"ok":                          {},
		"<html>":                      {},
		"null":                        {},
		`{"demo_resp":"good luck"}`:   {false, true},
		`<xml><A>b</A></xml>`:         {false, true},
		replyD:                        {true, false},
		xmlD:                          {true, false},
		replyD[:len(replyD)-2] + `"}`: {true, false}, // the same
		strings.Replace(replyD, "1b93", "1b94", 1): {},
		strings.Replace(replyD, "ELG", "ELH", 1):   {},
	} {
		if got := sandbox.Understands(officialApp, secure, answer); got != want.secure {
			t.Errorf("security mode takes %.60q: %v", answer, got)
		}
		if got := sandbox.Understands(officialApp, plain, answer); got != want.plain {
			t.Errorf("plain mode takes %.60q: %v", answer, got)
		}
	}
	if sandbox.Understands("wxanother", secure, replyD) {
		t.Error("a reply of another app is taken")
	}
}

// FuzzReply: what a receiver answers is bytes from outside.
func FuzzReply(f *testing.F) {
	for _, v := range []string{vectorC, vectorD, vectorE, "", "=", base64.StdEncoding.EncodeToString(make([]byte, 32))} {
		f.Add(v)
		f.Add(`{"Encrypt":"` + v + `"}`)
		f.Add("<xml><Encrypt>" + v + "</Encrypt></xml>")
	}
	push := sandbox.Push{URL: "http://localhost", Token: "AAAAA", AESKey: officialKey, Mode: sandbox.PushSecurity}
	f.Fuzz(func(t *testing.T, answer string) {
		if message, ok := sandbox.Decrypt(officialKey, officialApp, answer); ok && len(message) > len(answer) {
			t.Errorf("%d bytes from %d", len(message), len(answer))
		}
		sandbox.Understands(officialApp, push, answer)
	})
}
