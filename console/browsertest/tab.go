// Package browsertest opens pages of the console in a real headless Chromium, watches what they do, and lets axe-core judge them.
//
// Tests use it, and the gallery. It is no part of the binary, and may change at any release.
package browsertest

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// patience is how long a condition may take to come true on a machine that has much else to do.
const patience = time.Minute

// Options say what the browser is like.
type Options struct {
	// Lang is the language that the browser asks for. Defaults to "zh-CN".
	Lang string
	// NoScript forbids pages to run scripts.
	NoScript bool
	// Width and Height are of the window, in CSS pixels. Default to 1280 and 900.
	Width, Height int64
	// Life is how long the browser lives at most. Defaults to 5 minutes.
	Life time.Duration
}

// Tab is one page in a browser of its own, which ends with the test. It is for one goroutine.
type Tab struct {
	t       testing.TB
	browser context.Context
	site    string
	watch   *watch
}

// Open starts a browser for the pages below site, such as "http://127.0.0.1:7330". A page that writes an error to its console, breaks the
// policy for its content or asks another host for anything fails the test at its end. Without Chromium the test fails at once.
func Open(t testing.TB, site string, o Options) *Tab {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Fatal("chromium is not on this machine: make packages installs it, and a Chinese font (apt-get install chromium fonts-wqy-microhei)")
	}
	if o.Lang == "" {
		o.Lang = "zh-CN"
	}
	if o.Width == 0 {
		o.Width, o.Height = 1280, 900
	}
	if o.Life == 0 {
		o.Life = 5 * time.Minute
	}
	ctx, cancel := context.WithTimeout(t.Context(), o.Life)
	tab := &Tab{t: t, site: strings.TrimSuffix(site, "/"), watch: &watch{host: hostOf(site)}}
	browser, stop := chromedp.NewContext(ctx, chromedp.WithAllocatorOptions(chromedp.Flag("accept-lang", o.Lang)), chromedp.WithListener(tab.watch.event))
	t.Cleanup(func() { stop(); cancel() })
	tab.browser = browser
	tab.Do("start the browser", chromedp.EmulateViewport(o.Width, o.Height))
	if o.NoScript {
		_, err := chromedp.Call(browser, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		tab.must("forbid scripts", err)
	}
	t.Cleanup(tab.quiet)
	return tab
}

// quiet fails the test of which a page did what it must not.
func (tab *Tab) quiet() {
	tab.t.Helper()
	for _, wrong := range tab.watch.wrongs() {
		tab.t.Error(wrong)
	}
}

// Forgive lets pass complaints that have a text in them, such as "status of 422" of a page that answers so on purpose.
func (tab *Tab) Forgive(text string) { tab.watch.forgive(text) }

// Browser is for what a Tab has no method for.
func (tab *Tab) Browser() context.Context { return tab.browser }

// Do runs steps, and fails the test if one fails.
func (tab *Tab) Do(what string, steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	tab.must(what, chromedp.Do(tab.browser, steps...))
}

func (tab *Tab) must(what string, err error) {
	tab.t.Helper()
	if err != nil {
		tab.t.Fatalf("%s: %v", what, err)
	}
}

// Go opens an address: a path of the site, or a whole one of it.
func (tab *Tab) Go(address string) {
	tab.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = tab.site + address
	}
	tab.Do("open "+address, chromedp.Navigate(address))
}

// Size makes the window so many CSS pixels wide and high.
func (tab *Tab) Size(width, height int64) {
	tab.t.Helper()
	tab.Do("size", chromedp.EmulateViewport(width, height))
}

// See evaluates an expression of the page.
func See[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	got, err := chromedp.Run(tab.browser, chromedp.Evaluate[T](expression))
	tab.must(expression, err)
	return got
}

// Until waits until an expression is true of the page, for a minute at most. Pages may be loaded meanwhile. It needs no script of the page.
func (tab *Tab) Until(condition string) {
	tab.t.Helper()
	safe := `(() => { try { return document.readyState !== 'loading' && !!(` + condition + `); } catch { return false; } })()`
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := chromedp.Run(tab.browser, chromedp.Evaluate[bool](safe))
		if ok {
			return
		}
		if time.Now().After(deadline) || tab.browser.Err() != nil {
			tab.t.Fatalf("waited for %s in vain (%v) at %s, which says:\n%s", condition, err, tab.Path(), tab.Text())
		}
		<-tick.C
	}
}

// Shows waits until the page has a text.
func (tab *Tab) Shows(text string) {
	tab.t.Helper()
	tab.Until(fmt.Sprintf(`document.body.innerText.includes(%q)`, text))
}

// At waits until the path of the page ends so.
func (tab *Tab) At(suffix string) {
	tab.t.Helper()
	tab.Until(fmt.Sprintf(`document.readyState === 'complete' && location.pathname.endsWith(%q)`, suffix))
}

// Path is the path and query of the page; "" while there is none.
func (tab *Tab) Path() string {
	got, _ := chromedp.Run(tab.browser, chromedp.Evaluate[string](`location.pathname + location.search`))
	return got
}

// Text is what stands on the page, for the message of a test that failed.
func (tab *Tab) Text() string {
	got, _ := chromedp.Run(tab.browser, chromedp.Evaluate[string](`document.body.innerText`))
	return got
}

// Click clicks with the mouse on the first element that fits a CSS selector, once it is there to be seen.
func (tab *Tab) Click(selector string) {
	tab.t.Helper()
	tab.Until(fmt.Sprintf(`document.querySelector(%q).getClientRects().length > 0`, selector))
	tab.Do("click on "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// Press clicks on the button or link with a text.
func (tab *Tab) Press(text string) {
	tab.t.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll('main button, main a, header button, header a, summary')]
		.find((e) => e.textContent.trim() === %q && e.getClientRects().length > 0)`, text)
	tab.Until(find + ` !== undefined`)
	at := See[struct{ X, Y float64 }](tab, `(() => { const e = `+find+`; e.scrollIntoView({ block: 'center', behavior: 'instant' });
		const r = e.getBoundingClientRect(); return { x: r.left + r.width / 2, y: r.top + r.height / 2 }; })()`)
	tab.Do("press "+text, chromedp.MouseClickXY(at.X, at.Y))
}

// Type empties a field of text, and types into it with the keyboard.
func (tab *Tab) Type(selector, text string) {
	tab.t.Helper()
	tab.Until(fmt.Sprintf(`document.querySelector(%q) !== null`, selector))
	See[string](tab, fmt.Sprintf(`document.querySelector(%q).value = ''`, selector))
	tab.Do("type into "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Choose selects an option of a list by its value.
func (tab *Tab) Choose(selector, value string) {
	tab.t.Helper()
	tab.Until(fmt.Sprintf(`document.querySelector(%q) !== null`, selector))
	See[string](tab, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.value = %q;
		e.dispatchEvent(new Event('input', { bubbles: true })); e.dispatchEvent(new Event('change', { bubbles: true })); return e.value; })()`, selector, value))
}

// Fits fails the test if the page scrolls sideways in a window of that width.
func (tab *Tab) Fits(name string, width int64) {
	tab.t.Helper()
	tab.Size(width, 900)
	type box struct{ Page, Window int }
	got := See[box](tab, `({ page: document.documentElement.scrollWidth, window: innerWidth })`)
	if got.Page > got.Window {
		tab.t.Errorf("%s: the page is %d wide in a window of %d: %s", name, got.Page, got.Window, See[string](tab, tooWide))
	}
}

// tooWide names what reaches over the right edge, innermost first, and is not inside something that scrolls.
const tooWide = `(() => {
	const scrolls = (e) => { for (; e; e = e.parentElement) if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(e).overflowX)) return true; return false; };
	return [...document.body.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e.parentElement))
		.map((e) => e.tagName.toLowerCase() + (e.id ? '#' + e.id : '') + '.' + [...e.classList].join('.')).slice(-5).join(', ');
})()`
