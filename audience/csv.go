package audience

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/minapush/minapush"
)

// table reads CSV.
type table struct {
	feed  *feed
	csv   *csv.Reader
	names []string // nil before the first line was read
	first int64    // the line after the names, of a part; else 0
}

func newTable(l *lines, s Source) *table {
	t := &table{feed: &feed{lines: l, most: s.MaxRow}}
	if s.FirstLine > 1 {
		t.first = s.FirstLine
	}
	t.csv = csv.NewReader(t.feed)
	t.csv.FieldsPerRecord, t.csv.ReuseRecord = -1, true
	return t
}

// feed gives the CSV parser one line at a time, so that the parser is never ahead of the row that it is asked for, and no row can be
// longer than most.
type feed struct {
	lines *lines
	most  int
	row   int    // bytes of the row so far
	line  int64  // the row's first line
	rest  []byte // of the line in hand
}

// Read makes a feed an io.Reader.
func (f *feed) Read(p []byte) (int, error) {
	for len(f.rest) == 0 {
		piece, begins, err := f.lines.piece()
		if err != nil {
			return 0, err
		}
		if f.row == 0 && begins && emptyLine(piece) {
			continue // an empty line between rows
		}
		if f.row == 0 {
			f.line = f.lines.line
		}
		if f.row += len(piece); f.row > f.most {
			f.lines.err = minapush.FieldError("body", "the row of line %d has more than %d bytes; is there a quote that does not close?", f.line, f.most)
			return 0, f.lines.err
		}
		f.rest = piece
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// emptyLine tells what encoding/csv passes over: a line end, or a carriage return at the end of the stream.
func emptyLine(line []byte) bool {
	return string(line) == "\n" || string(line) == "\r\n" || string(line) == "\r"
}

func (t *table) next() (Row, error) {
	if t.names == nil {
		if err := t.readNames(); err != nil {
			return Row{}, err
		}
	}
	fields, err := t.read()
	if err != nil {
		return Row{}, err
	}
	line := t.feed.line
	if len(fields) != len(t.names) {
		return Row{}, &Problem{Line: line, Message: fmt.Sprintf("has %d values, the first line names %d", len(fields), len(t.names))}
	}
	values := make(map[string]any, len(fields))
	for i, v := range fields {
		if !t.feed.lines.good(v) {
			return Row{}, &Problem{Line: line, Field: t.names[i], Message: "must be " + t.feed.lines.charset}
		}
		if v != "" {
			values[t.names[i]] = v
		}
	}
	return Row{Line: line, Values: values}, nil
}

// read returns the next record. What it breaks of the format is a *Problem, unless the stream ended by an error within it.
func (t *table) read() ([]string, error) {
	t.feed.row = 0
	fields, err := t.csv.Read()
	if err == nil {
		return fields, nil
	}
	if end := t.feed.lines.err; end != nil && !errors.Is(end, io.EOF) {
		return nil, end
	}
	var bad *csv.ParseError
	if !errors.As(err, &bad) {
		return nil, err
	}
	if errors.Is(bad.Err, csv.ErrBareQuote) {
		return nil, &Problem{Line: t.feed.line, Message: `has a " in a value that does not begin with one`}
	}
	return nil, &Problem{Line: t.feed.line, Message: `has a value whose " does not close, or that goes on behind it; a " inside is written twice`}
}

// readNames reads the first line.
func (t *table) readNames() error {
	fields, err := t.read()
	var bad *Problem
	if errors.As(err, &bad) {
		return minapush.FieldError("names", "the first line %s", bad.Message)
	}
	if err != nil {
		return err
	}
	if len(fields) > MaxColumns {
		return minapush.FieldError("names", "must be at most %d, are %d", MaxColumns, len(fields))
	}
	names := make([]string, 0, len(fields))
	for i, name := range fields {
		switch name = strings.TrimSpace(name); {
		case !t.feed.lines.good(name):
			return minapush.FieldError("names", "must be %s; column %d is not", t.feed.lines.charset, i+1)
		case name == "":
			return minapush.FieldError("names", "must not be empty; column %d is", i+1)
		case slices.Contains(names, name):
			return minapush.FieldError("names", "must differ; %.80q stands twice", name)
		}
		names = append(names, name)
	}
	t.names = names
	if t.first > 0 {
		t.feed.lines.line = t.first - 1
	}
	return nil
}
