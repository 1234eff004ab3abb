package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
)

// pushed posts something to where WeChat pushes, and returns status and answer.
func (w *world) pushed(query url.Values, body string) (status int, answer string) {
	w.t.Helper()
	resp, err := http.Post(w.public+"/v1/apps/"+testApp+"/wechat?"+query.Encode(), "text/xml", strings.NewReader(body))
	must(w.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(w.t, err)
	return resp.StatusCode, string(text)
}

// TestBadPushesAreRefusedCountedAndChangeNothing: whatever is not WeChat's, or cannot be read, over HTTP, in each mode.
func TestBadPushesAreRefusedCountedAndChangeNothing(t *testing.T) {
	onEachStore(t, func(t *testing.T, in settings) {
		w := eventWorld(t, in, atOnce())
		user := w.users(1)[0]
		w.subscribe(user, 2)
		before := fmt.Sprintf("%+v %+v", w.user(user), w.totals())
		now, text := w.now(), popupText(user, w.now())
		good := newEnvelope(now, "1")
		query, body := good.seal(text)
		refused := int64(0)
		try := func(name string, status int, query url.Values, body string) {
			t.Helper()
			got, answer := w.pushed(query, body)
			if got != status || !strings.Contains(answer, `"number":`) {
				t.Errorf("%s: got %d %.200s, want %d", name, got, answer, status)
			}
			refused++
		}
		sealed := func(change func(e *envelope)) (url.Values, string) {
			e := good
			change(&e)
			return e.seal(text)
		}
		bomb := `<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "` + strings.Repeat("&a;", 10) + `"><!ENTITY c "` + strings.Repeat("&b;", 10) + `">]><xml><FromUserName>&c;</FromUserName></xml>`
		for name, change := range map[string]func(e *envelope){
			"another token": func(e *envelope) { e.token = "forged" },
			"yesterday":     func(e *envelope) { e.at = now.Add(-24 * time.Hour) },
			"tomorrow":      func(e *envelope) { e.at = now.Add(24 * time.Hour) },
			"another app":   func(e *envelope) { e.app = "wxsomebodyelse1234" },
		} {
			q, b := sealed(change)
			try(name, http.StatusForbidden, q, b)
		}
		for name, change := range map[string]func(e *envelope){
			"another key":    func(e *envelope) { e.key = strings.Repeat("z", 42) + "A" },
			"no padding":     func(e *envelope) { e.pad = func(n int) []byte { return make([]byte, 32-n%32) } },
			"wide padding":   func(e *envelope) { e.pad = func(n int) []byte { return []byte(strings.Repeat("!", 64-n%32)) } },
			"mixed padding":  func(e *envelope) { e.pad = func(n int) []byte { return append(make([]byte, 31-n%32), byte(32-n%32)) } },
			"a longer text":  func(e *envelope) { e.length = 1 << 20 },
			"an open length": func(e *envelope) { e.length = -1 - len(text) },
		} {
			q, b := sealed(change)
			try(name, http.StatusBadRequest, q, b)
		}
		replayed := good.clear()
		try("in clear, of a query that was seen", http.StatusForbidden, replayed, text)
		try("forged", http.StatusForbidden, url.Values{"msg_signature": {strings.Repeat("0", 40)}, "timestamp": query["timestamp"], "nonce": {"1"}}, body)
		try("truncated", http.StatusBadRequest, query, body[:len(body)/2])
		try("a piece of the text", http.StatusForbidden, query, body[:len(body)-50]+`"}`)
		try("oversize", http.StatusRequestEntityTooLarge, query, body+strings.Repeat(" ", api.MaxEvent))
		try("entities", http.StatusBadRequest, query, bomb)
		w.half(query, body)
		refused++
		w.pushEvents(sandbox.PushPlain, sandbox.PushXML)
		// Its sender is proven as far as plain mode can, and sending it again will not help: it is kept for inspection, and nothing else.
		if status, answer := w.pushed(newEnvelope(now, "2").clear(), bomb); status != http.StatusOK || answer != "success" {
			t.Errorf("entities in clear: %d %s", status, answer)
		}
		refused++
		if got := fmt.Sprintf("%+v %+v", w.user(user), w.totals()); got != before {
			t.Errorf("something changed from\n%s to\n%s", before, got)
		}
		w.replay(user)
		odd, err := w.client.OddEvents(t.Context(), testApp, 1)
		must(t, err)
		if c := odd.Counts["other"]; c["unauthorized"]+c["unreadable"] != refused+1 {
			t.Errorf("%d were refused and a replay, counted %v", refused, c)
		}
		w.check()
	})
}

// half sends the half of a body and waits: it is answered before WeChat would give up.
func (w *world) half(query url.Values, body string) {
	w.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.public, "http://"))
	must(w.t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/apps/%s/wechat?%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", testApp, query.Encode(), len(body), body[:20])
	must(w.t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") {
		w.t.Errorf("half a body: %v %.200s", err, answer)
	}
}

// replay is the weakness of plain mode: the signature does not cover the body. The same push once more is taken, and counts once; another
// with the same signature is refused.
func (w *world) replay(user string) {
	w.t.Helper()
	query, text := newEnvelope(w.now(), "3").clear(), popupText(user, w.now())
	had := balance(w.user(user), "subscribe")
	for range 3 {
		if status, answer := w.pushed(query, text); status != http.StatusOK || answer != "success" {
			w.t.Errorf("got %d %s", status, answer)
		}
	}
	status, answer := w.pushed(query, popupText("oSomebodyElse", w.now()))
	if status != http.StatusForbidden || !strings.Contains(answer, "replayed") {
		w.t.Errorf("another body with a signature that was seen: %d %s", status, answer)
	}
	if n := balance(w.user(user), "subscribe"); n > had+1 {
		w.t.Errorf("three replays made %d of %d", n, had)
	}
	if _, err := w.client.User(w.t.Context(), testApp, "oSomebodyElse"); err == nil {
		w.t.Error("somebody else came in")
	}
}
