package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteNamedEvents struct{ *suiteKit }

// suiteDid is something that a user did.
func suiteDid(name string, at time.Duration) minapush.NamedEvent {
	return minapush.NamedEvent{Name: name, At: suiteAt(at)}
}

// note tells of events at the hour, of a user who need not have been seen.
func (k *suiteKit) note(o minapush.OpenID, events ...minapush.NamedEvent) []store.EventNoted {
	k.t.Helper()
	got, err := k.st.NoteEvents(k.ctx(), k.shard, o, events, false, suiteAt(suiteHour))
	k.must(err, "note events of "+string(o))
	if len(got) != len(events) {
		k.t.Fatalf("%d events were answered with %d", len(events), len(got))
	}
	return got
}

// noteNew notes events that are all new.
func (k *suiteKit) noteNew(o minapush.OpenID, events ...minapush.NamedEvent) {
	k.t.Helper()
	for i, a := range k.note(o, events...) {
		if a != store.EventAdded {
			k.t.Fatalf("event %+v of %s: got %d, want EventAdded", events[i], o, a)
		}
	}
}

// suiteState is what is known of an event of so many times.
func suiteState(last time.Duration, count int64) minapush.EventState {
	return minapush.EventState{Last: suiteAt(last), Count: count}
}

func (k suiteNamedEvents) AreNotedWithTheirLastTimeAndHowOften() {
	k.noteNew("u", suiteDid("checkin", 0), suiteDid("share", time.Minute))
	k.noteNew("u", suiteDid("checkin", suiteDay))
	k.noteNew("v", suiteDid("checkin", 2*suiteDay))
	suiteEqual(k.suiteKit, "events", k.user("u").Events, map[string]minapush.EventState{
		"checkin": suiteState(suiteDay, 2), "share": suiteState(time.Minute, 1),
	})
	suiteEqual(k.suiteKit, "events", k.user("v").Events, map[string]minapush.EventState{"checkin": suiteState(2*suiteDay, 1)})
	k.give("w", suiteSub("t", "n"))
	if events := k.user("w").Events; events != nil {
		k.t.Errorf("nothing was told of w, who has %+v", events)
	}
}

func (k suiteNamedEvents) NotLaterThanTheLastAreKnownAndChangeNothing() {
	k.noteNew("u", suiteDid("checkin", suiteHour))
	k.same("events that are known", func() {
		got := k.note("u", suiteDid("checkin", suiteHour), suiteDid("checkin", 0), suiteDid("checkin", suiteHour+999*time.Microsecond))
		suiteEqual(k.suiteKit, "answers", got, []store.EventNoted{store.EventKnown, store.EventKnown, store.EventKnown})
	})
	k.noteNew("u", suiteDid("checkin", suiteHour+time.Millisecond))
	suiteEqual(k.suiteKit, "event", k.user("u").Events["checkin"], suiteState(suiteHour+time.Millisecond, 2))
}

func (k suiteNamedEvents) AreAnsweredInTheirOrderAsNotedByThen() {
	got := k.note("u", suiteDid("a", 2), suiteDid("a", time.Second), suiteDid("b", 0), suiteDid("a", 0), suiteDid("a", time.Minute), suiteDid("b", 0))
	suiteEqual(k.suiteKit, "answers", got, []store.EventNoted{
		store.EventAdded, store.EventAdded, store.EventAdded, store.EventKnown, store.EventAdded, store.EventKnown,
	})
	suiteEqual(k.suiteKit, "events", k.user("u").Events, map[string]minapush.EventState{"a": suiteState(time.Minute, 3), "b": suiteState(0, 1)})
}

func (k suiteNamedEvents) AreUsedToTheMillisecondInUTC() {
	at := suiteAt(1500 * time.Microsecond).In(time.FixedZone("east", 8*3600))
	k.noteNew("u", minapush.NamedEvent{Name: "a", At: at})
	suiteEqual(k.suiteKit, "event", k.user("u").Events["a"], suiteState(time.Millisecond, 1))
}

func (k suiteNamedEvents) OfANameTooManyAreRefusedAndTheOthersGoOn() {
	events := make([]minapush.NamedEvent, minapush.MaxEventNames+2)
	for i := range events {
		events[i] = suiteDid(fmt.Sprint("e", i), 0)
	}
	want := append(make([]store.EventNoted, minapush.MaxEventNames), store.EventRefused, store.EventRefused)
	suiteEqual(k.suiteKit, "answers", k.note("u", events...), want)
	k.same("one of another name", func() {
		suiteEqual(k.suiteKit, "answer", k.note("u", suiteDid("more", suiteHour)), []store.EventNoted{store.EventRefused})
	})
	k.noteNew("u", suiteDid("e0", suiteHour), suiteDid(fmt.Sprint("e", minapush.MaxEventNames-1), suiteHour))
	k.noteNew("v", suiteDid("more", 0))
	if n := len(k.user("u").Events); n != minapush.MaxEventNames {
		k.t.Errorf("events of %d names", n)
	}
}

func (k suiteNamedEvents) MayHaveNamesAsLongAsPromised() {
	events := make([]minapush.NamedEvent, minapush.MaxEventNames)
	want := map[string]minapush.EventState{}
	for i := range events {
		name := strings.Repeat("_", minapush.MaxName-2) + fmt.Sprintf("%02d", i)
		events[i], want[name] = suiteDid(name, time.Duration(i)*suiteDay), suiteState(time.Duration(i)*suiteDay, 1)
	}
	k.noteNew("u", events...)
	suiteEqual(k.suiteKit, "events", k.user("u").Events, want)
	k.give("u", suiteForm("a", suiteDay))
	k.spend("u", "p", suiteLegacy())
	suiteEqual(k.suiteKit, "events after a message", k.user("u").Events, want)
}

func (k suiteNamedEvents) ThatBreakTheirRuleChangeNothing() {
	k.give("u", suiteSub("t", "n"))
	names := append(suiteNames(), "", "1st", "a\x00", "a\n", strings.Repeat("a", minapush.MaxName+1))
	for _, name := range names {
		if (minapush.NamedEvent{Name: name, At: suiteAt(0)}).Validate() == nil {
			continue
		}
		k.noNote("u", suiteDid("good", 0), suiteDid(name, 0), suiteDid("good_too", 0))
		k.noNote("nobody", suiteDid(name, 0))
	}
	for _, at := range []time.Time{{}, time.UnixMilli(-1), time.UnixMilli(0).Add(-time.Nanosecond)} {
		k.noNote("u", suiteDid("good", 0), minapush.NamedEvent{Name: "early", At: at})
		k.noNote("nobody", minapush.NamedEvent{Name: "early", At: at})
	}
}

// noNote wants events to be refused as invalid, of one who is seen.
func (k suiteNamedEvents) noNote(o minapush.OpenID, events ...minapush.NamedEvent) {
	k.t.Helper()
	k.same("an event that is not valid", func() {
		got, err := k.st.NoteEvents(k.ctx(), k.shard, o, events, true, suiteAt(suiteDay))
		k.wantKind(err, minapush.Invalid, fmt.Sprintf("note %q", events[len(events)-1].Name))
		if len(got) != 0 {
			k.t.Errorf("answered %v", got)
		}
	})
}

func (k suiteNamedEvents) OfTheFirstMomentAndOfTheFutureAreKept() {
	first := minapush.NamedEvent{Name: "a", At: time.UnixMilli(0)}
	k.noteNew("u", first)
	suiteEqual(k.suiteKit, "event", k.user("u").Events["a"], minapush.EventState{Last: time.UnixMilli(0).UTC(), Count: 1})
	suiteEqual(k.suiteKit, "answer", k.note("u", first), []store.EventNoted{store.EventKnown})
	far := time.Date(2999, 12, 31, 23, 59, 59, 0, time.UTC)
	k.noteNew("u", minapush.NamedEvent{Name: "a", At: far})
	suiteEqual(k.suiteKit, "event", k.user("u").Events["a"], minapush.EventState{Last: far, Count: 2})
}

func (k suiteNamedEvents) MakeAUserWhoWasNeverSeen() {
	_, err := k.st.NoteEvents(k.ctx(), k.shard, "u", []minapush.NamedEvent{suiteDid("a", 0)}, false, suiteAt(suiteHour+1500*time.Microsecond))
	k.must(err, "note events")
	want := store.User{
		OpenID: "u", FirstSeen: suiteAt(suiteHour + time.Millisecond), Events: map[string]minapush.EventState{"a": suiteState(0, 1)},
	}
	suiteEqual(k.suiteKit, "user", k.user("u"), want)
	suiteEqual(k.suiteKit, "users walked", k.walk(10), []store.User{want})
	k.deposit("u", store.Deposit{Now: suiteAt(0)}) // by an earlier clock
	want.LastSeen = suiteAt(0)
	suiteEqual(k.suiteKit, "user when it was seen", k.user("u"), want)
	if flow := k.flow(); len(flow) != 0 {
		k.t.Errorf("flow %+v", flow)
	}
}

func (k suiteNamedEvents) OfWhoWasSeenMoveItsLastSeenTimeForward() {
	seen := func(o minapush.OpenID, at time.Duration) store.User {
		_, err := k.st.NoteEvents(k.ctx(), k.shard, o, []minapush.NamedEvent{suiteDid("a", 9*suiteDay)}, true, suiteAt(at))
		k.must(err, "note events")
		return k.user(o)
	}
	if u := seen("u", suiteHour); !u.FirstSeen.Equal(suiteAt(suiteHour)) || !u.LastSeen.Equal(suiteAt(suiteHour)) {
		k.t.Errorf("who is new was seen from %v to %v", u.FirstSeen, u.LastSeen)
	}
	if u := seen("u", 0); !u.LastSeen.Equal(suiteAt(suiteHour)) { // the event is known
		k.t.Errorf("last seen went back to %v", u.LastSeen)
	}
	if u := seen("u", 2*suiteHour); !u.LastSeen.Equal(suiteAt(2 * suiteHour)) {
		k.t.Errorf("last seen stays at %v", u.LastSeen)
	}
	k.noteNew("u", suiteDid("b", 0), suiteDid("a", 10*suiteDay))
	if u := k.user("u"); !u.LastSeen.Equal(suiteAt(2 * suiteHour)) {
		k.t.Errorf("telling of a user moved last seen to %v", u.LastSeen)
	}
	k.optOut("told", minapush.OptOutCampaigns)
	if u := seen("told", suiteHour); !u.FirstSeen.Equal(suiteAt(0)) || !u.LastSeen.Equal(suiteAt(suiteHour)) {
		k.t.Errorf("who was told of was seen from %v to %v", u.FirstSeen, u.LastSeen)
	}
}

func (k suiteNamedEvents) StandBesideWhatElseIsToldOfAUser() {
	k.optOut("u", minapush.OptOutCampaigns)
	suiteVoid{k.suiteKit}.void("v", suiteHour, 0)
	for _, o := range []minapush.OpenID{"u", "v"} {
		want := k.user(o)
		k.noteNew(o, suiteDid("a", suiteHour))
		want.Events = map[string]minapush.EventState{"a": suiteState(suiteHour, 1)}
		suiteEqual(k.suiteKit, "user", k.user(o), want)
	}
	k.noteNew("w", suiteDid("a", 0))
	k.optOut("w", minapush.OptOutAll)
	suiteVoid{k.suiteKit}.void("w", suiteHour, 0)
	suiteVoid{k.suiteKit}.come("v", 2*suiteHour, store.SwitchedOff, suiteReport("late", suiteHour))
	for _, o := range []minapush.OpenID{"v", "w"} {
		if n := len(k.user(o).Events); n != 1 {
			k.t.Errorf("events of %d names are left of %s", n, o)
		}
	}
}

func (k suiteNamedEvents) UsersWhoWereToldOfBeforeTheStartArePartOfACampaign() {
	_, err := k.st.NoteEvents(k.ctx(), k.shard, "early", []minapush.NamedEvent{suiteDid("a", 0)}, false, suiteAt(0))
	k.must(err, "note events")
	k.noteNew("late", suiteDid("a", 0)) // at the start
	if r := k.reserve(k.lease(), k.campaign("c", suiteLegacy())); len(r.Rows) != 0 || r.Examined != 1 {
		k.t.Errorf("reserved %+v", r)
	}
	k.wantTally("c", suiteSum{"skipped no_permit": 1})
}

func (k suiteNamedEvents) AreSeenByEveryReadAndByTheAudience() {
	k.giveForms("u", "v")
	k.noteNew("v", suiteDid("checkin", suiteHour))
	want := map[string]minapush.EventState{"checkin": suiteState(suiteHour, 1)}
	suiteEqual(k.suiteKit, "walked", k.walk(10)[1].Events, want)
	users, _ := k.sweep(10, suiteAt(suiteHour))
	suiteEqual(k.suiteKit, "swept", users[1].Events, want)
	b := k.campaign("c", suiteLegacy())
	b.Audience = func(u *store.User) bool { return u.Events["checkin"] == want["checkin"] }
	if d := k.reserveOne(k.lease(), b); d.OpenID != "v" {
		k.t.Errorf("took %s", d.OpenID)
	}
}

func (k suiteNamedEvents) StayThroughAllThatHappensToTheUser() {
	want := map[string]minapush.EventState{"a": suiteState(0, 1), "b": suiteState(9*suiteDay, 1)}
	k.noteNew("u", suiteDid("a", 0), suiteDid("b", 9*suiteDay))
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteHour), suitePay("p", 2*suiteDay))
	k.spend("u", "p1", suiteLegacy())
	k.end("u", "p2", suiteLegacy(), minapush.Failed, store.VoidUser)
	k.give("u", suiteForm("c", 2*suiteHour))
	k.putProfile("u", minapush.Profile{Tags: []string{"vip"}})
	k.sweep(10, suiteAt(400*suiteDay))
	k.run(k.lease(), k.campaign("c", suiteLegacy()))
	suiteEqual(k.suiteKit, "events", k.user("u").Events, want)
}

func (k suiteNamedEvents) AreNotSharedWithTheCaller() {
	events := []minapush.NamedEvent{suiteDid("a", 0)}
	k.noteNew("u", events...)
	events[0].At = suiteAt(suiteDay)
	got := k.user("u").Events
	suiteEqual(k.suiteKit, "events", got, map[string]minapush.EventState{"a": suiteState(0, 1)})
	got["a"] = suiteState(suiteDay, 7)
	got["b"] = suiteState(0, 1)
	suiteEqual(k.suiteKit, "events again", k.user("u").Events, map[string]minapush.EventState{"a": suiteState(0, 1)})
}

func (k suiteNamedEvents) GoWithTheUser() {
	k.noteNew("u", suiteDid("a", suiteHour))
	suiteErase{k.suiteKit}.erase("u", true)
	suiteErase{k.suiteKit}.gone("u")
	k.noteNew("u", suiteDid("a", 0)) // earlier, and of somebody new
	suiteEqual(k.suiteKit, "events", k.user("u").Events, map[string]minapush.EventState{"a": suiteState(0, 1)})
}

func (k suiteNamedEvents) OfAUserBeingErasedAreRefused() {
	k.giveForms("u")
	k.noteNew("u", suiteDid("a", 0))
	push := k.hold("u", "p")
	suiteErase{k.suiteKit}.erase("u", false)
	got := k.note("u", suiteDid("a", suiteHour), suiteDid("a", 0), suiteDid("b", 0))
	suiteEqual(k.suiteKit, "answers", got, []store.EventNoted{store.EventRefused, store.EventRefused, store.EventRefused})
	suiteEqual(k.suiteKit, "events", k.user("u").Events, map[string]minapush.EventState{"a": suiteState(0, 1)})
	k.settlePush(suiteEnd(push, minapush.Accepted, store.Spend))
	suiteErase{k.suiteKit}.gone("u")
}

func (k suiteNamedEvents) LieInTheShardThatTheCallerNames() {
	other := k.in(minapush.App{Number: 2, Shards: 2}, 1)
	k.noteNew("u", suiteDid("a", 0))
	suiteEqual(k.suiteKit, "users of the other shard", other.walk(10), nil)
	o := suiteInShard(other.app, 1)
	other.noteNew(o, suiteDid("b", suiteHour))
	suiteEqual(k.suiteKit, "events there", other.user(o).Events, map[string]minapush.EventState{"b": suiteState(suiteHour, 1)})
	suiteEqual(k.suiteKit, "events here", k.user("u").Events, map[string]minapush.EventState{"a": suiteState(0, 1)})
}

// suiteInShard is somebody who belongs in a shard.
func suiteInShard(app minapush.App, n uint32) minapush.OpenID {
	for i := 0; ; i++ {
		if o := minapush.OpenID(fmt.Sprint("u", i)); app.Shard(o).N == n {
			return o
		}
	}
}

func (k suiteHostile) NamedEventsAreApart() {
	names := suiteNames()
	events := []string{"a", "aa", "a.", "a-", "_", "__", "a_", "A", "Z9", strings.Repeat("x", minapush.MaxName), strings.Repeat("x", minapush.MaxName-1)}
	for i, o := range names {
		for j, name := range events {
			k.noteNew(minapush.OpenID(o), suiteDid(name, time.Duration(i*100+j)*time.Millisecond))
		}
	}
	slices.Sort(names)
	users := k.walk(7)
	for i, u := range users {
		if string(u.OpenID) != names[i] || len(u.Events) != len(events) {
			k.t.Errorf("user %q at the place of %q has events of %d names", u.OpenID, names[i], len(u.Events))
		}
	}
	for i, o := range suiteNames() {
		u := k.user(minapush.OpenID(o))
		for j, name := range events {
			suiteEqual(k.suiteKit, fmt.Sprintf("event %s of %q", name, o), u.Events[name], suiteState(time.Duration(i*100+j)*time.Millisecond, 1))
		}
	}
}

func (k suiteContenders) OneOfManyNotersAddsTheEvent() {
	k.give("v", suiteSub("t", "n"))
	for _, o := range []minapush.OpenID{"u", "v"} { // who is made by it, and who is there
		added := make([]bool, suiteN)
		k.contend(suiteN, func(i int) {
			got, err := k.st.NoteEvents(k.ctx(), k.shard, o, []minapush.NamedEvent{suiteDid("a", 0)}, i%2 == 0, suiteAt(0))
			added[i] = !k.failed(err, "note events") && got[0] == store.EventAdded
		})
		if n := len(slices.DeleteFunc(added, func(b bool) bool { return !b })); n != 1 {
			k.t.Errorf("%d were told that they added the event", n)
		}
		suiteEqual(k.suiteKit, "event", k.user(o).Events["a"], suiteState(0, 1))
	}
}

func (k suiteContenders) NoEventAndNoDepositIsLost() {
	k.contend(8, func(i int) {
		for j := range 8 {
			if i%2 == 0 {
				d := store.Deposit{Now: suiteAt(0), Permits: []minapush.Permit{suiteForm(suiteCode(i*100+j), suiteDay)}}
				k.failed(suiteErr(k.st.Deposit(k.ctx(), k.shard, "u", d)), "deposit")
			} else {
				event := suiteDid(fmt.Sprint("e", i), time.Duration(j)*time.Second)
				k.failed(suiteErr(k.st.NoteEvents(k.ctx(), k.shard, "u", []minapush.NamedEvent{event}, false, suiteAt(0))), "note events")
			}
		}
	})
	want := map[string]minapush.EventState{}
	for i := 1; i < 8; i += 2 {
		want[fmt.Sprint("e", i)] = suiteState(7*time.Second, 8)
	}
	suiteEqual(k.suiteKit, "events", k.user("u").Events, want)
	k.wantCounts("u", minapush.Counts{Deposited: 32, Available: 32})
}

func (k suiteDurable) NamedEvents() {
	k.rowsGo()
	k.tell([]suiteStory{
		{"events of somebody unknown", func() { k.noteNew("u", suiteDid("a", 0), suiteDid("b", suiteHour)) }},
		{"a deposit beside them", func() { k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteDay)) }},
		{"a later event", func() { k.noteNew("u", suiteDid("a", suiteDay)) }},
		{"that the user was seen", func() {
			_, err := k.st.NoteEvents(k.ctx(), k.shard, "u", nil, true, suiteAt(3*suiteHour))
			k.must(err, "note events")
		}},
		{"a message", func() { k.spend("u", "p1", suiteLegacy()) }},
		{"an erasure", func() { suiteErase{k.suiteKit}.erase("u", true) }},
	})
	k.noteNew("u", suiteDid("a", 0))
}
