package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// envelope makes pushes as WeChat does, and as it never would. It shares no code with those who open them.
type envelope struct {
	app, token, key string
	at              time.Time
	nonce           string
	pad             func(n int) []byte // fills up a text of n bytes; nil: as WeChat does
	length          int                // what is said of the length of the text, beside the truth
}

func newEnvelope(at time.Time, nonce string) envelope {
	return envelope{app: testApp, token: testEventToken, key: testEventKey, at: at, nonce: nonce}
}

func signature(parts ...string) string {
	slices.Sort(parts)
	return fmt.Sprintf("%x", sha1.Sum([]byte(strings.Join(parts, ""))))
}

// seal encrypts a text; query and body are those of its push.
func (e envelope) seal(text string) (query url.Values, body string) {
	key, err := base64.StdEncoding.DecodeString(e.key + "=")
	if err != nil {
		panic(err)
	}
	plain := binary.BigEndian.AppendUint32([]byte("0123456789abcdef"), uint32(len(text)+e.length))
	plain = append(append(plain, text...), e.app...)
	if e.pad == nil {
		e.pad = func(n int) []byte {
			pad := 32 - n%32
			return slices.Repeat([]byte{byte(pad)}, pad)
		}
	}
	plain = append(plain, e.pad(len(plain))...)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	cipher.NewCBCEncrypter(block, key[:16]).CryptBlocks(plain, plain)
	sealed := base64.StdEncoding.EncodeToString(plain)
	query = e.clear()
	query.Set("msg_signature", signature(e.token, query.Get("timestamp"), e.nonce, sealed))
	query.Set("encrypt_type", "aes")
	return query, `{"ToUserName":"gh_1","Encrypt":"` + sealed + `"}`
}

// clear is the query of a push in clear.
func (e envelope) clear() url.Values {
	at := strconv.FormatInt(e.at.Unix(), 10)
	return url.Values{"signature": {signature(e.token, at, e.nonce)}, "timestamp": {at}, "nonce": {e.nonce}}
}

// popupText is the event of an accepted one-time template.
func popupText(openid string, at time.Time) string { return popupOf(openid, oneTimeT, at) }

// popupOf is the event of one accepted template.
func popupOf(openid, template string, at time.Time) string {
	return fmt.Sprintf(`{"ToUserName":"gh_1","FromUserName":"%s","CreateTime":%d,"MsgType":"event","Event":"subscribe_msg_popup_event",`+
		`"List":{"TemplateId":"%s","SubscribeStatusString":"accept","PopupScene":"0"}}`, openid, at.Unix(), template)
}
