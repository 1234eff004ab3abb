package audience

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/minapush/minapush"
)

// maxEdits bounds how often a change starts again because somebody else was first.
const maxEdits = 100

// Change lets a rule change a user's profile, again while others change it at the same time, and keeps the index of uids. It makes the
// user if there is none. The rule may be called several times, each time on a profile of its own, whose Version it cannot change and
// whose Tags need not be in order. It returns the profile as it now stands. Errors: those of the rule; Invalid; Conflict, with Field
// "uid" if another user has the uid, else since the user is being erased.
func (p *Profiles) Change(ctx context.Context, app minapush.App, o minapush.OpenID, rule func(*minapush.Profile) error) (minapush.Profile, error) {
	now, _, err := p.change(ctx, app, o, rule)
	return now, err
}

// change is Change, and tells whether there was anything to change.
func (p *Profiles) change(
	ctx context.Context, app minapush.App, o minapush.OpenID, rule func(*minapush.Profile) error,
) (now minapush.Profile, changed bool, err error) {
	if err := checkUser(app, o); err != nil {
		return now, false, err
	}
	for range maxEdits {
		u, found, err := p.user(ctx, app, o)
		switch {
		case err != nil:
			return now, false, err
		case u.Erasing:
			return now, false, minapush.Errorf(minapush.Conflict, "user %s is being erased", o.Masked())
		}
		next := clone(u.Profile)
		if err := rule(&next); err != nil {
			return now, false, err
		}
		next.Version = u.Profile.Version
		slices.Sort(next.Tags)
		next.Tags = slices.Compact(next.Tags)
		if err := next.Validate(); err != nil {
			return now, false, err
		}
		if found && same(next, u.Profile) {
			return u.Profile, false, p.heal(ctx, app, o, next.UID)
		}
		next, done, err := p.put(ctx, app, o, u.Profile, next)
		if err != nil || done {
			return next, done, err
		}
	}
	return now, false, minapush.Errorf(minapush.Conflict, "the profile of %s is being changed by others all the time", o.Masked())
}

// put writes a profile over the one that was read, and keeps the index. done is false if somebody else was first.
func (p *Profiles) put(
	ctx context.Context, app minapush.App, o minapush.OpenID, old, next minapush.Profile,
) (now minapush.Profile, done bool, err error) {
	moved := next.UID != "" && next.UID != old.UID
	if moved {
		if err := p.claim(ctx, app, next.UID, o); err != nil {
			return now, false, err
		}
	}
	// A crash here leaves a uid that points at a user who does not have it.
	next.Version, err = p.st.PutProfile(ctx, app.Shard(o), o, next, p.cfg.Now().UTC())
	if errors.Is(err, minapush.Conflict) {
		return now, false, nil
	}
	if err != nil {
		return now, false, fmt.Errorf("write the profile of %s: %w", o.Masked(), err)
	}
	if moved {
		// Another user may have claimed the uid before this one had it. Of two that now have it the index knows which.
		if err := p.claim(ctx, app, next.UID, o); err != nil {
			return now, false, p.takeBack(ctx, app, o, old, next, err)
		}
	}
	// A crash here leaves the old uid pointing at a user who does not have it any more.
	if old.UID != "" && old.UID != next.UID {
		if err := p.unbind(ctx, app, old.UID, o); err != nil {
			return now, false, err
		}
	}
	return next, true, nil
}

// claim points a uid at a user, unless the one at whom it points has it. Errors: Conflict with Field "uid".
func (p *Profiles) claim(ctx context.Context, app minapush.App, uid string, o minapush.OpenID) error {
	shard := app.UIDShard(uid)
	for range maxEdits {
		was, err := p.holder(ctx, app, uid)
		if err != nil || was == o {
			return err
		}
		if err := p.free(ctx, app, was, uid); err != nil {
			return err
		}
		err = p.st.BindUID(ctx, shard, uid, o, was)
		if errors.Is(err, minapush.Conflict) {
			continue
		}
		if err != nil {
			return fmt.Errorf("bind the uid of %s: %w", o.Masked(), err)
		}
		// The one before may have been on its way: it looks at the index once more after its profile is written, and this is the
		// other half of that.
		if err := p.free(ctx, app, was, uid); err != nil {
			return errors.Join(err, p.st.BindUID(ctx, shard, uid, was, o))
		}
		return nil
	}
	return minapush.Errorf(minapush.Conflict, "the uid of %s is being claimed by others all the time", o.Masked())
}

// free refuses a uid that a user has.
func (p *Profiles) free(ctx context.Context, app minapush.App, o minapush.OpenID, uid string) error {
	if o == "" {
		return nil
	}
	has, err := p.has(ctx, app, o, uid)
	if has {
		return &minapush.Error{Kind: minapush.Conflict, Field: "uid", Err: errors.New("is the uid of another user")}
	}
	return err
}

// takeBack undoes a profile whose uid went to another user meanwhile, and returns why.
func (p *Profiles) takeBack(ctx context.Context, app minapush.App, o minapush.OpenID, old, next minapush.Profile, why error) error {
	if !taken(why) {
		return why // not known: the same change made again completes it
	}
	_, _, err := p.change(ctx, app, o, func(q *minapush.Profile) error {
		switch {
		case q.Version == next.Version:
			*q = clone(old)
		case q.UID == next.UID:
			q.UID = old.UID
		}
		return nil
	})
	if err != nil {
		return err
	}
	return why
}

// heal points the uid of a user at it, should it have been taken out of the index and the user not been erased then.
func (p *Profiles) heal(ctx context.Context, app minapush.App, o minapush.OpenID, uid string) error {
	if uid == "" {
		return nil
	}
	if err := p.claim(ctx, app, uid, o); err != nil && !taken(err) {
		return err
	}
	return nil
}

// taken tells whether a uid was refused because another user has it.
func taken(err error) bool {
	var e *minapush.Error
	return errors.As(err, &e) && e.Kind == minapush.Conflict && e.Field == "uid"
}

func clone(p minapush.Profile) minapush.Profile {
	p.Tags, p.Attributes = slices.Clone(p.Tags), maps.Clone(p.Attributes)
	if p.Attributes == nil {
		p.Attributes = map[string]minapush.Attribute{}
	}
	return p
}

// same tells whether two profiles say the same.
func same(a, b minapush.Profile) bool {
	return a.UID == b.UID && a.OptOut == b.OptOut && slices.Equal(a.Tags, b.Tags) && maps.Equal(a.Attributes, b.Attributes)
}
