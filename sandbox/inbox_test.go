package sandbox_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/minapush/minapush/sandbox"
)

// inbox fetches the page.
func (d *device) inbox(q string, status int, headers ...string) string {
	d.t.Helper()
	got, text, h := ask(d.t, d.client, "GET", d.url+"/phone/inbox?"+q, "", headers...)
	if got != status || !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
		d.t.Errorf("%s: %d %s, want %d", q, got, h.Get("Content-Type"), status)
	}
	return text
}

func wantText(t testing.TB, page string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(page, w) {
			t.Errorf("the page lacks %q", w)
		}
	}
}

func TestTheInboxSpeaksTheReadersLanguage(t *testing.T) {
	t.Parallel()
	d := newPhone(t, sandbox.Config{})
	wantText(t, d.inbox("", 200), "Inbox", "Nothing was received yet.")
	wantText(t, d.inbox("", 200, "Accept-Language", "zh-CN,zh;q=0.9"), "收件箱", "还没有收到消息", `lang="zh-CN"`)
	wantText(t, d.inbox("lang=en", 200, "Accept-Language", "zh-CN"), "Inbox")
	wantText(t, d.inbox("lang=zh", 200), "收件箱")
}

func TestTheInboxShowsWhatWasReceived(t *testing.T) {
	t.Parallel()
	w, server := newPhones(t, sandbox.Config{})
	ming, hong := openPhone(t, w, server, "xiaoming"), openPhone(t, w, server, "hong")
	must(t, w.sb.Subscribe(ming.app, ming.openid, ming.tmpl, 1))
	ming.wantCode(ming.send("page", `p?x="><script>`, "data", values("thing1", "<b>&粗", "date2", "2026-07-01")), 0)
	hong.arrive("pages/hong")
	page := ming.inbox("", 200)
	wantText(t, page, "<b>2</b>", "签到提醒", "&lt;b&gt;&amp;粗", "pages/hong", ">xiaoming<", ">hong<", "07-01 09:00:00", "&#34;touser&#34;: ")
	if strings.Contains(page, "<script>") || strings.Contains(page, "<b>&粗") {
		t.Error("a message's text is markup on the page")
	}
	if strings.Index(page, "pages/hong") > strings.Index(page, "粗") {
		t.Error("the newest is not first")
	}
	for q, want := range map[string]string{
		"app=" + hong.app + "&user=hong": "<b>1</b>", "user=hong": "<b>1</b>", "q=HONG": "<b>1</b>", "template=" + w.legacy: "<b>0</b>", "app=" + hong.app: "<b>2</b>",
	} {
		wantText(t, ming.inbox(q, 200), want)
	}
	wantText(t, ming.inbox("user=nobody", 404), "user: no such user &#34;nobody&#34;")
	wantText(t, ming.inbox("app=nope", 404), "app: ")
	wantText(t, ming.inbox("before=x", 400), "before: must be a whole number")
	wantText(t, ming.inbox("nope=1", 400), "nope: unknown parameter")
}

func TestTheInboxHasPages(t *testing.T) {
	t.Parallel()
	d := newPhone(t, sandbox.Config{})
	for i := range 60 {
		d.arrive(fmt.Sprintf("page-%02d.", i+1))
	}
	first := d.inbox("lang=en", 200)
	wantText(t, first, "page-60.", "page-11.", "before=11", "Older")
	if strings.Contains(first, "page-10.") || strings.Contains(first, "Newest") {
		t.Error("the first page has more than its 50")
	}
	second := d.inbox("lang=en&before=11", 200)
	wantText(t, second, "page-10.", "page-01.", "Newest")
	if strings.Contains(second, "page-11.") || strings.Contains(second, "Older") {
		t.Error("the second page has more than the rest")
	}
}
