package pebblestore

import (
	"bytes"
	"cmp"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/record"
)

// hostile draws strings of few bytes, those among them that keys are made with.
func hostile() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.SampledFrom([]rune{0, 1, '{', '}', ':', 'a', 0x7f, 'é', '许'}), 0, 4, -1)
}

func TestKeysKeepTheOrderOfWhatTheyName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type name struct{ batch, openID, push string }
		draw := func(label string) name {
			return name{hostile().Draw(t, label), hostile().Draw(t, label), hostile().Draw(t, label)}
		}
		sh := minapush.Shard{App: 1, N: 0x0001FF00}
		key := func(n name) []byte { return handKey(nil, sh, n.batch, minapush.OpenID(n.openID), n.push) }
		a, b := draw("a"), draw("b")
		want := cmp.Or(cmp.Compare(a.batch, b.batch), cmp.Compare(a.openID, b.openID), cmp.Compare(a.push, b.push))
		if got := bytes.Compare(key(a), key(b)); got != want {
			t.Fatalf("%q and %q compare as %d, their keys as %d", a, b, want, got)
		}
		place := func(n name) []byte { return listedKey(nil, sh, n.batch, minapush.OpenID(n.openID)) }
		want = cmp.Or(cmp.Compare(a.batch, b.batch), cmp.Compare(a.openID, b.openID))
		if got := bytes.Compare(place(a), place(b)); got != want {
			t.Fatalf("%q and %q compare as %d, their places on lists as %d", a, b, want, got)
		}
		batch, rest, ok := readEscaped(key(a)[shardSize:])
		o, push, ok2 := readRow(rest)
		if !ok || !ok2 || batch != a.batch || string(o) != a.openID || push != a.push {
			t.Fatalf("%q came back as %q %q %q", a, batch, o, push)
		}
	})
}

func TestNoPrefixHoldsTheKeysOfAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sh := minapush.Shard{App: 1, N: 2}
		a, b := hostile().Draw(t, "a"), hostile().Draw(t, "b")
		if a != b && bytes.HasPrefix(handKey(nil, sh, b, "o", "p"), handPrefix(nil, sh, a)) {
			t.Fatalf("the rows of %q are among those of %q", b, a)
		}
		if a != b && bytes.HasPrefix(listedKey(nil, sh, b, "o"), listedPrefix(nil, sh, a)) {
			t.Fatalf("the list of %q is part of that of %q", b, a)
		}
		prefix := handPrefix(nil, sh, a)
		if k := handKey(nil, sh, a, "\xff\xff", "\xff"); bytes.Compare(k, after(prefix)) >= 0 || bytes.Compare(k, prefix) < 0 {
			t.Fatalf("a row of %q is not among its rows", a)
		}
	})
}

func TestRowsComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moment := func(label string) time.Time {
			return fromMillis(rapid.Int64Range(0, 1<<42).Draw(t, label))
		}
		w := row{
			Maybe: rapid.Bool().Draw(t, "maybe"), AtLeastOnce: rapid.Bool().Draw(t, "at least once"),
			SuspectedAt: moment("suspected"), Key: hostile().Draw(t, "key"),
			Delivery: minapush.Delivery{
				Batch: "b", OpenID: "o", Push: "p", State: minapush.DeliveryState(rapid.IntRange(0, 4).Draw(t, "state")),
				Outcome: minapush.Outcome(rapid.IntRange(0, 5).Draw(t, "outcome")), Reason: hostile().Draw(t, "reason"),
				Errcode: rapid.IntRange(-1, 50000).Draw(t, "errcode"), MsgID: rapid.Int64().Draw(t, "msgid"),
				Attempt: rapid.Uint32().Draw(t, "attempt"), Tries: rapid.IntRange(0, 9).Draw(t, "tries"),
				Resend: rapid.Bool().Draw(t, "resend"), NotBefore: moment("not before"), Deadline: moment("deadline"),
				ReservedAt: moment("reserved"), SettledAt: moment("settled"),
			},
		}
		if rapid.Bool().Draw(t, "with permit") {
			w.Permit = form(1)
			w.Permit.Template = hostile().Draw(t, "template")
		}
		if rapid.Bool().Draw(t, "opened") {
			*w.openedSlot(&w.SettledAt, &w.Deadline) = time.Time{}
			w.OpenedAt = fromMillis(rapid.Int64Range(1, 1<<42).Draw(t, "opened at"))
		}
		if rapid.Bool().Draw(t, "confirmed") {
			w.Confirmed = minapush.Confirmed(rapid.IntRange(1, 2).Draw(t, "word"))
			w.ConfirmedAt, w.ConfirmStatus = moment("confirmed at"), hostile().Draw(t, "status")
		}
		got, err := readRowValue(w.append(nil), "b", "o", "p")
		if diff := gocmp.Diff(w, got, gocmp.AllowUnexported(row{})); err != nil || diff != "" {
			t.Fatalf("%v (-want +got)\n%s", err, diff)
		}
	})
}

func TestListedValuesComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.MapOfN(hostile(), rapid.String(), 0, 5).Draw(t, "values")
		got, err := readListed(appendListed(nil, values))
		if diff := gocmp.Diff(values, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%v (-want +got)\n%s", err, diff)
		}
	})
}

func TestProgressTellsSixtyFourReasonsApart(t *testing.T) {
	p := &progress{Cursor: "\x00o", Done: true, Tally: minapush.Tally{Opened: 70_000, Delivered: 300, Undelivered: 1}}
	for i := range maxReasons + 3 {
		p.Examined++
		reason := p.count(minapush.Failed, string(rune('0'+i)))
		if (reason == reasonOther) != (i >= maxReasons) {
			t.Errorf("reason %d is counted as %q", i, reason)
		}
	}
	got, err := readProgress(p.append(nil))
	if err != nil {
		t.Fatal(err)
	}
	p.changed = false
	if diff := gocmp.Diff(p, got, gocmp.AllowUnexported(progress{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if n := got.By[minapush.Failed][reasonOther]; n != 3 || !got.Closes() {
		t.Errorf("%d others, %+v", n, got.Tally)
	}
}

func TestTheRecordUsesTheNumbersOfTheContract(t *testing.T) {
	ours := []record.Verdict{record.Added, record.Duplicate, record.EvictedAtOnce, record.Refused, record.Stale, record.SwitchedOff}
	theirs := []store.Accepted{store.Added, store.Duplicate, store.EvictedAtOnce, store.Refused, store.Stale, store.SwitchedOff}
	for i := range ours {
		if store.Accepted(ours[i]) != theirs[i] {
			t.Errorf("verdict %d is %d in the contract", ours[i], theirs[i])
		}
	}
	r := record.New(at(0))
	r.Deposit(record.Deposit{Now: at(0), Permits: []minapush.Permit{form(1)}, PerSection: 1, Sections: 1, Identities: 1})
	for i := range 2 * store.MaxRecent {
		c := r.Reserve(record.Ref{Batch: string(rune('a' + i)), Attempt: 1}, record.Need{Kinds: minapush.PermitKinds[:]}, record.Guard{}, at(time.Hour))
		r.Release(&c.Permit, store.MaxIdentities)
		r.Idle()
	}
	recent := r.Recent()
	if len(recent) != store.MaxRecent || !slices.IsSortedFunc(recent, func(a, b record.Recent) int { return cmp.Compare(b.Batch, a.Batch) }) {
		t.Errorf("%d recent deliveries: %+v", len(recent), recent)
	}
}

func FuzzValues(f *testing.F) {
	w := row{Key: "k", Delivery: minapush.Delivery{Permit: form(1), Reason: "r"}}
	p := progress{Cursor: "o"}
	p.count(minapush.Failed, "r")
	flow := record.Flow{1: {Deposited: 3}}
	for _, b := range [][]byte{
		w.append(nil), p.append(nil), appendFlow(nil, &flow), once{batch: "b", push: "p"}.append(nil),
		appendDocument(nil, store.Document{Value: []byte("v")}), appendListed(nil, map[string]string{"name": "v", "": ""}), {valueV1, 3},
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { // only that none panics
		_, _ = readRowValue(b, "b", "o", "p")
		_, _ = readProgress(b)
		_, _ = readFlow(b)
		_, _ = readOnce(b)
		_, _ = readDocument(b, "k", "i")
		_, _ = readListed(b)
		_, _ = readListSize(b)
		_, _, _ = readEscaped(b)
	})
}
