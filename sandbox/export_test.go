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
