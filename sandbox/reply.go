package sandbox

import (
	"encoding/json"
	"strconv"
)

// reply is what an endpoint decided.
type reply struct {
	code  int
	msg   string // empty means the code's usual text
	body  []byte // the whole answer of a success; nil means the generic one
	owner *user  // the user that this send keeps busy
}

func refuse(code int) reply { return reply{code: code} }

const genericOK = `{"errcode":0,"errmsg":"ok"}`

// answerJSON renders a success; v holds only strings, numbers and such, so it cannot fail.
func answerJSON(v any) reply {
	b, err := json.Marshal(v)
	if err != nil {
		return refuse(codeBusy)
	}
	return reply{body: b}
}

// render writes the answer and counts it. Errors are always HTTP 200 and end in a rid that rid/get finds (fact sheet §7.3).
func (c *call) render(r reply) outcome {
	out := outcome{status: 200, plain: c.ep != nil && c.ep.plain}
	if c.ep != nil && c.ep.auth == bySender {
		c.tally.answer(r.code)
	}
	switch {
	case r.code == 0 && r.body == nil:
		out.body = []byte(genericOK)
	case r.code == 0:
		out.body = r.body
	default:
		out.body = c.renderError(r)
	}
	return out
}

func (c *call) renderError(r reply) []byte {
	if r.msg == "" {
		r.msg = errmsg(r.code)
	}
	b := make([]byte, 0, 96+len(r.msg))
	b = append(b, `{"errcode":`...)
	b = strconv.AppendInt(b, int64(r.code), 10)
	b = append(b, `,"errmsg":"`...)
	b = appendJSONText(b, r.msg)
	b = append(b, " rid: "...)
	start := len(b)
	b = c.sandbox.rand.appendRID(b, c.now)
	rid := b[start:]
	b = append(b, `"}`...)
	if c.sandbox.cfg.Record == RecordAll {
		c.sandbox.rids.add(string(rid), c, b)
	}
	return b
}

// appendJSONText appends s as the inside of a JSON string.
func appendJSONText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			quoted, err := json.Marshal(s)
			if err != nil || len(quoted) < 2 {
				return b
			}
			return append(b, quoted[1:len(quoted)-1]...)
		}
	}
	return append(b, s...)
}
