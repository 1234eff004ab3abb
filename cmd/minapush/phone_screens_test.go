package main

import (
	"testing"

	"github.com/chromedp/chromedp"
)

func TestAPhoneThatGetsNoFormIDsReportsNone(t *testing.T) {
	needsTime(t)
	t.Parallel()
	w := newPhoneWorld(t)
	h := w.open(t, "xiaoming")
	// What each kind of client gives for a form id, and never is one.
	for _, device := range []string{"devtools", "trial", "timeout", "deprecated", "old", "undefined"} {
		h.api("PUT", "settings", map[string]string{"device": device})
		h.tapGoods()
		h.tap(".back")
	}
	h.api("PUT", "settings", map[string]string{"device": "phone"})
	h.tapGoods()
	h.tap(".capsule .close")
	w.untilPermits(h.openid, "form", "", 1)
	for _, one := range w.backend.of("/push-reports") {
		for _, item := range readReport(t, one).Items {
			if item.Type == "form" && len(item.FormID) != 32 {
				t.Errorf("reported %q", item.FormID)
			}
		}
	}
	if u := w.user(h.openid); u.Counts.Deposited != 1 {
		t.Errorf("the bank says %+v", u.Counts)
	}

	h.tap("[data-setting=offline]")
	eventually(t, func() bool { return h.api("GET", "phone", nil)["offline"] == true }, func() { t.Error("not offline") })
	h.tap("[data-do=kill]")
	h.tap("[data-chat=program]")
	h.says("in .problem", "打不开")
	h.tap("[data-setting=offline]")
	eventually(t, func() bool { return h.api("GET", "phone", nil)["offline"] == false }, func() { t.Error("still offline") })
	h.tap("[data-do=kill]")
	h.until(`shown('in #goods-1')`)

	h.load("lang", "en", "screen", "chats")
	h.says("[data-chat=notices]", "No messages yet")
	h.tap("[data-chat=program]")
	h.tap(".capsule .menu")
	h.says(".settings .title", "Subscribe messages")
}

func TestSeveralPhonesStandSideBySide(t *testing.T) {
	needsTime(t)
	t.Parallel()
	w := newPhoneWorld(t)
	h := w.open(t, "xiaoming")
	h.become("hong")
	h.tapGoods()
	h.tap(".capsule .close")
	w.untilPermits(h.openid, "form", "", 1)
	h.do("two phones", chromedp.Navigate(w.wechat+"/phone/?lang=zh&app="+w.app+"&user=xiaoming&user=hong"))
	// A phone listens once its mini program runs.
	h.until(`frames.length === 2 && [frames[0], frames[1]].every((f) => f.document.querySelector('iframe').contentDocument.body.innerText.includes('柠檬茶'))`)
	h.picture("two.png")
	w.expectPush(h.openid, legacyGoods("pages/goods/goods?id=2"), "accepted")
	h.until(`!frames[1].document.querySelector('.banner').hidden`)
	if sees[bool](h, `!frames[0].document.querySelector('.banner').hidden`) {
		t.Error("the message came to another phone, too")
	}
}
