// Package server is the JSON API: routes, authentication, limits, what an error is as a status, health and metrics. The bodies are
// package api's; what the calls do is the other rooms'.
//
// There are two handlers. Public holds what phones and WeChat may reach: session, reports, events, me, WeChat's events, health. Private holds everything.
//
// This package may change at any release.
package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/oklog/ulid/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/collect"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/dispatch"
)

// Platform is what the server asks of WeChat itself.
type Platform interface {
	// JSCode2Session trades a wx.login code. Errors: Invalid (the code is no good), Unauthorized (the platform blocked the login),
	// NotFound (the app has no AppSecret), or the platform's.
	JSCode2Session(ctx context.Context, app minapush.AppID, code string) (minapush.OpenID, error)
	// Templates lists the subscribe templates that an app has there. Errors: NotFound (the app has no AppSecret), or the platform's.
	Templates(ctx context.Context, app minapush.AppID) ([]minapush.Template, error)
}

// Checker walks the way from this server to a delivered message and says how each step went. want is valid, and names a user by openid.
// A step that fails is no error.
type Checker interface {
	Checks(ctx context.Context, app minapush.App, want api.NewChecks) (api.Checks, error)
}

// Parts are the rooms that a Server speaks for. All but Checker, Events, Backup, Gatherer, Ready and Limited must be given.
type Parts struct {
	Accounts   *account.Accounts
	Profiles   *audience.Profiles
	Bank       *bank.Bank
	Collector  *collect.Collector
	Campaigns  *campaign.Campaigns
	Ledger     *delivery.Ledger
	Dispatcher *dispatch.Dispatcher
	// Counter passes over the users of an app.
	Counter  *audience.Counter
	Platform Platform
	// Checker answers POST checks. Nil: there is no such call.
	Checker Checker
	// Events reads what WeChat pushes. Nil: there are no such calls.
	Events Events
	// PassOn carries what WeChat pushes and is for others. It must never reach what is nobody's business, such as minapush.CloudMetadata.
	// It must be given with Events.
	PassOn http.RoundTripper
	// Backup writes the whole store as a tar. Nil: the store cannot do that.
	Backup func(ctx context.Context, w io.Writer) error
	// Gatherer is shown at /metrics. Nil: there is no such path.
	Gatherer prometheus.Gatherer
	// Ready says why the server cannot serve yet; nil: it can. A nil function: it always can. The text is logged, and only a NotReady in
	// it is answered.
	Ready func(ctx context.Context) error
	// Limited says what does not work although requests can be taken, in words that anybody may read; "": nothing. It is asked after
	// Ready. A nil function: nothing ever.
	Limited func() string
}

// NotReady is why a server is not ready, in words that anybody may read.
type NotReady string

func (n NotReady) Error() string { return string(n) }

func (p Parts) validate() error {
	for name, missing := range map[string]bool{
		"Accounts": p.Accounts == nil, "Bank": p.Bank == nil, "Collector": p.Collector == nil, "Campaigns": p.Campaigns == nil,
		"Ledger": p.Ledger == nil, "Dispatcher": p.Dispatcher == nil, "Platform": p.Platform == nil, "Profiles": p.Profiles == nil, "Counter": p.Counter == nil,
		"PassOn": p.Events != nil && p.PassOn == nil,
	} {
		if missing {
			return minapush.FieldError(name, "must be given")
		}
	}
	return nil
}

const (
	// DefaultRequestTimeout bounds the work on one request.
	DefaultRequestTimeout = 30 * time.Second
	// DefaultStreamTimeout bounds a call whose body or answer is a stream, and other long work.
	DefaultStreamTimeout = 15 * time.Minute
	// DefaultStreamIdle is for how long a stream may stand still.
	DefaultStreamIdle = 30 * time.Second
	// DefaultProgressEvery is how often a pass over an audience tells how far it is.
	DefaultProgressEvery = 500 * time.Millisecond
	// DefaultReportsPerMinute is how many reports one user may send in a minute.
	DefaultReportsPerMinute = 600
)

// Config tunes a Server. The zero value is ready for use.
type Config struct {
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// MaxBody is the largest body accepted, in bytes. Defaults to api.MaxBody.
	MaxBody int64
	// BasePath stands before every path, for a proxy that passes it on: "/push". Defaults to none.
	BasePath string
	// MaxStream is the largest streamed body accepted, in bytes. Defaults to api.MaxStream.
	MaxStream int64
	// RequestTimeout bounds the work on one request; pushes, fresh surveys and streams have bounds of their own. Defaults to
	// DefaultRequestTimeout.
	RequestTimeout time.Duration
	// StreamTimeout bounds a call with a streamed body, a fresh survey, a pass over an audience, and the making of a campaign's retry. Defaults to
	// DefaultStreamTimeout.
	StreamTimeout time.Duration
	// StreamIdle is for how long a streamed body may bring no end of a row, and a streamed answer not be taken. Defaults to
	// DefaultStreamIdle.
	StreamIdle time.Duration
	// ProgressEvery is how often a pass over an audience tells how far it is. Defaults to DefaultProgressEvery.
	ProgressEvery time.Duration
	// NewID names messages that went out elsewhere. Defaults to ULIDs.
	NewID func() string
	// ReportsPerMinute is how many reports and calls of events together one user of an app may send, through this node; more are answered 429. Negative: any
	// number. Defaults to DefaultReportsPerMinute.
	ReportsPerMinute int
	// RequestsPerAddress is how many requests a minute one client address (of IPv6: 64 bits) may make of the public handler, and
	// LoginsPerAddress how many login codes it may trade there; more are answered 429. Phones share addresses: these are the last line.
	// This machine's own address is not counted. Negative: any number. Default to DefaultRequestsPerAddress and DefaultLoginsPerAddress.
	RequestsPerAddress, LoginsPerAddress int
	// MaxConcurrent is how many requests each handler works on at a time, health and metrics aside, and one address a quarter of it on
	// the public one; more are answered 503, or 429, at once. Negative: any number. Defaults to DefaultMaxConcurrent.
	MaxConcurrent int
	// TrustedProxies are the networks of the proxies whose X-Forwarded-For is believed: the rightmost address in it that is not one of
	// them made the request. See ParseProxies. Defaults to none.
	TrustedProxies []netip.Prefix
	// Logger is told of panics and of answers with a status of 500 or more. Defaults to none.
	Logger *slog.Logger
	// Version is shown by health and OpenAPI. Defaults to "dev".
	Version string
}

func (c *Config) defaults() error {
	switch {
	case c.MaxBody < 0:
		return minapush.FieldError("MaxBody", "must not be negative")
	case c.MaxStream < 0:
		return minapush.FieldError("MaxStream", "must not be negative")
	case c.RequestTimeout < 0:
		return minapush.FieldError("RequestTimeout", "must not be negative")
	case c.StreamTimeout < 0:
		return minapush.FieldError("StreamTimeout", "must not be negative")
	case c.StreamIdle < 0:
		return minapush.FieldError("StreamIdle", "must not be negative")
	case c.ProgressEvery < 0:
		return minapush.FieldError("ProgressEvery", "must not be negative")
	case c.BasePath != "" && (!strings.HasPrefix(c.BasePath, "/") || strings.HasSuffix(c.BasePath, "/") || strings.ContainsAny(c.BasePath, "{} ?#")):
		return minapush.FieldError("BasePath", `must look like "/push", with no slash at its end`)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.MaxBody == 0 {
		c.MaxBody = api.MaxBody
	}
	if c.RequestTimeout == 0 {
		c.RequestTimeout = DefaultRequestTimeout
	}
	c.streamDefaults()
	if c.NewID == nil {
		c.NewID = func() string { return ulid.Make().String() }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	return c.limitDefaults()
}

func (c *Config) streamDefaults() {
	if c.MaxStream == 0 {
		c.MaxStream = api.MaxStream
	}
	if c.StreamTimeout == 0 {
		c.StreamTimeout = DefaultStreamTimeout
	}
	if c.StreamIdle == 0 {
		c.StreamIdle = DefaultStreamIdle
	}
	if c.ProgressEvery == 0 {
		c.ProgressEvery = DefaultProgressEvery
	}
}

// Server answers the calls of package api. It may be used by any number of goroutines.
type Server struct {
	parts   Parts
	cfg     Config
	metrics *metrics
	reports *limiter[user]
	floods  *floods
	surveys *turns
	passes  *turns // over an audience
	backups *turns

	receivers receivers
	// eventWork has a place for each event that is worked on, and working waits for them.
	eventWork chan struct{}
	working   sync.WaitGroup

	docs            *huma.OpenAPI
	public, private *http.ServeMux
	paths           map[string]*pathMethods
	doors           struct{ public, private *door }
}

// New makes a server. Errors: Invalid, naming the field.
func New(p Parts, cfg Config) (*Server, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	s := &Server{
		parts: p, cfg: cfg, metrics: newMetrics(), reports: newLimiter[user](cfg.ReportsPerMinute, maxUsers), floods: newFloods(cfg),
		surveys: newTurns(1), passes: newTurns(maxPasses), backups: newTurns(1),
		receivers: receivers{all: map[minapush.AppID]madeReceiver{}}, eventWork: make(chan struct{}, maxEventWork),
		docs: newDocs(cfg), public: http.NewServeMux(), private: http.NewServeMux(), paths: map[string]*pathMethods{},
	}
	s.routes()
	if err := s.serveDocs(); err != nil {
		return nil, err
	}
	s.serveDocsPage()
	s.refuseOthers()
	s.doors.public, s.doors.private = newDoor(s, s.public, true), newDoor(s, s.private, false)
	return s, nil
}

// routes is the list of all calls.
func (s *Server) routes() {
	s.healthRoutes()
	s.appRoutes()
	s.keyRoutes()
	s.operatorRoutes()
	s.sessionRoutes()
	s.reportRoutes()
	s.permitRoutes()
	s.exportRoutes()
	s.importRoutes()
	s.userRoutes()
	s.profileRoutes()
	s.sceneRoutes()
	s.pushRoutes()
	s.campaignRoutes()
	s.retryRoutes()
	s.reachRoutes()
	s.stockRoutes()
	s.templateRoutes()
	s.checkRoutes()
	s.eventRoutes()
	s.userEventRoutes()
	s.audienceRoutes()
	s.scheduleRoutes()
	s.backupRoutes()
}

// Public answers what phones and WeChat may reach: session, reports, events, me, WeChat's events and health.
func (s *Server) Public() http.Handler { return s.doors.public }

// Private answers everything.
func (s *Server) Private() http.Handler { return s.doors.private }

// Metrics returns the server's collectors, for one registry.
func (s *Server) Metrics() []prometheus.Collector { return s.metrics.collectors() }
