package wechat

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/minapush/minapush"
)

// DefaultBaseURL is where an app without a BaseURL reaches WeChat. [O] developers.weixin.qq.com, server API, read 2026-06.
const DefaultBaseURL = "https://api.weixin.qq.com"

const (
	defaultSendTimeout = 10 * time.Second
	defaultInFlight    = 1024
	defaultAppFor      = time.Second
)

// Apps finds the apps that the client serves. Both calls must be safe for concurrent use.
type Apps interface {
	// App returns an app. Errors: NotFound.
	App(ctx context.Context, id minapush.AppID) (minapush.App, error)
	// Secret returns the AppSecret in the clear. It is asked only for a stable or classic access token and for JSCode2Session.
	// Errors: NotFound when the app has none.
	Secret(ctx context.Context, id minapush.AppID) (string, error)
}

// Config configures a Client. Every field but Apps may be left zero.
type Config struct {
	// Apps finds apps and their secrets. Required.
	Apps Apps
	// Transport carries the requests. Only connections made by a transport of NewTransport tell whether a byte of a request was
	// taken; over any other, a failure counts as "may have been sent" unless it is plainly one of dialling.
	// Defaults to NewTransport(1024).
	Transport http.RoundTripper
	// Cache keeps the access tokens of stable and classic sources, shared by all nodes. Defaults to a MemoryCache, which is
	// right for a single node only.
	Cache TokenCache
	// SendTimeout bounds one exchange with WeChat, from the wish for a connection to the last byte of the answer; a call that is
	// repeated after a token refresh has it twice. Defaults to 10 s.
	SendTimeout time.Duration
	// AppFor is how long an app found through Apps is used before it is asked for again. Defaults to 1 s.
	AppFor time.Duration
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// Logger gets what is handled here: token refreshes and a cache that cannot be written. Defaults to none.
	Logger *slog.Logger
}

// Client calls WeChat for all apps of a process. It is safe for concurrent use.
type Client struct {
	apps      Apps
	transport http.RoundTripper
	native    bool // transport is a *http.Transport, so a request that got no connection was not sent
	cache     TokenCache
	timeout   time.Duration
	appFor    time.Duration
	now       func() time.Time
	log       *slog.Logger

	states    sync.Map // minapush.AppID -> *state, only of apps that Apps knows
	loading   group[*view]
	renderer  renderer
	collector metrics
}

// New makes a Client. Errors: Invalid.
func New(cfg Config) (*Client, error) {
	if cfg.Apps == nil {
		return nil, minapush.FieldError("apps", "must be set")
	}
	if cfg.SendTimeout < 0 {
		return nil, minapush.FieldError("send_timeout", "must not be negative, is %v", cfg.SendTimeout)
	}
	if cfg.AppFor < 0 {
		return nil, minapush.FieldError("app_for", "must not be negative, is %v", cfg.AppFor)
	}
	c := &Client{
		apps: cfg.Apps, transport: cfg.Transport, cache: cfg.Cache, timeout: cfg.SendTimeout, appFor: cfg.AppFor,
		now: cfg.Now, log: cfg.Logger, collector: newMetrics(),
	}
	if c.transport == nil {
		c.transport = NewTransport(defaultInFlight)
	}
	if c.cache == nil {
		c.cache = NewMemoryCache()
	}
	if c.timeout == 0 {
		c.timeout = defaultSendTimeout
	}
	if c.appFor == 0 {
		c.appFor = defaultAppFor
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	_, c.native = c.transport.(*http.Transport)
	return c, nil
}

// CloseIdleConnections closes connections that wait for another request. The client can be used on.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
