package sandbox

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"
)

// pusher holds the events that wait and the workers that send them. Workers start when an event is due and end when none is, so
// nothing runs while nothing waits. The sandbox owns them: Close waits for their end.
type pusher struct {
	mu       sync.Mutex // guards what follows; taken after user.mu
	waiting  eventQueue
	latest   *event // the last that was queued
	seq      int64
	workers  map[int64]context.CancelFunc
	hired    int64         // workers ever started
	timer    *time.Timer   // wakes a worker when the first event is due
	fires    time.Time     // when it will; zero if it will not
	flushing int           // callers for whom every event is due
	idle     chan struct{} // closed when nothing waits and nothing is under way; nil while nobody asks
	closed   bool
	log      []PushAttempt
	wg       sync.WaitGroup
}

var errPushClosed = errors.New("sandbox: closed")

// eventQueue is a heap, the first due on top.
type eventQueue []*event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return q[i].seq < q[j].seq
}
func (q eventQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}
func (q *eventQueue) Push(x any) {
	e := x.(*event)
	e.index = len(*q)
	*q = append(*q, e)
}
func (q *eventQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	e.index = -1
	return e
}

// realNow is the clock of delays: the sandbox's own may stand still or jump.
func realNow() time.Time { return time.Now() } //arch:allow delays are of real time

// queueEvent decides the fate of a new event and lets it wait for its time.
func (s *Sandbox) queueEvent(e *event) {
	k, p := s.pushKnobs(), &s.pusher
	delay, lost, overtakes := k.delay(e), e.rolls(k.Lose), e.rolls(k.Overtake)
	for e.copies < 2 && e.rolls(k.Duplicate) {
		e.copies++
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	counts := e.counts()
	switch {
	case p.closed:
		counts.Dropped++
		return
	case lost:
		counts.Lost++
		return
	case s.cfg.PushQueue > 0 && len(p.waiting)+len(p.workers) >= s.cfg.PushQueue:
		counts.Overflowed++
		return
	}
	counts.Queued++
	p.seq++
	e.seq, e.due = p.seq, realNow().Add(delay)
	before := p.latest
	p.latest = e
	p.add(e)
	if overtakes && before != nil && before.index >= 0 && p.waiting.Less(before.index, e.index) {
		e.due, before.due = before.due, e.due
		e.seq, before.seq = before.seq, e.seq
		p.waiting.Swap(e.index, before.index) // each is now where the other was, so the heap is one
	}
	s.employ()
}

// drop counts an event that waited and will not be sent.
func (e *event) drop() {
	counts := e.counts()
	counts.Waiting--
	if !e.again {
		counts.Dropped++
	}
}

func (p *pusher) add(e *event) {
	e.counts().Waiting++
	heap.Push(&p.waiting, e)
}

// employ starts a worker if an event is due, and otherwise makes sure that somebody looks when one is. The caller holds p.mu.
func (s *Sandbox) employ() {
	p := &s.pusher
	if p.closed || len(p.waiting) == 0 {
		return
	}
	now := realNow()
	if first := p.waiting[0].due; p.flushing == 0 && first.After(now) {
		p.wakeAt(first, now, s.wakePusher)
		return
	}
	if len(p.workers) >= s.cfg.PushWorkers {
		return // they look themselves
	}
	ctx, cancel := context.WithCancel(context.Background()) //arch:allow an event outlives the call that caused it; Close ends this
	p.hired++
	id := p.hired
	if p.workers == nil {
		p.workers = make(map[int64]context.CancelFunc)
	}
	p.workers[id] = cancel
	p.wg.Add(1)
	go s.work(ctx, id)
}

// wakeAt sets the timer, unless it is set for earlier.
func (p *pusher) wakeAt(first, now time.Time, wake func()) {
	if !p.fires.IsZero() && !first.Before(p.fires) {
		return
	}
	if p.timer != nil {
		p.timer.Stop()
	}
	p.fires = first
	p.timer = time.AfterFunc(first.Sub(now), wake)
}

func (s *Sandbox) wakePusher() {
	s.pusher.mu.Lock()
	defer s.pusher.mu.Unlock()
	s.pusher.fires = time.Time{}
	s.employ()
}

// work sends events until none is due.
func (s *Sandbox) work(ctx context.Context, id int64) {
	defer s.pusher.wg.Done()
	for {
		e, set := s.nextEvent(id)
		if e == nil {
			return
		}
		s.settleEvent(e, s.deliver(ctx, e, set))
	}
}

// nextEvent takes the first event that is due out of the queue; if there is none, the worker is dismissed.
func (s *Sandbox) nextEvent(id int64) (*event, *pushSetting) {
	p := &s.pusher
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.closed && len(p.waiting) > 0 && (p.flushing > 0 || !p.waiting[0].due.After(realNow())) {
		e := heap.Pop(&p.waiting).(*event)
		if set := e.app.push.Load(); set != nil {
			s.employ() // one more, if more is due
			return e, set
		}
		e.drop()
	}
	p.workers[id]()
	delete(p.workers, id)
	s.employ()
	p.rest()
	return nil, nil
}

// rest tells who waits for it that nothing is left. The caller holds p.mu.
func (p *pusher) rest() {
	if p.idle != nil && (p.closed || len(p.waiting) == 0 && len(p.workers) == 0) {
		close(p.idle)
		p.idle = nil
	}
}

// settleEvent is what follows from a try: the end, the next try, or another copy.
func (s *Sandbox) settleEvent(e *event, done PushAttempt) {
	k, p := s.pushKnobs(), &s.pusher
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remember(done, s.cfg.PushLog)
	counts := e.counts()
	counts.Waiting--
	counts.Attempts++
	if done.Delivered && !e.again {
		counts.Delivered++
	}
	ended := p.closed || e.app.push.Load() == nil
	switch {
	case done.Delivered && (e.copies == 0 || ended):
		return
	case ended:
		if !e.again {
			counts.Dropped++
		}
		return
	case done.Delivered:
		e.copies--
		e.again, e.tries = true, 0
		counts.Duplicated++
		e.due = realNow().Add(k.delay(e))
	case e.tries < k.Tries:
		counts.Retried++
		e.due = realNow().Add(max(k.Pause, 0))
	default:
		if !e.again {
			counts.GivenUp++
		}
		return
	}
	p.add(e)
	s.employ()
}

// FlushPush sends every event at once, due or not, the tries and copies that follow too, and returns when none is left: when the
// queue has become empty, ctx is over, or the sandbox is closed.
func (s *Sandbox) FlushPush(ctx context.Context) error {
	p := &s.pusher
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flushing++
	defer func() { p.flushing-- }()
	s.employ()
	for !p.closed && len(p.waiting)+len(p.workers) > 0 {
		if p.idle == nil {
			p.idle = make(chan struct{})
		}
		idle := p.idle
		p.mu.Unlock()
		var err error
		select {
		case <-idle:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		p.mu.Lock()
		if err != nil {
			return err
		}
	}
	if p.closed {
		return errPushClosed
	}
	return nil
}

// Close ends the deliveries of events that are under way, drops those that wait, and hangs up (see HangUp). It returns when nothing
// of the sandbox runs any more, always nil. A sandbox none of whose apps ever had a push URL needs no closing. It still answers
// afterwards, but sends no events.
func (s *Sandbox) Close() error {
	s.HangUp()
	p := &s.pusher
	p.mu.Lock()
	p.closed = true
	p.clear()
	if p.timer != nil {
		p.timer.Stop()
	}
	for _, cancel := range p.workers {
		cancel()
	}
	p.rest()
	p.mu.Unlock()
	p.wg.Wait()
	if s.pushConns != nil {
		s.pushConns.CloseIdleConnections()
	}
	return nil
}

// clear drops the events that wait. The caller holds p.mu.
func (p *pusher) clear() {
	for _, e := range p.waiting {
		e.drop()
		e.index = -1
	}
	p.waiting, p.latest = nil, nil
}

func (p *pusher) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.log = nil
	p.rest()
}
