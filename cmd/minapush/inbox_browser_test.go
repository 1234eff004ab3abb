package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/minapush/minapush/sandbox"
)

// inboxPictures names a folder for pictures of the inbox, for those who want to look at it.
const inboxPictures = "MINAPUSH_TEST_PICTURES"

// The inbox in a real browser: a message that arrives appears by itself, what was unfolded stays so, and the button deletes.
func TestTheInboxIsLive(t *testing.T) {
	t.Parallel()
	needsBrowser(t)
	sb, err := sandbox.New(sandbox.Config{})
	must(t, err)
	app, err := sb.AddApp(sandbox.App{})
	must(t, err)
	for _, tmpl := range demoTemplates() {
		_, err := sb.AddTemplate(app.AppID, tmpl)
		must(t, err)
	}
	openid, err := sb.OpenPhone(app.AppID, demoUser)
	must(t, err)
	must(t, sb.Subscribe(app.AppID, openid, demoSubscribe, 2))
	server := httptest.NewServer(sb)
	t.Cleanup(func() { sb.HangUp(); server.Close() })

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	browser, stop := chromedp.NewContext(ctx)
	t.Cleanup(stop)
	do := func(what string, steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(browser, steps...); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	until := func(what, condition string) {
		t.Helper()
		if _, err := chromedp.Run(browser, chromedp.Poll[bool](condition)); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	do("open", chromedp.EmulateViewport(1200, 800), chromedp.Navigate(server.URL+"/phone/inbox?lang=zh"))
	until("the stream", `!document.querySelector('.live').hidden`)
	sendAs(t, sb, app, openid, "第一条")
	until("the first message", `document.querySelectorAll('article.new').length === 1`)
	do("unfold", chromedp.Click(chromedp.CSS("#m1 summary")))
	until("unfolded", `document.querySelector('#m1 details').open`)
	sendAs(t, sb, app, openid, "第二条")
	until("the second message", `document.querySelector('article.new').id === 'm2' && document.querySelector('#m1 details').open`)
	picture(t, browser, "inbox-zh.png")
	until("sure", `(window.confirm = () => true) && true`)
	do("delete", chromedp.Click(chromedp.CSS("[data-clear]")))
	until("deleted", `document.querySelectorAll('article').length === 0 && document.querySelector('.none') !== null`)
}

// sendAs sends the user a reminder by WeChat's API.
func sendAs(t *testing.T, sb *sandbox.Sandbox, app sandbox.App, openid, text string) {
	t.Helper()
	call := func(path, body string) map[string]any { return callWeChat(t, sb, path, body) }
	token := call(sandbox.PathStableToken, `{"grant_type":"client_credential","appid":"`+app.AppID+`","secret":"`+app.Secret+`"}`)["access_token"].(string)
	got := call(sandbox.PathSend+"?access_token="+token, `{"touser":"`+openid+`","template_id":"`+demoSubscribe+
		`","page":"pages/sign/sign?day=2","data":{"thing1":{"value":"`+text+`"},"date2":{"value":"2026-07-01"}}}`)
	if got["errcode"] != 0.0 {
		t.Fatalf("sent: %v", got)
	}
}

// picture keeps what the browser shows, if somebody asked for it.
func picture(t *testing.T, browser context.Context, name string) {
	t.Helper()
	dir := os.Getenv(inboxPictures)
	if dir == "" {
		return
	}
	png, err := chromedp.Run(browser, chromedp.CaptureScreenshot())
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, name), png, 0o600))
}

// callWeChat is one call of WeChat's API, without a socket.
func callWeChat(t *testing.T, sb *sandbox.Sandbox, path, body string) (got map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.weixin.qq.com"+path, strings.NewReader(body))
	must(t, err)
	resp, err := sb.RoundTrip(req)
	must(t, err)
	defer resp.Body.Close()
	must(t, json.NewDecoder(resp.Body).Decode(&got))
	return got
}
