package main

import (
	"syscall"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/sandbox"
	"github.com/minapush/minapush/store/pebblestore"
	"github.com/minapush/minapush/store/storetest"
)

// broadcasting starts a real process in the middle of a broadcast to n users whose answers take a while.
func broadcasting(t *testing.T, n int) (w *killWorld, id string) {
	t.Helper()
	sb, err := sandbox.New(sandbox.Config{Latency: sandbox.Latency{Median: 100 * time.Millisecond, P99: 300 * time.Millisecond}})
	must(t, err)
	_, err = sb.AddApp(sandbox.App{AppID: testApp, Secret: testSecret})
	must(t, err)
	_, err = sb.AddTemplate(testApp, sandbox.Template{ID: oneTimeT, Type: sandbox.OneTime, Keys: []string{"thing1"}})
	must(t, err)
	w = newKillWorld(t, sb, n, 1)
	w.pace(t, 100) // so that even a starved machine is met half-way
	c, err := w.process.client.CreateCampaign(t.Context(), testApp, api.NewCampaign{
		Message: api.Message{Template: oneTimeT, Values: map[string]string{"thing1": "签到提醒"}}, Start: true,
	}, "")
	must(t, err)
	for {
		got, err := w.process.client.Campaign(t.Context(), testApp, c.ID)
		must(t, err)
		if got.Progress.Outcomes["accepted"] > 5 {
			return w, c.ID
		}
	}
}

// pace sets how many messages a second are sent.
func (w *killWorld) pace(t *testing.T, rate int) {
	t.Helper()
	_, err := w.process.client.UpdateApp(t.Context(), testApp, api.AppChange{Rate: &rate})
	must(t, err)
}

func TestSIGTERMSettlesWhatIsInFlightAndExitsWithZero(t *testing.T) {
	t.Parallel()
	w, id := broadcasting(t, 3000)
	must(t, w.process.cmd.Process.Signal(syscall.SIGTERM))
	if err := w.process.cmd.Wait(); err != nil {
		t.Fatalf("exit: %v", err)
	}
	st, err := pebblestore.Open(w.dir+"/db", pebblestore.Config{})
	must(t, err)
	app := minapush.App{Number: 1, Shards: minapush.DefaultShards}
	storetest.MustCheck(t, st, storetest.Scope{Apps: []minapush.App{app}, Batches: map[uint32][]string{1: {id}}})
	p, err := st.Progress(t.Context(), app.Number, app.Shards, id)
	must(t, err)
	must(t, st.Close())
	if p.Tally.Held+p.Tally.Sending+p.Tally.Count(minapush.Unknown) != 0 || p.Tally.Count(minapush.Accepted) == 3000 {
		t.Errorf("left behind: %+v", p.Tally)
	}
	w.process = startProcess(t, w.dir)
	w.pace(t, minapush.Unlimited)
	for {
		got, err := w.process.client.Campaign(t.Context(), testApp, id)
		must(t, err)
		if got.State == "finished" {
			if got.Progress.Outcomes["accepted"] != 3000 {
				t.Errorf("after the restart: %+v", got.Progress)
			}
			return
		}
	}
}

func TestASecondSignalEndsAtOnceAndLosesNothing(t *testing.T) {
	t.Parallel()
	w, id := broadcasting(t, 3000)
	// An answer that never comes keeps the soft stop waiting.
	_, err := w.sandbox.Script(sandbox.Fault{Path: sandbox.PathSend, Count: 5, Action: sandbox.ActHang})
	must(t, err)
	for w.sandbox.Faults()[0].Fired < 5 {
		if t.Context().Err() != nil {
			return
		}
	}
	must(t, w.process.cmd.Process.Signal(syscall.SIGTERM))
	exited := make(chan error, 1)
	go func() { exited <- w.process.cmd.Wait() }()
	for waiting := true; waiting; {
		// Repeated until the first one has been taken and the next has its default effect.
		_ = w.process.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
			waiting = false
		case <-time.After(50 * time.Millisecond):
		}
	}
	w.process = startProcess(t, w.dir)
	w.pace(t, minapush.Unlimited)
	w.ids = []string{id}
	for {
		got, err := w.process.client.Campaign(t.Context(), testApp, id)
		must(t, err)
		if got.State != "finished" {
			continue
		}
		if n := got.Progress.Outcomes["unknown"]; !adds(got.Progress) || n > minapush.DefaultInFlight || n < 5 {
			t.Errorf("progress %+v", got.Progress)
		}
		break
	}
	w.checkStore(t)
}
