package account

import (
	"crypto/rand"
	"io"
	"sync"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

const (
	// DefaultCacheFor is how old an app, a scene or a key may be that Accounts answers with: together with a look at the campaigns of
	// the dispatcher it is less than the second within which a kill switch reaches every node.
	DefaultCacheFor = 400 * time.Millisecond
	// DefaultSessionLife is how long a session token is good.
	DefaultSessionLife = 24 * time.Hour
)

// Config tunes Accounts. The zero value is ready for use.
type Config struct {
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// Rand makes keys and ids; it must be cryptographically strong and safe for concurrent use. Defaults to crypto/rand.
	Rand io.Reader
	// CacheFor is how long an app, its scenes or an API key are remembered, and so how late a change made on another node is seen. Changes
	// made through the same Accounts are seen at once. Negative: not at all. Defaults to DefaultCacheFor.
	CacheFor time.Duration
	// SessionLife is how long a session token is good, at least a second. Defaults to DefaultSessionLife.
	SessionLife time.Duration
}

// Accounts answers for apps, templates, scenes, API keys, sessions and stored access tokens. It may be used by any number of goroutines,
// and by any number of nodes on one store.
type Accounts struct {
	docs        store.Documents
	sealer      *Sealer
	now         func() time.Time
	rand        io.Reader
	sessionLife time.Duration
	apps        *cache[appRecord]
	keys        *cache[keyRecord]
	scenes      *cache[[]Scene]
	events      *cache[storedEvents]
	passwords   *passwords
	tries       *tries

	mu      sync.Mutex
	signing []byte // guarded by mu; nil until it is first needed
}

// New makes Accounts over the documents of a store. Errors: Invalid.
func New(docs store.Documents, sealer *Sealer, cfg Config) (*Accounts, error) {
	switch {
	case docs == nil:
		return nil, minapush.FieldError("docs", "must be given")
	case sealer == nil:
		return nil, minapush.FieldError("sealer", "must be given")
	case cfg.SessionLife != 0 && cfg.SessionLife < time.Second:
		return nil, minapush.FieldError("SessionLife", "must be a second or longer, is %v", cfg.SessionLife)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.CacheFor == 0 {
		cfg.CacheFor = DefaultCacheFor
	}
	if cfg.SessionLife == 0 {
		cfg.SessionLife = DefaultSessionLife
	}
	return &Accounts{
		docs: docs, sealer: sealer, now: cfg.Now, rand: cfg.Rand, sessionLife: cfg.SessionLife,
		apps: newCache[appRecord](cfg.CacheFor, cfg.Now), keys: newCache[keyRecord](cfg.CacheFor, cfg.Now),
		scenes: newCache[[]Scene](cfg.CacheFor, cfg.Now), events: newCache[storedEvents](cfg.CacheFor, cfg.Now), passwords: newPasswords(), tries: newTries(),
	}, nil
}

// utc is the present time as it is stored: in UTC, to the millisecond.
func (a *Accounts) utc() time.Time { return a.now().UTC().Truncate(time.Millisecond) }
