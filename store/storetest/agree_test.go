package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
	"pgregory.net/rapid"
)

func TestTheModelAgreesWithItself(t *testing.T) {
	t.Parallel()
	Agree(t, func(tb testing.TB, clock func() time.Time) (store.Store, func() store.Store) {
		m := NewModel(clock)
		tb.Cleanup(func() { _ = m.Close() })
		return m, func() store.Store {
			m = m.Reopen()
			return m
		}
	})
}

// Each of these is wrong in one way that has been seen in stores.
func TestAgreeFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]func(*Model) store.Store{
		"spends what is released":       func(m *Model) store.Store { return agreeSpends{m} },
		"hands out the wrong attempt":   func(m *Model) store.Store { return agreeAttempts{m} },
		"forgets identities":            func(m *Model) store.Store { return agreeForgets{m} },
		"lets a lapsed lease settle":    func(m *Model) store.Store { return agreeLapsed{m} },
		"does a step that was too late": func(m *Model) store.Store { return agreeCancelled{m} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := agreeFails(t, wrong)
			if found == "" {
				t.Fatal("Agree did not find it")
			}
			t.Log(found)
		})
	}
}

// agreeFails runs sequences until one fails, and says how. It goes round rapid.Check, which would shorten the sequence and write it
// to a file.
func agreeFails(t *testing.T, wrong func(*Model) store.Store) (found string) {
	for seed := range 200 {
		rapid.Custom(func(rt *rapid.T) bool {
			defer func() {
				if r := recover(); r != nil {
					found = fmt.Sprint(r)
				}
			}()
			if found == "" {
				agreeRun(rt, agreeTB{TB: t, rt: rt}, func(_ testing.TB, clock func() time.Time) (store.Store, func() store.Store) {
					return wrong(NewModel(clock)), nil
				})
			}
			return true
		}).Example(seed)
		if found != "" {
			return found
		}
	}
	return ""
}

type agreeSpends struct{ *Model }

func (s agreeSpends) Settle(ctx context.Context, l store.Lease, xs []store.Settlement) error {
	for i, x := range xs {
		if x.Outcome == minapush.Failed && x.Permit == store.Release {
			xs[i].Permit = store.Spend
		}
	}
	return s.Model.Settle(ctx, l, xs)
}

type agreeAttempts struct{ *Model }

func (s agreeAttempts) ReserveBatch(ctx context.Context, l store.Lease, b store.Batch) (store.Reserved, error) {
	r, err := s.Model.ReserveBatch(ctx, l, b)
	for i := range r.Rows {
		r.Rows[i].Attempt = 1
	}
	return r, err
}

type agreeForgets struct{ *Model }

func (s agreeForgets) Deposit(ctx context.Context, sh minapush.Shard, o minapush.OpenID, d store.Deposit) (store.Deposited, error) {
	if u := s.data.shards[sh]; u != nil && u.users[o] != nil {
		u.users[o].spent = map[modelIdentity]time.Time{}
	}
	return s.Model.Deposit(ctx, sh, o, d)
}

type agreeLapsed struct{ *Model }

func (s agreeLapsed) Mark(ctx context.Context, l store.Lease, refs []store.Ref, now time.Time) ([]bool, error) {
	l = s.shard(l.Shard).lease
	return s.Model.Mark(ctx, l, refs, now)
}

type agreeCancelled struct{ *Model }

func (s agreeCancelled) Erase(ctx context.Context, sh minapush.Shard, o minapush.OpenID, now time.Time) (bool, error) {
	return s.Model.Erase(context.WithoutCancel(ctx), sh, o, now)
}
