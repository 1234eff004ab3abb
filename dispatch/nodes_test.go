package dispatch_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/bank"
	"github.com/minapush/minapush/campaign"
	"github.com/minapush/minapush/delivery"
	"github.com/minapush/minapush/dispatch"
	"github.com/minapush/minapush/store"
)

// machine is one of several nodes on the store of a world. Its process can be stopped, as SIGSTOP does: whatever it asks of the store
// ends only when it goes on.
type machine struct {
	*campaign.Campaigns
	dispatcher *dispatch.Dispatcher
	w          *world
	end        func() // as SIGTERM does

	mu      sync.Mutex // guards all below
	on      chan struct{}
	sent    []time.Time
	marking func() // called once, when a wave is marked and before the node knows
}

// machine starts another node.
func (w *world) machine(tune func(*dispatch.Config)) *machine {
	w.t.Helper()
	m := &machine{w: w, on: make(chan struct{})}
	close(m.on)
	st := stoppable{w.model, m}
	b, err := bank.New(st, bank.Config{})
	must(w.t, err)
	l := delivery.New(st)
	m.Campaigns, err = campaign.New(st, l, w.profiles, campaign.Config{NewID: w.newID, Changed: func(minapush.AppID) { m.dispatcher.Kick() }})
	must(w.t, err)
	cfg := dispatch.Config{NewID: w.newID, Owner: w.newID(), BatchLimit: 50}
	if tune != nil {
		tune(&cfg)
	}
	m.dispatcher, err = dispatch.New(b, l, m.Campaigns, w, m, cfg)
	must(w.t, err)
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		must(w.t, m.dispatcher.Run(ctx, context.WithoutCancel(ctx)))
	}()
	m.end = func() { m.cont(); cancel(); <-ended }
	w.t.Cleanup(m.end)
	return m
}

// stop stops the process until cont.
func (m *machine) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.on = make(chan struct{})
}

func (m *machine) cont() {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.on:
	default:
		close(m.on)
	}
}

func (m *machine) wait() {
	m.mu.Lock()
	on := m.on
	m.mu.Unlock()
	<-on
}

// Send notes the message and answers as the world does.
func (m *machine) Send(ctx context.Context, out minapush.Outgoing) (minapush.Receipt, error) {
	m.mu.Lock()
	m.sent = append(m.sent, time.Now())
	m.mu.Unlock()
	return m.w.Send(ctx, out)
}

// count tells how many messages the node sent after a time.
func (m *machine) count(after time.Time) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, at := range m.sent {
		if at.After(after) {
			n++
		}
	}
	return n
}

// stoppable is the store as a process sees it that can be stopped.
type stoppable struct {
	store.Store
	m *machine
}

func (s stoppable) Acquire(ctx context.Context, sh minapush.Shard, owner string, ttl time.Duration) (store.Lease, error) {
	s.m.wait()
	defer s.m.wait()
	return s.Store.Acquire(ctx, sh, owner, ttl)
}

func (s stoppable) Renew(ctx context.Context, l store.Lease, ttl time.Duration) error {
	s.m.wait()
	return s.Store.Renew(ctx, l, ttl)
}

func (s stoppable) ReserveBatch(ctx context.Context, l store.Lease, b store.Batch) (store.Reserved, error) {
	s.m.wait()
	defer s.m.wait()
	return s.Store.ReserveBatch(ctx, l, b)
}

func (s stoppable) Mark(ctx context.Context, l store.Lease, refs []store.Ref, now time.Time) ([]bool, error) {
	s.m.wait()
	marked, err := s.Store.Mark(ctx, l, refs, now)
	s.m.mu.Lock()
	marking := s.m.marking
	s.m.marking = nil
	s.m.mu.Unlock()
	if marking != nil {
		marking()
	}
	s.m.wait()
	return marked, err
}

func (s stoppable) MarkPush(ctx context.Context, sh minapush.Shard, r store.Ref, now, deadline time.Time) error {
	s.m.wait()
	defer s.m.wait()
	err := s.Store.MarkPush(ctx, sh, r, now, deadline)
	s.m.mu.Lock()
	marking := s.m.marking
	s.m.marking = nil
	s.m.mu.Unlock()
	if marking != nil {
		marking()
	}
	return err
}

func (s stoppable) Settle(ctx context.Context, l store.Lease, xs []store.Settlement) error {
	s.m.wait()
	return s.Store.Settle(ctx, l, xs)
}

func (s stoppable) TakeTokens(ctx context.Context, app uint32, r store.RateAsk) (store.Tokens, error) {
	s.m.wait()
	defer s.m.wait()
	return s.Store.TakeTokens(ctx, app, r)
}

func (s stoppable) Get(ctx context.Context, kind, id string) (store.Document, error) {
	s.m.wait()
	defer s.m.wait()
	return s.Store.Get(ctx, kind, id)
}

func (s stoppable) Put(ctx context.Context, d store.Document) (uint64, error) {
	s.m.wait()
	defer s.m.wait()
	return s.Store.Put(ctx, d)
}

func (s stoppable) ListDocuments(ctx context.Context, kind, after string, limit int) ([]store.Document, error) {
	s.m.wait()
	defer s.m.wait()
	return s.Store.ListDocuments(ctx, kind, after, limit)
}

// everybody makes a campaign to all users and starts it.
func (w *world) everybody() string {
	w.t.Helper()
	id := w.create("hi", minapush.Audience{}).ID
	w.start(id)
	return id
}

// nobodyTwice checks that nobody got two messages.
func (w *world) nobodyTwice() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for o, texts := range w.got {
		if len(texts) > 1 {
			w.t.Errorf("%s got %q", o, texts)
		}
	}
}

func TestSeveralNodesSendOneFirstWave(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.users(300)
		w.machine(nil)
		w.machine(nil)
		time.Sleep(20 * time.Second)
		w.says(badData)
		id := w.everybody()
		m, _ := w.until(id, minapush.Paused)
		if m.Why.Code != "bad_message" || len(w.sent) != 5 {
			t.Errorf("stopped by %+v after %d sends", m.Why, len(w.sent))
		}
		w.says(func(minapush.OpenID) error { return nil })
		_, err := w.Resume(t.Context(), w.app.ID, id)
		must(t, err)
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, map[minapush.Outcome]map[string]int64{minapush.Accepted: {"": 300}})
		w.nobodyTwice()
		w.check(id)
	})
}

func refused(minapush.OpenID) error {
	return &minapush.Error{Kind: minapush.Refused, Code: 43101, Extent: minapush.OneUser}
}

// One node alone would see too few refusals to call them a storm.
func TestRefusalsThatAllNodesSeeAreOneStorm(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(2, 16, 16)
		nodes := []*machine{w.machine(nil), w.machine(nil), w.machine(nil)}
		time.Sleep(20 * time.Second)
		began := time.Now()
		w.users(40)
		w.says(refused)
		id := w.everybody()
		waitUntil(t, "the campaign waits", func() bool {
			m, err := w.Get(t.Context(), w.app.ID, id)
			must(t, err)
			return m.Hold.Why.Code == "refusal_storm" && m.Fleet.Storm
		})
		for i, m := range nodes {
			if n := m.count(began); n >= 20 {
				t.Fatalf("node %d sent %d by itself: this shows nothing", i, n)
			}
		}
		first := len(w.sent)
		w.says(func(minapush.OpenID) error { return nil })
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, map[minapush.Outcome]map[string]int64{minapush.Accepted: {"": 40}})
		if first != 40 || len(w.sent) != 40 {
			t.Errorf("%d sends, then %d", first, len(w.sent))
		}
		w.check(id)
	})
}

func TestRefusalsThatAreRealAreBelievedInTheShardsOfEveryNode(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for range 2 {
			w.machine(nil)
		}
		time.Sleep(20 * time.Second)
		w.users(900)
		w.says(func(o minapush.OpenID) error {
			if o[len(o)-1] < '3' {
				return refused(o)
			}
			return nil
		})
		id := w.everybody()
		_, got := w.until(id, minapush.Finished)
		if got.Count(minapush.RefusedByUser) != 270 || got.Count(minapush.Accepted) != 630 {
			t.Errorf("%+v", got)
		}
		if len(w.sent) != 900 {
			t.Errorf("%d sends", len(w.sent))
		}
		w.check(id)
	})
}

// waitUntil polls for something that is to become true.
func waitUntil(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for began := time.Now(); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > time.Hour {
			t.Fatalf("not so after an hour: %s", what)
		}
	}
}

// The worst moment to be stopped: the wave is marked, and no byte has left.
func TestANodeThatWakesAfterItsLeaseSendsNothingOfWhatItMarked(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(50, 8, 16)
		stopped := w.machine(nil)
		time.Sleep(20 * time.Second)
		w.users(400)
		id := w.everybody()
		waitUntil(t, "the node sends", func() bool { return stopped.count(time.Time{}) > 30 })
		marked := make(chan struct{})
		stopped.mu.Lock()
		stopped.marking = func() { stopped.stop(); close(marked) }
		stopped.mu.Unlock()
		<-marked
		at := time.Now()
		time.Sleep(25 * time.Second) // the other node takes over meanwhile
		stopped.cont()
		time.Sleep(time.Second)
		if n := stopped.count(at.Add(10 * time.Second)); n != 0 {
			t.Errorf("woken, it sent %d messages that another node had taken over", n)
		}
		_, got := w.until(id, minapush.Finished)
		if got.Count(minapush.Unknown) == 0 || got.Count(minapush.Accepted)+got.Count(minapush.Unknown) != 400 {
			t.Errorf("%+v", got)
		}
		w.nobodyTwice()
		w.check(id)
	})
}

func TestAPushOfANodeThatWakesLateIsNotSent(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.users(1)
		stopped := w.machine(nil)
		time.Sleep(time.Second)
		stopped.marking = stopped.stop
		answer := make(chan error)
		var got dispatch.Pushed
		go func() {
			var err error
			got, err = stopped.push("u-000")
			answer <- err
		}()
		time.Sleep(2 * time.Minute)
		stopped.cont()
		err := <-answer
		if err != nil || got.Delivery.Outcome != minapush.Unknown || len(w.sent) != 0 {
			t.Errorf("%+v, %v, %d sent", got.Delivery, err, len(w.sent))
		}
	})
}

func (m *machine) push(o minapush.OpenID) (dispatch.Pushed, error) {
	return m.dispatcher.Push(m.w.t.Context(), m.w.app, dispatch.Push{
		OpenID: o, Message: minapush.Message{Template: "T", Values: map[string]string{"thing1": "hi"}},
		Template: minapush.Template{ID: "T", Kind: minapush.OneTimeTemplate},
	})
}

func TestTheShardsOfADeadNodeAreTakenOverWithinSeconds(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(50, 8, 16)
		dead := w.machine(nil)
		time.Sleep(20 * time.Second)
		w.users(600)
		id := w.everybody()
		waitUntil(t, "both send", func() bool { return dead.count(time.Time{}) > 50 })
		dead.stop()
		at := time.Now()
		var done time.Duration
		waitUntil(t, "every user of every shard is taken", func() bool {
			p, err := w.ledger.Sum(t.Context(), w.app, id)
			must(t, err)
			done = time.Since(at)
			return p.Tally.Examined == 600
		})
		// At the rate the rest takes eleven seconds, and no shard is out of reach for longer than a lease and a second or two.
		if done > 25*time.Second {
			t.Errorf("the others had every shard after %v", done)
		}
		dead.cont()
		w.until(id, minapush.Finished)
		w.nobodyTwice()
		w.check(id)
	})
}

func TestANodeThatJoinsGetsItsPartOfTheShards(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(50, 8, 1000)
		w.users(999)
		id := w.everybody()
		time.Sleep(3 * time.Second)
		joined := w.machine(nil)
		at := time.Now()
		waitUntil(t, "the new node sends", func() bool { return joined.count(at) > 0 })
		if took := time.Since(at); took > 10*time.Second {
			t.Errorf("the first message of the new node came after %v", took)
		}
		time.Sleep(2 * time.Second)
		at = time.Now()
		time.Sleep(3 * time.Second)
		if n := joined.count(at); n < 40 || n > 110 {
			t.Errorf("in three seconds at 50 a second, one of two nodes sent %d", n)
		}
		_, got := w.until(id, minapush.Finished)
		wantTally(t, got, map[minapush.Outcome]map[string]int64{minapush.Accepted: {"": 999}})
		w.nobodyTwice()
		w.check(id)
	})
}

func TestAPauseIsObeyedByEveryNodeWithinASecond(t *testing.T) {
	for name, halt := range map[string]func(w *world, id string) error{
		"pause": func(w *world, id string) error {
			_, err := w.Pause(w.t.Context(), w.app.ID, id, minapush.Reason{Code: "operator"})
			return err
		},
		"cancel": func(w *world, id string) error { _, err := w.Cancel(w.t.Context(), w.app.ID, id); return err },
		"kill switch": func(w *world, _ string) error {
			w.stopApp()
			return nil
		},
	} {
		for offset := range 4 {
			inWorld(t, func(t *testing.T, w *world) {
				w.paced(20, 8, 16) // most of what is reserved waits for a token
				other := w.machine(nil)
				time.Sleep(20 * time.Second)
				w.users(600)
				id := w.everybody()
				waitUntil(t, "both send", func() bool { return other.count(time.Time{}) > 20 })
				time.Sleep(time.Duration(offset) * 400 * time.Millisecond) // between two looks of the other node
				must(t, halt(w, id))
				time.Sleep(time.Second)
				at := time.Now()
				before := w.count()
				time.Sleep(20 * time.Second)
				// What was on its way is noted when it is answered.
				if n := w.count() - before; other.count(at) != 0 || n > 3 {
					t.Errorf("%s: more than a second later the other node sent %d, all together %d", name, other.count(at), n)
				}
			})
		}
	}
}

// paced changes the app before any node but the first has seen it.
func (w *world) paced(rate, shards, inFlight int) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.app.ID, w.app.Number = "wx2", 2 // the node that is there has begun with the other one
	w.app.Rate, w.app.Shards, w.app.InFlight = rate, shards, inFlight
}

// count tells how many messages were answered.
func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sent)
}

func TestPushesThatWaitForATokenHearOfTheKillSwitchOnEveryNode(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(2, 4, 16)
		other := w.machine(nil)
		time.Sleep(time.Second)
		users := w.users(15)
		var all sync.WaitGroup
		var mu sync.Mutex
		failed := 0
		for _, o := range users {
			all.Go(func() {
				if _, err := other.push(o); err != nil {
					mu.Lock()
					defer mu.Unlock()
					if failed++; !errors.Is(err, minapush.Unavailable) {
						t.Error(err)
					}
				}
			})
		}
		time.Sleep(2 * time.Second)
		w.stopApp()
		time.Sleep(time.Second)
		at := time.Now()
		all.Wait()
		if n := other.count(at); n != 0 || failed < 8 {
			t.Errorf("%d pushes were sent more than a second after the kill switch, %d were not", n, failed)
		}
	})
}

func TestSeveralDispatchersKeepOneRate(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.paced(100, 16, 1000)
		nodes := []*machine{w.machine(nil), w.machine(nil)}
		w.users(999)
		time.Sleep(20 * time.Second)
		w.says(func(minapush.OpenID) error { return nil })
		began := time.Now()
		id := w.everybody()
		w.until(id, minapush.Finished)
		took := time.Since(began)
		if took < 9*time.Second || took > 16*time.Second {
			t.Errorf("999 messages at 100 a second took %v", took)
		}
		for i, m := range nodes {
			if n := m.count(began); n < 100 {
				t.Errorf("node %d sent %d of 999", i, n)
			}
		}
		w.nobodyTwice()
	})
}
