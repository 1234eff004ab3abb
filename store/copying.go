package store

import (
	"context"
	"time"

	"github.com/minapush/minapush"
)

// Copyable is a store whose whole content can be read and written in one portable form, whatever the store: for copies while nobody
// serves. Nobody else may use the store meanwhile, so nothing here is a step, and nothing waits for another call.
//
// What a store imported from another one is that store, for every method of the contract, but for leases: of these there are none.
// So whoever had work in hand there has lost it, as after a restart.
type Copyable interface {
	Documents
	// Blank tells whether there is nothing in the store, documents included.
	Blank(ctx context.Context) (bool, error)
	// Export gives everything to take, in pieces of bounded size and in any order: each user, row, key, place on a list, entry of the
	// index and document once, the batches and the flow of each shard once, and each kind of document that ever was. All keys of a user
	// stand in one piece. What take is given is its own. An error of take ends the export and is returned. Errors: Conflict (a shard is leased, or was changed
	// meanwhile: somebody uses the store).
	Export(ctx context.Context, take func(Piece) error) error
	// Import writes pieces into a store that is not used yet; no two of one call are of one shard. What they hold comes to what is
	// there already, nothing of it twice. now is the caller's clock: by it a store that lets idempotency keys end by themselves knows
	// when. It is durable at the latest when a later Put or Delete of a document has returned; after an error anything of it may be
	// there. It is for one goroutine.
	Import(ctx context.Context, pieces []Piece, now time.Time) error
}

// Piece is part of what a store holds: of one shard, or documents.
type Piece struct {
	// Shard is whose everything is but Documents and Kinds.
	Shard   minapush.Shard
	Users   []CopiedUser
	Rows    []CopiedRow
	Keys    []CopiedKey
	Places  []CopiedPlace
	UIDs    []CopiedUID
	Batches []CopiedBatch
	// Flow is that of Permits.Flow; nil: not in this piece.
	Flow      map[minapush.PermitKind]minapush.Counts
	Documents []Document
	Kinds     []CopiedKind
}

// CopiedUser is a user of the shard.
type CopiedUser struct {
	OpenID minapush.OpenID
	// Record is the user's record in the format of package store/record, as one full frame: permits, the identities of those that are
	// gone, counters, recent deliveries, profile, the delivery that the user is busy with, and whether the user is being erased.
	Record []byte
	// Counts are those of Record, and Left the uses that are left by kind. They are for who counts: Import does not look at them.
	Counts minapush.Counts
	Left   [len(minapush.PermitKinds) + 1]int64
}

// CopiedRow is a delivery, of whatever state, with what only the store knows of it. It has no Values: those are on the list.
type CopiedRow struct {
	minapush.Delivery
	// Maybe tells that an earlier try may have arrived.
	Maybe bool
	// AtLeastOnce is the campaign's choice, for Recover.
	AtLeastOnce bool
	// SuspectedAt is when it became suspected.
	SuspectedAt time.Time
	// Key is the idempotency key of a push.
	Key string
}

// CopiedKey is an idempotency key of a user, known or not. The row of its push may be forgotten.
type CopiedKey struct {
	OpenID      minapush.OpenID
	Key         string
	Fingerprint uint64
	Batch, Push string
	// Until is when it is forgotten.
	Until time.Time
}

// CopiedPlace is a place on the list of a campaign.
type CopiedPlace struct {
	Campaign string
	Listed
}

// CopiedUID is an entry of the index of uids.
type CopiedUID struct {
	UID    string
	OpenID minapush.OpenID
}

// CopiedBatch is how far a batch is in the shard.
type CopiedBatch struct {
	Batch string
	// Cursor is the last openid walked, and Done tells that the walk is at the end of the shard.
	Cursor minapush.OpenID
	Done   bool
	Tally  minapush.Tally
}

// CopiedKind is a kind that there is a document of, or was.
type CopiedKind struct {
	Kind string
	// Version is at least the last one given to a document of the kind.
	Version uint64
}

// KindUnfinished is the kind of the one document that stands in a store while a copy is made into it, from before the first piece until
// all was compared. It is left by a copy that did not come to its end.
const KindUnfinished = "store.copy"

const idUnfinished = "unfinished"

// BeginCopy marks a blank store as one that a copy is being made into. Errors: Conflict (something is in it).
func BeginCopy(ctx context.Context, to Copyable, text string) (Document, error) {
	blank, err := to.Blank(ctx)
	if err == nil && !blank {
		if err = CheckWhole(ctx, to); err == nil {
			err = minapush.Errorf(minapush.Conflict, "there is a store already: a copy is made into an empty one")
		}
	}
	if err != nil {
		return Document{}, err
	}
	mark := Document{Kind: KindUnfinished, ID: idUnfinished, Value: []byte(text)}
	mark.Version, err = to.Put(ctx, mark)
	return mark, err
}

// EndCopy removes the mark of BeginCopy. When it returns all that was imported is durable.
func EndCopy(ctx context.Context, to Copyable, mark Document) error { return to.Delete(ctx, mark) }

// CheckWhole refuses a store that an interrupted copy left. Errors: Conflict.
func CheckWhole(ctx context.Context, docs Documents) error {
	mark, err := docs.Get(ctx, KindUnfinished, idUnfinished)
	switch {
	case minapush.KindOf(err) == minapush.NotFound && err != nil:
		return nil
	case err != nil:
		return err
	}
	return minapush.Errorf(minapush.Conflict,
		"this store is an unfinished copy (%s): empty it and copy again; the store that it was copied from is as it was", mark.Value)
}
