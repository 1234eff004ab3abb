package sandbox_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/minapush/minapush/sandbox"
)

const (
	pushToken = "pamtest"
	pushKey   = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG" // leaves bits: fact sheet §2.7 (e)
)

// receiver is a developer's server that checks what it gets by its own reading of the rules.
type receiver struct {
	*httptest.Server
	t     *testing.T
	appid string
	mode  sandbox.PushMode

	mu       sync.Mutex
	answer   func(n int, w http.ResponseWriter) // of the n-th event, from 1; nil: success
	got      []received
	verified int
}

type received struct {
	query url.Values
	kind  string // Content-Type
	body  string // as it came
	plain string // after decryption
}

func newReceiver(t *testing.T, appid string, mode sandbox.PushMode) *receiver {
	t.Helper()
	r := &receiver{t: t, appid: appid, mode: mode}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func signature(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	q := req.URL.Query()
	if want := signature(pushToken, q.Get("timestamp"), q.Get("nonce")); q.Get("signature") != want {
		r.t.Errorf("%s: signature %q, want %q", req.Method, q.Get("signature"), want)
	}
	if q.Get("mine") != "1" {
		r.t.Errorf("the URL's own parameters are missing: %v", q)
	}
	if req.Method == http.MethodGet {
		r.mu.Lock()
		r.verified++
		r.mu.Unlock()
		fmt.Fprint(w, q.Get("echostr"))
		return
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.t.Errorf("body: %v", err)
	}
	one := received{query: q, kind: req.Header.Get("Content-Type"), body: string(body)}
	one.plain = r.open(one)
	r.mu.Lock()
	r.got = append(r.got, one)
	n, answer := len(r.got), r.answer
	r.mu.Unlock()
	if answer == nil {
		fmt.Fprint(w, "success")
		return
	}
	answer(n, w)
}

// open checks the envelope and decrypts it.
func (r *receiver) open(one received) string {
	var envelope struct{ ToUserName, Encrypt string }
	var err error
	if strings.HasPrefix(one.body, "<") {
		err = xml.Unmarshal([]byte(one.body), &envelope)
	} else {
		err = json.Unmarshal([]byte(one.body), &envelope)
	}
	if err != nil || envelope.ToUserName == "" {
		r.t.Errorf("body %s: %v", one.body, err)
	}
	if r.mode == sandbox.PushPlain {
		if envelope.Encrypt != "" || one.query.Has("msg_signature") || one.query.Has("encrypt_type") {
			r.t.Errorf("plain mode: %v %s", one.query, one.body)
		}
		return one.body
	}
	q := one.query
	if want := signature(pushToken, q.Get("timestamp"), q.Get("nonce"), envelope.Encrypt); q.Get("msg_signature") != want || q.Get("encrypt_type") != "aes" {
		r.t.Errorf("msg_signature %v, want %s", q, want)
	}
	if r.mode == sandbox.PushSecurity && strings.Contains(one.body, "Event") {
		r.t.Errorf("security mode shows the message: %s", one.body)
	}
	plain := unseal(r.t, envelope.Encrypt, pushKey, r.appid)
	if r.mode == sandbox.PushCompatible && !strings.Contains(one.body, strings.Trim(plain, "{}")) && !strings.HasPrefix(one.body, strings.TrimSuffix(plain, "</xml>")) {
		r.t.Errorf("compatible mode: %s does not show %s", one.body, plain)
	}
	return plain
}

// unseal is fact sheet §2.4, read apart from the simulator's own code.
func unseal(t *testing.T, encrypted, key, appid string) string {
	t.Helper()
	aesKey, err := base64.StdEncoding.DecodeString(key + "=")
	must(t, err)
	b, err := base64.StdEncoding.DecodeString(encrypted)
	must(t, err)
	block, err := aes.NewCipher(aesKey)
	must(t, err)
	if len(b) == 0 || len(b)%32 != 0 {
		t.Fatalf("%d encrypted bytes", len(b))
	}
	cipher.NewCBCDecrypter(block, aesKey[:16]).CryptBlocks(b, b)
	pad := int(b[len(b)-1])
	if pad < 1 || pad > 32 || !bytes.HasSuffix(b, bytes.Repeat([]byte{byte(pad)}, pad)) {
		t.Fatalf("padding %d", pad)
	}
	b = b[:len(b)-pad]
	n := int(binary.BigEndian.Uint32(b[16:20]))
	if owner := string(b[20+n:]); owner != appid {
		t.Fatalf("appid %q, want %q", owner, appid)
	}
	return string(b[20 : 20+n])
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func (r *receiver) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = nil
}

func (r *receiver) reply(answer func(n int, w http.ResponseWriter)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// notice is an event as a receiver reads it.
type notice struct {
	ToUserName, FromUserName, MsgType, Event, OpenID, AppID string
	CreateTime                                              any
	List                                                    json.RawMessage
}

func (one received) notice(t *testing.T) notice {
	t.Helper()
	var n notice
	must(t, json.Unmarshal([]byte(one.plain), &n))
	return n
}

// items are the items of List, whether it is an array or a bare object.
func (n notice) items(t *testing.T) []map[string]any {
	t.Helper()
	var list []map[string]any
	if bytes.HasPrefix(n.List, []byte("{")) {
		list = make([]map[string]any, 1)
		must(t, json.Unmarshal(n.List, &list[0]))
		return list
	}
	must(t, json.Unmarshal(n.List, &list))
	return list
}

// statuses are template and status of each item, as "T1 accept T2 reject".
func (n notice) statuses(t *testing.T) string {
	t.Helper()
	var parts []string
	for _, item := range n.items(t) {
		parts = append(parts, item["TemplateId"].(string), item["SubscribeStatusString"].(string))
	}
	return strings.Join(parts, " ")
}

// pushing is a world whose app has a receiver. Delays are minutes, so that only a flush sends anything.
type pushing struct {
	*world
	*receiver
}

func newPushing(t *testing.T, cfg sandbox.Config, mode sandbox.PushMode, format sandbox.PushFormat) *pushing {
	t.Helper()
	const never = 1 << 50
	if cfg.Push.Most == 0 {
		cfg.Push.SentLeast, cfg.Push.SentMost, cfg.Push.Least, cfg.Push.Most, cfg.Push.Pause = never, never, never, never, never
	}
	w := newWorld(t, cfg)
	p := &pushing{world: w, receiver: newReceiver(t, w.app.AppID, mode)}
	t.Cleanup(func() { must(t, w.sb.Close()) })
	_, err := w.sb.SetPush(t.Context(), w.app.AppID, sandbox.Push{URL: p.URL + "/wechat?mine=1", Token: pushToken, AESKey: pushKey,
		Mode: mode, Format: format, ToUserName: "gh_123456789abc"})
	must(t, err)
	if p.verified != 1 {
		t.Errorf("verified %d times", p.verified)
	}
	return p
}

// flush sends all events and returns what has arrived since the last flush.
func (p *pushing) flush() []received {
	p.world.t.Helper()
	must(p.world.t, p.sb.FlushPush(p.receiver.t.Context()))
	got := p.all()
	p.forget()
	return got
}

// flushOne is flush for exactly one event of a name.
func (p *pushing) flushOne(event string) notice {
	p.world.t.Helper()
	got := p.flush()
	if len(got) != 1 {
		p.world.t.Fatalf("%d events, want one %s: %v", len(got), event, got)
	}
	n := got[0].notice(p.receiver.t)
	if n.Event != event {
		p.world.t.Fatalf("event %s, want %s", n.Event, event)
	}
	return n
}

func (p *pushing) counts(event string) sandbox.PushCounts {
	p.world.t.Helper()
	stats, err := p.sb.PushStats(p.app.AppID)
	must(p.world.t, err)
	return stats[event]
}

func (p *pushing) tap(ids []string, rejects ...string) {
	p.world.t.Helper()
	_, err := p.sb.Tap(p.app.AppID, p.openid, ids, rejects...)
	must(p.world.t, err)
}

func (p *pushing) turn(change func(*sandbox.PushKnobs)) {
	p.world.t.Helper()
	k := p.sb.PushKnobs()
	change(&k)
	must(p.world.t, p.sb.SetPushKnobs(k))
}

func (p *pushing) template() string {
	p.world.t.Helper()
	id, err := p.sb.AddTemplate(p.app.AppID, sandbox.Template{Keys: []string{"thing1"}})
	must(p.world.t, err)
	return id
}
