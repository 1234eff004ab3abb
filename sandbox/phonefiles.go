package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"
)

// defaultPhone is the user of an address that names none.
const defaultPhone = "xiaoming"

// servePage sends the phone, or sends on to a phone that there is if the address names none.
func (s *Sandbox) servePage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	given := q.Get("app") != "" && q.Get("user") != ""
	if apps := s.allApps(); q.Get("app") == "" && len(apps) > 0 {
		q.Set("app", apps[0].id)
	}
	if q.Get("user") == "" {
		q.Set("user", defaultPhone)
	}
	if given || q.Get("app") == "" {
		serveFile(w, r, "index.html")
		return
	}
	http.Redirect(w, r, "?"+q.Encode(), http.StatusFound)
}

// serveFile sends a file of the page or of the inbox.
func serveFile(w http.ResponseWriter, r *http.Request, name string) {
	path := "phone/static/" + name
	if name == "inbox.css" || name == "inbox.js" {
		path = "phone/" + name
	}
	b, err := phoneFiles.ReadFile(path)
	if err != nil {
		writePhone(w, nil, &ArgError{Field: "path", Problem: quote(r.URL.Path) + " is no file of the phone", status: http.StatusNotFound})
		return
	}
	sum := sha256.Sum256(b)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
}
