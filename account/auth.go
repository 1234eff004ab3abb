package account

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/minapush/minapush"
)

// Authenticate finds the key of a secret. Errors: Unauthorized, with the same text whatever is wrong.
func (a *Accounts) Authenticate(ctx context.Context, secret string) (Key, error) {
	unknown := minapush.Errorf(minapush.Unauthorized, "the API key is not valid")
	rest, ok := strings.CutPrefix(secret, keyPrefix)
	id, _, found := strings.Cut(rest, "_")
	if !ok || !found || len(secret) > maxKeyText || !keyID(id) {
		return Key{}, unknown
	}
	r, err := a.keys.get(id, func() (keyRecord, error) {
		var s storedKey
		_, err := a.get(ctx, kindKey, id, &s)
		return s.record(), err
	})
	if errors.Is(err, minapush.NotFound) {
		return Key{}, unknown
	}
	if err != nil {
		return Key{}, fmt.Errorf("read API key: %w", err)
	}
	hash := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(hash[:], r.hash) != 1 {
		return Key{}, unknown
	}
	k := r.key
	k.Scopes = slices.Clone(k.Scopes)
	return k, nil
}

// EnsureAdminKey makes an admin key for every app if the store has no key at all, and returns its secret; among several nodes that
// call it at once only one has created set. The secret cannot be had again, so keep, unless it is nil, gets it before the key is
// stored: after a crash in between the store still has no key, and the next call makes another. A secret that was kept although
// created is false is worth nothing.
func (a *Accounts) EnsureAdminKey(ctx context.Context, keep func(secret string) error) (secret string, created bool, err error) {
	some, err := a.docs.ListDocuments(ctx, kindKey, "", 1)
	if err != nil {
		return "", false, fmt.Errorf("look for API keys: %w", err)
	}
	if len(some) > 0 {
		return "", false, nil
	}
	secret, hash, err := a.newSecret(firstKey)
	if err != nil {
		return "", false, err
	}
	if keep != nil {
		if err := keep(secret); err != nil {
			return "", false, fmt.Errorf("keep the first admin key: %w", err)
		}
	}
	k := Key{ID: firstKey, Name: "first admin key", Scopes: []Scope{ScopeAdmin}, CreatedAt: a.utc()}
	_, err = a.put(ctx, kindKey, firstKey, 0, stored(k, hash))
	if err == nil {
		return secret, true, nil
	}
	// Another node was first, or the answer was lost although the key was written: what is stored tells.
	var s storedKey
	if _, gotErr := a.get(ctx, kindKey, firstKey, &s); gotErr != nil {
		return "", false, fmt.Errorf("make the first admin key: %w", err)
	}
	if bytes.Equal(s.Hash, hash) {
		return secret, true, nil
	}
	return "", false, nil
}
