package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

const (
	maxRequest     = 1 << 20 // bytes of the mini program's body
	maxResponse    = 4 << 20
	requestTimeout = 60 * time.Second // the longest that wx.request waits (fact sheet §3.5)
)

// completePhone checks and completes what the Config says of the mini program's backend.
func (c *Config) completePhone() (err error) {
	if c.PhoneDomain != "" && c.PhoneBackend == "" {
		return errors.New("sandbox: PhoneBackend: must be given with PhoneDomain")
	}
	if c.PhoneBackend == "" {
		return nil
	}
	if c.PhoneDomain == "" {
		c.PhoneDomain = c.PhoneBackend
	}
	if c.PhoneDomain, err = origin(c.PhoneDomain); err != nil {
		return fmt.Errorf("sandbox: PhoneDomain: %w", err)
	}
	if c.PhoneBackend, err = origin(c.PhoneBackend); err != nil {
		return fmt.Errorf("sandbox: PhoneBackend: %w", err)
	}
	return nil
}

// origin refuses what is more, or less, than scheme, host and port.
func origin(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%s must look like https://shop.example.com", quote(text))
	}
	return originOf(u), nil
}

// originOf is the scheme, host and port of a URL in one spelling.
func originOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if port := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]; port != "" {
		host = strings.TrimSuffix(host, port)
	}
	return u.Scheme + "://" + host
}

// backendTransport sends requests for the domain to the backend, and no others, also when they are redirected.
type backendTransport struct {
	domain, backend string
	base            http.RoundTripper
}

var errNotInDomain = errors.New("url not in domain list")

func newBackendTransport(cfg Config) *backendTransport {
	// One connection a request: a sandbox needs no closing.
	return &backendTransport{domain: cfg.PhoneDomain, backend: cfg.PhoneBackend, base: &http.Transport{DisableKeepAlives: true}}
}

func (t *backendTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.domain == "" || originOf(r.URL) != t.domain {
		return nil, errNotInDomain
	}
	out := r.Clone(r.Context())
	out.Host = r.URL.Host
	out.URL.Scheme, out.URL.Host, _ = strings.Cut(t.backend, "://")
	return t.base.RoundTrip(out)
}

type wxRequest struct {
	URL     string            `json:"url"`
	Method  string            `json:"method"`
	Header  map[string]string `json:"header"`
	Body    string            `json:"body"`
	Timeout *int64            `json:"timeout"` // milliseconds
}

// wxResponse is what the success callback of wx.request gets, with the body as it came.
type wxResponse struct {
	ErrMsg  string            `json:"errMsg"`
	Status  int               `json:"statusCode"`
	Header  map[string]string `json:"header"`
	Cookies []string          `json:"cookies"`
	Text    *string           `json:"text,omitempty"`
	Base64  []byte            `json:"base64,omitempty"`
}

// phoneRequest is wx.request.
func phoneRequest(c *phoneCall, req wxRequest) (any, error) {
	timeout, err := req.check()
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(req.URL)
	if err != nil || target.Scheme == "" || target.Host == "" {
		return nil, &wxError{ErrMsg: `request:fail invalid url "` + req.URL + `"`, Errno: 600009}
	}
	if c.phone.isOffline() {
		return nil, connectionError(-106, "net::ERR_INTERNET_DISCONNECTED")
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), timeout)
	defer cancel()
	out, err := http.NewRequestWithContext(ctx, req.Method, req.URL, strings.NewReader(req.Body))
	if err != nil {
		return nil, &ArgError{Field: "url", Problem: err.Error()}
	}
	for name, value := range req.Header {
		if !slices.Contains(ownHeaders(), http.CanonicalHeaderKey(name)) {
			out.Header.Set(name, value)
		}
	}
	out.Header.Set("Referer", "https://servicewechat.com/"+c.phone.app.id+"/1/page-frame.html")
	resp, err := (&http.Client{Transport: c.sandbox.backend}).Do(out)
	if err != nil {
		return nil, requestError(ctx, err)
	}
	defer resp.Body.Close()
	return readResponse(ctx, resp)
}

// ownHeaders are those that the client sets, whatever the mini program says.
func ownHeaders() []string {
	return []string{"Accept-Encoding", "Connection", "Content-Length", "Host", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "Referer",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade"}
}

func (req *wxRequest) check() (time.Duration, error) {
	req.Method = strings.ToUpper(req.Method)
	switch req.Method {
	case "":
		req.Method = http.MethodGet
	case "OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE":
	default:
		return 0, &ArgError{Field: "method", Problem: quote(req.Method) + " is none of OPTIONS, GET, HEAD, POST, PUT, DELETE"}
	}
	if len(req.Body) > maxRequest {
		return 0, &ArgError{Field: "body", Problem: "is larger than 1 MiB", status: http.StatusRequestEntityTooLarge}
	}
	for name, value := range req.Header {
		if !isToken(name) || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return 0, &ArgError{Field: "header", Problem: quote(name) + " is no header, or its value has control characters"}
		}
	}
	if req.Timeout == nil {
		return requestTimeout, nil
	}
	ms := *req.Timeout
	if ms < 1 || ms > requestTimeout.Milliseconds() {
		return 0, &ArgError{Field: "timeout", Problem: "must be between 1 and " + itoa(requestTimeout.Milliseconds()) + " ms"}
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// isToken holds for what RFC 9110 takes as a header's name.
func isToken(s string) bool {
	return s != "" && all(s, func(r rune) bool { return isLetter(r) || isDigit(r) || strings.ContainsRune("!#$%&'*+-.^_`|~", r) })
}

func connectionError(code int64, name string) error {
	n := itoa(code)
	return &wxError{ErrMsg: "request:fail errcode:" + n + " cronet_error_code:" + n + " error_msg:" + name, Errno: 600001}
}

// requestError says a failure as wx.request does.
func requestError(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, errNotInDomain):
		return &wxError{ErrMsg: "request:fail " + errNotInDomain.Error(), Errno: 600002}
	case ctx.Err() != nil:
		return &wxError{ErrMsg: "request:fail timeout", Errno: 5}
	case errors.Is(err, syscall.ECONNREFUSED):
		return connectionError(-102, "net::ERR_CONNECTION_REFUSED")
	}
	return connectionError(-100, "net::ERR_CONNECTION_CLOSED")
}

func readResponse(ctx context.Context, resp *http.Response) (any, error) {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err != nil {
		return nil, requestError(ctx, err)
	}
	if len(b) > maxResponse {
		return nil, &wxError{ErrMsg: "request:fail response data exceeds the limit", Errno: 600003}
	}
	out := wxResponse{ErrMsg: "request:ok", Status: resp.StatusCode, Header: make(map[string]string), Cookies: resp.Header.Values("Set-Cookie")}
	if out.Cookies == nil {
		out.Cookies = []string{}
	}
	for name, values := range resp.Header {
		out.Header[name] = strings.Join(values, ", ")
	}
	if !utf8.Valid(b) {
		out.Base64 = b
		return out, nil
	}
	text := string(b)
	out.Text = &text
	return out, nil
}
