package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// ForgetSecrets removes everything that was sealed from a store whose key is lost, so that it takes another key: AppSecrets, secrets of
// token sources, kept access tokens, the token and key of events, and the key of sessions, which all end. An app with a fixed token goes
// back to the default token source, since it would have none; what else the event settings say stays. Nobody else may use the store meanwhile. After an error it may be called again.
func ForgetSecrets(ctx context.Context, docs store.Documents) error {
	a := &Accounts{docs: docs}
	err := a.each(ctx, kindApp, "", func(d store.Document) (bool, error) { return true, a.forgetSecrets(ctx, d) })
	if err != nil {
		return fmt.Errorf("forget secrets of apps: %w", err)
	}
	err = a.each(ctx, kindEvents, "", func(d store.Document) (bool, error) { return true, a.forgetEventSecrets(ctx, d) })
	if err != nil {
		return fmt.Errorf("forget secrets of events: %w", err)
	}
	// The check comes last: until it is gone the store refuses another key.
	for _, kind := range []string{kindToken, kindSigningKey, kindSealCheck} {
		err := a.each(ctx, kind, "", func(d store.Document) (bool, error) {
			err := a.remove(ctx, kind, d.ID)
			if errors.Is(err, minapush.NotFound) {
				err = nil
			}
			return true, err
		})
		if err != nil {
			return fmt.Errorf("forget %s: %w", kind, err)
		}
	}
	return nil
}

func (a *Accounts) forgetSecrets(ctx context.Context, d store.Document) error {
	var s storedApp
	if err := decode(d, &s); err != nil {
		return err
	}
	s.SealedSecret, s.SealedHeader, s.SealedValue = nil, nil, nil
	if s.TokenKind == minapush.TokenFixed {
		s.TokenKind = minapush.TokenStable
	}
	value, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode app %s: %w", s.ID, err)
	}
	_, err = a.docs.Put(ctx, store.Document{Kind: kindApp, ID: d.ID, Version: d.Version, Value: value})
	return err
}

func (a *Accounts) forgetEventSecrets(ctx context.Context, d store.Document) error {
	var s storedEvents
	if err := decode(d, &s); err != nil {
		return err
	}
	s.SealedToken, s.SealedAESKey = nil, nil
	_, err := a.put(ctx, kindEvents, d.ID, d.Version, s)
	return err
}
