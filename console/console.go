package console

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/oklog/ulid/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/dispatch"
)

// Platform is what the console asks of WeChat itself. Every call is bounded by its context, and made only when somebody asks for it.
type Platform interface {
	// Templates lists the subscribe templates that an app has there. Errors: NotFound (the app has no AppSecret), or the platform's.
	Templates(ctx context.Context, app minapush.AppID) ([]minapush.Template, error)
	// QuotaLeft is how many messages an app may still send today, as the platform counts. Errors: the platform's.
	QuotaLeft(ctx context.Context, app minapush.AppID) (left, limit int64, err error)
}

// Parts are the rooms that the console shows. All must be given.
type Parts struct {
	Accounts   *account.Accounts
	Profiles   *audience.Profiles
	Bank       *bank.Bank
	Campaigns  *campaign.Campaigns
	Ledger     *delivery.Ledger
	Dispatcher *dispatch.Dispatcher
	// Counter counts audiences, when somebody asks for it.
	Counter  *audience.Counter
	Platform Platform
}

func (p Parts) validate() error {
	for name, missing := range map[string]bool{
		"Accounts": p.Accounts == nil, "Profiles": p.Profiles == nil, "Bank": p.Bank == nil, "Campaigns": p.Campaigns == nil,
		"Ledger": p.Ledger == nil, "Dispatcher": p.Dispatcher == nil, "Counter": p.Counter == nil, "Platform": p.Platform == nil,
	} {
		if missing {
			return minapush.FieldError(name, "must be given")
		}
	}
	return nil
}

// Config tunes a Console. The zero value is ready for use.
type Config struct {
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// BasePath stands before /console/, for a proxy that passes it on: "/push". Defaults to none.
	BasePath string
	// HTTPS tells that browsers reach the console by https only: its cookies are sent no other way.
	HTTPS bool
	// LiveEvery is how often the figures of a running campaign are sent to an open page. Defaults to a second.
	LiveEvery time.Duration
	// RequestTimeout bounds the work on one page. Defaults to 20 seconds.
	RequestTimeout time.Duration
	// CountWithin is how long an audience is counted for a page, which is less than RequestTimeout. Defaults to 8 seconds.
	CountWithin time.Duration
	// NewID makes idempotency keys. Defaults to ULIDs.
	NewID func() string
	// Logger is told of pages that failed. Defaults to none.
	Logger *slog.Logger
	// Version is shown at the foot of each page. Defaults to "dev".
	Version string
}

func (c *Config) defaults() error {
	if c.BasePath != "" && (!strings.HasPrefix(c.BasePath, "/") || strings.HasSuffix(c.BasePath, "/") || strings.ContainsAny(c.BasePath, "{} ?#")) {
		return minapush.FieldError("BasePath", `must look like "/push", with no slash at its end`)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.LiveEvery == 0 {
		c.LiveEvery = time.Second
	}
	if c.RequestTimeout == 0 {
		c.RequestTimeout = 20 * time.Second
	}
	if c.CountWithin == 0 {
		c.CountWithin = 8 * time.Second
	}
	if c.NewID == nil {
		c.NewID = func() string { return ulid.Make().String() }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	return nil
}

// Console answers everything below BasePath + "/console/". It may be used by any number of goroutines.
type Console struct {
	parts    Parts
	cfg      Config
	pages    *pages
	sessions *scs.SessionManager
	mux      *http.ServeMux
	inner    http.Handler

	// watches are the campaigns that open pages follow.
	watches *watches
	// counts has a place for each count that may be under way.
	counts chan struct{}
}

// New makes a console. Errors: Invalid, naming the field.
func New(p Parts, cfg Config) (*Console, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	all, err := newPages(cfg)
	if err != nil {
		return nil, err
	}
	c := &Console{parts: p, cfg: cfg, pages: all, mux: http.NewServeMux(), watches: newWatches(), counts: make(chan struct{}, countsAtOnce)}
	c.sessions = c.newSessions()
	c.routes()
	c.inner = c.guarded(c.mux)
	return c, nil
}

// ServeHTTP answers a request for a page.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.inner.ServeHTTP(w, r) }

// Root is the path of the console: "/console/" behind the base path.
func (c *Console) Root() string { return c.cfg.BasePath + root }

const root = "/console/"

// routes is the list of all pages.
func (c *Console) routes() {
	c.assetRoutes()
	c.signinRoutes()
	c.startRoutes()
	c.campaignRoutes()
	c.scheduleRoutes()
	c.overviewRoutes()
	c.permitRoutes()
	c.userRoutes()
	c.sceneRoutes()
	c.settingsRoutes()
	c.keyRoutes()
	c.operatorRoutes()
	c.stopRoutes()
}

// guarded stands before every page: headers, the session, and posts from other origins refused.
func (c *Console) guarded(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, http.StatusForbidden, "other_origin")
	}))
	pages := c.sessions.LoadAndSave(origin.Handler(next))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		if strings.HasPrefix(r.URL.Path, c.Root()+"assets/") {
			next.ServeHTTP(w, r) // needs no session
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// policy lets a page load what this server has, and nothing else; no script or style stands in a page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
