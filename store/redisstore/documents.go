package redisstore

import (
	"context"
	"encoding/binary"
	"strings"

	"github.com/redis/rueidis"

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
	err := s.read(ctx, func(ctx context.Context) error {
		b, err := s.client.Do(ctx, s.client.B().Get().Key(s.documents(kind).value(id)).Build()).AsBytes()
		if rueidis.IsRedisNil(err) {
			return minapush.Errorf(minapush.NotFound, "no %s %q", kind, id)
		}
		if err == nil {
			d, err = readDocument(b, kind, id)
		}
		return err
	})
	return d, err
}

// Put implements store.Documents. Errors beside those of the contract: Invalid (a name or a value that no document may have).
func (s *Store) Put(ctx context.Context, d store.Document) (uint64, error) {
	if err := checkDocument(d); err != nil {
		return 0, err
	}
	k := s.documents(d.Kind)
	keys := []string{k.value(d.ID), k.ids(), k.version()}
	m, err := s.write(ctx, &s.scripts.put, keys, []string{versionText(d.Version), d.ID, rueidis.BinaryString(d.Value)})
	if err != nil {
		return 0, err
	}
	answer, err := m.ToArray()
	switch {
	case err != nil:
		return 0, interpret("put", err)
	case len(answer) != 2:
		return 0, minapush.Errorf(minapush.Conflict, "%s %q does not have version %d", d.Kind, d.ID, d.Version)
	}
	version, err := answer[1].AsUint64()
	return version, interpret("put", err)
}

// Delete implements store.Documents.
func (s *Store) Delete(ctx context.Context, d store.Document) error {
	k := s.documents(d.Kind)
	m, err := s.write(ctx, &s.scripts.delete, []string{k.value(d.ID), k.ids()}, []string{versionText(d.Version), d.ID})
	if err != nil {
		return err
	}
	switch n, err := m.AsInt64(); {
	case err != nil:
		return interpret("delete", err)
	case n < 0:
		return minapush.Errorf(minapush.NotFound, "no %s %q", d.Kind, d.ID)
	case n == 0:
		return minapush.Errorf(minapush.Conflict, "%s %q does not have version %d", d.Kind, d.ID, d.Version)
	}
	return nil
}

// ListDocuments implements store.Documents.
func (s *Store) ListDocuments(ctx context.Context, kind, after string, limit int) ([]store.Document, error) {
	var list []store.Document
	err := s.read(ctx, func(ctx context.Context) error {
		list = nil
		from := "-"
		if after != "" {
			from = "(" + after
		}
		for len(list) < limit {
			page, next, err := s.listDocuments(ctx, kind, from, limit-len(list))
			list = append(list, page...)
			if err != nil || next == "" {
				return err
			}
			from = next
		}
		return nil
	})
	return list, err
}

// listDocuments reads one page of documents. Those that were deleted since their ids were read are not among them. next is where the
// next page begins; empty at the end.
func (s *Store) listDocuments(ctx context.Context, kind, from string, limit int) (page []store.Document, next string, err error) {
	k, b := s.documents(kind), s.client.B()
	ids, err := s.client.Do(ctx, b.Zrangebylex().Key(k.ids()).Min(from).Max("+").Limit(0, int64(limit)).Build()).AsStrSlice()
	if err != nil || len(ids) == 0 {
		return nil, "", err
	}
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = k.value(id)
	}
	values, err := s.client.Do(ctx, b.Mget().Key(keys...).Build()).ToArray()
	if err != nil {
		return nil, "", err
	}
	for i, m := range values {
		v, err := bytesOf(m)
		if err != nil {
			return nil, "", err
		}
		if v == nil {
			continue
		}
		d, err := readDocument(v, kind, ids[i])
		if err != nil {
			return nil, "", err
		}
		page = append(page, d)
	}
	if len(ids) < limit {
		return page, "", nil
	}
	return page, "(" + ids[len(ids)-1], nil
}

// versionText is a version as scripts compare it.
func versionText(v uint64) string { return string(binary.BigEndian.AppendUint64(nil, v)) }

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
