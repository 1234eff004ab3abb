package account

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"log/slog"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// KeySize is the length of a sealing key in bytes.
const KeySize = 32

// sealPrefix begins everything sealed and names the way it was sealed: AES-256-GCM with a random nonce in front.
var sealPrefix = []byte("mps1")

// Sealer encrypts secrets before they are stored, by AES-256-GCM. What is sealed can only be opened for the same purpose and id,
// so that nobody who can write to the store moves a secret from one place to another. It may be used by any number of
// goroutines.
type Sealer struct{ aead cipher.AEAD }

// LogValue keeps the key out of logs.
func (s *Sealer) LogValue() slog.Value { return slog.StringValue("sealer") }

// String keeps the key out of formatted text.
func (s *Sealer) String() string { return "sealer" }

// GoString does what String does, for %#v.
func (s *Sealer) GoString() string { return "sealer" }

// OpenSealer makes a Sealer from a key of KeySize bytes. Errors: Invalid.
func OpenSealer(key []byte) (*Sealer, error) {
	if len(key) != KeySize {
		return nil, minapush.Errorf(minapush.Invalid, "a sealing key has %d bytes, this one has %d", KeySize, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("open sealer: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("open sealer: %w", err)
	}
	return &Sealer{aead: aead}, nil
}

// Seal encrypts a secret for a purpose and the id of what it belongs to. Two seals of one secret differ.
func (s *Sealer) Seal(purpose, id string, secret []byte) []byte {
	return s.aead.Seal(bytes.Clone(sealPrefix), nil, secret, sealedFor(purpose, id))
}

// Open returns a secret that was sealed for the same purpose and id. Errors: Internal, for another key, another place, damage, or a
// way of sealing that this release does not know.
func (s *Sealer) Open(purpose, id string, sealed []byte) ([]byte, error) {
	body, ok := bytes.CutPrefix(sealed, sealPrefix)
	if !ok {
		return nil, minapush.Errorf(minapush.Internal, "the %s of %q was sealed in a way that this release does not know", purpose, id)
	}
	secret, err := s.aead.Open(nil, nil, body, sealedFor(purpose, id))
	if err != nil {
		return nil, minapush.Errorf(minapush.Internal, "the %s of %q cannot be opened: it was sealed with another key file, or is damaged",
			purpose, id)
	}
	return secret, nil
}

func sealedFor(purpose, id string) []byte { return []byte(purpose + "\x00" + id) }

// storedSealed is one secret in a document of its own.
type storedSealed struct {
	V      int    `json:"v"`
	Sealed []byte `json:"sealed"`
}

// CheckSeal tells whether the sealer's key is the one that this store was sealed with; the first call on a store settles that.
// Call it at the start, so that a wrong key file is noticed before a campaign is. Errors: Internal, for another key.
func (a *Accounts) CheckSeal(ctx context.Context) error {
	const purpose, id = "seal check", "1"
	for range maxEdits {
		var d storedSealed
		_, err := a.get(ctx, kindSealCheck, id, &d)
		if err == nil {
			_, err = a.sealer.Open(purpose, id, d.Sealed)
			return err
		}
		if !errors.Is(err, minapush.NotFound) {
			return fmt.Errorf("check seal: %w", err)
		}
		d = storedSealed{V: format, Sealed: a.sealer.Seal(purpose, id, []byte(purpose))}
		if _, err = a.put(ctx, kindSealCheck, id, 0, d); !errors.Is(err, minapush.Conflict) {
			return err
		}
	}
	return minapush.Errorf(minapush.Conflict, "check seal: the document comes and goes")
}

// Sealed tells whether the secrets of a store are sealed with some key already.
func Sealed(ctx context.Context, docs store.Documents) (bool, error) {
	found, err := docs.ListDocuments(ctx, kindSealCheck, "", 1)
	if err != nil {
		return false, fmt.Errorf("check seal: %w", err)
	}
	return len(found) > 0, nil
}
