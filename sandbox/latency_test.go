package sandbox_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minapush/minapush/sandbox"
)

func TestLatencyIsLogNormalAroundItsMedian(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sandbox.Config{Now: time.Now})
		must(t, w.sb.SetLatency(sandbox.Latency{Median: 100 * time.Millisecond}))
		w.subscribe(5000)
		var took []time.Duration
		for range 5000 {
			if w.sb.Offset() == 0 && len(took)%1000 == 0 {
				w.token = w.stable(true) // 5000 sends take longer than a token lives
			}
			start := time.Now()
			w.send()
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		if median := took[2500]; median < 90*time.Millisecond || median > 110*time.Millisecond {
			t.Errorf("median %s", median)
		}
		if p99 := took[4950]; p99 < 800*time.Millisecond || p99 > 1250*time.Millisecond {
			t.Errorf("p99 %s", p99)
		}
	})
}

func TestASecondSendToTheSameUserIsRefusedWhileOneIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sandbox.Config{})
		w.subscribe(10)
		other, err := w.sb.AddUser(w.app.AppID, "")
		must(t, err)
		must(t, w.sb.Subscribe(w.app.AppID, other, w.tmpl, 1))
		must(t, w.sb.SetLatency(sandbox.Latency{Median: time.Second, P99: time.Second}))
		var group sync.WaitGroup
		codes := make([]int, 4)
		for i, fields := range [][]any{nil, nil, {"touser", other}, {"data", nil}} {
			group.Go(func() { codes[i] = w.send(fields...).Errcode })
			synctest.Wait()
		}
		u, err := w.sb.User(w.app.AppID, w.openid)
		if err != nil || !u.InFlight {
			t.Errorf("user %+v, %v", u, err)
		}
		group.Wait()
		if want := []int{0, 43108, 0, 47003}; !slices.Equal(codes, want) {
			t.Errorf("answers %v, want %v", codes, want)
		}
		w.wantCode(w.send(), 0)
		if st := w.stats(); st.Concurrent != 1 || st.MaxInFlight != 4 || st.InFlight != 0 || w.permits() != 8 {
			t.Errorf("stats %+v, %d permits", st, w.permits())
		}
	})
}

func TestACallerThatGivesUpDoesNotUndoTheMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sandbox.Config{})
		w.subscribe(2)
		w.script(sandbox.Fault{Path: sandbox.PathSend, Count: 1, Delay: time.Minute})
		start := time.Now()
		_, wrote, err := w.trySend(w.sb, "http://sandbox", 10*time.Second)
		if !errors.Is(err, context.DeadlineExceeded) || !wrote || time.Since(start) != 10*time.Second {
			t.Errorf("error %v after %s, written: %t", err, time.Since(start), wrote)
		}
		w.wantAfterFault(1)
	})
}

func TestADelayedAnswerIsAsUsual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sandbox.Config{})
		w.subscribe(1)
		w.script(sandbox.Fault{Path: sandbox.PathSend, Delay: 3 * time.Second})
		start := time.Now()
		w.wantCode(w.send(), 0)
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestLatencyMustMakeSense(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	for _, l := range []sandbox.Latency{{Median: -1}, {P99: 1}, {Median: 2, P99: 1}} {
		wantField(t, w.sb.SetLatency(l), "latency")
	}
	wantField(t, w.sb.Advance(-1), "advance")
}
