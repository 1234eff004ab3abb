package main

import (
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/console/browsertest"
)

// figure is the number of an outcome on the page of a campaign.
func figure(tab *browsertest.Tab, label string) int {
	return browsertest.See[int](tab, `Number(([...document.querySelectorAll('.equation dt')].find((e) => e.textContent.trim() === "`+label+
		`")?.nextElementSibling?.textContent ?? '-1').replaceAll(',', ''))`)
}

// An operator comes in by the first link, makes a campaign, looks at it, sends it, and sees what became of it.
func TestTheConsoleInABrowser(t *testing.T) {
	t.Parallel()
	w := newConsoleWorld(t)
	tab := browsertest.Open(t, w.url, browsertest.Options{})
	w.look = looks(t)
	w.enter(tab)
	w.look(tab, "overview")
	w.sync(tab)
	w.people()

	id := w.compose(tab, "周末签到提醒")
	w.preflight(tab)
	w.testOne(tab)
	w.rate(2) // so slowly that there is time to look, however slow the machine is
	tab.Go(w.at("campaigns/" + id + "/check"))
	w.start(tab, id)
	w.watched(tab)
	w.pauseAndResume(tab, id)
	w.rate(minapush.Unlimited)
	w.result(tab, id)
	w.exported(tab, id)
	w.again(tab)
	w.everyPage(tab, id)
}

// looks judges each page once, where axe-core is installed, and sees that it fits a narrow window.
func looks(t *testing.T) func(tab *browsertest.Tab, name string) {
	var axe *browsertest.Axe
	if browsertest.HasAxe() {
		axe = browsertest.FindAxe(t)
	}
	return func(tab *browsertest.Tab, name string) {
		t.Helper()
		if axe != nil {
			axe.Check(tab, name)
		}
		tab.Fits(name, 360)
		tab.Size(1280, 900)
	}
}

// preflight sees that the numbers of the check are those of the world.
func (w *consoleWorld) preflight(tab *browsertest.Tab) {
	w.t.Helper()
	value := func(title string) string {
		return browsertest.See[string](tab, `[...document.querySelectorAll('.datagrid-title')].find((e) => e.textContent.trim() === "`+title+
			`")?.nextElementSibling?.textContent.trim() ?? 'is not there'`)
	}
	for title, want := range map[string]string{
		"目标人群": fmt.Sprintf("约 %d 人", consoleUsers), "可触达人数": fmt.Sprintf("约 %d 人", consoleReach),
		"没有该模板的推送凭证": fmt.Sprintf("约 %d 人", consoleForms), "模板": consoleTitle,
	} {
		if got := value(title); got != want {
			w.t.Errorf("the check says %s: %s, want %s", title, got, want)
		}
	}
	if got := value("今日剩余额度"); !strings.Contains(got, "剩余") {
		w.t.Errorf("the check says %s of today's quota", got)
	}
	w.look(tab, "check")
}

// testOne sends a test to who reported last.
func (w *consoleWorld) testOne(tab *browsertest.Tab) {
	w.t.Helper()
	if got := browsertest.See[string](tab, `document.querySelector('#f-who').options[1].value`); got != w.tester {
		w.t.Errorf("the first proposed for a test is %s, want who reported last, %s", got, w.tester)
	}
	tab.Choose("#f-who", w.tester)
	tab.Press("发送测试")
	tab.Until(`document.querySelector('#test .alert-success').innerText.includes('` + w.tester + `')`)
	w.look(tab, "check after a test")
	if n := len(w.received(api.Message{Template: consoleT, Page: "pages/index/index"})); n != 1 {
		w.t.Errorf("%d people got the test, want one", n)
	}
}

// watched sees the figures move on a page that is never loaded again.
func (w *consoleWorld) watched(tab *browsertest.Tab) {
	w.t.Helper()
	tab.Until(`(window.sameDocument = true) && document.querySelector('progress') !== null`)
	first := figure(tab, accepted)
	for n := range 2 {
		tab.Until(fmt.Sprintf(`window.sameDocument && %s > %d`, acceptedJS, first+n))
	}
	w.look(tab, "live")
	before := figure(tab, accepted)
	tab.Until(fmt.Sprintf(`window.sameDocument && %s > %d && document.querySelector('progress').value > 0`, acceptedJS, before))
}

const accepted = "已受理 (微信已接收)"

const acceptedJS = `Number([...document.querySelectorAll('.equation dt')].find((e) => e.textContent.trim() === '` + accepted +
	`').nextElementSibling.textContent.replaceAll(',', ''))`

// pauseAndResume stops it half way, and sees it stand still, and go on.
func (w *consoleWorld) pauseAndResume(tab *browsertest.Tab, id string) {
	w.t.Helper()
	tab.Press("暂停")
	tab.Until(`document.querySelector('#live .state').innerText === '已暂停'`)
	w.until(id, "paused with nothing under way", func(m api.Campaign) bool {
		return m.State == "paused" && m.Progress.PendingBy["sending"] == 0
	})
	tab.Press("继续发送")
	tab.Until(`document.querySelector('#live .state').innerText.startsWith('发送中')`)
	now := figure(tab, accepted)
	tab.Until(fmt.Sprintf(`%s > %d`, acceptedJS, now))
}

// result sees the page turn into the result by itself, with sums that close and are those of the ledger.
func (w *consoleWorld) result(tab *browsertest.Tab, id string) {
	w.t.Helper()
	tab.Until(`(window.sameDocument = true)`)
	m := w.finished(id)
	tab.Until(`document.querySelector('#live .state').innerText === '已完成' && document.querySelector('form[action$="/retry"]') !== null`)
	if !browsertest.See[bool](tab, `window.sameDocument === true`) {
		w.t.Error("the page was loaded again")
	}
	sum := 0
	for label, outcome := range map[string]string{
		accepted: "accepted", "无次数或已拒收 (43101)": "refused", "发送失败 (次数已退回)": "failed", "已跳过 (未消耗)": "skipped", "结果未知 (不重发)": "unknown",
	} {
		got := figure(tab, label)
		if want := int(m.Progress.Outcomes[outcome]); got != want {
			w.t.Errorf("the page says %d %s, the ledger %d", got, outcome, want)
		}
		sum += got
	}
	if got := figure(tab, "目标人群"); got != sum || got != int(m.Progress.Audience) || got != consoleUsers {
		w.t.Errorf("the page says %d in all, the parts are %d, the ledger says %d; there are %d", got, sum, m.Progress.Audience, consoleUsers)
	}
	if n := m.Progress.Outcomes; n["accepted"] != consoleGood+1 || n["refused"] != consoleRefuse || n["failed"] != consoleGone {
		w.t.Errorf("outcomes %v", n)
	}
	w.look(tab, "result")
}

// exported downloads who was accepted, as a spreadsheet takes it.
func (w *consoleWorld) exported(tab *browsertest.Tab, id string) {
	w.t.Helper()
	dir := w.t.TempDir()
	_, err := chromedp.CallBrowser(tab.Browser(), browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: "allow", DownloadPath: dir})
	must(w.t, err)
	tab.Choose("#f-export", "accepted")
	tab.Press("导出 CSV")
	path := filepath.Join(dir, "minapush-"+id+"-accepted.csv")
	var b []byte
	eventually(w.t, func() bool { b, err = os.ReadFile(path); return err == nil }, func() { w.t.Fatal(err) })
	text, ok := strings.CutPrefix(string(b), "\ufeff")
	if !ok {
		w.t.Error("the file has no byte order mark, without which spreadsheets misread Chinese")
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	must(w.t, err)
	if got := len(rows) - 1; got != consoleGood+1 {
		w.t.Errorf("%d rows were exported below %v, want %d", got, rows[0], consoleGood+1)
	}
}

// again makes a campaign of those that failed.
func (w *consoleWorld) again(tab *browsertest.Tab) {
	w.t.Helper()
	tab.Press("用这些用户新建任务")
	tab.At("/check")
	tab.Shows(fmt.Sprintf("确认发送给名单中的 %d 人", consoleGone))
	w.look(tab, "check of a retry")
}

// everyPage follows every link there is, in Chinese on light and in English on dark. A link to nothing is a complaint of the browser.
func (w *consoleWorld) everyPage(tab *browsertest.Tab, id string) {
	w.t.Helper()
	begin := []string{w.at(""), w.at("campaigns/" + id), w.at("campaigns/" + id + "/deliveries")}
	w.follow(tab, "", begin)
	tab.Go(w.at("campaigns"))
	tab.Press("English")
	tab.Shows("New campaign")
	if got := browsertest.See[string](tab, `document.documentElement.lang`); got != "en" {
		w.t.Errorf("the language of the page is %q", got)
	}
	tab.Press("Appearance")
	tab.Press("Dark")
	tab.Until(`document.documentElement.dataset.bsTheme === 'dark'`)
	if bright := browsertest.See[float64](tab, ground); bright > 80 {
		w.t.Errorf("the dark page has a ground of brightness %.0f", bright)
	}
	w.follow(tab, "English, dark: ", begin)
	tab.Press("中文")
	tab.Press("外观")
	tab.Press("浅色")
	tab.Until(`document.documentElement.dataset.bsTheme === 'light' && document.documentElement.lang === 'zh-CN'`)
}

// follow looks at some pages, and each that links on them lead to, one of each sort.
func (w *consoleWorld) follow(tab *browsertest.Tab, how string, begin []string) {
	w.t.Helper()
	seen := map[string]bool{"": true} // of a download
	for todo := begin; len(todo) > 0; todo = todo[1:] {
		sort := sortOfPage(todo[0])
		if seen[sort] {
			continue
		}
		seen[sort] = true
		tab.Go(todo[0])
		tab.Until(`document.readyState === 'complete' && [...document.querySelectorAll('[data-chart]')].every((e) => e.dataset.drawn)`)
		w.look(tab, how+sort)
		todo = append(todo, browsertest.See[[]string](tab, `[...document.querySelectorAll('a[href]')].map((a) => a.pathname + a.search)`)...)
	}
	if len(seen) < 15 {
		w.t.Errorf("links lead to %d pages only: %v", len(seen), slices.Sorted(maps.Keys(seen)))
	}
	w.t.Logf("%d pages: %s", len(seen), strings.Join(slices.Sorted(maps.Keys(seen)), " "))
}

// ground is how bright the page is behind everything, from 0 to 255.
const ground = `(() => {
	const c = document.createElement('canvas').getContext('2d');
	c.fillStyle = getComputedStyle(document.body).backgroundColor;
	c.fillRect(0, 0, 1, 1);
	const [r, g, b] = c.getImageData(0, 0, 1, 1).data;
	return (r + g + b) / 3;
})()`

// The same without script: forms and links do everything.
func TestTheConsoleWithoutScript(t *testing.T) {
	t.Parallel()
	w := newConsoleWorld(t)
	tab := browsertest.Open(t, w.url, browsertest.Options{NoScript: true, Life: 5 * time.Minute})
	w.enter(tab)
	tab.Press(consoleName)
	tab.Press("退出登录")
	tab.At("/signin")
	w.signIn(tab)
	w.sync(tab)
	w.people()
	id := w.compose(tab, "不用脚本")
	w.testOne(tab)
	w.start(tab, id)
	w.finished(id)
	tab.Go(w.at("campaigns/" + id))
	tab.Shows("已完成")
	if got := figure(tab, accepted); got != consoleGood+1 {
		t.Errorf("%d were accepted, want %d", got, consoleGood+1)
	}
}
