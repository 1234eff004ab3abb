package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/delivery"
)

const (
	// streamsAtOnce is how many pages follow campaigns at a time; more get one look, and come again after retryStream.
	streamsAtOnce = 50
	retryStream   = 10 * time.Second
	// streamLife is how long one stream lasts; then the browser opens another.
	streamLife = 15 * time.Minute
	// paceOver is over how long the rate is measured, and paceLeast how much of it is needed to say that nothing moves.
	paceOver  = 10 * time.Second
	paceLeast = 4 * time.Second
)

// watches are the campaigns whose figures pages follow. However many follow one, it is summed once a tick.
type watches struct {
	done chan struct{} // closed when the server stops
	once sync.Once

	mu      sync.Mutex // guards all below
	streams int
	byID    map[string]*watched
}

// watched is one campaign: its last sum and how it went lately.
type watched struct {
	mu      sync.Mutex // guards all below but followers; held while it is summed, so that nobody sums it twice
	at      time.Time
	sum     delivery.Progress
	samples []sample // oldest first

	followers int // guarded by watches.mu
}

// sample is how many had an outcome at a time, and a hash of all that counts as a move.
type sample struct {
	at   time.Time
	done int64
	held int64
}

func newWatches() *watches { return &watches{done: make(chan struct{}), byID: map[string]*watched{}} }

// Close ends all streams: call it when the server begins to shut down, which would wait for them.
func (c *Console) Close() { c.watches.once.Do(func() { close(c.watches.done) }) }

// enter makes room for a stream; false: there are enough.
func (w *watches) enter() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.streams >= streamsAtOnce {
		return false
	}
	w.streams++
	return true
}

func (w *watches) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.streams--
}

// follow returns the watch of a campaign; unfollow it in the end.
func (w *watches) follow(id string) *watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.byID[id]
	if one == nil {
		one = &watched{}
		w.byID[id] = one
	}
	one.followers++
	return one
}

func (w *watches) unfollow(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if one := w.byID[id]; one != nil {
		if one.followers--; one.followers == 0 {
			delete(w.byID, id)
		}
	}
}

// look sums the campaign, unless that was done within the time given, and tells how it went lately.
func (o *watched) look(now time.Time, within time.Duration, sum func() (delivery.Progress, error)) (delivery.Progress, pace, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.at.IsZero() || now.Sub(o.at) >= within {
		s, err := sum()
		if err != nil {
			return s, pace{}, err
		}
		o.at, o.sum = now, s
		o.samples = append(o.samples, sample{now, s.Tally.Examined - s.Tally.Count(minapush.Pending), s.Tally.Held + s.Tally.Sending})
		for len(o.samples) > 2 && now.Sub(o.samples[1].at) >= paceOver {
			o.samples = o.samples[1:]
		}
	}
	return o.sum, paceOf(o.samples), nil
}

// pace is how a campaign went lately. Known tells that it was watched for long enough.
type pace struct {
	Known     bool
	PerSecond float64
	Moves     bool
}

func paceOf(list []sample) pace {
	if len(list) < 2 {
		return pace{Moves: true}
	}
	first, last := list[0], list[len(list)-1]
	over := last.at.Sub(first.at)
	p := pace{PerSecond: float64(last.done-first.done) / max(over.Seconds(), 0.001), Known: over >= paceLeast}
	p.Moves = last.done != first.done || !p.Known
	return p
}

// liveView looks once at a campaign, without having watched it.
func (c *Console) liveView(ctx context.Context, app minapush.App, m minapush.Campaign) (liveView, error) {
	w := c.watches.follow(m.ID)
	defer c.watches.unfollow(m.ID)
	return c.look(ctx, app, m, w)
}

// look makes the view of a campaign: one sum, or none if somebody has just made it.
func (c *Console) look(ctx context.Context, app minapush.App, m minapush.Campaign, w *watched) (liveView, error) {
	now := c.cfg.Now().UTC()
	v := liveView{M: m, Holds: holds(m, now), PerSecond: -1, Total: -1}
	v.setStage()
	if m.State == minapush.Scheduled || m.StartedAt.IsZero() {
		v.Still = stillOf(m, app, v.F, true, false, nil, now)
		return v, nil
	}
	within := c.cfg.LiveEvery * 3 / 4
	if m.State.Ended() {
		within = 0 // what was summed before its end is not the end
	}
	sum, p, err := w.look(now, within, func() (delivery.Progress, error) { return c.parts.Ledger.Sum(ctx, app, m.ID) })
	if err != nil {
		return v, err
	}
	v.F = figuresOf(sum.Tally)
	if err := c.total(ctx, app, &v, sum.ShardsDone == app.Shards); err != nil {
		return v, err
	}
	if !v.Ended() {
		v.Still = stillOf(m, app, v.F, p.Moves, v.F.Audience == v.Total && v.Exact, c.parts.Dispatcher.Starved(), now)
	}
	v.setPace(p, now)
	return v, nil
}

// total finds how many there are in all.
func (c *Console) total(ctx context.Context, app minapush.App, v *liveView, whole bool) error {
	switch {
	case whole || v.Ended():
		v.Total, v.Exact = v.F.Audience, true
	case v.M.Audience.List:
		v.Total, v.Exact = max(v.M.Audience.Listed, v.F.Audience), true
	default:
		s, err := c.survey(ctx, app)
		if err != nil {
			return err
		}
		if !s.At.IsZero() {
			v.Total, v.Surveyed = max(s.Users, v.F.Audience), s.At
		}
	}
	return nil
}

// setStage says which stage of a roll-out is being sent.
func (v *liveView) setStage() {
	r := v.M.Rollout
	if r == nil || v.M.StartedAt.IsZero() {
		return
	}
	v.Stage, v.Stages, v.Rest = min(v.M.Stage+1, r.Stages()), r.Stages(), v.M.Stage >= len(r.Percents)
	if !v.Rest {
		v.Percent = strconv.FormatFloat(r.Percents[v.M.Stage], 'f', -1, 64) + "%"
	}
}

// setPace says how fast it goes: lately, or over the whole way while nobody has watched it long enough.
func (v *liveView) setPace(p pace, now time.Time) {
	end := now
	if v.Ended() {
		end = v.M.EndedAt
	}
	switch took := end.Sub(v.M.StartedAt); {
	case p.Known && !v.Ended():
		v.PerSecond = p.PerSecond
	case took >= time.Second:
		v.PerSecond, v.Mean = float64(v.F.Done())/took.Seconds(), true
	}
	if left := v.Total - v.F.Done(); v.M.State == minapush.Running && v.Still.Code == "" && left > 0 && v.PerSecond > 0 {
		v.Left = time.Duration(float64(left) / v.PerSecond * float64(time.Second))
	}
}

// liveCampaign sends the figures of a campaign as they change, until it ends, the page is closed or the server stops.
func (c *Console) liveCampaign(ctx context.Context, rq *request) error {
	m, err := c.campaign(ctx, rq)
	if err != nil {
		return err
	}
	full := !c.watches.enter()
	if !full {
		defer c.watches.leave()
	}
	w := c.watches.follow(m.ID)
	defer c.watches.unfollow(m.ID)
	ctx, stop := context.WithTimeout(ctx, streamLife)
	defer stop()
	s := rq.startStream()
	tick := time.NewTicker(c.cfg.LiveEvery)
	defer tick.Stop()
	for {
		ended, err := c.sendLive(ctx, rq, s, m.ID, w)
		if err != nil && ctx.Err() == nil && !errors.Is(err, errGone) {
			c.cfg.Logger.Warn("figures of a campaign not sent", "campaign", m.ID, "err", err)
		}
		if err != nil || ended {
			return nil
		}
		if full {
			_ = s.write(fmt.Sprintf("retry: %d\n: enough pages are followed\n\n", retryStream/time.Millisecond))
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.watches.done:
			return nil
		case <-tick.C:
		}
	}
}

// sendLive sends what a campaign looks like now.
func (c *Console) sendLive(ctx context.Context, rq *request, s *eventStream, id string, w *watched) (ended bool, err error) {
	app, err := c.parts.Accounts.App(ctx, rq.app.ID)
	if err != nil {
		return false, err
	}
	m, err := c.parts.Campaigns.Get(ctx, app.ID, id)
	if err != nil {
		return false, err
	}
	rq.app = app
	v, err := c.look(ctx, app, m, w)
	if err != nil {
		return false, err
	}
	block := "live"
	if v.Ended() {
		block = "ended" // which loads the page anew
	}
	b, err := c.pages.draw(rq.lang, "campaign", block, rq.frame(view{name: "campaign"}, campaignPage{M: m, Live: v}))
	if err != nil {
		return false, err
	}
	return v.Ended(), s.event(b)
}

// errGone tells that nobody reads a stream any more.
var errGone = errors.New("the page was closed")

// eventStream is an answer of server-sent events.
type eventStream struct {
	w    http.ResponseWriter
	conn *http.ResponseController
	last []byte
}

func (rq *request) startStream() *eventStream {
	s := &eventStream{w: rq.w, conn: http.NewResponseController(rq.w)}
	_ = s.conn.SetWriteDeadline(time.Time{}) // a connection without deadlines, in a test, goes without
	h := rq.w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	rq.w.WriteHeader(http.StatusOK)
	return s
}

// event sends a fragment that is swapped into the page; one that has not changed is a sign of life only.
func (s *eventStream) event(fragment []byte) error {
	if bytes.Equal(fragment, s.last) {
		return s.write(": the same\n\n")
	}
	s.last = fragment
	var b bytes.Buffer
	for line := range bytes.Lines(bytes.TrimSpace(fragment)) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			b.WriteString("data: ")
			b.Write(line)
			b.WriteByte('\n')
		}
	}
	b.WriteByte('\n')
	return s.write(b.String())
}

func (s *eventStream) write(text string) error {
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeEvent)) //arch:allow a connection's deadlines are of real time
	if _, err := s.w.Write([]byte(text)); err != nil {
		return errGone
	}
	if err := s.conn.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return errGone
	}
	return nil
}

// writeEvent is how long a page may take to take an event.
const writeEvent = 30 * time.Second
