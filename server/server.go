// Package server is the JSON API: routes, authentication, limits, what an error is as a status, health and metrics. The bodies are
// package api's; what the calls do is the other rooms'.
//
// There are two handlers. Public holds what phones may reach: session, reports, health. Private holds everything.
//
// This package may change at any release.
package server

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/collect"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/dispatch"
)

// Sessions trades wx.login codes at the platform. Errors: Invalid (the code is no good), Unauthorized (the platform blocked the
// login), NotFound (the app has no AppSecret), or the platform's.
type Sessions interface {
	JSCode2Session(ctx context.Context, app minapush.AppID, code string) (minapush.OpenID, error)
}

// Parts are the rooms that a Server speaks for. All but Gatherer and Ready must be given.
type Parts struct {
	Accounts   *account.Accounts
	Bank       *bank.Bank
	Collector  *collect.Collector
	Campaigns  *campaign.Campaigns
	Ledger     *delivery.Ledger
	Dispatcher *dispatch.Dispatcher
	Sessions   Sessions
	// Gatherer is shown at /metrics. Nil: there is no such path.
	Gatherer prometheus.Gatherer
	// Ready says why the server cannot serve yet; nil: it can. A nil function: it always can.
	Ready func(ctx context.Context) error
}

func (p Parts) validate() error {
	for name, missing := range map[string]bool{
		"Accounts": p.Accounts == nil, "Bank": p.Bank == nil, "Collector": p.Collector == nil, "Campaigns": p.Campaigns == nil,
		"Ledger": p.Ledger == nil, "Dispatcher": p.Dispatcher == nil, "Sessions": p.Sessions == nil,
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
	// RequestTimeout bounds the work on one request; pushes and fresh surveys have bounds of their own. Defaults to
	// DefaultRequestTimeout.
	RequestTimeout time.Duration
	// ReportsPerMinute is how many reports one user of an app may send, through this node; more are answered 429. Negative: any
	// number. Defaults to DefaultReportsPerMinute.
	ReportsPerMinute int
	// Logger is told of panics and of answers with a status of 500 or more. Defaults to none.
	Logger *slog.Logger
	// Version is shown by health and OpenAPI. Defaults to "dev".
	Version string
}

func (c *Config) defaults() error {
	switch {
	case c.MaxBody < 0:
		return minapush.FieldError("MaxBody", "must not be negative")
	case c.RequestTimeout < 0:
		return minapush.FieldError("RequestTimeout", "must not be negative")
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
	if c.ReportsPerMinute == 0 {
		c.ReportsPerMinute = DefaultReportsPerMinute
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	return nil
}

// Server answers the calls of package api. It may be used by any number of goroutines.
type Server struct {
	parts   Parts
	cfg     Config
	metrics *metrics
	reports *limiter
	surveys *once

	docs            *huma.OpenAPI
	public, private *http.ServeMux
	paths           map[string]*pathMethods
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
		parts: p, cfg: cfg, metrics: newMetrics(), reports: newLimiter(cfg.ReportsPerMinute), surveys: newOnce(),
		docs: newDocs(cfg), public: http.NewServeMux(), private: http.NewServeMux(), paths: map[string]*pathMethods{},
	}
	s.routes()
	if err := s.serveDocs(); err != nil {
		return nil, err
	}
	s.refuseOthers()
	return s, nil
}

// routes is the list of all calls.
func (s *Server) routes() {
	s.healthRoutes()
	s.appRoutes()
	s.keyRoutes()
	s.sessionRoutes()
	s.reportRoutes()
	s.permitRoutes()
	s.userRoutes()
	s.pushRoutes()
	s.campaignRoutes()
	s.reachRoutes()
	s.templateRoutes()
}

// Public answers what phones may reach: session, reports and health.
func (s *Server) Public() http.Handler { return s.public }

// Private answers everything.
func (s *Server) Private() http.Handler { return s.private }

// Metrics returns the server's collectors, for one registry.
func (s *Server) Metrics() []prometheus.Collector { return s.metrics.collectors() }
