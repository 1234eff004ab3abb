package client

import "io"

// Part is a part of a table as it would be sent.
type Part struct {
	Body  string
	Line  int64
	First bool
}

// Split cuts a table.
func Split(r io.Reader, rows Rows) ([]Part, error) {
	if err := rows.defaults(); err != nil {
		return nil, err
	}
	var parts []Part
	for s := newSplitter(r, rows); ; {
		p, err := s.next()
		if err != nil {
			return parts, err
		}
		parts = append(parts, Part{Body: string(p.body), Line: p.line, First: p.first})
		if p.last {
			return parts, nil
		}
	}
}

// MaxRow is where a row is given up.
const MaxRow = maxRow
