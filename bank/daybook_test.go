package bank_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/storetest"
)

// days reads the daybook of the app as a bank tells it.
func (b *bundle) days(t testing.TB, n *bank.Bank, from time.Time, days int) []bank.Day {
	t.Helper()
	list, err := n.Days(b.ctx, b.app, from, days)
	must(t, err)
	wantEqual(t, len(list), days)
	return list
}

// today is the first day of the daybook as a bank tells it now.
func (b *bundle) today(t testing.TB, n *bank.Bank) bank.Day {
	t.Helper()
	return b.days(t, n, b.clock.now(), 1)[0]
}

func wantFigures(t testing.TB, d bank.Day, want map[string]map[string]int64) {
	t.Helper()
	if diff := cmp.Diff(want, d.Figures); diff != "" {
		t.Fatalf("%s: %s", d.Date.Format("2006-01-02"), diff)
	}
}

func TestTheDaybookHasWhatWasNotedBeforeAndAfterItIsWrittenDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.node(bank.Config{})
	want := map[string]map[string]int64{"refused": {"expired": 3, "bad_nonce": 1}, "outcome": {"push.failed": 2}}
	b.bank.Note(b.app, bank.FigureRefused, "expired", 2)
	b.bank.Note(b.app, bank.FigureRefused, "expired", 1)
	b.bank.Note(b.app, bank.FigureRefused, "bad_nonce", 1)
	b.bank.Note(b.app, bank.FigureOutcome, "push.failed", 2)
	b.bank.Note(b.app, bank.FigureOutcome, "push.accepted", 0)
	b.bank.Note(minapush.App{ID: "wx404"}, bank.FigureOutcome, "push.accepted", 1) // never created
	wantFigures(t, b.today(t, b.bank), want)
	wantFigures(t, b.today(t, other), map[string]map[string]int64{})
	must(t, b.bank.Flush(b.ctx))
	wantFigures(t, b.today(t, b.bank), want)
	wantFigures(t, b.today(t, other), want)
	wantFigures(t, b.today(t, b.node(bank.Config{})), want) // after a restart
	b.bank.Note(b.app, bank.FigureOutcome, "push.failed", -2)
	must(t, b.bank.Flush(b.ctx))
	wantFigures(t, b.today(t, other), map[string]map[string]int64{"refused": want["refused"]})
}

func TestTheDayEndsAtMidnightInBeijing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.clock.add(6*time.Hour - time.Millisecond) // 2026-11-22 15:59:59.999 UTC
	first := b.clock.now()
	b.bank.Note(b.app, bank.FigureOutcome, "push.accepted", 1)
	b.deposit(t, "oalice", b.form(1, 0), b.form(2, 0))
	must(t, b.bank.Flush(b.ctx))
	b.bank.Note(b.app, bank.FigureOutcome, "push.accepted", 2) // written down on the next day
	b.clock.add(time.Millisecond)
	b.bank.Note(b.app, bank.FigureOutcome, "push.accepted", 4)
	b.deposit(t, "oalice", b.form(3, 0))
	must(t, b.bank.Flush(b.ctx))
	b.clock.add(2 * day)
	b.deposit(t, "oalice", b.form(4, 0), b.form(5, 0), b.form(6, 0))
	must(t, b.bank.Flush(b.ctx))

	list := b.days(t, b.bank, first, 5)
	for i, want := range []string{"2026-11-22", "2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26"} {
		wantEqual(t, list[i].Date.Format("2006-01-02 15:04:05 -0700"), want+" 00:00:00 +0800")
	}
	form := func(n int64) map[string]int64 { return map[string]int64{"form": n} }
	income := func(n int64) map[string]int64 { return map[string]int64{"form/0": n} }
	wantFigures(t, list[0], map[string]map[string]int64{"outcome": {"push.accepted": 3}, "deposited": form(2), "income": income(2)})
	wantFigures(t, list[1], map[string]map[string]int64{"outcome": {"push.accepted": 4}, "deposited": form(1), "income": income(1)})
	wantFigures(t, list[2], map[string]map[string]int64{})
	wantFigures(t, list[3], map[string]map[string]int64{"deposited": form(3), "income": income(3)})
	wantFigures(t, list[4], map[string]map[string]int64{})
	wantEqual(t, list[0].Sum("deposited")+list[1].Sum("deposited")+list[3].Count("deposited", "form"), 6)
	wantEqual(t, list[2].At.IsZero() && list[3].At.Equal(b.clock.now()), true)
	// A day is asked for by any of its moments.
	wantEqual(t, b.days(t, b.bank, first.Add(time.Millisecond).Add(day-time.Millisecond), 1)[0].Sum("outcome"), 4)
}

func TestAnAppThatIsOlderThanItsDaybookBeginsWithNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deposit(t, "oalice", b.form(1, 0))
	fresh := b.node(bank.Config{}) // which has not noted that
	b.clock.add(day)
	b.app.CreatedAt = b.clock.now().Add(-2 * day)
	fresh.Note(b.app, bank.FigureOutcome, "push.accepted", 1)
	must(t, fresh.Flush(b.ctx))
	wantFigures(t, b.today(t, fresh), map[string]map[string]int64{"outcome": {"push.accepted": 1}})
	_, err := fresh.Deposit(b.ctx, b.app, "obob", []minapush.Permit{b.form(2, 0)})
	must(t, err)
	must(t, fresh.Flush(b.ctx))
	wantEqual(t, b.today(t, fresh).Count("deposited", "form"), 1)
}

func TestADaybookHasOnlySoManyKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nodes := []*bank.Bank{b.bank, b.node(bank.Config{})}
	for i, n := range nodes { // each has room for its own, both together have not
		for k := range bank.MaxFigureKeys * 3 / 4 {
			n.Note(b.app, bank.FigureIncome, fmt.Sprintf("form/%d-%d", i, k), 1)
			n.Note(b.app, bank.FigureVoid, fmt.Sprintf("T%d-%d", i, k), 1)
		}
		n.Note(b.app, bank.FigureRefused, strings.Repeat("x", bank.MaxDayKey+1), 1)
		must(t, n.Flush(b.ctx))
	}
	d := b.today(t, b.bank)
	all := 0
	for what, want := range map[string]int64{bank.FigureIncome: 1500, bank.FigureVoid: 1500, bank.FigureRefused: 2} {
		wantEqual(t, d.Sum(what), want)
		all += len(d.Figures[what])
		if len(d.Figures[what]) > bank.MaxFigureKeys+1 || d.Count(what, bank.OtherKey) == 0 {
			t.Errorf("%s has %d keys, and %d under other", what, len(d.Figures[what]), d.Count(what, bank.OtherKey))
		}
	}
	if all > bank.MaxDayKeys+3 {
		t.Errorf("%d keys in a day", all)
	}
	for k := range 3 * bank.MaxDayKeys { // in memory as well
		b.bank.Note(b.app, fmt.Sprintf("f%d", k%3), fmt.Sprint(k), 1)
	}
	d = b.today(t, b.bank)
	wantEqual(t, d.Sum("f0")+d.Sum("f1")+d.Sum("f2"), 3*bank.MaxDayKeys)
	must(t, b.bank.Flush(b.ctx))
	d = b.today(t, b.bank)
	wantEqual(t, d.Sum("f0")+d.Sum("f1")+d.Sum("f2"), 3*bank.MaxDayKeys)
	doc, err := b.st.Get(b.ctx, "bank.day", "1/20261122")
	must(t, err)
	if len(doc.Value) > 1<<19 {
		t.Errorf("a full day has %d bytes", len(doc.Value))
	}
}

func TestOldDaysAreRemoved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.clock.now()
	neighbour := b.app
	neighbour.Number = 11 // whose documents come right after those of app 1
	b.bank.Note(b.app, bank.FigureOutcome, "push.accepted", 1)
	must(t, b.bank.Flush(b.ctx))
	for i := range 3 {
		b.clock.add(200 * day)
		if i == 1 {
			b.bank.Note(neighbour, bank.FigureOutcome, "push.accepted", 1)
		}
		b.bank.Note(b.app, bank.FigureOutcome, "push.accepted", 1)
		must(t, b.bank.Flush(b.ctx))
	}
	docs, err := b.st.ListDocuments(b.ctx, "bank.day", "", 100)
	must(t, err)
	var got []string
	for _, d := range docs {
		if strings.HasPrefix(d.ID, "1/") {
			got = append(got, d.ID)
		}
	}
	if diff := cmp.Diff([]string{"1/20271227", "1/20280714"}, got); diff != "" {
		t.Fatal(diff)
	}
	wantEqual(t, b.today(t, b.bank).Sum(bank.FigureOutcome), 1)
	list, err := b.bank.Days(b.ctx, neighbour, first.Add(400*day), 2)
	must(t, err)
	wantEqual(t, list[0].Sum(bank.FigureOutcome), 1)
	for _, days := range []int{0, -1, bank.KeepDays + 1} {
		_, err := b.bank.Days(b.ctx, b.app, first, days)
		wantField(t, err, "days")
	}
	_, err = b.bank.Days(b.ctx, minapush.App{}, first, 1)
	wantField(t, err, "app")
}

// lossy loses answers of writes, half of them after they took effect.
type lossy struct {
	store.Store
	n    atomic.Int64
	lost atomic.Int64
}

func (l *lossy) Put(ctx context.Context, d store.Document) (uint64, error) {
	n := l.n.Add(1)
	if n%3 == 0 {
		l.lost.Add(1)
		return 0, minapush.Unavailable
	}
	v, err := l.Store.Put(ctx, d)
	if n%3 == 1 && err == nil {
		l.lost.Add(1)
		return 0, minapush.Unavailable
	}
	return v, err
}

func TestAWriteWhoseAnswerIsLostCountsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := &lossy{Store: b.st}
	b.st = l
	nodes := []*bank.Bank{b.node(bank.Config{}), b.node(bank.Config{})}
	for i := range 50 {
		n := nodes[i%2]
		n.Note(b.app, bank.FigureOutcome, "push.accepted", 1)
		_ = n.Flush(b.ctx) // whatever becomes of it
		d, err := n.Days(b.ctx, b.app, b.clock.now(), 1)
		must(t, err)
		if got := d[0].Sum(bank.FigureOutcome); got > int64(i+1) || got <= int64(i)/2 {
			t.Fatalf("after %d notes a node tells %d", i+1, got)
		}
	}
	for _, n := range nodes {
		for n.Flush(b.ctx) != nil {
			continue // one in three works
		}
	}
	wantEqual(t, b.today(t, nodes[0]).Sum(bank.FigureOutcome), 50)
	wantEqual(t, b.today(t, b.node(bank.Config{})).Sum(bank.FigureOutcome), 50)
	if l.lost.Load() < 10 {
		t.Fatalf("only %d answers were lost", l.lost.Load())
	}
}

// hooked does something once before a list of documents is read.
type hooked struct {
	store.Store
	done atomic.Bool
	hook func()
}

func (h *hooked) ListDocuments(ctx context.Context, kind, after string, limit int) ([]store.Document, error) {
	if !h.done.Swap(true) {
		h.hook()
	}
	return h.Store.ListDocuments(ctx, kind, after, limit)
}

func TestWhatIsWrittenDownWhileItIsReadCountsOnce(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]int64{"all of it": 0, "and more is noted": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			h := &hooked{Store: b.st}
			b.st = h
			n := b.node(bank.Config{})
			n.Note(b.app, bank.FigureVoid, "T", 5)
			h.hook = func() {
				n.Note(b.app, bank.FigureVoid, "T", late)
				must(t, n.Flush(b.ctx))
			}
			wantEqual(t, b.today(t, n).Sum(bank.FigureVoid), 5+late)
		})
	}
}

func TestManyNoteReadAndWriteDownAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nodes := []*bank.Bank{b.bank, b.node(bank.Config{}), b.node(bank.Config{})}
	var noting, others sync.WaitGroup
	over := make(chan struct{})
	for i, n := range nodes {
		for range 2 {
			noting.Go(func() {
				for k := range 500 {
					n.Note(b.app, bank.FigureErrcode, fmt.Sprintf("push.%d", k%7), 1)
				}
			})
		}
		others.Go(func() {
			for last := int64(0); ; {
				select {
				case <-over:
					return
				default:
				}
				must(t, n.Flush(b.ctx))
				d, err := n.Days(b.ctx, b.app, b.clock.now(), 1)
				must(t, err)
				sum := d[0].Sum(bank.FigureErrcode)
				if sum < last || sum > 3000 {
					t.Errorf("node %d tells %d after %d", i, sum, last)
				}
				last = sum
			}
		})
	}
	noting.Wait()
	close(over)
	others.Wait()
	for _, n := range nodes {
		must(t, n.Flush(b.ctx))
	}
	for _, n := range nodes {
		wantEqual(t, b.today(t, n).Sum(bank.FigureErrcode), 3000)
	}
}

func TestRunWritesTheDaybookDownAndOnceMoreAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := storetest.NewModel(time.Now)
		n, err := bank.New(model, bank.Config{})
		must(t, err)
		reader, err := bank.New(model, bank.Config{})
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- n.Run(ctx, always) }()
		want := func(outcomes, deposited int64) {
			t.Helper()
			list, err := reader.Days(t.Context(), theApp(), time.Now(), 1)
			must(t, err)
			wantEqual(t, list[0].Sum(bank.FigureOutcome), outcomes)
			wantEqual(t, list[0].Sum(bank.FigureDeposited), deposited)
		}
		synctest.Wait()
		n.Note(theApp(), bank.FigureOutcome, "push.accepted", 1)
		_, err = n.Deposit(t.Context(), theApp(), "oalice", []minapush.Permit{{
			Kind: minapush.Subscription, Template: "T", Identity: "n", Uses: 1, TakenAt: time.Now(),
		}})
		must(t, err)
		want(0, 0)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		want(1, 1)
		n.Note(theApp(), bank.FigureOutcome, "push.accepted", 1)
		cancel()
		<-done
		want(2, 1)
		_ = model.Close()
	})
}

func TestTheDaybookWaitsForAStoreThatIsAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	away := &absent{Store: b.st}
	b.st = away
	n := b.node(bank.Config{})
	away.gone.Store(true)
	n.Note(b.app, bank.FigureOutcome, "push.accepted", 1)
	wantKind(t, n.Flush(b.ctx), minapush.Unavailable)
	n.Note(b.app, bank.FigureOutcome, "push.accepted", 2)
	_, err := n.Days(b.ctx, b.app, b.clock.now(), 1)
	wantKind(t, err, minapush.Unavailable)
	away.gone.Store(false)
	wantEqual(t, b.today(t, n).Sum(bank.FigureOutcome), 3)
	must(t, n.Flush(b.ctx))
	must(t, n.Flush(b.ctx))
	wantEqual(t, b.today(t, b.node(bank.Config{})).Sum(bank.FigureOutcome), 3)
}

// absent answers Unavailable while it is gone.
type absent struct {
	store.Store
	gone atomic.Bool
}

func (a *absent) ListDocuments(ctx context.Context, kind, after string, limit int) ([]store.Document, error) {
	if a.gone.Load() {
		return nil, minapush.Unavailable
	}
	return a.Store.ListDocuments(ctx, kind, after, limit)
}

func (a *absent) Get(ctx context.Context, kind, id string) (store.Document, error) {
	if a.gone.Load() {
		return store.Document{}, minapush.Unavailable
	}
	return a.Store.Get(ctx, kind, id)
}

func TestADamagedDayIsToldAndLeftAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, bad := range []string{"{", `{"v":99}`, `{"v":1,"sums":[]}`} {
		d, _ := b.st.Get(b.ctx, "bank.day", "1/20261122")
		_, err := b.st.Put(b.ctx, store.Document{Kind: "bank.day", ID: "1/20261122", Version: d.Version, Value: []byte(bad)})
		must(t, err)
		b.bank.Note(b.app, bank.FigureOutcome, "push.accepted", 1)
		wantKind(t, b.bank.Flush(b.ctx), minapush.Internal)
		_, err = b.bank.Days(b.ctx, b.app, b.clock.now(), 1)
		wantKind(t, err, minapush.Internal)
		d, err = b.st.Get(b.ctx, "bank.day", "1/20261122")
		must(t, err)
		wantEqual(t, string(d.Value), bad)
	}
}

func BenchmarkNote(b *testing.B) {
	x := setup(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			x.bank.Note(x.app, bank.FigureOutcome, "campaign.accepted", 1)
		}
	})
}
