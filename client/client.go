// Package client calls a minapush server. It repeats what is safe to repeat (reading, putting, reports, and calls that carry an
// idempotency key, which it makes itself when none is given) and nothing else.
//
// This package follows semantic versioning.
package client

import (
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// DefaultTries is how often a call that is safe to repeat is made in all.
	DefaultTries = 4
	// DefaultBackoff is the wait before the second try; it doubles with each, with jitter.
	DefaultBackoff = 200 * time.Millisecond
	// DefaultMaxWait is the longest wait between two tries.
	DefaultMaxWait = 30 * time.Second
	// DefaultTimeout bounds one try of the HTTP client that is made when none is given.
	DefaultTimeout = 60 * time.Second
)

// Config tunes a Client. The zero value is ready for use.
type Config struct {
	// HTTPClient sends the requests. Defaults to one of its own, with DefaultTimeout.
	HTTPClient *http.Client
	// Tries is how often a call that is safe to repeat is made in all; 1: never repeated. Defaults to DefaultTries.
	Tries int
	// Backoff is the wait before the second try. Defaults to DefaultBackoff.
	Backoff time.Duration
	// MaxWait is the longest wait between two tries. A server that asks for a longer one is not waited for: its answer is
	// returned as the error. Defaults to DefaultMaxWait.
	MaxWait time.Duration
	// Rand gives numbers from 0 up to 1, for jitter; it must be safe for concurrent use. Defaults to math/rand/v2.
	Rand func() float64
	// NewID makes idempotency keys, unlike all others. Defaults to 128 random bits.
	NewID func() string
	// UserAgent is sent along. Defaults to "minapush-go".
	UserAgent string
}

// Client calls one server with one credential. It may be used by any number of goroutines.
type Client struct {
	base string
	key  string
	cfg  Config
}

// New makes a client of the server at baseURL ("https://push.example.com", with its base path if it has one). key is an API key,
// or a session token for reports; "" for health only.
func New(baseURL, key string, cfg Config) (*Client, error) {
	u, err := url.Parse(baseURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("client: the base URL must be an http or https URL without a query")
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("client: the key must be printable ASCII without spaces")
	}
	if cfg.Tries < 0 || cfg.Backoff < 0 || cfg.MaxWait < 0 {
		return nil, errors.New("client: Tries, Backoff and MaxWait must not be negative")
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = &http.Client{Timeout: DefaultTimeout}
	}
	if cfg.Tries == 0 {
		cfg.Tries = DefaultTries
	}
	if cfg.Backoff == 0 {
		cfg.Backoff = DefaultBackoff
	}
	if cfg.MaxWait == 0 {
		cfg.MaxWait = DefaultMaxWait
	}
	if cfg.Rand == nil {
		cfg.Rand = mathrand.Float64
	}
	if cfg.NewID == nil {
		cfg.NewID = rand.Text
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "minapush-go"
	}
	return &Client{base: strings.TrimRight(baseURL, "/"), key: key, cfg: cfg}, nil
}
