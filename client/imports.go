package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/minapush/minapush/api"
)

const (
	// DefaultPartRows and DefaultPartBytes are how many rows and bytes of a table are sent at a time.
	DefaultPartRows  = 5000
	DefaultPartBytes = 4 << 20
	// DefaultPartTries is how often a part is sent in all: with the default waits, for about a minute and a half.
	DefaultPartTries = 12
)

// Rows says how the rows of a table are written, and how they are sent: in parts that end where rows end, one after the other, each
// again until it is answered, so that a server that restarts, or a connection that breaks, does not end an import of a million rows.
// Memory is bounded by a part. The zero value is NDJSON, sent with the defaults.
type Rows struct {
	// Type is api.NDJSONType or api.CSVType. Defaults to api.NDJSONType.
	Type string
	// Charset is utf-8 or, of CSV, gb18030 (of which GBK and GB2312 are parts). Defaults to utf-8.
	Charset string
	// PartRows and PartBytes bound a part; it ends with the row that reaches one of them. Default to DefaultPartRows and
	// DefaultPartBytes.
	PartRows, PartBytes int
	// Tries is how often a part is sent in all; 1: never again. Defaults to DefaultPartTries.
	Tries int
	// Progress is called after each part that was answered, by the goroutine that imports. Nil: nobody is told.
	Progress func(Progress)
}

// Progress is how far an import came.
type Progress struct {
	// Bytes counts what was sent of the source.
	Bytes int64
	// ImportAnswer sums the answers; of a list, Accepted counts what was added.
	api.ImportAnswer
	// LastRefused names the rows that the last part was refused, at most api.MaxRowProblems, whatever earlier parts had.
	LastRefused []api.RowProblem
}

// Imported is what became of an import of permits.
type Imported struct {
	// ID names the import: the same rows in the same order with the same ID count once, whatever became of an earlier try.
	ID string
	api.ImportAnswer
}

// ImportPermits deposits permits, one api.PermitRow a row, read from r to its end. id names the import, so that one that was killed
// can be repeated from the beginning and counts what is there as duplicate (at most api.MaxImportID bytes of printable ASCII); ""
// makes one, which is returned, with an error too.
//
// After an error the sums are of the parts that were answered. They are durable; of the part that failed some rows may be.
func (c *Client) ImportPermits(ctx context.Context, app, id string, r io.Reader, rows Rows) (Imported, error) {
	done := Imported{ID: cmp.Or(id, c.cfg.NewID())}
	q := request{method: http.MethodPost, path: []string{"v1", "apps", app, "permits", "import"}, query: url.Values{"import_id": {done.ID}}}
	err := c.sendRows(ctx, q, r, rows, &done.ImportAnswer)
	return done, err
}

// ImportUsers changes the profiles of many users, one api.UserRow a row. Errors are as of ImportPermits; the same rows may be sent
// again.
func (c *Client) ImportUsers(ctx context.Context, app string, r io.Reader, rows Rows) (api.ImportAnswer, error) {
	var done api.ImportAnswer
	q := request{method: http.MethodPost, path: []string{"v1", "apps", app, "users", "import"}}
	err := c.sendRows(ctx, q, r, rows, &done)
	return done, err
}

// FillAudience puts users on the list of a campaign that was made with api.Audience{List: true} and not started yet, one api.ListRow a
// row; in CSV each of the message's placeholders has a column. Errors are as of ImportPermits; the same rows may be sent again.
func (c *Client) FillAudience(ctx context.Context, app, campaign string, r io.Reader, rows Rows) (api.ListAnswer, error) {
	var done api.ListAnswer
	var sums api.ImportAnswer
	q := request{method: http.MethodPut, path: []string{"v1", "apps", app, "campaigns", campaign, "audience"}}
	err := sendParts(ctx, c, q, r, rows, &sums, func(part api.ListAnswer) api.ImportAnswer {
		done.Listed = part.Listed
		return api.ImportAnswer{Rows: part.Rows, Accepted: part.Added, Duplicate: part.Duplicate, Refused: part.Refused, Problems: part.Problems}
	})
	done.Rows, done.Added, done.Duplicate, done.Refused, done.Problems = sums.Rows, sums.Accepted, sums.Duplicate, sums.Refused, sums.Problems
	return done, err
}

func (c *Client) sendRows(ctx context.Context, q request, r io.Reader, rows Rows, sums *api.ImportAnswer) error {
	return sendParts(ctx, c, q, r, rows, sums, func(part api.ImportAnswer) api.ImportAnswer { return part })
}

// sendParts sends all of r, part by part, and sums the answers, of which read makes those of an import. At least one part is sent, if
// only an empty one, so that the server says what it has against the call.
func sendParts[Answer any](
	ctx context.Context, c *Client, q request, r io.Reader, rows Rows, sums *api.ImportAnswer, read func(Answer) api.ImportAnswer,
) error {
	sums.Problems = []api.RowProblem{}
	if err := rows.defaults(); err != nil {
		return err
	}
	q.safe, q.tries, q.media = true, rows.Tries, rows.media()
	parts := newSplitter(r, rows)
	for more := true; more; {
		p, err := parts.next()
		if err != nil {
			return fmt.Errorf("minapush: read rows: %w", err)
		}
		more = !p.last
		got, err := call[Answer](ctx, c, q.of(p))
		if err != nil {
			return fmt.Errorf("rows from line %d on: %w", p.line, err)
		}
		answer := read(got)
		add(sums, answer)
		if rows.Progress != nil {
			rows.Progress(Progress{Bytes: parts.read, ImportAnswer: *sums, LastRefused: answer.Problems})
		}
	}
	return nil
}

// of makes the request that sends one part.
func (q request) of(p part) request {
	query := url.Values{}
	for name, values := range q.query {
		query[name] = values
	}
	if !p.first {
		query.Set("first_line", strconv.FormatInt(p.line, 10))
	}
	q.query, q.body = query, p.body
	return q
}

func add(sums *api.ImportAnswer, part api.ImportAnswer) {
	sums.Rows += part.Rows
	sums.Accepted += part.Accepted
	sums.Duplicate += part.Duplicate
	sums.Evicted += part.Evicted
	sums.Refused += part.Refused
	room := api.MaxRowProblems - len(sums.Problems)
	sums.Problems = append(sums.Problems, part.Problems[:min(room, len(part.Problems))]...)
}

// defaults checks and completes.
func (r *Rows) defaults() error {
	r.Type, r.Charset = cmp.Or(r.Type, api.NDJSONType), strings.ToLower(r.Charset)
	switch {
	case r.Type != api.NDJSONType && r.Type != api.CSVType:
		return fmt.Errorf("client: Rows.Type must be %s or %s", api.NDJSONType, api.CSVType)
	case r.Charset != "" && r.Charset != "utf-8" && (r.Charset != "gb18030" || r.Type != api.CSVType):
		return errors.New("client: Rows.Charset must be utf-8 or, of CSV, gb18030")
	case r.PartRows < 0 || r.PartBytes < 0 || r.Tries < 0:
		return errors.New("client: Rows.PartRows, PartBytes and Tries must not be negative")
	}
	r.PartRows, r.PartBytes = cmp.Or(r.PartRows, DefaultPartRows), cmp.Or(r.PartBytes, DefaultPartBytes)
	r.Tries = cmp.Or(r.Tries, DefaultPartTries)
	return nil
}

// media is the content type of a part.
func (r *Rows) media() string {
	if r.Charset == "" {
		return r.Type
	}
	return mime.FormatMediaType(r.Type, map[string]string{"charset": r.Charset})
}
