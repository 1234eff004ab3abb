package audience

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/minapush/minapush"
)

// lineBuffer is how much is read at a time.
const lineBuffer = 32 << 10

// lines cuts a stream into lines, and long lines into pieces, and counts both.
type lines struct {
	in      *bufio.Reader
	charset string // for messages
	most    int64
	left    int64 // bytes that may still come
	line    int64 // the line of the piece that was read last
	begun   bool  // the stream's BOM is behind us
	fresh   bool  // the next piece begins a line
	err     error // what ended the reading, io.EOF too
	buf     []byte
}

// piece returns the next line with its end, or as much of a long one as the buffer holds; it is good until the next call. A line that
// the underlying reader broke off is not returned.
func (l *lines) piece() (p []byte, begins bool, err error) {
	if l.err != nil {
		return nil, false, l.err
	}
	l.skipBOM()
	p, err = l.in.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF) && len(p) > 0: // the last line, without an end
		l.err = io.EOF
	case err != nil && !errors.Is(err, bufio.ErrBufferFull):
		l.err = err
		return nil, false, err
	}
	if l.left -= int64(len(p)); l.left < 0 {
		l.err = minapush.FieldError("body", "must have at most %d bytes: send it in parts", l.most)
		return nil, false, l.err
	}
	begins = l.fresh
	if begins {
		l.line++
	}
	l.fresh = p[len(p)-1] == '\n'
	return p, begins, nil
}

func (l *lines) skipBOM() {
	if l.begun {
		return
	}
	l.begun = true
	const bom = "\uFEFF"
	if b, _ := l.in.Peek(len(bom)); string(b) == bom { // an error comes again when it is read
		_, _ = l.in.Discard(len(bom))
	}
}

// whole returns the next line that has anything in it, without the space around it; it is good until the next call. Of a line longer
// than most bytes it returns nothing but long.
func (l *lines) whole(most int) (line []byte, long bool, err error) {
	for {
		long, err = l.gather(most)
		if err != nil || long {
			return nil, long, err
		}
		if line = bytes.TrimSpace(l.buf); len(line) > 0 {
			return line, false, nil
		}
	}
}

// gather puts the pieces of one line together in buf, and drops them once they are longer than most.
func (l *lines) gather(most int) (long bool, err error) {
	l.buf = l.buf[:0]
	for size := 0; ; {
		p, _, err := l.piece()
		if errors.Is(err, io.EOF) && size > 0 {
			return size > most, nil
		}
		if err != nil {
			return false, err
		}
		if size += len(p); size <= most {
			l.buf = append(l.buf, p...)
		}
		if l.fresh {
			return size > most, nil
		}
	}
}

// good tells whether a text is what the charset says. A decoder puts U+FFFD where it finds something else.
func (l *lines) good(s string) bool {
	return utf8.ValidString(s) && (l.charset == "UTF-8" || !strings.ContainsRune(s, utf8.RuneError))
}
