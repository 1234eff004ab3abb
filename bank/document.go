package bank

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/store"
)

const (
	// format is the version that every stored document of this room carries as "v".
	format = 1
	// maxEdits bounds how often a write starts again because somebody else was first.
	maxEdits = 100
)

// appID names the documents of an app.
func appID(app minapush.App) string { return strconv.FormatUint(uint64(app.Number), 10) }

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

// encodePlain writes JSON without the escapes that HTML would need: a full dictionary stays below the limit of a document.
func encodePlain(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return out.Bytes(), err
}
