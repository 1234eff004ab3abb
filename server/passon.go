package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/minapush/minapush/api"
)

// passOnTime is within how long a push is answered that is passed on, our own work included.
const passOnTime = 4500 * time.Millisecond

// passedAnswer is what the address answered to which a push was passed on.
type passedAnswer struct {
	status int
	media  string
	body   []byte
}

// write answers WeChat the same.
func (a passedAnswer) write(w http.ResponseWriter) {
	h := w.Header()
	if a.media != "" {
		h.Set("Content-Type", a.media)
	}
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that is gone needs no answer
}

// passOn sends a push to another address as it came: query, body and content type. Redirects are not followed.
func (s *Server) passOn(ctx context.Context, address string, r *http.Request, body []byte) (a passedAnswer, err error) {
	defer func() { s.metrics.passed(err) }()
	to, err := url.Parse(address)
	if err != nil {
		return a, errors.New("the address cannot be read") // an error of url has its query
	}
	switch {
	case to.RawQuery == "":
		to.RawQuery = r.URL.RawQuery
	case r.URL.RawQuery != "":
		to.RawQuery += "&" + r.URL.RawQuery
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return a, errors.New("the request cannot be made")
	}
	if media := r.Header.Get("Content-Type"); media != "" {
		req.Header.Set("Content-Type", media)
	}
	req.Header.Set("User-Agent", "minapush")
	resp, err := s.parts.PassOn.RoundTrip(req)
	if err != nil {
		return a, fmt.Errorf("pass on: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusMultipleChoices && resp.StatusCode < http.StatusBadRequest {
		return a, fmt.Errorf("pass on: answered %d, a redirect, which is not followed", resp.StatusCode)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, api.MaxEvent+1))
	switch {
	case err != nil:
		return a, fmt.Errorf("pass on: read answer: %w", err)
	case len(answer) > api.MaxEvent:
		return a, errors.New("pass on: the answer has more than 64 KiB")
	}
	return passedAnswer{resp.StatusCode, resp.Header.Get("Content-Type"), answer}, nil
}
