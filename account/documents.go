package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// Kinds of the documents that this room owns.
const (
	kindApp        = "account.app"
	kindCounter    = "account.counter"
	kindKey        = "account.key"
	kindTemplate   = "account.template"
	kindScene      = "account.scene"
	kindSigningKey = "account.signing_key"
	kindToken      = "account.token"
	kindSealCheck  = "account.seal_check"
	kindEvents     = "account.events"
)

const (
	// format is the version that every stored document of this room carries as "v".
	format = 1
	// maxEdits bounds how often a write starts again because somebody else was first.
	maxEdits = 100
	// page is how many documents are listed at a time.
	page = 200
)

// decode reads a stored document, and refuses a format that this release does not know.
func decode(d store.Document, into any) error {
	var head struct {
		V int `json:"v"`
	}
	if err := json.Unmarshal(d.Value, &head); err != nil {
		return minapush.Errorf(minapush.Internal, "document %s %q is damaged: %w", d.Kind, d.ID, err)
	}
	if head.V != format {
		return minapush.Errorf(minapush.Internal, "document %s %q has format %d, and this release reads format %d: use a newer release",
			d.Kind, d.ID, head.V, format)
	}
	if err := json.Unmarshal(d.Value, into); err != nil {
		return minapush.Errorf(minapush.Internal, "document %s %q is damaged: %w", d.Kind, d.ID, err)
	}
	return nil
}

// get reads a document. Errors: NotFound.
func (a *Accounts) get(ctx context.Context, kind, id string, into any) (version uint64, err error) {
	d, err := a.docs.Get(ctx, kind, id)
	if err != nil {
		return 0, err
	}
	return d.Version, decode(d, into)
}

// put writes a document over the version given; 0 means that it must not exist. Errors: Conflict.
func (a *Accounts) put(ctx context.Context, kind, id string, version uint64, v any) (uint64, error) {
	value, err := json.Marshal(v)
	if err != nil {
		return 0, fmt.Errorf("encode %s: %w", kind, err)
	}
	return a.docs.Put(ctx, store.Document{Kind: kind, ID: id, Version: version, Value: value})
}

// edit changes a document, or makes it: change sees the zero value of *T and exists false when there is none. It is called again
// when somebody else was first.
func edit[T any](ctx context.Context, a *Accounts, kind, id string, change func(v *T, exists bool) error) error {
	for range maxEdits {
		var v T
		version, err := a.get(ctx, kind, id, &v)
		if err != nil && !errors.Is(err, minapush.NotFound) {
			return err
		}
		if err := change(&v, err == nil); err != nil {
			return err
		}
		_, err = a.put(ctx, kind, id, version, &v)
		if !errors.Is(err, minapush.Conflict) {
			return err
		}
	}
	return minapush.Errorf(minapush.Conflict, "%s %q is being changed by others all the time", kind, id)
}

// remove deletes a document. Errors: NotFound.
func (a *Accounts) remove(ctx context.Context, kind, id string) error {
	for range maxEdits {
		d, err := a.docs.Get(ctx, kind, id)
		if err != nil {
			return err
		}
		if err = a.docs.Delete(ctx, d); !errors.Is(err, minapush.Conflict) {
			return err
		}
	}
	return minapush.Errorf(minapush.Conflict, "%s %q is being changed by others all the time", kind, id)
}

// each calls f for every document of a kind after an id, ascending, until it answers false.
func (a *Accounts) each(ctx context.Context, kind, after string, f func(store.Document) (bool, error)) error {
	for {
		docs, err := a.docs.ListDocuments(ctx, kind, after, page)
		if err != nil || len(docs) == 0 {
			return err
		}
		for _, d := range docs {
			if more, err := f(d); err != nil || !more {
				return err
			}
			after = d.ID
		}
	}
}
