package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/minapush/minapush"
	"github.com/minapush/minapush/api"
	"github.com/minapush/minapush/audience"
)

// stream puts a call on the mux whose body is rows: authentication first, then f reads them one by one. Such a body is never held
// whole. It may take long, but it has to get on.
func stream[Out any](s *Server, rt route, f func(ctx context.Context, c *call, rows *audience.Reader) (Out, error)) {
	rt.query = append(rt.query, queryParam("first_line", huma.TypeInteger,
		"Which line of the whole the first row is, of a body that is a part: problems name lines of the whole."))
	s.document(rt, typeOf[none](), typeOf[Out]())
	s.mount(rt, func(w http.ResponseWriter, r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), s.cfg.StreamTimeout)
		defer cancel()
		c := &call{r: r, status: http.StatusOK}
		if err := s.admit(ctx, c, rt); err != nil {
			return err
		}
		body := s.intake(w, r)
		rows, err := s.rows(c, body)
		if err != nil {
			return err
		}
		out, err := f(ctx, c, rows)
		s.mayWrite(w)
		if err != nil {
			return body.explain(r, err)
		}
		write(w, api.ContentType, http.StatusOK, out)
		return nil
	})
}

// rows begins to read a streamed body. Errors: 400, 413, 415.
func (s *Server) rows(c *call, body *intake) (*audience.Reader, error) {
	if c.r.ContentLength > s.cfg.MaxStream {
		return nil, &http.MaxBytesError{Limit: s.cfg.MaxStream}
	}
	source, err := sourceOf(c.r)
	if err != nil {
		return nil, err
	}
	if source.FirstLine, err = c.number("first_line", 1, maxLine); err != nil {
		return nil, err
	}
	// The limit is on what is sent: text in another charset may be half as long again in UTF-8.
	source.MaxRow, source.MaxBytes = api.MaxRow, 2*s.cfg.MaxStream
	rows, err := audience.NewReader(body, source)
	if errors.Is(err, minapush.Invalid) {
		return nil, refuse(rowContentType, takenTypes)
	}
	return rows, err
}

const (
	takenTypes = `send "Content-Type: application/x-ndjson", "text/csv" or "text/csv; charset=gb18030", without Content-Encoding`
	// maxLine is up to where JSON numbers are exact.
	maxLine = 1 << 53
)

// sourceOf reads the type of a streamed body. Errors: 415.
func sourceOf(r *http.Request) (audience.Source, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	encoding := r.Header.Get("Content-Encoding")
	charset := params["charset"]
	switch {
	case err != nil || (encoding != "" && !strings.EqualFold(encoding, "identity")):
	case media == api.NDJSONType && (charset == "" || strings.EqualFold(charset, "utf-8")):
		return audience.Source{Format: audience.NDJSON}, nil
	case media == api.CSVType:
		return audience.Source{Format: audience.CSV, Charset: charset}, nil
	}
	return audience.Source{}, refuse(rowContentType, takenTypes)
}

// number is a number of the query; 0 if it is absent.
func (c *call) number(name string, least, most int64) (int64, error) {
	text := c.query(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, wrong("query."+name, fmt.Sprintf("must be a number from %d to %d", least, most))
	}
	return n, nil
}

// intake is a body that may take long but has to get on: the caller may be silent, or within one row, for the time of Config.StreamIdle
// at most. Only waiting for the caller counts, not the time in which its rows are stored.
type intake struct {
	body io.Reader
	conn *http.ResponseController
	idle time.Duration
	left time.Duration // until the next end of a row
	end  time.Time     // of the whole
	read bool          // something was
	err  error         // why reading ended, if not because the body did
}

func (s *Server) intake(w http.ResponseWriter, r *http.Request) *intake {
	return &intake{
		body: http.MaxBytesReader(w, r.Body, s.cfg.MaxStream), conn: http.NewResponseController(w), idle: s.cfg.StreamIdle,
		left: s.cfg.StreamIdle, end: time.Now().Add(s.cfg.StreamTimeout), //arch:allow a connection's deadlines are of real time
	}
}

// Read reads with a deadline that moves forward with the rows.
func (b *intake) Read(p []byte) (int, error) {
	begun := time.Now() //arch:allow a connection's deadlines are of real time
	deadline := begun.Add(b.left)
	if b.end.Before(deadline) {
		deadline = b.end
	}
	_ = b.conn.SetReadDeadline(deadline) // a connection without deadlines, in a test, goes without
	n, err := b.body.Read(p)
	b.read = b.read || n > 0
	if bytes.IndexByte(p[:n], '\n') >= 0 {
		b.left = b.idle
	} else {
		b.left -= time.Since(begun) //arch:allow a connection's deadlines are of real time
	}
	switch {
	case err == io.EOF:
		_ = b.conn.SetReadDeadline(time.Time{}) // else the server would take the caller for gone while the last rows are stored
	case err != nil:
		b.err = err
	}
	return n, err
}

// explain says why a body was not read to its end, and that what was done of it stays.
func (b *intake) explain(r *http.Request, err error) error {
	var large *http.MaxBytesError
	var p *problem
	switch {
	case errors.As(b.err, &large):
		p = problemOf(b.err)
	case errors.Is(b.err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded): // the first ends the request's context, too
		p = refuse(rowSlowBody, "send rows without long pauses, or the body in parts")
	case r.Context().Err() != nil: // the caller is gone
		return fmt.Errorf("%w: %w", context.Canceled, err)
	case b.err != nil:
		p = refuse(rowMalformed, "the body ended early")
	case !b.read:
		return err
	default:
		known := *problemOf(renamed(err, "body", "body"))
		p = &known
	}
	p.detail = strings.TrimPrefix(p.detail+"; ", "; ") + "rows that were accepted stay: the whole may be sent again, and they count as duplicates"
	return p
}

// takeTime lets a call go on for longer than the listener's time for reading a request: the server would take the caller for gone.
func (s *Server) takeTime(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
}

// mayWrite gives the caller time to take an answer, after a call that took long.
func (s *Server) mayWrite(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.cfg.StreamIdle)) //arch:allow a connection's deadlines are of real time
}

// importID names an import, so that rows without a name of their own count once however often it is sent; "" for none. Errors: 400.
func (c *call) importID() (string, error) {
	id := c.query("import_id")
	if len(id) > api.MaxImportID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' }) {
		return "", wrong("query.import_id", "must be printable ASCII without spaces and #, 1 to 64 bytes")
	}
	return id, nil
}

// importBody shows what became of rows.
func importBody(i audience.Imported) api.ImportAnswer {
	return api.ImportAnswer{
		Rows: i.Rows, Accepted: i.Accepted, Duplicate: i.Duplicate, Evicted: i.Evicted, Refused: i.Refused, Problems: rowProblems(i.Problems),
	}
}

func rowProblems(found []audience.Problem) []api.RowProblem {
	list := make([]api.RowProblem, 0, min(len(found), api.MaxRowProblems))
	for _, p := range found[:min(len(found), api.MaxRowProblems)] {
		list = append(list, api.RowProblem{Line: p.Line, Field: clip(p.Field), Message: clip(p.Message)})
	}
	return list
}
