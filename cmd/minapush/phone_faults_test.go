package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Whatever happens between a tap and the bank's answer, what the tap earned counts once: in the bank as at WeChat.
func TestWhatATapEarnedCountsOnceWhateverHappens(t *testing.T) {
	needsTime(t)
	t.Parallel()
	w := newPhoneWorld(t)
	h := w.open(t, "xiaoming")
	lost := func(_ http.Handler, rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) }
	forms := 0
	// earn taps on goods: one form id, and by the first tap the two subscriptions that are asked for there.
	earn := func() {
		t.Helper()
		h.tap("in #goods-1")
		if forms == 0 {
			h.tap(".subscribe .yes")
		}
		h.until(`shown('in #buy')`) // the next page: the tap was forwarded, so what was accepted is stored
		forms++
		h.until(fmt.Sprintf(`JSON.parse(localStorage.getItem('%s')).list.filter((w) => w.item.type === 'form').length > 0`, h.key("minapush.queue."+w.app)))
	}
	arrives := func() {
		t.Helper()
		w.untilPermits(h.openid, "form", "", forms)
		w.untilPermits(h.openid, "subscribe", demoArrival, 1)
		w.untilPermits(h.openid, "subscribe", demoOrder, 1)
	}

	w.backend.meddle("/push-reports", lost) // killed between tap and report
	earn()
	h.tap("[data-do=kill]")
	w.backend.meddle("", nil)
	h.until(`shown('in #goods-1')`)
	h.load()
	arrives()

	w.backend.meddle("/push-reports", lost) // the page loaded again, which is another kill
	earn()
	w.backend.meddle("", nil)
	h.load()
	arrives()

	w.close() // the server is down for a while
	earn()
	h.tap(".capsule .close")
	eventually(t, func() bool { return w.refusedReports() > 0 }, func() { t.Error("nothing was reported while the server was down") })
	w.start()
	w.aim()
	h.tap("[data-chat=program]")
	arrives()

	// The answer comes after the SDK's patience, which is ten seconds; here timers go ten times as fast.
	sees[bool](h, `(localStorage.setItem('test/hurry', '10'), true)`)
	h.load()
	h.until(`shown('in #goods-1')`)
	release := make(chan struct{})
	w.front.meddle("/reports", func(next http.Handler, rw http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r) // it is in the bank
		<-release
		rw.WriteHeader(http.StatusGatewayTimeout)
	})
	earn()
	h.tap(".capsule .close")
	arrives()
	w.untilQueue(h, func(n int) bool { return n > 0 })
	w.front.meddle("", nil)
	w.untilQueue(h, func(n int) bool { return n == 0 }) // it asked again by itself, and was told
	close(release)
	arrives()

	// Every report once more, and once more: batches that were sent twice.
	for range 2 {
		for _, one := range w.backend.of("/push-reports") {
			h.again(one)
		}
	}
	arrives()
	if u := w.user(h.openid); u.Counts.Deposited != int64(forms+2) {
		t.Errorf("the bank counts %d permits, want %d", u.Counts.Deposited, forms+2)
	}
	if a, o := h.believes(demoArrival), h.believes(demoOrder); a != 1 || o != 1 {
		t.Errorf("WeChat has %d and %d subscriptions, want one of each", a, o)
	}
	for range forms { // and WeChat takes each form id once
		w.expectPush(h.openid, legacyGoods("pages/goods/goods?id=2"), "accepted")
	}
	w.expectPush(h.openid, legacyGoods("pages/goods/goods?id=2"), "skipped")
	w.check()
}

// refusedReports counts the reports that the shop could not pass on.
func (w *phoneWorld) refusedReports() (n int) {
	for _, one := range w.backend.of("/push-reports") {
		if one.status >= http.StatusInternalServerError {
			n++
		}
	}
	return n
}

// untilQueue waits until as many items wait on the phone as the test wants.
func (w *phoneWorld) untilQueue(h *handset, ok func(n int) bool) {
	w.t.Helper()
	n := -1
	eventually(w.t, func() bool {
		var queue struct{ List []any }
		if json.Unmarshal([]byte(h.stored("minapush.queue."+w.app)), &queue) != nil {
			return false
		}
		n = len(queue.List)
		return ok(n)
	}, func() { w.t.Errorf("%d items wait on the phone", n) })
}

// again sends a report that the phone has sent before, with the phone's own login.
func (h *handset) again(one heard) {
	h.t.Helper()
	var token string
	must(h.t, json.Unmarshal([]byte(h.stored("shop-token")), &token))
	got := h.api("POST", "request", map[string]any{
		"url": demoDomain + "/push-reports", "method": "POST", "body": string(one.body),
		"header": map[string]string{"authorization": "Bearer " + token, "content-type": "application/json"},
	})
	var answer struct{ Accepted int }
	if json.Unmarshal([]byte(got["text"].(string)), &answer) != nil || got["statusCode"] != 200.0 || answer.Accepted != 0 {
		h.t.Errorf("the same report again: %v", got)
	}
}
