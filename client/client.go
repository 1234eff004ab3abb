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
	// HTTPClient sends the requests. Its Timeout bounds each try, but for calls that take as long as there is to do: Backup, fresh
	// Reach, RetryCampaign, Check, CountAudience, SampleAudience. Redirects are not followed unless its CheckRedirect says so. Defaults to one of its own, with
	// DefaultTimeout.
	HTTPClient *http.Client
	// Tries is how often a call that is safe to repeat is made in all; 1: never repeated. The parts of an import have Rows.Tries.
	// Defaults to DefaultTries.
	Tries int
	// Backoff is the wait before the second try. Defaults to DefaultBackoff.
	Backoff time.Duration
	// MaxWait is the longest wait between two tries. A server that asks for a longer one is not waited for: its answer is
	// returned as the error. Defaults to DefaultMaxWait.
	MaxWait time.Duration
	// Rand gives numbers from 0 up to 1, for jitter; it must be safe for concurrent use. Defaults to math/rand/v2.
	Rand func() float64
	// NewID makes idempotency keys and names of imports, unlike all others: at most api.MaxIdempotencyKey bytes of printable ASCII.
	// Defaults to 128 random bits.
	NewID func() string
	// Now is the clock by which NoteEvents says when events happened. Defaults to time.Now.
	Now func() time.Time
	// UserAgent is sent along. Defaults to "minapush-go".
	UserAgent string
}

// Client calls one server with one credential. It may be used by any number of goroutines.
type Client struct {
	base string
	key  string
	cfg  Config
	// patient is Config.HTTPClient without its Timeout.
	patient *http.Client
}

// New makes a client of the server at baseURL ("https://push.example.com", with its base path if it has one). key is an API key,
// or a session token for Report, NoteEvents and Me; "" for health and Session only.
func New(baseURL, key string, cfg Config) (*Client, error) {
	u, err := url.Parse(baseURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("client: the base URL must be an http or https URL without a query")
	}
	if !printable(key) {
		return nil, errBadKey
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
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "minapush-go"
	}
	quick := *cfg.HTTPClient
	if quick.CheckRedirect == nil { // http.Client would make a GET of a POST, and take the key along
		quick.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	patient := quick
	patient.Timeout = 0
	cfg.HTTPClient = &quick
	return &Client{base: strings.TrimRight(baseURL, "/"), key: key, cfg: cfg, patient: &patient}, nil
}

// As is the same client with another credential, such as a session token that SessionToken made. They share their connections.
func (c *Client) As(credential string) (*Client, error) {
	if !printable(credential) {
		return nil, errBadKey
	}
	as := *c
	as.key = credential
	return &as, nil
}

var errBadKey = errors.New("client: the key must be printable ASCII without spaces")

// printable tells whether a text can stand in a header as it is.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
