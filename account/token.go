package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/minapush/minapush"
)

const (
	tokenPurpose = "access token"
	maxToken     = 64 << 10
)

// LoadToken returns what StoreToken kept for an app, with its version. There is nothing yet: nil, 0, nil.
func (a *Accounts) LoadToken(ctx context.Context, app minapush.AppID) (value []byte, version uint64, err error) {
	if checkAppID(app) != nil {
		return nil, 0, unknownApp(app)
	}
	var d storedSealed
	version, err = a.get(ctx, kindToken, string(app), &d)
	if errors.Is(err, minapush.NotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("load token of %s: %w", app, err)
	}
	value, err = a.sealer.Open(tokenPurpose, string(app), d.Sealed)
	if err != nil {
		return nil, 0, err
	}
	return value, version, nil
}

// StoreToken keeps an access token, sealed, over the version that was loaded (0: there was none), and returns the new version.
// Nodes share it. Errors: Conflict (another node stored one since: load it).
func (a *Accounts) StoreToken(ctx context.Context, app minapush.AppID, value []byte, version uint64) (uint64, error) {
	if checkAppID(app) != nil {
		return 0, unknownApp(app)
	}
	if len(value) > maxToken {
		return 0, minapush.Errorf(minapush.Invalid, "a token has at most %d bytes", maxToken)
	}
	next, err := a.put(ctx, kindToken, string(app), version, storedSealed{V: format, Sealed: a.sealer.Seal(tokenPurpose, string(app), value)})
	if err != nil {
		return 0, fmt.Errorf("store token of %s: %w", app, err)
	}
	return next, nil
}
