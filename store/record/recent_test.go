package record_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store/record"
)

// lasting is a record with one standing permit for each of some templates, which no message uses up.
func lasting(templates ...string) record.Record {
	r := record.New(at(0))
	for _, template := range templates {
		bring(&r, at(0), minapush.Permit{Kind: minapush.Standing, Template: template, TakenAt: at(0)})
	}
	return r
}

// send lets a delivery take the record's permit and give it back.
func send(r *record.Record, ref record.Ref, need record.Need, g record.Guard, now time.Time) record.Choice {
	need.Kinds = minapush.PermitKinds[:]
	c := r.Reserve(ref, need, g, now)
	if c.OK {
		r.Release(&c.Permit, manyIdentities)
		r.Idle()
	}
	return c
}

func TestOfRecentDeliveriesTheOldestThatIsMissedGoesFirstOfEachKind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := lasting("t")
		var want []record.Recent
		for n := range rapid.IntRange(1, 80).Draw(t, "steps") {
			ref := record.Ref{Batch: fmt.Sprint("b", rapid.IntRange(0, 14).Draw(t, "batch")), Attempt: 1}
			if rapid.Bool().Draw(t, "push") {
				ref.Push = fmt.Sprint("p", rapid.IntRange(0, 1).Draw(t, "id"))
			}
			is := func(e record.Recent) bool { return e.Batch == ref.Batch && e.Push == ref.Push }
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				r.ForgetRecent(ref.Batch, ref.Push)
				want = slices.DeleteFunc(want, is)
			case 1:
				i := slices.IndexFunc(want, is)
				changes := i >= 0 && !want[i].Missed
				if changes {
					want[i].Missed = true
				}
				if r.Miss(ref.Batch, ref.Push) != changes {
					t.Fatalf("%+v changed the other way: %v", ref, changes)
				}
			default:
				now := at(time.Duration(n) * time.Millisecond)
				send(&r, ref, record.Need{Template: "t", Content: uint64(n)}, record.Guard{}, now)
				want = slices.Insert(slices.DeleteFunc(want, is), 0, record.Recent{
					Batch: ref.Batch, Push: ref.Push, At: now, Content: uint64(n), Template: minapush.TemplateHash("t"),
				})
				want = bounded(want, ref.Push != "")
			}
			again, err := r.Rewritten()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, append([]record.Recent{}, again.Recent()...)); diff != "" && len(want)+len(again.Recent()) > 0 {
				t.Fatalf("(-want +got)\n%s", diff)
			}
		}
	})
}

// bounded takes out one delivery of a kind above eight.
func bounded(list []record.Recent, push bool) []record.Recent {
	var missed, all []int
	for i, e := range list {
		if (e.Push != "") == push {
			if all = append(all, i); e.Missed {
				missed = append(missed, i)
			}
		}
	}
	if len(all) <= 8 {
		return list
	}
	if len(missed) > 0 {
		all = missed
	}
	goes := all[len(all)-1]
	return slices.Delete(list, goes, goes+1)
}

// The bytes of records as the release that first wrote such wrote them. They are read for ever.
const (
	recentRecord = "1368000080b4b98d95670000000000000000020e707573682d3230323630333031027080f4ee060000000000000008f10c3da3010101563e3ab5d3d6764c61efb99302bd5b" +
		"0080bab7030000000000000007f10c3da30001040174010069a40e204285d17dd566f9bc00"
	toldRecord = "133c060101013700001e07636865636b696e80eef090956702076c6f747465727980b4b98d95670180b4b98d9567ffb3b98d956700000000000000000000"
)

func recentAndMissed() record.Record {
	r := lasting("t")
	send(&r, record.Ref{Batch: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Attempt: 1}, record.Need{Template: "t", Content: 7}, record.Guard{}, at(time.Hour))
	send(&r, record.Ref{Batch: "push-20260301", Push: "p", Attempt: 1}, record.Need{Template: "t", Content: 8}, record.Guard{}, at(2*time.Hour))
	r.Miss("push-20260301", "p")
	return r
}

func whatWasTold(t *testing.T) record.Record {
	r := record.Told(at(0))
	r.SetProfile(minapush.Profile{UID: "7", OptOut: minapush.OptOutCampaigns, Version: 1})
	for _, e := range []minapush.NamedEvent{{Name: "lottery", At: at(0)}, {Name: "checkin", At: at(0)}, {Name: "checkin", At: at(time.Hour)}} {
		if noted, changed, err := r.NoteEvents([]minapush.NamedEvent{e}); err != nil || !changed || noted[0] != record.NotedAdded {
			t.Fatalf("%+v: %v, %v, %v", e, noted, changed, err)
		}
	}
	return r
}

func TestTheThirdFormOfARecordIsReadAsItWasWritten(t *testing.T) {
	for stored, r := range map[string]record.Record{recentRecord: recentAndMissed(), toldRecord: whatWasTold(t)} {
		if got := hex.EncodeToString(r.Append(nil)); got != stored {
			t.Errorf("it is written as\n%s", got)
		}
		b, err := hex.DecodeString(stored)
		if err != nil {
			t.Fatal(err)
		}
		again, err := record.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(see(&r), see(&again)); diff != "" {
			t.Errorf("(-written +read)\n%s", diff)
		}
		for n := range b { // a piece of it is none, and none panics
			if short, err := record.Decode(b[:n]); err == nil {
				t.Errorf("the first %d bytes are %+v", n, see(&short))
			}
		}
	}
}

func TestARecordIsWrittenInTheLeastFormThatHoldsIt(t *testing.T) {
	plain, profiled := record.New(at(0)), record.New(at(0))
	profiled.SetProfile(minapush.Profile{UID: "7", Version: 1})
	recent, told := recentAndMissed(), whatWasTold(t)
	for _, c := range []struct {
		name string
		r    record.Record
		want byte
	}{{"nothing is known", plain, 0x11}, {"a profile", profiled, 0x12}, {"recent deliveries", recent, 0x13}, {"events", told, 0x13}} {
		if got := c.r.Append(nil)[0]; got != c.want {
			t.Errorf("%s: %#x", c.name, got)
		}
	}
	recent.ForgetRecent("01ARZ3NDEKTSV4RRFFQ69G5FAV", "")
	recent.ForgetRecent("push-20260301", "p")
	if got := recent.Append(nil)[0]; got != 0x11 {
		t.Errorf("without recent deliveries: %#x", got)
	}
}
