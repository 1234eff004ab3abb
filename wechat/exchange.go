package wechat

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"

	"github.com/minapush/minapush"
)

// maxAnswer is how much of an answer is read. The longest that we ask for, the list of templates, has some tens of KiB.
const maxAnswer = 1 << 20

// call is one of the calls that the client makes.
type call uint8

const (
	callSend call = iota
	callLegacySend
	callTemplates
	callQuota
	callSession
	callStableToken
	callToken
	callTokenURL
	callClock
	calls = iota
)

// authorizedCalls is how many calls, the first ones, carry an access token.
const authorizedCalls = callQuota + 1

// callTable holds, for each call, its name in errors and metrics, its method, its path, the scope of its error codes, and whether
// a lost answer leaves nothing in doubt because repeating the call changes nothing.
//
// Paths: [O] developers.weixin.qq.com, server API: sendMessage, getMessageTemplateList, getApiQuota, code2Session,
// getStableAccessToken, getAccessToken, getCallbackIp, read 2026-06; [O-old] templateMessage.send, withdrawn 2020-01-10.
var callTable = [calls]struct {
	name, method, path string
	scope              Scope
	safe               bool
}{
	callSend:        {"send", http.MethodPost, "/cgi-bin/message/subscribe/send", SubscribeSend, false},
	callLegacySend:  {"legacy_send", http.MethodPost, "/cgi-bin/message/wxopen/template/send", LegacySend, false},
	callTemplates:   {"templates", http.MethodGet, "/wxaapi/newtmpl/gettemplate", ManageCalls, true},
	callQuota:       {"quota", http.MethodPost, "/cgi-bin/openapi/quota/get", ManageCalls, true},
	callSession:     {"session", http.MethodGet, "/sns/jscode2session", SessionCall, false},
	callStableToken: {"stable_token", http.MethodPost, "/cgi-bin/stable_token", TokenCalls, true},
	callToken:       {"token", http.MethodGet, "/cgi-bin/token", TokenCalls, true},
	callTokenURL:    {"token_url", http.MethodGet, "", TokenCalls, true},
	callClock:       {"clock", http.MethodGet, "/cgi-bin/getcallbackip", AnyCall, true},
}

func (k call) String() string { return callTable[k].name }

// sends tells whether the call is one of the two that send a message.
func (k call) sends() bool { return k == callSend || k == callLegacySend }

// request is one exchange to be made.
type request struct {
	call   call
	url    *url.URL
	header http.Header
	body   []byte
	hide   hidden
	// lapsed, if set, tells just before the first byte whether it may not be sent any more.
	lapsed func(now time.Time) bool
}

var (
	jsonHeader  = http.Header{"Content-Type": {"application/json"}, "User-Agent": {"minapush"}}
	plainHeader = http.Header{"User-Agent": {"minapush"}}
)

// exchange makes a request and returns the answer's body once WeChat said ok. A request of which no byte left, because the
// connection kept for it had just been closed, is made once more.
func (c *Client) exchange(ctx context.Context, r request) ([]byte, error) {
	for again := false; ; again = true {
		start := c.now()
		body, stale, err := c.once(ctx, r)
		c.collector.observe(r.call, err, c.now().Sub(start))
		if err == nil {
			return body, nil
		}
		if !stale || again || ctx.Err() != nil {
			return nil, err
		}
	}
}

// once makes one exchange. stale tells that it is safe and promising to repeat it.
func (c *Client) once(ctx context.Context, r request) (body []byte, stale bool, err *minapush.Error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var t trail
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              func(info httptrace.GotConnInfo) { t.onConn(info.Conn, info.Reused) },
		GotFirstResponseByte: t.onAnswer,
	})
	// Made by hand rather than by http.NewRequest, which sets GetBody: without it net/http never repeats the request by itself. The
	// body's type is one that net/http knows, so that head and body leave in one write.
	req := (&http.Request{
		Method: callTable[r.call].method, URL: r.url, Host: r.url.Host, Header: r.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(r.body)), ContentLength: int64(len(r.body)),
	}).WithContext(traced)
	if r.lapsed != nil && r.lapsed(time.Now()) { //arch:allow a duration inside the process
		return nil, false, minapush.LapsedError()
	}
	resp, failed := c.transport.RoundTrip(req)
	if failed != nil {
		unsent, reused := t.notSent(failed, c.native)
		return nil, unsent && reused, c.interpret(r, stage{unsent: unsent, answered: t.answered()}, failed)
	}
	defer resp.Body.Close()
	body, failed = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if failed != nil {
		return nil, false, c.interpret(r, stage{answered: true}, failed)
	}
	return body, false, c.judge(r, resp.StatusCode, body)
}
