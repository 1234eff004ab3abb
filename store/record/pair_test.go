package record_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

const manyIdentities = 512

// told is a subscription that somebody told of.
func told(by minapush.Evidence, identity string, taken time.Time) minapush.Permit {
	return minapush.Permit{Kind: minapush.Subscription, Template: "t", Identity: identity, TakenAt: taken, Evidence: by}
}

func bring(r *record.Record, now time.Time, ps ...minapush.Permit) record.Result {
	return r.Deposit(record.Deposit{Now: now, Permits: ps, PerSection: 200, Sections: 16, Identities: manyIdentities})
}

// verdict deposits one permit.
func verdict(r *record.Record, now time.Time, p minapush.Permit) record.Verdict {
	return bring(r, now, p).Items[0]
}

// spendOne spends the next subscription for t.
func spendOne(t testing.TB, r *record.Record, now time.Time) {
	t.Helper()
	c := r.Reserve(record.Ref{Batch: "b", Attempt: 1}, record.Need{Kinds: []minapush.PermitKind{minapush.Subscription}, Template: "t"}, record.Guard{}, now)
	if !c.OK {
		t.Fatal("nothing to spend")
	}
	r.Spend(&c.Permit, true, manyIdentities)
	r.Idle()
}

func evidences(r *record.Record) (list []minapush.Evidence) {
	for _, h := range r.Holdings() {
		list = append(list, h.Evidence)
	}
	return list
}

func TestAReportAndAnEventOfOneAcceptCountOnce(t *testing.T) {
	const edge = minapush.PairWithin
	for _, c := range []struct {
		name          string
		first, second minapush.Evidence
		apart         time.Duration
		want          record.Verdict
	}{
		{"the report first", minapush.ByClient, minapush.ByEvent, time.Second, record.Duplicate},
		{"the event first", minapush.ByEvent, minapush.ByClient, -time.Second, record.Duplicate},
		{"at the edge", minapush.ByClient, minapush.ByEvent, edge, record.Duplicate},
		{"at the other edge", minapush.ByClient, minapush.ByEvent, -edge, record.Duplicate},
		{"beyond the edge", minapush.ByClient, minapush.ByEvent, edge + time.Second, record.Added},
		{"beyond the other edge", minapush.ByEvent, minapush.ByClient, -edge - time.Second, record.Added},
		{"two reports", minapush.ByClient, minapush.ByClient, 0, record.Added},
		{"two events", minapush.ByEvent, minapush.ByEvent, 0, record.Added},
		{"the backend's", minapush.ByClient, minapush.ByBackend, 0, record.Added},
		{"an event and the backend's", minapush.ByBackend, minapush.ByEvent, 0, record.Added},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := record.New(at(0))
			bring(&r, at(0), told(c.first, "a", at(0)))
			b := told(c.second, "b", at(c.apart))
			res := bring(&r, at(time.Hour), b)
			if res.Items[0] != c.want {
				t.Fatalf("the second is %d", res.Items[0])
			}
			if c.want == record.Added {
				return
			}
			if res.Merge || !res.Changed || !slices.Equal(evidences(&r), []minapush.Evidence{minapush.ByBoth}) {
				t.Errorf("%+v, %v", res, evidences(&r))
			}
			for _, p := range []minapush.Permit{told(c.first, "a", at(0)), b} {
				if v := verdict(&r, at(2*time.Hour), p); v != record.Duplicate {
					t.Errorf("again %s is %d", p.Identity, v)
				}
			}
			if v := verdict(&r, at(2*time.Hour), told(c.second, "c", at(c.apart))); v != record.Added {
				t.Errorf("a third is %d", v)
			}
		})
	}
}

func TestTwoInOneDepositPairInTheirOrder(t *testing.T) {
	r := record.New(at(0))
	res := bring(&r, at(0), told(minapush.ByEvent, "a", at(0)), told(minapush.ByClient, "b", at(time.Second)), told(minapush.ByClient, "c", at(0)))
	if want := []record.Verdict{record.Added, record.Duplicate, record.Added}; !slices.Equal(res.Items, want) || res.Merge {
		t.Errorf("%+v", res)
	}
}

func TestOfSeveralTheNearestIsPaired(t *testing.T) {
	for _, c := range []struct {
		name   string
		others []time.Duration
		comes  time.Duration
		paired int
	}{
		{"the nearest before", []time.Duration{0, 4 * time.Minute, 9 * time.Minute}, 5 * time.Minute, 1},
		{"the nearest behind", []time.Duration{0, 4 * time.Minute, 9 * time.Minute}, 8 * time.Minute, 2},
		{"of two as near the earlier", []time.Duration{0, 4 * time.Minute}, 2 * time.Minute, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := record.New(at(0))
			for i, d := range c.others {
				bring(&r, at(0), told(minapush.ByClient, fmt.Sprint(i), at(d)))
			}
			if v := verdict(&r, at(0), told(minapush.ByEvent, "e", at(c.comes))); v != record.Duplicate {
				t.Fatalf("got %d", v)
			}
			if e := evidences(&r); slices.Index(e, minapush.ByBoth) != c.paired {
				t.Errorf("got %v", e)
			}
			gone := record.New(at(0)) // the same with marks
			for i, d := range c.others {
				bring(&gone, at(0), told(minapush.ByClient, fmt.Sprint(i), at(d)))
				spendOne(t, &gone, at(0))
			}
			event := told(minapush.ByEvent, "e", at(c.comes))
			bring(&gone, at(0), event)
			for i, d := range c.others {
				if has := bytes.Contains(gone.Append(nil), reportMark(&event, at(d))); has == (i == c.paired) {
					t.Errorf("the mark of %v is there: %v", d, has)
				}
			}
		})
	}
}

// reportMark is how a report that is gone waits in a record for an event.
func reportMark(event *minapush.Permit, taken time.Time) []byte {
	_, marks := record.MarkProbes(event)
	return append(binary.BigEndian.AppendUint32(nil, uint32(taken.Add(minapush.PairLife).Unix())), marks[8:]...)
}

func TestOfOneThatIsThereAndOneThatIsGoneTheNearerIsPaired(t *testing.T) {
	for _, c := range []struct {
		name  string
		comes time.Duration
		live  bool
	}{{"the one that is gone", time.Minute, false}, {"the one that is there", 4 * time.Minute, true}, {"the earlier", 150 * time.Second, false}} {
		t.Run(c.name, func(t *testing.T) {
			r := record.New(at(0))
			bring(&r, at(0), told(minapush.ByClient, "gone", at(0)))
			spendOne(t, &r, at(0))
			bring(&r, at(0), told(minapush.ByClient, "live", at(5*time.Minute)))
			if v := verdict(&r, at(0), told(minapush.ByEvent, "e", at(c.comes))); v != record.Duplicate {
				t.Fatalf("got %d", v)
			}
			if paired := evidences(&r)[0] == minapush.ByBoth; paired != c.live {
				t.Errorf("the one that is there is %v", evidences(&r))
			}
		})
	}
}

func TestAPermitThatIsGonePairsWithinItsTime(t *testing.T) {
	for _, c := range []struct {
		name  string
		first minapush.Evidence
		life  time.Duration
	}{{"a report", minapush.ByClient, minapush.PairLife}, {"an event", minapush.ByEvent, minapush.IdentityLife}} {
		other := minapush.ByClient + minapush.ByEvent - c.first
		for _, d := range []time.Duration{c.life - time.Millisecond, c.life} {
			for _, swept := range []bool{false, true} {
				t.Run(fmt.Sprint(c.name, d, swept), func(t *testing.T) {
					r := record.New(at(0))
					bring(&r, at(0), told(c.first, "a", at(0)))
					spendOne(t, &r, at(0))
					if swept {
						r.ForgetIdentities(at(d))
					}
					want := record.Duplicate
					if d == c.life {
						want = record.Added
					}
					if v := verdict(&r, at(d), told(other, "b", at(time.Second))); v != want {
						t.Errorf("%d, want %d", v, want)
					}
				})
			}
		}
	}
}

func TestAPairThatIsSpentLeavesNothingToPairWith(t *testing.T) {
	r := record.New(at(0))
	bring(&r, at(0), told(minapush.ByClient, "a", at(0)), told(minapush.ByEvent, "b", at(0)))
	spendOne(t, &r, at(0))
	if n := r.Tombstones(); n != 2 {
		t.Errorf("%d identities are remembered", n)
	}
	if v := verdict(&r, at(0), told(minapush.ByEvent, "c", at(0))); v != record.Added {
		t.Errorf("the event of another accept is %d", v)
	}
}

// accepts are what a user did, and what was told of it, in any order and more than once: bursts of accepts shorter than PairWithin, further
// apart than twice that, each complete on one side at least.
func accepts(t *rapid.T) (n int, ps []minapush.Permit) {
	start := at(0)
	for burst := range rapid.IntRange(1, 4).Draw(t, "bursts") {
		count := rapid.IntRange(1, 5).Draw(t, "accepts")
		n += count
		sides := [2]int{count, rapid.IntRange(0, count).Draw(t, "of the other side")}
		if rapid.Bool().Draw(t, "the events are complete") {
			sides[0], sides[1] = sides[1], sides[0]
		}
		for by, many := range sides {
			for i := range many {
				off := time.Duration(rapid.IntRange(0, int(minapush.PairWithin/time.Second)-1).Draw(t, "at")) * time.Second
				ps = append(ps, told(minapush.Evidence(by), fmt.Sprintf("%d-%d-%d", burst, by, i), start.Add(off)))
			}
		}
		start = start.Add(3*minapush.PairWithin + time.Second)
	}
	for range rapid.IntRange(0, len(ps)).Draw(t, "again") {
		ps = append(ps, rapid.SampledFrom(ps).Draw(t, "which again"))
	}
	return n, rapid.Permutation(ps).Draw(t, "order")
}

func TestTheCountIsTheNumberOfAccepts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, ps := accepts(t)
		r := record.New(at(0))
		for len(ps) > 0 {
			now := at(time.Duration(rapid.IntRange(0, 20).Draw(t, "now")) * time.Hour)
			many := rapid.IntRange(1, len(ps)).Draw(t, "in one deposit")
			bring(&r, now, ps[:many]...)
			ps = ps[many:]
			need := record.Need{Kinds: []minapush.PermitKind{minapush.Subscription}, Template: "t"}
			if c := r.Reserve(record.Ref{Batch: "b", Attempt: 1}, need, record.Guard{}, now); c.OK {
				switch rapid.IntRange(0, 3).Draw(t, "use") {
				case 0:
					r.Spend(&c.Permit, true, manyIdentities)
				case 1:
					r.Burn(&c.Permit, manyIdentities)
				default:
					r.Release(&c.Permit, manyIdentities)
				}
				r.Idle()
			}
			if rapid.Bool().Draw(t, "swept") {
				r.ForgetIdentities(now)
			}
			var err error
			if r, err = r.Rewritten(); err != nil {
				t.Fatal(err)
			}
		}
		if c := r.Counts(); c.Deposited != int64(n) || !c.Closes() {
			t.Fatalf("%d accepts are %+v", n, c)
		}
	})
}

// The bytes of a record with a pair, marks of both sides and a template that was switched off while a use was in hand, as the release that
// first wrote such wrote them. They are read for ever.
const pairedRecord = "118c0180b4b98d95670002030200000000026200010102620000000000000000000002030174013069a42a40a90a5e0120f4" +
	"cfc3040175014169a40e200085bb9ffa92019f8c0669a55fa00f3d2409ac9fb20069ae9a20af50bc68ad36ca8969aea83083" +
	"52c3d0963c5b2469aea8306efb9dcc17205e8769aeb640d9acb58eca98b61569aec45036c1e2ae1ba94b32"

// pairedRecordNow is what is written instead since recent deliveries have the template.
const pairedRecordNow = "139301000080b4b98d956700020302000000000262000101026200000000000000000000f00c3c100002030174013069a42a40a90a5e" +
	"0120f4cfc3040175014169a40e200085bb9ffa92019f8c0669a55fa00f3d2409ac9fb20069ae9a20af50bc68ad36ca8969aea8308352c3d0963c5b24" +
	"69aea8306efb9dcc17205e8769aeb640d9acb58eca98b61569aec45036c1e2ae1ba94b32"

func TestARecordWithPairsAndMarksIsReadAsItWasWritten(t *testing.T) {
	r := record.New(at(0))
	bring(&r, at(0), told(minapush.ByClient, "a", at(0)))
	spendOne(t, &r, at(0))
	bring(&r, at(0), told(minapush.ByEvent, "b", at(time.Hour)))
	spendOne(t, &r, at(0))
	bring(&r, at(0), told(minapush.ByClient, "c", at(2*time.Hour)), told(minapush.ByEvent, "d", at(2*time.Hour)))
	long := minapush.Permit{Kind: minapush.Standing, Template: "u", TakenAt: at(0)}
	bring(&r, at(0), long)
	held := r.Reserve(record.Ref{Batch: "b", Attempt: 1}, record.Need{Kinds: []minapush.PermitKind{minapush.Standing}, Template: "u"}, record.Guard{}, at(0))
	r.Void("u", at(3*time.Hour), at(0), manyIdentities)
	if got := hex.EncodeToString(r.Append(nil)); got != pairedRecordNow {
		t.Errorf("it is written as\n%s", got)
	}
	b, err := hex.DecodeString(pairedRecord)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = record.Decode(b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.Append(nil), b) {
		t.Errorf("the one of before is written as\n%x", r.Append(nil))
	}
	off := told(minapush.ByEvent, "e", at(3*time.Hour))
	off.Template = "u"
	for i, p := range []minapush.Permit{
		told(minapush.ByEvent, "a2", at(0)), told(minapush.ByClient, "b2", at(time.Hour)), told(minapush.ByEvent, "c2", at(2*time.Hour)), off,
	} {
		want := []record.Verdict{record.Duplicate, record.Duplicate, record.Added, record.SwitchedOff}[i]
		if v := verdict(&r, at(0), p); v != want {
			t.Errorf("%d is %d, want %d", i, v, want)
		}
	}
	live := r.Live()
	if r.Release(&held.Permit, manyIdentities); r.Live() != live-1 {
		t.Error("what was doomed lives")
	}
}
