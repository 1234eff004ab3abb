package bank_test

import (
	"strings"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
)

func TestWhatIsSwitchedOffIsDead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const o = minapush.OpenID("oDeC45Xv9AZ0MpPsK1234567890a")
	until := b.clock.now().Add(-time.Minute)
	permit := func(id string, at time.Time) minapush.Permit {
		return minapush.Permit{Kind: minapush.Subscription, Template: "T1", Identity: id, Uses: 1, TakenAt: at, Evidence: minapush.ByEvent}
	}
	before, after := permit("a", until), permit("b", until.Add(time.Second))
	_, err := b.bank.Deposit(b.ctx, b.app, o, []minapush.Permit{before, after})
	must(t, err)
	for _, want := range []int{1, 0} {
		died, err := b.bank.SwitchedOff(b.ctx, b.app, o, "T1", until)
		must(t, err)
		wantEqual(t, died, want)
	}
	u, err := b.bank.User(b.ctx, b.app, o)
	must(t, err)
	wantEqual(t, len(u.Permits), 1)
	wantEqual(t, u.Counts.Dead, 1)
	d, err := b.bank.Deposit(b.ctx, b.app, o, []minapush.Permit{permit("c", until.Add(-time.Second))})
	must(t, err)
	wantEqual(t, d.Items[0], bank.SwitchedOff)

	_, err = b.bank.SwitchedOff(b.ctx, b.app, o, strings.Repeat("x", minapush.MaxTemplateID+1), until)
	wantField(t, err, "template")
	_, err = b.bank.SwitchedOff(b.ctx, b.app, o, "T1", time.Time{})
	wantField(t, err, "until")
	_, err = b.bank.SwitchedOff(b.ctx, b.app, "a b", "T1", until)
	wantField(t, err, "openid")
}

func TestOddEventsOfTwoNodesAreKeptTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.node(bank.Config{})
	at := b.clock.now()
	must(t, b.bank.KeepOdd(b.ctx, b.app, []bank.OddEvent{{At: at, Type: "sent", Why: "unmatched", Body: "<1>"}, {At: at, Type: "other", Why: "text"}}))
	must(t, other.KeepOdd(b.ctx, b.app, []bank.OddEvent{{At: at, Type: "sent", Why: "unmatched", Body: "<1>"}, {At: at, Type: "other", Why: "text"}}))
	for _, node := range []*bank.Bank{b.bank, other} {
		got, err := node.OddEvents(b.ctx, b.app)
		must(t, err)
		wantEqual(t, len(got), 3) // that without a body once
		wantEqual(t, got[0].Body, "<1>")
		wantEqual(t, got[2], bank.OddEvent{At: at, Type: "other", Why: "text"})
	}
	none, err := other.OddEvents(b.ctx, minapush.App{ID: "wx9", Number: 9, Shards: 1})
	must(t, err)
	wantEqual(t, len(none), 0)
}
