package server_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/server"
)

// rapidocSum is the SHA-256 of dist/rapidoc-min.js of RapiDoc 9.3.8, as its package has it.
const rapidocSum = "affbd173a65e870e18f392cca963113bcdafb6e50e88cd2f6a834a65b22db94d"

func TestTheDocumentationPageNeedsNobodyElse(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *server.Parts, c *server.Config) { c.BasePath = "/push" })
	page := b.call(t, "GET", "/push/docs", "", "")
	if page.status != 200 || page.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("got %d %v", page.status, page.header)
	}
	if found := regexp.MustCompile(`(?i)(src|href)="(https?:)?//| style=|<style| on[a-z]+="|<script>`).FindString(page.body); found != "" {
		t.Errorf("the page has %q", found)
	}
	for _, name := range regexp.MustCompile(`(?:src|spec-url)="([^"]+)"`).FindAllStringSubmatch(page.body, -1) {
		if a := b.call(t, "GET", "/push/"+name[1], "", ""); a.status != 200 { // as a browser resolves it, seen from /push/docs
			t.Errorf("%s: got %d", name[1], a.status)
		}
	}
	script := b.call(t, "GET", "/push/docs/rapidoc-9.3.8.js", "", "")
	packed := b.call(t, "GET", "/push/docs/rapidoc-9.3.8.js", "", "", "Accept-Encoding", "br, gzip")
	z, err := gzip.NewReader(strings.NewReader(packed.body))
	must(t, err)
	unpacked, err := io.ReadAll(z)
	must(t, err)
	if got := fmt.Sprintf("%x", sha256.Sum256(unpacked)); got != rapidocSum || !bytes.Equal(unpacked, []byte(script.body)) {
		t.Errorf("the script is another: %s", got)
	}
	if packed.header.Get("Content-Encoding") != "gzip" || script.header.Get("Content-Encoding") != "" || packed.header.Get("Vary") == "" {
		t.Errorf("got %v and %v", packed.header, script.header)
	}
	for _, a := range []answer{page, script, packed} {
		policy := a.header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; connect-src 'self';") || strings.Contains(policy, "http") ||
			strings.Contains(policy, "unsafe-eval") || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("got %v", a.header)
		}
	}
	licence, err := os.ReadFile("assets/rapidoc-LICENSE.txt")
	must(t, err)
	if !bytes.Contains(licence, []byte("MIT License")) {
		t.Error("the licence of the script is not beside it")
	}
}

func TestTheDocumentationPageIsNotPublic(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{"/docs", "/docs/", "/docs/rapidoc-9.3.8.js", "/docs/..%2fopenapi.json", "/openapi.json"} {
		wantProblem(t, send(t, b.server.Public(), "GET", path, b.admin, ""), api.NumNoRoute, "")
	}
	wantProblem(t, b.call(t, "POST", "/docs", "", ""), api.NumMethod, "")
}
