package storetest

import (
	"context"
	"time"

	"github.com/minapush/minapush/store"
)

// TakeTokens takes tokens of an app.
func (m *Model) TakeTokens(ctx context.Context, app uint32, r store.RateAsk) (store.Tokens, error) {
	if err := r.Validate(); err != nil {
		return store.Tokens{}, err
	}
	if err := m.begin(ctx); err != nil {
		return store.Tokens{}, err
	}
	defer m.mu.Unlock()
	now := m.now()
	from := m.data.taken[app]
	if from.Before(now) || from.After(now.Add(store.MaxTokens)) {
		from = now
	}
	if earliest := from.Add(-r.Ahead); earliest.After(now) {
		return store.Tokens{Wait: earliest.Sub(now)}, nil
	}
	n := min(r.Want, max(1, int(r.PerSecond*store.MaxTokens.Seconds()/2)))
	each := time.Duration(float64(time.Second) / r.PerSecond)
	m.data.taken[app] = from.Add(min(time.Duration(n)*each, store.MaxTokens/2))
	return store.Tokens{N: n, Wait: from.Sub(now)}, nil
}
