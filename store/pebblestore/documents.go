package pebblestore

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

const (
	maxDocumentName  = 512
	maxDocumentValue = 1 << 20
)

// Get implements store.Documents.
func (s *Store) Get(ctx context.Context, kind, id string) (store.Document, error) {
	var d store.Document
	err := s.readLanes(ctx, []*lane{&s.documents}, func() (err error) {
		d, err = readStored(s.db, kind, id)
		return err
	})
	return d, err
}

func readStored(r pebble.Reader, kind, id string) (store.Document, error) {
	v, found, err := get(r, nil, documentKey(nil, kind, id))
	if err != nil {
		return store.Document{}, err
	}
	if !found {
		return store.Document{}, minapush.Errorf(minapush.NotFound, "no %s %q", kind, id)
	}
	return readDocument(v, kind, id)
}

// Put implements store.Documents. Errors beside those of the contract: Invalid (a name or a value that no document may have).
func (s *Store) Put(ctx context.Context, d store.Document) (uint64, error) {
	if err := checkDocument(d); err != nil {
		return 0, err
	}
	var version uint64
	err := s.document(ctx, func(b *pebble.Batch) error {
		old, err := readStored(s.db, d.Kind, d.ID)
		if err != nil && minapush.KindOf(err) != minapush.NotFound {
			return err
		}
		if old.Version != d.Version {
			return minapush.Errorf(minapush.Conflict, "%s %q has version %d, not %d", d.Kind, d.ID, old.Version, d.Version)
		}
		// One count for all documents, so that a name that comes back has no version that it had before.
		s.version++
		version = s.version
		next := d
		next.Version = version
		if err := b.Set(versionKey(), binary.BigEndian.AppendUint64(nil, version), nil); err != nil {
			return err
		}
		return b.Set(documentKey(nil, d.Kind, d.ID), appendDocument(nil, next), nil)
	})
	if err != nil {
		return 0, err
	}
	return version, nil
}

// Delete implements store.Documents.
func (s *Store) Delete(ctx context.Context, d store.Document) error {
	return s.document(ctx, func(b *pebble.Batch) error {
		old, err := readStored(s.db, d.Kind, d.ID)
		if err != nil {
			return err
		}
		if old.Version != d.Version {
			return minapush.Errorf(minapush.Conflict, "%s %q has version %d, not %d", d.Kind, d.ID, old.Version, d.Version)
		}
		if err := b.Set(goneKindKey(d.Kind), []byte{valueV1}, nil); err != nil {
			return err
		}
		return b.Delete(documentKey(nil, d.Kind, d.ID), nil)
	})
}

// ListDocuments implements store.Documents.
func (s *Store) ListDocuments(ctx context.Context, kind, from string, limit int) ([]store.Document, error) {
	var list []store.Document
	err := s.readLanes(ctx, []*lane{&s.documents}, func() error {
		prefix := documentPrefix(nil, kind)
		start := append(prefix[:len(prefix):len(prefix)], from...)
		if from != "" {
			start = append(start, 0)
		}
		it, err := scan(s.db, prefix, start)
		if err != nil {
			return err
		}
		defer it.Close()
		for ok := it.First(); ok && len(list) < limit; ok = it.Next() {
			v, err := it.ValueAndErr()
			if err != nil {
				return err
			}
			d, err := readDocument(v, kind, string(it.Key()[len(prefix):]))
			if err != nil {
				return err
			}
			list = append(list, d)
		}
		return it.Error()
	})
	return list, err
}

// document runs f as one step on documents. They are few and change seldom, so they share one lane.
func (s *Store) document(ctx context.Context, f func(*pebble.Batch) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	b := s.db.NewBatch()
	defer b.Close()
	n, err := s.applyDocument(b, f)
	return s.await(&s.documents, b, n, err)
}

func (s *Store) applyDocument(b *pebble.Batch, f func(*pebble.Batch) error) (applied, error) {
	l := &s.documents
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := f(b); err != nil {
		return applied{number: l.applied.Load()}, err
	}
	return s.apply(l, b)
}

func checkDocument(d store.Document) error {
	for field, v := range map[string]string{"kind": d.Kind, "id": d.ID} {
		if strings.ContainsRune(v, 0) {
			return minapush.FieldError(field, "must not hold a NUL byte")
		}
	}
	if n := len(d.Kind) + len(d.ID); n > maxDocumentName {
		return minapush.FieldError("id", "must have at most %d bytes together with its kind, has %d", maxDocumentName, n)
	}
	if len(d.Value) > maxDocumentValue {
		return minapush.FieldError("value", "must have at most %d bytes, has %d", maxDocumentValue, len(d.Value))
	}
	return nil
}

// readVersion reads the last version given to a document.
func readVersion(r pebble.Reader) (uint64, error) {
	v, found, err := get(r, nil, versionKey())
	if err != nil || !found {
		return 0, err
	}
	if len(v) != 8 {
		return 0, fmt.Errorf("document version: %w", errCorrupt)
	}
	return binary.BigEndian.Uint64(v), nil
}
