package account

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Scope is one thing that an API key may do.
type Scope string

const (
	// ScopeReport may report permits for users.
	ScopeReport Scope = "report"
	// ScopeRead may read balances, reach, campaigns and deliveries.
	ScopeRead Scope = "read"
	// ScopePush may send to one user.
	ScopePush Scope = "push"
	// ScopeCampaign may broadcast.
	ScopeCampaign Scope = "campaign"
	// ScopeAdmin may do everything, in the apps of its key.
	ScopeAdmin Scope = "admin"
)

// Scopes returns every scope.
func Scopes() []Scope { return []Scope{ScopeReport, ScopeRead, ScopePush, ScopeCampaign, ScopeAdmin} }

// Key is an API key without its secret.
type Key struct {
	// ID names the key; it is part of its secret, and no secret itself.
	ID   string
	Name string
	// App is the only app that the key is for; empty: every app, and what belongs to none.
	App minapush.AppID
	// Scopes are what the key may do; ScopeAdmin implies all.
	Scopes []Scope
	// CreatedAt is in UTC.
	CreatedAt time.Time
}

// Allows tells whether the key may do what s names in an app. For what belongs to no app, such as making one, app is empty: only
// keys for every app may do that.
func (k Key) Allows(app minapush.AppID, s Scope) bool {
	return (k.App == "" || k.App == app) && (slices.Contains(k.Scopes, s) || slices.Contains(k.Scopes, ScopeAdmin))
}

const (
	keyPrefix  = "mpk_"
	keyRandom  = 32
	maxKeyText = 256
	// firstKey is the id of the key that EnsureAdminKey makes: as it is always the same, two nodes cannot both make one.
	firstKey = "first"
)

type storedKey struct {
	V         int            `json:"v"`
	ID        string         `json:"id"`
	Name      string         `json:"name,omitempty"`
	App       minapush.AppID `json:"app,omitempty"`
	Scopes    []Scope        `json:"scopes"`
	Hash      []byte         `json:"sha256"`
	CreatedAt time.Time      `json:"created_at"`
}

// keyRecord is a key with the hash of its secret.
type keyRecord struct {
	key  Key
	hash []byte
}

func (s storedKey) record() keyRecord {
	return keyRecord{key: Key{ID: s.ID, Name: s.Name, App: s.App, Scopes: s.Scopes, CreatedAt: s.CreatedAt}, hash: s.Hash}
}

// CreateKey makes an API key with the Name, App and Scopes of k, and returns it with its secret, which cannot be had again. Only
// a hash of it is stored. A k with an ID, which must be a ULID, is made at most once; without one it gets a new ID. Errors: Invalid,
// naming the field; Conflict (there is a key with this ID).
func (a *Accounts) CreateKey(ctx context.Context, k Key) (Key, string, error) {
	if err := a.checkKey(ctx, k); err != nil {
		return Key{}, "", err
	}
	id, err := a.newKeyID(k.ID)
	if err != nil {
		return Key{}, "", err
	}
	k.ID, k.CreatedAt = id, a.utc()
	secret, hash, err := a.newSecret(k.ID)
	if err != nil {
		return Key{}, "", err
	}
	if _, err := a.put(ctx, kindKey, k.ID, 0, stored(k, hash)); err != nil {
		return Key{}, "", fmt.Errorf("create key: %w", err)
	}
	return k, secret, nil
}

// Keys returns every key, the first admin key last and the others by age.
func (a *Accounts) Keys(ctx context.Context) ([]Key, error) {
	var keys []Key
	err := a.each(ctx, kindKey, "", func(d store.Document) (bool, error) {
		var s storedKey
		err := decode(d, &s)
		keys = append(keys, s.record().key)
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	return keys, nil
}

// RevokeKey ends a key: here at once, on other nodes within Config.CacheFor. Errors: NotFound.
func (a *Accounts) RevokeKey(ctx context.Context, id string) error {
	unknown := minapush.Errorf(minapush.NotFound, "API key %.64q is not known", id)
	if !keyID(id) {
		return unknown
	}
	err := a.remove(ctx, kindKey, id)
	a.keys.forget(id)
	if errors.Is(err, minapush.NotFound) {
		return unknown
	}
	return err
}

func (a *Accounts) checkKey(ctx context.Context, k Key) error {
	if k.Name == "" || len(k.Name) > maxName || !utf8.ValidString(k.Name) {
		return minapush.FieldError("name", "must be UTF-8 of 1 to %d bytes", maxName)
	}
	if len(k.Scopes) == 0 {
		return minapush.FieldError("scopes", "must name at least one scope")
	}
	for i, s := range k.Scopes {
		if !slices.Contains(Scopes(), s) || slices.Contains(k.Scopes[:i], s) {
			return minapush.FieldError("scopes", "must be report, read, push, campaign or admin, each once, not %.32q", s)
		}
	}
	if k.App == "" {
		return nil
	}
	_, err := a.App(ctx, k.App)
	if errors.Is(err, minapush.NotFound) {
		return minapush.FieldError("app", "%.64q is not known", k.App)
	}
	return err
}

// newKeyID is the ID that a key asks for, or else another one.
func (a *Accounts) newKeyID(asked string) (string, error) {
	if asked != "" {
		id, err := ulid.ParseStrict(asked)
		if err != nil {
			return "", minapush.FieldError("id", "must be a ULID")
		}
		return id.String(), nil
	}
	id, err := ulid.New(ulid.Timestamp(a.now()), a.rand)
	if err != nil {
		return "", fmt.Errorf("create key: %w", err)
	}
	return id.String(), nil
}

// newSecret makes the secret of a key and its hash. 256 random bits need no slow hash.
func (a *Accounts) newSecret(id string) (secret string, hash []byte, err error) {
	random := make([]byte, keyRandom)
	if _, err := io.ReadFull(a.rand, random); err != nil {
		return "", nil, fmt.Errorf("make an API key: %w", err)
	}
	secret = keyPrefix + id + "_" + base64.RawURLEncoding.EncodeToString(random)
	sum := sha256.Sum256([]byte(secret))
	return secret, sum[:], nil
}

func stored(k Key, hash []byte) storedKey {
	return storedKey{V: format, ID: k.ID, Name: k.Name, App: k.App, Scopes: k.Scopes, Hash: hash, CreatedAt: k.CreatedAt}
}

func keyID(id string) bool {
	if id == firstKey {
		return true
	}
	_, err := ulid.ParseStrict(id)
	return err == nil
}
