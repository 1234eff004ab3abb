package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/minapush/minapush/api"
)

// request is one call, tried once or more.
type request struct {
	method string
	path   []string // segments below /v1, escaped one by one
	query  url.Values
	header map[string]string
	// body is sent as JSON. If media is set, it is a []byte that is sent as it is, of that media type.
	body  any
	media string
	// safe calls may be repeated although an earlier try may have had its effect.
	safe bool
	// tries is how often a safe call is made in all; 0: Config.Tries.
	tries int
	// patient calls may take longer than the HTTP client's Timeout.
	patient bool
}

// get makes a reading call.
func get(path ...string) request { return request{method: http.MethodGet, path: path, safe: true} }

// post makes a call with a body that is not safe to repeat.
func post(body any, path ...string) request {
	return request{method: http.MethodPost, path: path, body: body}
}

// put makes a call that replaces something, which may be repeated.
func put(body any, path ...string) request {
	return request{method: http.MethodPut, path: path, body: body, safe: true}
}

// call makes a request and decodes its answer.
func call[Out any](ctx context.Context, c *Client, q request) (out Out, err error) {
	_, err = c.do(ctx, q, &out)
	return out, err
}

// encode makes the bytes of the body; nil for none.
func (q request) encode() ([]byte, error) {
	if q.media != "" {
		return q.body.([]byte), nil
	}
	if q.body == nil {
		return nil, nil
	}
	body, err := json.Marshal(q.body)
	if err != nil {
		return nil, fmt.Errorf("minapush: encode body: %w", err)
	}
	return body, nil
}

// do makes a request, again where that is safe and may help, and reads a good answer into out, as receive says.
func (c *Client) do(ctx context.Context, q request, out any) (status int, err error) {
	body, err := q.encode()
	if err != nil {
		return 0, err
	}
	wait, tries := c.cfg.Backoff, cmp.Or(q.tries, c.cfg.Tries)
	for try := 1; ; try++ {
		status, err = c.try(ctx, q, body, out)
		if err == nil || !q.safe || try >= tries || ctx.Err() != nil || !passing(err) {
			return status, err
		}
		pause := wait/2 + time.Duration(c.cfg.Rand()*float64(wait/2))
		var e *Error
		if errors.As(err, &e) && e.RetryAfter > pause {
			pause = e.RetryAfter
		}
		if pause > c.cfg.MaxWait {
			return status, err
		}
		wait = min(2*wait, c.cfg.MaxWait)
		if !sleep(ctx, pause) {
			return status, err
		}
	}
}

// passing tells whether an error may be gone at the next try: no answer at all, or one that says so.
func passing(err error) bool {
	if errors.Is(err, errPartWritten) || errors.Is(err, errPassBroken) {
		return false
	}
	var e *Error
	if !errors.As(err, &e) {
		return true
	}
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return e.Code != api.BadCredential && e.Number != api.NumStopped && e.Number != api.NumPlatform
	}
	return e.Number == api.NumInProgress
}

// try makes one HTTP request.
func (c *Client) try(ctx context.Context, q request, body []byte, out any) (status int, err error) {
	r, err := c.newRequest(ctx, q, body)
	if err != nil {
		return 0, err
	}
	sender := c.cfg.HTTPClient
	if q.patient {
		sender = c.patient
	}
	answer, err := sender.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // its text has the whole URL, and so an openid
			err = u.Err
		}
		return 0, fmt.Errorf("minapush: %s: %w", q.method, err)
	}
	defer func() {
		_, _ = io.CopyN(io.Discard, answer.Body, maxProblem) // so that the connection is used again
		answer.Body.Close()
	}()
	if answer.StatusCode >= http.StatusBadRequest {
		return answer.StatusCode, readError(answer)
	}
	if answer.StatusCode >= http.StatusMultipleChoices {
		return answer.StatusCode, &Error{Status: answer.StatusCode, Title: "a redirect was not followed: is the base URL right?"}
	}
	if err := receive(answer, out); err != nil {
		return answer.StatusCode, fmt.Errorf("minapush: read answer: %w", err)
	}
	return answer.StatusCode, nil
}

// receive decodes the body of a good answer into out, copies it if out is an *archive, or reads its lines if it is a *pass. An answer
// without a body, and one that nobody asked for, is left alone.
func receive(answer *http.Response, out any) error {
	if out == nil || answer.StatusCode == http.StatusNoContent {
		return nil
	}
	switch out := out.(type) {
	case *archive:
		return out.copy(answer.Body)
	case *pass:
		return out.read(answer.Body)
	}
	return json.NewDecoder(answer.Body).Decode(out)
}

func (c *Client) newRequest(ctx context.Context, q request, body []byte) (*http.Request, error) {
	address := c.base
	for _, segment := range q.path {
		address += "/" + escape(segment)
	}
	if len(q.query) > 0 {
		address += "?" + q.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, q.method, address, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("minapush: the request cannot be made")
	}
	r.Header.Set("User-Agent", c.cfg.UserAgent)
	r.Header.Set("Accept", api.ContentType)
	if body != nil {
		r.Header.Set("Content-Type", cmp.Or(q.media, api.ContentType))
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	return r, nil
}

// escape makes one segment of a path of any text. Dots alone would be taken for a step up.
func escape(segment string) string {
	switch segment {
	case ".":
		return "%2E"
	case "..":
		return "%2E%2E"
	}
	return url.PathEscape(segment)
}

// sleep waits, or returns false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
