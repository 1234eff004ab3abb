package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteHostile struct{ *suiteKit }

// suiteNames are identifiers that break keys built by joining strings, cluster hash tags, patterns, formats and text encodings.
func suiteNames() []string {
	return []string{
		"a", "aa", "a:", "a:a", ":", "::", ":a", "a{b}", "{a}b", "{", "}", "{}", "}{", "{a", "a}", "a\x00", "a\x00a", "\x00", "\x00\x00",
		"a\x01", "\x01", "\x1f", "\x7f", "\xff", "\xff\xff", "a\xff", "\xfe", "\x80", "é", "用户", "a b", " ", "a\n", "\r\n", "%s", "%00", "*", "a*",
		"[a]", "?", "\\", "a\\", "\"", "'", "a/b", "/", "../a", "|", "a|b", ",", "-", "0", "00", "1", "nil", strings.Repeat("x", 64), strings.Repeat("x", 63),
	}
}

func (k suiteHostile) UsersAreApart() {
	names := suiteNames()
	for i, name := range names {
		for j := range i%3 + 1 {
			k.give(minapush.OpenID(name), suiteForm(suiteCode(j), suiteDay))
		}
	}
	slices.Sort(names)
	var walked []string
	for _, u := range k.walk(7) {
		walked = append(walked, string(u.OpenID))
	}
	suiteEqual(k.suiteKit, "walk", walked, names)
	users, _ := k.sweep(7, suiteAt(suiteHour))
	suiteEqual(k.suiteKit, "sweep", users, k.walk(100))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	b.Limit = 7
	for _, d := range k.run(l, b) {
		if got := k.row("c", d.OpenID, ""); got.Outcome != minapush.Accepted || got.OpenID != d.OpenID {
			k.t.Errorf("row %+v", got)
		}
	}
	for i, name := range suiteNames() {
		k.wantCounts(minapush.OpenID(name), minapush.Counts{Deposited: int64(i%3 + 1), Available: int64(i % 3), Spent: 1})
	}
	var listed []string
	for _, d := range k.list("c", 7, nil) {
		listed = append(listed, string(d.OpenID))
	}
	suiteEqual(k.suiteKit, "list", listed, names)
}

func (k suiteHostile) TemplatesThatAreSwitchedOffAreApart() {
	names := suiteNames()
	for i, name := range names {
		until := suiteAt(time.Duration(i) * time.Second)
		_, err := k.st.Void(k.ctx(), k.shard, "u", name, until, suiteAt(suiteHour))
		k.must(err, "void")
		k.give(minapush.OpenID(name), suiteSub("t", "a"))
		_, err = k.st.Void(k.ctx(), k.shard, minapush.OpenID(name), "t", until, suiteAt(suiteHour))
		k.must(err, "void")
	}
	for i, name := range names {
		at, after := suiteSub(name, "at"), suiteSub(name, "after")
		at.TakenAt, after.TakenAt = suiteAt(time.Duration(i)*time.Second), suiteAt(time.Duration(i+1)*time.Second)
		got := k.deposit("u", store.Deposit{Now: suiteAt(suiteHour), MaxSections: len(names), Permits: []minapush.Permit{at, after}})
		suiteEqual(k.suiteKit, fmt.Sprintf("answers for %q", name), got.Items, []store.Accepted{store.SwitchedOff, store.Added})
		k.wantCounts(minapush.OpenID(name), minapush.Counts{Deposited: 1, Dead: 1})
	}
}

func (k suiteHostile) WordsOfMessagesAreApart() {
	k.give("u", suiteStanding("t", "s"))
	for i, name := range suiteNames() {
		p := k.askPush("u", name)
		p.Need = suiteLongTerm("t")
		d := k.reservePush(p, store.PushReserved).Delivery
		k.markPush(d)
		k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
		word := suiteWord(minapush.Delivered)
		word.Status, word.At = name, suiteAt(time.Duration(i)*time.Second)
		k.confirm(d, word, true)
	}
	for i, name := range suiteNames() {
		d := k.row(minapush.PushBatch(suiteAt(suiteHour)), "u", name)
		if !d.ConfirmedAt.Equal(suiteAt(time.Duration(i)*time.Second)) || d.ConfirmStatus != name && len(name) <= minapush.MaxConfirmStatus {
			k.t.Errorf("push %q: %+v", name, d)
		}
	}
	k.wantConfirmed(minapush.PushBatch(suiteAt(suiteHour)), int64(len(suiteNames())), 0)
}

func (k suiteHostile) ErasingOneLeavesTheOthers() {
	names := suiteNames()
	for _, name := range names {
		k.give(minapush.OpenID(name), suiteForm("a", suiteDay))
	}
	k.run(k.lease(), k.campaign("c", suiteLegacy()))
	k.rowsGo()
	for i, name := range names {
		_, err := k.st.Erase(k.ctx(), k.shard, minapush.OpenID(name), suiteAt(2*suiteHour))
		k.must(err, "erase")
		if got, want := len(k.walk(100)), len(names)-i-1; got != want {
			k.t.Fatalf("%d users are left after %q, want %d", got, name, want)
		}
		if got, want := len(k.list("c", 100, nil)), len(names)-i-1; got != want {
			k.t.Fatalf("%d rows are left after %q, want %d", got, name, want)
		}
	}
}

func (k suiteHostile) BatchesAreApart() {
	names := suiteNames()
	k.give("u", suiteStanding("t", "s"))
	k.give("u:a", suiteStanding("t", "s"))
	l := k.lease()
	for _, name := range names {
		k.run(l, k.campaign(name, suiteLongTerm("t")))
	}
	for _, name := range names {
		rows := k.list(name, 10, nil)
		if len(rows) != 2 || rows[0].Batch != name || rows[1].Batch != name {
			k.t.Errorf("rows of %q: %+v", name, rows)
		}
		k.wantTally(name, suiteSum{"accepted": 2})
	}
	k.rowsGo()
	for i, name := range names {
		k.must(k.st.Forget(k.ctx(), k.shard, name), "forget")
		left := 0
		for _, other := range names {
			left += len(k.list(other, 10, nil))
		}
		if want := 2 * (len(names) - i - 1); left != want {
			k.t.Fatalf("%d rows are left after forgetting %q, want %d", left, name, want)
		}
	}
}

func (k suiteHostile) PushesAndKeysAreApart() {
	names := suiteNames()
	k.give("u", suiteStanding("t", "s"))
	var batch string
	for i, name := range names {
		p := k.askPush("u", name)
		p.Need, p.Key, p.Fingerprint, p.KeepKey = suiteLongTerm("t"), name, uint64(i), suiteDay
		d := k.reservePush(p, store.PushReserved).Delivery
		k.markPush(d)
		k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
		batch = p.Batch
	}
	for i, name := range names {
		p := k.askPush("u", "another")
		p.Need, p.Key, p.Fingerprint, p.KeepKey = suiteLongTerm("t"), name, uint64(i), suiteDay
		if d := k.reservePush(p, store.PushReplayed).Delivery; d.Push != name {
			k.t.Errorf("key %q is that of push %q", name, d.Push)
		}
	}
	slices.Sort(names)
	var listed []string
	for _, d := range k.list(batch, 7, nil) {
		listed = append(listed, d.Push)
	}
	suiteEqual(k.suiteKit, "list", listed, names)
}

func (k suiteHostile) UserBatchAndPushDoNotRunIntoEachOther() {
	parts := []string{"a", "a:", ":a", "a\x00", "\x00a", "a\x00\x01", "\xff", "\x00", ":"}
	for _, o := range parts {
		k.give(minapush.OpenID(o), suiteStanding("t", "s"))
	}
	for _, o := range parts {
		for _, batch := range parts {
			for _, push := range parts {
				p := k.askPush(minapush.OpenID(o), push)
				p.Batch, p.Need = batch, suiteLongTerm("t")
				k.track(batch)
				d := k.reservePush(p, store.PushReserved).Delivery
				k.settlePush(suiteEnd(d, minapush.Accepted, store.Spend))
			}
		}
	}
	for _, batch := range parts {
		rows := k.list(batch, 10, nil)
		if len(rows) != len(parts)*len(parts) {
			k.t.Errorf("%d rows in %q, want %d", len(rows), batch, len(parts)*len(parts))
		}
		for i, d := range rows {
			if i > 0 && (d.OpenID < rows[i-1].OpenID || d.OpenID == rows[i-1].OpenID && d.Push <= rows[i-1].Push) {
				k.t.Errorf("%q, %q comes after %q, %q", d.OpenID, d.Push, rows[i-1].OpenID, rows[i-1].Push)
			}
		}
	}
}

func (k suiteHostile) CodesAreApart() {
	names := suiteNames()
	var permits []minapush.Permit
	for _, name := range names {
		permits = append(permits, suiteForm(name, suiteDay), suitePay(name, 2*suiteDay), suiteSub("t", name))
	}
	k.give("u", permits...)
	for i, a := range k.deposit("u", store.Deposit{Permits: permits}).Items {
		if a != store.Duplicate {
			k.t.Errorf("%q again: got %d, want Duplicate", permits[i].Identity, a)
		}
	}
	var spent []string
	for i := range names {
		spent = append(spent, k.spend("u", fmt.Sprint("p", i), suiteLegacy()).Permit.Identity)
	}
	slices.Sort(spent)
	slices.Sort(names)
	suiteEqual(k.suiteKit, "codes spent", spent, names)
	for i, a := range k.deposit("u", store.Deposit{Permits: permits}).Items {
		if a != store.Duplicate {
			k.t.Errorf("%q after it was spent: got %d, want Duplicate", permits[i].Identity, a)
		}
	}
}

func (k suiteHostile) TemplatesAreApart() {
	names := suiteNames()
	for i, name := range names {
		p := suiteSub(name, "n")
		p.TakenAt = suiteAt(time.Duration(i) * time.Second)
		got := k.deposit("u", store.Deposit{MaxSections: 1000, Permits: []minapush.Permit{p, suiteStanding(name, "s")}})
		suiteEqual(k.suiteKit, "answers", got.Items, []store.Accepted{store.Added, store.Added})
	}
	for i, name := range names {
		if d := k.spend("u", fmt.Sprint("o", i), suiteOneTime(name)); d.Permit.Template != name || !d.Permit.TakenAt.Equal(suiteAt(time.Duration(i)*time.Second)) {
			k.t.Errorf("a message of %q took %+v", name, d.Permit)
		}
		if d := k.spend("u", fmt.Sprint("l", i), suiteLongTerm(name)); d.Permit.Template != name {
			k.t.Errorf("a message of %q took %+v", name, d.Permit)
		}
	}
}

func (k suiteHostile) DocumentsAreApart() {
	var names []string
	for _, name := range suiteNames() {
		if !strings.Contains(name, "\x00") { // the one byte that the contract keeps out
			names = append(names, name)
		}
	}
	for _, kind := range names {
		for _, id := range names {
			_, err := k.st.Put(k.ctx(), store.Document{Kind: kind, ID: id, Value: []byte(kind + "\x00" + id)})
			k.must(err, "put")
		}
	}
	slices.Sort(names)
	for _, kind := range names {
		docs, err := k.st.ListDocuments(k.ctx(), kind, "", 1000)
		k.must(err, "list documents")
		var ids []string
		for _, d := range docs {
			ids = append(ids, d.ID)
			if string(d.Value) != kind+"\x00"+d.ID || d.Kind != kind {
				k.t.Errorf("document %q %q: %+v", kind, d.ID, d)
			}
		}
		suiteEqual(k.suiteKit, fmt.Sprintf("documents of %q", kind), ids, names)
	}
}

func (k suiteHostile) OwnersOfLeasesAreApart() {
	for _, name := range suiteNames() {
		l, err := k.st.Acquire(k.ctx(), k.shard, name, suiteTTL)
		k.must(err, "acquire")
		if l.Owner != name {
			k.t.Errorf("owner %q came back as %q", name, l.Owner)
		}
		k.must(k.st.Renew(k.ctx(), l, suiteTTL), "renew")
		other := l
		other.Owner += ":"
		k.wantKind(k.st.Renew(k.ctx(), other, suiteTTL), minapush.Conflict, "renew by another owner")
		k.must(k.st.Release(k.ctx(), l), "release")
	}
}

func (k suiteHostile) AppsAreApart() {
	numbers := []uint32{1, 2, 10, 11, 12, 0x3a, 0x7b, 100, 256, 257, 0x3a3a, 1 << 16, 1 << 24, 1<<32 - 1}
	k.rowsGo()
	for i, n := range numbers {
		c := k.in(minapush.App{Number: n, Shards: 1}, 0)
		for j := range i + 2 {
			c.give("u", suiteForm(suiteCode(j), suiteDay))
		}
		c.run(c.lease(), c.campaign("c", suiteLegacy()))
		c.spend("u", "p", suiteLegacy())
	}
	for i, n := range numbers {
		c := k.in(minapush.App{Number: n, Shards: 1}, 0)
		c.wantCounts("u", minapush.Counts{Deposited: int64(i) + 2, Available: int64(i), Spent: 2})
		c.wantTally("c", suiteSum{"accepted": 1})
		k.must(c.st.Forget(c.ctx(), c.shard, "c"), "forget")
		done, err := c.st.Erase(c.ctx(), c.shard, "u", suiteAt(2*suiteHour))
		k.must(err, "erase")
		if !done || len(c.walk(10)) != 0 {
			k.t.Errorf("user of app %d is not erased", n)
		}
	}
}

func (k suiteHostile) ShardsAreApart() {
	app := minapush.App{Number: 2, Shards: 13}
	users := map[uint32]minapush.OpenID{}
	for n := range uint32(app.Shards) {
		c := k.in(app, n)
		users[n] = suiteUsersOf(app, n, 1)[0]
		for j := range int(n) + 2 {
			c.give(users[n], suiteForm(suiteCode(j), suiteDay))
		}
		l := c.lease()
		c.run(l, c.campaign("c", suiteLegacy()))
		c.hold(users[n], "p")
	}
	for n := range uint32(app.Shards) {
		c := k.in(app, n)
		suiteEqual(k.suiteKit, fmt.Sprintf("flow of shard %d", n), c.flow()[minapush.FormID], minapush.Counts{Deposited: int64(n) + 2, Spent: 1})
		if all := c.walk(10); len(all) != 1 || all[0].OpenID != users[n] {
			k.t.Errorf("users of shard %d: %+v", n, all)
		}
		if all := c.list("c", 10, nil); len(all) != 1 || all[0].OpenID != users[n] {
			k.t.Errorf("rows of shard %d: %+v", n, all)
		}
	}
}
