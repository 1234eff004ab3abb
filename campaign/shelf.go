package campaign

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// shelf keeps campaigns, or schedules. Two kinds of documents hold them: the things themselves, newest first, and an index of those that
// have not ended, oldest first, written before a thing and removed after its end, so that it may name too many but never too few.
type shelf[T any] struct {
	*Campaigns
	what    string // as errors name one
	kindOf  func(minapush.AppID) string
	indexOf func(minapush.AppID) string
	encode  func(T) ([]byte, error)
	decode  func(store.Document) (T, error)
	ended   func(T) bool
}

// get returns one. Errors: NotFound.
func (s shelf[T]) get(ctx context.Context, app minapush.AppID, id string) (T, error) {
	d, err := s.st.Get(ctx, s.kindOf(app), turned(id))
	if err != nil {
		var none T
		return none, s.notRead(id, err)
	}
	return s.decode(d)
}

// notRead says why one was not read. What the store says of one that is not there names it as the store does.
func (s shelf[T]) notRead(id string, err error) error {
	if errors.Is(err, minapush.NotFound) {
		return minapush.Errorf(minapush.NotFound, "%s %s is not known", s.what, id)
	}
	return fmt.Errorf("%s %s: %w", s.what, id, err)
}

// list returns up to limit that were created before the one named by after, or for "" the last ones, newest first.
func (s shelf[T]) list(ctx context.Context, app minapush.AppID, after string, limit int) ([]T, error) {
	docs, err := s.st.ListDocuments(ctx, s.kindOf(app), turned(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list %ss of %s: %w", s.what, app, err)
	}
	list := make([]T, 0, len(docs))
	for _, d := range docs {
		one, err := s.decode(d)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// each hands out those of an app that have not ended, oldest first, but for those to be skipped, and clears the index of those that have.
func (s shelf[T]) each(ctx context.Context, app minapush.AppID, skip func(id string) bool, do func(T)) error {
	for after := ""; ; {
		docs, err := s.st.ListDocuments(ctx, s.indexOf(app), after, 100)
		if err != nil || len(docs) == 0 {
			return err
		}
		for _, d := range docs {
			if after = d.ID; skip(d.ID) {
				continue
			}
			one, err := s.get(ctx, app, d.ID)
			switch {
			case errors.Is(err, minapush.NotFound): // being created
			case err != nil:
				return err
			case s.ended(one):
				s.unindex(ctx, app, d.ID)
			default:
				do(one)
			}
		}
	}
}

// insert adds a new one. Errors: Conflict.
func (s shelf[T]) insert(ctx context.Context, app minapush.AppID, id string, one T) error {
	_, err := s.st.Put(ctx, store.Document{Kind: s.indexOf(app), ID: id})
	if err != nil && !errors.Is(err, minapush.Conflict) {
		return fmt.Errorf("create %s: %w", s.what, err)
	}
	// From here on a crash leaves an index entry that names nothing, which does no harm.
	value, err := s.encode(one)
	if err != nil {
		return err
	}
	if _, err = s.st.Put(ctx, store.Document{Kind: s.kindOf(app), ID: turned(id), Value: value}); err != nil {
		return fmt.Errorf("create %s: %w", s.what, err)
	}
	return nil
}

// unindex removes the entry of one that has ended.
func (s shelf[T]) unindex(ctx context.Context, app minapush.AppID, id string) {
	d, err := s.st.Get(ctx, s.indexOf(app), id)
	if err == nil {
		err = s.st.Delete(ctx, d)
	}
	if err != nil && !errors.Is(err, minapush.NotFound) && !errors.Is(err, minapush.Conflict) {
		s.cfg.Logger.Warn("what has ended stays in its index for now", "what", s.what, "app", app, "id", id, "err", err)
	}
}

// change applies a rule by compare-and-set, again while others change the same one at the same time, and tells whether that changed it.
func (s shelf[T]) change(ctx context.Context, app minapush.AppID, id string, rule func(*T, time.Time) error) (one T, changed bool, err error) {
	for {
		d, err := s.st.Get(ctx, s.kindOf(app), turned(id))
		if err != nil {
			var none T
			return none, false, s.notRead(id, err)
		}
		one, err := s.decode(d)
		if err != nil {
			return one, false, err
		}
		if err := rule(&one, s.cfg.Now().UTC()); err != nil {
			return one, false, err
		}
		value, err := s.encode(one)
		if err != nil {
			return one, false, err
		}
		if string(value) == string(d.Value) {
			return one, false, nil
		}
		_, err = s.st.Put(ctx, store.Document{Kind: d.Kind, ID: d.ID, Version: d.Version, Value: value})
		if errors.Is(err, minapush.Conflict) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return one, false, fmt.Errorf("%s %s: %w", s.what, id, err)
		}
		if s.ended(one) {
			s.unindex(ctx, app, id)
		}
		return one, true, nil
	}
}
