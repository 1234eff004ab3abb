package wechat_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/wechat"
)

// The official vectors. [O] developers.weixin.qq.com, mini program: message push, read 2026-06.
const (
	vectorApp   = "wxba5fad812f8e6fb9"
	vectorToken = "AAAAA"
	vectorBody  = `{"ToUserName":"gh_97417a04a28d","FromUserName":"o9AgO5Kd5ggOC-bXrbNODIiE3bGY","CreateTime":1714037059,"MsgType":"event","Event":"debug_demo","debug_str":"hello world"}`
	vectorText  = `{"ToUserName":"gh_97417a04a28d","FromUserName":"o9AgO5Kd5ggOC-bXrbNODIiE3bGY","CreateTime":1714112445,"MsgType":"event","Event":"debug_demo","debug_str":"hello world"}`
	vectorCrypt = "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="
	vectorSeal  = "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ=="
)

var vectorKey = strings.Repeat("A", 43)

func receiver(t testing.TB, mode wechat.PushMode, at int64) *wechat.Receiver {
	t.Helper()
	return receiverOf(t, wechat.ReceiverConfig{
		App: vectorApp, Token: vectorToken, EncodingAESKey: vectorKey, Mode: mode, Now: func() time.Time { return time.Unix(at, 0) },
	})
}

func receiverOf(t testing.TB, cfg wechat.ReceiverConfig) *wechat.Receiver {
	t.Helper()
	r, err := wechat.NewReceiver(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q
}

// pushed is the query and body of a push of text, as WeChat makes it.
func pushed(text []byte, at int64, nonce, app, key string) (url.Values, []byte) {
	crypt := encrypt(padded(text, app), key)
	ts := strconv.FormatInt(at, 10)
	body, _ := json.Marshal(map[string]string{"ToUserName": "gh_97417a04a28d", "Encrypt": crypt})
	return query("timestamp", ts, "nonce", nonce, "encrypt_type", "aes", "signature", wechat.SignPush(vectorToken, ts, nonce),
		"msg_signature", wechat.SignPush(vectorToken, ts, nonce, crypt)), body
}

// padded is the layout that is encrypted.
func padded(text []byte, app string) []byte {
	plain := binary.BigEndian.AppendUint32([]byte("0123456789abcdef"), uint32(len(text)))
	plain = append(append(plain, text...), app...)
	pad := 32 - len(plain)%32
	return append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
}

func encrypt(plain []byte, encodingKey string) string {
	key, err := base64.StdEncoding.DecodeString(encodingKey + "=")
	if err != nil {
		panic(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, key[:16]).CryptBlocks(out, plain)
	return base64.StdEncoding.EncodeToString(out)
}

func wantRefused(t testing.TB, err error, reason string) {
	t.Helper()
	var e *minapush.Error
	if !errors.As(err, &e) || e.Kind != minapush.Unauthorized || e.Reason != reason {
		t.Errorf("got %v, want unauthorized: %s", err, reason)
	}
}

func wantInvalid(t testing.TB, err error, field string) {
	t.Helper()
	var e *minapush.Error
	if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != field {
		t.Errorf("got %v, want invalid %s", err, field)
	}
}

func TestTheOfficialCheckOfTheAddressIsAnswered(t *testing.T) {
	t.Parallel()
	q := query("signature", "f464b24fc39322e44b38aa78f5edd27bd1441696", "timestamp", "1714036504", "nonce", "1514711492", "echostr", "4375120948345356249")
	for _, mode := range []wechat.PushMode{wechat.PushPlain, wechat.PushCompatible, wechat.PushSecurity} {
		r := receiver(t, mode, 1714036504)
		for range 2 {
			if echo, err := r.Verify(q); err != nil || echo != "4375120948345356249" {
				t.Errorf("%s: got %q, %v", mode, echo, err)
			}
		}
		for _, forged := range []string{"", "f464b24fc39322e44b38aa78f5edd27bd144169", strings.ToUpper(q.Get("signature"))} {
			f := query("signature", forged, "timestamp", "1714036504", "nonce", "1514711492", "echostr", "1")
			_, err := r.Verify(f)
			wantRefused(t, err, "bad_signature")
		}
	}
	_, err := receiver(t, wechat.PushSecurity, 1714036504+601).Verify(q)
	wantRefused(t, err, "bad_time")
}

func TestTheOfficialPlainPushIsOpened(t *testing.T) {
	t.Parallel()
	q := query("signature", "899cf89e464efb63f54ddac96b0a0a235f53aa78", "timestamp", "1714037059", "nonce", "486452656")
	e, m, err := receiver(t, wechat.PushPlain, 1714037059).Open(q, []byte(vectorBody))
	if err != nil || e.Name != "debug_demo" || e.OpenID != "o9AgO5Kd5ggOC-bXrbNODIiE3bGY" || string(m.Body) != vectorBody || string(e.Body) != vectorBody {
		t.Errorf("got %+v, %+v, %v", e, m, err)
	}
}

func TestTheOfficialSealedPushIsOpened(t *testing.T) {
	t.Parallel()
	q := query("signature", "6c5c811b55cc85e0e1b54100749188c20beb3f5d", "timestamp", "1714112445", "nonce", "415670741",
		"msg_signature", "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3", "encrypt_type", "aes")
	for name, body := range map[string]string{
		"JSON":       `{"ToUserName":"gh_97417a04a28d","Encrypt":"` + vectorCrypt + `"}`,
		"escaped":    `{"Encrypt":"` + strings.ReplaceAll(vectorCrypt, "/", `\/`) + `"}`,
		"XML":        "<xml><ToUserName><![CDATA[gh_97417a04a28d]]></ToUserName>\n<Encrypt>\n<![CDATA[" + vectorCrypt + "]]></Encrypt></xml>",
		"compatible": `{"ToUserName":"gh_1","FromUserName":"forged","CreateTime":1,"MsgType":"event","Event":"forged","Encrypt":"` + vectorCrypt + `"}`,
	} {
		for _, mode := range []wechat.PushMode{wechat.PushCompatible, wechat.PushSecurity} {
			e, m, err := receiver(t, mode, 1714112445).Open(q, []byte(body))
			if err != nil || e.Name != "debug_demo" || string(m.Body) != vectorText {
				t.Errorf("%s: got %+v, %q, %v", name, e, m.Body, err)
			}
			if (name == "XML") != (m.Format == wechat.PushXML) {
				t.Errorf("%s: format %d", name, m.Format)
			}
		}
	}
}

func TestTheOfficialReplyIsSealed(t *testing.T) {
	t.Parallel()
	r := receiver(t, wechat.PushSecurity, 1713424427)
	got, err := r.SealWith("707722b803182950", "415670741", 1713424427, `{"demo_resp":"good luck"}`, wechat.PushJSON)
	want := `{"Encrypt":"` + vectorSeal + `","MsgSignature":"1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1","TimeStamp":1713424427,"Nonce":"415670741"}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
	got, err = r.SealWith("707722b803182950", "415670741", 1713424427, `{"demo_resp":"good luck"}`, wechat.PushXML)
	want = "<xml><Encrypt>" + vectorSeal + "</Encrypt><MsgSignature>1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1</MsgSignature>" +
		"<TimeStamp>1713424427</TimeStamp><Nonce>415670741</Nonce></xml>"
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestAKeyWithBitsToSpareIsRead(t *testing.T) {
	t.Parallel()
	const key, crypt = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg=="
	r := receiverOf(t, wechat.ReceiverConfig{App: "wxb11529c136998cb6", Token: "pamtest", EncodingAESKey: key, Now: func() time.Time { return time.Unix(1000, 0) }})
	got, err := r.SealWith("aaaabbbbccccdddd", "n", 1000, "我是中文abcd123", wechat.PushJSON)
	if err != nil || !strings.Contains(string(got), `"Encrypt":"`+crypt+`"`) {
		t.Errorf("got %s, %v", got, err)
	}
	q := query("timestamp", "1000", "nonce", "n", "msg_signature", wechat.SignPush("pamtest", "1000", "n", crypt))
	_, m, err := r.Open(q, []byte(`{"Encrypt":"`+crypt+`"}`))
	if string(m.Body) != "我是中文abcd123" {
		t.Errorf("got %q", m.Body)
	}
	wantInvalid(t, err, "body") // it is not an event
}

func TestWhatIsSealedCanBeOpened(t *testing.T) {
	t.Parallel()
	r := receiver(t, wechat.PushSecurity, 1700000000)
	for n := range 70 { // every padding
		text := fmt.Sprintf(`{"Event":"%s","CreateTime":1}`, strings.Repeat("x", n%40+1))
		sealed, err := r.Seal([]byte(text), wechat.PushJSON)
		if err != nil {
			t.Fatal(err)
		}
		var reply struct{ Encrypt, MsgSignature, Nonce string }
		if err := json.Unmarshal(sealed, &reply); err != nil {
			t.Fatal(err)
		}
		q := query("timestamp", "1700000000", "nonce", reply.Nonce, "msg_signature", reply.MsgSignature)
		_, m, err := r.Open(q, sealed)
		if err != nil || string(m.Body) != text {
			t.Errorf("got %q, %v", m.Body, err)
		}
	}
	if got, err := receiver(t, wechat.PushPlain, 1).Seal([]byte("x"), wechat.PushXML); err != nil || string(got) != "x" {
		t.Errorf("in clear: %q, %v", got, err)
	}
}

func TestHostileSealedPushesAreRefused(t *testing.T) {
	t.Parallel()
	const at = 1714112445
	good := []byte(vectorText)
	// sealed signs any plain text as somebody who knows the Token could.
	sealed := func(plain []byte) func() (url.Values, []byte) {
		return func() (url.Values, []byte) {
			crypt := encrypt(plain, vectorKey)
			return query("timestamp", fmt.Sprint(at), "nonce", "n", "msg_signature", wechat.SignPush(vectorToken, fmt.Sprint(at), "n", crypt)),
				[]byte(`{"Encrypt":"` + crypt + `"}`)
		}
	}
	padding := func(pad, n int) func() (url.Values, []byte) {
		plain := append(binary.BigEndian.AppendUint32([]byte("0123456789abcdef"), 4), []byte("text"+vectorApp)...)
		for len(plain)%16 != (16-n%16)%16 {
			plain = append(plain, 'x')
		}
		return sealed(append(plain, bytes.Repeat([]byte{byte(pad)}, n)...))
	}
	changed := func(change func(q url.Values, body []byte) []byte) func() (url.Values, []byte) {
		return func() (url.Values, []byte) {
			q, body := pushed(good, at, "415670741", vectorApp, vectorKey)
			return q, change(q, body)
		}
	}
	for name, c := range map[string]struct {
		push          func() (url.Values, []byte)
		reason, field string
	}{
		"another body":      {changed(func(_ url.Values, b []byte) []byte { return bytes.Replace(b, []byte("A"), []byte("B"), 1) }), "bad_signature", ""},
		"cut short":         {changed(func(_ url.Values, b []byte) []byte { return b[:len(b)/2] }), "", "body"},
		"no msg_signature":  {changed(func(q url.Values, b []byte) []byte { q.Del("msg_signature"); return b }), "bad_signature", ""},
		"the weak one":      {changed(func(q url.Values, b []byte) []byte { q.Set("msg_signature", q.Get("signature")); return b }), "bad_signature", ""},
		"in clear":          {changed(func(url.Values, []byte) []byte { return good }), "bad_signature", ""},
		"Encrypt as object": {changed(func(url.Values, []byte) []byte { return []byte(`{"Encrypt":{"a":1}}`) }), "bad_signature", ""},
		"Encrypt twice":     {changed(func(_ url.Values, b []byte) []byte { return append([]byte(`{"Encrypt":"x",`), b[1:]...) }), "", "body"},
		"another time":      {changed(func(q url.Values, b []byte) []byte { q.Set("timestamp", fmt.Sprint(at+1)); return b }), "bad_signature", ""},
		"another nonce":     {changed(func(q url.Values, b []byte) []byte { q.Set("nonce", "x"); return b }), "bad_signature", ""},
		"oversize":          {changed(func(url.Values, []byte) []byte { return make([]byte, wechat.MaxPush+1) }), "", "body"},
		"an entity bomb":    {changed(func(url.Values, []byte) []byte { return []byte(`<!DOCTYPE x [<!ENTITY a "b">]><xml>&a;</xml>`) }), "", "body"},
		"old":               {func() (url.Values, []byte) { return pushed(good, at-601, "n", vectorApp, vectorKey) }, "bad_time", ""},
		"ahead":             {func() (url.Values, []byte) { return pushed(good, at+601, "n", vectorApp, vectorKey) }, "bad_time", ""},
		"of another app":    {func() (url.Values, []byte) { return pushed(good, at, "n", "wxba5fad812f8e6fb8", vectorKey) }, "wrong_app", ""},
		"of an app's begin": {func() (url.Values, []byte) { return pushed(good, at, "n", vectorApp[:17], vectorKey) }, "wrong_app", ""},
		"of no app":         {func() (url.Values, []byte) { return pushed(good, at, "n", "", vectorKey) }, "wrong_app", ""},
		"another key":       {func() (url.Values, []byte) { return pushed(good, at, "n", vectorApp, strings.Repeat("B", 43)) }, "", "Encrypt"},
		"padding 0":         {padding(0, 16), "", "Encrypt"},
		"padding 33":        {padding(33, 33), "", "Encrypt"},
		"padding of all":    {sealed(bytes.Repeat([]byte{32}, 32)), "", "Encrypt"},
		"uneven padding":    {sealed(append(padded(good, vectorApp)[:208], 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)), "", "Encrypt"},
		"a long length":     {sealed(append(append([]byte("0123456789abcdef\xff\xff\xff\xff"), vectorApp...), bytes.Repeat([]byte{26}, 26)...)), "", "Encrypt"},
		"one block":         {sealed(bytes.Repeat([]byte{1}, 16)), "", "Encrypt"},
		"half a block": {func() (url.Values, []byte) {
			return query("timestamp", fmt.Sprint(at), "nonce", "n", "msg_signature", wechat.SignPush(vectorToken, fmt.Sprint(at), "n", "AAAA")), []byte(`{"Encrypt":"AAAA"}`)
		}, "", "Encrypt"},
		"not base64": {func() (url.Values, []byte) {
			return query("timestamp", fmt.Sprint(at), "nonce", "n", "msg_signature", wechat.SignPush(vectorToken, fmt.Sprint(at), "n", "!")), []byte(`{"Encrypt":"!"}`)
		}, "", "Encrypt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, mode := range []wechat.PushMode{wechat.PushCompatible, wechat.PushSecurity} {
				q, body := c.push()
				e, m, err := receiver(t, mode, at).Open(q, body)
				if c.reason != "" {
					wantRefused(t, err, c.reason)
				} else {
					wantInvalid(t, err, c.field)
				}
				if e.Name != "" || m.Body != nil {
					t.Errorf("something was read: %+v, %q", e, m.Body)
				}
			}
		})
	}
	// Every good padding passes, those above the cipher's block too.
	for pad := 1; pad <= 32; pad++ {
		text := []byte(fmt.Sprintf(`{"Event":"%s","CreateTime":1}`, strings.Repeat("x", pad)))
		q, body := pushed(text, at, "n", vectorApp, vectorKey)
		if _, m, err := receiver(t, wechat.PushSecurity, at).Open(q, body); err != nil || !bytes.Equal(m.Body, text) {
			t.Errorf("padding %d: %v", pad, err)
		}
	}
}

func TestWhatWeChatSentAndCannotBeReadIsHandedOut(t *testing.T) {
	t.Parallel()
	q, body := pushed([]byte(`{"Event":"x"}`), 1714112445, "n", vectorApp, vectorKey)
	_, m, err := receiver(t, wechat.PushSecurity, 1714112445).Open(q, body)
	wantInvalid(t, err, "CreateTime")
	if string(m.Body) != `{"Event":"x"}` {
		t.Errorf("got %q", m.Body)
	}
}

func TestThreeDeliveriesOfOneEventPass(t *testing.T) {
	t.Parallel()
	for _, mode := range []wechat.PushMode{wechat.PushPlain, wechat.PushSecurity} {
		at := int64(1714112445)
		r := receiverOf(t, wechat.ReceiverConfig{
			App: vectorApp, Token: vectorToken, EncodingAESKey: vectorKey, Mode: mode, Now: func() time.Time { return time.Unix(at, 0) },
		})
		for n := range 3 {
			nonce := fmt.Sprintf("41567074%d", n)
			q, body := pushed([]byte(vectorText), at, nonce, vectorApp, vectorKey)
			if mode == wechat.PushPlain {
				body = []byte(vectorText)
			}
			for range 2 { // once more through a proxy
				if _, _, err := r.Open(q, body); err != nil {
					t.Errorf("%s, delivery %d: %v", mode, n, err)
				}
			}
			at += 5
		}
	}
}

func TestASeenQueryDoesNotCarryAnotherBody(t *testing.T) {
	t.Parallel()
	const at = 1714037059
	forged := []byte(strings.Replace(vectorBody, "hello", "other", 1))
	plain := query("signature", "899cf89e464efb63f54ddac96b0a0a235f53aa78", "timestamp", "1714037059", "nonce", "486452656")
	r := receiver(t, wechat.PushPlain, at)
	if _, _, err := r.Open(plain, []byte(vectorBody)); err != nil {
		t.Fatal(err)
	}
	_, m, err := r.Open(plain, forged)
	wantRefused(t, err, "replayed")
	if m.Body != nil {
		t.Error("its body was handed out")
	}

	// What is signed is the strings run together: parted otherwise the signature still fits.
	parted := query("signature", plain.Get("signature"), "timestamp", "1714037059", "nonce", "486452656")
	parted.Set("timestamp", "171403705")
	parted.Set("nonce", "9486452656")
	_, _, err = r.Open(parted, forged)
	var e *minapush.Error
	if !errors.As(err, &e) || e.Kind != minapush.Unauthorized {
		t.Errorf("got %v", err)
	}

	// The query of the check of the address is signed alike.
	q := query("signature", "f464b24fc39322e44b38aa78f5edd27bd1441696", "timestamp", "1714036504", "nonce", "1514711492", "echostr", "4375120948345356249")
	if _, err := r.Verify(q); err != nil {
		t.Fatal(err)
	}
	_, _, err = r.Open(q, forged)
	wantRefused(t, err, "replayed")
}

func TestTheMemoryOfPushesIsBounded(t *testing.T) {
	t.Parallel()
	r := receiverOf(t, wechat.ReceiverConfig{
		App: vectorApp, Token: vectorToken, Mode: wechat.PushPlain, Remember: 10, Now: func() time.Time { return time.Unix(1714037059, 0) },
	})
	open := func(nonce int, body string) error {
		n := strconv.Itoa(nonce)
		_, _, err := r.Open(query("timestamp", "1714037059", "nonce", n, "signature", wechat.SignPush(vectorToken, "1714037059", n)), []byte(body))
		return err
	}
	for n := range 35 {
		if err := open(n, vectorBody); err != nil {
			t.Fatal(err)
		}
		for back := range min(n, 9) {
			wantRefused(t, open(n-back, "another"), "replayed")
		}
	}
	if err := open(0, vectorBody); err != nil {
		t.Error(err)
	}
	if err := open(1, "forgotten"); minapush.KindOf(err) != minapush.Invalid {
		t.Errorf("got %v: push 1 should be forgotten by now", err)
	}
}

func TestAPlainReceiverSaysThatThePushIsEncrypted(t *testing.T) {
	t.Parallel()
	q, body := pushed([]byte(vectorText), 1714112445, "n", vectorApp, vectorKey)
	_, _, err := receiver(t, wechat.PushPlain, 1714112445).Open(q, body)
	wantInvalid(t, err, "Encrypt")
}

func TestReceiverSettingsAreChecked(t *testing.T) {
	t.Parallel()
	good := wechat.ReceiverConfig{App: vectorApp, Token: vectorToken, EncodingAESKey: vectorKey}
	for field, change := range map[string]func(*wechat.ReceiverConfig){
		"App":            func(c *wechat.ReceiverConfig) { c.App = "" },
		"Token":          func(c *wechat.ReceiverConfig) { c.Token = "a-b-c" },
		"Mode":           func(c *wechat.ReceiverConfig) { c.Mode = "aes" },
		"Window":         func(c *wechat.ReceiverConfig) { c.Window = -1 },
		"EncodingAESKey": func(c *wechat.ReceiverConfig) { c.EncodingAESKey = vectorKey[1:] },
	} {
		cfg := good
		change(&cfg)
		_, err := wechat.NewReceiver(cfg)
		wantInvalid(t, err, field)
	}
	for _, key := range []string{"", strings.Repeat("-", 43)} {
		cfg := good
		cfg.EncodingAESKey = key
		_, err := wechat.NewReceiver(cfg)
		wantInvalid(t, err, "EncodingAESKey")
	}
	for _, token := range []string{"ab", strings.Repeat("a", 33)} {
		cfg := good
		cfg.Token = token
		_, err := wechat.NewReceiver(cfg)
		wantInvalid(t, err, "Token")
	}
	if _, err := wechat.NewReceiver(wechat.ReceiverConfig{App: vectorApp, Token: vectorToken, Mode: wechat.PushPlain}); err != nil {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(uint8(0), "timestamp=1714037059&nonce=486452656&signature=899cf89e464efb63f54ddac96b0a0a235f53aa78", []byte(vectorBody))
	f.Add(uint8(2), "timestamp=1714112445&nonce=415670741&msg_signature=046e02f8204d34f8ba5fa3b1db94908f3df2e9b3", []byte(`{"Encrypt":"`+vectorCrypt+`"}`))
	f.Add(uint8(1), "timestamp=1713424427&nonce=415670741&msg_signature=1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1", []byte(`{"Encrypt":"`+vectorSeal+`"}`))
	f.Add(uint8(0), "timestamp=1714036504&nonce=1514711492&signature=f464b24fc39322e44b38aa78f5edd27bd1441696&echostr=4375120948345356249", []byte("<xml/>"))
	modes := []wechat.PushMode{wechat.PushPlain, wechat.PushCompatible, wechat.PushSecurity}
	f.Fuzz(func(t *testing.T, mode uint8, rawQuery string, body []byte) {
		q, err := url.ParseQuery(rawQuery)
		if err != nil {
			return
		}
		r := receiver(t, modes[int(mode)%len(modes)], 1714037059)
		e, m, err := r.Open(q, body)
		kind := minapush.KindOf(err)
		switch {
		case err != nil && kind != minapush.Unauthorized && kind != minapush.Invalid:
			t.Fatalf("got %v", err)
		case kind == minapush.Unauthorized && m.Body != nil:
			t.Fatal("a body of nobody known was handed out")
		case err == nil:
			checkEvent(t, e)
		}
		// Whatever it is, signed and sealed as WeChat would it comes out as it went in.
		q, sealed := pushed(body, 1714037059, "n", vectorApp, vectorKey)
		_, m, err = receiver(t, wechat.PushSecurity, 1714037059).Open(q, sealed)
		if len(sealed) <= wechat.MaxPush && len(body) > 0 && !bytes.Equal(m.Body, body) {
			t.Fatalf("got %q, %v", m.Body, err)
		}
	})
}
