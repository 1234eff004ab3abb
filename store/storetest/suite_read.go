package storetest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

type suiteDeliveries struct{ *suiteKit }

// rows leaves five campaign rows, one in each state, and returns them by user.
func (k suiteDeliveries) rows(l store.Lease, b store.Batch) []minapush.Delivery {
	k.t.Helper()
	users := suiteUsers(5)
	k.giveForms(users...)
	rows := suiteByUser(k.reserve(l, b).Rows)
	k.mark(l, b.Now, rows[1])
	k.settle(l, suiteEnd(rows[2], minapush.Pending, store.SuspectUse), suiteEnd(rows[3], minapush.Accepted, store.Spend),
		suiteEnd(rows[0], minapush.Pending, store.Release))
	for i := range rows {
		rows[i] = k.row("c", users[i], "")
	}
	return rows
}

func (k suiteDeliveries) ARowIsFoundInEveryState() {
	rows := k.rows(k.lease(), k.campaign("c", suiteLegacy()))
	for i, want := range []minapush.DeliveryState{minapush.Waiting, minapush.Sending, minapush.Suspected, minapush.Settled, minapush.HeldState} {
		if rows[i].State != want || rows[i].Batch != "c" || rows[i].OpenID != suiteUsers(5)[i] {
			k.t.Errorf("row %+v, want it %v", rows[i], want)
		}
	}
}

func (k suiteDeliveries) WhatIsNotThereIsNotFound() {
	d := k.rows(k.lease(), k.campaign("c", suiteLegacy()))[3]
	k.wantNoRow("d", d.OpenID, "")
	k.wantNoRow("c", "nobody", "")
	k.wantNoRow("c", d.OpenID, "push")
	_, err := k.st.Delivery(k.ctx(), minapush.Shard{App: 2}, "c", d.OpenID, "")
	k.wantKind(err, minapush.NotFound, "row in another app")
}

func (k suiteDeliveries) ListGivesEveryRowInOrderPendingOnesIncluded() {
	rows := k.rows(k.lease(), k.campaign("c", suiteLegacy()))
	for _, scan := range []int{1, 2, 5, 100} {
		suiteEqual(k.suiteKit, fmt.Sprintf("list by %d", scan), k.list("c", scan, nil), rows)
	}
	suiteEqual(k.suiteKit, "list of another batch", k.list("cc", 10, nil), nil)
}

func (k suiteDeliveries) ListGivesPushesByUserAndPush() {
	k.give("b", suiteStanding("t", "s"))
	k.give("a", suiteStanding("t", "s"))
	k.give("ab", suiteStanding("t", "s"))
	for _, id := range []string{"2", "10", "1"} {
		for _, o := range []minapush.OpenID{"b", "ab", "a"} {
			k.spend(o, id, suiteLongTerm("t"))
		}
	}
	batch := k.askPush("a", "").Batch
	for _, scan := range []int{1, 2, 9, 100} {
		var got []string
		for _, d := range k.list(batch, scan, nil) {
			got = append(got, string(d.OpenID)+"/"+d.Push)
		}
		suiteEqual(k.suiteKit, fmt.Sprintf("list by %d", scan), got, []string{"a/1", "a/10", "a/2", "ab/1", "ab/10", "ab/2", "b/1", "b/10", "b/2"})
	}
	rows, next, _, err := k.st.List(k.ctx(), k.shard, batch, store.Ref{OpenID: "a", Push: "15", Attempt: 77}, 2, nil)
	k.must(err, "list")
	if len(rows) != 2 || rows[0].Push != "2" || rows[1].OpenID != "ab" || next.OpenID != "ab" || next.Push != "1" {
		k.t.Errorf("list after a row that is not there: %+v, next %+v", rows, next)
	}
}

func (k suiteDeliveries) ListMatchesAnOutcome() {
	rows := k.rows(k.lease(), k.campaign("c", suiteLegacy()))
	for _, c := range []struct {
		match minapush.Outcome
		want  []minapush.Delivery
	}{
		{minapush.Accepted, rows[3:4]}, {minapush.Failed, nil}, {minapush.Pending, []minapush.Delivery{rows[0], rows[1], rows[2], rows[4]}},
	} {
		for _, scan := range []int{1, 3, 100} {
			suiteEqual(k.suiteKit, fmt.Sprintf("%v by %d", c.match, scan), k.list("c", scan, &c.match), c.want)
		}
	}
}

func (k suiteDeliveries) ListExaminesNoMoreThanItIsTold() {
	k.rows(k.lease(), k.campaign("c", suiteLegacy()))
	match := minapush.Accepted
	rows, next, more, err := k.st.List(k.ctx(), k.shard, "c", store.Ref{}, 2, &match)
	k.must(err, "list")
	if len(rows) != 0 || next.OpenID != "u001" || !more {
		k.t.Errorf("first page: rows %+v, next %+v, more %v; want no rows, u001, more", rows, next, more)
	}
	rows, next, more, err = k.st.List(k.ctx(), k.shard, "c", next, 2, &match)
	k.must(err, "list")
	if len(rows) != 1 || next.OpenID != "u003" || !more {
		k.t.Errorf("second page: rows %+v, next %+v, more %v; want one row, u003, more", rows, next, more)
	}
}

func (k suiteDeliveries) ForgetRemovesSettledRowsAndTheSumsStay() {
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	rows := k.rows(l, b)
	day := k.spend("u000", "p", suiteLegacy()).Batch
	before := k.progress("c")
	k.rowsGo()
	k.must(k.st.Forget(k.ctx(), k.shard, "c"), "forget")
	suiteEqual(k.suiteKit, "progress", k.progress("c"), before)
	suiteEqual(k.suiteKit, "rows", k.list("c", 10, nil), []minapush.Delivery{rows[0], rows[1], rows[2], rows[4]})
	k.row(day, "u000", "p")
	k.same("forgetting again", func() { k.must(k.st.Forget(k.ctx(), k.shard, "c"), "forget") })
	k.same("forgetting what is not there", func() { k.must(k.st.Forget(k.ctx(), k.shard, "nothing"), "forget") })
	k.settle(l, suiteEnd(rows[1], minapush.Accepted, store.Spend), suiteEnd(rows[4], minapush.Accepted, store.Spend))
	b.Now = suiteAt(2 * suiteHour)
	k.run(l, b) // u000 spent its permit on the push
	k.wantTally("c", suiteSum{"accepted": 3, "suspected": 1, "skipped no_permit": 1})
}

func (k suiteDeliveries) ForgottenUsersAreNotSentToAgain() {
	k.give("u", suiteForm("a", suiteDay), suiteForm("b", suiteDay))
	l, b := k.lease(), k.campaign("c", suiteLegacy())
	k.run(l, b)
	k.rowsGo()
	k.must(k.st.Forget(k.ctx(), k.shard, "c"), "forget")
	if got := k.run(l, b); len(got) != 0 {
		k.t.Errorf("sent again: %+v", got)
	}
	k.wantTally("c", suiteSum{"accepted": 1})
}

type suiteDocuments struct{ *suiteKit }

func (k suiteDocuments) put(id string, version uint64, value string) uint64 {
	k.t.Helper()
	v, err := k.st.Put(k.ctx(), store.Document{Kind: "suite", ID: id, Version: version, Value: []byte(value)})
	k.must(err, "put "+id)
	if v == 0 {
		k.t.Fatalf("put %s gave version 0, which means that it is not there", id)
	}
	return v
}

func (k suiteDocuments) noPut(id string, version uint64) {
	k.t.Helper()
	k.same("a put at another version", func() {
		_, err := k.st.Put(k.ctx(), store.Document{Kind: "suite", ID: id, Version: version, Value: []byte("wrong")})
		k.wantKind(err, minapush.Conflict, "put")
	})
}

func (k suiteDocuments) get(id string) store.Document {
	k.t.Helper()
	d, err := k.st.Get(k.ctx(), "suite", id)
	k.must(err, "get "+id)
	return d
}

func (k suiteDocuments) AreReadAsTheyWereWritten() {
	_, err := k.st.Get(k.ctx(), "suite", "a")
	k.wantKind(err, minapush.NotFound, "get before the put")
	value := "\x00\xff any bytes"
	v := k.put("a", 0, value)
	suiteEqual(k.suiteKit, "document", k.get("a"), store.Document{Kind: "suite", ID: "a", Version: v, Value: []byte(value)})
	k.put("empty", 0, "")
	if d := k.get("empty"); len(d.Value) != 0 || d.Version == 0 {
		k.t.Errorf("empty document %+v", d)
	}
}

func (k suiteDocuments) AreWrittenAtTheirVersionOnly() {
	k.noPut("a", 1)
	v1 := k.put("a", 0, "one")
	k.noPut("a", 0)
	k.noPut("a", v1+1)
	v2 := k.put("a", v1, "two")
	if v2 <= v1 {
		k.t.Errorf("version %d after %d", v2, v1)
	}
	k.noPut("a", v1)
	v3 := k.put("a", v2, "two") // the same value is another version
	if v3 <= v2 {
		k.t.Errorf("version %d after %d", v3, v2)
	}
	k.noPut("a", v2)
}

func (k suiteDocuments) AreDeletedAtTheirVersionOnly() {
	remove := func(version uint64) error {
		return k.st.Delete(k.ctx(), store.Document{Kind: "suite", ID: "a", Version: version})
	}
	k.wantKind(remove(1), minapush.NotFound, "delete of what is not there")
	v1 := k.put("a", 0, "one")
	v2 := k.put("a", v1, "two")
	k.same("a delete at another version", func() {
		k.wantKind(remove(v1), minapush.Conflict, "delete")
		k.wantKind(remove(v2+1), minapush.Conflict, "delete")
	})
	k.must(remove(v2), "delete")
	k.wantKind(suiteErr(k.st.Get(k.ctx(), "suite", "a")), minapush.NotFound, "get")
	k.wantKind(remove(v2), minapush.NotFound, "delete again")
	k.noPut("a", v2)
	k.put("a", 0, "new")
	if d := k.get("a"); string(d.Value) != "new" {
		k.t.Errorf("document %+v", d)
	}
}

func (k suiteDocuments) AreListedByKindInOrderOfTheirIDs() {
	for _, id := range []string{"b", "a", "ab", "B", "c\xff"} {
		k.put(id, 0, "value of "+id)
	}
	for _, kind := range []string{"suit", "suite ", "suite:", "suitea"} {
		_, err := k.st.Put(k.ctx(), store.Document{Kind: kind, ID: "x", Value: []byte(kind)})
		k.must(err, "put")
	}
	want := []string{"B", "a", "ab", "b", "c\xff"}
	for _, limit := range []int{1, 2, 5, 100} {
		var got []string
		after := ""
		for {
			page, err := k.st.ListDocuments(k.ctx(), "suite", after, limit)
			k.must(err, "list documents")
			if len(page) > limit {
				k.t.Fatalf("got %d documents, asked for %d", len(page), limit)
			}
			if len(page) == 0 {
				break
			}
			for _, d := range page {
				suiteEqual(k.suiteKit, "listed document", d, k.get(d.ID))
				got = append(got, d.ID)
			}
			after = page[len(page)-1].ID
		}
		suiteEqual(k.suiteKit, fmt.Sprintf("list by %d", limit), got, want)
	}
	page, err := k.st.ListDocuments(k.ctx(), "suite", "aa", 1)
	k.must(err, "list documents")
	if len(page) != 1 || page[0].ID != "ab" {
		k.t.Errorf("list after one that is not there: %+v", page)
	}
}

func (k suiteDocuments) AreNotSharedWithTheCaller() {
	value := []byte("value")
	_, err := k.st.Put(k.ctx(), store.Document{Kind: "suite", ID: "a", Value: value})
	k.must(err, "put")
	value[0] = 'X'
	got := k.get("a")
	if string(got.Value) != "value" {
		k.t.Errorf("stored value is %q: the caller's buffer was kept", got.Value)
	}
	got.Value[0] = 'X'
	if again := k.get("a"); string(again.Value) != "value" {
		k.t.Errorf("stored value is %q: the store's buffer was handed out", again.Value)
	}
}

func (k suiteDocuments) MayBeAsLargeAsPromised() {
	value := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	kind, id := strings.Repeat("k", 256), strings.Repeat("i", 256)
	v, err := k.st.Put(k.ctx(), store.Document{Kind: kind, ID: id, Value: value})
	k.must(err, "put")
	d, err := k.st.Get(k.ctx(), kind, id)
	k.must(err, "get")
	if d.Version != v || !bytes.Equal(d.Value, value) {
		k.t.Errorf("version %d, %d bytes; want version %d, %d bytes", d.Version, len(d.Value), v, len(value))
	}
}
