package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/minapush/minapush/sandbox"
)

func TestOperatorsAreInvitedListedAndRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, nil)
	operators := func(args ...string) (int, string, string) {
		return w.minapush(append([]string{"operators"}, args...)...)
	}
	_, none, _ := operators("list")
	wantAll(t, none, "There is no operator yet")
	for _, name := range []string{"li", "wang"} {
		status, link, stderr := operators("invite")
		if status != 0 || !strings.HasPrefix(link, w.url+"/console/welcome?code=") || strings.Count(link, "\n") != 1 {
			t.Fatalf("status %d: %s%s", status, link, stderr)
		}
		wantAll(t, stderr, "good once")
		w.wantPage(strings.TrimSpace(link), http.StatusOK)
		_, code, _ := strings.Cut(strings.TrimSpace(link), "code=")
		_, err := w.sys.accounts.Accept(t.Context(), code, name, "correct horse battery")
		must(t, err)
		w.wantPage(strings.TrimSpace(link), http.StatusForbidden)
	}
	_, list, _ := operators("list")
	wantAll(t, list, "li", "wang")

	status, stdout, stderr := operators("invite", "wang", "--json")
	var in struct{ Path, URL string }
	if err := json.Unmarshal([]byte(stdout), &in); status != 0 || err != nil || in.URL != w.url+in.Path {
		t.Fatalf("status %d, %v: %s%s", status, err, stdout, stderr)
	}
	if status, _, stderr := operators("invite", "nobody"); status == 0 || !strings.Contains(stderr, "nobody") {
		t.Errorf("status %d: %s", status, stderr)
	}
	_, stdout, _ = operators("remove", "wang")
	wantAll(t, stdout, "wang was removed")

	if status, _, stderr := operators("remove", "li"); status == 0 || !strings.Contains(stderr, "last operator") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// wantPage asks for a page as somebody who is not signed in.
func (w *world) wantPage(url string, want int) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, url, nil)
	must(w.t, err)
	resp, err := http.DefaultClient.Do(r)
	must(w.t, err)
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != want {
		w.t.Errorf("%s: got %d, want %d\n%s", url, resp.StatusCode, want, b)
	}
}

func TestALinkIsBelowTheAddressOfTheServer(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]string{
		"http://127.0.0.1:7330":          "http://127.0.0.1:7330/push/console/welcome?code=x",
		"https://ops.example.com/push":   "https://ops.example.com/push/console/welcome?code=x",
		"https://ops.example.com/push/":  "https://ops.example.com/push/console/welcome?code=x",
		"http://[::1]:7330/another/base": "http://[::1]:7330/push/console/welcome?code=x",
	} {
		if got, err := absolute(server, "/push/console/welcome?code=x"); err != nil || got != want {
			t.Errorf("%s: got %s, %v", server, got, err)
		}
	}
}

func TestTheWordsAboutOperatorsAreInBothLanguages(t *testing.T) {
	t.Parallel()
	for name, both := range operatorWords {
		if both[0] == "" || both[1] == "" || strings.Count(both[0], "%") != strings.Count(both[1], "%") {
			t.Errorf("%s: %q and %q do not fit each other", name, both[0], both[1])
		}
	}
}
