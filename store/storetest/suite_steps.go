package storetest

import (
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// suiteCode is a form ID as WeChat issues them.
func suiteCode(n int) string { return fmt.Sprintf("%032x", n) }

func suiteForm(code string, life time.Duration) minapush.Permit {
	return minapush.Permit{Kind: minapush.FormID, Identity: code, Uses: 1, TakenAt: suiteAt(0), ExpiresAt: suiteAt(life)}
}

func suitePay(code string, life time.Duration) minapush.Permit {
	return minapush.Permit{
		Kind: minapush.PrepayID, Identity: code, Uses: minapush.PayUses, TakenAt: suiteAt(0), ExpiresAt: suiteAt(life),
		Evidence: minapush.ByBackend,
	}
}

func suiteSub(template, id string) minapush.Permit {
	return minapush.Permit{Kind: minapush.Subscription, Template: template, Identity: id, Uses: 1, TakenAt: suiteAt(0)}
}

func suiteStanding(template, id string) minapush.Permit {
	return minapush.Permit{Kind: minapush.Standing, Template: template, Identity: id, TakenAt: suiteAt(0)}
}

func suiteLegacy() store.Need {
	return store.Need{Kind: minapush.LegacyTemplate, Template: "legacy", Content: 7}
}

func suiteOneTime(template string) store.Need {
	return store.Need{Kind: minapush.OneTimeTemplate, Template: template, Content: 8}
}

func suiteLongTerm(template string) store.Need {
	return store.Need{Kind: minapush.LongTermTemplate, Template: template, Content: 9}
}

func (k *suiteKit) deposit(o minapush.OpenID, d store.Deposit) store.Deposited {
	k.t.Helper()
	if d.Now.IsZero() {
		d.Now = suiteAt(0)
	}
	got, err := k.st.Deposit(k.ctx(), k.shard, o, d)
	k.must(err, "deposit")
	if len(got.Items) != len(d.Permits) {
		k.t.Fatalf("deposit of %d permits was answered with %d", len(d.Permits), len(got.Items))
	}
	return got
}

// give deposits permits that are new to the user.
func (k *suiteKit) give(o minapush.OpenID, permits ...minapush.Permit) {
	k.t.Helper()
	for i, a := range k.deposit(o, store.Deposit{Permits: permits}).Items {
		if a != store.Added {
			k.t.Fatalf("permit %d of %s: got %d, want Added", i, o, a)
		}
	}
}

// giveForms gives each user one form permit.
func (k *suiteKit) giveForms(users ...minapush.OpenID) {
	k.t.Helper()
	for i, o := range users {
		k.give(o, suiteForm(suiteCode(i+1), 6*suiteDay))
	}
}

func (k *suiteKit) user(o minapush.OpenID) store.User {
	k.t.Helper()
	u, err := k.st.User(k.ctx(), k.shard, o)
	k.must(err, "user "+string(o))
	return u
}

// counts of a user, in short.
func (k *suiteKit) wantCounts(o minapush.OpenID, want minapush.Counts) {
	k.t.Helper()
	suiteEqual(k, "counts of "+string(o), k.user(o).Counts, want)
}

func (k *suiteKit) walk(limit int) []store.User {
	k.t.Helper()
	var all []store.User
	var after minapush.OpenID
	for {
		page, err := k.st.Walk(k.ctx(), k.shard, after, limit)
		k.must(err, "walk")
		if len(page) > limit {
			k.t.Fatalf("walk gave %d users, asked for %d", len(page), limit)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		after = page[len(page)-1].OpenID
	}
}

// sweep sweeps the whole shard and returns the users and how many permits went.
func (k *suiteKit) sweep(limit int, now time.Time) ([]store.User, int) {
	k.t.Helper()
	var all []store.User
	n := 0
	var after minapush.OpenID
	for range 10_000 {
		page, err := k.st.Sweep(k.ctx(), k.shard, after, limit, now)
		k.must(err, "sweep")
		if len(page.Users) > limit {
			k.t.Fatalf("sweep gave %d users, asked for %d", len(page.Users), limit)
		}
		all = append(all, page.Users...)
		n += page.Expired
		if page.Next == "" {
			return all, n
		}
		if page.Next <= after {
			k.t.Fatalf("sweep after %q stopped at %q", after, page.Next)
		}
		after = page.Next
	}
	k.t.Fatal("sweep does not end")
	return nil, 0
}

func (k *suiteKit) flow() map[minapush.PermitKind]minapush.Counts {
	k.t.Helper()
	flow, err := k.st.Flow(k.ctx(), k.shard)
	k.must(err, "flow")
	for kind, c := range flow {
		if c == (minapush.Counts{}) {
			delete(flow, kind) // a kind that was never counted may be there or not
		}
	}
	return flow
}

// list returns all rows of a batch in the shard that match, read scan rows at a time.
func (k *suiteKit) list(batch string, scan int, match *minapush.Outcome) []minapush.Delivery {
	k.t.Helper()
	var all []minapush.Delivery
	var after store.Ref
	for range 10_000 {
		rows, next, more, err := k.st.List(k.ctx(), k.shard, batch, after, scan, match)
		k.must(err, "list")
		if len(rows) > scan {
			k.t.Fatalf("list gave %d rows of %d examined", len(rows), scan)
		}
		all = append(all, rows...)
		if !more {
			return all
		}
		after = next
	}
	k.t.Fatal("list does not end")
	return nil
}

func (k *suiteKit) row(batch string, o minapush.OpenID, push string) minapush.Delivery {
	k.t.Helper()
	d, err := k.st.Delivery(k.ctx(), k.shard, batch, o, push)
	k.must(err, fmt.Sprintf("row of %s in %s", o, batch))
	return d
}

func (k *suiteKit) wantNoRow(batch string, o minapush.OpenID, push string) {
	k.t.Helper()
	_, err := k.st.Delivery(k.ctx(), k.shard, batch, o, push)
	k.wantKind(err, minapush.NotFound, fmt.Sprintf("row of %s in %s", o, batch))
}

func (k *suiteKit) progress(batch string) store.Progress {
	k.t.Helper()
	p, err := k.st.Progress(k.ctx(), k.app.Number, k.app.Shards, batch)
	k.must(err, "progress")
	for o, reasons := range p.Tally.By {
		if len(reasons) == 0 {
			delete(p.Tally.By, o)
		}
	}
	return p
}

// suiteSum is a tally in short: outcomes as "accepted", "skipped no_permit", and pending states by name.
type suiteSum map[string]int64

func (k *suiteKit) wantTally(batch string, want suiteSum) {
	k.t.Helper()
	t := k.progress(batch).Tally
	got := suiteSum{}
	for o, reasons := range t.By {
		for reason, n := range reasons {
			name := o.String()
			if reason != "" {
				name += " " + reason
			}
			got[name] = n
		}
	}
	for name, n := range map[string]int64{"waiting": t.Waiting, "held": t.Held, "sending": t.Sending, "suspected": t.Suspected} {
		if n != 0 {
			got[name] = n
		}
	}
	suiteEqual(k, "tally of "+batch, got, want)
	var sum int64
	for _, n := range want {
		sum += n
	}
	if t.Examined != sum {
		k.t.Errorf("tally of %s: examined %d, want %d", batch, t.Examined, sum)
	}
}
