package audience

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Told is an event that somebody tells of.
type Told struct {
	// Name names the user: an openid, or UIDPrefix and a uid.
	Name  string
	Event minapush.NamedEvent
}

// EventNoted is what became of an event.
type EventNoted = store.EventNoted

// What became of an event.
const (
	EventAdded   = store.EventAdded
	EventKnown   = store.EventKnown
	EventRefused = store.EventRefused
)

// NotedEvent is what became of a Told.
type NotedEvent struct {
	Result EventNoted
	// Reason says why it is EventRefused: one of the names below; else it is empty.
	Reason string
}

// Why events are refused.
const (
	// ReasonBadName: the event's name breaks its rule.
	ReasonBadName = "bad_name"
	// ReasonBadTime: it happened before 1970, or will happen later than MaxEventAhead from now.
	ReasonBadTime = "bad_time"
	// ReasonBadOpenID: what names the user can be no openid, and no uid.
	ReasonBadOpenID = "bad_openid"
	// ReasonUnknownUID: no user has the uid.
	ReasonUnknownUID = "unknown_uid"
	// ReasonTooManyNames: the user has events of minapush.MaxEventNames other names.
	ReasonTooManyNames = "too_many_names"
	// ReasonBeingErased: the user is being erased.
	ReasonBeingErased = "being_erased"
)

const (
	// MaxEventAhead is how far an event may lie ahead of our clock, since clocks differ.
	MaxEventAhead = time.Minute
	// noteWorkers is how many users are looked up, or written, at a time.
	noteWorkers = 64
)

// NoteEvents notes what users did, and says what became of each, in order. One that is no good is refused alone. Events of one user are
// noted in their order, in one step; users that are not there are created, unless they are named by a uid. With seen, each of the users
// was seen now. An error means that some may be noted and others not; then the same call again is safe. Errors: Invalid (the app was not
// created); Unavailable.
func (p *Profiles) NoteEvents(ctx context.Context, app minapush.App, told []Told, seen bool) ([]NotedEvent, error) {
	if err := checkApp(app); err != nil {
		return nil, err
	}
	n := noting{p: p, app: app, told: told, seen: seen, now: p.cfg.Now().UTC(), noted: make([]NotedEvent, len(told))}
	names, err := n.names(ctx)
	if err != nil {
		return nil, fmt.Errorf("note events: %w", err)
	}
	if err := n.write(ctx, n.byUser(names)); err != nil {
		return nil, fmt.Errorf("note events: %w", err)
	}
	return n.noted, nil
}

// noting is one call of NoteEvents.
type noting struct {
	p     *Profiles
	app   minapush.App
	told  []Told
	seen  bool
	now   time.Time
	noted []NotedEvent // what became of told; those refused have a reason
}

// person is whom a name means; why says that it means nobody.
type person struct {
	openid minapush.OpenID
	why    string
}

// names refuses what is no good by itself, and finds whom the others mean, each name once.
func (n *noting) names(ctx context.Context) (map[string]*person, error) {
	names := map[string]*person{}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(noteWorkers)
	for i, t := range n.told {
		if why := n.bad(t.Event); why != "" {
			n.noted[i] = refused(why)
			continue
		}
		if names[t.Name] != nil {
			continue
		}
		who := &person{}
		names[t.Name] = who
		g.Go(func() (err error) {
			*who, err = n.person(ctx, t.Name)
			return err
		})
	}
	return names, g.Wait()
}

// bad says what is wrong with an event; "": nothing.
func (n *noting) bad(e minapush.NamedEvent) string {
	var wrong *minapush.Error
	switch err := e.Validate(); {
	case errors.As(err, &wrong) && wrong.Field == "name":
		return ReasonBadName
	case err != nil, e.At.After(n.now.Add(MaxEventAhead)):
		return ReasonBadTime
	}
	return ""
}

func (n *noting) person(ctx context.Context, name string) (person, error) {
	o, err := n.p.OpenID(ctx, n.app, name)
	switch {
	case errors.Is(err, minapush.Invalid):
		return person{why: ReasonBadOpenID}, nil
	case errors.Is(err, minapush.NotFound):
		return person{why: ReasonUnknownUID}, nil
	}
	return person{openid: o}, err
}

// byUser groups the places of the events that are good by their user. One user may have several names.
func (n *noting) byUser(names map[string]*person) map[minapush.OpenID][]int {
	places := map[minapush.OpenID][]int{}
	for i, t := range n.told {
		if n.noted[i].Reason != "" {
			continue
		}
		if who := names[t.Name]; who.why != "" {
			n.noted[i] = refused(who.why)
		} else {
			places[who.openid] = append(places[who.openid], i)
		}
	}
	return places
}

// write notes the events of all users, one step a user. Each step fills places of its own in noted.
func (n *noting) write(ctx context.Context, users map[minapush.OpenID][]int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(noteWorkers)
	for o, places := range users {
		g.Go(func() error { return n.user(ctx, o, places) })
	}
	return g.Wait()
}

// user notes the events of one user.
func (n *noting) user(ctx context.Context, o minapush.OpenID, places []int) error {
	events := make([]minapush.NamedEvent, len(places))
	for i, place := range places {
		events[i] = n.told[place].Event
	}
	results, err := n.p.st.NoteEvents(ctx, n.app.Shard(o), o, events, n.seen, n.now)
	if err != nil {
		return fmt.Errorf("user %s: %w", o.Masked(), err)
	}
	why := ""
	for i, result := range results {
		if result != EventRefused {
			n.noted[places[i]] = NotedEvent{Result: result}
			continue
		}
		if why == "" {
			if why, err = n.why(ctx, o); err != nil {
				return err
			}
		}
		n.noted[places[i]] = refused(why)
	}
	return nil
}

// why finds out why the store refused events of a user, which it does for one of two reasons.
func (n *noting) why(ctx context.Context, o minapush.OpenID) (string, error) {
	u, found, err := n.p.user(ctx, n.app, o)
	if found && !u.Erasing {
		return ReasonTooManyNames, err
	}
	return ReasonBeingErased, err
}

func refused(why string) NotedEvent { return NotedEvent{Result: EventRefused, Reason: why} }
