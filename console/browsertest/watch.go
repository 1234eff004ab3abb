package browsertest

import (
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// watch notes what pages do that they must not.
type watch struct {
	host string

	mu       sync.Mutex // guards all below
	found    []string
	forgiven []string
}

// event is told of everything that happens in a page, in order.
func (w *watch) event(ev any) {
	switch ev := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		if ev.Type == "error" || ev.Type == "assert" || ev.Type == "warning" {
			w.note("a page wrote to its console", spoken(ev.Args))
		}
	case *runtime.EventExceptionThrown:
		text := ev.ExceptionDetails.Text
		if e := ev.ExceptionDetails.Exception; e != nil {
			text += " " + e.Description
		}
		w.note("a script of a page failed", text)
	case *log.EventEntryAdded:
		if ev.Entry.Level == "error" || ev.Entry.Source == "security" {
			w.note("the browser complains of a page", ev.Entry.Text+" "+ev.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		if at, err := url.Parse(ev.Request.URL); err == nil && strings.HasPrefix(at.Scheme, "http") && at.Host != w.host {
			w.note("a page asked another host", ev.Request.URL)
		}
	}
}

func spoken(args []*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		if a.Description != "" {
			words = append(words, a.Description)
		} else {
			words = append(words, strings.Trim(string(a.Value), `"`))
		}
	}
	return strings.Join(words, " ")
}

func (w *watch) note(what, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found = append(w.found, fmt.Sprintf("%s: %s", what, text))
}

func (w *watch) forgive(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forgiven = append(w.forgiven, text)
}

// wrongs are what was noted and not forgiven, each once.
func (w *watch) wrongs() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var left []string
	seen := map[string]bool{}
	for _, line := range w.found {
		over := seen[line]
		for _, text := range w.forgiven {
			over = over || strings.Contains(line, text)
		}
		if seen[line] = true; !over {
			left = append(left, line)
		}
	}
	return left
}

func hostOf(site string) string {
	at, err := url.Parse(site)
	if err != nil {
		return ""
	}
	return at.Host
}
