package storetest

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

// modelName names a document.
type modelName struct{ kind, id string }

const (
	modelMaxName  = 512
	modelMaxValue = 1 << 20
)

// Get returns a document.
func (m *Model) Get(ctx context.Context, kind, id string) (store.Document, error) {
	if err := m.begin(ctx); err != nil {
		return store.Document{}, err
	}
	defer m.mu.Unlock()
	d, there := m.data.docs[modelName{kind, id}]
	if !there {
		return store.Document{}, minapush.Errorf(minapush.NotFound, "there is no %s %q", kind, id)
	}
	d.Value = bytes.Clone(d.Value)
	return d, nil
}

// Put writes a document over the version that the caller read.
func (m *Model) Put(ctx context.Context, d store.Document) (uint64, error) {
	if err := m.begin(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	switch {
	case strings.ContainsRune(d.Kind+d.ID, 0) || len(d.Kind)+len(d.ID) > modelMaxName:
		return 0, minapush.FieldError("id", "must be without NUL, and together with its kind at most %d bytes", modelMaxName)
	case len(d.Value) > modelMaxValue:
		return 0, minapush.FieldError("value", "must have at most %d bytes, has %d", modelMaxValue, len(d.Value))
	}
	name := modelName{d.Kind, d.ID}
	if m.data.docs[name].Version != d.Version { // 0 is the version of what is not there
		return 0, minapush.Errorf(minapush.Conflict, "%s %q was changed by somebody else", d.Kind, d.ID)
	}
	m.data.versions++
	d.Version, d.Value = m.data.versions, bytes.Clone(d.Value)
	m.data.docs[name] = d
	return d.Version, nil
}

// Delete removes a document of the version that the caller read.
func (m *Model) Delete(ctx context.Context, d store.Document) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	name := modelName{d.Kind, d.ID}
	have, there := m.data.docs[name]
	switch {
	case !there:
		return minapush.Errorf(minapush.NotFound, "there is no %s %q", d.Kind, d.ID)
	case have.Version != d.Version:
		return minapush.Errorf(minapush.Conflict, "%s %q was changed by somebody else", d.Kind, d.ID)
	}
	delete(m.data.docs, name)
	return nil
}

// ListDocuments returns a page of the documents of a kind.
func (m *Model) ListDocuments(ctx context.Context, kind, after string, limit int) ([]store.Document, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var docs []store.Document
	for name, d := range m.data.docs {
		if name.kind == kind && name.id > after {
			d.Value = bytes.Clone(d.Value)
			docs = append(docs, d)
		}
	}
	slices.SortFunc(docs, func(x, y store.Document) int { return strings.Compare(x.ID, y.ID) })
	return docs[:min(len(docs), max(limit, 0))], nil
}
