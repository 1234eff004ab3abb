package main

import "testing"

func TestTour(t *testing.T) {
	w := newPhoneWorld(t)
	h := w.open(t, "xiaoming")
	h.until(`inside().body.innerText.includes("¥18")`)
	t.Log(sees[string](h, `typeof shown + typeof window.inside + (inside().getElementById("goods-1")?.outerHTML) + inside().body.innerHTML.slice(0,900)`))
	h.until(`shown('in #goods-1')`)
	h.picture("1-index.png")
	h.tap("in #goods-1")
	h.until(`shown('.subscribe')`)
	h.picture("2-popup.png")
	h.tap(".subscribe .yes")
	h.until(`shown('in #buy')`)
	h.picture("3-goods.png")
	h.tap("in #buy")
	h.until(`shown('.pay')`)
	h.picture("4-pay.png")
	h.tap(".pay .yes")
	h.until(`shown('.subscribe') || shown('in #order')`)
	h.picture("5-after.png")
	if sees[bool](h, `!!shown('.subscribe')`) {
		h.tap(".subscribe .yes")
	}
	h.until(`shown('in #order')`)
	h.picture("6-order.png")
	h.tap(".capsule .close")
	h.until(`shown('.chats')`)
	h.picture("7-chats.png")
	w.untilPermits(h.openid, "form", "", 1)
	t.Log(w.push(h.openid, legacyGoods("pages/goods/goods?id=2&minapush=spring")))
	h.until(`shown('.banner')`)
	h.picture("8-banner.png")
	h.tap("[data-chat=notices]")
	h.until(`shown('.card')`)
	h.picture("9-card.png")
	h.tap(".card .paper")
	h.until(`shown('in #buy')`)
	h.picture("10-opened.png")
	h.tap(".capsule .menu")
	h.until(`shown('.settings')`)
	h.picture("11-settings.png")
	t.Log(h.console)
	for _, r := range w.backend.of("/push-reports") {
		t.Logf("%s", r.body)
	}
}
