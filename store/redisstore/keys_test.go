package redisstore

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

func testStore() *Store { return &Store{prefix: "minapush"} }

// tag is what a Redis Cluster takes the slot of a key from.
func tag(key string) string {
	_, rest, found := strings.Cut(key, "{")
	inside, _, closed := strings.Cut(rest, "}")
	if !found || !closed || inside == "" {
		return key
	}
	return inside
}

var hostile = []string{"", "a", "{b}", "}{", "{}", "a:b", "\x00", "\xff{", "用户"}

func TestAllKeysOfAShardAreInOneSlot(t *testing.T) {
	t.Parallel()
	k := testStore().keys(minapush.Shard{App: 7, N: 12})
	keys := []string{k.users(), k.counters(), k.lease(), k.leaseNumber(), k.hand(), k.deadlines(), k.batches(), k.uids()}
	for _, name := range hostile {
		keys = append(keys, k.progress(name), k.order(name), k.queue(name), k.pushes(name), k.list(name), k.once(minapush.OpenID(name)))
		keys = append(keys, k.allSettled(name)...)
	}
	seen := map[string]bool{}
	for _, key := range keys {
		if tag(key) != "7:12" {
			t.Errorf("%q goes by %q", key, tag(key))
		}
		if seen[key] {
			t.Errorf("%q stands for two things", key)
		}
		seen[key] = true
	}
	for _, kind := range hostile {
		d := testStore().documents(kind)
		want := tag(d.ids())
		for _, id := range hostile {
			if key := d.value(id); tag(key) != want || seen[key] {
				t.Errorf("%q goes by %q, want %q", key, tag(key), want)
			}
		}
		if tag(d.version()) != want {
			t.Errorf("%q", d.version())
		}
	}
}

func TestKeysOfDifferentShardsAndKindsAreApart(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, app := range []uint32{1, 11, 111} {
		for _, n := range []uint32{0, 1, 11, 111} {
			seen[testStore().keys(minapush.Shard{App: app, N: n}).users()] = true
		}
	}
	for _, kind := range []string{"1:1", "a", "a}", "{a"} {
		for _, id := range hostile {
			seen[testStore().documents(kind).value(id)] = true
		}
	}
	if want := 12 + 4*len(hostile); len(seen) != want {
		t.Errorf("%d keys are unlike each other, want %d", len(seen), want)
	}
}

func TestFieldsOfRowsInHandSayWhoseTheyAre(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, batch := range hostile {
		for n := range byte(buckets) {
			field := handField(batch, n)
			b, push, o, err := readField(field)
			if b != batch || push != "" || o != "" || err != nil || !strings.HasPrefix(field, campaignField(batch)) || seen[field] {
				t.Errorf("%q %d: %q %q %q %v", batch, n, b, push, o, err)
			}
			seen[field] = true
		}
		for _, id := range hostile[1:] {
			for _, user := range hostile {
				field := pushField(batch, id, minapush.OpenID(user))
				b, push, o, err := readField(field)
				if b != batch || push != id || string(o) != user || err != nil || !strings.HasPrefix(field, batchField(batch)) || seen[field] {
					t.Errorf("%q %q %q: %q %q %q %v", batch, id, user, b, push, o, err)
				}
				seen[field] = true
			}
		}
	}
}

func TestBucketsAreThoseOfTheFirstRelease(t *testing.T) {
	t.Parallel()
	got := []byte{bucketOf(""), bucketOf("a"), bucketOf("oABCD1234567890abcdefghijklm"), bucketOf("\xff\x00")}
	if want := []byte{12, 4, 15, 6}; !bytes.Equal(got, want) {
		t.Errorf("buckets %v, want %v: rows would not be found any more", got, want)
	}
	var many [buckets]int
	for i := range 16_000 {
		many[bucketOf(benchUser(i))]++
	}
	for i, n := range many {
		if n < 800 || n > 1200 {
			t.Errorf("bucket %d has %d of 16000", i, n)
		}
	}
}

func testRow() row {
	at := time.UnixMilli(1_772_000_000_123).UTC()
	return row{
		Delivery: minapush.Delivery{
			Batch: "b", OpenID: "u", Push: "p", State: minapush.Sending, Outcome: minapush.Failed, Reason: "43101", Errcode: 43101,
			MsgID: 1<<62 + 1, Attempt: 3, Tries: 2, Resend: true, NotBefore: at, Deadline: at.Add(1), ReservedAt: at, SettledAt: at,
			Permit: minapush.Permit{
				Kind: minapush.PrepayID, Identity: "wx1", Uses: 2, TakenAt: at.Truncate(time.Second), ExpiresAt: at.Truncate(time.Second).Add(time.Hour),
				Source: 7, Evidence: minapush.ByBackend,
			},
		},
		Maybe: true, AtLeastOnce: true, SuspectedAt: at, Key: "key",
	}
}

func TestARowComesBackAsItWas(t *testing.T) {
	t.Parallel()
	want := testRow()
	want.Deadline = cut(want.Deadline)
	got, err := readRow(want.append(nil), "b", "u", "p")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

// A release that knows of no opens may still be at work on the same Redis: it must read such rows and sums.
func TestAnOpenedRowComesBackAndIsReadByAReleaseThatKnowsOfNoOpens(t *testing.T) {
	t.Parallel()
	for state := minapush.Waiting; state <= minapush.Settled; state++ {
		want := testRow()
		want.State, want.OpenedAt = state, time.UnixMilli(1_772_000_009_001).UTC()
		*want.openedSlot(&want.SettledAt, &want.Deadline) = time.Time{}
		want.Deadline = cut(want.Deadline)
		b := want.append(nil)
		got, err := readRow(b, "b", "u", "p")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: got %+v, %v\nwant %+v", state, got, err, want)
		}
		b[2] &^= rowOpened // which that release does not look at
		got, err = readRow(b, "b", "u", "p")
		old := want
		old.OpenedAt, *old.openedSlot(&old.SettledAt, &old.Deadline) = time.Time{}, want.OpenedAt
		if err != nil || !reflect.DeepEqual(got, old) {
			t.Errorf("%v, read by the other release: got %+v, %v\nwant %+v", state, got, err, old)
		}
	}
	tally, err := readTally(map[string]string{"e": "3", "1": "2", "5crash": "1", fieldOpened: "3"})
	if err != nil || tally.Opened != 3 || !tally.Closes() {
		t.Errorf("got %+v, %v", tally, err)
	}
}

func FuzzReadRow(f *testing.F) {
	w := testRow()
	f.Add(w.append(nil))
	w.Confirmed, w.ConfirmedAt, w.ConfirmStatus = minapush.Undelivered, w.SettledAt, "user refuse"
	f.Add(w.append(nil))
	w.State, w.again = minapush.Settled, true
	f.Add(w.append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := readRow(b, "b", "u", "p")
		if err == nil {
			w, err = readRow(w.append(nil), "b", "u", "p") // a time beyond the last is moved to it
		}
		if err != nil {
			return
		}
		again, err := readRow(w.append(nil), "b", "u", "p")
		if err != nil || !reflect.DeepEqual(again, w) {
			t.Errorf("%+v came back as %+v, %v", w, again, err)
		}
	})
}

// FuzzReadValues reads any bytes as each other value: none may panic, and what is good is written again as it was read.
func FuzzReadValues(f *testing.F) {
	f.Add(appendPushes(nil, []settledPush{{"p", []byte{1}}, {"q", nil}}))
	f.Add(appendListed(nil, map[string]string{"name": "value"}))
	f.Add(once{fingerprint: 1 << 63, forget: 5, batch: "b", push: "p"}.append(nil))
	f.Add(appendPacked(nil, "u", []byte{1, 2}))
	f.Add([]byte(handField("b", 3)))
	f.Add([]byte(pushField("b", "p", "u")))
	f.Add(append([]byte{1, 0, 0, 0, 0, 0, 0, 0, 9}, "value"...))
	rec := record.New(time.Unix(1, 0))
	f.Add(appendUser(nil, &rec, 7))
	f.Fuzz(func(t *testing.T, b []byte) {
		if list, err := readPushes(b); err == nil && len(b) > 0 {
			if again, err := readPushes(appendPushes(nil, list)); err != nil || !reflect.DeepEqual(again, list) {
				t.Errorf("pushes %v came back as %v, %v", list, again, err)
			}
		}
		if values, err := readListed(b); err == nil {
			if again, err := readListed(appendListed(nil, values)); err != nil || !reflect.DeepEqual(again, values) {
				t.Errorf("values %v came back as %v, %v", values, again, err)
			}
		}
		if v, err := readOnce(b); err == nil {
			if again, err := readOnce(v.append(nil)); err != nil || again != v {
				t.Errorf("key %v came back as %v, %v", v, again, err)
			}
		}
		if rows, err := readPacked(b); err == nil {
			var out []byte
			for _, r := range rows {
				out = appendPacked(out, r.openid, r.stored)
			}
			if again, err := readPacked(out); err != nil || !reflect.DeepEqual(again, rows) {
				t.Errorf("rows %v came back as %v, %v", rows, again, err)
			}
		}
		if batch, push, o, err := readField(string(b)); err == nil && push != "" && pushField(batch, push, o) != string(b) {
			t.Errorf("field %q is %q %q %q", b, batch, push, o)
		}
		_, _ = readDocument(b, "k", "i")
		_, _ = readUID(b)
		var r record.Record
		if err := readUser(b, &r); err == nil {
			var again record.Record
			if err := readUser(appendUser(nil, &r, stampOf(b)+1), &again); err != nil || again.Counts() != r.Counts() {
				t.Errorf("user %+v came back as %+v, %v", r.Counts(), again.Counts(), err)
			}
		}
	})
}
