package audience_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/audience"
	"github.com/minapush/minapush/store"
)

func told(name, event string, at time.Time) audience.Told {
	return audience.Told{Name: name, Event: minapush.NamedEvent{Name: event, At: at}}
}

var (
	added = audience.NotedEvent{Result: audience.EventAdded}
	known = audience.NotedEvent{Result: audience.EventKnown}
)

func refused(why string) audience.NotedEvent {
	return audience.NotedEvent{Result: audience.EventRefused, Reason: why}
}

// events is what is known of a user.
func (b *bundle) events(t testing.TB, o minapush.OpenID) map[string]minapush.EventState {
	t.Helper()
	u, err := b.st.User(b.ctx, b.app.Shard(o), o)
	must(t, err)
	return u.Events
}

// noted tells of events and compares what became of them.
func (b *bundle) noted(t testing.TB, told []audience.Told, want ...audience.NotedEvent) {
	t.Helper()
	got, err := b.profiles.NoteEvents(b.ctx, b.app, told, false)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEventsAreNotedInOrderForEachUser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	must(t, b.give("oA", "7"))
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	all := []audience.Told{
		told("oA", "checkin", at(-10)), told("oB", "checkin", at(-9)), told("uid:7", "checkin", at(-8)), told("oA", "checkin", at(-9)), told("oA", "pay", at(-20)),
		told("oB", "checkin", at(-9)), told("uid:7", "checkin", at(-7)),
	}
	b.noted(t, all, added, added, added, known, added, known, added)
	b.noted(t, all, known, known, known, known, known, known, known)
	want := map[string]minapush.EventState{"checkin": {Last: at(-7), Count: 3}, "pay": {Last: at(-20), Count: 1}}
	if diff := cmp.Diff(want, b.events(t, "oA")); diff != "" {
		t.Error(diff)
	}
	wantEqual(t, b.events(t, "oB")["checkin"].Count, 1)
	b.noted(t, nil, []audience.NotedEvent{}...)
}

func TestABadEventIsRefusedAloneWithItsReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.noted(t, []audience.Told{
		told("oA", "", start), told("oA", "9", start), told("oA", strings.Repeat("x", minapush.MaxName+1), start),
		told("oA", "a", time.Time{}), told("oA", "a", time.Unix(-1, 0)), told("oA", "a", start.Add(time.Minute+time.Millisecond)),
		told("", "a", start), told("a b", "a", start), told("uid:", "a", start), told("uid:\n", "a", start), told("uid:8", "a", start),
		told("uid:8", "a", start), told("a b", "", time.Time{}),
		told("oA", "a", time.Unix(0, 0)), told("oB", "a", start.Add(time.Minute)),
	},
		refused("bad_name"), refused("bad_name"), refused("bad_name"),
		refused("bad_time"), refused("bad_time"), refused("bad_time"),
		refused("bad_openid"), refused("bad_openid"), refused("bad_openid"), refused("bad_openid"), refused("unknown_uid"),
		refused("unknown_uid"), refused("bad_name"),
		added, added,
	)
	_, err := b.profiles.NoteEvents(b.ctx, minapush.App{ID: "wx1"}, []audience.Told{told("oA", "a", start)}, false)
	wantField(t, err, "app")
}

func TestAUserHasEventsOfSoManyNamesOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var all []audience.Told
	var want []audience.NotedEvent
	for i := range minapush.MaxEventNames {
		all, want = append(all, told("oA", fmt.Sprintf("e%d", i), start)), append(want, added)
	}
	all = append(all, told("oA", "one.more", start), told("oA", "e0", start.Add(time.Second)), told("oA", "another", start), told("oB", "one.more", start))
	b.noted(t, all, append(want, refused("too_many_names"), added, refused("too_many_names"), added)...)
	wantEqual(t, len(b.events(t, "oA")), minapush.MaxEventNames)
}

func TestNothingIsNotedOfAUserBeingErased(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.erasing(t, "oA")
	b.noted(t, []audience.Told{told("oA", "a", start), told("oB", "a", start)}, refused("being_erased"), added)
}

func TestWhoTellsOfHerselfWasSeen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for o, seen := range map[minapush.OpenID]bool{"oA": true, "oB": false} {
		_, err := b.profiles.NoteEvents(b.ctx, b.app, []audience.Told{told(string(o), "a", start.Add(-day)), told(string(o), "", start)}, seen)
		must(t, err)
		u, err := b.st.User(b.ctx, b.app.Shard(o), o)
		must(t, err)
		wantEqual(t, u.LastSeen.Equal(start), seen)
	}
	// Nobody is made, or seen, by what is refused.
	_, err := b.profiles.NoteEvents(b.ctx, b.app, []audience.Told{told("oC", "", start)}, true)
	must(t, err)
	_, err = b.st.User(b.ctx, b.app.Shard("oC"), "oC")
	wantEqual(t, minapush.KindOf(err), minapush.NotFound)
}

// noteCalls keeps what the store was asked to note, and fails for some users.
type noteCalls struct {
	audience.Storage
	mu    sync.Mutex
	calls map[minapush.OpenID][]string // names in one call each
	fail  minapush.OpenID
}

func (n *noteCalls) NoteEvents(
	ctx context.Context, s minapush.Shard, o minapush.OpenID, events []minapush.NamedEvent, seen bool, now time.Time,
) ([]store.EventNoted, error) {
	if o == n.fail {
		return nil, minapush.Unavailable
	}
	var names []string
	for _, e := range events {
		names = append(names, e.Name)
	}
	n.mu.Lock()
	n.calls[o] = append(n.calls[o], strings.Join(names, " "))
	n.mu.Unlock()
	return n.Storage.NoteEvents(ctx, s, o, events, seen, now)
}

func TestEachUsersEventsAreOneStep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	st := &noteCalls{Storage: b.st, calls: map[minapush.OpenID][]string{}}
	var all []audience.Told
	for i := range 1000 {
		all = append(all, told(fmt.Sprintf("o%d", i%300), fmt.Sprintf("e%d", i/300), start))
	}
	got, err := b.over(t, st).NoteEvents(b.ctx, b.app, all, false)
	must(t, err)
	wantEqual(t, slices.ContainsFunc(got, func(n audience.NotedEvent) bool { return n != added }), false)
	wantEqual(t, len(st.calls), 300)
	for o, calls := range st.calls {
		want := "e0 e1 e2 e3"
		if len(o) == len("o123") && o >= "o100" {
			want = "e0 e1 e2"
		}
		if len(calls) != 1 || calls[0] != want {
			t.Errorf("%s: %q", o, calls)
		}
	}
}

func TestAStoreThatFailsIsToldAndTheCallMayBeRepeated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	all := []audience.Told{told("oA", "a", start), told("oB", "a", start)}
	st := &noteCalls{Storage: b.st, calls: map[minapush.OpenID][]string{}, fail: "oB"}
	got, err := b.over(t, st).NoteEvents(b.ctx, b.app, all, false)
	if !errors.Is(err, minapush.Unavailable) || got != nil {
		t.Fatalf("got %v, %v", got, err)
	}
	_, err = b.profiles.NoteEvents(b.ctx, b.app, all, false)
	must(t, err)
	for _, o := range []minapush.OpenID{"oA", "oB"} {
		wantEqual(t, b.events(t, o)["a"].Count, 1)
	}
}
