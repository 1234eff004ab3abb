package bank_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/store"
)

// reporters are the openids of the latest reporters as a bank tells them.
func (b *bundle) reporters(t testing.TB, n *bank.Bank) []minapush.OpenID {
	t.Helper()
	list, err := n.Latest(b.ctx, b.app)
	must(t, err)
	var openids []minapush.OpenID
	for _, r := range list {
		openids = append(openids, r.OpenID)
	}
	return openids
}

func wantReporters(t testing.TB, got []minapush.OpenID, want ...minapush.OpenID) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func (b *bundle) reports(t testing.TB, n *bank.Bank, o minapush.OpenID, permits ...minapush.Permit) {
	t.Helper()
	b.clock.add(time.Second)
	_, err := n.Deposit(b.ctx, b.app, o, permits)
	must(t, err)
}

func TestTheLatestReportersAreKnownOnEveryNode(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.node(bank.Config{})
	wantReporters(t, b.reporters(t, other))
	b.reports(t, b.bank, "oalice", b.form(1, 0))
	b.reports(t, other, "obob", b.subscribe(1, "T"))
	b.reports(t, b.bank, "oalice", b.subscribe(2, "U"))
	b.reports(t, b.bank, "oalice", b.subscribe(2, "U")) // again: tells nothing new
	trusted := b.form(2, 0)
	trusted.Evidence = minapush.ByBackend
	b.reports(t, b.bank, "ocarol", trusted) // who may not have opened the mini program for long
	b.reports(t, b.bank, "odave")
	wantReporters(t, b.reporters(t, b.bank), "oalice")
	wantReporters(t, b.reporters(t, other), "obob")
	must(t, b.bank.Flush(b.ctx))
	must(t, other.Flush(b.ctx))
	list, err := b.node(bank.Config{}).Latest(b.ctx, b.app)
	must(t, err)
	at := b.clock.now()
	if diff := cmp.Diff([]bank.Reporter{
		{OpenID: "oalice", At: at.Add(-3 * time.Second), Kind: minapush.Subscription, Template: "U"},
		{OpenID: "obob", At: at.Add(-4 * time.Second), Kind: minapush.Subscription, Template: "T"},
	}, list); diff != "" {
		t.Fatal(diff)
	}
	b.reports(t, other, "obob", b.form(3, 0))
	wantReporters(t, b.reporters(t, other), "obob", "oalice")
}

func TestOnlySoManyReportersAreRemembered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.node(bank.Config{})
	for i := range 3 * bank.MaxLatest {
		n := []*bank.Bank{b.bank, other}[i%2]
		b.reports(t, n, minapush.OpenID(fmt.Sprintf("o%03d", i)), b.form(i, 0))
		if i%7 == 0 {
			must(t, n.Flush(b.ctx))
		}
	}
	must(t, b.bank.Flush(b.ctx))
	must(t, other.Flush(b.ctx))
	got := b.reporters(t, b.bank)
	wantEqual(t, len(got), bank.MaxLatest)
	for i, o := range got {
		wantEqual(t, o, minapush.OpenID(fmt.Sprintf("o%03d", 3*bank.MaxLatest-1-i)))
	}
}

func TestAnErasedPersonIsNoReporterOnAnyNode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ before, between bool }{
		"in memory":                       {},
		"written down":                    {before: true},
		"written down while being erased": {between: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			other, third := b.node(bank.Config{}), b.node(bank.Config{})
			b.reports(t, other, "oalice", b.form(1, 0))
			b.reports(t, b.bank, "obob", b.form(1, 0))
			if c.before {
				must(t, other.Flush(b.ctx))
				b.reports(t, other, "oalice", b.form(2, 0))
			}
			eraser := third
			if c.between { // the erasure's own write is overtaken
				st := &overtaken{Store: b.st, flush: func() { must(t, other.Flush(b.ctx)) }}
				b.st = st
				eraser = b.node(bank.Config{})
			}
			done, err := eraser.Erase(b.ctx, b.app, "oalice")
			must(t, err)
			wantEqual(t, done, true)
			wantReporters(t, b.reporters(t, b.bank), "obob")
			wantReporters(t, b.reporters(t, other))
			for _, n := range []*bank.Bank{other, b.bank, third} {
				must(t, n.Flush(b.ctx))
			}
			for _, n := range []*bank.Bank{other, b.bank, b.node(bank.Config{})} {
				wantReporters(t, b.reporters(t, n), "obob")
			}
			doc, err := b.st.Get(b.ctx, "bank.latest", "1")
			must(t, err)
			if contains(doc.Value, "oalice") {
				t.Fatalf("the document names who was erased: %s", doc.Value)
			}
			_, err = eraser.Erase(b.ctx, b.app, "oalice")
			wantKind(t, err, minapush.NotFound)
			// Who reports again is a new user.
			b.reports(t, other, "oalice", b.form(9, 0))
			must(t, other.Flush(b.ctx))
			wantReporters(t, b.reporters(t, b.bank), "oalice", "obob")
		})
	}
}

// overtaken lets another node write between an erasure's reading of the latest reporters and its own write.
type overtaken struct {
	store.Store
	once  sync.Once
	flush func()
}

func (o *overtaken) Put(ctx context.Context, d store.Document) (uint64, error) {
	if d.Kind == "bank.latest" {
		o.once.Do(o.flush)
	}
	return o.Store.Put(ctx, d)
}

// A node has found the person there when she is erased, and writes only then.
func TestAWriteThatBeganBeforeAnErasureDoesNotUndoIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.reports(t, b.bank, "oalice", b.form(1, 0))
	b.reports(t, b.bank, "obob", b.form(1, 0))
	plain := b.bank
	b.st = &overtaken{Store: b.st, flush: func() {
		_, err := plain.Erase(b.ctx, b.app, "oalice")
		must(t, err)
	}}
	slow := b.node(bank.Config{})
	b.reports(t, slow, "oalice", b.form(2, 0))
	must(t, slow.Flush(b.ctx))
	doc, err := b.st.Get(b.ctx, "bank.latest", "1")
	must(t, err)
	if contains(doc.Value, "oalice") {
		t.Fatalf("the document names who was erased: %s", doc.Value)
	}
	must(t, plain.Flush(b.ctx))
	wantReporters(t, b.reporters(t, slow), "obob")
}

// The process that erased went after the user was gone and before the list was changed.
func TestAnErasureThatWasCutOffIsFinishedByAnotherNode(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.reports(t, b.bank, "oalice", b.form(1, 0))
	b.reports(t, b.bank, "obob", b.form(1, 0))
	must(t, b.bank.Flush(b.ctx))
	_, err := b.st.Erase(b.ctx, b.app.Shard("oalice"), "oalice", b.clock.now())
	must(t, err)
	wantReporters(t, b.reporters(t, b.bank), "obob")
	next := b.node(bank.Config{})
	next.Note(b.app, bank.FigureOutcome, "push.accepted", 1)
	must(t, next.Flush(b.ctx))
	doc, err := b.st.Get(b.ctx, "bank.latest", "1")
	must(t, err)
	if contains(doc.Value, "oalice") {
		t.Fatalf("the document names who was erased: %s", doc.Value)
	}
	// So does the erasure when it is asked for again, and it succeeds although the user is gone.
	_, err = b.st.Erase(b.ctx, b.app.Shard("obob"), "obob", b.clock.now())
	must(t, err)
	done, err := b.bank.Erase(b.ctx, b.app, "obob")
	must(t, err)
	wantEqual(t, done, true)
	wantReporters(t, b.reporters(t, b.bank))
}

func TestWhoIsBeingErasedIsNoReporter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.node(bank.Config{})
	b.reports(t, b.bank, "oalice", b.form(1, time.Hour), b.form(2, time.Hour))
	b.reports(t, other, "oalice", b.form(3, time.Hour))
	b.hold(t, "oalice", "p1")
	done, err := b.bank.Erase(b.ctx, b.app, "oalice")
	must(t, err)
	wantEqual(t, done, false)
	must(t, other.Flush(b.ctx))
	wantReporters(t, b.reporters(t, other))
	doc, err := b.st.Get(b.ctx, "bank.latest", "1")
	must(t, err)
	if contains(doc.Value, "oalice") {
		t.Fatalf("the document names who is being erased: %s", doc.Value)
	}
}

func contains(value []byte, text string) bool { return bytes.Contains(value, []byte(text)) }
