package main

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// The link that serve prints makes the first operator, once; from then on serve prints where the console is.
func TestServePrintsALinkUntilThereIsAnOperator(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	jar, err := cookiejar.New(nil)
	must(t, err)
	browser := &http.Client{Jar: jar}
	link := served(t, dir, func(link string) {
		at, err := url.Parse(link)
		must(t, err)
		resp, err := browser.Get(link)
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || at.Query().Get("code") == "" {
			t.Fatalf("the link %s answers %s", link, resp.Status)
		}
		form := url.Values{"code": at.Query()["code"], "name": {consoleName}, "password": {consolePass}, "again": {consolePass}}
		for _, want := range []int{http.StatusOK, http.StatusForbidden} {
			at.RawQuery = ""
			resp, err = browser.PostForm(at.String(), form)
			must(t, err)
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("the form of the link answers %s, want %d", resp.Status, want)
			}
		}
	})
	if !strings.Contains(link, "/console/welcome?code=") {
		t.Errorf("the first start printed %s", link)
	}
	if again := served(t, dir, func(string) {}); !strings.HasSuffix(again, "/console/") {
		t.Errorf("with an operator serve printed %s", again)
	}
}

// served runs serve until use returns, and returns the link to the console that it printed.
func served(t *testing.T, dir string, use func(link string)) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	links, ended := make(chan string, 1), make(chan error, 1)
	f := serveFlags{settings: settings{store: "pebble:" + dir}, listen: "127.0.0.1:0", level: "warn"}
	go func() { ended <- serve(ctx, f, discard(), func(_, _, link string) { links <- link }) }()
	var link string
	select {
	case link = <-links:
		use(link)
	case err := <-ended:
		t.Fatal("serve ended:", err)
	}
	stop()
	must(t, <-ended)
	return link
}
