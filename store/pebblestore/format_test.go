package pebblestore

import (
	"encoding/hex"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
)

// Values as the release wrote them that knew of no confirmations, and as the one did that brought them. All are read for ever.
const (
	rowBefore      = "010400000000000000001801020100ce4900036b657980b4b98d9567d0c3b98d9567c0ddc08d9567000301541069a40e2000112233aabbccdd"
	rowConfirmedV1 = "010400000000000000003801020100ce49001f036b657902a0d3b98d95676661696c65643a73797374656d206661696c6564" +
		"80b4b98d9567d0c3b98d9567c0ddc08d9567000301541069a40e2000112233aabbccdd"
	rowNotedV1 = "010200000000000000002800020100ce491405343530303901d0c3b98d956773756363657373036b657980b4b98d95670080" +
		"eef0909567000301543069a40e2000112233aabbccdd"
	progressBefore  = "0101016f06020000000101000480010002"
	progressCountV1 = "0101016f06020000000101000480010002810100900382010002"
)

func fixtureRow() row {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	return row{Key: "key", Delivery: minapush.Delivery{
		Batch: "b", OpenID: "o", Push: "p", State: minapush.Settled, Outcome: minapush.Accepted, MsgID: 4711, Attempt: 2, Tries: 1,
		ReservedAt: at, SettledAt: at.Add(time.Second), OpenedAt: at.Add(time.Minute), Permit: minapush.Permit{
			Kind: minapush.Subscription, Template: "T", Identity: "~00112233aabbccdd", Uses: 1, TakenAt: at, Evidence: minapush.ByEvent,
		},
	}}
}

func confirmedRow() row {
	w := fixtureRow()
	w.Confirmed, w.ConfirmedAt, w.ConfirmStatus = minapush.Undelivered, w.SettledAt.Add(time.Second), "failed:system failed"
	return w
}

func notedRow() row {
	w := fixtureRow()
	w.State, w.Outcome, w.SettledAt, w.OpenedAt, w.Reason = minapush.Sending, minapush.Pending, time.Time{}, time.Time{}, "45009"
	w.Deadline, w.Permit.Evidence = w.ReservedAt.Add(time.Hour), minapush.ByBoth
	w.Confirmed, w.ConfirmedAt, w.ConfirmStatus = minapush.Delivered, w.ReservedAt.Add(time.Second), "success"
	return w
}

func TestRowsOfEarlierReleasesAreReadAsTheyWereWritten(t *testing.T) {
	for _, c := range []struct {
		name, stored string
		want         row
	}{{"opened", rowBefore, fixtureRow()}, {"confirmed", rowConfirmedV1, confirmedRow()}, {"being sent, with a note", rowNotedV1, notedRow()}} {
		t.Run(c.name, func(t *testing.T) {
			if written := hex.EncodeToString(c.want.append(nil)); written != c.stored {
				t.Errorf("it is written as\n%s", written)
			}
			got, err := readRowValue(unhex(t, c.stored), "b", "o", "p")
			if diff := gocmp.Diff(c.want, got, gocmp.AllowUnexported(row{})); err != nil || diff != "" {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
		})
	}
}

func TestProgressOfEarlierReleasesIsReadAsItWasWritten(t *testing.T) {
	before := progress{Cursor: "o", Done: true, Tally: minapush.Tally{Examined: 3, Waiting: 1, Opened: 1}}
	before.Add(minapush.Accepted, "", 2)
	confirmed := before
	confirmed.Delivered, confirmed.Undelivered = 200, 1
	for _, c := range []struct {
		name, stored string
		want         progress
	}{{"opened", progressBefore, before}, {"confirmed", progressCountV1, confirmed}} {
		t.Run(c.name, func(t *testing.T) {
			if written := hex.EncodeToString(c.want.append(nil)); written != c.stored {
				t.Errorf("it is written as\n%s", written)
			}
			got, err := readProgress(unhex(t, c.stored))
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(c.want, *got, gocmp.AllowUnexported(progress{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func FuzzReadRow(f *testing.F) {
	for _, w := range []row{{}, fixtureRow(), confirmedRow(), notedRow()} {
		f.Add(w.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := readRowValue(b, "b", "o", "p")
		if err != nil {
			return
		}
		again, err := readRowValue(w.append(nil), "b", "o", "p")
		if diff := gocmp.Diff(w, again, gocmp.AllowUnexported(row{})); err != nil || diff != "" {
			t.Fatalf("%v (-first +again)\n%s", err, diff)
		}
	})
}
