package wechat

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/minapush/minapush"
)

// PushMode is how WeChat pushes to an app, as chosen in its console.
type PushMode string

const (
	// PushPlain (明文): in clear. The signature does not cover the body: whoever sees the address of a push could send another body with it,
	// if that were not refused; see ReceiverConfig.Remember. Choose PushSecurity.
	PushPlain PushMode = "plain"
	// PushCompatible (兼容): in clear and encrypted. Only what is encrypted counts.
	PushCompatible PushMode = "compatible"
	// PushSecurity (安全): encrypted.
	PushSecurity PushMode = "security"
)

const (
	// DefaultPushWindow is how far the time of a push may be from ours.
	DefaultPushWindow = 10 * time.Minute
	// DefaultPushRemember is how many pushes are remembered: some MiB, and those of the window up to 160 a second.
	DefaultPushRemember = 100_000
	// maxPushNonce bounds the nonce, in bytes: WeChat's have ten. No whole blocks of an encrypted text fit into one, to which they would
	// move without another signature.
	maxPushNonce = 32
)

// ReceiverConfig holds the settings of an app's message push, as in WeChat's console.
type ReceiverConfig struct {
	App minapush.AppID
	// Token signs: 3 to 32 letters and digits.
	Token string
	// EncodingAESKey encrypts: 43 letters and digits. It may be empty with PushPlain.
	EncodingAESKey string
	// Mode defaults to PushSecurity.
	Mode PushMode
	// Window is how far the time of a push may be from Now, before and after. WeChat gives each of its deliveries, three within 15 s, a
	// time of its own. Defaults to DefaultPushWindow.
	Window time.Duration
	// Remember is how many pushes are remembered at least, with PushPlain: a push with the signature of an earlier one and another body is refused, while the same once more is not, since a proxy may repeat it and events are safe to repeat. With the other
	// modes the signature sees to that. It is memory of this process. Defaults to DefaultPushRemember.
	Remember int
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Receiver takes what WeChat pushes to one app. It may be used by any number of goroutines.
type Receiver struct {
	cfg    ReceiverConfig
	cipher *pushCipher // nil: there is no key
	seen   *pushMemory
}

// NewReceiver makes a Receiver. Errors: Invalid, naming the field.
func NewReceiver(cfg ReceiverConfig) (*Receiver, error) {
	if cfg.Mode == "" {
		cfg.Mode = PushSecurity
	}
	if cfg.Mode != PushPlain && cfg.Mode != PushCompatible && cfg.Mode != PushSecurity {
		return nil, minapush.FieldError("Mode", "must be plain, compatible or security, not %.40q", string(cfg.Mode))
	}
	if cfg.App == "" {
		return nil, minapush.FieldError("App", "must be given")
	}
	if len(cfg.Token) < 3 || len(cfg.Token) > 32 || strings.ContainsFunc(cfg.Token, notAlphanumeric) {
		return nil, minapush.FieldError("Token", "must be 3 to 32 letters and digits")
	}
	if cfg.Window < 0 || cfg.Remember < 0 {
		return nil, minapush.FieldError("Window", "and Remember must not be negative")
	}
	if cfg.Window == 0 {
		cfg.Window = DefaultPushWindow
	}
	if cfg.Remember == 0 {
		cfg.Remember = DefaultPushRemember
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	r := &Receiver{cfg: cfg, seen: newPushMemory(cfg.Remember)}
	if cfg.EncodingAESKey != "" || cfg.Mode != PushPlain {
		var err error
		if r.cipher, err = newPushCipher(cfg.EncodingAESKey, cfg.App); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func notAlphanumeric(c rune) bool {
	return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
}

// Message is a push whose sender was proven.
type Message struct {
	// Body is what was sent, decrypted.
	Body   []byte
	Format PushFormat
}

// Verify answers WeChat's check of the address, a GET: the text to be sent back, as it is and with nothing else. It is signed but not
// encrypted in every mode. Errors: Unauthorized.
func (r *Receiver) Verify(query url.Values) (echostr string, err error) {
	echostr = query.Get("echostr")
	if err := r.checkPlain(query, "GET "+echostr); err != nil { // the signature would do for a push in clear too
		return "", err
	}
	return echostr, nil
}

// Open proves who sent a push, a POST, and reads it. Errors: Unauthorized (signature, time, app, or a replay; nothing of it is to be
// believed); Invalid, naming the field: with m it was WeChat who sent what cannot be read, and repeating it will not help; without, it
// could not be decrypted. Unauthorized errors have a Reason: bad_signature, bad_time, replayed, wrong_app.
func (r *Receiver) Open(query url.Values, body []byte) (e minapush.Event, m Message, err error) {
	if len(body) > MaxPush {
		return e, m, bodyError("must have at most %d bytes, has %d", MaxPush, len(body))
	}
	if r.cfg.Mode == PushPlain {
		return r.openPlain(query, body)
	}
	return r.openSealed(query, body)
}

func (r *Receiver) openPlain(query url.Values, body []byte) (e minapush.Event, m Message, err error) {
	if err := r.checkPlain(query, "POST "+string(body)); err != nil {
		return e, m, err
	}
	root, format, err := readTree(body)
	m = Message{Body: body, Format: format}
	if err == nil && root.fields["Encrypt"] != nil && root.fields["Event"] == nil && root.fields["MsgType"] == nil {
		err = minapush.FieldError("Encrypt", "the push is encrypted, and this app is set to plain: set it to security")
	}
	if err == nil {
		e, err = eventOf(root)
		e.Body = body
	}
	return e, m, err
}

func (r *Receiver) openSealed(query url.Values, body []byte) (e minapush.Event, m Message, err error) {
	root, format, err := readTree(body)
	if err != nil {
		return e, m, err
	}
	encrypted := ""
	if n := root.fields["Encrypt"]; n != nil && n.kind == textNode {
		encrypted = n.text
	}
	at, nonce, given := query.Get("timestamp"), query.Get("nonce"), query.Get("msg_signature")
	if encrypted == "" || given == "" { // or else a body in clear would pass with a signature that does not cover it
		return e, m, refusePush("bad_signature", "the push is not encrypted: is WeChat's console set to %s?", string(r.cfg.Mode))
	}
	if len(nonce) > maxPushNonce || !signed(given, r.cfg.Token, at, nonce, encrypted) {
		return e, m, refusePush("bad_signature", "msg_signature is not that of this app's Token")
	}
	if err := r.checkTime(at); err != nil {
		return e, m, err
	}
	text, err := r.cipher.open(encrypted)
	if err != nil {
		return e, m, err
	}
	m = Message{Body: text, Format: format}
	e, err = ParseEvent(text)
	return e, m, err
}

// checkPlain proves the query of a push or check in clear, and that nothing else came with it before. What was signed is the strings run
// together, which could be parted otherwise: so the signature names the delivery, not time and nonce.
func (r *Receiver) checkPlain(query url.Values, what string) error {
	at, nonce, given := query.Get("timestamp"), query.Get("nonce"), query.Get("signature")
	if len(nonce) > maxPushNonce || !signed(given, r.cfg.Token, at, nonce) {
		return refusePush("bad_signature", "the signature is not that of this app's Token")
	}
	if err := r.checkTime(at); err != nil {
		return err
	}
	if r.cfg.Mode == PushPlain && !r.seen.same(given, what) {
		return refusePush("replayed", "something else came with the same signature")
	}
	return nil
}

// checkTime refuses what was not signed lately.
func (r *Receiver) checkTime(at string) error {
	sec, err := strconv.ParseUint(at, 10, 64)
	if err != nil || sec > maxEventTime {
		return refusePush("bad_time", "timestamp must be a Unix time in seconds")
	}
	if off := r.cfg.Now().Sub(time.Unix(int64(sec), 0)); off > r.cfg.Window || off < -r.cfg.Window {
		return refusePush("bad_time", "timestamp is %s from our clock, more than %s", off.Round(time.Second), r.cfg.Window)
	}
	return nil
}

func refusePush(reason, format string, args ...any) *minapush.Error {
	return &minapush.Error{Kind: minapush.Unauthorized, Op: "push", Reason: reason, Err: fmt.Errorf(format, args...)}
}

// sealedReply is an encrypted answer to a push.
type sealedReply struct {
	XMLName      xml.Name `xml:"xml" json:"-"`
	Encrypt      string
	MsgSignature string
	TimeStamp    int64
	Nonce        string
}

// Seal makes the answer to a push that has a reply, in the format of the push; as it is, with PushPlain. Events need none: answer "success".
func (r *Receiver) Seal(reply []byte, f PushFormat) ([]byte, error) {
	if r.cfg.Mode == PushPlain {
		return reply, nil
	}
	random := make([]byte, pushRandom+8)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	return r.sealWith(random[:pushRandom], hex.EncodeToString(random[pushRandom:]), r.cfg.Now().Unix(), reply, f)
}

func (r *Receiver) sealWith(random []byte, nonce string, at int64, reply []byte, f PushFormat) ([]byte, error) {
	if len(reply) > MaxPush {
		return nil, errors.New("the reply is too long")
	}
	encrypted, err := r.cipher.seal(random, reply)
	if err != nil {
		return nil, err
	}
	out := sealedReply{
		Encrypt: encrypted, TimeStamp: at, Nonce: nonce,
		MsgSignature: signPush(r.cfg.Token, strconv.FormatInt(at, 10), nonce, encrypted),
	}
	if f == PushXML {
		return xml.Marshal(out)
	}
	return json.Marshal(out)
}
