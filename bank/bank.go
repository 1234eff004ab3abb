package bank

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

const (
	// DefaultSurveyEvery is the time between the end of a survey and the begin of the next.
	DefaultSurveyEvery = 5 * time.Minute
	// DefaultSurveyShare is the share of its time that a survey in the background works; the rest it pauses.
	DefaultSurveyShare = 0.1
	// DefaultPage is how many users are read at a time.
	DefaultPage = 500
)

// Config tunes a Bank. The zero value is ready for use.
type Config struct {
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// Logger is told of surveys that failed. Defaults to none.
	Logger *slog.Logger
	// MaxPerSection is how many live permits of one kind and template a user keeps. Defaults to store.DefaultPerSection.
	MaxPerSection int
	// MaxSections is for how many kinds and templates a user keeps permits. Defaults to store.DefaultSections.
	MaxSections int
	// SurveyEvery is the time between the end of a survey and the begin of the next. Defaults to DefaultSurveyEvery.
	SurveyEvery time.Duration
	// SurveyShare is the share of its time that a survey in the background works, above 0 and at most 1 (no pauses). Defaults
	// to DefaultSurveyShare.
	SurveyShare float64
	// Page is how many users are read at a time. Defaults to DefaultPage.
	Page int
	// Node names this process in the daybook: no other of the store may have the name, one before a restart included. Defaults to a
	// random one.
	Node string
}

// Bank is the permit bank of all apps of a store. It may be used by any number of goroutines.
type Bank struct {
	st      store.Store
	cfg     Config
	metrics *metrics

	book   *book
	latest *latest

	mu      sync.Mutex
	sources map[uint32]map[string]uint16 // by app number; guarded by mu. The inner maps are never changed, only replaced
}

// New makes the bank of a store. Errors: Invalid, naming the field.
func New(st store.Store, cfg Config) (*Bank, error) {
	switch {
	case st == nil:
		return nil, minapush.FieldError("st", "must be given")
	case cfg.MaxPerSection < 0:
		return nil, minapush.FieldError("MaxPerSection", "must not be negative")
	case cfg.MaxSections < 0:
		return nil, minapush.FieldError("MaxSections", "must not be negative")
	case cfg.SurveyEvery < 0:
		return nil, minapush.FieldError("SurveyEvery", "must not be negative")
	case cfg.SurveyShare < 0 || cfg.SurveyShare > 1:
		return nil, minapush.FieldError("SurveyShare", "must be above 0 and at most 1")
	case cfg.Page < 0:
		return nil, minapush.FieldError("Page", "must not be negative")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.SurveyEvery == 0 {
		cfg.SurveyEvery = DefaultSurveyEvery
	}
	if cfg.SurveyShare == 0 {
		cfg.SurveyShare = DefaultSurveyShare
	}
	if cfg.Page == 0 {
		cfg.Page = DefaultPage
	}
	if cfg.Node == "" {
		cfg.Node = rand.Text()
	}
	return &Bank{
		st: st, cfg: cfg, metrics: newMetrics(), book: newBook(cfg.Node),
		latest:  &latest{apps: map[uint32][]Reporter{}, checked: map[uint32]bool{}},
		sources: map[uint32]map[string]uint16{},
	}, nil
}

// Deposit adds permits to a user, creating the user on the first, and notes that the user was seen. It answers for each permit in
// order, and is durable when it returns. Repeating it answers Duplicate and is safe. Errors: Invalid, naming the permit (nothing
// was done); Unavailable.
func (b *Bank) Deposit(ctx context.Context, app minapush.App, o minapush.OpenID, permits []minapush.Permit) (store.Deposited, error) {
	if err := checkUser(app, o); err != nil {
		return store.Deposited{}, err
	}
	for i, p := range permits {
		if err := checkPermit(i, p); err != nil {
			return store.Deposited{}, err
		}
	}
	now := b.cfg.Now().UTC()
	d, err := b.st.Deposit(ctx, app.Shard(o), o, store.Deposit{
		Now: now, Permits: permits, MaxPerSection: b.cfg.MaxPerSection, MaxSections: b.cfg.MaxSections,
	})
	if err != nil {
		return store.Deposited{}, fmt.Errorf("deposit for %s: %w", o.Masked(), err)
	}
	if len(d.Items) != len(permits) {
		return store.Deposited{}, minapush.Errorf(minapush.Internal, "deposit of %d permits was answered with %d", len(permits), len(d.Items))
	}
	b.metrics.deposited(permits, d)
	b.noteDeposit(app, o, now, permits, d)
	return d, nil
}

// User returns one user with its permits, expired ones included until they are swept. Errors: Invalid; NotFound.
func (b *Bank) User(ctx context.Context, app minapush.App, o minapush.OpenID) (store.User, error) {
	if err := checkUser(app, o); err != nil {
		return store.User{}, err
	}
	u, err := b.st.User(ctx, app.Shard(o), o)
	if err != nil {
		return store.User{}, fmt.Errorf("user %s: %w", o.Masked(), err)
	}
	return u, nil
}

// Erase removes a user with its permits and delivery rows, and from the latest reporters; sums of campaigns stay. While a delivery of the user is held or being
// sent, done is false, and the step that settles it completes the erasure. Repeating is safe. Errors: Invalid; NotFound.
func (b *Bank) Erase(ctx context.Context, app minapush.App, o minapush.OpenID) (done bool, err error) {
	if err := checkUser(app, o); err != nil {
		return false, err
	}
	done, err = b.st.Erase(ctx, app.Shard(o), o, b.cfg.Now().UTC())
	gone := errors.Is(err, minapush.NotFound)
	if err != nil && !gone {
		return false, fmt.Errorf("erase %s: %w", o.Masked(), err)
	}
	// A crash here leaves the user among the latest reporters until the next process looks them through; Latest does not show her.
	was, lerr := b.forgetReporter(ctx, app, o)
	switch {
	case lerr != nil:
		return false, fmt.Errorf("erase %s from the latest reporters: %w", o.Masked(), lerr)
	case gone && !was:
		return false, fmt.Errorf("erase %s: %w", o.Masked(), err)
	}
	return done || gone, nil
}

func checkUser(app minapush.App, o minapush.OpenID) error {
	if err := checkApp(app); err != nil {
		return err
	}
	return o.Validate()
}

// checkApp refuses an app that was never created: without shards there is no place for its users.
func checkApp(app minapush.App) error {
	if app.Number == 0 || app.Shards < 1 || app.Shards > minapush.MaxShards {
		return minapush.FieldError("app", "%.64q has number %d and %d shards: it was not created", app.ID, app.Number, app.Shards)
	}
	return nil
}

// checkPermit refuses what no part of minapush could spend.
func checkPermit(i int, p minapush.Permit) error {
	field := func(name string) string { return fmt.Sprintf("permits[%d].%s", i, name) }
	switch {
	case p.Kind.String() == "":
		return minapush.FieldError(field("kind"), "%d is not a kind", p.Kind)
	case p.Identity == "" && p.Kind != minapush.Standing:
		return minapush.FieldError(field("identity"), "must not be empty")
	case len(p.Identity) > minapush.MaxIdentity:
		return minapush.FieldError(field("identity"), "must have at most %d bytes", minapush.MaxIdentity)
	case p.Kind.HasCode() && p.Template != "":
		return minapush.FieldError(field("template"), "must be empty: a code serves any legacy template")
	case !p.Kind.HasCode() && (p.Template == "" || len(p.Template) > minapush.MaxTemplateID):
		return minapush.FieldError(field("template"), "must have 1 to %d bytes", minapush.MaxTemplateID)
	case p.Kind.HasCode() && p.ExpiresAt.IsZero():
		return minapush.FieldError(field("expires_at"), "must be given for a code")
	case p.Kind.Uses() > 0 && (p.Uses < 1 || p.Uses > p.Kind.Uses()):
		return minapush.FieldError(field("uses"), "must be 1 to %d, is %d", p.Kind.Uses(), p.Uses)
	}
	return nil
}
