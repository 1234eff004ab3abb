package browsertest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/minapush/minapush/console/browsertest"
)

// witness is a test that may fail without harm.
type witness struct {
	testing.TB
	mu     sync.Mutex
	errors []string
	ends   []func()
}

func (w *witness) Cleanup(f func()) { w.ends = append(w.ends, f) }

func (w *witness) Errorf(format string, args ...any) { w.note(fmt.Sprintf(format, args...)) }

func (w *witness) Error(args ...any) { w.note(fmt.Sprint(args...)) }

func (w *witness) Logf(string, ...any) {}

func (w *witness) note(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errors = append(w.errors, text)
}

// end runs what the test left to be done at its end, the last first, and returns what it failed for.
func (w *witness) end() string {
	for i := len(w.ends) - 1; i >= 0; i-- {
		w.ends[i]()
	}
	return strings.Join(w.errors, "\n")
}

// serve answers with one page, which has a policy as the console's pages have.
func serve(t *testing.T, page string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; img-src data: *")
			fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Page</title><link rel="icon" href="data:,"><main><h1>Page</h1>%s</main></html>`, page)
		case "/loud.js":
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprint(w, `console.error('loud', 7); document.title = 'done'`)
		case "/throws.js":
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprint(w, `document.title = 'done'; throw new Error('thrown')`)
		case "/quiet.js":
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprint(w, `document.title = 'done'`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestWhatAPageMustNotDoFailsItsTest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, page, want string }{
		{"an error on the console", `<script src="loud.js"></script>`, "loud 7"},
		{"an exception", `<script src="throws.js"></script>`, "thrown"},
		{"something that is missing", `<script src="quiet.js"></script><img src="none.png" alt="">`, "404"},
		{"script in the page", `<script src="quiet.js"></script><script>document.title = 'done'</script>`, "Content Security Policy"},
		{"another host", `<script src="quiet.js"></script><img src="http://127.0.0.2:9/away.png" alt="">`, "asked another host: http://127.0.0.2:9/away.png"},
		{"nothing", `<script src="quiet.js"></script>`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &witness{TB: t}
			tab := browsertest.Open(w, serve(t, c.page), browsertest.Options{})
			tab.Go("/")
			tab.Until(`document.readyState === 'complete' && document.title === 'done'`)
			if got := w.end(); !strings.Contains(got, c.want) || c.want == "" && got != "" {
				t.Errorf("the test failed for %q, want %q", got, c.want)
			}
		})
	}
}

func TestWhatWasForgivenFailsNothing(t *testing.T) {
	t.Parallel()
	w := &witness{TB: t}
	tab := browsertest.Open(w, serve(t, `<script src="loud.js"></script>`), browsertest.Options{})
	tab.Forgive("loud")
	tab.Go("/")
	tab.Until(`document.title === 'done'`)
	if got := w.end(); got != "" {
		t.Errorf("the test failed for %q", got)
	}
}

func TestAxeFindsWhatIsSerious(t *testing.T) {
	t.Parallel()
	axe := browsertest.FindAxe(t)
	w := &witness{TB: t}
	tab := browsertest.Open(w, serve(t, `<input name="unlabelled"><p>fine</p>`), browsertest.Options{})
	tab.Go("/")
	axe.Check(tab, "the page")
	if got := w.end(); !strings.Contains(got, "the page: label (critical)") || !strings.Contains(got, `input`) {
		t.Errorf("axe-core says %q of an input without a label", got)
	}
}

func TestAPageThatScrollsSidewaysDoesNotFit(t *testing.T) {
	t.Parallel()
	w := &witness{TB: t}
	tab := browsertest.Open(w, serve(t, `<table class="wide"><tr><td>`+strings.Repeat("x", 200)+`</td></tr></table>`), browsertest.Options{})
	tab.Go("/")
	tab.Fits("the page", 360)
	if got := w.end(); !strings.Contains(got, "in a window of 360") || !strings.Contains(got, "table.wide") {
		t.Errorf("it says %q", got)
	}
}

func TestWithoutScriptNothingRuns(t *testing.T) {
	t.Parallel()
	tab := browsertest.Open(t, serve(t, `<script src="loud.js"></script><noscript>no script</noscript>`), browsertest.Options{NoScript: true})
	tab.Go("/")
	tab.Shows("no script")
	if got := browsertest.See[string](tab, `document.title`); got != "Page" {
		t.Errorf("a script ran: the title is %q", got)
	}
}
