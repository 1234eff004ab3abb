package storetest

import (
	"fmt"

	"github.com/minapush/minapush/store"
	"pgregory.net/rapid"
)

func (m *agreeMachine) documentKinds() []string { return []string{"app", "app2", "{k}:é"} }

// document reads, writes or deletes a document. Versions are each side's own.
func (m *agreeMachine) document(t *rapid.T) {
	kind := rapid.SampledFrom(m.documentKinds()).Draw(t, "kind")
	id := rapid.SampledFrom([]string{"1", "10", "2:{x}"}).Draw(t, "id")
	name := kind + "\x00" + id
	var v agreeVersion
	if known := m.names[name]; len(known) > 0 && rapid.IntRange(0, 5).Draw(t, "new") > 0 {
		v = known[len(known)-1]
		if m.model.data.docs[modelName{kind, id}].Version == v.model && rapid.IntRange(0, 5).Draw(t, "stale") == 0 {
			v = m.olderVersion(name, v)
		}
	}
	value := []byte(m.fresh("value"))
	switch rapid.IntRange(0, 3).Draw(t, "what") {
	case 0:
		e1 := m.model.Delete(m.ctx, store.Document{Kind: kind, ID: id, Version: v.model})
		e2 := m.subject.Delete(m.ctx, store.Document{Kind: kind, ID: id, Version: v.subject})
		if m.fine(t, "delete "+name, e1, e2) {
			m.names[name] = nil // its versions may come again
		}
	case 1:
		want, e1 := m.model.Get(m.ctx, kind, id)
		got, e2 := m.subject.Get(m.ctx, kind, id)
		if m.fine(t, "get "+name, e1, e2) {
			want.Version, got.Version = 0, 0
			m.same(t, "get "+name, want, got)
		}
	default:
		v1, e1 := m.model.Put(m.ctx, store.Document{Kind: kind, ID: id, Version: v.model, Value: value})
		v2, e2 := m.subject.Put(m.ctx, store.Document{Kind: kind, ID: id, Version: v.subject, Value: value})
		if !m.fine(t, "put "+name, e1, e2) {
			return
		}
		for _, old := range m.names[name] {
			if v2 <= old.subject {
				t.Fatalf("put %s: version %d follows %d", name, v2, old.subject)
			}
		}
		m.names[name] = append(m.names[name], agreeVersion{v1, v2})
	}
}

// olderVersion is a version that was overwritten, if there is one.
func (m *agreeMachine) olderVersion(name string, v agreeVersion) agreeVersion {
	if known := m.names[name]; len(known) > 1 {
		return known[len(known)-2]
	}
	return v
}

// compareDocuments wants both sides to list the same, with the versions that each of them gave.
func (m *agreeMachine) compareDocuments(t *rapid.T) {
	list := func(st store.Store, version func(agreeVersion) uint64) (lines []string) {
		for _, kind := range m.documentKinds() {
			after := ""
			for range 10 {
				page, err := st.ListDocuments(m.ctx, kind, after, 2)
				if err != nil {
					t.Fatalf("list documents: %v", err)
				}
				for _, d := range page {
					known := m.names[d.Kind+"\x00"+d.ID]
					current := len(known) > 0 && version(known[len(known)-1]) == d.Version
					lines = append(lines, fmt.Sprintf("%s %s %s %t", d.Kind, d.ID, d.Value, current))
					after = d.ID
				}
				if len(page) == 0 {
					break
				}
			}
		}
		return lines
	}
	m.same(t, "documents",
		list(m.model, func(v agreeVersion) uint64 { return v.model }), list(m.subject, func(v agreeVersion) uint64 { return v.subject }))
}
