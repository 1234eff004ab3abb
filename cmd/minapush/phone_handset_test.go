package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// handset is the page of a phone in a headless browser with a profile of its own.
type handset struct {
	w            *phoneWorld
	t            *testing.T
	site         string // where the simulator is
	user, openid string
	browser      context.Context

	mu      sync.Mutex
	console []string // errors
}

// insideThePage is there before the page's own scripts, in every frame. The clock is as far ahead as the test says, and
// timers go as fast; at(selector) is where a tap reaches an element, of the phone or, after "in ", of the mini program on it.
const insideThePage = `(() => {
  const Real = Date;
  const ahead = () => { try { return Number(localStorage.getItem('test/ahead')); } catch { return 0; } };
  window.Date = class extends Real {
    constructor(...args) { super(...(args.length ? args : [Real.now() + ahead()])); }
    static now() { return Real.now() + ahead(); }
  };
  const wait = window.setTimeout;
  const hurry = () => { try { return Number(localStorage.getItem('test/hurry')) || 1; } catch { return 1; } };
  window.setTimeout = (f, ms, ...args) => wait(f, ms / hurry(), ...args);
  if (window !== top) return;
  window.inside = () => document.querySelector('iframe')?.contentDocument;
  window.shown = (selector) => {
    const [, within, css] = /^(in )?(.*)/.exec(selector);
    const own = css.replace(/#([\w-]+)/g, '[id$="--$1"]'); // the framework puts a name of its own before ids
    const list = (within ? inside() : document)?.querySelectorAll(within ? own : css) ?? [];
    return [...list].find((e) => e.getClientRects().length > 0);
  };
  window.text = (selector) => shown(selector)?.textContent ?? '';
  window.at = (selector) => {
    const e = shown(selector);
    if (!e) return null;
    e.scrollIntoView({ block: 'nearest' });
    const own = e.getBoundingClientRect();
    const x = own.left + own.width / 2, y = own.top + own.height / 2;
    const hit = e.ownerDocument.elementFromPoint(x, y);
    if (!hit || !e.contains(hit)) return null;
    if (e.ownerDocument === document) return { x, y };
    const frame = document.querySelector('iframe').getBoundingClientRect();
    return document.elementFromPoint(x + frame.left, y + frame.top)?.tagName === 'IFRAME' ? { x: x + frame.left, y: y + frame.top } : null;
  };
})()`

// open starts a browser with a user's phone on it.
func (w *phoneWorld) open(t *testing.T, user string) *handset {
	t.Helper()
	h := w.browser(t, w.wechat)
	h.become(user)
	return h
}

// needsBrowser fails a test on a machine without a browser.
func needsBrowser(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Fatal("chromium is not on this machine: make packages installs it, and a Chinese font (apt-get install chromium fonts-wqy-microhei)")
	}
}

// browser starts a browser that finds phones at an address.
func (w *phoneWorld) browser(t *testing.T, site string) *handset {
	t.Helper()
	needsBrowser(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	browser, stop := chromedp.NewContext(ctx)
	t.Cleanup(func() { stop(); cancel() })
	h := &handset{w: w, t: t, site: site, browser: browser}
	h.do("start the browser", chromedp.EmulateViewport(900, 880), chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: insideThePage})
		return err
	}))
	go h.listen(chromedp.Console(browser)) // evaluated here: it listens before the first page is loaded
	t.Cleanup(h.quiet)
	return h
}

// become hands the browser to another user, whose phone is opened.
func (h *handset) become(user string) {
	h.t.Helper()
	h.user, h.openid = user, h.w.sandbox.PhoneOpenID(h.w.app, user)
	h.load()
	h.ready()
}

// ready waits until the SDK knows what taps are to ask for.
func (h *handset) ready() {
	h.t.Helper()
	h.until(`JSON.parse(localStorage.getItem('` + h.key("minapush.memory."+h.w.app) + `')).scenes.length > 0`)
}

// load opens the page, or loads it again: whatever the mini program had in memory is gone, as after a kill.
func (h *handset) load(more ...string) {
	h.t.Helper()
	q := url.Values{"app": {h.w.app}, "user": {h.user}, "lang": {"zh-CN"}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	h.do("open", chromedp.Navigate(h.site+"/phone/?"+q.Encode()))
}

// relaunch loads the page again and waits until the SDK has read what the user chose for good: the first tap of a test may be sooner than
// any user's.
func (h *handset) relaunch() {
	h.t.Helper()
	h.load()
	h.until(`performance.getEntriesByType('resource').some((r) => r.name.includes('/phone/api/settings') && r.responseEnd > 0)`)
}

func (h *handset) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	h.t.Helper()
	if err := chromedp.Do(h.browser, steps...); err != nil {
		h.t.Fatalf("%s: %v", what, err)
	}
}

// until waits until an expression is true of the page.
func (h *handset) until(condition string) {
	h.t.Helper()
	safe := `(() => { try { return !!(` + condition + `); } catch { return false; } })()`
	if _, err := chromedp.Run(h.browser, chromedp.Poll[bool](safe, chromedp.WithPollingTimeout(60*time.Second))); err != nil {
		h.picture("failed.png")
		h.t.Fatalf("waiting for %s: %v; the screen says %q", condition, err, h.screen())
	}
}

// says waits until an element shows a text.
func (h *handset) says(selector, text string) {
	h.t.Helper()
	h.until(fmt.Sprintf(`text(%q).includes(%q)`, selector, text))
}

// tap taps where the element is, once nothing covers it.
func (h *handset) tap(selector string) {
	h.t.Helper()
	h.until(fmt.Sprintf(`at(%q)`, selector))
	at, err := chromedp.Run(h.browser, chromedp.Evaluate[*struct{ X, Y float64 }](fmt.Sprintf(`at(%q)`, selector)))
	if err != nil || at == nil {
		h.t.Fatalf("tap %s: %v", selector, err)
	}
	h.do("tap "+selector, chromedp.MouseClickXY(at.X, at.Y))
}

// sees evaluates an expression.
func sees[T any](h *handset, expression string) T {
	h.t.Helper()
	got, err := chromedp.Run(h.browser, chromedp.Evaluate[T](expression))
	if err != nil {
		h.t.Fatalf("%s: %v", expression, err)
	}
	return got
}

// screen is what stands on the screen, for the message of a test that failed.
func (h *handset) screen() string {
	got, _ := chromedp.Run(h.browser, chromedp.Evaluate[string](`document.querySelector('.screen')?.innerText + ' | ' + inside()?.body?.innerText`))
	return got
}

// called tells how often the mini program has called a function of wx since the page was loaded.
func (h *handset) called(name string) int {
	h.t.Helper()
	return sees[int](h, fmt.Sprintf(`minapushPhone.calls.filter((c) => c === %q).length`, name))
}

// stored is a value in the mini program's storage.
func (h *handset) stored(key string) string {
	h.t.Helper()
	return sees[string](h, fmt.Sprintf(`localStorage.getItem(%q) ?? ''`, h.key(key)))
}

// key is where the browser keeps a value of the mini program's storage.
func (h *handset) key(name string) string {
	return "minapush-phone/" + h.w.app + "/" + h.user + "/" + name
}

// advance moves every clock: the server's, the simulator's and the browser's.
func (h *handset) advance(d time.Duration) {
	h.t.Helper()
	h.w.advance(d)
	sees[bool](h, fmt.Sprintf(`(localStorage.setItem('test/ahead', '%d'), true)`, time.Duration(h.w.offset.Load()).Milliseconds()))
}

// picture keeps what the browser shows, if somebody asked for it.
func (h *handset) picture(name string) {
	h.t.Helper()
	picture(h.t, h.browser, "phone-"+name)
}

// api is a call of the phone's API from outside, as anybody's test may make it.
func (h *handset) api(method, call string, body any) (got map[string]any) {
	h.t.Helper()
	text, err := json.Marshal(body)
	must(h.t, err)
	if body == nil {
		text = nil
	}
	q := url.Values{"app": {h.w.app}, "user": {h.user}}
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.w.wechat+"/phone/api/"+call+"?"+q.Encode(), bytes.NewReader(text))
	must(h.t, err)
	resp, err := http.DefaultClient.Do(req)
	must(h.t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	must(h.t, err)
	if resp.StatusCode != http.StatusOK {
		h.t.Fatalf("%s %s: %d %s", method, call, resp.StatusCode, answer)
	}
	must(h.t, json.Unmarshal(answer, &got))
	return got
}

// listen notes what the page complains about.
func (h *handset) listen(messages iter.Seq2[chromedp.ConsoleMessage, error]) {
	for m, err := range messages {
		if err != nil {
			return
		}
		if m.Type == chromedp.ConsoleError || m.IsException() {
			h.mu.Lock()
			h.console = append(h.console, m.String())
			h.mu.Unlock()
		}
	}
}

// quiet fails a test whose page complained. A call of the API that stands for a failing function of wx is a 422, which browsers write down.
func (h *handset) quiet() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if loud := slices.DeleteFunc(h.console, func(line string) bool { return strings.Contains(line, "status of 422") }); len(loud) > 0 {
		h.t.Errorf("the console has errors:\n%s", strings.Join(loud, "\n"))
	}
}
