package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/server"
	"github.com/minapush/minapush/store"
	"github.com/minapush/minapush/store/redisstore"
)

const (
	// readyTime bounds an answer about readiness: less than those who ask wait.
	readyTime = 2500 * time.Millisecond
	// readyFor is how long an answer is good for others who ask, since anybody may ask.
	readyFor = time.Second
	// readyKind is the kind of the one small document that is written to see whether writes get through.
	readyKind = "ready"
)

// readiness tells whether the store takes what it is given. It may be used by any number of goroutines; one at a time asks the store.
type readiness struct {
	sys  *system
	turn chan struct{} // held by who asks

	mu    sync.Mutex // guards all below
	asked time.Time
	err   error
	less  string
}

func newReadiness(sys *system) *readiness { return &readiness{sys: sys, turn: make(chan struct{}, 1)} }

// check says why requests cannot be taken, nil: they can. It takes at most readyTime.
func (r *readiness) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return server.NotReady("the store does not answer")
	}
	r.mu.Lock()
	asked, err := r.asked, r.err
	r.mu.Unlock()
	if !asked.IsZero() && time.Since(asked) < readyFor {
		return err
	}
	less := ""
	if err = r.ask(ctx); err != nil {
		err = fmt.Errorf("%w: %w", whyNotReady(err), err)
	} else {
		less = r.sending(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if less != "" && less != r.less {
		r.sys.log.Error("sending stands still", "why", less)
	}
	r.asked, r.err, r.less = time.Now(), err, less
	return err
}

// limited is what check found not to work although requests can be taken.
func (r *readiness) limited() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.less
}

func whyNotReady(err error) server.NotReady {
	if why := redisstore.Explain(err); why != "" {
		return server.NotReady(why)
	}
	return "the store does not answer"
}

// ask reads, and where reading does not tell enough it writes: a Redis that is full, or lost its disk, is still read from.
func (r *readiness) ask(ctx context.Context) error {
	if _, err := r.sys.accounts.Apps(ctx); err != nil || r.sys.redis == nil {
		return err
	}
	return r.write(ctx)
}

// write writes a small document. That another node was first shows as well that writes get through.
func (r *readiness) write(ctx context.Context) error {
	d, err := r.sys.store.Get(ctx, readyKind, "1")
	if err != nil && !errors.Is(err, minapush.NotFound) {
		return err
	}
	_, err = r.sys.store.Put(ctx, store.Document{Kind: readyKind, ID: "1", Version: d.Version, Value: []byte("{}")})
	if errors.Is(err, minapush.Conflict) {
		err = nil
	}
	return err
}

// sending says in words why nothing is sent although the store takes what it is given; "" if nothing is in the way, or nobody tells.
func (r *readiness) sending(ctx context.Context) string {
	if text := r.alone(ctx); text != "" {
		return text
	}
	err := r.sys.dispatcher.Starved()
	switch why := redisstore.Explain(err); {
	case err == nil:
		return ""
	case why != "":
		return "nothing is sent at a pace: the store gives out no tokens of the rate: " + why
	}
	return "nothing is sent at a pace: the store gives out no tokens of the rate; the log says why"
}

// alone says that masters have fewer replicas than claims wait for.
func (r *readiness) alone(ctx context.Context) string {
	if r.sys.redis == nil {
		return ""
	}
	all, err := r.sys.redis.Facts(ctx)
	if err != nil {
		return ""
	}
	wait := r.sys.redis.WaitReplicas()
	if lone := lacking(all, wait); len(lone) > 0 {
		return fmt.Sprintf("nothing is sent for the users of %d of %d Redis masters: claims wait for %d replicas, and these have fewer; "+
			"bring the replicas back, or restart with wait-replicas=0", len(lone), len(all), wait)
	}
	return ""
}

// atStart refuses a Redis that does not take what it is given, and warns in words of what is not as it should be.
func (r *readiness) atStart(ctx context.Context) error {
	if r.sys.redis == nil {
		return nil
	}
	if err := r.write(ctx); err != nil {
		return fmt.Errorf("write to the store: %w", err)
	}
	all, err := r.sys.redis.Facts(ctx)
	if err != nil {
		return err
	}
	for _, found := range judgeRedis(all, r.sys.redis.WaitReplicas()) {
		text, todo := english.advise(found, "")
		switch {
		case found.Status == stepWarning, found.Status == stepFailed:
			r.sys.log.Warn("redis is not as it should be", "what", text, "todo", todo)
		case found.Step == "redis_replicas":
			r.sys.log.Info("redis replicas", "wait_replicas", r.sys.redis.WaitReplicas(), "what", text)
		}
	}
	return nil
}
