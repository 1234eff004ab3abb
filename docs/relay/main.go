// Relay is the few lines that a team's backend needs: it takes the SDK's reports beside its own calls, says whose they are, and passes
// them on. Run it with go run docs/relay/main.go. It is a sample, to be copied.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
)

// openidOf is your own login: who sent this request? Here everybody is DEMO_OPENID.
func openidOf(r *http.Request) string { return os.Getenv("DEMO_OPENID") }

func relay(w http.ResponseWriter, r *http.Request) {
	openid := openidOf(r)
	if openid == "" {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, os.Getenv("RELAY_TO"), http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	req.Header.Set("Authorization", "Bearer "+os.Getenv("RELAY_KEY")) // a key with the scope report, no more
	req.Header.Set("Minapush-Openid", openid)
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		http.Error(w, "try again", http.StatusServiceUnavailable) // the SDK keeps the report and does
		return
	}
	defer answer.Body.Close()
	w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
	w.Header().Set("Retry-After", answer.Header.Get("Retry-After"))
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}

func main() {
	http.HandleFunc("POST /push-reports", relay)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("RELAY_PORT"), nil))
}
