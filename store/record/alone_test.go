package record_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

// Some backends add permits to a record without decoding it, if none of their probes is found: the answer must be the one of an empty
// record.
func TestAPermitNoneOfWhoseProbesIsFoundStandsByItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := halves{history: newHistory(), base: rapid.SampledFrom(edges()).Draw(t, "base")}
		h.stored = h.r.Append(nil)
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			h.live(t)
		}
		p := h.half(t)
		if rapid.IntRange(0, 4).Draw(t, "of any kind") == 0 {
			if p = anyPermit(t); p.Kind == minapush.Standing {
				t.Skip("known by its section")
			}
		}
		if found(h.stored, &p) {
			return
		}
		r, err := record.Decode(h.stored)
		if err != nil {
			t.Fatal(err)
		}
		blank, now := record.New(at(0)), h.now(t)
		want, got := bring(&blank, now, p), bring(&r, now, p)
		if got.Items[0] != want.Items[0] || !got.Merge {
			t.Fatalf("%+v is %d, alone %d; is a delta: %v", p, got.Items[0], want.Items[0], got.Merge)
		}
	})
}

// found tells whether one of the permit's probes is in the bytes.
func found(stored []byte, p *minapush.Permit) bool {
	live, gone := record.Probes(p)
	pair, marks := record.MarkProbes(p)
	for ; len(marks) > 0; marks = marks[8:] {
		if bytes.Contains(stored, marks[:8]) {
			return true
		}
	}
	return live != nil && bytes.Contains(stored, live) || bytes.Contains(stored, gone) || foundPair(stored, pair)
}

func foundPair(stored []byte, p record.PairProbe) bool {
	if p.Section == nil || !bytes.Contains(stored, p.Section) {
		return false
	}
	for ; len(stored) >= 5; stored = stored[1:] {
		if taken := binary.BigEndian.Uint32(stored[1:]); stored[0]&0x30 == p.Evidence && p.First <= taken && taken <= p.Last {
			return true
		}
	}
	return false
}

// edges are moments about which the bytes of a time change: the last, the last two, the last three, and where there are no others.
func edges() []time.Time {
	return []time.Time{at(0), time.Unix(0x69A40000, 0), time.Unix(0x6A000000, 0), time.Unix(0, 0), time.Unix(1<<32, 0)}
}

// halves is a history of reports and events about a moment, and how it is stored: whole, or with deltas behind it.
type halves struct {
	*history
	base   time.Time
	stored []byte
}

func (h *halves) live(t *rapid.T) {
	if rapid.Bool().Draw(t, "anything") {
		h.step(t)
		h.stored = h.r.Append(nil)
		return
	}
	in := record.Deposit{Now: h.now(t), Permits: rapid.SliceOfN(rapid.Custom(h.half), 1, 3).Draw(t, "halves"), PerSection: 200, Sections: 16, Identities: 20}
	if res := h.r.Deposit(in); res.Merge && rapid.Bool().Draw(t, "as a delta") {
		h.stored = h.r.AppendDelta(h.stored, in, res)
		return
	}
	h.stored = h.r.Append(nil)
}

func (h *halves) now(t *rapid.T) time.Time {
	return h.base.Add(time.Duration(rapid.IntRange(-1, 30).Draw(t, "now")) * time.Hour)
}

// half is a report or an event, with all that an entry can have, mostly near enough to another for them to pair, or hardly too far away.
func (h *halves) half(t *rapid.T) minapush.Permit {
	const within = int(minapush.PairWithin / time.Second)
	sec := rapid.OneOf(rapid.SampledFrom([]int{0, -within, within, -within - 1, within + 1}), rapid.IntRange(-3*within, 3*within)).Draw(t, "taken")
	p := minapush.Permit{
		Kind: minapush.Subscription, Template: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "template"),
		Identity: fmt.Sprint("h", rapid.IntRange(0, 1<<20).Draw(t, "identity")), TakenAt: h.base.Add(time.Duration(sec) * time.Second),
		Source: rapid.SampledFrom([]uint16{0, 0, 7}).Draw(t, "source"), Uses: rapid.SampledFrom([]int{0, 0, 2}).Draw(t, "uses"),
		Evidence: rapid.SampledFrom([]minapush.Evidence{minapush.ByClient, minapush.ByEvent}).Draw(t, "told by"),
	}
	if rapid.IntRange(0, 3).Draw(t, "ends") == 0 {
		p.ExpiresAt = h.base.Add(40 * time.Hour)
	}
	return p
}

// What could pair is found, and what could not by one second is not: it would cost a closer look. But about 1970 a time is like much else.
func TestTheProbeOfAPairFindsWhatPairsAndNothingElse(t *testing.T) {
	for _, base := range edges() {
		for _, first := range []minapush.Evidence{minapush.ByClient, minapush.ByEvent} {
			for _, apart := range []time.Duration{0, minapush.PairWithin, -minapush.PairWithin, minapush.PairWithin + time.Second, -minapush.PairWithin - time.Second} {
				second := told(minapush.ByClient+minapush.ByEvent-first, "second", base.Add(apart))
				pair, _ := record.MarkProbes(&second)
				in := record.Deposit{Now: base, Permits: []minapush.Permit{told(first, "first", base)}, PerSection: 200, Sections: 16, Identities: manyIdentities}
				r := record.New(at(0))
				before := r.Append(nil)
				res := r.Deposit(in)
				pairs := verdict(&r, base, second) == record.Duplicate
				full := record.New(at(0))
				full.Deposit(in)
				for name, stored := range map[string][]byte{"whole": full.Append(nil), "as a delta": full.AppendDelta(before, in, res)} {
					if got := foundPair(stored, pair); got != pairs && (pairs || base.Year() > 1970) {
						t.Errorf("%v, %v %v later, %s: found is %v, pairs %v", base, first, apart, name, got, pairs)
					}
				}
				same := told(first, "second", base.Add(apart))
				if pair, _ = record.MarkProbes(&same); foundPair(full.Append(nil), pair) && base.Year() > 1970 {
					t.Errorf("%v, two %v %v apart: found what does not pair", base, first, apart)
				}
			}
		}
	}
}
