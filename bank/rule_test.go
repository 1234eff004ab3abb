package bank_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/store"
)

// TestEverythingAddsUpWhateverHappens lets users earn, spend, expire and be erased at random, and compares what the bank says with
// a plain count over the users.
func TestEverythingAddsUpWhateverHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := &life{T: t, bundle: newBundle(t.Context()), busy: map[minapush.OpenID]minapush.Delivery{}}
		t.Repeat(map[string]func(*rapid.T){
			"deposit": l.deposits, "push": l.pushes, "settle": l.settles, "erase": l.erases, "wait": l.waits, "": l.check,
		})
	})
}

type life struct {
	*rapid.T
	*bundle
	codes int
	busy  map[minapush.OpenID]minapush.Delivery
}

func (l *life) somebody(t *rapid.T) minapush.OpenID {
	return minapush.OpenID(fmt.Sprintf("ouser%d", rapid.IntRange(0, 6).Draw(t, "user")))
}

func (l *life) deposits(t *rapid.T) {
	var permits []minapush.Permit
	for range rapid.IntRange(0, 4).Draw(t, "permits") {
		n := rapid.IntRange(0, l.codes).Draw(t, "code") // sometimes one that came before
		l.codes = max(l.codes, n+1)
		age := time.Duration(rapid.IntRange(0, 8*24*60).Draw(t, "age")) * time.Minute
		template := rapid.SampledFrom([]string{"A", "B"}).Draw(t, "template")
		var p minapush.Permit
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			p = l.form(n, age)
		case 1:
			p = l.pay(n, age)
		case 2:
			p = l.subscribe(n, template)
		case 3:
			p = l.standing(template)
		}
		p.Source = uint16(rapid.IntRange(0, 2).Draw(t, "source"))
		permits = append(permits, p)
	}
	if _, err := l.bank.Deposit(l.ctx, l.app, l.somebody(t), permits); err != nil {
		t.Fatal(err)
	}
}

func (l *life) pushes(t *rapid.T) {
	o := l.somebody(t)
	l.codes++
	kind := rapid.SampledFrom([]minapush.TemplateKind{"legacy", "one_time", "long_term"}).Draw(t, "template kind")
	p := bank.Push{
		Batch: minapush.PushBatch(l.clock.now()), ID: fmt.Sprintf("p%d", l.codes), OpenID: o, Attempt: 1,
		Need: bank.NeedFor(kind, minapush.Message{Template: "A"}), Deadline: l.clock.now().Add(365 * day),
	}
	a, err := l.bank.ReservePush(l.ctx, l.app, p)
	if err != nil {
		t.Fatal(err)
	}
	if a.Status == bank.PushReserved {
		l.busy[o] = a.Delivery
	}
}

func (l *life) settles(t *rapid.T) {
	o := l.somebody(t)
	d, ok := l.busy[o]
	if !ok {
		t.Skip("nothing in hand")
	}
	delete(l.busy, o)
	x := store.Settlement{Ref: store.RefOf(d), Outcome: minapush.Accepted, Permit: store.Spend, Now: l.clock.now()}
	switch rapid.IntRange(0, 3).Draw(t, "end") {
	case 1:
		x.Outcome, x.Permit = minapush.Failed, store.Release
	case 2:
		x.Outcome, x.Permit = minapush.Failed, store.Burn
	case 3:
		x.Outcome, x.Permit = minapush.RefusedByUser, store.VoidTemplate
	}
	if _, err := l.st.SettlePush(l.ctx, l.app.Shard(o), x); err != nil {
		t.Fatal(err)
	}
}

func (l *life) erases(t *rapid.T) {
	_, err := l.bank.Erase(l.ctx, l.app, l.somebody(t))
	if err != nil && minapush.KindOf(err) != minapush.NotFound {
		t.Fatal(err)
	}
}

func (l *life) waits(t *rapid.T) {
	l.clock.add(time.Duration(rapid.IntRange(1, 3*24*3600).Draw(t, "seconds")) * time.Second)
}

// check holds the bank's sums against a count user by user.
func (l *life) check(t *rapid.T) {
	totals, err := l.bank.Totals(l.ctx, l.app)
	if err != nil {
		t.Fatal(err)
	}
	if !totals.Closes() {
		t.Fatalf("the totals do not close: %+v", totals)
	}
	var states minapush.Counts
	for _, u := range l.everybody(t) {
		if !u.Counts.Closes() {
			t.Fatalf("user %s does not close: %+v", u.OpenID, u.Counts)
		}
		states = states.Add(minapush.Counts{Available: u.Counts.Available, Held: u.Counts.Held, Suspect: u.Counts.Suspect})
		l.checkBalance(t, u)
	}
	if got := (minapush.Counts{Available: totals.Available, Held: totals.Held, Suspect: totals.Suspect}); got != states {
		t.Fatalf("totals have %+v, the users %+v", got, states)
	}
	s, err := l.bank.Survey(l.ctx, l.app)
	if err != nil {
		t.Fatal(err)
	}
	l.checkSurvey(t, s)
}

func (l *life) everybody(t *rapid.T) []store.User {
	var all []store.User
	for n := range uint32(l.app.Shards) {
		users, err := l.st.Walk(l.ctx, minapush.Shard{App: l.app.Number, N: n}, "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, users...)
	}
	return all
}

func (l *life) checkBalance(t *rapid.T, u store.User) {
	now := l.clock.now()
	balances := l.bank.Balance(u, now)
	var got, want int64
	for i, x := range balances {
		if x.Ready > x.Available {
			t.Fatalf("more is ready than available: %+v", x)
		}
		if i > 0 && (balances[i-1].Kind > x.Kind || balances[i-1].Kind == x.Kind && balances[i-1].Template >= x.Template) {
			t.Fatalf("the balance is out of order: %+v", balances)
		}
		if x.Kind != minapush.Standing {
			got += int64(x.Available + x.Held + x.Suspect)
		}
	}
	for _, h := range u.Permits {
		switch {
		case h.Kind == minapush.Standing:
		case h.ExpiresAt.IsZero() || now.Before(h.ExpiresAt):
			want += int64(h.Uses)
		case h.State != minapush.Available:
			want++
		}
	}
	if got != want {
		t.Fatalf("the balance of %s is %d uses, its permits have %d", u.OpenID, got, want)
	}
}

// checkSurvey counts a second time, one question at a time.
func (l *life) checkSurvey(t *rapid.T, s bank.Survey) {
	users, now := l.everybody(t), l.clock.now()
	if s.Users != int64(len(users)) {
		t.Fatalf("the survey saw %d users of %d", s.Users, len(users))
	}
	for _, r := range s.Reach {
		var want bank.Reach
		want.Kind, want.Template = r.Kind, r.Template
		for d := range want.Days {
			for _, u := range users {
				n := usable(u, r, now.Add(time.Duration(d)*day))
				if n > 0 {
					want.Days[d]++
				}
				if d == 0 {
					want.ByRemaining[min(n, 3)]++
				}
			}
		}
		if diff := cmp.Diff(want, r); diff != "" {
			t.Fatalf("reach of %s %q: %s", r.Kind, r.Template, diff)
		}
	}
	for _, x := range s.ByPermit {
		var permits, uses, byAge, bySource int64
		for _, u := range users {
			for _, h := range u.Permits {
				if h.Kind == x.Kind && h.Template == x.Template && !h.Expired(now) {
					permits++
					uses += free(h)
				}
			}
		}
		for _, n := range x.ByAge {
			byAge += n
		}
		for _, n := range x.BySource {
			bySource += n.Uses
		}
		if x.Permits != permits || x.Uses != uses || byAge != uses || bySource != uses {
			t.Fatalf("stock %+v, want %d permits with %d uses", x, permits, uses)
		}
	}
}

// usable counts what a user could be sent at a time.
func usable(u store.User, r bank.Reach, at time.Time) int64 {
	var n int64
	if u.Erasing {
		return 0
	}
	for _, h := range u.Permits {
		if !slices.Contains(r.Kind.PermitKinds(), h.Kind) || h.Template != r.Template || !h.Ready(at) {
			continue
		}
		if n += free(h); h.Kind == minapush.Standing {
			n = 3
		}
	}
	return n
}

func free(h minapush.Holding) int64 {
	switch {
	case h.Kind == minapush.Standing:
		return 1
	case h.State != minapush.Available:
		return int64(h.Uses) - 1
	}
	return int64(h.Uses)
}
