package record

import (
	"bytes"
	"testing"
	"time"

	"github.com/minapush/minapush"
)

func TestAPermitThatIsKnownIsFoundByItsProbes(t *testing.T) {
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	permits := []minapush.Permit{
		{Kind: minapush.FormID, Identity: "0123456789abcdef0123456789abcdef", TakenAt: now, ExpiresAt: now.Add(time.Hour)},
		{Kind: minapush.FormID, Identity: "not hex", TakenAt: now, ExpiresAt: now.Add(time.Hour)},
		{Kind: minapush.FormID, Identity: "", TakenAt: now, ExpiresAt: now.Add(time.Hour)},
		{Kind: minapush.PrepayID, Identity: "wx201410272009395522657a690389285100", TakenAt: now, ExpiresAt: now.Add(time.Hour)},
		{Kind: minapush.Subscription, Template: "t", Identity: "nonce", TakenAt: now},
	}
	in := Deposit{Now: now, Permits: permits, PerSection: 200, Sections: 16, Identities: 512}
	full := New(now)
	full.Deposit(in)
	delta := New(now)
	res := delta.Deposit(in)
	gone := New(now)
	gone.Deposit(in)
	gone.VoidUser(512)
	other := New(now)
	for i := range permits {
		live, dead := Probes(&permits[i])
		if live == nil {
			live = dead
		}
		if !bytes.Contains(full.Append(nil), live) {
			t.Errorf("%d: a full frame does not hold the probe", i)
		}
		if !bytes.Contains(delta.AppendDelta(nil, in, res), live) {
			t.Errorf("%d: a delta does not hold the probe", i)
		}
		if !bytes.Contains(gone.Append(nil), dead) {
			t.Errorf("%d: a record without the permit does not hold the probe of its identity", i)
		}
		if bytes.Contains(other.Append(nil), dead) {
			t.Errorf("%d: an empty record holds the probe", i)
		}
	}
	if n, largest := full.Sections(); n != 3 || largest != 3 {
		t.Errorf("%d sections, the largest of %d; want 3 and 3", n, largest)
	}
}
