package wechat

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/minapush/minapush"
)

// AnswerError is WeChat's refusal in its own words. It is the cause inside a *minapush.Error, to be found with errors.As.
type AnswerError struct {
	// Code is the errcode, and Message the errmsg without secrets and trace. Decide by Code only: texts vary.
	Code    int
	Message string
	// Rid identifies the exchange to WeChat's own diagnosis (openapi/rid/get, kept 7 days); empty when there was none.
	// [O] server API, getRidInfo, read 2026-06.
	Rid string
	// IP is the address that is not on the whitelist, of 40164; empty otherwise.
	IP string
	// Row is what the table knows of the code; zero when nothing.
	Row Row
}

// Error tells what the table knows and what WeChat said.
func (e *AnswerError) Error() string {
	var b strings.Builder
	if e.Row.English != "" {
		b.WriteString(e.Row.English)
	} else {
		b.WriteString("WeChat answered an unknown code")
	}
	if e.IP != "" {
		b.WriteString(" (" + e.IP + ")")
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Rid != "" {
		b.WriteString(" rid: " + e.Rid)
	}
	return b.String()
}

// verdict is what every answer carries.
type verdict struct {
	code    int
	hasCode bool
	message string
	msgID   int64
}

// usualOK is the documented answer to a message. [O] server API, sendMessage, read 2026-06.
const usualOK = `{"errcode":0,"errmsg":"ok"`

// readVerdict reads an answer. ok is false when it is not one JSON object with a whole number as errcode, if any.
//
// Live answers also hold msgid, an integer beyond 2^53, which must not pass through a float. [C] developer forum, read 2026-06.
func readVerdict(body []byte) (v verdict, ok bool) {
	if v, ok := readUsual(body); ok {
		return v, true
	}
	var loose struct {
		ErrCode json.RawMessage `json:"errcode"`
		ErrMsg  json.RawMessage `json:"errmsg"`
		MsgID   json.RawMessage `json:"msgid"`
	}
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' || json.Unmarshal(body, &loose) != nil {
		return verdict{}, false
	}
	if len(loose.ErrCode) > 0 && string(loose.ErrCode) != "null" {
		n, ok := wholeNumber(loose.ErrCode)
		if !ok || int64(int(n)) != n {
			return verdict{}, false
		}
		v.code, v.hasCode = int(n), true
	}
	_ = json.Unmarshal(loose.ErrMsg, &v.message) // a text for people: anything else than a string is left out
	v.msgID, _ = wholeNumber(loose.MsgID)
	return v, true
}

// readUsual reads the usual answer to an accepted message without a JSON decoder.
func readUsual(body []byte) (verdict, bool) {
	rest, ok := bytes.CutPrefix(body, []byte(usualOK))
	if !ok {
		return verdict{}, false
	}
	v := verdict{hasCode: true, message: "ok"}
	if string(rest) == "}" {
		return v, true
	}
	rest, ok = bytes.CutPrefix(rest, []byte(`,"msgid":`))
	if !ok || len(rest) < 2 || len(rest) > 20 || rest[len(rest)-1] != '}' || rest[0] == '0' {
		return verdict{}, false
	}
	for _, d := range rest[:len(rest)-1] {
		if d < '0' || d > '9' {
			return verdict{}, false
		}
		next := v.msgID*10 + int64(d-'0')
		if next < v.msgID {
			return verdict{}, false
		}
		v.msgID = next
	}
	return v, true
}

// wholeNumber reads an integer, also one in quotes.
func wholeNumber(raw json.RawMessage) (int64, bool) {
	n, err := strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64)
	return n, err == nil
}

// carriedOut lists HTTP statuses by which, in HTTP's own meaning, the request was not acted upon: a redirect, a gateway that wants
// other credentials or knows no such address, a limit in between. WeChat itself always answers 200. [O]/[C] server API, read 2026-06.
func carriedOut(status int) bool {
	return !(status >= 300 && status < 400) && !slices.Contains([]int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusProxyAuthRequired,
		http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusMisdirectedRequest, http.StatusTooManyRequests,
	}, status)
}

// judge turns an answer into an error, nil when WeChat said ok. A message counts as accepted only when errcode is there and 0.
func (c *Client) judge(r request, status int, body []byte) *minapush.Error {
	v, ok := verdict{}, false
	if len(body) <= maxAnswer && status < 500 {
		v, ok = readVerdict(body)
	}
	switch {
	case ok && v.code != 0:
		return c.refusal(r, v)
	case ok && status == http.StatusOK && (v.hasCode || !r.call.sends()):
		return nil
	}
	e := &minapush.Error{Kind: minapush.Uncertain, Op: r.call.String(), Reason: minapush.ReasonBadAnswer}
	if !carriedOut(status) {
		e.Kind, e.Reason, e.Extent = minapush.Unavailable, ReasonHTTPStatus, minapush.OneApp
		if r.call == callTokenURL && (status == http.StatusUnauthorized || status == http.StatusForbidden) {
			e.Kind = minapush.BadCredential // the header that the token service wants is ours to set right
		}
	}
	// The body is not quoted: an answer cut short may hold an access token.
	e.Err = minapush.Errorf(e.Kind, "HTTP status %d with %d bytes that are not an answer of WeChat", status, len(body)).Err
	return settle(r.call, e)
}

// refusal makes the error of an errcode that is not 0.
func (c *Client) refusal(r request, v verdict) *minapush.Error {
	row, known := LookupIn(callTable[r.call].scope, v.code)
	if !known {
		row = Row{}
		c.collector.unknown.Inc()
	}
	e := &minapush.Error{
		Kind: row.Kind, Op: r.call.String(), Code: v.code, Reason: row.Reason, Extent: row.Extent, RetryAfter: row.Wait.From(c.now()),
		Err: newAnswerError(v, row, r.hide),
	}
	if row.Kind == minapush.Invalid {
		e.Field = "code"
	}
	return settle(r.call, e)
}

// settle adjusts an error to its call: a call that changes nothing leaves nothing in doubt, and without an access token nothing of
// the app can be sent.
func settle(k call, e *minapush.Error) *minapush.Error {
	if callTable[k].safe && e.Kind == minapush.Uncertain {
		e.Kind = minapush.Unavailable
	}
	if callTable[k].scope == TokenCalls {
		e.Extent = minapush.OneApp
	}
	return e
}

var (
	// [C] "rid: 5f7184ff-5448020d-6384be15", older "hint: [NobYdA0401ge21]"; developer forum, read 2026-06.
	ridText = regexp.MustCompile(`\s*\brid: ?([0-9a-fA-F]+(?:-[0-9a-fA-F]+)*)`)
	// [O] "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist"; getAccessToken, read 2026-06.
	ipText = regexp.MustCompile(`invalid ip:? ([0-9A-Fa-f.:]+)`)
)

func newAnswerError(v verdict, row Row, hide hidden) *AnswerError {
	e := &AnswerError{Code: v.code, Row: row}
	message := hide.scrub(v.message)
	if m := ridText.FindStringSubmatch(message); m != nil {
		e.Rid = m[1]
		message = strings.TrimSpace(strings.Replace(message, m[0], "", 1))
	}
	if m := ipText.FindStringSubmatch(message); m != nil && v.code == 40164 {
		e.IP = strings.TrimRight(m[1], ".:")
	}
	e.Message = message
	return e
}
