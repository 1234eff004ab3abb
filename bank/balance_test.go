package bank_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/store"
)

func TestBalanceSumsByKindAndTemplate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := b.clock.now()
	held := func(p minapush.Permit, s minapush.PermitState) minapush.Holding {
		return minapush.Holding{Permit: p, State: s}
	}
	for name, c := range map[string]struct {
		permits []minapush.Holding
		want    []bank.Balance
	}{
		"nobody has nothing": {nil, nil},
		"forms": {
			[]minapush.Holding{held(b.form(1, day), 0), held(b.form(2, 2*day), 0)},
			[]bank.Balance{{Kind: minapush.FormID, Available: 2, Ready: 2, NextExpiry: now.Add(5 * day)}},
		},
		"an expired form is gone, swept or not": {[]minapush.Holding{held(b.form(1, 7*day), 0)}, nil},
		"an expired payment in a delivery's hand is only that": {
			[]minapush.Holding{held(b.pay(1, 7*day), minapush.Held)}, []bank.Balance{{Kind: minapush.PrepayID, Held: 1}},
		},
		"a form about to expire is not ready": {
			[]minapush.Holding{held(b.form(1, 7*day-time.Minute), 0)},
			[]bank.Balance{{Kind: minapush.FormID, Available: 1, NextExpiry: now.Add(time.Minute)}},
		},
		"a young payment is not ready": {
			[]minapush.Holding{held(b.pay(1, time.Second), 0)},
			[]bank.Balance{{Kind: minapush.PrepayID, Available: 3, NextExpiry: now.Add(7*day - time.Second)}},
		},
		"a held payment keeps two uses that wait for the third": {
			[]minapush.Holding{held(b.pay(1, day), minapush.Held)},
			[]bank.Balance{{Kind: minapush.PrepayID, Available: 2, Held: 1, NextExpiry: now.Add(6 * day)}},
		},
		"held and suspect forms have no expiry that matters": {
			[]minapush.Holding{held(b.form(1, day), minapush.Held), held(b.form(2, day), minapush.Suspect)},
			[]bank.Balance{{Kind: minapush.FormID, Held: 1, Suspect: 1}},
		},
		"in order": {
			[]minapush.Holding{held(b.standing("S"), 0), held(b.subscribe(1, "B"), 0), held(b.subscribe(2, "A"), 0), held(b.form(1, 0), 0)},
			[]bank.Balance{
				{Kind: minapush.FormID, Available: 1, Ready: 1, NextExpiry: now.Add(7 * day)},
				{Kind: minapush.Subscription, Template: "A", Available: 1, Ready: 1},
				{Kind: minapush.Subscription, Template: "B", Available: 1, Ready: 1},
				{Kind: minapush.Standing, Template: "S", Available: 1, Ready: 1},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, b.bank.Balance(store.User{Permits: c.permits}, now)); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestBalanceOfAUserWithAPushInHand(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deposit(t, "oalice", b.pay(1, day))
	b.hold(t, "oalice", "p1")
	got := b.bank.Balance(b.user(t, "oalice"), b.clock.now())
	want := []bank.Balance{{Kind: minapush.PrepayID, Available: 2, Held: 1, NextExpiry: b.clock.now().Add(6 * day)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}
