package audience

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/transform"

	"github.com/minapush/minapush"
)

// Format is how rows are written.
type Format string

const (
	// NDJSON is one JSON object a line.
	NDJSON Format = "ndjson"
	// CSV is RFC 4180 with a first line of names.
	CSV Format = "csv"
)

const (
	// DefaultMaxRow is how many bytes a row may have.
	DefaultMaxRow = 64 << 10
	// DefaultMaxBytes is how many bytes a stream may have.
	DefaultMaxBytes = 1 << 30
	// MaxColumns is how many columns a CSV stream may have.
	MaxColumns = 256
)

// Source says how a stream of rows is to be read.
type Source struct {
	Format Format
	// Charset is "utf-8" or "gb18030" (of which GBK and GB2312 are parts, and other names here), in any case; empty: utf-8. A BOM
	// is skipped.
	Charset string
	// FirstLine is the line of the stream's first row line in the whole of which it is a part; 0 means 1. The names of a CSV part
	// (FirstLine above 1) stand before it and do not count; those of a whole stream are its line 1.
	FirstLine int64
	// MaxRow bounds a row, and MaxBytes the stream, in bytes after its charset was decoded, line ends included. 0: DefaultMaxRow,
	// DefaultMaxBytes.
	MaxRow   int
	MaxBytes int64
}

// Row is one row: values by name. In CSV values are texts and empty ones are absent; in NDJSON they are what encoding/json makes with
// UseNumber.
type Row struct {
	Line   int64
	Values map[string]any
}

// Reader reads rows one by one, in bounded memory. It is for one goroutine.
type Reader struct {
	format Format
	rows   interface{ next() (Row, error) }
	end    error // what ended the reading
}

// NewReader begins to read. Nothing is read before the first Next. Errors: Invalid (format or charset is not known, or a number is
// negative).
func NewReader(r io.Reader, s Source) (*Reader, error) {
	switch {
	case s.FirstLine < 0:
		return nil, minapush.FieldError("first_line", "must not be negative")
	case s.MaxRow < 0 || s.MaxBytes < 0:
		return nil, minapush.FieldError("max_row", "MaxRow and MaxBytes must not be negative")
	}
	if s.MaxRow == 0 {
		s.MaxRow = DefaultMaxRow
	}
	if s.MaxBytes == 0 {
		s.MaxBytes = DefaultMaxBytes
	}
	l := &lines{most: s.MaxBytes, left: s.MaxBytes, charset: "UTF-8", fresh: true}
	switch strings.ToLower(s.Charset) {
	case "", "utf-8", "utf8":
	case "gb18030", "gbk", "gb2312":
		r, l.charset = transform.NewReader(r, simplifiedchinese.GB18030.NewDecoder()), "GB18030"
	default:
		return nil, minapush.FieldError("charset", "must be utf-8 or gb18030, not %.40q", s.Charset)
	}
	l.in = bufio.NewReaderSize(r, lineBuffer)
	switch s.Format {
	case NDJSON:
		l.line = max(s.FirstLine, 1) - 1
		return &Reader{format: NDJSON, rows: &objects{lines: l, most: s.MaxRow}}, nil
	case CSV:
		return &Reader{format: CSV, rows: newTable(l, s)}, nil
	}
	return nil, minapush.FieldError("format", "must be ndjson or csv, not %.40q", s.Format)
}

// Next returns the next row; lines without anything are passed over. A *Problem as error is about this row only: reading may go on.
// io.EOF is the end. Other errors end the reading: Invalid with Field "names" for a stream that is no table at all, with Field "body"
// for one that is too large, or in CSV has a row that is (a quote that does not close); otherwise those of the underlying reader, as
// they are.
func (r *Reader) Next() (Row, error) {
	if r.end != nil {
		return Row{}, r.end
	}
	row, err := r.rows.next()
	if err != nil {
		if one := (*Problem)(nil); !errors.As(err, &one) {
			r.end = err
		}
		return Row{}, err
	}
	return row, nil
}
