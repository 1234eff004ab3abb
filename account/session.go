package account

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/minapush/minapush"
)

const (
	sessionIssuer  = "minapush"
	maxSessionText = 2048
	signingKeyID   = "1"
	signingPurpose = "session signing key"
)

// IssueSession makes a session token for one user of an app: a JWT (HS256) that the SDK sends along. It ends after
// Config.SessionLife, and cannot be taken back before. Errors: Invalid; NotFound (no such app).
func (a *Accounts) IssueSession(ctx context.Context, app minapush.AppID, o minapush.OpenID) (token string, expires time.Time, err error) {
	if err := o.Validate(); err != nil {
		return "", time.Time{}, err
	}
	if _, err := a.App(ctx, app); err != nil {
		return "", time.Time{}, err
	}
	key, err := a.signingKey(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	now := a.now().UTC().Truncate(time.Second)
	expires = now.Add(a.sessionLife).Truncate(time.Second)
	token, err = jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Issuer: sessionIssuer, Audience: jwt.ClaimStrings{string(app)}, Subject: string(o),
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
	}).SignedString(key)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign session: %w", err)
	}
	return token, expires, nil
}

// VerifySession tells whose session token of an app this is. Errors: Unauthorized, for one that is forged, over, or of another
// app.
func (a *Accounts) VerifySession(ctx context.Context, app minapush.AppID, token string) (minapush.OpenID, error) {
	invalid := minapush.Errorf(minapush.Unauthorized, "the session token is not valid: ask for a new one")
	if len(token) > maxSessionText || checkAppID(app) != nil {
		return "", invalid
	}
	key, err := a.signingKey(ctx)
	if err != nil {
		return "", err
	}
	var claims jwt.RegisteredClaims
	_, err = jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return key, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithAudience(string(app)), jwt.WithIssuer(sessionIssuer),
		jwt.WithExpirationRequired(), jwt.WithStrictDecoding(), jwt.WithTimeFunc(a.now))
	o := minapush.OpenID(claims.Subject)
	if err != nil || o.Validate() != nil {
		return "", invalid
	}
	return o, nil
}

// signingKey is the key of this store's sessions. The first node that needs it makes it; no node can make another.
func (a *Accounts) signingKey(ctx context.Context) ([]byte, error) {
	a.mu.Lock()
	key := a.signing
	a.mu.Unlock()
	if key != nil {
		return key, nil
	}
	err := a.makeSigningKey(ctx)
	if err != nil && !errors.Is(err, minapush.Conflict) {
		return nil, fmt.Errorf("make session key: %w", err)
	}
	var d storedSealed
	if _, err := a.get(ctx, kindSigningKey, signingKeyID, &d); err != nil {
		return nil, fmt.Errorf("read session key: %w", err)
	}
	if key, err = a.sealer.Open(signingPurpose, signingKeyID, d.Sealed); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.signing = key
	return key, nil
}

// makeSigningKey writes a new key unless there is one. What it made is not returned: only what is stored counts.
func (a *Accounts) makeSigningKey(ctx context.Context) error {
	_, err := a.docs.Get(ctx, kindSigningKey, signingKeyID)
	if !errors.Is(err, minapush.NotFound) {
		return err
	}
	key := make([]byte, 32)
	if _, err := io.ReadFull(a.rand, key); err != nil {
		return err
	}
	_, err = a.put(ctx, kindSigningKey, signingKeyID, 0, storedSealed{V: format, Sealed: a.sealer.Seal(signingPurpose, signingKeyID, key)})
	return err
}
