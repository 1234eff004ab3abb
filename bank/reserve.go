package bank

import (
	"context"
	"fmt"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// What reserving takes and gives: the nouns of package store, so that dispatch need not import it.
type (
	// Lease is the right to do the campaign work of one shard.
	Lease = store.Lease
	// Need says which permits serve a message.
	Need = store.Need
	// Batch asks for the next deliveries of a campaign in a shard.
	Batch = store.Batch
	// Looks says which parts of a User somebody looks at.
	Looks = store.Looks
	// Guard keeps a message from users who had enough.
	Guard = store.Guard
	// Reserved is what a Batch got.
	Reserved = store.Reserved
	// Push asks for a permit for one message to one user.
	Push = store.Push
	// PushAnswer is what became of a Push.
	PushAnswer = store.PushAnswer
	// PushStatus says what became of a Push.
	PushStatus = store.PushStatus
	// User is one user with its permits.
	User = store.User
	// Deposited answers a deposit.
	Deposited = store.Deposited
	// Accepted is what became of one deposited permit.
	Accepted = store.Accepted
)

// Asks is what somebody who is asked about users wants to be told of them.
type Asks struct {
	// Looks says which parts of a User are looked at; Beside names campaigns of which User.Beside tells.
	Looks  Looks
	Beside []string
}

// The answers to a Push and to a deposit; see package store.
const (
	PushReserved   = store.PushReserved
	PushSkipped    = store.PushSkipped
	PushBusy       = store.PushBusy
	PushReplayed   = store.PushReplayed
	PushInProgress = store.PushInProgress
	PushKeyReused  = store.PushKeyReused

	Added         = store.Added
	Duplicate     = store.Duplicate
	EvictedAtOnce = store.EvictedAtOnce
	Refused       = store.Refused
	Stale         = store.Stale
	SwitchedOff   = store.SwitchedOff
)

// NeedFor says which permits serve a message whose template is of kind t.
func NeedFor(t minapush.TemplateKind, m minapush.Message) store.Need {
	return store.Need{Kind: t, Template: m.Template, Content: m.Content()}
}

// ReserveBatch hands out the next deliveries of a campaign in a shard, each with one use held, in one atomic step. The caller marks
// or settles every row before its next call; then repeating a call whose answer was lost is safe. A zero b.Now is the bank's.
// Errors: Conflict (the lease is no longer the shard's).
func (b *Bank) ReserveBatch(ctx context.Context, lease store.Lease, batch store.Batch) (store.Reserved, error) {
	if batch.Now.IsZero() {
		batch.Now = b.cfg.Now().UTC()
	}
	r, err := b.st.ReserveBatch(ctx, lease, batch)
	if err != nil {
		return r, fmt.Errorf("reserve batch of campaign %s in shard %d/%d: %w", batch.Campaign, lease.Shard.App, lease.Shard.N, err)
	}
	b.metrics.reserved.WithLabelValues("campaign").Add(float64(len(r.Rows)))
	return r, nil
}

// ReservePush holds one use for a push, in one atomic step; see PushStatus for the other answers. A zero p.Now is the bank's.
// Errors: Invalid.
func (b *Bank) ReservePush(ctx context.Context, app minapush.App, p store.Push) (store.PushAnswer, error) {
	if err := checkUser(app, p.OpenID); err != nil {
		return store.PushAnswer{}, err
	}
	if p.Now.IsZero() {
		p.Now = b.cfg.Now().UTC()
	}
	a, err := b.st.ReservePush(ctx, app.Shard(p.OpenID), p)
	if err != nil {
		return a, fmt.Errorf("reserve push %s for %s: %w", p.ID, p.OpenID.Masked(), err)
	}
	if a.Status == store.PushReserved {
		b.metrics.reserved.WithLabelValues("push").Inc()
	}
	return a, nil
}
