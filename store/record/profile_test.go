package record_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

func TestAProfileComesBackAsItWasToldWhateverElseHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory()
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			h.step(t)
		}
		again, err := h.r.Rewritten()
		if err != nil {
			t.Fatal(err)
		}
		got, err := again.Profile()
		if diff := cmp.Diff(h.profile, got); err != nil || diff != "" {
			t.Fatalf("%v (-told +read)\n%s", err, diff)
		}
		if again.OptOut() != h.profile.OptOut || again.ProfileVersion() != h.profile.Version {
			t.Fatalf("opt-out %v, version %d of %+v", again.OptOut(), again.ProfileVersion(), h.profile)
		}
	})
}

func TestAValidProfileOfTheGreatestSizeComesBack(t *testing.T) {
	text := func(n int, with byte) string { return string(bytes.Repeat([]byte{with}, n)) }
	p := minapush.Profile{
		UID: text(minapush.MaxUID, 'u'), Attributes: map[string]minapush.Attribute{}, OptOut: minapush.OptOutAll, Version: 1<<64 - 1,
	}
	for i := range minapush.MaxTags {
		p.Tags = append(p.Tags, text(minapush.MaxTag, byte('0'+i)))
	}
	for i := range minapush.MaxAttributes {
		p.Attributes[text(minapush.MaxName, byte('A'+i%26))[i/26:]] = minapush.Attribute{Text: text(minapush.MaxText, 'x')}
	}
	r := record.Told(at(0))
	r.SetProfile(p)
	again, err := r.Rewritten()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Profile(); err != nil || cmp.Diff(p, got) != "" {
		t.Errorf("%v (-told +read)\n%s", err, cmp.Diff(p, got))
	}
}

func TestARecordWithoutAProfileIsTheOneOfBefore(t *testing.T) {
	// Written by the release before there were profiles.
	const before = "11ac0180b4b98d956780bab703020700000001000101563e3ab5d3d6764c61efb99302bd5b0001010101563e3ab5d3d6764c61efb99302bd5b0080" +
		"f4ee06" + "0000000000000007040100028069a41c30000000000000000000000000000000088069a42a40000000000000000000000000000000090200012169a4" +
		"0e2003777831030174010069a40e20c12fabcd685e5739040174010069a40e209b6fe94051995dc00169ad48a03c4451cecba40fc9211780e2df9795" +
		"67030175010069a4385059daf05a2522151b"
	stored, err := hex.DecodeString(before)
	if err != nil {
		t.Fatal(err)
	}
	r, err := record.Decode(stored)
	if err != nil {
		t.Fatal(err)
	}
	want := minapush.Counts{Deposited: 8, Available: 6, Held: 1, Evicted: 1}
	got := see(&r)
	if got.Damaged || got.Counts != want || !cmp.Equal(got.Profile, minapush.Profile{}) || got.Last != at(3*time.Hour).UnixMilli() {
		t.Errorf("it was read as %+v", got)
	}
	full := stored[:3+0xac] // without the delta behind it
	if r, err = record.Decode(full); err != nil || !bytes.Equal(r.Append(nil), full) {
		t.Errorf("%v: it is written as %x", err, r.Append(nil))
	}
}

func TestWithoutAProfileNothingIsTold(t *testing.T) {
	r := record.New(at(0))
	plain := r.Append(nil)
	r.SetProfile(minapush.Profile{OptOut: minapush.OptOutAll, Version: 1})
	if b := r.Append(nil); len(b) > len(plain)+6 {
		t.Errorf("an opt-out takes %d bytes", len(b)-len(plain))
	}
	r.SetProfile(minapush.Profile{})
	if b := r.Append(nil); !bytes.Equal(b, plain) {
		t.Errorf("written as %x, before as %x", b, plain)
	}
	if r.OptOut() != minapush.OptOutNone || r.ProfileVersion() != 0 {
		t.Errorf("opt-out %v, version %d", r.OptOut(), r.ProfileVersion())
	}
}

func TestAUserToldOfIsSeenWithTheFirstDeposit(t *testing.T) {
	r := record.Told(at(0))
	r.SetProfile(minapush.Profile{UID: "7", Version: 1})
	stored := r.Append(nil)
	told, err := record.Decode(stored)
	if err != nil || told.FirstSeen != at(0).UnixMilli() || told.LastSeen != 0 {
		t.Fatalf("first seen %d, last seen %d, %v", told.FirstSeen, told.LastSeen, err)
	}
	d := record.Deposit{Now: at(-time.Hour)} // an empty one, by a clock that is behind
	res := told.Deposit(d)
	if !res.Changed || !res.Merge {
		t.Fatalf("%+v", res)
	}
	seen, err := record.Decode(told.AppendDelta(stored, d, res))
	if err != nil || seen.FirstSeen != at(0).UnixMilli() || seen.LastSeen != at(-time.Hour).UnixMilli() || seen.ProfileVersion() != 1 {
		t.Errorf("%+v, %v", see(&seen), err)
	}
}

func TestADamagedProfileIsNoProfile(t *testing.T) {
	r := record.New(at(0))
	r.SetProfile(minapush.Profile{UID: "u", Tags: []string{"a"}, Attributes: map[string]minapush.Attribute{"n": {Text: "t"}}, Version: 1})
	whole := r.Append(nil)
	const opt, version, uid, kind = 3, 4, 5, 13 // where they are
	for name, at := range map[string]int{"opt-out": opt, "version": version} {
		b := bytes.Clone(whole)
		b[at] = map[int]byte{opt: 3, version: 0}[at]
		if _, err := record.Decode(b); !errors.Is(err, record.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, at := range map[string]int{"length of the uid": uid, "kind of the attribute": kind} {
		b := bytes.Clone(whole)
		b[at] = 9
		got, err := record.Decode(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if p, err := got.Profile(); !errors.Is(err, record.ErrCorrupt) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestACodeKeepsToItsPermit(t *testing.T) {
	legacy := minapush.PermitKinds[:2]
	fresh := func() record.Record {
		r := record.New(at(0))
		r.Deposit(record.Deposit{Now: at(0), PerSection: 9, Sections: 9, Identities: 9, Permits: []minapush.Permit{
			{Kind: minapush.FormID, Identity: code(1), TakenAt: at(0), ExpiresAt: at(time.Hour)},
			{Kind: minapush.FormID, Identity: code(2), TakenAt: at(0), ExpiresAt: at(2 * time.Hour)},
			{Kind: minapush.PrepayID, Identity: "wx1", TakenAt: at(0), ExpiresAt: at(3 * time.Hour)},
			{Kind: minapush.Subscription, Template: "t", Identity: code(4), TakenAt: at(0)},
		}})
		return r
	}
	for name, tc := range map[string]struct {
		code  string
		kinds []minapush.PermitKind
		now   time.Time
		want  string
		ready time.Time
	}{
		"none serves the first":              {kinds: legacy, now: at(time.Minute), want: code(1)},
		"a form":                             {code: code(2), kinds: legacy, now: at(time.Minute), want: code(2)},
		"a payment":                          {code: "wx1", kinds: legacy, now: at(time.Minute), want: "wx1"},
		"a payment too young":                {code: "wx1", kinds: legacy, now: at(time.Second), ready: at(minapush.PayReadyAfter)},
		"a form, not the young payment":      {code: code(2), kinds: legacy, now: at(time.Second), want: code(2)},
		"one that nobody has":                {code: code(3), kinds: legacy, now: at(time.Minute)},
		"one about to expire":                {code: code(1), kinds: legacy, now: at(55 * time.Minute)},
		"the identity of what has no code":   {code: code(4), kinds: minapush.PermitKinds[2:3], now: at(time.Minute)},
		"no code for a kind that has no one": {kinds: minapush.PermitKinds[2:3], now: at(time.Minute), want: "some"},
	} {
		t.Run(name, func(t *testing.T) {
			r := fresh()
			c := r.Reserve(record.Ref{Batch: "b", Attempt: 1}, record.Need{Kinds: tc.kinds, Template: "t", Code: tc.code}, record.Guard{}, tc.now)
			if c.OK != (tc.want != "") || !c.ReadyAt.Equal(tc.ready) || c.OK && tc.want != "some" && c.Permit.Identity != tc.want {
				t.Errorf("%+v", c)
			}
			if r.IsBusy() != c.OK {
				t.Errorf("busy is %v", r.IsBusy())
			}
		})
	}
}
