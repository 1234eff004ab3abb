package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
)

// NDJSON writes rows, such as api.UserRow or what ExportPermits streams, one JSON object a line, for ImportPermits, ImportUsers,
// FillAudience, or a file. A row's error ends the reading with it. Closing it before its end stops the sequence. It is for one goroutine.
func NDJSON[Row any](rows iter.Seq2[Row, error]) io.ReadCloser {
	e := &encoder[Row]{}
	e.next, e.stop = iter.Pull2(rows)
	return e
}

type encoder[Row any] struct {
	next func() (Row, error, bool)
	stop func()
	line bytes.Buffer // what of the last row was not read yet
	err  error
}

// Read encodes as many rows as are asked for.
func (e *encoder[Row]) Read(p []byte) (int, error) {
	for e.line.Len() < len(p) && e.err == nil {
		e.err = e.encode()
	}
	if e.line.Len() > 0 {
		return e.line.Read(p)
	}
	if len(p) == 0 {
		return 0, nil
	}
	return 0, e.err
}

// encode adds one row.
func (e *encoder[Row]) encode() error {
	row, err, ok := e.next()
	if !ok {
		return io.EOF
	}
	var line []byte
	if err == nil {
		if line, err = json.Marshal(row); err != nil {
			err = fmt.Errorf("client: encode row: %w", err)
		}
	}
	if err != nil {
		e.stop()
		return err
	}
	e.line.Write(append(line, '\n'))
	return nil
}

// Close stops the sequence.
func (e *encoder[Row]) Close() error {
	e.stop()
	if e.err == nil {
		e.err = io.ErrClosedPipe
	}
	return nil
}
