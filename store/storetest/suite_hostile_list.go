package storetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// suitePlainNames are those of suiteNames without the one byte that uids are kept free of.
func suitePlainNames() []string {
	return slices.DeleteFunc(suiteNames(), func(name string) bool { return strings.Contains(name, "\x00") })
}

func (k suiteHostile) UIDsAreApart() {
	names := suitePlainNames()
	for i, uid := range names {
		k.mustBind(uid, minapush.OpenID(names[len(names)-1-i]))
	}
	for i, uid := range names {
		k.wantUID(uid, minapush.OpenID(names[len(names)-1-i]))
	}
	for i, uid := range names {
		k.unbind(uid, minapush.OpenID(names[len(names)-1-i]))
		k.wantUID(uid, "")
		for j, other := range names[i+1:] {
			k.wantUID(other, minapush.OpenID(names[len(names)-1-(i+1+j)]))
		}
	}
}

func (k suiteHostile) UIDsAreApartFromUsersRowsAndDocuments() {
	for _, name := range suitePlainNames() {
		k.mustBind(name, "pointed at")
		k.enlist(name, minapush.OpenID(name))
	}
	if users := k.walk(10); len(users) != 0 {
		k.t.Errorf("users %+v", users)
	}
	docs, err := k.st.ListDocuments(k.ctx(), "suite", "", 10)
	k.must(err, "list documents")
	if len(docs) != 0 {
		k.t.Errorf("documents %+v", docs)
	}
	for _, name := range suitePlainNames() {
		suiteEqual(k.suiteKit, "rows", k.list(name, 10, nil), nil)
		k.wantUID(name, "pointed at")
		k.wantList(name, store.Listed{OpenID: minapush.OpenID(name)})
	}
}

func (k suiteHostile) ProfilesAreApart() {
	names := suiteNames()
	for i, name := range names {
		k.putProfile(minapush.OpenID(name), minapush.Profile{UID: fmt.Sprint(i)})
	}
	for i, name := range names {
		if got := k.user(minapush.OpenID(name)).Profile.UID; got != fmt.Sprint(i) {
			k.t.Errorf("user %q has uid %s, want %d", name, got, i)
		}
	}
}

// suiteTexts are values that break formats that join or quote them.
func suiteTexts() map[string]string {
	return map[string]string{
		"": "no name", "empty": "", "nul": "\x00", "nul é": "a\x00b", "\x00": "x", "line": "a\nb\r\n", "{name}": "{{name}}", "a:b": "c:d", "a\"b": "\"'\\",
		"é": "用户 😀", "\u2028": "\ufeff", "%s": "%d", "long": strings.Repeat("长", 300), "=": "a=b&c=d", "json": `{"a":["b",null]}`,
		"replaced": "\ufffd",
	}
}

func (k suiteHostile) ListsAndTheirValuesAreApart() {
	names := suitePlainNames()
	for i, name := range names {
		values := suiteTexts()
		values["n"] = fmt.Sprint(i)
		if got := k.addListed("c", store.Listed{OpenID: minapush.OpenID(name), Values: values}); !got[0] {
			k.t.Errorf("%q was not added", name)
		}
		k.give(minapush.OpenID(name), suiteForm("a", suiteDay))
	}
	k.wantListed("c", int64(len(names)))
	l, b := k.lease(), k.listed("c", suiteLegacy())
	b.Limit = 7
	var walked []string
	for _, d := range k.run(l, b) {
		want := suiteTexts()
		want["n"] = fmt.Sprint(slices.Index(names, string(d.OpenID)))
		suiteEqual(k.suiteKit, fmt.Sprintf("values of %q", d.OpenID), d.Values, want)
		walked = append(walked, string(d.OpenID))
	}
	slices.Sort(names)
	slices.Sort(walked) // within a batch the order is the store's
	suiteEqual(k.suiteKit, "walk", walked, names)
	var listed []string
	for _, u := range k.onList("c", 7) {
		listed = append(listed, string(u.OpenID))
	}
	suiteEqual(k.suiteKit, "list", listed, names)
}

func (k suiteHostile) ListsOfCampaignsDoNotRunIntoEachOther() {
	parts := []string{"a", "a:", ":a", "aa", "{a}", "a{", "}a", "\xff", "a\xff", ":", "é", "a\n"}
	for _, campaign := range parts {
		for _, o := range parts {
			k.addListed(campaign, store.Listed{OpenID: minapush.OpenID(o), Values: map[string]string{"campaign": campaign, "openid": o}})
		}
	}
	for i, campaign := range parts {
		list := k.onList(campaign, 5)
		if len(list) != len(parts) {
			k.t.Errorf("%d users are on the list of %q, want %d", len(list), campaign, len(parts))
		}
		for _, u := range list {
			if u.Values["campaign"] != campaign || u.Values["openid"] != string(u.OpenID) {
				k.t.Errorf("on the list of %q: %+v", campaign, u)
			}
		}
		k.must(k.st.Forget(k.ctx(), k.shard, campaign), "forget")
		left := 0
		for _, other := range parts {
			left += len(k.onList(other, 100))
		}
		if want := len(parts) * (len(parts) - i - 1); left != want {
			k.t.Fatalf("%d places are left after forgetting %q, want %d", left, campaign, want)
		}
	}
}

func (k suiteHostile) ErasingOneLeavesTheOthersOnTheirLists() {
	names := suitePlainNames()
	for _, campaign := range []string{"c", "c:", "{c}"} {
		for _, name := range names {
			k.enlist(campaign, minapush.OpenID(name))
		}
	}
	k.rowsGo()
	for i, name := range names {
		done, err := k.st.Erase(k.ctx(), k.shard, minapush.OpenID(name), suiteAt(suiteHour))
		k.must(err, "erase")
		if !done {
			k.t.Errorf("erasing %q waits", name)
		}
		for _, campaign := range []string{"c", "c:", "{c}"} {
			if got, want := len(k.onList(campaign, 100)), len(names)-i-1; got != want {
				k.t.Fatalf("%d users are left on the list of %q after %q, want %d", got, campaign, name, want)
			}
		}
	}
}

func (k suiteHostile) TextsOfProfilesAreKept() {
	p := minapush.Profile{Tags: []string{"a b", "c:{d}", "é", "用户😀"}, Attributes: map[string]minapush.Attribute{}}
	for i, text := range []string{"", "\x00", "a\x00b", "\r\n", "{{x}}", "\"'\\", "用户 😀", "\u2028\ufeff", "\ufffd", strings.Repeat("x", minapush.MaxText)} {
		p.Attributes[fmt.Sprint("a", i)] = minapush.Attribute{Text: text}
	}
	p = k.putProfile("u", p)
	suiteEqual(k.suiteKit, "profile", k.user("u").Profile, p)
}
