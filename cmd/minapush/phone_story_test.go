package main

import (
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush/api"
)

// The way that the whole product is about, in a real browser: a tap becomes a permit, the permit a message, and the message a tap.
func TestATapBecomesAMessageAndTheMessageATap(t *testing.T) {
	needsTime(t)
	t.Parallel()
	w := newPhoneWorld(t)
	h := w.open(t, "xiaoming")
	h.tap("in #goods-1")
	h.until(`shown('.subscribe .no')`)
	h.picture("popup.png")
	h.tap(".subscribe .no") // no subscription: the tap's form id is what it earns
	h.until(`shown('in #buy')`)
	h.tap(".capsule .close") // a mini program that leaves the screen reports
	w.untilPermits(h.openid, "form", "", 1)

	push := []string{"push", "--server", w.url, "--app", w.app, "--to", h.openid, "--template", demoPaid, "--keywords", "抹茶蛋糕,¥26.00,MP00000007",
		"--page", "pages/goods/goods?id=2"}
	environ := map[string]string{"MINAPUSH_KEY": w.adminKey()}
	if status, out, errs := command(t, environ, push...); status != 0 {
		t.Fatalf("push ended with %d: %s%s", status, out, errs)
	}
	h.says(".banner", "购买成功通知")
	h.says("[data-chat=notices] .badge", "1")
	h.tap("[data-chat=notices]")
	for _, text := range []string{"购买成功通知", "商品名称", "抹茶蛋糕", "¥26.00", "进入小程序查看"} {
		h.says(".card", text)
	}
	h.picture("card.png")
	h.tap(".notices .back")
	h.until(`shown('[data-chat=notices]') && !shown('.badge')`) // read
	h.tap("[data-chat=notices]")
	h.tap(".card .paper")
	h.says("in .title", "抹茶蛋糕") // goods 2: the page has its parameters
	got := h.api("GET", "messages", nil)["messages"].([]any)
	query := got[0].(map[string]any)["query"].(map[string]any)
	if len(got) != 1 || query["id"] != "2" || query["minapush"] == "" {
		t.Fatalf("the simulator delivered %v", got)
	}
	id := query["minapush"].(string) // of the push: the engine puts it into the page
	w.untilOpened(h.openid, id)
	if n := w.permits(h.openid, "form", ""); n != 0 {
		t.Errorf("%d form permits are left", n)
	}
	if status, out, _ := command(t, environ, push...); status != 3 || !strings.Contains(out, "skipped") {
		t.Errorf("a push without a permit ended with %d: %s", status, out)
	}
	h.tap(".capsule .close") // coming back to the front is no new open
	h.tap("[data-chat=program]")
	h.tap("in #buy")
	h.until(`shown('.pay')`)
	if n := w.opensReported(id); n != 1 {
		t.Errorf("%d opens were reported, want 1", n)
	}
	w.check()
}

// untilOpened waits until the API says that the user has opened the push.
func (w *phoneWorld) untilOpened(openid, push string) {
	w.t.Helper()
	eventually(w.t, func() bool {
		for _, one := range w.user(openid).Recent {
			if one.Push == push && one.Delivery != nil && !one.Delivery.OpenedAt.IsZero() {
				return w.opensReported(push) == 1
			}
		}
		return false
	}, func() { w.t.Errorf("push %s was not opened; %d opens were reported", push, w.opensReported(push)) })
}

// opensReported counts the opens of a message in what the relay received.
func (w *phoneWorld) opensReported(message string) int {
	seen := map[string]bool{} // by nonce: a repeated report is the same open
	for _, one := range w.backend.of("/push-reports") {
		for _, open := range readReport(w.t, one).Opens {
			if open.Message == message {
				seen[open.Nonce] = true
			}
		}
	}
	return len(seen)
}

// reminder is the sign-in reminder as a subscribe message.
func reminder(day string) api.Message {
	return api.Message{Template: demoSubscribe, Page: "pages/sign/sign?day=" + day, Values: map[string]string{"thing1": "今天还没有签到", "date2": "2026-07-0" + day}}
}

// expectPush sends and compares the outcome.
func (w *phoneWorld) expectPush(openid string, m api.Message, outcome string) {
	w.t.Helper()
	if got := w.push(openid, m); got.Outcome != outcome {
		w.t.Fatalf("the push of %s was %s (%+v), want %s", m.Template, got.Outcome, got.Reason, outcome)
	}
}

func TestASubscriptionIsAskedKeptAndRevoked(t *testing.T) {
	needsTime(t)
	t.Parallel()
	w := newPhoneWorld(t)
	h := w.open(t, "xiaoming")
	signIn := func() {
		t.Helper()
		h.tap(".tab:nth-child(2)")
		h.tap("in #sign")
	}
	report := func() {
		t.Helper()
		h.tap(".capsule .close")
		h.tap("[data-chat=program]")
	}
	has := func(want int) {
		t.Helper()
		w.untilPermits(h.openid, "subscribe", demoSubscribe, want)
		if n := h.believes(demoSubscribe); n != want {
			t.Errorf("WeChat has %d permits, the bank %d", n, want)
		}
	}

	signIn()
	h.tap(".subscribe .no")
	h.says("in #state", "好的，不提醒")
	h.says("in #streak", "今天已签到") // signing in does not depend on the answer
	report()
	has(0)
	w.expectPush(h.openid, reminder("1"), "skipped")

	asked := h.called("requestSubscribeMessage")
	signIn() // somebody who refused is left in peace for a week
	h.until(`inside().body.innerText.includes('再提醒我一次')`)
	if n := h.called("requestSubscribeMessage"); n != asked {
		t.Errorf("asked again right after a refusal")
	}
	h.advance(8 * 24 * time.Hour)
	h.relaunch()
	signIn()
	h.says(".subscribe", "今天还没有签到") // the template's example
	h.tap(".subscribe .yes")
	h.says("in #state", "明天会提醒你")
	report()
	has(1)
	w.expectPush(h.openid, reminder("2"), "accepted")
	h.says(".banner", "签到提醒")
	h.tap(".banner")
	h.tap(".card .paper")
	h.says("in .rule", "从消息进来：第 2 天")
	has(0)

	h.tap("in #sign")
	h.tap(".subscribe .keep input")
	h.tap(".subscribe .yes")
	h.says("in #state", "明天会提醒你")
	report()
	has(1)
	signIn() // 总是保持以上选择: each tap tops up without a word
	report()
	has(2)
	if sees[bool](h, `!!shown('.subscribe')`) {
		t.Error("a popup for somebody who always accepts")
	}

	h.tap(".capsule .menu")
	choose(h, demoSubscribe, "reject")
	h.tap(".settings .back")
	if n := w.permits(h.openid, "subscribe", demoSubscribe); n != 2 {
		t.Errorf("the bank cannot know of the revocation yet, and has %d", n)
	}
	w.expectPush(h.openid, reminder("3"), "refused")
	has(0)
	h.relaunch() // the SDK learns of the choice at launch
	signIn()
	h.says("in #state", "总是拒绝")

	h.tap(".capsule .menu")
	choose(h, demoSubscribe, "accept")
	h.tap(".settings .back")
	h.relaunch()
	signIn()
	report()
	has(1)
	h.tap(".capsule .menu")
	h.tap(".settings .switch")
	h.until(`!shown('.settings .switch').checked && shown('.settings select').disabled`)
	h.tap(".settings .back")
	w.expectPush(h.openid, reminder("4"), "refused")
	h.relaunch()
	signIn()
	h.says(".modal", "订阅消息已关闭")
	h.tap(".modal .yes") // 去打开: the settings
	h.tap(".settings .switch")
	h.until(`shown('.settings .switch').checked`)
	if n := len(h.api("GET", "messages", nil)["messages"].([]any)); n != 1 {
		t.Errorf("the user got %d messages, want the one that was allowed", n)
	}
	w.check()
}

// choose sets what the user wants of a template, on the settings page.
func choose(h *handset, template, choice string) {
	h.t.Helper()
	h.until(`shown('[data-template="` + template + `"]')`)
	sees[bool](h, `((s) => { s.value = '`+choice+`'; s.dispatchEvent(new Event('change')); return true; })(shown('[data-template="`+template+`"]'))`)
	eventually(h.t, func() bool {
		for _, one := range h.api("GET", "settings", nil)["templates"].([]any) {
			if one := one.(map[string]any); one["template_id"] == template {
				return one["choice"] == choice
			}
		}
		return false
	}, func() { h.t.Errorf("%s is not %s", template, choice) })
}

func TestAPaymentIsThreeMessages(t *testing.T) {
	needsTime(t)
	t.Parallel()
	w := newPhoneWorld(t)
	h := w.open(t, "xiaoming")
	h.tap("in #goods-3")
	h.tap(".subscribe .no")
	h.says("in .price", "¥12.00")
	h.tap("in #buy")
	h.says(".pay", "¥12.00")
	h.tap(".pay .no")
	h.says(".toast", "没有付款")
	h.tap("in #buy")
	h.tap(".pay .yes")
	h.says("in #order", "MP0000000") // the order scene asked nothing: its template was refused a moment ago
	h.says("in .hint", "已付款")
	w.untilPermits(h.openid, "pay", "", 3)
	w.untilPermits(h.openid, "form", "", 1) // of the tap on goods
	h.advance(10 * time.Second)             // WeChat takes a payment's permit 7 s after it
	paid := api.Message{Template: demoPaid, Page: "pages/order/order?id=MP00000002", Keywords: "柠檬茶,¥12.00,MP00000002"}
	sign := api.Message{Template: demoLegacy, Page: "pages/sign/sign?day=2", Keywords: "每日签到,今天还没有签到"}
	for _, m := range []api.Message{sign, paid, sign, paid} { // one for the tap, three for the payment: any legacy template
		w.expectPush(h.openid, m, "accepted")
	}
	w.expectPush(h.openid, paid, "skipped")
	h.tap(".banner")
	h.until(`document.querySelectorAll('.card').length === 4`)
	h.picture("notices.png")
	h.tap(".card:last-child .paper")
	h.says("in #order", "MP00000002")
	got := h.api("GET", "messages", nil)["messages"].([]any)
	w.untilOpened(h.openid, got[len(got)-1].(map[string]any)["query"].(map[string]any)["minapush"].(string))
	w.check()
}

// needsTime leaves tests with a browser out of the short run, in which the race detector makes everything ten times slower.
func needsTime(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short")
	}
}
