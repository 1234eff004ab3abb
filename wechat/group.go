package wechat

import (
	"context"
	"sync"
)

// group lets concurrent callers of one key share one run. The first caller works on its own goroutine under its own context;
// the others wait under theirs. When the first was cancelled, those that still want an answer start over.
type group[V any] struct {
	mu   sync.Mutex
	runs map[string]*run[V]
}

type run[V any] struct {
	done      chan struct{}
	value     V
	err       error
	abandoned bool // the worker's own context ended, which says nothing to the others
}

func (g *group[V]) do(ctx context.Context, key string, work func() (V, error)) (V, error) {
	for {
		r, mine := g.join(key)
		if mine {
			return g.lead(ctx, key, r, work)
		}
		select {
		case <-ctx.Done():
			var zero V
			return zero, ctx.Err()
		case <-r.done:
		}
		if !r.abandoned {
			return r.value, r.err
		}
	}
}

func (g *group[V]) join(key string) (r *run[V], mine bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r, ok := g.runs[key]; ok {
		return r, false
	}
	if g.runs == nil {
		g.runs = map[string]*run[V]{}
	}
	r = &run[V]{done: make(chan struct{}), abandoned: true}
	g.runs[key] = r
	return r, true
}

func (g *group[V]) lead(ctx context.Context, key string, r *run[V], work func() (V, error)) (V, error) {
	defer func() { // also when work panics: the others then start over
		g.mu.Lock()
		delete(g.runs, key)
		g.mu.Unlock()
		close(r.done)
	}()
	r.value, r.err = work()
	r.abandoned = r.err != nil && ctx.Err() != nil
	return r.value, r.err
}
