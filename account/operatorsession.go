package account

import (
	"context"
	"errors"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

const kindSession = "account.console_session"

type storedSession struct {
	V       int       `json:"v"`
	Data    []byte    `json:"data"`
	Expires time.Time `json:"expires"`
}

// ConsoleSessions keeps the sessions of operators in the store, so that every node knows them and a restart ends none. It is what package
// scs calls a CtxStore; the tokens that it is given are hashes of those in the browser.
type ConsoleSessions struct{ a *Accounts }

// ConsoleSessions returns the sessions of operators.
func (a *Accounts) ConsoleSessions() *ConsoleSessions { return &ConsoleSessions{a} }

// FindCtx returns what is kept of a session that is not over.
func (s *ConsoleSessions) FindCtx(ctx context.Context, token string) (b []byte, found bool, err error) {
	var kept storedSession
	_, err = s.a.get(ctx, kindSession, token, &kept)
	switch {
	case errors.Is(err, minapush.NotFound):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	return kept.Data, s.a.now().Before(kept.Expires), nil
}

// CommitCtx keeps a session. A new one takes those that are over with it.
func (s *ConsoleSessions) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	return edit(ctx, s.a, kindSession, token, func(kept *storedSession, exists bool) error {
		if !exists {
			s.forgetOver(ctx)
		}
		*kept = storedSession{V: format, Data: b, Expires: expiry.UTC().Truncate(time.Millisecond)}
		return nil
	})
}

// DeleteCtx ends a session.
func (s *ConsoleSessions) DeleteCtx(ctx context.Context, token string) error {
	if err := s.a.remove(ctx, kindSession, token); !errors.Is(err, minapush.NotFound) {
		return err
	}
	return nil
}

// forgetOver removes sessions that are over. What it cannot remove is removed another time.
func (s *ConsoleSessions) forgetOver(ctx context.Context) {
	_ = s.a.each(ctx, kindSession, "", func(d store.Document) (bool, error) {
		var kept storedSession
		if decode(d, &kept) == nil && !s.a.now().Before(kept.Expires) {
			_ = s.a.docs.Delete(ctx, d)
		}
		return true, nil
	})
}

// Find, Commit and Delete are what package scs asks of every store; it calls the others of one that has them.

// Find is FindCtx.
func (s *ConsoleSessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token) //arch:allow never called
}

// Commit is CommitCtx.
func (s *ConsoleSessions) Commit(token string, b []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, b, expiry) //arch:allow never called
}

// Delete is DeleteCtx.
func (s *ConsoleSessions) Delete(token string) error {
	return s.DeleteCtx(context.Background(), token) //arch:allow never called
}
