package main

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/console/browsertest"
	"github.com/minapush/minapush/sandbox"
)

// How many people consoleWorld has, by what becomes of a message to them.
const (
	consoleGood    = 290 // take it, as does the tester
	consoleRefuse  = 10  // took their permit back at WeChat
	consoleGone    = 5   // WeChat does not know them any more: the message fails
	consoleForms   = 4   // hold a permit for another template only
	consoleReach   = consoleGood + 1 + consoleRefuse + consoleGone
	consoleUsers   = consoleReach + consoleForms
	consoleName    = "运营小王"
	consolePass    = "correct horse battery"
	consoleMessage = "记得签到，今天连续签到第 7 天"
	consoleTitle   = "签到提醒"
	consoleT       = "C_template_that_the_pages_sync_000000000000"
)

// consoleWorld is a world whose pages are looked at in a browser. The last who reported is the tester.
type consoleWorld struct {
	*world
	tester string
	// look is told of each page on the way.
	look func(tab *browsertest.Tab, name string)
}

func newConsoleWorld(t *testing.T) *consoleWorld {
	t.Helper()
	w := &consoleWorld{world: newWorld(t, sandbox.Config{SendPerDay: -1}, nil), look: func(*browsertest.Tab, string) {}}
	_, err := w.sandbox.AddTemplate(testApp, sandbox.Template{
		ID: consoleT, Title: consoleTitle, Type: sandbox.OneTime, Content: "温馨提示:{{thing1.DATA}}", Keys: []string{"thing1"},
	})
	must(t, err)
	name := "演示商城"
	_, err = w.client.UpdateApp(t.Context(), testApp, api.AppChange{Name: &name})
	must(t, err)
	return w
}

// sync fetches the template from WeChat, over the pages.
func (w *consoleWorld) sync(tab *browsertest.Tab) {
	w.t.Helper()
	tab.Go(w.at("settings/templates"))
	tab.Press("与微信比对")
	tab.Shows(consoleTitle)
	w.look(tab, "what differs from WeChat")
	tab.Press("确认同步")
	tab.At("/settings/templates")
	tab.Until(`[...document.querySelectorAll('tbody a')].some((a) => a.textContent === '` + consoleTitle + `')`)
	got, err := w.client.Template(w.t.Context(), testApp, consoleT)
	must(w.t, err)
	if len(got.Keys) != 1 || got.Keys[0].Key != "thing1" || got.Keys[0].Label != "温馨提示" {
		w.t.Errorf("the template has the keys %+v", got.Keys)
	}
}

// people come, give their permits, and are counted.
func (w *consoleWorld) people() {
	w.t.Helper()
	openids := w.users(consoleGood + consoleRefuse + consoleForms + 1)
	for _, o := range openids[:consoleGood] {
		w.accept(o, 1, true)
	}
	for _, o := range openids[consoleGood : consoleGood+consoleRefuse] {
		w.accept(o, 1, false)
	}
	for i := range consoleGone {
		w.accept(fmt.Sprintf("oGone_no_such_user_at_WeChat%03d", i), 1, false)
	}
	for _, o := range openids[consoleGood+consoleRefuse : consoleGood+consoleRefuse+consoleForms] {
		w.forms(o, 1)
	}
	w.tester = openids[len(openids)-1]
	w.accept(w.tester, 2, true)
	app, err := w.sys.accounts.App(w.t.Context(), testApp)
	must(w.t, err)
	_, err = w.sys.bank.Survey(w.t.Context(), app)
	must(w.t, err)
}

// accept reports that somebody accepted n times; WeChat may know nothing of it.
func (w *consoleWorld) accept(openid string, n int, known bool) {
	w.t.Helper()
	if known {
		must(w.t, w.sandbox.Subscribe(testApp, openid, consoleT, n))
	}
	report := api.Report{OpenID: openid}
	for i := range n {
		report.Items = append(report.Items, api.ReportItem{Type: "subscribe", Template: consoleT, Result: "accept", Nonce: fmt.Sprint("tap-", i)})
	}
	got, err := w.client.Report(w.t.Context(), testApp, report)
	must(w.t, err)
	if got.Accepted != n {
		w.t.Fatalf("%d of %d subscriptions accepted: %+v", got.Accepted, n, got)
	}
}

// sortOfPage is an address without what tells pages of one sort apart: ids, and the values of a query. That of a download is empty.
func sortOfPage(address string) string {
	at, err := url.Parse(address)
	if err != nil || strings.HasSuffix(at.Path, "/export") {
		return ""
	}
	parts := strings.Split(at.Path, "/")
	for i, part := range parts {
		if len(part) > 15 && part != testApp {
			parts[i] = "ID"
		}
	}
	sort := strings.Join(parts, "/")
	if names := slices.Sorted(maps.Keys(at.Query())); len(names) > 0 {
		sort += "?" + strings.Join(names, "&")
	}
	return sort
}

// rate sets how many messages a second may go out.
func (w *consoleWorld) rate(n int) {
	w.t.Helper()
	_, err := w.client.UpdateApp(w.t.Context(), testApp, api.AppChange{Rate: &n})
	must(w.t, err)
}

// at is the address of a page of the app.
func (w *consoleWorld) at(path string) string {
	return w.sys.console.Root() + "apps/" + testApp + "/" + path
}

// enter makes the first operator by the link that serve prints.
func (w *consoleWorld) enter(tab *browsertest.Tab) {
	w.t.Helper()
	link, err := w.sys.welcomeLink(w.t.Context())
	must(w.t, err)
	tab.Go(link)
	w.look(tab, "welcome")
	tab.Type("#f-name", consoleName)
	tab.Type("#f-password", consolePass)
	tab.Type("#f-again", consolePass)
	tab.Click("main button")
	tab.At("/apps/" + testApp + "/")
}

// signIn is how she comes in from then on.
func (w *consoleWorld) signIn(tab *browsertest.Tab) {
	w.t.Helper()
	tab.Go(w.at("campaigns"))
	tab.At("/signin")
	tab.Type("#f-name", consoleName)
	tab.Type("#f-password", consolePass)
	tab.Click("main button")
	tab.At("/campaigns")
}

// compose makes a campaign over the pages, up to the check, and returns its id.
func (w *consoleWorld) compose(tab *browsertest.Tab, name string) string {
	w.t.Helper()
	tab.Go(w.at("campaigns"))
	tab.Press("新建群发任务")
	tab.At("/campaigns/new")
	tab.Shows(consoleTitle)
	w.look(tab, "choose a template")
	tab.Click(`main a.card-link[href*="` + consoleT + `"]`)
	tab.Until(`document.querySelector('#compose') !== null`)
	tab.Type("#f-name", name)
	tab.Type(`[name="value.thing1"]`, consoleMessage)
	tab.Type("#f-page", "pages/index/index")
	tab.Click(`input[name="latest"][value="none"]`)
	w.look(tab, "compose")
	tab.Press("下一步：检查")
	tab.At("/check")
	parts := strings.Split(tab.Path(), "/")
	return parts[slices.Index(parts, "campaigns")+1]
}

// start starts it with the number on the button, and shows its live page.
func (w *consoleWorld) start(tab *browsertest.Tab, id string) {
	w.t.Helper()
	tab.Press(fmt.Sprintf("确认发送给约 %d 人", consoleReach))
	tab.At("/campaigns/" + id)
}
