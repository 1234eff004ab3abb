package browsertest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// RequireAxe is the variable that, if it is set, lets a test fail that finds no axe-core; otherwise it is skipped.
const RequireAxe = "MINAPUSH_TEST_REQUIRE_AXE"

// Axe judges pages by axe-core.
type Axe struct{ source string }

// Violation is a rule that a page breaks.
type Violation struct {
	// Rule is its name, and Impact minor, moderate, serious or critical.
	Rule, Impact, Help string
	// Where is each element, as a CSS selector, with what axe-core says of it.
	Where []string
}

// FindAxe reads axe-core from console/web/node_modules. Without it the test is skipped, or fails if RequireAxe is set.
func FindAxe(t testing.TB) *Axe {
	t.Helper()
	path, err := axePath()
	var b []byte
	if err == nil {
		b, err = os.ReadFile(path)
	}
	switch {
	case err == nil:
		return &Axe{string(b)}
	case errors.Is(err, fs.ErrNotExist) && os.Getenv(RequireAxe) == "":
		t.Skipf("NOT TESTED: axe-core is not installed, so nobody has looked whether these pages can be used by everybody: make console-packages (%v)", err)
	default:
		t.Fatalf("axe-core: %v: make console-packages installs it", err)
	}
	return nil
}

// HasAxe tells that FindAxe would find it, or fail.
func HasAxe() bool {
	path, err := axePath()
	if err == nil {
		_, err = os.Stat(path)
	}
	return err == nil || os.Getenv(RequireAxe) != ""
}

// axePath is where axe-core is, seen from any folder of the module.
func axePath() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "console", "web", "node_modules", "axe-core", "axe.min.js"), nil
		}
	}
	return "", fs.ErrNotExist
}

// Judge returns what is wrong with the page that a tab shows. It goes in by the protocol, since no page lets a script of others in.
func (a *Axe) Judge(tab *Tab) []Violation {
	tab.t.Helper()
	if !See[bool](tab, `typeof window.axe === 'object'`) {
		tab.Do("bring in axe-core", chromedp.Evaluate[chromedp.Void](a.source+"\n;undefined"))
	}
	got, err := chromedp.Run(tab.browser, chromedp.Evaluate[[]Violation](judged, chromedp.EvalAwaitPromise))
	tab.must("run axe-core", err)
	return got
}

// judged runs axe-core once the page stands still: colours that are on their way say nothing.
const judged = `(async () => {
	await Promise.all(document.getAnimations().map((a) => a.effect?.getTiming().iterations === Infinity ? undefined : a.finished.catch(() => {})));
	const found = await axe.run(document, { resultTypes: ['violations'] });
	return found.violations.map((v) => ({ rule: v.id, impact: v.impact ?? '', help: v.help,
		where: v.nodes.map((n) => n.target.join(' ') + '  ' + (n.failureSummary ?? '').replace(/\s+/g, ' ')) }));
})()`

// Check fails the test for each serious or critical violation on the page that a tab shows. Others are logged.
func (a *Axe) Check(tab *Tab, page string) {
	tab.t.Helper()
	for _, v := range a.Judge(tab) {
		report := tab.t.Logf
		if v.Impact == "serious" || v.Impact == "critical" {
			report = tab.t.Errorf
		}
		report("%s: %s (%s): %s\n      %s", page, v.Rule, v.Impact, v.Help, strings.Join(v.Where, "\n      "))
	}
}
