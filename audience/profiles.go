package audience

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Storage is what profiles need of a store.
type Storage interface {
	store.Profiles
	User(ctx context.Context, s minapush.Shard, o minapush.OpenID) (store.User, error)
}

// Config changes how profiles are kept.
type Config struct {
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Profiles keeps what the team told of its users. It is safe for concurrent use, by several nodes of one store too.
type Profiles struct {
	st  Storage
	cfg Config
}

// New makes the room over a store. Errors: Invalid (there is none).
func New(st Storage, cfg Config) (*Profiles, error) {
	if st == nil {
		return nil, minapush.FieldError("st", "must be given")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Profiles{st: st, cfg: cfg}, nil
}

// UIDPrefix stands before a uid where an openid is expected.
const UIDPrefix = "uid:"

// OpenID finds the user that a caller names: an openid, which is checked and need not be known, or UIDPrefix and a uid. Errors:
// Invalid; NotFound (no user has this uid).
func (p *Profiles) OpenID(ctx context.Context, app minapush.App, name string) (minapush.OpenID, error) {
	uid, named := strings.CutPrefix(name, UIDPrefix)
	if !named {
		return minapush.OpenID(name), checkUser(app, minapush.OpenID(name))
	}
	if err := checkApp(app); err != nil {
		return "", err
	}
	if err := minapush.CheckUID(uid); err != nil {
		return "", rename("openid", err)
	}
	o, err := p.holder(ctx, app, uid)
	if err != nil {
		return "", err
	}
	if o != "" {
		if has, err := p.has(ctx, app, o, uid); err != nil || has {
			return o, err
		}
	}
	return "", &minapush.Error{Kind: minapush.NotFound, Field: "openid", Err: errors.New("no user has this uid")}
}

// Forget takes a user's uid out of the index, before the user is erased. A user who is not there, or has none, is no error.
func (p *Profiles) Forget(ctx context.Context, app minapush.App, o minapush.OpenID) error {
	if err := checkUser(app, o); err != nil {
		return err
	}
	u, _, err := p.user(ctx, app, o)
	if err != nil || u.Profile.UID == "" {
		return err
	}
	return p.unbind(ctx, app, u.Profile.UID, o)
}

// holder is the user at whom the index points for a uid; "": nobody. Whether it has the uid is another question.
func (p *Profiles) holder(ctx context.Context, app minapush.App, uid string) (minapush.OpenID, error) {
	o, err := p.st.UID(ctx, app.UIDShard(uid), uid)
	if errors.Is(err, minapush.NotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look up a uid: %w", err)
	}
	return o, nil
}

// has tells whether a user's profile says that it has a uid. One that is being erased has none any more.
func (p *Profiles) has(ctx context.Context, app minapush.App, o minapush.OpenID, uid string) (bool, error) {
	u, found, err := p.user(ctx, app, o)
	return found && !u.Erasing && u.Profile.UID == uid, err
}

func (p *Profiles) unbind(ctx context.Context, app minapush.App, uid string, o minapush.OpenID) error {
	if err := p.st.UnbindUID(ctx, app.UIDShard(uid), uid, o); err != nil {
		return fmt.Errorf("unbind the uid of %s: %w", o.Masked(), err)
	}
	return nil
}

func (p *Profiles) user(ctx context.Context, app minapush.App, o minapush.OpenID) (u store.User, found bool, err error) {
	u, err = p.st.User(ctx, app.Shard(o), o)
	if errors.Is(err, minapush.NotFound) {
		return store.User{}, false, nil
	}
	if err != nil {
		return store.User{}, false, fmt.Errorf("user %s: %w", o.Masked(), err)
	}
	return u, true, nil
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
