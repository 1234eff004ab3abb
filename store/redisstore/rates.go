package redisstore

import (
	"context"
	"time"

	"github.com/minapush/minapush/store"
)

// TakeTokens implements store.Rates.
func (s *Store) TakeTokens(ctx context.Context, app uint32, r store.RateAsk) (store.Tokens, error) {
	if err := r.Validate(); err != nil {
		return store.Tokens{}, err
	}
	n, takes := r.Cost()
	args := []string{itoa(takes.Microseconds()), itoa(r.Ahead.Microseconds()), itoa(store.MaxTokens.Microseconds())}
	m, err := s.write(ctx, &s.scripts.rate, []string{s.rateKey(app)}, args)
	if err != nil {
		return store.Tokens{}, err
	}
	answer, err := m.AsIntSlice()
	if err != nil || len(answer) != 2 {
		return store.Tokens{}, interpret("take tokens", errCorrupt)
	}
	wait := time.Duration(answer[1]) * time.Microsecond
	if answer[0] == 0 {
		return store.Tokens{Wait: wait}, nil
	}
	return store.Tokens{N: n, Wait: wait}, nil
}
