package client

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/minapush/minapush/api"
)

// maxRow is more than a row of api.MaxRow can have in any charset: the server refuses what is longer, so nothing beyond it is kept.
const maxRow = 4 * api.MaxRow

// part is some whole rows of a table, as they are sent.
type part struct {
	body []byte
	// line is that of its first row in the source, from 1.
	line        int64
	first, last bool
}

// splitter cuts a table into parts. It looks at bytes only, and passes them on as they are. That is right in UTF-8 and in GB18030:
// no byte of a character of several bytes is a line feed, a comma or a quote. (In GB18030 the first and third are 0x81 to 0xFE, the
// second and fourth 0x30 to 0x39 or 0x40 to 0xFE but 0x7F; GB 18030-2022, 4.4.)
type splitter struct {
	from            *bufio.Reader
	csv             bool
	maxRows, wanted int
	// names is the first record of CSV, and the blank lines before it, which each part begins with.
	names []byte
	begun bool
	// read counts the bytes and lines the lines that were read so far.
	read, lines int64
}

func newSplitter(r io.Reader, rows Rows) *splitter {
	return &splitter{from: bufio.NewReaderSize(r, 64<<10), csv: rows.Type == api.CSVType, maxRows: rows.PartRows, wanted: rows.PartBytes}
}

// next returns the next part; an empty source has one. Errors: those of the source, and a row that does not end.
func (s *splitter) next() (part, error) {
	first := !s.begun
	if first {
		if err := s.begin(); err != nil {
			return part{}, err
		}
	}
	// The transport may look at a body after its answer came, so each part has its own.
	p := part{body: make([]byte, 0, len(s.names)+min(s.wanted, DefaultPartBytes)/4), line: s.lines + 1, first: first}
	p.body = append(p.body, s.names...)
	for rows := 0; rows == 0 || rows < s.maxRows && len(p.body) < s.wanted; rows++ {
		var err error
		p.body, err = s.row(p.body)
		if err != nil && !errors.Is(err, io.EOF) {
			return part{}, err
		}
		if errors.Is(err, io.EOF) {
			break
		}
	}
	_, err := s.from.Peek(1)
	p.last = err == io.EOF
	if err != nil && err != io.EOF {
		return part{}, err
	}
	return p, nil
}

// begin reads the names of CSV: the first line that is not blank.
func (s *splitter) begin() error {
	s.begun = true
	for blank := true; s.csv && blank; {
		before := len(s.names)
		names, err := s.row(s.names)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s.names = names
		line := string(withoutBOM(names[before:], s.read))
		blank = line == "\n" || line == "\r\n"
	}
	return nil
}

// row appends the next row with its line end, which the last one may lack. io.EOF: there is none.
func (s *splitter) row(to []byte) ([]byte, error) {
	begin, first, place, long := len(to), s.lines+1, fieldBegins, false
	for {
		piece, err := s.from.ReadSlice('\n') // a line, or a part of a long one
		s.read += int64(len(piece))
		long = long || len(to)-begin+len(piece) > maxRow
		switch {
		case !long:
			to = append(to, piece...)
		case s.csv:
			return to, fmt.Errorf("line %d: the row has more than %d bytes: is there a quote that does not close?", first, maxRow)
		case err == nil: // the rest of the line is left out, and the server refuses what there is
			to = append(to, '\n')
		}
		if s.csv {
			place = place.after(withoutBOM(piece, s.read))
		}
		switch {
		case err == nil:
			s.lines++
			if place != quoted {
				return to, nil
			}
		case err == io.EOF && len(to) == begin:
			return to, io.EOF
		case err == io.EOF:
			return to, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return to, err
		}
	}
}

// withoutBOM leaves out the mark that a source may begin with, in UTF-8 or GB18030: a quote right behind it opens a field.
func withoutBOM(piece []byte, read int64) []byte {
	if read > int64(len(piece)) {
		return piece
	}
	return bytes.TrimPrefix(bytes.TrimPrefix(piece, []byte("\ufeff")), []byte("\x84\x31\x95\x33"))
}

// place is where in a record of CSV the next byte stands. A line feed ends the record everywhere but in quotes, also in a record that
// breaks the rules (RFC 4180, as encoding/csv reads it): the server refuses that one, and the next begins behind it.
type place int

const (
	fieldBegins place = iota
	bare              // in a field without quotes
	quoted            // in quotes
	closing           // behind a quote inside quotes: the end of the field, or the first of two that stand for one
	broken            // behind a quote where none may be
)

// after moves over some bytes.
func (p place) after(piece []byte) place {
	if p != quoted && bytes.HasSuffix(piece, []byte("\n")) && bytes.IndexByte(piece, '"') < 0 {
		return fieldBegins // most lines
	}
	for _, b := range piece {
		p = p.step(b)
	}
	return p
}

func (p place) step(b byte) place {
	switch {
	case b == '"':
		return [...]place{fieldBegins: quoted, bare: broken, quoted: closing, closing: quoted, broken: broken}[p]
	case p == quoted || p == broken && b != '\n':
		return p
	case b == '\n' || b == ',':
		return fieldBegins
	case p == closing:
		return broken
	}
	return bare
}
