package bank

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// MaxLatest is how many reporters an app remembers.
const MaxLatest = 20

// Reporter is a user whose mini program lately reported a permit: somebody to send a test to, since nobody knows her own openid.
type Reporter struct {
	OpenID minapush.OpenID `json:"openid"`
	// At is when the report arrived, in UTC.
	At time.Time `json:"at"`
	// Kind and Template are of the permit that was reported; Template is empty for a code.
	Kind     minapush.PermitKind `json:"kind"`
	Template string              `json:"template,omitempty"`
}

const kindLatest = "bank.latest"

// storedLatest is the document of one app. Openids are personal data: this is the only place outside a user's own shard, and the index of
// uids there, that names users who are in no campaign. Erase writes it after the user is gone, and whoever writes it has read it before
// it looked whether its users are there (see writeLatest): so nobody who was erased comes back.
type storedLatest struct {
	V         int        `json:"v"`
	Reporters []Reporter `json:"reporters"`
	// Erasures counts the erasures, so that each changes the document.
	Erasures uint64 `json:"erasures,omitempty"`
}

// latest is what this node has seen and not yet written down.
type latest struct {
	mu   sync.Mutex // guards all below
	apps map[uint32][]Reporter
	// checked tells the apps whose document was looked through since the start: a process that ended in the middle of an erasure may
	// have left somebody in it.
	checked map[uint32]bool
}

// saw notes a report. The list is short, and the last is the first.
func (l *latest) saw(app minapush.App, r Reporter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.apps[app.Number]
	i := slices.IndexFunc(list, func(x Reporter) bool { return x.OpenID == r.OpenID })
	switch {
	case i < 0 && len(list) < MaxLatest:
		list = append(list, r)
		i = len(list) - 1
	case i < 0:
		i = MaxLatest - 1
	}
	copy(list[1:i+1], list[:i])
	list[0] = r
	l.apps[app.Number] = list
}

// of copies what was seen of an app.
func (l *latest) of(app minapush.App) (list []Reporter, checked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.apps[app.Number]), l.checked[app.Number]
}

// drop forgets those of an app whom the function names.
func (l *latest) drop(app minapush.App, gone func(Reporter) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.apps[app.Number] = slices.DeleteFunc(l.apps[app.Number], gone)
}

// Latest returns the users whose mini programs reported a permit last, on any node, the last first, at most MaxLatest. Reports of the last
// seconds on other nodes may be missing, and after a crash those of its last seconds. Who was erased is never in it. Errors: Unavailable.
func (b *Bank) Latest(ctx context.Context, app minapush.App) ([]Reporter, error) {
	if err := checkApp(app); err != nil {
		return nil, err
	}
	seen, _ := b.latest.of(app)
	s, _, err := b.loadLatest(ctx, app)
	if err == nil {
		s.Reporters, err = b.stillThere(ctx, app, mergeLatest(s.Reporters, seen))
	}
	if err != nil {
		return nil, fmt.Errorf("latest reporters of app %s: %w", app.ID, err)
	}
	return s.Reporters, nil
}

func (b *Bank) loadLatest(ctx context.Context, app minapush.App) (storedLatest, uint64, error) {
	s := storedLatest{V: format}
	d, err := b.st.Get(ctx, kindLatest, appID(app))
	if errors.Is(err, minapush.NotFound) {
		return s, 0, nil
	}
	if err == nil {
		err = decode(d, &s)
	}
	return s, d.Version, err
}

func (b *Bank) putLatest(ctx context.Context, app minapush.App, s storedLatest, version uint64) error {
	value, err := encodePlain(s)
	if err != nil {
		return err
	}
	_, err = b.st.Put(ctx, store.Document{Kind: kindLatest, ID: appID(app), Version: version, Value: value})
	return err
}

// mergeLatest puts two lists together: each user once, the last first.
func mergeLatest(a, b []Reporter) []Reporter {
	all := append(slices.Clone(a), b...)
	slices.SortStableFunc(all, func(x, y Reporter) int { return y.At.Compare(x.At) })
	var list []Reporter
	for _, r := range all {
		if len(list) < MaxLatest && !slices.ContainsFunc(list, func(x Reporter) bool { return x.OpenID == r.OpenID }) {
			list = append(list, r)
		}
	}
	return list
}

// stillThere leaves out who is not a user any more, or is being erased.
func (b *Bank) stillThere(ctx context.Context, app minapush.App, list []Reporter) ([]Reporter, error) {
	kept := list[:0]
	for _, r := range list {
		u, err := b.st.User(ctx, app.Shard(r.OpenID), r.OpenID)
		if err != nil && !errors.Is(err, minapush.NotFound) {
			return nil, err
		}
		if err == nil && !u.Erasing {
			kept = append(kept, r)
		}
	}
	return kept, nil
}

// writeLatest adds what this node has seen to the document. The order matters: the document is read, then its users are looked up, then
// it is written if nobody else has written it. An erasure removes the user first and then writes the document, always: so either the user
// is found gone here, or the document has been written in between and all begins anew, or the erasure finds this write and takes her out.
func (b *Bank) writeLatest(ctx context.Context, app minapush.App) error {
	seen, checked := b.latest.of(app)
	if len(seen) == 0 && checked {
		return nil
	}
	for range maxEdits {
		s, version, err := b.loadLatest(ctx, app)
		if err != nil {
			return err
		}
		before := slices.Clone(s.Reporters)
		if s.Reporters, err = b.stillThere(ctx, app, mergeLatest(s.Reporters, seen)); err != nil {
			return err
		}
		if !slices.EqualFunc(before, s.Reporters, sameReporter) {
			err = b.putLatest(ctx, app, s, version)
		}
		if errors.Is(err, minapush.Conflict) {
			continue
		}
		if err == nil {
			b.latest.wrote(app, seen)
		}
		return err
	}
	return minapush.Errorf(minapush.Conflict, "the latest reporters of app %s are being written by others all the time", app.ID)
}

func sameReporter(x, y Reporter) bool {
	return x.OpenID == y.OpenID && x.At.Equal(y.At) && x.Kind == y.Kind && x.Template == y.Template
}

// wrote forgets what is written down; who reported again meanwhile stays.
func (l *latest) wrote(app minapush.App, list []Reporter) {
	l.drop(app, func(r Reporter) bool {
		return slices.ContainsFunc(list, func(x Reporter) bool { return sameReporter(x, r) })
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.checked[app.Number] = true
}

// forgetReporter takes a user who was erased out of the latest reporters: see writeLatest. It tells whether she was among them.
func (b *Bank) forgetReporter(ctx context.Context, app minapush.App, o minapush.OpenID) (was bool, err error) {
	is := func(r Reporter) bool { return r.OpenID == o }
	b.latest.drop(app, is)
	for range maxEdits {
		s, version, err := b.loadLatest(ctx, app)
		if err != nil {
			return false, err
		}
		was = was || slices.ContainsFunc(s.Reporters, is)
		s.Reporters = slices.DeleteFunc(s.Reporters, is)
		s.Erasures++
		if err = b.putLatest(ctx, app, s, version); !errors.Is(err, minapush.Conflict) {
			return was, err
		}
	}
	return false, minapush.Errorf(minapush.Conflict, "the latest reporters of app %s are being written by others all the time", app.ID)
}
