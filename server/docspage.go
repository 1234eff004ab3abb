package server

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"net/http"
	"strings"
)

// The documentation page is RapiDoc 9.3.8 (https://rapidocweb.com, MIT), vendored, so that it works where there is no way out. It shows
// /openapi.json of the same server, and asks no other host for anything: its policy forbids it.

//go:embed assets/docs.html
var docsPage []byte

//go:embed assets/rapidoc-min.js.gz
var docsScript []byte // compressed

// docsPolicy lets the page run the one script beside it and talk to this server. The script writes styles into its elements.
const docsPolicy = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// serveDocsPage puts the page on the private listener. Addresses in it are relative, so that it works below every base path.
func (s *Server) serveDocsPage() {
	s.mount(route{method: http.MethodGet, path: "/docs"}, func(w http.ResponseWriter, _ *http.Request) error {
		docsHeaders(w, "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(docsPage) // a client that is gone needs no answer
		return nil
	})
	s.mount(route{method: http.MethodGet, path: "/docs/rapidoc-9.3.8.js"}, func(w http.ResponseWriter, r *http.Request) error {
		docsHeaders(w, "text/javascript; charset=utf-8")
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable") // another release has another name
		w.Header().Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(docsScript)
			return nil
		}
		script, err := gzip.NewReader(bytes.NewReader(docsScript))
		if err != nil {
			return err
		}
		_, _ = io.Copy(w, script)
		return nil
	})
}

func docsHeaders(w http.ResponseWriter, contentType string) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Security-Policy", docsPolicy)
	h.Set("Referrer-Policy", "no-referrer")
}
