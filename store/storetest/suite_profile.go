package storetest

import (
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// putProfile writes a profile over the version that it names, and returns it as it must be stored.
func (k *suiteKit) putProfile(o minapush.OpenID, p minapush.Profile) minapush.Profile {
	k.t.Helper()
	v, err := k.st.PutProfile(k.ctx(), k.shard, o, p, suiteAt(0))
	k.must(err, "put profile of "+string(o))
	if v != p.Version+1 {
		k.t.Fatalf("version %d follows version %d", v, p.Version)
	}
	p.Version = v
	return p
}

// optOut changes what a user asked not to be sent, and nothing else.
func (k *suiteKit) optOut(o minapush.OpenID, what minapush.OptOut) {
	k.t.Helper()
	var p minapush.Profile
	if u, err := k.st.User(k.ctx(), k.shard, o); err == nil {
		p = u.Profile
	}
	p.OptOut = what
	k.putProfile(o, p)
}

// suiteAttributes has one of every kind, and what is easily lost of each.
func suiteAttributes() map[string]minapush.Attribute {
	return map[string]minapush.Attribute{
		"city": {Text: "北京 {a}:\n"}, "empty": {}, "_n.1-2": {Kind: minapush.Number, Number: -12.5}, "zero": {Kind: minapush.Number},
		"large": {Kind: minapush.Number, Number: 1.7976931348623157e308}, "small": {Kind: minapush.Number, Number: 5e-324},
		"exact": {Kind: minapush.Number, Number: 9007199254740993}, "yes": {Kind: minapush.Flag, Number: 1}, "no": {Kind: minapush.Flag},
		"one": {Text: "1"}, "true": {Text: "true"},
	}
}

type suiteProfile struct{ *suiteKit }

func (k suiteProfile) noPut(o minapush.OpenID, p minapush.Profile, want minapush.Kind) {
	k.t.Helper()
	k.same("a put that is refused", func() {
		_, err := k.st.PutProfile(k.ctx(), k.shard, o, p, suiteAt(suiteHour))
		k.wantKind(err, want, "put profile")
	})
}

func (k suiteProfile) IsReadAsItWasWritten() {
	k.give("u", suiteSub("t", "n"))
	suiteEqual(k.suiteKit, "profile before", k.user("u").Profile, minapush.Profile{})
	p := k.putProfile("u", minapush.Profile{
		UID: "{42}:é", Tags: []string{"a b", "vip", "用户"}, Attributes: suiteAttributes(), OptOut: minapush.OptOutCampaigns,
	})
	suiteEqual(k.suiteKit, "profile", k.user("u").Profile, p)
	suiteEqual(k.suiteKit, "profile walked", k.walk(10)[0].Profile, p)
	users, _ := k.sweep(10, suiteAt(suiteHour))
	suiteEqual(k.suiteKit, "profile swept", users[0].Profile, p)
	p = k.putProfile("u", minapush.Profile{Version: p.Version, OptOut: minapush.OptOutAll})
	suiteEqual(k.suiteKit, "replaced profile", k.user("u").Profile, p)
	k.putProfile("u", minapush.Profile{Version: p.Version})
	suiteEqual(k.suiteKit, "emptied profile", k.user("u").Profile, minapush.Profile{Version: 3})
	k.wantCounts("u", minapush.Counts{Deposited: 1, Available: 1})
}

func (k suiteProfile) IsWrittenAtItsVersionOnly() {
	k.noPut("u", minapush.Profile{UID: "1", Version: 1}, minapush.Conflict) // nobody is there, and nobody is made
	p := k.putProfile("u", minapush.Profile{UID: "1"})
	for _, version := range []uint64{0, 2, 1 << 63} {
		k.noPut("u", minapush.Profile{UID: "2", Version: version}, minapush.Conflict)
	}
	p = k.putProfile("u", p) // the same is another version
	k.noPut("u", minapush.Profile{UID: "2", Version: 1}, minapush.Conflict)
	suiteEqual(k.suiteKit, "profile", k.user("u").Profile, p)
	k.give("v", suiteSub("t", "n"))
	k.noPut("v", minapush.Profile{UID: "1", Version: 1}, minapush.Conflict)
	k.putProfile("v", minapush.Profile{UID: "1"})
}

func (k suiteProfile) MustBeValid() {
	for name, p := range map[string]minapush.Profile{
		"uid":        {UID: strings.Repeat("x", minapush.MaxUID+1)},
		"tags":       {Tags: []string{"b", "a"}},
		"attributes": {Attributes: map[string]minapush.Attribute{"1st": {}}},
		"opt out":    {OptOut: minapush.OptOutAll + 1},
	} {
		k.noPut(minapush.OpenID("user of "+name), p, minapush.Invalid)
	}
}

func (k suiteProfile) MakesAUserWhoWasNeverSeen() {
	told := suiteAt(1500 * time.Microsecond)
	_, err := k.st.PutProfile(k.ctx(), k.shard, "u", minapush.Profile{UID: "1"}, told)
	k.must(err, "put profile")
	want := store.User{OpenID: "u", FirstSeen: suiteAt(time.Millisecond), Profile: minapush.Profile{UID: "1", Version: 1}}
	suiteEqual(k.suiteKit, "user", k.user("u"), want)
	suiteEqual(k.suiteKit, "users walked", k.walk(10), []store.User{want})
	k.reservePush(k.askPush("u", "p"), store.PushSkipped)
	suiteEqual(k.suiteKit, "user after a push that was skipped", k.user("u"), want)
	k.deposit("u", store.Deposit{Now: suiteAt(suiteHour)})
	want.LastSeen = suiteAt(suiteHour)
	suiteEqual(k.suiteKit, "user when it was seen", k.user("u"), want)
	k.give("u", suiteSub("t", "n")) // earlier
	if u := k.user("u"); !u.LastSeen.Equal(want.LastSeen) || !u.FirstSeen.Equal(want.FirstSeen) || u.Profile.UID != "1" {
		k.t.Errorf("user with a permit: %+v", u)
	}
}

func (k suiteProfile) DoesNotMoveTheTimesOfAUserThatIsThere() {
	k.deposit("u", store.Deposit{Now: suiteAt(time.Minute), Permits: []minapush.Permit{suiteSub("t", "n")}})
	want := k.user("u")
	_, err := k.st.PutProfile(k.ctx(), k.shard, "u", minapush.Profile{OptOut: minapush.OptOutAll}, suiteAt(suiteHour))
	k.must(err, "put profile")
	want.Profile = minapush.Profile{OptOut: minapush.OptOutAll, Version: 1}
	suiteEqual(k.suiteKit, "user", k.user("u"), want)
}

func (k suiteProfile) WhoIsSeenByAnEarlierClockWasSeenThen() {
	_, err := k.st.PutProfile(k.ctx(), k.shard, "u", minapush.Profile{}, suiteAt(suiteHour))
	k.must(err, "put profile")
	k.give("u", suiteSub("t", "n"))
	if u := k.user("u"); !u.FirstSeen.Equal(suiteAt(suiteHour)) || !u.LastSeen.Equal(suiteAt(0)) {
		k.t.Errorf("first seen %v, last seen %v", u.FirstSeen, u.LastSeen)
	}
}

func (k suiteProfile) UsersWhoWereToldOfBeforeTheStartArePartOfACampaign() {
	k.optOut("early", minapush.OptOutNone)
	b := k.campaign("c", suiteLegacy())
	_, err := k.st.PutProfile(k.ctx(), k.shard, "late", minapush.Profile{}, b.Started)
	k.must(err, "put profile")
	if r := k.reserve(k.lease(), b); len(r.Rows) != 0 || r.Examined != 1 {
		k.t.Errorf("reserved %+v", r)
	}
	k.wantTally("c", suiteSum{"skipped no_permit": 1})
}

func (k suiteProfile) IsSeenByTheAudience() {
	k.giveForms("u", "v")
	p := k.putProfile("v", minapush.Profile{Tags: []string{"vip"}, Attributes: suiteAttributes()})
	b := k.campaign("c", suiteLegacy())
	b.Audience = func(u *store.User) bool {
		if u.OpenID == "v" {
			suiteEqual(k.suiteKit, "profile that the audience sees", u.Profile, p)
		}
		return len(u.Profile.Tags) == 1
	}
	if d := k.reserveOne(k.lease(), b); d.OpenID != "v" {
		k.t.Errorf("took %s", d.OpenID)
	}
}

func (k suiteProfile) StaysThroughAllThatHappensToTheUser() {
	p := k.putProfile("u", minapush.Profile{UID: "1", Tags: []string{"vip"}, Attributes: suiteAttributes()})
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", 2*suiteHour), suitePay("p", 2*suiteDay))
	k.spend("u", "p1", suiteLegacy())
	k.end("u", "p2", suiteLegacy(), minapush.Failed, store.VoidUser)
	k.give("u", suiteForm("c", 2*suiteHour))
	k.sweep(10, suiteAt(suiteDay))
	d := k.run(k.lease(), k.campaign("c", suiteLegacy()))
	suiteEqual(k.suiteKit, "profile", k.user("u").Profile, p)
	if len(d) != 0 || len(k.user("u").Permits) != 0 {
		k.t.Errorf("sent %+v", d)
	}
}

func (k suiteProfile) IsNotSharedWithTheCaller() {
	p := minapush.Profile{Tags: []string{"a"}, Attributes: map[string]minapush.Attribute{"x": {Text: "1"}}}
	want := minapush.Profile{Tags: []string{"a"}, Attributes: map[string]minapush.Attribute{"x": {Text: "1"}}, Version: 1}
	k.putProfile("u", p)
	p.Tags[0], p.Attributes["x"] = "b", minapush.Attribute{Text: "2"}
	got := k.user("u").Profile
	suiteEqual(k.suiteKit, "stored profile", got, want)
	got.Tags[0], got.Attributes["x"] = "b", minapush.Attribute{Text: "2"}
	suiteEqual(k.suiteKit, "stored profile again", k.user("u").Profile, want)
}

func (k suiteProfile) MayBeAsLargeAsPromised() {
	p := minapush.Profile{UID: strings.Repeat("u", minapush.MaxUID), Attributes: map[string]minapush.Attribute{}, OptOut: minapush.OptOutCampaigns}
	for i := range minapush.MaxTags {
		p.Tags = append(p.Tags, string(rune('A'+i))+strings.Repeat("t", minapush.MaxTag-1))
	}
	for i := range minapush.MaxAttributes {
		name := string(rune('A'+i/26)) + string(rune('a'+i%26)) + strings.Repeat("n", minapush.MaxName-2)
		p.Attributes[name] = minapush.Attribute{Text: strings.Repeat("x", minapush.MaxText)}
	}
	k.give("u", suiteForm("a", suiteDay))
	p = k.putProfile("u", p)
	suiteEqual(k.suiteKit, "profile", k.user("u").Profile, p)
	k.spend("u", "p", suiteLegacy())
	suiteEqual(k.suiteKit, "profile after a message", k.user("u").Profile, p)
}

type suiteUIDs struct{ *suiteKit }

func (k *suiteKit) bind(uid string, o, was minapush.OpenID) error {
	k.uids[suiteUID{k.shard, uid}] = true
	return k.st.BindUID(k.ctx(), k.shard, uid, o, was)
}

// mustBind binds a uid that points at nothing.
func (k *suiteKit) mustBind(uid string, o minapush.OpenID) {
	k.t.Helper()
	k.must(k.bind(uid, o, ""), "bind uid")
}

func (k *suiteKit) unbind(uid string, o minapush.OpenID) {
	k.t.Helper()
	k.must(k.st.UnbindUID(k.ctx(), k.shard, uid, o), "unbind uid")
}

// wantUID wants where a uid points: "" for at nothing.
func (k *suiteKit) wantUID(uid string, want minapush.OpenID) {
	k.t.Helper()
	o, err := k.st.UID(k.ctx(), k.shard, uid)
	if want == "" {
		k.wantKind(err, minapush.NotFound, "uid "+uid)
		return
	}
	k.must(err, "uid "+uid)
	if o != want {
		k.t.Errorf("uid %q points at %s, want %s", uid, o, want)
	}
}

func (k suiteUIDs) PointWhereTheyWereBound() {
	k.wantUID("1", "")
	k.mustBind("1", "u")
	k.mustBind("2", "u") // one openid may have many; whose they are the profile says
	k.wantUID("1", "u")
	k.wantUID("2", "u")
	k.wantUID("11", "")
	if users := k.walk(10); len(users) != 0 {
		k.t.Errorf("binding made users: %+v", users)
	}
}

func (k suiteUIDs) AreBoundOverWhatTheCallerReadOnly() {
	k.same("binding over what is not there", func() { k.wantKind(k.bind("1", "u", "v"), minapush.Conflict, "bind uid") })
	k.mustBind("1", "u")
	k.same("binding over something else", func() {
		k.wantKind(k.bind("1", "v", ""), minapush.Conflict, "bind uid")
		k.wantKind(k.bind("1", "v", "w"), minapush.Conflict, "bind uid")
		k.wantKind(k.bind("1", "v", "v"), minapush.Conflict, "bind uid")
	})
	k.must(k.bind("1", "v", "u"), "bind uid")
	k.wantUID("1", "v")
}

func (k suiteUIDs) BoundAlreadyStay() {
	k.mustBind("1", "u")
	k.same("binding again", func() {
		for _, was := range []minapush.OpenID{"", "u", "v"} {
			k.must(k.bind("1", "u", was), "bind uid")
		}
	})
}

func (k suiteUIDs) AreUnboundFromTheirOpenIDOnly() {
	k.mustBind("1", "u")
	k.same("unbinding what points elsewhere or nowhere", func() {
		k.unbind("1", "v")
		k.unbind("2", "u")
	})
	k.unbind("1", "u")
	k.wantUID("1", "")
	k.unbind("1", "u")
	k.mustBind("1", "v")
	k.wantUID("1", "v")
}

func (k suiteUIDs) LieInTheShardThatTheCallerNames() {
	other := k.in(minapush.App{Number: 2, Shards: 2}, 1)
	k.mustBind("1", "u")
	other.wantUID("1", "")
	other.mustBind("1", "v")
	other.mustBind("2", "v")
	k.wantUID("1", "u")
	k.wantUID("2", "")
	other.unbind("1", "v")
	k.wantUID("1", "u")
}

func (k suiteUIDs) OutliveTheUser() {
	k.give("u", suiteSub("t", "n"))
	k.putProfile("u", minapush.Profile{UID: "1"})
	k.mustBind("1", "u")
	suiteErase{k.suiteKit}.erase("u", true)
	k.wantUID("1", "u")
}
