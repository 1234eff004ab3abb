package sandbox

import (
	"encoding/json"
	"unicode/utf8"
)

// ValidValue gives tests the value rules.
func ValidValue(kind, v string, enum []string) bool { return validValue(kind, v, enum) }

// PlainSend reads a body in both ways. If the fast one takes it, it says whether they agree.
func PlainSend(body string) (plain, agree bool) {
	var fast, slow sendBody
	var data map[string]string
	s := scanner{text: body}
	if !utf8.ValidString(body) || !s.message(&fast, &data) {
		return false, true
	}
	if json.Unmarshal([]byte(body), &slow) != nil {
		return true, false
	}
	j := judge{call: &call{send: slow}}
	if len(slow.Data) > 0 != (data != nil) || data != nil && !j.readData() || len(j.data) != len(data) {
		return true, false
	}
	for key, value := range data {
		if other, ok := j.data[key]; !ok || other != value {
			return true, false
		}
	}
	return true, fast.ToUser == slow.ToUser && fast.TemplateID == slow.TemplateID && fast.Page == slow.Page &&
		fast.State == slow.State && fast.Lang == slow.Lang && fast.FormID == slow.FormID
}

// Encrypt gives tests the encryption of events, and Decrypt that of replies.
func Encrypt(key, appid, random, message string) (string, error) {
	set, err := vectorSetting(key, appid)
	if err != nil {
		return "", err
	}
	return set.encrypt([16]byte([]byte(random)), []byte(message))
}

func Decrypt(key, appid, encrypted string) (string, bool) {
	set, err := vectorSetting(key, appid)
	if err != nil {
		return "", false
	}
	b, ok := set.decrypt(encrypted)
	return string(b), ok
}

func vectorSetting(key, appid string) (*pushSetting, error) {
	return new(Sandbox).newPushSetting(appid, Push{URL: "http://localhost", Token: "AAAAA", AESKey: key, Mode: PushSecurity, ToUserName: "gh_1"})
}

// Sign gives tests the signature of three or four parts.
func Sign(parts ...string) string { return sign(parts...) }

// Understands tells whether an answer is taken for one.
func Understands(appid string, p Push, answer string) bool {
	p.ToUserName = "gh_1"
	set, err := new(Sandbox).newPushSetting(appid, p)
	return err == nil && set.understands([]byte(answer))
}
