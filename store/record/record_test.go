package record_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

// sight is all that a record shows.
type sight struct {
	First, Last int64
	Erasing     bool
	Counts      minapush.Counts
	Sent        int64
	Holdings    []minapush.Holding
	Recent      []record.Recent
	Busy        record.Ref
	IsBusy      bool
	Tombstones  int
	OptOut      minapush.OptOut
	Version     uint64
	Profile     minapush.Profile
	Events      map[string]minapush.EventState
	Damaged     bool // profile or events cannot be read
}

func see(r *record.Record) sight {
	busy, isBusy := r.Busy()
	profile, err := r.Profile()
	events, err2 := r.Events()
	return sight{
		r.FirstSeen, r.LastSeen, r.Erasing, r.Counts(), r.StandingSent, r.Holdings(), r.Recent(), busy, isBusy, r.Tombstones(),
		r.OptOut(), r.ProfileVersion(), profile, events, err != nil || err2 != nil,
	}
}

func TestARecordComesBackAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory()
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			h.step(t)
		}
		h.r.Erasing = rapid.Bool().Draw(t, "erasing")
		got, err := h.r.Rewritten()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(see(&h.r), see(&got)); diff != "" {
			t.Fatalf("(-written +read)\n%s", diff)
		}
	})
}

func TestEveryUseIsSomewhereExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory()
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			h.step(t)
			c := h.r.Counts()
			if !c.Closes() {
				t.Fatalf("does not close: %+v", c)
			}
			var sum minapush.Counts
			for _, f := range h.flow {
				sum = sum.Add(f)
			}
			c.Available, c.Held, c.Suspect = 0, 0, 0
			if sum != c {
				t.Fatalf("flows sum to %+v, the record has %+v", sum, c)
			}
			if !slices.IsSortedFunc(h.r.Holdings(), inOrder) {
				t.Fatalf("holdings are out of order: %+v", h.r.Holdings())
			}
		}
		left := h.r.Counts()
		var erased int64
		for _, f := range h.r.Erased() {
			erased += f.Erased
		}
		if erased != left.Available+left.Held+left.Suspect {
			t.Fatalf("erasing counts %d of %+v", erased, left)
		}
	})
}

func inOrder(a, b minapush.Holding) int {
	never := func(t time.Time) int64 {
		if t.IsZero() {
			return 1 << 62
		}
		return t.Unix()
	}
	switch {
	case a.Kind != b.Kind:
		return int(a.Kind) - int(b.Kind)
	case a.Template != b.Template:
		return cmpString(a.Template, b.Template)
	case never(a.ExpiresAt) != never(b.ExpiresAt):
		return int(min(max(never(a.ExpiresAt)-never(b.ExpiresAt), -1), 1))
	case !a.TakenAt.Equal(b.TakenAt):
		return a.TakenAt.Compare(b.TakenAt)
	}
	return cmpString(a.Identity, b.Identity)
}

func cmpString(a, b string) int { return bytes.Compare([]byte(a), []byte(b)) }

func TestADeltaSaysAllThatADepositChanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory()
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			h.step(t)
		}
		stored := h.r.Append(nil)
		for range rapid.IntRange(1, 6).Draw(t, "deposits") {
			d := anyDeposit(t)
			res := h.r.Deposit(d)
			if res.Merge {
				stored = h.r.AppendDelta(stored, d, res)
			} else {
				stored = h.r.Append(nil)
			}
			folded, err := record.Decode(stored)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(see(&h.r), see(&folded)); diff != "" {
				t.Fatalf("(-whole +folded)\n%s", diff)
			}
		}
	})
}

func TestARecordUsedAgainKeepsNothingOfTheOneBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var again record.Record
		for range 3 {
			h := newHistory()
			for range rapid.IntRange(0, 20).Draw(t, "steps") {
				h.step(t)
			}
			if err := again.Decode(h.r.Append(nil)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(see(&h.r), see(&again)); diff != "" {
				t.Fatalf("(-written +read)\n%s", diff)
			}
			f, _ := again.Expire(at(60 * time.Hour)) // moves sections about
			_ = f
		}
	})
}

func TestTenFormPermitsFitInAQuarterKilobyte(t *testing.T) {
	r := record.New(at(0))
	var ps []minapush.Permit
	for n := range 10 {
		taken := at(time.Duration(n) * time.Hour)
		ps = append(ps, minapush.Permit{Kind: minapush.FormID, Identity: code(n), Uses: 1, TakenAt: taken, ExpiresAt: taken.Add(minapush.CodeLife)})
	}
	r.Deposit(record.Deposit{Now: at(10 * time.Hour), Permits: ps, PerSection: 200, Sections: 16, Identities: 512})
	if n := len(r.Append(nil)); n > 250 {
		t.Errorf("record has %d bytes", n)
	} else {
		t.Logf("record has %d bytes", n)
	}
}

func TestAFrameOfANewerReleaseIsRefusedAsSuch(t *testing.T) {
	r := record.New(at(0))
	b := r.Append(nil)
	b[0] = 0x14
	var version *record.VersionError
	if _, err := record.Decode(b); !errors.As(err, &version) || version.Frame != 0x14 {
		t.Errorf("got %v", err)
	}
}

func TestADeltaAloneIsNoRecord(t *testing.T) {
	r := record.New(at(0))
	if _, err := record.Decode(r.AppendDelta(nil, record.Deposit{}, record.Result{})); !errors.Is(err, record.ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}

func TestIDsComeBackAsTheyWere(t *testing.T) {
	ids := []string{
		"", "a", "push-20260301", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "01arz3ndektsv4rrffq69g5fav", "81ARZ3NDEKTSV4RRFFQ69G5FAV",
		"01ARZ3NDEKTSV4RRFFQ69G5FAI", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "\x00", "\xff:{}",
	}
	for _, s := range ids {
		b := record.AppendID(nil, s)
		got, rest, err := record.ReadID(append(b, 'x'))
		if err != nil || got != s || string(rest) != "x" {
			t.Errorf("%q came back as %q, %q, %v", s, got, rest, err)
		}
	}
	if n := len(record.AppendID(nil, ids[3])); n != 17 {
		t.Errorf("a ULID takes %d bytes", n)
	}
}

func TestAPermitComesBackAsTheRecordGaveIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory()
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			h.step(t)
		}
		for _, p := range h.r.Holdings() {
			got, rest, err := record.ReadPermit(append(record.AppendPermit(nil, &p.Permit), 'x'))
			if err != nil || string(rest) != "x" || got != p.Permit {
				t.Fatalf("%+v came back as %+v, %q, %v", p.Permit, got, rest, err)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	r := record.New(at(0))
	d := record.Deposit{Now: at(0), PerSection: 2, Sections: 16, Identities: 512}
	for n := range 4 {
		d.Permits = append(d.Permits,
			minapush.Permit{Kind: minapush.FormID, Identity: code(n), ExpiresAt: at(time.Hour), TakenAt: at(0)},
			minapush.Permit{Kind: minapush.PrepayID, Identity: "wx1", ExpiresAt: at(time.Hour), TakenAt: at(0)},
			minapush.Permit{Kind: minapush.Subscription, Template: "t", Identity: code(n), TakenAt: at(0)})
	}
	r.Deposit(d)
	r.Reserve(record.Ref{Batch: "b", Attempt: 1}, record.Need{Kinds: minapush.PermitKinds[:2]}, record.Guard{}, at(0))
	f.Add(r.Append(nil))
	f.Add(r.AppendDelta(r.Append(nil), d, record.Result{Items: make([]record.Verdict, len(d.Permits))}))
	f.Add([]byte{0x11, 0})
	r.SetProfile(minapush.Profile{
		UID: "u-1", Tags: []string{"a", "b"}, OptOut: minapush.OptOutCampaigns, Version: 3, Attributes: map[string]minapush.Attribute{
			"city": {Text: "深圳"}, "level": {Kind: minapush.Number, Number: 7}, "rate": {Kind: minapush.Number, Number: 0.5},
			"vip": {Kind: minapush.Flag, Number: 1}, "new": {Kind: minapush.Flag},
		},
	})
	f.Add(r.Append(nil))
	paired, err := hex.DecodeString(pairedRecord)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(paired)
	for _, stored := range []string{recentRecord, toldRecord, pairedRecordNow} {
		b, err := hex.DecodeString(stored)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := record.Decode(b)
		if err != nil {
			return
		}
		see(&r)
		again, err := r.Rewritten()
		if err != nil {
			t.Fatalf("written again it cannot be read: %v", err)
		}
		if diff := cmp.Diff(see(&r), see(&again)); diff != "" {
			t.Fatalf("(-first +again)\n%s", diff)
		}
		if noted, _, err := r.NoteEvents([]minapush.NamedEvent{{Name: "e", At: at(0)}}); (err == nil) != (len(noted) == 1) {
			t.Fatalf("%v, %v", noted, err)
		}
		r.Miss("b", "")
		r.Deposit(d)
		bring(&r, at(0), told(minapush.ByClient, "a", at(0)), told(minapush.ByEvent, "b", at(0)))
		r.Void("t", at(0), at(0), manyIdentities)
		r.Expire(at(0))
		r.VoidUser(10)
	})
}

func BenchmarkDecodeTenPermits(b *testing.B) {
	r := record.New(at(0))
	var ps []minapush.Permit
	for n := range 10 {
		ps = append(ps, minapush.Permit{Kind: minapush.FormID, Identity: code(n), Uses: 1, TakenAt: at(0), ExpiresAt: at(minapush.CodeLife)})
	}
	r.Deposit(record.Deposit{Now: at(0), Permits: ps, PerSection: 200, Sections: 16, Identities: 512})
	stored := r.Append(nil)
	var again record.Record
	b.ReportAllocs()
	for b.Loop() {
		if err := again.Decode(stored); err != nil {
			b.Fatal(err)
		}
	}
}
