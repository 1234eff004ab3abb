package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/account"
)

// bearer is the credential of a request. Errors: 401.
func bearer(r *http.Request) (string, error) {
	header := r.Header.Get("Authorization")
	scheme, credential, _ := strings.Cut(header, " ")
	credential = strings.TrimSpace(credential)
	if header == "" || !strings.EqualFold(scheme, "Bearer") || credential == "" {
		return "", refuse(rowNoKey, `send "Authorization: Bearer <credential>"`)
	}
	return credential, nil
}

// authenticate finds the API key of a request. Errors: 401.
func (s *Server) authenticate(ctx context.Context, r *http.Request) (account.Key, error) {
	secret, err := bearer(r)
	if err != nil {
		return account.Key{}, err
	}
	key, err := s.parts.Accounts.Authenticate(ctx, secret)
	return key, unknownCredential(err)
}

// unknownCredential makes the Unauthorized of a credential that is not valid a 401; elsewhere Unauthorized is a 403.
func unknownCredential(err error) error {
	if !errors.Is(err, minapush.Unauthorized) {
		return err
	}
	return refuse(rowBadKey, "the API key or session token is unknown, forged or over, or is of another app")
}

// allowed finds the app of a request for a key with any of the scopes. A key that is not for the app learns nothing of it, not even
// whether it exists: it gets the same 403 either way. Only a key that is for the app, or for every app, gets a 404.
func (s *Server) allowed(ctx context.Context, key account.Key, id minapush.AppID, scopes []account.Scope) (minapush.App, error) {
	if !slices.ContainsFunc(scopes, func(scope account.Scope) bool { return key.Allows(id, scope) }) {
		return minapush.App{}, lacks(scopes)
	}
	return s.parts.Accounts.App(ctx, id)
}

// lacks says which scopes would do.
func lacks(scopes []account.Scope) error {
	return refuse(rowForbidden, "this needs a key for the app with scope "+scopeNames(scopes))
}

// scopeNames lists the scopes of which a key needs one.
func scopeNames(scopes []account.Scope) string {
	var names []string
	for _, scope := range scopes {
		names = append(names, string(scope))
	}
	if !slices.Contains(scopes, account.ScopeAdmin) {
		names = append(names, string(account.ScopeAdmin))
	}
	return strings.Join(names, " or ")
}

// forEveryApp refuses keys that are for one app only.
func forEveryApp(key account.Key, scope account.Scope) error {
	if !key.Allows("", scope) {
		return refuse(rowForbidden, "this needs a key for every app with scope "+string(scope))
	}
	return nil
}
