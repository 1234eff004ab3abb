// Package campaign keeps broadcasts: what each one sends, where it stands, and when it starts; and schedules, which make a campaign at each
// planned time. It decides state changes; the dispatcher walks the audience and reports back.
//
// A campaign is one document. Its list, if it has one, and its walk (cursors, rows, sums) live in the shards and are never part of the
// document, so a state change is one compare-and-set and two nodes cannot both make it.
//
// This package may change at any release.
package campaign

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/store"
)

// Config changes how campaigns are kept.
type Config struct {
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// NewID makes campaign ids: ULIDs, ascending with time. It must be set.
	NewID func() string
	// Tick is how often schedules are looked at. Defaults to a second.
	Tick time.Duration
	// Keep is how long the rows of an ended campaign, and of pushes, are kept; their sums stay. Of several nodes the one with the least
	// decides. Defaults to DefaultKeep.
	Keep time.Duration
	// Template finds a template of an app as it now is, so that a campaign made earlier is checked against it. Errors: NotFound. Defaults
	// to none: a campaign knows its template as it was when it was made.
	Template func(ctx context.Context, app minapush.AppID, id string) (minapush.Template, error)
	// Changed, if set, is called after each change of a campaign of an app, so that its dispatcher looks at once.
	Changed func(minapush.AppID)
	// Logger defaults to one that says nothing.
	Logger *slog.Logger
}

// DefaultKeep is how long rows are kept unless told otherwise.
const DefaultKeep = 30 * 24 * time.Hour

// Storage is what campaigns need of a store.
type Storage interface {
	store.Documents
	AddListed(ctx context.Context, s minapush.Shard, campaign string, users []store.Listed) ([]bool, error)
	CountListed(ctx context.Context, app uint32, shards int, campaign string) (int64, error)
	Listed(ctx context.Context, s minapush.Shard, campaign string, after minapush.OpenID, limit int) ([]store.Listed, error)
}

// Rows is what campaigns need of the ledger: who got an earlier campaign, how its deliveries ended, and to forget the rows of those that
// ended long ago.
type Rows interface {
	Sum(ctx context.Context, app minapush.App, batch string) (delivery.Progress, error)
	List(ctx context.Context, app minapush.App, batch string, match *minapush.Outcome, after string, limit int) (delivery.Page, error)
	Forget(ctx context.Context, app minapush.App, batch string) error
	ForgetPushes(ctx context.Context, app minapush.App, from, to time.Time) error
}

// People finds the users that a list names: by openid, or by "uid:" and the team's own number. Errors: Invalid; NotFound.
type People interface {
	OpenID(ctx context.Context, app minapush.App, name string) (minapush.OpenID, error)
}

// Campaigns is safe for concurrent use, by several nodes of one store too.
type Campaigns struct {
	st      Storage
	rows    Rows
	people  People
	cfg     Config
	filters filters
}

// New makes the room over a store, the ledger and the profiles of users.
func New(st Storage, rows Rows, people People, cfg Config) (*Campaigns, error) {
	if cfg.NewID == nil {
		return nil, minapush.FieldError("NewID", "must be set")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Tick == 0 {
		cfg.Tick = time.Second
	}
	if cfg.Keep == 0 {
		cfg.Keep = DefaultKeep
	}
	if cfg.Changed == nil {
		cfg.Changed = func(minapush.AppID) {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Campaigns{st: st, rows: rows, people: people, cfg: cfg}, nil
}

// New campaign, as its author gives it.
type Draft struct {
	Name        string
	Message     minapush.Message
	Template    minapush.Template
	AtLeastOnce bool
	// Audience is who it is for; only its List and Where are looked at.
	Audience minapush.Audience
	// StartAt starts it by itself; zero waits for Start.
	StartAt time.Time
	// Grace is how late it may start; 0 means minapush.DefaultGrace.
	Grace time.Duration
	// LatestSend is after which nothing is sent; zero: none.
	LatestSend time.Time
	// KeepBack is how many permits that serve it are left to each user for pushes, up to minapush.MaxKeepBack.
	KeepBack int
	// OnQuiet is minapush.QuietWait or QuietSkip; empty: as the app says.
	OnQuiet string
	// Rollout sends it in stages; nil: to all at once. Its Expected is not looked at: it is noted at the start.
	Rollout *minapush.Rollout
	// Key is the author's idempotency key, empty for none, and Fingerprint a hash of the whole request.
	Key         string
	Fingerprint uint64
}

const maxName = 200

func (d Draft) validate(now time.Time) error {
	if len(d.Name) > maxName {
		return minapush.FieldError("name", "must have at most %d bytes, has %d", maxName, len(d.Name))
	}
	if err := d.Message.Validate(); err != nil {
		return err
	}
	if err := d.Message.CheckAgainst(d.Template); err != nil {
		return err
	}
	if err := checkAudience(d.Audience, d.Message); err != nil {
		return err
	}
	if err := d.Template.Lint(d.Message).Err(); err != nil {
		return err
	}
	if d.Grace < 0 || d.Grace > 24*time.Hour {
		return minapush.FieldError("grace_seconds", "must be from 0 to 86400")
	}
	if !d.LatestSend.IsZero() && !d.LatestSend.After(now) {
		return minapush.FieldError("latest_send", "must be in the future")
	}
	if !d.LatestSend.IsZero() && !d.StartAt.IsZero() && !d.LatestSend.After(d.StartAt) {
		return minapush.FieldError("latest_send", "must be after start_at")
	}
	return d.validateGuards()
}

// Check refuses what Create would refuse, and makes nothing. Errors: Invalid; Unavailable.
func (c *Campaigns) Check(ctx context.Context, app minapush.App, d Draft) error {
	return c.check(ctx, app, d, c.cfg.Now().UTC())
}

func (c *Campaigns) check(ctx context.Context, app minapush.App, d Draft, now time.Time) error {
	if err := d.validate(now); err != nil {
		return err
	}
	_, err := c.CheckAudience(ctx, app, d.Audience.Where)
	return err
}

// Create makes a campaign that waits for its start. With a Key that was used before for the same request it returns that
// campaign, and created is false. Errors: Invalid; Conflict with Field "Idempotency-Key" if the key was used for another request.
func (c *Campaigns) Create(ctx context.Context, app minapush.App, d Draft) (m minapush.Campaign, created bool, err error) {
	now := c.cfg.Now().UTC()
	if err := c.check(ctx, app, d, now); err != nil {
		// What was good once may not be later, such as a campaign that the audience asks of: a repeated request is answered all the same.
		if made, e := c.madeWith(ctx, app.ID, d.Key, d.Fingerprint); e == nil {
			return made, false, nil
		}
		return m, false, err
	}
	if d.Grace == 0 {
		d.Grace = minapush.DefaultGrace
	}
	return c.create(ctx, minapush.Campaign{
		App: app.ID, Name: d.Name, Message: d.Message, Kind: d.Template.Kind, Keys: d.Template.Keys, AtLeastOnce: d.AtLeastOnce,
		Audience: minapush.Audience{List: d.Audience.List, Where: d.Audience.Where},
		StartAt:  d.StartAt.UTC(), Grace: d.Grace, LatestSend: d.LatestSend.UTC(), State: minapush.Scheduled, CreatedAt: now,
		KeepBack: d.KeepBack, OnQuiet: d.OnQuiet, Rollout: settled(d.Rollout),
	}, d.Key, d.Fingerprint)
}

// create writes a campaign, with an id unless it has one, or finds the one that was made with the key.
func (c *Campaigns) create(ctx context.Context, m minapush.Campaign, key string, fingerprint uint64) (minapush.Campaign, bool, error) {
	id, claimed, err := c.claimKey(ctx, keyKindOf(m.App), key, fingerprint, cmp.Or(m.ID, c.cfg.NewID()))
	if err != nil {
		return m, false, err
	}
	if !claimed {
		made, err := c.Get(ctx, m.App, id)
		if !errors.Is(err, minapush.NotFound) {
			return made, false, err
		}
		// The node that claimed the key went before it wrote the campaign: finish its work under the same id.
	}
	m.ID = id
	err = c.campaigns().insert(ctx, m.App, m.ID, m)
	if errors.Is(err, minapush.Conflict) {
		m, err = c.Get(ctx, m.App, id) // somebody else has just finished the same work
		return m, false, err
	}
	if err != nil {
		return m, false, err
	}
	c.cfg.Changed(m.App)
	return m, true, nil
}

// Start runs a scheduled campaign now. Starting a running one changes nothing. Errors: NotFound; Conflict if it has ended or is paused,
// with Field "audience" while its list is empty or being copied, with Field "message.values.…" if its template as it now is does not take
// that value, or with Field "audience.where…" if its audience asks of a campaign whose rows were forgotten meanwhile.
func (c *Campaigns) Start(ctx context.Context, app minapush.App, id string) (minapush.Campaign, error) {
	m, err := c.Get(ctx, app.ID, id)
	if err != nil {
		return m, err
	}
	listed, err := c.countList(ctx, app, m)
	if err != nil {
		return m, err
	}
	rules, err := c.rules(ctx, m)
	if err != nil {
		return m, err
	}
	expected, err := c.expected(ctx, m)
	if err != nil {
		return m, err
	}
	if m.State == minapush.Scheduled {
		if _, err := c.CheckAudience(ctx, app, m.Audience.Where); err != nil {
			return m, forgottenSince(err)
		}
	}
	return c.change(ctx, app.ID, id, func(m *minapush.Campaign, now time.Time) error {
		switch {
		case m.State == minapush.Running:
		case m.State != minapush.Scheduled:
			return wrongState(*m, "started")
		case m.Audience.Filling:
			return listError("is still being copied from another campaign: repeat the call that made it")
		case m.Audience.List && listed == 0:
			return listError("is empty: fill it first")
		default:
			if err := checkValues(rules, m.Message); err != nil {
				return err
			}
			m.Keys = rules.Keys
			begin(m, listed, now)
			expect(m, expected)
		}
		return nil
	})
}

// forgottenSince makes a Conflict of what was good when the campaign was made.
func forgottenSince(err error) error {
	var e *minapush.Error
	if !errors.As(err, &e) || e.Kind != minapush.Invalid {
		return err
	}
	return &minapush.Error{Kind: minapush.Conflict, Field: e.Field, Reason: reasonBadAudience, Err: e.Err}
}

func listError(what string) error {
	return &minapush.Error{Kind: minapush.Conflict, Field: "audience", Err: errors.New("the campaign's list " + what)}
}

// begin runs a campaign that was scheduled.
func begin(m *minapush.Campaign, listed int64, now time.Time) {
	m.State, m.StartedAt, m.Audience.Listed = minapush.Running, now, listed
}

// Pause stops a running campaign until Resume, and says why. Pausing a paused one changes nothing. Errors: NotFound; Conflict.
func (c *Campaigns) Pause(ctx context.Context, app minapush.AppID, id string, why minapush.Reason) (minapush.Campaign, error) {
	return c.change(ctx, app, id, func(m *minapush.Campaign, _ time.Time) error {
		switch m.State {
		case minapush.Paused:
		case minapush.Running:
			m.State, m.Why = minapush.Paused, why
		default:
			return wrongState(*m, "paused")
		}
		return nil
	})
}

// Resume runs a paused campaign again, or ends the hold of a running one. Errors: NotFound; Conflict.
func (c *Campaigns) Resume(ctx context.Context, app minapush.AppID, id string) (minapush.Campaign, error) {
	return c.change(ctx, app, id, func(m *minapush.Campaign, _ time.Time) error {
		switch m.State {
		case minapush.Running, minapush.Paused:
			if m.State == minapush.Paused {
				m.Fleet.Opened = false // it begins with a first wave again
				if m.Why.Code != reasonRolloutRefused {
					m.Fleet.Storm = false // else the refusals are still in doubt: some of them are tried again first
				}
			}
			m.State, m.Why, m.Hold = minapush.Running, minapush.Reason{}, minapush.Hold{}
		default:
			return wrongState(*m, "resumed")
		}
		return nil
	})
}

// Cancel ends a campaign for good. One that never started is Cancelled at once; otherwise those not sent to are counted as skipped
// first. Cancelling again changes nothing. Errors: NotFound; Conflict if it has finished.
func (c *Campaigns) Cancel(ctx context.Context, app minapush.AppID, id string) (minapush.Campaign, error) {
	return c.change(ctx, app, id, func(m *minapush.Campaign, now time.Time) error {
		switch m.State {
		case minapush.Cancelling, minapush.Cancelled:
		case minapush.Scheduled:
			m.State, m.EndedAt = minapush.Cancelled, now
		case minapush.Running, minapush.Paused:
			m.State, m.Why, m.Hold = minapush.Cancelling, minapush.Reason{Code: "operator"}, minapush.Hold{}
		default:
			return wrongState(*m, "cancelled")
		}
		return nil
	})
}

func wrongState(m minapush.Campaign, verb string) error {
	return &minapush.Error{Kind: minapush.Conflict, Field: "state", Err: errors.New("a campaign that is " + string(m.State) + " cannot be " + verb)}
}
