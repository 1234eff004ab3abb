package collect_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/collect"
)

// notes is a ledger that answers for each message as it is told, and remembers the times.
type notes struct {
	answers map[string]error
	at      map[string]time.Time
}

func (n *notes) Opened(_ context.Context, _ minapush.App, _ minapush.OpenID, id string, at time.Time) (bool, error) {
	if err := n.answers[id]; err != nil {
		return false, err
	}
	_, again := n.at[id]
	if !again {
		n.at[id] = at
	}
	return !again, nil
}

func noting(t *testing.T, answers map[string]error) (*bundle, *notes) {
	t.Helper()
	b, n := setup(t), &notes{answers: answers, at: map[string]time.Time{}}
	var err error
	b.collect, err = collect.New(b.bank, n, collect.Config{Now: b.clock.now, MaxOpens: 10})
	must(t, err)
	return b, n
}

func (b *bundle) opened(t *testing.T, opens ...collect.Opened) collect.OpenAnswer {
	t.Helper()
	a, err := b.collect.Report(b.ctx, b.app, someone, collect.Report{Opens: opens})
	must(t, err)
	return a.Opens
}

func TestOpensAreCountedOnceAndWhatIsWrongIsIgnoredAlone(t *testing.T) {
	t.Parallel()
	b, n := noting(t, map[string]error{
		"unknown": minapush.Errorf(minapush.NotFound, "x"), "failed": minapush.Errorf(minapush.Conflict, "x"), "junk": minapush.FieldError("message", "x"),
	})
	week := minapush.MaxReportAge.Milliseconds()
	got := b.opened(t,
		collect.Opened{Message: "a", AgeMS: 1500, Nonce: "n"}, collect.Opened{Message: "a"}, collect.Opened{Message: "b", AgeMS: week},
		collect.Opened{Message: "unknown"}, collect.Opened{Message: "failed"}, collect.Opened{Message: "junk"},
		collect.Opened{Message: "c", AgeMS: week + 1}, collect.Opened{Message: "c", AgeMS: -1}, collect.Opened{Message: "c", Nonce: "a b"},
	)
	if diff := cmp.Diff(collect.OpenAnswer{Accepted: 2, Duplicate: 1, Ignored: 6}, got); diff != "" {
		t.Error(diff)
	}
	now := b.clock.now()
	want := map[string]time.Time{"a": now.Add(-1500 * time.Millisecond), "b": now.Add(-minapush.MaxReportAge)}
	if diff := cmp.Diff(want, n.at); diff != "" {
		t.Error(diff)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(b.collect.Metrics()...)
	families, err := registry.Gather()
	must(t, err)
	counts := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "minapush_collect_opens_total" {
				counts[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	wantCounts := map[string]float64{"accepted": 2, "duplicate": 1, "unknown": 1, "not_sent": 1, "bad_id": 1, "bad_age": 2, "bad_nonce": 1}
	if diff := cmp.Diff(wantCounts, counts); diff != "" {
		t.Error(diff)
	}
}

func TestAnOpenMovesLastSeen(t *testing.T) {
	t.Parallel()
	b, _ := noting(t, nil)
	b.report(t)
	b.clock.add(time.Hour)
	b.opened(t, collect.Opened{Message: "a"})
	u, err := b.bank.User(b.ctx, b.app, someone)
	must(t, err)
	if !u.LastSeen.Equal(b.clock.now()) {
		t.Errorf("seen at %v", u.LastSeen)
	}
}

func TestTooManyOpensAreRefusedByNameAndChangeNothing(t *testing.T) {
	t.Parallel()
	b, n := noting(t, nil)
	_, err := b.collect.Report(b.ctx, b.app, someone, collect.Report{Items: []collect.Item{form(1)}, Opens: make([]collect.Opened, 11)})
	var e *minapush.Error
	if !errors.As(err, &e) || e.Kind != minapush.Invalid || e.Field != "opens" {
		t.Errorf("got %v", err)
	}
	if _, err := b.bank.User(b.ctx, b.app, someone); !errors.Is(err, minapush.NotFound) || len(n.at) > 0 {
		t.Errorf("something was kept: %v, %v", err, n.at)
	}
}

func TestAStoreThatIsAwayIsToldAndTheReportMayBeRepeated(t *testing.T) {
	t.Parallel()
	away := map[string]error{"b": minapush.Errorf(minapush.Unavailable, "away")}
	b, _ := noting(t, away)
	r := collect.Report{Items: []collect.Item{form(1)}, Opens: []collect.Opened{{Message: "a"}, {Message: "b"}}}
	if _, err := b.collect.Report(b.ctx, b.app, someone, r); !errors.Is(err, minapush.Unavailable) {
		t.Fatalf("got %v", err)
	}
	delete(away, "b")
	a, err := b.collect.Report(b.ctx, b.app, someone, r)
	must(t, err)
	if a.Duplicate != 1 || a.Opens != (collect.OpenAnswer{Accepted: 1, Duplicate: 1}) {
		t.Errorf("got %+v", a)
	}
}
