package wechat

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/minapush/minapush"
)

// CachedToken is what all nodes share about an app's access token. Times are UTC to the millisecond. It holds a secret: a cache
// that writes it anywhere seals it. Its zero value means that nothing is stored.
type CachedToken struct {
	// Source is where the token came from; a token of another source than the app's is not used.
	Source minapush.TokenKind `json:"source,omitempty"`
	// Token is the access token; 512 bytes at least are to be reserved. [O] server API, getAccessToken, read 2026-06.
	Token string `json:"token,omitempty"`
	// RenewAt is when a new one is to be asked for, and ExpiresAt when this one ends.
	RenewAt   time.Time `json:"renew_at,omitzero"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// ClaimedUntil is until when one node alone may ask WeChat; zero when none does.
	ClaimedUntil time.Time `json:"claimed_until,omitzero"`
	// ForcedAt is when a stable token was last renewed by force, and Forced how often on that day in Beijing.
	ForcedAt time.Time `json:"forced_at,omitzero"`
	Forced   int       `json:"forced,omitempty"`
}

// Equal tells whether both are the same; times are compared as moments.
func (t CachedToken) Equal(u CachedToken) bool {
	return t.Source == u.Source && t.Token == u.Token && t.Forced == u.Forced && t.RenewAt.Equal(u.RenewAt) &&
		t.ExpiresAt.Equal(u.ExpiresAt) && t.ClaimedUntil.Equal(u.ClaimedUntil) && t.ForcedAt.Equal(u.ForcedAt)
}

// String tells all but the token.
func (t CachedToken) String() string {
	return string(t.Source) + " access token until " + t.ExpiresAt.Format(time.RFC3339)
}

// GoString keeps the token out of %#v.
func (t CachedToken) GoString() string { return t.String() }

// LogValue keeps the token out of logs.
func (t CachedToken) LogValue() slog.Value { return slog.StringValue(t.String()) }

// TokenCache keeps one CachedToken per app for all nodes. Both calls must be safe for concurrent use, and a call that fails must
// say so: a cache that looked empty in an outage would make every node fetch tokens.
type TokenCache interface {
	// Load returns what is stored; the zero CachedToken, without an error, when nothing is. It must see every Store that returned.
	Load(ctx context.Context, app minapush.AppID) (CachedToken, error)
	// Store replaces old by next if what is stored still equals old (Equal), in one atomic step; old is the zero value when nothing
	// is stored. Errors: Conflict (somebody else was first), Unavailable.
	Store(ctx context.Context, app minapush.AppID, old, next CachedToken) error
}

// MemoryCache is a TokenCache of one process. The zero value is not usable; see NewMemoryCache.
type MemoryCache struct {
	mu     sync.Mutex
	tokens map[minapush.AppID]CachedToken
}

// NewMemoryCache makes an empty MemoryCache.
func NewMemoryCache() *MemoryCache { return &MemoryCache{tokens: map[minapush.AppID]CachedToken{}} }

// Load implements TokenCache; it never fails.
func (m *MemoryCache) Load(_ context.Context, app minapush.AppID) (CachedToken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tokens[app], nil
}

// Store implements TokenCache. Errors: Conflict.
func (m *MemoryCache) Store(_ context.Context, app minapush.AppID, old, next CachedToken) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.tokens[app].Equal(old) {
		return minapush.Errorf(minapush.Conflict, "the access token of %s was changed meanwhile", app)
	}
	m.tokens[app] = next
	return nil
}
