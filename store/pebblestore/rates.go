package pebblestore

import (
	"context"
	"sync"
	"time"

	"github.com/minapush/minapush/store"
)

// rates are the tokens taken of each app, in memory: the process that has the directory open is the only one to take any.
type rates struct {
	mu    sync.Mutex
	until map[uint32]time.Time // when the last token taken has passed
}

// TakeTokens implements store.Rates.
func (s *Store) TakeTokens(ctx context.Context, app uint32, r store.RateAsk) (store.Tokens, error) {
	if err := r.Validate(); err != nil {
		return store.Tokens{}, err
	}
	if err := s.enter(ctx); err != nil {
		return store.Tokens{}, err
	}
	defer s.leave()
	n, takes := r.Cost()
	s.rates.mu.Lock()
	defer s.rates.mu.Unlock()
	now := s.now()
	ahead := s.rates.until[app].Sub(now)
	if ahead < 0 || ahead > store.MaxTokens {
		ahead = 0
	}
	if ahead > r.Ahead {
		return store.Tokens{Wait: ahead - r.Ahead}, nil
	}
	if s.rates.until == nil {
		s.rates.until = map[uint32]time.Time{}
	}
	s.rates.until[app] = now.Add(ahead + takes)
	return store.Tokens{N: n, Wait: ahead}, nil
}
