package bank

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

const (
	// spentDeadline is when a row is recovered whose steps were broken off.
	spentDeadline = time.Minute
	// keepSpentKey is how long an idempotency key is remembered: as long as deliveries are.
	keepSpentKey = 30 * 24 * time.Hour
	// maxSentAgo is how long ago a message may have gone out: as long as deliveries are kept.
	maxSentAgo = 30 * 24 * time.Hour
	// sentSkew is how far ahead of ours the caller's clock may be.
	sentSkew = 5 * time.Minute
	// spentTries is how often a step is tried while the store is unavailable: the message is out, so giving up is the worse end.
	spentTries = 3
)

// Elsewhere is a message that somebody else sent.
type Elsewhere struct {
	// ID names it, as a push's id does: a ULID.
	ID       string
	OpenID   minapush.OpenID
	Template minapush.Template
	// Code names the permit that was used; empty: the one that ends first of those that were ready at SentAt.
	Code  string
	MsgID int64
	// SentAt is when it went out; zero: now. It may lie up to 30 days back.
	SentAt time.Time
	// Key is the caller's idempotency key, empty for none, and Fingerprint a hash of the request.
	Key         string
	Fingerprint uint64
}

// Spent takes a permit for a message that went out elsewhere and writes its delivery row (accepted, ReasonElsewhere; skipped if there
// is no such permit, or the user has opted out of everything). replayed tells that it was told before with the same key. Errors:
// Invalid; Conflict with Field "Idempotency-Key" (used for another request; with RetryAfter: that one is in progress); Throttled
// (another delivery of the user is in hand). A call that breaks off is ended after a minute by RecoverPushes: withdrawn, or unknown with
// the permit spent.
func (b *Bank) Spent(ctx context.Context, app minapush.App, e Elsewhere) (d minapush.Delivery, replayed bool, err error) {
	if err := checkUser(app, e.OpenID); err != nil {
		return d, false, err
	}
	now := b.cfg.Now().UTC()
	sent, err := sentAt(e.SentAt, now)
	if err != nil {
		return d, false, err
	}
	if e.Code = strings.TrimPrefix(e.Code, "prepay_id="); e.Code != "" && e.Template.Kind != minapush.LegacyTemplate {
		return d, false, minapush.FieldError("code", "must be absent: only messages of legacy templates are sent with a code")
	}
	got, err := b.reserveSpent(ctx, app, store.Push{
		Batch: minapush.PushBatch(now), ID: e.ID, OpenID: e.OpenID, Attempt: 1, Now: sent, Deadline: now.Add(spentDeadline),
		Need: store.Need{Kind: e.Template.Kind, Template: e.Template.ID, Code: e.Code},
		Key:  e.Key, Fingerprint: e.Fingerprint, KeepKey: keepSpentKey,
	})
	if err != nil {
		return d, false, err
	}
	switch got.Status {
	case store.PushReserved:
	case store.PushSkipped:
		return got.Delivery, false, nil
	case store.PushReplayed:
		return got.Delivery, got.Delivery.Push != e.ID, nil // the row of this very call, if its first answer was lost
	case store.PushInProgress:
		return d, false, keyConflict(time.Second, "a call with this key is in progress")
	case store.PushKeyReused:
		return d, false, keyConflict(0, "was used for another request")
	default: // busy
		err := errors.New("another delivery of this user is under way")
		return d, false, &minapush.Error{Kind: minapush.Throttled, Op: "spent", RetryAfter: time.Second, Err: err}
	}
	d, err = b.settleSpent(context.WithoutCancel(ctx), app, store.RefOf(got.Delivery), e.MsgID, sent, now)
	if err == nil {
		b.noteElsewhere(app, d)
	}
	return d, false, err
}

// reserveSpent reserves; the same row again, if an answer was lost.
func (b *Bank) reserveSpent(ctx context.Context, app minapush.App, p store.Push) (got store.PushAnswer, err error) {
	for range spentTries {
		if got, err = b.ReservePush(ctx, app, p); !errors.Is(err, minapush.Unavailable) {
			break
		}
	}
	return got, err
}

// settleSpent brings a row that holds a permit to its end. Once begun it goes on whatever becomes of the caller.
func (b *Bank) settleSpent(
	ctx context.Context, app minapush.App, ref store.Ref, msgID int64, sent, now time.Time,
) (d minapush.Delivery, err error) {
	shard := app.Shard(ref.OpenID)
	if err := b.st.MarkPush(ctx, shard, ref, now, now.Add(spentDeadline)); err != nil {
		// Nobody else marks this row: one that is being sent already was marked by a call whose answer was lost, and is settled all
		// the same. One that is gone was recovered.
		if !errors.Is(err, minapush.Unavailable) && !errors.Is(err, minapush.Conflict) {
			return d, fmt.Errorf("mark %s: %w", ref.Push, err)
		}
	}
	// A crash here leaves a row that is being sent: it becomes unknown, its permit spent.
	for range spentTries {
		d, err = b.st.SettlePush(ctx, shard, store.Settlement{
			Ref: ref, Outcome: minapush.Accepted, Permit: store.Spend, Reason: minapush.ReasonElsewhere, MsgID: msgID, Now: sent,
		})
		if !errors.Is(err, minapush.Unavailable) {
			break
		}
	}
	switch {
	case errors.Is(err, minapush.NotFound): // recovered before it was marked
		return d, minapush.Errorf(minapush.Unavailable, "spent %s was given back, since it took too long", ref.Push)
	case err != nil:
		return d, fmt.Errorf("settle %s: %w", ref.Push, err)
	}
	return d, nil
}

// sentAt checks when a message went out.
func sentAt(at, now time.Time) (time.Time, error) {
	switch {
	case at.IsZero():
		return now, nil
	case at.After(now.Add(sentSkew)):
		return at, minapush.FieldError("sent_at", "must not lie ahead")
	case at.Before(now.Add(-maxSentAgo)):
		return at, minapush.FieldError("sent_at", "must lie at most %d days back", maxSentAgo/(24*time.Hour))
	case at.After(now):
		return now, nil
	}
	return at.UTC(), nil
}

func keyConflict(retry time.Duration, text string) error {
	return &minapush.Error{Kind: minapush.Conflict, Field: "Idempotency-Key", RetryAfter: retry, Err: errors.New(text)}
}
